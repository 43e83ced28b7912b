//! `create job` and `create cronjob`.

use serde_json::{Value, json};

use super::{
    DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, require, required,
};
use crate::api::Kind;
use crate::api::schema::{self, TypeId};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

/// `create job`: from an image, or from a CronJob as if its time had come.
pub const JOB: Verb = Verb {
    path: "create job",
    help: "Create a job with the specified name",
    flags: &[
        value("image", "the image of its container"),
        value("from", "the CronJob whose template to use, cronjob/NAME"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: job,
};

/// `create cronjob`.
pub const CRON_JOB: Verb = Verb {
    path: "create cronjob",
    help: "Create a cron job with the specified name",
    flags: &[
        value("image", "the image of its container"),
        value("schedule", "when to run, in cron's form"),
        value("restart", "OnFailure or Never"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: cron_job,
};

fn container(call: &Call<'_, '_>, name: &str, image: &str) -> Value {
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if !call.args.command.is_empty() {
        container["command"] = json!(call.args.command);
    }
    container
}

fn job(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let value = match (call.args.value("image"), call.args.value("from")) {
        (Some(_), Some(_)) | (None, None) => {
            return Err(Failure::message("either --image or --from must be specified"));
        }
        (None, Some(_)) if !call.args.command.is_empty() => {
            return Err(Failure::message("cannot specify --from and command"));
        }
        (Some(image), None) => {
            let container = container(call, &name, image);
            let spec = json!({"containers": [container], "restartPolicy": "Never"});
            json!({"metadata": metadata(call, &name), "spec": {"template": {"metadata": {}, "spec": spec}}, "status": {}})
        }
        (None, Some(source)) => from_cron_job(call, &name, source)?,
    };
    make(call, Kind::JOB, value, "created", "error: failed to create job")
}

fn from_cron_job(call: &Call<'_, '_>, name: &str, source: &str) -> Result<Value, Failure> {
    let objects = match named(call.client.live(), &[source.to_string()])? {
        Named::Objects(objects) => objects,
        Named::Kinds(_) => {
            return Err(Failure::message("resource(s) were provided, but no name was specified"));
        }
    };
    let [(kind, source)] = objects.as_slice() else {
        return Err(Failure::message("from must be an existing cronjob"));
    };
    let source = call.client.get(&call.key(*kind, source))?.to_value();
    if *kind != Kind::CRON_JOB {
        let go = schema::kind(&kind.api_version(), kind.name()).map(TypeId::go).unwrap_or_default();
        return Err(Failure::message(format!("unknown object type *{go}")));
    }
    let template = source.at("spec.jobTemplate");
    let mut metadata = metadata(call, name);
    let mut annotations = json!({"cronjob.kubernetes.io/instantiate": "manual"});
    for (key, value) in template.map("metadata.annotations") {
        annotations[key] = value.into();
    }
    metadata["annotations"] = annotations;
    if template.has("metadata.labels") {
        metadata["labels"] = template.at("metadata.labels").clone();
    }
    // The job has an owner, but is none of those that the CronJob's controller has made.
    metadata["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "controller": true,
        "name": source.text("metadata.name"), "uid": source.text("metadata.uid")}]);
    Ok(json!({"metadata": metadata, "spec": template.at("spec"), "status": {}}))
}

fn cron_job(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    require(call, &["image", "schedule"])?;
    let name = name(call)?;
    let (image, schedule) = (required(call, "image")?, required(call, "schedule")?);
    let restart = call.args.value("restart").unwrap_or("OnFailure").to_string();
    let spec = json!({"containers": [container(call, &name, &image)], "restartPolicy": restart});
    let job = json!({"metadata": {"name": name}, "spec": {"template": {"metadata": {}, "spec": spec}}});
    let value = json!({"metadata": metadata(call, &name), "spec": {"schedule": schedule, "jobTemplate": job}, "status": {}});
    make(call, Kind::CRON_JOB, value, "created", "error: failed to create cronjob")
}
