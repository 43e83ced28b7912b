//! A `KubeSchedulerConfiguration` beside the objects of a manifest. The API server knows no such kind, and `kubectl apply` says so;
//! but whoever pastes one wants the scheduler to be started with it.

use super::{Input, Outcome, Simulation};
use crate::api::manifest::{self, Limits};
use crate::scheduler::configuration::{Configuration, is_configuration};

pub use crate::scheduler::configuration::{API_VERSION, KIND};

/// A manifest, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parted {
    /// The scheduler's configuration, if there is one.
    pub configuration: Option<String>,
    /// The rest, with everything in its place; `None` if nothing else is said.
    pub objects: Option<String>,
}

/// Takes a manifest apart.
pub fn part(text: &str) -> Parted {
    let stream = manifest::parse(text, &Limits::default());
    let (mine, others): (Vec<_>, Vec<_>) =
        stream.documents.iter().partition(|document| is_configuration(&document.root.to_value()));
    if mine.is_empty() {
        return Parted { configuration: None, objects: Some(text.to_string()) };
    }
    let mut rest = text.to_string();
    let mut configurations = Vec::new();
    for document in mine {
        let (from, to) = (document.span.from as usize, document.span.to as usize);
        let (Some(said), Some(before), Some(after)) = (text.get(from..to), rest.get(..from), rest.get(to..))
        else {
            continue;
        };
        configurations.push(said.to_string());
        // Blank, so that the lines and columns of what follows stay what they are.
        let blank: String = said.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        rest = format!("{before}{blank}{after}");
    }
    let has_more = !others.is_empty() || !stream.errors.is_empty();
    Parted { configuration: Some(configurations.join("\n---\n")), objects: has_more.then_some(rest) }
}

impl Simulation {
    /// Applies a manifest as somebody who pastes it means it: the scheduler is started with the configuration that is in it, and
    /// the rest is `kubectl apply -f -`.
    pub fn apply(&mut self, manifest: &str) -> Outcome {
        self.apply_file("-", manifest)
    }

    /// The same of a file, which messages call by its name.
    pub fn apply_file(&mut self, name: &str, manifest: &str) -> Outcome {
        let parted = part(manifest);
        let configured = parted.configuration.map(|text| self.submit(Input::SchedulerConfiguration(text)));
        let mut configured = configured.unwrap_or_default();
        let Some(objects) = parted.objects.filter(|_| configured.code == 0) else { return configured };
        let applied = self.apply_objects(name, objects);
        configured.stdout.push_str(&applied.stdout);
        Outcome { stdout: configured.stdout, ..applied }
    }

    /// Starts the scheduler anew with another configuration, or says why it would not start.
    pub(super) fn configure_scheduler(&mut self, text: String) -> Outcome {
        match Configuration::parse(&text) {
            Ok(configuration) => {
                self.scheduler.reconfigure(&configuration, self.now);
                self.scheduler_configuration = Some(text.into());
                self.want_schedule();
                Outcome {
                    stdout: "kube-scheduler restarted with this configuration\n".into(),
                    ..Outcome::default()
                }
            }
            Err(why) => Outcome { stderr: format!("error: {why}\n"), code: 1, ..Outcome::default() },
        }
    }

    /// The configuration that the scheduler was last started with, as it was written. `None` for the default one.
    pub fn scheduler_configuration(&self) -> Option<&str> {
        self.scheduler_configuration.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_taken_out_and_the_rest_stays_in_its_place() {
        let text = "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n---\nkind: Pod\n";
        let parted = part(text);
        let configuration = parted.configuration.unwrap_or_default();
        assert_eq!(
            configuration.trim(),
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration"
        );
        let objects = parted.objects.unwrap_or_default();
        assert_eq!(objects.len(), text.len());
        assert_eq!(objects.find("kind: Pod"), text.find("kind: Pod"));
        assert!(!objects.contains("Scheduler"));
    }
}
