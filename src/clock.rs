//! Simulated time: integer microseconds since the cluster began. Nothing in the library asks the machine
//! for the time, so one run is the same run everywhere.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use kube_types::{MicroTime, Time, Timestamp};
use serde::{Deserialize, Serialize};

/// The calendar instant of [`SimTime::ZERO`]: 2026-01-01T00:00:00Z, in Unix seconds. Every object's
/// `creationTimestamp` counts from here.
const EPOCH_UNIX_SECONDS: i64 = 1_767_225_600;

/// An instant of the simulated clock, in microseconds since the cluster began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SimTime(pub u64);

/// A span of simulated time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SimDuration(pub u64);

impl SimTime {
    /// The moment the cluster begins.
    pub const ZERO: SimTime = SimTime(0);

    /// The instant so many whole seconds after the beginning.
    pub const fn from_secs(secs: u64) -> SimTime {
        SimTime(secs * 1_000_000)
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: SimTime) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// As Kubernetes writes a `metav1.Time`: whole seconds, so two writes within one second read alike.
    pub fn to_time(self) -> Time {
        let secs = EPOCH_UNIX_SECONDS + (self.0 / 1_000_000) as i64;
        Time(Timestamp::from_second(secs).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// As Kubernetes writes a `metav1.MicroTime` (leases, events).
    pub fn to_micro_time(self) -> MicroTime {
        let micros = EPOCH_UNIX_SECONDS * 1_000_000 + self.0 as i64;
        MicroTime(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// The simulated instant of a stored `metav1.Time`; instants before the cluster began read as zero.
    pub fn from_time(time: &Time) -> SimTime {
        SimTime::from_timestamp(time.0)
    }

    /// The simulated instant of a stored `metav1.MicroTime`.
    pub fn from_micro_time(time: &MicroTime) -> SimTime {
        SimTime::from_timestamp(time.0)
    }

    /// The calendar second, counted from 1970.
    pub const fn to_unix_seconds(self) -> i64 {
        EPOCH_UNIX_SECONDS + (self.0 / 1_000_000) as i64
    }

    /// The calendar instant in microseconds, counted from 1970.
    pub const fn to_unix_micros(self) -> u64 {
        EPOCH_UNIX_SECONDS as u64 * 1_000_000 + self.0
    }

    /// The instant of a calendar second; one before the cluster began reads as zero.
    pub const fn from_unix_seconds(seconds: i64) -> SimTime {
        let since = seconds - EPOCH_UNIX_SECONDS;
        SimTime(if since > 0 { since as u64 * 1_000_000 } else { 0 })
    }

    fn from_timestamp(stamp: Timestamp) -> SimTime {
        SimTime((stamp.as_microsecond() - EPOCH_UNIX_SECONDS * 1_000_000).max(0) as u64)
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: SimDuration = SimDuration(0);

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> SimDuration {
        SimDuration(micros)
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> SimDuration {
        SimDuration(millis * 1_000)
    }

    /// So many seconds.
    pub const fn from_secs(secs: u64) -> SimDuration {
        SimDuration(secs * 1_000_000)
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Twice as long, `times` times over, but never longer than `max`: the shape of every back-off.
    pub fn doubled(self, times: u32, max: SimDuration) -> SimDuration {
        let factor = 1u64.checked_shl(times).unwrap_or(u64::MAX);
        SimDuration(self.0.saturating_mul(factor).min(max.0))
    }

    /// Reads a Go duration such as `30s`, `1m30s`, `500ms`, `2h`. `None` where Go would refuse it.
    pub fn parse(text: &str) -> Option<SimDuration> {
        let mut rest = text;
        let mut total: u64 = 0;
        if rest == "0" {
            return Some(SimDuration::ZERO);
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|n| *n > 0)?;
            let (number, tail) = rest.split_at(digits);
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            let micros_per_unit = match unit {
                "us" | "µs" => 1,
                "ms" => 1_000,
                "s" => 1_000_000,
                "m" => 60_000_000,
                "h" => 3_600_000_000,
                _ => return None,
            };
            total = total.checked_add(scale_decimal(number, micros_per_unit)?)?;
            rest = tail;
        }
        (!text.is_empty()).then_some(SimDuration(total))
    }

    /// As Go prints a duration: `5s`, `1m0s`, `1.5s`, `20ms`.
    pub fn go(self) -> String {
        let fraction = |micros: u64, unit: u64, name: &str| {
            let (whole, rest) = (micros / unit, micros % unit);
            let digits = format!("{rest:0width$}", width = unit.ilog10() as usize);
            match digits.trim_end_matches('0') {
                "" => format!("{whole}{name}"),
                digits => format!("{whole}.{digits}{name}"),
            }
        };
        let (secs, micros) = (self.as_secs(), self.0 % 60_000_000);
        match self.0 {
            0 => "0s".into(),
            1..1_000 => format!("{}µs", self.0),
            1_000..1_000_000 => fraction(self.0, 1_000, "ms"),
            _ if secs < 60 => fraction(micros, 1_000_000, "s"),
            _ if secs < 3_600 => format!("{}m{}", secs / 60, fraction(micros, 1_000_000, "s")),
            _ => format!("{}h{}m{}", secs / 3_600, secs / 60 % 60, fraction(micros, 1_000_000, "s")),
        }
    }

    /// As kubectl prints an age (`duration.HumanDuration`): `42s`, `3m12s`, `5h7m`, `2d3h`, `14d`.
    pub fn human(self) -> String {
        let secs = self.as_secs();
        let (mins, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
        let pair = |big: u64, unit: &str, small: u64, small_unit: &str| match small {
            0 => format!("{big}{unit}"),
            _ => format!("{big}{unit}{small}{small_unit}"),
        };
        match () {
            () if secs < 120 => format!("{secs}s"),
            () if mins < 10 => pair(mins, "m", secs % 60, "s"),
            () if mins < 180 => format!("{mins}m"),
            () if hours < 8 => pair(hours, "h", mins % 60, "m"),
            () if hours < 48 => format!("{hours}h"),
            () if days < 8 => pair(days, "d", hours % 24, "h"),
            () if days < 365 * 2 => format!("{days}d"),
            () if days < 365 * 8 => pair(days / 365, "y", days % 365, "d"),
            () => format!("{}y", days / 365),
        }
    }
}

/// `1.5` of a unit of so many microseconds, without a float: digits beyond the microsecond are cut.
fn scale_decimal(number: &str, micros_per_unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut micros =
        if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? }.checked_mul(micros_per_unit)?;
    let mut unit = micros_per_unit;
    for digit in fraction.bytes() {
        unit /= 10;
        micros = micros.checked_add(unit * u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))?;
    }
    Some(micros)
}

impl Add<SimDuration> for SimTime {
    type Output = SimTime;
    fn add(self, span: SimDuration) -> SimTime {
        SimTime(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Add for SimDuration {
    type Output = SimDuration;
    fn add(self, other: SimDuration) -> SimDuration {
        SimDuration(self.0.saturating_add(other.0))
    }
}

impl Sub for SimDuration {
    type Output = SimDuration;
    fn sub(self, other: SimDuration) -> SimDuration {
        SimDuration(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for SimTime {
    /// `mm:ss.mmm`, or `h:mm:ss.mmm` from one hour on: the clock of transcripts and of the page.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000;
        let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
        let (seconds, millis) = (millis / 1_000 % 60, millis % 1_000);
        if hours > 0 {
            write!(f, "{hours}:")?;
        }
        write!(f, "{minutes:02}:{seconds:02}.{millis:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (192, "3m12s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (18_420, "5h7m"),
            (86_400, "24h"),
            (183_600, "2d3h"),
            (700_000, "8d"),
        ];
        for (secs, want) in cases {
            assert_eq!(SimDuration::from_secs(secs).human(), want, "{secs} s");
        }
    }

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        for text in ["0s", "7µs", "20ms", "1.5ms", "1s", "1.25s", "1m0s", "2m3.5s", "1h0m0s", "168h1m2s"] {
            assert_eq!(SimDuration::parse(text).map(SimDuration::go).as_deref(), Some(text));
        }
    }

    #[test]
    fn durations_parse_as_go_reads_them() {
        let cases = [
            ("30s", Some(30_000_000)),
            ("1m30s", Some(90_000_000)),
            ("1.5s", Some(1_500_000)),
            ("500ms", Some(500_000)),
            ("0", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("5x", None),
            ("99999999999999999999h", None),
        ];
        for (text, want) in cases {
            assert_eq!(SimDuration::parse(text).map(|d| d.0), want, "{text:?}");
        }
    }

    #[test]
    fn a_time_survives_the_trip_through_an_object() {
        let time = SimTime::from_secs(3_661);
        assert_eq!(SimTime::from_time(&time.to_time()), time);
        assert_eq!(time.to_string(), "1:01:01.000");
        assert_eq!(SimTime::from_micro_time(&SimTime(12_345).to_micro_time()), SimTime(12_345));
    }
}
