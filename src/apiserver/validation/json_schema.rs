//! The rules of schemas in CustomResourceDefinitions: that they are structural (`pkg/apiserver/schema/validation.go`), and what of
//! OpenAPI they may use.

use serde_json::{Value, json};

use super::at::{At, Errors};
use super::schema_rules;
use crate::api::field_error::FieldError;
use crate::api::regexp::Regexp;
use crate::api::sorting;
use crate::api::structural;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Fields of a schema that may stand at the root beside a status that is written by itself, and their names there.
const AT_ROOT: [&str; 22] = [
    "description",
    "type",
    "format",
    "title",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "required",
    "items",
    "properties",
    "externalDocs",
    "example",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
const AT_ROOT_SHOWN: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength \
                             Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example \
                             XPreserveUnknownFields XValidations]";
/// Combinations of schemas.
const COMBINED: [&str; 3] = ["anyOf", "allOf", "oneOf"];

/// Where in an object a schema is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// The schema of a version.
pub fn validate(schema: &At, with_status: bool, errors: &mut Errors) {
    if !schema.value().is_object() {
        return;
    }
    if with_status {
        validate_root_with_status(schema, errors);
    }
    if schema.get("nullable").is_true() {
        errors.forbidden(&schema.get("nullable"), "nullable cannot be true at the root");
    }
    let mut structural = Errors::default();
    invariants(schema, Level::Root, &mut structural);
    complete(schema, &mut structural);
    let mut found = structural.into_vec();
    sorting::sort_by_key(&mut found, FieldError::to_string);
    let is_structural = found.is_empty();
    found.into_iter().for_each(|error| errors.push(error));
    if is_structural {
        defaults(schema, errors);
    }
    open_api(schema, true, Context::default(), errors);
}

fn validate_root_with_status(schema: &At, errors: &mut Errors) {
    if schema.get("type").is_set() && schema.get("type").text() != "object" {
        let why = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        errors.invalid(&schema.get("type"), why);
    } else if schema.keys().any(|field| !AT_ROOT.contains(&field) && says(schema.get(field).value())) {
        let why = format!(
            "only {AT_ROOT_SHOWN} fields are allowed at the root of the schema if the status subresource is enabled"
        );
        errors.invalid(schema, &why);
    }
}

/// Whether a field is more than what Go takes it for where it is absent.
fn says(value: &Value) -> bool {
    !value.is_null() && *value != false && value != ""
}

fn flag(schema: &At, name: &str) -> bool {
    schema.value()[name] == true
}

/// `anyOf` of an integer and a string, which one may say of what may be either.
fn is_int_or_string(schemas: &Value) -> bool {
    *schemas == json!([{"type": "integer"}, {"type": "string"}])
}

fn invariants(schema: &At, level: Level, errors: &mut Errors) {
    let type_ = schema.get("type");
    let (embedded, preserve) = (
        flag(schema, "x-kubernetes-embedded-resource"),
        flag(schema, "x-kubernetes-preserve-unknown-fields"),
    );
    let int_or_string = flag(schema, "x-kubernetes-int-or-string");
    let (items, properties, rest) =
        (schema.get("items"), schema.get("properties"), schema.get("additionalProperties"));
    if type_.text() == "array" && !items.is_set() {
        errors.required(&items, "must be specified");
    }
    if items.value().is_object() {
        invariants(&items, Level::Item, errors);
    }
    for name in properties.keys() {
        invariants(&properties.key(name), Level::Field, errors);
    }
    if rest.is_set() && level == Level::Root {
        errors.forbidden(&rest, "must not be used at the root");
    }
    if rest.value().is_object() {
        invariants(&rest, Level::Field, errors);
    }
    if int_or_string && preserve {
        let at = schema.get("x-kubernetes-preserve-unknown-fields");
        errors.invalid(&at, "must be false if x-kubernetes-int-or-string is true");
    }
    if int_or_string && embedded {
        let at = schema.get("x-kubernetes-embedded-resource");
        errors.invalid(&at, "must be false if x-kubernetes-int-or-string is true");
    }
    values(schema, errors);
    if embedded && type_.text() != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        if type_.is_empty() { errors.required(&type_, why) } else { errors.invalid(&type_, why) }
    } else if type_.is_empty() && !int_or_string && !preserve {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.required(&type_, why);
    }
    if embedded && rest.is_set() {
        errors.forbidden(&rest, "must not be used if x-kubernetes-embedded-resource is set");
    }
    if level == Level::Root && !type_.is_empty() && type_.text() != "object" {
        errors.invalid(&type_, "must be object at the root");
    }
    if level == Level::Root || embedded {
        metadata(&properties, level, errors);
    }
    if embedded && !preserve && properties.is_empty() {
        let why = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.required(&properties, why);
    }
}

