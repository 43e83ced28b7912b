//! The templates that a workload has had: in a Deployment's ReplicaSets, in the ControllerRevisions of the others.

use serde_json::Value;

use crate::api::patch::strategic;
use crate::api::sorting;
use crate::api::{Kind, MetaExt, Object};
use crate::client::Client;
use crate::kubectl::print::fields::Fields;

const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation that says why a revision was made.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// One revision of a workload.
pub struct Revision {
    /// Its number.
    pub number: i64,
    /// Why it was made, if somebody said so.
    pub cause: String,
    /// Its pod template.
    pub template: Value,
    /// The annotations of the object that keeps it.
    pub annotations: crate::api::meta::StringMap,
    /// The ReplicaSet that keeps it, or the workload as it was.
    pub object: Value,
}

/// The revisions of a workload, oldest first.
pub fn revisions(object: &Object, client: &Client<'_>) -> Vec<Revision> {
    let kind = match object.kind() {
        Kind::DEPLOYMENT => Kind::REPLICA_SET,
        _ => Kind::CONTROLLER_REVISION,
    };
    let owned = client
        .live()
        .objects(kind, Some(object.namespace()))
        .filter(|candidate| candidate.is_controlled_by(object.uid()));
    let mut revisions: Vec<Revision> = owned.filter_map(|kept| revision(object, &kept.to_value())).collect();
    sorting::sort_by_key(&mut revisions, |revision| revision.number);
    revisions
}

fn revision(object: &Object, kept: &Value) -> Option<Revision> {
    let annotations = kept.map("metadata.annotations");
    let cause = annotations.get(CHANGE_CAUSE).cloned().unwrap_or_default();
    let (number, object) = if object.kind() == Kind::DEPLOYMENT {
        (annotations.get(REVISION)?.parse().ok()?, kept.clone())
    } else {
        // The data of a revision is a patch that brings the template back.
        let restored = strategic::apply(object.kind(), &object.to_value(), kept.at("data")).ok()?;
        (kept.int("revision"), restored)
    };
    Some(Revision { number, cause, template: object.at("spec.template").clone(), annotations, object })
}

/// A template without the label that tells ReplicaSets apart.
pub fn without_hash(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    template
}
