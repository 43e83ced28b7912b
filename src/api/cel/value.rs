//! What expressions are worth.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::api::manifest::{base64, json_float};
use crate::api::quantity::Parsed;

/// A value. Time is counted in microseconds.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<Vec<Value>>),
    Map(Arc<Vec<(Value, Value)>>),
    Timestamp(i64),
    Duration(i64),
    Type(&'static str),
    Optional(Option<Arc<Value>>),
    Quantity(Parsed),
    Ip(IpAddr),
    Cidr(IpAddr, u32),
    Url(Arc<str>),
    /// A format by name (`format.dns1123Label()`).
    Format(&'static str),
    Semver(Arc<super::semver::Version>),
    /// Who may do what: every request is an administrator's, who may do everything.
    Authorizer,
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// A semantic version.
    pub fn semver(text: &str) -> Option<Value> {
        super::semver::Version::read(text, false).map(|version| Value::Semver(Arc::new(version)))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(items))
    }

    /// Something that may be missing.
    pub fn optional(value: Option<Value>) -> Value {
        Value::Optional(value.map(Arc::new))
    }

    /// JSON, without regard to a schema.
    pub fn of(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Double(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Value::text(text.as_str()),
            Json::Array(items) => Value::list(items.iter().map(Value::of).collect()),
            Json::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| (Value::text(key.as_str()), Value::of(value)));
                Value::Map(Arc::new(entries.collect()))
            }
        }
    }

    /// The value as JSON, if it can be written so.
    pub fn to_json(&self) -> Option<Json> {
        Some(match self {
            Value::Null => Json::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Int(number) => (*number).into(),
            Value::Uint(number) => (*number).into(),
            Value::Double(number) => (*number).into(),
            Value::Bytes(bytes) => base64::encode(bytes).into(),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect::<Option<_>>()?),
            Value::Map(entries) => {
                let mut fields = serde_json::Map::new();
                for (key, value) in &**entries {
                    fields.insert(key.shown()?, value.to_json()?);
                }
                Json::Object(fields)
            }
            Value::Optional(inner) => inner.as_ref().map_or(Some(Json::Null), |inner| inner.to_json())?,
            Value::String(_) | Value::Timestamp(_) | Value::Duration(_) => self.shown()?.into(),
            _ => return None,
        })
    }

    /// The entry of a map.
    pub fn entry(&self, key: &Value) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(known, _)| known.equals(key)).map(|(_, value)| value)
    }

    /// The field of a map whose keys are names.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        let named = |key: &Value| matches!(key, Value::String(key) if **key == *name);
        entries.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
    }

    /// The name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Type(_) => "type",
            Value::Optional(_) => "optional_type",
            Value::Quantity(_) => "kubernetes.Quantity",
            Value::Ip(_) => "net.IP",
            Value::Cidr(..) => "net.CIDR",
            Value::Url(_) => "kubernetes.URL",
            Value::Format(_) => "kubernetes.NamedFormat",
            Value::Semver(_) => "kubernetes.Semver",
            Value::Authorizer => "kubernetes.authorization.Authorizer",
        }
    }

    /// Whether two values are equal; numbers are by what they count, whatever their types.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::String(a), Value::String(b)) | (Value::Url(a), Value::Url(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| a.equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                let has =
                    |(key, value): &(Value, Value)| other.entry(key).is_some_and(|found| found.equals(value));
                a.len() == b.len() && a.iter().all(has)
            }
            (Value::Type(a), Value::Type(b)) | (Value::Format(a), Value::Format(b)) => a == b,
            (Value::Optional(a), Value::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (a, b) => a.is_none() && b.is_none(),
            },
            (Value::Ip(a), Value::Ip(b)) => a == b,
            (Value::Cidr(a, length), Value::Cidr(b, other)) => (a, length) == (b, other),
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Which of two values comes first; nothing if they have no order.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        Some(match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Uint(a), Value::Uint(b)) => a.cmp(b),
            (Value::Int(a), Value::Uint(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Value::Uint(a), Value::Int(b)) => i128::from(*a).cmp(&i128::from(*b)),
            (Value::Double(a), _) => return a.partial_cmp(&other.number()?),
            (_, Value::Double(b)) => return self.number()?.partial_cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Timestamp(a), Value::Timestamp(b)) | (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
            (Value::Quantity(a), Value::Quantity(b)) => a.cmp(b),
            (Value::Semver(a), Value::Semver(b)) => a.compare(b),
            _ => return None,
        })
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Uint(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }

    /// The value as `string()` and `format("%s")` write it.
    pub fn shown(&self) -> Option<String> {
        Some(match self {
            Value::Null => "null".into(),
            Value::Bool(flag) => flag.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            Value::Double(number) => json_float(*number),
            Value::String(text) | Value::Url(text) => text.to_string(),
            Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok()?,
            Value::Timestamp(micros) => super::time::timestamp_text(*micros),
            Value::Duration(micros) => super::time::duration_text(*micros),
            Value::Type(name) => (*name).into(),
            Value::Ip(address) => address.to_string(),
            Value::Cidr(address, length) => format!("{address}/{length}"),
            Value::Semver(version) => version.text().to_string(),
            Value::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Value::shown).collect();
                format!("[{}]", items?.join(", "))
            }
            Value::Map(entries) => {
                let entries: Option<Vec<String>> = entries
                    .iter()
                    .map(|(key, value)| Some(format!("{}: {}", key.shown()?, value.shown()?)))
                    .collect();
                format!("{{{}}}", entries?.join(", "))
            }
            Value::Optional(_) | Value::Quantity(_) | Value::Format(_) | Value::Authorizer => return None,
        })
    }
}
