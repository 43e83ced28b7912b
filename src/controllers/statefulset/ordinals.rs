//! Sets of ordinals, kept as the stretches in which one follows the other: the thousands of a set at rest are one stretch.

use std::ops::Range;

use sorted::SortedMap;

/// A set of ordinals. All but counting and listing takes a few steps, however many there are.
#[derive(Clone, Debug, Default)]
pub struct Ordinals {
    /// Where each stretch begins, and the first ordinal behind it.
    stretches: SortedMap<i32, i32>,
}

impl Ordinals {
    /// Puts one in; [`i32::MAX`] has nothing behind it, and does not fit.
    pub fn insert(&mut self, ordinal: i32) {
        if self.contains(ordinal) {
            return;
        }
        let end = self.stretches.remove(&(ordinal + 1)).unwrap_or(ordinal + 1);
        let touching = self.stretches.range(..ordinal).next_back().filter(|(_, end)| **end == ordinal);
        let begin = touching.map_or(ordinal, |(begin, _)| *begin);
        self.stretches.insert(begin, end);
    }

    /// Takes one out.
    pub fn remove(&mut self, ordinal: i32) {
        let Some(Range { start, end }) = self.stretch(ordinal) else { return };
        self.stretches.remove(&start);
        if start < ordinal {
            self.stretches.insert(start, ordinal);
        }
        if ordinal + 1 < end {
            self.stretches.insert(ordinal + 1, end);
        }
    }

    pub fn contains(&self, ordinal: i32) -> bool {
        self.stretch(ordinal).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// The stretch that an ordinal is in.
    fn stretch(&self, ordinal: i32) -> Option<Range<i32>> {
        let (start, end) = self.stretches.range(..=ordinal).next_back()?;
        (ordinal < *end).then_some(*start..*end)
    }

    /// The stretches within a range, cut off at its ends.
    fn within(&self, range: Range<i32>) -> impl DoubleEndedIterator<Item = Range<i32>> {
        let from = self.stretch(range.start).map_or(range.start, |stretch| stretch.start);
        let stretches = self.stretches.range(from..range.end);
        let cut = stretches.map(move |(start, end)| *start.max(&range.start)..*end.min(&range.end));
        cut.filter(|stretch| !stretch.is_empty())
    }

    /// Those within a range, the lowest first.
    pub fn iter(&self, range: Range<i32>) -> impl DoubleEndedIterator<Item = i32> {
        self.within(range).flatten()
    }

    pub fn first(&self, range: Range<i32>) -> Option<i32> {
        self.iter(range).next()
    }

    pub fn last(&self, range: Range<i32>) -> Option<i32> {
        self.iter(range).next_back()
    }

    /// How many there are within a range.
    pub fn count(&self, range: Range<i32>) -> i32 {
        self.within(range).map(|stretch| stretch.end - stretch.start).sum()
    }

    /// How many there are.
    pub fn len(&self) -> i32 {
        self.stretches.iter().map(|(start, end)| end - start).sum()
    }

    /// The ordinals of a range that are not in the set, the lowest first.
    pub fn gaps(&self, range: Range<i32>) -> impl Iterator<Item = i32> {
        let (mut at, end) = (range.start, range.end);
        self.within(range).chain(std::iter::once(end..end)).flat_map(move |stretch| {
            let gap = at..stretch.start;
            at = stretch.end;
            gap
        })
    }
}

impl FromIterator<i32> for Ordinals {
    fn from_iter<I: IntoIterator<Item = i32>>(ordinals: I) -> Ordinals {
        let mut set = Ordinals::default();
        ordinals.into_iter().for_each(|ordinal| set.insert(ordinal));
        set
    }
}

#[cfg(test)]
mod tests {
    use sorted::SortedSet;

    use super::*;

    #[test]
    fn stretches_are_the_set_that_was_put_in() {
        let (mut set, mut plain) = (Ordinals::default(), SortedSet::new());
        for step in 0..2_000_i32 {
            // Scattered, each ordinal put in and taken out in turn, some twice.
            let ordinal = (step * 7 + step * step / 11) % 37;
            if step % 3 == 0 {
                set.remove(ordinal);
                plain.remove(&ordinal);
            } else {
                set.insert(ordinal);
                plain.insert(ordinal);
            }
            for range in [0..37, 5..20, 12..12, 30..40, 0..i32::MAX] {
                let inside: Vec<i32> = plain.range(range.clone()).copied().collect();
                assert!(set.iter(range.clone()).eq(inside.iter().copied()), "{set:?} {range:?}");
                assert_eq!(set.first(range.clone()), inside.first().copied());
                assert_eq!(set.last(range.clone()), inside.last().copied());
                assert_eq!(set.count(range.clone()), i32::try_from(inside.len()).unwrap());
                let gaps = range.clone().filter(|ordinal| !plain.contains(ordinal)).take(50);
                assert!(set.gaps(range).take(50).eq(gaps));
            }
            assert_eq!((set.len(), set.is_empty()), (i32::try_from(plain.len()).unwrap(), plain.is_empty()));
            let joined = set.stretches.iter().zip(set.stretches.iter().skip(1)).all(|(a, b)| a.1 < b.0);
            assert!(joined, "{set:?}");
        }
    }
}
