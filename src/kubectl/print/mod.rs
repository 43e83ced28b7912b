//! What kubectl prints: tables, YAML, JSON, names.

mod columns;
pub mod custom_columns;
pub mod fields;
pub mod format;
mod go_template;
pub mod json;
pub mod jsonpath;
pub mod metrics;
mod roles;
pub mod table;
pub mod tabwriter;
mod volumes;

pub use columns::{Column, Row, columns_of, is_default};
pub use roles::node_roles;
pub use volumes::access_modes;
