//! Makes the claims of volumes that live as long as their pod (`pkg/controller/volume/ephemeral`). The pod owns them, so the garbage
//! collector takes them with it.

use crate::api::k8s::{ObjectMeta, PersistentVolumeClaimTemplate, Volume};
use crate::api::pod_status::is_for_pod;
use crate::api::{Key, Kind, MetaExt, PersistentVolumeClaim, Pod, Status};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::controllers::ref_manager::controller_reference;
use crate::controllers::{Action, Controller};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct EphemeralVolumeController;

fn template(volume: &Volume) -> Option<&PersistentVolumeClaimTemplate> {
    volume.ephemeral.as_ref()?.volume_claim_template.as_ref()
}

impl Controller for EphemeralVolumeController {
    fn name(&self) -> &'static str {
        "ephemeral-volume-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::POD, Kind::PERSISTENT_VOLUME_CLAIM]
    }

    /// A pod counts when it is new, a claim when it is gone.
    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        match (&change.before, &change.after) {
            (None, Some(after)) => {
                let Some(pod) = after.as_kind::<Pod>() else { return };
                if pod.spec.volumes.iter().flatten().any(|volume| template(volume).is_some()) {
                    queue.add(change.key.clone(), Some(change.revision));
                }
            }
            (Some(before), None) if change.key.kind == Kind::PERSISTENT_VOLUME_CLAIM => {
                // Its name is that of a pod and of a volume, with a dash between: no need to go through all pods.
                let named = before.name().match_indices('-').map(|(dash, _)| &before.name()[..dash]);
                for pod in named.filter_map(|pod| view.get::<Pod>(before.namespace(), pod)) {
                    if super::claims_of(pod).any(|key| key == change.key) {
                        queue.add(Key::new(Kind::POD, pod.namespace(), pod.name()), Some(change.revision));
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(pod) = view.get::<Pod>(&key.namespace, &key.name).filter(|pod| !pod.is_deleting()) else {
            return Ok(Action::AwaitChange);
        };
        for volume in pod.spec.volumes.iter().flatten() {
            make_claim(pod, volume, view, client).inspect_err(|refused| {
                let words = format!("ephemeral volume {}: {}", volume.name, refused.message);
                client.event(reference(pod), EventType::Warning, "FailedBinding", words);
            })?;
        }
        Ok(Action::AwaitChange)
    }
}

fn make_claim(pod: &Pod, volume: &Volume, view: &View, client: &mut Client<'_>) -> Result<(), Status> {
    let Some(template) = template(volume) else { return Ok(()) };
    let name = format!("{}-{}", pod.name(), volume.name);
    let key = Key::new(Kind::PERSISTENT_VOLUME_CLAIM, pod.namespace(), &name);
    if let Some(claim) = view.object(&key) {
        return is_for_pod(pod, &**claim).map_err(Status::bad_request);
    }
    let (labels, annotations) = match &template.metadata {
        Some(given) => (given.labels.clone(), given.annotations.clone()),
        None => (None, None),
    };
    let mut owner = controller_reference(pod);
    owner.block_owner_deletion = Some(true);
    let meta = ObjectMeta {
        name: Some(name.clone()),
        namespace: Some(pod.namespace().into()),
        labels,
        annotations,
        owner_references: Some(vec![owner]),
        ..Default::default()
    };
    let made = client.create(PersistentVolumeClaim::new(meta, template.spec.clone()), None);
    made.map(drop).map_err(|mut refused| {
        refused.message = format!("create PVC {name}: {}", refused.message);
        refused
    })
}
