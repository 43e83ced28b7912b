//! `create deployment`.

use serde_json::{Value, json};

use super::{
    DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, number_of_port,
    require,
};
use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::{Call, Verb};

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

/// The same by its short name.
pub const DEPLOY: Verb = Verb { path: "create deploy", ..DEPLOYMENT };

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
    let port = number_of_port(call)?;
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            let mut container = json!({"name": container_name(image), "image": image, "resources": {}});
            if !call.args.command.is_empty() {
                container["command"] = json!(call.args.command);
            }
            if let Some(port) = port {
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

/// A container is named after its image: `ghcr.io/acme/web_app:v1` gives `web-app`.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let bare = last.split([':', '@']).next().unwrap_or(last);
    bare.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' })
        .collect()
}
