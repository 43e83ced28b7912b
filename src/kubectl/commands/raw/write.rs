//! `create`, `replace` and `delete` with `--raw`: an object, or a part of one, sent to its path.

use serde_json::{Value, json};

use super::list::{list, selected};
use super::query::asked_for;
use super::{Place, refuse_no_path};
use crate::api::{Kind, MetaExt, Object, Status, manifest};
use crate::client::{DeleteOptions, Propagation};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::{json::go_json, served};
use crate::kubectl::subresource::has;

/// What is sent, and where.
struct Asked {
    place: Place,
    query: String,
    body: Option<Value>,
}

impl Asked {
    /// Whether nothing is to come of it.
    fn is_dry(&self) -> bool {
        let all = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(|one| one == "All"));
        asked_for(&self.query, "dryRun").as_deref() == Some("All")
            || self.body.as_ref().is_some_and(|body| all(&body["dryRun"]))
    }

    /// How to delete: the body says it, or else the query.
    fn options(&self) -> DeleteOptions {
        let body = self.body.as_ref().unwrap_or(&Value::Null);
        let text = |field: &str| {
            let own = body[field].as_str().map(String::from);
            own.or_else(|| asked_for(&self.query, field)).unwrap_or_default()
        };
        let number = asked_for(&self.query, "gracePeriodSeconds").and_then(|text| text.parse().ok());
        let orphans = body["orphanDependents"] == true;
        DeleteOptions {
            grace_period_seconds: body["gracePeriodSeconds"].as_i64().or(number),
            propagation: match text("propagationPolicy").as_str() {
                "Foreground" => Propagation::Foreground,
                "Orphan" => Propagation::Orphan,
                "" if orphans => Propagation::Orphan,
                _ => Propagation::Background,
            },
            uid: body["preconditions"]["uid"].as_str().map(String::from),
        }
    }
}

fn asked(call: &Call<'_, '_>) -> Result<Asked, Failure> {
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
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let place = Place::of(call.client.live(), path).ok_or_else(Status::no_such_resource)?;
    Ok(Asked { place, query: query.to_string(), body })
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
pub fn not_allowed() -> Failure {
    Status::method_not_allowed("the server does not allow this method on the requested resource").into()
}

/// `create --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn post(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked = asked(call)?;
    let (place, dry) = (&asked.place, asked.is_dry());
    let body = required(asked.body.clone())?;
    if place.part.as_deref() == Some("eviction") && place.kind == Kind::POD {
        let asked =
            Asked { place: asked.place, query: asked.query, body: Some(body["deleteOptions"].clone()) };
        let dry = dry || asked.is_dry();
        call.client.evict(&asked.place.key(), &asked.options(), dry)?;
        return success(call, &json!({"code": 201}));
    }
    if place.name.is_some() {
        return Err(not_allowed());
    }
    let object = object(place, body)?;
    let stored = match dry {
        true => served(&call.client.dry_run_create(object)?),
        false => served(&*call.client.create_object(object)?),
    };
    call.say(go_json(&stored));
    Ok(())
}

/// `replace --raw`.
///
/// # Errors
/// In kubectl's words, or the server's.
pub fn put(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked = asked(call)?;
    let (place, dry) = (&asked.place, asked.is_dry());
    let body = required(asked.body.clone())?;
    if place.name.is_none() {
        return Err(not_allowed());
    }
    let wanted = object(place, body)?;
    let part = place.part.as_deref();
    if part == Some("finalize") && place.kind == Kind::NAMESPACE {
        return finalize(call, place, &wanted);
    }
    let is_part = |part| part == "status" && has(call.client.live(), place.kind, part);
    if part.is_some_and(|part| !is_part(part)) && !place.is_approval() {
        return Err(Status::no_such_resource().into());
    }
    let stored = match part {
        _ if dry => served(&call.client.dry_run_update(wanted)?),
        Some("approval") => served(&*call.client.update_approval(wanted)?),
        Some(_) => served(&*call.client.update_object_status(wanted)?),
        None => served(&*call.client.update_object(wanted)?),
    };
    call.say(go_json(&stored));
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
    let asked = asked(call)?;
    let (place, options) = (&asked.place, asked.options());
    if place.part.is_some() {
        return Err(not_allowed());
    }
    if place.name.is_some() {
        let key = place.key();
        let deleted = match asked.is_dry() {
            true => call.client.get(&key)?,
            false => call.client.delete(&key, &options, None)?,
        };
        if !asked.is_dry() && call.client.live().object(&key).is_some() {
            call.say(go_json(&served(&deleted)));
            return Ok(());
        }
        let details = json!({"name": key.name.to_string(), "group": group(place), "kind": key.kind.info().plural, "uid": deleted.uid()});
        return success(call, &json!({"details": without_empty(details)}));
    }
    // Who may delete all of them need be allowed neither to see nor to delete one.
    call.client.may("deletecollection", place.kind, place.namespace.as_deref())?;
    let user = call.client.user().cloned();
    call.client.impersonate(None);
    let all = delete_all(call, &asked, &options);
    call.client.impersonate(user);
    let all = all?;
    call.say(go_json(&all));
    Ok(())
}

/// Deletes a collection. Returns what was in it.
fn delete_all(call: &mut Call<'_, '_>, asked: &Asked, options: &DeleteOptions) -> Result<Value, Failure> {
    let all = list(call, &asked.place, &asked.query)?;
    let keys: Vec<_> =
        selected(call.client.live(), &asked.place, &asked.query)?.iter().map(|object| object.key()).collect();
    for key in keys.iter().filter(|_| !asked.is_dry()) {
        call.client.delete(key, options, None)?;
    }
    Ok(all)
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
