//! A decision of the scheduler as the Why panel shows it: the sentence, the funnel, the matrix of nodes and plugins, the scores
//! with their arithmetic, what was drawn, and what a guess would have met with.

use std::sync::Arc;

use serde::Serialize;
use sorted::SortedMap;

use crate::api::explain::{Explain, NodeVerdict, PluginScore, SchedulingDecision};
use crate::api::meta::Revision;
use crate::api::{Key, Object, Pod, sorting};
use crate::apiserver::{Change, Store};
use crate::sim::Simulation;

pub use crate::scheduler::whatif::Fix;

/// What there is to show of one decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasons {
    /// The answer in one sentence.
    pub sentence: String,
    /// How many nodes each plugin left over, in the order in which they were asked.
    pub funnel: Vec<Stage>,
    /// Which plugin refused which node.
    pub matrix: Matrix,
    /// The nodes that were scored, best first.
    pub scores: Vec<ScoreRow>,
    /// How it was decided among equally good nodes; empty if there was but one.
    pub tie: String,
}

/// A plugin that rejected nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name.
    pub plugin: String,
    /// How many nodes it rejected.
    pub rejected: usize,
    /// How many were left then.
    pub left: usize,
}

/// Nodes against plugins; only the plugins that refused some node have a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// The columns, in the order in which plugins are asked.
    pub plugins: Vec<String>,
    /// How many other plugins that filter let every node pass.
    pub passed_everywhere: usize,
    /// The rows, in name order.
    pub rows: Vec<Row>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub node: Arc<str>,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// What a plugin said of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "said")]
pub enum Cell {
    /// Yes.
    Passed,
    /// Nothing: another had refused the node before.
    NotAsked,
    /// No.
    Refused(Refusal),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    /// The plugin.
    pub plugin: String,
    /// The reasons, as the event counts them.
    pub reasons: String,
    /// The numbers behind them: `needs 600m cpu, 400m of 4 free`.
    pub detail: String,
    /// Whether removing pods could not help.
    pub unresolvable: bool,
    /// The field of the pod that it is about: `spec.tolerations`. Empty if it is about none.
    pub field: &'static str,
}

/// One node's score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreRow {
    /// The node.
    pub node: Arc<str>,
    /// The sum.
    pub total: i64,
    /// Whether it was chosen.
    pub chosen: bool,
    /// What it is the sum of.
    pub parts: Vec<PluginScore>,
}

/// What a guess was worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Guess {
    /// That is where it is.
    Right,
    /// A node as good, but another one was drawn.
    Tied {
        /// The node that was drawn.
        chosen: Arc<str>,
    },
    /// The node cannot run the pod, and this cell says why.
    Refused(Refusal),
    /// The node could run it, but another scored more.
    Outscored {
        /// The other.
        chosen: Arc<str>,
        /// By how much.
        by: i64,
        /// The plugin that made most of the difference.
        plugin: Arc<str>,
    },
    /// It runs, although it was thought to wait.
    Runs {
        /// Where.
        chosen: Arc<str>,
    },
    /// There is no such node, or it was not looked at.
    Unknown,
}

impl Reasons {
    /// Reads a decision about the pod of that name.
    pub fn of(name: &str, decision: &SchedulingDecision) -> Reasons {
        Reasons {
            sentence: sentence(name, decision),
            funnel: funnel(decision),
            matrix: matrix(decision),
            scores: scores(decision),
            tie: tie(decision),
        }
    }
}

fn feasible(decision: &SchedulingDecision) -> impl Iterator<Item = &NodeVerdict> {
    decision.nodes.iter().filter(|node| node.rejection.is_none())
}

fn sentence(name: &str, decision: &SchedulingDecision) -> String {
    let (all, fit) = (decision.nodes.len(), feasible(decision).count());
    let Some(node) = &decision.selected else {
        let nominated = decision.preemption.as_ref().map(|step| &step.nominated_node);
        return match nominated {
            Some(node) => format!("{name} fits on none of {all} nodes; room is being made for it on {node}."),
            None if decision.pre_filter.is_some() => {
                format!("{name} was refused before any node was looked at.")
            }
            None => format!("{name} fits on none of {all} nodes."),
        };
    };
    let total = feasible(decision).find(|verdict| verdict.node == *node).map_or(0, |verdict| verdict.total);
    match fit {
        1 if all == 1 => format!("{name} is on {node}, the only node that was looked at."),
        1 => format!("{name} is on {node}, the only one of {all} nodes that can run it."),
        _ if decision.tied > 1 => format!(
            "{name} is on {node}: {fit} of {all} nodes can run it, {} of them scored {total}, and {node} was drawn.",
            decision.tied
        ),
        _ => {
            format!("{name} is on {node}: {fit} of {all} nodes can run it, and {node} scored most, {total}.")
        }
    }
}

