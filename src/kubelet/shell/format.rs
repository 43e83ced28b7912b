//! Commands that print in a form that they are told: `date`, `printf`, `seq`.

use crate::clock::SimTime;

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What `date` prints: `Thu Jan  1 00:00:12 UTC 2026`, or what stands behind `+`.
pub fn date(now: SimTime, words: &[&str]) -> String {
    let wanted = words.iter().find_map(|word| word.strip_prefix('+'));
    let seconds = now.to_unix_seconds();
    let text = crate::api::typed::write(&now.to_time());
    let text = text.as_str().unwrap_or_default();
    let (day, time) = text.trim_end_matches('Z').split_once('T').unwrap_or_default();
    let day_parts: Vec<&str> = day.split('-').collect();
    let time_parts: Vec<&str> = time.split(':').collect();
    let ([year, month, of_month], [hours, minutes, secs]) = (day_parts.as_slice(), time_parts.as_slice())
    else {
        return String::new();
    };
    let of_week = DAYS[usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let name = MONTHS[month.parse::<usize>().unwrap_or(1).clamp(1, 12) - 1];
    let plain_day = of_month.trim_start_matches('0');
    let hour: u32 = hours.parse().unwrap_or(0);
    let mut out = String::new();
    let mut verbs = wanted.unwrap_or("%a %b %e %T %Z %Y").chars();
    while let Some(c) = verbs.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let text = match verbs.next().unwrap_or('%') {
            'Y' => (*year).to_string(),
            'y' => year[2..].to_string(),
            'm' => (*month).to_string(),
            'd' => (*of_month).to_string(),
            'e' => format!("{plain_day:>2}"),
            'H' => (*hours).to_string(),
            'I' => format!("{:02}", (hour + 11) % 12 + 1),
            'p' => if hour < 12 { "AM" } else { "PM" }.to_string(),
            'M' => (*minutes).to_string(),
            'S' => (*secs).to_string(),
            's' => seconds.to_string(),
            'N' => format!("{:09}", now.0 % 1_000_000 * 1_000),
            'F' => day.to_string(),
            'T' => time.to_string(),
            'R' => format!("{hours}:{minutes}"),
            'D' => format!("{month}/{of_month}/{}", &year[2..]),
            'c' => format!("{} {} {plain_day:>2} {time} {year}", &of_week[..3], &name[..3]),
            'a' => of_week[..3].to_string(),
            'A' => of_week.to_string(),
            'b' | 'h' => name[..3].to_string(),
            'B' => name.to_string(),
            'Z' => "UTC".to_string(),
            'z' => "+0000".to_string(),
            'n' => "\n".to_string(),
            '%' => "%".to_string(),
            other => format!("%{other}"),
        };
        out.push_str(&text);
    }
    out
}

/// What `\n` and the like stand for.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('e') => out.push('\u{1b}'),
            Some('\\') | None => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
        }
    }
    out
}

/// `%s`, `%5d`, `%05.2f` in turn; the format is used again for what is left over.
pub fn printf(format: &str, words: &[&str]) -> String {
    let format = unescape(format);
    let mut words = words.iter();
    let mut text = String::new();
    loop {
        let mut used = false;
        let mut rest = format.as_str();
        while let Some(at) = rest.find('%') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| !"-+ 0#.123456789".contains(c)).unwrap_or(rest.len());
            let (how, verb) = (&rest[..end], rest[end..].chars().next());
            rest = &rest[end + verb.map_or(0, char::len_utf8)..];
            match verb {
                Some('%') => text.push('%'),
                Some(verb @ ('s' | 'b' | 'd' | 'i' | 'u' | 'f' | 'x' | 'X' | 'o' | 'c')) => {
                    used = true;
                    text.push_str(&shaped(how, verb, words.next().unwrap_or(&"")));
                }
                _ => text.extend(["%", how].into_iter().chain(verb.map(|_| ""))),
            }
        }
        text.push_str(rest);
        if words.len() == 0 || !used {
            return text;
        }
    }
}

