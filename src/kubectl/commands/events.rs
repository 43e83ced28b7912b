//! `events`: what happened, oldest last sight first.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Object, sorting};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::field_selector::FieldSelector;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::format::WRITE;
use crate::kubectl::resource_names::kind;
use crate::kubectl::{Call, Verb};

use super::get::rows::Layout;
use super::get::{shaped_in, watch};
use super::writing::{TEMPLATE, shown};

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "events of every namespace").short('A'),
    value("for", "only events about this object, KIND/NAME"),
    value("types", "only events of these types"),
    switch("watch", "go on and show what happens").short('w'),
    switch("no-headers", "leave the headings out"),
    value("output", "yaml, json, name or a template").short('o'),
    TEMPLATE,
    value("chunk-size", "has no effect here"),
];

/// See the module.
pub const EVENTS: Verb = Verb { path: "events", help: "List events", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let everywhere = call.args.on("all-namespaces");
    let about = about(call)?;
    let types: Vec<String> = call.args.list("types").into_iter().map(str::to_lowercase).collect();
    if types.iter().any(|type_| !["normal", "warning"].contains(&type_.as_str())) {
        return Err(Failure::message("valid --types are Normal or Warning"));
    }
    let fields = FieldSelector::parse(&selector(about.as_ref(), &types))?;
    let place = (!everywhere).then_some(call.namespace.as_str());
    let is_watch = call.args.on("watch");
    call.client.may(if is_watch { "watch" } else { "list" }, Kind::EVENT, place)?;
    if is_watch {
        return watch::events(call, fields);
    }
    let namespace = (!everywhere).then_some(call.namespace.as_str());
    let of_namespace = call.client.live().objects(Kind::EVENT, namespace);
    let mut events: Vec<(Option<SimTime>, Arc<Object>)> = of_namespace
        .filter(|event| fields.matches(&event.to_value()))
        .map(|event| (last_seen(&event.to_value()), event.clone()))
        .collect();
    if events.is_empty() {
        call.warn(match everywhere {
            true => "No events found.".to_string(),
            false => format!("No events found in {} namespace.", call.namespace),
        });
        return Ok(());
    }
    sorting::sort_by_key(&mut events, |(seen, _)| *seen);
    if let Some(format) = call.args.output().map(str::to_string) {
        return print(call, &format, events.iter().map(|(_, event)| shown(call, event)).collect());
    }
    let layout = Layout { events: true, ..Layout::of(call, false) };
    let rows: Vec<&Object> = events.iter().map(|(_, event)| &**event).collect();
    let text = layout.table(Kind::EVENT, &rows, call.client.live(), call.client.now());
    call.output.stdout.push_str(&text);
    Ok(())
}

/// Prints events in a format: they are a list of their own kind.
fn print(call: &mut Call<'_, '_>, format: &str, items: Vec<Value>) -> Result<(), Failure> {
    if format == "name" {
        items.iter().for_each(|event| call.say(format!("event/{}", event.text("metadata.name"))));
        return Ok(());
    }
    let list = json!({"apiVersion": "v1", "items": items, "kind": "EventList", "metadata": {}});
    let text = shaped_in(call, format, &[list], true, WRITE)?;
    call.output.stdout.push_str(&text);
    Ok(())
}

fn about(call: &Call<'_, '_>) -> Result<Option<(Kind, String)>, Failure> {
    let Some(text) = call.args.value("for").filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [_] => Err(Failure::message("--for must be in resource/name form")),
        [word, name] => {
            let unknown = |_| Failure::message(format!("no matches for /, Resource={word}"));
            Ok(Some((kind(call.client.live(), word).map_err(unknown)?, (*name).to_string())))
        }
        _ => Err(Failure::message("arguments in resource/name form may not have more than one slash")),
    }
}

/// The events that are meant, by their fields. Both types are all.
fn selector(about: Option<&(Kind, String)>, types: &[String]) -> String {
    let mut terms = Vec::new();
    if let Some((kind, name)) = about {
        terms.push(format!("involvedObject.kind={},involvedObject.name={name}", kind.name()));
    }
    let only = |wanted: &str| !types.is_empty() && types.iter().all(|type_| type_ == wanted);
    terms.extend(only("normal").then(|| "type=Normal".to_string()));
    terms.extend(only("warning").then(|| "type=Warning".to_string()));
    terms.join(",")
}

/// The headings of the table.
pub fn headers() -> Vec<String> {
    ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(String::from).to_vec()
}

/// An event's row.
pub fn row(event: &Value, now: SimTime) -> Vec<String> {
    let object = event.at("involvedObject");
    vec![
        interval(event, now),
        event.plain("type"),
        event.plain("reason"),
        format!("{}/{}", object.text("kind"), object.text("name")),
        event.text("message").trim().to_string(),
    ]
}

fn last_seen(event: &Value) -> Option<SimTime> {
    ["series.lastObservedTime", "lastTimestamp", "eventTime"].iter().find_map(|path| event.time(path))
}

/// `3s`, or `2s (x5 over 10s)` for what has happened more than once.
fn interval(event: &Value, now: SimTime) -> String {
    let since = |time: Option<SimTime>| time.map_or("<unknown>".into(), |time| now.since(time).human());
    let begun = since(event.time("eventTime").or_else(|| event.time("firstTimestamp")));
    let count = event.int("series.count").max(event.int("count"));
    match count {
        count if count > 1 => format!("{} (x{count} over {begun})", since(last_seen(event))),
        _ => begun,
    }
}
