//! Resource quantities: `250m`, `1.5`, `64Mi`, `1e3`, `2G`.

use super::k8s::Quantity;

/// A quantity read exactly: `digits / 10^scale * 2^(10*binary)`, kept as thousandths where that is exact and
/// rounded up where it is not, as upstream does when it asks for `MilliValue()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parsed {
    nanos: i128,
}

const NANO: i128 = 1_000_000_000;

/// Larger amounts are cut to this, as upstream cuts to what an int64 holds.
const MAX_NANOS: i128 = i64::MAX as i128 * NANO;

/// Reads a quantity. `None` where `resource.ParseQuantity` refuses the text. Anything below one
/// billionth is rounded up.
pub fn parse(text: &str) -> Option<Parsed> {
    parse_short(text).or_else(|| parse_any(text))
}

/// As nearly all quantities are written, a few digits and a usual suffix; `None` says nothing of others. It is asked several
/// times whenever a pod changes.
fn parse_short(text: &str) -> Option<Parsed> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let unit = match &text.as_bytes()[digits..] {
        b"" => NANO,
        b"m" => NANO / 1_000,
        b"Ki" => NANO << 10,
        b"Mi" => NANO << 20,
        b"Gi" => NANO << 30,
        _ => return None,
    };
    let number = |number: u32, digit: u8| 10 * number + u32::from(digit - b'0');
    let whole = text.bytes().take(digits).fold(0, number);
    Some(Parsed { nanos: i128::from(whole) * unit })
}

fn parse_any(text: &str) -> Option<Parsed> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let (base, exponent) = suffix_scale(suffix)?;
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let value: i128 = if digits.is_empty() { 0 } else { digits.get(..30).unwrap_or(digits).parse().ok()? };
    let dropped = digits.len().saturating_sub(30) as i32;
    let ten_power = (if base == 10 { exponent } else { 0 }) - fraction.len() as i32 + 9 + dropped;
    let two_power = if base == 2 { exponent } else { 0 };
    let value = value.checked_mul(1i128.checked_shl(two_power as u32)?).unwrap_or(MAX_NANOS);
    let nanos = if value == 0 {
        0
    } else if ten_power >= 0 {
        10i128.checked_pow(ten_power as u32).and_then(|power| value.checked_mul(power)).unwrap_or(MAX_NANOS)
    } else {
        10i128.checked_pow(ten_power.unsigned_abs()).map_or(1, |power| div_up(value, power))
    };
    Some(Parsed { nanos: sign * nanos.min(MAX_NANOS) })
}

/// How a quantity is written (`resource.Format`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Decimal,
    Exponent,
}

impl Form {
    fn of(text: &str) -> Form {
        let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
        match suffix.as_bytes() {
            [_, b'i'] => Form::Binary,
            [b'e' | b'E', _, ..] => Form::Exponent,
            _ => Form::Decimal,
        }
    }
}

/// A quantity as the API server stores it: `1024Mi` as `1Gi`, `0.5` as `500m`, `1.5Gi` as `1536Mi`. A text that is no quantity
/// stays as it is.
pub fn canonical(text: &str) -> String {
    parse(text).map_or_else(|| text.to_string(), |amount| amount.format_like(text))
}

/// A quantity in whole units in the suffixes of another, if its own are of another form: `100M` as `100000000` beside `1Gi`.
pub fn in_form_of(text: &str, like: &str) -> String {
    match parse(text).filter(|_| Form::of(text) != Form::of(like)) {
        Some(amount) => Parsed::of(amount.value()).format_like(like),
        None => text.into(),
    }
}

/// Base and exponent of a suffix: `Ki` is 2^10, `m` is 10^-3, `e3` is 10^3.
fn suffix_scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (10, 0),
        "Ki" => (2, 10),
        "Mi" => (2, 20),
        "Gi" => (2, 30),
        "Ti" => (2, 40),
        "Pi" => (2, 50),
        "Ei" => (2, 60),
        "n" => (10, -9),
        "u" => (10, -6),
        "m" => (10, -3),
        "k" => (10, 3),
        "M" => (10, 6),
        "G" => (10, 9),
        "T" => (10, 12),
        "P" => (10, 15),
        "E" => (10, 18),
        _ => (10, suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok().filter(|e| e.abs() <= 64)?),
    })
}

fn div_up(value: i128, by: i128) -> i128 {
    value / by + i128::from(value % by > 0)
}

impl Parsed {
    /// Whole units, rounded up (`Quantity.Value`).
    pub fn value(self) -> i64 {
        self.scaled(NANO)
    }

    /// Thousandths, rounded up (`Quantity.MilliValue`): what CPU is counted in.
    pub fn milli(self) -> i64 {
        self.scaled(NANO / 1_000)
    }

    /// Less than, equal to or more than zero, as -1, 0, 1.
    pub fn sign(self) -> i32 {
        self.nanos.signum() as i32
    }

    /// The sum of two amounts.
    #[must_use]
    pub fn plus(self, other: Parsed) -> Parsed {
        Parsed { nanos: (self.nanos + other.nanos).clamp(-MAX_NANOS, MAX_NANOS) }
    }

    /// The difference of two amounts.
    #[must_use]
    pub fn minus(self, other: Parsed) -> Parsed {
        self.plus(Parsed { nanos: -other.nanos })
    }

    /// The amount so many times.
    #[must_use]
    pub fn times(self, count: i64) -> Parsed {
        Parsed { nanos: self.nanos.saturating_mul(count.into()).clamp(-MAX_NANOS, MAX_NANOS) }
    }

