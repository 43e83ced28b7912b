//! What could stand at the caret of a manifest, and what a word of it means: from the schema of its kind, from the live cluster
//! and from the rest of the text.

mod hover;
mod live;
mod text;

use serde_json::Value;

use crate::api::Kind;
use crate::api::schema::{self, Field, Place, Type, TypeId, Wanted};
use crate::api::{sorting, unsimulated};
use crate::apiserver::View;

pub use hover::{Fact, Hover, hover};
use live::Surroundings;

/// A longer text gets no answer: it would be read anew at every key.
const LENGTH_MAX: usize = 256 * 1024;
/// At most so many suggestions.
const SUGGESTIONS_MAX: usize = 300;
/// How deep what is required in what is required is written out.
const SKELETON_DEPTH: usize = 3;

/// One thing that could be typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// What is chosen.
    pub label: String,
    /// A field's type, as `kubectl explain` names it; the kind of an object; empty for a plain value.
    pub detail: String,
    pub what: What,
    /// Whether nothing is accepted without the field.
    pub required: bool,
    /// Whether it changes nothing in the model.
    pub unsimulated: bool,
    /// Whether it stands in this text, and not (only) in the cluster.
    pub here: bool,
    /// What is typed in its place; `${}` marks where more is to be filled in.
    pub apply: Option<String>,
}

/// What a [`Suggestion`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// A key.
    Field,
    /// A value that the schema lists.
    #[default]
    Value,
    /// Something of the live cluster or of the text.
    Object,
    /// A whole document of a kind.
    Template,
}

/// What could stand at a byte offset, and the offset at which the word begins that it replaces.
pub fn complete(text: &str, offset: usize, view: &View, namespace: &str) -> Option<(usize, Vec<Suggestion>)> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let place = schema::place_at(text, offset)?;
    let around = Surroundings::new(text, offset, view, namespace);
    let mut options = match place.wanted {
        Wanted::Key(id) => fields(id, &place),
        Wanted::MapKey(id, field) => {
            let keys = live::values(&around, &place, id.name(), field.name, None);
            keys.into_iter()
                .map(|found| Suggestion { apply: Some(format!("{}: ", quoted(&found.label, true))), ..found })
                .collect()
        }
        Wanted::Value(id, field, key) => values(&around, &place, id, field, key),
        Wanted::Root(None) => beginnings(view, &place),
        Wanted::Root(Some(key)) => identities(view, &place, key),
        Wanted::Elsewhere(key) => custom(view, &place, key),
    };
    options.retain(|option| {
        option.what == What::Value || place.beside.iter().all(|(key, _)| *key != option.label)
    });
    options.truncate(SUGGESTIONS_MAX);
    (!options.is_empty()).then_some((place.span.from as usize, options))
}

/// The fields of an object that it does not have: what is required first, what the server fills in last.
fn fields(id: TypeId, place: &Place<'_>) -> Vec<Suggestion> {
    let option = |field: &Field| Suggestion {
        label: field.name.into(),
        detail: field.ty.explain(),
        what: What::Field,
        required: field.required,
        unsimulated: unsimulated::is_unsimulated(id.name(), field.name),
        here: false,
        apply: Some(match place.in_braces {
            true => format!("{}: {}", field.name, braced(&field.ty, SKELETON_DEPTH)),
            false => format!("{}:{}", field.name, skeleton(&field.ty, place.deeper, SKELETON_DEPTH)),
        }),
    };
    let missing = |field: &&Field| place.beside.iter().all(|(key, _)| *key != field.name);
    let mut options: Vec<Suggestion> = id.fields().iter().filter(missing).map(option).collect();
    sorting::sort_by_key(&mut options, |option| (!option.required, option.label == "status"));
    options
}

