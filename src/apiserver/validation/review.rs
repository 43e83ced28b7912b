//! The rules of questions: reviews of access and of tokens (`pkg/apis/authorization/validation`, `pkg/registry/authentication`).

use super::at::{At, Errors};
use crate::api::{Kind, MetaExt, Object, Status};

/// What is wrong with a question as it was sent: the server adds nothing to its metadata.
///
/// # Errors
/// `Invalid`, or `BadRequest` where there is nothing to answer.
pub fn validate(object: &Object) -> Result<(), Status> {
    let (kind, value) = (object.kind(), object.to_value());
    let (root, mut errors) = (At::root(&value), Errors::default());
    let (spec, metadata) = (root.get("spec"), root.get("metadata"));
    match kind {
        Kind::TOKEN_REVIEW if spec.get("token").is_empty() => {
            return Err(Status::bad_request("token is required for TokenReview in authentication"));
        }
        Kind::SELF_SUBJECT_RULES_REVIEW if spec.get("namespace").is_empty() => {
            return Err(Status::bad_request("no namespace on request"));
        }
        Kind::SELF_SUBJECT_ACCESS_REVIEW => access(&spec, false, &mut errors),
        Kind::SUBJECT_ACCESS_REVIEW | Kind::LOCAL_SUBJECT_ACCESS_REVIEW => access(&spec, true, &mut errors),
        _ => return Ok(()),
    }
    let local = kind == Kind::LOCAL_SUBJECT_ACCESS_REVIEW;
    let named = metadata.keys().any(|key| !(key == "creationTimestamp" || local && key == "namespace"));
    if named {
        let except = if local { " except for namespace" } else { "" };
        errors.invalid(&metadata, &format!("must be empty{except}"));
    }
    if local {
        let (resource, other) = (spec.get("resourceAttributes"), spec.get("nonResourceAttributes"));
        let asked = resource.get("namespace");
        if resource.is_set() && asked.text() != object.namespace() {
            errors.invalid_as(&asked, &super::text_shown(&asked), "must match metadata.namespace");
        }
        if other.is_set() {
            errors.invalid(&other, "disallowed on this kind of request");
        }
    }
    let errors = errors.into_vec();
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(kind, "", errors)) }
}

fn access(spec: &At, of_somebody: bool, errors: &mut Errors) {
    let (resource, other) = (spec.get("resourceAttributes"), spec.get("nonResourceAttributes"));
    match (resource.is_set(), other.is_set()) {
        (true, true) => errors.invalid(&other, "cannot be specified in combination with resourceAttributes"),
        (false, false) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            errors.invalid_as(&resource, "null", why);
        }
        _ => {}
    }
    let user = spec.get("user");
    if of_somebody && user.is_empty() && spec.get("groups").is_empty() {
        errors.invalid_as(&user, "\"\"", "at least one of user or group must be specified");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_question_says_what_it_asks_and_of_whom() {
        let resource = json!({"verb": "get", "resource": "pods", "namespace": "a"});
        let cases: [(Kind, Value, &str); 5] = [
            (
                Kind::SUBJECT_ACCESS_REVIEW,
                json!({"spec": {}}),
                ".authorization.k8s.io \"\" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of \
                 nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: \"\": at least one \
                 of user or group must be specified]",
            ),
            (Kind::SUBJECT_ACCESS_REVIEW, json!({"spec": {"user": "a", "resourceAttributes": resource}}), ""),
            (
                Kind::SELF_SUBJECT_ACCESS_REVIEW,
                json!({"metadata": {"name": "a"}, "spec": {"resourceAttributes": resource}}),
                ".authorization.k8s.io \"\" is invalid: metadata: Invalid value: {\"name\":\"a\"}: must be empty",
            ),
            (
                Kind::LOCAL_SUBJECT_ACCESS_REVIEW,
                json!({"metadata": {"namespace": "b"}, "spec": {"user": "a", "resourceAttributes": resource}}),
                ".authorization.k8s.io \"\" is invalid: spec.resourceAttributes.namespace: Invalid value: \"a\": must match \
                 metadata.namespace",
            ),
            (Kind::TOKEN_REVIEW, json!({"spec": {}}), "token is required for TokenReview in authentication"),
        ];
        for (kind, value, want) in cases {
            let object = Object::from_value(kind, value).unwrap();
            let said = validate(&object).err().map(|status| status.message).unwrap_or_default();
            assert_eq!(said, want);
        }
    }
}
