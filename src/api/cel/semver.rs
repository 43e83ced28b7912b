//! Semantic versions (`semver("1.2.3")`).

use std::cmp::Ordering;

/// `1.2.3-rc.1+build`.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    /// Major, minor and patch.
    pub numbers: [u64; 3],
    before: Vec<String>,
}

impl Version {
    /// Reads a version; `lenient` ones may begin with `v`, and leave out zeros.
    pub fn read(text: &str, lenient: bool) -> Option<Version> {
        let plain = if lenient { text.trim_start_matches('v') } else { text };
        let (release, _) = plain.split_once('+').unwrap_or((plain, ""));
        let (numbers, before) = release.split_once('-').unwrap_or((release, ""));
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() > 3 || (parts.len() < 3 && !lenient) {
            return None;
        }
        let mut read = [0; 3];
        for (number, part) in read.iter_mut().zip(&parts) {
            if part.len() > 1 && part.starts_with('0') && !lenient {
                return None;
            }
            *number = part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        }
        let before = before.split('.').filter(|part| !part.is_empty()).map(String::from).collect();
        Some(Version { text: plain.to_string(), numbers: read, before })
    }

    /// The version as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which of two versions is earlier: one with a mark of what comes before a release is.
    pub fn compare(&self, other: &Version) -> Ordering {
        let marks = |version: &Version| version.before.is_empty();
        self.numbers.cmp(&other.numbers).then_with(|| marks(self).cmp(&marks(other))).then_with(|| {
            let number = |part: &String| part.parse::<u64>().ok();
            for (a, b) in self.before.iter().zip(&other.before) {
                let order = match (number(a), number(b)) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => a.cmp(b),
                };
                if order.is_ne() {
                    return order;
                }
            }
            self.before.len().cmp(&other.before.len())
        })
    }
}
