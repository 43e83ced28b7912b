//! `kubeviz run`: applies manifests and watches until nothing more happens.

use serde::Serialize;

use super::Transcript;
use super::summary::Summary;
use super::transcript::render;
use crate::api::manifest::Diagnostic;
use crate::clock::SimDuration;
use crate::sim::{Config, Simulation};
use crate::view::StoryLine;

/// A manifest and the name it is known by in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its path.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// All that a run has brought.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What kubectl answered to each manifest.
    pub applied: Vec<Applied>,
    /// What happened then, oldest first.
    pub story: Vec<StoryLine>,
    /// Where it ended.
    pub summary: Summary,
}

/// kubectl's answer to one manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Applied {
    /// The manifest's name.
    pub file: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit status.
    pub code: i32,
    /// What is wrong in the manifest, as `line:column: message`, lines from 1.
    pub diagnostics: Vec<String>,
}

impl Report {
    /// Whether every manifest was applied. Pods that never became ready do not count: the summary names them, and what is
    /// wanted of them is a matter for `kubectl rollout status` in a script.
    pub fn succeeded(&self) -> bool {
        self.applied.iter().all(|applied| applied.code == 0)
    }

    /// The whole report, for people.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for applied in &self.applied {
            text.push_str(&format!("$ kubectl apply -f {}\n", applied.file));
            text.push_str(&applied.stdout);
            text.push_str(&applied.stderr);
            for diagnostic in &applied.diagnostics {
                text.push_str(&format!("{}:{diagnostic}\n", applied.file));
            }
        }
        text.push('\n');
        text.extend(self.story.iter().map(render));
        text.push('\n');
        text.push_str(&self.summary.render());
        text
    }
}

/// Applies the manifests to a new cluster, in order and at once, and runs until it is quiet or `limit` has passed.
pub fn run(config: Config, manifests: &[Manifest], limit: SimDuration) -> Report {
    let mut simulation = Simulation::new(config);
    let mut transcript = Transcript::from_now(&simulation);
    let applied = manifests.iter().map(|manifest| apply(&mut simulation, manifest)).collect();
    simulation.run_until_quiet(simulation.now() + limit);
    Report { applied, story: transcript.take(&simulation), summary: Summary::of(&simulation) }
}

fn apply(simulation: &mut Simulation, manifest: &Manifest) -> Applied {
    let outcome = simulation.apply_file(&manifest.name, &manifest.text);
    Applied {
        file: manifest.name.clone(),
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        code: outcome.code,
        diagnostics: outcome.diagnostics.iter().map(locate).collect(),
    }
}

/// Applies them all, in order and at once.
///
/// # Errors
/// kubectl's words where a manifest is refused.
pub(super) fn apply_all(simulation: &mut Simulation, manifests: &[Manifest]) -> Result<(), String> {
    for manifest in manifests {
        let applied = apply(simulation, manifest);
        if applied.code != 0 {
            return Err(format!("{}: {}", applied.file, applied.stderr.trim_end()));
        }
    }
    Ok(())
}

/// `line:column: message (field path)`.
fn locate(diagnostic: &Diagnostic) -> String {
    let Diagnostic { line, column, message, .. } = diagnostic;
    let severity = if diagnostic.is_error() { "error" } else { "warning" };
    let path = diagnostic.path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
    format!("{line}:{column}: {severity}: {message}{path}")
}
