//! The files that a command may name, by their paths: one, those of a folder, those that a pattern means. Folders are but the
//! beginnings of files' names.

use std::collections::BTreeMap;

use crate::api::sorting;

/// The files by their paths, as an invocation has them.
pub type Files = BTreeMap<String, String>;

/// What kubectl takes for manifests in a folder.
const MANIFESTS: [&str; 3] = [".json", ".yaml", ".yml"];

/// A path without `.`, `..` and slashes at its ends.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The file at a cleaned path.
pub fn file<'f>(path: &str, files: &'f Files) -> Option<&'f String> {
    files.get(path).or_else(|| files.iter().find(|(name, _)| clean(name) == path).map(|(_, text)| text))
}

/// The manifests of a folder, in the order in which a walk comes upon them; those further down only where `deep`. Nothing where
/// there is no such folder.
pub fn manifests<'f>(folder: &str, deep: bool, files: &'f Files) -> Option<Vec<(String, &'f String)>> {
    let folder = clean(folder);
    let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let all = files.iter().map(|(name, text)| (clean(name), text));
    let mut inside: Vec<(String, &String)> = all.filter(|(name, _)| name.starts_with(&below)).collect();
    if inside.is_empty() {
        return None;
    }
    inside.retain(|(name, _)| {
        let own = &name[below.len()..];
        (deep || !own.contains('/')) && MANIFESTS.iter().any(|end| own.ends_with(end))
    });
    let parts = |name: &str| name.split('/').map(str::to_string).collect::<Vec<_>>();
    sorting::sort_by_key(&mut inside, |(name, _)| parts(name));
    inside.dedup_by(|one, other| one.0 == other.0);
    Some(inside)
}

/// The files that a pattern of Go's `filepath.Glob` means, of which `*` and `?` are known.
pub fn matching<'f>(pattern: &str, files: &'f Files) -> Vec<(String, &'f String)> {
    let pattern = clean(pattern);
    let wanted: Vec<&str> = pattern.split('/').collect();
    let fits = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        parts.len() == wanted.len()
            && wanted.iter().zip(parts).all(|(pattern, part)| is_like(pattern.as_bytes(), part.as_bytes()))
    };
    let all = files.iter().map(|(name, text)| (clean(name), text));
    let mut found: Vec<(String, &String)> = all.filter(|(name, _)| fits(name)).collect();
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    // Where the last star stood, and how much of the text it stands for so far.
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(b'?') => (at, from) = (at + 1, from + 1),
            Some(letter) if *letter == text[from] => (at, from) = (at + 1, from + 1),
            _ => match star {
                Some((place, begun)) => {
                    star = Some((place, begun + 1));
                    (at, from) = (place + 1, begun + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        names.iter().map(|name| (name.to_string(), format!("text of {name}"))).collect()
    }

    #[test]
    fn a_folder_has_its_manifests_in_the_order_of_a_walk() {
        let all = files(&[
            "./k8s/b.yaml",
            "k8s/a.yml",
            "k8s/readme.md",
            "k8s/a/c.json",
            "k8s-old/d.yaml",
            "e.yaml",
        ]);
        let names = |folder: &str, deep: bool| {
            let found = manifests(folder, deep, &all)?;
            Some(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" "))
        };
        let cases = [
            ("k8s", false, Some("k8s/a.yml k8s/b.yaml")),
            ("./k8s/", true, Some("k8s/a/c.json k8s/a.yml k8s/b.yaml")),
            (".", false, Some("e.yaml")),
            ("k8s/a", false, Some("k8s/a/c.json")),
            ("k8", false, None),
            ("nowhere", true, None),
        ];
        for (folder, deep, want) in cases {
            assert_eq!(names(folder, deep).as_deref(), want, "{folder} {deep}");
        }
    }

    #[test]
    fn a_pattern_means_files_of_one_folder() {
        let all = files(&["k8s/web.yaml", "k8s/db.yaml", "k8s/sub/x.yaml", "web.json"]);
        let cases = [
            ("k8s/*.yaml", "k8s/db.yaml k8s/web.yaml"),
            ("./k8s/w?b.y*l", "k8s/web.yaml"),
            ("*/*/*", "k8s/sub/x.yaml"),
            ("*", "web.json"),
            ("*.txt", ""),
        ];
        for (pattern, want) in cases {
            let found: Vec<String> = matching(pattern, &all).into_iter().map(|(name, _)| name).collect();
            assert_eq!(found.join(" "), want, "{pattern}");
        }
    }
}
