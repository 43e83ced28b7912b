//! `edit`: opens an editor, where there is one. The page has its own; a command line without a terminal has none.

use super::get::select;
use super::writing::{OUTPUT, TEMPLATE};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("filename", "the manifests of the objects").short('f'),
    OUTPUT,
    TEMPLATE,
    switch("output-patch", "print the patch"),
    switch("save-config", "has no effect here"),
    switch("windows-line-endings", "has no effect here"),
    value("subresource", "has no effect here"),
    optional("validate", "strict", "has no effect here"),
];

/// See the module.
pub const EDIT: Verb = Verb { path: "edit", help: "Edit a resource on the server", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (objects, failures) = select(call)?;
    Failure::collect(failures)?;
    if objects.is_empty() {
        return Err(Failure::message("edit cancelled, no objects found"));
    }
    Err(Failure::message("unable to launch the editor \"vi\""))
}
