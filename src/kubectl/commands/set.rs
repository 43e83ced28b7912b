//! `set image`.

use std::sync::Arc;

use crate::api::k8s::PodSpec;
use crate::api::{MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("selector", "only objects with these labels").short('l'),
    switch("all", "every object of the kinds"),
    switch("record", "has no effect any more"),
];

/// See the module.
pub const IMAGE: Verb =
    Verb { path: "set image", help: "Change the images of a workload's containers", flags: FLAGS, run };

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (images, names): (Vec<String>, Vec<String>) =
        call.args.words.iter().cloned().partition(|word| word.contains('='));
    if images.is_empty() {
        return Err(Failure::message("at least one image update is required"));
    }
    let Named::Objects(objects) = named(&names)? else {
        return Err(Failure::message(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    };
    let mut failures = Vec::new();
    for (kind, name) in objects {
        let done = call
            .client
            .get(&call.key(kind, &name))
            .map_err(Failure::from)
            .and_then(|live| change(call, &live, &images));
        failures.extend(done.err());
    }
    Failure::collect(failures)
}

fn change(call: &mut Call<'_, '_>, live: &Object, images: &[String]) -> Result<(), Failure> {
    let mut object = live.clone();
    let spec = pod_spec(&mut object).ok_or_else(|| {
        Failure::message(format!(
            "{} \"{}\" has no pod template that kubeviz can change",
            live.kind().group_resource(),
            live.name()
        ))
    })?;
    for pair in images {
        let (container, image) = pair.split_once('=').unwrap_or((pair, ""));
        let mut found = false;
        for target in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
            if target.name == container || container == "*" {
                target.image = Some(image.to_string());
                found = true;
            }
        }
        if !found {
            return Err(Failure::message(format!("unable to find container named \"{container}\"")));
        }
    }
    object.set_revision(0);
    let stored = call.client.update_object(object)?;
    if stored.revision() != live.revision() {
        call.say(format!("{}/{} image updated", live.kind().group_singular(), live.name()));
    }
    Ok(())
}

/// The pod spec inside an object: a pod's own, or its template's.
pub fn pod_spec(object: &mut Object) -> Option<&mut PodSpec> {
    match object {
        Object::Pod(pod) => Some(Arc::make_mut(&mut pod.spec)),
        Object::Deployment(deployment) => Arc::make_mut(&mut deployment.spec).template.spec.as_mut(),
        Object::ReplicaSet(set) => Arc::make_mut(&mut set.spec).template.as_mut()?.spec.as_mut(),
        Object::ReplicationController(rc) => Arc::make_mut(&mut rc.spec).template.as_mut()?.spec.as_mut(),
        Object::StatefulSet(set) => Arc::make_mut(&mut set.spec).template.spec.as_mut(),
        Object::DaemonSet(set) => Arc::make_mut(&mut set.spec).template.spec.as_mut(),
        Object::Job(job) => Arc::make_mut(&mut job.spec).template.spec.as_mut(),
        Object::CronJob(job) => {
            Arc::make_mut(&mut job.spec).job_template.spec.as_mut()?.template.spec.as_mut()
        }
        _ => None,
    }
}
