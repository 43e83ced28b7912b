use super::*;
use serde_json::{Value, json};

use crate::client::{Actor, ApiServer, Client, FieldValidation};

#[test]
fn fields_are_named_shortly() {
    let mut api = ApiServer::new(1);
    let mut put = |object: Value| {
        let text = |name: &str| object[name].as_str().unwrap();
        let kind = api.view().kind_from_manifest(text("apiVersion"), text("kind")).unwrap();
        let object = api.decode(kind, &object, FieldValidation::Strict, &mut Vec::new()).unwrap();
        Client::new(&mut api, Actor::User, None).create_object(object).unwrap();
    };
    put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
    put(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}));
    put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}}));
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
