//! `LimitRanger`: gives containers the requests and limits that the namespace's LimitRanges name, and refuses pods and claims that
//! are outside of them (`plugin/pkg/admission/limitranger`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::k8s::{Container, Quantity, ResourceRequirements};
use crate::api::quantity::{self, Parsed};
use crate::api::{Kind, MetaExt, Object, Pod, Status};
use crate::apiserver::View;
use crate::rng::Rng;

type Amounts = BTreeMap<String, Quantity>;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// The limits of a namespace, LimitRange by LimitRange.
fn limits(view: &View, namespace: &str) -> Vec<Map<String, Value>> {
    let ranges = view.objects(Kind::LIMIT_RANGE, Some(namespace));
    let mut limits = Vec::new();
    for range in ranges {
        let spec = range.part("spec");
        let items = spec.get("limits").and_then(Value::as_array).into_iter().flatten();
        limits.extend(items.filter_map(Value::as_object).cloned());
    }
    limits
}

fn type_of(limit: &Map<String, Value>) -> &str {
    limit.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The amounts of a list of a limit, by resource.
fn amounts<'a>(limit: &'a Map<String, Value>, list: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let list = limit.get(list).and_then(Value::as_object).into_iter().flatten();
    list.filter_map(|(name, amount)| Some((name.as_str(), amount.as_str()?)))
}

/// Fills in what containers of a new pod leave out, and notes it on the pod.
///
/// # Errors
/// Never.
pub fn admit(view: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::Pod(pod) = object else { return Ok(()) };
    for limit in limits(view, pod.namespace()).iter().filter(|limit| type_of(limit) == "Container") {
        let mut notes = Vec::new();
        let spec = Arc::make_mut(&mut pod.spec);
        for container in &mut spec.containers {
            fill_in(container, "container", limit, &mut notes);
        }
        for container in spec.init_containers.iter_mut().flatten() {
            fill_in(container, "init container", limit, &mut notes);
        }
        if !notes.is_empty() {
            let annotations = Arc::make_mut(&mut pod.meta).annotations.get_or_insert_default();
            annotations.insert(ANNOTATION.into(), format!("LimitRanger plugin set: {}", notes.join("; ")));
        }
    }
    Ok(())
}

fn fill_in(container: &mut Container, what: &str, limit: &Map<String, Value>, notes: &mut Vec<String>) {
    let name = container.name.clone();
    let resources = container.resources.get_or_insert_default();
    let lists =
        [(&mut resources.requests, "defaultRequest", "request"), (&mut resources.limits, "default", "limit")];
    for (list, from, word) in lists {
        let mut set: Vec<&str> = Vec::new();
        for (resource, amount) in amounts(limit, from) {
            let list = list.get_or_insert_default();
            if !list.contains_key(resource) {
                list.insert(resource.to_string(), Quantity(amount.to_string()));
                set.push(resource);
            }
        }
        if !set.is_empty() {
            notes.push(format!("{} {word} for {what} {name}", set.join(", ")));
        }
    }
}

/// Refuses a pod, or a claim for storage, that is outside of the limits.
///
/// # Errors
/// `Forbidden`, with every limit that is broken.
pub fn validate(view: &View, object: &Object, old: Option<&Object>) -> Result<(), Status> {
    let mut errors = Vec::new();
    match object {
        Object::Pod(pod) if old.is_none() => {
            limits(view, pod.namespace()).iter().for_each(|limit| validate_pod(pod, limit, &mut errors));
        }
        Object::PersistentVolumeClaim(claim) => {
            let requests = claim.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
            for limit in limits(view, claim.namespace()) {
                if type_of(&limit) == "PersistentVolumeClaim" {
                    validate_claim(&limit, requests, &mut errors);
                }
            }
        }
        _ => {}
    }
    match errors.as_slice() {
        [] => Ok(()),
        [only] => Err(Status::forbidden(object.kind(), object.name(), only)),
        several => {
            let list = format!("[{}]", several.join(", "));
            Err(Status::forbidden(object.kind(), object.name(), &list))
        }
    }
}

