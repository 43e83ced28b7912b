//! Functions of lists.

use std::cmp::Ordering;

use super::functions::{Answer, find, no_overload};
use super::value::Value;
use crate::api::sorting;

const RANGE_MAX: i64 = 100_000;

/// Whether a list has an element.
pub fn has(items: &[Value], item: &Value) -> bool {
    items.iter().any(|known| known.equals(item))
}

/// Whether all elements of one list are in the other.
pub fn all_in(part: &[Value], whole: &[Value]) -> bool {
    part.iter().all(|item| has(whole, item))
}

/// Asks something of two lists.
pub fn sets(args: &[Value], is: fn(&[Value], &[Value]) -> bool) -> Answer {
    match args {
        [Value::List(one), Value::List(two)] => Ok(Value::Bool(is(one, two))),
        _ => no_overload(),
    }
}

fn items(args: &[Value]) -> Result<&[Value], String> {
    match args.first() {
        Some(Value::List(items)) => Ok(items),
        _ => Err("no such overload".into()),
    }
}

pub fn is_sorted(args: &[Value]) -> Answer {
    let ordered = |pair: &[Value]| pair[0].compare(&pair[1]).is_some_and(Ordering::is_le);
    Ok(Value::Bool(items(args)?.windows(2).all(ordered)))
}

pub fn sum(args: &[Value]) -> Answer {
    let Some((first, rest)) = items(args)?.split_first() else { return Ok(Value::Int(0)) };
    // Texts would be copied again with each.
    if !matches!(first, Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_)) {
        return no_overload();
    }
    let Some(row) = find("_+_") else { return no_overload() };
    rest.iter().try_fold(first.clone(), |sum, item| (row.2)(&[sum, item.clone()]))
}

/// The least or the greatest element.
pub fn extreme(args: &[Value], wanted: Ordering, of_none: &str) -> Answer {
    let Some((first, rest)) = items(args)?.split_first() else { return Err(of_none.into()) };
    let mut best = first;
    for item in rest {
        match item.compare(best) {
            Some(order) if order == wanted => best = item,
            Some(_) => {}
            None => return no_overload(),
        }
    }
    Ok(best.clone())
}

/// The least or the greatest of the arguments, or of the one list that is given.
pub fn among(args: &[Value], wanted: Ordering) -> Answer {
    match args {
        [Value::List(_)] => extreme(args, wanted, "math.@max(list) argument must not be empty"),
        _ => extreme(&[Value::list(args.to_vec())], wanted, ""),
    }
}

pub fn slice(args: &[Value]) -> Answer {
    match args {
        [Value::List(items), Value::Int(from), Value::Int(to)] => {
            let bounds = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
            let part = bounds.and_then(|(from, to)| items.get(from..to));
            part.map(|part| Value::list(part.to_vec()))
                .ok_or_else(|| format!("cannot slice({from}, {to}), list is length {}", items.len()))
        }
        _ => no_overload(),
    }
}

pub fn flatten(args: &[Value]) -> Answer {
    fn into(list: &[Value], depth: i64, flat: &mut Vec<Value>) {
        for item in list {
            match item {
                Value::List(inner) if depth > 0 => into(inner, depth - 1, flat),
                other => flat.push(other.clone()),
            }
        }
    }
    let depth = match args.get(1) {
        None => 1,
        Some(Value::Int(depth)) if *depth >= 0 => *depth,
        Some(Value::Int(_)) => return Err("level must be non-negative".into()),
        Some(_) => return no_overload(),
    };
    let mut flat = Vec::new();
    into(items(args)?, depth, &mut flat);
    Ok(Value::list(flat))
}

pub fn sort(args: &[Value]) -> Answer {
    let mut sorted = items(args)?.to_vec();
    if sorted.windows(2).any(|pair| pair[0].compare(&pair[1]).is_none()) {
        return no_overload();
    }
    sorting::sort_by(&mut sorted, |a, b| a.compare(b).unwrap_or(Ordering::Equal));
    Ok(Value::list(sorted))
}

pub fn distinct(args: &[Value]) -> Answer {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(args)? {
        if !has(&kept, item) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

pub fn range(args: &[Value]) -> Answer {
    match args {
        [Value::Int(count)] if *count <= RANGE_MAX => Ok(Value::list((0..*count).map(Value::Int).collect())),
        [Value::Int(_)] => Err("range is too long".into()),
        _ => no_overload(),
    }
}
