//! The types of expressions, and those that a schema gives (`k8s.io/apiserver/pkg/cel/common`).

use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use super::parse::is_reserved;
use super::time;
use super::value::Value;
use crate::api::manifest::base64;

/// The type of one step of a JSON patch.
pub const JSON_PATCH: &str = "JSONPatch";
/// Declared where expressions may make objects; no expression can say it.
pub const OBJECTS: &str = "Object{}";

/// A type; plain ones by their letter in signatures.
#[derive(Clone, Debug, PartialEq)]
pub enum Type<'s> {
    Dyn,
    Plain(char),
    List(Arc<Type<'s>>),
    Map(Arc<Type<'s>>, Arc<Type<'s>>),
    Optional(Arc<Type<'s>>),
    /// An object with the properties of this schema; whether it has what every object has, too.
    Object(&'s Json, bool),
    /// An object of a name that has these fields, and no others.
    Record(&'static str, Arc<Vec<(String, Type<'s>)>>),
}

impl Type<'_> {
    /// Its full name, which is not the one in errors about overloads.
    pub fn declared(&self) -> String {
        match self {
            Type::Plain('n') => "null_type".into(),
            Type::Plain('t') => "google.protobuf.Timestamp".into(),
            Type::Plain('r') => "google.protobuf.Duration".into(),
            Type::List(item) => format!("list({})", item.declared()),
            Type::Map(key, value) => format!("map({}, {})", key.declared(), value.declared()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const NAMES: [(char, &str); 20] = [
            ('b', "bool"),
            ('i', "int"),
            ('u', "uint"),
            ('d', "double"),
            ('s', "string"),
            ('y', "bytes"),
            ('t', "timestamp"),
            ('r', "duration"),
            ('k', "type"),
            ('n', "null"),
            ('Q', "kubernetes.Quantity"),
            ('U', "kubernetes.URL"),
            ('I', "net.IP"),
            ('C', "net.CIDR"),
            ('F', "kubernetes.NamedFormat"),
            ('V', "kubernetes.Semver"),
            ('Z', "kubernetes.authorization.Authorizer"),
            ('O', "Object"),
            ('o', "Object field"),
            ('J', JSON_PATCH),
        ];
        match self {
            Type::Dyn => f.write_str("dyn"),
            Type::Plain(letter) => {
                f.write_str(NAMES.iter().find(|(known, _)| known == letter).map_or("dyn", |(_, name)| name))
            }
            Type::List(item) => write!(f, "list({item})"),
            Type::Map(key, value) => write!(f, "map({key}, {value})"),
            Type::Optional(inner) => write!(f, "optional_type({inner})"),
            Type::Object(..) => f.write_str("object"),
            Type::Record(name, _) => f.write_str(name),
        }
    }
}

/// The type of what a schema describes; nothing where it says nothing that rules could use.
pub fn of_schema(schema: &Json, is_object: bool) -> Option<Type<'_>> {
    if schema["x-kubernetes-int-or-string"] == true {
        return Some(Type::Dyn);
    }
    let embedded = schema["x-kubernetes-embedded-resource"] == true;
    Some(match schema["type"].as_str()? {
        "array" => Type::List(Arc::new(of_schema(&schema["items"], false)?)),
        "object" if schema["additionalProperties"].is_object() => {
            let value = of_schema(&schema["additionalProperties"], false)?;
            Type::Map(Arc::new(Type::Plain('s')), Arc::new(value))
        }
        "object" => Type::Object(schema, is_object || embedded),
        "string" => Type::Plain(match schema["format"].as_str() {
            Some("byte") => 'y',
            Some("date" | "date-time") => 't',
            Some("duration") => 'r',
            _ => 's',
        }),
        "boolean" => Type::Plain('b'),
        "integer" => Type::Plain('i'),
        "number" => Type::Plain('d'),
        _ => return None,
    })
}

/// What every object has beside its schema.
fn of_every_object<'s>(name: &str) -> Option<Type<'s>> {
    static META: std::sync::LazyLock<Json> = std::sync::LazyLock::new(
        || serde_json::json!({"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}),
    );
    match name {
        "apiVersion" | "kind" => Some(Type::Plain('s')),
        "metadata" => Some(Type::Object(&META, false)),
        _ => None,
    }
}

/// The type of a field of an object, by the name that expressions use.
pub fn field<'s>(schema: &'s Json, is_object: bool, name: &str) -> Option<Type<'s>> {
    if let Some(found) = is_object.then(|| of_every_object(name)).flatten() {
        return Some(found);
    }
    let properties = schema["properties"].as_object()?;
    let (_, schema) = properties.iter().find(|(key, _)| escape(key).as_deref() == Some(name))?;
    of_schema(schema, false)
}

/// A field's name as expressions write it: `a-b` is `a__dash__b`. Nothing if they cannot.
pub fn escape(name: &str) -> Option<String> {
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let begins = name
        .starts_with(|letter: char| letter.is_ascii_alphabetic() || matches!(letter, '_' | '.' | '-' | '/'));
    let spelled =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'));
    let escaped = name.replace("__", "__underscores__");
    (begins && spelled)
        .then(|| escaped.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__"))
}

/// JSON as a value of the type that its schema gives it.
pub fn value(json: &Json, schema: &Json) -> Value {
    match json {
        Json::Array(items) => Value::list(items.iter().map(|item| value(item, &schema["items"])).collect()),
        Json::Object(fields) => {
            let rest = schema["additionalProperties"].is_object();
            let entries =
                fields.iter().filter(|(_, field)| !field.is_null() || rest).filter_map(|(key, field)| {
                    let known = &schema["properties"][key.as_str()];
                    let (name, schema) = if rest {
                        (key.clone(), &schema["additionalProperties"])
                    } else {
                        (escape(key)?, known)
                    };
                    Some((Value::text(name), value(field, schema)))
                });
            Value::Map(Arc::new(entries.collect()))
        }
        Json::Number(number) if schema["type"] == "number" => {
            Value::Double(number.as_f64().unwrap_or_default())
        }
        Json::String(text) if schema["type"] == "string" => match schema["format"].as_str() {
            Some("byte") => {
                base64::decode(text).map_or_else(|_| Value::of(json), |bytes| Value::Bytes(bytes.into()))
            }
            Some("date" | "date-time") => {
                time::timestamp(text).map_or_else(|| Value::of(json), Value::Timestamp)
            }
            Some("duration") => time::duration(text).map_or_else(|| Value::of(json), Value::Duration),
            _ => Value::of(json),
        },
        _ => Value::of(json),
    }
}
