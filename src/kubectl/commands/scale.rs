//! `scale`.

use std::sync::Arc;

use crate::api::{MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, value};
use crate::kubectl::{Call, Verb};

use super::get::select;

const FLAGS: &[Flag] = &[
    value("replicas", "how many pods there shall be"),
    value("current-replicas", "only if there are so many now"),
    value("filename", "the manifests of the objects").short('f'),
    value("selector", "only objects with these labels").short('l'),
];

/// See the module.
pub const SCALE: Verb =
    Verb { path: "scale", help: "Set how many pods a workload shall have", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let replicas = call
        .args
        .number("replicas")?
        .ok_or_else(|| Failure::message("required flag(s) \"replicas\" not set"))?;
    let replicas = i32::try_from(replicas).ok().filter(|count| *count >= 0);
    let replicas = replicas.ok_or_else(|| {
        Failure::message(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        )
    })?;
    let current = call.args.number("current-replicas")?.filter(|count| *count >= 0);
    let (objects, mut failures) = if call.args.has("filename") {
        let batch = manifests::read(call)?;
        let live = batch
            .items
            .iter()
            .filter_map(|item| call.client.get(&call.key(item.kind, &item.name)).ok())
            .collect();
        (live, batch.failures)
    } else {
        select(call)?
    };
    for object in objects {
        if let Err(failure) = scale(call, &object, replicas, current) {
            failures.push(failure);
        }
    }
    Failure::collect(failures)
}

fn scale(
    call: &mut Call<'_, '_>,
    object: &Object,
    replicas: i32,
    expected: Option<i64>,
) -> Result<(), Failure> {
    let mut object = object.clone();
    let count = match &mut object {
        Object::Deployment(deployment) => &mut Arc::make_mut(&mut deployment.spec).replicas,
        Object::ReplicaSet(set) => &mut Arc::make_mut(&mut set.spec).replicas,
        Object::ReplicationController(rc) => &mut Arc::make_mut(&mut rc.spec).replicas,
        Object::StatefulSet(set) => &mut Arc::make_mut(&mut set.spec).replicas,
        other => {
            let kind = other.kind();
            return Err(Failure::message(format!("no {} is scalable in kubeviz yet", kind.group_resource())));
        }
    };
    if let Some(expected) = expected.filter(|expected| *expected != i64::from(count.unwrap_or(1))) {
        return Err(Failure::message(format!(
            "Expected replicas to be {expected}, was {}",
            count.unwrap_or(1)
        )));
    }
    *count = Some(replicas);
    object.set_revision(0);
    let (kind, name) = (object.kind(), object.name().to_string());
    call.client.update_object(object)?;
    call.say(format!("{}/{name} scaled", kind.group_singular()));
    Ok(())
}
