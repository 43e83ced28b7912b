//! A CertificateSigningRequest, with what the request in it says of its subject (RFC 2986).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Subject;
use super::page::{Page, rfc1123};
use crate::api::manifest::base64;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::request_status;

/// Attributes of a name that are lists: the last bytes of their object identifiers (2.5.4.x) and their labels.
const LISTS: [(u8, &str); 7] = [
    (10, "Organization"),
    (11, "Organizational Unit"),
    (6, "Country"),
    (7, "Locality"),
    (8, "Province"),
    (9, "StreetAddress"),
    (17, "PostalCode"),
];
/// Kinds of other names of a subject: their tags and their labels.
const OTHERS: [(u8, &str); 4] = [(2, "DNS Names"), (1, "Email Addresses"), (6, "URIs"), (7, "IP Addresses")];
/// 2.5.29.17, the extension of other names.
const OTHER_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];

/// `describeCertificateSigningRequest`.
pub fn request(page: &mut Page, subject: &Subject<'_>) {
    let request = subject.value;
    page.field(0, "Name", request.text("metadata.name"));
    page.labels_and_annotations(request);
    page.field(0, "CreationTimestamp", rfc1123(request.at("metadata.creationTimestamp")));
    page.field(0, "Requesting User", request.text("spec.username"));
    page.field(0, "Signer", request.text("spec.signerName"));
    if request.int("spec.expirationSeconds") > 0 {
        let seconds = request.int("spec.expirationSeconds").unsigned_abs();
        page.field(0, "Requested Duration", crate::clock::SimDuration::from_secs(seconds).human());
    }
    page.field(0, "Status", request_status(request));
    let names = read(request.text("spec.request")).unwrap_or_default();
    let of = |wanted: u8| {
        names.subject.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, text)| text.as_str())
    };
    page.put("Subject:\n");
    page.put(&format!("\tCommon Name:\t{}\n", of(3).next_back().unwrap_or_default()));
    page.put(&format!("\tSerial Number:\t{}\n", of(5).next_back().unwrap_or_default()));
    for (kind, label) in LISTS {
        list(page, label, &of(kind).collect::<Vec<_>>());
    }
    if !names.others.is_empty() {
        page.put("Subject Alternative Names:\n");
        for (kind, label) in OTHERS {
            let of_kind = names.others.iter().filter(|(tag, _)| *tag == kind);
            list(page, label, &of_kind.map(|(_, text)| text.as_str()).collect::<Vec<_>>());
        }
    }
}

fn list(page: &mut Page, label: &str, values: &[&str]) {
    if !values.is_empty() {
        page.put(&format!("\t{label}:\t{}\n", values.join("\n\t\t")));
    }
}

/// The names in a request, each with its kind.
#[derive(Default)]
struct Names {
    subject: Vec<(u8, String)>,
    others: Vec<(u8, String)>,
}

/// One element of DER: its tag and what is in it, and what comes after.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}

/// The elements within one.
fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, inside, after) = element(bytes)?;
        bytes = after;
        Some((tag, inside))
    })
}

fn read(request: &str) -> Option<Names> {
    let pem = base64::decode(request).ok()?;
    let pem = String::from_utf8(pem).ok()?;
    let (_, body) = pem.split_once("-----BEGIN CERTIFICATE REQUEST-----")?;
    let (body, _) = body.split_once("-----END")?;
    let plain: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = base64::decode(&plain).ok()?;
    let (_, whole, _) = element(&der)?;
    let (_, info, _) = element(whole)?;
    let parts: Vec<(u8, &[u8])> = elements(info).collect();
    let mut names = Names::default();
    // Version, subject, key, attributes.
    let [_, (_, subject), _, rest @ ..] = parts.as_slice() else { return None };
    for (_, set) in elements(subject) {
        for (_, pair) in elements(set) {
            let mut pair = elements(pair);
            let ((_, id), (_, text)) = (pair.next()?, pair.next()?);
            if let [0x55, 4, kind] = id {
                names.subject.push((*kind, String::from_utf8_lossy(text).into_owned()));
            }
        }
    }
    for (_, attributes) in rest {
        extensions(attributes, &mut names);
    }
    Some(names)
}

/// Attributes hold a list of extensions, each an identifier, perhaps a flag, and bytes.
fn extensions(attributes: &[u8], names: &mut Names) {
    for (_, attribute) in elements(attributes) {
        for (_, set) in elements(attribute).skip(1) {
            for (_, extension) in elements(set).flat_map(|(_, list)| elements(list)) {
                let parts: Vec<(u8, &[u8])> = elements(extension).collect();
                let is_names = parts.first().is_some_and(|(_, id)| *id == OTHER_NAMES);
                let Some((_, bytes)) = parts.last().filter(|_| is_names) else { continue };
                let list = element(bytes).map_or(&[][..], |(_, list, _)| list);
                names.others.extend(elements(list).map(|(tag, name)| (tag & 0x1f, other(tag & 0x1f, name))));
            }
        }
    }
}

fn other(kind: u8, bytes: &[u8]) -> String {
    match (kind, bytes.len()) {
        (7, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).unwrap_or_default()).to_string(),
        (7, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap_or_default()).to_string(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, inside: &[u8]) -> Vec<u8> {
        [&[tag, inside.len() as u8][..], inside].concat()
    }

    fn pair(kind: u8, text: &str) -> Vec<u8> {
        let pair = [der(6, &[0x55, 4, kind]), der(12, text.as_bytes())].concat();
        der(0x31, &der(0x30, &pair))
    }

    #[test]
    fn the_names_of_a_request_are_read() {
        let subject = der(0x30, &[pair(10, "devs"), pair(3, "ann")].concat());
        let others = [der(0x82, b"a.example"), der(0x87, &[10, 0, 0, 1])].concat();
        let extension = [der(6, &OTHER_NAMES), der(4, &der(0x30, &others))].concat();
        let attribute = [der(6, &[1]), der(0x31, &der(0x30, &der(0x30, &extension)))].concat();
        let info = [der(2, &[0]), subject, der(0x30, &[]), der(0xa0, &der(0x30, &attribute))].concat();
        let whole = der(0x30, &der(0x30, &info));
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            base64::encode(&whole)
        );
        let names = read(&base64::encode(pem.as_bytes())).unwrap();
        assert_eq!(names.subject, [(10, "devs".to_string()), (3, "ann".to_string())]);
        assert_eq!(names.others, [(2, "a.example".to_string()), (7, "10.0.0.1".to_string())]);
        assert!(read("bm90aGluZw==").is_none());
    }
}
