//! # What it does
//! Prefers the node on which the pod makes the shares of CPU and memory that are taken more alike, rather than less.
//! # Example
//! On an empty node of 8 CPUs and 32Gi, a pod of 2 CPUs and 6Gi takes 25 % and 18.75 %. They deviate by 3.1 points, so the
//! balance falls from 100 to 96 (fractions are cut off), and the score is 75 less half of that: 73.
//! # Upstream
//! `plugins/noderesources/balanced_allocation.go`

use std::sync::Arc;

use super::{Args, Made, names};
use crate::api::field_error::{FieldError, quoted};
use crate::scheduler::framework::resource::is_scalar;
use crate::scheduler::framework::{
    Context, CycleState, MAX_NODE_SCORE, NodeInfo, Plugin, PodInfo, Point, Scope, Status,
};

/// See the module.
#[derive(Clone, Debug)]
pub struct NodeResourcesBalancedAllocation {
    /// The resources whose shares are compared.
    pub resources: Vec<String>,
}

impl Default for NodeResourcesBalancedAllocation {
    fn default() -> NodeResourcesBalancedAllocation {
        NodeResourcesBalancedAllocation { resources: vec!["cpu".into(), "memory".into()] }
    }
}

impl NodeResourcesBalancedAllocation {
    /// By `NodeResourcesBalancedAllocationArgs`.
    pub fn make(args: &Args<'_>) -> Made {
        let (mut resources, mut errors): (Vec<String>, _) = (Vec::new(), Vec::new());
        for (path, resource) in args.list("resources") {
            let name = resource["name"].as_str().unwrap_or_default();
            if resources.iter().any(|known| known == name) {
                errors.push(FieldError::duplicate(&path.child("name"), quoted(name)));
            }
            // None is one.
            let weight = resource["weight"].as_i64().filter(|weight| *weight != 0).unwrap_or(1);
            if weight != 1 {
                errors.push(FieldError::invalid(&path.child("weight"), weight, "must be 1"));
            }
            resources.push(name.to_string());
        }
        match (errors.is_empty(), resources.is_empty()) {
            (false, _) => Err(errors),
            (true, true) => Ok(Arc::new(NodeResourcesBalancedAllocation::default())),
            (true, false) => Ok(Arc::new(NodeResourcesBalancedAllocation { resources })),
        }
    }
}

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        names::NODE_RESOURCES_BALANCED_ALLOCATION
    }

    fn scope(&self) -> Scope {
        Scope::Node
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreScore, Point::Score]
    }

    /// A pod that asks for nothing would change no balance: it is left to the other plugins.
    fn pre_score(&self, _: &Context<'_>, _: &mut CycleState, pod: &PodInfo) -> Result<(), Status> {
        let asks = self.resources.iter().any(|name| pod.requests.amount(name) != 0);
        if asks { Ok(()) } else { Err(Status::skip()) }
    }

    fn score(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let with = self.balance(node, |name| pod.requests.amount(name), pod);
        let without = self.balance(node, |_| 0, pod);
        MAX_NODE_SCORE / 2 + (MAX_NODE_SCORE / 2 + with - without) / 2
    }

    fn score_detail(&self, _: &Context<'_>, _: &CycleState, pod: &PodInfo, node: &NodeInfo) -> String {
        let asked = |name: &str| pod.requests.amount(name);
        let (with, without) = (self.balance(node, asked, pod), self.balance(node, |_| 0, pod));
        format!(
            "with it {} are taken, a balance of {with}; without it {}, {without}; 50 + (50 + {with} - {without}) / 2",
            self.shares_in_words(node, asked),
            self.shares_in_words(node, |_| 0),
        )
    }
}

impl NodeResourcesBalancedAllocation {
    /// `cpu 25%, memory 18%`: what is taken if the pod takes `more`.
    fn shares_in_words(&self, node: &NodeInfo, more: impl Fn(&str) -> i64) -> String {
        let share = |name: &String| {
            let have = node.allocatable.amount(name);
            let taken = i128::from(node.requested.amount(name) + more(name));
            (have != 0).then(|| format!("{name} {}%", (taken * 100 / i128::from(have)).min(100)))
        };
        self.resources.iter().filter_map(share).collect::<Vec<_>>().join(", ")
    }

    /// How alike the taken shares are, from 50 (as different as can be) to 100, if the pod took `more`.
    fn balance(&self, node: &NodeInfo, more: impl Fn(&str) -> i64, pod: &PodInfo) -> i64 {
        let shares = self.resources.iter().filter_map(|name| {
            // A device that the pod does not ask for has no say.
            let ignored = is_scalar(name) && pod.requests.amount(name) == 0;
            let have = node.allocatable.amount(name);
            let taken = node.requested.amount(name) + more(name);
            (have != 0 && !ignored).then(|| (taken as f64 / have as f64).min(1.0))
        });
        ((1.0 - deviation(shares)) * MAX_NODE_SCORE as f64) as i64
    }
}

/// The standard deviation. For two shares, the usual case, that is half their difference.
fn deviation(shares: impl Iterator<Item = f64>) -> f64 {
    let mut first = [0.0; 2];
    let mut further = Vec::new();
    let mut count = 0;
    for share in shares {
        match first.get_mut(count) {
            Some(place) => *place = share,
            None => further.push(share),
        }
        count += 1;
    }
    match count {
        0 | 1 => 0.0,
        2 => ((first[0] - first[1]) / 2.0).abs(),
        _ => {
            let all = || first.iter().chain(&further);
            let mean = all().sum::<f64>() / count as f64;
            let sum: f64 = all().map(|share| (share - mean) * (share - mean)).sum();
            (sum / count as f64).sqrt()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::plugins::test_support::scores;
    use crate::testing::{node, pod};

    #[test]
    fn a_pod_that_evens_the_shares_out_scores_above_75_and_one_that_skews_them_below() {
        let n = || [node("n").cpu("8").memory("32Gi")];
        let plugin = NodeResourcesBalancedAllocation::default;
        let asks = |cpu, memory| pod("p").cpu(cpu).memory(memory);
        let cpu_taken = || [pod("x").cpu("4").node("n")];
        assert_eq!(scores(plugin(), asks("2", "6Gi"), n(), []), [73]);
        assert_eq!(scores(plugin(), asks("2", "8Gi"), n(), []), [75]);
        assert_eq!(scores(plugin(), pod("p").memory("16Gi"), n(), cpu_taken()), [87]);
        assert_eq!(scores(plugin(), pod("p"), n(), cpu_taken()), [] as [i64; 0], "it asks for nothing");
    }

    #[test]
    fn three_shares_deviate_from_their_mean() {
        assert_eq!(deviation([0.5, 0.5, 0.5].into_iter()), 0.0);
        let spread = deviation([0.0, 0.5, 1.0].into_iter());
        assert!((spread - 0.408_248).abs() < 1e-6, "{spread}");
    }
}
