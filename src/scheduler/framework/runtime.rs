//! Takes one pod through the extension points of a profile's plugins.

use sorted::SortedSet;
use std::sync::Arc;

use super::registry::Profile;
use super::{
    ClusterEvent, Code, Context, CycleState, Diagnosis, Failure, Hint, NodeInfo, Plugin, PodInfo, Point,
    PostFilterResult, PreFilterResult, Status,
};
use crate::api::Status as ApiStatus;
use crate::api::explain::Explain;
use crate::api::hash::Digest;
use crate::client::{Change, Client};
use crate::clock::SimDuration;
use crate::rng::Rng;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::recall;
use crate::scheduler::cache::shape::{FITS, MOST, Shape};

/// A set of a profile's plugins, by their places in it. A profile has at most 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginSet(u64);

impl PluginSet {
    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the plugin in that place is in it.
    pub fn contains(self, place: u8) -> bool {
        self.0 & (1 << place) != 0
    }

    /// Puts the plugin in that place into it.
    pub fn insert(&mut self, place: u8) {
        self.0 |= 1 << place;
    }

    /// Whether the two have a plugin in common.
    pub fn meets(self, other: PluginSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Puts all of the other's into it.
    pub fn extend(&mut self, other: PluginSet) {
        self.0 |= other.0;
    }
}

/// A profile, made ready to run: who has a say where (`framework/runtime`).
#[derive(Debug)]
pub struct Framework {
    /// The pods it takes: those with this `spec.schedulerName`.
    pub scheduler_name: Arc<str>,
    plugins: Vec<Arc<dyn Plugin>>,
    weights: Vec<i64>,
    names: Vec<Arc<str>>,
    at: [Vec<u8>; 11],
    /// The plugins whose answers about a node may be remembered.
    local: PluginSet,
    fingerprint: u64,
}

/// What the Filter phase has found.
#[derive(Debug, Default)]
pub struct Feasibility {
    /// The notes of the cycle so far.
    pub state: CycleState,
    /// The nodes that can run the pod, in name order. Shared with the memory where pods of one shape find the same.
    pub nodes: Arc<Vec<NodeIndex>>,
    /// Why the others cannot.
    pub diagnosis: Diagnosis,
    /// What has gone wrong, in a plugin rather than with the pod. The attempt is worth nothing then.
    pub error: Option<String>,
}

impl Feasibility {
    /// Takes note of a node's answer. Says whether to go on: an error ends the attempt.
    fn take(&mut self, index: NodeIndex, answer: Result<(), (u8, Status)>) -> bool {
        match answer {
            Ok(()) => Arc::make_mut(&mut self.nodes).push(index),
            Err((_, status)) if !status.is_rejection() => {
                self.error = Some(status.message());
                return false;
            }
            Err((place, status)) => {
                self.diagnosis.rejectors.insert(place);
                self.diagnosis.reject(index, status);
            }
        }
        true
    }
}

/// The nodes on which others have been promised room that this pod may not take.
fn promised_nodes(cx: &Context<'_>, pod: &PodInfo) -> SortedSet<NodeIndex> {
    let counts = |other: &Arc<PodInfo>| other.priority() >= pod.priority() && other.uid() != pod.uid();
    let promised = cx.nominator.nodes().filter(|(_, pods)| pods.iter().any(counts));
    promised.filter_map(|(node, _)| cx.cache.index(node)).collect()
}

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
    /// Makes a profile ready to run.
    pub fn new(profile: &Profile) -> Framework {
        let mut at: [Vec<u8>; 11] = Default::default();
        let plugins: Vec<Arc<dyn Plugin>> =
            profile.plugins.iter().take(64).map(|enabled| enabled.plugin.clone()).collect();
        let (mut local, mut digest) = (PluginSet::default(), Digest::new());
        for (place, plugin) in plugins.iter().enumerate() {
            for point in plugin.points() {
                at[*point as usize].push(place as u8);
            }
            if plugin.is_local() {
                local.insert(place as u8);
            }
            let weight = profile.plugins[place].weight;
            digest = digest.bytes(plugin.name().as_bytes()).number(weight as u64);
        }
        Framework {
            scheduler_name: profile.scheduler_name.clone(),
            names: plugins.iter().map(|plugin| Arc::from(plugin.name())).collect(),
            weights: profile.plugins.iter().map(|enabled| enabled.weight).collect(),
            fingerprint: digest.bytes(profile.scheduler_name.as_bytes()).value(),
            plugins,
            at,
            local,
        }
    }

