//! The types of the built-in Kubernetes API. [`TABLE`] says what every field of every kind may be; the structs are
//! generated from it when the package is built, in the shape that k8s-openapi gives them (`core_v1::PodSpec`), and are
//! read from and written to JSON trees by one small interpreter instead of code of their own: for a page that has to be
//! loaded, that is a fifth of what derived code weighs.
//!
//! `tools/schema-table` writes the table.

#[macro_use]
mod part;
mod time;

use std::collections::BTreeMap;

use serde_json::Value;

pub use part::{Fields, Misfit, Part, object, read, weigh_map, write};
pub use time::{MicroTime, OutOfRange, Time, Timestamp, date_of, days_of};

/// What every field of every kind may be. The text has one line a fact:
/// `K apiVersion kind definition`, `D group/version.Name` followed by its fields `name code` (`name! code` when
/// required) in order of name, and `E type values…` for enumerations. Codes: `s` string, `i` int32, `l` int64,
/// `f` float64, `b` bool, `y` bytes, `q` quantity, `x` int-or-string, `t` time, `m` microtime, `*` anything,
/// `[]T` list, `{}T` map, `@Name` definition (of the same package unless it carries one), `=Name` string with a Go
/// name, `?b ?a ?s` JSON schema or boolean, or list of schemas, or list of strings.
pub static TABLE: &str = include_str!("../table.txt");

/// An amount, as it was written: `500m`, `1Gi`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub String);

/// Bytes, written as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteString(pub String);

/// A number or a text: a port or its name, a count or a percentage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A text.
    String(String),
}

impl Default for IntOrString {
    fn default() -> IntOrString {
        IntOrString::Int(0)
    }
}

include!(concat!(env!("OUT_DIR"), "/types.rs"));
