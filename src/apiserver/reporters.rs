//! What those who report events remember of what they said, so that nobody is flooded: similar events are combined, and a
//! reporter says only so much about one object. Models `EventCorrelator` of client-go's `tools/record`. Upstream every process
//! keeps this memory; here it is beside the events, so that a copy of the cluster has it.

use rpds::RedBlackTreeMapSync;

use super::ApiServer;
use crate::clock::{SimDuration, SimTime};

/// So many events of one type and reason that differ in their message are told apart (`defaultAggregateMaxEvents`), …
const SIMILAR_MAX: usize = 10;
/// … unless none came for so long (`defaultAggregateIntervalInSeconds`).
const SIMILAR_FOR: SimDuration = SimDuration::from_secs(600);
/// So many events are said about an object at once (`defaultSpamBurst`), …
const BURST: u64 = 25;
/// … and one more each time that so long has passed (`defaultSpamQPS`).
const REFILL: SimDuration = SimDuration::from_secs(300);

/// An event on its way to be said, as numbers that are equal for what is equal.
#[derive(Clone, Copy, Debug)]
pub struct Saying {
    /// Who speaks, and about which object.
    pub topic: u64,
    /// The type and the reason.
    pub group: u32,
    /// The message.
    pub message: u32,
}

/// What is to become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is said, …
    Say {
        /// … together with others like it, under the message of the last, …
        combined: bool,
        /// … and so many that were kept back before it are counted with it.
        kept_back: u32,
    },
    /// Too much has been said about the object.
    KeepBack,
}

/// The memory of all reporters.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporters(RedBlackTreeMapSync<u64, Topic>);

/// What one reporter remembers of one object.
#[derive(Clone, Debug, Default)]
struct Topic {
    /// When it could say [`BURST`] events at once again.
    rested: SimTime,
    /// The messages by which similar events are told apart: fewer than [`SIMILAR_MAX`] for a group, whose last event
    /// was at the latest of these times.
    heard: Vec<Heard>,
    /// How often an event (its group, its message) was kept back since it was last said.
    kept_back: Vec<((u32, Option<u32>), u32)>,
}

#[derive(Clone, Debug)]
struct Heard {
    group: u32,
    message: u32,
    at: SimTime,
}

impl ApiServer {
    /// Whether and how an event is said. The reporter is taken to do so.
    pub fn correlate(&mut self, saying: Saying) -> Verdict {
        let mut topic = self.reporters.0.get(&saying.topic).cloned().unwrap_or_default();
        let verdict = topic.correlate(saying, self.now);
        self.reporters.0.insert_mut(saying.topic, topic);
        verdict
    }
}

impl Topic {
    fn correlate(&mut self, saying: Saying, now: SimTime) -> Verdict {
        let combined = self.aggregate(saying, now);
        let event = (saying.group, (!combined).then_some(saying.message));
        let place = self.kept_back.iter().position(|(kept, _)| *kept == event);
        if !self.may_speak(now) {
            match place {
                Some(place) => self.kept_back[place].1 += 1,
                None => self.kept_back.push((event, 1)),
            }
            return Verdict::KeepBack;
        }
        let kept_back = place.map_or(0, |place| self.kept_back.swap_remove(place).1);
        Verdict::Say { combined, kept_back }
    }

    /// Whether the event is one too many of its kind (`EventAggregate`). The message that makes them too many is not
    /// remembered: upstream forgets any one of them.
    fn aggregate(&mut self, saying: Saying, now: SimTime) -> bool {
        let last = self.heard.iter().filter(|heard| heard.group == saying.group).map(|heard| heard.at).max();
        if last.is_some_and(|last| now.since(last) > SIMILAR_FOR) {
            self.heard.retain(|heard| heard.group != saying.group);
        }
        let mut similar = self.heard.iter_mut().filter(|heard| heard.group == saying.group);
        if let Some(same) = similar.find(|heard| heard.message == saying.message) {
            same.at = now;
            return false;
        }
        let mut similar = self.heard.iter_mut().filter(|heard| heard.group == saying.group);
        if let Some(tenth) = similar.nth(SIMILAR_MAX - 2) {
            tenth.at = now;
            return true;
        }
        self.heard.push(Heard { group: saying.group, message: saying.message, at: now });
        false
    }

    /// Takes one from the bucket, if there is one (`EventSourceObjectSpamFilter`): at 25 events in a row `rested` is 25 refills
    /// ahead, and the 26th waits until it is only 24 ahead.
    fn may_speak(&mut self, now: SimTime) -> bool {
        if self.rested.since(now).0 > (BURST - 1) * REFILL.0 {
            return false;
        }
        self.rested = self.rested.max(now) + REFILL;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAY: Verdict = Verdict::Say { combined: false, kept_back: 0 };
    const COMBINED: Verdict = Verdict::Say { combined: true, kept_back: 0 };

    /// Says events one after another: seconds, group, message.
    fn say(sayings: impl IntoIterator<Item = (u64, u32, u32)>) -> Vec<Verdict> {
        let mut api = ApiServer::new(1);
        let one = |(second, group, message)| {
            api.set_now(SimTime::from_secs(second));
            api.correlate(Saying { topic: 7, group, message })
        };
        sayings.into_iter().map(one).collect()
    }

    #[test]
    fn the_tenth_message_of_a_reason_is_combined_until_ten_minutes_are_quiet() {
        let verdicts = say((0..12).map(|n| (n, 1, n as u32)));
        assert_eq!(verdicts[..9], [SAY; 9]);
        assert_eq!(verdicts[9..], [COMBINED; 3]);
        let later = say((0..12).map(|n| (if n == 11 { 12 + 600 } else { n }, 1, n as u32)));
        assert_eq!(later[11], SAY, "more than 600 s after the last");
        let known = say((0..12).map(|n| (n, 1, if n == 11 { 3 } else { n as u32 })));
        assert_eq!(known[11], SAY, "a message that is remembered is no new one");
        let other = say((0..12).map(|n| (n, u32::from(n == 11), n as u32)));
        assert_eq!(other[11], SAY, "another reason");
    }

    #[test]
    fn twenty_five_events_come_at_once_and_then_one_in_five_minutes() {
        let mut verdicts = say((0..27).map(|_| (0, 1, 1)).chain([(299, 1, 1), (300, 1, 1), (301, 1, 1)]));
        let late = verdicts.split_off(25);
        assert_eq!(verdicts, [SAY; 25]);
        let counted = Verdict::Say { combined: false, kept_back: 3 };
        assert_eq!(
            late,
            [Verdict::KeepBack, Verdict::KeepBack, Verdict::KeepBack, counted, Verdict::KeepBack]
        );
    }
}
