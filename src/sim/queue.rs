//! What is going to happen, in order: by time, and among equal times in the order in which it was scheduled.

use sorted::SortedMap;

use super::event::Event;
use crate::clock::SimTime;

/// The one queue of events.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    events: SortedMap<(SimTime, u64), Event>,
    next_sequence: u64,
}

impl EventQueue {
    /// Schedules an event.
    pub fn push(&mut self, time: SimTime, event: Event) {
        self.events.insert((time, self.next_sequence), event);
        self.next_sequence += 1;
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(SimTime, Event)> {
        self.events.pop_first().map(|((time, _), event)| (time, event))
    }

    /// When the next event is due.
    pub fn next_time(&self) -> Option<SimTime> {
        self.events.first_key_value().map(|((time, _), _)| *time)
    }

    /// All events, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &Event)> {
        self.events.iter().map(|((time, _), event)| (*time, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_moment_keep_the_order_in_which_they_were_scheduled() {
        let mut queue = EventQueue::default();
        queue.push(SimTime(2), Event::Schedule);
        queue.push(SimTime(1), Event::SchedulerWake);
        queue.push(SimTime(1), Event::Reconcile(0));
        let order: Vec<Event> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, [Event::SchedulerWake, Event::Reconcile(0), Event::Schedule]);
    }
}
