//! The second column: what each object went through.
//!
//! Of every object: that it appeared, and whether it was gone at the end. Of Deployments and ReplicaSets also how many pods
//! they wanted, as the turning points of that number (3, 2, 1, 0 and 3, 1, 0 are the same way down), a Deployment's
//! revisions and the states of its conditions, and its extremes: how many pods it asked for at the most, and, once it had
//! all, how many were available at the least. How close a run comes to its bounds is a matter of timing, so ours may
//! go as far as its ceiling and its floor, or as the recording went, and no further.

use std::collections::BTreeMap;

use sorted::SortedMap;

use serde_json::Value;

use super::names::anonymous;
use super::replay::Replay;
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::{Deployment, Kind, MetaExt, Object};
use crate::apiserver::Change;
use crate::scenario::conform::normal::Normalizer;

/// Kinds that say nothing about what controllers did, or that not every recording follows.
const LEFT_OUT: [&str; 15] = [
    "APIService",
    "FlowSchema",
    "PriorityLevelConfiguration",
    "StorageClass",
    "PersistentVolume",
    "Namespace",
    "ConfigMap",
    "Node",
    "Event",
    "Lease",
    "Endpoints",
    "ServiceAccount",
    "PriorityClass",
    "Secret",
    "VolumeAttachment",
];

/// One write, as far as it matters here.
#[derive(Clone, Debug, Default)]
struct Row {
    kind: String,
    name: String,
    gone: bool,
    deleting: bool,
    wanted: Option<i64>,
    available: i64,
    /// The most pods and the fewest available ones that a rolling update allows.
    bounds: Option<(i64, i64)>,
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
    conditions: SortedMap<String, Vec<String>>,
    pods_max: i64,
    available_min: Option<i64>,
    complete: bool,
    ceiling: i64,
    floor: Option<i64>,
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

/// Whether an object that is there is marked for deletion: whether it is quite gone when a recording ends is chance.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Staying,
    Leaving,
}

/// How many pods the ReplicaSets of each Deployment ask for. A Deployment's own count lags behind and may say more.
#[derive(Default)]
struct Asked(SortedMap<String, SortedMap<String, i64>>);

impl Asked {
    /// Takes note of a ReplicaSet's row. Gives its Deployment and what all its ReplicaSets ask for together.
    fn observe(&mut self, row: &Row) -> Option<(String, i64)> {
        let (deployment, _) = row.name.split_once("-{rs").filter(|_| row.kind == "ReplicaSet")?;
        let sets = self.0.entry(format!("Deployment {deployment}")).or_default();
        sets.insert(row.name.clone(), row.wanted.filter(|_| !row.gone).unwrap_or_default());
        Some((format!("Deployment {deployment}"), sets.values().sum()))
    }
}

fn tracks(rows: impl Iterator<Item = Row>) -> SortedMap<String, Track> {
    let mut tracks: SortedMap<String, Track> = SortedMap::new();
    let mut present: SortedMap<String, Stage> = SortedMap::new();
    let mut asked = Asked::default();
    for row in rows.filter(|row| !LEFT_OUT.contains(&row.kind.as_str())) {
        if let Some((deployment, sum)) = asked.observe(&row) {
            let track = tracks.entry(deployment).or_default();
            track.pods_max = track.pods_max.max(sum);
        }
        let object = format!("{} {}", row.kind, anonymous(&row.name));
        let track = tracks.entry(object).or_default();
        let exact = format!("{} {}", row.kind, row.name);
        let leaving = row.gone || row.deleting;
        match (present.get(&exact), leaving) {
            (None, _) if row.gone => {}
            (None, _) => track.appeared += 1,
            (Some(Stage::Staying), true) => track.gone += 1,
            (Some(_), _) => {}
        }
        if row.gone {
            present.remove(&exact);
            continue;
        }
        present.insert(exact, if leaving { Stage::Leaving } else { Stage::Staying });
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
        if let Some((ceiling, floor)) = row.bounds {
            self.ceiling = self.ceiling.max(ceiling);
            self.floor = Some(self.floor.unwrap_or(i64::MAX).min(floor));
        }
        if row.kind == "Deployment" {
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
    if here.pods_max > recorded.pods_max.max(here.ceiling) {
        let bound = format!("{} (ceiling {})", recorded.pods_max, here.ceiling);
        check("pods asked for at the most", bound, here.pods_max.to_string());
    }
    let floor = recorded.available_min.into_iter().chain(here.floor).min();
    if let (Some(least), Some(floor)) = (here.available_min, floor.filter(|_| recorded.complete))
        && least < floor
    {
        check("available at the least", floor.to_string(), least.to_string());
    }
    check("once complete", recorded.complete.to_string(), here.complete.to_string());
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
        deleting: row["deleting"] == true,
        bounds: None,
        wanted: row["spec"].as_i64().filter(|_| scales),
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
    let deleting = change.after.as_ref().is_some_and(|object| object.is_deleting());
    let gone = change.after.is_none();
    let mut row = Row { kind: kind.name().into(), name, gone, deleting, ..Default::default() };
    let Some(object @ (Object::Deployment(_) | Object::ReplicaSet(_))) = change.after.as_deref() else {
        return row;
    };
    let value = object.to_value();
    let number = |path: &str| value.pointer(path).and_then(Value::as_i64);
    row.wanted = number("/spec/replicas");
    row.available = number("/status/availableReplicas").unwrap_or_default();
    if let Object::Deployment(deployment) = object {
        row.bounds = Some(bounds(deployment));
        let annotations = &value["metadata"]["annotations"];
        row.revision = annotations["deployment.kubernetes.io/revision"].as_str().map(str::to_string);
        let conditions = value["status"]["conditions"].as_array().into_iter().flatten();
        row.conditions = conditions.map(condition).collect();
    }
    row
}

/// The most pods and the fewest available ones that a Deployment's strategy allows. Recreate knows no floor.
fn bounds(deployment: &Deployment) -> (i64, i64) {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let strategy = deployment.spec.strategy.as_ref();
    let Some(rolling) = strategy.and_then(|strategy| strategy.rolling_update.as_ref()) else {
        return (wanted.into(), 0);
    };
    let surge = rolling.max_surge.as_ref().and_then(|surge| scaled(surge, wanted, Rounding::Up));
    let unavailable = rolling.max_unavailable.as_ref();
    let unavailable = unavailable.and_then(|unavailable| scaled(unavailable, wanted, Rounding::Down));
    let (surge, unavailable) = match (surge.unwrap_or(0), unavailable.unwrap_or(0)) {
        (0, 0) => (0, 1),
        bounds => bounds,
    };
    ((wanted + surge).into(), (wanted - unavailable).into())
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