fn validate_pod(pod: &Pod, limit: &Map<String, Value>, errors: &mut Vec<String>) {
    let none = ResourceRequirements::default();
    let containers = || pod.spec.containers.iter();
    match type_of(limit) {
        "Container" => {
            for container in containers().chain(pod.spec.init_containers.iter().flatten()) {
                let resources = container.resources.as_ref().unwrap_or(&none);
                let find = |list: &Option<Amounts>, name: &str| quantity::parse(&list.as_ref()?.get(name)?.0);
                let of = |name: &str| (find(&resources.requests, name), find(&resources.limits, name));
                validate_usage("Container", limit, &of, errors);
            }
        }
        "Pod" => {
            let sum = |limits: bool, name: &str| {
                let lists = containers().filter_map(|container| {
                    let resources = container.resources.as_ref()?;
                    if limits { resources.limits.as_ref() } else { resources.requests.as_ref() }
                });
                let found: Vec<Parsed> =
                    lists.filter_map(|list| quantity::parse(&list.get(name)?.0)).collect();
                (!found.is_empty()).then(|| found.into_iter().fold(Parsed::default(), Parsed::plus))
            };
            let of = |name: &str| (sum(false, name), sum(true, name));
            validate_usage("Pod", limit, &of, errors);
        }
        _ => {}
    }
}

type Usage<'a> = dyn Fn(&str) -> (Option<Parsed>, Option<Parsed>) + 'a;

fn validate_usage(what: &str, limit: &Map<String, Value>, of: &Usage, errors: &mut Vec<String>) {
    let parsed = |text: &str| quantity::parse(text).unwrap_or_default();
    for (name, least) in amounts(limit, "min") {
        let (request, most) = of(name);
        let head = format!("minimum {name} usage per {what} is {least}");
        match (request, most) {
            (None, _) => errors.push(format!("{head}.  No request is specified")),
            (Some(request), _) if request < parsed(least) => {
                errors.push(format!("{head}, but request is {}", request.format_like(least)));
            }
            (_, Some(most)) if most < parsed(least) => {
                errors.push(format!("{head}, but limit is {}", most.format_like(least)));
            }
            _ => {}
        }
    }
    for (name, most) in amounts(limit, "max") {
        let (request, limit) = of(name);
        let head = format!("maximum {name} usage per {what} is {most}");
        match (request, limit) {
            (_, None) => errors.push(format!("{head}.  No limit is specified")),
            (_, Some(limit)) if limit > parsed(most) => {
                errors.push(format!("{head}, but limit is {}", limit.format_like(most)));
            }
            (Some(request), _) if request > parsed(most) => {
                errors.push(format!("{head}, but request is {}", request.format_like(most)));
            }
            _ => {}
        }
    }
    for (name, ratio) in amounts(limit, "maxLimitRequestRatio") {
        let head = format!("{name} max limit to request ratio per {what} is {ratio}");
        let (request, limit) = of(name);
        let request = request.map_or(0, Parsed::milli);
        let limit = limit.map_or(0, Parsed::milli);
        if request == 0 {
            errors.push(format!("{head}, but no request is specified or request is 0"));
        } else if limit == 0 {
            errors.push(format!("{head}, but no limit is specified or limit is 0"));
        } else if i128::from(limit) > i128::from(request) * i128::from(parsed(ratio).value()) {
            errors.push(format!("{head}, but provided ratio is {}", six_digits(limit, request)));
        }
    }
}

/// A quotient as `%f` writes it.
fn six_digits(dividend: i64, divisor: i64) -> String {
    let millionths = (i128::from(dividend) * 2_000_000 / i128::from(divisor) + 1) / 2;
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn validate_claim(limit: &Map<String, Value>, requests: Option<&Amounts>, errors: &mut Vec<String>) {
    for (list, word) in [("min", "minimum"), ("max", "maximum")] {
        for (name, bound) in amounts(limit, list) {
            let head = format!("{word} {name} usage per PersistentVolumeClaim is {bound}");
            let Some(asked) = requests.and_then(|requests| requests.get(name)) else {
                errors.push(format!("{head}.  No request is specified"));
                continue;
            };
            let (amount, bound) =
                (quantity::parse(&asked.0).unwrap_or_default(), quantity::parse(bound).unwrap_or_default());
            let outside = if list == "min" { amount < bound } else { amount > bound };
            if outside {
                errors.push(format!("{head}, but request is {}", asked.0));
            }
        }
    }
}
