//! What changes in the cluster do to the cache and to the queue.

use std::sync::Arc;

use super::Scheduler;
use super::framework::events::has_ended;
use super::framework::{Action, ClusterEvent, Context, EventResource, PodInfo};
use super::queue::QueuedPod;
use crate::api::{Key, MetaExt, Object, Pod};
use crate::client::{Change, View};
use crate::clock::SimTime;

impl Scheduler {
    /// Takes delivery of changes: updates the node cache and moves pods between the parts of the queue.
    pub fn observe(&mut self, changes: &[Arc<Change>], view: &View, now: SimTime) {
        self.view = view.clone();
        self.cache.assumed_volumes.forget_until(view.revision());
        self.cache.assumed_claims.forget_until(view.revision());
        changes.iter().for_each(|change| self.waiting.changed(&change.key));
        for change in changes.iter().filter(|change| Scheduler::WATCHES.contains(&change.key.kind)) {
            let was_nominated = self.queue.nominator.is_nominated(change.object().uid());
            match (change.before.as_deref(), change.after.as_deref()) {
                (_, Some(Object::Node(node))) => self.cache.set_node(node),
                (Some(Object::Node(node)), None) => self.cache.remove_node(node.name()),
                (_, Some(Object::Pod(pod))) => self.pod_changed(pod, &change.key, now),
                (Some(Object::Pod(pod)), None) => {
                    self.cache.remove_pod(pod.uid());
                    self.queue.remove(&change.key, pod.uid());
                }
                _ => {}
            }
            let event = match ClusterEvent::of(change) {
                // A pod that had been promised room gives it back as if it had been there.
                Some(event) if was_nominated && is_removal(&event) => {
                    ClusterEvent::new(EventResource::AssignedPod, Action::DELETE)
                }
                Some(event) => event,
                None => continue,
            };
            self.move_helped(&event, change, now);
        }
    }

    pub(super) fn pod_changed(&mut self, pod: &Pod, key: &Key, now: SimTime) {
        if has_ended(pod) {
            self.cache.remove_pod(pod.uid());
            self.queue.remove(key, pod.uid());
            return;
        }
        if let Some(node) = pod.spec.node_name.as_deref().filter(|name| !name.is_empty()) {
            self.queue.remove(key, pod.uid());
            let info = self.likenesses.mark_placed(PodInfo::new(pod.clone()));
            self.cache.set_pod(info, node);
            return;
        }
        // News from before the scheduler placed the pod: the news of its binding is on its way.
        if self.cache.is_assumed(pod.uid()) {
            return;
        }
        let profile = self.profile_of(pod.spec.scheduler_name.as_deref());
        let (Some(profile), false) = (profile, pod.is_deleting()) else {
            self.queue.remove(key, pod.uid());
            return;
        };
        let info = self.likenesses.mark(PodInfo::new(pod.clone()));
        let framework = self.frameworks[profile as usize].clone();
        if !self.queue.update(&info, &framework, &self.view) {
            self.queue.add(QueuedPod::new(info, profile, &framework, now), &framework, &self.view);
        }
    }

    /// Moves the pods that a change may help, by the hints of the plugins that rejected them. A pod that changes while it
    /// waits can help only itself.
    fn move_helped(&mut self, event: &ClusterEvent, change: &Change, now: SimTime) {
        if self.queue.lengths()[2..] == [0, 0] {
            return;
        }
        let interested: Vec<_> =
            self.frameworks.iter().map(|framework| framework.interested_in(event)).collect();
        if interested.iter().all(|plugins| plugins.is_empty()) {
            return;
        }
        let nominator = self.queue.nominator.clone();
        let cx = Context { cache: &self.cache, view: &self.view, nominator: &nominator };
        let frameworks = &self.frameworks;
        let may_help = |waiting: &QueuedPod| {
            let profile = waiting.profile as usize;
            let concerns_it = event.resource != EventResource::UnscheduledPod || waiting.key == change.key;
            concerns_it
                && waiting.rejectors.meets(interested[profile])
                && frameworks[profile].is_worth_requeuing(
                    &cx,
                    event,
                    change,
                    &waiting.info,
                    waiting.rejectors,
                )
        };
        self.queue.move_if(now, may_help);
        for gated in self.queue.take_gated(may_help) {
            let framework = self.frameworks[gated.profile as usize].clone();
            self.queue.add(gated, &framework, &self.view);
        }
    }
}

fn is_removal(event: &ClusterEvent) -> bool {
    event.resource == EventResource::UnscheduledPod && event.action.meets(Action::DELETE)
}
