//! `ResourceQuota`: refuses what would take a namespace above one of its quotas (`apiserver/pkg/admission/plugin/resourcequota`,
//! `pkg/quota/v1/evaluator/core`). What is used is counted from the objects alive.

use serde_json::Value;

use crate::api::k8s::{Container, PodSpec, Quantity, ResourceQuotaSpec};
use crate::api::quantity::{self, Parsed};
use crate::api::{Kind, MetaExt, Object, Pod, ResourceQuota, Status, sorting};
use crate::apiserver::View;

/// What a quota counts, and in which form its amounts are written.
struct Amount {
    name: String,
    total: Parsed,
    like: String,
}

/// Resources of pods that every container must ask for where a quota limits them.
const REQUIRED_OF_PODS: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// Refuses a new object, or a change of one, that exceeds a quota.
///
/// # Errors
/// `Forbidden`.
pub fn validate(view: &View, object: &Object, old: Option<&Object>) -> Result<(), Status> {
    let kind = object.kind();
    let changes_matter = matches!(kind, Kind::SERVICE | Kind::PERSISTENT_VOLUME_CLAIM);
    if !kind.info().namespaced || kind == Kind::EVENT || (old.is_some() && !changes_matter) {
        return Ok(());
    }
    let forbidden = |why: &str| Err(Status::forbidden(kind, object.name(), why));
    for quota in view.list::<ResourceQuota>(Some(object.namespace())) {
        if !matches_scopes(&quota.spec, object) {
            continue;
        }
        let hard = quota.spec.hard.iter().flatten();
        let mut asked = usage(object);
        asked.retain(|amount| hard.clone().any(|(name, _)| *name == amount.name));
        if let (Object::Pod(pod), None) = (object, old)
            && let Some(missing) = missing_of_pod(&quota.spec, &pod.spec)
        {
            return forbidden(&format!("failed quota: {}: must specify {missing}", quota.name()));
        }
        for before in old.map(usage).unwrap_or_default() {
            if let Some(amount) = asked.iter_mut().find(|amount| amount.name == before.name) {
                amount.total = amount.total.minus(before.total);
            }
        }
        asked.retain(|amount| amount.total.sign() > 0);
        if asked.is_empty() {
            continue;
        }
        let used = used(view, &quota.spec, object);
        let mut exceeded: [Vec<String>; 3] = Default::default();
        for amount in &asked {
            let Some((_, most)) = hard.clone().find(|(name, _)| **name == amount.name) else { continue };
            let limit = quantity::parse(&most.0).unwrap_or_default();
            let before = used.iter().find(|used| used.name == amount.name);
            let taken = before.map(|used| used.total).unwrap_or_default();
            if taken.plus(amount.total) > limit {
                let like = before.map_or(most.0.as_str(), |used| used.like.as_str());
                let texts = [amount.total.format_like(&amount.like), taken.format_like(like), most.0.clone()];
                for (list, text) in exceeded.iter_mut().zip(texts) {
                    list.push(format!("{}={text}", amount.name));
                }
            }
        }
        for list in &mut exceeded {
            sorting::sort_by(list, Ord::cmp);
        }
        let [requested, used, limited] = exceeded.map(|list| list.join(","));
        if !requested.is_empty() {
            return forbidden(&format!(
                "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
                quota.name()
            ));
        }
    }
    Ok(())
}

/// What the other objects of the kind use of a quota.
fn used(view: &View, quota: &ResourceQuotaSpec, object: &Object) -> Vec<Amount> {
    let mut sums: Vec<Amount> = Vec::new();
    for other in view.objects(object.kind(), Some(object.namespace())) {
        if matches_scopes(quota, other) {
            usage(other).into_iter().for_each(|amount| add(&mut sums, amount));
        }
    }
    sums
}

fn add(sums: &mut Vec<Amount>, amount: Amount) {
    match sums.iter_mut().find(|sum| sum.name == amount.name) {
        Some(sum) => sum.total = sum.total.plus(amount.total),
        None => sums.push(amount),
    }
}

fn count(name: impl Into<String>, count: i64) -> Amount {
    Amount { name: name.into(), total: Parsed::of(count), like: "1".into() }
}

