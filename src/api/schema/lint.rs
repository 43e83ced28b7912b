//! Everything wrong with a manifest, at its line, before anything is sent.

use super::decode::{Finding, FindingKind, decode_object_meta};
use super::table::{Type, TypeId};
use super::{inspect, kind};
use crate::api::manifest::{self, Diagnostic, Document, Kind, Limits, Node, Severity, SourceMap, Span};
use crate::api::{sorting, unsimulated};
use serde_json::Value;

/// Syntax, unknown kinds, unknown fields and wrong types of a text, in order of the text.
///
/// `resolve` says whether the cluster serves a kind of an `apiVersion` (it knows custom resources, the table does
/// not). Messages are the API server's own words; an unknown field adds the name that may have been meant.
/// `Diagnostic::kubectl` holds the server's whole sentence.
pub fn lint(text: &str, resolve: &dyn Fn(&str, &str) -> bool) -> Vec<Diagnostic> {
    let stream = manifest::parse(text, &Limits::default());
    let map = SourceMap::new(text);
    let mut linter = Linter { map, resolve, found: stream.errors };
    for document in &stream.documents {
        for object in document.objects() {
            linter.object(document, object);
        }
    }
    sorting::sort_by_key(&mut linter.found, |diagnostic| (diagnostic.span, diagnostic.severity));
    linter.found
}

/// The kinds and fields of a text that change nothing in the model, in order of the text.
pub fn unsimulated(text: &str) -> Vec<Diagnostic> {
    let stream = manifest::parse(text, &Limits::default());
    let map = SourceMap::new(text);
    let mut found = Vec::new();
    for document in &stream.documents {
        for object in document.objects() {
            let text = |key: &str| object.get(key).and_then(Node::as_str).unwrap_or_default();
            let Some(ty) = kind(text("apiVersion"), text("kind")) else { continue };
            let mut note = |span: Span, path: &str| {
                let message = format!("{path}: accepted, but not simulated");
                let diagnostic = Diagnostic::new(&map, document.index, span, Severity::Unsimulated, message);
                found.push(diagnostic.path(path));
            };
            if unsimulated::KINDS.contains(&text("kind")) {
                let at = object.locate("kind").map_or(object.span, |at| at.value);
                note(at, text("kind"));
            } else {
                fields_left_alone(object, &Type::Object(ty), "", &mut note);
            }
        }
    }
    found
}

/// Whether the field at a path of keys, or one that it is in, changes nothing in the model.
pub fn is_unsimulated<'p>(api_version: &str, name: &str, path: impl IntoIterator<Item = &'p str>) -> bool {
    let mut owner = kind(api_version, name);
    unsimulated::KINDS.contains(&name)
        || path.into_iter().any(|key| {
            let Some(ty) = owner else { return false };
            owner = ty.field(key).and_then(|field| field.ty.object());
            unsimulated::is_unsimulated(ty.name(), key)
        })
}

fn fields_left_alone(node: &Node, ty: &Type, path: &str, note: &mut dyn FnMut(Span, &str)) {
    match (ty, &node.kind) {
        (Type::Object(id), Kind::Map(entries)) => {
            for entry in entries {
                let Some(field) = id.field(&entry.key) else { continue };
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                if unsimulated::is_unsimulated(id.name(), field.name) {
                    note(entry.key_span, &path);
                } else {
                    fields_left_alone(&entry.value, &field.ty, &path, note);
                }
            }
        }
        (Type::List(item), Kind::Seq(items)) => {
            for (at, value) in items.iter().enumerate() {
                fields_left_alone(value, item, &format!("{path}[{at}]"), note);
            }
        }
        _ => {}
    }
}

/// Whether an object says what it is, as kubectl checks it before anything else; `Err` holds what follows
/// `error: error validating "STDIN": `.
///
/// Models kubectl `validation.getObjectKind`.
pub fn check_type_meta(object: &Value) -> Result<(), String> {
    let errors: Vec<String> = match object {
        Value::Object(_) => {
            ["apiVersion", "kind"].iter().filter_map(|key| check_string(object, key).err()).collect()
        }
        _ => vec!["invalid object to validate".to_string()],
    };
    let list = match errors.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let advice = "if you choose to ignore these errors, turn validation off with --validate=false";
    Err(format!("error validating data: {list}; {advice}"))
}

fn check_string(object: &Value, key: &str) -> Result<(), String> {
    match object.get(key) {
        None | Some(Value::Null) => Err(format!("{key} not set")),
        Some(Value::String(text)) if key == "apiVersion" && text.matches('/').count() > 1 => {
            Err(format!("unexpected GroupVersion string: {text}"))
        }
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(format!("{key} isn't string type")),
    }
}

