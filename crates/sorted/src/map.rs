//! A map in the order of its keys.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::ops::{Bound, Index, RangeBounds};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::order::{Order, Position, Walk};

/// A map in the order of its keys, with the methods of the standard library's `BTreeMap`.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    order: Order,
    /// By slot; nothing in a free one.
    entries: Vec<Option<(K, V)>>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

impl<K, V> SortedMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        SortedMap { order: Order::new(), entries: Vec::new() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.order.len() == 0
    }

    /// Removes every entry.
    pub fn clear(&mut self) {
        self.order.clear();
        self.entries.clear();
    }

    fn entry_at(&self, slot: u32) -> Option<&(K, V)> {
        self.entries.get(slot as usize)?.as_ref()
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut (K, V)> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    fn put(&mut self, position: Position, key: K, value: V) -> u32 {
        let slot = self.order.insert(position);
        let entry = Some((key, value));
        match self.entries.get_mut(slot as usize) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        slot
    }

    fn take(&mut self, position: Position) -> Option<(K, V)> {
        let slot = self.order.remove(position);
        let entry = self.entries.get_mut(slot as usize)?.take();
        if self.is_empty() {
            self.clear();
        }
        entry
    }

    /// The entries in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { walk: self.order.all(), map: self }
    }

    /// The entries in order, their values to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        let by_slot = self.entries.iter_mut().map(Option::as_mut).collect();
        IterMut { walk: self.order.all(), by_slot }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The values, to be changed, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The keys in order.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the largest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Takes the entry with the smallest key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.is_empty() { None } else { self.take(self.order.start()) }
    }

    /// Takes the entry with the largest key out.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.take(self.order.last()?)
    }

    /// Keeps only the entries that pass; they are asked in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let entries = &mut self.entries;
        let gone = self.order.retain(&mut |slot| match entries.get_mut(slot as usize) {
            Some(Some((key, value))) => keep(key, value),
            _ => false,
        });
        for slot in gone {
            self.entries[slot as usize] = None;
        }
        if self.is_empty() {
            self.clear();
        }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Position, Position>
    where
        K: Borrow<Q>,
    {
        self.order.search(&mut |slot| {
            self.entry_at(slot).map_or(Ordering::Less, |(other, _)| other.borrow().cmp(key))
        })
    }

    fn slot<Q: Ord + ?Sized>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.order.at(self.find(key).ok()?)
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        Some(&self.entry_at(self.slot(key)?)?.1)
    }

    /// The entry of a key.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.entry_at(self.slot(key)?).map(|(key, value)| (key, value))
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slot(key)?;
        Some(&mut self.entry_mut(slot)?.1)
    }

    /// Whether a key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives a key a value, and gives back the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(position) => {
                let slot = self.order.at(position)?;
                self.entry_mut(slot).map(|entry| std::mem::replace(&mut entry.1, value))
            }
            Err(position) => {
                self.put(position, key, value);
                None
            }
        }
    }

    /// Takes the value of a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Takes the entry of a key out.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let position = self.find(key).ok()?;
        self.take(position)
    }

    /// The place of a key, whether it has a value or not.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        match self.find(&key) {
            Ok(position) => {
                let slot = self.order.at(position).unwrap_or_default();
                Entry::Occupied(OccupiedEntry { map: self, position, slot, key })
            }
            Err(position) => Entry::Vacant(VacantEntry { map: self, position, key }),
        }
    }

    /// The entries whose keys lie in a range, in order. Nothing where the range ends before it begins.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let key = |slot: u32| self.entry_at(slot).map(|(key, _)| key.borrow());
        let from = match range.start_bound() {
            Bound::Unbounded => self.order.start(),
            Bound::Included(start) => {
                self.order.partition(&mut |slot| key(slot).is_some_and(|key| key < start))
            }
            Bound::Excluded(start) => {
                self.order.partition(&mut |slot| key(slot).is_some_and(|key| key <= start))
            }
        };
        let to = match range.end_bound() {
            Bound::Unbounded => self.order.end(),
            Bound::Included(end) => self.order.partition(&mut |slot| key(slot).is_some_and(|key| key <= end)),
            Bound::Excluded(end) => self.order.partition(&mut |slot| key(slot).is_some_and(|key| key < end)),
        };
        Iter { walk: self.order.walk(from, to), map: self }
    }

    /// Moves every entry of another map into this one.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(std::mem::take(other));
    }
}

/// The place of a key in a map.
pub enum Entry<'a, K, V> {
    /// It has a value.
    Occupied(OccupiedEntry<'a, K, V>),
    /// It has none.
    Vacant(VacantEntry<'a, K, V>),
}

/// The place of a key that has a value.
pub struct OccupiedEntry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    position: Position,
    slot: u32,
    key: K,
}

/// The place of a key that has no value.
pub struct VacantEntry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    position: Position,
    key: K,
}

/// What the order points to is there: both are only ever changed together.
const THERE: &str = "a slot in the order has an entry";

impl<'a, K, V> OccupiedEntry<'a, K, V> {
    /// The key that was asked for.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value.
    pub fn get(&self) -> &V {
        &self.map.entry_at(self.slot).expect(THERE).1
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut V {
        &mut self.map.entry_mut(self.slot).expect(THERE).1
    }

    /// The value, to be changed for as long as the map is borrowed.
    pub fn into_mut(self) -> &'a mut V {
        &mut self.map.entry_mut(self.slot).expect(THERE).1
    }

