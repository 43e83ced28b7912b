//! Why a pod fits nowhere, and the sentence that says so.

use sorted::SortedMap;

use super::runtime::PluginSet;
use super::status::{Reason, Status};
use crate::scheduler::cache::NodeIndex;

/// Why no node can run a pod (`framework.Diagnosis`).
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// What was said of each node that was looked at, in name order; nodes that can run the pod are missing.
    pub nodes: Vec<(NodeIndex, Status)>,
    /// What is to be said of every node that was not looked at, and how many those are.
    pub absent: Option<(Status, u32)>,
    /// The words of a plugin that refused the pod as a whole.
    pub pre_filter_message: String,
    /// What could not be done about it.
    pub post_filter_message: String,
    /// The plugins that have rejected the pod on some node, or as a whole.
    pub rejectors: PluginSet,
}

impl Diagnosis {
    /// What was said of a node.
    pub fn status(&self, node: NodeIndex) -> Option<&Status> {
        let known = self.nodes.iter().find(|(index, _)| *index == node);
        known.map(|(_, status)| status).or(self.absent.as_ref().map(|(status, _)| status))
    }

    /// The text of the `FailedScheduling` event and of the condition (`framework.FitError`), for a cluster of so many nodes.
    /// Reasons are counted over the nodes and sorted as text, so `10 x` comes before `2 y`.
    pub fn message(&self, nodes: usize) -> String {
        if nodes == 0 {
            return "no nodes available to schedule pods".into();
        }
        let mut text = format!("0/{nodes} nodes are available:");
        if self.pre_filter_message.is_empty() {
            text.push_str(&self.histogram());
        } else {
            text.push_str(&format!(" {}.", self.pre_filter_message));
        }
        if !self.post_filter_message.is_empty() {
            text.push_str(&format!(" {}", self.post_filter_message));
        }
        text
    }

    fn histogram(&self) -> String {
        let mut counts: SortedMap<&Reason, u32> = SortedMap::new();
        let absent = self.absent.iter().map(|(status, count)| (status, *count));
        for (status, count) in self.nodes.iter().map(|(_, status)| (status, 1)).chain(absent) {
            for reason in status.reasons() {
                *counts.entry(reason).or_default() += count;
            }
        }
        let mut texts: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        texts.sort();
        if texts.is_empty() { String::new() } else { format!(" {}.", texts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_over_the_nodes_and_sorted_as_text() {
        let cpu = || Status::unschedulable("Insufficient cpu");
        let diagnosis = Diagnosis {
            nodes: vec![
                (0, cpu().and("Insufficient memory")),
                (1, Status::unresolvable("node(s) had untolerated taint(s)")),
                (2, cpu()),
            ],
            post_filter_message: "preemption: not eligible due to preemptionPolicy=Never.".into(),
            ..Default::default()
        };
        assert_eq!(
            diagnosis.message(3),
            "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu. \
             preemption: not eligible due to preemptionPolicy=Never."
        );
    }

    #[test]
    fn a_pod_refused_as_a_whole_gives_that_reason_once() {
        let diagnosis = Diagnosis {
            pre_filter_message: "pod affinity terms conflict".into(),
            post_filter_message: "not found".into(),
            ..Default::default()
        };
        assert_eq!(diagnosis.message(2), "0/2 nodes are available: pod affinity terms conflict. not found");
        assert_eq!(Diagnosis::default().message(0), "no nodes available to schedule pods");
    }
}
