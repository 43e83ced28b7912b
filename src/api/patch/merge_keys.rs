//! How the lists of built-in kinds merge: what the `patchStrategy` and `patchMergeKey` tags of the Go types say.

use crate::api::Kind;

/// How a patch changes a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRule {
    /// The patch's list replaces the old one.
    Atomic,
    /// Items are maps, told apart by this field; equal ones merge.
    MergeBy(&'static str),
    /// Items are plain values; the lists are united.
    Set,
}

/// How the list at a path of field names (no indices, no map keys) merges.
///
/// `["spec", "template", "spec", "containers"]` merges by `name`, the `ports` of a container by `containerPort`, the
/// `ports` of a Service by `port`.
pub fn list_rule(kind: Kind, path: &[String]) -> ListRule {
    let name = |back: usize| {
        path.len().checked_sub(back).and_then(|at| path.get(at)).map(String::as_str).unwrap_or("")
    };
    let (field, parent) = (name(1), name(2));
    let in_container = matches!(parent, "containers" | "initContainers" | "ephemeralContainers");
    match (parent, field) {
        ("metadata", "ownerReferences") => ListRule::MergeBy("uid"),
        ("metadata", "finalizers") => ListRule::Set,
        ("status", "conditions") => ListRule::MergeBy("type"),
        ("status", "podIPs" | "hostIPs") => ListRule::MergeBy("ip"),
        ("status", "addresses") if kind == Kind::NODE => ListRule::MergeBy("type"),
        ("status", "volumesAttached") => ListRule::Atomic,
        ("spec", "podCIDRs") if kind == Kind::NODE => ListRule::Set,
        ("spec", "ports") if kind == Kind::SERVICE => ListRule::MergeBy("port"),
        ("", "secrets" | "imagePullSecrets") if kind == Kind::SERVICE_ACCOUNT => ListRule::MergeBy("name"),
        ("", "webhooks") => ListRule::MergeBy("name"),
        ("spec", _) => pod_spec_rule(field),
        _ if in_container => container_rule(field),
        _ => ListRule::Atomic,
    }
}

fn pod_spec_rule(field: &str) -> ListRule {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "imagePullSecrets"
        | "schedulingGates"
        | "resourceClaims" => ListRule::MergeBy("name"),
        "hostAliases" => ListRule::MergeBy("ip"),
        "topologySpreadConstraints" => ListRule::MergeBy("topologyKey"),
        _ => ListRule::Atomic,
    }
}

fn container_rule(field: &str) -> ListRule {
    match field {
        "ports" => ListRule::MergeBy("containerPort"),
        "env" => ListRule::MergeBy("name"),
        "volumeMounts" => ListRule::MergeBy("mountPath"),
        "volumeDevices" => ListRule::MergeBy("devicePath"),
        _ => ListRule::Atomic,
    }
}

/// Whether a change of the map at the path says which of its keys stay (`patchStrategy: retainKeys`): a union, of
/// which only one member may be set.
pub fn retains_keys(kind: Kind, path: &[String]) -> bool {
    match path.last().map(String::as_str) {
        Some("strategy") => kind == Kind::DEPLOYMENT && path.len() == 2,
        Some("volumes" | "resourceClaims") => path.len() >= 2 && path[path.len() - 2] == "spec",
        _ => false,
    }
}
