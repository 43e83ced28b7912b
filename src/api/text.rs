//! Rules on texts: names, labels, keys, addresses (`k8s.io/apimachinery/pkg/util/validation`).

use std::net::IpAddr;

/// A rule gives the reasons why a text breaks it.
pub type Rule = fn(&str) -> Vec<String>;

/// What a text may consist of: its first, inner and last bytes.
struct Shape {
    first: fn(u8) -> bool,
    inner: fn(u8) -> bool,
    last: fn(u8) -> bool,
}

impl Shape {
    fn fits(&self, text: &str) -> bool {
        match text.as_bytes() {
            [] => false,
            [only] => (self.first)(*only) && (self.last)(*only),
            [first, inner @ .., last] => {
                (self.first)(*first) && (self.last)(*last) && inner.iter().all(|b| (self.inner)(*b))
            }
        }
    }
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

const LABEL: Shape = Shape { first: lower, inner: |b| lower(b) || b == b'-', last: lower };
const LABEL_1035: Shape =
    Shape { first: |b| b.is_ascii_lowercase(), inner: |b| lower(b) || b == b'-', last: lower };
const WORD: Shape = Shape { first: word, inner: |b| word(b) || matches!(b, b'-' | b'_' | b'.'), last: word };

const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                          and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                          '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_RULE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                               character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
                               validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                              must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                              is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD_RULE: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist \
                             of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. \
                             '*.example.com', regex used for validation is \
                             '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                              character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                              '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                                start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
                                used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn at_most(max: usize, text: &str, unit: &str) -> Vec<String> {
    if text.len() > max { vec![format!("must be no more than {max} {unit}")] } else { Vec::new() }
}

fn unless(fits: bool, why: &str, reasons: &mut Vec<String>) {
    if !fits {
        reasons.push(why.to_string());
    }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(|part| LABEL.fits(part))
}

/// An RFC 1123 label.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut reasons = at_most(63, text, "characters");
    let why = if is_subdomain(text) { "must not contain dots" } else { LABEL_RULE };
    unless(LABEL.fits(text), why, &mut reasons);
    reasons
}

/// An RFC 1123 label that begins with a letter.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let mut reasons = at_most(63, text, "characters");
    unless(LABEL_1035.fits(text), LABEL_1035_RULE, &mut reasons);
    reasons
}

/// An RFC 1123 subdomain.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let mut reasons = at_most(253, text, "characters");
    unless(is_subdomain(text), SUBDOMAIN_RULE, &mut reasons);
    reasons
}

/// `*.` and a subdomain.
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    let mut reasons = at_most(253, text, "characters");
    unless(text.strip_prefix("*.").is_some_and(is_subdomain), WILDCARD_RULE, &mut reasons);
    reasons
}

/// A subdomain that may hold underscores: search paths of DNS.
pub fn dns_subdomain_with_underscore(text: &str) -> Vec<String> {
    const RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must \
                        start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                        '[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
    const SHAPE: Shape = Shape { first: lower, inner: |b| lower(b) || matches!(b, b'-' | b'_'), last: lower };
    let mut reasons = at_most(253, text, "characters");
    unless(text.split('.').all(|part| SHAPE.fits(part)), RULE, &mut reasons);
    reasons
}

/// The name of something that RBAC names: one element of a path.
pub fn path_segment(text: &str) -> Vec<String> {
    match text {
        "." | ".." => vec![format!("may not be '{text}'")],
        _ => ["/", "%"]
            .iter()
            .filter(|part| text.contains(**part))
            .map(|part| format!("may not contain '{part}'"))
            .collect(),
    }
}

/// The value of a label.
pub fn label_value(text: &str) -> Vec<String> {
    let mut reasons = at_most(63, text, "bytes");
    unless(text.is_empty() || WORD.fits(text), LABEL_VALUE_RULE, &mut reasons);
    reasons
}

