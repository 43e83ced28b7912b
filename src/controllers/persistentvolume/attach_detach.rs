//! The attach-detach controller: a volume is attached to the nodes on which pods mount it, and to no other. Models
//! `pkg/controller/volume/attachdetach` for the volumes of storage drivers, whose part is to do what VolumeAttachments ask for.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::{claim_of, claims_of};
use crate::api::k8s::{
    AttachedVolume, ContainerStatus, ObjectMeta, VolumeAttachmentSource, VolumeAttachmentSpec,
};
use crate::api::{
    Key, Kind, MetaExt, Node, Object, PersistentVolume, PersistentVolumeClaim, Pod, Status, VolumeAttachment,
    condition,
};
use crate::client::attachment::{attachment_key, is_attachable, unique_name};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::ref_manager::gone_is_fine;
use crate::controllers::{Action, Controller};

/// A volume is taken from a node that does not say that it has unmounted it after so long (`maxWaitForUnmountDuration`).
const UNMOUNT_MAX: SimDuration = SimDuration::from_secs(6 * 60);

/// Who says that a node that has failed will not come back: nothing of its pods runs any more.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// The controller, with what it knows of the volumes' whereabouts.
#[derive(Clone, Debug, Default)]
pub struct AttachDetachController {
    /// By claim, the pods on nodes that mount it.
    users: SortedMap<Key, SortedSet<Key>>,
    /// By volume, the nodes to which it is attached, is being attached, or may be so still.
    nodes: SortedMap<Key, SortedSet<String>>,
    /// The attachments that have been asked for and not yet been seen to be there.
    under_way: SortedSet<Key>,
    /// By volume, the nodes of whose pods it has been said that another node stands in their way.
    refused: SortedMap<Key, SortedSet<String>>,
    /// Since when nothing needs an attachment that is there.
    idle: SortedMap<Key, SimTime>,
}

/// The pods that mount a volume, by node.
type Wanted = SortedMap<String, Vec<Pod>>;

impl Controller for AttachDetachController {
    fn name(&self) -> &'static str {
        "attachdetach-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[
            Kind::POD,
            Kind::NODE,
            Kind::PERSISTENT_VOLUME,
            Kind::PERSISTENT_VOLUME_CLAIM,
            Kind::VOLUME_ATTACHMENT,
        ]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        match &**change.object() {
            Object::Pod(pod) if pod.spec.node_name.is_some() => {
                for claim in claims_of(pod) {
                    let users = self.users.entry(claim.clone()).or_default();
                    match change.after {
                        Some(_) => drop(users.insert(change.key.clone())),
                        None => drop(users.remove(&change.key)),
                    }
                    if users.is_empty() {
                        self.users.remove(&claim);
                    }
                    self.queue_volume(&claim, view, queue, cause);
                }
            }
            Object::PersistentVolumeClaim(_) if self.users.contains_key(&change.key) => {
                self.queue_volume(&change.key, view, queue, cause);
            }
            Object::PersistentVolume(_) if self.nodes.contains_key(&change.key) => {
                queue.add(change.key.clone(), cause);
            }
            Object::VolumeAttachment(attachment) => {
                if let Some(volume) = volume_key(attachment) {
                    self.nodes.entry(volume.clone()).or_default().insert(attachment.spec.node_name.clone());
                    queue.add(volume, cause);
                }
            }
            // Only what waits for a node has to hear of it.
            Object::Node(node) if !self.idle.is_empty() => {
                let there = self.nodes.iter().filter(|(_, nodes)| nodes.contains(node.name()));
                there.for_each(|(volume, _)| queue.add(volume.clone(), cause));
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(volume) = view.get::<PersistentVolume>("", &key.name) else {
            self.nodes.remove(key);
            return Ok(Action::AwaitChange);
        };
        let wanted = self.wanted(volume, view);
        if let Some(refused) = self.refused.get_mut(key) {
            refused.retain(|node| wanted.contains_key(node));
        }
        let there = self.nodes.get(key).cloned().unwrap_or_default();
        let wait = self.detach(key, volume, &wanted, view, client)?;
        if is_attachable(volume, view) {
            for (node, pods) in &wanted {
                self.attach(key, volume, node, pods, view, client)?;
            }
        }
        list(volume, &there, client)?;
        Ok(wait.map_or(Action::AwaitChange, Action::RequeueAfter))
    }
}

