//! Cards of the workloads: what each has of the pods that it wants.

use super::WorkloadCard;
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::k8s::IntOrString;
use crate::api::{Kind, MetaExt, Object};

/// The kinds that have a card, in the order of their rows.
pub const KINDS: [Kind; 6] = [
    Kind::DEPLOYMENT,
    Kind::REPLICA_SET,
    Kind::REPLICATION_CONTROLLER,
    Kind::STATEFUL_SET,
    Kind::DAEMON_SET,
    Kind::JOB,
];

/// The card of a workload that nothing else manages; `None` for any other object.
pub fn workload_card(object: &Object) -> Option<WorkloadCard> {
    if object.controller().is_some() && object.kind() != Kind::JOB {
        return None;
    }
    let named = WorkloadCard {
        kind: object.kind().name().into(),
        name: object.name().into(),
        namespace: object.namespace().into(),
        ..Default::default()
    };
    counts(object, named)
}

fn counts(object: &Object, named: WorkloadCard) -> Option<WorkloadCard> {
    Some(match object {
        Object::Deployment(o) => {
            let (desired, status) = (o.spec.replicas.unwrap_or(1), &o.status);
            let rolling = o.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
            let bounds = rolling.map(|r| (r.max_surge.as_ref(), r.max_unavailable.as_ref(), Rounding::Down));
            WorkloadCard {
                desired,
                current: status.replicas.unwrap_or(0),
                updated: status.updated_replicas.unwrap_or(0),
                ready: status.ready_replicas.unwrap_or(0),
                available: status.available_replicas.unwrap_or(0),
                ..bounded(named, desired, bounds)
            }
        }
        Object::ReplicaSet(o) => WorkloadCard {
            desired: o.spec.replicas.unwrap_or(1),
            current: o.status.replicas,
            updated: o.status.replicas,
            ready: o.status.ready_replicas.unwrap_or(0),
            available: o.status.available_replicas.unwrap_or(0),
            ..named
        },
        Object::ReplicationController(o) => WorkloadCard {
            desired: o.spec.replicas.unwrap_or(1),
            current: o.status.replicas,
            updated: o.status.replicas,
            ready: o.status.ready_replicas.unwrap_or(0),
            available: o.status.available_replicas.unwrap_or(0),
            ..named
        },
        Object::StatefulSet(o) => WorkloadCard {
            desired: o.spec.replicas.unwrap_or(1),
            current: o.status.replicas,
            updated: o.status.updated_replicas.unwrap_or(0),
            ready: o.status.ready_replicas.unwrap_or(0),
            available: o.status.available_replicas.unwrap_or(0),
            ..named
        },
        Object::DaemonSet(o) => {
            let (desired, status) = (o.status.desired_number_scheduled, &o.status);
            let rolling =
                o.spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
            let bounds = rolling.map(|r| (r.max_surge.as_ref(), r.max_unavailable.as_ref(), Rounding::Up));
            WorkloadCard {
                desired,
                current: status.current_number_scheduled,
                updated: status.updated_number_scheduled.unwrap_or(0),
                ready: status.number_ready,
                available: status.number_available.unwrap_or(0),
                ..bounded(named, desired, bounds)
            }
        }
        // A Job's pods are wanted done: those that have succeeded stand where another's ready ones do.
        Object::Job(o) => {
            let succeeded = o.status.succeeded.unwrap_or(0);
            let current = succeeded.saturating_add(o.status.active.unwrap_or(0));
            WorkloadCard {
                desired: o.spec.completions.or(o.spec.parallelism).unwrap_or(1),
                current,
                updated: current,
                ready: succeeded,
                available: succeeded,
                finishes: true,
                ..named
            }
        }
        _ => return None,
    })
}

/// What a rolling update may use: its surge, its unavailability, and how a percentage of the latter is rounded.
type Bounds<'a> = (Option<&'a IntOrString>, Option<&'a IntOrString>, Rounding);

/// With the lines that a rolling update may not cross.
fn bounded(card: WorkloadCard, desired: i32, bounds: Option<Bounds<'_>>) -> WorkloadCard {
    let Some((surge, unavailable, rounding)) = bounds else { return card };
    let surge = surge.and_then(|surge| scaled(surge, desired, Rounding::Up));
    let unavailable = unavailable.and_then(|unavailable| scaled(unavailable, desired, rounding));
    // Both rounding to nothing would never move: upstream then lets one pod be unavailable.
    let unavailable = if surge == Some(0) && unavailable == Some(0) { Some(1) } else { unavailable };
    WorkloadCard {
        ceiling: surge.map(|surge| desired.saturating_add(surge)),
        floor: unavailable.map(|unavailable| desired.saturating_sub(unavailable).max(0)),
        ..card
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_counts_what_its_kind_wants() {
        let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
        // kind, spec, status -> ready of desired, floor, ceiling, whether it finishes
        let cases = [
            (
                Kind::DEPLOYMENT,
                json!({"replicas": 10, "selector": {}, "template": {}, "strategy": {"rollingUpdate": rolling}}),
                json!({"readyReplicas": 4}),
                (4, 10, Some(8), Some(13), false),
            ),
            (
                Kind::DAEMON_SET,
                json!({"selector": {}, "template": {}, "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "30%"}}}),
                json!({"desiredNumberScheduled": 4, "numberReady": 3, "currentNumberScheduled": 4, "numberMisscheduled": 0}),
                (3, 4, Some(2), Some(4), false),
            ),
            (
                Kind::STATEFUL_SET,
                json!({"selector": {}, "template": {}, "serviceName": "db"}),
                json!({"replicas": 1, "readyReplicas": 1}),
                (1, 1, None, None, false),
            ),
            (
                Kind::JOB,
                json!({"completions": 5, "parallelism": 2, "template": {}}),
                json!({"succeeded": 3, "active": 2}),
                (3, 5, None, None, true),
            ),
        ];
        for (kind, spec, status, expected) in cases {
            let tree =
                json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec, "status": status});
            let card = workload_card(&Object::from_value(kind, tree).unwrap()).unwrap();
            assert_eq!(
                (card.ready, card.desired, card.floor, card.ceiling, card.finishes),
                expected,
                "{kind:?}"
            );
        }
        assert_eq!(workload_card(&Object::from_value(Kind::POD, json!({})).unwrap()), None);
    }
}
