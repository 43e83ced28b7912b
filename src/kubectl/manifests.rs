//! What `-f` names: text, documents, objects, with the errors of every step and their places in the text.

use std::sync::Arc;

use serde_json::Value;

use super::Call;
use super::errors::Failure;
use super::folders;
use super::print::json::go_json;
use crate::api::manifest::{self, Diagnostic, Document, Limits, Severity, SourceMap};
use crate::api::schema;
use crate::api::{Kind, Status};
use crate::client::{FieldValidation, View};

/// One object of a manifest, read and understood.
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its fields as written.
    pub value: Value,
    /// What errors call its source: `STDIN`, or the file's name.
    pub source: String,
    /// Its name as written; empty if it has none.
    pub name: String,
    /// Its namespace as written; empty if it has none.
    pub namespace: String,
    /// Where it stands.
    place: Place,
}

/// What a command's `--validate` says of fields that do not exist.
///
/// # Errors
/// If it says something else.
pub fn field_validation(call: &Call<'_, '_>) -> Result<FieldValidation, Failure> {
    match call.args.value("validate") {
        None | Some("strict" | "true") => Ok(FieldValidation::Strict),
        Some("warn") => Ok(FieldValidation::Warn),
        Some("ignore" | "false") => Ok(FieldValidation::Ignore),
        Some(other) => Err(Failure::message(format!(
            "invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
        ))),
    }
}

/// An object's place in a text, for the diagnostics of what the server says about it.
struct Place {
    /// Shared by all objects of a source: a stream may hold thousands.
    text: Arc<str>,
    /// Shared by all objects of a List.
    document: Arc<Document>,
    index: usize,
}

/// What was read from all the sources: the objects, in order, and what went wrong on the way.
#[derive(Default)]
pub struct Batch {
    /// The objects that could be read.
    pub items: Vec<Item>,
    /// What could not.
    pub failures: Vec<Failure>,
}

impl Item {
    /// Where a refusal points: the unknown or mistyped field, or the fields that the server finds invalid.
    pub fn diagnose(&self, status: &Status) -> Vec<Diagnostic> {
        let map = SourceMap::new(&self.place.text);
        let objects = self.place.document.objects();
        let Some(node) = objects.get(self.place.index) else { return Vec::new() };
        let mut pointed: Vec<(String, String)> = status
            .causes
            .iter()
            .map(|cause| (cause.field.clone(), format!("{}: {}", cause.field, cause.message)))
            .collect();
        let api_version = self.value["apiVersion"].as_str().unwrap_or_default();
        if let (true, Some(type_)) = (pointed.is_empty(), schema::kind(api_version, self.kind.name())) {
            pointed = schema::inspect(type_, &self.value)
                .into_iter()
                .map(|found| (found.path.clone(), found.message.clone()))
                .collect();
        }
        if pointed.is_empty() {
            pointed.push(("kind".into(), status.message.clone()));
        }
        let at = |(path, message): (String, String)| {
            let location = node.locate_nearest(&path);
            let span = location.key.unwrap_or(location.value);
            Diagnostic::new(&map, self.place.document.index, span, Severity::Error, message).path(path)
        };
        pointed.into_iter().map(at).collect()
    }
}

/// Reads everything that the `-f` flags of a command name.
///
/// # Errors
/// If there is no such flag, or a file is not known.
pub fn read(call: &mut Call<'_, '_>) -> Result<Batch, Failure> {
    let names: Vec<String> = call.args.list("filename").into_iter().map(str::to_string).collect();
    let directory = call.args.value("kustomize").map(str::to_string);
    if names.is_empty() && directory.is_none() {
        return Err(Failure::message("must specify one of -f and -k"));
    }
    let check = field_validation(call)?;
    let mut batch = Batch::default();
    if let Some(directory) = directory {
        if !names.is_empty() {
            return Err(Failure::message("only one of -f or -k can be specified"));
        }
        let text = super::commands::kustomize::build(&directory, &call.invocation.files)?;
        read_text(call, &directory, &text, check, &mut batch);
    }
    for name in names {
        if name == "-" {
            let text = call.invocation.stdin.clone().unwrap_or_default();
            read_text(call, "STDIN", &text, check, &mut batch);
            continue;
        }
        for (source, text) in meant(&name, call)? {
            read_text(call, &source, &text, check, &mut batch);
        }
    }
    Ok(batch)
}

/// Reads what has come from elsewhere, such as an editor.
///
/// # Errors
/// A `--validate` that is none.
pub fn read_from(call: &mut Call<'_, '_>, source: &str, text: &str) -> Result<Batch, Failure> {
    let check = field_validation(call)?;
    let mut batch = Batch::default();
    read_text(call, source, text, check, &mut batch);
    Ok(batch)
}

