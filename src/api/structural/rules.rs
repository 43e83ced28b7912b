//! The rules over objects that a schema holds (`x-kubernetes-validations`), compiled and evaluated
//! (`apiextensions-apiserver/pkg/apiserver/schema/cel`).

use serde_json::Value as Json;

use super::flag;
use crate::api::cel::{Program, Type, Value, of_json, of_schema};
use crate::api::field_error::{FieldError, Path, quoted};

/// Compiles the expression of a rule in a place of the schema; `wanted` is its type.
///
/// # Errors
/// Why it is no such expression.
pub fn compile(
    schema: &Json,
    is_root: bool,
    rule: &Json,
    text: &str,
    wanted: (char, &str),
) -> Result<Program, String> {
    let own = of_schema(schema, is_root).unwrap_or(Type::Dyn);
    let old = if flag(rule, "optionalOldSelf") { Type::Optional(own.clone().into()) } else { own.clone() };
    Program::compile(text, &[("self", own), ("oldSelf", old)], (&Type::Plain(wanted.0), wanted.1))
}

/// What an object breaks, the old version being what it was before a change.
pub fn evaluate(schema: &Json, value: &Json, old: Option<&Json>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, value, old, &mut String::new(), true, &mut errors);
    errors
}

/// What a value that is no whole object breaks, such as a default of a field; it has no past.
pub fn evaluate_part(schema: &Json, value: &Json) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, value, None, &mut String::new(), false, &mut errors);
    errors
}

fn walk(
    schema: &Json,
    value: &Json,
    old: Option<&Json>,
    path: &mut String,
    is_root: bool,
    errors: &mut Vec<FieldError>,
) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        if !value.is_null() {
            errors.extend(broken(schema, rule, value, old, path, is_root));
        }
    }
    let length = path.len();
    match value {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(&schema["items"], item, earlier(schema, item, old), path, false, errors);
                path.truncate(length);
            }
        }
        Json::Object(fields) => {
            for (name, field) in fields {
                let known = &schema["properties"][name.as_str()];
                let (schema, step) = match (known.is_object(), &schema["additionalProperties"]) {
                    (false, rest) if rest.is_object() => (rest, format!("[{name}]")),
                    _ => (known, if length == 0 { name.clone() } else { format!(".{name}") }),
                };
                path.push_str(&step);
                walk(schema, field, old.and_then(|old| old.get(name)), path, false, errors);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// What an element of a list was before: only those of lists that are maps can be told.
fn earlier<'a>(schema: &Json, item: &Json, old: Option<&'a Json>) -> Option<&'a Json> {
    if schema["x-kubernetes-list-type"] != "map" {
        return None;
    }
    let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
    let same = |other: &&Json| keys.iter().filter_map(Json::as_str).all(|key| other[key] == item[key]);
    old?.as_array()?.iter().find(same)
}

/// What is wrong with a value that breaks a rule.
fn broken(
    schema: &Json,
    rule: &Json,
    value: &Json,
    old: Option<&Json>,
    path: &str,
    is_root: bool,
) -> Option<FieldError> {
    let text = |name: &str| rule[name].as_str().unwrap_or_default().trim();
    let shown = quoted(schema["type"].as_str().unwrap_or_default());
    let at = Path::new(path);
    let program = match compile(schema, is_root, rule, text("rule"), ('b', "")) {
        Ok(program) => program,
        Err(why) => return Some(FieldError::invalid(&at, shown, &format!("rule compile error: {why}"))),
    };
    let (of_change, optional) = (program.uses("oldSelf"), flag(rule, "optionalOldSelf"));
    // What has not changed may stay as it is; what is new has no past.
    if (of_change && old.is_none() && !optional) || (!of_change && old == Some(value)) {
        return None;
    }
    let before = old.map(|old| of_json(old, schema));
    let before = if optional { Value::optional(before) } else { before.unwrap_or(Value::Null) };
    let names = [("self", of_json(value, schema)), ("oldSelf", before)];
    let said = if text("message").is_empty() { text("rule") } else { text("message") };
    match program.evaluate(&names) {
        Ok(Value::Bool(true)) => return None,
        Ok(_) => {}
        Err(why) if why.starts_with("no such overload") => {
            let why = format!(
                "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {said}"
            );
            return Some(FieldError::invalid(&at, shown, &why));
        }
        Err(why) => return Some(FieldError::invalid(&at, shown, &format!("{why} evaluating rule: {said}"))),
    }
    let told = compile(schema, is_root, rule, text("messageExpression"), ('s', "")).ok();
    let told =
        told.filter(|_| !text("messageExpression").is_empty()).and_then(|told| told.evaluate(&names).ok());
    let detail = match told.and_then(|told| if let Value::String(told) = told { Some(told) } else { None }) {
        Some(told) if !told.trim().is_empty() && !told.contains('\n') => told.trim().to_string(),
        _ if text("message").is_empty() => format!("failed rule: {said}"),
        _ => said.to_string(),
    };
    let place = text("fieldPath");
    let at = if place.is_empty() { at } else { Path::new(format!("{path}{place}").trim_start_matches('.')) };
    Some(match rule["reason"].as_str() {
        Some("FieldValueForbidden") => FieldError::forbidden(&at, &detail),
        Some("FieldValueRequired") => FieldError::required(&at, &detail),
        Some("FieldValueDuplicate") => FieldError::duplicate(&at, shown),
        _ => FieldError::invalid(&at, shown, &detail),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: &Json, value: Json, old: Option<Json>) -> Vec<String> {
        evaluate(schema, &value, old.as_ref()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_are_asked_where_they_stand() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object",
            "properties": {
                "min": {"type": "integer"}, "max": {"type": "integer"},
                "class": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "class is immutable"}]},
                "ports": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
                        "x-kubernetes-validations": [{"rule": "self.port >= oldSelf.port", "messageExpression": "'was %d'.format([oldSelf.port])"}]},
                },
            },
            "x-kubernetes-validations": [
                {"rule": "self.min <= self.max"},
                {"rule": "!has(self.class) || self.class != 'bad'", "message": "bad class", "reason": "FieldValueForbidden", "fieldPath": ".class"},
            ],
        }}});
        assert_eq!(found(&schema, json!({"spec": {"min": 1, "max": 2}}), None), Vec::<String>::new());
        assert_eq!(
            found(&schema, json!({"spec": {"min": 3, "max": 2, "class": "bad"}}), None),
            [
                "spec: Invalid value: \"object\": failed rule: self.min <= self.max",
                "spec.class: Forbidden: bad class",
            ]
        );
        assert_eq!(
            found(&schema, json!({"spec": {"min": 3}}), None),
            ["spec: Invalid value: \"object\": no such key: max evaluating rule: self.min <= self.max"]
        );
        let old = json!({"spec": {"min": 3, "max": 2, "class": "a", "ports": [{"name": "x", "port": 8}]}});
        assert_eq!(found(&schema, old.clone(), Some(old.clone())), Vec::<String>::new());
        let mut new = old.clone();
        new["spec"] = json!({"min": 1, "max": 2, "class": "b", "ports": [{"name": "y", "port": 1}, {"name": "x", "port": 2}]});
        assert_eq!(
            found(&schema, new, Some(old)),
            [
                "spec.class: Invalid value: \"string\": class is immutable",
                "spec.ports[1]: Invalid value: \"object\": was 8",
            ]
        );
    }
}