/// What every object has may be said of, but not much.
fn metadata(properties: &At, level: Level, errors: &mut Errors) {
    for (name, wanted) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
        let field = properties.key(name);
        let type_ = field.get("type");
        if field.is_set() && type_.text() != wanted {
            errors.invalid_as(&type_, &format!("{:?}", type_.text()), &format!("must be {wanted}"));
        }
    }
    let meta = properties.key("metadata");
    let harmless = |field: &str| match field {
        "type" | "default" => true,
        "properties" => meta.get("properties").keys().all(|name| ["name", "generateName"].contains(&name)),
        _ => false,
    };
    if level == Level::Root && meta.is_set() && !meta.keys().all(harmless) {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.forbidden(&meta, why);
    }
}

/// What a schema says of values beside their structure.
fn values(schema: &At, errors: &mut Errors) {
    for name in COMBINED {
        let list = schema.get(name);
        if name == "anyOf" && is_int_or_string(list.value()) {
            continue;
        }
        for (index, part) in list.items().enumerate() {
            nested(&part, name == "allOf" && index == 0, errors);
        }
    }
    if schema.get("not").is_set() {
        nested(&schema.get("not"), false, errors);
    }
    let pattern = schema.get("pattern");
    if let Some(Err(why)) = pattern.value().as_str().filter(|text| !text.is_empty()).map(Regexp::new) {
        errors.invalid(&pattern, &format!("must be a valid regular expression, but isn't: {why}"));
    }
}

/// A schema within a combination: it says something of values, and nothing of the structure.
fn nested(schema: &At, may_be_int_or_string: bool, errors: &mut Errors) {
    if !may_be_int_or_string || !is_int_or_string(schema.get("anyOf").value()) {
        values(schema, errors);
    }
    if schema.get("items").value().is_object() {
        nested(&schema.get("items"), false, errors);
    }
    let properties = schema.get("properties");
    for name in properties.keys() {
        nested(&properties.key(name), false, errors);
    }
    for (field, why) in [
        ("type", "must be empty to be structural"),
        ("additionalProperties", "must be undefined to be structural"),
        ("default", "must be undefined to be structural"),
        ("title", "must be empty to be structural"),
        ("description", "must be empty to be structural"),
        ("nullable", "must be false to be structural"),
        ("externalDocs", "must be undefined to be structural"),
        ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
        ("x-kubernetes-embedded-resource", "must be false to be structural"),
        ("x-kubernetes-int-or-string", "must be false to be structural"),
        ("x-kubernetes-list-map-keys", "must be empty to be structural"),
        ("x-kubernetes-list-type", "must be undefined to be structural"),
        ("x-kubernetes-map-type", "must be undefined to be structural"),
        ("x-kubernetes-validations", "must be empty to be structural"),
    ] {
        let at = schema.get(field);
        let nothing = !at.is_set() || *at.value() == false || at.value() == "" || *at.value() == json!([]);
        // Of the values of a map, false says something too.
        if !nothing || (field == "additionalProperties" && at.is_set()) {
            errors.forbidden(&at, why);
        }
    }
    if properties.key("metadata").is_set() {
        errors.forbidden(&properties.key("metadata"), "must not be specified in a nested context");
    }
}

/// Every field that a combination speaks of is part of the structure.
fn complete(schema: &At, errors: &mut Errors) {
    complete_values(schema, schema, errors);
    for part in ["items", "additionalProperties"].map(|name| schema.get(name)) {
        if part.value().is_object() {
            complete(&part, errors);
        }
    }
    let properties = schema.get("properties");
    for name in properties.keys() {
        complete(&properties.key(name), errors);
    }
}

