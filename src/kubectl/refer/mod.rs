//! Objects and fields by a short reference, as a page around a figure names them.

use super::print::jsonpath::Template;
use crate::api::Key;
use crate::client::View;

/// The object of `pod/web-0`, `deploy/NAMESPACE/web`, `node/node-1`: kubectl's words for kinds, the namespace `default` unless
/// another is named.
pub fn key_of(view: &View, reference: &str) -> Option<Key> {
    let parts: Vec<&str> = reference.split('/').collect();
    match parts[..] {
        [word, name] => {
            let kind = view.kind_from_word(word)?;
            Some(Key::new(kind, if kind.info().namespaced { "default" } else { "" }, name))
        }
        [word, namespace, name] => view.kind_from_word(word).map(|kind| Key::new(kind, namespace, name)),
        _ => None,
    }
}

/// The field of `deploy/web .status.readyReplicas` as text: an object and a JSONPath. Empty where the object has no such field,
/// nothing where there is no such object or the path cannot be read.
pub fn value_of(view: &View, expression: &str) -> Option<String> {
    let (reference, path) = expression.trim().split_once(char::is_whitespace)?;
    let path = path.trim();
    let template = if path.starts_with('{') { path.to_string() } else { format!("{{{path}}}") };
    let object = view.object(&key_of(view, reference)?)?;
    Template::parse(&template).ok()?.fill(&object.to_value()).ok()
}

#[cfg(test)]
mod tests;
