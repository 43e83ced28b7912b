//! `Event` objects: what a component has to say about an object, for people to read.

use std::sync::Arc;

use super::{Actor, Client};
use crate::api::hash::fnv1a_64;
use crate::api::k8s::EventFields;
use crate::api::k8s::{EventSource, ObjectMeta, ObjectReference};
use crate::api::{Event, Key, Kind, KubeObject, MetaExt, Object};
use crate::apiserver::{Saying, Verdict};

/// `Normal`, or `Warning` for what somebody should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// All is well.
    Normal,
    /// Something is wrong.
    Warning,
}

impl EventType {
    fn as_str(self) -> &'static str {
        match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }
    }
}

/// A reference to an object, as events and endpoints carry it.
pub fn reference<K: KubeObject>(object: &K) -> ObjectReference {
    reference_to(K::KIND, object)
}

/// A reference to an object of any kind.
pub fn reference_to(kind: Kind, object: &impl MetaExt) -> ObjectReference {
    ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.name().into()),
        name: object.meta().name.clone(),
        namespace: object.meta().namespace.clone(),
        uid: object.meta().uid.clone(),
        ..Default::default()
    }
}

impl Client<'_> {
    /// Records an event about an object in the old form, as controllers and kubelets do: an equal event that is
    /// already there is counted up instead of written anew, many similar ones are one, and too many are kept back
    /// (`EventCorrelator`).
    pub fn event(
        &mut self,
        about: ObjectReference,
        type_: EventType,
        reason: &str,
        message: impl Into<String>,
    ) {
        let mut message = message.into();
        let namespace = about.namespace.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| "default".into());
        let verdict = self.api.correlate(saying(&self.actor, &about, type_, reason, &message));
        let Verdict::Say { combined, kept_back } = verdict else { return };
        let source = self.source();
        let same = |event: &Event| {
            let fields = &event.spec;
            let said = fields.message.as_deref().unwrap_or_default();
            let again = if combined { said.starts_with(COMBINED) } else { said == message };
            again && fields.source.as_ref() == Some(&source) && speaks_of(fields, &about, type_, reason)
        };
        let before = self.said(&namespace, &about, same);
        if combined {
            message.insert_str(0, COMBINED);
        }
        let now = self.now();
        let said = 1 + kept_back as i32;
        if let Some(mut event) = before {
            let fields = Arc::make_mut(&mut event.spec);
            fields.count = Some(fields.count.unwrap_or(1) + said);
            fields.last_timestamp = Some(now.to_time());
            fields.message = Some(message);
            // Nothing else writes events, so the update meets no conflict; a failure would only lose a count.
            let _ = self.update(event, None);
            return;
        }
        let fields = EventFields {
            reporting_component: source.component.clone().unwrap_or_default(),
            reporting_instance: source.host.clone().unwrap_or_default(),
            involved_object: about,
            reason: Some(reason.into()),
            message: Some(message),
            source: Some(source),
            first_timestamp: Some(now.to_time()),
            last_timestamp: Some(now.to_time()),
            count: Some(said),
            type_: Some(type_.as_str().into()),
            ..Default::default()
        };
        self.store_event(namespace, fields);
    }

    /// Records an event in the new form (`events.k8s.io`), as the scheduler does, each of its profiles under its own name.
    pub fn event_with_action(
        &mut self,
        reporter: &str,
        about: ObjectReference,
        type_: EventType,
        reason: &str,
        action: &str,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let namespace = about.namespace.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| "default".into());
        let same = |event: &Event| {
            let fields = &event.spec;
            let again = fields.reporting_component == reporter && fields.message.as_ref() == Some(&message);
            again && speaks_of(fields, &about, type_, reason)
        };
        if self.said(&namespace, &about, same).is_some() {
            return;
        }
        let fields = EventFields {
            involved_object: about,
            reason: Some(reason.into()),
            message: Some(message),
            source: Some(EventSource::default()),
            event_time: Some(self.now().to_micro_time()),
            type_: Some(type_.as_str().into()),
            action: Some(action.into()),
            reporting_component: reporter.to_string(),
            reporting_instance: reporter.to_string(),
            ..Default::default()
        };
        self.store_event(namespace, fields);
    }

    /// Who speaks, and from where.
    fn source(&self) -> EventSource {
        let host = match &self.actor {
            Actor::Kubelet(node) => Some(node.to_string()),
            _ => None,
        };
        EventSource { component: Some(source_of(&self.actor).into()), host }
    }

    /// The event among those about an object that `same` knows again. Upstream's reporters remember what they have said; here
    /// it is looked up, and survives a snapshot.
    fn said(&self, namespace: &str, about: &ObjectReference, same: impl Fn(&Event) -> bool) -> Option<Event> {
        let prefix = format!("{}.", about.name.as_deref().unwrap_or_default());
        let events = self.live().called(Kind::EVENT, namespace, &prefix);
        let mut events = events.filter_map(|object| object.as_kind::<Event>());
        events.find(|event| same(event)).cloned()
    }

    /// Stores a new event. Its name ends in the nanosecond in which it is written, so that a list has the events of an object
    /// in their order; a clock of microseconds leaves three digits for those of one moment.
    fn store_event(&mut self, namespace: String, fields: EventFields) {
        let about = fields.involved_object.name.clone().unwrap_or_default();
        let moment = self.now().to_unix_micros() * 1_000;
        let name = |nano: u64| format!("{about}.{nano:x}");
        let taken =
            |nano: &u64| self.live().object(&Key::new(Kind::EVENT, &namespace, &name(*nano))).is_some();
        let name = name((moment..).find(|nano| !taken(nano)).unwrap_or(moment));
        let meta = ObjectMeta { name: Some(name), namespace: Some(namespace), ..Default::default() };
        // An event that cannot be stored (its namespace is gone) is lost, as it is in a real cluster.
        let _ = self.create_object(Object::Event(Event::new(meta, fields)));
    }
}

/// Who an event comes from: some controllers speak under other names than they write under.
fn source_of(actor: &Actor) -> &str {
    match actor.component() {
        "generic-garbage-collector" => "garbage-collector-controller",
        "ephemeral-volume-controller" => "ephemeral_volume",
        "endpointslice-controller" => "endpoint-slice-controller",
        "endpointslice-mirroring-controller" => "endpoint-slice-mirroring-controller",
        own => own,
    }
}

/// Stands before the message of the last of several similar events.
const COMBINED: &str = "(combined from similar events): ";

/// What reporters remember an event by.
fn saying(actor: &Actor, about: &ObjectReference, type_: EventType, reason: &str, message: &str) -> Saying {
    let host = if let Actor::Kubelet(node) = actor { node } else { "" };
    let kind = about.kind.as_deref().unwrap_or_default();
    let uid = about.uid.as_deref().or(about.name.as_deref()).unwrap_or_default();
    let number = |words: &[&str]| fnv1a_64(words.join("\u{0}").as_bytes());
    Saying {
        topic: number(&[actor.component(), host, kind, uid]),
        group: number(&[type_.as_str(), reason]) as u32,
        message: number(&[message]) as u32,
    }
}

/// Whether an event says that kind of thing about an object, or about a part of it.
fn speaks_of(fields: &EventFields, about: &ObjectReference, type_: EventType, reason: &str) -> bool {
    let object = &fields.involved_object;
    object.uid == about.uid
        && object.field_path == about.field_path
        && fields.type_.as_deref() == Some(type_.as_str())
        && fields.reason.as_deref() == Some(reason)
}