    /// Replaces the value, and gives the old one back.
    pub fn insert(&mut self, value: V) -> V {
        std::mem::replace(self.get_mut(), value)
    }

    /// Takes the entry out.
    pub fn remove(self) -> V {
        self.map.take(self.position).expect(THERE).1
    }
}

impl<'a, K, V> VacantEntry<'a, K, V> {
    /// The key that was asked for.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Gives the key a value.
    pub fn insert(self, value: V) -> &'a mut V {
        let slot = self.map.put(self.position, self.key, value);
        &mut self.map.entry_mut(slot).expect(THERE).1
    }
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The value, or the given one for a key without.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value, or a made one for a key without.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(value()),
        }
    }

    /// The value, or the default one for a key without.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value, if there is one.
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Entry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }
}

/// Entries in order.
pub struct Iter<'a, K, V> {
    walk: Walk<'a>,
    map: &'a SortedMap<K, V>,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter { walk: self.walk.clone(), map: self.map }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.walk.next()?;
        self.map.entry_at(slot).map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let slot = self.walk.next_back()?;
        self.map.entry_at(slot).map(|(key, value)| (key, value))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> FusedIterator for Iter<'_, K, V> {}

/// Entries in order, their values to be changed.
pub struct IterMut<'a, K, V> {
    walk: Walk<'a>,
    /// By slot; each is taken once.
    by_slot: Vec<Option<&'a mut (K, V)>>,
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.walk.next()?;
        let (key, value) = self.by_slot.get_mut(slot as usize)?.take()?;
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

/// Entries in order, taken out of their map.
pub struct IntoIter<K, V> {
    slots: std::vec::IntoIter<u32>,
    entries: Vec<Option<(K, V)>>,
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.slots.next()?;
        self.entries.get_mut(slot as usize)?.take()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slots.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        let slot = self.slots.next_back()?;
        self.entries.get_mut(slot as usize)?.take()
    }
}

impl<K, V> ExactSizeIterator for IntoIter<K, V> {}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter { slots: self.order.into_slots().into_iter(), entries: self.entries }
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Borrow<Q> + Ord, Q: Ord + ?Sized, V> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for SortedMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other)
    }
}

impl<K: Ord, V: Ord> Ord for SortedMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other)
    }
}

impl<K: Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = SortedMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = SortedMap::new();
                while let Some((key, value)) = access.next_entry()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::SortedMap;

    /// A small generator, so that the steps are the same in every run.
    fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    fn assert_same(ours: &SortedMap<u64, u64>, theirs: &BTreeMap<u64, u64>) {
        assert!(ours.iter().eq(theirs) && ours.len() == theirs.len());
        assert!(ours.iter().rev().eq(theirs.iter().rev()));
        assert_eq!(ours.first_key_value(), theirs.first_key_value());
        assert_eq!(ours.last_key_value(), theirs.last_key_value());
    }

    #[test]
    fn every_step_leaves_what_the_standard_map_has() {
        for (seed, keys) in [(1, 8), (2, 300), (3, 5_000)] {
            let mut next = numbers(seed);
            let (mut ours, mut theirs) = (SortedMap::new(), BTreeMap::new());
            for step in 0..6_000 {
                let (key, value) = (next(keys), next(100));
                match next(12) {
                    0..5 => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
                    5 | 6 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                    7 => assert_eq!(ours.pop_first(), theirs.pop_first()),
                    8 => assert_eq!(ours.pop_last(), theirs.pop_last()),
                    9 => {
                        *ours.entry(key).or_default() = {
                            *theirs.entry(key).or_default() += value;
                            theirs[&key]
                        }
                    }
                    10 => {
                        let end = key + next(keys / 2 + 1);
                        assert!(ours.range(key..end).eq(theirs.range(key..end)));
                        assert!(ours.range(..=end).rev().eq(theirs.range(..=end).rev()));
                        assert_eq!(ours.range(key..).len(), theirs.range(key..).count());
                        assert_eq!(
                            (ours.get(&key), ours.contains_key(&end)),
                            (theirs.get(&key), theirs.contains_key(&end))
                        );
                    }
                    _ if step % 40 == 0 => {
                        ours.retain(|key, value| {
                            *value += 1;
                            key % 3 != 0
                        });
                        theirs.retain(|key, value| {
                            *value += 1;
                            key % 3 != 0
                        });
                    }
                    _ => {
                        ours.values_mut().zip(0..).for_each(|(value, place)| *value ^= place);
                        theirs.values_mut().zip(0..).for_each(|(value, place)| *value ^= place);
                    }
                }
                if step % 64 == 0 {
                    assert_same(&ours, &theirs);
                }
            }
            assert_same(&ours, &theirs);
            assert!(ours.clone().into_iter().eq(theirs.clone()));
            assert!(ours.clone().into_iter().rev().eq(theirs.clone().into_iter().rev()));
            let again: SortedMap<u64, u64> = theirs.into_iter().rev().collect();
            assert_eq!(again, ours);
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        let map: SortedMap<u64, ()> = (0..1_000).map(|key| (key, ())).collect();
        let (late, early) = (700, 300);
        assert_eq!(map.range(late..early).next(), None);
        assert_eq!(map.range(2_000..).next_back(), None);
    }
}
