//! What an expression is worth, given what its names stand for.

use std::sync::Arc;

use super::functions::find;
use super::parse::{Each, Expr, How, Kind};
use super::types::JSON_PATCH;
use super::value::Value;

/// What names stand for.
pub type Bindings<'a> = [(&'a str, Value)];

/// Steps that one expression may take: it ends, whatever it is given.
const STEPS_MAX: u64 = 200_000;

/// Evaluates an expression.
///
/// # Errors
/// Why it has no value, in the words of the server's library.
pub fn evaluate(expr: &Expr, names: &Bindings) -> Result<Value, String> {
    let mut run = Run { names, locals: Vec::new(), steps: 0 };
    run.value(expr)
}

struct Run<'a> {
    names: &'a Bindings<'a>,
    /// Variables of the macros around, the innermost last.
    locals: Vec<(String, Value)>,
    steps: u64,
}

impl Run<'_> {
    fn lookup(&self, name: &str) -> Option<&Value> {
        let local = self.locals.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
        local.or_else(|| self.names.iter().find(|(known, _)| *known == name).map(|(_, value)| value))
    }

    fn spend(&mut self, steps: u64) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps);
        match self.steps > STEPS_MAX {
            true => Err("operation cancelled: actual cost limit exceeded".into()),
            false => Ok(()),
        }
    }

    /// An object of a type that is named after its place: what is put into a field is of the field's type.
    fn object(&mut self, name: &str, fields: &[(bool, String, Expr)]) -> Result<Value, String> {
        let mut object = Vec::new();
        for (optional, field, value) in fields {
            let place = format!("{name}.{field}");
            if let Some(made) = value.made().filter(|made| *made != place && name != JSON_PATCH) {
                return Err(format!(
                    "type mismatch: unexpected type name \"{made}\", expected \"{place}\", which matches field name path from root \
                     Object type"
                ));
            }
            let name = Value::text(field.as_str());
            match self.value(value)? {
                Value::Optional(inner) if *optional => {
                    object.extend(inner.map(|inner| (name, (*inner).clone())));
                }
                value => object.push((name, value)),
            }
        }
        Ok(Value::Map(Arc::new(object)))
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, String> {
        self.spend(1)?;
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Ident(name) => match self.lookup(name) {
                Some(value) => Ok(value.clone()),
                None => type_value(name).ok_or_else(|| format!("no such attribute(s): {name}")),
            },
            Kind::Select { operand, field, optional } => {
                let operand = self.value(operand)?;
                select(&operand, field, *optional)
            }
            Kind::Has { operand, field } => match self.value(operand)? {
                map @ Value::Map(_) => Ok(Value::Bool(map.field(field).is_some())),
                Value::Optional(inner) => {
                    Ok(Value::Bool(inner.is_some_and(|inner| inner.field(field).is_some())))
                }
                _ => Err("no such overload".into()),
            },
            Kind::Call { name, target, args } => self.call(name, target.as_deref(), args),
            Kind::List(items) => {
                let mut list = Vec::new();
                for (optional, item) in items {
                    match self.value(item)? {
                        Value::Optional(inner) if *optional => {
                            list.extend(inner.map(|inner| (*inner).clone()))
                        }
                        item => list.push(item),
                    }
                }
                Ok(Value::list(list))
            }
            Kind::Map(entries) => {
                let mut map = Vec::new();
                for (optional, key, item) in entries {
                    let key = self.value(key)?;
                    match self.value(item)? {
                        Value::Optional(inner) if *optional => {
                            map.extend(inner.map(|inner| (key, (*inner).clone())));
                        }
                        item => map.push((key, item)),
                    }
                }
                Ok(Value::Map(Arc::new(map)))
            }
            Kind::Object(name, fields) => self.object(name, fields),
            Kind::Each(each) => self.each(each),
            Kind::Bind { name, value, body, optional } => {
                let value = self.value(value)?;
                let value = match (optional, value) {
                    (None, value) => value,
                    (Some(_), Value::Optional(Some(inner))) => (*inner).clone(),
                    (Some(_), Value::Optional(None)) => return Ok(Value::optional(None)),
                    (Some(_), _) => return Err("no such overload".into()),
                };
                self.locals.push((name.clone(), value));
                let result = self.value(body);
                self.locals.pop();
                if *optional == Some(true) {
                    result.map(|value| Value::optional(Some(value)))
                } else {
                    result
                }
            }
        }
    }

    fn call(&mut self, name: &str, target: Option<&Expr>, args: &[Expr]) -> Result<Value, String> {
        match name {
            // Either side may decide alone, whatever is wrong with the other.
            "_&&_" | "_||_" => {
                let decides = name == "_||_";
                let (left, right) = (self.value(&args[0]), &args[1]);
                if matches!(left, Ok(Value::Bool(flag)) if flag == decides) {
                    return left;
                }
                let right = self.value(right);
                if matches!(right, Ok(Value::Bool(flag)) if flag == decides) {
                    return right;
                }
                return match (left?, right?) {
                    (Value::Bool(_), Value::Bool(_)) => Ok(Value::Bool(!decides)),
                    _ => Err("no such overload".into()),
                };
            }
            "_?_:_" => {
                return match self.value(&args[0])? {
                    Value::Bool(true) => self.value(&args[1]),
                    Value::Bool(false) => self.value(&args[2]),
                    _ => Err("no such overload".into()),
                };
            }
            _ => {}
        }
        let mut values = Vec::new();
        let mut spaced = None;
        if let Some(target) = target {
            spaced = in_space(target, name, |name| self.lookup(name).is_some());
            if spaced.is_none() {
                values.push(self.value(target)?);
            }
        }
        for arg in args {
            values.push(self.value(arg)?);
        }
        let row = find(spaced.as_deref().unwrap_or(name)).ok_or("no such overload")?;
        // Before it runs: what it would go through or make may be more than there is time or memory for.
        self.spend(cost(row.0, &values))?;
        let result = (row.2)(&values)?;
        self.spend(weight(&result))?;
        Ok(result)
    }

    fn each(&mut self, each: &Each) -> Result<Value, String> {
        let range = self.value(&each.range)?;
        self.spend(weight(&range))?;
        let is_map = matches!(range, Value::Map(_));
        let pairs: Vec<(Value, Value)> = match range {
            Value::List(items) => {
                items.iter().enumerate().map(|(at, item)| (Value::Int(at as i64), item.clone())).collect()
            }
            Value::Map(entries) => entries.to_vec(),
            _ => return Err("no such overload".into()),
        };
        let depth = self.locals.len();
        let (mut list, mut map, mut fault, mut count) = (Vec::new(), Vec::new(), None, 0);
        for (key, item) in pairs {
            // With one variable it is the element of a list, or the key of a map.
            let one = if is_map { key.clone() } else { item.clone() };
            match each.names.as_slice() {
                [name] => self.locals.push((name.clone(), one.clone())),
                [first, second] => {
                    self.locals.push((first.clone(), key.clone()));
                    self.locals.push((second.clone(), item));
                }
                _ => return Err("no such overload".into()),
            }
            let keep = each.filter.as_ref().map_or(Ok(Value::Bool(true)), |filter| self.value(filter));
            let result = match keep {
                Ok(Value::Bool(true)) => Some(self.value(&each.body)),
                Ok(_) => None,
                Err(why) => Some(Err(why)),
            };
            self.locals.truncate(depth);
            match (each.how, result) {
                (_, None) => {}
                (How::All, Some(Ok(Value::Bool(false)))) => return Ok(Value::Bool(false)),
                (How::Exists, Some(Ok(Value::Bool(true)))) => return Ok(Value::Bool(true)),
                (How::All | How::Exists, Some(Err(why))) => fault = fault.or(Some(why)),
                (_, Some(Err(why))) => return Err(why),
                (How::ExistsOne, Some(Ok(Value::Bool(true)))) => count += 1,
                (How::Filter, Some(Ok(Value::Bool(true)))) => list.push(one),
                (How::Map, Some(Ok(value))) => list.push(value),
                (How::MapOfMap, Some(Ok(value))) => map.push((key, value)),
                (_, Some(Ok(Value::Bool(_)))) => {}
                (_, Some(Ok(_))) => return Err("no such overload".into()),
            }
        }
        match (each.how, fault) {
            (_, Some(why)) => Err(why),
            (How::All, None) => Ok(Value::Bool(true)),
            (How::Exists, None) => Ok(Value::Bool(false)),
            (How::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            (How::Filter | How::Map, None) => Ok(Value::list(list)),
            (How::MapOfMap, None) => Ok(Value::Map(Arc::new(map))),
        }
    }
}

