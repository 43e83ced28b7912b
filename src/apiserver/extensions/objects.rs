//! What an object of a custom kind goes through: unknown fields, defaults, the version it is kept in, and its rules.
//!
//! Models apiextensions-apiserver `pkg/apiserver/customresource_handler.go` and `pkg/registry/customresource/strategy.go`. Objects
//! are kept in the version in which they are shown; they differ in `apiVersion` alone, since conversion by webhook is not modelled.

use serde_json::Value;

use crate::api::definition::{Definition, Version};
use crate::api::field_error::{FieldError, Path};
use crate::api::structural::{self, Problem};
use crate::api::{Kind, Object, Status};
use crate::apiserver::View;

/// A definition, and its version that a request speaks.
fn spoken<'a>(view: &'a View, kind: Kind, api_version: &str) -> Option<(Definition<'a>, Version<'a>)> {
    let definition = view.definition(kind)?;
    let version = definition.version(api_version).or_else(|| definition.preferred())?;
    Some((definition, version))
}

/// The fields of a request that the schema does not have, in the server's words.
pub fn unknown_fields(view: &View, kind: Kind, value: &Value) -> Vec<String> {
    let api_version = value["apiVersion"].as_str().unwrap_or_default();
    let Some((_, version)) = spoken(view, kind, api_version) else { return Vec::new() };
    let unknown = structural::prune(version.schema(), &mut value.clone());
    unknown.into_iter().map(|path| format!("unknown field \"{path}\"")).collect()
}

/// What the server says to whoever speaks a deprecated version.
pub fn warning(view: &View, kind: Kind, api_version: &str) -> Option<String> {
    let (definition, version) = spoken(view, kind, api_version)?;
    definition.warning(&version)
}

/// Takes away what the schema does not have and fills in what it has defaults for.
pub fn fill_in(view: &View, object: &mut Object) {
    let kind = object.kind();
    let Some((_, version)) = spoken(view, kind, &object.api_version()) else { return };
    let mut value = object.to_value();
    structural::prune(version.schema(), &mut value);
    structural::default(version.schema(), &mut value);
    if let Ok(filled) = Object::from_value(kind, value) {
        *object = filled;
    }
}

/// Puts an object into the version in which objects of its kind are kept.
pub fn convert(view: &View, object: &mut Object) {
    object.set_api_version(view.api_version(object.kind()));
}

/// Why no object can be made of a kind whose definition is going.
///
/// # Errors
/// `MethodNotAllowed`.
pub fn may_create(view: &View, kind: Kind) -> Result<(), Status> {
    match view.definition(kind) {
        Some(definition) if definition.is("Terminating") => Err(Status::method_not_allowed(
            "create not allowed while custom resource definition is terminating",
        )),
        None if kind.is_custom() => Err(Status::no_such_resource()),
        _ => Ok(()),
    }
}

/// What is wrong with an object in the version that the request speaks; of a change, what was not wrong in the same way before (validation ratcheting).
pub fn validate(view: &View, api_version: &str, object: &Object, old: Option<&Object>) -> Vec<FieldError> {
    let Some((_, version)) = spoken(view, object.kind(), api_version) else { return Vec::new() };
    let schema = version.schema();
    let value = object.to_value();
    let mut problems = problems(&version, schema, &value);
    let old = old.map(Object::to_value);
    if let Some(old) = &old {
        let before = self::problems(&version, schema, old);
        problems.retain(|problem| !before.contains(problem));
    }
    let blocked = problems.iter().any(|problem| problem.blocks_rules);
    let mut errors: Vec<FieldError> = problems.into_iter().map(|problem| problem.error).collect();
    if blocked && structural::any(schema, &|part| part["x-kubernetes-validations"].is_array()) {
        let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete \
                   validation";
        errors.push(FieldError::invalid(&Path::default(), "null", why));
    } else if !blocked {
        errors.extend(structural::rules::evaluate(schema, &value, old.as_ref()));
    }
    errors
}

fn problems(version: &Version<'_>, schema: &Value, value: &Value) -> Vec<Problem> {
    let plain = |error| Problem { error, blocks_rules: false };
    let mut problems = structural::validate(schema, value);
    if let Some(scale) = version.scale() {
        for path in [scale.replicas, scale.current] {
            let count = at_path(value, path).filter(|count| !count.is_null());
            if let Some(count) = count.filter(|count| count.as_i64().is_none_or(|count| count < 0)) {
                let why = "should be a non-negative integer";
                problems.push(plain(FieldError::invalid(&Path::new(&path[1..]), count, why)));
            }
        }
    }
    problems.extend(structural::validate_lists(schema, value).into_iter().map(plain));
    problems
}

/// The value at a simple path: `.spec.replicas`.
pub fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|name| !name.is_empty()).try_fold(value, |value, name| value.get(name))
}