    /// The amount rounded up to whole thousandths: finer ones are not kept in lists of resources.
    #[must_use]
    pub fn round_up_to_milli(self) -> Parsed {
        Parsed {
            nanos: self.nanos.div_euclid(NANO / 1_000) * (NANO / 1_000)
                + if self.nanos % (NANO / 1_000) == 0 { 0 } else { NANO / 1_000 },
        }
    }

    /// So many whole units.
    pub fn of(count: i64) -> Parsed {
        Parsed { nanos: i128::from(count) * NANO }
    }

    /// The amount in canonical form, in the suffixes of `like`: powers of two, powers of ten, or an exponent, as sums of
    /// quantities keep the form of the first.
    pub fn format_like(self, like: &str) -> String {
        let form = Form::of(like);
        let (sign, nanos) = (if self.nanos < 0 { "-" } else { "" }, self.nanos.abs());
        // Powers of two are for whole numbers from 1024 on; what is smaller or broken is written in thousandths.
        if form == Form::Binary && nanos >= 1_024 * NANO && nanos % NANO == 0 {
            return format!("{sign}{}", format_bytes((nanos / NANO) as i64));
        }
        let (mut digits, mut exponent) = (nanos, -9);
        while digits != 0 && digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        if digits == 0 {
            return "0".into();
        }
        while exponent % 3 != 0 {
            digits *= 10;
            exponent -= 1;
        }
        let suffix = match (form, exponent) {
            (_, 0) => String::new(),
            (Form::Exponent, exponent) => format!("e{exponent}"),
            (_, exponent) => {
                let suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
                suffixes
                    .get(((exponent + 9) / 3) as usize)
                    .map_or_else(|| format!("e{exponent}"), |s| (*s).to_string())
            }
        };
        format!("{sign}{digits}{suffix}")
    }

    fn scaled(self, nanos_per_unit: i128) -> i64 {
        let magnitude = div_up(self.nanos.abs(), nanos_per_unit).min(i128::from(i64::MAX)) as i64;
        if self.nanos < 0 { -magnitude } else { magnitude }
    }
}

/// Thousandths of a stored quantity; zero if it is absent or cannot be read.
pub fn milli(quantity: &Quantity) -> i64 {
    parse(&quantity.0).map_or(0, Parsed::milli)
}

/// Whole units of a stored quantity; zero if it is absent or cannot be read.
pub fn value(quantity: &Quantity) -> i64 {
    parse(&quantity.0).map_or(0, Parsed::value)
}

/// CPU as Kubernetes writes it in canonical form: `250m`, `2`.
pub fn format_milli(milli: i64) -> String {
    if milli % 1_000 == 0 { (milli / 1_000).to_string() } else { format!("{milli}m") }
}

/// Bytes in canonical binary form: `64Mi`, `1536Ki`, `1000`.
pub fn format_bytes(bytes: i64) -> String {
    const UNITS: [(&str, u32); 6] = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    UNITS
        .iter()
        .find(|(_, shift)| bytes != 0 && bytes % (1i64 << shift) == 0)
        .map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_exactly_and_round_up() {
        let cases = [
            ("250m", Some((1, 250))),
            ("1.5", Some((2, 1_500))),
            ("0.5m", Some((1, 1))),
            ("1e3", Some((1_000, 1_000_000))),
            ("1E", Some((1_000_000_000_000_000_000, i64::MAX))),
            ("64Mi", Some((67_108_864, 67_108_864_000))),
            (".5", Some((1, 500))),
            ("5.", Some((5, 5_000))),
            ("-1", Some((-1, -1_000))),
            ("0", Some((0, 0))),
            ("1.5Gi", Some((1_610_612_736, 1_610_612_736_000))),
            ("", None),
            ("m", None),
            ("1gi", None),
            ("1.2.3", None),
            ("one", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text).map(|q| (q.value(), q.milli())), want, "{text:?}");
        }
    }

    #[test]
    fn quantities_in_their_usual_form_are_read_as_any() {
        for digits in ["", "0", "007", "16", "999999999", "123456789012", "1.5", "+1"] {
            for suffix in ["", "m", "Ki", "Mi", "Gi", "Ti", "n", "k", "i", "ß"] {
                let text = format!("{digits}{suffix}");
                assert_eq!(parse(&text), parse_any(&text), "{text}");
            }
        }
        let short =
            ["", "m", "1.5", "1Ti", "1234567890", "16Mi", "0"].map(|text| parse_short(text).is_some());
        assert_eq!(short, [false, false, false, false, false, true, true]);
    }

    #[test]
    fn quantities_have_one_canonical_form() {
        let cases = [
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1024", "1024"),
            ("12e6", "12e6"),
            ("1e3", "1e3"),
            ("0.5Gi", "512Mi"),
            ("0.5Ki", "512"),
            ("100Ki", "100Ki"),
            ("0", "0"),
            ("-1Gi", "-1Gi"),
            ("1e-3", "1e-3"),
            ("0.5m", "500u"),
            ("x", "x"),
        ];
        for (text, want) in cases {
            assert_eq!(canonical(text), want, "{text}");
        }
    }

    #[test]
    fn amounts_print_in_their_largest_whole_unit() {
        assert_eq!(format_milli(1_500), "1500m");
        assert_eq!(format_milli(2_000), "2");
        assert_eq!(format_bytes(67_108_864), "64Mi");
        assert_eq!(format_bytes(1_000), "1000");
        assert_eq!(format_bytes(0), "0");
    }
}