impl AttachDetachController {
    /// Queues the volume of a claim. A claim that is gone may be that of any volume that is attached.
    fn queue_volume(
        &self,
        claim: &Key,
        view: &View,
        queue: &mut WorkQueue,
        cause: Option<crate::api::meta::Revision>,
    ) {
        match view.get::<PersistentVolumeClaim>(&claim.namespace, &claim.name) {
            Some(claim) => {
                if let Some(volume) = &claim.spec.volume_name {
                    queue.add(Key::cluster(Kind::PERSISTENT_VOLUME, volume), cause);
                }
            }
            None => self.nodes.keys().for_each(|volume| queue.add(volume.clone(), cause)),
        }
    }

    /// Where the volume is to be: on the nodes of pods that mount it and have not ended.
    fn wanted(&self, volume: &PersistentVolume, view: &View) -> Wanted {
        let mut wanted = Wanted::new();
        let Some(claim) = claim_of(volume) else { return wanted };
        let bound = view.get::<PersistentVolumeClaim>(&claim.namespace, &claim.name);
        if bound.is_none_or(|claim| claim.spec.volume_name.as_deref() != Some(volume.name())) {
            return wanted;
        }
        let users = self.users.get(&claim).into_iter().flat_map(SortedSet::iter);
        for pod in users.filter_map(|key| view.get::<Pod>(&key.namespace, &key.name)) {
            let node = pod.spec.node_name.as_deref().filter(|node| view.get::<Node>("", node).is_some());
            if let Some(node) = node.filter(|_| !is_over(pod)) {
                wanted.entry(node.into()).or_default().push(pod.clone());
            }
        }
        wanted
    }

    /// Takes the volume from the nodes on which nobody needs it. Returns when to look again, if time decides.
    fn detach(
        &mut self,
        key: &Key,
        volume: &PersistentVolume,
        wanted: &Wanted,
        view: &View,
        client: &mut Client<'_>,
    ) -> Result<Option<SimDuration>, Status> {
        let mut wait: Option<SimDuration> = None;
        let nodes: Vec<String> = self.nodes.get(key).into_iter().flat_map(SortedSet::iter).cloned().collect();
        for node in nodes {
            let attachment = attachment_key(volume, &node);
            let there = client.get(&attachment).ok();
            if there.is_none() {
                self.forget(key, &attachment, &node);
                continue;
            }
            if wanted.contains_key(&node) || there.is_some_and(|object| object.is_deleting()) {
                self.idle.remove(&attachment);
                continue;
            }
            let since = *self.idle.entry(attachment.clone()).or_insert(client.now());
            let left = (since + UNMOUNT_MAX).since(client.now());
            if !has_let_go(&node, view) && left > SimDuration::ZERO {
                wait = wait.into_iter().chain([left]).min();
                continue;
            }
            self.idle.remove(&attachment);
            gone_is_fine(client.delete(&attachment, &DeleteOptions::default(), None))?;
        }
        Ok(wait)
    }

    fn forget(&mut self, key: &Key, attachment: &Key, node: &str) {
        self.under_way.remove(attachment);
        self.idle.remove(attachment);
        if let Some(nodes) = self.nodes.get_mut(key) {
            nodes.remove(node);
            if nodes.is_empty() {
                self.nodes.remove(key);
            }
        }
    }

    /// Has the volume attached to a node, says to its pods that it is, or that another node stands in the way.
    fn attach(
        &mut self,
        key: &Key,
        volume: &PersistentVolume,
        node: &str,
        pods: &[Pod],
        view: &View,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        let attachment = attachment_key(volume, node);
        let elsewhere = match self.nodes.get(key) {
            Some(nodes) if nodes.contains(node) => {
                let found = client.get(&attachment).ok();
                let found = found.as_deref().and_then(Object::as_kind::<VolumeAttachment>);
                if found.is_some_and(|found| found.status.attached) && self.under_way.remove(&attachment) {
                    let message = format!("AttachVolume.Attach succeeded for volume {:?} ", volume.name());
                    say(pods, EventType::Normal, "SuccessfulAttachVolume", |_| message.clone(), client);
                }
                return Ok(());
            }
            Some(nodes) if !is_shared(volume) => nodes.iter().cloned().collect(),
            _ => Vec::new(),
        };
        if !elsewhere.is_empty() {
            if self.refused.entry(key.clone()).or_default().insert(node.into()) {
                let holders = self.pods_on(volume, &elsewhere, view);
                let message = |pod: &Pod| multi_attach(volume, pod, &holders);
                say(pods, EventType::Warning, "FailedAttachVolume", message, client);
            }
            return Ok(());
        }
        self.refused.remove(key);
        let meta = ObjectMeta { name: Some(attachment.name.to_string()), ..Default::default() };
        let spec = VolumeAttachmentSpec {
            attacher: volume.spec.csi.as_ref().map(|csi| csi.driver.clone()).unwrap_or_default(),
            node_name: node.into(),
            source: VolumeAttachmentSource {
                persistent_volume_name: Some(volume.name().into()),
                ..Default::default()
            },
        };
        client.create(VolumeAttachment::new(meta, spec), None)?;
        self.under_way.insert(attachment);
        self.nodes.entry(key.clone()).or_default().insert(node.into());
        Ok(())
    }

