//! Whether an object fits a schema, in the words of the API server (`kube-openapi/pkg/validation/validate`, as
//! `apiextensions-apiserver/pkg/apiserver/validation` passes them on).

use serde_json::{Number, Value};

use super::formats;
use super::{flag, part, property};
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::manifest::json_float;
use crate::api::regexp::Regexp;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, and where.
    pub error: FieldError,
    /// Whether the server evaluates no rules (`x-kubernetes-validations`) over an object with such an error.
    pub blocks_rules: bool,
}

/// What does not fit.
pub fn validate(schema: &Value, value: &Value) -> Vec<Problem> {
    let mut found = Found::default();
    found.check(schema, value, "");
    found.problems
}

/// The formats that the server checks; it takes no notice of others, those of numbers among them.
const FORMATS: [&str; 25] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "date-time",
];

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    /// How many checks were made: of alternatives that all fail, the one that came furthest is reported.
    checks: u32,
}

impl Found {
    fn push(&mut self, error: FieldError, blocks_rules: bool) {
        if !self.problems.iter().any(|known| known.error == error) {
            self.problems.push(Problem { error, blocks_rules });
        }
    }

    fn merge(&mut self, other: Found) {
        self.checks += other.checks;
        other.problems.into_iter().for_each(|problem| self.push(problem.error, problem.blocks_rules));
    }

    /// `Invalid value: <shown>: <path> in body <why>`
    fn invalid(&mut self, path: &str, shown: &str, why: &str) {
        self.push(FieldError::invalid(&at(path), shown, &format!("{path} in body {why}")), false);
    }

    fn wrong_type(&mut self, path: &str, wanted: &str, found: &str) {
        let why = format!("{path} in body must be of type {wanted}: {found:?}");
        self.push(FieldError::invalid(&at(path), quoted(found), &why), true);
    }

