//! A place in an object under validation, and the list of what is wrong.
//!
//! Rules read the object as the tree that the API serves: one set of functions for typed kinds and stored ones, and nothing
//! compiled once per type. A place knows how it was reached; its path is written only when something is wrong there.

use serde_json::Value;

use crate::api::field_error::{FieldError, Path, quoted};

static NULL: Value = Value::Null;

/// A value and the way to it. A field that is not there is a place too, with the value null.
#[derive(Clone, Copy)]
pub struct At<'p, 'v> {
    value: &'v Value,
    parent: Option<&'p At<'p, 'v>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'v> At<'_, 'v> {
    /// The object itself.
    pub fn root(value: &'v Value) -> At<'v, 'v> {
        At { value, parent: None, step: Step::Root }
    }

    /// A field, or one further down: `spec.template`.
    pub fn get<'a>(&'a self, name: &'a str) -> At<'a, 'v> {
        let inner = |value: &'v Value, name: &str| value.get(name).unwrap_or(&NULL);
        // Most names are of one field, and this is called a hundred times for each pod.
        let value = if name.bytes().any(|byte| byte == b'.') {
            name.split('.').fold(self.value, inner)
        } else {
            inner(self.value, name)
        };
        At { value, parent: Some(self), step: Step::Field(name) }
    }

    /// The same place under another value: what a rule says of a part is said of this path.
    pub fn with(&self, value: &'v Value) -> Self {
        At { value, ..*self }
    }

    /// A field that no tree holds, to complain about.
    pub fn named<'a>(&'a self, name: &'a str) -> At<'a, 'v> {
        At { value: self.value, parent: Some(self), step: Step::Field(name) }
    }

    /// An element of a list.
    pub fn index(&self, index: usize) -> At<'_, 'v> {
        At { value: self.value.get(index).unwrap_or(&NULL), parent: Some(self), step: Step::Index(index) }
    }

    /// An entry of a map.
    pub fn key<'a>(&'a self, key: &'a str) -> At<'a, 'v> {
        At { value: self.value.get(key).unwrap_or(&NULL), parent: Some(self), step: Step::Key(key) }
    }

    /// The elements of a list; none where there is no list.
    pub fn items(&self) -> impl Iterator<Item = At<'_, 'v>> {
        (0..self.len()).map(|index| self.index(index))
    }

    /// The keys of a map, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.value.as_object().into_iter().flat_map(|map| map.keys()).map(String::as_str)
    }

    /// The texts of a list.
    pub fn texts(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.value.as_array().into_iter().flatten().map(|value| value.as_str().unwrap_or_default())
    }

    /// The value.
    pub fn value(&self) -> &'v Value {
        self.value
    }

    /// Whether there is a value.
    pub fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// How many elements or entries there are.
    pub fn len(&self) -> usize {
        match self.value {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        }
    }

    /// Whether a text, a list or a map has nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.text().is_empty()
    }

    /// The text; empty where there is none.
    pub fn text(&self) -> &'v str {
        self.value.as_str().unwrap_or_default()
    }

    /// The number; zero where there is none.
    pub fn int(&self) -> i64 {
        self.value.as_i64().unwrap_or_default()
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    /// The value as errors show it: texts quoted, the rest as JSON.
    pub fn shown(&self) -> String {
        match self.value {
            Value::String(text) => quoted(text),
            other => other.to_string(),
        }
    }

    /// How the place is written: `spec.containers[0].image`.
    pub fn path(&self) -> Path {
        let base = self.parent.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root => base,
            Step::Field(name) => base.child(name),
            Step::Index(index) => base.index(index),
            Step::Key(key) => base.key(key),
        }
    }
}

