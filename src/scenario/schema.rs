//! The format of scenarios: YAML that the page's lessons, the tests and the headless command read alike.
//!
//! ```yaml
//! title: A rolling update keeps its floor
//! seed: 7
//! files: {web.yaml: ../web.yaml} # what `-f` can name, and where it is
//! cluster:
//!   nodes: 3                     # or a list: [{name: node-1, cpu: "2", memory: 4Gi, zone: zone-a, taints: [...]}]
//! steps:
//! - apply: {file: web.yaml}      # relative to the scenario; or {text: "..."}
//! - until-quiet: 2m              # at most that long
//! - kubectl: set image deploy/web app=web:2
//! - load: svc/web --rate 50 --for 30s   # requests; also `stop` and `report`
//! - console: nslookup web        # as typed, into a shell that `exec -it` has opened
//! - advance: 500ms
//! - fault: {removeNode: node-2}  # any input of the simulation
//! - expect: {kind: Pod, where: {status.phase: Running}, count: 3}
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::clock::SimDuration;
use crate::sim::{Config, Input, NodeSpec};

/// A scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// One line that says what it shows.
    pub title: String,
    /// More about it.
    #[serde(default)]
    pub description: String,
    /// Feeds every random draw.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The cluster it begins with.
    #[serde(default)]
    pub cluster: ClusterSpec,
    /// Files that `-f` can name: the name on the line, and where the file is, relative to the scenario.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

fn default_seed() -> u64 {
    1
}

/// A cluster to be, as a scenario or a `--cluster` file describes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClusterSpec {
    /// Its nodes.
    #[serde(default)]
    pub nodes: Nodes,
}

/// How many nodes, or which.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Nodes {
    /// So many equal nodes.
    Count(u32),
    /// These.
    List(Vec<NodeSpec>),
}

impl Default for Nodes {
    fn default() -> Self {
        Nodes::Count(3)
    }
}

/// The most nodes that a scenario may ask for by number.
pub const NODES_MAX: u32 = 5_000;

impl ClusterSpec {
    /// Reads a cluster from YAML or JSON.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn parse(text: &str) -> Result<ClusterSpec, String> {
        parse(text)
    }

    /// The configuration of that cluster.
    pub fn config(&self, seed: u64) -> Config {
        match &self.nodes {
            Nodes::Count(count) => Config::sized(seed, (*count).min(NODES_MAX)),
            Nodes::List(nodes) => Config::with_nodes(seed, nodes.clone()),
        }
    }
}

/// One step of a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A kubectl line, without the word `kubectl`; a command that waits runs the clock until it ends.
    Kubectl(Command),
    /// A line at the console as it is typed: for a shell in a container that has the console.
    Console(String),
    /// `kubectl apply -f -` of a manifest.
    Apply(ManifestSource),
    /// A line at the console that begins with `load`, without that word; a load `--for` some time is waited for.
    Load(String),
    /// Time passes.
    Advance(Span),
    /// Time passes until nothing but heartbeats is left, at most so much.
    UntilQuiet(Span),
    /// Something that no kubectl command does: a node joins or fails.
    Fault(Input),
    /// What there is to say of a pod's place, as `kubeviz why` prints it.
    Why(String),
    /// What must be true now.
    Expect(Expectation),
}

/// A kubectl line, alone or with what belongs to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// The line.
    Line(String),
    /// The line and its input.
    Full(FullCommand),
}

/// A kubectl line with its input and the exit status it should have.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FullCommand {
    /// The line.
    pub line: String,
    /// What is piped in.
    #[serde(default)]
    pub stdin: Option<String>,
    /// Whether the command is meant to fail.
    #[serde(default)]
    pub fails: bool,
}

/// Where a manifest comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestSource {
    /// A file, relative to the scenario.
    File(String),
    /// The manifest itself.
    Text(String),
}

/// A Go duration: `30s`, `1m30s`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub SimDuration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        let span = SimDuration::parse(&text);
        span.map(Span).ok_or_else(|| format!("invalid duration {text:?}, expected for example 30s or 1m30s"))
    }
}

/// What must be true of the objects of a kind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// The kind, by any name that kubectl knows: `Pod`, `deploy`.
    pub kind: String,
    /// Where to look; everywhere if left out.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name; any if left out.
    #[serde(default)]
    pub name: Option<String>,
    /// Only objects of which each of these fields has that value. See [`super::expect::lookup`] for paths.
    #[serde(default, rename = "where")]
    pub fields: BTreeMap<String, Value>,
    /// How many objects must be like that; at least one if left out.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Scenario {
    /// Reads a scenario from YAML.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn parse(text: &str) -> Result<Scenario, String> {
        parse(text)
    }

    /// The files that its steps name, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let applied = self.steps.iter().filter_map(|step| match step {
            Step::Apply(ManifestSource::File(file)) => Some(file.as_str()),
            _ => None,
        });
        applied.chain(self.files.values().map(String::as_str))
    }

    /// The cluster it begins with.
    pub fn config(&self) -> Config {
        self.cluster.config(self.seed)
    }
}

/// YAML to plain data first: an enum is then written as a map with one key, as in JSON, without YAML tags.
fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let value: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_step_is_read() {
        let text = "
title: All steps
cluster: {nodes: [{name: big, cpu: '8'}]}
steps:
- kubectl: get pods
- kubectl: {line: delete pod nope, fails: true}
- apply: {file: a.yaml}
- apply: {text: 'kind: Pod'}
- advance: 1m30s
- until-quiet: 10m
- fault: {removeNode: node-1}
- fault: {addNode: {name: node-9}}
- expect: {kind: Pod, where: {status.phase: Running}, count: 3}
";
        let scenario = Scenario::parse(text).unwrap();
        assert_eq!(scenario.steps.len(), 9);
        assert_eq!(scenario.files().collect::<Vec<_>>(), ["a.yaml"]);
        assert_eq!(scenario.config().nodes[0].cpu, "8");
        assert_eq!(scenario.steps[4], Step::Advance(Span(SimDuration::from_secs(90))));
    }

    #[test]
    fn a_mistake_is_named() {
        let cases = [
            ("title: x\nsteps: [{advance: soon}]", "invalid duration \"soon\""),
            ("title: x\nsteps: [{wait: 3s}]", "unknown variant `wait`"),
            ("title: x\nsteps: []\nstep: 1", "unknown field `step`"),
        ];
        for (text, want) in cases {
            let error = Scenario::parse(text).unwrap_err();
            assert!(error.contains(want), "{text:?} gave {error:?}");
        }
    }
}
