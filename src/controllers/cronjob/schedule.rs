//! Cron schedules: five fields or a name like `@daily`, read as `robfig/cron` reads them, and when they next fall due.

use kube_types::date_of;

use super::zone::{DAY, Zone};

/// A schedule: which minutes, hours, days, months and days of the week, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days, or days of the week, are left open. If neither is, a day that fits one of the two will do.
    open_days: bool,
    open_weekdays: bool,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field's bounds and the names of its values.
struct Field {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[] },
    Field { min: 0, max: 23, names: &[] },
    Field { min: 1, max: 31, names: &[] },
    Field { min: 1, max: 12, names: &MONTHS },
    Field { min: 0, max: 6, names: &WEEKDAYS },
];

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong with it, in the library's words.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => return Err(format!("unrecognized descriptor: {other}")),
            other => other,
        };
        if text.is_empty() {
            return Err("empty spec string".into());
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != FIELDS.len() {
            let found = words.len();
            return Err(format!("expected exactly 5 fields, found {found}: [{}]", words.join(" ")));
        }
        let mut sets = [0; 5];
        for ((set, word), field) in sets.iter_mut().zip(&words).zip(&FIELDS) {
            *set = field.parse(word)?;
        }
        let open = |word: &str| word.split(',').any(|part| part.starts_with(['*', '?']) && step(part) <= 1);
        let [minutes, hours, days, months, weekdays] = sets;
        let (open_days, open_weekdays) = (open(words[2]), open(words[4]));
        Ok(Schedule { minutes, hours, days, months, weekdays, open_days, open_weekdays })
    }

    /// The first time after `after`, both in seconds since 1970; `None` if there is none within five years.
    pub fn next(&self, after: i64, zone: &Zone) -> Option<i64> {
        let local = after + zone.offset(after);
        let today = local.div_euclid(DAY);
        for day in today..today + 5 * 366 {
            if !self.is_due_on(day) {
                continue;
            }
            for minute in (0..24 * 60).filter(|minute| self.is_due_at(*minute)) {
                let local = day * DAY + i64::from(minute) * 60;
                match zone.instants(local).into_iter().flatten().find(|instant| *instant > after) {
                    Some(instant) => return Some(instant),
                    None => continue,
                }
            }
        }
        None
    }

    fn is_due_on(&self, day: i64) -> bool {
        let (_, month, date) = date_of(day);
        // 1970 began on a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let has = |set: u64, bit: i64| set & (1 << bit) != 0;
        let (date, weekday) = (has(self.days, date), has(self.weekdays, weekday));
        let fits = if self.open_days || self.open_weekdays { date && weekday } else { date || weekday };
        fits && has(self.months, month)
    }

    fn is_due_at(&self, minute: u32) -> bool {
        self.hours & (1 << (minute / 60)) != 0 && self.minutes & (1 << (minute % 60)) != 0
    }
}

fn step(part: &str) -> u32 {
    part.split_once('/').and_then(|(_, step)| step.parse().ok()).unwrap_or(1)
}

impl Field {
    fn parse(&self, word: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in word.split(',').filter(|part| !part.is_empty()) {
            set |= self.range(part)?;
        }
        Ok(set)
    }

    /// `*`, `3`, `1-5`, each with a step behind a slash; `5/15` goes on to the end.
    fn range(&self, part: &str) -> Result<u64, String> {
        let mut pieces = part.split('/');
        let range = pieces.next().unwrap_or_default();
        let step = pieces.next();
        if pieces.next().is_some() {
            return Err(format!("too many slashes: {part}"));
        }
        let (first, last) = match range {
            "*" | "?" => (self.min, self.max),
            _ => {
                let mut ends = range.split('-');
                let first = self.value(ends.next().unwrap_or_default())?;
                let last = ends.next().map(|end| self.value(end)).transpose()?;
                if ends.next().is_some() {
                    return Err(format!("too many hyphens: {part}"));
                }
                (first, last.unwrap_or(if step.is_some() { self.max } else { first }))
            }
        };
        let step = step.map_or(Ok(1), number)?;
        if first < self.min {
            return Err(format!("beginning of range ({first}) below minimum ({}): {part}", self.min));
        }
        if last > self.max {
            return Err(format!("end of range ({last}) above maximum ({}): {part}", self.max));
        }
        if first > last {
            return Err(format!("beginning of range ({first}) beyond end of range ({last}): {part}"));
        }
        if step == 0 {
            return Err(format!("step of range should be a positive number: {part}"));
        }
        let stride = usize::try_from(step).unwrap_or(usize::MAX);
        Ok((first..=last).step_by(stride).fold(0, |set, value| set | 1 << value))
    }

