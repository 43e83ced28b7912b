//! What a text of a format is (`k8s.io/kube-openapi/pkg/validation/strfmt`).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::api::manifest::base64;
use crate::api::schema::check_time;
use crate::clock::SimDuration;

type Check = fn(&str) -> bool;

/// The formats of texts that are checked, in order; others are taken for remarks.
const FORMATS: &[(&str, Check)] = &[
    ("bsonobjectid", |text| text.len() == 24 && is_hex(text)),
    ("byte", |text| base64::decode(text).is_ok()),
    ("cidr", is_cidr),
    ("date", |text| text.len() == 10 && check_time(&format!("{text}T00:00:00Z"), false).is_ok()),
    ("date-time", |text| check_time(text, false).is_ok()),
    ("datetime", |text| check_time(text, false).is_ok()),
    ("duration", is_duration),
    ("email", is_email),
    ("hexcolor", |text| {
        let digits = text.strip_prefix('#').unwrap_or(text);
        [3, 6].contains(&digits.len()) && is_hex(digits)
    }),
    ("hostname", is_hostname),
    ("ipv4", |text| text.parse::<Ipv4Addr>().is_ok()),
    ("ipv6", |text| text.parse::<Ipv6Addr>().is_ok()),
    ("mac", is_mac),
    ("uri", is_uri),
    ("uuid", |text| is_uuid(text, None)),
    ("uuid3", |text| is_uuid(text, Some('3'))),
    ("uuid4", |text| is_uuid(text, Some('4'))),
    ("uuid5", |text| is_uuid(text, Some('5'))),
];

/// Whether a text is of a format.
pub fn is_of(format: &str, text: &str) -> bool {
    FORMATS.iter().find(|(name, _)| *name == format).is_none_or(|(_, check)| check(text))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| {
        let most = if address.parse::<Ipv4Addr>().is_ok() { 32 } else { 128 };
        let is_address = most == 32 || address.parse::<Ipv6Addr>().is_ok();
        is_address && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    })
}

/// `1h30m` as Go has it, or `2 days`.
fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    const UNITS: [&str; 7] = ["ns", "us", "ms", "sec", "min", "hr", "day"];
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = text[digits..].trim().to_lowercase();
    let known = UNITS.contains(&unit.trim_end_matches('s'))
        || ["second", "minute", "hour", "week", "wk", "w", "d"].contains(&unit.trim_end_matches('s'));
    SimDuration::parse(text).is_some() || (digits > 0 && known) || text == "0"
}

fn is_email(text: &str) -> bool {
    let address = text.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(text);
    address.rsplit_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !host.is_empty() && !address.contains(char::is_whitespace)
    })
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let letters = label.chars().all(|letter| letter.is_alphanumeric() || letter == '-');
        !label.is_empty() && label.len() <= 63 && letters && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 255 && text.trim_end_matches('.').split('.').all(is_label)
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-', '.']).collect();
    let width = if text.contains('.') { 4 } else { 2 };
    [12, 16, 40].contains(&(parts.len() * width))
        && parts.iter().all(|part| part.len() == width && is_hex(part))
}

/// A path from the root, or a scheme and something behind it (`url.ParseRequestURI`).
fn is_uri(text: &str) -> bool {
    let scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ['+', '-', '.'].contains(&c))
    };
    let rooted = text.starts_with('/')
        || text.split_once(':').is_some_and(|(before, rest)| scheme(before) && !rest.is_empty());
    rooted && !text.contains([' ', '\u{7f}']) && !text.chars().any(char::is_control)
}

fn is_uuid(text: &str, version: Option<char>) -> bool {
    let bare: String = text.chars().filter(|letter| *letter != '-').collect();
    bare.len() == 32 && is_hex(&bare) && version.is_none_or(|version| bare.chars().nth(12) == Some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_of_their_formats() {
        let cases = [
            ("date-time", "2024-05-01T10:00:00Z", "2024-05-01"),
            ("date", "2024-05-01", "2024-13-01"),
            ("duration", "1h30m", "soon"),
            ("duration", "3 days", "3 apples"),
            ("ipv4", "10.0.0.1", "10.0.0"),
            ("ipv6", "fe80::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("mac", "01:23:45:67:89:ab", "01:23"),
            ("uri", "https://example.com/a", "example com"),
            ("hostname", "db.example.com", "-db"),
            ("email", "a@example.com", "a"),
            ("uuid4", "2f5bcb6e-5d5c-4c3b-9a6d-0c6f3c1f2a10", "2f5bcb6e-5d5c-3c3b-9a6d-0c6f3c1f2a10"),
            ("byte", "aGVsbG8=", "not base64"),
        ];
        for (format, good, bad) in cases {
            assert!(is_of(format, good), "{format} {good}");
            assert!(!is_of(format, bad), "{format} {bad}");
        }
        assert!(is_of("anything", "x"));
    }
}
