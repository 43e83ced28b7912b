//! Defaults of a pod's spec, shared by pods and by every kind that holds a pod template.

use super::persistent_volume_claim::default_claim;
use crate::api::k8s::{
    AzureDiskVolumeSource, Container, DownwardAPIVolumeFile, EmptyDirVolumeSource, EnvVar, HTTPGetAction,
    ObjectFieldSelector, PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource, Quantity, Volume,
};

/// What files of a volume may be done with, unless it says otherwise: 0644.
const FILE_MODE: i32 = 0o644;
const TOKEN_SECONDS: i64 = 3_600;

/// Fills in what a template leaves out: its parts are there, be they empty.
pub fn default_template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    default_pod_spec(template.spec.get_or_insert_default());
}

/// Fills in what a pod's spec leaves out (`pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec` and what it calls).
pub fn default_pod_spec(spec: &mut PodSpec) {
    spec.restart_policy.get_or_insert_with(|| "Always".into());
    spec.dns_policy.get_or_insert_with(|| "ClusterFirst".into());
    spec.scheduler_name.get_or_insert_with(|| "default-scheduler".into());
    spec.security_context.get_or_insert_default();
    spec.termination_grace_period_seconds.get_or_insert(30);
    name_service_account(spec);
    drop_disabled_fields(spec);
    spec.volumes.iter_mut().flatten().for_each(default_volume);
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        default_container(container);
    }
    for toleration in spec.tolerations.iter_mut().flatten() {
        if toleration.operator.as_deref() == Some("") {
            toleration.operator = None;
        }
    }
}

/// Takes away what gates that are off by default would allow (`dropDisabledFields` of `pkg/api/pod`): `GenericWorkload`,
/// `ClusterTrustBundleProjection`, `PodCertificateRequest`, `ContainerStopSignals`.
fn drop_disabled_fields(spec: &mut PodSpec) {
    spec.scheduling_group = None;
    let projected = spec.volumes.iter_mut().flatten().filter_map(|volume| volume.projected.as_mut());
    for source in projected.flat_map(|source| source.sources.iter_mut().flatten()) {
        source.cluster_trust_bundle = None;
        source.pod_certificate = None;
    }
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        if let Some(lifecycle) = &mut container.lifecycle {
            lifecycle.stop_signal = None;
        }
    }
}

/// The account has an older name, too (`Convert_v1_PodSpec_To_core_PodSpec` and back).
fn name_service_account(spec: &mut PodSpec) {
    if spec.service_account_name.as_deref().unwrap_or_default().is_empty() {
        spec.service_account_name = spec.service_account.take();
    }
    spec.service_account.clone_from(&spec.service_account_name);
}

/// Fills in what a container leaves out.
pub fn default_container(container: &mut Container) {
    let latest = image_tag(container.image.as_deref().unwrap_or_default()).is_none_or(|tag| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    container.image_pull_policy.get_or_insert_with(|| policy.into());
    container.termination_message_path.get_or_insert_with(|| "/dev/termination-log".into());
    container.termination_message_policy.get_or_insert_with(|| "File".into());
    container.resources.get_or_insert_default();
    for port in container.ports.iter_mut().flatten() {
        port.protocol.get_or_insert_with(|| "TCP".into());
    }
    container.env.iter_mut().flatten().for_each(default_env);
    for probe in [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe]
    {
        probe.iter_mut().for_each(default_probe);
    }
    if let Some(lifecycle) = &mut container.lifecycle {
        for hook in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
            hook.http_get.iter_mut().for_each(default_http_get);
        }
    }
}

fn default_env(var: &mut EnvVar) {
    let Some(from) = &mut var.value_from else { return };
    from.field_ref.iter_mut().for_each(default_field_ref);
    if let Some(resource) = &mut from.resource_field_ref {
        resource.divisor.get_or_insert_with(|| Quantity("0".into()));
    }
}

fn default_field_ref(field: &mut ObjectFieldSelector) {
    field.api_version.get_or_insert_with(|| "v1".into());
}

