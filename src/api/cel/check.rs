//! Checks an expression before it runs: that its names are known, that objects have its fields, and that functions take what they
//! are given. What has no known type may be anything.

use std::sync::Arc;

use super::eval::{in_space, type_value};
use super::functions::find;
use super::parse::{Each, Expr, Fault, How, Kind};
use super::time;
use super::types::{self, Type};
use super::value::Value;
use crate::api::regexp::Regexp;

/// The names that an expression may use, and their types.
pub type Declared<'a, 's> = [(&'a str, Type<'s>)];

/// The type of an expression, and what is wrong with it.
pub fn check<'s>(expr: &Expr, declared: &Declared<'_, 's>) -> (Type<'s>, Vec<Fault>) {
    let mut checker = Checker { declared, locals: Vec::new(), faults: Vec::new() };
    let type_ = checker.type_of(expr);
    (type_, checker.faults)
}

struct Checker<'a, 's> {
    declared: &'a Declared<'a, 's>,
    locals: Vec<(String, Type<'s>)>,
    faults: Vec<Fault>,
}

impl<'s> Checker<'_, 's> {
    fn lookup(&self, name: &str) -> Option<Type<'s>> {
        let local = self.locals.iter().rev().find(|(known, _)| known == name).map(|(_, type_)| type_);
        local
            .or_else(|| self.declared.iter().find(|(known, _)| *known == name).map(|(_, type_)| type_))
            .cloned()
    }

    fn fault(&mut self, at: usize, why: String) -> Type<'s> {
        self.faults.push((at, why));
        Type::Dyn
    }

    fn type_of(&mut self, expr: &Expr) -> Type<'s> {
        match &expr.kind {
            Kind::Literal(value) => of_literal(value),
            Kind::Ident(name) => match self.lookup(name) {
                Some(type_) => type_,
                None if type_value(name).is_some() => Type::Plain('k'),
                None => self.fault(expr.at, format!("undeclared reference to '{name}' (in container '')")),
            },
            Kind::Select { operand, field, optional } => {
                let (inner, was_optional) = self.inner(operand);
                let found = self.field(expr.at, &inner, field);
                if *optional || was_optional { Type::Optional(Arc::new(found)) } else { found }
            }
            Kind::Has { operand, field } => {
                let (inner, _) = self.inner(operand);
                self.field(expr.at, &inner, field);
                Type::Plain('b')
            }
            Kind::Call { name, target, args } => self.call(expr.at, name, target.as_deref(), args),
            Kind::List(items) => {
                let types: Vec<(usize, Type)> = items
                    .iter()
                    .map(|(optional, item)| {
                        let found = self.type_of(item);
                        (item.at, if *optional { unwrapped(found) } else { found })
                    })
                    .collect();
                Type::List(Arc::new(self.joined(types)))
            }
            Kind::Map(entries) => {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for (optional, key, value) in entries {
                    keys.push((key.at, self.type_of(key)));
                    let found = self.type_of(value);
                    values.push((value.at, if *optional { unwrapped(found) } else { found }));
                }
                let (key, value) = (self.joined(keys), self.joined(values));
                Type::Map(Arc::new(key), Arc::new(value))
            }
            Kind::Object(name, fields) => self.object(expr.at, name, fields),
            Kind::Each(each) => self.each(each),
            Kind::Bind { name, value, body, optional } => {
                let found = self.type_of(value);
                let found = if optional.is_some() { unwrapped(found) } else { found };
                self.locals.push((name.clone(), found));
                let body = self.type_of(body);
                self.locals.pop();
                if *optional == Some(true) { Type::Optional(Arc::new(body)) } else { body }
            }
        }
    }

    /// Objects are made where mutations are written, after the place that they go to.
    fn object(&mut self, at: usize, name: &str, fields: &[(bool, String, Expr)]) -> Type<'s> {
        let known = self.declared.iter().any(|(known, _)| *known == types::OBJECTS)
            && (name == types::JSON_PATCH || name.split('.').next() == Some("Object"));
        if !known {
            return self.fault(at, format!("undeclared reference to '{name}' (in container '')"));
        }
        for (_, field, value) in fields {
            let found = self.type_of(value);
            if name == types::JSON_PATCH && !["op", "path", "from", "value"].contains(&field.as_str()) {
                self.fault(at, format!("undefined field '{field}'"));
            } else if name == types::JSON_PATCH && field != "value" && !compatible(&found, &Type::Plain('s'))
            {
                self.fault(
                    value.at,
                    format!("expected type of field '{field}' is 'string' but provided type is '{found}'"),
                );
            }
        }
        match name {
            types::JSON_PATCH => Type::Plain('J'),
            "Object" => Type::Plain('O'),
            _ => Type::Plain('o'),
        }
    }

    /// The type of an operand, without its being optional; and whether it is.
    fn inner(&mut self, operand: &Expr) -> (Type<'s>, bool) {
        match self.type_of(operand) {
            Type::Optional(inner) => ((*inner).clone(), true),
            other => (other, false),
        }
    }

    fn field(&mut self, at: usize, operand: &Type<'s>, name: &str) -> Type<'s> {
        match operand {
            Type::Dyn => Type::Dyn,
            Type::Map(_, value) => (**value).clone(),
            Type::Object(schema, is_object) => match types::field(schema, *is_object, name) {
                Some(found) => found,
                None => self.fault(at, format!("undefined field '{name}'")),
            },
            Type::Record(_, fields) => match fields.iter().find(|(known, _)| known == name) {
                Some((_, found)) => found.clone(),
                None => self.fault(at, format!("undefined field '{name}'")),
            },
            other => self.fault(at, format!("type '{other}' does not support field selection")),
        }
    }

    /// The one type of all elements.
    fn joined(&mut self, types: Vec<(usize, Type<'s>)>) -> Type<'s> {
        let mut joined: Option<Type> = None;
        for (at, type_) in types {
            match &joined {
                None => joined = Some(type_),
                Some(first) if compatible(first, &type_) => {}
                Some(first) => {
                    let why = format!("expected type '{first}' but found '{type_}'");
                    self.fault(at, why);
                }
            }
        }
        joined.unwrap_or(Type::Dyn)
    }

    fn call(&mut self, at: usize, name: &str, target: Option<&Expr>, args: &[Expr]) -> Type<'s> {
        let spaced = target.and_then(|target| in_space(target, name, |name| self.lookup(name).is_some()));
        let receiver = if spaced.is_some() { None } else { target.map(|target| self.type_of(target)) };
        self.literals(name, args);
        let args: Vec<Type> = args.iter().map(|arg| self.argument(name, arg)).collect();
        let name = spaced.as_deref().unwrap_or(name);
        let signatures: &[&str] = match (name, find(name)) {
            ("_&&_" | "_||_", _) => &["bb>b"],
            ("_?_:_", _) => &["bAA>A"],
            (_, Some(row)) => row.1,
            (_, None) => {
                return self.fault(at, format!("undeclared reference to '{name}' (in container '')"));
            }
        };
        let results: Vec<Type> =
            signatures.iter().filter_map(|signature| applied(signature, receiver.as_ref(), &args)).collect();
        match results.split_first() {
            None => {
                let list = args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let shown =
                    receiver.map_or_else(|| format!("({list})"), |receiver| format!("{receiver}.({list})"));
                self.fault(at, format!("found no matching overload for '{name}' applied to '{shown}'"))
            }
            Some((first, rest)) if rest.iter().all(|other| other == first) => first.clone(),
            Some(_) => Type::Dyn,
        }
    }

    /// The type of an argument. What is put into a text may be of many types in one list.
    fn argument(&mut self, name: &str, arg: &Expr) -> Type<'s> {
        match &arg.kind {
            Kind::List(items) if name == "format" => {
                items.iter().for_each(|(_, item)| drop(self.type_of(item)));
                Type::List(Arc::new(Type::Dyn))
            }
            _ => self.type_of(arg),
        }
    }

    /// Patterns, spans and instants that are written down are read at once.
    fn literals(&mut self, name: &str, args: &[Expr]) {
        let Some((Kind::Literal(Value::String(text)), at)) = args.last().map(|arg| (&arg.kind, arg.at))
        else {
            return;
        };
        let fits = match name {
            "matches" => Regexp::new(text).is_ok(),
            "duration" => time::duration(text).is_some(),
            "timestamp" => time::timestamp(text).is_some(),
            _ => true,
        };
        if !fits {
            self.fault(at, format!("invalid {name} argument"));
        }
    }

    fn each(&mut self, each: &Each) -> Type<'s> {
        let (key, value) = match self.type_of(&each.range) {
            Type::Dyn => (Type::Dyn, Type::Dyn),
            Type::List(item) => (Type::Plain('i'), (*item).clone()),
            Type::Map(key, value) => ((*key).clone(), (*value).clone()),
            other => {
                let why = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.fault(each.range.at, why);
                (Type::Dyn, Type::Dyn)
            }
        };
        let of_list = matches!(key, Type::Plain('i'));
        let one = if of_list { value.clone() } else { key.clone() };
        let depth = self.locals.len();
        match each.names.as_slice() {
            [name] => self.locals.push((name.clone(), one.clone())),
            [first, second] => {
                self.locals.push((first.clone(), key.clone()));
                self.locals.push((second.clone(), value));
            }
            _ => {}
        }
        let filter = each.filter.as_ref().map(|filter| (filter.at, self.type_of(filter)));
        let body = self.type_of(&each.body);
        self.locals.truncate(depth);
        let is_test = !matches!(each.how, How::Map | How::MapOfMap);
        for (at, found) in filter.into_iter().chain(is_test.then(|| (each.body.at, body.clone()))) {
            if !compatible(&found, &Type::Plain('b')) {
                self.fault(at, format!("expected type 'bool' but found '{found}'"));
            }
        }

        match each.how {
            How::All | How::Exists | How::ExistsOne => Type::Plain('b'),
            How::Filter => Type::List(Arc::new(one)),
            How::Map => Type::List(Arc::new(body)),
            How::MapOfMap => Type::Map(Arc::new(key), Arc::new(body)),
        }
    }
}

