//! `ServiceAccount`: every pod runs as an account, `default` unless it names one, and gets its token as a volume.

use std::sync::Arc;

use crate::api::k8s::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath, ObjectFieldSelector,
    ProjectedVolumeSource, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Sets the account and mounts its token into every container.
///
/// # Errors
/// `Forbidden` if there is no such account. `default` is waited for: its controller makes it in every namespace.
pub fn admit(view: &View, object: &mut Object, names: &mut Rng) -> Result<(), Status> {
    let Object::Pod(pod) = object else { return Ok(()) };
    let named = pod.spec.service_account_name.as_deref().filter(|name| !matches!(*name, "" | "default"));
    if let Some(name) = named {
        let namespace = pod.namespace();
        if view.object(&Key::new(Kind::SERVICE_ACCOUNT, namespace, name)).is_none() {
            let why = format!(
                "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
            );
            return Err(Status::forbidden(Kind::POD, pod.name(), &why));
        }
    }
    let spec = Arc::make_mut(&mut pod.spec);
    let account =
        spec.service_account_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "default".into());
    spec.service_account_name = Some(account.clone());
    spec.service_account = Some(account);
    if spec.automount_service_account_token == Some(false) {
        return Ok(());
    }
    // A copy of a pod has it already.
    let known = spec.volumes.iter().flatten().find(|volume| volume.name.starts_with("kube-api-access-"));
    let known = known.map(|volume| volume.name.clone());
    let is_there = known.is_some();
    let volume = known.unwrap_or_else(|| format!("kube-api-access-{}", names.suffix(5)));
    let mut needed = false;
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        let mounts = container.volume_mounts.get_or_insert_default();
        if !mounts.iter().any(|mount| mount.mount_path == MOUNT_PATH) {
            needed = true;
            mounts.push(VolumeMount {
                name: volume.clone(),
                read_only: Some(true),
                mount_path: MOUNT_PATH.into(),
                ..Default::default()
            });
        }
    }
    if needed && !is_there {
        spec.volumes.get_or_insert_default().push(token_volume(volume));
    }
    Ok(())
}

fn token_volume(name: String) -> Volume {
    let token = VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            expiration_seconds: Some(3607),
            path: "token".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let authority = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: "kube-root-ca.crt".into(),
            items: Some(vec![KeyToPath { key: "ca.crt".into(), path: "ca.crt".into(), mode: None }]),
            optional: None,
        }),
        ..Default::default()
    };
    let namespace = VolumeProjection {
        downward_api: Some(DownwardAPIProjection {
            items: Some(vec![DownwardAPIVolumeFile {
                path: "namespace".into(),
                field_ref: Some(ObjectFieldSelector {
                    api_version: Some("v1".into()),
                    field_path: "metadata.namespace".into(),
                }),
                ..Default::default()
            }]),
        }),
        ..Default::default()
    };
    let sources = Some(vec![token, authority, namespace]);
    Volume {
        name,
        projected: Some(ProjectedVolumeSource { default_mode: Some(420), sources }),
        ..Default::default()
    }
}