struct Linter<'t> {
    map: SourceMap<'t>,
    resolve: &'t dyn Fn(&str, &str) -> bool,
    found: Vec<Diagnostic>,
}

impl Linter<'_> {
    fn object(&mut self, document: &Document, object: &Node) {
        if !matches!(object.kind, Kind::Map(_)) {
            let message = "a manifest must be an object with apiVersion and kind".to_string();
            return self.push(document, object.span, message, "", None);
        }
        let value = object.to_value();
        if let Err(words) = check_type_meta(&value) {
            return self.type_meta(document, object, &value, &words);
        }
        let api_version = self.text(&value, "apiVersion");
        let name = self.text(&value, "kind");
        if !(self.resolve)(&api_version, &name) {
            let message = format!("no matches for kind \"{name}\" in version \"{api_version}\"");
            let at = object.locate("kind").map_or(object.span, |at| at.value);
            return self.push(document, at, message.clone(), "kind", Some(message));
        }
        match kind(&api_version, &name) {
            Some(ty) => self.fields(document, object, &value, ty, &api_version, &name),
            // The schema of a custom resource is the cluster's; its metadata is everyone's.
            None => {
                if let Err(error) = decode_object_meta(&value) {
                    let at = object.locate_nearest(error.path());
                    self.push(document, at.value, error.to_string(), error.path(), Some(error.to_string()));
                }
            }
        }
    }

    fn text(&self, value: &Value, key: &str) -> String {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
    }

    fn type_meta(&mut self, document: &Document, object: &Node, value: &Value, words: &str) {
        for key in ["apiVersion", "kind"] {
            if let Err(message) = check_string(value, key) {
                let at = object.locate(key).map_or(self.first_line(object.span), |at| at.value);
                self.push(document, at, message, key, Some(words.to_string()));
            }
        }
    }

    fn fields(
        &mut self,
        document: &Document,
        object: &Node,
        value: &Value,
        ty: TypeId,
        api_version: &str,
        kind: &str,
    ) {
        let version = api_version.rsplit('/').next().unwrap_or(api_version);
        for finding in inspect(ty, value) {
            let (span, message, strict) = match finding.kind {
                FindingKind::UnknownField => {
                    let at = object.locate_nearest(&finding.path);
                    (at.key.unwrap_or(at.value), with_suggestion(ty, &finding), "strict decoding error: ")
                }
                FindingKind::WrongType | FindingKind::Malformed => {
                    (object.locate_nearest(&finding.path).value, finding.message.clone(), "")
                }
            };
            let words = format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: {strict}{}",
                finding.message
            );
            self.push(document, span, message, &finding.path, Some(words));
        }
    }

    fn push(&mut self, document: &Document, span: Span, message: String, path: &str, words: Option<String>) {
        let mut diagnostic = Diagnostic::new(&self.map, document.index, span, Severity::Error, message);
        diagnostic.path = (!path.is_empty()).then(|| path.to_string());
        diagnostic.kubectl = words;
        self.found.push(diagnostic);
    }

    /// The part of a span on its first line: what to mark when something is missing from an object.
    fn first_line(&self, span: Span) -> Span {
        let line = self.map.line_span(self.map.position(span.from).line);
        Span { from: span.from, to: span.to.min(line.to).max(span.from) }
    }
}

/// `unknown field "spec.containers[0].imagee"; did you mean "image"?`
fn with_suggestion(ty: TypeId, finding: &Finding) -> String {
    let (parent, name) = finding.path.rsplit_once('.').unwrap_or(("", &finding.path));
    let fields: Vec<&str> = super::complete(ty, parent).into_iter().map(|field| field.name).collect();
    match nearest(name, &fields) {
        Some(near) => format!("{}; did you mean \"{near}\"?", finding.message),
        None => finding.message.clone(),
    }
}

/// The name of a list that another is a slip of the pen away from.
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let near =
        names.iter().map(|known| (distance(&known.to_lowercase(), &name.to_lowercase()), *known)).min();
    near.filter(|(distance, _)| *distance <= 1 + name.len() / 5).map(|(_, near)| near)
}

/// Edit distance of two short names; names too long to be a slip of the pen are just far.
fn distance(a: &str, b: &str) -> usize {
    const NAME_MAX: usize = 64;
    if a.len().max(b.len()) > NAME_MAX {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
