//! Which pods would have to go so that another fits, and where that costs least.
//! Upstream: `pkg/scheduler/framework/preemption`, `plugins/defaultpreemption`.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use super::{Context, CycleState, Failure, NodeInfo, PodInfo, Status};
use crate::api::explain::PreemptionCandidate;
use crate::api::selector::Selector;
use crate::api::sorting;
use crate::api::{MetaExt, PodDisruptionBudget};
use crate::client::View;
use crate::scheduler::cache::trial::Candidates;
use crate::scheduler::cache::{Cache, NodeIndex};

/// A node on which the pod would fit if some others went.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The node.
    pub node: NodeIndex,
    /// The pods that would have to go, the most important first.
    pub victims: Vec<Arc<PodInfo>>,
    /// How many of them would break a disruption budget.
    pub pdb_violations: u32,
    /// What it costs: the least is taken.
    pub cost: Cost,
}

/// The nodes that were tried: so many from the first on, and round. And what came out.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// The nodes on which removals might help, in name order.
    pub potential: Arc<Vec<NodeIndex>>,
    /// Where it began.
    pub first: usize,
    /// How many nodes it took.
    pub count: usize,
    /// What would have to go, by node.
    pub candidates: Candidates,
}

impl Tried {
    /// The nodes as they come: from the first on, and those before it.
    pub fn in_turn(&self) -> [&[NodeIndex]; 2] {
        let (before, from) = self.potential.split_at(self.first);
        [from, before]
    }

    /// The nodes that were tried.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeIndex> {
        self.in_turn().into_iter().flatten().take(self.count)
    }

    /// The candidates among them.
    pub fn candidates(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        self.nodes().filter_map(|node| self.candidates.get(*node as usize).as_ref())
    }
}

/// What matters of a candidate, the most important first (`pickOneNodeForPreemption`): broken budgets; the priority of the most
/// important victim; the sum of priorities; the number of victims; how early the most important victims started.
pub type Cost = [i64; 5];

impl Candidate {
    fn new(node: NodeIndex, victims: Vec<Arc<PodInfo>>, pdb_violations: u32) -> Candidate {
        Candidate { node, cost: cost(&victims, pdb_violations), victims, pdb_violations }
    }

    /// The candidate as the record of a decision has it.
    pub fn in_words(&self, cache: &Cache) -> PreemptionCandidate {
        let name = |victim: &Arc<PodInfo>| format!("{}/{}", victim.pod.namespace(), victim.pod.name());
        PreemptionCandidate {
            node: cache.node(self.node).name.clone(),
            victims: self.victims.iter().map(name).collect(),
            pdb_violations: self.pdb_violations,
        }
    }
}

/// What is left of a disruption budget.
#[derive(Clone, Debug)]
pub struct Budget {
    namespace: String,
    selector: Selector,
    allowed: i64,
    /// Pods whose removal is counted already.
    disrupted: Vec<String>,
}

impl Budget {
    /// All budgets. One whose selector selects nothing, or everything, protects nothing.
    pub fn all(view: &View) -> Vec<Budget> {
        view.list(None).filter_map(Budget::read).collect()
    }

    fn read(budget: &PodDisruptionBudget) -> Option<Budget> {
        let selector = Selector::from_field(budget.spec.selector.as_ref()?)
            .filter(|selector| !selector.requirements.is_empty())?;
        let disrupted = budget.status.disrupted_pods.iter().flatten();
        Some(Budget {
            namespace: budget.namespace().to_string(),
            selector,
            allowed: i64::from(budget.status.disruptions_allowed.unwrap_or(0)),
            disrupted: disrupted.map(|(name, _)| name.clone()).collect(),
        })
    }

    /// Counts the removal of a pod. Says whether that breaks the budget.
    fn spend(&mut self, pod: &PodInfo) -> bool {
        let pod = &pod.pod;
        let applies = self.namespace == pod.namespace()
            && !pod.labels().is_empty()
            && self.selector.matches(pod.labels())
            && !self.disrupted.iter().any(|name| name == pod.name());
        if applies {
            self.allowed -= 1;
        }
        applies && self.allowed < 0
    }
}

/// How much two pods matter: what sorts first stays longest. The highest priority, then the longest running; a pod that has not
/// started yet matters least, and names decide where upstream leaves it open.
fn importance(a: &PodInfo, b: &PodInfo) -> Ordering {
    let known = |pod: &PodInfo| (Reverse(pod.priority()), pod.started);
    let (one, other) = (&a.pod, &b.pod);
    let names = || (one.namespace(), one.name()).cmp(&(other.namespace(), other.name()));
    known(a).cmp(&known(b)).then_with(names)
}