    fn value(&self, word: &str) -> Result<u32, String> {
        let lower = word.to_ascii_lowercase();
        match self.names.iter().position(|name| *name == lower) {
            Some(place) => Ok(u32::try_from(place).unwrap_or(0) + self.min),
            None => number(word),
        }
    }
}

fn number(word: &str) -> Result<u32, String> {
    let wrong =
        || format!("failed to parse int from {word}: strconv.Atoi: parsing \"{word}\": invalid syntax");
    let number: i64 = word.parse().map_err(|_| wrong())?;
    u32::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_types::days_of;

    fn at(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
        days_of(year, month, day) * DAY + hour * 3600 + minute * 60
    }

    #[test]
    fn the_next_time_is_the_first_that_every_field_allows() {
        let utc = Zone::named("").unwrap();
        let cases = [
            ("* * * * *", (2026, 1, 1, 0, 0), (2026, 1, 1, 0, 1)),
            ("*/15 * * * *", (2026, 1, 1, 0, 7), (2026, 1, 1, 0, 15)),
            ("5/20 * * * *", (2026, 1, 1, 0, 5), (2026, 1, 1, 0, 25)),
            ("0 0 29 2 *", (2026, 1, 1, 0, 0), (2028, 2, 29, 0, 0)),
            ("30 9 * * mon-fri", (2026, 1, 2, 10, 0), (2026, 1, 5, 9, 30)),
            // Either the 13th or a Friday.
            ("0 0 13 * 5", (2026, 1, 3, 0, 0), (2026, 1, 9, 0, 0)),
            ("0 0 13 * *", (2026, 1, 3, 0, 0), (2026, 1, 13, 0, 0)),
            ("@hourly", (2026, 12, 31, 23, 30), (2027, 1, 1, 0, 0)),
            ("0 0 1 JAN,jul ?", (2026, 1, 1, 0, 0), (2026, 7, 1, 0, 0)),
        ];
        for (text, from, want) in cases {
            let when = |(y, m, d, h, min)| at(y, m, d, h, min);
            let next = Schedule::parse(text).unwrap().next(when(from), &utc);
            assert_eq!(next, Some(when(want)), "{text}");
        }
        assert_eq!(Schedule::parse("0 0 31 2 *").unwrap().next(0, &utc), None);
    }

    #[test]
    fn a_time_of_day_is_that_of_the_zone() {
        let cases = [
            // Nine in the morning in Seoul is midnight in UTC, all year round.
            ("Asia/Seoul", (2026, 7, 1, 1, 0), (2026, 7, 2, 0, 0)),
            ("Europe/Berlin", (2026, 1, 1, 0, 0), (2026, 1, 1, 8, 0)),
            ("Europe/Berlin", (2026, 7, 1, 0, 0), (2026, 7, 1, 7, 0)),
            ("America/New_York", (2026, 7, 1, 0, 0), (2026, 7, 1, 13, 0)),
        ];
        for (zone, from, want) in cases {
            let when = |(y, m, d, h, min)| at(y, m, d, h, min);
            let zone = Zone::named(zone).unwrap();
            let next = Schedule::parse("0 9 * * *").unwrap().next(when(from), &zone);
            assert_eq!(next, Some(when(want)), "{zone:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("@often", "unrecognized descriptor: @often"),
        ];
        for (text, want) in cases {
            assert_eq!(Schedule::parse(text), Err(want.to_string()), "{text}");
        }
    }
}
