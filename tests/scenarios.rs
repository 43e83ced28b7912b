//! Plays every scenario under `tests/scenarios` and compares its transcript with the one beside it. Every expectation of a
//! scenario must hold, whatever its transcript says.
//!
//! `UPDATE=1 cargo test --test scenarios` rewrites the transcripts. Read the difference, and commit it only if you can say
//! of every changed line why it changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kubeviz::clock::SimDuration;
use kubeviz::scenario::run::Manifest;
use kubeviz::scenario::{Scenario, picture, steps};
use kubeviz::sim::Config;

#[test]
fn every_scenario_plays_as_written() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut complaints = Vec::new();
    let scenarios = scenarios();
    assert!(!scenarios.is_empty(), "there are scenarios");
    for path in scenarios {
        let (scenario, files) = load(&path);
        let played = steps::play(&scenario, &files);
        complaints.extend(played.failures.iter().map(|failure| format!("{}: {failure}", path.display())));
        let out = path.with_extension("out");
        if update {
            fs::write(&out, &played.transcript).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
        } else if let Some(complaint) = compare(&out, &played.transcript) {
            complaints.push(complaint);
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_scenario_plays_the_same_twice() {
    for path in scenarios().into_iter().take(4) {
        let (scenario, files) = load(&path);
        let digest = || steps::play(&scenario, &files).simulation.digest();
        assert_eq!(digest(), digest(), "{}", path.display());
    }
}

/// The poster of the example course page shows what its first figure leads to.
#[test]
fn the_example_page_s_poster_is_what_its_manifest_draws() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
    let page = read(&root.join("embed-example.html"));
    let inline = page.split_once("application/yaml\">\n").and_then(|(_, rest)| rest.split_once("</script>"));
    let text = inline.expect("the page has a manifest").0.to_string();
    let indent = text.len() - text.trim_start().len();
    let text: String = text.lines().filter_map(|line| Some(format!("{}\n", line.get(indent..)?))).collect();
    let manifest = [Manifest { name: "embed-example.html".into(), text }];
    let drawn = picture::run(Config::small(7), &manifest, SimDuration::from_secs(600), 800)
        .expect("the manifest is applied");
    let poster = root.join("embed-example.svg");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&poster, &drawn).expect("the poster can be written");
    }
    assert_eq!(read(&poster), drawn, "UPDATE=1 draws it anew");
}

fn load(path: &Path) -> (Scenario, BTreeMap<String, String>) {
    let scenario = Scenario::parse(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let files = scenario.files().map(|file| (file.to_string(), read(&folder.join(file)))).collect();
    (scenario, files)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first line in which a transcript differs from the one on file.
fn compare(out: &Path, transcript: &str) -> Option<String> {
    let recorded = fs::read_to_string(out).unwrap_or_default();
    if recorded == transcript {
        return None;
    }
    let (mut left, mut right) = (recorded.lines(), transcript.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (recorded, now) = (left.next(), right.next());
        if recorded != now || recorded.is_none() {
            let shown = |line: Option<&str>| line.unwrap_or("(no line)").to_string();
            return Some(format!(
                "{}:{number}: the transcript differs; UPDATE=1 rewrites it\n  was {}\n  now {}",
                out.display(),
                shown(recorded),
                shown(now)
            ));
        }
    }
}

/// Every scenario, sorted.
fn scenarios() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("tests/scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
