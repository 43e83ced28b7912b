//! # What it does
//! If no node can run a pod, finds a node that could if less important pods were removed; removes those, and promises the room
//! to the pod (`status.nominatedNodeName`).
//! # Example
//! A pod of priority 1000 that needs 2 CPUs, on a node full of pods of priority 0 with 1 CPU each: the two that started last
//! have to go.
//! # Upstream
//! `plugins/defaultpreemption`, `framework/preemption`

use std::sync::Arc;

use super::{Args, Made, names};
use crate::api::field_error::FieldError;
use crate::api::{MetaExt, Pod, condition};
use crate::rng::Rng;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::cache::trial::{Outcome, Trials};
use crate::scheduler::framework::preemption::{Budget, Candidate, Tried, select_victims_on_node};
use crate::scheduler::framework::{
    Code, Context, Diagnosis, Failure, Plugin, PodInfo, Point, PostFilterResult, Status,
};

/// See the module.
#[derive(Debug)]
pub struct DefaultPreemption {
    /// The share of the nodes, in hundredths, among which candidates are looked for.
    pub min_candidate_nodes_percentage: u32,
    /// But no fewer than so many.
    pub min_candidate_nodes_absolute: u32,
}

impl Default for DefaultPreemption {
    fn default() -> DefaultPreemption {
        DefaultPreemption { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

impl DefaultPreemption {
    /// By `DefaultPreemptionArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        const NAMES: [&str; 2] = ["minCandidateNodesPercentage", "minCandidateNodesAbsolute"];
        let [percentage_path, absolute_path] = NAMES.map(|name| args.path.child(name));
        let (percentage, absolute) = (args.number(NAMES[0], 10), args.number(NAMES[1], 100));
        let mut errors = Vec::new();
        if !(0..=100).contains(&percentage) {
            errors.push(FieldError::invalid(&percentage_path, percentage, "not in valid range [0, 100]"));
        }
        if absolute < 0 {
            errors.push(FieldError::invalid(&absolute_path, absolute, "not in valid range [0, inf)"));
        }
        if (percentage, absolute) == (0, 0) {
            for (path, other) in [(&percentage_path, NAMES[1]), (&absolute_path, NAMES[0])] {
                errors.push(FieldError::invalid(
                    path,
                    0,
                    &format!("cannot be zero at the same time as {other}"),
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Arc::new(DefaultPreemption {
            min_candidate_nodes_percentage: percentage as u32,
            min_candidate_nodes_absolute: absolute as u32,
        }))
    }
}

impl Plugin for DefaultPreemption {
    fn name(&self) -> &'static str {
        names::DEFAULT_PREEMPTION
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PostFilter]
    }

    fn post_filter(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        failure: &Failure<'_>,
        pod: &PodInfo,
        rng: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        if let Some(why) = not_eligible(cx, failure.diagnosis, pod) {
            return Err(Status::unschedulable(format!("preemption: {why}")));
        }
        let mut answers = Diagnosis::default();
        let tried = self.try_nodes(cx, memory, failure, pod, rng, &mut answers);
        let Some((chosen, tried)) = tried else {
            return Err(Status::unschedulable(format!("preemption: {}", refusal(cx, answers))));
        };
        let identity = |victim: &Arc<PodInfo>| {
            let pod = &victim.pod;
            (pod.namespace().to_string(), pod.name().to_string(), pod.uid().to_string())
        };
        Ok(PostFilterResult {
            nominated_node: cx.cache.node(chosen.node).name.to_string(),
            victims: chosen.victims.iter().map(identity).collect(),
            tried,
        })
    }
}

impl DefaultPreemption {
    /// Tries nodes from a random one on, until there are enough candidates. A node that would break a budget only counts once
    /// another that would not has been found. Without any candidate the answers say why.
    fn try_nodes(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        failure: &Failure<'_>,
        pod: &PodInfo,
        rng: &mut Rng,
        answers: &mut Diagnosis,
    ) -> Option<(Arc<Candidate>, Tried)> {
        let number = failure.diagnosis.nodes_with(Code::Unschedulable);
        if number == 0 {
            return None;
        }
        let enough = self.candidates_wanted(number);
        // With few nodes all are tried, and where one begins makes no difference.
        let offset = if enough < number { rng.below(number) as usize } else { 0 };
        if !cx.cache.has_any_less_important(pod.priority()) {
            let answer = answers.answer(no_victims());
            answers.count(answer, number);
            return None;
        }
        let may_help = |index: &&NodeIndex| {
            failure.diagnosis.status(**index).is_some_and(|status| status.code == Code::Unschedulable)
        };
        let potential = if number as usize == cx.cache.len() {
            cx.cache.kept_order()
        } else {
            Arc::new(cx.cache.order().iter().filter(may_help).copied().collect())
        };
        let budgets = Budget::all(cx.view);
        let mut trials = memory.trials(failure, cx, pod, budgets.is_empty());
        let attempt = |node: NodeIndex| {
            if !cx.cache.has_less_important(node, pod.priority()) {
                return Err(no_victims());
            }
            let candidate = select_victims_on_node(cx, failure, pod, node, &budgets)?;
            match candidate.victims.is_empty() {
                true => {
                    let name = &cx.cache.node(node).name;
                    let why = format!("expected at least one victim pod on node {name:?}");
                    Err(Status::new(Code::Error, why))
                }
                false => Ok(candidate),
            }
        };
        let mut tried = Tried { potential, first: offset, ..Tried::default() };
        let given = trials.run(tried.in_turn(), enough, attempt);
        for (outcome, count) in trials.outcomes.iter().zip(&given.counts).filter(|(_, count)| **count > 0) {
            if let Outcome::Refusal(status) = outcome {
                let answer = answers.answer(status.clone());
                answers.count(answer, *count);
            }
        }
        tried.count = given.nodes;
        tried.candidates = trials.candidates().clone();
        let chosen = least(&trials, &given.counts).and_then(|place| {
            let nth = rng.below(given.counts[place]);
            let node = tried.nodes().filter(|node| trials.is(**node, place)).nth(nth as usize)?;
            tried.candidates.get(*node as usize).clone()
        });
        memory.keep_trials(trials);
        Some((chosen?, tried))
    }

    fn candidates_wanted(&self, nodes: u32) -> u32 {
        let share = (u64::from(nodes) * u64::from(self.min_candidate_nodes_percentage) / 100) as u32;
        share.max(self.min_candidate_nodes_absolute).min(nodes)
    }
}

/// The place of the outcome that costs least, of those that some node had.
fn least(trials: &Trials, given: &[u32]) -> Option<usize> {
    let places = 0..given.len();
    let costs = places.filter(|place| given[*place] > 0).filter_map(|place| match &trials.outcomes[place] {
        Outcome::Cost(cost) => Some((cost, place)),
        Outcome::Refusal(_) => None,
    });
    costs.min().map(|(_, place)| place)
}

fn no_victims() -> Status {
    Status::unresolvable("No preemption victims found for incoming pod")
}

/// Why the pod may not remove others (`PodEligibleToPreemptOthers`). `None` if it may.
fn not_eligible(cx: &Context<'_>, diagnosis: &Diagnosis, pod: &PodInfo) -> Option<&'static str> {
    if pod.pod.spec.preemption_policy.as_deref() == Some("Never") {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = cx.cache.index(pod.nominated_node()?)?;
    let is_hopeless = |status: &Status| status.code == Code::UnschedulableAndUnresolvable;
    if diagnosis.status(nominated).is_some_and(is_hopeless) {
        return None;
    }
    let is_going = |other: &Arc<PodInfo>| other.priority() < pod.priority() && is_being_preempted(&other.pod);
    let node = cx.cache.node(nominated);
    node.pods.iter().any(is_going).then_some("not eligible due to a terminating pod on the nominated node.")
}

fn is_being_preempted(pod: &Pod) -> bool {
    let disrupted = condition::find(pod.status.conditions.as_deref(), condition::DISRUPTION_TARGET);
    pod.is_deleting()
        && disrupted.is_some_and(|condition| {
            condition.status == "True" && condition.reason.as_deref() == Some("PreemptionByScheduler")
        })
}

/// The sentence that says why no removal helps: the answers of the nodes that were tried, and that the others were not.
fn refusal(cx: &Context<'_>, mut answers: Diagnosis) -> String {
    let untried = cx.cache.len() as u32 - answers.rejected();
    answers.absent = Some((Status::unresolvable("Preemption is not helpful for scheduling"), untried));
    answers.message(cx.cache.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::View;
    use crate::scheduler::cache::Cache;
    use crate::scheduler::framework::Framework;
    use crate::scheduler::framework::registry::Profile;
    use crate::scheduler::plugins::test_support::cluster;
    use crate::scheduler::queue::Nominator;
    use crate::testing::{PodBuilder, node, pod};

    fn preempt(pod: PodBuilder, cache: &Cache) -> Result<(String, Vec<String>), String> {
        let (view, nominator) = (View::default(), Nominator::default());
        let cx = Context { cache, view: &view, nominator: &nominator };
        let framework = Framework::new(&Profile::default());
        let pod = PodInfo::new(pod.build());
        let found = framework.find_nodes_that_fit(&cx, &mut Memory::default(), &pod);
        assert!(found.nodes.is_empty(), "the pod fits without preemption");
        let result =
            framework.run_post_filter(&cx, &mut Memory::default(), &found, &pod, &mut Rng::new(1, "test"));
        let names = |result: PostFilterResult| {
            (result.nominated_node, result.victims.into_iter().map(|(_, name, _)| name).collect())
        };
        result.map(names).map_err(|status| status.message())
    }

    fn full_node() -> Cache {
        let there =
            |name: &str, priority, started| pod(name).cpu("1").priority(priority).started(started).node("n1");
        let pods = [there("old", 0, 1), there("young", 0, 5), there("vital", 100, 9)];
        cluster([node("n1").cpu("3"), node("n2").cpu("3").taint("off", "", "NoSchedule")], pods)
    }

    #[test]
    fn the_least_important_and_youngest_pods_go() {
        let cache = full_node();
        let go = |cpu: &str, priority| preempt(pod("p").cpu(cpu).priority(priority), &cache);
        let victims = |names: &[&str]| Ok(("n1".to_string(), names.iter().map(|n| n.to_string()).collect()));
        assert_eq!(go("1", 10), victims(&["young"]));
        assert_eq!(go("2", 10), victims(&["old", "young"]));
        assert_eq!(go("3", 1_000), victims(&["vital", "old", "young"]));
        assert_eq!(
            go("3", 10).unwrap_err(),
            "no new claims to deallocate, preemption: 0/2 nodes are available: 1 Insufficient cpu, \
             1 Preemption is not helpful for scheduling."
        );
        assert_eq!(
            go("1", 0).unwrap_err(),
            "no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for \
             incoming pod, 1 Preemption is not helpful for scheduling."
        );
    }

    #[test]
    fn a_pod_may_renounce_preemption() {
        let meek = pod("p").cpu("1").priority(1_000).never_preempts();
        assert_eq!(
            preempt(meek, &full_node()).unwrap_err(),
            "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
        );
    }
}
