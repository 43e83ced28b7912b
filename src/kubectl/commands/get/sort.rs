//! `--sort-by`: the order of what is shown (`get/sorter.go`).

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use crate::api::quantity::{self, Parsed};
use crate::api::{Object, sorting};
use crate::kubectl::errors::Failure;
use crate::kubectl::print::jsonpath::{self, Path};

/// Sorts by a field; objects without it come first.
///
/// # Errors
/// If the path cannot be read, or leads nowhere in any object.
pub fn sort(objects: &mut [Arc<Object>], text: &str) -> Result<(), Failure> {
    let path = Path::parse(text).map_err(Failure::message)?;
    let mut keyed: Vec<(Option<Key>, Arc<Object>)> =
        objects.iter().map(|object| (key(&object.to_value(), &path), object.clone())).collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        let bare = text.trim_start_matches('{').trim_end_matches('}');
        return Err(Failure::message(format!(
            "couldn't find any field with path \"{{{bare}}}\" in the list of objects"
        )));
    }
    // Texts that are all quantities are sorted as such.
    let amounts = keyed.iter().all(|(key, _)| key.as_ref().is_none_or(|key| key.amount().is_some()));
    sorting::sort_by(&mut keyed, |(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if amounts => a.amount().cmp(&b.amount()),
        (Some(a), Some(b)) => a.compare(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    keyed.into_iter().zip(objects).for_each(|((_, sorted), place)| *place = sorted);
    Ok(())
}

/// What a field sorts by.
enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    fn amount(&self) -> Option<Parsed> {
        match self {
            Key::Number(_) => None,
            Key::Text(text) => quantity::parse(text),
        }
    }

    /// Numbers by their size, texts by that of the numbers in them.
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.cmp(b),
            (Key::Text(a), Key::Text(b)) => sorting::natural(a, b),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

fn key(value: &Value, path: &Path) -> Option<Key> {
    Some(match path.first(value)? {
        Value::Number(number) => Key::Number(number.as_i64().unwrap_or(0)),
        other => Key::Text(jsonpath::text(other)),
    })
}
