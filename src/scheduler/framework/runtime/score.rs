//! PreScore, Score and NormalizeScore: which of the nodes is best?

use super::Framework;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::{Memory, recall};
use crate::scheduler::cache::shape::{MOST, Shape};
use crate::scheduler::framework::{Context, CycleState, PodInfo, Point};

/// The scores of the nodes that can run a pod.
#[derive(Debug, Default)]
pub struct Scores {
    /// One part per plugin that scored, in profile order.
    pub parts: Vec<ScorePart>,
    /// The weighted sums, in the order of the nodes.
    pub totals: Vec<i64>,
}

/// One plugin's scores.
#[derive(Debug)]
pub struct ScorePart {
    /// The plugin's place in the profile.
    pub place: u8,
    /// What the normalised scores are multiplied with.
    pub weight: i64,
    /// As the plugin gave them, in the order of the nodes.
    pub raw: Vec<i64>,
    /// From 0 to 100.
    pub normalized: Vec<i64>,
}

impl Framework {
    fn run_pre_score(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) {
        std::mem::swap(memory, &mut state.memory);
        for (place, plugin) in self.at(Point::PreScore) {
            if plugin.pre_score(cx, state, pod, nodes).is_err() {
                state.skip_score.insert(place);
            }
        }
        std::mem::swap(memory, &mut state.memory);
    }

    /// PreScore, Score, NormalizeScore, and the weighted sums, with each plugin's part.
    pub fn score(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Scores {
        memory.begin();
        self.run_pre_score(cx, memory, state, pod, nodes);
        let mut scores = Scores { parts: Vec::with_capacity(8), totals: vec![0; nodes.len()] };
        for (place, plugin) in self.at(Point::Score) {
            if state.skip_score.contains(place) {
                continue;
            }
            let raw = plugin.score_all(cx, state, pod, nodes);
            let mut normalized = raw.clone();
            plugin.normalize_score(cx, state, nodes, &mut normalized);
            let weight = self.weights[place as usize];
            for (total, score) in scores.totals.iter_mut().zip(&normalized) {
                *total += score * weight;
            }
            scores.parts.push(ScorePart { place, weight, raw, normalized });
        }
        scores
    }

    /// The weighted sums alone, with the scores that are known from pods of the same shape.
    pub fn totals(
        &self,
        cx: &Context<'_>,
        memory: &mut Memory,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Vec<i64> {
        if memory.is_off() {
            return self.score(cx, memory, state, pod, nodes).totals;
        }
        self.run_pre_score(cx, memory, state, pod, nodes);
        let mut totals: Vec<i64> = {
            let shape =
                recall(&mut memory.shapes, MOST, |shape| shape.fits(self, pod), || Shape::new(self, pod));
            shape.score(self, cx, state, pod, nodes);
            nodes.iter().map(|index| shape.totals[*index as usize]).collect()
        };
        for (place, plugin) in self.at(Point::Score) {
            if self.local.contains(place) || state.skip_score.contains(place) {
                continue;
            }
            let mut scores = plugin.score_all(cx, state, pod, nodes);
            plugin.normalize_score(cx, state, nodes, &mut scores);
            let weight = self.weights[place as usize];
            for (total, score) in totals.iter_mut().zip(scores) {
                *total += score * weight;
            }
        }
        totals
    }
}

/// The highest total, and how many nodes have it.
pub fn best(totals: &[i64]) -> (i64, u32) {
    let highest = totals.iter().copied().fold(i64::MIN, i64::max);
    (highest, totals.iter().map(|total| u32::from(*total == highest)).sum())
}

/// The place of the one among the nodes with that total.
pub fn nth_with(totals: &[i64], total: i64, nth: u32) -> Option<usize> {
    let mut places = (0..totals.len()).filter(|place| totals[*place] == total);
    places.nth(nth as usize)
}