/// What is wrong with an object, in the order of the rules.
#[derive(Default)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    /// `Required value`.
    pub fn required(&mut self, at: &At, detail: &str) {
        self.0.push(FieldError::required(&at.path(), detail));
    }

    /// `Required value` where the text, list or map is empty; whether it is.
    pub fn require(&mut self, at: &At) -> bool {
        let missing = at.is_empty();
        if missing {
            self.required(at, "");
        }
        missing
    }

    /// `Invalid value` of the place's own value.
    pub fn invalid(&mut self, at: &At, why: &str) {
        self.invalid_as(at, &at.shown(), why);
    }

    /// `Invalid value`, shown in some other way.
    pub fn invalid_as(&mut self, at: &At, shown: &str, why: &str) {
        self.0.push(FieldError::invalid(&at.path(), shown, why));
    }

    /// `Invalid value` of a number, which reads as zero where there is none.
    pub fn invalid_int(&mut self, at: &At, why: &str) {
        self.invalid_as(at, &at.int().to_string(), why);
    }

    /// `Invalid value` for every reason that a rule on texts gives.
    pub fn text(&mut self, at: &At, rule: super::text::Rule) {
        self.text_as(at, at.text(), rule);
    }

    /// As [`Errors::text`], of another text.
    pub fn text_as(&mut self, at: &At, text: &str, rule: super::text::Rule) {
        for why in rule(text) {
            self.invalid_as(at, &quoted(text), &why);
        }
    }

    /// `Forbidden`.
    pub fn forbidden(&mut self, at: &At, why: &str) {
        self.0.push(FieldError::forbidden(&at.path(), why));
    }

    /// `Unsupported value`.
    pub fn unsupported(&mut self, at: &At, supported: &[&str]) {
        self.0.push(FieldError::not_supported(&at.path(), at.text(), supported));
    }

    /// Checks a word against those that there are; whether it is one of them. An empty one is reported too.
    pub fn one_of(&mut self, at: &At, supported: &[&str]) -> bool {
        let known = supported.contains(&at.text());
        if !known {
            self.unsupported(at, supported);
        }
        known
    }

    /// As [`Errors::one_of`], and `Required value` for an empty one.
    pub fn required_one_of(&mut self, at: &At, supported: &[&str]) -> bool {
        !self.require(at) && self.one_of(at, supported)
    }

    /// `Duplicate value`.
    pub fn duplicate(&mut self, at: &At) {
        self.duplicate_as(at, &at.shown());
    }

    /// `Duplicate value`, shown in some other way.
    pub fn duplicate_as(&mut self, at: &At, shown: &str) {
        self.0.push(FieldError::duplicate(&at.path(), shown));
    }

    /// `Not found`.
    pub fn not_found(&mut self, at: &At) {
        self.0.push(FieldError::not_found(&at.path(), at.text()));
    }

    /// As [`Errors::not_found`], of another text, with where it was looked for.
    pub fn not_found_in(&mut self, at: &At, text: &str, among: &str) {
        self.0.push(FieldError::not_found_in(&at.path(), text, among));
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(&mut self, at: &At, max: usize) {
        self.0.push(FieldError::too_long(&at.path(), max));
    }

    /// `Too many: <count>: must have at most N items`.
    pub fn too_many(&mut self, at: &At, max: usize) {
        self.0.push(FieldError::too_many(&at.path(), at.len(), max));
    }

    /// `must be greater than or equal to 0`, where there is a number below that.
    pub fn non_negative(&mut self, at: &At) {
        if at.int() < 0 {
            self.invalid_int(at, "must be greater than or equal to 0");
        }
    }

    /// `must be between N and M, inclusive`.
    pub fn within(&mut self, at: &At, least: i64, most: i64) {
        if !(least..=most).contains(&at.int()) {
            self.invalid_int(at, &format!("must be between {least} and {most}, inclusive"));
        }
    }

    /// A user or group id, where one is given.
    pub fn id(&mut self, at: &At) {
        if at.is_set() {
            self.within(at, 0, i64::from(i32::MAX));
        }
    }

    /// A port number.
    pub fn port(&mut self, at: &At) {
        self.within(at, 1, 65_535);
    }

    /// `field is immutable`, shown as it would be, where two versions differ.
    pub fn immutable(&mut self, at: &At, old: &At) {
        if at.value() != old.value() {
            self.invalid(at, "field is immutable");
        }
    }

    /// Anything else that is wrong.
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much is wrong so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What is wrong.
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }
}

/// Checks what a rule says of an object.
#[cfg(test)]
#[track_caller]
pub fn check(rule: fn(&At, &mut Errors), object: &Value, want: &[&str]) {
    let mut errors = Errors::default();
    rule(&At::root(object), &mut errors);
    let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
    assert_eq!(found, want);
}
