//! Numbers as people read them.

use kubeviz::clock::{SimDuration, SimTime};

/// `A`, `B`, … for the first run, the second, ….
pub fn run(number: usize) -> char {
    char::from(b'A' + (number % 26) as u8)
}

/// Thousandths of a CPU as CPUs: `500m` reads `0.5`.
pub fn cpus(milli: i64) -> String {
    decimal(milli, 1_000)
}

/// Bytes in the largest binary unit that fits: `1.5 Gi`.
pub fn bytes(bytes: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes.abs() >= *size) {
        Some((unit, size)) => format!("{}{unit}", decimal(bytes, *size)),
        None => bytes.to_string(),
    }
}

/// At most two significant decimals below ten, one below a hundred, none above.
fn decimal(value: i64, unit: i64) -> String {
    let hundredths = value.saturating_mul(100) / unit;
    let (whole, part) = (hundredths / 100, (hundredths % 100).abs());
    match () {
        () if part == 0 || whole.abs() >= 100 => whole.to_string(),
        () if whole.abs() >= 10 || part % 10 == 0 => match part / 10 {
            0 => whole.to_string(),
            tenth => format!("{whole}.{tenth}"),
        },
        () => format!("{whole}.{part:02}"),
    }
}

/// Millionths of a second: `850 µs`, `12.5 ms`, `3 s`.
pub fn micros(micros: u64) -> String {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    match micros {
        ..=999 => format!("{micros} µs"),
        1_000..=999_999 => format!("{} ms", decimal(micros, 1_000)),
        _ => format!("{} s", decimal(micros, 1_000_000)),
    }
}

/// A share of a whole in per mille, between nothing and all.
pub fn per_mille(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { (part.clamp(0, whole) as i128 * 1_000 / whole as i128) as i64 }
}

/// The clock of the time bar: `mm:ss.d`, with hours from one hour on.
pub fn clock(time: SimTime) -> String {
    let text = time.to_string();
    text.get(..text.len() - 2).unwrap_or(&text).to_string()
}

/// Time that was skipped: `4m40s`.
pub fn span(span: SimDuration) -> String {
    span.human()
}

/// A span that may be shorter than a second: `4.8s`.
pub fn tenths(span: SimDuration) -> String {
    let tenths = span.0 / 100_000;
    if tenths == 0 { "0s".into() } else { format!("{}.{}s", tenths / 10, tenths % 10) }
}

/// An object as the story names it, without the namespace that is meant anyway: `Pod default/web-0` reads `Pod web-0`.
pub fn short_object(object: &str) -> String {
    object.replacen(" default/", " ", 1)
}

/// A generated name in two parts, `web-5d8b9c-` and `x2k4z`: the end tells pods of one owner apart, so it is the part
/// that must never be cut off.
pub fn split_name(name: &str) -> (&str, &str) {
    match name.rfind('-') {
        Some(dash) if name.len() - dash <= 12 => name.split_at(dash + 1),
        _ => ("", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_read_in_their_largest_unit() {
        let cases = [(500, "0.5"), (4_000, "4"), (1_250, "1.25"), (12_340, "12.3"), (0, "0")];
        for (milli, want) in cases {
            assert_eq!(cpus(milli), want, "{milli}m");
        }
        let cases = [(8 << 30, "8Gi"), (128 << 20, "128Mi"), (3 << 29, "1.5Gi"), (512, "512")];
        for (size, want) in cases {
            assert_eq!(bytes(size), want, "{size} bytes");
        }
    }

    #[test]
    fn a_name_is_cut_before_what_tells_it_apart() {
        let cases =
            [("web-5d8b-x2k4z", ("web-5d8b-", "x2k4z")), ("web", ("", "web")), ("db-0", ("db-", "0"))];
        for (name, want) in cases {
            assert_eq!(split_name(name), want, "{name}");
        }
    }

    #[test]
    fn the_clock_shows_tenths() {
        assert_eq!(clock(SimTime(42_345_000)), "00:42.3");
        assert_eq!(clock(SimTime::from_secs(3_661)), "1:01:01.0");
    }
}
