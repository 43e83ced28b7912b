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

/// Fewer topics than this are not worth clearing out.
const FEW: usize = 1_024;

/// The memory of all reporters. Upstream each forgets what lies longest ago when it knows 4,096 things; here a topic is
/// forgotten once nothing would be different without it, two hours after much was said of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reporters {
    topics: RedBlackTreeMapSync<u64, Topic>,
    /// How many topics were left when they were last cleared out.
    left: usize,
}

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
        let now = self.now;
        if let Some(topic) = self.reporters.topics.get_mut(&saying.topic) {
            return topic.correlate(saying, now);
        }
        self.reporters.forget(now);
        let mut topic = Topic::default();
        let verdict = topic.correlate(saying, now);
        self.reporters.topics.insert_mut(saying.topic, topic);
        verdict
    }
}

impl Reporters {
    /// Clears out what makes no difference any more, whenever there is twice as much as was left the last time: each topic is
    /// looked at a few times in its life.
    fn forget(&mut self, now: SimTime) {
        if self.topics.size() < FEW.max(2 * self.left) {
            return;
        }
        let over = self.topics.iter().filter(|(_, topic)| topic.is_over(now)).map(|(id, _)| *id);
        for id in over.collect::<Vec<_>>() {
            self.topics.remove_mut(&id);
        }
        self.left = self.topics.size();
    }
}

impl Topic {
    /// Whether it tells nothing that a new topic would not.
    fn is_over(&self, now: SimTime) -> bool {
        let heard = |heard: &Heard| now.since(heard.at) <= SIMILAR_FOR;
        self.rested <= now && self.kept_back.is_empty() && !self.heard.iter().any(heard)
    }

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
    fn topics_are_forgotten_when_they_make_no_difference() {
        let mut api = ApiServer::new(1);
        let mut known = Vec::new();
        // An object a second, each mentioned once: the last ten minutes matter.
        for second in 0..10_000 {
            api.set_now(SimTime::from_secs(second));
            assert_eq!(api.correlate(Saying { topic: second, group: 1, message: 1 }), SAY);
            known.push(api.reporters.topics.size());
        }
        assert!(known.iter().all(|count| *count <= 2 * 602), "{:?}", known.iter().max());
        assert!(known[9_999] >= 600, "what matters is known: {}", known[9_999]);
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
