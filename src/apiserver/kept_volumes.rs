//! Volumes by the claim that they are kept for, as upstream's controllers and scheduler index them for themselves: who looks
//! for a claim's volume does not walk over everybody's.

use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::api::{Key, Kind, Object, PersistentVolume};

/// The key of the claim that a volume is kept for, whether or not it is there.
pub fn claim_of(volume: &PersistentVolume) -> Option<Key> {
    let claim = volume.spec.claim_ref.as_ref()?;
    let namespace = claim.namespace.as_deref().unwrap_or_default();
    Some(Key::new(Kind::PERSISTENT_VOLUME_CLAIM, namespace, claim.name.as_deref()?))
}

/// The keys of volumes under those of the claims that they are kept for; under `None` if they are kept for none.
#[derive(Clone, Debug, Default)]
pub struct KeptVolumes(RedBlackTreeMapSync<Option<Key>, RedBlackTreeSetSync<Key>>);

impl KeptVolumes {
    /// The volumes kept for a claim, or for none, in order of name.
    pub fn of<'a>(&'a self, claim: Option<&Key>) -> impl Iterator<Item = &'a Key> + use<'a> {
        self.0.get(&claim.cloned()).into_iter().flatten()
    }

    /// Takes note that a volume has become another, has come or has gone.
    pub fn note(&mut self, key: &Key, before: Option<&Arc<Object>>, after: Option<&Arc<Object>>) {
        let place = |volume: Option<&Arc<Object>>| Some(claim_of(volume?.as_kind()?));
        let (before, after) = (place(before), place(after));
        if before == after {
            return;
        }
        if let Some(place) = before
            && let Some(kept) = self.0.get_mut(&place)
        {
            kept.remove_mut(key);
            if kept.is_empty() {
                self.0.remove_mut(&place);
            }
        }
        if let Some(place) = after {
            match self.0.get_mut(&place) {
                Some(kept) => kept.insert_mut(key.clone()),
                None => self.0.insert_mut(place, RedBlackTreeSetSync::new_sync().insert(key.clone())),
            }
        }
    }
}
