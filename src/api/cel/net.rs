//! Functions of addresses, ranges, URLs and versions.

use std::net::IpAddr;
use std::sync::Arc;

use super::functions::{Answer, no_overload};
use super::semver::Version;
use super::value::Value;

fn read_ip(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    Some(address).filter(|_| !mapped)
}

fn read_cidr(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let address = read_ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length: u32 = length.parse().ok().filter(|length| *length <= most)?;
    Some((address, length))
}

pub fn ip(args: &[Value]) -> Answer {
    match args {
        [Value::String(text)] => {
            let why = || format!("IP Address {text:?} parse error during conversion from string");
            read_ip(text).map(Value::Ip).ok_or_else(why)
        }
        [Value::Cidr(address, _)] => Ok(Value::Ip(*address)),
        _ => no_overload(),
    }
}

pub fn is_canonical(args: &[Value]) -> Answer {
    match args {
        [Value::String(text)] => match read_ip(text) {
            Some(address) => Ok(Value::Bool(address.to_string() == **text)),
            None => Err(format!("IP Address {text:?} parse error during conversion from string")),
        },
        _ => no_overload(),
    }
}

/// Something of an address.
pub fn of_ip(args: &[Value], what: &str) -> Answer {
    let [Value::Ip(address)] = args else { return no_overload() };
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    };
    let link_multicast = match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    };
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    Ok(Value::Bool(match what {
        "family" => return Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
        "isUnspecified" => address.is_unspecified(),
        "isLoopback" => address.is_loopback(),
        "isLinkLocalUnicast" => link_local,
        "isLinkLocalMulticast" => link_multicast,
        _ => {
            !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_multicast()
                && !link_local
                && !broadcast
        }
    }))
}

pub fn cidr(args: &[Value]) -> Answer {
    match args {
        [Value::String(text)] => {
            let why = || format!("network address parse error during conversion from string: {text:?}");
            read_cidr(text).map(|(address, length)| Value::Cidr(address, length)).ok_or_else(why)
        }
        _ => no_overload(),
    }
}

fn mask(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            IpAddr::V4((u32::from(four) & u32::MAX.checked_shl(32 - length).unwrap_or(0)).into())
        }
        IpAddr::V6(six) => {
            IpAddr::V6((u128::from(six) & u128::MAX.checked_shl(128 - length).unwrap_or(0)).into())
        }
    }
}

pub fn masked(args: &[Value]) -> Answer {
    match args {
        [Value::Cidr(address, length)] => Ok(Value::Cidr(mask(*address, *length), *length)),
        _ => no_overload(),
    }
}

fn contains(range: (IpAddr, u32), address: IpAddr) -> bool {
    range.0.is_ipv4() == address.is_ipv4() && mask(range.0, range.1) == mask(address, range.1)
}

pub fn contains_ip(args: &[Value]) -> Answer {
    match args {
        [Value::Cidr(range, length), Value::Ip(address)] => {
            Ok(Value::Bool(contains((*range, *length), *address)))
        }
        [range @ Value::Cidr(..), text @ Value::String(_)] => {
            contains_ip(&[range.clone(), ip(std::slice::from_ref(text))?])
        }
        _ => no_overload(),
    }
}

pub fn contains_cidr(args: &[Value]) -> Answer {
    match args {
        [Value::Cidr(range, length), Value::Cidr(other, of)] => {
            Ok(Value::Bool(length <= of && contains((*range, *length), *other)))
        }
        [range @ Value::Cidr(..), text @ Value::String(_)] => {
            contains_cidr(&[range.clone(), cidr(std::slice::from_ref(text))?])
        }
        _ => no_overload(),
    }
}

/// The parts of a URL: scheme, host and port, path, query.
fn parts(url: &str) -> Option<(&str, &str, &str, &str)> {
    let url = url.split('#').next().unwrap_or(url);
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    if rest.starts_with('/') && !rest.starts_with("//") {
        return Some(("", "", rest, query));
    }
    let (scheme, rest) = rest.split_once("://")?;
    let named = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let spelled =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !named || !spelled || url.contains(' ') {
        return None;
    }
    let at = rest.find('/').unwrap_or(rest.len());
    let host = rest[..at].rsplit('@').next().unwrap_or_default();
    Some((scheme, host, &rest[at..], query))
}

pub fn url(args: &[Value]) -> Answer {
    match args {
        [Value::String(text)] if parts(text).is_some() => Ok(Value::Url(text.clone())),
        [Value::String(text)] => Err(format!(
            "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
        )),
        _ => no_overload(),
    }
}

/// A part of a URL.
pub fn url_part(args: &[Value], what: &str) -> Answer {
    let [Value::Url(text)] = args else { return no_overload() };
    let (scheme, host, path, _) = parts(text).unwrap_or_default();
    let bare = host.rfind(']').map_or(0, |at| at + 1);
    let colon = host[bare..].find(':').map(|at| at + bare);
    let (name, port) = colon.map_or((host, ""), |at| (&host[..at], &host[at + 1..]));
    Ok(Value::text(match what {
        "scheme" => scheme,
        "host" => host,
        "hostname" => name.trim_matches(['[', ']']),
        "port" => port,
        _ => path,
    }))
}

pub fn query(args: &[Value]) -> Answer {
    let [Value::Url(text)] = args else { return no_overload() };
    let mut found: Vec<(Value, Vec<Value>)> = Vec::new();
    let (.., query) = parts(text).unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (Value::text(key), Value::text(value));
        match found.iter_mut().find(|(known, _)| known.equals(&key)) {
            Some((_, values)) => values.push(value),
            None => found.push((key, vec![value])),
        }
    }
    let entries = found.into_iter().map(|(key, values)| (key, Value::list(values)));
    Ok(Value::Map(Arc::new(entries.collect())))
}

pub fn semver(args: &[Value]) -> Answer {
    match args {
        [Value::String(text), rest @ ..] => {
            let lenient = matches!(rest, [Value::Bool(true)]);
            let read = Version::read(text, lenient).map(|version| Value::Semver(Arc::new(version)));
            read.ok_or_else(|| "No Major.Minor.Patch elements found".into())
        }
        _ => no_overload(),
    }
}

/// The major, minor or patch number of a version.
pub fn number_of(args: &[Value], which: usize) -> Answer {
    match args {
        [Value::Semver(version)] => Ok(Value::Int(version.numbers[which] as i64)),
        _ => no_overload(),
    }
}
