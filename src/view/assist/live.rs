//! Values that the cluster and the rest of the text know: which field takes which of them.

use serde_json::Value;

use super::text::{self, Text, walk};
use super::{Suggestion, What};
use crate::api::schema::Place;
use crate::api::{Key, Kind, MetaExt};
use crate::apiserver::View;

/// More objects than this are not looked through for labels.
const OBJECTS_MAX: usize = 2_000;

/// What there is around a caret.
pub(super) struct Surroundings<'a> {
    pub view: &'a View,
    pub text: Text,
    /// The namespace that the object at the caret is in, or will be.
    pub namespace: String,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(text: &str, offset: usize, view: &'a View, namespace: &str) -> Surroundings<'a> {
        let text = text::read(text, offset);
        let own = text.own()["metadata"]["namespace"].as_str();
        Surroundings { view, namespace: own.unwrap_or(namespace).to_string(), text }
    }
}

/// Where the values of a field come from.
enum Source {
    /// Names of objects of a kind, in the same namespace if they live in one.
    Named(Kind),
    /// Names of objects of the kind that the field beside says.
    NamedBeside,
    /// Keys of the ConfigMap or Secret that is named beside, or around.
    KeysOf(Kind),
    KeysAround,
    /// Labels: keys, or behind a key its values. The kind that carries them.
    Labels(Kind),
    /// The labels that a selector of this kind of object selects by.
    Selected,
    /// What is named in taints: keys, or with a key beside its values.
    TaintKeys,
    TaintValues,
    /// Values of the label whose key is beside.
    NodeValues,
    SelectedValues,
    /// Names or numbers of the ports of the Service named around.
    PortsAround(&'static str),
    /// Names of the ports of containers.
    ContainerPorts,
    /// Names of the pod's volumes.
    Volumes,
    /// Images: those in use, and those whose sizes the nodes know.
    Images,
    /// Resources that nodes have.
    Resources,
    Words(&'static [&'static str]),
}

use Source::*;

const CLAIM: Kind = Kind::PERSISTENT_VOLUME_CLAIM;
const SCALABLE: &[&str] = &["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"];
const POD_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.labels",
    "metadata.annotations",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const CONTAINER_RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
];
/// Images whose sizes the nodes know.
const IMAGES: &[&str] = &[
    "nginx:1.27",
    "nginx:1.27-alpine",
    "httpd:2.4",
    "busybox:1.36",
    "alpine:3.20",
    "redis:7",
    "memcached:1.6",
    "haproxy:3.0",
    "postgres:16",
    "mysql:8.4",
    "mongo:7",
    "python:3.12",
    "node:22",
    "perl:5.34",
    "hello-world",
    "traefik/whoami:v1.10",
    "registry.k8s.io/pause:3.10",
    "registry.k8s.io/e2e-test-images/agnhost:2.53",
];

