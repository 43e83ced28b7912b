//! Definitions that are refused, and what objects of a definition go through.

use serde_json::{Value, json};

use crate::api::{Key, Kind, MetaExt, Object, Status};
use crate::apiserver::{Actor, ApiServer, DeleteOptions, FieldValidation, Origin};

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "shirts.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster",
            "names": {"plural": "shirts", "kind": "Shirt", "shortNames": ["sh"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "color": {"type": "string", "enum": ["red", "blue"]}, "size": {"type": "string", "default": "M"},
                    }},
                    "status": {"type": "object", "properties": {"worn": {"type": "integer"}}},
                },
            }}}],
        },
    })
}

/// The definition with something else at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut changed = definition();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap()[field] = value;
    changed
}

fn origin() -> Origin {
    Origin::new(Actor::User)
}

/// Sends an object as a client would.
fn create(api: &mut ApiServer, value: &Value) -> Result<Value, Status> {
    let text = |name: &str| value[name].as_str().unwrap();
    let kind = api.view().kind_from_manifest(text("apiVersion"), text("kind")).expect("the kind is served");
    let object = api.decode(kind, value, FieldValidation::Strict, &mut Vec::new())?;
    api.create(&origin(), object).map(|stored| stored.to_value())
}

#[track_caller]
fn refused(definition: &Value, want: &str) {
    let refusal = create(&mut ApiServer::new(1), definition).expect_err("it is refused");
    let prefix = format!(
        "CustomResourceDefinition.apiextensions.k8s.io {} is invalid: ",
        definition["metadata"]["name"]
    );
    assert_eq!(refusal.message.strip_prefix(&prefix), Some(want), "{}", refusal.message);
}

#[test]
fn definitions_are_checked_as_upstream_checks_them() {
    const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";
    let color = |field: &str| format!("{SCHEMA}/properties/spec/properties/color/{field}");
    let path = |rest: &str, why: &str| format!("spec.validation.openAPIV3Schema.{rest}: {why}");
    refused(
        &with("/metadata/name", json!("shirt.example.com")),
        "metadata.name: Invalid value: \"shirt.example.com\": must be spec.names.plural+\".\"+spec.group",
    );
    refused(
        &with("/spec/scope", json!("Global")),
        "spec.scope: Unsupported value: \"Global\": supported values: \"Cluster\", \"Namespaced\"",
    );
    refused(
        &with("/spec/names/listKind", json!("Shirt")),
        "spec.names.listKind: Invalid value: \"Shirt\": kind and listKind may not be the same",
    );
    refused(
        &with("/spec/versions/0/schema", Value::Null),
        "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
    );
    refused(
        &with("/spec/versions/0/storage", json!(false)),
        "[spec.versions: Invalid value: [{\"Name\":\"v1\",\"Served\":true,\"Storage\":false,\"Deprecated\":false,\
         \"DeprecationWarning\":null,\"Schema\":null,\"Subresources\":null,\"AdditionalPrinterColumns\":null,\
         \"SelectableFields\":null}]: must have exactly one version marked as storage version, status.storedVersions: \
         Invalid value: null: must have at least one stored version]",
    );
    refused(
        &with(&format!("{SCHEMA}/type"), json!("")),
        &path("type", "Required value: must not be empty at the root"),
    );
    refused(
        &with(&color("type"), json!("text")),
        &path(
            "properties[spec].properties[color].type",
            "Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"",
        ),
    );
    refused(
        &with(&color("pattern"), json!("(")),
        &path(
            "properties[spec].properties[color].pattern",
            "Invalid value: \"(\": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): `(`",
        ),
    );
    refused(
        &with(&color("anyOf"), json!([{"type": "string"}])),
        &path(
            "properties[spec].properties[color].anyOf[0].type",
            "Forbidden: must be empty to be structural",
        ),
    );
    refused(
        &with(&color("default"), json!("pink")),
        &path(
            "properties[spec].properties[color].default",
            "Unsupported value: \"pink\": supported values: \"red\", \"blue\"",
        ),
    );
    refused(
        &with(&format!("{SCHEMA}/oneOf"), json!([{"required": ["x"]}, {"properties": {"y": {}}}])),
        &path(
            "properties[y]",
            "Required value: because it is defined in spec.validation.openAPIV3Schema.oneOf[1].properties[y]",
        ),
    );
    refused(
        &with(
            "/spec/versions/0/additionalPrinterColumns",
            json!([{"name": "A", "type": "text", "jsonPath": "a"}]),
        ),
        "[spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string, \
         spec.additionalPrinterColumns[0].JSONPath: Invalid value: \"a\": must be a simple json path starting with .]",
    );
    let hook = |client: Value, versions: Value| json!({"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": versions}});
    refused(
        &with(
            "/spec/conversion",
            hook(json!({"service": {"name": "a", "namespace": "b", "path": "/c?"}}), json!(["v1", "v1"])),
        ),
        "[spec.conversion.webhookClientConfig.service.path: Invalid value: \"/c?\": segment[0]: a lowercase RFC 1123 subdomain must \
         consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
         'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), \
         spec.conversion.conversionReviewVersions[1]: Invalid value: \"v1\": duplicate version]",
    );
    let mut of_project = with("/spec/group", json!("x.k8s.io"));
    of_project["metadata"]["name"] = json!("shirts.x.k8s.io");
    refused(
        &of_project,
        "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation \
         \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
    );
}