    /// The pods that hold a volume on those nodes.
    fn pods_on(&self, volume: &PersistentVolume, nodes: &[String], view: &View) -> Vec<Key> {
        let Some(claim) = claim_of(volume) else { return Vec::new() };
        let users = self.users.get(&claim).into_iter().flat_map(SortedSet::iter);
        let on_them = |key: &&Key| {
            let pod = view.get::<Pod>(&key.namespace, &key.name);
            let pod = pod.filter(|pod| !is_over(pod));
            pod.and_then(|pod| pod.spec.node_name.as_ref()).is_some_and(|node| nodes.contains(node))
        };
        users.filter(on_them).cloned().collect()
    }
}

/// Lists the volume in the status of the nodes to which it is attached, and strikes it off elsewhere (`node_status_updater.go`).
fn list(volume: &PersistentVolume, nodes: &SortedSet<String>, client: &mut Client<'_>) -> Result<(), Status> {
    let name = unique_name(volume);
    for node in nodes {
        let Some(mut node) = client.live().get::<Node>("", node).cloned() else { continue };
        let found = client.get(&attachment_key(volume, node.name())).ok();
        let found = found.as_deref().and_then(Object::as_kind::<VolumeAttachment>);
        let attached = found.is_some_and(|found| found.status.attached && !found.is_deleting());
        let mut volumes = node.status.volumes_attached.clone().unwrap_or_default();
        if volumes.iter().any(|listed| listed.name == name) == attached {
            continue;
        }
        match volumes.iter().position(|listed| listed.name >= name) {
            Some(place) if !attached => drop(volumes.remove(place)),
            place => {
                let listed = AttachedVolume { name: name.clone(), device_path: String::new() };
                volumes.insert(place.unwrap_or(volumes.len()), listed);
            }
        }
        Arc::make_mut(&mut node.status).volumes_attached = Some(volumes).filter(|list| !list.is_empty());
        client.update_status(node, None)?;
    }
    Ok(())
}

fn volume_key(attachment: &VolumeAttachment) -> Option<Key> {
    let name = attachment.spec.source.persistent_volume_name.as_deref()?;
    Some(Key::cluster(Kind::PERSISTENT_VOLUME, name))
}

/// Whether nothing of a pod runs any more (`IsPodTerminated`).
fn is_over(pod: &Pod) -> bool {
    let ended = |status: &ContainerStatus| {
        status.state.as_ref().is_some_and(|state| state.terminated.is_some() || state.waiting.is_some())
    };
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
        || (pod.is_deleting() && pod.status.container_statuses.iter().flatten().all(ended))
}

/// Whether several nodes may have the volume at once (`IsMultiAttachAllowed`).
fn is_shared(volume: &PersistentVolume) -> bool {
    let modes = volume.spec.access_modes.as_deref().unwrap_or_default();
    modes.is_empty() || modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}

/// Whether a node that no pod needs a volume on has unmounted it: its kubelet has, if it can be heard; a node that is gone, or of
/// which people say that it will not come back, does not hold anything.
fn has_let_go(node: &str, view: &View) -> bool {
    view.get::<Node>("", node).is_none_or(|node| {
        condition::is_true(node.status.conditions.as_deref(), "Ready")
            || node.spec.taints.iter().flatten().any(|taint| taint.key == OUT_OF_SERVICE)
    })
}

fn multi_attach(volume: &PersistentVolume, pod: &Pod, holders: &[Key]) -> String {
    let near: Vec<&str> =
        holders.iter().filter(|key| *key.namespace == *pod.namespace()).map(|key| &*key.name).collect();
    let far = holders.len() - near.len();
    let why = match (near.is_empty(), far) {
        (true, 0) => {
            "Volume is already exclusively attached to one node and can't be attached to another".to_string()
        }
        (true, _) => format!("Volume is already used by {far} pod(s) in different namespaces"),
        (false, 0) => format!("Volume is already used by pod(s) {}", near.join(", ")),
        (false, _) => {
            format!(
                "Volume is already used by pod(s) {} and {far} pod(s) in different namespaces",
                near.join(", ")
            )
        }
    };
    format!("Multi-Attach error for volume {:?} {why}", volume.name())
}

fn say(
    pods: &[Pod],
    type_: EventType,
    reason: &str,
    message: impl Fn(&Pod) -> String,
    client: &mut Client<'_>,
) {
    for pod in pods {
        client.event(reference(pod), type_, reason, message(pod));
    }
}