    /// A number that tells this profile from the other ones of a scheduler.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The plugin in that place.
    pub fn plugin_at(&self, place: u8) -> &dyn Plugin {
        &*self.plugins[place as usize]
    }

    /// What the normalised scores of the plugin in that place are multiplied with.
    pub fn weight(&self, place: u8) -> i64 {
        self.weights[place as usize]
    }

    /// The plugins that score this cycle and look at nothing but pod and node.
    pub fn local_scorers(&self, state: &CycleState) -> impl Iterator<Item = u8> {
        let scoring = self.at[Point::Score as usize].iter().copied();
        scoring.filter(|place| self.local.contains(*place) && !state.skip_score.contains(*place))
    }

    /// Whether the verdicts of this cycle come from nothing but pod and node.
    pub fn asks_only_local(&self, state: &CycleState) -> bool {
        let mut filters = self.at[Point::Filter as usize].iter();
        filters.all(|place| self.local.contains(*place) || state.skip_filter.contains(*place))
    }

    /// The name of the plugin in that place.
    pub fn plugin_name(&self, place: u8) -> &Arc<str> {
        &self.names[place as usize]
    }

    /// The plugin of that name.
    pub fn plugin(&self, name: &str) -> Option<&dyn Plugin> {
        self.plugins.iter().find(|plugin| plugin.name() == name).map(|plugin| &**plugin)
    }

    fn at(&self, point: Point) -> impl Iterator<Item = (u8, &dyn Plugin)> {
        self.at[point as usize].iter().map(|place| (*place, &*self.plugins[*place as usize]))
    }

    /// PreEnqueue.
    ///
    /// # Errors
    /// The first plugin's answer that keeps the pod out of the queue.
    pub fn run_pre_enqueue(&self, pod: &PodInfo) -> Result<(), Status> {
        self.at(Point::PreEnqueue)
            .try_for_each(|(_, plugin)| plugin.pre_enqueue(pod).map_err(|status| status.by(plugin.name())))
    }

    /// QueueSort: a profile has one such plugin.
    pub fn queue_rank(&self, pod: &PodInfo) -> i64 {
        self.at(Point::QueueSort).next().map_or(0, |(_, plugin)| plugin.queue_rank(pod))
    }

    /// The plugins that have registered for the event: only pods that one of them has rejected need be asked about.
    pub fn interested_in(&self, event: &ClusterEvent) -> PluginSet {
        let mut interested = PluginSet::default();
        for (place, plugin) in self.plugins.iter().enumerate() {
            if plugin.events_to_register().iter().any(|registered| registered.covers(event)) {
                interested.insert(place as u8);
            }
        }
        interested
    }

    /// Whether one of the plugins that have rejected the pod thinks that the event may have helped it.
    pub fn is_worth_requeuing(
        &self,
        cx: &Context<'_>,
        event: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
        rejectors: PluginSet,
    ) -> bool {
        self.plugins.iter().enumerate().any(|(place, plugin)| {
            rejectors.contains(place as u8)
                && plugin.events_to_register().iter().any(|registered| registered.covers(event))
                && plugin.is_schedulable_after(cx, event, change, pod) == Hint::Queue
        })
    }

