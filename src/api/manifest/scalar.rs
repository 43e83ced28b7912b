//! What a scalar means: go-yaml v2's reading of YAML 1.1, which is kubectl's.

use super::node::Kind;
use std::fmt::Write as _;

/// Resolves a scalar as kubectl does: `yes`, `on` and a bare `y` are booleans, `012` is octal, a timestamp stays
/// a string. `Err` is go-yaml's complaint about a value that does not fit its explicit tag.
///
/// Models go-yaml v2 `resolve`.
pub(super) fn resolve(text: String, plain: bool, tag: Option<&str>) -> Result<Kind, String> {
    let tag = tag.map(short_tag);
    match tag {
        Some("str") => return Ok(Kind::Str(text)),
        Some("binary") => return decode_binary(&text),
        None if !plain => return Ok(Kind::Str(text)),
        Some("null" | "bool" | "int" | "float") | None => {}
        // Other tags (`!foo`, `!!timestamp`, the bare `!`) leave the text as it is.
        Some(_) => return Ok(Kind::Str(text)),
    }
    let kind = guess(text);
    let fits = match (tag, &kind) {
        (None, _) | (Some("null"), Kind::Null) | (Some("bool"), Kind::Bool(_)) => true,
        (Some("int"), Kind::Int(_)) | (Some("float"), Kind::Float(_)) => true,
        (Some("float"), Kind::Int(n)) => return Ok(Kind::Float(*n as f64)),
        _ => false,
    };
    if fits { Ok(kind) } else { Err(mismatch(&kind, tag.unwrap_or(""))) }
}

fn mismatch(kind: &Kind, tag: &str) -> String {
    let (name, text) = match kind {
        Kind::Null => ("!!null", String::new()),
        Kind::Bool(b) => ("!!bool", b.to_string()),
        Kind::Int(n) => ("!!int", n.to_string()),
        Kind::Float(f) => ("!!float", json_float(*f)),
        Kind::Str(s) => ("!!str", s.clone()),
        Kind::Seq(_) => ("!!seq", String::new()),
        Kind::Map(_) => ("!!map", String::new()),
    };
    format!("cannot decode {name} `{text}` as a !!{tag}")
}

fn short_tag(tag: &str) -> &str {
    tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag)
}

/// Whether a plain scalar of this text is a string for every reader: what may be written without quotes. Times and
/// sexagesimal numbers are strings to kubectl, and go-yaml quotes them all the same.
pub fn reads_as_text(text: &str) -> bool {
    text != "<<"
        && matches!(guess(text.to_string()), Kind::Str(_))
        && !looks_like_time(text)
        && !is_sexagesimal(text)
}

/// `2026-01-31`, alone or with a time of day behind it.
fn looks_like_time(text: &str) -> bool {
    let (date, time) =
        text.find(['T', 't', ' ']).map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])));
    let parts: Vec<&str> = date.split('-').collect();
    let number = |part: &str, len: std::ops::RangeInclusive<usize>| {
        len.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let [year, month, day] = parts.as_slice() else { return false };
    let dated = number(year, 4..=4) && number(month, 1..=2) && number(day, 1..=2);
    dated
        && time.is_none_or(|time| {
            time.contains(':') && time.bytes().all(|b| b.is_ascii_digit() || b":.Z+-".contains(&b))
        })
}

/// `1:30`, which YAML 1.1 reads as 90.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let first = parts.next().is_some_and(|part| {
        part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    });
    let rest: Vec<&str> = parts.collect();
    first
        && !rest.is_empty()
        && rest.iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

fn guess(text: String) -> Kind {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Kind::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Kind::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Kind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Kind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Kind::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(&text).unwrap_or(Kind::Str(text)),
        _ => Kind::Str(text),
    }
}

