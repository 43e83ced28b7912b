//! # What it does
//! Keeps a pod to the nodes from which its volumes can be reached. Claims whose class waits for the first consumer get their
//! volumes only now: one that exists and fits, or one that is to be made for the chosen node.
//! # Example
//! A claim of class `local` (`WaitForFirstConsumer`, no provisioner) for 5Gi; only `node-3` has a free volume of 10Gi: the other
//! nodes `didn't find available persistent volumes to bind`, and before the pod is bound the volume is kept for the claim.
//! # Upstream
//! `plugins/volumebinding`

use sorted::{SortedMap, SortedSet};
use std::sync::Arc;

use super::{Args, Made, names};
use crate::api::field_error::FieldError;
use crate::api::pod_status::is_for_pod;
use crate::api::{
    Key, Kind, MetaExt, Node, Object, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, sorting,
};
use crate::client::{Change, Client};
use crate::clock::SimDuration;
use crate::scheduler::framework::volumes::{
    self, Claim, Volume, allows_topology, claim_name, delays_binding, find_matching_volume, has_capacity,
    not_found, uses_claim,
};
use crate::scheduler::framework::{
    Action, ClusterEvent, Code, Context, CycleState, EventResource, Hint, NodeInfo, Plugin, PodInfo, Point,
    PreFilterResult, Status,
};

/// See the module.
#[derive(Debug)]
pub struct VolumeBinding {
    /// How long a pod waits for its volumes once its node is chosen (`bindTimeoutSeconds`).
    pub bind_timeout: SimDuration,
}

impl Default for VolumeBinding {
    fn default() -> VolumeBinding {
        VolumeBinding { bind_timeout: SimDuration::from_secs(600) }
    }
}

impl VolumeBinding {
    /// By `VolumeBindingArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        let seconds = args.number("bindTimeoutSeconds", 600);
        let mut errors = Vec::new();
        if seconds < 0 {
            let why = "invalid BindTimeoutSeconds, should not be a negative value";
            errors.push(FieldError::invalid(&args.path.child("bindTimeoutSeconds"), seconds, why));
        }
        if let Some(shape) = args.value.get("shape").filter(|shape| !shape.is_null()) {
            let why =
                "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
            errors.push(FieldError::invalid(&args.path.child("shape"), shape, why));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Arc::new(VolumeBinding { bind_timeout: SimDuration::from_secs(seconds.unsigned_abs()) }))
    }
}

/// The pod's claims, and the volumes that there are for them. Read once per cycle.
#[derive(Debug, Default)]
struct PodClaims {
    /// Claims with their volumes; `None` for a volume that is gone.
    bound: Vec<(Claim, Option<Volume>)>,
    /// Claims whose volumes are chosen with the node.
    delayed: Vec<Claim>,
    /// The volumes of the classes of those that no claim has, and those kept for them.
    volumes: SortedMap<String, Vec<Volume>>,
}

/// The same, shared by the copies of a cycle's notes.
#[derive(Clone, Debug)]
struct Claims(Arc<PodClaims>);