fn complete_values(values: &At, structure: &At, errors: &mut Errors) {
    if values.get("not").is_set() {
        complete_nested(&values.get("not"), structure, errors);
    }
    for name in COMBINED {
        for part in values.get(name).items() {
            complete_nested(&part, structure, errors);
        }
    }
}

fn complete_nested(values: &At, structure: &At, errors: &mut Errors) {
    if !structure.is_set() {
        return errors.required(structure, &format!("because it is defined in {}", values.path()));
    }
    complete_values(values, structure, errors);
    if values.get("items").value().is_object() {
        complete_nested(&values.get("items"), &structure.get("items"), errors);
    }
    let (properties, known) = (values.get("properties"), structure.get("properties"));
    for name in properties.keys() {
        complete_nested(&properties.key(name), &known.key(name), errors);
    }
}

/// Defaults fit the schemas that they are of.
fn defaults(schema: &At, errors: &mut Errors) {
    let default = schema.get("default");
    if default.is_set() {
        let mut pruned = default.value().clone();
        let unknown = structural::prune(schema.value(), &mut pruned);
        if !unknown.is_empty() {
            errors.invalid(&default, "must not have unknown fields");
        }
        for problem in structural::validate(schema.value(), default.value()) {
            errors.push(problem.error.under(&default.path()));
        }
    }
    for part in ["items", "additionalProperties"].map(|name| schema.get(name)) {
        if part.value().is_object() {
            defaults(&part, errors);
        }
    }
    let properties = schema.get("properties");
    for name in properties.keys() {
        defaults(&properties.key(name), errors);
    }
}

/// What holds from some schema on inwards.
#[derive(Clone, Copy, Default)]
struct Context {
    /// Why there may be no defaults.
    no_defaults: Option<&'static str>,
    /// Whether a value cannot be told from others after a change: it is in a list that is no map.
    untold: bool,
    in_metadata: bool,
}

fn open_api(schema: &At, is_root: bool, context: Context, errors: &mut Errors) {
    supported(schema, context, errors);
    if flag(schema, "uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.forbidden(&schema.get("uniqueItems"), why);
    }
    let (properties, rest) = (schema.get("properties"), schema.get("additionalProperties"));
    if rest.is_set() {
        if !properties.is_empty() && *rest.value() != true {
            errors.forbidden(&rest, "additionalProperties and properties are mutual exclusive");
        }
        let reason = "inside additionalProperties applying to object metadata";
        let no_defaults = if context.in_metadata { Some(reason) } else { context.no_defaults };
        if rest.value().is_object() {
            open_api(&rest, false, Context { no_defaults, ..context }, errors);
        }
    }
    for name in properties.keys() {
        let mut inner = context;
        let own = [
            ("metadata", "in top-level metadata"),
            ("kind", "in top-level kind"),
            ("apiVersion", "in top-level apiVersion"),
        ];
        if let Some((_, reason)) = own.iter().find(|(own, _)| *own == name)
            && (is_root || flag(schema, "x-kubernetes-embedded-resource"))
        {
            inner.in_metadata = true;
            inner.no_defaults = if is_root { Some(reason) } else { inner.no_defaults };
        }
        open_api(&properties.key(name), false, inner, errors);
    }
    if schema.get("not").is_set() {
        open_api(&schema.get("not"), false, context, errors);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        schema.get(name).items().for_each(|part| open_api(&part, false, context, errors));
    }
    if schema.get("items").value().is_object() {
        let untold = context.untold || schema.get("x-kubernetes-list-type").text() != "map";
        open_api(&schema.get("items"), false, Context { untold, ..context }, errors);
    }
    extensions(schema, errors);
    schema_rules::validate(schema, is_root, context.untold, errors);
}