/// Finds the pods that would have to go from one node: all less important ones are taken away, and brought back one by one,
/// the most important first, as long as the pod still fits.
///
/// # Errors
/// Why their removal would not help.
pub fn select_victims_on_node(
    cx: &Context<'_>,
    failure: &Failure<'_>,
    pod: &PodInfo,
    node: NodeIndex,
    budgets: &[Budget],
) -> Result<Candidate, Status> {
    let there = cx.cache.node(node);
    let lower = there.pods.iter().filter(|other| other.priority() < pod.priority());
    let mut potential: Vec<Arc<PodInfo>> = lower.cloned().collect();
    if potential.is_empty() {
        return Err(Status::unresolvable("No preemption victims found for incoming pod"));
    }
    let mut trial = Trial { cx, failure, pod, state: failure.state.clone(), node: (**there).clone() };
    for other in &potential {
        trial.remove(other);
    }
    trial.fits()?;
    sorting::sort_by(&mut potential, |a, b| importance(a, b));
    let (violating, others) = split_by_budget(potential, budgets);
    let is_mixed = !violating.is_empty() && !others.is_empty();
    let mut victims = trial.reprieve(violating);
    let pdb_violations = victims.len() as u32;
    victims.extend(trial.reprieve(others));
    if is_mixed {
        sorting::sort_by(&mut victims, |a, b| importance(a, b));
    }
    Ok(Candidate::new(node, victims, pdb_violations))
}

/// Parts the pods, which are sorted by importance, into those whose removal would break a budget and the rest
/// (`filterPodsWithPDBViolation`).
fn split_by_budget(pods: Vec<Arc<PodInfo>>, budgets: &[Budget]) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut budgets = budgets.to_vec();
    pods.into_iter().partition(|pod| {
        // Every budget that applies is charged, also after one is found to be broken.
        let broken: Vec<bool> = budgets.iter_mut().map(|budget| budget.spend(pod)).collect();
        broken.contains(&true)
    })
}

/// A node from which pods are taken away, and brought back, in thought.
struct Trial<'a> {
    cx: &'a Context<'a>,
    failure: &'a Failure<'a>,
    pod: &'a PodInfo,
    state: CycleState,
    node: NodeInfo,
}

impl Trial<'_> {
    fn remove(&mut self, other: &PodInfo) {
        self.node.remove_pod(other);
        self.failure.framework.run_remove_pod(self.cx, &mut self.state, self.pod, other, &self.node);
    }

    fn add(&mut self, other: &Arc<PodInfo>) {
        self.node.add_pod(other.clone());
        self.failure.framework.run_add_pod(self.cx, &mut self.state, self.pod, other, &self.node);
    }

    fn fits(&self) -> Result<(), Status> {
        let framework = self.failure.framework;
        framework
            .run_filter_with_nominated_pods(self.cx, &self.state, self.pod, &self.node)
            .map_err(|(_, status)| status)
    }

    /// Brings pods back while the new one still fits; the rest have to go.
    fn reprieve(&mut self, pods: Vec<Arc<PodInfo>>) -> Vec<Arc<PodInfo>> {
        let mut victims = Vec::new();
        for other in pods {
            self.add(&other);
            if self.fits().is_err() {
                self.remove(&other);
                victims.push(other);
            }
        }
        victims
    }
}

fn cost(victims: &[Arc<PodInfo>], pdb_violations: u32) -> Cost {
    // Shifted, so that more victims cost more also where priorities are below zero.
    let shifted = |victim: &Arc<PodInfo>| i64::from(victim.priority()) + i64::from(i32::MAX) + 1;
    [
        i64::from(pdb_violations),
        victims.first().map_or(i64::MIN, |victim| i64::from(victim.priority())),
        victims.iter().map(shifted).sum(),
        victims.len() as i64,
        -earliest_start(victims),
    ]
}

/// When the first of the most important victims started, in seconds; one that has not started counts as now, the latest of all.
fn earliest_start(victims: &[Arc<PodInfo>]) -> i64 {
    let highest = victims.iter().map(|victim| victim.priority()).max();
    let most_important = victims.iter().filter(|victim| Some(victim.priority()) == highest);
    most_important.map(|victim| victim.started).min().unwrap_or(i64::MAX - 1).min(i64::MAX - 1)
}
