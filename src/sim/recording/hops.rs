//! Steps of single events. The log knows nothing of events that write nothing, so a place between two of them is a count
//! of events, and the past is replayed to find the next one or the last.

use super::{Recording, Simulation};
use crate::sim::hop::{Deed, Hop};

/// How many events and inputs there have been: a place in a run that is finer than any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    events: u64,
    inputs: usize,
}

impl Place {
    fn of(run: &Simulation) -> Place {
        Place { events: run.events_done(), inputs: run.journal().len() }
    }
}

impl Recording {
    /// Processes the next event that is more than a heartbeat, and says what it was: in the past as it was recorded, at the
    /// end by running on, with at most `max_events` heartbeats before it.
    pub(super) fn hop(&mut self, max_events: u64) -> Option<Hop> {
        if !self.is_in_past() {
            let hop = self.live.hop(max_events);
            self.checkpoint();
            self.follow();
            return hop;
        }
        let mut run = self.moment().into_owned();
        let hop = next(&mut run, &self.live, max_events);
        if hop.is_none() || Place::of(&run) >= Place::of(&self.live) {
            self.follow();
        } else {
            self.stand(run);
        }
        hop
    }

    /// Goes back to before the last event that was more than a heartbeat. `None` at the beginning of the run.
    pub(super) fn hop_back(&mut self) -> Option<Hop> {
        let here = Place::of(&self.moment());
        let begin = Simulation::new(self.live.config().clone());
        let earlier = self.checkpoints.iter().rev().filter(|checkpoint| Place::of(checkpoint) < here);
        let (place, hop) = earlier.chain([&begin]).find_map(|from| last_before(from, &self.live, here))?;
        self.stand(replay(&self.checkpoints, &self.live, place));
        Some(hop)
    }

    /// Looks at the run as it stood then.
    fn stand(&mut self, run: Simulation) {
        self.show(run.revision(), run.now());
        self.between = Some(Box::new(run));
    }
}

/// The last hop that ends before a place or at it, and where the run stood before that hop.
fn last_before(from: &Simulation, whole: &Simulation, end: Place) -> Option<(Place, Hop)> {
    let mut run = from.clone();
    let mut last = None;
    loop {
        let place = Place::of(&run);
        let hop = next(&mut run, whole, u64::MAX).filter(|_| Place::of(&run) <= end);
        let Some(hop) = hop else { return last };
        last = Some((place, hop));
    }
}

/// The next hop of a run that is recorded as a whole: an input where one came, else an event.
fn next(run: &mut Simulation, whole: &Simulation, max_events: u64) -> Option<Hop> {
    let entry = whole.journal().get(run.journal().len()).cloned();
    let Some(entry) = entry else {
        return run.hop(max_events).filter(|_| run.events_done() <= whole.events_done());
    };
    let comes = |run: &Simulation| {
        let due = run.next_event_time().is_some_and(|time| time <= entry.time);
        !due || run.events_done() >= entry.events_done
    };
    while !comes(run) {
        if let Some(hop) = run.hop(1) {
            return Some(hop);
        }
    }
    let before = run.revision();
    run.set_now(entry.time.max(run.now()));
    run.submit(entry.input.clone());
    let object = run.api().store().change(before + 1).map(|change| change.key.clone());
    let writes = run.revision() - before;
    Some(Hop { time: run.now(), actor: "kubectl".into(), deed: Deed::Input, object, writes })
}

/// The run as it stood at a place.
fn replay(checkpoints: &[Simulation], whole: &Simulation, place: Place) -> Simulation {
    let usable = |checkpoint: &&Simulation| {
        let at = Place::of(checkpoint);
        at.events <= place.events && at.inputs <= place.inputs
    };
    let found = checkpoints.iter().rev().find(usable).cloned();
    let mut run = found.unwrap_or_else(|| Simulation::new(whole.config().clone()));
    while Place::of(&run) < place {
        let entry = whole.journal().get(run.journal().len());
        let entry = entry.filter(|_| run.journal().len() < place.inputs);
        match entry.filter(|entry| entry.events_done <= run.events_done()).cloned() {
            Some(entry) => {
                run.set_now(entry.time.max(run.now()));
                run.submit(entry.input.clone());
            }
            None if run.step().is_none() => break,
            None => {}
        }
    }
    run
}
