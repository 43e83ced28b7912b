//! Sorting that costs the page little. The standard library's stable sort is compiled anew, 4 KB of it, for every type and
//! order; here numbers are sorted, by one copy of it, and the items follow.

use std::cmp::Ordering;

/// Sorts by an order; equal items keep their places to each other.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut from = order(items.len(), &|a, b| compare(&items[a], &items[b]));
    for start in 0..items.len() {
        // Goes round each cycle of the permutation once; a place that has its item points to itself.
        let mut at = start;
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start {
                break;
            }
            items.swap(at, next);
            at = next;
        }
    }
}

/// Sorts by a key; equal items keep their places to each other.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// The items' old places in their new order.
fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

#[cfg(test)]
mod tests {
    use super::{sort_by, sort_by_key};

    #[test]
    fn items_come_in_order_and_equal_ones_keep_theirs() {
        let texts = ["", "b", "ba", "cba", "dcba", "bbaacc", "cabcabcabxyzzyx"];
        for text in texts {
            let numbered: Vec<(char, usize)> = text.chars().zip(0..).collect();
            let mut ours = numbered.clone();
            sort_by_key(&mut ours, |(letter, _)| *letter);
            let mut theirs = numbered;
            theirs.sort_by_key(|(letter, _)| *letter);
            assert_eq!(ours, theirs, "{text}");
        }
    }

    #[test]
    fn an_order_may_be_any() {
        let mut numbers = vec![3, 1, 2];
        sort_by(&mut numbers, |a, b| b.cmp(a));
        assert_eq!(numbers, [3, 2, 1]);
    }
}
