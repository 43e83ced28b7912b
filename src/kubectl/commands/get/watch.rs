//! `get --watch`: the table, and then a row for every change, until somebody ends it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::name_of;
use super::rows::Layout;
use super::select::{NOTHING_NAMED, select};
use crate::api::meta::Revision;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object};
use crate::client::{Change, Client, View};
use crate::clock::SimTime;
use crate::kubectl::errors::Failure;
use crate::kubectl::field_selector::FieldSelector;
use crate::kubectl::print::format::{Printing, READ};
use crate::kubectl::print::served;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Output, Wait};

/// A watch that goes on: what it shows, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watching {
    kind: Kind,
    name: Option<String>,
    namespace: Option<String>,
    labels: String,
    fields: FieldSelector,
    layout: Layout,
    /// The format, if it is not a table's.
    format: Option<String>,
    /// Whether each row says what happened.
    events: bool,
    /// The width of each column so far.
    widths: Vec<usize>,
    /// `--template`, for a format that does not bring its own.
    template: Option<String>,
    /// Whether an object has been printed: documents of YAML are told apart from the second on.
    begun: bool,
    /// The last change that was shown.
    seen: Revision,
    /// When it ends, if it does.
    deadline: Option<SimTime>,
}

/// Prints what there is, and begins to watch.
pub fn start(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (kind, name) = match named(call.client.live(), &call.args.words.clone())? {
        Named::Kinds(kinds) if kinds.len() == 1 => (kinds[0], None),
        Named::Kinds(kinds) if kinds.is_empty() => return Err(Failure::message(NOTHING_NAMED)),
        Named::Objects(objects) if objects.len() == 1 => (objects[0].0, Some(objects[0].1.clone())),
        Named::Objects(objects) if objects.iter().all(|(kind, _)| *kind == objects[0].0) => {
            return Err(Failure::message(format!(
                "watch is only supported on individual resources and resource collections - {} resources were found",
                objects.len()
            )));
        }
        _ => return Err(Failure::message("you may only specify a single resource type")),
    };
    let (objects, failures) = select(call)?;
    if !failures.is_empty() {
        let silent = call.args.on("ignore-not-found") && failures.iter().all(Failure::is_not_found);
        return if silent { Ok(()) } else { Failure::collect(failures) };
    }
    let everywhere = call.args.on("all-namespaces") || !kind.info().namespaced;
    let format = call.args.output().filter(|format| *format != "wide").map(String::from);
    let mut watching = Watching {
        kind,
        name,
        namespace: (!everywhere).then(|| call.namespace.clone()),
        labels: call.args.value("selector").unwrap_or_default().into(),
        fields: FieldSelector::parse(call.args.value("field-selector").unwrap_or_default())?,
        layout: Layout::of(call, false),
        format,
        events: call.args.on("output-watch-events"),
        widths: Vec::new(),
        template: call.args.value("template").map(String::from),
        begun: false,
        seen: call.client.live().revision(),
        deadline: call.timeout("request-timeout")?,
    };
    if !call.args.on("watch-only") {
        let shown: Vec<(&str, Arc<Object>)> = objects.into_iter().map(|object| ("ADDED", object)).collect();
        let text = watching.show(&shown, call.client)?;
        call.output.stdout.push_str(&text);
    }
    // What there is has been listed by then.
    call.client.may("watch", kind, watching.namespace.as_deref())?;
    call.output.wait = Some(Wait::Watch(Box::new(watching)));
    Ok(())
}

/// `events --watch`: the events that there are, and then those that come.
///
/// # Errors
/// As [`Printing::text`].
pub fn events(call: &mut Call<'_, '_>, fields: FieldSelector) -> Result<(), Failure> {
    let mut watching = Watching {
        kind: Kind::EVENT,
        name: None,
        namespace: (!call.args.on("all-namespaces")).then(|| call.namespace.clone()),
        labels: String::new(),
        fields,
        layout: Layout { events: true, ..Layout::of(call, false) },
        format: call.args.output().map(String::from),
        events: false,
        widths: Vec::new(),
        template: call.args.value("template").map(String::from),
        begun: false,
        seen: call.client.live().revision(),
        deadline: call.timeout("request-timeout")?,
    };
    let there = call.client.live().objects(Kind::EVENT, watching.namespace.as_deref());
    let there: Vec<(&str, Arc<Object>)> = there
        .filter(|event| watching.matches(&event.key(), event))
        .map(|event| ("ADDED", event.clone()))
        .collect();
    let text = watching.show(&there, call.client)?;
    call.output.stdout.push_str(&text);
    call.output.wait = Some(Wait::Watch(Box::new(watching)));
    Ok(())
}

