//! Between JSON trees and the fields' Rust types. A type says only how its fields are reached by number; what is done
//! with them is written once.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::{ByteString, IntOrString, MicroTime, Quantity, Time};

/// A tree that does not fit the Rust type it was read as: it has not passed the schema check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's value does not fit its type")
    }
}

impl std::error::Error for Misfit {}

/// What an item of a list or of a map weighs besides what is in it, and what a field of a struct does, set or not.
const ITEM: usize = 32;
const FIELD: usize = 16;

/// What a field of the API may hold.
pub trait Part {
    /// Its JSON tree; `null` for nothing, which is left out of an object.
    fn write(&self) -> Value;

    /// Takes over what a JSON tree says. `self` is a default value before.
    ///
    /// # Errors
    /// Where the tree has another shape.
    fn read(&mut self, tree: &Value) -> Result<(), Misfit>;

    /// About how many bytes it takes to keep what it holds, the same on every machine; a number is counted with the
    /// struct that it is in.
    fn weight(&self) -> usize {
        0
    }
}

/// A struct of the API. Its fields are numbered in the order of their names.
pub trait Fields {
    /// The fields' names in JSON, in order, with a space between them; `!` behind one that is written as `null` when
    /// there is nothing in it.
    fn names(&self) -> &'static str;
    /// A field by number.
    fn part(&self, number: usize) -> &dyn Part;
    /// A field by number, to be read into.
    fn part_mut(&mut self, number: usize) -> &mut dyn Part;
}

/// Reads a value of a field type from its JSON tree.
///
/// # Errors
/// Where the tree has another shape than the type. What is missing gets its default, and what is unknown is left out:
/// both are for the schema check to say.
pub fn read<T: Part + Default>(tree: &Value) -> Result<T, Misfit> {
    let mut value = T::default();
    value.read(tree)?;
    Ok(value)
}

/// The JSON tree of a value of a field type.
pub fn write<T: Part + ?Sized>(value: &T) -> Value {
    value.write()
}

/// An object of JSON. It is filled entry by entry: collected, it would bring a copy of the sort along for every caller.
pub fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut map = Map::new();
    map.extend(entries);
    Value::Object(map)
}

#[inline(never)]
pub(crate) fn write_fields(fields: &dyn Fields) -> Value {
    let mut map = Map::new();
    for (number, name) in fields.names().split_ascii_whitespace().enumerate() {
        let value = fields.part(number).write();
        let field = name.trim_end_matches('!');
        if !value.is_null() || field.len() < name.len() {
            map.insert(field.to_string(), value);
        }
    }
    Value::Object(map)
}

/// Both the names and the tree are in order, so one walk along both finds every field.
#[inline(never)]
pub(crate) fn read_fields(fields: &mut dyn Fields, tree: &Value) -> Result<(), Misfit> {
    let Value::Object(map) = tree else { return Err(Misfit) };
    let names = fields.names().split_ascii_whitespace().map(|name| name.trim_end_matches('!'));
    let mut names = names.enumerate().peekable();
    for (key, value) in map {
        while names.next_if(|(_, name)| *name < key.as_str()).is_some() {}
        if let Some((number, _)) = names.next_if(|(_, name)| *name == key.as_str())
            && !value.is_null()
        {
            fields.part_mut(number).read(value)?;
        }
    }
    Ok(())
}

#[inline(never)]
pub(crate) fn weigh_fields(fields: &dyn Fields) -> usize {
    let numbers = 0..fields.names().split_ascii_whitespace().count();
    numbers.map(|number| FIELD + fields.part(number).weight()).sum()
}

fn weigh_tree(tree: &Value) -> usize {
    match tree {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| ITEM + weigh_tree(item)).sum(),
        Value::Object(map) => weigh_map(map),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// What the entries of an object of JSON weigh ([`Part::weight`]).
pub fn weigh_map(map: &Map<String, Value>) -> usize {
    map.iter().map(|(key, value)| ITEM + key.len() + weigh_tree(value)).sum()
}

#[inline(never)]
fn write_list(len: usize, item: &dyn Fn(usize) -> Value) -> Value {
    Value::Array((0..len).map(item).collect())
}

#[inline(never)]
fn read_list(tree: &Value, push: &mut dyn FnMut(&Value) -> Result<(), Misfit>) -> Result<(), Misfit> {
    let Value::Array(items) = tree else { return Err(Misfit) };
    items.iter().try_for_each(push)
}

/// `null` leaves an item of a list or of a map what it is, as it leaves a field.
fn read_item(item: &mut dyn Part, tree: &Value) -> Result<(), Misfit> {
    if tree.is_null() { Ok(()) } else { item.read(tree) }
}

impl<T: Part + Default> Part for Vec<T> {
    fn write(&self) -> Value {
        write_list(self.len(), &|place| self[place].write())
    }

    fn read(&mut self, tree: &Value) -> Result<(), Misfit> {
        read_list(tree, &mut |item| {
            self.push(T::default());
            self.last_mut().map_or(Ok(()), |last| read_item(last, item))
        })
    }

    fn weight(&self) -> usize {
        self.iter().map(|item| ITEM + item.weight()).sum()
    }
}

impl<T: Part + Default> Part for Option<T> {
    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Part::write)
    }

    /// In place: a value that is moved is copied by code of its own.
    fn read(&mut self, tree: &Value) -> Result<(), Misfit> {
        if tree.is_null() {
            *self = None;
            return Ok(());
        }
        self.insert(T::default()).read(tree)
    }

    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Part::weight)
    }
}