/// Which values go where: a type of the schema, its field, and where they come from.
#[rustfmt::skip]
const SOURCES: &[(&str, &str, Source)] = &[
    ("ConfigMapEnvSource", "name", Named(Kind::CONFIG_MAP)),
    ("ConfigMapKeySelector", "key", KeysOf(Kind::CONFIG_MAP)),
    ("ConfigMapKeySelector", "name", Named(Kind::CONFIG_MAP)),
    ("ConfigMapProjection", "name", Named(Kind::CONFIG_MAP)),
    ("ConfigMapVolumeSource", "name", Named(Kind::CONFIG_MAP)),
    ("Container", "image", Images),
    ("CrossVersionObjectReference", "kind", Words(SCALABLE)),
    ("CrossVersionObjectReference", "name", NamedBeside),
    ("HTTPGetAction", "port", ContainerPorts),
    ("IngressServiceBackend", "name", Named(Kind::SERVICE)),
    ("IngressSpec", "ingressClassName", Named(Kind::INGRESS_CLASS)),
    ("IngressTLS", "secretName", Named(Kind::SECRET)),
    ("KeyToPath", "key", KeysAround),
    ("LabelSelector", "matchLabels", Selected),
    ("LabelSelectorRequirement", "key", Selected),
    ("LabelSelectorRequirement", "values", SelectedValues),
    ("LocalObjectReference", "name", Named(Kind::SECRET)),
    ("NetworkPolicyPort", "port", ContainerPorts),
    ("NodeSelectorRequirement", "key", Labels(Kind::NODE)),
    ("NodeSelectorRequirement", "values", NodeValues),
    ("ObjectFieldSelector", "fieldPath", Words(POD_FIELDS)),
    ("ObjectMeta", "labels", Labels(Kind::POD)),
    ("ObjectMeta", "namespace", Named(Kind::NAMESPACE)),
    ("PersistentVolumeClaimSpec", "storageClassName", Named(Kind::STORAGE_CLASS)),
    ("PersistentVolumeClaimSpec", "volumeName", Named(Kind::PERSISTENT_VOLUME)),
    ("PersistentVolumeClaimVolumeSource", "claimName", Named(CLAIM)),
    ("PersistentVolumeSpec", "storageClassName", Named(Kind::STORAGE_CLASS)),
    ("PodAffinityTerm", "namespaces", Named(Kind::NAMESPACE)),
    ("PodAffinityTerm", "topologyKey", Labels(Kind::NODE)),
    ("PodSpec", "nodeName", Named(Kind::NODE)),
    ("PodSpec", "nodeSelector", Labels(Kind::NODE)),
    ("PodSpec", "priorityClassName", Named(Kind::PRIORITY_CLASS)),
    ("PodSpec", "runtimeClassName", Named(Kind::RUNTIME_CLASS)),
    ("PodSpec", "schedulerName", Words(&["default-scheduler"])),
    ("PodSpec", "serviceAccount", Named(Kind::SERVICE_ACCOUNT)),
    ("PodSpec", "serviceAccountName", Named(Kind::SERVICE_ACCOUNT)),
    ("ReplicationControllerSpec", "selector", Labels(Kind::POD)),
    ("ResourceFieldSelector", "resource", Words(CONTAINER_RESOURCES)),
    ("ResourceQuotaSpec", "hard", Words(&["count/deployments.apps", "limits.cpu", "limits.memory", "persistentvolumeclaims", "pods", "requests.cpu", "requests.memory", "requests.storage", "services"])),
    ("ResourceRequirements", "limits", Resources),
    ("ResourceRequirements", "requests", Resources),
    ("RoleRef", "apiGroup", Words(&["rbac.authorization.k8s.io"])),
    ("RoleRef", "kind", Words(&["ClusterRole", "Role"])),
    ("RoleRef", "name", NamedBeside),
    ("ScopedResourceSelectorRequirement", "values", Named(Kind::PRIORITY_CLASS)),
    ("SecretEnvSource", "name", Named(Kind::SECRET)),
    ("SecretKeySelector", "key", KeysOf(Kind::SECRET)),
    ("SecretKeySelector", "name", Named(Kind::SECRET)),
    ("SecretProjection", "name", Named(Kind::SECRET)),
    ("SecretVolumeSource", "secretName", Named(Kind::SECRET)),
    ("ServiceBackendPort", "name", PortsAround("name")),
    ("ServiceBackendPort", "number", PortsAround("port")),
    ("ServicePort", "targetPort", ContainerPorts),
    ("ServiceSpec", "selector", Labels(Kind::POD)),
    ("StatefulSetSpec", "serviceName", Named(Kind::SERVICE)),
    ("Subject", "kind", Words(&["Group", "ServiceAccount", "User"])),
    ("Subject", "name", NamedBeside),
    ("Subject", "namespace", Named(Kind::NAMESPACE)),
    ("TCPSocketAction", "port", ContainerPorts),
    ("Taint", "key", TaintKeys),
    ("Toleration", "key", TaintKeys),
    ("Toleration", "value", TaintValues),
    ("TopologySpreadConstraint", "topologyKey", Labels(Kind::NODE)),
    ("VolumeMount", "name", Volumes),
    ("VolumeResourceRequirements", "limits", Words(&["storage"])),
    ("VolumeResourceRequirements", "requests", Words(&["storage"])),
];

/// The kind of the objects that a field names.
pub(super) fn names(place: &Place<'_>, owner: &str, field: &str) -> Option<Kind> {
    match source(owner, field)? {
        Named(kind) => Some(*kind),
        NamedBeside => beside(place, "kind").and_then(kind_named),
        _ => None,
    }
}

fn source(owner: &str, field: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|(of, name, _)| *of == owner && *name == field).map(|(.., source)| source)
}