/// What is to be done for the claims on the chosen node.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Volumes to be kept for claims.
    pub bindings: Vec<(String, Claim)>,
    /// Claims for which volumes are to be made, and the node near which.
    pub provisions: Vec<(Claim, String)>,
    is_written: bool,
}

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        names::VOLUME_BINDING
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::Filter, Point::Reserve, Point::PreBind]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const CHANGED: Action = Action::ADD.or(Action::UPDATE);
        const EVENTS: [ClusterEvent; 7] = [
            ClusterEvent::new(EventResource::Kind(Kind::STORAGE_CLASS), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME_CLAIM), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::PERSISTENT_VOLUME), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::NODE), Action::ADD.or(Action::UPDATE_NODE_LABEL)),
            ClusterEvent::new(EventResource::Kind(Kind::CSI_NODE), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::CSI_DRIVER), Action::UPDATE),
            ClusterEvent::new(EventResource::Kind(Kind::CSI_STORAGE_CAPACITY), CHANGED),
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
        let is_claim = object.kind() == Kind::PERSISTENT_VOLUME_CLAIM;
        Hint::queue_if(match change.before.as_deref() {
            _ if is_claim => uses_claim(&pod.pod, object),
            Some(before) => may_help(object.kind(), before, object),
            None => true,
        })
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        let claims = claims_of(cx, &pod.pod).map_err(Status::unresolvable)?;
        if claims.is_empty() {
            return Err(Status::skip());
        }
        let mut all = PodClaims::default();
        for claim in claims {
            if claim.is_bound {
                let volume = Volume::find(cx.view, &claim.volume_name);
                all.bound.push((claim, volume));
                continue;
            }
            let class = cx.view.get("", &claim.class);
            // A claim that names its volume itself is left to the volume controller.
            if !claim.volume_name.is_empty() || !class.is_some_and(delays_binding) {
                return Err(Status::unresolvable("pod has unbound immediate PersistentVolumeClaims"));
            }
            if !all.volumes.contains_key(&claim.class) {
                all.volumes.insert(claim.class.clone(), volumes_kept_for(cx, None, &claim.class));
            }
            let kept = volumes_kept_for(cx, Some(&claim.key), &claim.class);
            all.volumes.entry(claim.class.clone()).or_default().extend(kept);
            all.delayed.push(claim);
        }
        state.write(Claims(Arc::new(all)));
        Ok(None)
    }

    fn filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        let Some(Claims(claims)) = state.read::<Claims>() else { return Ok(()) };
        let found = claims.find(cx, &node.node);
        let reasons = found.reasons();
        let mut reasons = reasons.into_iter();
        match reasons.next() {
            None => Ok(()),
            Some(first) => Err(reasons.fold(Status::unresolvable(first), Status::and)),
        }
    }

    fn detail(&self, cx: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(Claims(claims)) = state.read::<Claims>() else { return String::new() };
        claims.find(cx, &node.node).culprit
    }

    fn reserve(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        let Some(Claims(claims)) = state.read::<Claims>() else { return Ok(()) };
        if let Some(index) = cx.cache.index(node) {
            let decision = claims.find(cx, &cx.cache.node(index).node).decision;
            state.write(decision);
        }
        Ok(())
    }

    /// Writes what Reserve has decided, once, and then asks to wait until the volume controller has bound every claim.
    fn pre_bind(
        &self,
        client: &mut Client<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        let Some(decision) = state.read_mut::<Decision>() else { return Ok(()) };
        if decision.bindings.is_empty() && decision.provisions.is_empty() {
            return Ok(());
        }
        if !decision.is_written {
            decision.write(client).map_err(|words| Status::new(Code::Error, words))?;
            decision.is_written = true;
        }
        match decision.are_bound(client, node) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Status::new(Code::Wait, "waiting for volumes to be bound")),
            Err(words) => Err(Status::new(Code::Error, format!("binding volumes: {words}"))),
        }
    }

    fn pre_bind_timeout(&self) -> Option<(SimDuration, &'static str)> {
        Some((self.bind_timeout, "binding volumes: context deadline exceeded"))
    }
}

/// Whether a change of an object that was there before may help a pod that this plugin has rejected.
fn may_help(kind: Kind, before: &Object, after: &Object) -> bool {
    match kind {
        Kind::STORAGE_CLASS => before.part("allowedTopologies") != after.part("allowedTopologies"),
        Kind::CSI_NODE => {
            let migrated = |node: &Object| {
                node.annotation("storage.alpha.kubernetes.io/migrated-plugins").map(String::from)
            };
            migrated(before) != migrated(after)
        }
        Kind::CSI_DRIVER => {
            let keeps_account = |driver: &Object| driver.part("spec")["storageCapacity"] == true;
            keeps_account(before) && !keeps_account(after)
        }
        Kind::CSI_STORAGE_CAPACITY => {
            let limit = volumes::capacity_limit;
            limit(after) > limit(before) || before.part("nodeTopology") != after.part("nodeTopology")
        }
        _ => true,
    }
}

