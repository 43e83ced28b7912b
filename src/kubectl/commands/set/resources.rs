//! `set resources`.

use serde_json::{Value, json};

use super::{ALL, FILENAME, LABELS, LOCAL, RECORD, containers, each};
use crate::api::quantity;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

use super::super::writing::{DRY_RUN, FIELD_MANAGER, OUTPUT, TEMPLATE};

const FLAGS: &[Flag] = &[
    value("limits", "the limits: cpu=200m,memory=512Mi"),
    value("requests", "the requests: cpu=200m,memory=512Mi"),
    value("containers", "the containers to change; * for all").short('c'),
    FILENAME,
    LABELS,
    ALL,
    LOCAL,
    RECORD,
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
    FIELD_MANAGER,
];

/// See the module.
pub const RESOURCES: Verb = Verb {
    path: "set resources",
    help: "Update resource requests/limits on objects with pod templates",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let amounts = ["limits", "requests"].map(|part| (part, call.args.value(part).map(str::to_string)));
    if amounts.iter().all(|(_, amounts)| amounts.is_none()) {
        return Err(Failure::message(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let mut parts = Vec::new();
    for (part, text) in amounts {
        if let Some(text) = text {
            parts.push((part, read(&text)?));
        }
    }
    let chosen = call.args.value("containers").unwrap_or("*").to_string();
    each(call, "resource requirements updated", &|spec, object| {
        let mut found = false;
        let meant = |container: &&mut Value| chosen == "*" || container.text("name") == chosen;
        for container in containers(spec).into_iter().filter(meant) {
            found = true;
            for (part, amounts) in &parts {
                if !container["resources"].is_object() {
                    container["resources"] = json!({});
                }
                if !container["resources"][part].is_object() {
                    container["resources"][part] = json!({});
                }
                for (name, amount) in amounts {
                    // Nothing of a resource means that it is not asked for.
                    match (amount.as_str(), container["resources"][part].as_object_mut()) {
                        ("0", Some(map)) => drop(map.remove(name)),
                        (amount, Some(map)) => drop(map.insert(name.clone(), amount.into())),
                        _ => {}
                    }
                }
            }
        }
        match found {
            true => Ok(()),
            false => {
                let kind = object.kind().name();
                Err(Failure::message(format!("unable to find container named {chosen} in {kind}")))
            }
        }
    })
}

/// Reads `cpu=200m,memory=512Mi`.
///
/// # Errors
/// In kubectl's words.
pub fn read(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut amounts = Vec::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (name, amount) =
            pair.split_once('=').filter(|(_, amount)| !amount.contains('=')).ok_or_else(|| {
                Failure::message(format!("invalid argument syntax {pair}, expected <resource>=<value>"))
            })?;
        if quantity::parse(amount).is_none() {
            return Err(Failure::message(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ));
        }
        amounts.push((name.to_string(), amount.to_string()));
    }
    Ok(amounts)
}