impl<T: Part + Default> Part for BTreeMap<String, T> {
    fn write(&self) -> Value {
        object(self.iter().map(|(key, value)| (key.clone(), value.write())))
    }

    fn read(&mut self, tree: &Value) -> Result<(), Misfit> {
        let Value::Object(map) = tree else { return Err(Misfit) };
        for (key, value) in map {
            let mut item = T::default();
            read_item(&mut item, value)?;
            self.insert(key.clone(), item);
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.iter().map(|(key, item)| ITEM + key.len() + item.weight()).sum()
    }
}

/// Types that are one value of JSON: how it is made, and what it is read from.
macro_rules! leaves {
    ($($ty:ty: $this:ident => $write:expr, $tree:ident => $read:expr$(, $weight:expr)?;)*) => {
        $(impl Part for $ty {
            fn write(&self) -> Value {
                let $this = self;
                $write
            }

            fn read(&mut self, $tree: &Value) -> Result<(), Misfit> {
                *self = $read.ok_or(Misfit)?;
                Ok(())
            }

            $(fn weight(&self) -> usize {
                let $this = self;
                $weight
            })?
        })*
    };
}

leaves! {
    String: this => Value::String(this.clone()), tree => tree.as_str().map(str::to_string), this.len();
    bool: this => Value::Bool(*this), tree => tree.as_bool();
    i32: this => (*this).into(), tree => tree.as_i64().and_then(|number| i32::try_from(number).ok());
    i64: this => (*this).into(), tree => tree.as_i64();
    f64: this => (*this).into(), tree => tree.as_f64();
    Value: this => this.clone(), tree => Some(tree.clone()), weigh_tree(this);
    ByteString: this => Value::String(this.0.clone()), tree => tree.as_str().map(|text| ByteString(text.to_string())), this.0.len();
    Quantity: this => Value::String(this.0.clone()), tree => quantity(tree), this.0.len();
    IntOrString: this => int_or_string(this), tree => read_int_or_string(tree), int_or_string_weight(this);
    Time: this => Value::String(this.to_string()), tree => tree.as_str().and_then(|text| text.parse().ok()).map(Time);
    MicroTime: this => Value::String(this.to_string()), tree => tree.as_str().and_then(|text| text.parse().ok()).map(MicroTime);
}

/// A number is an amount too.
fn quantity(tree: &Value) -> Option<Quantity> {
    match tree {
        Value::String(text) => Some(Quantity(text.clone())),
        Value::Number(number) => Some(Quantity(number.to_string())),
        _ => None,
    }
}

fn int_or_string(value: &IntOrString) -> Value {
    match value {
        IntOrString::Int(number) => (*number).into(),
        IntOrString::String(text) => Value::String(text.clone()),
    }
}

fn int_or_string_weight(value: &IntOrString) -> usize {
    if let IntOrString::String(text) = value { text.len() } else { 0 }
}

fn read_int_or_string(tree: &Value) -> Option<IntOrString> {
    match tree {
        Value::String(text) => Some(IntOrString::String(text.clone())),
        _ => Some(IntOrString::Int(tree.as_i64()?.try_into().ok()?)),
    }
}

/// Gives a struct its [`Fields`], and by them its [`Part`].
macro_rules! fields {
    ($name:ident, $names:literal, $self:ident, $number:ident, {}, {}) => {
        impl $crate::Part for $name {
            fn write(&self) -> serde_json::Value {
                serde_json::Value::Object(serde_json::Map::new())
            }

            fn read(&mut self, tree: &serde_json::Value) -> Result<(), $crate::Misfit> {
                if tree.is_object() { Ok(()) } else { Err($crate::Misfit) }
            }
        }
    };
    ($name:ident, $names:literal, $self:ident, $number:ident, { $($arms:tt)* }, { $($mut_arms:tt)* }) => {
        impl $crate::Fields for $name {
            fn names(&self) -> &'static str {
                $names
            }

            fn part(&$self, $number: usize) -> &dyn $crate::Part {
                match $number { $($arms)* _ => unreachable!() }
            }

            fn part_mut(&mut $self, $number: usize) -> &mut dyn $crate::Part {
                match $number { $($mut_arms)* _ => unreachable!() }
            }
        }

        impl $crate::Part for $name {
            fn write(&self) -> serde_json::Value {
                $crate::part::write_fields(self)
            }

            fn read(&mut self, tree: &serde_json::Value) -> Result<(), $crate::Misfit> {
                $crate::part::read_fields(self, tree)
            }

            fn weight(&self) -> usize {
                $crate::part::weigh_fields(self)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Misfit, Part, read, write};
    use crate::core_v1::{PodSpec, PodStatus};

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
    fn what_is_kept_weighs_at_least_its_text_and_no_more_than_its_memory() {
        let tree = json!({"containers": [{"name": "web", "image": "nginx", "args": ["x".repeat(1_000)]}]});
        let spec: PodSpec = read(&tree).unwrap();
        let empty = PodSpec::default().weight();
        assert!((500..2_000).contains(&empty), "{empty}");
        let more = spec.weight() - empty;
        assert!((1_008..2_000).contains(&more), "{more}");
        assert!(tree.weight() > 1_000);
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
    fn null_in_a_list_or_a_map_is_an_empty_value() {
        let spec: PodSpec = read(&json!({
            "containers": [{"name": "a", "args": [null], "resources": {"limits": {"cpu": null}}}, null],
            "nodeSelector": {"disk": null},
        }))
        .unwrap();
        assert_eq!(spec.containers[0].args, Some(vec![String::new()]));
        assert_eq!(spec.containers.len(), 2);
        assert_eq!(spec.node_selector.unwrap()["disk"], "");
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
