//! The rules of schemas in CustomResourceDefinitions: that they are structural (`pkg/apiserver/schema/validation.go`), and what of
//! OpenAPI they may use.

use serde_json::{Value, json};

use super::at::{At, Errors};
use super::{schema_extensions, schema_rules};
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
    let before = errors.len();
    let foreign = foreign_field(schema.value());
    let mut compiles = false;
    if foreign.is_none() {
        let mut structural = Errors::default();
        invariants(schema, Level::Root, &mut structural);
        complete(schema, &mut structural);
        let mut found = structural.into_vec();
        sorting::sort_by_key(&mut found, FieldError::to_string);
        if found.is_empty() {
            let before = errors.len();
            defaults(schema, errors);
            compiles = errors.len() == before;
        }
        found.into_iter().for_each(|error| errors.push(error));
    }
    let mut found = Found::default();
    open_api(schema, true, Context { compiles, ..Context::default() }, &mut found);
    found.schema.into_vec().into_iter().chain(found.rules.into_vec()).for_each(|error| errors.push(error));
    if let Some(field) = foreign.filter(|_| errors.len() == before) {
        errors.invalid_as(schema, "\"\"", &format!("OpenAPI '{field}' is not supported"));
    }
}

/// A field of OpenAPI that keeps a schema from being read as a structural one at all: nothing more is said of its structure then.
fn foreign_field(schema: &Value) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 7] = [
        ("id", "id"),
        ("$schema", "schema"),
        ("$ref", "$ref"),
        ("additionalItems", "additionalItems"),
        ("patternProperties", "patternProperties"),
        ("definitions", "definitions"),
        ("dependencies", "dependencies"),
    ];
    let own = FIELDS.iter().find(|(field, _)| says(&schema[*field]) && schema[*field] != json!({}));
    let own = own.map(|(_, shown)| *shown).or_else(|| schema["items"].is_array().then_some("items"));
    let parts = ["items", "additionalProperties", "not"].map(|field| &schema[field]);
    let lists = COMBINED.map(|field| schema[field].as_array());
    let fields = schema["properties"].as_object();
    own.or_else(|| parts.into_iter().filter(|part| part.is_object()).find_map(foreign_field))
        .or_else(|| lists.into_iter().flatten().flatten().find_map(foreign_field))
        .or_else(|| fields.into_iter().flatten().map(|(_, field)| field).find_map(foreign_field))
}

