//! `scale`.

use crate::api::{Kind, Object, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

use super::get::select;
use super::writing::{DRY_RUN, DryRun, OUTPUT, TEMPLATE, done, update};

const FLAGS: &[Flag] = &[
    value("replicas", "how many pods there shall be"),
    value("current-replicas", "only if there are so many now"),
    value("resource-version", "only if this is the version now"),
    value("filename", "the manifests of the objects").short('f'),
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

/// Whether a kind has the subresource `scale`.
pub fn is_scalable(kind: Kind) -> bool {
    [Kind::DEPLOYMENT, Kind::REPLICA_SET, Kind::REPLICATION_CONTROLLER, Kind::STATEFUL_SET].contains(&kind)
}

/// What the server answers where a kind lacks a subresource.
pub fn no_such_subresource() -> Failure {
    let mut status = Status::not_found(Kind::POD, "");
    status.message = "the server could not find the requested resource".into();
    Failure::from(status)
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let replicas = call
        .args
        .number("replicas")?
        .ok_or_else(|| Failure::message("required flag(s) \"replicas\" not set"))?;
    if replicas < 0 || i32::try_from(replicas).is_err() {
        return Err(Failure::message(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    let dry = DryRun::of(call)?;
    let (objects, mut failures) = select(call)?;
    if objects.is_empty() && failures.is_empty() {
        return Err(Failure::message("no objects passed to scale"));
    }
    for object in objects {
        failures.extend(scale(call, &object, replicas, dry).err());
    }
    Failure::collect(failures)
}

fn scale(call: &mut Call<'_, '_>, object: &Object, replicas: i64, dry: DryRun) -> Result<(), Failure> {
    if !is_scalable(object.kind()) {
        return Err(no_such_subresource());
    }
    let mut value = object.to_value();
    let current = value.at("spec.replicas").as_i64().unwrap_or(1);
    let expected = call.args.number("current-replicas")?.filter(|count| *count >= 0);
    if let Some(expected) = expected.filter(|expected| *expected != current) {
        return Err(Failure::message(format!("Expected replicas to be {expected}, was {current}")));
    }
    let version = call.args.value("resource-version").unwrap_or_default().to_string();
    if !version.is_empty() && version != object.revision().to_string() {
        let actual = object.revision();
        return Err(Failure::message(format!("Expected resource version to be {version}, was {actual}")));
    }
    value["spec"]["replicas"] = replicas.into();
    let stored = update(call, object, value, dry)?;
    done(call, &stored, "scaled", dry)
}
