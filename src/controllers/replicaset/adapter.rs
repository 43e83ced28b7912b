//! The two kinds that ask for so many pods of one template, as one: a ReplicationController is looked at as the ReplicaSet
//! that it would be (`pkg/controller/replication/conversion.go`).

use std::sync::Arc;

use crate::api::k8s::{
    LabelSelector, ObjectMeta, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus,
    ReplicationControllerCondition, ReplicationControllerStatus,
};
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, ReplicaSet, ReplicationController};
use crate::controllers::ref_manager::Owner;

/// A ReplicaSet, or a ReplicationController in its form.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// The fields, as a ReplicaSet has them.
    pub set: ReplicaSet,
    /// What it is converted from; nothing for a ReplicaSet.
    controller: Option<ReplicationController>,
}

impl MetaExt for Replicas {
    fn meta(&self) -> &ObjectMeta {
        &self.set.meta
    }
}

impl Owner for Replicas {
    fn kind(&self) -> Kind {
        if self.controller.is_some() { Kind::REPLICATION_CONTROLLER } else { Kind::REPLICA_SET }
    }
}

impl Replicas {
    /// The object in this form, if it is of one of the two kinds.
    pub fn of(object: &Object) -> Option<Replicas> {
        match object {
            Object::ReplicaSet(set) => Some(Replicas { set: set.clone(), controller: None }),
            Object::ReplicationController(controller) => {
                Some(Replicas { set: converted(controller), controller: Some(controller.clone()) })
            }
            _ => None,
        }
    }

    /// Its key in the store.
    pub fn key(&self) -> Key {
        Key::new(self.kind(), self.namespace(), self.name())
    }

    /// Which pods it asks for.
    pub fn selector(&self) -> Selector {
        Selector::from_field(&self.set.spec.selector).unwrap_or_default()
    }

    /// How many pods are wanted.
    pub fn desired(&self) -> i32 {
        self.set.spec.replicas.unwrap_or(1)
    }

    /// Whether this is the status that it has. A ReplicationController does not count terminating pods.
    pub fn has_status(&self, status: &ReplicaSetStatus) -> bool {
        match &self.controller {
            None => *status == *self.set.status,
            Some(controller) => converted_back(status) == *controller.status,
        }
    }

    /// The object with another status.
    pub fn with_status(&self, status: ReplicaSetStatus) -> Object {
        match self.controller.clone() {
            None => {
                let mut set = self.set.clone();
                set.status = Arc::new(status);
                set.into()
            }
            Some(mut controller) => {
                controller.status = Arc::new(converted_back(&status));
                controller.into()
            }
        }
    }
}

fn converted(controller: &ReplicationController) -> ReplicaSet {
    let (spec, status) = (&controller.spec, &controller.status);
    let selector = LabelSelector { match_labels: spec.selector.clone(), ..Default::default() };
    let condition = |condition: &ReplicationControllerCondition| ReplicaSetCondition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        last_transition_time: condition.last_transition_time.clone(),
    };
    ReplicaSet {
        revision: controller.revision,
        meta: controller.meta.clone(),
        spec: Arc::new(ReplicaSetSpec {
            replicas: spec.replicas,
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: spec.template.clone(),
        }),
        status: Arc::new(ReplicaSetStatus {
            replicas: status.replicas,
            fully_labeled_replicas: status.fully_labeled_replicas,
            ready_replicas: status.ready_replicas,
            available_replicas: status.available_replicas,
            terminating_replicas: None,
            observed_generation: status.observed_generation,
            conditions: status.conditions.as_ref().map(|list| list.iter().map(condition).collect()),
        }),
    }
}

fn converted_back(status: &ReplicaSetStatus) -> ReplicationControllerStatus {
    let condition = |condition: &ReplicaSetCondition| ReplicationControllerCondition {
        type_: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        last_transition_time: condition.last_transition_time.clone(),
    };
    ReplicationControllerStatus {
        replicas: status.replicas,
        fully_labeled_replicas: status.fully_labeled_replicas,
        ready_replicas: status.ready_replicas,
        available_replicas: status.available_replicas,
        observed_generation: status.observed_generation,
        conditions: status.conditions.as_ref().map(|list| list.iter().map(condition).collect()),
    }
}
