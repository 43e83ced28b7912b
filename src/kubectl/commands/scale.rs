//! `scale`.

use serde_json::Value;

use crate::api::{Object, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::slot;
use crate::kubectl::subresource::replicas_pointer;
use crate::kubectl::{Call, Verb};

use super::get::select_by_name;
use super::writing::{DRY_RUN, DryRun, FILENAME, OUTPUT, TEMPLATE, done, update};

const FLAGS: &[Flag] = &[
    value("replicas", "how many pods there shall be"),
    value("current-replicas", "only if there are so many now"),
    value("resource-version", "only if this is the version now"),
    FILENAME,
    value("selector", "only objects with these labels").short('l'),
    switch("all", "every object of the kinds"),
    value("timeout", "has no effect here"),
    switch("record", "has no effect any more"),
    DRY_RUN,
    OUTPUT,
    TEMPLATE,
];

/// See the module.
pub const SCALE: Verb = Verb {
    path: "scale",
    help: "Set a new size for a deployment, replica set, or replication controller",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let replicas = call
        .args
        .number("replicas")?
        .ok_or_else(|| Failure::message("required flag(s) \"replicas\" not set"))?;
    if call.args.number("current-replicas")?.is_some_and(|count| count < -1) {
        return Err(Failure::message("The --current-replicas must specify an integer of -1 or greater"));
    }
    if replicas < 0 || i32::try_from(replicas).is_err() {
        return Err(Failure::message(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    let dry = DryRun::of(call)?;
    let (objects, failures) = select_by_name(call)?;
    if objects.len() > 1 && call.args.value("resource-version").is_some_and(|version| !version.is_empty()) {
        return Err(Failure::message("cannot use --resource-version with multiple resources"));
    }
    if objects.is_empty() && failures.is_empty() {
        return Err(Failure::message("no objects passed to scale"));
    }
    // The first that cannot be scaled ends the command; what was not there is told at its end.
    objects.iter().try_for_each(|object| scale(call, object, replicas, dry))?;
    Failure::collect(failures)
}

fn scale(call: &mut Call<'_, '_>, object: &Object, replicas: i64, dry: DryRun) -> Result<(), Failure> {
    let pointer = replicas_pointer(call.client.live(), object.kind()).ok_or_else(Status::no_such_resource)?;
    let mut value = object.to_value();
    // Built-in kinds have a default, custom ones none.
    let unset = i64::from(!object.kind().is_custom());
    let current = value.pointer(&pointer).and_then(Value::as_i64).unwrap_or(unset);
    let expected = call.args.number("current-replicas")?.filter(|count| *count >= 0);
    if let Some(expected) = expected.filter(|expected| *expected != current) {
        return Err(Failure::message(format!("Expected replicas to be {expected}, was {current}")));
    }
    let version = call.args.value("resource-version").unwrap_or_default().to_string();
    if !version.is_empty() && version != object.revision().to_string() {
        let actual = object.revision();
        return Err(Failure::message(format!("Expected resource version to be {version}, was {actual}")));
    }
    set_at(&mut value, &pointer, replicas.into());
    call.client.through("scale");
    let stored = update(call, object, value, dry)?;
    done(call, &stored, "scaled", dry)
}

/// Sets the number of replicas.
pub fn set_at(value: &mut Value, pointer: &str, replicas: Value) {
    *slot(value, pointer.split('/').skip(1)) = replicas;
}
