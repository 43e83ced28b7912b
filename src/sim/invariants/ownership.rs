//! Invariants of ownership.

use crate::api::MetaExt;
use crate::apiserver::{Change, View};

/// At most one owner manages an object.
pub fn one_controller(change: &Change, _: &View) -> Result<(), String> {
    let owners = change.object().meta().owner_references.as_deref().unwrap_or_default();
    let controllers = owners.iter().filter(|owner| owner.controller == Some(true)).count();
    if controllers <= 1 { Ok(()) } else { Err(format!("{} has {controllers} controllers", change.key)) }
}
