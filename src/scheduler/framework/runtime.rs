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
use crate::client::{Change, Client};
use crate::clock::SimDuration;
use crate::rng::Rng;
use crate::scheduler::cache::NodeIndex;

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
}

/// What the Filter phase has found.
#[derive(Debug, Default)]
pub struct Feasibility {
    /// The notes of the cycle so far.
    pub state: CycleState,
    /// The nodes that can run the pod, in name order.
    pub nodes: Vec<NodeIndex>,
    /// Why the others cannot.
    pub diagnosis: Diagnosis,
    /// What has gone wrong, in a plugin rather than with the pod. The attempt is worth nothing then.
    pub error: Option<String>,
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
        for (place, plugin) in plugins.iter().enumerate() {
            for point in plugin.points() {
                at[*point as usize].push(place as u8);
            }
        }
        Framework {
            scheduler_name: profile.scheduler_name.clone(),
            names: plugins.iter().map(|plugin| Arc::from(plugin.name())).collect(),
            weights: profile.plugins.iter().map(|enabled| enabled.weight).collect(),
            plugins,
            at,
        }
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
            found.nodes.push(index);
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
        for index in worth_a_look {
            match self.run_filter_with_nominated_pods(cx, &found.state, pod, cx.cache.node(*index)) {
                Ok(()) => found.nodes.push(*index),
                Err((_, status)) if !status.is_rejection() => {
                    found.error = Some(status.message());
                    return found;
                }
                Err((place, status)) => {
                    found.diagnosis.rejectors.insert(place);
                    found.diagnosis.nodes.push((*index, status));
                }
            }
        }
        if let Some((_, count)) = &mut found.diagnosis.absent {
            *count = (cx.cache.len() - worth_a_look.len()) as u32;
        }
        found
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
                let plugin = &self.plugins[*place as usize];
                plugin.filter(cx, state, pod, node).map_err(|status| match status.is_rejection() {
                    true => (*place, status.by(plugin.name())),
                    false => (*place, running(&format!("{:?} filter plugin", plugin.name()), &status)),
                })?;
            }
        }
        Ok(())
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

    /// PreScore, Score, NormalizeScore, and the weighted sums.
    pub fn score(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        nodes: &[NodeIndex],
    ) -> Scores {
        for (place, plugin) in self.at(Point::PreScore) {
            if plugin.pre_score(cx, state, pod, nodes).is_err() {
                state.skip_score.insert(place);
            }
        }
        let mut scores = Scores { parts: Vec::with_capacity(8), totals: vec![0; nodes.len()] };
        for (place, plugin) in self.at(Point::Score) {
            if state.skip_score.contains(place) {
                continue;
            }
            let raw: Vec<i64> =
                nodes.iter().map(|index| plugin.score(cx, state, pod, cx.cache.node(*index))).collect();
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

/// An error of a plugin, in the words of the framework around it.
fn running(what: &str, status: &Status) -> Status {
    Status::new(Code::Error, format!("running {what}: {}", status.message()))
}