/// How much there is to go through in an argument.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 10,
        Value::Bytes(bytes) => bytes.len() as u64 / 10,
        Value::List(items) => items.len() as u64,
        Value::Map(entries) => entries.len() as u64,
        _ => 0,
    }
}

/// The same with all that is inside, as far as it is allowed: one list may hold another many times.
fn deep_weight(value: &Value) -> u64 {
    fn add(value: &Value, sum: &mut u64) {
        *sum += 1 + weight(value);
        match value {
            Value::List(items) => {
                for item in items.iter() {
                    if *sum > STEPS_MAX {
                        return;
                    }
                    add(item, sum);
                }
            }
            Value::Map(entries) => {
                for (key, item) in entries.iter() {
                    if *sum > STEPS_MAX {
                        return;
                    }
                    // A key is looked for among all.
                    *sum += entries.len() as u64 / 8;
                    add(key, sum);
                    add(item, sum);
                }
            }
            Value::Optional(Some(inner)) => add(inner, sum),
            _ => {}
        }
    }
    let mut sum = 0;
    add(value, &mut sum);
    sum
}

/// How many steps a function takes with its arguments.
fn cost(name: &str, values: &[Value]) -> u64 {
    let letters = |value: &Value| weight(value) * 10 + 10;
    let own = match (name, values) {
        (
            "_==_" | "_!=_" | "@in" | "indexOf" | "lastIndexOf" | "format" | "flatten" | "sort" | "isSorted",
            values,
        ) => values.iter().map(deep_weight).sum(),
        // Each element is held against all others.
        ("distinct", [list]) => weight(list).saturating_mul(deep_weight(list)),
        (name, [one, two]) if name.starts_with("sets.") => {
            let both = weight(one).saturating_mul(deep_weight(two));
            both.saturating_add(weight(two).saturating_mul(deep_weight(one)))
        }
        ("join", [list, between @ ..]) => {
            let signs = between.first().map_or(0, weight);
            deep_weight(list).saturating_add(weight(list).saturating_mul(signs))
        }
        // As often as it may be found.
        ("replace", [Value::String(text), Value::String(old), Value::String(new), ..]) => {
            let times = text.len() / old.len().max(1) + 1;
            (times as u64).saturating_mul(new.len() as u64) / 10
        }
        // Perhaps into letters.
        ("split" | "findAll", [text, ..]) => letters(text),
        _ => 0,
    };
    values.iter().map(weight).fold(own, u64::saturating_add)
}

fn select(operand: &Value, field: &str, optional: bool) -> Result<Value, String> {
    match operand {
        Value::Optional(inner) => {
            let found = inner.as_deref().and_then(|inner| inner.field(field)).cloned();
            Ok(Value::optional(found))
        }
        Value::Map(_) if optional => Ok(Value::optional(operand.field(field).cloned())),
        Value::Map(_) => operand.field(field).cloned().ok_or_else(|| format!("no such key: {field}")),
        _ => Err("no such overload".into()),
    }
}

/// The function `space.name`, unless the space is a variable.
pub fn in_space(target: &Expr, name: &str, is_variable: impl Fn(&str) -> bool) -> Option<String> {
    let Kind::Ident(space) = &target.kind else { return None };
    let full = format!("{space}.{name}");
    (!is_variable(space) && find(&full).is_some()).then_some(full)
}

/// A type that is named as a value: `type(x) == int`.
pub fn type_value(name: &str) -> Option<Value> {
    const TYPES: [&str; 10] =
        ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];
    TYPES.iter().find(|known| **known == name).map(|known| Value::Type(known))
}
