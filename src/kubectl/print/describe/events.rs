//! The events of an object, as the last section of its description.

use serde_json::Value;

use super::Context;
use super::doc::Doc;
use crate::api::{Event, MetaExt, sorting};
use crate::clock::SimTime;
use crate::kubectl::print::fields::text;

/// When an event first and last happened, and how often.
pub struct Occurrence {
    /// The first time.
    pub first: SimTime,
    /// The last time.
    pub last: SimTime,
    /// How many times; at least one.
    pub count: i32,
}

/// What an event says of its own times.
pub fn occurrence(event: &Event) -> Occurrence {
    let fields = &event.spec;
    let noted = fields.event_time.as_ref().map(SimTime::from_micro_time);
    let first = fields.first_timestamp.as_ref().map(SimTime::from_time).or(noted);
    let first = first.unwrap_or_else(|| event.created());
    let last = fields.last_timestamp.as_ref().map(SimTime::from_time).unwrap_or(first);
    Occurrence { first, last, count: fields.count.unwrap_or(1) }
}

/// `12s`, or `3s (x4 over 12s)` if it happened more than once.
pub fn interval(event: &Event, now: SimTime) -> String {
    let Occurrence { first, last, count } = occurrence(event);
    let seen = now.since(last).human();
    if count > 1 { format!("{seen} (x{count} over {})", now.since(first).human()) } else { seen }
}

/// Writes the section, unless events are not wanted.
pub fn describe(doc: &mut Doc, object: &Value, context: &Context<'_>) {
    if !context.events {
        return;
    }
    let (uid, namespace) = (text(object, "metadata.uid"), text(object, "metadata.namespace"));
    let namespace = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    // Nodes are known to events by name.
    let name = text(object, "metadata.name");
    let is_node = object["kind"] == "Node";
    let about = |event: &&Event| {
        let subject = &event.spec.involved_object;
        let same = subject.uid.as_deref() == Some(uid.as_str());
        same || is_node
            && subject.kind.as_deref() == Some("Node")
            && subject.uid.as_deref() == Some(name.as_str())
    };
    let mut events: Vec<&Event> = context.view.list::<Event>(namespace).filter(about).collect();
    if events.is_empty() {
        doc.field("Events", "<none>");
        return;
    }
    sorting::sort_by_key(&mut events, |event| occurrence(event).last);
    doc.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------");
    for event in events {
        let fields = &event.spec;
        let word = |field: &Option<String>| field.clone().unwrap_or_default();
        let source = fields.source.as_ref().and_then(|source| source.component.clone());
        let from = source
            .filter(|component| !component.is_empty())
            .unwrap_or_else(|| fields.reporting_component.clone());
        doc.line(
            1,
            format!(
                "{}\t{}\t{}\t{from}\t{}",
                word(&fields.type_),
                word(&fields.reason),
                interval(event, context.now),
                word(&fields.message).trim(),
            ),
        );
    }
}
