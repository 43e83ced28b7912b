//! What the API server says of a manifest, and what it stores of it.
//!
//! A case is one command in a fresh cluster: `{id, cmd, manifest, first?, stdout, stderr, rc, novalidate?, stored?}`.
//! `first` is applied before; `novalidate` holds the answer to the same command with `--validate=false`, which is checked
//! too; `stored` is the object as `kubectl get -o json` then showed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::diff;
use super::normal::Normalizer;
use super::traces::cluster::{self, Size};
use crate::api::{Key, MetaExt, Object, typed};
use crate::clock::SimDuration;
use crate::scenario::steps::finish;
use crate::sim::{Input, Outcome, Simulation};

/// The namespace in which the commands were given.
const NAMESPACE: &str = "val";
/// The objects were read about this long after they were written.
const SETTLE: SimDuration = SimDuration::from_secs(2);
/// What hashes are written in.
const SAFE_LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";
/// Letters of a hash.
const HASH_LENS: std::ops::RangeInclusive<usize> = 8..=10;
/// Letters of a drawn name's end.
const SUFFIX_LEN: usize = 5;

/// Runs one case.
///
/// # Errors
/// Every difference, in words.
pub fn run_case(case: &Value) -> Result<(), Vec<String>> {
    let mut differences = Vec::new();
    for (answer, what) in [(case, ""), (&case["novalidate"], "novalidate: ")] {
        let missing = ["stdout", "stderr", "rc"].into_iter().filter(|name| answer[*name].is_null());
        differences
            .extend(missing.filter(|_| !answer.is_null()).map(|name| format!("{what}no {name} is recorded")));
    }
    let line = case["cmd"].as_str().unwrap_or("kubectl apply -f -");
    let mut simulation = prepared(case);
    let outcome = run(&mut simulation, line, case["manifest"].as_str());
    compare("", case, &outcome, &mut differences);
    if !case["stored"].is_null() {
        simulation.advance(simulation.now() + SETTLE, u64::MAX);
        compare_stored(case, &simulation, &mut differences);
    }
    if !case["novalidate"].is_null() {
        let line = format!("{line} --validate=false");
        let outcome = run(&mut prepared(case), &line, case["manifest"].as_str());
        compare("--validate=false: ", &case["novalidate"], &outcome, &mut differences);
    }
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

/// The recorded cluster, with the namespace and with what was there before.
fn prepared(case: &Value) -> Simulation {
    let mut simulation = cluster::simulation(Size::Large, 3, SimDuration::ZERO, NAMESPACE, false);
    if let Some(first) = case["first"].as_str() {
        run(&mut simulation, "kubectl apply -f -", Some(first));
        simulation.advance(simulation.now() + SETTLE, u64::MAX);
    }
    simulation
}

fn run(simulation: &mut Simulation, line: &str, stdin: Option<&str>) -> Outcome {
    let stdin = stdin.map(str::to_string);
    let outcome = simulation.submit(Input::Kubectl { line: line.into(), stdin, files: BTreeMap::new() });
    finish(simulation, outcome, SimDuration::from_secs(120))
}

fn compare(what: &str, recorded: &Value, outcome: &Outcome, differences: &mut Vec<String>) {
    let normal = Normalizer::default();
    let code = recorded["rc"].as_i64().unwrap_or_default();
    if code != i64::from(outcome.code) {
        differences.push(format!("{what}exit status: recorded {code}, here {}", outcome.code));
    }
    for (stream, ours) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let recorded = recorded[stream].as_str().unwrap_or_default();
        diff::texts(&format!("{what}{stream}"), &normal.text(recorded), &normal.text(ours), differences);
    }
}

/// The object was read at some moment of the first seconds: one of its versions is that which was recorded.
fn compare_stored(case: &Value, simulation: &Simulation, differences: &mut Vec<String>) {
    let recorded = &case["stored"];
    let text = |path: &str| recorded.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = simulation.view().kind_from_manifest(text("/apiVersion"), text("/kind")) else {
        differences.push(format!("stored: there is no kind {} {}", text("/apiVersion"), text("/kind")));
        return;
    };
    let key = Key::new(kind, text("/metadata/namespace"), text("/metadata/name"));
    let Some(ours) = find(simulation, &key) else {
        differences.push(format!("stored: there is no {key}"));
        return;
    };
    let normal = Normalizer::default();
    // Hashes of templates have other letters here.
    let stable = |object: &Value| without_hashes(&cluster::stable(object, &normal), text("/metadata/name"));
    let recorded = stable(recorded);
    let versions = simulation.api().store().since(0).filter(|change| change.key == ours.key());
    let differing = versions.filter_map(|change| change.after.as_ref()).map(|version| {
        let mut found = Vec::new();
        diff::values("stored", &recorded, &stable(&version.to_value()), &mut found);
        found
    });
    // Of versions that all differ, the nearest says most.
    let nearest = differing.min_by_key(|found| found.iter().map(|text| text.lines().count()).sum::<usize>());
    differences.extend(nearest.unwrap_or_default());
}

/// Replaces the hash behind `<name>-` in every text.
fn without_hashes(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(fields) => {
            typed::object(fields.iter().map(|(key, value)| (key.clone(), without_hashes(value, name))))
        }
        Value::Array(items) => items.iter().map(|item| without_hashes(item, name)).collect(),
        Value::String(text) => {
            let before = format!("{name}-");
            let mut parts = text.split(before.as_str());
            let mut out = parts.next().unwrap_or_default().to_string();
            for part in parts {
                let end = part.find(|c: char| !SAFE_LETTERS.contains(c)).unwrap_or(part.len());
                let is_hash = HASH_LENS.contains(&end);
                out.push_str(&before);
                out.push_str(if is_hash { "<hash>" } else { &part[..end] });
                out.push_str(&part[end..]);
            }
            out.into()
        }
        other => other.clone(),
    }
}

/// The object of that name, or the one whose drawn name shares all but the suffix.
fn find<'a>(simulation: &'a Simulation, key: &Key) -> Option<&'a Arc<Object>> {
    let base = key.name.get(..key.name.len().saturating_sub(SUFFIX_LEN)).filter(|base| base.ends_with('-'));
    let view = simulation.view();
    view.object(key).or_else(|| {
        let base = base?;
        view.objects(key.kind, Some(&key.namespace)).find(|object| object.name().starts_with(base))
    })
}
