//! The finest step: one event of the simulation, told as what a component does. A controller hears of writes, takes a key
//! from its queue, a kubelet's timer runs out; often without a write, which is why no log tells it.

use super::event::Subscriber;
use super::{Event, Simulation};
use crate::api::{Key, Kind, MetaExt};
use crate::apiserver::Change;
use crate::client::Actor;
use crate::clock::SimTime;
use crate::kubelet::TimerKind;

/// An event, in the terms of who watches a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// When.
    pub time: SimTime,
    /// Whose: `replicaset-controller`, `kubelet@node-1`.
    pub actor: String,
    /// What it does.
    pub deed: Deed,
    /// What it works on, where it is about one object; else the first object that it wrote.
    pub object: Option<Key>,
    /// How many writes it made.
    pub writes: u64,
}

/// What a component does in a [`Hop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A watch brings so many writes.
    Hears(u64),
    /// Takes the next key of its queue and reconciles it.
    Reconciles,
    /// A key comes back to its queue.
    Requeues,
    /// The scheduler takes the next pod of its queue.
    Schedules,
    /// Pods come back to the scheduler's active queue.
    Wakes,
    /// A kubelet's timer runs out.
    Acts,
    /// Somebody did something to the cluster.
    Input,
    /// One write: an object is made, changed or removed.
    Creates,
    /// See `Creates`.
    Changes,
    /// See `Creates`.
    Deletes,
}

impl Hop {
    /// A single write, told the same way.
    pub fn of(change: &Change) -> Hop {
        let deed = match (&change.before, &change.after) {
            (None, _) => Deed::Creates,
            (_, Some(_)) => Deed::Changes,
            (_, None) => Deed::Deletes,
        };
        let actor = match &change.actor {
            Actor::Kubelet(node) => format!("kubelet@{node}"),
            other => other.component().to_string(),
        };
        Hop { time: change.time, actor, deed, object: Some(change.key.clone()), writes: 1 }
    }
}

impl Simulation {
    /// Processes events up to and including the next one that is more than a heartbeat, with at most `max_events` in all.
    /// `None` if there was none.
    pub(super) fn hop(&mut self, max_events: u64) -> Option<Hop> {
        for _ in 0..max_events {
            let (_, event) = self.events.iter().next()?;
            let told = self.is_activity(event).then(|| self.told(event));
            let before = self.revision();
            let time = self.step()?;
            let Some((actor, deed, object)) = told else { continue };
            let written = || Some(self.api().store().change(before + 1)?.key.clone());
            return Some(Hop {
                time,
                actor,
                deed,
                object: object.or_else(written),
                writes: self.revision() - before,
            });
        }
        None
    }

    /// Who does what, and to which object, when an event is processed.
    fn told(&self, event: &Event) -> (String, Deed, Option<Key>) {
        let controller = |id: u32| self.controllers[id as usize].controller.name().to_string();
        let scheduler = || "default-scheduler".to_string();
        match event {
            Event::Deliver(Subscriber::Controller(id)) => {
                (controller(*id), self.news(self.controllers[*id as usize].informer.cursor()), None)
            }
            Event::Deliver(Subscriber::Scheduler) => {
                (scheduler(), self.news(self.scheduler_informer.cursor()), None)
            }
            Event::Deliver(Subscriber::Kubelets) => {
                ("kubelet".into(), self.news(self.kubelet_informer.cursor()), None)
            }
            Event::Deliver(Subscriber::Session(_)) | Event::SessionTick(_) | Event::Traffic => {
                ("kubectl".into(), Deed::Acts, None)
            }
            Event::Reconcile(id) => {
                let key = self.controllers[*id as usize].queue.first().cloned();
                (controller(*id), Deed::Reconciles, key)
            }
            Event::Requeue(id, key) => (controller(*id), Deed::Requeues, Some(key.clone())),
            Event::Schedule => (scheduler(), Deed::Schedules, None),
            Event::SchedulerWake => (scheduler(), Deed::Wakes, None),
            Event::Kubelet(timer) => {
                let about = match &timer.what {
                    TimerKind::Pod { .. } => self
                        .kubelets
                        .pod_of(timer)
                        .map(|pod| Key::new(Kind::POD, pod.namespace(), pod.name())),
                    TimerKind::Heartbeat
                    | TimerKind::Evict { .. }
                    | TimerKind::Shutdown
                    | TimerKind::PowerOff => Some(Key::new(Kind::NODE, "", &timer.node)),
                };
                (format!("kubelet@{}", timer.node), Deed::Acts, about)
            }
        }
    }

    fn news(&self, heard: u64) -> Deed {
        Deed::Hears(self.revision() - heard)
    }
}
