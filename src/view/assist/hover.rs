//! What a word of a manifest means: a field's type and what the API server does where it is left out or changed, and what an
//! object is that a value names.

use serde_json::{Map, Value};

use super::LENGTH_MAX;
use super::live::{self, Surroundings};
use crate::api::manifest::{self, Kind as Shape, Limits, Node};
use crate::api::schema::{self, Field, Place, Wanted};
use crate::api::unsimulated;
use crate::api::{Kind, Object, Status};
use crate::apiserver::{Actor, ApiServer, Origin};

/// More keys or values than this are not listed.
const LISTED_MAX: usize = 12;

/// One thing to say about a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The field, by its path, and its type as `kubectl explain` names it.
    Field(String, String),
    /// Nothing is accepted without it.
    Required,
    /// It changes nothing in the model.
    Unsimulated,
    /// What it may be.
    OneOf(Vec<&'static str>),
    /// What the API server puts there where it is left out.
    Default(String),
    /// The API server refuses to change it: its words.
    Immutable(String),
    /// A kind: `apiVersion`, and the word for it at the console.
    Kind(String, String),
    /// The object that is named: kind and name, and whether only this text has it.
    Object(&'static str, String, bool),
    /// There is no such object: kind and name.
    Missing(&'static str, String),
    /// A field of that object.
    Part(String, String),
}

/// What to say about the word of a text between two byte offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    pub from: usize,
    pub to: usize,
    pub facts: Vec<Fact>,
}

/// What to say of the word at a byte offset; `api` is asked what it would do, on copies.
pub fn hover(text: &str, offset: usize, api: &ApiServer, namespace: &str) -> Option<Hover> {
    if text.len() > LENGTH_MAX || !text.is_char_boundary(offset) {
        return None;
    }
    let (from, to) = word(text, offset)?;
    let rest = text[to..].trim_start_matches(['"', '\'']);
    let is_key =
        rest.strip_prefix(':').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']));
    let place = schema::place_at(text, to)?;
    let name = &text[from..to];
    let facts = match (is_key, place.wanted) {
        (true, Wanted::Key(id)) => {
            let field = id.field(name)?;
            let mut facts = of_field(&place, id.name(), field);
            facts.extend(server(text, offset, api, namespace));
            facts
        }
        (false, Wanted::Value(id, field, _)) => {
            let around = Surroundings::new(text, text.len(), api.view(), namespace);
            of_object(&around, live::names(&place, id.name(), field.name)?, name)
        }
        (false, Wanted::Root(Some("kind"))) => {
            let kind = api.view().kind_from_manifest(place.api_version, name)?;
            let mut facts = vec![Fact::Kind(place.api_version.into(), kind.info().plural.into())];
            facts.extend(unsimulated::KINDS.contains(&name).then_some(Fact::Unsimulated));
            facts
        }
        _ => return None,
    };
    (!facts.is_empty()).then_some(Hover { from, to, facts })
}

/// The word around an offset: colons are part of it inside, as in an image's name.
fn word(text: &str, offset: usize) -> Option<(usize, usize)> {
    let parts = |letter: char| letter.is_whitespace() || "\"'{}[],#".contains(letter);
    let from =
        text[..offset].rfind(parts).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let to = text[offset..].find(parts).map_or(text.len(), |at| offset + at);
    let to = from + text[from..to].trim_end_matches(':').len();
    (from < to && offset <= to && &text[from..to] != "-").then_some((from, to))
}

fn of_field(place: &Place<'_>, owner: &str, field: &'static Field) -> Vec<Fact> {
    let path: Vec<&str> = place.path.iter().map(String::as_str).chain([field.name]).collect();
    let mut facts = vec![Fact::Field(path.join("."), field.ty.explain())];
    facts.extend(field.required.then_some(Fact::Required));
    facts.extend(unsimulated::is_unsimulated(owner, field.name).then_some(Fact::Unsimulated));
    let listed = field.ty.values();
    facts.extend((!listed.is_empty()).then_some(Fact::OneOf(listed)));
    facts
}

/// What the API server says of the field at an offset, where the document can be read.
fn server(text: &str, offset: usize, api: &ApiServer, namespace: &str) -> Vec<Fact> {
    let stream = manifest::parse(text, &Limits::default());
    let found = stream.documents.iter().flat_map(manifest::Document::objects).find_map(|object| {
        let mut path = String::new();
        pointer(object, offset, &mut path).then(|| (object.to_value(), path))
    });
    let Some((mut value, path)) = found else { return Vec::new() };
    let word = |key: &str| value[key].as_str().unwrap_or_default();
    let Some(kind) = api.view().kind_from_manifest(word("apiVersion"), word("kind")) else {
        return Vec::new();
    };
    if !value["metadata"].is_object() {
        return Vec::new();
    }
    if kind.info().namespaced && value["metadata"]["namespace"].is_null() {
        value["metadata"]["namespace"] = namespace.into();
    }
    let mut facts = Vec::new();
    facts.extend(default_at(api, kind, &value, &path).map(Fact::Default));
    facts.extend(refusal_at(api, kind, &value, &path).map(Fact::Immutable));
    facts
}

/// Finds the key at an offset and writes down the way to its value, as a JSON pointer.
fn pointer(node: &Node, offset: usize, path: &mut String) -> bool {
    let length = path.len();
    match &node.kind {
        Shape::Map(entries) => {
            for entry in entries {
                path.push('/');
                path.push_str(&entry.key.replace('~', "~0").replace('/', "~1"));
                let here = (entry.key_span.from as usize..=entry.key_span.to as usize).contains(&offset);
                if here || pointer(&entry.value, offset, path) {
                    return true;
                }
                path.truncate(length);
            }
        }
        Shape::Seq(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push_str(&format!("/{at}"));
                if pointer(item, offset, path) {
                    return true;
                }
                path.truncate(length);
            }
        }
        _ => {}
    }
    false
}

