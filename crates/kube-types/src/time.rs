//! The API's instants: UTC, written to the second (`metav1.Time`) or to the microsecond (`metav1.MicroTime`).

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::str::FromStr;

const MICROS: i64 = 1_000_000;
/// The first and the last second that four digits of year can write.
const SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// An instant, to the microsecond: years 0000 to 9999 of the Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    micros: i64,
}

/// `metav1.Time`: an instant that is written to the second.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Timestamp);

/// `metav1.MicroTime`: an instant that is written to the microsecond.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime(pub Timestamp);

/// An instant that cannot be written, or a text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl Display for OutOfRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str("not a time of RFC 3339 in the years 0000 to 9999")
    }
}

impl std::error::Error for OutOfRange {}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Timestamp = Timestamp { micros: 0 };

    /// So many seconds after 1970.
    ///
    /// # Errors
    /// Outside the years 0000 to 9999.
    pub fn from_second(seconds: i64) -> Result<Timestamp, OutOfRange> {
        if SECONDS.contains(&seconds) { Ok(Timestamp { micros: seconds * MICROS }) } else { Err(OutOfRange) }
    }

    /// So many microseconds after 1970.
    ///
    /// # Errors
    /// Outside the years 0000 to 9999.
    pub fn from_microsecond(micros: i64) -> Result<Timestamp, OutOfRange> {
        if SECONDS.contains(&micros.div_euclid(MICROS)) { Ok(Timestamp { micros }) } else { Err(OutOfRange) }
    }

    /// Microseconds since 1970.
    pub fn as_microsecond(self) -> i64 {
        self.micros
    }

    /// Whole seconds since 1970, rounded towards 1970.
    pub fn as_second(self) -> i64 {
        self.micros / MICROS
    }

    /// `Fri, 02 Jan 2026 03:04:05 +0000`, as Go's `time.RFC1123Z` writes it.
    pub fn rfc1123(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let days = self.micros.div_euclid(MICROS).div_euclid(86_400);
        let (year, month, day) = date_of(days);
        let (weekday, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[(month - 1) as usize]);
        let (text, _) = self.civil();
        let clock = text.split_once('T').map_or("", |(_, clock)| clock);
        format!("{weekday}, {day:02} {month} {year:04} {clock} +0000")
    }

    /// `2026-01-02T03:04:05`, and the microseconds of that second.
    fn civil(self) -> (String, i64) {
        let seconds = self.micros.div_euclid(MICROS);
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        (text, self.micros.rem_euclid(MICROS))
    }
}

/// Days since 1970 of a date in the Gregorian calendar: year, month and day, both from 1. Years count from March inside, so that
/// the leap day comes last.
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The date of a day since 1970: year, month, day.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        write!(f, "{}Z", self.0.civil().0)
    }
}

impl Display for MicroTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let (text, micros) = self.0.civil();
        write!(f, "{text}.{micros:06}Z")
    }
}

impl FromStr for Timestamp {
    type Err = OutOfRange;

    /// Reads `2026-01-02T03:04:05Z`, with a fraction or an offset if it has one; what is finer than a microsecond is cut.
    fn from_str(text: &str) -> Result<Timestamp, OutOfRange> {
        let mut rest = text;
        let mut field = |width: usize, end: &str| -> Result<i64, OutOfRange> {
            let digits = rest.get(..width).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
            let number = digits.and_then(|digits| digits.parse().ok()).ok_or(OutOfRange)?;
            rest = rest[width..].strip_prefix(end).ok_or(OutOfRange)?;
            Ok(number)
        };
        let (year, month, day) = (field(4, "-")?, field(2, "-")?, field(2, "T")?);
        let (hour, minute, second) = (field(2, ":")?, field(2, ":")?, field(2, "")?);
        if !(1..=12).contains(&month) || day < 1 || hour > 23 || minute > 59 || second > 59 {
            return Err(OutOfRange);
        }
        let days = days_of(year, month, day);
        if date_of(days) != (year, month, day) {
            return Err(OutOfRange);
        }
        let (micros, zone) = fraction(rest);
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
        Timestamp::from_microsecond(seconds * MICROS + micros)
    }
}

