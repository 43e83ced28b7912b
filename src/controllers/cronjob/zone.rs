//! Civil dates, and the time zones that a CronJob may name. The full database would weigh as much as the rest of the page, so
//! this is a table of the usual names and the rule that each follows now.

use kube_types::{date_of, days_of};

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// When clocks are put forward by an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Summer {
    /// Never.
    None,
    /// Last Sunday of March to last Sunday of October, at 01:00 UTC.
    Europe,
    /// Second Sunday of March to first Sunday of November, at 02:00.
    America,
    /// First Sunday of October to first Sunday of April, at 02:00 standard time.
    Australia,
}

/// A time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Seconds east of UTC, in winter.
    standard: i64,
    summer: Summer,
}

#[rustfmt::skip]
const ZONES: &[(&str, i64, Summer)] = &[
    ("UTC Etc/UTC GMT Etc/GMT Africa/Abidjan Africa/Accra Atlantic/Reykjavik", 0, Summer::None),
    ("Europe/London Europe/Dublin Europe/Lisbon", 0, Summer::Europe),
    ("Europe/Berlin Europe/Paris Europe/Madrid Europe/Rome Europe/Amsterdam Europe/Brussels Europe/Vienna Europe/Zurich \
      Europe/Stockholm Europe/Oslo Europe/Copenhagen Europe/Prague Europe/Warsaw Europe/Budapest CET", 60, Summer::Europe),
    ("Africa/Lagos Africa/Algiers Africa/Casablanca", 60, Summer::None),
    ("Europe/Athens Europe/Helsinki Europe/Kyiv Europe/Kiev Europe/Bucharest Europe/Sofia EET", 120, Summer::Europe),
    ("Africa/Johannesburg Africa/Tripoli", 120, Summer::None),
    ("Europe/Istanbul Europe/Moscow Africa/Nairobi Asia/Riyadh Asia/Baghdad", 180, Summer::None),
    ("Asia/Tehran", 210, Summer::None),
    ("Asia/Dubai", 240, Summer::None),
    ("Asia/Karachi Asia/Tashkent", 300, Summer::None),
    ("Asia/Kolkata Asia/Calcutta", 330, Summer::None),
    ("Asia/Kathmandu", 345, Summer::None),
    ("Asia/Dhaka", 360, Summer::None),
    ("Asia/Bangkok Asia/Jakarta Asia/Ho_Chi_Minh", 420, Summer::None),
    ("Asia/Shanghai Asia/Hong_Kong Asia/Singapore Asia/Taipei Asia/Manila Australia/Perth PRC", 480, Summer::None),
    ("Asia/Seoul Asia/Tokyo ROK Japan", 540, Summer::None),
    ("Australia/Brisbane", 600, Summer::None),
    ("Australia/Sydney Australia/Melbourne Australia/Hobart", 600, Summer::Australia),
    ("America/Sao_Paulo America/Argentina/Buenos_Aires America/Buenos_Aires", -180, Summer::None),
    ("America/Halifax", -240, Summer::America),
    ("America/New_York America/Toronto America/Detroit US/Eastern EST5EDT", -300, Summer::America),
    ("America/Bogota America/Lima America/Panama EST", -300, Summer::None),
    ("America/Chicago America/Winnipeg US/Central CST6CDT", -360, Summer::America),
    ("America/Mexico_City", -360, Summer::None),
    ("America/Denver America/Edmonton US/Mountain MST7MDT", -420, Summer::America),
    ("America/Phoenix MST", -420, Summer::None),
    ("America/Los_Angeles America/Vancouver US/Pacific PST8PDT", -480, Summer::America),
    ("America/Anchorage", -540, Summer::America),
    ("Pacific/Honolulu HST", -600, Summer::None),
];

impl Zone {
    /// The zone of that name; UTC for an empty one.
    pub fn named(name: &str) -> Option<Zone> {
        let name = if name.is_empty() { "UTC" } else { name };
        let known = |names: &str| names.split_whitespace().any(|known| known.eq_ignore_ascii_case(name));
        let (_, minutes, summer) = ZONES.iter().find(|(names, ..)| known(names))?;
        Some(Zone { standard: minutes * 60, summer: *summer })
    }