/// One value in the shape that flags, width and precision give it.
fn shaped(how: &str, verb: char, word: &str) -> String {
    let flags: String = how.chars().take_while(|c| "-+ 0#".contains(*c)).collect();
    let (width, precision) = match how[flags.len()..].split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse::<usize>().unwrap_or(0))),
        None => (&how[flags.len()..], None),
    };
    let width: usize = width.parse().unwrap_or(0).min(1_000);
    let number = || word.trim().parse::<i64>().unwrap_or(0);
    let body = match verb {
        'b' => unescape(word),
        'c' => word.chars().take(1).collect(),
        's' => word.chars().take(precision.unwrap_or(usize::MAX)).collect(),
        'x' => format!("{:x}", number()),
        'X' => format!("{:X}", number()),
        'o' => format!("{:o}", number()),
        'f' => decimal(word, precision.unwrap_or(6).min(18)),
        _ if flags.contains('+') => format!("{:+}", number()),
        _ => number().to_string(),
    };
    let missing = width.saturating_sub(body.chars().count());
    match () {
        () if flags.contains('-') => format!("{body}{}", " ".repeat(missing)),
        () if flags.contains('0') && !"sbc".contains(verb) => {
            let (sign, digits) = body.strip_prefix('-').map_or(("", body.as_str()), |digits| ("-", digits));
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        () => format!("{}{body}", " ".repeat(missing)),
    }
}

/// A decimal number with so many places, rounded, without floats.
fn decimal(word: &str, places: usize) -> String {
    let word = word.trim();
    let (sign, digits) = word.strip_prefix('-').map_or(("", word), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u64 = whole.parse().unwrap_or(0);
    let kept: String = part.chars().chain(std::iter::repeat('0')).take(places).collect();
    let up = part.chars().nth(places).is_some_and(|next| ('5'..='9').contains(&next));
    let scale = 10u128.pow(u32::try_from(places).unwrap_or(0));
    let all = u128::from(whole) * scale + kept.parse::<u128>().unwrap_or(0) + u128::from(up);
    match places {
        0 => format!("{sign}{all}"),
        _ => format!("{sign}{}.{:0places$}", all / scale, all % scale),
    }
}

/// `seq last`, `seq first last`, `seq first step last`, as whole numbers.
pub fn seq(words: &[&str]) -> String {
    const MOST: usize = 10_000;
    let numbers: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (from, step, to) = match numbers.as_slice() {
        [to] => (1, 1, *to),
        [from, to] => (*from, 1, *to),
        [from, step, to] if *step != 0 => (*from, *step, *to),
        _ => return String::new(),
    };
    let inside = |number: &i64| if step > 0 { *number <= to } else { *number >= to };
    let all = std::iter::successors(Some(from), |number| number.checked_add(step)).take_while(inside);
    all.take(MOST).map(|number| format!("{number}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_says_the_time_in_any_form() {
        let now = SimTime::from_secs(5 * 86_400 + 13 * 3_600 + 7);
        assert_eq!(date(now, &[]), "Tue Jan  6 13:00:07 UTC 2026");
        assert_eq!(date(now, &["-u", "+%Y-%m-%dT%H:%M:%SZ"]), "2026-01-06T13:00:07Z");
        assert_eq!(
            date(now, &["+%s|%A %d. %B %y|%I:%M %p|%T|%F|%%"]),
            "1767704407|Tuesday 06. January 26|01:00 PM|13:00:07|2026-01-06|%"
        );
    }

    #[test]
    fn printf_shapes_what_it_is_given() {
        let cases: [(&str, &[&str], &str); 8] = [
            ("%05.2f|%3d|%-5s|%x", &["3.14159", "7", "ab", "255"], "03.14|  7|ab   |ff"),
            ("%02d:%02d\\n", &["7", "5"], "07:05\n"),
            ("%s-", &["a", "b"], "a-b-"),
            ("%d%%", &["90"], "90%"),
            ("%.1f %.0f", &["-2.25", "9.5"], "-2.3 10"),
            ("%5.1s|%+d|%05d", &["xyz", "4", "-42"], "    x|+4|-0042"),
            ("%b", &["a\\tb"], "a\tb"),
            ("no verbs", &["left"], "no verbs"),
        ];
        for (format, words, want) in cases {
            assert_eq!(printf(format, words), want, "{format}");
        }
    }

    #[test]
    fn seq_counts_up_and_down() {
        assert_eq!(seq(&["3"]), "1\n2\n3\n");
        assert_eq!(seq(&["1", "3", "8"]), "1\n4\n7\n");
        assert_eq!(seq(&["2", "-1", "0"]), "2\n1\n0\n");
        assert_eq!(seq(&["1", "0", "5"]), "");
    }
}
