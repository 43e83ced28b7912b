//! Sets of completion indexes, as a Job's status writes them: `1,3-5,7` (`indexed_job_utils.go`).

use sorted::SortedSet;

use crate::api::{MetaExt, Pod};

/// The annotation and the label with a pod's completion index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A set of indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexes(SortedSet<i32>);

impl Indexes {
    /// Reads a set; what is no index below `completions` is left out.
    pub fn parse(text: &str, completions: i32) -> Indexes {
        let number = |text: &str| text.trim().parse::<i32>().ok();
        let mut set = SortedSet::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Some(first), Some(last)) = (number(first), number(last)) else { continue };
            set.extend(first.max(0)..=last.min(completions - 1));
        }
        Indexes(set)
    }

    /// How many there are.
    pub fn len(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// Whether an index is in it.
    pub fn has(&self, index: i32) -> bool {
        self.0.contains(&index)
    }

    /// The set with further indexes.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = i32>) -> Indexes {
        let mut set = self.0.clone();
        set.extend(more);
        Indexes(set)
    }

    /// Every index, in order.
    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.0.iter().copied()
    }

    /// The first `count` indexes below `completions` that are not in it.
    pub fn first_missing(&self, count: usize, completions: i32) -> Vec<i32> {
        (0..completions).filter(|index| !self.has(*index)).take(count).collect()
    }
}

impl std::fmt::Display for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut runs: Vec<(i32, i32)> = Vec::new();
        for index in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == index => *last = index,
                _ => runs.push((index, index)),
            }
        }
        for (place, (first, last)) in runs.into_iter().enumerate() {
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
    }
}
