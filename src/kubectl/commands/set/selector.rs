//! `set selector`.

use serde_json::{Map, Value};

use super::{COMMON, targets, write};
use crate::api::{Kind, MetaExt};
use crate::kubectl::errors::Failure;
use crate::kubectl::{Call, Verb};

use super::super::writing::DryRun;

/// See the module.
pub const SELECTOR: Verb =
    Verb { path: "set selector", help: "Set the selector on a resource", flags: COMMON, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let dry = DryRun::of(call)?;
    let text = call.args.words.pop().ok_or_else(|| {
        Failure::message("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    })?;
    let mut selector = Map::new();
    for pair in text.split(',') {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Failure::message(format!("invalid label spec: {pair}")))?;
        selector.insert(key.trim_end_matches('=').into(), value.trim_start_matches('=').into());
    }
    let (objects, mut failures) = targets(call)?;
    for object in objects {
        if object.kind() != Kind::SERVICE {
            let (kind, name) = (object.kind().info().plural, object.name());
            failures.push(Failure::message(format!(
                "{kind}/{name} selector cannot be changed: only a Service's can"
            )));
            continue;
        }
        let before = object.to_value();
        let mut value = before.clone();
        value["spec"]["selector"] = Value::Object(selector.clone());
        failures.extend(write(call, &object, before, value, "selector updated", dry).err());
    }
    Failure::collect(failures)
}
