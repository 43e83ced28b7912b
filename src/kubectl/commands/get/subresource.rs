//! `get --subresource`: an object as one of its parts has it. The status and the size of containers are looked at through the
//! whole object; `scale` is an object of its own.

use serde_json::Value;

use super::{select, shaped, tables};
use crate::api::Status;
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::table::Table;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::subresource::{SCALE, has, scale_of};

/// Prints the part of this name of every object.
///
/// # Errors
/// In kubectl's words for kinds without names, in the server's for kinds without the part.
pub fn get(call: &mut Call<'_, '_>, part: &str) -> Result<(), Failure> {
    if matches!(named(call.client.live(), &call.args.words)?, Named::Kinds(kinds) if !kinds.is_empty()) {
        return Err(Failure::message("subresource cannot be used when bulk resources are specified"));
    }
    let (mut objects, mut failures) = select(call)?;
    objects.retain(|object| {
        let there = has(call.client.live(), object.kind(), part);
        failures.extend((!there).then(|| Failure::from(Status::no_such_resource())));
        there
    });
    if call.args.on("ignore-not-found") {
        failures.retain(|failure| !failure.is_not_found());
    }
    if part == "scale" {
        let scales: Vec<Value> =
            objects.iter().filter_map(|object| scale_of(call.client.live(), object)).collect();
        print_scales(call, &scales)?;
    } else {
        match call.args.output().map(str::to_string).as_deref() {
            None | Some("wide") => tables::print(call, &objects, failures.is_empty())?,
            Some(format) => super::print(call, format, objects, &failures)?,
        }
    }
    Failure::collect(failures)
}

fn print_scales(call: &mut Call<'_, '_>, scales: &[Value]) -> Result<(), Failure> {
    match call.args.output().map(str::to_string).as_deref() {
        _ if scales.is_empty() => {}
        None | Some("wide") => {
            let mut table = Table::new(&["NAME", "DESIRED", "AVAILABLE", "AGE"]);
            for scale in scales {
                let age = scale.time("metadata.creationTimestamp").map(|time| call.client.now().since(time));
                table.row(vec![
                    scale.text("metadata.name").to_string(),
                    scale.int("spec.replicas").to_string(),
                    scale.int("status.replicas").to_string(),
                    age.map_or_else(|| "<unknown>".into(), |age| age.human()),
                ]);
            }
            let text = table.render(!call.args.on("no-headers"));
            call.output.stdout.push_str(&text);
        }
        Some("name") => {
            scales.iter().for_each(|scale| call.say(format!("{SCALE}/{}", scale.text("metadata.name"))));
        }
        Some(format) => {
            let text = shaped(call, format, scales, scales.len() == 1)?;
            call.output.stdout.push_str(&text);
        }
    }
    Ok(())
}