    /// Of schemas that are combined: says that they do not fit, with nothing but a sentence.
    fn combined(&mut self, path: &str, why: &str) {
        self.push(FieldError::invalid(&Path::default(), "\"\"", &format!("{path:?} {why}")), false);
    }

    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        self.type_(schema, value, path);
        self.checks += 1;
        if value.is_null() {
            self.enumeration(schema, value, path);
            return;
        }
        self.combinations(schema, value, path);
        match value {
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, number, path),
            Value::Array(items) => self.list(schema, items, path),
            _ => {}
        }
        self.enumeration(schema, value, path);
        if let Value::Object(fields) = value {
            self.object(schema, fields, path);
        }
        self.checks += 1;
    }

    fn type_(&mut self, schema: &Value, value: &Value, path: &str) {
        let int_or_string = flag(schema, "x-kubernetes-int-or-string");
        let types: Vec<&str> = match schema["type"].as_str() {
            _ if int_or_string => vec!["integer", "string"],
            Some(type_) if !type_.is_empty() => vec![type_],
            _ => return,
        };
        let format = schema["format"].as_str().filter(|format| FORMATS.contains(format));
        let (found, form) = match value {
            Value::Null if flag(schema, "nullable") => return,
            Value::Null => ("null", ""),
            Value::Bool(_) => ("boolean", ""),
            Value::Number(number) if number.is_f64() => ("number", "float64"),
            Value::Number(_) => ("integer", "int64"),
            Value::String(_) => ("string", ""),
            Value::Array(_) => ("array", ""),
            Value::Object(_) => ("object", ""),
        };
        let whole = |number: &Number| number.as_f64().is_some_and(|number| number.fract() == 0.0);
        let fits = types.contains(&found)
            || (found == "integer" && types.contains(&"number"))
            || (types.contains(&"integer") && value.as_number().is_some_and(whole));
        let numeric = types.iter().any(|type_| ["integer", "number"].contains(type_));
        match (format, value) {
            (Some(_), Value::String(_) | Value::Array(_)) if !numeric => {}
            (Some(format), Value::Bool(_) | Value::Number(_) | Value::Object(_)) if !fits => {
                self.wrong_type(path, format, form);
            }
            _ if !fits => self.wrong_type(path, &types.join(","), found),
            _ => {}
        }
    }

    fn combinations(&mut self, schema: &Value, value: &Value, path: &str) {
        let schemas = |name: &str| schema[name].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let tries = |name: &str| -> Vec<Found> {
            let outcome = |schema: &Value| {
                let mut found = Found::default();
                found.check(schema, value, path);
                found
            };
            schemas(name).iter().map(outcome).collect()
        };
        let any = tries("anyOf");
        if !any.is_empty() && any.iter().all(|found| !found.problems.is_empty()) {
            self.combined(path, "must validate at least one schema (anyOf)");
            self.merge(best(any));
        }
        let one = tries("oneOf");
        let valid = one.iter().filter(|found| found.problems.is_empty()).count();
        if !one.is_empty() && valid != 1 {
            let why = match valid {
                0 => "Found none valid".to_string(),
                _ => format!("Found {valid} valid alternatives"),
            };
            self.combined(path, &format!("must validate one and only one schema (oneOf). {why}"));
            if valid == 0 {
                self.merge(best(one));
            }
        }
        let all = tries("allOf");
        let (count, failed) = (all.len(), all.iter().filter(|found| !found.problems.is_empty()).count());
        all.into_iter().for_each(|found| self.merge(found));
        if failed > 0 {
            let none = if failed == count { ". None validated" } else { "" };
            self.combined(path, &format!("must validate all the schemas (allOf){none}"));
        }
        if let Some(not) = part(schema, "not") {
            let mut found = Found::default();
            found.check(not, value, path);
            if found.problems.is_empty() {
                self.combined(path, "must not validate the schema (not)");
            }
        }
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        let letters = text.chars().count() as u64;
        if let Some(max) = schema["maxLength"].as_u64().filter(|max| letters > *max) {
            self.push(FieldError::too_long(&at(path), usize::try_from(max).unwrap_or(usize::MAX)), true);
        }
        if let Some(min) = schema["minLength"].as_u64().filter(|min| letters < *min) {
            self.invalid(path, &quoted(text), &format!("should be at least {min} chars long"));
        }
        if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| !pattern.is_empty())
            && !Regexp::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
        {
            self.invalid(path, &quoted(text), &format!("should match '{pattern}'"));
        }
        if let Some(format) = schema["format"].as_str().filter(|format| FORMATS.contains(format))
            && !formats::is_of(format, text)
        {
            self.wrong_type(path, format, text);
        }
    }

    fn number(&mut self, schema: &Value, number: &Number, path: &str) {
        let shown = |number: &Number| match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => json_float(float),
            None => number.to_string(),
        };
        let compare = |bound: &Number| match (number.as_i64(), bound.as_i64()) {
            (Some(number), Some(bound)) => Some(number.cmp(&bound)),
            _ => number.as_f64().partial_cmp(&bound.as_f64()),
        };
        if let Some(factor) = schema["multipleOf"].as_number() {
            let rest = number
                .as_f64()
                .zip(factor.as_f64())
                .map_or(0.0, |(number, factor)| (number / factor).fract());
            if rest != 0.0 {
                self.invalid(path, &shown(number), &format!("should be a multiple of {}", shown(factor)));
            }
        }
        for (name, exclusive, wrong, word, exclusive_word) in [
            (
                "maximum",
                "exclusiveMaximum",
                std::cmp::Ordering::Greater,
                "less than or equal to",
                "less than",
            ),
            (
                "minimum",
                "exclusiveMinimum",
                std::cmp::Ordering::Less,
                "greater than or equal to",
                "greater than",
            ),
        ] {
            let Some(bound) = schema[name].as_number() else { continue };
            let exclusive = flag(schema, exclusive);
            let order = compare(bound);
            if order == Some(wrong) || (exclusive && order == Some(std::cmp::Ordering::Equal)) {
                let word = if exclusive { exclusive_word } else { word };
                self.invalid(path, &shown(number), &format!("should be {word} {}", shown(bound)));
            }
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value], path: &str) {
        if let Some(inner) = part(schema, "items") {
            for (index, item) in items.iter().enumerate() {
                self.check(inner, item, &format!("{path}[{index}]"));
            }
        }
        let count = items.len() as u64;
        if let Some(min) = schema["minItems"].as_u64().filter(|min| count < *min) {
            self.invalid(path, &count.to_string(), &format!("should have at least {min} items"));
        }
        if let Some(max) = schema["maxItems"].as_u64().filter(|max| count > *max) {
            let max = usize::try_from(max).unwrap_or(usize::MAX);
            self.push(FieldError::too_many(&at(path), items.len(), max), true);
        }
        let twice = |(index, item): (usize, &Value)| items[..index].contains(item);
        if flag(schema, "uniqueItems") && items.iter().enumerate().any(twice) {
            self.invalid(path, "\"\"", "shouldn't contain duplicates");
        }
    }

    fn enumeration(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) else { return };
        if !values.contains(value) {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let supported: Vec<String> = values.iter().map(text).collect();
            let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
            let shown = value.as_str().map_or_else(|| value.to_string(), quoted);
            self.push(FieldError::not_supported_as(&at(path), &shown, &supported), false);
        }
    }

    fn object(&mut self, schema: &Value, fields: &serde_json::Map<String, Value>, path: &str) {
        let count = fields.len() as u64;
        if let Some(min) = schema["minProperties"].as_u64().filter(|min| count < *min) {
            return self.invalid(path, &min.to_string(), &format!("should have at least {min} properties"));
        }
        if let Some(max) = schema["maxProperties"].as_u64().filter(|max| count > *max) {
            let max = usize::try_from(max).unwrap_or(usize::MAX);
            return self.push(FieldError::too_many(&at(path), fields.len(), max), true);
        }
        let rest = &schema["additionalProperties"];
        let below = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        for (name, value) in fields.iter().filter(|(name, _)| property(schema, name).is_none()) {
            match rest {
                Value::Bool(false) => {
                    let why = format!("{path}.{name} in body is a forbidden property");
                    self.push(FieldError::invalid(&at(path), quoted(name), &why), false);
                }
                Value::Object(_) => self.check(rest, value, &format!("{path}.{name}")),
                _ => {}
            }
        }
        for (name, value) in fields {
            if let Some(inner) = property(schema, name) {
                self.check(inner, value, &below(name));
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.push(FieldError::required(&at(&below(name)), ""), true);
            }
        }
    }
}