fn tie(decision: &SchedulingDecision) -> String {
    let Some(node) = decision.selected.as_ref().filter(|_| decision.tied > 1) else { return String::new() };
    let total = feasible(decision).find(|verdict| verdict.node == *node).map_or(0, |verdict| verdict.total);
    let tied = feasible(decision).filter(|verdict| verdict.total == total);
    let names: Vec<&str> = tied.map(|verdict| &*verdict.node).collect();
    format!("{} scored {total} each; the seed drew {node}.", names.join(", "))
}

/// The name of what refused a node. One that PreFilter has left out was left out before any plugin was asked about it.
fn refuser(plugin: &str) -> &str {
    if plugin.is_empty() { "PreFilter" } else { plugin }
}

/// The plugins that refused nodes, in the order in which they were asked, with how many.
fn refusers(decision: &SchedulingDecision) -> Vec<(String, usize)> {
    let mut counts: SortedMap<usize, (String, usize)> = SortedMap::new();
    for rejection in decision.nodes.iter().filter_map(|node| node.rejection.as_ref()) {
        let at = decision.filters.iter().position(|name| *name == rejection.plugin);
        let place = at.map_or(0, |place| place + 1);
        counts.entry(place).or_insert_with(|| (refuser(&rejection.plugin).to_string(), 0)).1 += 1;
    }
    counts.into_values().collect()
}

/// Plugins are asked in a fixed order, and each only of the nodes that are left; so the verdicts are all there is to count.
fn funnel(decision: &SchedulingDecision) -> Vec<Stage> {
    let mut left = decision.nodes.len();
    let stage = |(plugin, rejected): (String, usize)| {
        left -= rejected;
        Stage { plugin, rejected, left }
    };
    refusers(decision).into_iter().map(stage).collect()
}

fn matrix(decision: &SchedulingDecision) -> Matrix {
    let plugins: Vec<String> = refusers(decision).into_iter().map(|(plugin, _)| plugin).collect();
    let row = |verdict: &NodeVerdict| {
        let refusal = refusal(verdict);
        let at = refusal.as_ref().and_then(|refusal| plugins.iter().position(|name| *name == refusal.plugin));
        let cell = |column: usize| match (at, &refusal) {
            (Some(at), Some(refusal)) if at == column => Cell::Refused(refusal.clone()),
            (Some(at), _) if at < column => Cell::NotAsked,
            _ => Cell::Passed,
        };
        Row { node: verdict.node.clone(), cells: (0..plugins.len()).map(cell).collect() }
    };
    let passed =
        decision.filters.iter().filter(|name| !plugins.iter().any(|known| *known == ***name)).count();
    Matrix { rows: decision.nodes.iter().map(row).collect(), passed_everywhere: passed, plugins }
}

fn refusal(verdict: &NodeVerdict) -> Option<Refusal> {
    let rejection = verdict.rejection.as_ref()?;
    let reasons: Vec<&str> = rejection.reasons.iter().map(|reason| &**reason).collect();
    Some(Refusal {
        plugin: refuser(&rejection.plugin).to_string(),
        reasons: reasons.join(", "),
        detail: rejection.detail.clone(),
        unresolvable: rejection.unresolvable,
        field: rejection.field,
    })
}

fn scores(decision: &SchedulingDecision) -> Vec<ScoreRow> {
    let mut ranked: Vec<&NodeVerdict> = feasible(decision).filter(|node| !node.scores.is_empty()).collect();
    sorting::sort_by(&mut ranked, |a, b| b.total.cmp(&a.total).then_with(|| a.node.cmp(&b.node)));
    let row = |verdict: &NodeVerdict| ScoreRow {
        node: verdict.node.clone(),
        total: verdict.total,
        chosen: decision.selected.as_ref() == Some(&verdict.node),
        parts: verdict.scores.clone(),
    };
    ranked.into_iter().map(row).collect()
}

/// The pods made after a write, up to another, that a scheduler has to find a node for.
pub fn newcomers(simulation: &Simulation, after: Revision, upto: Revision) -> Vec<Key> {
    let waits = |change: &&Arc<Change>| match (&change.before, change.after.as_deref()) {
        (None, Some(Object::Pod(pod))) => {
            let scheduler = simulation.scheduler();
            pod.spec.node_name.is_none() && scheduler.profile_of(pod.spec.scheduler_name.as_deref()).is_some()
        }
        _ => false,
    };
    let new = simulation.api().store().since(after).take_while(|change| change.revision <= upto);
    new.filter(waits).map(|change| change.key.clone()).collect()
}

/// What the scheduler decided about a pod last, up to a write.
pub fn last_attempt(log: &Store, upto: Revision, pod: &Key) -> Option<Arc<Explain>> {
    for change in (1..=upto).rev().filter_map(|revision| log.change(revision)) {
        if change.key != *pod {
            continue;
        }
        if let Some(explain) = &change.explain
            && matches!(**explain, Explain::Scheduling(_))
        {
            return Some(explain.clone());
        }
        if change.before.is_none() {
            break;
        }
    }
    None
}