fn shirt(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Shirt", "metadata": {"name": "a"}, "spec": spec})
}

#[test]
fn objects_are_pruned_defaulted_and_checked() {
    let mut api = ApiServer::new(1);
    create(&mut api, &definition()).unwrap();
    let unknown = create(&mut api, &shirt(json!({"colour": "red"}))).expect_err("the field is unknown");
    let want = "Shirt in version \"v1\" cannot be handled as a Shirt: strict decoding error: unknown field \"spec.colour\"";
    assert_eq!((unknown.code, unknown.message.as_str()), (400, want));
    let invalid = create(&mut api, &shirt(json!({"color": "pink"}))).expect_err("the value is unknown");
    let want = "Shirt.example.com \"a\" is invalid: spec.color: Unsupported value: \"pink\": supported values: \"red\", \"blue\"";
    assert_eq!((invalid.code, invalid.message.as_str()), (422, want));
    let mut object = shirt(json!({"color": "red"}));
    object["status"] = json!({"worn": 3});
    let stored = create(&mut api, &object).unwrap();
    assert_eq!(stored["spec"], json!({"color": "red", "size": "M"}));
    assert_eq!(stored["status"], json!({"worn": 3}), "without the subresource, the status is a field");
    assert_eq!(stored["metadata"]["generation"], 1);
}

#[test]
fn a_status_of_its_own_is_written_apart() {
    let mut api = ApiServer::new(1);
    let mut definition = with("/spec/versions/0/subresources", json!({"status": {}}));
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["nullable"] = json!(false);
    create(&mut api, &definition).expect("what a field is by default may be said at the root");
    let mut object = shirt(json!({"color": "red"}));
    object["status"] = json!({"worn": 3});
    let stored = create(&mut api, &object).unwrap();
    assert_eq!(stored["status"], Value::Null);
    let kind = api.view().kind_from_word("sh").unwrap();
    object["status"] = json!({"worn": 4});
    object["spec"]["color"] = json!("blue");
    let object = Object::from_value(kind, object).unwrap();
    let updated = api.update_status(&origin(), object.clone()).unwrap().to_value();
    assert_eq!((&updated["status"]["worn"], &updated["spec"]["color"]), (&json!(4), &json!("red")));
    let updated = api.update(&origin(), object).unwrap();
    assert_eq!((updated.generation(), updated.to_value()["spec"]["color"].as_str()), (2, Some("blue")));
}

#[test]
fn names_belong_to_the_definition_that_had_them_first() {
    let mut api = ApiServer::new(1);
    create(&mut api, &definition()).unwrap();
    let mut other = definition();
    other["metadata"]["name"] = json!("shoes.example.com");
    other["spec"]["names"] = json!({"plural": "shoes", "kind": "Shoe", "shortNames": ["sh"]});
    create(&mut api, &other).unwrap();
    let key = Key::cluster(Kind::CUSTOM_RESOURCE_DEFINITION, "shoes.example.com");
    let conditions = |api: &ApiServer| {
        let value = api.get(&key).unwrap().to_value();
        let conditions = value["status"]["conditions"].as_array().unwrap().clone();
        conditions.iter().map(|c| format!("{}: {}", c["reason"], c["message"])).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        conditions(&api),
        "\"ShortNamesConflict\": \"\\\"sh\\\" is already in use\", \"NotAccepted\": \"not all names are accepted\""
    );
    assert_eq!(api.view().kind_from_manifest("example.com/v1", "Shoe"), None);
    // Once the first is gone, the name is free.
    let first = Key::cluster(Kind::CUSTOM_RESOURCE_DEFINITION, "shirts.example.com");
    api.delete(&origin(), &first, &DeleteOptions::default()).unwrap();
    let mut released = (*api.get(&first).unwrap()).clone();
    released.meta_mut().finalizers = None;
    api.update(&origin(), released).unwrap();
    assert!(api.view().kind_from_manifest("example.com/v1", "Shoe").is_some());
}

#[test]
fn every_served_version_takes_objects_and_the_preferred_one_shows_them() {
    let mut api = ApiServer::new(1);
    let mut both = definition();
    let mut old = both["spec"]["versions"][0].clone();
    old["name"] = json!("v1beta1");
    old["storage"] = json!(false);
    old["deprecated"] = json!(true);
    both["spec"]["versions"].as_array_mut().unwrap().push(old);
    create(&mut api, &both).unwrap();
    let mut object = shirt(json!({"color": "red"}));
    object["apiVersion"] = json!("example.com/v1beta1");
    let stored = create(&mut api, &object).unwrap();
    assert_eq!(stored["apiVersion"], "example.com/v1");
    let want = ["example.com/v1beta1 Shirt is deprecated; use example.com/v1 Shirt".to_string()];
    let (mut warnings, kind) = (Vec::new(), api.view().kind_from_word("shirts").unwrap());
    api.decode(kind, &object, FieldValidation::Strict, &mut warnings).unwrap();
    assert_eq!(warnings, want);
}
