//! `top`: needs the metrics API, which is no part of a cluster by itself.

use crate::kubectl::Verb;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "pods of every namespace").short('A'),
    value("selector", "only those with these labels").short('l'),
    value("field-selector", "only those with these fields"),
    value("sort-by", "cpu or memory"),
    switch("containers", "each container for itself"),
    switch("no-headers", "leave the headings out"),
    switch("sum", "a line with the sums"),
    switch("show-capacity", "capacity instead of what is allocatable"),
    switch("use-protocol-buffers", "has no effect here"),
];

/// `top pod`.
pub const POD: Verb = Verb {
    path: "top pod",
    help: "Display resource (CPU/memory) usage of pods",
    flags: FLAGS,
    run: |_| Err(unavailable()),
};
/// The same by its plural.
pub const PODS: Verb = Verb { path: "top pods", ..POD };
/// The same by its short name.
pub const PO: Verb = Verb { path: "top po", ..POD };
/// `top node`.
pub const NODE: Verb = Verb { path: "top node", help: "Display resource (CPU/memory) usage of nodes", ..POD };
/// The same by its plural.
pub const NODES: Verb = Verb { path: "top nodes", ..NODE };
/// The same by its short name.
pub const NO: Verb = Verb { path: "top no", ..NODE };

fn unavailable() -> Failure {
    Failure::message("Metrics API not available")
}
