//! Why a pod fits nowhere, and the sentence that says so.

use std::sync::Arc;

use sorted::SortedMap;

use super::runtime::PluginSet;
use super::status::{Code, Reason, Status};
use crate::scheduler::cache::NodeIndex;

/// Why no node can run a pod (`framework.Diagnosis`). Many nodes give one and the same answer, so each is kept once.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// The different answers, and how many nodes gave each.
    answers: Vec<(Status, u32)>,
    /// By node, the place of its answer plus one; zero for nodes that can run the pod, or were not looked at.
    by_node: Arc<Vec<u16>>,
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
    /// Takes over what is known: the different answers with their numbers, and every node's. Nothing else may have been noted.
    pub fn take_over(&mut self, answers: Vec<(Status, u32)>, by_node: Arc<Vec<u16>>) {
        (self.answers, self.by_node) = (answers, by_node);
    }

    /// Takes note of a node's answer, in place of an earlier one.
    pub fn reject_after_all(&mut self, node: NodeIndex, status: Status) {
        let known = self.by_node.get(node as usize).copied().unwrap_or(0);
        if let Some(place) = usize::from(known).checked_sub(1) {
            self.answers[place].1 -= 1;
        }
        self.reject(node, status);
    }

    /// Takes note of a node's answer.
    pub fn reject(&mut self, node: NodeIndex, status: Status) {
        let answer = self.answer(status);
        self.reject_as(node, answer);
    }

    /// The place of an answer, for [`Diagnosis::reject_as`].
    pub fn answer(&mut self, status: Status) -> u16 {
        let known = self.answers.iter().position(|(known, _)| *known == status);
        let place = known.unwrap_or_else(|| {
            self.answers.push((status, 0));
            self.answers.len() - 1
        });
        place as u16
    }

    /// Takes note that a node gave an answer that is known.
    pub fn reject_as(&mut self, node: NodeIndex, answer: u16) {
        let (node, by_node) = (node as usize, Arc::make_mut(&mut self.by_node));
        if by_node.len() <= node {
            by_node.resize(node + 1, 0);
        }
        by_node[node] = answer + 1;
        self.answers[usize::from(answer)].1 += 1;
    }

    /// Takes note that so many nodes gave an answer that is known, whichever they are.
    pub fn count(&mut self, answer: u16, nodes: u32) {
        self.answers[usize::from(answer)].1 += nodes;
    }

    /// How many nodes gave an answer of this kind, those that were not looked at among them.
    pub fn nodes_with(&self, code: Code) -> u32 {
        let with_code = self.answers.iter().chain(&self.absent).filter(|(status, _)| status.code == code);
        with_code.map(|(_, count)| count).sum()
    }

    /// How many nodes were looked at and rejected.
    pub fn rejected(&self) -> u32 {
        self.answers.iter().map(|(_, count)| count).sum()
    }

    /// What a node that was looked at said.
    pub fn answer_of(&self, node: NodeIndex) -> Option<&Status> {
        let place = *self.by_node.get(node as usize)?;
        self.answers.get(usize::from(place).checked_sub(1)?).map(|(status, _)| status)
    }

    /// What was said of a node.
    pub fn status(&self, node: NodeIndex) -> Option<&Status> {
        self.answer_of(node).or(self.absent.as_ref().map(|(status, _)| status))
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
        for (status, count) in self.answers.iter().chain(&self.absent) {
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
        let mut diagnosis = Diagnosis {
            post_filter_message: "preemption: not eligible due to preemptionPolicy=Never.".into(),
            ..Default::default()
        };
        diagnosis.reject(0, cpu().and("Insufficient memory"));
        diagnosis.reject(1, Status::unresolvable("node(s) had untolerated taint(s)"));
        diagnosis.reject(2, cpu());
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
