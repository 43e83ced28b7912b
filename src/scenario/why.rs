//! `kubeviz why`: why a pod is where it is, or why it waits, as the scheduler recorded it, and what would let it run; and of any
//! object what the other deciders say.

use serde::Serialize;

use super::run::{Manifest, apply_all};
use super::told::{Told, render_answers};
use crate::api::explain::{Explain, PluginScore, PreemptionStep, SchedulingDecision};
use crate::api::{Event, Key, Kind, MetaExt, Pod};
use crate::clock::{SimDuration, SimTime};
use crate::scheduler::whatif::Fix;
use crate::sim::{Config, Simulation};
use crate::view::because::answers;
use crate::view::inspect::decisions;
use crate::view::why::{Reasons, fixes};

/// Everything there is to say of a pod's place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The pod, as `namespace/name`.
    pub pod: String,
    /// The node it is bound to; empty while it waits.
    pub node: String,
    /// The part of the scheduler's queue it waits in: `active`, `backoff`, `unschedulable` or `gated`.
    pub queue: Option<&'static str>,
    /// The answer, the funnel, the matrix, the scores.
    #[serde(flatten)]
    pub reasons: Reasons,
    /// The attempts before, oldest first.
    pub earlier: Vec<Earlier>,
    /// When the scheduler last decided about it.
    pub time: Option<SimTime>,
    /// The record of that decision.
    pub decision: Option<SchedulingDecision>,
    /// What the scheduler said of it last, word for word.
    pub event: Option<Said>,
    /// The single changes that would let it run.
    pub fixes: Vec<Fix>,
    /// What the other deciders say of it.
    pub answers: Vec<Told>,
}

/// An object under the glass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Found {
    /// A pod, with what the scheduler has to say.
    Pod(Box<Why>),
    /// Anything else.
    Other {
        /// Which: `HorizontalPodAutoscaler default/web`.
        object: String,
        /// What deciders say of it.
        answers: Vec<Told>,
    },
}

impl Found {
    /// The whole answer, for people.
    pub fn render(&self) -> String {
        match self {
            Found::Pod(why) => why.render(),
            Found::Other { object, answers } if answers.is_empty() => {
                format!("{object}: nobody has decided anything about it.\n")
            }
            Found::Other { object, answers } => format!("{object}\n{}", render_answers(answers)),
        }
    }
}

/// An attempt before the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Which it was, from 1.
    pub attempt: u32,
    /// When.
    pub time: SimTime,
    /// What came of it: the event's text.
    pub message: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Its reason.
    pub reason: String,
    /// Its text.
    pub message: String,
    /// How often it was said.
    pub count: i32,
}

/// Applies the manifests to a new cluster, runs until it is quiet or `limit` has passed, and looks at an object.
///
/// # Errors
/// kubectl's words where a manifest is refused, or that there is no such object.
pub fn run(config: Config, manifests: &[Manifest], limit: SimDuration, name: &str) -> Result<Found, String> {
    let mut simulation = Simulation::new(config);
    apply_all(&mut simulation, manifests)?;
    let end = simulation.now() + limit;
    simulation.run_until_quiet(end);
    let found = find_any(&simulation, name);
    // Autoscalers go on looking where nothing else happens.
    if !matches!(&found, Ok(Found::Other { object, .. }) if object.starts_with("HorizontalPodAutoscaler ")) {
        return found;
    }
    simulation.advance(end, u64::MAX);
    find_any(&simulation, name)
}

/// Looks at a pod by its name, or at any object by `kind/name`.
fn find_any(simulation: &Simulation, name: &str) -> Result<Found, String> {
    let named = name.split_once('/').and_then(|(word, name)| {
        let kind = simulation.view().kind_from_word(word)?;
        let namespace = if kind.info().namespaced { simulation.namespace() } else { "" };
        Some(Key::new(kind, namespace, name))
    });
    match named {
        Some(key) if key.kind == Kind::POD => Why::of(simulation, &key.name).map(Box::new).map(Found::Pod),
        Some(key) if simulation.view().object(&key).is_some() => {
            Ok(Found::Other { object: key.to_string(), answers: told(simulation, &key) })
        }
        Some(key) => Err(format!("there is no {key}")),
        None => Why::of(simulation, name).map(Box::new).map(Found::Pod),
    }
}

