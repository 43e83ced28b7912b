//! The functions that expressions may call: name, signatures and what they do. The signatures are checked before anything runs, and
//! the functions look at their arguments again, since not everything has a type that is known before.
//!
//! In a signature, a letter is a type: `b`ool, `i`nt, `u`int, `d`ouble, `s`tring, b`y`tes, `t`imestamp, du`r`ation, `k` a type,
//! `n`ull, `*` anything, `A` and `B` any type that is the same throughout; `[A` is a list, `{AB` a map, `?A` something that may be
//! missing; `Q`uantity, `U`RL, `I`P, `C`IDR, `F`ormat, `V`ersion, `Z` the authorizer. The receiver of a method stands before a point.

use std::cmp::Ordering;

use super::value::Value;
use super::{lists, net, texts, time};
use crate::api::quantity::{self, Parsed};

/// What a function answers.
pub type Answer = Result<Value, String>;
/// A function of all its arguments, the receiver first.
pub type Function = fn(&[Value]) -> Answer;

/// The arguments are of other types.
pub fn no_overload() -> Answer {
    Err("no such overload".into())
}

/// One function and its signatures.
pub struct Row(pub &'static str, pub &'static [&'static str], pub Function);

/// All functions.
pub static FUNCTIONS: &[Row] = &[
    Row("!_", &["b>b"], |args| match args {
        [Value::Bool(flag)] => Ok(Value::Bool(!flag)),
        _ => no_overload(),
    }),
    Row("-_", &["i>i", "d>d", "r>r"], |args| match args {
        [Value::Int(number)] => number.checked_neg().map(Value::Int).ok_or_else(overflow),
        [Value::Double(number)] => Ok(Value::Double(-number)),
        [Value::Duration(micros)] => Ok(Value::Duration(-micros)),
        _ => no_overload(),
    }),
    Row("_+_", &["ii>i", "uu>u", "dd>d", "ss>s", "yy>y", "[A[A>[A", "rr>r", "tr>t", "rt>t"], add),
    Row("_-_", &["ii>i", "uu>u", "dd>d", "rr>r", "tt>r", "tr>t"], subtract),
    Row("_*_", &["ii>i", "uu>u", "dd>d"], multiply),
    Row("_/_", &["ii>i", "uu>u", "dd>d"], divide),
    Row("_%_", &["ii>i", "uu>u"], |args| match args {
        [_, Value::Int(0) | Value::Uint(0)] => Err("modulus by zero".into()),
        [Value::Int(a), Value::Int(b)] => a.checked_rem(*b).map(Value::Int).ok_or_else(overflow),
        [Value::Uint(a), Value::Uint(b)] => Ok(Value::Uint(a % b)),
        _ => no_overload(),
    }),
    Row("_==_", &["AA>b"], |args| Ok(Value::Bool(args[0].equals(&args[1])))),
    Row("_!=_", &["AA>b"], |args| Ok(Value::Bool(!args[0].equals(&args[1])))),
    Row("_<_", ORDERED, |args| order(args, Ordering::is_lt)),
    Row("_<=_", ORDERED, |args| order(args, Ordering::is_le)),
    Row("_>_", ORDERED, |args| order(args, Ordering::is_gt)),
    Row("_>=_", ORDERED, |args| order(args, Ordering::is_ge)),
    Row("@in", &["A[A>b", "A{AB>b"], |args| match args {
        [item, Value::List(items)] => Ok(Value::Bool(items.iter().any(|known| known.equals(item)))),
        [key, map @ Value::Map(_)] => Ok(Value::Bool(map.entry(key).is_some())),
        _ => no_overload(),
    }),
    Row("_[_]", &["[Ai>A", "{ABA>B"], |args| match args {
        [Value::List(items), Value::Int(index)] => {
            let found = usize::try_from(*index).ok().and_then(|index| items.get(index));
            found.cloned().ok_or_else(|| format!("index out of bounds: {index}"))
        }
        [map @ Value::Map(_), key] => {
            map.entry(key).cloned().ok_or_else(|| format!("no such key: {}", key.shown().unwrap_or_default()))
        }
        _ => no_overload(),
    }),
    Row("_[?_]", &["[Ai>?A", "{ABA>?B", "?[Ai>?A", "?{ABA>?B"], at_if_there),
    Row("size", &["s>i", "y>i", "[A>i", "{AB>i", "s.>i", "y.>i", "[A.>i", "{AB.>i"], |args| match args {
        [Value::String(text)] => Ok(Value::Int(text.chars().count() as i64)),
        [Value::Bytes(bytes)] => Ok(Value::Int(bytes.len() as i64)),
        [Value::List(items)] => Ok(Value::Int(items.len() as i64)),
        [Value::Map(entries)] => Ok(Value::Int(entries.len() as i64)),
        _ => no_overload(),
    }),
    Row("type", &["A>k"], |args| Ok(Value::Type(args[0].type_name()))),
    Row("dyn", &["A>*"], |args| Ok(args[0].clone())),
    Row("int", &["i>i", "u>i", "d>i", "s>i", "t>i"], to_int),
    Row("uint", &["u>u", "i>u", "d>u", "s>u"], |args| match args {
        [Value::Uint(number)] => Ok(Value::Uint(*number)),
        [Value::Int(number)] => {
            u64::try_from(*number).map(Value::Uint).map_err(|_| "unsigned integer overflow".into())
        }
        [Value::Double(number)] if (0.0..1.8e19).contains(number) => Ok(Value::Uint(*number as u64)),
        [Value::Double(_)] => Err("unsigned integer overflow".into()),
        [Value::String(text)] => text.parse().map(Value::Uint).map_err(|_| conversion(text, "uint")),
        _ => no_overload(),
    }),
    Row("double", &["d>d", "i>d", "u>d", "s>d"], |args| match args {
        [Value::Double(number)] => Ok(Value::Double(*number)),
        [Value::Int(number)] => Ok(Value::Double(*number as f64)),
        [Value::Uint(number)] => Ok(Value::Double(*number as f64)),
        [Value::String(text)] => text.parse().map(Value::Double).map_err(|_| conversion(text, "double")),
        _ => no_overload(),
    }),
    Row("bool", &["b>b", "s>b"], |args| match args {
        [Value::Bool(flag)] => Ok(Value::Bool(*flag)),
        [Value::String(text)] => match &**text {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Value::Bool(false)),
            _ => Err(conversion(text, "bool")),
        },
        _ => no_overload(),
    }),
    Row(
        "string",
        &["s>s", "i>s", "u>s", "d>s", "b>s", "y>s", "t>s", "r>s", "I>s", "C>s"],
        |args| match args {
            [Value::List(_) | Value::Map(_) | Value::Null] => no_overload(),
            [value] => value.shown().map_or_else(no_overload, |text| Ok(Value::text(text))),
            _ => no_overload(),
        },
    ),
    Row("bytes", &["y>y", "s>y"], |args| match args {
        [Value::Bytes(bytes)] => Ok(Value::Bytes(bytes.clone())),
        [Value::String(text)] => Ok(Value::Bytes(text.as_bytes().into())),
        _ => no_overload(),
    }),
    Row("timestamp", &["t>t", "s>t", "i>t"], |args| match args {
        [Value::Timestamp(micros)] => Ok(Value::Timestamp(*micros)),
        [Value::Int(seconds)] => seconds.checked_mul(1_000_000).map(Value::Timestamp).ok_or_else(overflow),
        [Value::String(text)] => time::timestamp(text)
            .map(Value::Timestamp)
            .ok_or_else(|| conversion(text, "google.protobuf.Timestamp")),
        _ => no_overload(),
    }),
    Row("duration", &["r>r", "s>r", "i>r"], |args| match args {
        [Value::Duration(micros)] => Ok(Value::Duration(*micros)),
        [Value::String(text)] => time::duration(text)
            .map(Value::Duration)
            .ok_or_else(|| conversion(text, "google.protobuf.Duration")),
        _ => no_overload(),
    }),
    Row("getFullYear", OF_TIME, |args| part("getFullYear", args)),
    Row("getMonth", OF_TIME, |args| part("getMonth", args)),
    Row("getDate", OF_TIME, |args| part("getDate", args)),
    Row("getDayOfMonth", OF_TIME, |args| part("getDayOfMonth", args)),
    Row("getDayOfWeek", OF_TIME, |args| part("getDayOfWeek", args)),
    Row("getDayOfYear", OF_TIME, |args| part("getDayOfYear", args)),
    Row("getHours", OF_BOTH, |args| part("getHours", args)),
    Row("getMinutes", OF_BOTH, |args| part("getMinutes", args)),
    Row("getSeconds", OF_BOTH, |args| part("getSeconds", args)),
    Row("getMilliseconds", OF_BOTH, |args| part("getMilliseconds", args)),
    Row("contains", &["s.s>b"], |args| texts::test(args, |text, part| text.contains(part))),
    Row("startsWith", &["s.s>b"], |args| texts::test(args, |text, part| text.starts_with(part))),
    Row("endsWith", &["s.s>b"], |args| texts::test(args, |text, part| text.ends_with(part))),
    Row("matches", &["s.s>b", "ss>b"], texts::matches),
    Row("find", &["s.s>s"], texts::find),
    Row("findAll", &["s.s>[s", "s.si>[s"], texts::find_all),
    Row("jsonpatch.escapeKey", &["s>s"], |args| {
        texts::change(args, |key| key.replace('~', "~0").replace('/', "~1"))
    }),
    Row("charAt", &["s.i>s"], texts::char_at),
    Row("indexOf", &["s.s>i", "s.si>i", "[A.A>i"], texts::index_of),
    Row("lastIndexOf", &["s.s>i", "s.si>i", "[A.A>i"], texts::last_index_of),
    Row("join", &["[s.>s", "[s.s>s"], texts::join),
    Row("lowerAscii", &["s.>s"], |args| texts::change(args, |text| text.to_ascii_lowercase())),
    Row("upperAscii", &["s.>s"], |args| texts::change(args, |text| text.to_ascii_uppercase())),
    Row("trim", &["s.>s"], |args| texts::change(args, |text| text.trim().to_string())),
    Row("reverse", &["s.>s", "[A.>[A"], |args| match args {
        [Value::List(items)] => Ok(Value::list(items.iter().rev().cloned().collect())),
        _ => texts::change(args, |text| text.chars().rev().collect()),
    }),
    Row("replace", &["s.ss>s", "s.ssi>s"], texts::replace),
    Row("split", &["s.s>[s", "s.si>[s"], texts::split),
    Row("substring", &["s.i>s", "s.ii>s"], texts::substring),
    Row("strings.quote", &["s>s"], |args| texts::change(args, |text| format!("{text:?}"))),
    Row("format", &["s.[*>s"], texts::format),
    Row("base64.encode", &["y>s"], texts::encode),
    Row("base64.decode", &["s>y"], texts::decode),
    Row("isSorted", &["[A.>b"], lists::is_sorted),
    Row("sum", &["[i.>i", "[u.>u", "[d.>d", "[r.>r"], lists::sum),
    Row("min", &["[A.>A"], |args| lists::extreme(args, Ordering::Less, "min called on empty list")),
    Row("max", &["[A.>A"], |args| lists::extreme(args, Ordering::Greater, "max called on empty list")),
    Row("slice", &["[A.ii>[A"], lists::slice),
    Row("flatten", &["[A.>[*", "[A.i>[*"], lists::flatten),
    Row("sort", &["[A.>[A"], lists::sort),
    Row("distinct", &["[A.>[A"], lists::distinct),
    Row("lists.range", &["i>[i"], lists::range),
    Row("sets.contains", &["[A[A>b"], |args| lists::sets(args, |one, two| lists::all_in(two, one))),
    Row("sets.intersects", &["[A[A>b"], |args| {
        lists::sets(args, |one, two| two.iter().any(|item| lists::has(one, item)))
    }),
    Row("sets.equivalent", &["[A[A>b"], |args| {
        lists::sets(args, |one, two| lists::all_in(one, two) && lists::all_in(two, one))
    }),
    Row("math.greatest", &["[A>A", "A>A", "AA>A", "AAA>A", "AAAA>A"], |args| {
        lists::among(args, Ordering::Greater)
    }),
    Row("math.least", &["[A>A", "A>A", "AA>A", "AAA>A", "AAAA>A"], |args| lists::among(args, Ordering::Less)),
    Row("math.abs", &["i>i", "d>d"], |args| match args {
        [Value::Int(number)] => number.checked_abs().map(Value::Int).ok_or_else(overflow),
        [Value::Double(number)] => Ok(Value::Double(number.abs())),
        _ => no_overload(),
    }),
    Row("math.ceil", &["d>d"], |args| double(args, libm::ceil)),
    Row("math.floor", &["d>d"], |args| double(args, libm::floor)),
    Row("math.round", &["d>d"], |args| double(args, libm::round)),
    Row("math.trunc", &["d>d"], |args| double(args, libm::trunc)),
    Row("math.sign", &["i>i", "d>d"], |args| match args {
        [Value::Int(number)] => Ok(Value::Int(number.signum())),
        [Value::Double(number)] if *number == 0.0 => Ok(Value::Double(0.0)),
        [Value::Double(number)] => Ok(Value::Double(number.signum())),
        _ => no_overload(),
    }),
    Row("url", &["s>U"], net::url),
    Row("isURL", &["s>b"], |args| Ok(Value::Bool(net::url(args).is_ok()))),
    Row("getScheme", &["U.>s"], |args| net::url_part(args, "scheme")),
    Row("getHost", &["U.>s"], |args| net::url_part(args, "host")),
    Row("getHostname", &["U.>s"], |args| net::url_part(args, "hostname")),
    Row("getPort", &["U.>s"], |args| net::url_part(args, "port")),
    Row("getEscapedPath", &["U.>s"], |args| net::url_part(args, "path")),
    Row("getQuery", &["U.>{s[s"], net::query),
    Row("ip", &["s>I", "C.>I"], net::ip),
    Row("isIP", &["s>b"], |args| Ok(Value::Bool(net::ip(args).is_ok()))),
    Row("ip.isCanonical", &["s>b"], net::is_canonical),
    Row("family", &["I.>i"], |args| net::of_ip(args, "family")),
    Row("isUnspecified", &["I.>b"], |args| net::of_ip(args, "isUnspecified")),
    Row("isLoopback", &["I.>b"], |args| net::of_ip(args, "isLoopback")),
    Row("isLinkLocalMulticast", &["I.>b"], |args| net::of_ip(args, "isLinkLocalMulticast")),
    Row("isLinkLocalUnicast", &["I.>b"], |args| net::of_ip(args, "isLinkLocalUnicast")),
    Row("isGlobalUnicast", &["I.>b"], |args| net::of_ip(args, "isGlobalUnicast")),
    Row("cidr", &["s>C"], net::cidr),
    Row("isCIDR", &["s>b"], |args| Ok(Value::Bool(net::cidr(args).is_ok()))),
    Row("containsIP", &["C.s>b", "C.I>b"], net::contains_ip),
    Row("containsCIDR", &["C.s>b", "C.C>b"], net::contains_cidr),
    Row("masked", &["C.>C"], net::masked),
    Row("prefixLength", &["C.>i"], |args| match args {
        [Value::Cidr(_, length)] => Ok(Value::Int((*length).into())),
        _ => no_overload(),
    }),
    Row("quantity", &["s>Q"], |args| match args {
        [Value::String(text)] => quantity::parse(text).map(Value::Quantity).ok_or_else(|| {
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .into()
        }),
        _ => no_overload(),
    }),
    Row("isQuantity", &["s>b"], |args| match args {
        [Value::String(text)] => Ok(Value::Bool(quantity::parse(text).is_some())),
        _ => no_overload(),
    }),
    Row("isInteger", &["Q.>b"], |args| match args {
        [Value::Quantity(amount)] => Ok(Value::Bool(is_whole(*amount))),
        _ => no_overload(),
    }),
    Row("asInteger", &["Q.>i"], |args| match args {
        [Value::Quantity(amount)] if is_whole(*amount) => Ok(Value::Int(amount.value())),
        [Value::Quantity(_)] => Err("cannot convert value to integer".into()),
        _ => no_overload(),
    }),
    Row("asApproximateFloat", &["Q.>d"], |args| match args {
        [Value::Quantity(amount)] => Ok(Value::Double(amount.milli() as f64 / 1_000.0)),
        _ => no_overload(),
    }),
    Row("sign", &["Q.>i"], |args| match args {
        [Value::Quantity(amount)] => Ok(Value::Int(amount.sign().into())),
        _ => no_overload(),
    }),
    Row("add", &["Q.Q>Q", "Q.i>Q"], |args| amounts(args, Parsed::plus)),
    Row("sub", &["Q.Q>Q", "Q.i>Q"], |args| amounts(args, Parsed::minus)),
    Row("isGreaterThan", &["Q.Q>b", "V.V>b"], |args| order(args, Ordering::is_gt)),
    Row("isLessThan", &["Q.Q>b", "V.V>b"], |args| order(args, Ordering::is_lt)),
    Row("compareTo", &["Q.Q>i", "V.V>i"], |args| match args[0].compare(&args[1]) {
        Some(order) => Ok(Value::Int(order as i64)),
        None => no_overload(),
    }),
    Row("semver", &["s>V", "sb>V"], net::semver),
    Row("isSemver", &["s>b", "sb>b"], |args| Ok(Value::Bool(net::semver(args).is_ok()))),
    Row("major", &["V.>i"], |args| net::number_of(args, 0)),
    Row("minor", &["V.>i"], |args| net::number_of(args, 1)),
    Row("patch", &["V.>i"], |args| net::number_of(args, 2)),
    Row("optional.of", &["A>?A"], |args| Ok(Value::optional(args.first().cloned()))),
    Row("optional.none", &[">?*"], |_| Ok(Value::optional(None))),
    Row("optional.ofNonZeroValue", &["A>?A"], |args| {
        Ok(Value::optional(args.first().cloned().filter(|v| !is_zero(v))))
    }),
    Row("hasValue", &["?A.>b"], |args| match args {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => no_overload(),
    }),
    Row("value", &["?A.>A"], |args| match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => Err("optional.none() dereference".into()),
        _ => no_overload(),
    }),
    Row("orValue", &["?A.A>A"], |args| match args {
        [Value::Optional(value), other] => Ok(value.as_deref().unwrap_or(other).clone()),
        _ => no_overload(),
    }),
    Row("or", &["?A.?A>?A"], |args| match args {
        [value @ Value::Optional(Some(_)), _] => Ok(value.clone()),
        [Value::Optional(None), other] => Ok(other.clone()),
        _ => no_overload(),
    }),
    Row("group", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("resource", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("subresource", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("namespace", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("name", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("path", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("check", OF_AUTHORIZER, |_| Ok(Value::Authorizer)),
    Row("serviceAccount", &["Z.ss>Z"], |_| Ok(Value::Authorizer)),
    Row("allowed", &["Z.>b"], |_| Ok(Value::Bool(true))),
    Row("errored", &["Z.>b"], |_| Ok(Value::Bool(false))),
    Row("reason", &["Z.>s"], |_| Ok(Value::text(""))),
    Row("error", &["Z.>s"], |_| Ok(Value::text(""))),
    Row("format.named", &["s>?F"], texts::named_format),
    Row("validate", &["F.s>?[s"], texts::validate_format),
    Row("format.dns1123Label", &[">F"], |_| Ok(Value::Format("dns1123Label"))),
    Row("format.dns1123Subdomain", &[">F"], |_| Ok(Value::Format("dns1123Subdomain"))),
    Row("format.dns1035Label", &[">F"], |_| Ok(Value::Format("dns1035Label"))),
    Row("format.qualifiedName", &[">F"], |_| Ok(Value::Format("qualifiedName"))),
    Row("format.labelValue", &[">F"], |_| Ok(Value::Format("labelValue"))),
    Row("format.uuid", &[">F"], |_| Ok(Value::Format("uuid"))),
    Row("format.date", &[">F"], |_| Ok(Value::Format("date"))),
    Row("format.datetime", &[">F"], |_| Ok(Value::Format("datetime"))),
];

const ORDERED: &[&str] = &[
    "bb>b", "ii>b", "iu>b", "id>b", "uu>b", "ui>b", "ud>b", "dd>b", "di>b", "du>b", "ss>b", "yy>b", "tt>b",
    "rr>b",
];
const OF_AUTHORIZER: &[&str] = &["Z.s>Z"];
const OF_TIME: &[&str] = &["t.>i", "t.s>i"];
const OF_BOTH: &[&str] = &["t.>i", "t.s>i", "r.>i"];

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Row> {
    FUNCTIONS.iter().find(|row| row.0 == name)
}

fn overflow() -> String {
    "integer overflow".into()
}

fn conversion(text: &str, to: &str) -> String {
    format!("type conversion error from 'string' to '{to}': {text:?}")
}

fn is_whole(amount: Parsed) -> bool {
    Parsed::of(amount.value()) == amount
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        Value::Double(number) => *number == 0.0,
        _ => false,
    }
}

fn order(args: &[Value], is: fn(Ordering) -> bool) -> Answer {
    match args {
        [a, b] => a.compare(b).map_or_else(no_overload, |order| Ok(Value::Bool(is(order)))),
        _ => no_overload(),
    }
}

fn part(name: &str, args: &[Value]) -> Answer {
    args.first()
        .and_then(|value| time::part(name, value))
        .map_or_else(no_overload, |part| Ok(Value::Int(part)))
}

fn double(args: &[Value], of: fn(f64) -> f64) -> Answer {
    match args {
        [Value::Double(number)] => Ok(Value::Double(of(*number))),
        _ => no_overload(),
    }
}

fn amounts(args: &[Value], of: fn(Parsed, Parsed) -> Parsed) -> Answer {
    match args {
        [Value::Quantity(a), Value::Quantity(b)] => Ok(Value::Quantity(of(*a, *b))),
        [Value::Quantity(a), Value::Int(b)] => Ok(Value::Quantity(of(*a, Parsed::of(*b)))),
        _ => no_overload(),
    }
}

fn add(args: &[Value]) -> Answer {
    Ok(match args {
        [Value::Int(a), Value::Int(b)] => Value::Int(a.checked_add(*b).ok_or_else(overflow)?),
        [Value::Uint(a), Value::Uint(b)] => Value::Uint(a.checked_add(*b).ok_or_else(overflow)?),
        [Value::Double(a), Value::Double(b)] => Value::Double(a + b),
        [Value::String(a), Value::String(b)] => Value::text(format!("{a}{b}")),
        [Value::Bytes(a), Value::Bytes(b)] => Value::Bytes([&**a, &**b].concat().into()),
        [Value::List(a), Value::List(b)] => Value::list(a.iter().chain(&**b).cloned().collect()),
        [Value::Duration(a), Value::Duration(b)] => Value::Duration(a.checked_add(*b).ok_or_else(overflow)?),
        [Value::Timestamp(a), Value::Duration(b)] | [Value::Duration(b), Value::Timestamp(a)] => {
            Value::Timestamp(a.checked_add(*b).ok_or_else(overflow)?)
        }
        _ => return no_overload(),
    })
}

fn subtract(args: &[Value]) -> Answer {
    Ok(match args {
        [Value::Int(a), Value::Int(b)] => Value::Int(a.checked_sub(*b).ok_or_else(overflow)?),
        [Value::Uint(a), Value::Uint(b)] => Value::Uint(a.checked_sub(*b).ok_or_else(overflow)?),
        [Value::Double(a), Value::Double(b)] => Value::Double(a - b),
        [Value::Duration(a), Value::Duration(b)] | [Value::Timestamp(a), Value::Timestamp(b)] => {
            Value::Duration(a.checked_sub(*b).ok_or_else(overflow)?)
        }
        [Value::Timestamp(a), Value::Duration(b)] => {
            Value::Timestamp(a.checked_sub(*b).ok_or_else(overflow)?)
        }
        _ => return no_overload(),
    })
}

fn multiply(args: &[Value]) -> Answer {
    Ok(match args {
        [Value::Int(a), Value::Int(b)] => Value::Int(a.checked_mul(*b).ok_or_else(overflow)?),
        [Value::Uint(a), Value::Uint(b)] => Value::Uint(a.checked_mul(*b).ok_or_else(overflow)?),
        [Value::Double(a), Value::Double(b)] => Value::Double(a * b),
        _ => return no_overload(),
    })
}

fn divide(args: &[Value]) -> Answer {
    Ok(match args {
        [_, Value::Int(0) | Value::Uint(0)] => return Err("division by zero".into()),
        [Value::Int(a), Value::Int(b)] => Value::Int(a.checked_div(*b).ok_or_else(overflow)?),
        [Value::Uint(a), Value::Uint(b)] => Value::Uint(a / b),
        [Value::Double(a), Value::Double(b)] => Value::Double(a / b),
        _ => return no_overload(),
    })
}

fn to_int(args: &[Value]) -> Answer {
    match args {
        [Value::Int(number)] => Ok(Value::Int(*number)),
        [Value::Uint(number)] => i64::try_from(*number).map(Value::Int).map_err(|_| overflow()),
        [Value::Double(number)] if number.abs() < 9.2e18 => Ok(Value::Int(*number as i64)),
        [Value::Double(_)] => Err(overflow()),
        [Value::String(text)] => text.parse().map(Value::Int).map_err(|_| conversion(text, "int")),
        [Value::Timestamp(micros)] => Ok(Value::Int(micros.div_euclid(1_000_000))),
        _ => no_overload(),
    }
}

fn at_if_there(args: &[Value]) -> Answer {
    let found = match args {
        [Value::Optional(None), _] => None,
        [Value::Optional(Some(inner)), key] => return at_if_there(&[(**inner).clone(), key.clone()]),
        [Value::List(items), Value::Int(index)] => {
            usize::try_from(*index).ok().and_then(|index| items.get(index)).cloned()
        }
        [map @ Value::Map(_), key] => map.entry(key).cloned(),
        _ => return no_overload(),
    };
    Ok(Value::optional(found))
}
