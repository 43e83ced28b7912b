//! The rules of requests and limits.

use super::at::{At, Errors};
use super::text;
use crate::api::field_error::quoted;
use crate::api::quantity::{self, Parsed};

/// Resources that a container has by nature.
const OF_CONTAINERS: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];

/// Resources that Kubernetes counts, besides those of containers: as names of quotas.
const OF_QUOTAS: [&str; 19] = [
    "configmaps",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "cpu",
    "memory",
    "ephemeral-storage",
];

/// Names of quotas that are counts: whole numbers.
const COUNTS: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

fn is_of_container(name: &str) -> bool {
    OF_CONTAINERS.contains(&name) || is_huge_page(name)
}

fn is_standard(name: &str) -> bool {
    is_of_container(name) || is_of_quota(name) || name == "storage"
}

/// Whether Kubernetes itself knows the resource: no domain, or one of its own.
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource is one that a device plugin or an operator brings along: whole units, under a domain.
pub fn is_extended(name: &str) -> bool {
    text::is_extended_resource(name) && text::qualified_name(&format!("requests.{name}")).is_empty()
}

/// Whether less can be asked of it than a container may use.
pub fn overcommits(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// The quantity at a place; zero where there is none.
pub fn amount(at: &At) -> Parsed {
    quantity::parse(at.text()).unwrap_or_default()
}

/// A resource's name: one that Kubernetes knows, or one under a domain. Whether it is.
pub fn validate_name(at: &At, name: &str, errors: &mut Errors) -> bool {
    let before = errors.len();
    errors.text_as(at, name, text::qualified_name);
    if errors.len() == before && !name.contains('/') && !is_standard(name) {
        errors.invalid_as(at, &quoted(name), "must be a standard resource type or fully qualified");
    }
    errors.len() == before
}

/// An amount may not be negative (`ValidateNonnegativeQuantity`).
pub fn validate_nonnegative(at: &At, errors: &mut Errors) {
    if amount(at).sign() < 0 {
        errors.invalid(at, "must be greater than or equal to 0");
    }
}

/// The same, and of what comes in units it must be whole.
pub fn validate_amount(at: &At, name: &str, errors: &mut Errors) {
    validate_nonnegative(at, errors);
    let amount = amount(at);
    let whole = COUNTS.contains(&name) || name.starts_with("count/") || is_extended(name);
    if whole && amount.milli() % 1_000 != 0 {
        errors.invalid(at, "must be an integer");
    }
}

/// A name of a resource that a container may ask for.
pub fn validate_container_name(at: &At, name: &str, errors: &mut Errors) {
    validate_name(at, name, errors);
    if !name.contains('/') {
        if !is_of_container(name) {
            errors.invalid_as(at, &quoted(name), "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.invalid_as(at, &quoted(name), "doesn't follow extended resource name standard");
    }
}

fn validate_pod_name(at: &At, name: &str, errors: &mut Errors) {
    if validate_name(at, name, errors) && !matches!(name, "cpu" | "memory") && !is_huge_page(name) {
        errors.unsupported(&at.with(&name.into()), &["cpu", "hugepages-", "memory"]);
    }
}

/// The requests and limits of a container.
pub fn validate_container(resources: &At, claims: &[&str], errors: &mut Errors) {
    validate(resources, validate_container_name, errors);
    validate_claims(&resources.get("claims"), claims, errors);
}

fn validate(resources: &At, name_rule: fn(&At, &str, &mut Errors), errors: &mut Errors) {
    let (limits, requests) = (resources.get("limits"), resources.get("requests"));
    for name in limits.keys() {
        let at = limits.key(name);
        name_rule(&at, name, errors);
        validate_amount(&at, name, errors);
        validate_pages(&at, name, errors);
    }
    for name in requests.keys() {
        let (at, limit) = (requests.key(name), limits.key(name));
        name_rule(&at, name, errors);
        validate_amount(&at, name, errors);
        let (request, most) = (amount(&at), amount(&limit));
        if limit.is_set() {
            let shown = at.shown();
            if request != most && !overcommits(name) {
                let why = format!("must be equal to {name} limit of {}", limit.text());
                errors.invalid_as(&requests, &shown, &why);
            } else if request > most {
                let why = format!("must be less than or equal to {name} limit of {}", limit.text());
                errors.invalid_as(&requests, &shown, &why);
            }
        } else if !overcommits(name) {
            errors.required(&limits, "Limit must be set for non overcommitable resources");
        }
        validate_pages(&at, name, errors);
    }
    let any = |wanted: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(wanted);
    if any(is_huge_page) && !any(|name| matches!(name, "cpu" | "memory")) {
        errors.forbidden(resources, "HugePages require cpu or memory");
    }
}

/// Huge pages come whole.
fn validate_pages(at: &At, name: &str, errors: &mut Errors) {
    let Some(size) = name.strip_prefix("hugepages-") else { return };
    let size = quantity::parse(size).unwrap_or_default().milli();
    if size <= 0 || size % 1_000 != 0 || amount(at).milli() % size != 0 {
        errors.invalid(at, &format!("{} is not positive integer multiple of {name}", at.text()));
    }
}

/// `validateResourceClaimNames`.
fn validate_claims(claims: &At, known: &[&str], errors: &mut Errors) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for claim in claims.items() {
        let (name, request) = (claim.get("name").text(), claim.get("request"));
        if name.is_empty() {
            errors.required(&claim, "");
            continue;
        }
        // A claim as a whole takes all its requests.
        if seen.contains(&(name, "")) || request.is_empty() && seen.iter().any(|(other, _)| *other == name) {
            errors.duplicate_as(&claim, &quoted(name));
        } else if !request.is_empty() {
            errors.text(&request, text::dns_label);
            if seen.contains(&(name, request.text())) {
                errors.duplicate_as(&claim, &quoted(&format!("{name}/{}", request.text())));
            }
        }
        seen.push((name, request.text()));
        if !known.contains(&name) {
            let mut list = known.to_vec();
            crate::api::sorting::sort_by(&mut list, |a, b| a.cmp(b));
            list.dedup();
            list.retain(|name| !name.is_empty());
            let list =
                if list.is_empty() { " which is empty".into() } else { format!(": {}", list.join(", ")) };
            let among = format!("must be one of the names in pod.spec.resourceClaims{list}");
            errors.not_found_in(&claim, name, &among);
        }
    }
}

/// The requests and limits of a pod as a whole, which must have room for what its containers ask (`validatePodResources`).
pub fn validate_pod(spec: &At, errors: &mut Errors) {
    let resources = spec.get("resources");
    if !resources.is_set() {
        return;
    }
    if resources.get("claims").is_set() {
        errors.forbidden(&resources.get("claims"), "claims cannot be set for Resources at pod-level");
    }
    validate(&resources, validate_pod_name, errors);
    let requests = resources.get("requests");
    for (name, total, like) in asked_together(spec) {
        let at = requests.key(name);
        if at.is_set() && total > amount(&at) {
            let why = format!(
                "must be greater than or equal to aggregate container requests of {}",
                total.format_like(like)
            );
            errors.invalid(&at, &why);
        }
    }
    let (limits, containers) = (resources.get("limits"), spec.get("containers"));
    for (index, container) in containers.items().enumerate() {
        let of_container = container.get("resources.limits");
        for name in of_container.keys() {
            let (limit, most) = (of_container.key(name), limits.key(name));
            if most.is_set() && amount(&limit) > amount(&most) {
                // The place is upstream's own.
                let list = resources.named("containers");
                let at = list.index(index);
                let at = at.key(name);
                let why = format!("must be less than or equal to pod limits of {}", most.text());
                errors.invalid_as(&at.named("limits"), &limit.shown(), &why);
            }
        }
    }
}

/// What containers ask together of what a pod may ask as a whole: all that run at once, or the init container that asks most
/// (`AggregateContainerRequests`): the name, the sum, and an amount that is written as the sum is to be.
pub fn asked_together<'v>(spec: &At<'_, 'v>) -> Vec<(&'v str, Parsed, &'v str)> {
    let (containers, init) = (spec.get("containers"), spec.get("initContainers"));
    let sidecar = |container: &At| container.get("restartPolicy").text() == "Always";
    let of = |container: &At, name: &str| amount(&container.get("resources.requests").key(name));
    let mut names: Vec<&str> = Vec::new();
    for container in containers.items().chain(init.items()) {
        names.extend(container.get("resources.requests").keys());
    }
    crate::api::sorting::sort_by(&mut names, |a, b| a.cmp(b));
    names.dedup();
    names.retain(|name| matches!(*name, "cpu" | "memory") || is_huge_page(name));
    let total = |name: &&'v str| {
        let (mut sidecars, mut most) = (Parsed::default(), Parsed::default());
        for container in init.items() {
            let asked = of(&container, name).plus(sidecars);
            if sidecar(&container) {
                sidecars = asked;
            }
            most = most.max(asked);
        }
        let running = containers.items().fold(sidecars, |sum, container| sum.plus(of(&container, name)));
        let all =
            spec.get("containers").value().as_array().into_iter().chain(init.value().as_array()).flatten();
        let like = all.filter_map(|container| container["resources"]["requests"][*name].as_str()).next();
        (*name, running.max(most), like.unwrap_or_default())
    };
    names.iter().map(total).collect()
}

