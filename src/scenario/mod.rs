//! Runs with a beginning and an end: manifests applied until quiet, scripts of kubectl lines, lessons with steps and
//! checks, and comparisons with what a real control plane did. Text in, text out: reading files and printing is the
//! caller's.

pub mod bench;
pub mod chaos;
pub mod check;
pub mod conform;
pub mod exec;
pub mod expect;
pub mod fuzz;
pub mod picture;
pub mod run;
pub mod schema;
pub mod steps;
pub mod summary;
pub mod told;
pub mod transcript;
pub mod why;

pub use schema::{ClusterSpec, Scenario};
pub use transcript::Transcript;
