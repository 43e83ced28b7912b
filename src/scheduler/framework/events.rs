//! What can happen in the cluster, as far as it can make a rejected pod schedulable.

use crate::api::{Kind, Node, Object, Pod, condition};
use crate::client::Change;

/// Whose change it is. Of pods it matters whether they are placed: room is made by the one and the other asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A pod on a node.
    AssignedPod,
    /// A pod that waits for one.
    UnscheduledPod,
    /// Anything else.
    Kind(Kind),
}

/// What has happened to it: a set, for one write may change several things (`fwk.ActionType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action(pub u32);

impl Action {
    /// It has appeared; of a pod on a node: it has been placed.
    pub const ADD: Action = Action(1);
    /// It is gone; of a pod on a node: it has ended.
    pub const DELETE: Action = Action(1 << 1);
    /// A node can be asked for other amounts.
    pub const UPDATE_NODE_ALLOCATABLE: Action = Action(1 << 2);
    /// A node's labels have changed.
    pub const UPDATE_NODE_LABEL: Action = Action(1 << 3);
    /// A node's taints have changed, or whether it is cordoned.
    pub const UPDATE_NODE_TAINT: Action = Action(1 << 4);
    /// A node's conditions have changed.
    pub const UPDATE_NODE_CONDITION: Action = Action(1 << 5);
    /// A node's annotations have changed.
    pub const UPDATE_NODE_ANNOTATION: Action = Action(1 << 6);
    /// A pod's labels have changed.
    pub const UPDATE_POD_LABEL: Action = Action(1 << 7);
    /// A pod asks for less than before.
    pub const UPDATE_POD_SCALE_DOWN: Action = Action(1 << 8);
    /// A pod tolerates more than before.
    pub const UPDATE_POD_TOLERATIONS: Action = Action(1 << 9);
    /// A pod's scheduling gates are all gone.
    pub const UPDATE_POD_GATES_ELIMINATED: Action = Action(1 << 10);
    /// A node declares other features.
    pub const UPDATE_NODE_DECLARED_FEATURE: Action = Action(1 << 12);
    /// Any other change.
    pub const UPDATE: Action = Action(1 << 11);

    /// Either of the two.
    pub const fn or(self, other: Action) -> Action {
        Action(self.0 | other.0)
    }

    /// Whether the two have anything in common.
    pub const fn meets(self, other: Action) -> bool {
        self.0 & other.0 != 0
    }

    fn when(self, happened: bool) -> Action {
        if happened { self } else { Action::default() }
    }
}

/// Something that has happened, or that a plugin wants to hear of (`fwk.ClusterEvent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterEvent {
    /// To what.
    pub resource: Resource,
    /// What.
    pub action: Action,
}

impl ClusterEvent {
    /// An event.
    pub const fn new(resource: Resource, action: Action) -> ClusterEvent {
        ClusterEvent { resource, action }
    }

    /// Whether a plugin that wants to hear of `self` hears of `other`.
    pub fn covers(&self, other: &ClusterEvent) -> bool {
        self.resource == other.resource && self.action.meets(other.action)
    }

    /// What a write means to the scheduler. `None` if it changes nothing that any plugin looks at: most status writes.
    pub fn of(change: &Change) -> Option<ClusterEvent> {
        let event = match (change.before.as_deref(), change.after.as_deref()) {
            (Some(Object::Node(before)), Some(Object::Node(after))) => {
                ClusterEvent::new(Resource::Kind(Kind::NODE), node_update(before, after))
            }
            (before, after) if change.key.kind == Kind::POD => {
                pod_event(before.and_then(Object::as_kind), after.and_then(Object::as_kind))?
            }
            (before, after) => {
                let action = match (before, after) {
                    (None, _) => Action::ADD,
                    (_, None) => Action::DELETE,
                    (Some(_), Some(_)) => Action::UPDATE,
                };
                ClusterEvent::new(Resource::Kind(change.key.kind), action)
            }
        };
        (event.action != Action::default()).then_some(event)
    }
}

fn node_update(before: &Node, after: &Node) -> Action {
    let conditions = |node: &Node| -> Vec<(String, String)> {
        let list = node.status.conditions.iter().flatten();
        list.map(|condition| (condition.type_.clone(), condition.status.clone())).collect()
    };
    Action::UPDATE_NODE_ALLOCATABLE
        .when(before.status.allocatable != after.status.allocatable)
        .or(Action::UPDATE_NODE_LABEL.when(before.meta.labels != after.meta.labels))
        .or(Action::UPDATE_NODE_TAINT.when(
            before.spec.taints != after.spec.taints || before.spec.unschedulable != after.spec.unschedulable,
        ))
        .or(Action::UPDATE_NODE_CONDITION.when(conditions(before) != conditions(after)))
        .or(Action::UPDATE_NODE_ANNOTATION.when(before.meta.annotations != after.meta.annotations))
        .or(Action::UPDATE_NODE_DECLARED_FEATURE
            .when(before.status.declared_features != after.status.declared_features))
}

fn is_placed(pod: &Pod) -> bool {
    pod.spec.node_name.as_deref().is_some_and(|name| !name.is_empty())
}

