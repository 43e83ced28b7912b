//! What a CustomResourceDefinition's schema says of its objects: which fields there are ([`prune`]), what those that are left out
//! become ([`default`]), and what values they may have ([`validate`]). All of it reads the schema as it is written, as JSON.
//!
//! Models apiextensions-apiserver `pkg/apiserver/schema` over kube-openapi `pkg/validation`.

mod default;
mod formats;
mod lists;
mod prune;
pub mod rules;
mod validate;

pub use default::default;
pub use lists::validate_lists;
pub use prune::prune;
pub use validate::{Problem, validate};

use serde_json::Value;

/// A part of a schema that is a schema itself; nothing where there is none.
fn part<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema.get(name).filter(|part| part.is_object())
}

/// The schema of a field.
fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    part(schema, "properties")?.get(name)
}

/// Whether a flag of a schema is set.
fn flag(schema: &Value, name: &str) -> bool {
    schema[name] == true
}

/// Whether some part of a schema, or the whole, is so.
pub fn any(schema: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    let each = |value: Option<&Value>| value.is_some_and(|schema| any(schema, is));
    let list = |name: &str| schema[name].as_array().is_some_and(|list| list.iter().any(|part| any(part, is)));
    let map = |name: &str| schema[name].as_object().is_some_and(|map| map.values().any(|part| any(part, is)));
    is(schema)
        || ["items", "not", "additionalProperties"].iter().any(|name| each(part(schema, name)))
        || ["allOf", "anyOf", "oneOf"].iter().any(|name| list(name))
        || map("properties")
}
