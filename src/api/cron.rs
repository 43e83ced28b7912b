//! Cron schedules, as `github.com/robfig/cron/v3` reads them (`ParseStandard`): five fields or a descriptor, with its words where
//! they are wrong. And the names of time zones.

/// When something is due: each field as a set of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At the minutes that fit all fields.
    Fields(Fields),
    /// So many seconds after the last time.
    Every(u64),
}

/// The five fields. Bit `n` of a field is set where `n` fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Minutes of the hour, 0 to 59.
    pub minute: u64,
    /// Hours of the day, 0 to 23.
    pub hour: u64,
    /// Days of the month, 1 to 31.
    pub day_of_month: u64,
    /// Months of the year, 1 to 12.
    pub month: u64,
    /// Days of the week, 0 (Sunday) to 6.
    pub day_of_week: u64,
    /// Whether either of the two days was given as `*`: then both must fit, otherwise one is enough.
    pub any_day: bool,
}

/// What a field may hold.
struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MINUTE: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOUR: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAY_OF_MONTH: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTH: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const DAY_OF_WEEK: Bounds =
    Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// Reads a schedule.
///
/// # Errors
/// Why it is none.
pub fn parse(text: &str) -> Result<Schedule, String> {
    if text.is_empty() {
        return Err("empty spec string".into());
    }
    let mut spec = text;
    if let Some(rest) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
        let (zone, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if !is_time_zone(zone) {
            return Err(format!("provided bad location {zone}: unknown time zone {zone}"));
        }
        spec = rest.trim();
    }
    if spec.starts_with('@') {
        return descriptor(spec);
    }
    let fields: Vec<&str> = spec.split_whitespace().collect();
    let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    };
    let days = (field(day_of_month, &DAY_OF_MONTH), field(day_of_week, &DAY_OF_WEEK));
    let (minute, hour, month) = (field(minute, &MINUTE)?.0, field(hour, &HOUR)?.0, field(month, &MONTH));
    let (day_of_month, any_day_of_month) = days.0?;
    let month = month?.0;
    let (day_of_week, any_day_of_week) = days.1?;
    let any_day = any_day_of_month || any_day_of_week;
    Ok(Schedule::Fields(Fields { minute, hour, day_of_month, month, day_of_week, any_day }))
}

fn descriptor(text: &str) -> Result<Schedule, String> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let Some(duration) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            return match seconds(duration) {
                Ok(seconds) => Ok(Schedule::Every(seconds.max(1))),
                Err(why) => Err(format!("failed to parse duration {text}: {why}")),
            };
        }
    };
    parse(fields)
}

/// Whole seconds of a Go duration: `1h30m`, `90s`.
fn seconds(text: &str) -> Result<u64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let mut rest = text;
    let mut total = 0_u64;
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let count: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let unit = match &rest[digits..unit_end] {
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            "ms" | "us" | "µs" | "ns" => 0,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            other => return Err(format!("time: unknown unit {other:?} in duration {text:?}")),
        };
        total = total.saturating_add(count.saturating_mul(unit));
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// The bits of a field, and whether it is a plain `*`.
fn field(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let mut bits = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (more, any) = range(part, bounds)?;
        bits = (bits.0 | more, bits.1 || any);
    }
    Ok(bits)
}

fn range(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let single = ends.len() == 1;
    let mut any = false;
    let (start, mut end) = match ends.as_slice() {
        ["*" | "?", ..] => {
            any = true;
            (bounds.min, bounds.max)
        }
        [only] => {
            let number = number_or_name(only, bounds)?;
            (number, number)
        }
        [low, high] => (number_or_name(low, bounds)?, number_or_name(high, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            // `N/step` means from N to the end.
            if single {
                end = bounds.max;
            }
            any &= step <= 1;
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    let (min, max) = (bounds.min, bounds.max);
    if start < min {
        return Err(format!("beginning of range ({start}) below minimum ({min}): {text}"));
    }
    if end > max {
        return Err(format!("end of range ({end}) above maximum ({max}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(((start..=end).step_by(step as usize).fold(0, |bits, at| bits | 1 << at), any))
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let name = text.to_lowercase();
    match bounds.names.iter().position(|known| *known == name) {
        Some(at) => Ok(at as u32 + bounds.min),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(_) => {
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"))
        }
    }
}

/// The IANA's names, one region a line; names of regions of their own at the top.
static ZONES: &str = include_str!("zones.txt");

/// Whether there is a time zone of that name.
pub fn is_time_zone(name: &str) -> bool {
    let (region, place) = name.split_once('/').unwrap_or(("", name));
    ZONES.lines().any(|line| {
        let (of, places) = line.split_once(':').unwrap_or_default();
        of == region && places.split(' ').any(|known| known == place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        match parse(text) {
            Ok(Schedule::Fields(fields)) => fields,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn fields_become_bits() {
        let hourly = fields("0 */6 1,15 jan-mar *");
        assert_eq!(hourly.minute, 1);
        assert_eq!(hourly.hour, 1 | 1 << 6 | 1 << 12 | 1 << 18);
        assert_eq!(hourly.day_of_month, 1 << 1 | 1 << 15);
        assert_eq!(hourly.month, 0b1110);
        assert_eq!((hourly.day_of_week, hourly.any_day), (0x7f, true));
        assert_eq!(fields("30/10 * * * mon").minute, 1 << 30 | 1 << 40 | 1 << 50);
        assert_eq!(fields("@daily"), fields("0 0 * * *"));
        assert_eq!(parse("@every 1h30m"), Ok(Schedule::Every(5_400)));
    }

    #[test]
    fn a_wrong_schedule_is_refused_in_the_librarys_words() {
        let cases = [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("@often", "unrecognized descriptor: @often"),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text), Err(want.to_string()), "{text}");
        }
    }

    #[test]
    fn time_zones_are_known_by_name() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
            assert!(is_time_zone(name), "{name}");
        }
        for name in ["Mars/Base", "Europe", "Berlin", ""] {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
