//! # What it does
//! Keeps a pod off nodes where another pod has the same disk, for disks that only one node or pod may write to; and keeps a
//! claim with the access mode `ReadWriteOncePod` to one pod in the whole cluster.
//! # Example
//! A pod with the claim `data`, mode `ReadWriteOncePod`, that a running pod uses: every node refuses it until that pod is gone.
//! # Upstream
//! `plugins/volumerestrictions`

use sorted::SortedSet;

use super::names;
use crate::api::k8s::Volume;
use crate::api::{Kind, MetaExt, Object, Pod};
use crate::client::Change;
use crate::scheduler::framework::volumes::{Claim, named_claims, not_found, uses_claim};
use crate::scheduler::framework::{
    Action, ClusterEvent, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct VolumeRestrictions;

/// The pod's claims that one pod only may use, and how many uses by others there are.
#[derive(Clone, Debug)]
struct SinglePodClaims {
    names: SortedSet<String>,
    conflicts: i64,
}

impl SinglePodClaims {
    /// How often a pod uses one of them. Upstream compares names only, also across namespaces.
    fn uses_by(&self, pod: &PodInfo) -> i64 {
        named_claims(&pod.pod).filter(|name| self.names.contains(*name)).count() as i64
    }
}

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        names::VOLUME_RESTRICTIONS
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const EVENTS: [ClusterEvent; 3] = [
            ClusterEvent::new(EventResource::AssignedPod, Action::DELETE),
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME_CLAIM), Action::ADD),
        ];
        &EVENTS
    }

    /// A pod that goes helps if it had a disk or a claim that this one wants; a claim helps if it is one of the pod's.
    fn is_schedulable_after(
        &self,
        _: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let wanted = &pod.pod;
        match change.object().as_ref() {
            Object::Pod(gone) => {
                let shares_claim =
                    || named_claims(gone).any(|name| named_claims(wanted).any(|own| own == name));
                Hint::queue_if(
                    gone.namespace() == wanted.namespace() && (conflict(wanted, gone) || shares_claim()),
                )
            }
            Object::Node(_) => Hint::Queue,
            claim => Hint::queue_if(uses_claim(wanted, claim)),
        }
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let Some(volumes) = &pod.pod.spec.volumes else { return Err(Status::skip()) };
        let mut names = SortedSet::new();
        for name in named_claims(&pod.pod) {
            let claim = cx
                .view
                .get(pod.pod.namespace(), name)
                .ok_or_else(|| Status::unresolvable(not_found(Kind::PERSISTENT_VOLUME_CLAIM, name)))?;
            if Claim::read(claim).access_modes.iter().any(|mode| mode == "ReadWriteOncePod") {
                names.insert(name.to_string());
            }
        }
        let conflicts = names.iter().filter(|name| is_used(cx, pod.pod.namespace(), name)).count() as i64;
        if conflicts == 0 && !volumes.iter().any(is_restricted) {
            return Err(Status::skip());
        }
        state.write(SinglePodClaims { names, conflicts });
        Ok(None)
    }

    fn add_pod(&self, _: &Context<'_>, state: &mut CycleState, _: &PodInfo, added: &PodInfo, _: &NodeInfo) {
        if let Some(claims) = state.read_mut::<SinglePodClaims>() {
            claims.conflicts += claims.uses_by(added);
        }
    }

    fn remove_pod(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        removed: &PodInfo,
        _: &NodeInfo,
    ) {
        if let Some(claims) = state.read_mut::<SinglePodClaims>() {
            claims.conflicts -= claims.uses_by(removed);
        }
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        if node.pods.iter().any(|there| conflict(&pod.pod, &there.pod)) {
            return Err(Status::unschedulable("node(s) had no available disk"));
        }
        match state.read::<SinglePodClaims>() {
            Some(claims) if claims.conflicts > 0 => Err(Status::unschedulable(
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                 another pod",
            )),
            _ => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, _: &NodeInfo) -> String {
        let claims = state.read::<SinglePodClaims>().filter(|claims| claims.conflicts > 0);
        claims.map(|claims| claims.names.iter().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default()
    }
}

/// Whether a pod on any node uses the claim.
fn is_used(cx: &Context<'_>, namespace: &str, name: &str) -> bool {
    let uses = |there: &PodInfo| {
        there.pod.namespace() == namespace && named_claims(&there.pod).any(|used| used == name)
    };
    cx.cache.nodes().any(|node| node.pods.iter().any(|there| uses(there)))
}

fn is_restricted(volume: &Volume) -> bool {
    volume.gce_persistent_disk.is_some()
        || volume.aws_elastic_block_store.is_some()
        || volume.iscsi.is_some()
        || volume.rbd.is_some()
}

/// Whether two pods want the same disk in ways that do not go together (`isVolumeConflict`).
fn conflict(pod: &Pod, other: &Pod) -> bool {
    let restricted = pod.spec.volumes.iter().flatten().filter(|volume| is_restricted(volume));
    restricted
        .into_iter()
        .any(|volume| other.spec.volumes.iter().flatten().any(|existing| same_disk(volume, existing)))
}

fn same_disk(volume: &Volume, existing: &Volume) -> bool {
    let both_read = |one: Option<bool>, other: Option<bool>| one == Some(true) && other == Some(true);
    if let (Some(a), Some(b)) = (&volume.gce_persistent_disk, &existing.gce_persistent_disk)
        && a.pd_name == b.pd_name
        && !both_read(a.read_only, b.read_only)
    {
        return true;
    }
    if let (Some(a), Some(b)) = (&volume.aws_elastic_block_store, &existing.aws_elastic_block_store)
        && a.volume_id == b.volume_id
    {
        return true;
    }
    if let (Some(a), Some(b)) = (&volume.iscsi, &existing.iscsi)
        && a.iqn == b.iqn
        && !both_read(a.read_only, b.read_only)
    {
        return true;
    }
    // An image without a pool is in the pool `rbd`.
    let pool = |name: &Option<String>| name.clone().unwrap_or_else(|| "rbd".into());
    matches!((&volume.rbd, &existing.rbd), (Some(a), Some(b))
        if a.monitors.iter().any(|monitor| b.monitors.contains(monitor))
            && pool(&a.pool) == pool(&b.pool)
            && a.image == b.image
            && !both_read(a.read_only, b.read_only))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{AWSElasticBlockStoreVolumeSource, GCEPersistentDiskVolumeSource};
    use crate::scheduler::plugins::test_support::{
        claim, cluster, filter_all, filter_message_beside, view_of,
    };
    use crate::testing::{PodBuilder, node, pod};

    fn with_volume(name: &str, volume: Volume) -> PodBuilder {
        pod(name).with(|spec| spec.volumes = Some(vec![volume]))
    }

    fn gce(name: &str, read_only: bool) -> PodBuilder {
        let disk = GCEPersistentDiskVolumeSource {
            pd_name: "disk".into(),
            read_only: Some(read_only),
            ..Default::default()
        };
        with_volume(name, Volume { gce_persistent_disk: Some(disk), ..Default::default() })
    }

    fn aws(name: &str, id: &str) -> PodBuilder {
        let disk = AWSElasticBlockStoreVolumeSource { volume_id: id.into(), ..Default::default() };
        with_volume(name, Volume { aws_elastic_block_store: Some(disk), ..Default::default() })
    }

    #[test]
    fn a_disk_is_shared_only_where_its_kind_allows() {
        let refused = Some("node(s) had no available disk".to_string());
        let beside = |pod, there| filter_message_beside(&VolumeRestrictions, pod, node("n"), [there]);
        assert_eq!(beside(gce("a", false), gce("b", false)), refused);
        assert_eq!(beside(gce("a", true), gce("b", false)), refused);
        assert_eq!(beside(gce("a", true), gce("b", true)), None);
        assert_eq!(beside(aws("a", "1"), aws("b", "1")), refused);
        assert_eq!(beside(aws("a", "1"), aws("b", "2")), None);
        assert_eq!(beside(aws("a", "1"), gce("b", false)), None);
    }

    #[test]
    fn a_claim_for_one_pod_is_refused_on_every_node_while_it_is_used() {
        let view = view_of([claim("data", "ReadWriteOncePod", "slow")]);
        let user = |name: &str| pod(name).claim("data");
        let words = |used_by: Vec<PodBuilder>| {
            let cache = cluster([node("n1"), node("n2")], used_by);
            filter_all(VolumeRestrictions, user("p"), &cache, &view)
        };
        let refused = Some(
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
             another pod"
                .to_string(),
        );
        assert_eq!(words(vec![]), [None, None]);
        assert_eq!(words(vec![user("q").node("n1")]), [refused.clone(), refused]);
        let cache = cluster([node("n1")], []);
        let lost = filter_all(VolumeRestrictions, pod("p").claim("nope"), &cache, &view);
        assert_eq!(lost, [Some("persistentvolumeclaim \"nope\" not found".to_string())]);
    }
}
