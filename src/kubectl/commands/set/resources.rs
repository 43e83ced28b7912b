//! `set resources`.

use serde_json::{Value, json};

use super::{
    ALL, FILENAME, LABELS, LOCAL, RECORD, Words, containers, each, is_meant, refuse_contradictions, targets,
};
use crate::api::quantity;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

use super::super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE};

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
    let dry = DryRun::of(call)?;
    let objects = targets(call)?;
    refuse_contradictions(call, dry)?;
    let mut parts = Vec::new();
    for part in ["limits", "requests"] {
        if let Some(text) = call.args.value(part).filter(|text| !text.is_empty()) {
            parts.push((part, read(text)?));
        }
    }
    if parts.is_empty() {
        return Err(Failure::message(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let chosen = call.args.value("containers").unwrap_or("*").to_string();
    let said = Words {
        done: "resource requirements updated",
        refused: "failed to patch resources update to pod template ",
    };
    let mut missing = Vec::new();
    let failures = each(call, &objects, said, &mut |spec, _| {
        let meant =
            containers(spec).into_iter().filter(|container| is_meant(container.text("name"), &chosen));
        let meant: Vec<&mut Value> = meant.collect();
        if meant.is_empty() {
            missing.push(Failure::message(format!("error: unable to find container named {chosen}")));
        }
        for container in meant {
            ask(container, &parts);
        }
        Ok(())
    })?;
    missing.extend(failures);
    Failure::collect(missing)
}

/// Writes amounts into a container's resources.
fn ask(container: &mut Value, parts: &[(&str, Vec<(String, String)>)]) {
    if !container["resources"].is_object() {
        container["resources"] = json!({});
    }
    for (part, amounts) in parts {
        if !container["resources"][part].is_object() {
            container["resources"][part] = json!({});
        }
        for (name, amount) in amounts {
            container["resources"][part][name] = amount.as_str().into();
        }
    }
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
