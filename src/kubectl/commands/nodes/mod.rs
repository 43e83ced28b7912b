//! `cordon`, `uncordon`, `drain` and `taint`.

pub(in crate::kubectl) mod drain;
mod taint;

use std::sync::Arc;

use crate::api::{MetaExt, Node, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::{Call, Verb};

use super::get::select;
use super::writing::{DRY_RUN, DryRun};

pub use drain::DRAIN;
pub use taint::TAINT;

/// See the module.
pub const CORDON: Verb = Verb {
    path: "cordon",
    help: "Mark node as unschedulable",
    flags: &[value("selector", "only nodes with these labels").short('l'), DRY_RUN],
    run: |call| set_unschedulable(call, true).map(|_| ()),
};
/// See the module.
pub const UNCORDON: Verb = Verb {
    path: "uncordon",
    help: "Mark node as schedulable",
    flags: &[value("selector", "only nodes with these labels").short('l'), DRY_RUN],
    run: |call| set_unschedulable(call, false).map(|_| ()),
};
/// Marks nodes, says so, and returns their names.
fn set_unschedulable(call: &mut Call<'_, '_>, unschedulable: bool) -> Result<Vec<String>, Failure> {
    let word = if unschedulable { "cordoned" } else { "uncordoned" };
    let dry = DryRun::of(call)?;
    if call.args.words.is_empty() && !call.args.has("selector") {
        let verb = if unschedulable { "cordon" } else { "uncordon" };
        return Err(Failure::misuse(format!("USAGE: {verb} NODE [flags]")));
    }
    // Nodes may be named bare or as node/NAME.
    for name in &mut call.args.words {
        *name = name.strip_prefix("node/").or(name.strip_prefix("nodes/")).unwrap_or(name).to_string();
    }
    call.args.words.insert(0, "nodes".into());
    let (nodes, failures) = select(call)?;
    Failure::collect(failures)?;
    let mut names = Vec::new();
    for object in nodes {
        let Object::Node(node) = &*object else { continue };
        names.push(node.name().to_string());
        if node.spec.unschedulable.unwrap_or(false) == unschedulable {
            call.say(format!("node/{} already {word}{}", node.name(), dry.suffix()));
            continue;
        }
        let mut updated: Node = node.clone();
        updated.revision = 0;
        Arc::make_mut(&mut updated.spec).unschedulable = unschedulable.then_some(true);
        if dry == DryRun::No {
            call.client.update(updated, None)?;
        }
        call.say(format!("node/{} {word}{}", node.name(), dry.suffix()));
    }
    Ok(names)
}
