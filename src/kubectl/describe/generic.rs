//! The description of kinds without one of their own: every field, under a readable label.

use serde_json::Value;

use super::Subject;
use super::page::Page;
use crate::kubectl::print::fields::Fields;

/// What is said before the fields, or to nobody.
const SKIPPED: [&str; 5] = [
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
];
/// Words that stay in capitals.
const ACRONYMS: [&str; 4] = ["API", "URL", "UID", "GUID"];

/// Any object.
pub fn any(page: &mut Page, subject: &Subject<'_>) {
    page.name_and_namespace(subject.value);
    page.labels_and_annotations(subject.value);
    fields(page, 0, subject.value, "");
}

fn fields(page: &mut Page, level: usize, value: &Value, prefix: &str) {
    for (field, value) in value.entries("").into_iter().flatten() {
        let path = format!("{prefix}.{field}");
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let label = label(field);
        match value {
            Value::Object(_) => {
                page.line(level, format!("{label}:"));
                fields(page, level + 1, value, &path);
            }
            Value::Array(items) => {
                page.line(level, format!("{label}:"));
                for item in items {
                    match item {
                        Value::Object(_) => fields(page, level + 1, item, &path),
                        other => page.line(level + 1, other.plain("")),
                    }
                }
            }
            Value::Null => page.field(level, &label, "<nil>"),
            other => page.field(level, &label, other.plain("")),
        }
    }
}

/// `lastTransitionTime` as `Last Transition Time` (`smartLabelFor`).
fn label(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.into();
    }
    let parts = joined(words(field)).into_iter().map(|word| {
        let upper = word.to_uppercase();
        if ACRONYMS.contains(&upper.as_str()) {
            return upper;
        }
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}", letters.as_str())
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// An acronym and what begins with a capital behind it are one word: the `CID` and `Rs` of `podCIDRs`.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut open = false;
    for word in words {
        let capital = word.starts_with(char::is_uppercase);
        let acronym = word.len() >= 2 && !word.contains(|c: char| c.is_alphabetic() && !c.is_uppercase());
        match joined.last_mut() {
            Some(before) if open && capital => {
                before.push_str(&word);
                open = false;
            }
            _ => {
                joined.push(word);
                open = acronym;
            }
        }
    }
    joined
}

/// The words of a name in camel case; a run of capitals is one, but for its last if a word begins there.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let class = |c: char| (c.is_uppercase(), c.is_alphabetic());
    let mut words: Vec<String> = Vec::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let next_is_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let begins = match before {
            None => true,
            Some(before) if class(before) == class(letter) => letter.is_uppercase() && next_is_lower,
            Some(before) => !(before.is_uppercase() && letter.is_lowercase()),
        };
        match words.last_mut() {
            Some(word) if !begins => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_made_of_the_words_of_a_field() {
        let cases = [
            ("lastTransitionTime", "Last Transition Time"),
            ("apiVersion", "API Version"),
            ("uid", "UID"),
            ("clusterIPs", "Cluster I Ps"),
            ("podCIDRs", "Pod CIDRs"),
            ("tlsURLPath", "Tls URLPath"),
            ("storage.kubernetes.io/x", "storage.kubernetes.io/x"),
        ];
        for (field, want) in cases {
            assert_eq!(label(field), want);
        }
    }
}
