//! How long a Job waits before it tries again: 10 s after a failure, twice as long after each further one, ten minutes at the
//! most, and nothing after a success (`backoff_utils.go`).

use crate::api::{MetaExt, Pod};
use crate::clock::{SimDuration, SimTime};

const BASE: SimDuration = SimDuration::from_secs(10);
const MAX: SimDuration = SimDuration::from_secs(600);

/// The failures of a Job since its last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    failures: u32,
    last: Option<SimTime>,
}

impl Record {
    /// The record after further pods have ended.
    #[must_use]
    pub fn after(self, succeeded: &[&Pod], failed: &[&Pod], now: SimTime) -> Record {
        let success = succeeded.iter().map(|pod| finished(pod, now)).max();
        let mut record = if success.is_some() { Record::default() } else { self };
        let ends = failed.iter().map(|pod| finished(pod, now));
        for end in ends.filter(|end| success.is_none_or(|success| *end > success)) {
            record.failures += 1;
            record.last = record.last.max(Some(end));
        }
        record
    }

    /// How much longer to wait.
    pub fn remaining(self, now: SimTime) -> SimDuration {
        match self.last {
            Some(last) => remaining(self.failures, last, now),
            None => SimDuration::ZERO,
        }
    }
}

/// How much longer to wait after so many failures, the last of them at `last`.
pub fn remaining(failures: u32, last: SimTime, now: SimTime) -> SimDuration {
    if failures == 0 {
        return SimDuration::ZERO;
    }
    (last + BASE.doubled(failures - 1, MAX)).since(now)
}

/// When a pod ended: with the last of its containers, or, if none is known to have run, with its deletion.
pub fn finished(pod: &Pod, now: SimTime) -> SimTime {
    let statuses = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses).flatten();
    let ends = statuses.filter_map(|status| status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref());
    let ready = pod.status.conditions.iter().flatten().find(|c| c.type_ == "Ready" && c.status == "False");
    let unready = || SimTime::from_time(ready?.last_transition_time.as_ref()?).into();
    let deleted = || pod.meta().deletion_timestamp.as_ref().map(SimTime::from_time);
    ends.map(SimTime::from_time).max().or_else(unready).or_else(deleted).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_with_each_failure_up_to_ten_minutes() {
        let (last, now) = (SimTime::from_secs(100), SimTime::from_secs(104));
        let cases = [(0, 0), (1, 6), (2, 16), (3, 36), (7, 596), (30, 596)];
        for (failures, want) in cases {
            assert_eq!(remaining(failures, last, now).as_secs(), want, "{failures} failures");
        }
        assert_eq!(remaining(1, last, SimTime::from_secs(200)), SimDuration::ZERO);
    }
}
