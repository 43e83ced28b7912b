//! Pods that look alike get the same answers: what the plugins that look at nothing but the pod and the node have said of each
//! node, and what they have scored it, is remembered for a shape of pods, and asked again only of nodes that have changed.

use std::sync::Arc;

use super::contest::{Contest, Dimension};
use super::memory::Stamp;
use crate::api::k8s::{NodeAffinity, PodSpec};
use crate::scheduler::framework::{
    Context, CycleState, Framework, Normalization, PodInfo, PreFilterAnswers, Status,
};

/// So many shapes are remembered.
pub const MOST: usize = 32;

/// The verdict on a node that can run the pod.
pub const FITS: u16 = 0;

fn node_affinity(spec: &PodSpec) -> Option<&NodeAffinity> {
    spec.affinity.as_ref()?.node_affinity.as_ref()
}

fn images(spec: &PodSpec) -> impl Iterator<Item = Option<&str>> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.map(|container| container.image.as_deref())
}

fn are_alike(a: &PodInfo, b: &PodInfo) -> bool {
    let (mine, other) = (&a.pod.spec, &b.pod.spec);
    (a.nonzero, a.scoring) == (b.nonzero, b.scoring)
        && a.requests == b.requests
        && a.ports == b.ports
        && (Arc::ptr_eq(mine, other)
            || mine.tolerations == other.tolerations
                && mine.node_selector == other.node_selector
                && mine.node_name == other.node_name
                && node_affinity(mine) == node_affinity(other)
                && mine.containers.len() == other.containers.len()
                && images(mine).eq(images(other)))
}

/// Compares pods as they are taken in, and gives those of one shape one number: whoever decides about them later need not look
/// at what they ask for again.
#[derive(Clone, Debug, Default)]
pub struct Likenesses {
    /// One pod of each shape, the most recent last.
    known: Vec<Arc<PodInfo>>,
    made: u64,
}

impl Likenesses {
    /// Numbers a pod.
    pub fn mark(&mut self, mut pod: PodInfo) -> Arc<PodInfo> {
        if let Some(known) = self.known.iter().rev().find(|known| are_alike(known, &pod)) {
            pod.likeness = known.likeness;
            return Arc::new(pod);
        }
        self.made += 1;
        pod.likeness = self.made;
        let pod = Arc::new(pod);
        if self.known.len() >= MOST {
            self.known.remove(0);
        }
        self.known.push(pod.clone());
        pod
    }
}

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

/// The answers for one shape.
pub struct Shape {
    sample: PodInfo,
    framework: u64,
    prepared: Arc<Prepared>,
    filtered: Stamp,
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
            self.answers = Arc::default();
            self.given.clear();
        }
        for index in changed.unwrap_or(cx.cache.order()) {
            let verdict = match framework.run_local_filter(cx, state, pod, cx.cache.node(*index)) {
                Ok(()) => FITS,
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
        let verdicts = &self.verdicts;
        self.contest.renew(cx.cache, dimensions, &mut |index, key| {
            if verdicts[index as usize] != FITS {
                return None;
            }
            let mut total = 0;
            let node = cx.cache.node(index);
            for place in framework.local_scorers(state) {
                let plugin = framework.plugin_at(place);
                let score = plugin.score(cx, state, pod, node);
                match plugin.normalization() {
                    Normalization::None => total += score * framework.weight(place),
                    _ => key.push(score),
                }
            }
            Some(total)
        })
    }
}