fn told(simulation: &Simulation, key: &Key) -> Vec<Told> {
    let found = answers(simulation.view(), simulation.api().store(), key, simulation.now());
    found.into_iter().map(Told::new).collect()
}

impl Why {
    /// Looks at a pod: by name, by the beginning of a name (of several, a waiting one first), or by `namespace/name`.
    ///
    /// # Errors
    /// That there is no such pod.
    pub fn of(simulation: &Simulation, name: &str) -> Result<Why, String> {
        let pod = find(simulation, name).ok_or_else(|| format!("there is no pod {name:?}"))?;
        let key = Key::new(crate::api::Kind::POD, pod.namespace(), pod.name());
        let mut attempts = attempts(simulation, &key);
        let recorded = attempts.pop();
        let node = pod.spec.node_name.clone().unwrap_or_default();
        let scheduler = simulation.scheduler();
        let (time, decision) = recorded.unzip();
        Ok(Why {
            pod: format!("{}/{}", pod.namespace(), pod.name()),
            queue: scheduler.queue().part_of(&key),
            reasons: match &decision {
                Some(decision) => Reasons::of(pod.name(), decision),
                None => Reasons {
                    sentence: without_decision(
                        pod,
                        scheduler.queue().part_of(&key),
                        scheduler.queue().gate_of(&key),
                    ),
                    ..Reasons::default()
                },
            },
            earlier: attempts.into_iter().map(earlier).collect(),
            time,
            event: said(simulation, pod),
            fixes: fixes(simulation, &key),
            answers: told(simulation, &key),
            decision,
            node,
        })
    }
}

fn find<'a>(simulation: &'a Simulation, name: &'a str) -> Option<&'a Pod> {
    let (namespace, name) = name.split_once('/').unwrap_or((simulation.namespace(), name));
    let view = simulation.view();
    view.get::<Pod>(namespace, name).or_else(|| {
        let named: Vec<&Pod> =
            view.list::<Pod>(Some(namespace)).filter(|pod| pod.name().starts_with(name)).collect();
        let waiting = named.iter().find(|pod| pod.spec.node_name.is_none());
        waiting.or(named.first()).copied()
    })
}

/// The decisions of the scheduler about the pod, oldest first, and when they were made.
fn attempts(simulation: &Simulation, key: &Key) -> Vec<(SimTime, SchedulingDecision)> {
    let recorded = decisions(simulation.api().store(), simulation.revision(), key);
    let decided = recorded.into_iter().filter_map(|found| match &*found.explain {
        Explain::Scheduling(decision) => Some((found.time, decision.clone())),
        _ => None,
    });
    decided.collect()
}

fn earlier((time, decision): (SimTime, SchedulingDecision)) -> Earlier {
    Earlier { attempt: decision.attempt, time, message: decision.message }
}

fn said(simulation: &Simulation, pod: &Pod) -> Option<Said> {
    let about = |event: &&Event| {
        event.spec.involved_object.uid.as_deref() == Some(pod.uid())
            && matches!(event.spec.reason.as_deref(), Some("Scheduled" | "FailedScheduling"))
    };
    let events = simulation.view().list::<Event>(Some(pod.namespace())).filter(about);
    let last = events.max_by_key(|event| event.revision)?;
    Some(Said {
        reason: last.spec.reason.clone().unwrap_or_default(),
        message: last.spec.message.clone().unwrap_or_default(),
        count: last.spec.count.unwrap_or(1),
    })
}

/// What there is to say of a pod that the scheduler has not tried.
fn without_decision(pod: &Pod, queue: Option<&'static str>, gate: &str) -> String {
    let name = pod.name();
    let gates: Vec<&str> =
        pod.spec.scheduling_gates.iter().flatten().map(|gate| gate.name.as_str()).collect();
    match (&pod.spec.node_name, queue) {
        (Some(node), _) => format!("{name} was given to {node} without the scheduler."),
        (None, Some("gated")) if gates.is_empty() => format!("{name} may not be tried yet: {gate}."),
        (None, Some("gated")) => format!("{name} waits for its scheduling gates: {}.", gates.join(", ")),
        (None, Some(_)) => format!("{name} has not been tried yet."),
        (None, None) => format!(
            "{name} waits for the scheduler {}, which is not there.",
            pod.spec.scheduler_name.as_deref().unwrap_or_default()
        ),
    }
}