/// What an object uses, by the names that quotas have for it.
fn usage(object: &Object) -> Vec<Amount> {
    let mut amounts = vec![count(format!("count/{}", object.kind().group_resource()), 1)];
    match object {
        Object::Pod(pod) => usage_of_pod(pod, &mut amounts),
        Object::Service(service) => {
            let spec = &service.spec;
            let ports = spec.ports.as_ref().map_or(0, Vec::len) as i64;
            let (balanced, allocated) =
                (spec.type_.as_deref() == Some("LoadBalancer"), spec.allocate_load_balancer_node_ports);
            let on_nodes =
                spec.type_.as_deref() == Some("NodePort") || (balanced && allocated != Some(false));
            amounts.push(count("services", 1));
            amounts.push(count("services.nodeports", if on_nodes { ports } else { 0 }));
            amounts.push(count("services.loadbalancers", i64::from(balanced)));
        }
        Object::PersistentVolumeClaim(claim) => {
            let asked = claim.spec.resources.as_ref().and_then(|r| r.requests.as_ref()?.get("storage"));
            let storage = |name: String| Amount {
                name,
                total: asked.and_then(|asked| quantity::parse(&asked.0)).unwrap_or_default(),
                like: asked.map(|asked| asked.0.clone()).unwrap_or_default(),
            };
            amounts.push(count("persistentvolumeclaims", 1));
            amounts.push(storage("requests.storage".into()));
            if let Some(class) = claim.spec.storage_class_name.as_deref().filter(|class| !class.is_empty()) {
                let prefix = format!("{class}.storageclass.storage.k8s.io");
                amounts.push(count(format!("{prefix}/persistentvolumeclaims"), 1));
                amounts.push(storage(format!("{prefix}/requests.storage")));
            }
        }
        other => {
            let plural = other.kind().info().plural;
            if matches!(plural, "configmaps" | "secrets" | "resourcequotas" | "replicationcontrollers") {
                amounts.push(count(plural, 1));
            }
        }
    }
    amounts
}

