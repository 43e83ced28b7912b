//! The rules of rules over objects (`x-kubernetes-validations`): what they must say, and that they compile.

use serde_json::Value;

use super::at::{At, Errors};
use super::internal;
use crate::api::structural;

const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// What the rules of one schema say beside expressions.
pub fn validate(schema: &At, errors: &mut Errors) {
    for rule in schema.get("x-kubernetes-validations").items() {
        let (text, message) = (rule.get("rule"), rule.get("message"));
        let has_lines = |at: &At| at.text().trim().contains(['\n', '\r']);
        if text.text().trim().is_empty() {
            errors.required(&text, "rule is not specified");
        } else if !message.is_empty() && message.text().trim().is_empty() {
            errors.invalid(&message, "message must be non-empty if specified");
        } else if has_lines(&message) {
            errors.invalid(&message, "message must not contain line breaks");
        } else if has_lines(&text) && message.is_empty() {
            errors.required(&message, "message must be specified if rule contains line breaks");
        }
        let expression = rule.get("messageExpression");
        if !expression.is_empty() && expression.text().trim().is_empty() {
            errors.required(&expression, "messageExpression must be non-empty if specified");
        }
        if rule.get("reason").is_set() {
            errors.one_of(&rule.get("reason"), &REASONS);
        }
        validate_place(schema, &rule.get("fieldPath"), errors);
    }
}

/// The field that a rule complains about is one of the schema's.
fn validate_place(schema: &At, place: &At, errors: &mut Errors) {
    if place.is_empty() {
        return;
    }
    if place.text().trim().is_empty() {
        errors.invalid(place, "fieldPath must be non-empty if specified");
    }
    if place.text().contains(['\n', '\r']) {
        errors.invalid(place, "fieldPath must not contain line breaks");
    }
    if !leads_to_a_field(schema.value(), place.text()) {
        errors.invalid(place, "fieldPath must be a valid path");
    }
}

/// Whether `.spec['key']` leads from field to field, or into the values of a map (`ValidFieldPath`).
fn leads_to_a_field(mut schema: &Value, path: &str) -> bool {
    let mut rest = path;
    while !rest.is_empty() {
        let Some((name, after)) = step(rest) else { return false };
        let inner = match (&schema["properties"], &schema["additionalProperties"]) {
            (Value::Object(fields), _) => fields.get(&name),
            (_, values) if values.is_object() => Some(values),
            _ => None,
        };
        let Some(inner) = inner else { return false };
        (schema, rest) = (inner, after);
    }
    true
}

/// The first name of a path, and what follows.
fn step(path: &str) -> Option<(String, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (end > 0).then(|| (rest[..end].to_string(), &rest[end..]));
    }
    let rest = path.strip_prefix("['")?;
    let end = rest.find("']")?;
    Some((rest[..end].replace("\\'", "'"), &rest[end + 2..]))
}

/// Expressions fit the schema where they stand. `untold` is the schema whose values cannot be told from others after a change, and
/// this one is in.
pub fn compile(schema: &At, is_root: bool, untold: Option<&At>, errors: &mut Errors) {
    schema.get("x-kubernetes-validations").items().for_each(|rule| {
        compile_rule(schema, is_root, untold, &rule, errors);
    });
}

fn compile_rule(schema: &At, is_root: bool, untold: Option<&At>, rule: &At, errors: &mut Errors) {
    let shown = || internal::dump("ValidationRule", rule.value());
    let (text, told) = (rule.get("rule"), rule.get("messageExpression"));
    let wanted = ('b', "cel expression must evaluate to a bool");
    let program = structural::rules::compile(schema.value(), is_root, rule.value(), text.text(), wanted);
    if let Err(why) = &program {
        errors.invalid_as(&text, &shown(), why);
    }
    if !told.text().trim().is_empty() {
        let wanted = ('s', "messageExpression must evaluate to a string");
        if let Err(why) =
            structural::rules::compile(schema.value(), is_root, rule.value(), told.text(), wanted)
        {
            errors.invalid_as(&told, &shown(), &format!("messageExpression {why}"));
        }
    }
    let looks_back = program.is_ok_and(|program| program.uses("oldSelf"));
    let optional = rule.get("optionalOldSelf");
    if looks_back {
        if let Some(untold) = untold {
            let why = format!(
                "oldSelf cannot be used on the uncorrelatable portion of the schema within {}",
                untold.path()
            );
            errors.invalid(&text, &why);
        }
    } else if optional.is_set() {
        errors.invalid(&optional, "may not be set if oldSelf is not used in rule");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_say_what_they_may() {
        let cases = [
            (json!({"rule": "has(self.a)", "fieldPath": ".a"}), ""),
            (json!({"rule": "has(self.a)", "fieldPath": ".m['x.y']"}), ""),
            (json!({"rule": "has(self.a)", "fieldPath": ".m.x"}), ""),
            (json!({"rule": "self == oldSelf", "optionalOldSelf": false}), ""),
            (
                json!({"rule": "has(self.a)", "fieldPath": ".b"}),
                "x-kubernetes-validations[0].fieldPath: Invalid value: \".b\": fieldPath must be a valid path",
            ),
            (
                json!({"rule": "has(self.a)", "fieldPath": "a"}),
                "x-kubernetes-validations[0].fieldPath: Invalid value: \"a\": fieldPath must be a valid path",
            ),
            (
                json!({"rule": "has(self.a)", "optionalOldSelf": true}),
                "x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
            ),
            (json!({"rule": " "}), "x-kubernetes-validations[0].rule: Required value: rule is not specified"),
        ];
        for (rule, want) in cases {
            let schema = json!({
                "type": "object",
                "properties": {"a": {"type": "string"}, "m": {"type": "object", "additionalProperties": {"type": "string"}}},
                "x-kubernetes-validations": [rule],
            });
            let mut errors = Errors::default();
            validate(&At::root(&schema), &mut errors);
            if errors.is_empty() {
                compile(&At::root(&schema), false, None, &mut errors);
            }
            let texts: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
            assert_eq!(texts.join(", "), want, "{rule}");
        }
    }
}