/// Shows what has changed since the last look.
pub fn poll(mut watching: Watching, client: &Client<'_>) -> Output {
    let changes: Vec<(&str, Arc<Object>)> =
        client.server().store().since(watching.seen).filter_map(|change| watching.event(change)).collect();
    watching.seen = client.live().revision();
    let mut output = Output::default();
    match watching.show(&changes, client) {
        Ok(text) => output.stdout = text,
        Err(failure) => {
            output.stderr = failure.render("get");
            output.code = 1;
            return output;
        }
    }
    let over = watching.deadline.is_some_and(|deadline| client.now() >= deadline);
    output.wait = (!over).then(|| Wait::Watch(Box::new(watching)));
    output
}

impl Watching {
    /// What a change is to this watch, and the object to show.
    fn event(&self, change: &Change) -> Option<(&'static str, Arc<Object>)> {
        let before = change.before.as_ref().filter(|object| self.matches(&change.key, object));
        let after = change.after.as_ref().filter(|object| self.matches(&change.key, object));
        match (before, after) {
            (None, Some(object)) => Some(("ADDED", object.clone())),
            (Some(_), Some(object)) => Some(("MODIFIED", object.clone())),
            // Events that are deleted have only grown old.
            (Some(_), None) if self.layout.events => None,
            (Some(object), None) => Some(("DELETED", object.clone())),
            (None, None) => None,
        }
    }

    fn matches(&self, key: &Key, object: &Object) -> bool {
        key.kind == self.kind
            && self.namespace.as_deref().is_none_or(|namespace| &*key.namespace == namespace)
            && self.name.as_deref().is_none_or(|name| &*key.name == name)
            && Selector::parse(&self.labels).is_ok_and(|selector| selector.matches(object.labels()))
            && (self.fields == FieldSelector::default() || self.fields.matches(&object.to_value()))
    }

    fn show(&mut self, objects: &[(&str, Arc<Object>)], client: &Client<'_>) -> Result<String, Failure> {
        match self.format.clone().as_deref() {
            None => Ok(self.rows(objects, client.live(), client.now())),
            Some("name") => Ok(objects.iter().map(|(_, object)| format!("{}\n", name_of(object))).collect()),
            Some(format) => {
                let mut text = String::new();
                for (event, object) in objects {
                    let mut value = served(object);
                    if self.events {
                        value = json!({"type": event, "object": value});
                    }
                    text.push_str(&self.shaped(format, &value)?);
                }
                Ok(text)
            }
        }
    }

    fn shaped(&mut self, format: &str, value: &Value) -> Result<String, Failure> {
        let items = std::slice::from_ref(value);
        let files = std::collections::BTreeMap::new();
        let headings = self.layout.headings && !self.begun;
        let template = self.template.as_deref();
        let printing = Printing {
            format,
            template,
            value,
            items,
            headings,
            missing_allowed: true,
            files: &files,
            allowed: READ,
        };
        let text = printing.text().map_err(Failure::message)?;
        let apart = format == "yaml" && self.begun;
        self.begun = true;
        Ok(if apart { format!("---\n{text}") } else { text })
    }

    /// Rows under the headings that were printed first, in columns that never become narrower.
    fn rows(&mut self, objects: &[(&str, Arc<Object>)], view: &View, now: SimTime) -> String {
        let mut lines: Vec<Vec<String>> = Vec::new();
        if self.widths.is_empty() && !objects.is_empty() {
            let mut headers = self.layout.headers(self.kind, view);
            if self.events {
                headers.insert(0, "EVENT".into());
            }
            self.widths = vec![0; headers.len()];
            lines.extend(self.layout.headings.then_some(headers));
        }
        for (event, object) in objects {
            let mut cells = self.layout.row(object, view, now);
            if self.events {
                cells.insert(0, (*event).to_string());
            }
            lines.push(cells);
        }
        let mut text = String::new();
        for line in &lines {
            for (cell, width) in line.iter().zip(&mut self.widths) {
                *width = (*width).max(cell.chars().count() + 3).max(6);
            }
        }
        for line in &lines {
            for (index, (cell, width)) in line.iter().zip(&self.widths).enumerate() {
                text.push_str(cell);
                if index + 1 < line.len() {
                    text.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
                }
            }
            text.push('\n');
        }
        text
    }
}
