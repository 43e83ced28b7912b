//! Instants and spans in expressions.

use kube_types::{Timestamp, date_of, days_of};

use super::value::Value;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// Reads an instant of RFC 3339, or a date alone.
pub fn timestamp(text: &str) -> Option<i64> {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_string() };
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Writes an instant, with as many digits of its second as it takes.
pub fn timestamp_text(micros: i64) -> String {
    let seconds = micros.div_euclid(MICROS);
    let (year, month, day) = date_of(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let fraction = format!(".{:06}", micros.rem_euclid(MICROS));
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Reads a span as Go does: `1h30m`, `1.5s`, `-20ms`.
pub fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 6] =
        [("ms", 1_000), ("us", 1), ("µs", 1), ("h", 3_600 * MICROS), ("m", 60 * MICROS), ("s", MICROS)];
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i64 = 0;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(digits);
        let (unit, scale) = match UNITS.iter().find(|(unit, _)| after.starts_with(unit)) {
            Some((unit, scale)) => (*unit, *scale),
            None if after.starts_with("ns") => ("ns", 0),
            None => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let whole: i64 = if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(scale)?)?;
        let mut place = scale;
        for digit in part.chars() {
            place /= 10;
            total = total.checked_add(place * i64::from(digit.to_digit(10)?))?;
        }
        rest = &after[unit.len()..];
    }
    Some(if negative { -total } else { total })
}

/// Writes a span in seconds: `90s`, `0.5s`.
pub fn duration_text(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let fraction = format!(".{:06}", micros.abs() % MICROS);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{}{fraction}s", micros.abs() / MICROS)
}

/// A part of an instant (in UTC) or of a span.
pub fn part(name: &str, value: &Value) -> Option<i64> {
    let of_day = match value {
        Value::Duration(micros) => {
            return Some(match name {
                "getHours" => micros / (3_600 * MICROS),
                "getMinutes" => micros / (60 * MICROS),
                "getSeconds" => micros / MICROS,
                "getMilliseconds" => micros / 1_000 % 1_000,
                _ => return None,
            });
        }
        Value::Timestamp(micros) => micros.rem_euclid(DAY * MICROS),
        _ => return None,
    };
    let Value::Timestamp(micros) = value else { return None };
    let days = micros.div_euclid(DAY * MICROS);
    let (year, month, day) = date_of(days);
    Some(match name {
        "getFullYear" => year,
        "getMonth" => month - 1,
        "getDate" => day,
        "getDayOfMonth" => day - 1,
        "getDayOfWeek" => (days + 4).rem_euclid(7),
        "getDayOfYear" => days - days_of(year, 1, 1),
        "getHours" => of_day / (3_600 * MICROS),
        "getMinutes" => of_day / (60 * MICROS) % 60,
        "getSeconds" => of_day / MICROS % 60,
        "getMilliseconds" => of_day / 1_000 % 1_000,
        _ => return None,
    })
}