/// The files that a value of `-f` means: one, the manifests of a folder, or those that a pattern fits.
fn meant(name: &str, call: &Call<'_, '_>) -> Result<Vec<(String, String)>, Failure> {
    let files = &call.invocation.files;
    if let Some(text) = folders::file(&folders::clean(name), files) {
        return Ok(vec![(name.to_string(), text.clone())]);
    }
    let owned = |found: Vec<(String, &String)>| -> Vec<(String, String)> {
        found.into_iter().map(|(name, text)| (name, text.clone())).collect()
    };
    if let Some(found) = folders::manifests(name, call.args.on("recursive"), files) {
        if found.is_empty() {
            return Err(Failure::message(format!(
                "error reading [{name}]: recognized file extensions are [.json .yaml .yml]"
            )));
        }
        return Ok(owned(found));
    }
    let found = if name.contains(['*', '?']) { folders::matching(name, files) } else { Vec::new() };
    if found.is_empty() {
        return Err(Failure::message(format!("the path \"{name}\" does not exist")));
    }
    Ok(owned(found))
}

fn read_text(call: &mut Call<'_, '_>, source: &str, text: &str, check: FieldValidation, batch: &mut Batch) {
    let stream = manifest::parse(text, &Limits::default());
    call.output.diagnostics.extend(stream.errors.iter().cloned());
    let text: Arc<str> = text.into();
    for document in stream.documents {
        let document = Arc::new(document);
        for (index, node) in document.objects().into_iter().enumerate() {
            let place = Place { text: text.clone(), document: document.clone(), index };
            match understand(node.to_value(), source, place, check, call.client.live()) {
                Ok(item) => batch.items.push(item),
                Err(misunderstood) => {
                    let (failure, diagnostic) = *misunderstood;
                    call.output.diagnostics.extend(diagnostic);
                    batch.failures.push(failure);
                }
            }
        }
    }
    // kubectl stops at the first document that it cannot read.
    if let Some(broken) = stream.errors.iter().find(|diagnostic| diagnostic.is_error()) {
        let words = broken.kubectl.clone().unwrap_or_else(|| broken.message.clone());
        batch.items.retain(|item| item.source != source || item.place.document.index < broken.document);
        batch.failures.push(Failure::message(format!("error parsing {source}: {words}")));
    }
}

/// What decoding says of an object whose type is not known.
fn missing_type(value: &Value) -> String {
    let what = if value["kind"].is_string() { "apiVersion" } else { "Kind" };
    format!("Object '{what}' is missing in '{}'", go_json(value))
}

type Misunderstood = Box<(Failure, Option<Diagnostic>)>;

fn understand(
    value: Value,
    source: &str,
    place: Place,
    check: FieldValidation,
    view: &View,
) -> Result<Item, Misunderstood> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let point = |place: &Place, path: &str, message: String| {
        let map = SourceMap::new(&place.text);
        let objects = place.document.objects();
        let location = objects.get(place.index)?.locate_nearest(path);
        let span = location.key.unwrap_or(location.value);
        Some(Diagnostic::new(&map, place.document.index, span, Severity::Error, message).path(path))
    };
    if let Err(words) = schema::check_type_meta(&value) {
        let words = match check {
            FieldValidation::Ignore => format!("unable to decode \"{source}\": {}", missing_type(&value)),
            FieldValidation::Strict | FieldValidation::Warn => {
                format!("error validating \"{source}\": {words}")
            }
        };
        return Err(Box::new((Failure::message(words.clone()), point(&place, "", words))));
    }
    if let Err(error) = schema::decode_object_meta(&value) {
        let words = format!("unable to decode \"{source}\": {error}");
        let diagnostic = point(&place, error.path(), error.to_string());
        return Err(Box::new((Failure::message(words), diagnostic)));
    }
    let (api_version, kind_name) = (text(&value["apiVersion"]), text(&value["kind"]));
    let meta = &value["metadata"];
    let (name, namespace) = (text(&meta["name"]), text(&meta["namespace"]));
    let Some(kind) = view.kind_from_manifest(&api_version, &kind_name) else {
        let words = format!("no matches for kind \"{kind_name}\" in version \"{api_version}\"");
        let diagnostic = point(&place, "kind", words.clone());
        let failure = format!(
            "resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" from \"{source}\": {words}\nensure CRDs are \
             installed first"
        );
        return Err(Box::new((Failure::message(failure), diagnostic)));
    };
    Ok(Item { kind, value, source: source.to_string(), name, namespace, place })
}
