//! What is wrong with one field (`field.Error` upstream), and the path that leads to it.

use std::fmt;

use super::status::Cause;

/// A path into an object, written as the API server writes it: `spec.containers[0].image`,
/// `metadata.labels[app]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// The path of a top-level field.
    pub fn new(name: &str) -> Path {
        Path(name.to_string())
    }

    /// A field of what this path leads to.
    #[must_use]
    pub fn child(&self, name: &str) -> Path {
        if self.0.is_empty() { Path::new(name) } else { Path(format!("{}.{name}", self.0)) }
    }

    /// An element of the list that this path leads to.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        Path(format!("{}[{index}]", self.0))
    }

    /// An entry of the map that this path leads to.
    #[must_use]
    pub fn key(&self, key: &str) -> Path {
        Path(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<nil>" } else { &self.0 })
    }
}

/// One violated rule: a path and what is wrong there, in the API server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    path: Path,
    message: String,
}

impl FieldError {
    /// Several in one line (`utilerrors.Aggregate`); empty without any.
    pub fn together(errors: &[FieldError]) -> String {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        match texts.as_slice() {
            [one] => one.clone(),
            [] => String::new(),
            several => format!("[{}]", several.join(", ")),
        }
    }

    /// `Required value`, with what is required if that needs saying.
    pub fn required(path: &Path, detail: &str) -> FieldError {
        let message =
            if detail.is_empty() { "Required value".into() } else { format!("Required value: {detail}") };
        FieldError { path: path.clone(), message }
    }

    /// `Invalid value: <value>: <why>`. Pass a text value through [`quoted`].
    pub fn invalid(path: &Path, value: impl fmt::Display, why: &str) -> FieldError {
        let colon = if why.is_empty() { "" } else { ": " };
        FieldError { path: path.clone(), message: format!("Invalid value: {value}{colon}{why}") }
    }

    /// `Invalid value: <why>`, of what is too large to be shown.
    pub fn invalid_without_value(path: &Path, why: &str) -> FieldError {
        FieldError { path: path.clone(), message: format!("Invalid value: {why}") }
    }

    /// `Unsupported value: "x": supported values: "a", "b"`, the supported ones in the order given.
    pub fn not_supported(path: &Path, value: &str, supported: &[&str]) -> FieldError {
        FieldError::not_supported_as(path, &quoted(value), supported)
    }

    /// As [`FieldError::not_supported`], of a value that is shown in some other way.
    pub fn not_supported_as(path: &Path, shown: &str, supported: &[&str]) -> FieldError {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {shown}: supported values: {}", supported.join(", "));
        FieldError { path: path.clone(), message }
    }

    /// `Duplicate value: "x"`.
    pub fn duplicate(path: &Path, value: impl fmt::Display) -> FieldError {
        FieldError { path: path.clone(), message: format!("Duplicate value: {value}") }
    }

    /// `Forbidden: <why>`.
    pub fn forbidden(path: &Path, why: &str) -> FieldError {
        FieldError { path: path.clone(), message: format!("Forbidden: {why}") }
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(path: &Path, max: usize) -> FieldError {
        FieldError { path: path.clone(), message: format!("Too long: may not be more than {max} bytes") }
    }

    /// `Too many: 5: must have at most 3 items`.
    pub fn too_many(path: &Path, count: usize, max: usize) -> FieldError {
        let items = if max == 1 { "item" } else { "items" };
        FieldError {
            path: path.clone(),
            message: format!("Too many: {count}: must have at most {max} {items}"),
        }
    }

    /// `Not found: "x"`.
    pub fn not_found(path: &Path, value: &str) -> FieldError {
        FieldError { path: path.clone(), message: format!("Not found: {value:?}") }
    }

    /// `Not found: "x": <where it was looked for>`.
    pub fn not_found_in(path: &Path, value: &str, among: &str) -> FieldError {
        FieldError { path: path.clone(), message: format!("Not found: {value:?}: {among}") }
    }

    /// The same of a part of something that is itself at `path`.
    #[must_use]
    pub fn under(self, path: &Path) -> FieldError {
        let path = match (path.0.as_str(), self.path.0.as_str()) {
            (whole, "") => Path(whole.into()),
            (whole, part) if part.starts_with('[') => Path(format!("{whole}{part}")),
            (whole, part) => Path(format!("{whole}.{part}")),
        };
        FieldError { path, message: self.message }
    }

    pub(super) fn into_cause(self) -> Cause {
        Cause { field: self.path.to_string(), message: self.message }
    }
}

/// A text value as Go quotes it in an error.
pub fn quoted(value: &str) -> String {
    format!("{value:?}")
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