    /// Finds the nodes that can run the pod: PreFilter, then Filter on every node that is worth a look. A pod that has been
    /// promised room on a node looks there first, and nowhere else if it fits.
    pub fn find_nodes_that_fit(&self, cx: &Context<'_>, pod: &PodInfo) -> Feasibility {
        let mut found = Feasibility::default();
        let names = match self.run_pre_filter(cx, pod, &mut found) {
            Ok(names) => names,
            Err(status) if !status.is_rejection() => {
                found.error = Some(status.message());
                return found;
            }
            Err(status) => {
                found.diagnosis.pre_filter_message = status.message();
                found.diagnosis.absent = Some((status, cx.cache.len() as u32));
                return found;
            }
        };
        if let Some(index) = pod.nominated_node().and_then(|name| cx.cache.index(name))
            && self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(index)).is_ok()
        {
            found.nodes = Arc::new(vec![index]);
            return found;
        }
        let some: Vec<NodeIndex>;
        let worth_a_look = match &names {
            None => cx.cache.order(),
            Some(names) => {
                some = names.iter().filter_map(|name| cx.cache.index(name)).collect();
                &some
            }
        };
        if cx.cache.memory().is_off() {
            self.filter_plainly(cx, pod, worth_a_look, &mut found);
        } else {
            self.filter_by_shape(cx, pod, worth_a_look, &mut found);
        }
        if let Some((_, count)) = &mut found.diagnosis.absent {
            *count = (cx.cache.len() - worth_a_look.len()) as u32;
        }
        found
    }

    /// Filter, plugin by plugin, on every node.
    fn filter_plainly(&self, cx: &Context<'_>, pod: &PodInfo, nodes: &[NodeIndex], found: &mut Feasibility) {
        for index in nodes {
            let answer = self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(*index));
            if !found.take(*index, answer) {
                return;
            }
        }
    }

    /// Filter, with the answers that are known from pods of the same shape. They hold for a node as it is; where pods have been
    /// promised room, the node has to be asked as it will be.
    fn filter_by_shape(&self, cx: &Context<'_>, pod: &PodInfo, nodes: &[NodeIndex], found: &mut Feasibility) {
        // Held only for this: plugins that are asked below may want to remember things too.
        let (verdicts, known, fitting) = {
            let mut inner = cx.cache.memory().open();
            let shape =
                recall(&mut inner.shapes, MOST, |shape| shape.fits(self, pod), || Shape::new(self, pod));
            shape.filter(self, cx, &found.state, pod);
            (shape.verdicts.clone(), shape.answers.clone(), shape.fitting(nodes, cx.cache))
        };
        let promised = promised_nodes(cx, pod);
        // The place of each known answer among those of this attempt, once it has been given.
        let mut answers: Vec<Option<u16>> = vec![None; known.len()];
        let mut others: Vec<u8> = self.at[Point::Filter as usize]
            .iter()
            .copied()
            .filter(|place| !self.local.contains(*place) && !found.state.skip_filter.contains(*place))
            .collect();
        // Usually the plugins that look further come last; then they need only be asked of the nodes that are left, all at once.
        let others_are_last = others.iter().min() > known.iter().map(|(place, _)| place).max();
        let is_plain = promised.is_empty() && (others.is_empty() || others_are_last);
        if is_plain {
            found.nodes = fitting;
            let all_fit = found.nodes.len() == nodes.len();
            for place in others.drain(..) {
                if !self.filter_all(place, cx, pod, found) {
                    return;
                }
            }
            if all_fit {
                return;
            }
        }
        for index in nodes {
            let verdict = verdicts[*index as usize];
            if is_plain && verdict == FITS {
                continue;
            }
            if !promised.is_empty() && promised.contains(index) {
                let answer =
                    self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(*index));
                if !found.take(*index, answer) {
                    return;
                }
                continue;
            }
            let known = verdict.checked_sub(1).map(|place| &known[usize::from(place)]);
            let before = known.map_or(u8::MAX, |(place, _)| *place);
            let mut answer = None;
            for place in others.iter().take_while(|place| **place < before) {
                let node = cx.cache.node(*index);
                if let Err(refused) = self.run_filter_of(*place, cx, &found.state, pod, node) {
                    answer = Some(refused);
                    break;
                }
            }
            match (answer, known) {
                (Some(refused), _) => {
                    if !found.take(*index, Err(refused)) {
                        return;
                    }
                }
                (None, None) => Arc::make_mut(&mut found.nodes).push(*index),
                (None, Some((place, status))) => {
                    let answer = &mut answers[usize::from(verdict) - 1];
                    let answer = *answer.get_or_insert_with(|| {
                        found.diagnosis.rejectors.insert(*place);
                        found.diagnosis.answer(status.clone())
                    });
                    found.diagnosis.reject_as(*index, answer);
                }
            }
        }
    }

    /// Filter by one plugin on all the nodes found so far. Says whether to go on: an error ends the attempt.
    fn filter_all(&self, place: u8, cx: &Context<'_>, pod: &PodInfo, found: &mut Feasibility) -> bool {
        let plugin = &self.plugins[place as usize];
        let nodes = std::mem::take(&mut found.nodes);
        let Feasibility { state, diagnosis, error, .. } = found;
        let mut refuse = |index: NodeIndex, status: Status| {
            if status.is_rejection() {
                diagnosis.rejectors.insert(place);
                diagnosis.reject(index, status.by(plugin.name()));
            } else if error.is_none() {
                *error = Some(running(&format!("{:?} filter plugin", plugin.name()), &status).message());
            }
        };
        let fitting = plugin.filter_all(cx, state, pod, &nodes, &mut refuse);
        found.nodes = Arc::new(fitting);
        found.error.is_none()
    }

    /// PreFilter. The names of the nodes worth a look are those that all plugins name.
    fn run_pre_filter(
        &self,
        cx: &Context<'_>,
        pod: &PodInfo,
        found: &mut Feasibility,
    ) -> Result<PreFilterResult, Status> {
        let mut names: PreFilterResult = None;
        let mut naming: SortedSet<&'static str> = SortedSet::new();
        for (place, plugin) in self.at(Point::PreFilter) {
            match plugin.pre_filter(cx, &mut found.state, pod) {
                Ok(None) => {}
                Ok(Some(named)) => {
                    naming.insert(plugin.name());
                    found.diagnosis.rejectors.insert(place);
                    names = Some(match names {
                        None => named,
                        Some(known) => known.intersection(&named).cloned().collect(),
                    });
                }
                Err(status) if status.code == Code::Skip => found.state.skip_filter.insert(place),
                Err(status) if !status.is_rejection() => {
                    return Err(running(&format!("PreFilter plugin {:?}", plugin.name()), &status));
                }
                Err(status) => {
                    found.diagnosis.rejectors.insert(place);
                    return Err(status.by(plugin.name()));
                }
            }
        }
        let list = || naming.iter().copied().collect::<Vec<_>>().join(" ");
        match &names {
            Some(names) if names.is_empty() && naming.len() == 1 => {
                Err(Status::unresolvable(format!("node(s) didn't satisfy plugin {}", list())))
            }
            Some(names) if names.is_empty() => Err(Status::unresolvable(format!(
                "node(s) didn't satisfy plugin(s) [{}] simultaneously",
                list()
            ))),
            Some(_) => {
                let left_out = Status::unresolvable(format!("node(s) didn't satisfy plugin(s) [{}]", list()));
                found.diagnosis.absent = Some((left_out, 0));
                Ok(names)
            }
            None => Ok(None),
        }
    }

    /// Filter on one node: the first plugin that says no, and its place.
    ///
    /// # Errors
    /// That plugin's answer.
    pub fn run_filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        for place in &self.at[Point::Filter as usize] {
            if !state.skip_filter.contains(*place) {
                self.run_filter_of(*place, cx, state, pod, node)?;
            }
        }
        Ok(())
    }

    /// Filter on one node, by the plugins whose answers may be remembered.
    ///
    /// # Errors
    /// The first such plugin's answer, and its place.
    pub fn run_local_filter(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        for place in &self.at[Point::Filter as usize] {
            if self.local.contains(*place) && !state.skip_filter.contains(*place) {
                self.run_filter_of(*place, cx, state, pod, node)?;
            }
        }
        Ok(())
    }

    fn run_filter_of(
        &self,
        place: u8,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        let plugin = &self.plugins[place as usize];
        plugin.filter(cx, state, pod, node).map_err(|status| match status.is_rejection() {
            true => (place, status.by(plugin.name())),
            false => (place, running(&format!("{:?} filter plugin", plugin.name()), &status)),
        })
    }

    /// Filter on one node as if the pods that have been promised room there were there already, if they matter at least as
    /// much as this one; and again without them, for the pod may need what they bring but must not count on it.
    ///
    /// # Errors
    /// The first plugin that says no, and its place.
    pub fn run_filter_with_nominated_pods(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), (u8, Status)> {
        if !cx.nominator.is_empty() {
            let ahead = cx
                .nominator
                .pods_on(&node.name)
                .filter(|nominated| nominated.priority() >= pod.priority() && nominated.uid() != pod.uid());
            let ahead: Vec<Arc<PodInfo>> = ahead.cloned().collect();
            if !ahead.is_empty() {
                let (mut state, mut node) = (state.clone(), node.clone());
                for nominated in ahead {
                    node.add_pod(nominated.clone());
                    self.run_add_pod(cx, &mut state, pod, &nominated, &node);
                }
                self.run_filter(cx, &state, pod, &node)?;
            }
        }
        self.run_filter(cx, state, pod, node)
    }

    /// Tells the plugins to think of `added` as running on `node`.
    pub fn run_add_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        added: &PodInfo,
        node: &NodeInfo,
    ) {
        for (place, plugin) in self.at(Point::PreFilter) {
            if !state.skip_filter.contains(place) {
                plugin.add_pod(cx, state, pod, added, node);
            }
        }
    }

    /// Tells the plugins to think of `removed` as gone from `node`.
    pub fn run_remove_pod(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        removed: &PodInfo,
        node: &NodeInfo,
    ) {
        for (place, plugin) in self.at(Point::PreFilter) {
            if !state.skip_filter.contains(place) {
                plugin.remove_pod(cx, state, pod, removed, node);
            }
        }
    }

    /// The numbers behind a rejection, for people.
    pub fn detail(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        index: NodeIndex,
        status: &Status,
    ) -> String {
        let plugin = self.plugin(status.plugin);
        plugin.map(|plugin| plugin.detail(cx, state, pod, cx.cache.node(index))).unwrap_or_default()
    }

    /// PostFilter: the first plugin that finds a way out. The words of those that find none are joined.
    ///
    /// # Errors
    /// Why there is none.
    pub fn run_post_filter(
        &self,
        cx: &Context<'_>,
        found: &Feasibility,
        pod: &PodInfo,
        rng: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        let failure = Failure { framework: self, state: &found.state, diagnosis: &found.diagnosis };
        let mut words: Option<Status> = None;
        for (_, plugin) in self.at(Point::PostFilter) {
            match plugin.post_filter(cx, &failure, pod, rng) {
                Ok(result) => return Ok(result),
                Err(status) if status.code == Code::Unschedulable => {
                    words = Some(match words {
                        None => status,
                        Some(words) => status.reasons().cloned().fold(words, Status::and),
                    });
                }
                Err(status) => return Err(status),
            }
        }
        Err(words.unwrap_or_else(|| Status::unschedulable("")))
    }

    fn run_pre_score(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo, nodes: &[NodeIndex]) {
        for (place, plugin) in self.at(Point::PreScore) {
            if plugin.pre_score(cx, state, pod, nodes).is_err() {
                state.skip_score.insert(place);
            }
        }
    }

    /// PreScore, Score, NormalizeScore, and the weighted sums, with each plugin's part.
    pub fn score(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Scores {
        self.run_pre_score(cx, state, pod, nodes);
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
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Vec<i64> {
        if cx.cache.memory().is_off() {
            return self.score(cx, state, pod, nodes).totals;
        }
        self.run_pre_score(cx, state, pod, nodes);
        let mut totals: Vec<i64> = {
            let mut inner = cx.cache.memory().open();
            let shape =
                recall(&mut inner.shapes, MOST, |shape| shape.fits(self, pod), || Shape::new(self, pod));
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

    /// Reserve; if a plugin refuses, all take it back.
    ///
    /// # Errors
    /// That plugin's answer.
    pub fn run_reserve(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        for (_, plugin) in self.at(Point::Reserve) {
            if let Err(status) = plugin.reserve(cx, state, pod, node) {
                self.run_unreserve(cx, state, pod, node);
                return Err(status.by(plugin.name()));
            }
        }
        Ok(())
    }

    /// Takes a reservation back, last plugin first.
    pub fn run_unreserve(&self, cx: &Context<'_>, state: &mut CycleState, pod: &PodInfo, node: &str) {
        let reserving: Vec<_> = self.at(Point::Reserve).collect();
        for (_, plugin) in reserving.into_iter().rev() {
            plugin.unreserve(cx, state, pod, node);
        }
    }

    /// Permit.
    ///
    /// # Errors
    /// The first plugin's answer that holds the pod back.
    pub fn run_permit(
        &self,
        cx: &Context<'_>,
        state: &CycleState,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        self.at(Point::Permit).try_for_each(|(_, plugin)| {
            plugin.permit(cx, state, pod, node).map_err(|status| status.by(plugin.name()))
        })
    }

    /// PreBind.
    ///
    /// # Errors
    /// The first plugin's failure, or that it waits.
    pub fn run_pre_bind(
        &self,
        client: &mut Client<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        self.at(Point::PreBind).try_for_each(|(_, plugin)| {
            plugin.pre_bind(client, state, pod, node).map_err(|status| match status.code {
                Code::Wait => status.by(plugin.name()),
                _ => running(&format!("PreBind plugin {:?}", plugin.name()), &status).by(plugin.name()),
            })
        })
    }

    /// When the wait of a plugin in PreBind is over, and the failure that it then is.
    pub fn pre_bind_timeout(&self, plugin: &str) -> Option<(SimDuration, Status)> {
        let (span, words) = self.plugin(plugin)?.pre_bind_timeout()?;
        let failure = Status::new(Code::Error, words);
        Some((span, running(&format!("PreBind plugin {plugin:?}"), &failure)))
    }

    /// Bind, by the first plugin that binds.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn run_bind(
        &self,
        client: &mut Client<'_>,
        pod: &PodInfo,
        node: &str,
        explain: Option<Explain>,
    ) -> Result<(), ApiStatus> {
        match self.at(Point::Bind).next() {
            Some((_, plugin)) => plugin.bind(client, pod, node, explain),
            None => Err(ApiStatus::bad_request("no bind plugin is enabled")),
        }
    }
}

/// The highest total, and how many nodes have it.
pub fn best(totals: &[i64]) -> (i64, u32) {
    let highest = totals.iter().copied().fold(i64::MIN, i64::max);
    (highest, totals.iter().map(|total| u32::from(*total == highest)).sum())
}

/// The place of the one among the nodes with that total.
pub fn nth_with(totals: &[i64], total: i64, nth: u32) -> Option<usize> {
    let places = (0..totals.len()).filter(|place| totals[*place] == total);
    places.skip(nth as usize).next()
}

/// An error of a plugin, in the words of the framework around it.
fn running(what: &str, status: &Status) -> Status {
    Status::new(Code::Error, format!("running {what}: {}", status.message()))
}
