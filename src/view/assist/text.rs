//! What the rest of a text says, although the line at the caret may be half typed.

use serde_json::Value;

use crate::api::manifest::{self, Limits};

/// The objects of a text, and which of them the caret is in.
pub(super) struct Text {
    pub objects: Vec<Value>,
    pub own: Option<usize>,
}

/// Reads a text without the line at a byte offset, which is being typed.
pub(super) fn read(text: &str, offset: usize) -> Text {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let from = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let to = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
    let separator = text[from..to].starts_with("---");
    let rest = if separator { text.to_string() } else { format!("{}{}", &text[..from], &text[to..]) };
    let stream = manifest::parse(&rest, &Limits::default());
    let (mut objects, mut own) = (Vec::new(), None);
    for document in &stream.documents {
        for object in document.objects() {
            if document.span.from as usize <= from && from <= document.span.to as usize + 1 {
                own = Some(objects.len());
            }
            objects.push(object.to_value());
        }
    }
    Text { objects, own }
}

impl Text {
    /// The object that the caret is in.
    pub(super) fn own(&self) -> &Value {
        self.own.map_or(&Value::Null, |at| &self.objects[at])
    }

    /// The objects of a kind in a namespace: those that name none may be meant.
    pub(super) fn of<'t>(
        &'t self,
        kind: &'t str,
        namespace: Option<&'t str>,
    ) -> impl Iterator<Item = &'t Value> {
        self.objects.iter().filter(move |object| {
            let home = object["metadata"]["namespace"].as_str();
            object["kind"] == kind && (namespace.is_none() || home.is_none() || home == namespace)
        })
    }
}

/// Goes through all values below one, each with its key.
pub(super) fn walk<'v>(value: &'v Value, see: &mut dyn FnMut(&'v str, &'v Value)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                see(key, value);
                walk(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        _ => {}
    }
}