/// The microseconds of `.25Z`, and what comes after them.
fn fraction(text: &str) -> (i64, &str) {
    let Some(digits) = text.strip_prefix('.') else { return (0, text) };
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    let micros = (0..6).fold(0, |sum, place| {
        let digit =
            digits.as_bytes().get(place).filter(|_| place < end).map_or(0, |digit| i64::from(digit - b'0'));
        sum * 10 + digit
    });
    (micros, &digits[end..])
}

/// The seconds that `Z` or `+09:00` lies before UTC.
fn offset(text: &str) -> Result<i64, OutOfRange> {
    match *text.as_bytes() {
        [b'Z'] => Ok(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] if [a, b, c, d].iter().all(u8::is_ascii_digit) => {
            let number = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let seconds = number(a, b) * 3_600 + number(c, d) * 60;
            Ok(if sign == b'+' { seconds } else { -seconds })
        }
        _ => Err(OutOfRange),
    }
}

#[cfg(test)]
mod tests {
    use super::{MicroTime, Time, Timestamp};

    #[test]
    fn a_time_is_read_and_written() {
        // text -> microseconds since 1970, to the second, to the microsecond
        let cases = [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            (
                "2026-01-02T03:04:05Z",
                1_767_323_045_000_000,
                "2026-01-02T03:04:05Z",
                "2026-01-02T03:04:05.000000Z",
            ),
            (
                "2024-02-29T23:59:59.5Z",
                1_709_251_199_500_000,
                "2024-02-29T23:59:59Z",
                "2024-02-29T23:59:59.500000Z",
            ),
            (
                "2026-01-02T12:04:05+09:00",
                1_767_323_045_000_000,
                "2026-01-02T03:04:05Z",
                "2026-01-02T03:04:05.000000Z",
            ),
            ("1969-12-31T23:59:59.9999999Z", -1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999999Z"),
            (
                "0000-01-01T00:00:00Z",
                -62_167_219_200_000_000,
                "0000-01-01T00:00:00Z",
                "0000-01-01T00:00:00.000000Z",
            ),
            (
                "9999-12-31T23:59:59Z",
                253_402_300_799_000_000,
                "9999-12-31T23:59:59Z",
                "9999-12-31T23:59:59.000000Z",
            ),
        ];
        for (text, micros, to_second, to_micro) in cases {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(time.as_microsecond(), micros, "{text}");
            assert_eq!(Timestamp::from_microsecond(micros), Ok(time), "{text}");
            assert_eq!(Time(time).to_string(), to_second, "{text}");
            assert_eq!(MicroTime(time).to_string(), to_micro, "{text}");
        }
    }

    #[test]
    fn every_day_is_written_as_it_is_read() {
        for day in -40_000..40_000 {
            let time = Timestamp::from_second(day * 86_400).unwrap();
            assert_eq!(Time(time).to_string().parse(), Ok(time), "day {day}");
        }
    }

    #[test]
    fn instants_read_as_rfc_1123() {
        let cases = [
            ("2026-11-21T00:20:13Z", "Sat, 21 Nov 2026 00:20:13 +0000"),
            ("2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 +0000"),
            ("2024-02-29T23:59:59.123456Z", "Thu, 29 Feb 2024 23:59:59 +0000"),
            ("1969-12-31T23:00:00Z", "Wed, 31 Dec 1969 23:00:00 +0000"),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<Timestamp>().unwrap().rfc1123(), want);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let texts = [
            "",
            "yesterday",
            "2026-1-02T03:04:05Z",
            "2026-13-02T03:04:05Z",
            "2026-02-29T03:04:05Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05+9",
            "2026-01-02T03:04:05Zz",
            "9999-12-31T23:59:59-01:00",
            "\u{ac00}2026-01-02T03:04:05Z",
        ];
        for text in texts {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert!(Timestamp::from_second(i64::MAX).is_err());
    }
}
