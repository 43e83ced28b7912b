//! Counts that may be given as a percentage: `maxSurge: 1`, `maxSurge: 25%`.

use super::k8s::IntOrString;

/// Which way a percentage of a whole is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards more.
    Up,
    /// Towards less.
    Down,
}

/// The count that `value` stands for out of `total` (`intstr.GetScaledValueFromIntOrPercent`).
/// 25 % of 10 is 3 rounded up and 2 rounded down. `None` for text that is no percentage.
pub fn scaled(value: &IntOrString, total: i32, rounding: Rounding) -> Option<i32> {
    match value {
        IntOrString::Int(count) => Some(*count),
        IntOrString::String(text) => {
            let percent = i64::from(percent(text)?) * i64::from(total);
            let count = match rounding {
                Rounding::Up => percent.div_euclid(100) + i64::from(percent.rem_euclid(100) > 0),
                Rounding::Down => percent.div_euclid(100),
            };
            i32::try_from(count).ok()
        }
    }
}

/// The number in `25%`.
pub fn percent(text: &str) -> Option<i32> {
    text.strip_suffix('%')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_surge_up_and_unavailability_down() {
        let cases = [
            ("25%", 10, Rounding::Up, Some(3)),
            ("25%", 10, Rounding::Down, Some(2)),
            ("25%", 3, Rounding::Up, Some(1)),
            ("25%", 3, Rounding::Down, Some(0)),
            ("100%", 4, Rounding::Down, Some(4)),
            ("25", 4, Rounding::Down, None),
        ];
        for (text, total, rounding, want) in cases {
            let value = IntOrString::String(text.into());
            assert_eq!(scaled(&value, total, rounding), want, "{text} of {total} {rounding:?}");
        }
        assert_eq!(scaled(&IntOrString::Int(7), 3, Rounding::Up), Some(7));
    }
}
