//! What every field of the built-in API may be: one table for strict decoding, linting, completion and explain.
//!
//! The table covers every kind a default 1.36 API server serves. [`strict_decode`] answers as the server's decoder
//! does; [`lint`] says it for a whole manifest with lines and columns; [`describe`] and [`complete`] serve
//! `kubectl explain`, [`place_at`] the editor.

mod complete;
mod decode;
mod flow;
mod lint;
mod normalize;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use complete::{FieldInfo, Place, Wanted, complete, describe, place_at};
pub use decode::{
    DecodeError, Finding, FindingKind, decode, decode_object_meta, inspect, json_kind, strict_decode,
};
pub use lint::{check_type_meta, is_unsimulated, lint, nearest, unsimulated};
pub use normalize::normalize;
pub use table::{Field, Named, SchemaOr, Type, TypeId};
pub use values::{check_quantity, check_time};

use table::Table;

/// The type of a built-in kind: `kind("apps/v1", "Deployment")`.
pub fn kind(group_version: &str, kind: &str) -> Option<TypeId> {
    Table::get().kind(group_version, kind)
}

/// Every built-in kind as `(apiVersion, kind, type)`, ordered.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str, TypeId)> {
    Table::get().kinds()
}
