//! The rules of requests and limits.

use super::at::{At, Errors};
use super::text;
use crate::api::field_error::quoted;
use crate::api::quantity::{self, Parsed};

/// Resources that a container has by nature.
const OF_CONTAINERS: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];

/// Resources that Kubernetes counts, besides those of containers: as names of quotas.
const OF_QUOTAS: [&str; 18] = [
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
    "storage",
    "cpu",
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
    is_of_container(name) || OF_QUOTAS.contains(&name) || name.starts_with("requests.hugepages-")
}

/// Whether Kubernetes itself knows the resource: no domain, or one of its own.
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource is one that a device plugin or an operator brings along: whole units, under a domain.
pub fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && text::qualified_name(&format!("requests.{name}")).is_empty()
}

fn overcommits(name: &str) -> bool {
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

/// An amount may not be negative, and of what comes in units it must be whole.
pub fn validate_amount(at: &At, name: &str, errors: &mut Errors) {
    let amount = amount(at);
    if amount.sign() < 0 {
        errors.invalid(at, "must be greater than or equal to 0");
    }
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
    }
    let any = |wanted: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(wanted);
    if any(is_huge_page) && !any(|name| matches!(name, "cpu" | "memory")) {
        errors.forbidden(resources, "HugePages require cpu or memory");
    }
}

fn validate_claims(claims: &At, known: &[&str], errors: &mut Errors) {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for claim in claims.items() {
        let (name, request) = (claim.get("name"), claim.get("request").text());
        if errors.require(&name) {
            continue;
        }
        if seen.contains(&(name.text(), request)) {
            errors.duplicate(&claim);
        }
        seen.push((name.text(), request));
        if !known.contains(&name.text()) {
            errors.not_found(&name);
        }
    }
}

/// The requests and limits of a pod as a whole, which must have room for what its containers ask.
pub fn validate_pod(spec: &At, errors: &mut Errors) {
    let resources = spec.get("resources");
    if !resources.is_set() {
        return;
    }
    validate(&resources, validate_pod_name, errors);
    let containers = spec.get("containers");
    let requests = resources.get("requests");
    for name in requests.keys() {
        let at = requests.key(name);
        let total = containers.items().map(|c| amount(&c.get("resources.requests").key(name)));
        let total = total.fold(Parsed::default(), Parsed::plus);
        if total > amount(&at) {
            let why = format!(
                "must be greater than or equal to aggregate container requests of {}",
                total.format_like(at.text())
            );
            errors.invalid(&at, &why);
        }
    }
    let limits = resources.get("limits");
    for name in limits.keys() {
        let most = limits.key(name);
        for list in [containers, spec.get("initContainers")] {
            for container in list.items() {
                let of_container = container.get("resources.limits");
                let limit = of_container.key(name);
                if limit.is_set() && amount(&limit) > amount(&most) {
                    let why = format!("must be less than or equal to pod limits of {}", most.text());
                    errors.invalid(&limit, &why);
                }
            }
        }
    }
}

/// The names that quotas may limit.
pub fn validate_quota_name(at: &At, name: &str, errors: &mut Errors) {
    if name.starts_with("count/") {
        return;
    }
    validate_name(at, name, errors);
    let standard = OF_QUOTAS.contains(&name)
        || matches!(name, "memory" | "ephemeral-storage")
        || is_huge_page(name)
        || name.starts_with("requests.hugepages-");
    if !name.contains('/') && !standard {
        errors.invalid_as(at, &quoted(name), "must be a standard resource for quota");
    }
}
