//! What kubectl prints: tables, YAML, JSON, names.

mod columns;
pub mod table;

pub use columns::{Columns, columns_of};
