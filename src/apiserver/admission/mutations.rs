//! `MutatingAdmissionPolicy`: changes objects on their way in by expressions that users have written, where a binding says so
//! (`k8s.io/apiserver/pkg/admission/plugin/policy/mutating`).

use serde_json::Value as Json;

use super::policies::{Asked, Request, add_variables, ask, is_exempt};
use crate::api::cel::Value;
use crate::api::managed::{self, Shape};
use crate::api::patch::json_patch;
use crate::api::{Key, Kind, MetaExt, Object, Status, schema};
use crate::apiserver::{View, extensions, registry};

/// What has been asked so far in one request: policies may be asked again when others have changed the object since.
#[derive(Default)]
pub struct Round {
    /// Those that are asked again if something changes.
    open: Vec<Key>,
    /// Those that are due.
    due: Vec<Key>,
    /// What the last of them left; nothing in the first round.
    left: Option<Object>,
}

/// Lets every policy that is bound to the request change the object. Whether one did.
///
/// # Errors
/// The first policy that could not be asked and must not be passed over.
pub fn admit(
    view: &View,
    object: &mut Object,
    old: Option<&Object>,
    round: &mut Round,
) -> Result<bool, Status> {
    let mut bindings = view.objects(Kind::MUTATING_ADMISSION_POLICY_BINDING, None).peekable();
    if bindings.peek().is_none() || is_exempt(object.kind()) {
        return Ok(false);
    }
    let is_second = round.left.is_some();
    if round.left.as_ref().is_some_and(|left| left != object) {
        round.due.append(&mut round.open);
    }
    let (before, mut refusal) = (object.clone(), None);
    for binding in bindings {
        let bound = binding.part("spec").clone();
        let name = bound["policyName"].as_str().unwrap_or_default();
        let Some(policy) = view.object(&Key::cluster(Kind::MUTATING_ADMISSION_POLICY, name)) else {
            continue;
        };
        let (key, spec) = (binding.key(), policy.part("spec"));
        let start = object.clone();
        let request = Request::of(view, Asked::write(&start, old));
        if (is_second && !round.due.contains(&key))
            || !request.matches(&spec["matchConstraints"])
            || !request.matches(&bound["matchResources"])
        {
            continue;
        }
        if let Err(why) = invoke(view, &request, (&spec, &bound), object, old)? {
            let told = format!("policy '{name}' with binding '{}' denied request: {why}", binding.name());
            refusal = refusal.or((spec["failurePolicy"] != "Ignore").then_some(told));
        }
        if *object != start {
            round.due.append(&mut round.open);
        }
        if spec["reinvocationPolicy"] == "IfNeeded" {
            round.open.push(key);
        }
    }
    round.left = Some(object.clone());
    match refusal {
        None => Ok(*object != before),
        Some(told) => {
            // Refused as forbidden, and said to be invalid.
            let mut status = Status::denied(object.kind(), object.name(), &told, "Invalid");
            (status.code, status.message) = (403, told);
            Err(status)
        }
    }
}

/// Has one policy change the object, once for each of its parameters. The inner error is the policy's, the outer one the server's.
fn invoke(
    view: &View,
    request: &Request,
    (spec, bound): (&Json, &Json),
    object: &mut Object,
    old: Option<&Object>,
) -> Result<Result<(), String>, Status> {
    let given = match request.params(spec, bound) {
        Ok(given) => given,
        Err(why) => return Ok(Err(format!("failed to configure binding: {why}"))),
    };
    let mut fault = Ok(());
    for param in given {
        let mut names = request.names.clone();
        names.push(("params", param));
        match request.is_meant(spec, &names) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(why) => {
                fault = fault.and(Err(why));
                continue;
            }
        }
        for mutation in spec["mutations"].as_array().into_iter().flatten() {
            let now = object.clone();
            let mut names = names.clone();
            names.retain(|(name, _)| *name != "object");
            names.push(("object", Value::of(&now.to_value())));
            add_variables(spec, &mut names);
            match patched(&now, mutation, &names)? {
                Ok(Some(value)) => *object = taken_up(view, &now, value, old)?,
                Ok(None) => {}
                Err(why) => fault = fault.and(Err(why)),
            }
        }
    }
    Ok(fault)
}

/// The object as a mutation makes it; nothing if the mutation's own test says that it is not meant.
fn patched(
    object: &Object,
    mutation: &Json,
    names: &[(&str, Value)],
) -> Result<Result<Option<Json>, String>, Status> {
    let text = |field: &str| mutation[field]["expression"].as_str().unwrap_or_default().trim();
    let made = |field: &str| {
        let made = ask(text(field), names)?.to_json();
        made.ok_or_else(|| {
            "JSONPath valueExpression evaluated to a type that could not marshal to JSON".to_string()
        })
    };
    Ok(match mutation["patchType"].as_str() {
        Some("JSONPatch") => {
            match made("jsonPatch").map(|patch| json_patch::apply(&object.to_value(), &patch)) {
                Ok(Ok(value)) => Ok(Some(value)),
                Ok(Err(why)) if why.ends_with("test failed") => Ok(None),
                Ok(Err(why)) => Err(format!("JSONPath: {why}")),
                Err(why) => Err(why),
            }
        }
        _ => made("applyConfiguration").and_then(|config| applied(object, config)).map(Some),
    })
}

/// The object with a configuration laid over it, as server-side apply would without keeping who wants what.
fn applied(object: &Object, mut config: Json) -> Result<Json, String> {
    let shape = Shape::of(object.kind());
    config["apiVersion"] = object.api_version().into();
    config["kind"] = object.kind().name().into();
    let failed = |why: String| format!("error applying patch: {why}");
    managed::field_set(&config, shape)
        .map_err(|why| failed(format!("failed to convert patch object to typed object: {why}")))?;
    let mut whole = Vec::new();
    atomics(&config, shape, &mut String::new(), &mut whole);
    if !whole.is_empty() {
        let list = whole.join(", ");
        return Err(failed(format!(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {list}"
        )));
    }
    Ok(managed::merge(Some(&object.to_value()), Some(&config), shape))
}

/// The parts of a configuration that could only be replaced as a whole.
fn atomics(value: &Json, shape: Shape, path: &mut String, found: &mut Vec<String>) {
    if matches!(shape, Shape::Atomic) && (value.is_object() || value.is_array()) {
        return found.push(path.clone());
    }
    let length = path.len();
    match value {
        Json::Object(fields) => {
            for (name, field) in fields {
                path.push('.');
                path.push_str(name);
                let inner = shape.field(name, field).map_or(Shape::Map(None), |(inner, _)| inner);
                atomics(field, inner, path, found);
                path.truncate(length);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                atomics(item, shape.item(), path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// What a mutation has made, decoded strictly and with its defaults. Name, namespace and status stay.
fn taken_up(view: &View, now: &Object, value: Json, old: Option<&Object>) -> Result<Object, Status> {
    let kind = now.kind();
    if let Some(type_) = schema::kind(&now.api_version(), kind.name()) {
        schema::strict_decode(type_, &value).map_err(|error| Status::internal_error(&error.to_string()))?;
    }
    let made = Object::from_value(kind, value).map_err(|error| Status::internal_error(&error.to_string()))?;
    let mut made = made;
    let strategy = registry::strategy(view, &made);
    strategy.fill_in(&mut made);
    if kind.is_custom() {
        extensions::objects::fill_in(view, &mut made);
    }
    if let (Some(old), true) = (old, strategy.has_status) {
        made.take_status(old);
    }
    Ok(made)
}