fn at(path: &str) -> Path {
    let path = path.trim_start_matches('.');
    if path.is_empty() { Path::default() } else { Path::new(path) }
}

/// Of alternatives that all fail, the first of those that came furthest.
fn best(tries: Vec<Found>) -> Found {
    let furthest = tries.iter().map(|found| found.checks).max().unwrap_or_default();
    tries.into_iter().find(|found| found.checks == furthest).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: Value, value: Value, want: &[&str]) {
        let schema = json!({"type": "object", "properties": {"a": schema}});
        let found: Vec<String> =
            validate(&schema, &json!({ "a": value })).iter().map(|p| p.error.to_string()).collect();
        assert_eq!(found, want, "{schema}");
    }

    #[test]
    fn what_does_not_fit_is_said_as_the_server_says_it() {
        check(json!({"type": "integer"}), json!(3), &[]);
        check(json!({"type": "integer"}), json!(3.0), &[]);
        check(
            json!({"type": "integer"}),
            json!("x"),
            &["a: Invalid value: \"string\": a in body must be of type integer: \"string\""],
        );
        check(
            json!({"type": "string"}),
            json!(null),
            &["a: Invalid value: \"null\": a in body must be of type string: \"null\""],
        );
        check(json!({"type": "string", "nullable": true}), json!(null), &[]);
        check(json!({"x-kubernetes-int-or-string": true}), json!("80%"), &[]);
        check(
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            &["a: Invalid value: \"boolean\": a in body must be of type integer,string: \"boolean\""],
        );
        check(
            json!({"type": "integer", "minimum": 1, "maximum": 10}),
            json!(15),
            &["a: Invalid value: 15: a in body should be less than or equal to 10"],
        );
        check(
            json!({"type": "number", "minimum": 0.5, "exclusiveMinimum": true}),
            json!(0.5),
            &["a: Invalid value: 0.5: a in body should be greater than 0.5"],
        );
        check(
            json!({"type": "integer", "multipleOf": 5}),
            json!(7),
            &["a: Invalid value: 7: a in body should be a multiple of 5"],
        );
        check(
            json!({"type": "string", "enum": ["x", "y"]}),
            json!("z"),
            &["a: Unsupported value: \"z\": supported values: \"x\", \"y\""],
        );
        check(
            json!({"type": "string", "pattern": "^a+$", "maxLength": 2, "minLength": 1}),
            json!("bbb"),
            &[
                "a: Too long: may not be more than 2 bytes",
                "a: Invalid value: \"bbb\": a in body should match '^a+$'",
            ],
        );
        check(
            json!({"type": "string", "format": "date-time"}),
            json!("noon"),
            &["a: Invalid value: \"noon\": a in body must be of type date-time: \"noon\""],
        );
        check(
            json!({"type": "array", "items": {"type": "object", "required": ["b"]}, "minItems": 2}),
            json!([{}]),
            &["a[0].b: Required value", "a: Invalid value: 1: a in body should have at least 2 items"],
        );
        check(
            json!({"type": "array", "maxItems": 1}),
            json!([1, 2]),
            &["a: Too many: 2: must have at most 1 item"],
        );
        check(
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"k": 1}),
            &["a.k: Invalid value: \"integer\": a.k in body must be of type string: \"integer\""],
        );
        check(
            json!({"type": "object", "minProperties": 1}),
            json!({}),
            &["a: Invalid value: 1: a in body should have at least 1 properties"],
        );
    }

    #[test]
    fn of_combined_schemas_the_nearest_is_reported() {
        check(json!({"anyOf": [{"minimum": 5}, {"maximum": 1}]}), json!(7), &[]);
        check(
            json!({"anyOf": [{"minimum": 5}, {"maximum": 1}]}),
            json!(3),
            &[
                "<nil>: Invalid value: \"\": \"a\" must validate at least one schema (anyOf)",
                "a: Invalid value: 3: a in body should be greater than or equal to 5",
            ],
        );
        check(
            json!({"oneOf": [{"required": ["x"]}, {"required": ["y"]}]}),
            json!({"x": 1, "y": 1}),
            &[
                "<nil>: Invalid value: \"\": \"a\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
            ],
        );
        check(
            json!({"allOf": [{"minimum": 5}, {"maximum": 9}]}),
            json!(3),
            &[
                "a: Invalid value: 3: a in body should be greater than or equal to 5",
                "<nil>: Invalid value: \"\": \"a\" must validate all the schemas (allOf)",
            ],
        );
        check(
            json!({"not": {"enum": ["x"]}}),
            json!("x"),
            &["<nil>: Invalid value: \"\": \"a\" must not validate the schema (not)"],
        );
    }
}
