//! What applying a manifest would come to, tried on a copy of the run.

use crate::api::manifest::Diagnostic;
use crate::sim::scheduler_configuration::part;
use crate::sim::{Input, Outcome, Simulation};

/// A longer text is tried only when it is applied.
const LENGTH_MAX: usize = 64 * 1024;

/// In a larger cluster a copy costs more than a pause in typing.
const OBJECTS_MAX: usize = 20_000;

/// Applies a manifest as the page does: once more where it has made kinds for its other documents.
pub(super) fn apply(run: &mut Simulation, objects: &str) -> Outcome {
    let line = "kubectl apply -f -".to_string();
    let input = Input::Kubectl { line, stdin: Some(objects.into()), files: Default::default() };
    let first = run.submit(input.clone());
    if first.wants_another_go() { run.submit(input) } else { first }
}

/// What the API server would refuse of a text, each at its place.
pub fn refusals(text: &str, moment: &Simulation) -> Vec<Diagnostic> {
    if text.len() > LENGTH_MAX || moment.view().len() > OBJECTS_MAX {
        return Vec::new();
    }
    let Some(objects) = part(text).objects.filter(|objects| !objects.trim().is_empty()) else {
        return Vec::new();
    };
    let outcome = apply(&mut moment.clone(), &objects);
    outcome.diagnostics.into_iter().filter(Diagnostic::is_error).collect()
}

/// All errors of a text: those that can be seen in it, or else what the API server would say.
pub fn errors(text: &str, moment: &Simulation) -> Vec<Diagnostic> {
    let seen: Vec<Diagnostic> = super::lint(text).into_iter().filter(Diagnostic::is_error).collect();
    if seen.is_empty() { refusals(text, moment) } else { seen }
}