fn unwrapped(type_: Type<'_>) -> Type<'_> {
    match type_ {
        Type::Optional(inner) => (*inner).clone(),
        other => other,
    }
}

fn of_literal<'s>(value: &Value) -> Type<'s> {
    match value {
        Value::Null => Type::Plain('n'),
        Value::Bool(_) => Type::Plain('b'),
        Value::Int(_) => Type::Plain('i'),
        Value::Uint(_) => Type::Plain('u'),
        Value::Double(_) => Type::Plain('d'),
        Value::String(_) => Type::Plain('s'),
        Value::Bytes(_) => Type::Plain('y'),
        _ => Type::Dyn,
    }
}

/// Whether a value of one type may be of the other.
pub fn compatible(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Dyn, _) | (_, Type::Dyn) => true,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => compatible(a, b),
        (Type::Map(k, v), Type::Map(l, w)) => compatible(k, l) && compatible(v, w),
        (Type::Object(..) | Type::Record(..), Type::Plain('n'))
        | (Type::Plain('n'), Type::Object(..) | Type::Record(..)) => true,
        _ => one == other,
    }
}

/// What a signature gives for a receiver and arguments, if it takes them.
fn applied<'s>(signature: &str, receiver: Option<&Type<'s>>, args: &[Type<'s>]) -> Option<Type<'s>> {
    let (takes, gives) = signature.split_once('>')?;
    let (before, takes) = match takes.split_once('.') {
        Some((before, takes)) => (Some(before), takes),
        None => (None, takes),
    };
    if before.is_some() != receiver.is_some() {
        return None;
    }
    let mut bound = [None, None];
    let mut letters = before.unwrap_or_default().chars().chain(takes.chars());
    for actual in receiver.into_iter().chain(args) {
        if !fits(letters.next()?, &mut letters, actual, &mut bound) {
            return None;
        }
    }
    if letters.next().is_some() {
        return None;
    }
    let mut letters = gives.chars();
    Some(built(letters.next()?, &mut letters, &bound))
}

type Bound<'s> = [Option<Type<'s>>; 2];

