//! Rules that all kinds share: names, labels, counts.

use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::{Kind, MetaExt, Object};

const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                          and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                          '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                              must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
                              is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Whether the text is an RFC 1123 label.
pub fn is_dns_label(text: &str) -> bool {
    dns_label(text).is_none()
}

/// Why the text is no RFC 1123 label, if it is none.
pub fn dns_label(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 characters".into());
    }
    (!label_shaped(text)).then(|| LABEL_RULE.to_string())
}

/// Why the text is no RFC 1123 subdomain, if it is none.
pub fn dns_subdomain(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("must be no more than 253 characters".into());
    }
    (!text.split('.').all(label_shaped)).then(|| SUBDOMAIN_RULE.to_string())
}

fn label_shaped(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|b| plain(*b))
        && bytes.last().is_some_and(|b| plain(*b))
        && bytes.iter().all(|b| plain(*b) || *b == b'-')
}

/// The rules of metadata (`ValidateObjectMeta`): the name and the label keys and values.
pub fn validate_meta(object: &Object) -> Vec<FieldError> {
    let meta = Path::new("metadata");
    let name_path = meta.child("name");
    let name = object.name();
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push(FieldError::required(&name_path, "name or generateName is required"));
    } else {
        let wrong = match object.kind() {
            Kind::SERVICE | Kind::NAMESPACE => dns_label(name),
            Kind::ROLE | Kind::CLUSTER_ROLE | Kind::ROLE_BINDING | Kind::CLUSTER_ROLE_BINDING => None,
            _ => dns_subdomain(name),
        };
        errors.extend(wrong.map(|why| FieldError::invalid(&name_path, quoted(name), &why)));
    }
    for (key, value) in object.labels() {
        if let Some(why) = label_value(value) {
            errors.push(FieldError::invalid(&meta.child("labels"), quoted(value), &why));
        }
        if let Some(why) = qualified_name(key) {
            errors.push(FieldError::invalid(&meta.child("labels"), quoted(key), &why));
        }
    }
    errors
}

/// Why the text is no label value, if it is none.
pub fn label_value(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 bytes".into());
    }
    (!text.is_empty() && !word_shaped(text)).then(|| {
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
         an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            .to_string()
    })
}

/// Why the text is no label key, if it is none.
pub fn qualified_name(text: &str) -> Option<String> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    if prefix == Some("") {
        return Some("prefix part must be non-empty".into());
    }
    if let Some(why) = prefix.and_then(dns_subdomain) {
        return Some(format!("prefix part {why}"));
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 bytes".into());
    }
    (!word_shaped(name)).then(|| {
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
         (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            .to_string()
    })
}

fn word_shaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// A count that may not be below zero.
pub fn non_negative(path: &Path, value: Option<i32>) -> Vec<FieldError> {
    match value {
        Some(value) if value < 0 => {
            vec![FieldError::invalid(path, value, "must be greater than or equal to 0")]
        }
        _ => Vec::new(),
    }
}
