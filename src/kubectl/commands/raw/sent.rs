//! Requests by HTTP that change something, as `curl` sends them through `kubectl proxy`.

use serde_json::Value;

use super::query::asked_for;
use super::{Place, asked_by_http, document, spread};
use crate::api::{Status, manifest};
use crate::client::Client;
use crate::kubectl::commands::{apply, patch};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::Args;
use crate::kubectl::{Call, Invocation};

/// A request to the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// What is sent, and of what type it is said to be.
    pub body: Option<String>,
    /// The value of `Content-Type`, without parameters.
    pub content_type: String,
}

/// The bodies that are taken where an object is written whole.
const OBJECTS: [&str; 3] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
/// The types of patches, as the server names them and as kubectl does.
const PATCHES: [(&str, &str); 4] = [
    ("application/json-patch+json", "json"),
    ("application/merge-patch+json", "merge"),
    ("application/strategic-merge-patch+json", "strategic"),
    ("application/apply-patch+yaml", "apply"),
];

/// The server's answer, as `curl` gets it.
pub fn answer(request: &Request, client: &mut Client<'_>) -> String {
    if request.method == "GET" {
        return asked_by_http(&request.path, client);
    }
    let body = match body(request) {
        Ok(body) => body,
        Err(status) => return document(&status),
    };
    let invocation = Invocation { stdin: body, ..Invocation::default() };
    let (kubeconfig, output) = Default::default();
    let args = Args::default();
    let namespace = "default".to_string();
    let mut call = Call { args, invocation: &invocation, namespace, kubeconfig, client, output };
    let done = match request.method.as_str() {
        "POST" | "PUT" | "DELETE" => write(&mut call, request),
        "PATCH" => change(&mut call, request),
        _ => Err(super::write::not_allowed()),
    };
    match done {
        Ok(()) => {
            serde_json::from_str(&call.output.stdout).map_or(call.output.stdout, |value| spread(&value))
        }
        Err(Failure::Server { status, .. }) => document(&status),
        Err(failure) => document(&Status::bad_request(failure.text())),
    }
}

/// What is sent, as those read it who take it on: an object as JSON, a patch as it is.
fn body(request: &Request) -> Result<Option<String>, Status> {
    let taken: &[&str] = if request.method == "PATCH" { &PATCHES.map(|(type_, _)| type_) } else { &OBJECTS };
    let Some(text) = &request.body else {
        let takes_one = ["POST", "PUT", "PATCH"].contains(&request.method.as_str());
        return if takes_one {
            Err(Status::bad_request("the body of the request was empty"))
        } else {
            Ok(None)
        };
    };
    if !taken.contains(&request.content_type.as_str()) {
        return Err(Status::unsupported_media_type(taken));
    }
    if request.content_type != "application/yaml" {
        return Ok(Some(text.clone()));
    }
    let stream = manifest::parse(text, &manifest::Limits::default());
    match (stream.errors.first(), stream.documents.first()) {
        (Some(error), _) => Err(Status::bad_request(error.message.clone())),
        (None, document) => Ok(Some(document.map_or(Value::Null, |first| first.root.to_value()).to_string())),
    }
}

/// Writes an object or deletes one.
fn write(call: &mut Call<'_, '_>, request: &Request) -> Result<(), Failure> {
    call.args.set_value("raw", request.path.clone());
    if request.body.is_some() {
        call.args.set_value("filename", "-".into());
    }
    match request.method.as_str() {
        "POST" => super::post(call),
        "PUT" => super::put(call),
        _ => super::delete(call),
    }
}

/// Patches an object, or applies one.
fn change(call: &mut Call<'_, '_>, request: &Request) -> Result<(), Failure> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let place = Place::of(call.client.live(), path).ok_or_else(Status::no_such_resource)?;
    let Some(name) = place.name.clone() else { return Err(super::write::not_allowed()) };
    let type_ =
        PATCHES.iter().find(|(type_, _)| *type_ == request.content_type).map_or("", |(_, type_)| type_);
    let info = place.kind.info();
    call.namespace = place.namespace.clone().unwrap_or_default();
    let args = &mut call.args;
    args.set_value("output", "json".into());
    if let Some(part) = &place.part {
        args.set_value("subresource", part.clone());
    }
    if asked_for(query, "dryRun").as_deref() == Some("All") {
        args.set_value("dry-run", "server".into());
    }
    if let Some(manager) = asked_for(query, "fieldManager") {
        args.set_value("field-manager", manager);
    }
    if type_ == "apply" {
        args.set_value("filename", "-".into());
        args.set_value("server-side", "true".into());
        if asked_for(query, "force").as_deref() == Some("true") {
            args.set_value("force-conflicts", "true".into());
        }
        return (apply::APPLY.run)(call);
    }
    let kind =
        if info.group.is_empty() { info.plural.into() } else { format!("{}.{}", info.plural, info.group) };
    args.words = vec![kind, name];
    args.set_value("type", type_.into());
    args.set_value("patch", request.body.clone().unwrap_or_default());
    (patch::PATCH.run)(call)
}