/// What follows a key and its colon: the way to where its value begins, with all that is required written out.
fn skeleton(ty: &Type, indent: usize, depth: usize) -> String {
    let pad = " ".repeat(indent);
    match ty {
        Type::List(item) => match &**item {
            Type::Object(id) => format!("\n{pad}- {}", required(*id, indent + 2, depth)),
            _ => format!("\n{pad}- ${{}}"),
        },
        Type::Object(id) => format!("\n{pad}  {}", required(*id, indent + 2, depth)),
        Type::Map(_) => format!("\n{pad}  ${{}}"),
        _ => " ${}".into(),
    }
}

/// The required fields of a type, one a line.
fn required(id: TypeId, indent: usize, depth: usize) -> String {
    let fields = id.fields().iter().filter(|field| field.required && depth > 0);
    let lines: Vec<String> =
        fields.map(|field| format!("{}:{}", field.name, skeleton(&field.ty, indent, depth - 1))).collect();
    if lines.is_empty() { "${}".into() } else { lines.join(&format!("\n{}", " ".repeat(indent))) }
}

/// The same on one line.
fn braced(ty: &Type, depth: usize) -> String {
    match ty {
        Type::List(item) => format!("[{}]", braced(item, depth)),
        Type::Object(id) => {
            let fields = id.fields().iter().filter(|field| field.required && depth > 0);
            let owed: Vec<String> =
                fields.map(|field| format!("{}: {}", field.name, braced(&field.ty, depth - 1))).collect();
            format!("{{{}}}", if owed.is_empty() { "${}".into() } else { owed.join(", ") })
        }
        Type::Map(_) => "{${}}".into(),
        _ => "${}".into(),
    }
}

/// What fits behind a key: what the schema lists, and what the cluster has.
fn values(
    around: &Surroundings<'_>,
    place: &Place<'_>,
    id: TypeId,
    field: &'static Field,
    key: Option<&str>,
) -> Vec<Suggestion> {
    let listed = if matches!(field.ty, Type::Map(_)) { Vec::new() } else { field.ty.values() };
    let mut options: Vec<Suggestion> =
        listed.into_iter().map(|label| Suggestion { label: label.into(), ..Suggestion::default() }).collect();
    for found in live::values(around, place, id.name(), field.name, key) {
        if options.iter().all(|option| option.label != found.label) {
            let text = matches!(field.ty, Type::String(_) | Type::Map(_))
                || matches!(&field.ty, Type::List(item) if matches!(**item, Type::String(_)));
            let apply = Some(quoted(&found.label, text)).filter(|apply| *apply != found.label);
            options.push(Suggestion { apply, ..found });
        }
    }
    options
}

/// A text as YAML that is read as that text, where a text is wanted.
fn quoted(label: &str, text: bool) -> String {
    if text { crate::api::manifest::to_yaml(&label.into()).trim_end().into() } else { label.into() }
}

/// `apiVersion` or `kind`, as the other one has it.
fn identities(view: &View, place: &Place<'_>, key: &str) -> Vec<Suggestion> {
    let pairs = pairs(view);
    let wants_kind = key == "kind";
    let fits = |(version, kind): &&(String, String)| match wants_kind {
        true => pairs.iter().all(|(known, _)| known != place.api_version) || *version == place.api_version,
        false => pairs.iter().all(|(_, known)| known != place.kind) || *kind == place.kind,
    };
    let mut options: Vec<Suggestion> = Vec::new();
    for (version, kind) in pairs.iter().filter(fits) {
        let (label, detail) = if wants_kind { (kind, version) } else { (version, &String::new()) };
        if options.iter().all(|option| option.label != *label || option.detail != *detail) {
            options.push(Suggestion {
                label: label.clone(),
                detail: detail.clone(),
                ..Suggestion::default()
            });
        }
    }
    options
}

