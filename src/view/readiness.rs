//! How many pods were ready, from the beginning of a run to its end.

use crate::api::meta::Revision;
use crate::api::{Object, Pod};
use crate::apiserver::Change;
use crate::clock::SimTime;
use crate::controllers::pods::is_ready;

/// The count at every write that changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    counts: Vec<(Revision, SimTime, u32)>,
}

impl Readiness {
    /// Takes note of a write.
    pub fn note(&mut self, change: &Change) {
        let ready = |version: Option<&Object>| version.and_then(Object::as_kind::<Pod>).is_some_and(is_ready);
        let (before, after) = (ready(change.before.as_deref()), ready(change.after.as_deref()));
        if before != after {
            let last = self.counts.last().map_or(0, |(.., count)| *count);
            let count = if after { last + 1 } else { last.saturating_sub(1) };
            self.counts.push((change.revision, change.time, count));
        }
    }

    /// Forgets what came after a write.
    pub fn go_back(&mut self, upto: Revision) {
        self.counts.truncate(self.counts.partition_point(|(revision, ..)| *revision <= upto));
    }

    /// When there were how many, oldest first; each count lasts until the next.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = (SimTime, u32)> {
        self.counts.iter().map(|(_, time, count)| (*time, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Simulation};

    #[test]
    fn pods_are_counted_while_they_are_ready() {
        let mut run = Simulation::new(Config::small(7));
        let mut command = |at: u64, line: &str| {
            run.advance(SimTime::from_secs(at), u64::MAX);
            let outcome =
                run.submit(Input::Kubectl { line: line.into(), stdin: None, files: Default::default() });
            assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        };
        command(0, "create deployment web --image=web:1 --replicas=3");
        command(30, "scale deployment web --replicas=1");
        run.advance(SimTime::from_secs(90), u64::MAX);
        let mut readiness = Readiness::default();
        run.api().store().since(0).for_each(|change| readiness.note(change));
        let counts: Vec<u32> = readiness.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 3, 2, 1]);
        let (third, ..) = readiness.counts[2];
        readiness.go_back(third);
        assert_eq!(readiness.counts().last().map(|(_, count)| count), Some(3));
        assert!(readiness.counts().all(|(time, _)| time < SimTime::from_secs(30)));
    }
}
