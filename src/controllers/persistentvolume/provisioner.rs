//! Stands in for the external provisioners of all classes (CSI drivers are no part of Kubernetes): makes the volume of a claim
//! that asks for one, a moment later, on the node that the scheduler chose.

use sorted::SortedMap;

use super::{PROVISIONED_BY, PROVISIONER, SELECTED_NODE, claim_of, class_of, kept_for, requested};
use crate::api::k8s::{
    CSIPersistentVolumeSource, HostPathVolumeSource, NFSVolumeSource, NodeSelector, NodeSelectorRequirement,
    NodeSelectorTerm, ObjectMeta, PersistentVolumeSpec, VolumeNodeAffinity,
};
use crate::api::{Key, Kind, MetaExt, Object, PersistentVolume, PersistentVolumeClaim, Status, StorageClass};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::{Action, Controller};

/// How long it takes to make a volume.
const WORK: SimDuration = SimDuration::from_millis(300);

/// The provisioner, with the volumes it is making and when each will be ready.
#[derive(Clone, Debug, Default)]
pub struct ProvisionerController {
    making: SortedMap<Key, SimTime>,
}

impl Controller for ProvisionerController {
    fn name(&self) -> &'static str {
        "external-provisioner"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::PERSISTENT_VOLUME_CLAIM]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        let claim = change.after.as_ref().and_then(|object| object.as_kind::<PersistentVolumeClaim>());
        if claim.is_some_and(|claim| PROVISIONER.iter().any(|key| claim.annotation(key).is_some())) {
            queue.add(change.key.clone(), Some(change.revision));
        } else {
            self.making.remove(&change.key);
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let found = client.get(key).ok();
        let claim = found.as_deref().and_then(Object::as_kind::<PersistentVolumeClaim>);
        let wanting = claim.filter(|claim| !claim.is_deleting() && claim.spec.volume_name.is_none());
        let class = wanting.and_then(|claim| client.live().get::<StorageClass>("", class_of(claim)).cloned());
        let (Some(claim), Some(class)) = (wanting, class) else {
            self.making.remove(key);
            return Ok(Action::AwaitChange);
        };
        let taken = kept_for(claim, client.live()).next().is_some();
        let delayed = class.spec.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer");
        if taken || (delayed && claim.annotation(SELECTED_NODE).is_none()) {
            return Ok(Action::AwaitChange);
        }
        let ready = *self.making.entry(key.clone()).or_insert(client.now() + WORK);
        if ready > client.now() {
            return Ok(Action::RequeueAfter(ready.since(client.now())));
        }
        self.making.remove(key);
        let volume = client.create(volume_for(claim, &class), None)?;
        debug_assert_eq!(claim_of(&volume).as_ref(), Some(key), "the volume is for the claim");
        let message = format!("Successfully provisioned volume {}", volume.name());
        client.event(reference(claim), EventType::Normal, "ProvisioningSucceeded", message);
        Ok(Action::AwaitChange)
    }
}

/// A volume made for a claim, reserved for it from its birth.
fn volume_for(claim: &PersistentVolumeClaim, class: &StorageClass) -> PersistentVolume {
    let provisioner = &class.spec.provisioner;
    let meta = ObjectMeta {
        name: Some(format!("pvc-{}", claim.uid())),
        annotations: Some([(PROVISIONED_BY.to_string(), provisioner.clone())].into()),
        ..Default::default()
    };
    let mut claim_ref = reference(claim);
    claim_ref.resource_version = Some(claim.revision.to_string());
    let node = claim.annotation(SELECTED_NODE).map(|node| VolumeNodeAffinity {
        required: Some(NodeSelector {
            node_selector_terms: vec![NodeSelectorTerm {
                match_expressions: Some(vec![NodeSelectorRequirement {
                    key: "kubernetes.io/hostname".into(),
                    operator: "In".into(),
                    values: Some(vec![node.into()]),
                }]),
                match_fields: None,
            }],
        }),
    });
    let mut spec = PersistentVolumeSpec {
        capacity: requested(claim).map(|size| [("storage".to_string(), size.clone())].into()),
        access_modes: claim.spec.access_modes.clone(),
        claim_ref: Some(claim_ref),
        persistent_volume_reclaim_policy: class.spec.reclaim_policy.clone(),
        storage_class_name: Some(class.name().into()),
        mount_options: class.spec.mount_options.clone(),
        volume_mode: claim.spec.volume_mode.clone(),
        node_affinity: node,
        ..Default::default()
    };
    // A provisioner whose name is a path is no CSI driver: those make directories, on a server or on a node.
    let (namespace, name) = (claim.namespace(), claim.name());
    match provisioner {
        it if !it.contains('/') => {
            spec.csi = Some(CSIPersistentVolumeSource {
                driver: provisioner.clone(),
                volume_handle: claim.uid().into(),
                ..Default::default()
            });
        }
        it if it.contains("nfs") => {
            let path = format!("/export/{namespace}-{name}-pvc-{}", claim.uid());
            spec.nfs = Some(NFSVolumeSource { server: "nfs-server".into(), path, read_only: None });
        }
        _ => {
            let path = format!("/opt/local-path-provisioner/pvc-{}_{namespace}_{name}", claim.uid());
            spec.host_path = Some(HostPathVolumeSource { path, type_: Some("DirectoryOrCreate".into()) });
        }
    }
    PersistentVolume::new(meta, spec)
}
