//! The pods whose node is chosen and whose binding has to wait in PreBind for what others are doing: each is asked again
//! when something that it waits for has changed, or when it has waited too long.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use super::framework::{CycleState, Status};
use super::plugins::volume_binding::Decision;
use super::queue::QueuedPod;
use crate::api::Key;
use crate::api::explain::Explain;
use crate::clock::SimTime;

/// A pod whose node is chosen, on its way to be bound.
#[derive(Clone, Debug)]
pub struct Binding {
    pub queued: QueuedPod,
    pub state: CycleState,
    pub node: Arc<str>,
    pub explain: Option<Explain>,
    /// When PreBind may wait no longer, and the failure that it then is.
    pub deadline: Option<(SimTime, Status)>,
}

impl Binding {
    /// The objects on which its going on depends: the pod itself, its claims, and the volumes kept for them.
    fn awaited(&self) -> Vec<Key> {
        let decision = self.state.read::<Decision>().into_iter().flat_map(Decision::objects);
        decision.chain([self.queued.key.clone()]).collect()
    }

    fn until(&self) -> Option<SimTime> {
        self.deadline.as_ref().map(|(time, _)| *time)
    }
}

/// The place of a binding in the order in which they were put aside.
type Place = u64;

/// The bindings put aside, and who of them is to be asked again.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    next: Place,
    all: SortedMap<Place, Binding>,
    awaited: SortedMap<Key, SortedSet<Place>>,
    deadlines: SortedSet<(SimTime, Place)>,
    due: SortedSet<Place>,
}

impl Waiting {
    /// Puts a binding aside.
    pub fn push(&mut self, binding: Binding) {
        let place = self.next;
        self.next += 1;
        for key in binding.awaited() {
            self.awaited.entry(key).or_default().insert(place);
        }
        self.deadlines.extend(binding.until().map(|time| (time, place)));
        self.all.insert(place, binding);
    }

    /// Takes note that an object has changed.
    pub fn changed(&mut self, key: &Key) {
        for place in self.awaited.get(key).into_iter().flatten() {
            self.due.insert(*place);
        }
    }

    /// Takes note of the time.
    pub fn wake(&mut self, now: SimTime) {
        for (_, place) in self.deadlines.iter().take_while(|(time, _)| *time <= now) {
            self.due.insert(*place);
        }
    }

    /// Whether there are bindings to be asked again.
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// When the first has waited too long.
    pub fn next_deadline(&self) -> Option<SimTime> {
        self.deadlines.first().map(|(time, _)| *time)
    }

    /// Takes out those to be asked again, in the order in which they were put aside.
    pub fn take_due(&mut self) -> Vec<Binding> {
        let due = std::mem::take(&mut self.due);
        due.iter().filter_map(|place| self.take(*place)).collect()
    }

    /// Takes out all.
    pub fn take_all(&mut self) -> Vec<Binding> {
        std::mem::take(self).all.into_values().collect()
    }

    fn take(&mut self, place: Place) -> Option<Binding> {
        let binding = self.all.remove(&place)?;
        for key in binding.awaited() {
            let Some(places) = self.awaited.get_mut(&key) else { continue };
            places.remove(&place);
            if places.is_empty() {
                self.awaited.remove(&key);
            }
        }
        if let Some(time) = binding.until() {
            self.deadlines.remove(&(time, place));
        }
        Some(binding)
    }
}