/// Every kind that can be applied, with the versions in which it is served; built-in ones first.
fn pairs(view: &View) -> Vec<(String, String)> {
    let served = |version: &str, kind: &str| Kind::from_manifest(version, kind);
    let built_in = schema::kinds()
        .filter(|(version, kind, _)| served(version, kind).is_some_and(|kind| !Kind::REVIEWS.contains(&kind)))
        .map(|(version, kind, _)| (version.to_string(), kind.to_string()));
    let custom = view.definitions().flat_map(|definition| {
        let name = definition.kind().name();
        let version = |version| (definition.api_version(&version), name.to_string());
        definition.served().into_iter().map(version).collect::<Vec<_>>()
    });
    built_in.chain(custom).collect()
}

/// What a document begins with: its two names, or all that a kind requires.
fn beginnings(view: &View, place: &Place<'_>) -> Vec<Suggestion> {
    let field = |name: &str, rest: &str| Suggestion {
        label: name.into(),
        what: What::Field,
        required: true,
        apply: Some(format!("{name}:{rest}")),
        ..Suggestion::default()
    };
    let mut options =
        vec![field("apiVersion", " ${}"), field("kind", " ${}"), field("metadata", "\n  name: ${}")];
    if place.beside.is_empty() {
        options.extend(pairs(view).into_iter().map(|(version, kind)| {
            let head = format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: ${{}}");
            let ty = schema::kind(&version, &kind);
            let owes = ty
                .and_then(|ty| ty.field("spec"))
                .and_then(|spec| spec.ty.object())
                .filter(|spec| spec.fields().iter().any(|field| field.required));
            let spec = owes.map(|spec| format!("\nspec:\n  {}", required(spec, 2, SKELETON_DEPTH)));
            let apply = Some(format!("{head}{}", spec.unwrap_or_default()));
            Suggestion { label: kind, detail: version, what: What::Template, apply, ..Suggestion::default() }
        }));
    }
    options
}

/// The fields of a custom resource, or the values of one: as its definition's schema has them.
fn custom(view: &View, place: &Place<'_>, key: Option<&str>) -> Vec<Suggestion> {
    let Some(kind) = view.kind_from_manifest(place.api_version, place.kind) else { return Vec::new() };
    let Some(definition) = view.definition(kind) else { return Vec::new() };
    let Some(version) = definition.version(place.api_version) else { return Vec::new() };
    let mut schema = version.schema();
    for step in place.path.iter().map(String::as_str).chain(key) {
        schema = below(schema, step);
    }
    if key.is_some() {
        let listed = schema["enum"].as_array().into_iter().flatten().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let booleans =
            ["false", "true"].into_iter().filter(|_| schema["type"] == "boolean").map(String::from);
        return listed.chain(booleans).map(|label| Suggestion { label, ..Suggestion::default() }).collect();
    }
    let owes = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let pad = " ".repeat(place.deeper);
    let option = |(name, field): (&String, &Value)| {
        let ty = field["type"].as_str().unwrap_or("Object");
        let rest = match ty {
            "object" if place.in_braces => " {${}}".into(),
            "array" if place.in_braces => " [${}]".into(),
            "object" => format!("\n{pad}  ${{}}"),
            "array" => format!("\n{pad}- ${{}}"),
            _ => " ${}".into(),
        };
        Suggestion {
            label: name.clone(),
            detail: ty.into(),
            what: What::Field,
            required: owes(name),
            apply: Some(format!("{name}:{rest}")),
            ..Suggestion::default()
        }
    };
    let mut options: Vec<Suggestion> =
        schema["properties"].as_object().into_iter().flatten().map(option).collect();
    sorting::sort_by_key(&mut options, |option| (!option.required, option.label == "status"));
    options
}

/// The schema of a key's value, through lists.
fn below<'s>(schema: &'s Value, key: &str) -> &'s Value {
    let mut schema = schema;
    while schema["items"].is_object() {
        schema = &schema["items"];
    }
    match schema["properties"].get(key) {
        Some(found) => found,
        None => &schema["additionalProperties"],
    }
}

#[cfg(test)]
mod tests;