/// The pod's claims, as they are, and as the scheduler has decided about them since.
///
/// # Errors
/// Why a claim cannot be used yet.
fn claims_of(cx: &Context<'_>, pod: &Pod) -> Result<Vec<Claim>, String> {
    let mut claims = Vec::new();
    for (name, is_ephemeral) in pod.spec.volumes.iter().flatten().filter_map(|volume| claim_name(pod, volume))
    {
        let Some(object) = cx.view.get::<PersistentVolumeClaim>(pod.namespace(), &name) else {
            return Err(if is_ephemeral {
                format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                )
            } else {
                not_found(Kind::PERSISTENT_VOLUME_CLAIM, &name)
            });
        };
        let mut claim = Claim::read(object);
        if object.status.phase.as_deref() == Some("Lost") {
            let volume = &claim.volume_name;
            return Err(format!(
                "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"
            ));
        }
        if object.is_deleting() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if is_ephemeral {
            is_for_pod(pod, object)?;
        }
        cx.cache.assumed_volumes.apply_to_claim(&mut claim);
        claims.push(claim);
    }
    Ok(claims)
}

/// The volumes of a class that are kept for a claim, or for none.
fn volumes_kept_for(cx: &Context<'_>, claim: Option<&Key>, class: &str) -> Vec<Volume> {
    let kept = cx.view.volumes_kept_for(claim).filter_map(|object| Some(Volume::read(object.as_kind()?)));
    let mut volumes: Vec<Volume> = kept.filter(|volume| volume.class() == class).collect();
    for volume in &mut volumes {
        cx.cache.assumed_volumes.apply_to_volume(volume);
    }
    volumes
}

/// What one node has for the pod's claims (`PodVolumes`, and the reasons against).
#[derive(Default)]
struct Found {
    decision: Decision,
    is_unreachable: bool,
    is_unmatched: bool,
    lacks_capacity: bool,
    is_gone: bool,
    /// The claim or volume that speaks against the node, for people.
    culprit: String,
}

impl Found {
    fn reasons(&self) -> Vec<&'static str> {
        let all = [
            (self.is_unreachable, "node(s) didn't match PersistentVolume's node affinity"),
            (self.is_unmatched, "node(s) didn't find available persistent volumes to bind"),
            (self.lacks_capacity, "node(s) did not have enough free storage"),
            (self.is_gone, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
        ];
        all.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
    }
}

impl PodClaims {
    /// Looks for volumes on a node (`FindPodVolumes`).
    fn find(&self, cx: &Context<'_>, node: &Node) -> Found {
        let mut found = Found::default();
        let labels = node.labels();
        for (claim, volume) in &self.bound {
            found.is_gone = volume.is_none();
            found.is_unreachable = volume.as_ref().is_some_and(|volume| !volume.is_reachable_from(labels));
            if found.is_gone || found.is_unreachable {
                found.culprit = format!("claim {} has volume {}", claim.key.name, claim.volume_name);
                break;
            }
        }
        let chosen_elsewhere =
            |claim: &&Claim| claim.selected_node.as_deref().is_some_and(|at| at != node.name());
        if let Some(claim) = self.delayed.iter().find(chosen_elsewhere) {
            found.is_unmatched = true;
            let at = claim.selected_node.as_deref().unwrap_or_default();
            found.culprit = format!("the volume of claim {} is being made for node {at}", claim.key.name);
            return found;
        }
        let (mut to_provision, mut to_match): (Vec<&Claim>, Vec<&Claim>) =
            self.delayed.iter().partition(|claim| claim.selected_node.is_some());
        // The smallest first, so that small claims leave large volumes to others.
        sorting::sort_by(&mut to_match, |a, b| a.requested.cmp(&b.requested));
        let mut taken = SortedSet::new();
        for claim in to_match {
            let volumes = self.volumes.get(&claim.class).map_or(&[][..], Vec::as_slice);
            match find_matching_volume(claim, volumes, labels, &taken) {
                Some(volume) => {
                    taken.insert(&*volume.name);
                    found.decision.bindings.push((volume.name.clone(), claim.clone()));
                }
                None => to_provision.push(claim),
            }
        }
        found.provide(cx, node, &to_provision);
        found
    }
}

impl Found {
    /// Whether volumes can be made there for these claims (`checkVolumeProvisions`).
    fn provide(&mut self, cx: &Context<'_>, node: &Node, claims: &[&Claim]) {
        for claim in claims {
            let class = cx.view.get::<StorageClass>("", &claim.class);
            let makes = |class: &&StorageClass| {
                !matches!(&*class.spec.provisioner, "" | "kubernetes.io/no-provisioner")
                    && allows_topology(class, node.labels())
            };
            let Some(class) = class.filter(makes) else {
                self.is_unmatched = true;
                self.culprit = format!("no volume for claim {} of class {}", claim.key.name, claim.class);
                return;
            };
            let driver = &class.spec.provisioner;
            if !has_capacity(cx.view, driver, class, claim, node.labels()) {
                self.lacks_capacity = true;
                self.culprit = format!("{driver} has no room for claim {}", claim.key.name);
                return;
            }
            self.decision.provisions.push(((*claim).clone(), node.name().to_string()));
        }
    }
}