fn fits<'s>(
    letter: char,
    rest: &mut dyn Iterator<Item = char>,
    actual: &Type<'s>,
    bound: &mut Bound<'s>,
) -> bool {
    let mut inner = |actual: &Type<'s>, bound: &mut Bound<'s>| {
        rest.next().is_some_and(|letter| fits(letter, &mut *rest, actual, bound))
    };
    match (letter, actual) {
        ('*', _) => true,
        ('A' | 'B', _) => {
            let place = &mut bound[usize::from(letter == 'B')];
            // Of two types that go together the one that says less stands for both.
            let goes = place.as_ref().is_none_or(|known| compatible(known, actual));
            if place.is_none() || matches!(actual, Type::Dyn) {
                *place = Some(actual.clone());
            }
            goes
        }
        ('[', Type::List(item)) => inner(item, bound),
        ('?', Type::Optional(item)) => inner(item, bound),
        ('{', Type::Map(key, value)) => {
            let key = inner(key, bound);
            inner(value, bound) && key
        }
        ('[' | '?', Type::Dyn) => inner(&Type::Dyn, bound),
        ('{', Type::Dyn) => inner(&Type::Dyn, bound) && inner(&Type::Dyn, bound),
        (_, Type::Dyn) => true,
        (_, Type::Plain(plain)) => *plain == letter,
        _ => false,
    }
}

fn built<'s>(letter: char, rest: &mut dyn Iterator<Item = char>, bound: &Bound<'s>) -> Type<'s> {
    let mut inner = || Arc::new(rest.next().map_or(Type::Dyn, |letter| built(letter, &mut *rest, bound)));
    match letter {
        '*' => Type::Dyn,
        'A' => bound[0].clone().unwrap_or(Type::Dyn),
        'B' => bound[1].clone().unwrap_or(Type::Dyn),
        '[' => Type::List(inner()),
        '?' => Type::Optional(inner()),
        '{' => {
            let key = inner();
            Type::Map(key, inner())
        }
        plain => Type::Plain(plain),
    }
}
