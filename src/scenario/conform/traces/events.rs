//! The third column: events. For each object the type, reason and message of its events, each once, in the order in which
//! they were first written; how often one was repeated is a matter of timing, and so is whether it was the eleventh of its
//! kind, at which recorders begin to combine similar events into one. Objects whose drawn names are equal but for their number (the pods of a ReplicaSet) are compared as a
//! collection, and a Deployment's scaling steps in one direction count as one.

use sorted::{SortedMap, SortedSet};

use serde_json::Value;

use super::names::anonymous;
use super::replay::Replay;
use crate::api::{Event, Key, Kind, MetaExt};
use crate::scenario::conform::normal::Normalizer;

/// Events of each object by its exact name: what is compared is the collection of such lists for each anonymous name.
type Lists = SortedMap<(String, String), Vec<String>>;

/// The differences between the recorded events and ours.
pub fn compare(case: &Value, replay: &Replay, theirs: &Normalizer, ours: &Normalizer) -> Vec<String> {
    let mut rows: Vec<Value> =
        case["events"].as_array().into_iter().flatten().flat_map(occurrences).collect();
    rows.sort_by_key(|row| row["rv"].as_u64());
    let timeline = case["timeline"].as_array().into_iter().flatten();
    let nodes: SortedSet<&str> =
        timeline.filter(|row| row["kind"] == "Node").filter_map(|row| row["name"].as_str()).collect();
    // Events of nodes are in `default`, where those of other scenarios' nodes are too.
    let followed =
        |row: &Value| row["kind"] != "Node" || nodes.contains(row["name"].as_str().unwrap_or_default());
    rows.retain(followed);
    let recorded = collect(rows.iter(), theirs);
    let namespace = case["scenario"].as_str().unwrap_or_default();
    let mut rows: Vec<Value> = own_events(replay, namespace).map(|event| row(event, replay)).collect();
    rows.retain(followed);
    let here = collect(rows.iter(), ours);
    let mut differences = Vec::new();
    let objects: SortedSet<&String> = recorded.keys().chain(here.keys()).collect();
    for object in objects {
        let none = Vec::new();
        let (recorded, here) = (recorded.get(object).unwrap_or(&none), here.get(object).unwrap_or(&none));
        if recorded != here {
            differences.push(describe(object, recorded, here));
        }
    }
    differences
}

/// A recorded event as it was at each of its writes: `occurrences` holds `[revision, time, count, message]`.
fn occurrences(event: &Value) -> Vec<Value> {
    let writes = event["occurrences"].as_array().into_iter().flatten();
    let each: Vec<Value> = writes
        .map(|write| {
            let mut event = event.clone();
            event["rv"] = write[0].clone();
            event["message"] = write[3].clone();
            event
        })
        .collect();
    if each.is_empty() { vec![event.clone()] } else { each }
}

/// Every write of our events, in order.
fn own_events<'a>(replay: &'a Replay, namespace: &'a str) -> impl Iterator<Item = &'a Event> {
    let changes = replay.simulation.api().store().since(replay.begin);
    let inside = move |key: &Key| {
        key.kind == Kind::EVENT && (&*key.namespace == namespace || &*key.namespace == "default")
    };
    let events = changes.filter(move |change| inside(&change.key));
    let events = events.filter_map(|change| change.after.as_ref()?.as_kind::<Event>());
    let of_node = |event: &Event| event.spec.involved_object.kind.as_deref() == Some("Node");
    events.filter(move |event| event.namespace() == namespace || of_node(event))
}

/// One of our events in the shape of a recorded one.
fn row(event: &Event, replay: &Replay) -> Value {
    let about = &event.spec.involved_object;
    let name = about.name.as_deref().unwrap_or_default();
    serde_json::json!({
        "kind": about.kind,
        "name": replay.names.numbered(name),
        "type": event.spec.type_,
        "reason": event.spec.reason,
        "message": event.spec.message,
        "reportingComponent": event.spec.reporting_component,
    })
}

