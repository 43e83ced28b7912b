//! `events`: what happened, oldest last sight first.

use serde_json::Value;

use crate::api::{Kind, sorting};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::table::Table;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

use super::get::shaped;

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "events of every namespace").short('A'),
    value("for", "only events about this object, KIND/NAME"),
    value("types", "only events of these types"),
    switch("watch", "has no effect here: see get events -w").short('w'),
    switch("no-headers", "leave the headings out"),
    value("output", "yaml or json").short('o'),
    value("chunk-size", "has no effect here"),
];

/// See the module.
pub const EVENTS: Verb = Verb { path: "events", help: "List events", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.on("watch") {
        return Err(Failure::message(
            "kubeviz does not offer \"kubectl events --watch\"; use get events --watch",
        ));
    }
    let everywhere = call.args.on("all-namespaces");
    let about = about(call)?;
    let types: Vec<String> = call.args.list("types").into_iter().map(String::from).collect();
    for type_ in &types {
        if !["normal", "warning"].contains(&type_.to_lowercase().as_str()) {
            return Err(Failure::message("valid --types are Normal or Warning"));
        }
    }
    let namespace = (!everywhere).then_some(call.namespace.as_str());
    let meant = |event: &Value| {
        let object = event.at("involvedObject");
        let same =
            |(kind, name): &(Kind, String)| object.text("kind") == kind.name() && object.text("name") == name;
        about.as_ref().is_none_or(same)
            && (types.is_empty() || types.iter().any(|type_| type_.eq_ignore_ascii_case(event.text("type"))))
    };
    let mut events: Vec<Value> = call
        .client
        .live()
        .objects(Kind::EVENT, namespace)
        .map(|object| object.to_value())
        .filter(meant)
        .collect();
    if events.is_empty() {
        call.warn(match everywhere {
            true => "No events found.".to_string(),
            false => format!("No events found in {} namespace.", call.namespace),
        });
        return Ok(());
    }
    sorting::sort_by_key(&mut events, last_seen);
    if let Some(format) = call.args.value("output").map(str::to_string) {
        let text = shaped(call, &format, &events, false)?;
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    let mut headers = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    if everywhere {
        headers.insert(0, "NAMESPACE");
    }
    let mut table = Table::new(&headers);
    let now = call.client.now();
    for event in &events {
        let object = event.at("involvedObject");
        let mut cells = vec![
            interval(event, now),
            event.plain("type"),
            event.plain("reason"),
            format!("{}/{}", object.text("kind"), object.text("name")),
            event.text("message").trim().to_string(),
        ];
        if everywhere {
            cells.insert(0, event.plain("metadata.namespace"));
        }
        table.row(cells);
    }
    let text = table.render(!call.args.on("no-headers"));
    call.output.stdout.push_str(&text);
    Ok(())
}

fn about(call: &Call<'_, '_>) -> Result<Option<(Kind, String)>, Failure> {
    let Some(text) = call.args.value("for") else { return Ok(None) };
    match named(call.client.live(), &[text.to_string()])? {
        Named::Objects(mut objects) if objects.len() == 1 => Ok(Some(objects.remove(0))),
        _ => Err(Failure::message("--for must be in resource/name form")),
    }
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
