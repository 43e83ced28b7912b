//! `describe`: an object's summary and its events.

use crate::api::selector::format_labels;
use crate::api::sorting;
use crate::api::{Event, MetaExt, Object};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::print::{columns_of, table::Table};
use crate::kubectl::{Call, Verb};

use super::get::select;

/// See the module.
pub const DESCRIBE: Verb = Verb {
    path: "describe",
    help: "Show an object in detail, with its events",
    flags: &[value("selector", "only objects with these labels").short('l')],
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (objects, failures) = select(call)?;
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            call.say("\n");
        }
        let text = describe(call, object);
        call.output.stdout.push_str(&text);
    }
    Failure::collect(failures)
}

/// The sections that every kind has: name, labels, annotations, the columns of its table, and events.
fn describe(call: &Call<'_, '_>, object: &Object) -> String {
    let now = call.client.now();
    let mut rows = vec![("Name".to_string(), object.name().to_string())];
    if !object.namespace().is_empty() {
        rows.push(("Namespace".into(), object.namespace().into()));
    }
    rows.push(("Labels".into(), format_labels(object.labels()).replace(',', "\n")));
    rows.push(("Annotations".into(), format_labels(object.annotations()).replacen('=', ": ", 1)));
    if let Some(owner) = object.controller() {
        rows.push(("Controlled By".into(), format!("{}/{}", owner.kind, owner.name)));
    }
    let columns = columns_of(object.kind());
    let cells = (columns.cells)(object, now);
    for (header, cell) in columns.headers.iter().chain(columns.wide).zip(cells).skip(1) {
        rows.push((title(header), cell));
    }
    let width = rows.iter().map(|(label, _)| label.chars().count() + 3).max().unwrap_or(0);
    let mut text = String::new();
    for (label, value) in rows {
        for (index, line) in value.lines().enumerate() {
            let head = if index == 0 { format!("{label}:") } else { String::new() };
            text.push_str(&format!("{head:<width$}{line}\n"));
        }
    }
    text.push_str(&events(call, object, now));
    text
}

fn title(header: &str) -> String {
    let words = header.split(' ').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect::<Vec<_>>().join(" ")
}

fn events(call: &Call<'_, '_>, object: &Object, now: SimTime) -> String {
    let namespace = if object.namespace().is_empty() { "default" } else { object.namespace() };
    let about = |event: &&Event| event.spec.involved_object.uid.as_deref() == Some(object.uid());
    let mut table = Table::new(&["  Type", "Reason", "Age", "From", "Message"]);
    table.row(["  ----", "------", "----", "----", "-------"].map(String::from).to_vec());
    let mut rows: Vec<(SimTime, Vec<String>)> = Vec::new();
    for event in call.client.live().list::<Event>(Some(namespace)).filter(about) {
        let fields = &event.spec;
        let seen = fields.last_timestamp.as_ref().map(SimTime::from_time);
        let seen = seen
            .or_else(|| fields.event_time.as_ref().map(SimTime::from_micro_time))
            .unwrap_or_else(|| event.created());
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let kind = format!("  {}", text(&fields.type_));
        rows.push((
            seen,
            vec![
                kind,
                text(&fields.reason),
                now.since(seen).human(),
                fields.reporting_component.clone(),
                text(&fields.message),
            ],
        ));
    }
    if rows.is_empty() {
        return "Events:  <none>\n".into();
    }
    sorting::sort_by_key(&mut rows, |(seen, _)| *seen);
    rows.into_iter().for_each(|(_, row)| table.row(row));
    format!("Events:\n{}", table.render(true))
}