impl Decision {
    /// Whether it has been written to the server.
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Whether PreBind has something to write yet, and will wait for it.
    pub fn is_to_be_written(&self) -> bool {
        !(self.is_written || self.bindings.is_empty() && self.provisions.is_empty())
    }

    /// The claims and volumes that it is about.
    pub fn objects(&self) -> impl Iterator<Item = Key> {
        let kept = self.bindings.iter();
        let kept = kept
            .flat_map(|(volume, claim)| [Key::cluster(Kind::PERSISTENT_VOLUME, volume), claim.key.clone()]);
        kept.chain(self.provisions.iter().map(|(claim, _)| claim.key.clone()))
    }

    /// Keeps the volumes for their claims, and tells the provisioner where to make the others.
    fn write(&self, client: &mut Client<'_>) -> Result<(), String> {
        for (volume, claim) in &self.bindings {
            edit(client, &Key::cluster(Kind::PERSISTENT_VOLUME, volume), |tree| {
                tree["spec"]["claimRef"] = serde_json::json!({
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": &*claim.key.name,
                    "namespace": &*claim.key.namespace,
                    "uid": claim.uid,
                });
                tree["metadata"]["annotations"][volumes::BOUND_BY_CONTROLLER] = "yes".into();
            })?;
        }
        for (claim, node) in &self.provisions {
            edit(client, &claim.key, |tree| {
                tree["metadata"]["annotations"][volumes::SELECTED_NODE] = node.as_str().into();
            })?;
        }
        Ok(())
    }

    /// Whether every claim is bound by now (`checkBindings`).
    fn are_bound(&self, client: &Client<'_>, node: &str) -> Result<bool, String> {
        let view = client.live();
        let mut all = true;
        let claim_of = |key: &Key| {
            let claim = view.get(&key.namespace, &key.name);
            claim.map(Claim::read).ok_or_else(|| not_found(key.kind, &key.name))
        };
        for (volume, claim) in &self.bindings {
            let kept = view
                .get::<PersistentVolume>("", volume)
                .ok_or_else(|| not_found(Kind::PERSISTENT_VOLUME, volume))?;
            if kept.spec.claim_ref.as_ref().is_none_or(|claim| claim.uid.is_none()) {
                return Err(format!("ClaimRef got reset for pv {volume:?}"));
            }
            all &= claim_of(&claim.key)?.is_bound;
        }
        for (claim, _) in &self.provisions {
            let now = claim_of(&claim.key)?;
            if now.selected_node.as_deref() != Some(node) {
                return Err(format!("provisioning failed for PVC {:?}", claim.key.name));
            }
            all &= now.is_bound;
        }
        Ok(all)
    }
}