/// What would let a pod run that waits: single changes, tried on a copy of what the scheduler knows.
pub fn fixes(simulation: &Simulation, pod: &Key) -> Vec<Fix> {
    let waiting = simulation.view().get::<Pod>(&pod.namespace, &pod.name);
    let waiting = waiting.filter(|pod| pod.spec.node_name.is_none());
    waiting.map(|pod| simulation.scheduler().fixes(pod)).unwrap_or_default()
}

/// Holds a guess against a decision: a node, or `None` that the pod would wait.
pub fn guess(decision: &SchedulingDecision, guessed: Option<&str>) -> Guess {
    let chosen = decision.selected.as_ref();
    let (Some(guessed), verdicts) = (guessed, &decision.nodes) else {
        return chosen.map_or(Guess::Right, |chosen| Guess::Runs { chosen: chosen.clone() });
    };
    let find = |name: &str| verdicts.iter().find(|verdict| *verdict.node == *name);
    let Some(verdict) = find(guessed) else { return Guess::Unknown };
    if let Some(refusal) = refusal(verdict) {
        return Guess::Refused(refusal);
    }
    let Some((chosen, winner)) = chosen.and_then(|chosen| Some((chosen, find(chosen)?))) else {
        return Guess::Unknown;
    };
    if **chosen == *guessed {
        return Guess::Right;
    }
    if winner.total == verdict.total {
        return Guess::Tied { chosen: chosen.clone() };
    }
    let lead = |part: &PluginScore| {
        let other = verdict.scores.iter().find(|other| other.plugin == part.plugin);
        (part.normalized - other.map_or(0, |other| other.normalized)) * part.weight
    };
    let most = winner.scores.iter().max_by_key(|part| lead(part));
    Guess::Outscored {
        chosen: chosen.clone(),
        by: winner.total - verdict.total,
        plugin: most.map(|part| part.plugin.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::explain::Rejection;

    fn verdict(node: &str, refused_by: Option<&str>, normalized: i64) -> NodeVerdict {
        let rejection = refused_by.map(|plugin| Rejection {
            plugin: plugin.into(),
            field: "spec.tolerations",
            ..Rejection::default()
        });
        let scores = match refused_by {
            Some(_) => Vec::new(),
            None => vec![PluginScore {
                plugin: "NodeAffinity".into(),
                normalized,
                weight: 2,
                ..Default::default()
            }],
        };
        let total = scores.iter().map(|part| part.normalized * part.weight).sum();
        NodeVerdict { node: node.into(), rejection, scores, total }
    }

    fn decision(selected: Option<&str>) -> SchedulingDecision {
        let nodes = vec![
            verdict("a", Some("NodeResourcesFit"), 0),
            verdict("b", None, 50),
            verdict("c", None, 80),
            verdict("d", Some("TaintToleration"), 0),
            verdict("e", None, 80),
        ];
        SchedulingDecision {
            filters: ["NodeName", "TaintToleration", "NodeResourcesFit"].map(Arc::from).into(),
            selected: selected.map(Arc::from),
            nodes: nodes.into(),
            tied: 2,
            ..Default::default()
        }
    }

    #[test]
    fn only_plugins_that_refused_a_node_have_a_column_and_later_ones_were_not_asked() {
        let matrix = Reasons::of("p", &decision(Some("c"))).matrix;
        assert_eq!(matrix.plugins, ["TaintToleration", "NodeResourcesFit"]);
        let cells = |node: usize| -> Vec<&str> {
            let word = |cell: &Cell| match cell {
                Cell::Passed => "yes",
                Cell::NotAsked => "-",
                Cell::Refused(_) => "no",
            };
            matrix.rows[node].cells.iter().map(word).collect()
        };
        assert_eq!((cells(0), cells(1), cells(3)), (vec!["yes", "no"], vec!["yes", "yes"], vec!["no", "-"]));
        assert_eq!(matrix.passed_everywhere, 1);
    }

    #[test]
    fn a_guess_is_refuted_by_the_cell_or_the_plugin_that_decided() {
        let chosen = || Arc::from("c");
        let decided = decision(Some("c"));
        assert_eq!(guess(&decided, Some("c")), Guess::Right);
        assert_eq!(guess(&decided, Some("e")), Guess::Tied { chosen: chosen() });
        assert_eq!(
            guess(&decided, Some("b")),
            Guess::Outscored { chosen: chosen(), by: 60, plugin: "NodeAffinity".into() }
        );
        let Guess::Refused(refusal) = guess(&decided, Some("d")) else { panic!("d is tainted") };
        assert_eq!((refusal.plugin.as_str(), refusal.field), ("TaintToleration", "spec.tolerations"));
        assert_eq!(guess(&decided, None), Guess::Runs { chosen: chosen() });
        assert_eq!(guess(&decision(None), None), Guess::Right);
        assert_eq!(guess(&decided, Some("z")), Guess::Unknown);
    }
}
