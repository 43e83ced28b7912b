//! Strict decoding: whether a value fits a type, in the words of the API server's JSON decoder.
//!
//! Go's decoder goes through an object's keys in order, remembers the first value of a wrong type, goes on, and
//! gives up at once only where a type decodes itself (quantities, times). Fields it does not know count only when
//! nothing else is wrong. Keys come sorted because kubectl sends them sorted, and so does a `serde_json` map.
//!
//! Models sigs.k8s.io/json with `DisallowUnknownFields`.

use super::table::{SchemaOr, Table, Type, TypeId};
use super::values::{check_quantity, check_time};
use crate::api::manifest::{base64, json_float};
use serde_json::{Number, Value};
use std::fmt;

/// Go keeps at most this many unknown fields.
const STRICT_ERRORS_MAX: usize = 100;

/// Why the server does not take an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// A value of a wrong type.
    Invalid(Finding),
    /// Fields that do not exist; only strict field validation refuses them.
    UnknownFields(Vec<Finding>),
}

/// One thing wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    /// Path with list indexes: `spec.containers[0].imagee`.
    pub path: String,
    /// The server's words.
    pub message: String,
}

/// What the decoder does about a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// Remembers the first, and goes on.
    WrongType,
    /// Gives up at once: the value of a type that decodes itself.
    Malformed,
    /// Refuses only if strict, and if nothing else is wrong.
    UnknownField,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            DecodeError::Invalid(finding) => f.write_str(&finding.message),
            DecodeError::UnknownFields(findings) => {
                f.write_str("strict decoding error: ")?;
                for (at, finding) in findings.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    f.write_str(&finding.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// The answer of the API server (400 BadRequest) for an object of this `apiVersion` and `kind`.
    pub fn status_message(&self, api_version: &str, kind: &str) -> String {
        let version = api_version.rsplit('/').next().unwrap_or(api_version);
        format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {self}")
    }

    /// The path of the first finding.
    pub fn path(&self) -> &str {
        match self {
            DecodeError::Invalid(finding) => &finding.path,
            DecodeError::UnknownFields(findings) => findings.first().map_or("", |finding| &finding.path),
        }
    }
}

/// Decodes with `fieldValidation: Strict`.
pub fn strict_decode(ty: TypeId, value: &Value) -> Result<(), DecodeError> {
    verdict(inspect(ty, value))
}

/// Decodes without regard to unknown fields (`fieldValidation: Ignore` and `Warn`).
pub fn decode(ty: TypeId, value: &Value) -> Result<(), DecodeError> {
    let known = |finding: &Finding| finding.kind != FindingKind::UnknownField;
    verdict(inspect(ty, value).into_iter().filter(known).collect())
}

/// Checks `metadata` alone, as kubectl does before it sends anything: `error: unable to decode "STDIN": ` and this.
pub fn decode_object_meta(object: &Value) -> Result<(), DecodeError> {
    let Some(meta) = Table::get().named("meta/v1", "ObjectMeta") else { return Ok(()) };
    let mut decoder = Decoder { strukt: "metadataOnlyObject", ..Decoder::default() };
    if let Some(value) = object.get("metadata") {
        decoder.fields.push("metadata");
        decoder.within(".metadata", |d| d.value(&Type::Object(meta), value));
    }
    let known = |finding: &Finding| finding.kind != FindingKind::UnknownField;
    verdict(decoder.findings.into_iter().filter(known).collect())
}

/// Everything wrong with a value, in the order the decoder meets it.
pub fn inspect(ty: TypeId, value: &Value) -> Vec<Finding> {
    let mut decoder = Decoder::default();
    decoder.value(&Type::Object(ty), value);
    decoder.findings
}

fn verdict(findings: Vec<Finding>) -> Result<(), DecodeError> {
    let first = |kind: FindingKind| findings.iter().find(|finding| finding.kind == kind);
    if let Some(finding) = first(FindingKind::Malformed).or_else(|| first(FindingKind::WrongType)) {
        return Err(DecodeError::Invalid(finding.clone()));
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(DecodeError::UnknownFields(findings.into_iter().take(STRICT_ERRORS_MAX).collect()))
}

#[derive(Default)]
struct Decoder {
    findings: Vec<Finding>,
    /// Path with indexes and map keys.
    path: String,
    /// Go's error context: the innermost struct, and the names of the fields on the way (no indexes, no map keys).
    strukt: &'static str,
    fields: Vec<&'static str>,
}

impl Decoder {
    fn value(&mut self, ty: &Type, value: &Value) {
        // null leaves every Go value as it is.
        if value.is_null() {
            return;
        }
        match ty {
            Type::Object(id) => self.object(*id, ty, value),
            Type::List(item) => self.list(item, ty, value),
            Type::Map(item) => self.map(item, ty, value),
            Type::String(_) if value.is_string() => {}
            Type::Bool if value.is_boolean() => {}
            Type::Float if value.is_number() => {}
            Type::Int32 | Type::Int64 if value.is_number() => self.integer(ty, value),
            Type::String(_) | Type::Bool | Type::Float | Type::Int32 | Type::Int64 => {
                self.mismatch(ty, value)
            }
            Type::Bytes => self.bytes(ty, value),
            Type::Quantity => self.quantity(value),
            Type::IntOrString => self.int_or_string(value),
            Type::Time => self.time(value, false),
            Type::MicroTime => self.time(value, true),
            Type::Any => {}
            Type::SchemaOr(other) => self.schema_or(*other, value),
        }
    }

    fn object(&mut self, id: TypeId, ty: &Type, value: &Value) {
        let Value::Object(map) = value else { return self.mismatch(ty, value) };
        let outer = (self.strukt, self.fields.len());
        for (key, value) in map {
            let Some(field) = id.field(key) else {
                let dot = if self.path.is_empty() { "" } else { "." };
                let path = format!("{}{dot}{key}", self.path);
                let message = format!("unknown field \"{path}\"");
                self.findings.push(Finding { kind: FindingKind::UnknownField, path, message });
                continue;
            };
            self.strukt = id.name();
            self.fields.push(field.name);
            self.within(&format!(".{key}"), |d| d.value(&field.ty, value));
            self.strukt = outer.0;
            self.fields.truncate(outer.1);
        }
    }

    fn list(&mut self, item: &Type, ty: &Type, value: &Value) {
        let Value::Array(items) = value else { return self.mismatch(ty, value) };
        for (at, value) in items.iter().enumerate() {
            self.within(&format!("[{at}]"), |d| d.value(item, value));
        }
    }

    fn map(&mut self, item: &Type, ty: &Type, value: &Value) {
        let Value::Object(map) = value else { return self.mismatch(ty, value) };
        for (key, value) in map {
            self.within(&format!(".{key}"), |d| d.value(item, value));
        }
    }

    fn integer(&mut self, ty: &Type, value: &Value) {
        let fits = match (ty, value.as_i64()) {
            (Type::Int32, Some(n)) => i32::try_from(n).is_ok(),
            (_, n) => n.is_some(),
        };
        if !fits && let Value::Number(number) = value {
            let message = self.go_message(&format!("number {}", go_number(number)), &ty.go());
            self.push(FindingKind::WrongType, message);
        }
    }

    fn bytes(&mut self, ty: &Type, value: &Value) {
        match value {
            Value::String(text) => {
                if let Err(at) = base64::decode(text) {
                    self.push(FindingKind::WrongType, format!("illegal base64 data at input byte {at}"));
                }
            }
            // Go takes a list of small numbers for bytes.
            Value::Array(items) if items.iter().all(|n| n.as_u64().is_some_and(|n| n < 256)) => {}
            _ => self.mismatch(ty, value),
        }
    }

    fn quantity(&mut self, value: &Value) {
        let text = match value {
            Value::String(text) => text.trim().to_string(),
            Value::Number(number) => go_number(number),
            other => other.to_string(),
        };
        if let Err(message) = check_quantity(&text) {
            self.push(FindingKind::Malformed, message.to_string());
        }
    }

    fn int_or_string(&mut self, value: &Value) {
        let found = match value {
            Value::String(_) => return,
            Value::Number(number) => match number.as_i64() {
                Some(n) if i32::try_from(n).is_ok() => return,
                _ => format!("number {}", go_number(number)),
            },
            other => json_kind(other).to_string(),
        };
        // It decodes itself, and the decoder around it adds the place to an error about types.
        let message = self.go_message(&found, "int32");
        self.push(FindingKind::Malformed, message);
    }

    fn time(&mut self, value: &Value, micro: bool) {
        let result = match value {
            Value::String(text) => check_time(text, micro),
            other => Err(self.go_message(json_kind(other), "string")),
        };
        if let Err(message) = result {
            self.push(FindingKind::Malformed, message);
        }
    }

    /// These types decode themselves with a decoder of their own, which ignores unknown fields.
    fn schema_or(&mut self, other: SchemaOr, value: &Value) {
        let schema = Table::get().named("apiextensions/v1", "JSONSchemaProps");
        match (other, value) {
            (_, Value::Object(_)) => self.nested_schema(schema, value),
            (SchemaOr::Bool, Value::Bool(_)) => {}
            (SchemaOr::Bool, _) => {
                self.push(FindingKind::Malformed, "boolean or JSON schema expected".into())
            }
            (SchemaOr::Schemas, Value::Array(items)) => {
                items.iter().for_each(|item| self.nested_schema(schema, item));
            }
            (SchemaOr::Strings, Value::Array(items)) => {
                if let Some(item) = items.iter().find(|item| !item.is_string() && !item.is_null()) {
                    let kind = json_kind(item);
                    self.push(
                        FindingKind::Malformed,
                        format!("json: cannot unmarshal {kind} into Go value of type string"),
                    );
                }
            }
            (SchemaOr::Schemas | SchemaOr::Strings, _) => {}
        }
    }

    fn nested_schema(&mut self, schema: Option<TypeId>, value: &Value) {
        if let Some(Err(DecodeError::Invalid(finding))) = schema.map(|schema| decode(schema, value)) {
            self.push(FindingKind::Malformed, finding.message);
        }
    }

    fn mismatch(&mut self, ty: &Type, value: &Value) {
        let message = self.go_message(json_kind(value), &ty.go());
        self.push(FindingKind::WrongType, message);
    }

    fn go_message(&self, found: &str, ty: &str) -> String {
        if self.fields.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {ty}");
        }
        let fields = self.fields.join(".");
        format!("json: cannot unmarshal {found} into Go struct field {}.{fields} of type {ty}", self.strukt)
    }

    fn push(&mut self, kind: FindingKind, message: String) {
        self.findings.push(Finding { kind, path: self.path.clone(), message });
    }

    fn within(&mut self, step: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(if length == 0 { step.strip_prefix('.').unwrap_or(step) } else { step });
        visit(self);
        self.path.truncate(length);
    }
}

/// Go's name of a JSON value.
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn go_number(number: &Number) -> String {
    if number.is_f64() { number.as_f64().map_or_else(String::new, json_float) } else { number.to_string() }
}
