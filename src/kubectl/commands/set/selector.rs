//! `set selector`.

use serde_json::{Map, Value};

use super::{COMMON, Words, targets, write};
use crate::api::selector::{Operator, Requirement, Selector};
use crate::api::{Kind, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::Flag;
use crate::kubectl::{Call, Verb};

use super::super::writing::DryRun;

const RESOURCE_VERSION: Flag =
    crate::kubectl::parse::value("resource-version", "only if this is the version now");

/// See the module.
pub const SELECTOR: Verb =
    Verb { path: "set selector", help: "Set the selector on a resource", flags: FLAGS, run };

const FLAGS: &[Flag] = &with_version();

/// The flags of all, and one more.
const fn with_version() -> [Flag; COMMON.len() + 1] {
    let mut flags = [RESOURCE_VERSION; COMMON.len() + 1];
    let mut at = 0;
    while at < COMMON.len() {
        flags[at] = COMMON[at];
        at += 1;
    }
    flags
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let text = call.args.words.pop().ok_or_else(|| Failure::message("one selector is required"))?;
    let selector = Selector::parse(&text)
        .map_err(|why| Failure::message(format!("couldn't parse the selector string \"{text}\": {why}")))?;
    let labels = map_of(&selector);
    let words = Words { done: "selector updated", refused: "" };
    let mut failures = Vec::new();
    for object in targets(call)? {
        let refused = match (&labels, object.kind()) {
            (_, kind) if kind != Kind::SERVICE => {
                Some(Failure::message("setting a selector is only supported for Services"))
            }
            (Err(why), _) => Some(Failure::message(why)),
            _ if is_stale(call.args.value("resource-version"), object.revision()) => {
                Some(Status::modified(&object.key()).into())
            }
            _ => None,
        };
        let written = match refused {
            Some(refused) => Err(refused),
            None => {
                let mut value = object.to_value();
                value["spec"]["selector"] = Value::Object(labels.clone().unwrap_or_default());
                write(call, &object, value, words, dry)
            }
        };
        failures.extend(written.err());
    }
    Failure::collect(failures)
}

fn is_stale(wanted: Option<&str>, now: u64) -> bool {
    wanted.is_some_and(|version| version != now.to_string())
}

/// A selector as the map that a Service takes, or why it takes none of it.
fn map_of(selector: &Selector) -> Result<Map<String, Value>, String> {
    let mut labels = Map::new();
    let mut others = Vec::new();
    for requirement in &selector.requirements {
        match (requirement.operator, requirement.values.as_slice()) {
            (Operator::In, [only]) => drop(labels.insert(requirement.key.clone(), only.as_str().into())),
            _ => others.push(go_struct(requirement)),
        }
    }
    match others.is_empty() {
        true => Ok(labels),
        false => Err(format!("match expression [{}] not supported on this object", others.join(" "))),
    }
}

/// An expression as Go prints a struct.
fn go_struct(requirement: &Requirement) -> String {
    let (key, values) = (&requirement.key, requirement.values.join(" "));
    format!("{{{key} {:?} [{values}]}}", requirement.operator)
}
