//! `--raw`: what the server would answer at a path. There is no HTTP under it; the usual paths are read as what they name.

mod discovery;
mod list;
mod log;
mod measured;
pub mod proxied;
mod query;
pub mod sent;
mod write;

use serde_json::{Value, json};

use crate::api::{Key, Kind, Status};
use crate::client::authorization::Attributes;
use crate::client::{Client, View};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::Args;
use crate::kubectl::print::{go_order, json::go_json, served};
use crate::kubectl::subresource::{has, scale_of};
use crate::kubectl::{Call, Invocation};

pub use write::{delete, post, put};

/// A path of objects: `/apis/apps/v1/namespaces/default/deployments/web/scale`.
struct Place {
    kind: Kind,
    api_version: String,
    namespace: Option<String>,
    /// The name of one object; all of the kind without it.
    name: Option<String>,
    /// A part of the object.
    part: Option<String>,
}

impl Place {
    /// What a path names; nothing where the server knows no such path.
    fn of(view: &View, path: &str) -> Option<Place> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (api_version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => (version.to_string(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, plural, rest) = match rest {
            ["namespaces", _, part @ ("status" | "finalize")] => (None, "namespaces", &[rest[1], part][..]),
            ["namespaces", namespace, plural, rest @ ..] => (Some(*namespace), *plural, rest),
            [plural, rest @ ..] => (None, *plural, rest),
            [] => return None,
        };
        let rest: Vec<String> = rest.iter().map(|part| part.to_string()).collect();
        let (name, part) = match rest.as_slice() {
            [] => (None, None),
            [name] => (Some(name.clone()), None),
            [name, part] => (Some(name.clone()), Some(part.clone())),
            _ => return None,
        };
        let here = |kind: &Kind| view.api_version(*kind) == api_version && kind.info().plural == plural;
        let kind = view.kinds().into_iter().find(here)?;
        // Objects of a namespace have it in their path, and others have none.
        let fits = namespace.is_none() || kind.info().namespaced;
        (fits && (name.is_none() || kind.info().namespaced == namespace.is_some())).then(|| Place {
            kind,
            api_version,
            namespace: namespace.map(String::from),
            name,
            part,
        })
    }

    fn is_log(&self) -> bool {
        self.kind == Kind::POD && self.part.as_deref() == Some("log")
    }

    fn is_approval(&self) -> bool {
        self.kind == Kind::CERTIFICATE_SIGNING_REQUEST && self.part.as_deref() == Some("approval")
    }

    fn key(&self) -> Key {
        let name = self.name.as_deref().unwrap_or_default();
        Key::new(self.kind, self.namespace.as_deref().unwrap_or_default(), name)
    }
}

/// `get --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn get(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked = call.args.value("raw").unwrap_or_default().to_string();
    if !call.args.words.is_empty() {
        return Err(Failure::message("arguments may not be passed when --raw is specified"));
    }
    if ["watch", "watch-only"].iter().any(|flag| call.args.on(flag)) || call.args.has("selector") {
        return Err(Failure::message(
            "--raw may not be specified with other flags that filter the server request or alter the output",
        ));
    }
    if call.args.value("output").is_some_and(|output| !output.is_empty()) {
        return Err(Failure::message("--raw and --output are mutually exclusive"));
    }
    refuse_no_path(&asked)?;
    let (path, query) = asked.split_once('?').unwrap_or((&asked, ""));
    let path = path.trim_end_matches('/');
    if !path.starts_with("/api") {
        let asked = Attributes { verb: "get".into(), path: Some(path.into()), ..Attributes::default() };
        call.client.authorize(&asked)?;
    }
    if let Some(text) = discovery::health(path, query).or_else(|| discovery::version(path)) {
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    if let Some(target) = proxied::target(&asked, call.client) {
        let text = proxied::get(&target?, call.client)?;
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    if let Some(place) = Place::of(call.client.live(), path).filter(Place::is_log) {
        let text = log::get(call, &place, query)?;
        call.output.stdout.push_str(&text);
        return Ok(());
    }
    let answer = discovery::answer(call, path)
        .map(Ok)
        .or_else(|| measured::answer(call, path))
        .or_else(|| objects(call, path, query))
        .ok_or_else(Status::no_such_resource)??;
    call.say(go_json(&answer));
    Ok(())
}

/// The server's answer to a request by HTTP, as `curl` gets it: spread over lines, and with refusals as documents.
pub fn asked_by_http(path: &str, client: &mut Client<'_>) -> String {
    let mut args = Args::default();
    args.set_value("raw", if path.is_empty() { "/" } else { path }.to_string());
    let invocation = Invocation::default();
    let (kubeconfig, output) = Default::default();
    let mut call =
        Call { args, invocation: &invocation, namespace: "default".into(), kubeconfig, client, output };
    let answer = match get(&mut call) {
        Ok(()) => call.output.stdout,
        Err(Failure::Server { status, .. }) => return document(&status),
        Err(failure) => failure.text(),
    };
    match serde_json::from_str::<Value>(&answer) {
        Ok(_) if answer.trim_end().contains('\n') => answer,
        Ok(value) => spread(&value),
        Err(_) => answer,
    }
}

/// A refusal as the server sends it.
pub fn document(status: &Status) -> String {
    spread(&json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": status.message,
        "reason": format!("{:?}", status.reason), "details": about(status), "code": status.code,
    }))
}

/// A document over lines: the server indents by two.
fn spread(value: &Value) -> String {
    let line = |line: &str| {
        let text = line.trim_start_matches(' ');
        format!("{}{text}\n", " ".repeat((line.len() - text.len()) / 2))
    };
    go_order::indented(value).lines().map(line).collect::<String>().trim_end().to_string()
}

/// What a refusal is about.
fn about(status: &Status) -> Value {
    let mut details = json!({});
    if let Some(kind) = status.kind {
        details["kind"] = kind.info().plural.into();
    }
    if !status.name.is_empty() {
        details["name"] = status.name.as_str().into();
    }
    details
}

/// Refuses what is no path.
fn refuse_no_path(asked: &str) -> Result<(), Failure> {
    if asked.starts_with('/') || asked.contains("://") {
        return Ok(());
    }
    let why = format!("--raw must be a valid URL path: parse {asked:?}: invalid URI for request");
    Err(Failure::message(why))
}

/// The objects at a path; nothing where there can be none.
fn objects(call: &Call<'_, '_>, path: &str, query: &str) -> Option<Result<Value, Failure>> {
    let place = Place::of(call.client.live(), path)?;
    if place.name.is_none() {
        return Some(list::list(call, &place, query));
    }
    let part = place.part.as_deref();
    if part.is_some_and(|part| !has(call.client.live(), place.kind, part) && !place.is_approval()) {
        return None;
    }
    let object = match call.client.get(&place.key()) {
        Ok(object) => object,
        Err(status) => return Some(Err(status.into())),
    };
    Some(Ok(match part {
        Some("scale") => scale_of(call.client.live(), &object)?,
        _ => served(&object),
    }))
}