/// What could be the value of a field, or of a key of it where the field is a map: or such keys, where no key is given.
pub(super) fn values(
    around: &Surroundings<'_>,
    place: &Place<'_>,
    owner: &str,
    field: &str,
    key: Option<&str>,
) -> Vec<Suggestion> {
    let Some(source) = source(owner, field) else { return Vec::new() };
    let mut found = Found::default();
    let name_beside = beside(place, "name").or(beside(place, "secretName"));
    let name_around = of(&place.around, "name").or(of(&place.around, "secretName"));
    let selected = selected(place);
    match source {
        Words(words) if key.is_none() => words.iter().for_each(|word| found.add(word, "", false)),
        Words(_) => {}
        Named(kind) => around.names(*kind, &mut found),
        NamedBeside => {
            if let Some(kind) = beside(place, "kind").and_then(kind_named) {
                around.names(kind, &mut found);
            }
        }
        KeysOf(kind) => around.keys(*kind, name_beside, &mut found),
        KeysAround => {
            let holder = place.path.iter().rev().find(|step| matches!(step.as_str(), "configMap" | "secret"));
            let secret = holder.is_some_and(|step| step == "secret");
            around.keys(if secret { Kind::SECRET } else { Kind::CONFIG_MAP }, name_around, &mut found);
        }
        Labels(kind) => around.labels(*kind, key, &mut found),
        Selected => around.labels(selected, key, &mut found),
        NodeValues | SelectedValues => {
            let kind = if matches!(source, NodeValues) { Kind::NODE } else { selected };
            if let Some(key) = beside(place, "key") {
                around.labels(kind, Some(key), &mut found);
            }
        }
        TaintKeys => around.taints(None, &mut found),
        TaintValues => {
            if let Some(key) = beside(place, "key") {
                around.taints(Some(key), &mut found);
            }
        }
        PortsAround(part) => around.ports(name_around, part, &mut found),
        ContainerPorts => around.container_ports(&mut found),
        Volumes => around.volumes(&mut found),
        Images => around.images(&mut found),
        Resources if key.is_none() => around.resources(&mut found),
        Resources => {}
    }
    found.options
}

fn of<'t>(entries: &[(&'t str, &'t str)], key: &str) -> Option<&'t str> {
    entries.iter().find(|(known, _)| *known == key).map(|(_, value)| *value).filter(|value| !value.is_empty())
}

fn beside<'t>(place: &Place<'t>, key: &str) -> Option<&'t str> {
    of(&place.beside, key)
}

pub(super) fn kind_named(name: &str) -> Option<Kind> {
    Kind::all().find(|kind| kind.name() == name)
}

/// What the selectors of an object select.
fn selected(place: &Place<'_>) -> Kind {
    let steps = |name: &str| place.path.iter().any(|step| step == name);
    match place.kind {
        _ if steps("namespaceSelector") => Kind::NAMESPACE,
        "PersistentVolumeClaim" => Kind::PERSISTENT_VOLUME,
        _ if steps("volumeClaimTemplates") => Kind::PERSISTENT_VOLUME,
        "ClusterRole" => Kind::CLUSTER_ROLE,
        _ => Kind::POD,
    }
}

#[derive(Default)]
struct Found {
    options: Vec<Suggestion>,
}

impl Found {
    fn add(&mut self, label: &str, detail: &str, here: bool) {
        let new = self.options.len() < super::SUGGESTIONS_MAX
            && self.options.iter().all(|option| option.label != label);
        if new && !label.is_empty() {
            let (label, detail) = (label.to_string(), detail.to_string());
            self.options.push(Suggestion {
                label,
                detail,
                what: What::Object,
                here,
                ..Suggestion::default()
            });
        }
    }
}

