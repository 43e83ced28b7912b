//! Does again what was done while a recording was made.

use serde_json::Value;

use super::cluster;
use super::names::Names;
use crate::api::meta::Revision;
use crate::api::{Key, Kind, MetaExt, Node};
use crate::clock::{SimDuration, SimTime};
use crate::kubelet::NodeState;
use crate::scenario::steps::finish;
use crate::sim::{Input, Outcome, Simulation};

/// What a kubectl process takes at the least: a command that waits began this long after the step before it.
const START_UP: SimDuration = SimDuration::from_millis(70);
/// The objects were read this long after the last step or write.
const SETTLE: SimDuration = SimDuration::from_millis(500);
/// Commands that wait are given up after this long.
const WAIT_MAX: SimDuration = SimDuration::from_secs(600);

/// A scenario, replayed.
pub struct Replay {
    /// The cluster at its end.
    pub simulation: Simulation,
    /// The last write before it began.
    pub begin: Revision,
    /// The answers, one for each step; `None` for a heading.
    pub answers: Vec<Option<Outcome>>,
    /// Steps that could not be repeated.
    pub differences: Vec<String>,
    /// The names drawn here.
    pub names: Names,
    /// The names drawn in the recording.
    pub recorded: Names,
}

/// Replays the steps of a recording at their times.
pub fn replay(case: &Value) -> Replay {
    let scenario = case["scenario"].as_str().unwrap_or_default();
    let gap = SimDuration::from_millis(if scenario.starts_with("rollout-") { 450 } else { 200 });
    let nodes = if scenario.starts_with("node-failure") { 4 } else { 3 };
    let size = cluster::size_for(scenario);
    let notes = case["steps"].as_array().into_iter().flatten().filter_map(|step| step["note"].as_str());
    let measured = notes.into_iter().any(|note| note.starts_with(cluster::USAGE));
    let mut simulation = cluster::simulation(size, nodes, gap, scenario, measured);
    let started = super::clock::begin(case);
    simulation.advance(started, u64::MAX);
    let mut replay = Replay {
        begin: simulation.revision(),
        simulation,
        answers: Vec::new(),
        differences: Vec::new(),
        names: Names::default(),
        recorded: Names::recorded(case),
    };
    replay.bring_foreign(case);
    replay.bring_nodes(case, size, started);
    let mut before = SimDuration::ZERO;
    for step in case["steps"].as_array().into_iter().flatten() {
        let at = seconds(&step["t"]).unwrap_or(before);
        let answer = match step["cmd"].as_str() {
            Some(line) => {
                let began = if waits(line, step) { before + START_UP } else { at };
                replay.run_on(started + began);
                Some(replay.command(line, step["stdin"].as_str()))
            }
            None => {
                replay.run_on(started + at);
                replay.act(step["note"].as_str().unwrap_or_default(), size);
                None
            }
        };
        replay.answers.push(answer);
        before = at;
    }
    let last = case["timeline"].as_array().and_then(|rows| rows.last()).and_then(|row| seconds(&row["t"]));
    replay.run_on(started + last.unwrap_or(before).max(before) + SETTLE);
    replay
}

impl Replay {
    fn run_on(&mut self, until: SimTime) {
        self.simulation.advance(until, u64::MAX);
        self.observe();
    }

    /// Makes what other software than Kubernetes puts into every namespace of the recorded cluster: listings and quotas see
    /// it.
    fn bring_foreign(&mut self, case: &Value) {
        let mut rows = case["timeline"].as_array().into_iter().flatten();
        if rows.any(|row| row["kind"] == "ConfigMap" && row["name"] == super::finals::FOREIGN) {
            let line = format!("kubectl create configmap {} --from-literal=ca=x", super::finals::FOREIGN);
            self.command(&line, None);
        }
    }

    /// Adds the nodes that a recording had from its beginning besides those that every one has.
    fn bring_nodes(&mut self, case: &Value, size: cluster::Size, started: SimTime) {
        let steps = || case["steps"].as_array().into_iter().flatten();
        let first = steps().next().and_then(|step| seconds(&step["t"])).unwrap_or_default();
        let rows = case["timeline"].as_array().into_iter().flatten();
        for row in rows.filter(|row| row["kind"] == "Node" && row["ev"] == "ADDED") {
            let (Some(name), Some(at)) = (row["name"].as_str(), seconds(&row["t"])) else { continue };
            let noted = steps().any(|step| step["note"] == format!("ADD NODE {name}"));
            let there = self.simulation.view().get::<Node>("", name).is_some();
            if at < first && !noted && !there {
                self.run_on(started + at);
                self.simulation.submit(Input::AddNode(cluster::node(size, name)));
            }
        }
    }

    /// Takes note of the names of new objects.
    fn observe(&mut self) {
        let mut names = Names::default();
        self.simulation.api().store().since(self.begin).for_each(|change| names.observe(change));
        self.names = names;
    }