/// What is wrong with a schema and, told after that, with its rules.
#[derive(Default)]
struct Found {
    schema: Errors,
    rules: Errors,
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

/// Defaults fit the schemas that they are of, and break none of their rules.
fn defaults(schema: &At, errors: &mut Errors) {
    let default = schema.get("default");
    if default.is_set() {
        let mut pruned = default.value().clone();
        let unknown = structural::prune(schema.value(), &mut pruned);
        if !unknown.is_empty() {
            errors.invalid(&default, "must not have unknown fields");
        }
        let problems = structural::validate(schema.value(), default.value());
        // Rules are asked only of what has the schema's form.
        let broken = match problems.is_empty() {
            true => structural::rules::evaluate_part(schema.value(), default.value()),
            false => Vec::new(),
        };
        for error in problems.into_iter().map(|problem| problem.error).chain(broken) {
            errors.push(error.under(&default.path()));
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
struct Context<'a> {
    /// Why there may be no defaults.
    no_defaults: Option<&'static str>,
    /// The outermost schema whose values cannot be told from others after a change: a list that is no map, or an atomic map.
    untold: Option<&'a At<'a, 'a>>,
    in_metadata: bool,
    /// Whether rules are compiled: the schema is structural, and this is no part of a combination.
    compiles: bool,
}

impl<'a> Context<'a> {
    fn under(self, schema: &'a At<'a, 'a>, untold: bool) -> Context<'a> {
        Context { untold: self.untold.or(untold.then_some(schema)), ..self }
    }
}

fn open_api(schema: &At, is_root: bool, context: Context, found: &mut Found) {
    let before = found.schema.len();
    supported(schema, context, &mut found.schema);
    if flag(schema, "uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        found.schema.forbidden(&schema.get("uniqueItems"), why);
    }
    let (properties, rest) = (schema.get("properties"), schema.get("additionalProperties"));
    if rest.is_set() {
        if !properties.is_empty() && *rest.value() != true {
            found.schema.forbidden(&rest, "additionalProperties and properties are mutual exclusive");
        }
        let reason = "inside additionalProperties applying to object metadata";
        let no_defaults = if context.in_metadata { Some(reason) } else { context.no_defaults };
        if rest.value().is_object() {
            open_api(&rest, false, Context { no_defaults, ..context }, found);
        }
    }
    for name in properties.keys() {
        let mut inner = context.under(schema, schema.get("x-kubernetes-map-type").text() == "atomic");
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
        open_api(&properties.key(name), false, inner, found);
    }
    let part_of = Context { compiles: false, ..context };
    if schema.get("not").is_set() {
        open_api(&schema.get("not"), false, part_of, found);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        schema.get(name).items().for_each(|part| open_api(&part, false, part_of, found));
    }
    if schema.get("items").value().is_object() {
        let inner = context.under(schema, schema.get("x-kubernetes-list-type").text() != "map");
        open_api(&schema.get("items"), false, inner, found);
    }
    schema_extensions::validate(schema, &mut found.schema);
    schema_rules::validate(schema, &mut found.schema);
    if context.compiles && found.schema.len() == before {
        schema_rules::compile(schema, is_root, context.untold, &mut found.rules);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &Value, want: &[&str]) {
        let mut errors = Errors::default();
        validate(&At::root(schema), false, &mut errors);
        let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(found, want);
    }

    fn root(fields: &Value) -> Value {
        json!({"type": "object", "properties": fields})
    }

    #[test]
    fn rules_are_told_after_the_schema_and_only_where_it_is_sound() {
        let rules = json!([{"rule": "self.b"}]);
        let sound = json!({"type": "object", "x-kubernetes-validations": rules});
        let unsound = json!({"type": "object", "properties": {"c": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}},
            "x-kubernetes-validations": rules});
        let shown = r#"{"Rule":"self.b","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}"#;
        let rule = format!(
            "properties[a].x-kubernetes-validations[0].rule: Invalid value: {shown}: compilation failed: ERROR: <input>:1:5: \
             undefined field 'b'\n | self.b\n | ....^"
        );
        check(
            &root(&json!({"a": sound, "z": unsound})),
            &[
                "properties[z].properties[c].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity \
                 becomes quadratic",
                &rule,
            ],
        );
        check(
            &root(&json!({"a": sound, "z": {"type": "array"}})),
            &["properties[z].items: Required value: must be specified"],
        );
    }

    #[test]
    fn values_that_cannot_be_told_from_others_have_no_past() {
        let past = json!({"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]});
        let item = json!({"type": "object", "properties": {"n": past}});
        let list = |type_: &str| json!({"type": "array", "items": item, "x-kubernetes-list-type": type_});
        let why = "oldSelf cannot be used on the uncorrelatable portion of the schema within";
        let said = |place: &str, within: &str| {
            format!(
                "{place}.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": {why} {within}"
            )
        };
        let (of_list, of_map) = (
            said("properties[a].items.properties[n]", "properties[a]"),
            said("properties[a].properties[n]", "properties[a]"),
        );
        check(&root(&json!({"a": list("atomic")})), &[&of_list]);
        let map = json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"n": past}});
        check(&root(&json!({"a": map})), &[&of_map]);
        check(&root(&json!({"a": past})), &[]);
    }

    #[test]
    fn a_foreign_schema_is_not_looked_at_for_its_structure() {
        check(
            &root(&json!({"a": {"$ref": "#/definitions/a"}, "b": {}})),
            &["properties[a].$ref: Forbidden: $ref is not supported"],
        );
        let mut schema = root(&json!({}));
        schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
        check(&schema, &["<nil>: Invalid value: \"\": OpenAPI 'schema' is not supported"]);
    }

    #[test]
    fn items_of_a_map_are_never_null_and_have_keys() {
        let item = json!({"type": "object", "nullable": true, "properties": {"k": {"type": "string", "nullable": true}}});
        let list = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item});
        check(
            &root(&json!({"a": list})),
            &[
                "properties[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map",
                "properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must \
                 have a default or be a required property",
                "properties[a].items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be \
                 nullable",
            ],
        );
    }

    #[test]
    fn defaults_break_no_rules() {
        let positive = json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "must be positive"}]});
        let with = |mut schema: Value, default: Value| {
            schema["default"] = default;
            root(&json!({"a": schema}))
        };
        let inner = json!({"type": "object", "properties": {"n": positive}});
        check(&with(positive.clone(), json!(1)), &[]);
        check(
            &with(positive.clone(), json!(0)),
            &["properties[a].default: Invalid value: \"integer\": must be positive"],
        );
        check(
            &with(inner, json!({"n": 0})),
            &["properties[a].default.n: Invalid value: \"integer\": must be positive"],
        );
        check(
            &with(positive, json!("x")),
            &[
                "properties[a].default: Invalid value: \"string\":  in body must be of type integer: \"string\"",
            ],
        );
    }
}
