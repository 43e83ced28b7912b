//! Functions of texts.

use std::sync::Arc;

use super::functions::{Answer, no_overload};
use super::value::Value;
use crate::api::manifest::{base64, json_float};
use crate::api::regexp::Regexp;

/// Asks something of a text and another.
pub fn test(args: &[Value], is: fn(&str, &str) -> bool) -> Answer {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(is(text, part))),
        _ => no_overload(),
    }
}

/// Makes another text of one.
pub fn change(args: &[Value], to: fn(&str) -> String) -> Answer {
    match args {
        [Value::String(text)] => Ok(Value::text(to(text))),
        _ => no_overload(),
    }
}

pub fn matches(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            Ok(Value::Bool(Regexp::new(pattern)?.is_match(text)))
        }
        _ => no_overload(),
    }
}

/// What of a text matches a pattern, from left to right.
fn found(text: &str, pattern: &str, most: usize) -> Result<Vec<Value>, String> {
    let pattern = Regexp::new(pattern)?;
    let (mut search, mut found, mut from) = (pattern.search(text), Vec::new(), 0);
    while found.len() < most && from <= text.len() {
        let Some((start, end)) = search.next(from).and_then(|places| places.first().copied().flatten())
        else {
            break;
        };
        found.push(Value::text(&text[start..end]));
        // What matches nothing at all is found between all letters.
        from = if end > start { end } else { end + text[end..].chars().next().map_or(1, char::len_utf8) };
    }
    Ok(found)
}

pub fn find(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            Ok(found(text, pattern, 1)?.pop().unwrap_or_else(|| Value::text("")))
        }
        _ => no_overload(),
    }
}

pub fn find_all(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), Value::String(pattern), rest @ ..] => {
            let most = match rest {
                [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            Ok(Value::list(found(text, pattern, most)?))
        }
        _ => no_overload(),
    }
}

pub fn char_at(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), Value::Int(at)] => {
            let count = text.chars().count() as i64;
            if !(0..=count).contains(at) {
                return Err(format!("index out of range: {at}"));
            }
            Ok(Value::text(text.chars().skip(*at as usize).take(1).collect::<String>()))
        }
        _ => no_overload(),
    }
}

fn place(text: &str, bytes: Option<usize>) -> Answer {
    Ok(Value::Int(bytes.map_or(-1, |bytes| text[..bytes].chars().count() as i64)))
}

/// The place of a letter in bytes.
fn offset(text: &str, letters: i64) -> Option<usize> {
    let letters = usize::try_from(letters).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(letters)
}

pub fn index_of(args: &[Value]) -> Answer {
    match args {
        [Value::List(items), item] => {
            let at = items.iter().position(|known| known.equals(item));
            Ok(Value::Int(at.map_or(-1, |at| at as i64)))
        }
        [Value::String(text), Value::String(part)] => place(text, text.find(&**part)),
        [Value::String(text), Value::String(part), Value::Int(from)] => {
            let from = offset(text, *from).ok_or_else(|| format!("index out of range: {from}"))?;
            place(text, text[from..].find(&**part).map(|at| at + from))
        }
        _ => no_overload(),
    }
}

pub fn last_index_of(args: &[Value]) -> Answer {
    match args {
        [Value::List(items), item] => {
            let at = items.iter().rposition(|known| known.equals(item));
            Ok(Value::Int(at.map_or(-1, |at| at as i64)))
        }
        [Value::String(text), Value::String(part)] => place(text, text.rfind(&**part)),
        [Value::String(text), Value::String(part), Value::Int(from)] => {
            let from = offset(text, *from).ok_or_else(|| format!("index out of range: {from}"))?;
            let end = (from + part.len()).min(text.len());
            place(text, text.get(..end).and_then(|before| before.rfind(&**part)))
        }
        _ => no_overload(),
    }
}

fn texts(items: &[Value]) -> Result<Vec<&str>, String> {
    let text = |item: &'_ Value| match item {
        Value::String(_) => Ok(()),
        _ => Err("no such overload".to_string()),
    };
    items.iter().try_for_each(text)?;
    Ok(items
        .iter()
        .filter_map(|item| if let Value::String(text) = item { Some(&**text) } else { None })
        .collect())
}

pub fn join(args: &[Value]) -> Answer {
    match args {
        [Value::List(items)] => Ok(Value::text(texts(items)?.concat())),
        [Value::List(items), Value::String(between)] => Ok(Value::text(texts(items)?.join(between))),
        _ => no_overload(),
    }
}

pub fn replace(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), Value::String(old), Value::String(new)] => {
            Ok(Value::text(text.replace(&**old, new)))
        }
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(most)] => {
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            Ok(Value::text(text.replacen(&**old, new, most)))
        }
        _ => no_overload(),
    }
}

pub fn split(args: &[Value]) -> Answer {
    let (text, between, most) = match args {
        [Value::String(text), Value::String(between)] => (text, between, -1),
        [Value::String(text), Value::String(between), Value::Int(most)] => (text, between, *most),
        _ => return no_overload(),
    };
    let parts: Vec<Value> = match (most, between.is_empty()) {
        (0, _) => Vec::new(),
        (_, true) => text.chars().map(|letter| Value::text(letter.to_string())).collect(),
        (1.., _) => text.splitn(most as usize, &**between).map(Value::text).collect(),
        _ => text.split(&**between).map(Value::text).collect(),
    };
    Ok(Value::list(parts))
}