/// The key of a label: a name, after a domain and a slash or alone.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        ["", name] => {
            reasons.push("prefix part must be non-empty".to_string());
            name
        }
        [prefix, name] => {
            reasons.extend(dns_subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {QUALIFIED_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        reasons.push("name part must be non-empty".to_string());
    } else if name.len() > 63 {
        reasons.push("name part must be no more than 63 bytes".to_string());
    }
    if !WORD.fits(name) {
        reasons.push(format!("name part {QUALIFIED_RULE}"));
    }
    reasons
}

/// The key of an annotation.
pub fn annotation_key(text: &str) -> Vec<String> {
    qualified_name(&text.to_lowercase())
}

/// The name of a container's port.
pub fn port_name(text: &str) -> Vec<String> {
    let mut reasons = at_most(15, text, "characters");
    let plain = !text.is_empty() && text.bytes().all(|b| lower(b) || b == b'-');
    unless(plain, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)", &mut reasons);
    let letter = text.bytes().any(|b| b.is_ascii_lowercase());
    unless(letter, "must contain at least one letter (a-z)", &mut reasons);
    unless(!text.contains("--"), "must not contain consecutive hyphens", &mut reasons);
    let hyphen_end = text.starts_with('-') || text.ends_with('-');
    unless(!hyphen_end, "must not begin or end with a hyphen", &mut reasons);
    reasons
}

/// The name of an environment variable.
pub fn env_var_name(text: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    unless(!text.is_empty(), "environment variable name must be non-empty", &mut reasons);
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=');
    unless(
        printable,
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
        &mut reasons,
    );
    reasons
}

/// The name of a user of Windows, after a domain and a backslash or alone.
pub fn windows_user_name(text: &str) -> Vec<String> {
    let say = |why: &str| format!("runAsUserName{why}");
    let mut parts = text.split('\\');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    if text.is_empty() {
        return vec![say(" cannot be an empty string")];
    } else if text.bytes().any(|b| b.is_ascii_control()) {
        return vec![say(" cannot contain control characters")];
    } else if parts.next().is_some() {
        return vec![say(" cannot contain more than one backslash")];
    }
    let (domain, user) = second.map_or((None, first), |user| (Some(first), user));
    let mut reasons = Vec::new();
    if let Some(domain) = domain {
        unless(domain.len() < 256, &say("'s Domain length must be under 256 characters"), &mut reasons);
        let net_bios = (1..=15).contains(&domain.chars().count())
            && !domain.starts_with('.')
            && !domain.contains(|c| "/:*?\"<>|".contains(c));
        let lower = domain.to_ascii_lowercase();
        let dns = lower.split('.').all(|part| part.len() <= 63 && LABEL.fits(part));
        unless(net_bios || dns, &say("'s Domain doesn't match the NetBios nor the DNS format"), &mut reasons);
    }
    if user.is_empty() {
        reasons.push(say("'s User cannot be empty"));
    } else {
        unless(
            user.len() <= 104,
            &say("'s User length must not be longer than 104 characters"),
            &mut reasons,
        );
        let dots = user.bytes().all(|b| matches!(b, b'.' | b' '));
        unless(!dots, &say("'s User cannot contain only periods or spaces"), &mut reasons);
    }
    let odd = user.contains(|c| "\"/:;|=,+*?<>@[]".contains(c));
    unless(!odd, &say("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"), &mut reasons);
    reasons
}

/// A key of a ConfigMap or Secret.
pub fn config_map_key(text: &str) -> Vec<String> {
    let mut reasons = at_most(253, text, "characters");
    let fits = !text.is_empty() && text.bytes().all(|b| word(b) || matches!(b, b'-' | b'.' | b'_'));
    unless(
        fits,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or \
         'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        &mut reasons,
    );
    match text {
        "." | ".." => reasons.push(format!("must not be '{text}'")),
        _ => unless(!text.starts_with(".."), "must not start with '..'", &mut reasons),
    }
    reasons
}

/// The name of an HTTP header.
pub fn http_header_name(text: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    unless(
        !text.is_empty() && text.bytes().all(|b| word(b) || b == b'-'),
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is \
         '[-A-Za-z0-9]+')",
        &mut reasons,
    );
    reasons
}

/// `25%`.
pub fn percent(text: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    let digits = text.strip_suffix('%').unwrap_or_default();
    unless(
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for \
         validation is '[0-9]+%')",
        &mut reasons,
    );
    reasons
}

/// Says what is wrong with an address or a range that can be read, strictly (`StrictIPCIDRValidation`).
fn strict(address: IpAddr, has_zeros: bool, zeros: &str, mapped: &str) -> Option<String> {
    let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    [(has_zeros, zeros), (is_mapped, mapped)].into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why.into())
}