impl Why {
    /// The whole answer, for people.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n", self.reasons.sentence);
        if let Some(decision) = &self.decision {
            self.render_attempt(decision, &mut text);
            render_filters(decision, &mut text);
            self.render_scores(&mut text);
            if let Some(step) = &decision.preemption {
                render_preemption(step, &mut text);
            }
        }
        if let Some(event) = &self.event {
            text.push_str(&format!("\nEvent: {} (x{})\n  {}\n", event.reason, event.count, event.message));
        }
        self.render_fixes(&mut text);
        text.push_str(&render_answers(&self.answers));
        text
    }

    fn render_attempt(&self, decision: &SchedulingDecision, text: &mut String) {
        let time = self.time.map(|time| time.to_string()).unwrap_or_default();
        text.push_str(&format!("\nAttempt {} at {time}: {} nodes", decision.attempt, decision.nodes.len()));
        for stage in &self.reasons.funnel {
            text.push_str(&format!(", {} -{} leaves {}", stage.plugin, stage.rejected, stage.left));
        }
        text.push('\n');
        if let Some(refusal) = &decision.pre_filter {
            text.push_str(&format!("{} refused the pod: {}\n", refusal.plugin, refusal.message));
        }
        for earlier in &self.earlier {
            text.push_str(&format!("Attempt {} at {}: {}\n", earlier.attempt, earlier.time, earlier.message));
        }
        if let Some(queue) = self.queue {
            text.push_str(&format!("It now waits in the {queue} part of the queue.\n"));
        }
    }

    /// Best first; each part as normalised score times weight, and of the chosen node how it came about.
    fn render_scores(&self, text: &mut String) {
        let rows = &self.reasons.scores;
        if rows.is_empty() {
            return;
        }
        text.push_str("\nScores (score x weight):\n");
        let width = rows.iter().map(|row| row.node.len()).max().unwrap_or(0);
        for row in rows {
            let mark = if row.chosen { '*' } else { ' ' };
            let part = |part: &PluginScore| format!("{} {} x {}", part.plugin, part.normalized, part.weight);
            let parts: Vec<String> = row.parts.iter().map(part).collect();
            text.push_str(&format!("{mark} {:width$}  {:5} = {}\n", row.node, row.total, parts.join(" + ")));
        }
        if !self.reasons.tie.is_empty() {
            text.push_str(&format!("{}\n", self.reasons.tie));
        }
        if let Some(chosen) = rows.iter().find(|row| row.chosen) {
            text.push_str(&format!("\nHow {} came to them:\n", chosen.node));
            for part in chosen.parts.iter().filter(|part| !part.arithmetic.is_empty()) {
                text.push_str(&format!("  {} {}: {}\n", part.plugin, part.normalized, part.arithmetic));
            }
        }
    }

    fn render_fixes(&self, text: &mut String) {
        if !self.node.is_empty() {
            return;
        }
        if self.fixes.is_empty() {
            text.push_str("\nNo single change that was tried would let it run.\n");
            return;
        }
        text.push_str("\nAny one of these would let it run (tried on a copy):\n");
        for fix in &self.fixes {
            text.push_str(&format!("  - {}: runs on {}", fix.sentence, fix.node));
            if !fix.victims.is_empty() {
                text.push_str(&format!(" once these are gone: {}", fix.victims.join(", ")));
            }
            text.push('\n');
            if !fix.command.is_empty() {
                text.push_str(&format!("      $ {}\n", fix.command));
            }
        }
    }
}