impl Surroundings<'_> {
    /// The namespace in which objects of a kind are meant.
    pub(super) fn home(&self, kind: Kind) -> Option<&str> {
        kind.info().namespaced.then_some(self.namespace.as_str())
    }

    fn names(&self, kind: Kind, found: &mut Found) {
        let home = self.home(kind);
        for object in self.text.of(kind.name(), home) {
            found.add(object["metadata"]["name"].as_str().unwrap_or_default(), kind.name(), true);
        }
        for object in self.view.objects(kind, home).take(OBJECTS_MAX) {
            found.add(object.name(), kind.name(), false);
        }
    }

    /// An object as the cluster has it, or else as the text makes it.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<(Value, bool)> {
        let key = Key::new(kind, self.home(kind).unwrap_or_default(), name);
        if let Some(object) = self.view.object(&key) {
            return Some((object.to_value(), false));
        }
        let mut own = self.text.of(kind.name(), self.home(kind));
        own.find(|object| object["metadata"]["name"] == name).map(|object| (object.clone(), true))
    }

    fn keys(&self, kind: Kind, name: Option<&str>, found: &mut Found) {
        let Some((object, here)) = name.and_then(|name| self.find(kind, name)) else { return };
        for part in ["data", "stringData", "binaryData"] {
            for key in object[part].as_object().into_iter().flatten().map(|(key, _)| key) {
                found.add(key, name.unwrap_or_default(), here);
            }
        }
    }

    /// Keys of labels, or the values of one.
    fn labels(&self, kind: Kind, key: Option<&str>, found: &mut Found) {
        // Nodes are seldom made by the text that is typed; pods are, by their templates.
        if kind != Kind::NODE {
            self.text.objects.iter().for_each(|object| {
                walk(object, &mut |name, value| {
                    let carries = matches!(name, "labels" | "matchLabels" | "selector");
                    for (label, value) in value.as_object().into_iter().flatten().filter(|_| carries) {
                        let Some(value) = value.as_str() else { continue };
                        match key {
                            None => found.add(label, "", true),
                            Some(key) if key == label => found.add(value, "", true),
                            Some(_) => {}
                        }
                    }
                });
            });
        }
        for object in self.view.objects(kind, None).take(OBJECTS_MAX) {
            for (label, value) in object.labels() {
                match key {
                    None => found.add(label, kind.name(), false),
                    Some(key) if key == label => found.add(value, kind.name(), false),
                    Some(_) => {}
                }
            }
        }
    }

    fn taints(&self, key: Option<&str>, found: &mut Found) {
        for node in self.view.objects(Kind::NODE, None).take(OBJECTS_MAX) {
            for taint in node.part("spec")["taints"].as_array().into_iter().flatten() {
                let word = |name: &str| taint[name].as_str().unwrap_or_default();
                match key {
                    None => found.add(word("key"), node.name(), false),
                    Some(key) if key == word("key") => found.add(word("value"), node.name(), false),
                    Some(_) => {}
                }
            }
        }
    }

    fn ports(&self, service: Option<&str>, part: &str, found: &mut Found) {
        let Some((service, here)) = service.and_then(|name| self.find(Kind::SERVICE, name)) else { return };
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            let label = match &port[part] {
                Value::String(name) => name.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            let other = if part == "name" { &port["port"] } else { &port["name"] };
            let detail = other.as_str().map_or_else(|| other.to_string(), String::from);
            found.add(&label, if other.is_null() { "" } else { &detail }, here);
        }
    }

    fn container_ports(&self, found: &mut Found) {
        let mut see = |value: &Value, here: bool| {
            walk(value, &mut |name, value| {
                for port in value.as_array().into_iter().flatten().filter(|_| name == "ports") {
                    let number = port["containerPort"].as_u64().map(|number| number.to_string());
                    let Some(number) = number else { continue };
                    match port["name"].as_str() {
                        Some(name) => found.add(name, &number, here),
                        None => found.add(&number, "", here),
                    }
                }
            });
        };
        self.text.objects.iter().for_each(|object| see(object, true));
        for pod in self.view.objects(Kind::POD, self.home(Kind::POD)).take(OBJECTS_MAX / 10) {
            see(&pod.part("spec"), false);
        }
    }

    fn volumes(&self, found: &mut Found) {
        walk(self.text.own(), &mut |name, value| {
            for volume in value.as_array().into_iter().flatten() {
                match name {
                    "volumes" => found.add(volume["name"].as_str().unwrap_or_default(), "Volume", true),
                    "volumeClaimTemplates" => {
                        let name = volume["metadata"]["name"].as_str().unwrap_or_default();
                        found.add(name, "PersistentVolumeClaim", true);
                    }
                    _ => {}
                }
            }
        });
    }

    fn images(&self, found: &mut Found) {
        let mut see = |value: &Value, here: bool| {
            walk(value, &mut |name, value| {
                if name == "image" {
                    found.add(value.as_str().unwrap_or_default(), "", here);
                }
            });
        };
        self.text.objects.iter().for_each(|object| see(object, true));
        for pod in self.view.objects(Kind::POD, None).take(OBJECTS_MAX / 10) {
            see(&pod.part("spec"), false);
        }
        IMAGES.iter().for_each(|image| found.add(image, "", false));
    }

    fn resources(&self, found: &mut Found) {
        ["cpu", "memory", "ephemeral-storage"].iter().for_each(|name| found.add(name, "", false));
        for node in self.view.objects(Kind::NODE, None).take(OBJECTS_MAX) {
            let status = node.part("status");
            let names = status["allocatable"].as_object().into_iter().flatten().map(|(name, _)| name);
            names.filter(|name| *name != "pods").for_each(|name| found.add(name, node.name(), false));
        }
    }
}