/// Whether a pod has ended: it takes nothing of its node any more.
pub fn has_ended(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

fn pod_event(before: Option<&Pod>, after: Option<&Pod>) -> Option<ClusterEvent> {
    let counts = |pod: &Pod| is_placed(pod) && !has_ended(pod);
    let before_counts = before.is_some_and(counts);
    let after_counts = after.is_some_and(counts);
    Some(match (before, after) {
        (_, Some(_)) if after_counts && !before_counts => {
            ClusterEvent::new(Resource::AssignedPod, Action::ADD)
        }
        (Some(_), _) if before_counts && !after_counts => {
            ClusterEvent::new(Resource::AssignedPod, Action::DELETE)
        }
        (Some(before), Some(after)) => {
            let resource = if after_counts { Resource::AssignedPod } else { Resource::UnscheduledPod };
            ClusterEvent::new(resource, pod_update(before, after))
        }
        (None, Some(_)) => ClusterEvent::new(Resource::UnscheduledPod, Action::ADD),
        (Some(_), None) => ClusterEvent::new(Resource::UnscheduledPod, Action::DELETE),
        (None, None) => return None,
    })
}

fn pod_update(before: &Pod, after: &Pod) -> Action {
    let gated = |pod: &Pod| pod.spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    Action::UPDATE_POD_LABEL
        .when(before.meta.labels != after.meta.labels)
        .or(Action::UPDATE_POD_SCALE_DOWN.when(asks_for_less(before, after)))
        .or(Action::UPDATE_POD_TOLERATIONS.when(before.spec.tolerations != after.spec.tolerations))
        .or(Action::UPDATE_POD_GATES_ELIMINATED.when(gated(before) && !gated(after)))
}

/// A resize shows in the spec or, once it has been carried out, in the container statuses.
fn asks_for_less(before: &Pod, after: &Pod) -> bool {
    let resources =
        |pod: &Pod| -> Vec<_> { pod.spec.containers.iter().map(|c| c.resources.clone()).collect() };
    let granted = |pod: &Pod| -> Vec<_> {
        let statuses = pod.status.container_statuses.iter().flatten();
        statuses.map(|status| (status.resources.clone(), status.allocated_resources.clone())).collect()
    };
    if resources(before) == resources(after)
        && granted(before) == granted(after)
        && condition::find(before.status.conditions.as_deref(), "PodResizePending")
            == condition::find(after.status.conditions.as_deref(), "PodResizePending")
    {
        return false;
    }
    let (old, new) = (super::resource::pod_requests(before), super::resource::pod_requests(after));
    new.cpu_milli < old.cpu_milli
        || new.memory_bytes < old.memory_bytes
        || new.ephemeral_bytes < old.ephemeral_bytes
        || old.scalar.iter().any(|(name, amount)| new.amount(name) < *amount)
}

/// A plugin's opinion on an event (`fwk.QueueingHint`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The pod would be rejected as before.
    Skip,
    /// The pod may fit now.
    Queue,
}

impl Hint {
    /// `Queue` if the pod may fit.
    pub fn queue_if(may_fit: bool) -> Hint {
        if may_fit { Hint::Queue } else { Hint::Skip }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::{Key, MetaExt};
    use crate::clock::SimTime;
    use crate::testing::{node, pod};

    #[track_caller]
    fn check(
        what: &str,
        before: Option<impl Into<Object>>,
        after: Option<impl Into<Object>>,
        want: Option<(Resource, Action)>,
    ) {
        let (before, after): (Option<Object>, Option<Object>) =
            (before.map(Into::into), after.map(Into::into));
        let object = after.as_ref().or(before.as_ref()).expect("a before or an after");
        let change = Change {
            revision: 1,
            time: SimTime::ZERO,
            actor: crate::client::Actor::User,
            cause: None,
            key: Key::new(object.kind(), object.namespace(), object.name()),
            before: before.map(Arc::new),
            after: after.map(Arc::new),
            explain: None,
            manner: Default::default(),
        };
        let got = ClusterEvent::of(&change).map(|event| (event.resource, event.action));
        assert_eq!(got, want, "{what}");
    }

    #[test]
    fn writes_are_told_apart_by_what_they_may_help() {
        let node_event = |action| Some((Resource::Kind(Kind::NODE), action));
        let plain = || node("n").build();
        check("a new node", None::<Node>, Some(plain()), node_event(Action::ADD));
        check(
            "labels and taints at once",
            Some(plain()),
            Some(node("n").label("a", "b").unschedulable().build()),
            node_event(Action::UPDATE_NODE_LABEL.or(Action::UPDATE_NODE_TAINT)),
        );
        check("a heartbeat", Some(plain()), Some(plain()), None);
        let assigned = |action| Some((Resource::AssignedPod, action));
        check("a binding", Some(pod("p").build()), Some(pod("p").node("n").build()), assigned(Action::ADD));
        check(
            "a pod that has ended",
            Some(pod("p").node("n").build()),
            Some(pod("p").node("n").phase("Succeeded").build()),
            assigned(Action::DELETE),
        );
        check(
            "a smaller request",
            Some(pod("p").node("n").cpu("2").build()),
            Some(pod("p").node("n").cpu("1").build()),
            assigned(Action::UPDATE_POD_SCALE_DOWN),
        );
        check(
            "gates that are gone",
            Some(pod("p").gate("wait").build()),
            Some(pod("p").build()),
            Some((Resource::UnscheduledPod, Action::UPDATE_POD_GATES_ELIMINATED)),
        );
    }
}
