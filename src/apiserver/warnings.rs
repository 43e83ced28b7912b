//! What the API server warns a user of in objects that it takes all the same (`pkg/api/pod/warnings.go` and its kin).

use super::admission::{Asked, pod_security_warning, policy_warnings};
use super::validation::at::At;
use super::validation::text;
use super::{Actor, ApiServer, Origin, View};
use crate::api::quantity;
use crate::api::{Kind, MetaExt, Object};

/// Labels of nodes that have other names now.
const OLD_NODE_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
];

impl ApiServer {
    /// Notes what a user should know of an object that is taken all the same. Components do not listen.
    pub(super) fn warn(&mut self, origin: &Origin, object: &Object, old: Option<&Object>) {
        if origin.actor == Actor::User {
            let view = self.store.view();
            self.warnings.extend(of(view, object, old));
            if origin.subresource.is_empty() {
                self.warnings.extend(policy_warnings(view, Asked::write(object, old)));
            }
        }
    }

    /// Notes something for the user.
    pub fn note_warning(&mut self, warning: &str) {
        self.warnings.push(warning.into());
    }

    /// What has been noted for the user since this was last asked.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}

/// The warnings about a new or changed object, without the word `Warning`.
pub fn of(view: &View, object: &Object, old: Option<&Object>) -> Vec<String> {
    if old.is_some_and(|old| object.same_spec(old)) {
        return Vec::new();
    }
    let value = object.to_value();
    let root = At::root(&value);
    let mut warnings = Vec::new();
    if old.is_none() {
        warn_of_name(object, &mut warnings);
    }
    match object.kind() {
        Kind::POD => warn_of_pod(&root, &mut warnings),
        Kind::DEPLOYMENT | Kind::REPLICA_SET | Kind::STATEFUL_SET | Kind::DAEMON_SET | Kind::JOB => {
            warn_of_pod(&root.get("spec.template"), &mut warnings);
        }
        Kind::CRON_JOB => warn_of_pod(&root.get("spec.jobTemplate.spec.template"), &mut warnings),
        Kind::SERVICE => warn_of_service(&root.get("spec"), &mut warnings),
        Kind::PERSISTENT_VOLUME => {
            let policy = root.get("spec.persistentVolumeReclaimPolicy");
            if policy.text() == "Recycle" {
                warnings.push(format!(
                    "{}: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
                    policy.path()
                ));
            }
        }
        Kind::INGRESS => {
            if object.annotation("kubernetes.io/ingress.class").is_some() {
                let class = "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
                warnings.push(class.into());
            }
        }
        Kind::ENDPOINTS => {
            warnings
                .push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into());
        }
        _ => return warnings,
    }
    warnings.extend(pod_security_warning(view, object));
    warnings
}

/// Names that do not do as parts of the names of pods and hosts.
fn warn_of_name(object: &Object, warnings: &mut Vec<String>) {
    let used = match object.kind() {
        Kind::POD => "in the Pod's hostname",
        Kind::DEPLOYMENT | Kind::REPLICA_SET | Kind::REPLICATION_CONTROLLER | Kind::JOB | Kind::CRON_JOB => {
            "in Pod names and hostnames"
        }
        _ => return,
    };
    let why = text::dns_label(object.name());
    if !why.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used {used}, which can result in surprising behavior; a DNS label is recommended: [{}]",
            why.join(" ")
        ));
    }
}

fn warn_of_pod(pod: &At, warnings: &mut Vec<String>) {
    let spec = pod.get("spec");
    let mut warn = |text: String| warnings.push(text);
    let selector = spec.get("nodeSelector");
    for (old, since, new) in OLD_NODE_LABELS {
        if selector.key(old).is_set() {
            warn(format!("{}: deprecated since {since}; use \"{new}\" instead", selector.key(old).path()));
        }
    }
    for volume in spec.get("volumes").items() {
        for (source, since) in [("gitRepo", "v1.11"), ("scaleIO", "v1.16")] {
            if volume.get(source).is_set() {
                warn(format!("{}: deprecated in {since}", volume.get(source).path()));
            }
        }
    }
    for secret in spec.get("imagePullSecrets").items() {
        if secret.get("name").is_empty() {
            warn(format!("{}: invalid empty name \"\"", secret.get("name").path()));
        }
    }
    let grace = spec.get("terminationGracePeriodSeconds");
    if grace.int() < 0 {
        warn(format!("{}: must be >= 0; negative values are invalid and will be treated as 1", grace.path()));
    }
    for constraint in spec.get("topologySpreadConstraints").items() {
        if !constraint.get("labelSelector").is_set() {
            let at = constraint.get("labelSelector").path();
            warn(format!("{at}: a null labelSelector results in matching no pod"));
        }
    }
    warn_of_affinity(&spec, &mut warn);
    for list in ["containers", "initContainers"] {
        for container in spec.get(list).items() {
            warn_of_container(&container, &mut warn);
        }
    }
}

fn warn_of_affinity(spec: &At, warn: &mut dyn FnMut(String)) {
    for kind in ["affinity.podAffinity", "affinity.podAntiAffinity"] {
        let affinity = spec.get(kind);
        let (required, preferred) = (
            affinity.get("requiredDuringSchedulingIgnoredDuringExecution"),
            affinity.get("preferredDuringSchedulingIgnoredDuringExecution"),
        );
        let mut check = |term: &At| {
            if !term.get("labelSelector").is_set() {
                let at = term.get("labelSelector").path();
                warn(format!("{at}: a null labelSelector results in matching no pod"));
            }
        };
        required.items().for_each(|term| check(&term));
        preferred.items().for_each(|term| check(&term.get("podAffinityTerm")));
    }
}

fn warn_of_container(container: &At, warn: &mut dyn FnMut(String)) {
    for list in ["resources.limits", "resources.requests"] {
        let amounts = container.get(list);
        for name in ["memory", "ephemeral-storage"] {
            let at = amounts.key(name);
            if quantity::parse(at.text()).is_some_and(|amount| amount.milli() % 1_000 != 0) {
                warn(format!(
                    "{}: fractional byte value {:?} is invalid, must be an integer",
                    at.path(),
                    at.text()
                ));
            }
        }
    }
    let vars = container.get("env");
    for (index, var) in vars.items().enumerate() {
        let name = var.get("name").text();
        if vars.items().take(index).any(|earlier| earlier.get("name").text() == name) {
            warn(format!(
                "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                var.path()
            ));
        }
    }
    let ports = container.get("ports");
    let key = |port: &At| (port.get("containerPort").int(), port.get("protocol").text().to_string());
    for (index, port) in ports.items().enumerate() {
        if let Some(earlier) = ports.items().take(index).find(|earlier| key(earlier) == key(&port)) {
            warn(format!("{}: duplicate port definition with {}", port.path(), earlier.path()));
        }
    }
}

fn warn_of_service(spec: &At, warnings: &mut Vec<String>) {
    if !spec.get("externalName").is_empty() && spec.get("type").text() != "ExternalName" {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if spec.get("clusterIP").text() == "None" {
        if spec.get("sessionAffinity").text() == "ClientIP" {
            warnings.push("spec.SessionAffinity is ignored for headless services".into());
        }
        if !spec.get("loadBalancerIP").is_empty() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".into());
        }
    }
}
