//! Pods that look alike get the same answers: what the plugins that look at nothing but the pod and the node have said of each
//! node, and what they have scored it, is remembered for a shape of pods, and asked again only of nodes that have changed.

use std::sync::Arc;

use super::memory::Stamp;
use super::{Cache, NodeIndex};
use crate::api::k8s::{NodeAffinity, PodSpec};
use crate::scheduler::framework::{Context, CycleState, Framework, Normalization, PodInfo, Status};

/// So many shapes are remembered.
pub const MOST: usize = 16;

/// The verdict on a node that can run the pod.
pub const FITS: u16 = 0;

fn node_affinity(spec: &PodSpec) -> Option<&NodeAffinity> {
    spec.affinity.as_ref()?.node_affinity.as_ref()
}

fn images(spec: &PodSpec) -> impl Iterator<Item = Option<&str>> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.map(|container| container.image.as_deref())
}

/// The answers for one shape.
pub struct Shape {
    sample: PodInfo,
    framework: u64,
    filtered: Stamp,
    scored: Stamp,
    /// By node: [`FITS`], or the place of the answer plus one.
    pub verdicts: Arc<Vec<u16>>,
    /// The nodes that can run the pod, in name order, as long as no verdict changes.
    fitting: Option<Arc<Vec<NodeIndex>>>,
    /// The different answers, each with the place of the plugin that gives it.
    pub answers: Arc<Vec<(u8, Status)>>,
    /// The scores of each plugin.
    pub parts: Vec<Part>,
    /// The weighted sums of the normalised scores.
    pub totals: Vec<i64>,
}

/// One plugin's scores.
pub struct Part {
    /// The plugin's place in the profile.
    pub place: u8,
    weight: i64,
    normalization: Normalization,
    /// By node, as the plugin gives them.
    pub raw: Vec<i64>,
    /// No node scores more.
    ceiling: i64,
    /// What the totals were normalised by.
    highest: i64,
}

impl Part {
    fn highest_of(&self, nodes: &[NodeIndex]) -> i64 {
        if self.normalization == Normalization::None || self.ceiling <= 0 {
            return 0;
        }
        nodes.iter().map(|index| self.raw[*index as usize]).max().unwrap_or(0)
    }
}

impl Shape {
    /// Nothing known yet.
    pub fn new(framework: &Framework, pod: &PodInfo) -> Shape {
        Shape {
            sample: pod.clone(),
            framework: framework.fingerprint(),
            filtered: Stamp::default(),
            scored: Stamp::default(),
            verdicts: Arc::default(),
            fitting: None,
            answers: Arc::default(),
            parts: Vec::new(),
            totals: Vec::new(),
        }
    }

    /// Whether the pod is of this shape: equal in all that the remembered plugins look at.
    pub fn fits(&self, framework: &Framework, pod: &PodInfo) -> bool {
        let (a, b) = (&self.sample, pod);
        let (mine, other) = (&a.pod.spec, &b.pod.spec);
        let (affinity, other_affinity) = (node_affinity(mine), node_affinity(other));
        self.framework == framework.fingerprint()
            && (a.nonzero, a.scoring) == (b.nonzero, b.scoring)
            && a.requests == b.requests
            && a.ports == b.ports
            && (Arc::ptr_eq(mine, other)
                || mine.tolerations == other.tolerations
                    && mine.node_selector == other.node_selector
                    && mine.node_name == other.node_name
                    && affinity == other_affinity
                    && mine.containers.len() == other.containers.len()
                    && images(mine).eq(images(other)))
    }

    /// Brings the verdicts up to date.
    pub fn filter(&mut self, framework: &Framework, cx: &Context<'_>, state: &CycleState, pod: &PodInfo) {
        let changed = self.filtered.renew(cx.cache);
        if changed.is_none() {
            self.verdicts = Arc::new(vec![FITS; cx.cache.slots()]);
            self.answers = Arc::default();
        }
        for index in changed.unwrap_or(cx.cache.order()) {
            let verdict = match framework.run_local_filter(cx, state, pod, cx.cache.node(*index)) {
                Ok(()) => FITS,
                Err(answer) => self.place_of(answer),
            };
            let known = &mut Arc::make_mut(&mut self.verdicts)[*index as usize];
            if changed.is_none() || (*known == FITS) != (verdict == FITS) {
                self.fitting = None;
            }
            *known = verdict;
        }
    }

    /// Those of the nodes that can run the pod.
    pub fn fitting(&mut self, nodes: &[NodeIndex], cache: &Cache) -> Arc<Vec<NodeIndex>> {
        let fits = |index: &NodeIndex| self.verdicts[*index as usize] == FITS;
        if nodes.len() < cache.len() {
            return Arc::new(nodes.iter().copied().filter(fits).collect());
        }
        let all = || Arc::new(nodes.iter().copied().filter(fits).collect());
        let fitting = self.fitting.take().unwrap_or_else(all);
        self.fitting.insert(fitting).clone()
    }

    fn place_of(&mut self, answer: (u8, Status)) -> u16 {
        let known = self.answers.iter().position(|known| *known == answer);
        let place = known.unwrap_or_else(|| {
            Arc::make_mut(&mut self.answers).push(answer);
            self.answers.len() - 1
        });
        place as u16 + 1
    }

    /// Brings the scores up to date, and the totals for these nodes.
    pub fn score(
        &mut self,
        framework: &Framework,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) {
        let changed = self.scored.renew(cx.cache);
        if changed.is_none() {
            self.open_parts(framework, cx.cache, state);
        }
        let changed = changed.unwrap_or(cx.cache.order());
        for part in &mut self.parts {
            let plugin = framework.plugin_at(part.place);
            for index in changed {
                let score = plugin.score(cx, state, pod, cx.cache.node(*index));
                part.raw[*index as usize] = score;
                part.ceiling = part.ceiling.max(score);
            }
        }
        let mut is_rescaled = false;
        for part in &mut self.parts {
            let highest = part.highest_of(nodes);
            is_rescaled |= highest != part.highest;
            part.highest = highest;
        }
        for index in if is_rescaled { cx.cache.order() } else { changed } {
            let place = *index as usize;
            let weighted = |part: &Part| part.normalization.of(part.raw[place], part.highest) * part.weight;
            self.totals[place] = self.parts.iter().map(weighted).sum();
        }
    }

    fn open_parts(&mut self, framework: &Framework, cache: &Cache, state: &CycleState) {
        let part = |place: u8| Part {
            place,
            weight: framework.weight(place),
            normalization: framework.plugin_at(place).normalization(),
            raw: vec![0; cache.slots()],
            ceiling: 0,
            highest: 0,
        };
        self.parts = framework.local_scorers(state).map(part).collect();
        self.totals = vec![0; cache.slots()];
    }
}
