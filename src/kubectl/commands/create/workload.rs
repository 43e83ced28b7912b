//! `create deployment`.

use serde_json::{Value, json};

use super::{DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, require};
use crate::api::Kind;
use crate::api::hash::fnv1a_64;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::{Call, Verb};
use crate::rng::Rng;

/// `create deployment`: a Deployment from images.
pub const DEPLOYMENT: Verb = Verb {
    path: "create deployment",
    help: "Create a deployment with the specified name",
    flags: &[
        value("image", "the images of its containers"),
        value("replicas", "how many pods there shall be").short('r'),
        value("port", "the port that its container serves"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: deployment,
};

fn deployment(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    require(call, &["image"])?;
    let name = name(call)?;
    let images: Vec<String> = call.args.list("image").into_iter().map(String::from).collect();
    if images.len() > 1 && !call.args.command.is_empty() {
        return Err(Failure::message("cannot specify multiple --image options and command"));
    }
    let replicas = call.args.number("replicas")?.unwrap_or(1);
    if replicas < 0 {
        return Err(Failure::message(format!("--replicas={replicas} must be greater than or equal to 0")));
    }
    let port = call.args.number("port")?;
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(index, image)| {
            let mut container = json!({"name": container_name(image), "image": image, "resources": {}});
            if !call.args.command.is_empty() {
                container["command"] = json!(call.args.command);
            }
            if let Some(port) = port.filter(|port| index == 0 && *port >= 0) {
                container["ports"] = json!([{"containerPort": port}]);
            }
            container
        })
        .collect();
    let labels = json!({"app": name});
    let mut metadata = metadata(call, &name);
    metadata["labels"] = labels.clone();
    let value = json!({
        "metadata": metadata,
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}},
        "status": {},
    });
    make(call, Kind::DEPLOYMENT, value, "created", "error: failed to create deployment")
}

/// A container is named after its image: `ghcr.io/acme/web:v1` gives `web`. A name that is changed so that it can be one,
/// `web_app`, gets five letters more, which tell it apart from others that are changed to the same.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let bare = last.split([':', '@']).next().unwrap_or(last);
    if !bare.contains(['_', '.']) {
        return bare.to_string();
    }
    format!("{}-{}", bare.replace(['_', '.'], "-"), Rng::new(fnv1a_64(image.as_bytes()), "image").suffix(5))
}
