//! The second column: what each object went through.
//!
//! Of every object: that it appeared, and whether it was gone at the end. Of Deployments and ReplicaSets also how many pods
//! they wanted, as the turning points of that number (3, 2, 1, 0 and 3, 1, 0 are the same way down), a Deployment's
//! revisions and the states of its conditions, and for a Deployment its extremes: how many pods there were at the most, and,
//! once it had all, how many were available at the least.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::anonymous;
use super::replay::Replay;
use crate::api::{Kind, Object};
use crate::apiserver::Change;
use crate::scenario::conform::normal::Normalizer;

/// Kinds that say nothing about what controllers did, or that not every recording follows.
const LEFT_OUT: [&str; 7] =
    ["Namespace", "ConfigMap", "Node", "Event", "Lease", "Endpoints", "ServiceAccount"];

/// One write, as far as it matters here.
#[derive(Clone, Debug, Default)]
struct Row {
    kind: String,
    name: String,
    gone: bool,
    wanted: Option<i64>,
    pods: i64,
    available: i64,
    revision: Option<String>,
    /// Type to status and reason.
    conditions: BTreeMap<String, String>,
}

/// All that is compared of one object.
#[derive(Debug, Default, PartialEq)]
struct Track {
    appeared: u32,
    gone: u32,
    wanted: Vec<i64>,
    revisions: Vec<String>,
    conditions: BTreeMap<String, Vec<String>>,
    pods_max: i64,
    available_min: Option<i64>,
    complete: bool,
}

/// The differences between what the recorded objects and ours went through.
pub fn compare(case: &Value, replay: &Replay, theirs: &Normalizer, ours: &Normalizer) -> Vec<String> {
    let rows = case["timeline"].as_array().into_iter().flatten();
    let recorded = tracks(rows.map(|row| recorded_row(row, theirs)));
    let namespace = case["scenario"].as_str().unwrap_or_default();
    let changes = replay.simulation.api().store().since(replay.begin);
    let here =
        changes.filter(|change| &*change.key.namespace == namespace || change.key.namespace.is_empty());
    let here = tracks(here.map(|change| own_row(change, replay, ours)));
    let mut differences = Vec::new();
    for (object, track) in &recorded {
        match here.get(object) {
            Some(here) => compare_tracks(object, track, here, &mut differences),
            None => differences.push(format!("{object}: never appeared here")),
        }
    }
    for object in here.keys().filter(|object| !recorded.contains_key(*object)) {
        differences.push(format!("{object}: appeared here only"));
    }
    differences
}

fn tracks(rows: impl Iterator<Item = Row>) -> BTreeMap<String, Track> {
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    let mut present: BTreeMap<String, u32> = BTreeMap::new();
    for row in rows.filter(|row| !LEFT_OUT.contains(&row.kind.as_str())) {
        let object = format!("{} {}", row.kind, anonymous(&row.name));
        let track = tracks.entry(object).or_default();
        let exact = format!("{} {}", row.kind, row.name);
        if row.gone {
            track.gone += 1;
            present.remove(&exact);
            continue;
        }
        if present.insert(exact, 1).is_none() {
            track.appeared += 1;
        }
        track.add(row);
    }
    tracks
}

impl Track {
    fn add(&mut self, row: Row) {
        if let Some(wanted) = row.wanted {
            turn(&mut self.wanted, wanted);
        }
        if let Some(revision) = row.revision {
            push_new(&mut self.revisions, revision);
        }
        for (type_, state) in row.conditions {
            push_new(self.conditions.entry(type_).or_default(), state);
        }
        if row.kind == "Deployment" {
            self.pods_max = self.pods_max.max(row.pods);
            self.complete |= row.wanted == Some(row.available);
            if self.complete {
                self.available_min = Some(self.available_min.unwrap_or(i64::MAX).min(row.available));
            }
        }
    }
}

/// Keeps the turning points of a number.
fn turn(points: &mut Vec<i64>, next: i64) {
    match *points.as_slice() {
        [.., last] if last == next => {}
        [.., before, last] if (last - before).signum() == (next - last).signum() => {
            let end = points.len() - 1;
            points[end] = next;
        }
        _ => points.push(next),
    }
}

