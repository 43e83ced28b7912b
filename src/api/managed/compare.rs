//! Which fields a value has, and which of them differ between two values.

use serde_json::{Map, Value};

use super::set::FieldSet;
use super::shape::Shape;

/// How one version of an object differs from another.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Fields that only the new version has.
    pub added: FieldSet,
    /// Fields that both have, with other values.
    pub modified: FieldSet,
    /// Fields that only the old version has.
    pub removed: FieldSet,
}

/// The fields that a configuration sets (`typed.ToFieldSet`): leaves, items of lists, keys of maps.
///
/// # Errors
/// A field that the type does not have, or an item without its key, in the words of structured-merge-diff.
pub fn field_set(value: &Value, shape: Shape) -> Result<FieldSet, String> {
    let mut set = FieldSet::default();
    Collector { path: Vec::new() }.collect(value, shape, &mut set)?;
    Ok(set)
}

struct Collector {
    path: Vec<String>,
}

impl Collector {
    fn collect(&mut self, value: &Value, shape: Shape, set: &mut FieldSet) -> Result<(), String> {
        match (shape, value) {
            (Shape::Struct(_) | Shape::Map(_), Value::Object(fields)) => {
                for (name, value) in fields {
                    let step = format!("f:{name}");
                    self.path.push(step.clone());
                    let Some((inner, named)) = shape.field(name, value) else {
                        return Err(format!("{}: field not declared in schema", self.place()));
                    };
                    let child = set.child(&step);
                    self.collect(value, inner, child)?;
                    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                    child.member |= empty || !named;
                    self.path.pop();
                }
            }
            (Shape::Set | Shape::Items(..), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let step = shape.step(item).map_err(|key| {
                        let place = self.place();
                        format!(
                            "{place}: element {index}: associative list with keys has an element that omits key field {key:?} \
                             (and doesn't have default value)"
                        )
                    })?;
                    self.path.push(step.clone());
                    let child = set.child(&step);
                    if child.member {
                        self.path.pop();
                        return Err(format!(
                            "{}: duplicate entries for key {}",
                            self.place(),
                            key_text(&step)
                        ));
                    }
                    self.collect(item, shape.item(), child)?;
                    child.member = true;
                    self.path.pop();
                }
            }
            (Shape::Atomic, _) => set.member = true,
            (_, Value::Null) => {}
            (Shape::Set | Shape::Items(..), _) => {
                return Err(format!("{}: expected list, got {}", self.place(), go_like(value)));
            }
            _ => return Err(format!("{}: expected map, got {}", self.place(), go_like(value))),
        }
        Ok(())
    }

    fn place(&self) -> String {
        super::path_text(&self.path)
    }
}

fn key_text(step: &str) -> String {
    super::path_text(&[step.to_string()])
}

fn go_like(value: &Value) -> String {
    format!("&{{{}}}", value.as_str().map_or_else(|| value.to_string(), str::to_string))
}

/// Compares two versions of an object of one shape (`typed.Compare`).
pub fn compare(old: &Value, new: &Value, shape: Shape) -> Comparison {
    let mut walk = Walk { result: Comparison::default(), path: Vec::new() };
    walk.values(Some(old), Some(new), shape);
    walk.result
}

struct Walk {
    result: Comparison,
    path: Vec<String>,
}

fn is_bare(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

impl Walk {
    fn values(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape) {
        // What is empty on both sides counts as a leaf: so nothing and an empty map can differ.
        if matches!(shape, Shape::Atomic) || (is_bare(old) && is_bare(new)) {
            self.leaf(old, new);
            return;
        }
        match shape {
            Shape::Struct(_) | Shape::Map(_) => self.maps(old, new, shape),
            _ => self.lists(old, new, shape),
        }
        match (old, new) {
            (None, Some(_)) => self.result.added.insert(&self.path),
            (Some(_), None) => self.result.removed.insert(&self.path),
            _ => {}
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, Some(_)) => self.result.added.insert(&self.path),
            (Some(_), None) => self.result.removed.insert(&self.path),
            (Some(old), Some(new)) if old != new => self.result.modified.insert(&self.path),
            _ => {}
        }
    }

    fn maps(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape) {
        let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        let only_new =
            new.into_iter().flat_map(Map::keys).filter(|key| old.is_none_or(|old| !old.contains_key(*key)));
        for key in old.into_iter().flat_map(Map::keys).chain(only_new) {
            let (a, b) = (old.and_then(|old| old.get(key)), new.and_then(|new| new.get(key)));
            let Some((inner, _)) = b.or(a).and_then(|value| shape.field(key, value)) else { continue };
            self.path.push(format!("f:{key}"));
            self.values(a, b, inner);
            self.path.pop();
        }
    }

    fn lists(&mut self, old: Option<&Value>, new: Option<&Value>, shape: Shape) {
        let steps = |list: Option<&'_ Value>| -> Vec<(String, Value)> {
            let items = list.and_then(Value::as_array).into_iter().flatten().enumerate();
            let step =
                |(index, item)| (shape.step(item).unwrap_or_else(|_| format!("i:{index}")), item.clone());
            items.map(step).collect()
        };
        let (old, new) = (steps(old), steps(new));
        let find =
            |list: &'_ [(String, Value)], step: &str| list.iter().find(|(other, _)| other == step).cloned();
        for (step, item) in &old {
            self.path.push(step.clone());
            let there = find(&new, step);
            self.values(Some(item), there.as_ref().map(|(_, item)| item), shape.item());
            self.path.pop();
        }
        for (step, item) in new.iter().filter(|(step, _)| find(&old, step).is_none()) {
            self.path.push(step.clone());
            self.values(None, Some(item), shape.item());
            self.path.pop();
        }
    }
}