/// What stands at a path of the object as it would be stored if the manifest left that path out.
fn default_at(api: &ApiServer, kind: Kind, value: &Value, path: &str) -> Option<String> {
    let mut value = value.clone();
    let (parent, key) = path.rsplit_once('/')?;
    value.pointer_mut(parent)?.as_object_mut()?.remove(&key.replace("~1", "/").replace("~0", "~"));
    // The name may be taken.
    let key = Object::from_value(kind, value.clone()).ok()?.key();
    if api.view().object(&key).is_some() {
        value["metadata"].as_object_mut()?.insert("name".into(), format!("{}-0", key.name).into());
    }
    let stored = api.dry_run_create(Object::from_value(kind, value).ok()?).ok()?.to_value();
    match stored.pointer(path)? {
        Value::Object(fields) if fields.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Why the server would not let the value at a path become another; nothing if it would.
fn refusal_at(api: &ApiServer, kind: Kind, value: &Value, path: &str) -> Option<String> {
    let mut api = api.rehearsal();
    let origin = Origin::new(Actor::User);
    let object = Object::from_value(kind, value.clone()).ok()?;
    let key = object.key();
    if api.view().object(&key).is_none() {
        api.create(&origin, object).ok()?;
    }
    let mut changed = api.view().object(&key)?.to_value();
    if !another(changed.pointer_mut(path)?) {
        return None;
    }
    let changed = Object::from_value(kind, changed).ok()?;
    let Status { causes, .. } = api.dry_run_update(changed).err()?;
    let fixed = |message: &str| message.contains("immutable") || message.starts_with("Forbidden: ");
    causes.iter().map(|cause| cause.message.clone()).find(|message| fixed(message))
}

/// Makes a value another of its kind; false where there is nothing to change.
fn another(value: &mut Value) -> bool {
    match value {
        Value::Bool(on) => *on = !*on,
        Value::String(text) => text.push('x'),
        Value::Number(number) => *value = (number.as_i64().unwrap_or_default() + 1).into(),
        Value::Array(items) => return items.iter_mut().any(another),
        Value::Object(fields) => return fields.values_mut().any(another),
        Value::Null => return false,
    }
    true
}

/// Which fields of an object tell what it is.
const PARTS: &[(Kind, &[&str])] = &[
    (Kind::CONFIG_MAP, &["data"]),
    (Kind::DEPLOYMENT, &["spec.replicas", "status.readyReplicas"]),
    (Kind::INGRESS_CLASS, &["spec.controller"]),
    (
        Kind::NODE,
        &[
            "status.allocatable.cpu",
            "status.allocatable.memory",
            "metadata.labels",
            "spec.taints",
            "spec.unschedulable",
        ],
    ),
    (Kind::PERSISTENT_VOLUME, &["spec.capacity.storage", "spec.storageClassName", "status.phase"]),
    (Kind::PERSISTENT_VOLUME_CLAIM, &["status.phase", "spec.storageClassName", "spec.volumeName"]),
    (Kind::PRIORITY_CLASS, &["value", "preemptionPolicy", "globalDefault"]),
    (Kind::REPLICA_SET, &["spec.replicas", "status.readyReplicas"]),
    (Kind::RUNTIME_CLASS, &["handler"]),
    (Kind::SECRET, &["type", "data"]),
    (Kind::SERVICE, &["spec.type", "spec.clusterIP", "spec.selector"]),
    (Kind::STATEFUL_SET, &["spec.replicas", "status.readyReplicas"]),
    (Kind::STORAGE_CLASS, &["provisioner", "volumeBindingMode", "reclaimPolicy"]),
    (Kind::NAMESPACE, &["status.phase"]),
];

fn of_object(around: &Surroundings<'_>, kind: Kind, name: &str) -> Vec<Fact> {
    let Some((object, here)) = around.find(kind, name) else {
        return vec![Fact::Missing(kind.name(), name.into())];
    };
    let mut facts = vec![Fact::Object(kind.name(), name.into(), here)];
    let parts = PARTS.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, parts)| parts);
    for part in parts {
        let value = &object.pointer(&format!("/{}", part.replace('.', "/"))).cloned().unwrap_or_default();
        let said = match value {
            Value::Null => continue,
            // What is in them is not for all eyes, and long.
            Value::Object(fields) if *part == "data" => {
                fields.keys().take(LISTED_MAX).cloned().collect::<Vec<_>>().join(", ")
            }
            Value::Object(fields) => pairs(fields),
            Value::Array(items) => {
                items.iter().filter_map(Value::as_object).map(pairs).collect::<Vec<_>>().join("; ")
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        facts.push(Fact::Part((*part).into(), said));
    }
    facts
}

fn pairs(fields: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    fields.iter().take(LISTED_MAX).map(pair).collect::<Vec<_>>().join(", ")
}