fn is_finished(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

fn usage_of_pod(pod: &Pod, amounts: &mut Vec<Amount>) {
    if is_finished(pod) {
        return;
    }
    amounts.push(count("pods", 1));
    for amount in total_of_pod(&pod.spec, false) {
        let plain = matches!(amount.name.as_str(), "cpu" | "memory" | "ephemeral-storage")
            || amount.name.starts_with("hugepages-");
        if plain {
            let (name, like) = (amount.name.clone(), amount.like.clone());
            amounts.push(Amount { name, total: amount.total, like });
        }
        amounts.push(Amount { name: format!("requests.{}", amount.name), ..amount });
    }
    for amount in total_of_pod(&pod.spec, true) {
        if matches!(amount.name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            amounts.push(Amount { name: format!("limits.{}", amount.name), ..amount });
        }
    }
}

fn list_of(container: &Container, limits: bool) -> impl Iterator<Item = (&String, &Quantity)> {
    let resources = container.resources.as_ref();
    let list = resources.and_then(|r| if limits { r.limits.as_ref() } else { r.requests.as_ref() });
    list.into_iter().flatten()
}

/// What a pod asks for, or is limited to: its containers and sidecars together, or its greediest init container with the sidecars
/// before it, whichever is more; what it asks as a whole goes before, and its overhead comes on top.
fn total_of_pod(spec: &PodSpec, limits: bool) -> Vec<Amount> {
    let amount = |(name, amount): (&String, &Quantity)| Amount {
        name: name.clone(),
        total: quantity::parse(&amount.0).unwrap_or_default(),
        like: amount.0.clone(),
    };
    let (mut sums, mut peaks, mut sidecars) = (Vec::new(), Vec::<Amount>::new(), Vec::<Amount>::new());
    for container in spec.init_containers.iter().flatten() {
        let stays = container.restart_policy.as_deref() == Some("Always");
        for asked in list_of(container, limits).map(amount) {
            let beside = sidecars.iter().find(|other| other.name == asked.name).map(|other| other.total);
            let peak = asked.total.plus(beside.unwrap_or_default());
            match peaks.iter_mut().find(|other| other.name == asked.name) {
                Some(other) => other.total = other.total.max(peak),
                None => {
                    peaks.push(Amount { name: asked.name.clone(), total: peak, like: asked.like.clone() })
                }
            }
            if stays {
                add(&mut sidecars, asked);
            }
        }
    }
    for container in &spec.containers {
        list_of(container, limits).map(amount).for_each(|asked| add(&mut sums, asked));
    }
    sidecars.into_iter().for_each(|asked| add(&mut sums, asked));
    for peak in peaks {
        match sums.iter_mut().find(|sum| sum.name == peak.name) {
            Some(sum) => sum.total = sum.total.max(peak.total),
            None => sums.push(peak),
        }
    }
    let whole = spec.resources.as_ref();
    let whole = whole.and_then(|r| if limits { r.limits.as_ref() } else { r.requests.as_ref() });
    for asked in whole.into_iter().flatten().map(amount) {
        sums.retain(|sum| sum.name != asked.name);
        sums.push(asked);
    }
    spec.overhead.iter().flatten().map(amount).for_each(|asked| add(&mut sums, asked));
    sums
}

/// Which containers say nothing of what a quota limits: `requests.cpu for: a,b; limits.memory for: a`.
fn missing_of_pod(quota: &ResourceQuotaSpec, spec: &PodSpec) -> Option<String> {
    let mut missing = Vec::new();
    for name in REQUIRED_OF_PODS {
        if !quota.hard.as_ref().is_some_and(|hard| hard.contains_key(name)) {
            continue;
        }
        let (limits, resource) = match name.split_once('.') {
            Some((list, resource)) => (list == "limits", resource),
            None => (false, name),
        };
        let whole = spec.resources.as_ref();
        let whole = whole.and_then(|r| if limits { r.limits.as_ref() } else { r.requests.as_ref() });
        if whole.is_some_and(|list| list.contains_key(resource)) {
            continue;
        }
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let silent =
            containers.filter(|container| !list_of(container, limits).any(|(name, _)| name == resource));
        let mut names: Vec<&str> = silent.map(|container| container.name.as_str()).collect();
        sorting::sort_by(&mut names, Ord::cmp);
        if !names.is_empty() {
            missing.push(format!("{name} for: {}", names.join(",")));
        }
    }
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// Whether a quota is about an object. Scopes are of pods: a quota with scopes counts nothing else.
fn matches_scopes(quota: &ResourceQuotaSpec, object: &Object) -> bool {
    let selector = quota.scope_selector.as_ref().and_then(|selector| selector.match_expressions.as_ref());
    let scopes = quota.scopes.iter().flatten();
    let Object::Pod(pod) = object else {
        return scopes.count() == 0 && selector.is_none_or(Vec::is_empty);
    };
    scopes.clone().all(|scope| in_scope(pod, scope, "Exists", &[]))
        && selector.into_iter().flatten().all(|requirement| {
            let values = requirement.values.as_deref().unwrap_or_default();
            in_scope(pod, &requirement.scope_name, &requirement.operator, values)
        })
}

fn in_scope(pod: &Pod, scope: &str, operator: &str, values: &[String]) -> bool {
    let best_effort = pod.status.qos_class.as_deref() == Some("BestEffort");
    let class = pod.spec.priority_class_name.as_deref().unwrap_or_default();
    match scope {
        "Terminating" => pod.spec.active_deadline_seconds.is_some(),
        "NotTerminating" => pod.spec.active_deadline_seconds.is_none(),
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => match operator {
            "Exists" => !class.is_empty(),
            "DoesNotExist" => class.is_empty(),
            "In" => values.iter().any(|value| value == class),
            "NotIn" => !values.iter().any(|value| value == class),
            _ => false,
        },
        "CrossNamespacePodAffinity" => reaches_other_namespaces(pod),
        _ => false,
    }
}

fn reaches_other_namespaces(pod: &Pod) -> bool {
    let Some(affinity) = &pod.spec.affinity else { return false };
    let tree = crate::api::typed::write(affinity);
    let far = |term: &Value| {
        term.get("namespaces").is_some_and(Value::is_array)
            || term.get("namespaceSelector").is_some_and(Value::is_object)
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let terms = |when: &str| tree[*kind][when].as_array().cloned().unwrap_or_default();
        terms("requiredDuringSchedulingIgnoredDuringExecution").iter().any(far)
            || terms("preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .any(|term| far(&term["podAffinityTerm"]))
    })
}