    /// Seconds east of UTC at an instant.
    pub fn offset(&self, instant: i64) -> i64 {
        let (year, ..) = date_of((instant + self.standard).div_euclid(DAY));
        let sunday = |month, which| nth_sunday(year, month, which) * DAY;
        let summer = match self.summer {
            Summer::None => false,
            Summer::Europe => (sunday(3, -1) + 3_600..sunday(10, -1) + 3_600).contains(&instant),
            Summer::America => {
                let begin = sunday(3, 2) + 7_200 - self.standard;
                let end = sunday(11, 1) + 3_600 - self.standard;
                (begin..end).contains(&instant)
            }
            Summer::Australia => {
                let end = sunday(4, 1) + 7_200 - self.standard;
                let begin = sunday(10, 1) + 7_200 - self.standard;
                !(end..begin).contains(&instant)
            }
        };
        self.standard + if summer { 3_600 } else { 0 }
    }

    /// An instant as clocks of the zone show it: `2026-01-01T09:00:00+09:00`.
    pub fn rfc3339(&self, instant: i64) -> String {
        let offset = self.offset(instant);
        let local = instant + offset;
        let (year, month, day) = date_of(local.div_euclid(DAY));
        let end = match offset {
            0 => "Z".to_string(),
            _ => {
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", offset.abs() / 3_600, offset.abs() / 60 % 60)
            }
        };
        format!("{year:04}-{month:02}-{day:02}T{}{end}", clock(local))
    }

    /// The instants at which clocks show a local time: none in the hour that is skipped, two in the one that comes twice.
    pub fn instants(&self, local: i64) -> [Option<i64>; 2] {
        let at = |offset: i64| Some(local - offset).filter(|instant| self.offset(*instant) == offset);
        [at(self.standard + 3_600), at(self.standard)]
    }
}

fn clock(local: i64) -> String {
    let second = local.rem_euclid(DAY);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// The days since 1970 of the first, second … Sunday of a month; -1 for the last.
fn nth_sunday(year: i64, month: i64, which: i64) -> i64 {
    let first = days_of(year, month, 1);
    let sunday = first + (3 - first).rem_euclid(7);
    if which > 0 {
        return sunday + (which - 1) * 7;
    }
    let next_month = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
    sunday + (next_month - 1 - sunday) / 7 * 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_are_the_same_calendar() {
        assert_eq!(days_of(1970, 1, 1), 0);
        assert_eq!(days_of(2026, 1, 1) * DAY, 1_767_225_600);
        for days in [-1, 0, 59, 60, 11_016, 11_017, 20_454, 47_541] {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!(date_of(nth_sunday(2026, 3, -1)), (2026, 3, 29));
        assert_eq!(date_of(nth_sunday(2026, 11, 1)), (2026, 11, 1));
    }

    #[test]
    fn clocks_are_put_forward_in_summer() {
        let noon = |month| days_of(2026, month, 15) * DAY + DAY / 2;
        let cases = [
            ("UTC", 0, 0),
            ("Europe/Paris", 60, 120),
            ("america/new_york", -300, -240),
            ("Australia/Sydney", 660, 600),
            ("Asia/Seoul", 540, 540),
        ];
        for (name, january, july) in cases {
            let zone = Zone::named(name).unwrap();
            assert_eq!((zone.offset(noon(1)), zone.offset(noon(7))), (january * 60, july * 60), "{name}");
        }
        assert_eq!(Zone::named("Mars/Olympus_Mons"), None);
        assert_eq!(Zone::named("Asia/Seoul").unwrap().rfc3339(1_767_225_600), "2026-01-01T09:00:00+09:00");
        assert_eq!(Zone::named("").unwrap().rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
        // Half past two does not exist on the last Sunday of March in Berlin, and comes twice on that of October.
        let half_past_two = |month, day| days_of(2026, month, day) * DAY + 9_000;
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.instants(half_past_two(3, 29)), [None, None]);
        assert_eq!(berlin.instants(half_past_two(10, 25)).iter().flatten().count(), 2);
    }
}
