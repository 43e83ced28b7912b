//! Takes one pod through the extension points of a profile's plugins. The two with a loop over all nodes have files of their own.

mod choose;
mod filter;
mod score;

pub use choose::Choice;
pub use filter::{Feasibility, promised_nodes};
pub use score::{ScorePart, Scores, best, nth_with};

use std::sync::Arc;

use super::registry::Profile;
use super::{
    ClusterEvent, Code, Context, CycleState, Failure, Hint, Plugin, PodInfo, Point, PostFilterResult, Scope,
    Status,
};
use crate::api::Status as ApiStatus;
use crate::api::explain::Explain;
use crate::api::hash::Digest;
use crate::client::{Change, Client, View};
use crate::clock::SimDuration;
use crate::rng::Rng;
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::cache::memory::Memory;

/// How many extension points there are.
pub const POINTS: usize = 11;

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

    /// Those that are in the other, too.
    #[must_use]
    pub fn and(self, other: PluginSet) -> PluginSet {
        PluginSet(self.0 & other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: PluginSet) -> PluginSet {
        PluginSet(self.0 & !other.0)
    }

    /// Whether it has a plugin behind that place.
    pub fn goes_beyond(self, place: u8) -> bool {
        self.0 >> place > 1
    }

    /// The places, the first first.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as u8)?;
            left &= left - 1;
            Some(place)
        })
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
    filter_names: Arc<[Arc<str>]>,
    at: [Vec<u8>; POINTS],
    /// The same as sets.
    sets: [PluginSet; POINTS],
    /// The plugins whose answers about a node may be remembered.
    local: PluginSet,
    /// Those of them that look at nothing but the node object.
    by_object: PluginSet,
    /// The same of scores.
    local_scores: PluginSet,
    scores_by_object: PluginSet,
    fingerprint: u64,
}

impl Framework {
    /// Makes a profile ready to run.
    pub fn new(profile: &Profile) -> Framework {
        let plugins: Vec<Arc<dyn Plugin>> =
            profile.plugins.iter().take(64).map(|enabled| enabled.plugin.clone()).collect();
        let mut digest = Digest::new();
        let within = |scope: Scope, of: fn(&dyn Plugin) -> Scope| {
            let mut set = PluginSet::default();
            let places = plugins.iter().enumerate().filter(|(_, plugin)| of(&***plugin) <= scope);
            places.for_each(|(place, _)| set.insert(place as u8));
            set
        };
        let mut at: [Vec<u8>; POINTS] = Default::default();
        for (place, plugin) in plugins.iter().enumerate() {
            for point in plugin.points() {
                at[*point as usize].push(place as u8);
            }
            let weight = profile.plugins[place].weight;
            digest = digest.bytes(plugin.name().as_bytes()).number(weight as u64);
        }
        if let Some(points) = &profile.points {
            at.clone_from(points);
        }
        let sets = at.each_ref().map(|places| {
            let mut set = PluginSet::default();
            places.iter().for_each(|place| set.insert(*place));
            set
        });
        let names: Vec<Arc<str>> = plugins.iter().map(|plugin| Arc::from(plugin.name())).collect();
        let filters = at[Point::Filter as usize].iter().map(|place| names[*place as usize].clone());
        Framework {
            scheduler_name: profile.scheduler_name.clone(),
            filter_names: filters.collect(),
            names,
            weights: profile.plugins.iter().map(|enabled| enabled.weight).collect(),
            fingerprint: digest.bytes(profile.scheduler_name.as_bytes()).value(),
            local: within(Scope::Node, |plugin| plugin.scope()),
            by_object: within(Scope::Object, |plugin| plugin.scope()),
            local_scores: within(Scope::Node, |plugin| plugin.score_scope()),
            scores_by_object: within(Scope::Object, |plugin| plugin.score_scope()),
            plugins,
            at,
            sets,
        }
    }

    /// A number that tells this profile from the other ones of a scheduler.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The places of the plugins that have a say at a point, in their order.
    pub fn places_at(&self, point: Point) -> &[u8] {
        &self.at[point as usize]
    }

    /// The plugin in that place.
    pub fn plugin_at(&self, place: u8) -> &dyn Plugin {
        &*self.plugins[place as usize]
    }

    /// What the normalised scores of the plugin in that place are multiplied with.
    pub fn weight(&self, place: u8) -> i64 {
        self.weights[place as usize]
    }

    /// The plugins that score this cycle.
    fn scorers(&self, state: &CycleState) -> impl Iterator<Item = u8> {
        let skipped = state.skip_score;
        let scoring = self.at[Point::Score as usize].iter().copied();
        scoring.filter(move |place| !skipped.contains(*place))
    }

    /// Those of them that look at nothing but pod and node object.
    pub fn object_scorers(&self, state: &CycleState) -> impl Iterator<Item = u8> {
        self.scorers(state).filter(|place| self.scores_by_object.contains(*place))
    }

    /// Those of them that look at the node's pods, too, but no further.
    pub fn node_scorers(&self, state: &CycleState) -> impl Iterator<Item = u8> {
        self.scorers(state).filter(|place| self.local_scores.without(self.scores_by_object).contains(*place))
    }

    /// The plugins that filter this cycle and look beyond pod and node.
    pub fn further_filters(&self, state: &CycleState) -> PluginSet {
        self.sets[Point::Filter as usize].without(self.local).without(state.skip_filter)
    }

    /// The same of those that score.
    fn further_scorers(&self, state: &CycleState) -> PluginSet {
        self.sets[Point::Score as usize].without(self.local_scores).without(state.skip_score)
    }

    /// Whether the verdicts of this cycle come from nothing but pod and node.
    pub fn asks_only_local(&self, state: &CycleState) -> bool {
        self.further_filters(state).is_empty()
    }

    /// The names of the plugins that filter, in the order in which they are asked.
    pub fn filter_names(&self) -> &Arc<[Arc<str>]> {
        &self.filter_names
    }

    /// The name of the plugin in that place.
    pub fn plugin_name(&self, place: u8) -> &Arc<str> {
        &self.names[place as usize]
    }

    /// The plugin of that name.
    pub fn plugin(&self, name: &str) -> Option<&dyn Plugin> {
        self.plugins.iter().find(|plugin| plugin.name() == name).map(|plugin| &**plugin)
    }

    /// The set of the plugin of that name alone; empty if there is none.
    pub fn only(&self, name: &str) -> PluginSet {
        let mut set = PluginSet::default();
        let place = self.plugins.iter().position(|plugin| plugin.name() == name);
        place.into_iter().for_each(|place| set.insert(place as u8));
        set
    }

    fn at(&self, point: Point) -> impl Iterator<Item = (u8, &dyn Plugin)> {
        self.at[point as usize].iter().map(|place| (*place, &*self.plugins[*place as usize]))
    }

    /// PreEnqueue.
    ///
    /// # Errors
    /// The first plugin's answer that keeps the pod out of the queue.
    pub fn run_pre_enqueue(&self, view: &View, pod: &PodInfo) -> Result<(), Status> {
        self.at(Point::PreEnqueue).try_for_each(|(_, plugin)| {
            plugin.pre_enqueue(view, pod).map_err(|status| status.by(plugin.name()))
        })
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
        memory: &mut Memory,
        found: &Feasibility,
        pod: &PodInfo,
        rng: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        let failure = Failure { framework: self, state: &found.state, diagnosis: &found.diagnosis };
        let mut words: Option<Status> = None;
        for (_, plugin) in self.at(Point::PostFilter) {
            match plugin.post_filter(cx, memory, &failure, pod, rng) {
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