fn render_filters(decision: &SchedulingDecision, text: &mut String) {
    let rejected: Vec<_> =
        decision.nodes.iter().filter_map(|node| Some((&node.node, node.rejection.as_ref()?))).collect();
    if rejected.is_empty() {
        return;
    }
    text.push_str("\nNodes that cannot run it:\n");
    let width = rejected.iter().map(|(node, _)| node.len()).max().unwrap_or(0);
    for (node, rejection) in rejected {
        let code = if rejection.unresolvable { "UnschedulableAndUnresolvable" } else { "Unschedulable" };
        let reasons: Vec<&str> = rejection.reasons.iter().map(|reason| &**reason).collect();
        let plugin = if rejection.plugin.is_empty() { "PreFilter" } else { &rejection.plugin };
        text.push_str(&format!("  {node:width$}  {plugin}  {code}  {}", reasons.join(", ")));
        if !rejection.detail.is_empty() {
            text.push_str(&format!(" ({})", rejection.detail));
        }
        text.push('\n');
    }
}

fn render_preemption(step: &PreemptionStep, text: &mut String) {
    text.push_str(&format!("\nPreemption: room is made on {}\n", step.nominated_node));
    for candidate in step.candidates.iter() {
        let mark = if *candidate.node == *step.nominated_node { '*' } else { ' ' };
        text.push_str(&format!("{mark} {}  would lose {}", candidate.node, candidate.victims.join(", ")));
        if candidate.pdb_violations > 0 {
            text.push_str(&format!("; breaks {} disruption budgets", candidate.pdb_violations));
        }
        text.push('\n');
    }
    if step.tied.len() > 1 {
        let names: Vec<&str> = step.tied.iter().map(|node| &**node).collect();
        text.push_str(&format!("Equally good: {}; the seed drew one of them.\n", names.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::why::Stage;

    fn why(manifest: &str) -> Why {
        let manifest = Manifest { name: "m.yaml".into(), text: manifest.into() };
        match run(Config::small(1), &[manifest], SimDuration::from_secs(60), "p").expect("a pod") {
            Found::Pod(why) => *why,
            Found::Other { .. } => panic!("a pod"),
        }
    }

    fn pod(spec: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: app\n{spec}"
        )
    }

    #[test]
    fn a_pod_that_runs_has_its_scores_and_no_fixes() {
        let why = why(&pod(""));
        assert!(!why.node.is_empty() && why.fixes.is_empty() && why.reasons.funnel.is_empty());
        let text = why.render();
        for part in [
            "is on node-",
            "Scores (score x weight):",
            "TaintToleration 100 x 3",
            "came to them:",
            "cpu: 100 x (4 - 100m) / 4 = 97",
            "Event: Scheduled (x1)",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn as_json_it_has_every_verdict_with_its_parts() {
        let tree =
            serde_json::to_value(why(&pod("  nodeSelector:\n    kubernetes.io/hostname: node-2\n"))).unwrap();
        assert_eq!((&tree["pod"], &tree["node"]), (&"default/p".into(), &"node-2".into()));
        assert_eq!(tree["sentence"].as_str().map(|words| words.contains("node-2")), Some(true), "{tree}");
        let nodes = tree["decision"]["nodes"].as_array().expect("the nodes");
        assert_eq!(
            nodes.iter().map(|node| &node["node"]).collect::<Vec<_>>(),
            ["node-1", "node-2", "node-3"]
        );
        assert_eq!(nodes[0]["rejection"]["plugin"], "NodeAffinity");
        assert_eq!(tree["event"]["reason"], "Scheduled");
        assert_eq!(tree["fixes"], serde_json::json!([]));
    }

    #[test]
    fn a_pod_that_waits_has_verdicts_and_fixes() {
        let why = why(&pod("  nodeSelector:\n    disk: ssd\n"));
        assert_eq!(why.queue, Some("unschedulable"));
        assert_eq!(why.reasons.funnel, [Stage { plugin: "NodeAffinity".into(), rejected: 3, left: 0 }]);
        let text = why.render();
        let parts = [
            "p fits on none of 3 nodes.",
            "NodeAffinity  UnschedulableAndUnresolvable  node(s) didn't match Pod's node affinity/selector",
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "- drop disk=ssd from nodeSelector: runs on node-1",
            "$ kubectl label node node-1 disk=ssd",
        ];
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}
