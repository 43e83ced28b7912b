//! Between the API's JSON trees and the Rust types of the kinds: one reader and one writer, and no others, for every
//! field type. `serde_json` could do both; it would carry an error text for each field of each type into the page,
//! half a megabyte of code, although what gets here has passed the schema check, which says better what is wrong.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, map};

/// A tree that does not fit the Rust type it was read as: it has not passed the schema check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's value does not fit its type")
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Misfit {
        Misfit
    }
}

impl serde::ser::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Misfit {
        Misfit
    }
}

/// Reads a value of a field type from its JSON tree.
///
/// # Errors
/// Where the tree has another shape than the type: a missing field, or a value of another type.
pub fn read<T: DeserializeOwned>(tree: &Value) -> Result<T, Misfit> {
    T::deserialize(Reader(tree))
}

/// The JSON tree of a value of a field type. `null` for one that has none, which no type of the API's is.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Value {
    value.serialize(Writer).unwrap_or(Value::Null)
}

struct Reader<'de>(&'de Value);

/// Each asks only for what the type can be, so that a visitor's other methods are not even compiled.
macro_rules! expect {
    ($($method:ident: $pattern:pat => $visit:ident($argument:expr);)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.0 { $pattern => visitor.$visit($argument), _ => Err(Misfit) }
        })*
    };
}

