//! PreScore, Score and NormalizeScore: which of the nodes is best?

use super::{Framework, PluginSet, running};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::{Code, Context, CycleState, Plugin, PodInfo, Point, Scored};

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
    /// The first part of PreScore, of all plugins but those that have been asked.
    pub(super) fn run_pre_score(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        asked: PluginSet,
    ) {
        for (place, plugin) in self.at(Point::PreScore) {
            if !asked.contains(place) {
                pre_score(place, plugin, cx, state, pod);
            }
        }
    }

    /// The second part.
    pub(super) fn run_pre_score_nodes(&self, state: &mut CycleState, nodes: &[Scored]) {
        for (place, plugin) in self.at(Point::PreScore) {
            if !state.skip_score.contains(place) {
                plugin.pre_score_nodes(state, nodes);
            }
        }
    }

    /// What a plugin scores these nodes, raw and normalised.
    pub(super) fn run_score_of(
        &self,
        place: u8,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        nodes: &[Scored],
    ) -> (Vec<i64>, Vec<i64>) {
        let plugin = self.plugin_at(place);
        let score = |scored: &Scored| plugin.score(cx, state, pod, cx.cache.node(scored.node));
        let raw: Vec<i64> = nodes.iter().map(score).collect();
        let mut normalized = raw.clone();
        plugin.normalize_score(state, nodes, &mut normalized);
        (raw, normalized)
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
        std::mem::swap(memory, &mut state.memory);
        self.run_pre_score(cx, state, pod, PluginSet::default());
        std::mem::swap(memory, &mut state.memory);
        let nodes: Vec<Scored> = nodes.iter().map(|node| Scored { node: *node, count: 1 }).collect();
        self.run_pre_score_nodes(state, &nodes);
        let mut scores = Scores { parts: Vec::with_capacity(8), totals: vec![0; nodes.len()] };
        for place in self.scorers(state) {
            let (raw, normalized) = self.run_score_of(place, cx, state, pod, &nodes);
            let weight = self.weights[place as usize];
            for (total, score) in scores.totals.iter_mut().zip(&normalized) {
                *total += score * weight;
            }
            scores.parts.push(ScorePart { place, weight, raw, normalized });
        }
        scores
    }
}

/// PreScore of one plugin. One that fails scores nothing, and its words are kept: they matter if there is a choice to be made.
pub(super) fn pre_score(
    place: u8,
    plugin: &dyn Plugin,
    cx: &Context<'_>,
    state: &mut CycleState,
    pod: &PodInfo,
) {
    let Err(status) = plugin.pre_score(cx, state, pod) else { return };
    state.skip_score.insert(place);
    if status.code != Code::Skip && state.score_error.is_none() {
        state.score_error = Some(running(&format!("PreScore plugin {:?}", plugin.name()), &status));
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