fn push_new(list: &mut Vec<String>, next: String) {
    if list.last() != Some(&next) {
        list.push(next);
    }
}

fn compare_tracks(object: &str, recorded: &Track, here: &Track, differences: &mut Vec<String>) {
    let mut check = |what: &str, recorded: String, here: String| {
        if recorded != here {
            differences.push(format!("{object}: {what}:\n    recorded {recorded}\n    here     {here}"));
        }
    };
    check("how many appeared", recorded.appeared.to_string(), here.appeared.to_string());
    check("how many were removed", recorded.gone.to_string(), here.gone.to_string());
    check("pods wanted, turning points", format!("{:?}", recorded.wanted), format!("{:?}", here.wanted));
    check("revisions", format!("{:?}", recorded.revisions), format!("{:?}", here.revisions));
    for (type_, states) in &recorded.conditions {
        let here = here.conditions.get(type_).cloned().unwrap_or_default();
        check(&format!("condition {type_}"), format!("{states:?}"), format!("{here:?}"));
    }
    for type_ in here.conditions.keys().filter(|type_| !recorded.conditions.contains_key(*type_)) {
        check(&format!("condition {type_}"), "never".into(), "set".into());
    }
    check("pods at the most", recorded.pods_max.to_string(), here.pods_max.to_string());
    let least = |track: &Track| track.available_min.map_or("never complete".into(), |min| min.to_string());
    check("available at the least", least(recorded), least(here));
}

fn recorded_row(row: &Value, normal: &Normalizer) -> Row {
    let kind = row["kind"].as_str().unwrap_or_default().to_string();
    let number = |field: &str| row[field].as_i64().unwrap_or_default();
    let scales = matches!(kind.as_str(), "Deployment" | "ReplicaSet");
    let conditions = row["conditions"].as_array().filter(|_| kind == "Deployment").into_iter().flatten();
    // Timelines carry numbered names already, other than of slices.
    let name = row["name"].as_str().unwrap_or_default();
    Row {
        name: if kind == "EndpointSlice" { normal.names(name) } else { name.to_string() },
        gone: row["ev"] == "DELETED",
        wanted: row["spec"].as_i64().filter(|_| scales),
        pods: number("replicas"),
        available: number("available"),
        revision: row["revision"].as_str().filter(|_| kind == "Deployment").map(str::to_string),
        conditions: conditions.map(condition).collect(),
        kind,
    }
}

fn condition(condition: &Value) -> (String, String) {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    (text("type").into(), format!("{} {}", text("status"), text("reason")))
}

fn own_row(change: &Change, replay: &Replay, normal: &Normalizer) -> Row {
    let kind = change.key.kind;
    let name = &*change.key.name;
    let name = match kind {
        Kind::ENDPOINT_SLICE => normal.names(name),
        _ => replay.names.numbered(name).to_string(),
    };
    let mut row = Row { kind: kind.name().into(), name, gone: change.after.is_none(), ..Default::default() };
    let Some(object @ (Object::Deployment(_) | Object::ReplicaSet(_))) = change.after.as_deref() else {
        return row;
    };
    let value = object.to_value();
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64);
    row.wanted = number("/spec/replicas");
    row.pods = number("/status/replicas").unwrap_or_default();
    row.available = number("/status/availableReplicas").unwrap_or_default();
    if kind == Kind::DEPLOYMENT {
        let annotations = &value["metadata"]["annotations"];
        row.revision = annotations["deployment.kubernetes.io/revision"].as_str().map(str::to_string);
        let conditions = value["status"]["conditions"].as_array().into_iter().flatten();
        row.conditions = conditions.map(condition).collect();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_one_direction_are_one_way() {
        let cases: [(&[i64], &[i64]); 4] =
            [(&[3, 2, 1, 0], &[3, 0]), (&[0, 1, 1, 3, 2, 2, 4], &[0, 3, 2, 4]), (&[5], &[5]), (&[], &[])];
        for (numbers, want) in cases {
            let mut points = Vec::new();
            numbers.iter().for_each(|number| turn(&mut points, *number));
            assert_eq!(points, want, "{numbers:?}");
        }
    }
}