/// Changes an object as it is on the server now.
fn edit(client: &mut Client<'_>, key: &Key, change: impl Fn(&mut serde_json::Value)) -> Result<(), String> {
    let object = client.get(key).map_err(|refused| refused.message)?;
    let mut tree = object.to_value();
    if !tree["metadata"]["annotations"].is_object() {
        tree["metadata"]["annotations"] = serde_json::json!({});
    }
    change(&mut tree);
    let changed = Object::from_value(key.kind, tree).map_err(|error| error.to_string())?;
    client.update_object(changed).map(|_| ()).map_err(|refused| refused.message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::client::View;
    use crate::scheduler::cache::Cache;
    use crate::scheduler::plugins::test_support::{
        bound_claim, claim, cluster, filter_all, view_of, volume, waiting_class,
    };
    use crate::testing::{PodBuilder, node, pod};

    const UNREACHABLE: &str = "node(s) didn't match PersistentVolume's node affinity";
    const UNMATCHED: &str = "node(s) didn't find available persistent volumes to bind";

    /// Nodes `a` and `b`, in the zones of those names.
    fn nodes() -> Cache {
        let named = |name: &str| node(name).label("kubernetes.io/hostname", name).zone(name);
        cluster([named("a"), named("b")], [])
    }

    #[track_caller]
    fn check(what: &str, pod: PodBuilder, view: &View, want: [&str; 2]) {
        let got = filter_all(VolumeBinding::default(), pod, &nodes(), view);
        let got: Vec<&str> = got.iter().map(|words| words.as_deref().unwrap_or_default()).collect();
        assert_eq!(got, want, "{what}");
    }

    fn user() -> PodBuilder {
        pod("p").claim("data")
    }

    #[test]
    fn a_bound_volume_keeps_its_pod_where_it_can_be_reached() {
        let here = |nodes: &[&str]| view_of([bound_claim("data", "pv"), volume("pv", "9Gi", &[], nodes)]);
        check("on a", user(), &here(&["a"]), ["", UNREACHABLE]);
        check("anywhere", user(), &here(&[]), ["", ""]);
        let gone = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
        check("no such volume", user(), &view_of([bound_claim("data", "pv")]), [gone, gone]);
    }

    #[test]
    fn a_waiting_claim_takes_the_smallest_volume_that_is_large_enough() {
        let local = || waiting_class("slow", "kubernetes.io/no-provisioner", json!({}));
        let wanted = || claim("data", "ReadWriteOnce", "slow");
        let with = |volumes: Vec<Object>| view_of(volumes.into_iter().chain([local(), wanted()]));
        check("none", user(), &with(vec![]), [UNMATCHED, UNMATCHED]);
        check("too small", user(), &with(vec![volume("v", "4Gi", &[], &["a"])]), [UNMATCHED, UNMATCHED]);
        check("on b", user(), &with(vec![volume("v", "5Gi", &[], &["b"])]), [UNMATCHED, ""]);
        let other_mode = || claim("data", "ReadWriteMany", "slow");
        let view = view_of([local(), other_mode(), volume("v", "5Gi", &[], &[])]);
        check("another access mode", user(), &view, [UNMATCHED, UNMATCHED]);

        let (cache, view) =
            (nodes(), with(vec![volume("large", "50Gi", &[], &[]), volume("small", "6Gi", &[], &[])]));
        let nominator = crate::scheduler::queue::Nominator::default();
        let cx = Context { cache: &cache, view: &view, nominator: &nominator };
        let (mut state, pod) = (CycleState::default(), PodInfo::new(user().build()));
        VolumeBinding::default().pre_filter(&cx, &mut state, &pod).expect("a claim to look at");
        VolumeBinding::default().reserve(&cx, &mut state, &pod, "a").expect("a volume to reserve");
        let decision = state.read::<Decision>().expect("a decision");
        assert_eq!(decision.bindings.iter().map(|(volume, _)| &**volume).collect::<Vec<_>>(), ["small"]);
    }

    #[test]
    fn a_volume_is_made_where_its_class_allows() {
        let with = |more: Value| {
            view_of([waiting_class("slow", "csi", more), claim("data", "ReadWriteOnce", "slow")])
        };
        check("anywhere", user(), &with(json!({})), ["", ""]);
        let zone_b = json!([{"key": "topology.kubernetes.io/zone", "values": ["b"]}]);
        let only_b = json!({"allowedTopologies": [{"matchLabelExpressions": zone_b}]});
        check("in zone b", user(), &with(only_b), [UNMATCHED, ""]);
    }

    #[test]
    fn a_claim_that_cannot_be_used_refuses_every_node() {
        let of_every_node = |what: &str, view: &View, words: &str| check(what, user(), view, [words, words]);
        let missing = "persistentvolumeclaim \"data\" not found";
        of_every_node("missing", &View::default(), missing);
        let unbound = "pod has unbound immediate PersistentVolumeClaims";
        of_every_node("no class", &view_of([claim("data", "ReadWriteOnce", "none")]), unbound);
        let change = |change: fn(&mut Value)| {
            let mut tree = bound_claim("data", "gone").to_value();
            change(&mut tree);
            view_of([Object::from_value(Kind::PERSISTENT_VOLUME_CLAIM, tree).expect("a claim")])
        };
        let lost = change(|tree| tree["status"]["phase"] = "Lost".into());
        let words = "persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"gone\"";
        of_every_node("lost", &lost, words);
        let going = change(|tree| tree["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into());
        of_every_node("going", &going, "persistentvolumeclaim \"data\" is being deleted");
    }
}
