//! What must be true of a cluster that was healed and has come to rest: everybody has what was asked for, and nothing is left
//! over.

use crate::api::{
    DaemonSet, Deployment, EndpointSlice, Job, Key, Kind, MetaExt, Node, PersistentVolumeClaim, Pod,
    ReplicaSet, StatefulSet, condition,
};
use crate::apiserver::View;

/// What is not as it should be.
pub fn complaints(view: &View) -> Vec<String> {
    let mut wrong = Vec::new();
    workloads(view, &mut wrong);
    pods(view, &mut wrong);
    leftovers(view, &mut wrong);
    for claim in view.list::<PersistentVolumeClaim>(None) {
        if claim.status.phase.as_deref() != Some("Bound") && used(view, claim) {
            wrong.push(format!("claim {} is {:?}", claim.name(), claim.status.phase));
        }
    }
    wrong
}

fn used(view: &View, claim: &PersistentVolumeClaim) -> bool {
    let of = |pod: &Pod| {
        pod.spec.volumes.iter().flatten().any(|volume| {
            volume.persistent_volume_claim.as_ref().is_some_and(|source| source.claim_name == claim.name())
        })
    };
    view.list::<Pod>(Some(claim.namespace())).any(of)
}

fn workloads(view: &View, wrong: &mut Vec<String>) {
    let mut expect = |what: String, counts: &[Option<i32>], wanted: i32| {
        if counts.iter().any(|count| count.unwrap_or_default() != wanted) {
            wrong.push(format!("{what} wants {wanted} pods and has {counts:?}"));
        }
    };
    for object in view.list::<Deployment>(None) {
        let status = &object.status;
        let counts =
            [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas];
        expect(format!("deployment {}", object.name()), &counts, object.spec.replicas.unwrap_or(1));
    }
    for object in view.list::<ReplicaSet>(None) {
        let counts = [Some(object.status.replicas), object.status.ready_replicas];
        expect(format!("replica set {}", object.name()), &counts, object.spec.replicas.unwrap_or(1));
    }
    for object in view.list::<StatefulSet>(None) {
        let counts =
            [Some(object.status.replicas), object.status.ready_replicas, object.status.updated_replicas];
        expect(format!("stateful set {}", object.name()), &counts, object.spec.replicas.unwrap_or(1));
    }
    let nodes = view.list::<Node>(None).count() as i32;
    for object in view.list::<DaemonSet>(None) {
        let status = &object.status;
        let counts = [
            Some(status.desired_number_scheduled),
            Some(status.current_number_scheduled),
            Some(status.number_ready),
            status.updated_number_scheduled,
        ];
        expect(format!("daemon set {}", object.name()), &counts, nodes);
    }
    for job in view.list::<Job>(None) {
        let done = ["Complete", "Failed"]
            .iter()
            .any(|type_| condition::is_true(job.status.conditions.as_deref(), type_));
        if !done {
            wrong.push(format!("job {} is not done: {:?} active", job.name(), job.status.active));
        }
        if job.status.active.unwrap_or_default() + job.status.terminating.unwrap_or_default() > 0 {
            wrong.push(format!("job {} still counts pods", job.name()));
        }
    }
}

fn pods(view: &View, wrong: &mut Vec<String>) {
    for pod in view.list::<Pod>(None) {
        let name = pod.name();
        if pod.is_deleting() {
            wrong.push(format!("pod {name} is still going"));
        }
        let node = pod.spec.node_name.as_deref();
        if node.is_some_and(|node| view.get::<Node>("", node).is_none()) {
            wrong.push(format!("pod {name} is on a node that is gone"));
        }
        let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let ready = condition::is_true(pod.status.conditions.as_deref(), "Ready");
        if !finished && !ready {
            let waits = pod
                .status
                .container_statuses
                .iter()
                .flatten()
                .find_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.clone());
            let gate = condition::find(pod.status.conditions.as_deref(), "PodScheduled");
            let gate = gate.and_then(|gate| gate.message.clone());
            wrong.push(format!(
                "pod {name} on {node:?} is {:?} and not ready: {waits:?} {gate:?}",
                pod.status.phase
            ));
        }
        let lost = pod.controller().is_some_and(|owner| {
            let kind = Kind::from_manifest(&owner.api_version, &owner.kind);
            let owner_key = kind.map(|kind| Key::new(kind, pod.namespace(), &owner.name));
            owner_key.is_none_or(|key| view.object(&key).is_none_or(|object| object.uid() != owner.uid))
        });
        if lost {
            wrong.push(format!("pod {name} has outlived its owner"));
        }
    }
}

fn leftovers(view: &View, wrong: &mut Vec<String>) {
    for (key, object) in view.all() {
        if object.is_deleting() && key.kind != Kind::POD {
            wrong.push(format!("{key} is still going"));
        }
    }
    for slice in view.list::<EndpointSlice>(None) {
        for endpoint in &slice.spec.endpoints {
            let target = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
            if target.is_some_and(|pod| view.get::<Pod>(slice.namespace(), pod).is_none()) {
                wrong.push(format!("slice {} leads to a pod that is gone", slice.name()));
            }
        }
    }
}
