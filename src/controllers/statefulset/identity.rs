//! Who a pod of a StatefulSet is: its ordinal, its name, its labels and its claims (`stateful_set_utils.go`).

use std::ops::Range;
use std::sync::Arc;

use super::super::pods::pod_from_template;
use super::REVISION_LABEL;
use super::replicas;
use crate::api::k8s::{ObjectMeta, PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume};
use crate::api::{MetaExt, Object, PersistentVolumeClaim, Pod, StatefulSet, sorting};
use crate::client::View;

const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The name before the last dash and the number behind it; `None` for a name of another form.
fn parent_and_ordinal(name: &str) -> Option<(&str, i32)> {
    let (parent, ordinal) = name.rsplit_once('-')?;
    let digits = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(())?;
    Some((parent, ordinal.parse().ok()?))
}

/// The number in a pod's name; -1 if it has none.
pub fn ordinal(pod: &Pod) -> i32 {
    parent_and_ordinal(pod.name()).map_or(-1, |(_, ordinal)| ordinal)
}

/// Whether a pod bears the set's name.
pub fn is_member(set: &StatefulSet, pod: &Pod) -> bool {
    parent_and_ordinal(pod.name()).is_some_and(|(parent, _)| parent == set.name())
}

/// The first ordinal.
pub fn start(set: &StatefulSet) -> i32 {
    set.spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0)
}

/// The ordinals wanted.
pub fn wanted(set: &StatefulSet) -> Range<i32> {
    start(set)..start(set).saturating_add(replicas(set).max(0))
}

/// Whether a pod's ordinal is among those wanted.
pub fn in_range(set: &StatefulSet, ordinal: i32) -> bool {
    wanted(set).contains(&ordinal)
}

/// What a set calls the pod of an ordinal.
pub fn pod_name(set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{ordinal}", set.name())
}

/// The revision that a pod was made from.
pub fn revision_of(pod: &Pod) -> &str {
    pod.labels().get(REVISION_LABEL).map_or("", String::as_str)
}

/// The pod of that ordinal, as the template of a revision makes it (`newStatefulSetPod`).
pub fn new_pod(set: &StatefulSet, template: &PodTemplateSpec, revision: &str, ordinal: i32) -> Pod {
    let mut pod = pod_from_template(template, set);
    let name = pod_name(set, ordinal);
    let spec = Arc::make_mut(&mut pod.spec);
    spec.hostname = Some(name.clone());
    spec.subdomain = set.spec.service_name.clone().filter(|service| !service.is_empty());
    Arc::make_mut(&mut pod.meta).name = Some(name);
    update_identity(set, &mut pod);
    update_storage(set, &mut pod);
    let labels = Arc::make_mut(&mut pod.meta).labels.get_or_insert_default();
    labels.insert(REVISION_LABEL.into(), revision.into());
    pod
}

/// Whether the pod's labels say who it is.
pub fn identity_matches(set: &StatefulSet, pod: &Pod) -> bool {
    let label = |key: &str| pod.labels().get(key).map(String::as_str);
    let ordinal = ordinal(pod);
    ordinal >= 0
        && is_member(set, pod)
        && label(POD_NAME_LABEL) == Some(pod.name())
        && label(POD_INDEX_LABEL) == Some(ordinal.to_string().as_str())
}

/// Labels the pod with its name and its ordinal.
pub fn update_identity(set: &StatefulSet, pod: &mut Pod) {
    let (name, ordinal) = (pod.name().to_string(), ordinal(pod));
    let meta = Arc::make_mut(&mut pod.meta);
    meta.namespace = Some(set.namespace().into());
    let labels = meta.labels.get_or_insert_default();
    labels.insert(POD_NAME_LABEL.into(), name);
    labels.insert(POD_INDEX_LABEL.into(), ordinal.to_string());
}

/// What a set calls the claims for a volume of its pods, up to their ordinals.
pub fn claim_prefix(set: &StatefulSet, volume: &str) -> String {
    format!("{volume}-{}-", set.name())
}

/// The sets that a claim may be for, by its name.
pub fn sets_of_claim<'a>(claim: &'a Object, view: &'a View) -> impl Iterator<Item = &'a StatefulSet> {
    let parent = parent_and_ordinal(claim.name()).map_or("", |(parent, _)| parent);
    let names = parent.match_indices('-').map(|(at, _)| &parent[at + 1..]);
    names.filter_map(|name| view.get::<StatefulSet>(claim.namespace(), name))
}

/// The claims of a pod, each with the name of the volume it is for, sorted by it.
pub fn claims(set: &StatefulSet, pod: &Pod) -> Vec<(String, PersistentVolumeClaim)> {
    let ordinal = ordinal(pod);
    let mut claims: Vec<_> = set
        .spec
        .volume_claim_templates
        .iter()
        .flatten()
        .map(|template| {
            let volume = template.metadata.name.clone().unwrap_or_default();
            let mut labels = template.metadata.labels.clone().unwrap_or_default();
            labels.extend(set.spec.selector.match_labels.clone().unwrap_or_default());
            let meta = ObjectMeta {
                name: Some(format!("{}{ordinal}", claim_prefix(set, &volume))),
                namespace: Some(set.namespace().into()),
                labels: Some(labels).filter(|labels| !labels.is_empty()),
                ..template.metadata.clone()
            };
            (volume, PersistentVolumeClaim::new(meta, template.spec.clone().unwrap_or_default()))
        })
        .collect();
    sorting::sort_by(&mut claims, |a, b| a.0.cmp(&b.0));
    claims
}

/// Whether the pod mounts the claim of each template.
pub fn storage_matches(set: &StatefulSet, pod: &Pod) -> bool {
    let volume = |name: &str| pod.spec.volumes.iter().flatten().find(|volume| volume.name == name);
    ordinal(pod) >= 0
        && claims(set, pod).iter().all(|(name, claim)| {
            let source = volume(name).and_then(|volume| volume.persistent_volume_claim.as_ref());
            source.is_some_and(|source| source.claim_name == claim.name())
        })
}

/// Puts the pod's claims in the place of volumes of the same names.
pub fn update_storage(set: &StatefulSet, pod: &mut Pod) {
    let claims = claims(set, pod);
    if claims.is_empty() {
        return;
    }
    let own = claims.iter().map(|(name, claim)| Volume {
        name: name.clone(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.name().into(),
            read_only: None,
        }),
        ..Default::default()
    });
    let others = pod.spec.volumes.iter().flatten();
    let others = others.filter(|volume| claims.iter().all(|(name, _)| *name != volume.name)).cloned();
    let volumes = own.chain(others).collect();
    Arc::make_mut(&mut pod.spec).volumes = Some(volumes);
}

#[cfg(test)]
mod tests {
    use super::parent_and_ordinal;

    #[test]
    fn a_name_ends_in_its_ordinal() {
        let cases = [
            ("db-0", Some(("db", 0))),
            ("my-db-12", Some(("my-db", 12))),
            ("db", None),
            ("db-", None),
            ("db-x", None),
            ("db-+1", None),
            ("db-99999999999", None),
        ];
        for (name, want) in cases {
            assert_eq!(parent_and_ordinal(name), want, "{name}");
        }
    }
}