fn number(text: &str) -> Option<Kind> {
    if text.starts_with('.') {
        return looks_like_float(text).then(|| text.parse().ok().map(Kind::Float)).flatten();
    }
    let plain = text.replace('_', "");
    if let Some(n) = integer(&plain) {
        // kubectl keeps integers of 64 bits; what is larger goes on as a float.
        return Some(i64::try_from(n).map_or(Kind::Float(n as f64), Kind::Int));
    }
    looks_like_float(&plain).then(|| plain.parse().ok().map(Kind::Float)).flatten()
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: a prefix `0x`, `0o`, `0b` or a leading `0` (octal).
fn integer(text: &str) -> Option<i128> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let max = if signed { i128::from(i64::MAX) + i128::from(negative) } else { i128::from(u64::MAX) };
    (magnitude <= max).then_some(if negative { -magnitude } else { magnitude })
}

/// go-yaml's float pattern: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn looks_like_float(text: &str) -> bool {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(rest);
    rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = digits(after);
        if whole + fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

fn decode_binary(text: &str) -> Result<Kind, String> {
    let bytes =
        super::base64::decode(text).map_err(|_| "!!binary value contains invalid base64 data".to_string())?;
    Ok(Kind::Str(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A float as Go's `encoding/json` writes it: no exponent between 1e-6 and 1e21, `1e+22` above.
pub fn json_float(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .into();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return exponent_form(&format!("{value:e}"), 1);
    }
    // A whole number prints without its `.0`.
    format!("{value}")
}

/// A float as a key of a map: the shortest form in 32 bits, as sigs.k8s.io/yaml writes it.
pub(super) fn key_float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let short = value as f32;
    let scientific = format!("{short:e}");
    let exponent: i32 = scientific.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0);
    if (-4..6).contains(&exponent) { format!("{short}") } else { exponent_form(&scientific, 2) }
}

/// `1.5e7` as Go writes it: a sign, and at least `digits` digits of exponent.
fn exponent_form(scientific: &str, digits: usize) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
    let mut out = format!("{mantissa}e{sign}");
    let _ = write!(out, "{exponent:0>digits$}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        let cases: &[(&str, Kind)] = &[
            ("y", Kind::Bool(true)),
            ("Off", Kind::Bool(false)),
            ("yEs", Kind::Str("yEs".into())),
            ("~", Kind::Null),
            ("", Kind::Null),
            ("012", Kind::Int(10)),
            ("0o17", Kind::Int(15)),
            ("0x1F", Kind::Int(31)),
            ("-0b11", Kind::Int(-3)),
            ("1_000", Kind::Int(1000)),
            ("08", Kind::Float(8.0)),
            ("+5", Kind::Int(5)),
            ("0", Kind::Int(0)),
            ("1.0", Kind::Float(1.0)),
            ("1e3", Kind::Float(1000.0)),
            (".5", Kind::Float(0.5)),
            (".", Kind::Str(".".into())),
            ("1.2.3", Kind::Str("1.2.3".into())),
            ("100m", Kind::Str("100m".into())),
            ("10.0.0.1", Kind::Str("10.0.0.1".into())),
            ("2020-01-01", Kind::Str("2020-01-01".into())),
            ("12:30", Kind::Str("12:30".into())),
            ("-", Kind::Str("-".into())),
            ("0x", Kind::Str("0x".into())),
            ("9223372036854775807", Kind::Int(i64::MAX)),
            ("9223372036854775808", Kind::Float(9_223_372_036_854_775_808.0)),
            ("-.inf", Kind::Float(f64::NEG_INFINITY)),
        ];
        for (text, want) in cases {
            assert_eq!(resolve((*text).into(), true, None).unwrap(), *want, "{text}");
        }
        assert_eq!(resolve("012".into(), false, None).unwrap(), Kind::Str("012".into()));
        assert_eq!(resolve("1".into(), true, Some("tag:yaml.org,2002:str")).unwrap(), Kind::Str("1".into()));
        assert!(resolve("x".into(), true, Some("tag:yaml.org,2002:int")).is_err());
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, want) in
            [(1.0, "1"), (1.5, "1.5"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7")]
        {
            assert_eq!(json_float(value), want);
        }
        assert_eq!(key_float(1.1), "1.1");
    }
}