/// For each anonymous object, its lists of events, sorted.
fn collect<'a>(
    rows: impl Iterator<Item = &'a Value>,
    normal: &Normalizer,
) -> SortedMap<String, Vec<Vec<String>>> {
    let mut lists: Lists = SortedMap::new();
    let mut seen: SortedSet<[String; 4]> = SortedSet::new();
    for row in rows {
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        let key = (text("kind").to_string(), text("name").to_string());
        let message = text("message");
        let message = message.strip_prefix("(combined from similar events): ").unwrap_or(message);
        let repeated = [key.0.clone(), key.1.clone(), text("reason").into(), message.into()];
        if !seen.insert(repeated) {
            continue;
        }
        let message = anonymous(&normal.text(message));
        let message = match text("reason") {
            "Scheduled" => without_node(&message),
            // Which budget is chosen is, in the event's own word, arbitrary.
            "MultiplePodDisruptionBudgets" => message.split(" Chose ").next().unwrap_or_default().into(),
            _ => message,
        };
        let list = lists.entry(key).or_default();
        let line = format!("{} {}: {message}", text("type"), text("reason"));
        match merged(list, &line) {
            // How often something was tried in vain is a matter of timing, even if it bore another name each time.
            _ if text("type") == "Warning" && list.contains(&line) => {}
            Some((index, merged)) => list[index] = merged,
            None => list.push(line),
        }
    }
    let mut objects: SortedMap<String, Vec<Vec<String>>> = SortedMap::new();
    for ((kind, name), mut list) in lists {
        // Pods are created a batch at a time: whether one is refused before or after the others are made is chance.
        list.sort_by_key(|line| line.starts_with("Warning FailedCreate: "));
        objects.entry(format!("{kind} {}", anonymous(&name))).or_default().push(list);
    }
    objects.values_mut().for_each(|lists| lists.sort());
    objects
}

fn without_node(message: &str) -> String {
    message
        .rsplit_once(" to ")
        .map_or_else(|| message.to_string(), |(before, _)| format!("{before} to <node>"))
}

/// If `line` carries on a scaling of the same ReplicaSet in the same direction: where that stands, and the two as one.
fn merged(list: &[String], line: &str) -> Option<(usize, String)> {
    let (what, from, to) = scaling(line)?;
    let index =
        list.iter().rposition(|earlier| scaling(earlier).is_some_and(|(subject, ..)| subject == what))?;
    let (_, start, end) = scaling(&list[index])?;
    (end == from).then(|| (index, format!("{what} from {start} to {to}")))
}

/// `(Normal ScalingReplicaSet: Scaled up replica set web-{rs1}, 1, 2)`.
fn scaling(line: &str) -> Option<(&str, &str, &str)> {
    if !line.contains(" ScalingReplicaSet: ") {
        return None;
    }
    let (what, counts) = line.split_once(" from ")?;
    let (from, to) = counts.split_once(" to ")?;
    Some((what, from, to))
}

fn describe(object: &str, recorded: &[Vec<String>], here: &[Vec<String>]) -> String {
    let only = |these: &[Vec<String>], those: &[Vec<String>], who: &str| -> String {
        let mut rest = those.to_vec();
        let mut text = String::new();
        for list in these {
            match rest.iter().position(|other| other == list) {
                Some(index) => {
                    rest.remove(index);
                }
                None => text.push_str(&format!("\n    {who} {}", list.join("\n             "))),
            }
        }
        text
    };
    format!("{object}:{}{}", only(recorded, here, "recorded"), only(here, recorded, "here    "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scaling_in_one_direction_is_one_step() {
        let scale = |message: &str| {
            let reason = "ScalingReplicaSet";
            json!({"kind": "Deployment", "name": "web", "type": "Normal", "reason": reason, "message": message})
        };
        let steps = [
            scale("Scaled up replica set b from 0 to 1"),
            scale("Scaled down replica set a from 3 to 2"),
            scale("Scaled up replica set b from 1 to 3"),
            scale("Scaled down replica set a from 2 to 0"),
        ];
        let found = collect(steps.iter(), &Normalizer::default());
        let want = [
            "Normal ScalingReplicaSet: Scaled up replica set b from 0 to 3",
            "Normal ScalingReplicaSet: Scaled down replica set a from 3 to 0",
        ];
        assert_eq!(found["Deployment web"], [want.map(str::to_string).to_vec()]);
    }

    #[test]
    fn pods_of_one_set_are_compared_as_a_collection() {
        let event = |pod: &str| {
            let message = format!("Successfully assigned x/{pod} to node-1");
            json!({"kind": "Pod", "name": pod, "type": "Normal", "reason": "Scheduled", "message": message})
        };
        let one = [event("a-{p1}"), event("a-{p2}")];
        let other = [event("a-{p4}"), event("a-{p3}")];
        let normal = Normalizer::default();
        assert_eq!(collect(one.iter(), &normal), collect(other.iter(), &normal));
    }
}
