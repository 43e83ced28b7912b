//! [`SortedMap`] and [`SortedSet`]: what the standard library's `BTreeMap` and `BTreeSet` do, with the same methods, for
//! a program that has to be loaded. The standard ones are compiled anew for every pair of types, some 5 KB each; here
//! everything about order is in one structure of numbers ([`order`]), compiled once, and a map adds little more than the
//! comparison of its keys.
//!
//! Entries lie in a slab, in the order of their arrival; the order holds their places. Looking up takes O(log n)
//! comparisons; inserting and removing also move at most a few hundred numbers.

mod map;
mod order;
mod set;

pub use map::{Entry, OccupiedEntry, SortedMap, VacantEntry};
pub use set::SortedSet;
