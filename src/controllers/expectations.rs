//! What a controller has asked for and not yet seen (`ControllerExpectations`): while a creation or deletion of its own
//! is still on its way back through the watch, counting pods would count wrong, so it waits.

use sorted::{SortedMap, SortedSet};

use crate::api::Key;
use crate::clock::{SimDuration, SimTime};

/// After so long a controller stops waiting: what it hopes for will not come.
const EXPIRES_AFTER: SimDuration = SimDuration::from_secs(300);

#[derive(Clone, Debug, Default)]
struct Expected {
    creations: usize,
    deletions: SortedSet<Key>,
    since: SimTime,
}

/// The writes under way, per object that a controller looks after.
#[derive(Clone, Debug, Default)]
pub struct Expectations(SortedMap<Key, Expected>);

impl Expectations {
    /// Whether everything asked for on behalf of `owner` has been seen, or has been waited for long enough.
    pub fn satisfied(&self, owner: &Key, now: SimTime) -> bool {
        self.0.get(owner).is_none_or(|expected| {
            (expected.creations == 0 && expected.deletions.is_empty())
                || now.since(expected.since) > EXPIRES_AFTER
        })
    }

    /// Notes that so many creations are about to be asked for.
    pub fn expect_creations(&mut self, owner: &Key, count: usize, now: SimTime) {
        let expected = Expected { creations: count, deletions: SortedSet::new(), since: now };
        self.0.insert(owner.clone(), expected);
    }

    /// Notes that these objects are about to be deleted.
    pub fn expect_deletions(&mut self, owner: &Key, keys: impl IntoIterator<Item = Key>, now: SimTime) {
        let expected = Expected { creations: 0, deletions: keys.into_iter().collect(), since: now };
        self.0.insert(owner.clone(), expected);
    }

    /// Notes that creations and deletions are about to be asked for together.
    pub fn expect(
        &mut self,
        owner: &Key,
        creations: usize,
        deletions: impl IntoIterator<Item = Key>,
        now: SimTime,
    ) {
        let expected = Expected { creations, deletions: deletions.into_iter().collect(), since: now };
        self.0.insert(owner.clone(), expected);
        self.drop_if_met(owner);
    }

    /// A creation was seen, or will never be.
    pub fn creation_observed(&mut self, owner: &Key) {
        if let Some(expected) = self.0.get_mut(owner) {
            expected.creations = expected.creations.saturating_sub(1);
        }
        self.drop_if_met(owner);
    }

    /// A deletion was seen, or will never be. The mark of deletion counts, and its second sighting does not.
    pub fn deletion_observed(&mut self, owner: &Key, deleted: &Key) {
        if let Some(expected) = self.0.get_mut(owner) {
            expected.deletions.remove(deleted);
        }
        self.drop_if_met(owner);
    }

    /// Forgets an owner that is gone.
    pub fn forget(&mut self, owner: &Key) {
        self.0.remove(owner);
    }

    fn drop_if_met(&mut self, owner: &Key) {
        let met = |expected: &Expected| expected.creations == 0 && expected.deletions.is_empty();
        if self.0.get(owner).is_some_and(met) {
            self.0.remove(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_controller_waits_until_each_of_its_writes_came_back_once() {
        let owner = Key::new(Kind::REPLICA_SET, "default", "web");
        let pod = |name| Key::new(Kind::POD, "default", name);
        let mut expectations = Expectations::default();
        assert!(expectations.satisfied(&owner, SimTime::ZERO), "nothing asked for");
        expectations.expect_creations(&owner, 2, SimTime::ZERO);
        expectations.creation_observed(&owner);
        assert!(!expectations.satisfied(&owner, SimTime::ZERO), "one of two seen");
        expectations.creation_observed(&owner);
        assert!(expectations.satisfied(&owner, SimTime::ZERO), "both seen");

        expectations.expect_deletions(&owner, [pod("a"), pod("b")], SimTime::ZERO);
        expectations.deletion_observed(&owner, &pod("a"));
        expectations.deletion_observed(&owner, &pod("a"));
        assert!(!expectations.satisfied(&owner, SimTime::ZERO), "the same deletion seen twice");
        assert!(expectations.satisfied(&owner, SimTime::from_secs(301)), "waited for five minutes");
    }
}
