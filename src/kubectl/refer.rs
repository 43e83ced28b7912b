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
    Some(Template::parse(&template).ok()?.fill(&object.to_value()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::apiserver::{Actor, ApiServer, FieldValidation, Origin};

    #[test]
    fn fields_are_named_shortly() {
        let mut api = ApiServer::new(1);
        let mut put = |object: Value| {
            let text = |name: &str| object[name].as_str().unwrap();
            let kind = api.view().kind_from_manifest(text("apiVersion"), text("kind")).unwrap();
            let object = api.decode(kind, &object, FieldValidation::Strict, &mut Vec::new()).unwrap();
            api.create(&Origin::new(Actor::User), object).unwrap();
        };
        put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
        put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}));
        put(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}),
        );
        let cases = [
            ("node/node-1 .metadata.name", Some("node-1")),
            ("no/node-1  {.metadata.name}!", Some("node-1!")),
            ("cm/shop/web .metadata.namespace", Some("shop")),
            ("configmap/web .metadata.name", None),
            ("node/node-1 .spec.nothing", Some("")),
            ("node/node-9 .metadata.name", None),
            ("node/node-1 .metadata[", None),
            ("node/node-1", None),
            ("thing/node-1 .metadata.name", None),
            ("", None),
        ];
        for (expression, want) in cases {
            assert_eq!(value_of(api.view(), expression).as_deref(), want, "{expression}");
        }
    }
}
