//! One object under the glass: a summary, its YAML, what was said of it, and why it is where it is.

use std::sync::Arc;

use serde::Serialize;

use super::because::{Answer, answers};
use super::detail::{EventGroup, Log, Written, is_about, references};
use super::differences::Difference;
use super::workloads::workload_card;
use crate::api::explain::Explain;
use crate::api::manifest::to_yaml;
use crate::api::meta::Revision;
use crate::api::pod_status::summarize;
use crate::api::selector::format_labels;
use crate::api::sorting;
use crate::api::{Event, Key, MetaExt, Object, quantity, taint};
use crate::apiserver::{Store, View};
use crate::clock::SimTime;
use crate::scheduler::framework::claims::claims_of;
use crate::sim::Due;

/// Everything the inspector shows of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Which object.
    pub key: Key,
    /// Label keys of the message files, with values in the API's words.
    pub rows: Vec<(&'static str, String)>,
    /// The object as `kubectl get -o yaml` prints it.
    pub yaml: String,
    /// Its events, latest first.
    pub events: Vec<EventRow>,
    /// What it waits for, the next first.
    pub due: Vec<Due>,
    /// What only the page that is turned to shows.
    pub detail: Detail,
    /// The scheduler's last decision about it, up to the revision looked at.
    pub why: Option<Decision>,
    /// The scheduler's attempts before that, oldest first.
    pub earlier: Vec<Decision>,
    /// What the other deciders say of it.
    pub answers: Vec<Answer>,
    /// What one may want to do with it, as lines for the console.
    pub menu: Vec<String>,
    /// The objects that its fields name: owners, node, claims, volumes, ConfigMaps and so on.
    pub links: Vec<Key>,
}

/// What one page shows besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// Who manages which fields; the writes that can be compared; what differs between the two that are.
    Revisions(String, Vec<Written>, Vec<Difference>),
    /// Events by what brought them about.
    Events(Vec<EventGroup>),
    /// Logs.
    Logs(Vec<Log>),
}

/// One event about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// When it last happened.
    pub time: SimTime,
    /// Whether it is a warning.
    pub warning: bool,
    /// The reason, one word.
    pub reason: String,
    /// The message.
    pub message: String,
    /// Who said it.
    pub from: String,
    /// How often.
    pub count: i32,
}

/// A decision and the write that carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The write.
    pub revision: Revision,
    /// When.
    pub time: SimTime,
    /// The reasons.
    pub explain: Arc<Explain>,
}

/// Looks at an object as it is in `view`; `store` gives the decisions that led there. `None` if there is no such object.
pub fn inspect(view: &View, store: &Store, key: &Key, now: SimTime) -> Option<Inspection> {
    let object = view.object(key)?;
    let yaml = to_yaml(&object.to_value());
    let mut decisions = decisions(store, view.revision(), key);
    decisions.retain(|decision| matches!(*decision.explain, Explain::Scheduling(_)));
    let why = decisions.pop();
    Some(Inspection {
        key: key.clone(),
        rows: rows(view, object, now),
        yaml,
        events: events_about(view, object),
        why,
        earlier: decisions,
        answers: answers(view, store, key, now),
        menu: Vec::new(),
        links: references(object, view),
        due: Vec::new(),
        detail: Detail::None,
    })
}

fn rows(view: &View, object: &Object, now: SimTime) -> Vec<(&'static str, String)> {
    let mut rows = vec![("kind", object.kind().name().to_string()), ("name", object.name().to_string())];
    let mut row = |label: &'static str, value: String| {
        if !value.is_empty() {
            rows.push((label, value));
        }
    };
    row("namespace", object.namespace().to_string());
    row("age", now.since(object.created()).human());
    row("labels", if object.labels().is_empty() { String::new() } else { format_labels(object.labels()) });
    if let Some(owner) = object.controller() {
        row("owner", format!("{}/{}", owner.kind, owner.name));
    }
    match object {
        Object::Pod(pod) => {
            let summary = summarize(pod);
            row("status", summary.status);
            row("ready", format!("{}/{}", summary.ready, summary.total));
            row("restarts", summary.restarts.to_string());
            row("node", pod.spec.node_name.clone().unwrap_or_default());
            row("ip", pod.status.pod_ip.clone().unwrap_or_default());
            row("qos", pod.status.qos_class.clone().unwrap_or_default());
            let images: Vec<&str> = pod.spec.containers.iter().filter_map(|c| c.image.as_deref()).collect();
            row("images", images.join(", "));
            let gates = pod.spec.scheduling_gates.iter().flatten().map(|gate| gate.name.as_str());
            row("gates", gates.collect::<Vec<_>>().join(", "));
            let waits = || claims_of(view, pod).err().unwrap_or_default();
            row("claims", if pod.spec.node_name.is_none() { waits() } else { String::new() });
        }
        Object::Node(node) => {
            let amount = |name: &str| {
                node.status.allocatable.iter().flatten().find(|(key, _)| *key == name).map(|(_, q)| q)
            };
            row("cpu", amount("cpu").map(|q| quantity::format_milli(quantity::milli(q))).unwrap_or_default());
            row(
                "memory",
                amount("memory").map(|q| quantity::format_bytes(quantity::value(q))).unwrap_or_default(),
            );
            let taints: Vec<String> = node.spec.taints.iter().flatten().map(taint::format_taint).collect();
            row("taints", taints.join(", "));
        }
        Object::Service(service) => {
            row("ip", service.spec.cluster_ip.clone().unwrap_or_default());
            row("selector", service.spec.selector.as_ref().map(format_labels).unwrap_or_default());
        }
        other => {
            if let Some(card) = workload_card(other) {
                let label = if card.finishes { "complete" } else { "ready" };
                row(label, format!("{}/{}", card.ready, card.desired));
                row("updated", if card.finishes { String::new() } else { card.updated.to_string() });
                row("available", if card.finishes { String::new() } else { card.available.to_string() });
            }
        }
    }
    rows
}

fn events_about(view: &View, object: &Object) -> Vec<EventRow> {
    let namespace = if object.namespace().is_empty() { "default" } else { object.namespace() };
    let about = |event: &&Event| is_about(event, object.kind(), object);
    let mut events: Vec<EventRow> =
        view.list::<Event>(Some(namespace)).filter(about).map(event_row).collect();
    sorting::sort_by_key(&mut events, |event| std::cmp::Reverse(event.time));
    events
}

/// An event as a row.
pub fn event_row(event: &Event) -> EventRow {
    let fields = &event.spec;
    let time = fields.last_timestamp.as_ref().map(SimTime::from_time);
    let time = time
        .or_else(|| fields.event_time.as_ref().map(SimTime::from_micro_time))
        .unwrap_or_else(|| event.created());
    EventRow {
        time,
        warning: fields.type_.as_deref() == Some("Warning"),
        reason: fields.reason.clone().unwrap_or_default(),
        message: fields.message.clone().unwrap_or_default(),
        from: fields.reporting_component.clone(),
        count: fields.count.unwrap_or(1),
    }
}

/// The recorded decisions about an object up to a revision, oldest first.
pub fn decisions(store: &Store, revision: Revision, key: &Key) -> Vec<Decision> {
    let upto = store.since(0).take_while(|change| change.revision <= revision);
    let of_it = upto.filter(|change| change.key == *key);
    let decided = of_it.filter_map(|change| {
        let explain = change.explain.clone()?;
        Some(Decision { revision: change.revision, time: change.time, explain })
    });
    decided.collect()
}
