//! Pods that look alike get the same answers: what the plugins that look at nothing but the pod and the node have said of each
//! node, and what they have scored it, is remembered for a shape of pods, and asked again only of nodes that have changed.

use sorted::SortedMap;
use std::sync::Arc;

use super::contest::{Contest, Dimension};
use super::likeness::are_alike;
use super::memory::Stamp;
use crate::scheduler::framework::{
    Context, CycleState, Framework, Normalization, PodInfo, PreFilterAnswers, Status,
};

/// So many shapes are remembered.
pub const MOST: usize = 32;

/// The verdict on a node that can run the pod.
pub const FITS: u16 = 0;

/// What PreFilter and PreScore of the plugins that look at nothing but pod and node have left and answered: the same for all
/// pods of a shape, until something changes that concerns all nodes.
#[derive(Default)]
pub struct Prepared {
    epoch: u64,
    /// Their notes, and who of them is left out.
    pub state: CycleState,
    /// What PreFilter has answered, where that is more than that the pod may pass.
    pub answers: PreFilterAnswers,
}

/// What follows from a node object alone: it need not be asked again when only the node's pods have changed.
#[derive(Clone, Copy, Default)]
struct Settled {
    /// The version of the object; zero if nothing is known.
    version: u64,
    /// [`FITS`], or the place of the answer plus one.
    verdict: u16,
    /// What it scores, once that has been asked.
    score: Option<Score>,
}

/// What a node object scores.
#[derive(Clone, Copy, Default)]
struct Score {
    /// Where nothing is normalised, weighted.
    total: i64,
    /// A number for the raw scores of the others.
    class: i64,
}

/// The answers for one shape.
pub struct Shape {
    sample: PodInfo,
    framework: u64,
    prepared: Arc<Prepared>,
    filtered: Stamp,
    /// By node.
    settled: Vec<Settled>,
    /// The different raw scores of node objects, where scores are normalised.
    classes: SortedMap<Vec<i64>, i64>,
    /// By node: [`FITS`], or the place of the answer plus one.
    pub verdicts: Arc<Vec<u16>>,
    /// The different answers, each with the place of the plugin that gives it.
    pub answers: Arc<Vec<(u8, Status)>>,
    /// How many nodes give each.
    pub given: Vec<u32>,
    /// The nodes that fit, sorted out.
    pub contest: Contest,
}

impl Shape {
    /// Nothing known yet.
    pub fn new(framework: &Framework, pod: &PodInfo) -> Shape {
        Shape {
            sample: pod.clone(),
            framework: framework.fingerprint(),
            prepared: Arc::default(),
            filtered: Stamp::default(),
            settled: Vec::new(),
            classes: SortedMap::new(),
            verdicts: Arc::default(),
            answers: Arc::default(),
            given: Vec::new(),
            contest: Contest::default(),
        }
    }

    /// Whether the pod is of this shape: equal in all that the remembered plugins look at.
    pub fn fits(&self, framework: &Framework, pod: &PodInfo) -> bool {
        let sample = &self.sample;
        self.framework == framework.fingerprint()
            && (sample.likeness != 0 && sample.likeness == pod.likeness || are_alike(sample, pod))
    }

    /// What is the same for every pod of this shape.
    pub fn prepared(&mut self, framework: &Framework, cx: &Context<'_>, pod: &PodInfo) -> Arc<Prepared> {
        let epoch = cx.cache.epoch();
        if self.prepared.epoch != epoch || epoch == 0 {
            let (state, answers) = framework.prepare_local(cx, pod);
            self.prepared = Arc::new(Prepared { epoch, state, answers });
        }
        self.prepared.clone()
    }

    /// Brings the verdicts up to date.
    pub fn filter(&mut self, framework: &Framework, cx: &Context<'_>, state: &CycleState, pod: &PodInfo) {
        let changed = self.filtered.renew(cx.cache);
        if changed.is_none() {
            self.verdicts = Arc::new(vec![FITS; cx.cache.slots()]);
            self.settled = vec![Settled::default(); cx.cache.slots()];
            self.classes.clear();
            self.answers = Arc::default();
            self.given.clear();
        }
        for index in changed.unwrap_or(cx.cache.order()) {
            let node = cx.cache.node(*index);
            if self.settled[*index as usize].version != node.version {
                let answer = framework.run_object_filter(cx, state, pod, node);
                let verdict = answer.map_or_else(|answer| self.place_of(answer), |()| FITS);
                self.settled[*index as usize] = Settled { version: node.version, verdict, score: None };
            }
            let settled = self.settled[*index as usize].verdict;
            let before = usize::from(settled).checked_sub(1).map(|place| self.answers[place].0);
            let verdict = match framework.run_node_filter(cx, state, pod, node, before) {
                Ok(()) => settled,
                Err(answer) => self.place_of(answer),
            };
            let known = self.verdicts[*index as usize];
            if known == verdict {
                continue;
            }
            Arc::make_mut(&mut self.verdicts)[*index as usize] = verdict;
            if let Some(place) = usize::from(known).checked_sub(1) {
                self.given[place] -= 1;
            }
            if let Some(place) = usize::from(verdict).checked_sub(1) {
                self.given[place] += 1;
            }
        }
    }

    fn place_of(&mut self, answer: (u8, Status)) -> u16 {
        let known = self.answers.iter().position(|known| *known == answer);
        let place = known.unwrap_or_else(|| {
            Arc::make_mut(&mut self.answers).push(answer);
            self.given.push(0);
            self.answers.len() - 1
        });
        place as u16 + 1
    }

    /// Brings the contest among the nodes that fit up to date. `false` if the nodes are too different for one.
    pub fn compete(
        &mut self,
        framework: &Framework,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        dimensions: &[Dimension],
    ) -> bool {
        let Shape { contest, verdicts, settled, classes, .. } = self;
        contest.renew(cx.cache, dimensions, &mut |index, key| {
            if verdicts[index as usize] != FITS {
                return None;
            }
            let node = cx.cache.node(index);
            let score = |place: u8| {
                let plugin = framework.plugin_at(place);
                let score = plugin.score(cx, state, pod, node);
                match plugin.normalization() {
                    Normalization::None => (score * framework.weight(place), None),
                    _ => (0, Some(score)),
                }
            };
            let known = settled[index as usize].score.get_or_insert_with(|| {
                let (mut total, mut raw) = (0, Vec::new());
                for place in framework.object_scorers(state) {
                    let (more, normalized) = score(place);
                    total += more;
                    raw.extend(normalized);
                }
                let next = classes.len() as i64;
                Score { total, class: *classes.entry(raw).or_insert(next) }
            });
            key.push(known.class);
            let mut total = known.total;
            for place in framework.node_scorers(state) {
                let (more, normalized) = score(place);
                total += more;
                key.extend(normalized);
            }
            Some(total)
        })
    }
}
