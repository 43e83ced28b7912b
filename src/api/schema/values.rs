//! The text of values that decode themselves: quantities and times, in Go's error words.

/// Why a text is not a quantity. Models apimachinery `resource.ParseQuantity`, of which only the errors matter here.
pub fn check_quantity(text: &str) -> Result<(), &'static str> {
    const FORMAT: &str =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    const SUFFIX: &str = "unable to parse quantity's suffix";
    if text.is_empty() {
        return Err(FORMAT);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let after_whole = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let after_number = match after_whole.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => after_whole,
    };
    if after_number.is_empty() {
        return Ok(());
    }
    // Upstream takes letters, then a sign, then digits, and is content only if that reaches the end.
    let rest = after_number.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    if !rest.is_empty() {
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(FORMAT);
        }
    }
    match after_number {
        "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" => {
            Ok(())
        }
        exponent => match exponent.strip_prefix(['e', 'E']) {
            Some(digits) if digits.parse::<i64>().is_ok() => Ok(()),
            _ => Err(SUFFIX),
        },
    }
}

/// Why a text is not a time of RFC 3339, in the words of Go's `time.Parse`. `layout` is the layout Go prints;
/// `micro` times must have exactly six digits of fraction.
pub fn check_time(text: &str, micro: bool) -> Result<(), String> {
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let mut rest = text;
    let fail = |rest: &str, element: &str| {
        Err(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"))
    };
    let mut numbers = [0_u32; 6];
    let parts =
        [(4, "2006", "-"), (2, "01", "-"), (2, "02", "T"), (2, "15", ":"), (2, "04", ":"), (2, "05", "")];
    for (at, (width, element, separator)) in parts.into_iter().enumerate() {
        let Some(number) = digits(rest, width) else { return fail(rest, element) };
        numbers[at] = number;
        let range = match at {
            1 => (1..=12).contains(&number).then_some(()).ok_or("month"),
            3 => (number < 24).then_some(()).ok_or("hour"),
            4 => (number < 60).then_some(()).ok_or("minute"),
            5 => (number < 60).then_some(()).ok_or("second"),
            _ => Ok(()),
        };
        if let Err(what) = range {
            return Err(format!("parsing time {text:?}: {what} out of range"));
        }
        rest = &rest[width..];
        match rest.strip_prefix(separator) {
            Some(after) => rest = after,
            None => return fail(rest, separator),
        }
    }
    let fraction = rest.strip_prefix('.').map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
    if micro && fraction != 6 {
        return fail(rest, ".000000");
    }
    if fraction > 0 {
        rest = &rest[1 + fraction..];
    }
    let zone = match rest.as_bytes() {
        [b'Z', ..] => 1,
        [b'+' | b'-', h1, h2, b':', m1, m2, ..] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => 6,
        _ => return fail(rest, "Z07:00"),
    };
    if rest.len() > zone {
        return Err(format!("parsing time {text:?}: extra text: {:?}", &rest[zone..]));
    }
    if numbers[2] == 0 || numbers[2] > days(numbers[0], numbers[1]) {
        return Err(format!("parsing time {text:?}: day out of range"));
    }
    Ok(())
}

fn digits(text: &str, width: usize) -> Option<u32> {
    let part = text.get(..width)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_refused_as_upstream_refuses_them() {
        for good in ["0", "1", "100m", "1.5Gi", ".5", "1e3", "1E", "2E5", "-1", "+1k", "1e-3", "64Mi", "m"] {
            assert_eq!(check_quantity(good), Ok(()), "{good}");
        }
        for bad in ["", "1GB", "1gi", "1 Gi", "abc", "1.2.3", "1,5", "12Mib", "1Gi/s"] {
            assert!(check_quantity(bad).unwrap_err().starts_with("quantities must match"), "{bad}");
        }
        for suffix in ["1ki", "1K", "1KMi", "1Mi5", "1mm"] {
            assert_eq!(check_quantity(suffix), Err("unable to parse quantity's suffix"), "{suffix}");
        }
    }

    #[test]
    fn times_are_refused_in_gos_words() {
        assert_eq!(check_time("2024-02-29T10:00:00Z", false), Ok(()));
        assert_eq!(check_time("2024-01-01T10:00:00.5+09:00", false), Ok(()));
        assert_eq!(check_time("2024-01-01T10:00:00.000000Z", true), Ok(()));
        let cases = [
            (
                "now",
                "parsing time \"now\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"now\" as \"2006\"",
            ),
            (
                "2024-01-01",
                "parsing time \"2024-01-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\"",
            ),
            ("2024-13-01T00:00:00Z", "parsing time \"2024-13-01T00:00:00Z\": month out of range"),
            ("2023-02-29T00:00:00Z", "parsing time \"2023-02-29T00:00:00Z\": day out of range"),
            ("2023-02-01T00:00:00Zx", "parsing time \"2023-02-01T00:00:00Zx\": extra text: \"x\""),
        ];
        for (text, want) in cases {
            assert_eq!(check_time(text, false).unwrap_err(), want);
        }
    }
}
