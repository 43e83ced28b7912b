//! `create`, `replace` and `delete` with `--raw`: an object, or a part of one, sent to its path.

use serde_json::{Value, json};

use super::{Place, list, refuse_no_path};
use crate::api::{Kind, MetaExt, Object, Status, manifest};
use crate::client::{DeleteOptions, Propagation};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::{json::go_json, served};
use crate::kubectl::subresource::has;

/// What is sent, and where.
fn asked(call: &Call<'_, '_>) -> Result<(Place, Option<Value>), Failure> {
    let path = call.args.value("raw").unwrap_or_default();
    let files = call.args.list("filename");
    let words = &call.args.words;
    if !words.is_empty() {
        return Err(Failure::misuse(format!("Unexpected args: [{}]", words.join(" "))));
    }
    if files.len() > 1 {
        return Err(Failure::misuse("--raw can only use a single local file or stdin"));
    }
    if let Some(flag) = ["recursive", "output"].into_iter().find(|flag| call.args.has(flag)) {
        return Err(Failure::misuse(format!("--raw and --{flag} are mutually exclusive")));
    }
    if files.iter().any(|file| file.starts_with("http://") || file.starts_with("https://")) {
        return Err(Failure::misuse("--raw cannot read from a url"));
    }
    refuse_no_path(path)?;
    let body = files.first().map(|file| body(call, file)).transpose()?;
    let path = path.split('?').next().unwrap_or_default();
    let place = Place::of(call.client.live(), path).ok_or_else(Status::no_such_resource)?;
    Ok((place, body))
}

/// The document that is sent.
fn body(call: &Call<'_, '_>, file: &str) -> Result<Value, Failure> {
    let text = match file {
        "-" => call.invocation.stdin.as_deref(),
        path => call.invocation.files.get(path).map(String::as_str),
    };
    let text = text.ok_or_else(|| Failure::message(format!("open {file}: no such file or directory")))?;
    serde_json::from_str(text).map_err(|error| {
        let (_, words) = manifest::json_error(&error, text);
        Status::bad_request(format!("couldn't get version/kind; json parse error: {words}")).into()
    })
}

fn required(body: Option<Value>) -> Result<Value, Failure> {
    body.ok_or_else(|| Failure::misuse("--raw can only use a single local file or stdin"))
}

/// An object as its path says it is.
fn object(place: &Place, value: Value) -> Result<Object, Failure> {
    let refuse = |why: String| Err(Status::bad_request(why).into());
    let said = value["kind"].as_str().unwrap_or_default();
    if said != place.kind.name() {
        return refuse(format!(
            "the kind of the object ({said}) does not match the path ({})",
            place.kind.name()
        ));
    }
    let mut object =
        Object::from_value(place.kind, value).map_err(|error| Status::bad_request(error.to_string()))?;
    let meta = object.meta_mut();
    if let Some(wanted) = &place.namespace {
        let given = meta.namespace.get_or_insert_with(|| wanted.as_str().into());
        if &**given != wanted.as_str() {
            return refuse(
                "the namespace of the provided object does not match the namespace sent on the request"
                    .into(),
            );
        }
    }
    if let Some(wanted) = &place.name {
        let given = meta.name.get_or_insert_with(|| wanted.as_str().into());
        if &**given != wanted.as_str() {
            return refuse(format!(
                "the name of the object ({given}) does not match the name on the URL ({wanted})"
            ));
        }
    }
    Ok(object)
}

/// What is said where a path does not take what is done to it.
fn not_allowed() -> Failure {
    Failure::message(
        "Error from server (MethodNotAllowed): the server does not allow this method on the requested resource",
    )
}

/// `create --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn post(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (place, body) = asked(call)?;
    let body = required(body)?;
    if place.part.as_deref() == Some("eviction") && place.kind == Kind::POD {
        let grace = body["deleteOptions"]["gracePeriodSeconds"].as_i64();
        call.client.evict(&place.key(), &options(grace), false)?;
        return success(call, &json!({"code": 201}));
    }
    if place.name.is_some() {
        return Err(not_allowed());
    }
    let stored = call.client.create_object(object(&place, body)?)?;
    call.say(go_json(&served(&stored)));
    Ok(())
}

/// `replace --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn put(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (place, body) = asked(call)?;
    let body = required(body)?;
    if place.name.is_none() {
        return Err(not_allowed());
    }
    let wanted = object(&place, body)?;
    let part = place.part.as_deref();
    if part == Some("finalize") && place.kind == Kind::NAMESPACE {
        return finalize(call, &place, &wanted);
    }
    if part.is_some_and(|part| part != "status" || !has(call.client.live(), place.kind, part)) {
        return Err(Status::no_such_resource().into());
    }
    let stored = match part {
        Some(_) => call.client.update_object_status(wanted)?,
        None => call.client.update_object(wanted)?,
    };
    call.say(go_json(&served(&stored)));
    Ok(())
}

/// Lets a namespace go that waits for what is still in it, if the manifest holds it no longer.
fn finalize(call: &mut Call<'_, '_>, place: &Place, wanted: &Object) -> Result<(), Failure> {
    let key = place.key();
    call.client.may_with("update", &key, "finalize")?;
    let object = call.client.get(&key)?;
    let mut value = served(&object);
    let held = wanted.to_value()["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    if !held && value["metadata"].get("deletionTimestamp").is_some() {
        call.client.finalize_namespace(&key.name)?;
        value["spec"] = json!({});
    }
    call.say(go_json(&value));
    Ok(())
}

/// `delete --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn delete(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (place, body) = asked(call)?;
    if place.part.is_some() {
        return Err(not_allowed());
    }
    let grace = body.as_ref().and_then(|body| body["gracePeriodSeconds"].as_i64());
    if place.name.is_some() {
        let key = place.key();
        let deleted = call.client.delete(&key, &options(grace), None)?;
        if call.client.live().object(&key).is_some() {
            call.say(go_json(&served(&deleted)));
            return Ok(());
        }
        let details = json!({"name": key.name.to_string(), "group": group(&place), "kind": key.kind.info().plural, "uid": deleted.uid()});
        return success(call, &json!({"details": without_empty(details)}));
    }
    let all = list(call, &place, "")?;
    let keys: Vec<_> =
        call.client.live().objects(place.kind, place.namespace.as_deref()).map(|o| o.key()).collect();
    for key in keys {
        call.client.delete(&key, &options(grace), None)?;
    }
    call.say(go_json(&all));
    Ok(())
}

fn options(grace_period_seconds: Option<i64>) -> DeleteOptions {
    DeleteOptions { grace_period_seconds, propagation: Propagation::Background, uid: None }
}

fn group(place: &Place) -> &str {
    place.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn without_empty(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| field != "");
    }
    value
}

/// The server's answer where there is no object to show.
fn success(call: &mut Call<'_, '_>, more: &Value) -> Result<(), Failure> {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    for (name, value) in more.as_object().into_iter().flatten() {
        status[name] = value.clone();
    }
    call.say(go_json(&status));
    Ok(())
}
