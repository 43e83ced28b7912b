//! When a cron schedule next falls due.

use kube_types::date_of;

use super::zone::{DAY, Zone};
use crate::api::cron::{Fields, Schedule};

/// The first time after `after`, both in seconds since 1970; `None` if there is none within five years.
pub fn next(schedule: &Schedule, after: i64, zone: &Zone) -> Option<i64> {
    let fields = match schedule {
        Schedule::Every(seconds) => return after.checked_add_unsigned(*seconds),
        Schedule::Fields(fields) => fields,
    };
    let local = after + zone.offset(after);
    let today = local.div_euclid(DAY);
    for day in (today..today + 5 * 366).filter(|day| is_due_on(fields, *day)) {
        for minute in (0..24 * 60).filter(|minute| is_due_at(fields, *minute)) {
            let local = day * DAY + i64::from(minute) * 60;
            if let Some(instant) = zone.instants(local).into_iter().flatten().find(|instant| *instant > after)
            {
                return Some(instant);
            }
        }
    }
    None
}

fn is_due_on(fields: &Fields, day: i64) -> bool {
    let (_, month, date) = date_of(day);
    // 1970 began on a Thursday.
    let weekday = (day + 4).rem_euclid(7);
    let has = |set: u64, bit: i64| set & (1 << bit) != 0;
    let (date, weekday) = (has(fields.day_of_month, date), has(fields.day_of_week, weekday));
    has(fields.month, month) && if fields.any_day { date && weekday } else { date || weekday }
}

fn is_due_at(fields: &Fields, minute: u32) -> bool {
    fields.hour & (1 << (minute / 60)) != 0 && fields.minute & (1 << (minute % 60)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::cron::parse;
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
            ("@every 2m", (2026, 1, 1, 0, 1), (2026, 1, 1, 0, 3)),
            ("0 0 1 JAN,jul ?", (2026, 1, 1, 0, 0), (2026, 7, 1, 0, 0)),
        ];
        for (text, from, want) in cases {
            let when = |(y, m, d, h, min)| at(y, m, d, h, min);
            let next = next(&parse(text).unwrap(), when(from), &utc);
            assert_eq!(next, Some(when(want)), "{text}");
        }
        assert_eq!(next(&parse("0 0 31 2 *").unwrap(), 0, &utc), None);
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
            let next = next(&parse("0 9 * * *").unwrap(), when(from), &zone);
            assert_eq!(next, Some(when(want)), "{zone:?}");
        }
    }
}
