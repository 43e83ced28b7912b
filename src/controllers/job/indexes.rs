//! Sets of completion indexes, as a Job's status writes them: `1,3-5,7` (`indexed_job_utils.go`).

use crate::api::{MetaExt, Pod, sorting};

/// The annotation and the label with a pod's completion index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A set of indexes: runs of them, first and last, in order and with gaps between them. A status may name a thousand million in
/// few letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(Vec<(i32, i32)>);

impl Indexes {
    /// Reads a set; what is no index below `completions` is left out.
    pub fn parse(text: &str, completions: i32) -> Indexes {
        let number = |text: &str| text.trim().parse::<i32>().ok();
        let run = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((number(first)?.max(0), number(last)?.min(completions.saturating_sub(1))))
        };
        Indexes::of(text.split(',').filter_map(run).filter(|(first, last)| first <= last).collect())
    }

    /// The set of all that is in some runs.
    fn of(mut runs: Vec<(i32, i32)>) -> Indexes {
        sorting::sort_by_key(&mut runs, |run| *run);
        let mut joined: Vec<(i32, i32)> = Vec::new();
        for (first, last) in runs {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Indexes(joined)
    }

    /// How many there are.
    pub fn len(&self) -> i32 {
        i32::try_from(self.count()).unwrap_or(i32::MAX)
    }

    fn count(&self) -> i64 {
        self.0.iter().map(|(first, last)| i64::from(*last) - i64::from(*first) + 1).sum()
    }

    /// Whether an index is in it.
    pub fn has(&self, index: i32) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= index);
        behind > 0 && index <= self.0[behind - 1].1
    }

    /// The set with further indexes.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = i32>) -> Indexes {
        let more = more.into_iter().map(|index| (index, index));
        Indexes::of(self.0.iter().copied().chain(more).collect())
    }

    /// The set with those of another.
    #[must_use]
    pub fn and(&self, other: &Indexes) -> Indexes {
        Indexes::of(self.0.iter().chain(&other.0).copied().collect())
    }

    /// How many of another set are in it too.
    pub fn count_of(&self, other: &Indexes) -> i32 {
        let both = self.count() + other.count() - self.and(other).count();
        i32::try_from(both).unwrap_or(i32::MAX)
    }

    /// The first `count` indexes below `completions` that are not in it.
    pub fn first_missing(&self, count: usize, completions: i32) -> Vec<i32> {
        let mut missing = Vec::new();
        let mut next = 0;
        for (first, last) in self.0.iter().copied().chain([(completions, completions)]) {
            missing.extend((next..first.min(completions)).take(count - missing.len()));
            next = last.saturating_add(1);
        }
        missing
    }
}

impl std::fmt::Display for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (first, last)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            // Two in a row are listed, three are a range.
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// A pod's completion index.
pub fn index_of(pod: &Pod) -> Option<i32> {
    pod.annotation(INDEX)?.parse().ok().filter(|index| *index >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_as_runs() {
        let cases: [(&[i32], &str); 5] = [
            (&[], ""),
            (&[0], "0"),
            (&[0, 1], "0,1"),
            (&[0, 1, 2], "0-2"),
            (&[1, 3, 4, 5, 7, 8], "1,3-5,7,8"),
        ];
        for (indexes, text) in cases {
            let set = Indexes::default().with(indexes.iter().copied());
            assert_eq!(set.to_string(), text);
            assert_eq!(Indexes::parse(text, 100), set);
        }
        assert_eq!(Indexes::parse("2-9", 4).to_string(), "2,3");
        assert_eq!(Indexes::parse("0-1,3", 9).first_missing(2, 9), [2, 4]);
        assert_eq!(Indexes::parse("0-1,3", 4).first_missing(9, 4), [2]);
    }

    #[test]
    fn a_set_of_a_thousand_million_takes_no_time() {
        let most = Indexes::parse("0-999999998,5,x,7-3", i32::MAX);
        assert_eq!((most.len(), most.has(999_999_998), most.has(999_999_999)), (999_999_999, true, false));
        assert_eq!(most.first_missing(2, i32::MAX), [999_999_999, 1_000_000_000]);
        let few = Indexes::parse("3-5,2000000000", i32::MAX);
        let huge = Indexes::parse("0-1999999999", i32::MAX);
        assert_eq!(huge.count_of(&huge), 2_000_000_000);
        assert_eq!((most.count_of(&few), few.and(&most).to_string()), (3, "0-999999998,2000000000".into()));
    }
}
