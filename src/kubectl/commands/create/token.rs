//! `create token`: what the TokenRequest API answers for a service account. The token says all that a real one does, and is
//! signed by nobody.

use serde_json::{Value, json};

use super::name;
use crate::api::jwt::{self, ISSUER};
use crate::api::{Kind, MetaExt, Status, typed};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::commands::get::shaped_own;
use crate::kubectl::commands::writing::{OUTPUT, TEMPLATE};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::value;
use crate::kubectl::print::format::WRITE;
use crate::kubectl::print::json::go_json;
use crate::kubectl::{Call, Verb};

const SECONDS_DEFAULT: i64 = 3_600;
const SECONDS_MIN: i64 = 10 * 60;
const SECONDS_MAX: i64 = 1 << 32;
/// The kinds of objects with which a token may end.
const BOUND: [(&str, Kind); 3] = [("Node", Kind::NODE), ("Pod", Kind::POD), ("Secret", Kind::SECRET)];

/// See the module.
pub const TOKEN: Verb = Verb {
    path: "create token",
    help: "Request a service account token",
    flags: &[
        value("audience", "for whom; may be repeated"),
        value("duration", "how long it shall be valid"),
        value("bound-object-kind", "Pod, Secret or Node"),
        value("bound-object-name", "the object with which it ends"),
        value("bound-object-uid", "its UID"),
        OUTPUT,
        TEMPLATE,
    ],
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let (seconds, bound) = (seconds(call)?, bound(call)?);
    let request = granted(call, &name, seconds, bound)
        .map_err(|status| Failure::message(format!("failed to create token: {}", status.message)))?;
    let Some(format) = call.args.output() else {
        call.say(request["status"]["token"].as_str().unwrap_or_default());
        return Ok(());
    };
    if format == "name" {
        call.say(format!("tokenrequest.authentication.k8s.io/{name}"));
        return Ok(());
    }
    let text = shaped_own(call, format, request, WRITE)?;
    call.output.stdout.push_str(&text);
    Ok(())
}

/// How long the token shall be valid; nothing if the command does not say.
fn seconds(call: &Call<'_, '_>) -> Result<Option<i64>, Failure> {
    let Some(text) = call.args.value("duration") else { return Ok(None) };
    if text.starts_with('-') {
        return Err(Failure::message("--duration must be greater than or equal to 0"));
    }
    let duration = SimDuration::parse(text).ok_or_else(|| {
        Failure::usage(format!(
            "invalid argument \"{text}\" for \"--duration\" flag: time: invalid duration \"{text}\""
        ))
    })?;
    if duration.as_millis() % 1_000 != 0 {
        return Err(Failure::message("--duration cannot be expressed in units less than seconds"));
    }
    Ok(Some(duration.as_secs() as i64).filter(|seconds| *seconds > 0))
}

/// The object with which the token ends.
fn bound(call: &Call<'_, '_>) -> Result<Option<(Kind, String)>, Failure> {
    let text = |flag: &str| call.args.value(flag).unwrap_or_default();
    let (kind, name) = (text("bound-object-kind"), text("bound-object-name"));
    if kind.is_empty() {
        let given = ["bound-object-name", "bound-object-uid"].into_iter().find(|flag| !text(flag).is_empty());
        return given.map_or(Ok(None), |flag| {
            Err(Failure::message(format!("--{flag} can only be set if --bound-object-kind is provided")))
        });
    }
    let Some((_, kind)) = BOUND.iter().find(|(known, _)| *known == kind) else {
        return Err(Failure::message("supported --bound-object-kind values are Node, Pod, Secret"));
    };
    if name.is_empty() {
        return Err(Failure::message("--bound-object-name is required if --bound-object-kind is provided"));
    }
    Ok(Some((*kind, name.to_string())))
}

/// The server's answer (`pkg/registry/core/serviceaccount/storage/token.go`).
fn granted(
    call: &Call<'_, '_>,
    name: &str,
    asked: Option<i64>,
    bound: Option<(Kind, String)>,
) -> Result<Value, Status> {
    let key = call.key(Kind::SERVICE_ACCOUNT, name);
    call.client.may_with("create", &key, "token")?;
    let account = call.client.server().get(&key)?;
    let refused = |why: &str| {
        let seconds = asked.unwrap_or_default();
        let shown = format!("spec.expirationSeconds: Invalid value: {seconds}: {why}");
        Status::bad_request(format!("TokenRequest.authentication.k8s.io \"{name}\" is invalid: {shown}"))
    };
    let seconds = match asked.unwrap_or(SECONDS_DEFAULT) {
        ..SECONDS_MIN => return Err(refused("may not specify a duration less than 10 minutes")),
        seconds if seconds > SECONDS_MAX => {
            return Err(refused("may not specify a duration larger than 2^32 seconds"));
        }
        seconds => seconds,
    };
    let audiences = match call.args.list("audience") {
        given if given.is_empty() => json!([ISSUER]),
        given => json!(given),
    };
    let (namespace, now) = (&call.namespace, call.client.now());
    let mut spec = json!({"audiences": audiences, "boundObjectRef": null, "expirationSeconds": seconds});
    let mut about = json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": account.uid()}});
    if let Some((kind, name)) = bound {
        let object = call.client.get(&call.key(kind, &name))?;
        let uid = call.args.value("bound-object-uid").unwrap_or(object.uid());
        if uid != object.uid() {
            let why = format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted \
                 and then recreated"
            );
            return Err(Status::conflict(&object.key(), &why));
        }
        spec["boundObjectRef"] = json!({"apiVersion": "v1", "kind": kind.name(), "name": name, "uid": uid});
        about[kind.name().to_lowercase()] = json!({"name": name, "uid": uid});
    }
    let from = now.to_unix_seconds();
    let claims = json!({
        "aud": audiences, "exp": from + seconds, "iat": from, "iss": ISSUER, "kubernetes.io": about, "nbf": from,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let expires = typed::write(&SimTime::from_unix_seconds(from + seconds).to_time());
    Ok(json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"creationTimestamp": typed::write(&now.to_time()), "name": name, "namespace": namespace},
        "spec": spec,
        "status": {"expirationTimestamp": expires, "token": jwt::token(&go_json(&claims))},
    }))
}
