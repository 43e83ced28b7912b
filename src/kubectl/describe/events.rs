//! The events of what is described.

use serde_json::Value;

use super::Subject;
use super::page::Page;
use crate::api::sorting;
use crate::api::{Kind, Object};
use crate::clock::SimTime;
use crate::kubectl::print::fields::Fields;

/// The section Events (`DescribeEvents`), oldest last sight first.
pub fn events(page: &mut Page, kind: Kind, subject: &Subject<'_>) {
    let mut found = about(kind, subject);
    if found.is_empty() {
        page.line(0, "Events:\t<none>");
        return;
    }
    let age = |event: &Value| (event.time("lastTimestamp"), first(event));
    sorting::sort_by_key(&mut found, age);
    page.flush();
    page.line(0, "Events:");
    page.line(1, "Type\tReason\tAge\tFrom\tMessage");
    page.line(1, "----\t------\t----\t----\t-------");
    for event in found {
        let source = event.text_or("source.component", event.text("reportingComponent"));
        let (type_, reason) = (event.text("type"), event.text("reason"));
        let message = match (event.text("involvedObject.fieldPath"), event.text("message").trim()) {
            ("", message) => message.to_string(),
            (part, message) => format!("{part}: {message}"),
        };
        page.line(1, format!("{type_}\t{reason}\t{}\t{source}\t{message}", interval(&event, subject.now)));
    }
}

/// The events about the subject: by its uid, and for a node also by its name, which is what a kubelet writes.
fn about(kind: Kind, subject: &Subject<'_>) -> Vec<Value> {
    let (uid, name) = (subject.uid(), subject.name());
    let namespace = Some(subject.namespace()).filter(|namespace| !namespace.is_empty());
    let mut found: Vec<(u64, Value)> = Vec::new();
    for object in subject.view.objects(Kind::EVENT, namespace) {
        // Of the thousands that there may be, only those about an object of this name are written out.
        if !matches!(&**object, Object::Event(event) if event.spec.involved_object.name.as_deref() == Some(name))
        {
            continue;
        }
        let event = object.to_value();
        let about = event.at("involvedObject");
        let same_uid = about.text("uid") == uid || (kind == Kind::NODE && about.text("uid") == name);
        let same_kind = kind == Kind::POD || about.text("kind") == kind.name();
        if same_uid && same_kind {
            found.push((object.revision(), event));
        }
    }
    sorting::sort_by_key(&mut found, |(revision, _)| *revision);
    found.into_iter().map(|(_, event)| event).collect()
}

fn first(event: &Value) -> Option<SimTime> {
    event.time("eventTime").or_else(|| event.time("firstTimestamp"))
}

/// `3s`, or `2s (x5 over 10s)` for what has happened more than once.
fn interval(event: &Value, now: SimTime) -> String {
    let since = |time: Option<SimTime>| time.map_or("<unknown>".into(), |time| now.since(time).human());
    let begun = since(first(event));
    if event.has("series") {
        let last = since(event.time("series.lastObservedTime"));
        return format!("{last} (x{} over {begun})", event.int("series.count"));
    }
    match event.int("count") {
        count if count > 1 => format!("{} (x{count} over {begun})", since(event.time("lastTimestamp"))),
        _ => begun,
    }
}
