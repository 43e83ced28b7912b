//! What kubectl prints: tables, YAML, JSON, names.

mod columns;
pub mod custom_columns;
pub mod json;
pub mod jsonpath;
pub mod table;
pub mod tabwriter;

pub use columns::{Columns, columns_of};