/// An address as it was once read, where zeros might lead; and whether some do.
pub fn sloppy_ip(text: &str) -> Option<(IpAddr, bool)> {
    if let Ok(address) = text.parse() {
        return Some((address, false));
    }
    let bare = |part: &str| part.trim_start_matches('0').to_string();
    let parts: Vec<String> = text.split('.').map(bare).collect();
    let parts = parts.iter().map(|part| if part.is_empty() { "0" } else { part });
    let is_decimal = text.split('.').all(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(".").parse().ok().filter(|_| is_decimal).map(|address| (address, true))
}

/// An IP address of either family.
pub fn ip(text: &str) -> Vec<String> {
    let Some((address, has_zeros)) = sloppy_ip(text) else {
        return vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".into()];
    };
    let why =
        strict(address, has_zeros, "must not have leading 0s", "must not be an IPv4-mapped IPv6 address");
    why.into_iter().collect()
}

/// A range of addresses.
pub fn cidr(text: &str) -> Vec<String> {
    let (before, length) = text.split_once('/').unwrap_or((text, ""));
    let bare = length.trim_start_matches('0');
    let bare = if bare.is_empty() && !length.is_empty() { "0" } else { bare };
    let read = sloppy_ip(before).and_then(|(address, has_zeros)| {
        let (address, length) = parse_cidr(&format!("{address}/{bare}"))?;
        Some((address, length, has_zeros))
    });
    let Some((address, bits, has_zeros)) = read else {
        return vec!["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)".into()];
    };
    let zeros = "must not have leading 0s in IP or prefix length";
    let why =
        strict(address, has_zeros || bare != length, zeros, "must not have an IPv4-mapped IPv6 address");
    let rest = match address {
        IpAddr::V4(v4) => u32::from(v4).checked_shl(bits).is_some_and(|rest| rest != 0),
        IpAddr::V6(v6) => u128::from(v6).checked_shl(bits).is_some_and(|rest| rest != 0),
    };
    let why = why.or_else(|| rest.then(|| "must not have bits set beyond the prefix length".into()));
    why.into_iter().collect()
}

/// The address and the length of a range.
pub fn parse_cidr(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    let plain = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length: u32 = length.parse().ok().filter(|length| plain && *length <= max)?;
    Some((address, length))
}

/// Whether somebody other than Kubernetes defines the resource (`IsExtendedResourceName`); the name itself is taken to be valid.
pub fn is_extended_resource(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, text: &str, want: &[&str]) {
        let got = rule(text);
        assert_eq!(got.len(), want.len(), "{text:?}: {got:?}");
        for (got, want) in got.iter().zip(want) {
            assert!(got.starts_with(want), "{text:?}: {got}");
        }
    }

    #[test]
    fn texts_are_refused_for_every_reason() {
        check(dns_label, "web-1", &[]);
        check(dns_label, "a.b", &["must not contain dots"]);
        check(dns_label, "A.b", &["a lowercase RFC 1123 label"]);
        check(dns_label, &"A".repeat(64), &["must be no more than 63", "a lowercase"]);
        check(dns_1035_label, "1a", &["a DNS-1035 label"]);
        check(dns_subdomain, "a.b-c.d", &[]);
        check(dns_subdomain, "a..b", &["a lowercase RFC 1123 subdomain"]);
        check(ip, "10.1.2.3", &[]);
        check(ip, "2001:db8::1", &[]);
        check(ip, "010.1.2.3", &["must not have leading 0s"]);
        check(ip, "::ffff:1.2.3.4", &["must not be an IPv4-mapped IPv6 address"]);
        check(ip, "300.1.2.3", &["must be a valid IP address"]);
        check(ip, "", &["must be a valid IP address"]);
        check(cidr, "10.0.0.0/8", &[]);
        check(cidr, "0.0.0.0/0", &[]);
        check(cidr, "10.1.2.3/32", &[]);
        check(cidr, "2001:db8::/64", &[]);
        check(cidr, "10.0.0.1/8", &["must not have bits set beyond the prefix length"]);
        check(cidr, "10.0.0.0/08", &["must not have leading 0s in IP or prefix length"]);
        check(cidr, "010.0.0.0/8", &["must not have leading 0s in IP or prefix length"]);
        check(cidr, "10.0.0.0/33", &["must be a valid CIDR value"]);
        check(cidr, "10.0.0.0", &["must be a valid CIDR value"]);
        check(wildcard_subdomain, "*.a.b", &[]);
        check(wildcard_subdomain, "*.", &["a wildcard"]);
        check(qualified_name, "a.b/c_D", &[]);
        check(qualified_name, "a/b/c", &["a qualified name must consist"]);
        check(qualified_name, "/", &["prefix part must be", "name part must be non-empty", "name part must"]);
        check(label_value, "", &[]);
        check(label_value, "a b", &["a valid label"]);
        check(port_name, "http-2", &[]);
        check(port_name, "-8080--", &["must contain at least", "must not contain", "must not begin"]);
        check(env_var_name, "a b", &[]);
        check(env_var_name, "", &["environment variable name"]);
        check(config_map_key, "..a", &["must not start with"]);
        check(config_map_key, "a b", &["a valid config key"]);
        check(percent, "5%", &[]);
        check(percent, "%", &["a valid percent"]);
        check(ip, "::1", &[]);
        check(ip, "1.2.3", &["must be a valid IP"]);
        check(cidr, "10.0.0.0/8", &[]);
        check(cidr, "10.0.0.0/33", &["must be a valid CIDR"]);
        check(path_segment, "a/b%", &["may not contain '/'", "may not contain '%'"]);
    }
}
