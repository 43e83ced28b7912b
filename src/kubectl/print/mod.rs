//! What kubectl prints: tables, YAML, JSON, names.

mod columns;
pub mod custom_columns;
pub mod fields;
pub mod format;
pub mod go_order;
mod go_template;
pub mod go_value;
pub mod json;
pub mod jsonpath;
mod kyaml;
pub mod listing;
pub mod metrics;
mod roles;
pub mod table;
pub mod tabwriter;
mod volumes;

pub use columns::{Column, PLAIN, Row, columns_of, is_default, request_status};
pub use roles::node_roles;
pub use volumes::access_modes;

use serde_json::Value;

use crate::api::{Kind, Object};

/// An object as `-o yaml` and `-o json` show it: with the nulls that the API's types are written with even where nothing is
/// set.
pub fn served(object: &Object) -> Value {
    let mut value = object.to_value();
    if object.kind() == Kind::POD {
        let conditions = value.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
            condition.entry("lastProbeTime").or_insert(Value::Null);
        }
    }
    value
}
