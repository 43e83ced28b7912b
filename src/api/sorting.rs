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

/// Texts with the numbers in them by their size: `web-2` before `web-10`, and digits before anything else.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(first), Some(second)) = (a.first(), b.first()) {
        if !(first.is_ascii_digit() && second.is_ascii_digit()) {
            let order = second.is_ascii_digit().cmp(&first.is_ascii_digit()).then(first.cmp(second));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[1..], &b[1..]);
            continue;
        }
        let (zeros, number, rest) = leading_number(a);
        let (other_zeros, other, other_rest) = leading_number(b);
        let order = number.len().cmp(&other.len()).then(number.cmp(other)).then(zeros.cmp(&other_zeros));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest, other_rest);
    }
    a.len().cmp(&b.len())
}

/// The zeros that a text begins with, the digits behind them, and what follows.
fn leading_number(text: &[u8]) -> (usize, &[u8], &[u8]) {
    let zeros = text.iter().take_while(|letter| **letter == b'0').count();
    let digits = text[zeros..].iter().take_while(|letter| letter.is_ascii_digit()).count();
    (zeros, &text[zeros..zeros + digits], &text[zeros + digits..])
}

/// The items' old places in their new order.
fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

#[cfg(test)]
mod tests {
    use super::{natural, sort_by, sort_by_key};

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
    fn numbers_in_texts_count_by_size() {
        let mut texts = ["web-10", "web-2", "web", "1", "web-02", "a1b2", "a1b10", ""];
        sort_by(&mut texts, |a, b| natural(a, b));
        assert_eq!(texts, ["", "1", "a1b2", "a1b10", "web", "web-2", "web-02", "web-10"]);
    }

    #[test]
    fn an_order_may_be_any() {
        let mut numbers = vec![3, 1, 2];
        sort_by(&mut numbers, |a, b| b.cmp(a));
        assert_eq!(numbers, [3, 2, 1]);
    }
}
