//! The templates that a StatefulSet or DaemonSet has had, each kept as a `ControllerRevision` (`pkg/controller/history`).

use serde_json::{Value, json};

use super::deployment::safe_encode;
use super::ref_manager::{claim, controller_reference};
use crate::api::k8s::ControllerRevisionFields;
use crate::api::k8s::{ObjectMeta, PodTemplateSpec};
use crate::api::meta::StringMap;
use crate::api::selector::Selector;
use crate::api::status::Reason;
use crate::api::{ControllerRevision, Key, Kind, KubeObject, MetaExt, Object, Status, sorting, typed};
use crate::client::{Client, DeleteOptions, View};

/// Names longer than this are cut before the hash is put behind them.
const PREFIX_MAX: usize = 223;

/// The state that a revision keeps of a workload: its template, as a patch that replaces the template as a whole.
pub fn template_patch(template: &PodTemplateSpec) -> Value {
    let mut template = typed::write(template);
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".into(), "replace".into());
    }
    json!({ "spec": { "template": template } })
}

/// The template that a revision keeps.
pub fn template_of(revision: &ControllerRevision) -> PodTemplateSpec {
    typed::read(&revision.spec.data["spec"]["template"]).unwrap_or_default()
}

/// The revisions of a workload, oldest first. Orphans that its selector matches are taken in.
///
/// # Errors
/// What the API server refused.
pub fn revisions_of<O: KubeObject>(
    owner: &O,
    selector: &Selector,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Vec<ControllerRevision>, Status> {
    let candidates: Vec<ControllerRevision> = view
        .list::<ControllerRevision>(Some(owner.namespace()))
        .filter(|revision| selector.matches(revision.labels()))
        .cloned()
        .collect();
    let mut revisions = claim(owner, selector, candidates, client)?;
    sort(&mut revisions);
    Ok(revisions)
}

/// Sorts revisions, oldest first.
pub fn sort(revisions: &mut [ControllerRevision]) {
    sorting::sort_by(revisions, |a, b| {
        let key = |revision: &ControllerRevision| (revision.spec.revision, revision.created());
        key(a).cmp(&key(b)).then_with(|| a.name().cmp(b.name()))
    });
}

/// The number of the next revision.
pub fn next_number(revisions: &[ControllerRevision]) -> i64 {
    revisions.last().map_or(1, |last| last.spec.revision + 1)
}

/// `<owner>-<hash>`.
pub fn revision_name(owner: &str, hash: &str) -> String {
    let prefix: String = owner.chars().take(PREFIX_MAX).collect();
    format!("{prefix}-{hash}")
}

/// A revision with those labels and annotations, not yet stored and without a name.
pub fn new_revision<O: KubeObject>(
    owner: &O,
    labels: StringMap,
    data: Value,
    number: i64,
) -> ControllerRevision {
    let meta = ObjectMeta {
        namespace: Some(owner.namespace().into()),
        labels: Some(labels),
        annotations: Some(owner.annotations().clone()).filter(|annotations| !annotations.is_empty()),
        owner_references: Some(vec![controller_reference(owner)]),
        ..Default::default()
    };
    ControllerRevision::new(meta, ControllerRevisionFields { data, revision: number })
}

/// The hash that names a revision (`HashControllerRevision`): over the bytes of its data as Go writes them, so that names
/// come out as in a real cluster.
pub fn hash_data(data: &Value, collisions: i32) -> String {
    let mut bytes = go_json(data).into_bytes();
    bytes.extend_from_slice(collisions.to_string().as_bytes());
    // FNV-1, which multiplies before it mixes in.
    let hash =
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte));
    safe_encode(hash)
}

/// JSON as Go's encoder writes it: sorted keys, and the characters that mean something in HTML escaped.
fn go_json(value: &Value) -> String {
    // A tree keeps its keys sorted.
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// Stores a revision under a name made of its hash. Where another revision has that name already, the collision is counted
/// and the next hash tried, unless it holds the same data.
///
/// # Errors
/// What the API server refused otherwise.
pub fn create<O: KubeObject>(
    owner: &O,
    revision: &ControllerRevision,
    collisions: &mut i32,
    client: &mut Client<'_>,
) -> Result<ControllerRevision, Status> {
    loop {
        let name = revision_name(owner.name(), &hash_data(&revision.spec.data, *collisions));
        let mut named = revision.clone();
        std::sync::Arc::make_mut(&mut named.meta).name = Some(name.clone());
        match client.create(named, None) {
            Err(refused) if refused.reason == Reason::AlreadyExists => {
                let key = Key::new(Kind::CONTROLLER_REVISION, owner.namespace(), &name);
                let existing = client.get(&key)?;
                match existing.as_kind::<ControllerRevision>() {
                    Some(existing) if existing.spec.data == revision.spec.data => {
                        return Ok(existing.clone());
                    }
                    _ => *collisions += 1,
                }
            }
            result => return result,
        }
    }
}

/// Gives a revision another number: it is the newest again.
///
/// # Errors
/// What the API server refused.
pub fn renumber(
    revision: &ControllerRevision,
    number: i64,
    client: &mut Client<'_>,
) -> Result<ControllerRevision, Status> {
    if revision.spec.revision == number {
        return Ok(revision.clone());
    }
    let mut revision = revision.clone();
    std::sync::Arc::make_mut(&mut revision.spec).revision = number;
    client.update(revision, None)
}

/// Deletes the oldest of the revisions that nothing uses, down to the limit.
///
/// # Errors
/// What the API server refused.
pub fn truncate(
    revisions: &[ControllerRevision],
    is_live: impl Fn(&ControllerRevision) -> bool,
    limit: usize,
    client: &mut Client<'_>,
) -> Result<(), Status> {
    let unused: Vec<&ControllerRevision> = revisions.iter().filter(|revision| !is_live(revision)).collect();
    for revision in unused.iter().take(unused.len().saturating_sub(limit)) {
        let object: Object = (*revision).clone().into();
        client.delete(&object.key(), &DeleteOptions::default(), None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_the_bytes_go_would_write() {
        // Recorded: the names of a real cluster's revisions.
        let data = |image: &str| {
            json!({"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "db"}}, "spec": {
                "containers": [{"image": image, "imagePullPolicy": "IfNotPresent", "name": "app",
                    "resources": {}, "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File"}],
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30}}}})
        };
        assert_eq!(hash_data(&data("registry.local/app:1"), 0), "8dc6f4f");
        assert_eq!(hash_data(&data("registry.local/app:2"), 0), "c9585578d");
        assert_ne!(hash_data(&data("registry.local/app:2"), 1), "c9585578d");
        assert_eq!(go_json(&json!("a<b>&c")), "\"a\\u003cb\\u003e\\u0026c\"");
    }
}
