//! A kind's table as plain data: what `kubectl get KIND -A -o wide` prints, with the object of each row.

use super::{Row, columns_of};
use crate::api::{Key, Kind, MetaExt, sorting};
use crate::client::View;
use crate::clock::SimTime;

/// A table of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The headings.
    pub headers: Vec<String>,
    /// The objects by namespace and name, each with its cells.
    pub rows: Vec<(Key, Vec<String>)>,
    /// How many more there are.
    pub more: usize,
}

/// The kinds of which there are objects, with how many, in the order of their names.
pub fn kinds(view: &View) -> Vec<(Kind, usize)> {
    let mut counts: sorted::SortedMap<Kind, usize> = sorted::SortedMap::new();
    for (key, _) in view.all() {
        *counts.entry(key.kind).or_default() += 1;
    }
    let mut kinds: Vec<(Kind, usize)> = counts.iter().map(|(kind, count)| (*kind, *count)).collect();
    sorting::sort_by(&mut kinds, |a, b| a.0.name().cmp(b.0.name()));
    kinds
}

/// The table of a kind, ages reckoned to `now`, of at most so many objects.
pub fn listing(view: &View, kind: Kind, now: SimTime, most: usize) -> Listing {
    let columns = columns_of(kind, view);
    let mut rows = Vec::new();
    let mut all = 0;
    for object in view.objects(kind, None) {
        all += 1;
        if rows.len() < most {
            let row = Row::new(object, now);
            let cells = columns.iter().map(|column| column.cell(&row)).collect();
            rows.push((Key::new(kind, object.namespace(), object.name()), cells));
        }
    }
    Listing {
        headers: columns.iter().map(|column| column.header.to_string()).collect(),
        more: all - rows.len(),
        rows,
    }
}
