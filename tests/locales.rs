//! The message files say the same things in every language.

use std::collections::BTreeMap;

use sorted::SortedSet;

use serde_yaml::Value;

/// Messages by their full key.
fn messages(lang: &str) -> BTreeMap<String, String> {
    let path = format!("{}/locales/{lang}.yml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let tree: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut found = BTreeMap::new();
    collect(&tree, "", &mut found);
    found
}

fn collect(value: &Value, key: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Mapping(map) => map.iter().for_each(|(name, value)| {
            let name = name.as_str().expect("keys are words");
            let key = if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
            collect(value, &key, found);
        }),
        Value::String(text) => drop(found.insert(key.to_string(), text.clone())),
        _ => {}
    }
}

/// The names inside `%{…}`.
fn arguments(text: &str) -> SortedSet<&str> {
    text.split("%{").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

#[test]
fn every_message_exists_in_both_languages_with_the_same_arguments() {
    let (english, korean) = (messages("en"), messages("ko"));
    let keys = |messages: &BTreeMap<String, String>| messages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&english), keys(&korean));
    for (key, text) in &english {
        assert_eq!(arguments(text), arguments(&korean[key]), "{key}");
        assert!(!text.trim().is_empty() && !korean[key].trim().is_empty(), "{key} is empty");
    }
}

#[test]
fn a_particle_never_depends_on_what_is_filled_in() {
    // Which of the two forms is right depends on the sound before it, and that is not known here.
    let particles = ["은", "는", "이", "가", "을", "를", "와", "과", "으로", "로"];
    for (key, text) in messages("ko") {
        for after in text.split('}').skip(1) {
            let word: String = after.chars().take_while(|letter| ('가'..='힣').contains(letter)).collect();
            assert!(!particles.contains(&word.as_str()), "{key}: {text}");
            let both = ["(으)로", "은(는)", "이(가)", "을(를)", "와(과)"];
            assert!(!both.iter().any(|forms| after.starts_with(forms)), "{key}: {text}");
        }
    }
}

#[test]
fn every_sort_of_fix_has_its_sentence() {
    let english = messages("en");
    for sort in kubeviz::scheduler::whatif::sorts() {
        assert!(english.contains_key(&format!("fix.{sort}")), "{sort}");
    }
}

#[test]
fn every_message_that_the_page_names_exists() {
    let english = messages("en");
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui"))];
    let mut named = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // `tr!(lang, "key", …)`, on one line or several.
            for call in text.replace("include_str!(", "").split("tr!(").skip(1) {
                let Some(key) = call.split('"').nth(1).filter(|key| key.contains('.')) else { continue };
                named += 1;
                assert!(english.contains_key(key), "{}: {key}", path.display());
            }
        }
    }
    assert!(named > 100, "the messages were found: {named}");
}