/// Whether quotas know the resource by itself, without a domain.
pub fn is_of_quota(name: &str) -> bool {
    OF_QUOTAS.contains(&name) || is_huge_page(name) || name.starts_with("requests.hugepages-")
}

/// The names that quotas may limit.
pub fn validate_quota_name(at: &At, name: &str, errors: &mut Errors) {
    validate_name(at, name, errors);
    if !name.contains('/') && !is_of_quota(name) {
        errors.invalid_as(at, &quoted(name), "must be a standard resource for quota");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::validation::at::check;

    #[test]
    fn huge_pages_come_whole_and_with_something_else() {
        let container: fn(&At, &mut Errors) = |at, errors| validate_container(at, &["b"], errors);
        let limits = json!({"limits": {"cpu": "1", "hugepages-2Mi": "3Mi"}});
        check(
            container,
            &limits,
            &[
                "limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi",
            ],
        );
        check(
            container,
            &json!({"claims": [{"name": "a"}, {"name": "b", "request": "c"}, {"name": "b"}]}),
            &[
                "claims[0]: Not found: \"a\": must be one of the names in pod.spec.resourceClaims: b",
                "claims[2]: Duplicate value: \"b\"",
            ],
        );
    }

    #[test]
    fn a_pod_has_room_for_what_its_containers_ask() {
        let asks = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let spec = json!({
            "resources": {"requests": {"cpu": "1"}},
            "containers": [asks("600m")], "initContainers": [asks("1"), asks("2")],
        });
        check(
            validate_pod,
            &spec,
            &[
                "resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2",
            ],
        );
    }
}
