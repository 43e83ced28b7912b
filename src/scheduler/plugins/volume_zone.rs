//! # What it does
//! Keeps a pod to the zones and regions that the labels of its bound volumes name.
//! # Example
//! A volume labelled `topology.kubernetes.io/zone: zone-a` refuses nodes of `zone-b`; nodes without any zone or region label are
//! not asked.
//! # Upstream
//! `plugins/volumezone`

use super::names;
use crate::api::{Kind, MetaExt, Object, StorageClass};
use crate::client::Change;
use crate::scheduler::framework::volumes::{
    Claim, Volume, delays_binding, named_claims, not_found, uses_claim,
};
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct VolumeZone;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
/// The labels that say where a volume is, each with its name today.
const TOPOLOGY_LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", ZONE),
    ("failure-domain.beta.kubernetes.io/region", REGION),
    (ZONE, ZONE),
    (REGION, REGION),
];

/// Where the pod's volumes are: label, its name today, the values that will do, and the volume.
#[derive(Clone, Debug)]
struct Topologies(Vec<(&'static str, &'static str, Vec<String>, String)>);

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        names::VOLUME_ZONE
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const CHANGED: Action = Action::ADD.or(Action::UPDATE);
        const EVENTS: [ClusterEvent; 4] = [
            ClusterEvent::new(EventResource::Kind(Kind::STORAGE_CLASS), Action::ADD),
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_LABEL)),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME_CLAIM), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME), CHANGED),
        ];
        &EVENTS
    }

    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let object = change.object();
        match object.kind() {
            Kind::STORAGE_CLASS => Hint::queue_if(object.as_kind().is_some_and(delays_binding)),
            Kind::PERSISTENT_VOLUME_CLAIM => Hint::queue_if(uses_claim(&pod.pod, object)),
            Kind::PERSISTENT_VOLUME => {
                let place =
                    |object: &Object| object.as_kind().map(|volume| topologies(&Volume::read(volume)));
                Hint::queue_if(change.before.as_ref().is_none_or(|before| place(before) != place(object)))
            }
            _ => Hint::Queue,
        }
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let mut all = Vec::new();
        for name in named_claims(&pod.pod) {
            let missing = || Status::unresolvable(not_found(Kind::PERSISTENT_VOLUME_CLAIM, name));
            let claim = cx.view.get(pod.pod.namespace(), name).map(Claim::read).ok_or_else(missing)?;
            if claim.volume_name.is_empty() {
                waits_for_its_pod(cx, &claim)?;
                continue;
            }
            let missing = || Status::unresolvable(not_found(Kind::PERSISTENT_VOLUME, &claim.volume_name));
            all.extend(topologies(&Volume::find(cx.view, &claim.volume_name).ok_or_else(missing)?));
        }
        if all.is_empty() {
            return Err(Status::skip());
        }
        state.write(Topologies(all));
        Ok(None)
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        match misplaced(state, node) {
            Some(_) => Err(Status::unresolvable("node(s) had no available volume zone")),
            None => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        misplaced(state, node)
            .map(|(label, _, values, volume)| format!("{volume} is in {label}={}", values.join("|")))
            .unwrap_or_default()
    }
}

/// An unbound claim says nothing of its place, if its volume is to be chosen with the pod's node.
fn waits_for_its_pod(cx: &Context<'_>, claim: &Claim) -> Result<(), Status> {
    if claim.class.is_empty() {
        let words = "PersistentVolumeClaim had no pv name and storageClass name";
        return Err(Status::unresolvable(words));
    }
    let class = cx
        .view
        .get::<StorageClass>("", &claim.class)
        .ok_or_else(|| Status::unresolvable(not_found(Kind::STORAGE_CLASS, &claim.class)))?;
    if class.spec.volume_binding_mode.as_ref().is_none_or(String::is_empty) {
        let words = format!("VolumeBindingMode not set for StorageClass {:?}", claim.class);
        return Err(Status::unresolvable(words));
    }
    if delays_binding(class) { Ok(()) } else { Err(Status::unresolvable("PersistentVolume had no name")) }
}

fn topologies(volume: &Volume) -> Vec<(&'static str, &'static str, Vec<String>, String)> {
    let of = |(label, today): &(&'static str, &'static str)| {
        // One volume may be in several zones: `a__b`. A name that is empty spoils the whole label.
        let values: Vec<String> =
            volume.labels.get(*label)?.split("__").map(|zone| zone.trim().into()).collect();
        let is_readable = values.iter().all(|zone: &String| !zone.is_empty());
        is_readable.then(|| (*label, *today, values, volume.name.clone()))
    };
    TOPOLOGY_LABELS.iter().filter_map(of).collect()
}

/// The first label by which the node is in the wrong place. Nodes without any such label are in none.
fn misplaced<'a>(
    state: &'a CycleState,
    node: &NodeInfo,
) -> Option<&'a (&'static str, &'static str, Vec<String>, String)> {
    let labels = node.node.labels();
    if !TOPOLOGY_LABELS.iter().any(|(label, _)| labels.contains_key(*label)) {
        return None;
    }
    state.read::<Topologies>()?.0.iter().find(|(label, today, values, _)| {
        let value = labels.get(*label).or_else(|| labels.get(*today));
        value.is_none_or(|value| !values.contains(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::{bound_claim, cluster, filter_all, view_of, volume};
    use crate::testing::{node, pod};

    #[test]
    fn a_volume_keeps_its_pod_in_its_zones() {
        let nodes = || [node("a").zone("a"), node("b").zone("b"), node("c").zone("c"), node("d")];
        let cache = cluster(nodes(), []);
        let words = |zones: &str| {
            let view = view_of([bound_claim("data", "pv"), volume("pv", "1Gi", &[(ZONE, zones)], &[])]);
            let got = filter_all(VolumeZone, pod("p").claim("data"), &cache, &view);
            got.iter().map(Option::is_none).collect::<Vec<_>>()
        };
        assert_eq!(words("a"), [true, false, false, true]);
        assert_eq!(words("a__c"), [true, false, true, true]);
        assert_eq!(words("z"), [false, false, false, true]);
        assert_eq!(words(""), [true, true, true, true], "a label without a value says nothing");
    }
}