    fn command(&mut self, line: &str, stdin: Option<&str>) -> Outcome {
        let line = self.translate(line);
        let stdin = stdin.map(|stdin| self.with_own_uids(&self.translate(stdin)));
        let outcome = self.simulation.submit(Input::Kubectl { line, stdin, files: Default::default() });
        let outcome = finish(&mut self.simulation, outcome, WAIT_MAX);
        self.observe();
        outcome
    }

    /// Puts our names in the place of the recorded ones.
    fn translate(&self, text: &str) -> String {
        let mut pairs: Vec<(&str, &str)> = self.recorded.pairs().collect();
        pairs.sort_by_key(|(drawn, _)| std::cmp::Reverse(drawn.len()));
        let mut text = text.to_string();
        for (drawn, numbered) in pairs {
            if let Some(ours) = self.names.drawn(numbered).filter(|_| text.contains(drawn)) {
                text = text.replace(drawn, ours);
            }
        }
        text
    }

    /// Puts our uids in the place of recorded ones, where a manifest names an object that is here by kind, name and uid.
    fn with_own_uids(&self, manifest: &str) -> String {
        let namespace = self.simulation.config().namespace.clone();
        let (mut api_version, mut kind, mut name) = (String::new(), String::new(), String::new());
        let mut out = String::new();
        for line in manifest.lines() {
            let (field, value) = line.trim_start_matches([' ', '-']).split_once(':').unwrap_or_default();
            let value = value.trim().trim_matches(['"', '\'']);
            let indent = &line[..line.len() - line.trim_start_matches([' ', '-']).len()];
            match field {
                "apiVersion" => api_version = value.into(),
                "kind" => kind = value.into(),
                "name" => name = value.into(),
                _ => {}
            }
            let live = (field == "uid").then(|| {
                let kind = Kind::from_manifest(&api_version, &kind)?;
                let home = if kind.info().namespaced { namespace.as_str() } else { "" };
                Some(self.simulation.view().object(&Key::new(kind, home, &name))?.uid().to_string())
            });
            match live.flatten() {
                Some(uid) => out.push_str(&format!("{indent}uid: {uid}\n")),
                None => out.push_str(&format!("{line}\n")),
            }
        }
        out
    }

    /// Does what a note says, if it says that something was done to a node. Any other note is a heading.
    fn act(&mut self, note: &str, size: cluster::Size) {
        if let Some(name) = note.strip_prefix("ADD NODE ") {
            self.simulation.submit(Input::AddNode(cluster::node(size, name)));
        } else if let Some(cpu) = note.strip_prefix(cluster::USAGE) {
            self.simulation.submit(Input::Usage { cpu: cpu.into(), memory: cluster::MEMORY_USE.into() });
        } else if let Some(name) = note.strip_prefix("STOP ") {
            // The recorded kubelet fell silent; nothing was said to its containers.
            self.simulation.submit(Input::SetNode { name: name.into(), state: NodeState::Partitioned });
        } else if let Some(name) = note.strip_prefix("REVIVE ") {
            self.simulation.submit(Input::SetNode { name: name.into(), state: NodeState::Running });
        }
    }
}

/// Commands whose recorded time is when they had ended, long after they began. One that found nothing to wait for says
/// nothing of waiting, and had begun a moment before.
fn waits(line: &str, step: &Value) -> bool {
    let said = step["stdout"].as_str().unwrap_or_default();
    let waited = match () {
        () if line.starts_with("kubectl rollout status") => said.contains("Waiting for"),
        () if line.starts_with("kubectl delete") => !said.is_empty(),
        () => line.starts_with("kubectl wait") || line.starts_with("kubectl drain"),
    };
    waited && !line.contains("--wait=false")
}

/// A number of seconds, by its decimal text. Times before the beginning have no place in a replay.
pub fn seconds(number: &Value) -> Option<SimDuration> {
    SimDuration::parse(&format!("{}s", number.as_number()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn notes_stop_and_revive_nodes_and_set_what_is_used() {
        let case = json!({"scenario": "node-failure-noted", "timeline": [], "steps": [
            {"t": 1, "note": "STOP node-2"},
            {"t": 15, "cmd": "kubectl get node node-2"},
            {"t": 16, "note": "REVIVE node-2"},
            {"t": 20, "cmd": "kubectl get node node-2"},
            {"t": 21, "cmd": "kubectl run web --image=nginx"},
            {"t": 22, "note": "USAGE 70m"},
            {"t": 25, "cmd": "kubectl top pods --no-headers"},
        ]});
        let replay = replay(&case);
        let words = |step: usize| -> Vec<String> {
            let outcome = replay.answers[step].as_ref().expect("an answer");
            outcome.stdout.lines().last().unwrap_or_default().split_whitespace().map(String::from).collect()
        };
        assert_eq!(words(1)[..2], ["node-2", "NotReady"]);
        assert_eq!(words(3)[..2], ["node-2", "Ready"]);
        assert_eq!(words(6), ["web", "70m", "64Mi"]);
        assert_eq!(replay.differences, Vec::<String>::new());
    }
}