pub fn substring(args: &[Value]) -> Answer {
    let (text, from, to) = match args {
        [Value::String(text), Value::Int(from)] => (text, *from, text.chars().count() as i64),
        [Value::String(text), Value::Int(from), Value::Int(to)] => (text, *from, *to),
        _ => return no_overload(),
    };
    let start = offset(text, from).ok_or_else(|| format!("index out of range: {from}"))?;
    let end = offset(text, to).ok_or_else(|| format!("index out of range: {to}"))?;
    if start > end {
        return Err(format!("invalid substring range. start: {from}, end: {to}"));
    }
    Ok(Value::text(&text[start..end]))
}

pub fn encode(args: &[Value]) -> Answer {
    match args {
        [Value::Bytes(bytes)] => Ok(Value::text(base64::encode(bytes))),
        _ => no_overload(),
    }
}

pub fn decode(args: &[Value]) -> Answer {
    match args {
        [Value::String(text)] => match base64::decode(text) {
            Ok(bytes) => Ok(Value::Bytes(bytes.into())),
            Err(at) => Err(format!("illegal base64 data at input byte {at}")),
        },
        _ => no_overload(),
    }
}

/// `"%s is %d".format([a, b])`
pub fn format(args: &[Value]) -> Answer {
    let [Value::String(pattern), Value::List(items)] = args else { return no_overload() };
    let (mut out, mut items, mut letters) = (String::new(), items.iter(), pattern.chars().peekable());
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut digits = None;
        if letters.peek() == Some(&'.') {
            letters.next();
            let mut text = String::new();
            while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                text.push(digit);
            }
            digits = text.parse::<usize>().ok();
        }
        let verb = letters.next().unwrap_or_default();
        if verb == '%' {
            out.push('%');
            continue;
        }
        let item = items.next().ok_or("index out of range")?;
        out.push_str(&one(verb, digits, item)?);
    }
    Ok(Value::text(out))
}

fn one(verb: char, digits: Option<usize>, item: &Value) -> Result<String, String> {
    let wrong = || {
        let name = item.type_name();
        format!("error during formatting: no formatting function for %{verb} of type {name}")
    };
    match (verb, item) {
        ('s', _) => item.shown().ok_or_else(wrong),
        ('d', Value::Int(_) | Value::Uint(_) | Value::Double(_)) => item.shown().ok_or_else(wrong),
        ('f', Value::Double(number)) => Ok(fixed(*number, digits.unwrap_or(6))),
        ('f', Value::Int(number)) => Ok(fixed(*number as f64, digits.unwrap_or(6))),
        ('e', Value::Double(number)) => Ok(json_float(*number)),
        ('b', Value::Int(number)) => Ok(radix(number.unsigned_abs(), 2, *number < 0)),
        ('o', Value::Int(number)) => Ok(radix(number.unsigned_abs(), 8, *number < 0)),
        ('x', Value::Int(number)) => Ok(radix(number.unsigned_abs(), 16, *number < 0)),
        ('X', Value::Int(number)) => Ok(radix(number.unsigned_abs(), 16, *number < 0).to_uppercase()),
        ('x' | 'X', Value::String(text)) => {
            let hex: String =
                text.bytes().map(|byte| radix(u64::from(byte) + 256, 16, false)[1..].to_string()).collect();
            Ok(if verb == 'X' { hex.to_uppercase() } else { hex })
        }
        ('b', Value::Bool(flag)) => Ok(u8::from(*flag).to_string()),
        _ => Err(wrong()),
    }
}

fn radix(mut number: u64, base: u64, negative: bool) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from_digit((number % base) as u32, base as u32).unwrap_or('0'));
        number /= base;
    }
    digits.extend(negative.then_some('-'));
    digits.iter().rev().collect()
}

/// So many digits behind the point, half to even as the last bit falls.
fn fixed(number: f64, digits: usize) -> String {
    let scale = (0..digits.min(15)).fold(1.0, |scale: f64, _| scale * 10.0);
    let units = libm::rint(number.abs() * scale) as u128;
    let scale = scale as u128;
    let sign = if number < 0.0 && units > 0 { "-" } else { "" };
    let part = (units % scale + scale).to_string();
    if digits == 0 { format!("{sign}{units}") } else { format!("{sign}{}.{}", units / scale, &part[1..]) }
}

/// The formats by name: what they may be, and how long.
const FORMATS: [(&str, &str, usize); 8] = [
    ("dns1123Label", "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", 63),
    ("dns1123Subdomain", r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", 253),
    ("dns1035Label", "^[a-z]([-a-z0-9]*[a-z0-9])?$", 63),
    ("qualifiedName", r"^([a-z0-9.-]+/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$", 317),
    ("labelValue", "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$", 63),
    ("uuid", "^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$", 36),
    ("date", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 10),
    ("datetime", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2})$", 40),
];

pub fn named_format(args: &[Value]) -> Answer {
    match args {
        [Value::String(name)] => {
            let found = FORMATS.iter().find(|format| format.0 == &**name);
            Ok(Value::optional(found.map(|format| Value::Format(format.0))))
        }
        _ => no_overload(),
    }
}

/// Nothing, or what is wrong with a text.
pub fn validate_format(args: &[Value]) -> Answer {
    let [Value::Format(name), Value::String(text)] = args else { return no_overload() };
    let Some((_, pattern, max)) = FORMATS.iter().find(|format| format.0 == *name) else {
        return no_overload();
    };
    let mut reasons = Vec::new();
    if text.len() > *max {
        reasons.push(Value::text(format!("must be no more than {max} characters")));
    }
    if !Regexp::new(pattern)?.is_match(text) {
        reasons.push(Value::text(format!("must match the regex {pattern}")));
    }
    Ok(Value::Optional((!reasons.is_empty()).then(|| Arc::new(Value::list(reasons)))))
}
