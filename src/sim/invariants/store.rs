//! Invariants of every object.

use crate::api::MetaExt;
use crate::apiserver::{Change, View};

/// An object under one key keeps its uid and its birth until it is removed.
pub fn identity(change: &Change, _: &View) -> Result<(), String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    let same =
        before.uid() == after.uid() && before.meta().creation_timestamp == after.meta().creation_timestamp;
    if same { Ok(()) } else { Err(format!("{} became another object", change.key)) }
}

/// Where generations are counted, a changed spec raises it by one and nothing else does, but the mark of deletion, and the annotations
/// of a Deployment.
pub fn generation(change: &Change, _: &View) -> Result<(), String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    let (Some(old), Some(new)) = (before.meta().generation, after.meta().generation) else { return Ok(()) };
    let deletion = i64::from(!before.is_deleting() && after.is_deleting());
    let binding = change.key.kind == crate::api::Kind::POD;
    let spec = i64::from(!before.same_spec(after) && !binding);
    let annotated =
        change.key.kind == crate::api::Kind::DEPLOYMENT && before.annotations() != after.annotations();
    let allowed = new == old + deletion + spec
        || (annotated && new == old + 1)
        || (binding && (new == old || new == old + 1));
    if allowed { Ok(()) } else { Err(format!("{} went from generation {old} to {new}", change.key)) }
}
