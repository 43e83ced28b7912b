//! What a ReplicaSet has asked for and its informer has not shown yet. Without it, a look at a stale view would ask twice.
//! Models `controller.UIDTrackingControllerExpectations`.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Key;

#[derive(Clone, Debug, Default)]
struct Expected {
    creations: usize,
    deletions: BTreeSet<String>,
}

/// Expectations of every set.
#[derive(Clone, Debug, Default)]
pub struct Expectations(BTreeMap<Key, Expected>);

impl Expectations {
    /// So many new pods will show up.
    pub fn expect_creations(&mut self, key: &Key, count: usize) {
        self.0.entry(key.clone()).or_default().creations += count;
    }

    /// So many of them will not, after all.
    pub fn lower_creations(&mut self, key: &Key, count: usize) {
        let expected = self.0.entry(key.clone()).or_default();
        expected.creations = expected.creations.saturating_sub(count);
    }

    /// These pods will be seen to go.
    pub fn expect_deletions(&mut self, key: &Key, uids: BTreeSet<String>) {
        self.0.entry(key.clone()).or_default().deletions.extend(uids);
    }

    /// A new pod has shown up.
    pub fn saw_creation(&mut self, key: &Key) {
        self.lower_creations(key, 1);
    }

    /// A pod has been seen to go.
    pub fn saw_deletion(&mut self, key: &Key, uid: &str) {
        if let Some(expected) = self.0.get_mut(key) {
            expected.deletions.remove(uid);
        }
    }

    /// Whether everything asked for has been seen.
    pub fn satisfied(&self, key: &Key) -> bool {
        self.0.get(key).is_none_or(|expected| expected.creations == 0 && expected.deletions.is_empty())
    }

    /// The set is gone.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}
