//! Whole scenarios against a recording, in four columns:
//!
//! - **outputs**: what each kubectl command printed, and its exit status;
//! - **sequences**: what each workload object went through, from its first write to its last;
//! - **events**: type, reason and message of every event, in order for each object;
//! - **final objects**: every object at the end, field by field.
//!
//! What two runs of a real cluster would not share is taken out of both sides first: drawn names, uids, times, addresses,
//! and the choice among equal nodes and among equal pods. Controllers that see two pods become ready at once take one step
//! where they would have taken two, so steps in one direction count as one.

mod clock;
pub mod cluster;
mod events;
mod finals;
mod names;
mod outputs;
mod replay;
mod sequences;

use serde_json::Value;

use names::Places;
use replay::replay;

/// The columns, in the order in which they are compared.
pub const COLUMNS: [&str; 4] = ["outputs", "sequences", "events", "final objects"];

/// Runs one case. It passes only if all four columns do.
///
/// # Errors
/// Every difference, in words. The first says which columns differ.
pub fn run_case(case: &Value) -> Result<(), Vec<String>> {
    let columns = compare(case);
    let failed: Vec<&str> =
        COLUMNS.iter().zip(&columns).filter(|(_, found)| !found.is_empty()).map(|(name, _)| *name).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let mut differences = vec![format!("differs in: {}", failed.join(", "))];
    differences.extend(columns.into_iter().flatten());
    Err(differences)
}

/// Runs one case and looks at its commands alone, each for itself: its number and line, and how what it printed differs.
pub fn run_commands(name: &str, case: &Value) -> Vec<(String, Result<(), Vec<String>>)> {
    let case = &clock::numbered(case);
    let replay = replay(case);
    let places = Places::of(case);
    let (theirs, ours) = (replay.recorded.normalizer(&places), replay.names.normalizer(&places));
    let found = outputs::compare(case, &replay, &theirs, &ours).into_iter();
    found.map(|(line, result)| (format!("{name} $ {line}"), result)).collect()
}

/// The differences of each column, in the order of [`COLUMNS`].
pub fn compare(case: &Value) -> [Vec<String>; 4] {
    let case = &clock::numbered(case);
    let mut replay = replay(case);
    let places = Places::of(case);
    let theirs = replay.recorded.normalizer(&places);
    let ours = replay.names.normalizer(&places);
    let mut outputs = std::mem::take(&mut replay.differences);
    let answers = outputs::compare(case, &replay, &theirs, &ours);
    outputs.extend(answers.into_iter().filter_map(|(_, result)| result.err()).flatten());
    [
        outputs,
        sequences::compare(case, &replay, &theirs, &ours),
        events::compare(case, &replay, &theirs, &ours),
        finals::compare(case, &replay, &theirs, &ours),
    ]
}