fn default_probe(probe: &mut Probe) {
    let at_least_one = |field: &mut Option<i32>, value: i32| {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    };
    at_least_one(&mut probe.timeout_seconds, 1);
    at_least_one(&mut probe.period_seconds, 10);
    at_least_one(&mut probe.success_threshold, 1);
    at_least_one(&mut probe.failure_threshold, 3);
    probe.http_get.iter_mut().for_each(default_http_get);
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn default_http_get(get: &mut HTTPGetAction) {
    get.path.get_or_insert_with(|| "/".into());
    get.scheme.get_or_insert_with(|| "HTTP".into());
}

fn default_volume(volume: &mut Volume) {
    let empty = Volume { name: volume.name.clone(), ..Default::default() };
    if *volume == empty {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
    if let Some(source) = &mut volume.config_map {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.secret {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.host_path {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = &mut volume.downward_api {
        source.default_mode.get_or_insert(FILE_MODE);
        source.items.iter_mut().flatten().for_each(default_downward_file);
    }
    if let Some(source) = &mut volume.iscsi {
        source.iscsi_interface.get_or_insert_with(|| "default".into());
    }
    volume.azure_disk.iter_mut().for_each(default_azure_disk);
    if let Some(source) = &mut volume.rbd {
        default_rbd([&mut source.pool, &mut source.user, &mut source.keyring]);
    }
    if let Some(source) = &mut volume.scale_io {
        default_scale_io(&mut source.storage_mode, &mut source.fs_type);
    }
    if let Some(source) = &mut volume.image {
        let tag = image_tag(source.reference.as_deref().unwrap_or_default());
        let policy = if tag.is_none_or(|tag| tag == "latest") { "Always" } else { "IfNotPresent" };
        source.pull_policy.get_or_insert_with(|| policy.into());
    }
    if let Some(template) = volume.ephemeral.as_mut().and_then(|source| source.volume_claim_template.as_mut())
    {
        default_claim(&mut template.spec);
    }
    volume.projected.iter_mut().for_each(default_projected);
}

/// As Azure's own driver once had it.
pub fn default_azure_disk(source: &mut AzureDiskVolumeSource) {
    source.caching_mode.get_or_insert_with(|| "ReadWrite".into());
    source.fs_type.get_or_insert_with(|| "ext4".into());
    source.kind.get_or_insert_with(|| "Shared".into());
    source.read_only.get_or_insert(false);
}

/// Pool, user and keyring of Ceph.
pub fn default_rbd(fields: [&mut Option<String>; 3]) {
    for (field, value) in fields.into_iter().zip(["rbd", "admin", "/etc/ceph/keyring"]) {
        field.get_or_insert_with(|| value.into());
    }
}

/// How ScaleIO lays out a volume.
pub fn default_scale_io(mode: &mut Option<String>, fs_type: &mut Option<String>) {
    mode.get_or_insert_with(|| "ThinProvisioned".into());
    fs_type.get_or_insert_with(|| "xfs".into());
}

fn default_projected(source: &mut ProjectedVolumeSource) {
    source.default_mode.get_or_insert(FILE_MODE);
    for part in source.sources.iter_mut().flatten() {
        if let Some(downward) = &mut part.downward_api {
            downward.items.iter_mut().flatten().for_each(default_downward_file);
        }
        if let Some(token) = &mut part.service_account_token {
            token.expiration_seconds.get_or_insert(TOKEN_SECONDS);
        }
    }
}

fn default_downward_file(file: &mut DownwardAPIVolumeFile) {
    file.field_ref.iter_mut().for_each(default_field_ref);
    if let Some(resource) = &mut file.resource_field_ref {
        resource.divisor.get_or_insert_with(|| Quantity("0".into()));
    }
}

/// The tag of an image reference: `v1` in `registry:5000/app:v1`; an image by digest has the digest as its tag.
pub fn image_tag(image: &str) -> Option<&str> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest);
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{default_pod_spec, image_tag};
    use crate::api::k8s::PodSpec;
    use crate::api::typed;

    #[test]
    fn what_gates_that_are_off_would_allow_is_dropped() {
        let mut spec: PodSpec = typed::read(&json!({
            "schedulingGroup": {"podGroupName": "g"},
            "containers": [{"name": "a", "lifecycle": {"stopSignal": "SIGUSR1", "preStop": {"sleep": {"seconds": 1}}}}],
            "volumes": [{"name": "v", "projected": {"sources": [
                {"clusterTrustBundle": {"name": "b", "path": "c"}},
                {"podCertificate": {"keyType": "ED25519", "signerName": "a/b"}},
                {"configMap": {"name": "d"}},
            ]}}],
        }))
        .expect("a pod's spec");
        default_pod_spec(&mut spec);
        let kept = typed::write(&spec);
        assert_eq!(kept["schedulingGroup"], json!(null));
        assert_eq!(kept["containers"][0]["lifecycle"], json!({"preStop": {"sleep": {"seconds": 1}}}));
        assert_eq!(kept["volumes"][0]["projected"]["sources"], json!([{}, {}, {"configMap": {"name": "d"}}]));
    }

    #[test]
    fn an_image_reference_gives_its_tag_or_digest() {
        let cases = [
            ("nginx", None),
            ("nginx:1.25", Some("1.25")),
            ("registry:5000/app", None),
            ("registry:5000/app:v1", Some("v1")),
            ("app@sha256:abc", Some("sha256:abc")),
        ];
        for (image, want) in cases {
            assert_eq!(image_tag(image), want, "{image}");
        }
    }
}