/// Integers of every width are read as the widest: the visitor checks the range.
macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.visit_i64(self.0.as_i64().ok_or(Misfit)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(*yes),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => visitor.visit_i64(number),
                (None, Some(number)) => visitor.visit_u64(number),
                (None, None) => visitor.visit_f64(number.as_f64().ok_or(Misfit)?),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(items) => visitor.visit_seq(Items(items.iter())),
            Value::Object(fields) => visitor.visit_map(Fields { fields: fields.iter(), value: &Value::Null }),
        }
    }

    expect! {
        deserialize_bool: Value::Bool(yes) => visit_bool(*yes);
        deserialize_str: Value::String(text) => visit_str(text);
        deserialize_string: Value::String(text) => visit_str(text);
        deserialize_char: Value::String(text) => visit_str(text);
        deserialize_bytes: Value::String(text) => visit_str(text);
        deserialize_byte_buf: Value::String(text) => visit_str(text);
        deserialize_seq: Value::Array(items) => visit_seq(Items(items.iter()));
        deserialize_map: Value::Object(fields) => visit_map(Fields { fields: fields.iter(), value: &Value::Null });
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_f64(self.0.as_f64().ok_or(Misfit)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(Misfit) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    /// A word of a fixed list; the API's types have no other enumerations.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(self.0.as_str().ok_or(Misfit)?.into_deserializer())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }
}

struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.0.next().map(|item| seed.deserialize(Reader(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Fields<'de> {
    fields: map::Iter<'de>,
    value: &'de Value,
}

impl<'de> Fields<'de> {
    /// Out of line: the iterator is long, and every type of field asks.
    #[inline(never)]
    fn advance(&mut self) -> Option<&'de str> {
        let (name, value) = self.fields.next()?;
        self.value = value;
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.advance().map(|name| seed.deserialize(Name(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        seed.deserialize(Reader(self.value))
    }
}

struct Name<'de>(&'de str);

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Writer;

/// What has been written of a list.
struct List(Vec<Value>);

/// What has been written of a map, and the key that waits for its value.
struct Tree {
    fields: Map<String, Value>,
    key: String,
}

impl Tree {
    fn new() -> Tree {
        Tree { fields: Map::new(), key: String::new() }
    }

    #[inline(never)]
    fn put(&mut self, key: &str, value: Value) {
        self.fields.insert(key.to_string(), value);
    }
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Misfit;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = Impossible<Value, Misfit>;
    type SerializeTupleVariant = Impossible<Value, Misfit>;
    type SerializeMap = Tree;
    type SerializeStruct = Tree;
    type SerializeStructVariant = Impossible<Value, Misfit>;

    fn serialize_bool(self, yes: bool) -> Result<Value, Misfit> {
        Ok(Value::Bool(yes))
    }

    fn serialize_i8(self, number: i8) -> Result<Value, Misfit> {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<Value, Misfit> {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<Value, Misfit> {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> Result<Value, Misfit> {
        Ok(number.into())
    }

    fn serialize_u8(self, number: u8) -> Result<Value, Misfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<Value, Misfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<Value, Misfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<Value, Misfit> {
        Ok(number.into())
    }

    fn serialize_f32(self, number: f32) -> Result<Value, Misfit> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<Value, Misfit> {
        Ok(number.into())
    }

    fn serialize_char(self, letter: char) -> Result<Value, Misfit> {
        Ok(Value::String(letter.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Value, Misfit> {
        Ok(Value::String(text.to_string()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Misfit> {
        Err(Misfit)
    }

    fn serialize_none(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<Value, Misfit> {
        self.serialize_str(word)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
        value: &T,
    ) -> Result<Value, Misfit> {
        let mut tree = Tree::new();
        tree.put(word, value.serialize(self)?);
        Ok(Value::Object(tree.fields))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, Misfit> {
        Ok(List(Vec::with_capacity(len.unwrap_or_default())))
    }

    fn serialize_tuple(self, len: usize) -> Result<List, Misfit> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<Value, Misfit>, Misfit> {
        Err(Misfit)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Misfit>, Misfit> {
        Err(Misfit)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Tree, Misfit> {
        Ok(Tree::new())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Tree, Misfit> {
        Ok(Tree::new())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Misfit>, Misfit> {
        Err(Misfit)
    }
}

impl SerializeSeq for List {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.0.push(value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(Value::Array(self.0))
    }
}

impl SerializeTuple for List {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Value, Misfit> {
        SerializeSeq::end(self)
    }
}

impl SerializeMap for Tree {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        match key.serialize(Writer)? {
            Value::String(key) => self.key = key,
            _ => return Err(Misfit),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let key = std::mem::take(&mut self.key);
        self.fields.insert(key, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(Value::Object(self.fields))
    }
}

impl SerializeStruct for Tree {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Misfit> {
        let value = value.serialize(Writer)?;
        self.put(key, value);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(Value::Object(self.fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Misfit, read, write};
    use crate::api::k8s::{PodSpec, PodStatus};

    #[test]
    fn what_is_read_is_written_back_the_same() {
        let tree = json!({
            "containers": [{
                "name": "web", "image": "nginx", "stdin": true,
                "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "100m"}},
                "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 5},
            }],
            "nodeSelector": {"disk": "ssd"},
            "priority": -3,
            "terminationGracePeriodSeconds": 30,
        });
        let spec: PodSpec = read(&tree).unwrap();
        assert_eq!(spec.containers[0].name, "web");
        assert_eq!(spec.priority, Some(-3));
        assert_eq!(write(&spec), tree);
    }

    #[test]
    fn a_time_is_read_and_written_to_the_second() {
        let tree = json!({"startTime": "2026-01-02T03:04:05Z"});
        let status: PodStatus = read(&tree).unwrap();
        assert_eq!(write(&status), tree);
    }

    #[test]
    fn null_is_a_field_that_is_not_there() {
        let spec: PodSpec = read(&json!({"containers": [], "nodeName": null})).unwrap();
        assert_eq!(spec, PodSpec::default());
    }

    #[test]
    fn another_type_does_not_fit() {
        let cases = [
            json!("text"),
            json!({"containers": {}}),
            json!({"containers": [], "priority": 3_000_000_000_u32}),
            json!({"containers": [], "priority": "3"}),
            json!({"containers": [], "nodeName": 3}),
            json!({"containers": [], "nodeSelector": {"a": 1}}),
        ];
        for tree in cases {
            assert_eq!(read::<PodSpec>(&tree), Err(Misfit), "{tree}");
        }
    }
}