/// What of OpenAPI is not to be used.
fn supported(schema: &At, context: Context, errors: &mut Errors) {
    let type_ = schema.get("type");
    if !type_.is_empty() && !TYPES.contains(&type_.text()) {
        errors.unsupported(&type_, &TYPES);
    }
    if let (true, Some(reason)) = (schema.get("default").is_set(), context.no_defaults) {
        errors.forbidden(&schema.get("default"), &format!("must not be set {reason}"));
    }
    for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        let at = schema.get(name);
        if at.is_set() && at.value() != "" && *at.value() != json!({}) {
            errors.forbidden(&at, &format!("{name} is not supported"));
        }
    }
    if type_.text() == "null" {
        errors.forbidden(&type_, "type cannot be set to null, use nullable as an alternative");
    }
    if schema.get("items").value().is_array() {
        errors.forbidden(&schema.get("items"), "items must be a schema object and not an array");
    }
    if context.in_metadata && flag(schema, "x-kubernetes-embedded-resource") {
        errors.forbidden(
            &schema.get("x-kubernetes-embedded-resource"),
            "must not be used inside of resource meta",
        );
    }
}

/// Kubernetes' own fields of a schema.
fn extensions(schema: &At, errors: &mut Errors) {
    let (type_, items) = (schema.get("type"), schema.get("items"));
    let (list, map, keys) = (
        schema.get("x-kubernetes-list-type"),
        schema.get("x-kubernetes-map-type"),
        schema.get("x-kubernetes-list-map-keys"),
    );
    let preserve = schema.get("x-kubernetes-preserve-unknown-fields");
    if *preserve.value() == false {
        errors.invalid(&preserve, "must be true or undefined");
    }
    for (at, wanted, name) in [(&map, "object", "map"), (&list, "array", "list")] {
        if at.is_set() && type_.text() != wanted {
            let why = format!("must be {wanted} if x-kubernetes-{name}-type is specified");
            if type_.is_empty() { errors.required(&type_, &why) } else { errors.invalid(&type_, &why) }
        }
    }
    if map.is_set() {
        errors.one_of(&map, &["atomic", "granular"]);
    }
    if list.is_set() {
        errors.one_of(&list, &["atomic", "set", "map"]);
    }
    if list.text() == "set" && type_.text() == "array" {
        let (inner, name) = match items.get("type").text() {
            "array" => (items.get("x-kubernetes-list-type"), ""),
            _ => (items.get("x-kubernetes-map-type"), "object"),
        };
        let wrong = match items.get("type").text() {
            "array" => inner.is_set() && inner.text() != "atomic",
            type_ => type_ == name && inner.text() != "atomic",
        };
        if wrong {
            errors.invalid(&inner, "must be atomic as item of a list with x-kubernetes-list-type=set");
        }
    }
    if !keys.is_empty() && list.text() != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        if list.is_set() { errors.invalid(&list, why) } else { errors.required(&list, why) }
    }
    if list.text() == "map" {
        map_keys(&keys, &items, errors);
    }
    if ["set", "map"].contains(&list.text()) && items.get("nullable").is_true() {
        errors.forbidden(
            &items.get("nullable"),
            &format!("cannot be nullable when x-kubernetes-list-type is {}", list.text()),
        );
    }
}

fn map_keys(keys: &At, items: &At, errors: &mut Errors) {
    if keys.is_empty() {
        errors.required(keys, "must not be empty if x-kubernetes-list-type is map");
    }
    if !items.is_set() {
        return errors.required(items, "must have a schema if x-kubernetes-list-type is map");
    }
    if items.get("type").text() != "object" {
        let why = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.invalid_as(&items.get("type"), &format!("{:?}", items.get("type").text()), why);
    }
    let properties = items.get("properties");
    for (index, key) in keys.texts().enumerate() {
        let field = properties.key(key);
        if !field.is_set() {
            errors.invalid(keys, "entries must all be names of item properties");
        } else if ["array", "object"].contains(&field.get("type").text()) {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.invalid_as(&field.get("type"), "\"object\"", why);
        }
        if keys.texts().take(index).any(|earlier| earlier == key) {
            errors.invalid(keys, "must not contain duplicate entries");
        }
    }
    for key in keys.texts().filter(|key| properties.key(key).is_set()) {
        let field = properties.key(key);
        if !items.get("required").texts().any(|required| required == key) && !field.get("default").is_set() {
            let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.required(&field.get("default"), why);
        }
        if field.get("nullable").is_true() {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.forbidden(&field.get("nullable"), why);
        }
    }
}
