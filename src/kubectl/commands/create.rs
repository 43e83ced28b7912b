//! `create deployment`: a Deployment from an image.

use serde_json::json;

use crate::api::{Kind, MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::{Call, Verb};

/// See the module.
pub const DEPLOYMENT: Verb = Verb {
    path: "create deployment",
    help: "Create a Deployment from an image",
    flags: &[
        value("image", "the image of its container"),
        value("replicas", "how many pods there shall be").short('r'),
        value("port", "the port that its container serves"),
    ],
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [name] = call.args.words.as_slice() else {
        return Err(Failure::message(format!("exactly one NAME is required, got {}", call.args.words.len())));
    };
    let image =
        call.args.value("image").ok_or_else(|| Failure::message("required flag(s) \"image\" not set"))?;
    let replicas = call.args.number("replicas")?.unwrap_or(1);
    // The container is named after the image: `ghcr.io/acme/web:v1` gives `web`.
    let container = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or(image);
    let mut spec = json!({"name": container, "image": image});
    if let Some(port) = call.args.number("port")? {
        spec["ports"] = json!([{"containerPort": port}]);
    }
    let labels = json!({"app": name});
    let value = json!({
        "metadata": {"name": name, "namespace": call.namespace, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [spec]}}},
    });
    let object =
        Object::from_value(Kind::DEPLOYMENT, value).map_err(|error| Failure::message(error.to_string()))?;
    let doing = "error: failed to create deployment";
    let stored = call.client.create_object(object).map_err(|status| Failure::while_doing(doing, status))?;
    call.say(format!("deployment.apps/{} created", stored.name()));
    Ok(())
}
