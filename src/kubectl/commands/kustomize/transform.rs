//! What a kustomization does to objects: patches, names, labels, images, and the references that follow a name.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Resource, documents, file, join};
use crate::api::Kind;
use crate::api::patch::{json_merge, json_patch, strategic};
use crate::api::regexp::Regexp;
use crate::api::selector::Selector;
use crate::api::sha256;
use crate::kubectl::print::fields::{Fields, slot};
use crate::kubectl::print::json::go_json;

/// Where the pods of a workload are described.
fn template_path(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Pod" => "",
        "CronJob" => "/spec/jobTemplate/spec/template",
        "Deployment"
        | "ReplicaSet"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "ReplicationController"
        | "PodTemplate" => "/spec/template",
        _ => return None,
    })
}

/// Does to objects what a kustomization says, in kustomize's order.
pub fn transform(
    spec: &Value,
    directory: &str,
    files: &BTreeMap<String, String>,
    all: &mut Vec<Resource>,
) -> Result<(), String> {
    patches(spec, directory, files, all)?;
    let namespace = spec.text("namespace");
    for resource in all.iter_mut() {
        if !namespace.is_empty() {
            set_namespace(resource, namespace);
        }
        let (prefix, suffix) = (spec.text("namePrefix"), spec.text("nameSuffix"));
        let keeps = ["CustomResourceDefinition", "APIService", "Namespace"].contains(&resource.kind());
        if !keeps && (!prefix.is_empty() || !suffix.is_empty()) {
            let name = format!("{prefix}{}{suffix}", resource.value.text("metadata.name"));
            resource.rename(name);
        }
        if let Some(labels) = spec["commonLabels"].as_object() {
            label(&mut resource.value, labels, true, true);
        }
        for set in spec.list("labels") {
            let selectors = set["includeSelectors"] == true;
            if let Some(labels) = set["pairs"].as_object() {
                label(&mut resource.value, labels, selectors, selectors || set["includeTemplates"] == true);
            }
        }
        if let Some(annotations) = spec["commonAnnotations"].as_object() {
            annotate(&mut resource.value, annotations);
        }
        for count in spec.list("replicas") {
            let counted = ["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"]
                .contains(&resource.kind());
            if counted && resource.names.iter().any(|name| name == count.text("name")) {
                *slot(&mut resource.value, ["spec", "replicas"]) = count["count"].clone();
            }
        }
        for image in spec.list("images") {
            set_image(&mut resource.value, image);
        }
    }
    refer(all);
    Ok(())
}

fn set_namespace(resource: &mut Resource, namespace: &str) {
    let value = &mut resource.value;
    let api_version = value.text("apiVersion").to_string();
    let known = Kind::from_manifest(&api_version, value.text("kind"));
    if value.text("kind") == "Namespace" {
        return resource.rename(namespace.to_string());
    }
    if known.is_none_or(|kind| kind.info().namespaced) {
        *slot(value, ["metadata", "namespace"]) = namespace.into();
    }
    if value.text("kind").ends_with("RoleBinding") {
        for subject in value.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
            if subject.text("kind") == "ServiceAccount"
                && (subject.text("name") == "default" || !subject.text("namespace").is_empty())
            {
                subject["namespace"] = namespace.into();
            }
        }
    }
}

fn put_all(value: &mut Value, pointer: &str, pairs: &Map<String, Value>) {
    let at = slot(value, pointer.split('/').filter(|part| !part.is_empty()));
    if !at.is_object() {
        *at = json!({});
    }
    for (key, text) in pairs {
        at[key] = text.clone();
    }
}

/// Labels an object, what it makes, and what it selects by.
fn label(value: &mut Value, labels: &Map<String, Value>, selectors: bool, templates: bool) {
    put_all(value, "/metadata/labels", labels);
    let kind = value.text("kind").to_string();
    if let Some(path) = template_path(&kind).filter(|path| !path.is_empty() && templates) {
        put_all(value, &format!("{path}/metadata/labels"), labels);
    }
    if !selectors {
        return;
    }
    match kind.as_str() {
        "Service" | "ReplicationController" if value["spec"]["selector"].is_object() => {
            put_all(value, "/spec/selector", labels);
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
            put_all(value, "/spec/selector/matchLabels", labels)
        }
        "PodDisruptionBudget" if value["spec"]["selector"].is_object() => {
            put_all(value, "/spec/selector/matchLabels", labels);
        }
        "NetworkPolicy" if value["spec"]["podSelector"]["matchLabels"].is_object() => {
            put_all(value, "/spec/podSelector/matchLabels", labels);
        }
        _ => {}
    }
    if kind == "StatefulSet" {
        for claim in value
            .pointer_mut("/spec/volumeClaimTemplates")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            put_all(claim, "/metadata/labels", labels);
        }
    }
}

fn annotate(value: &mut Value, annotations: &Map<String, Value>) {
    put_all(value, "/metadata/annotations", annotations);
    let kind = value.text("kind").to_string();
    if let Some(path) = template_path(&kind).filter(|path| !path.is_empty()) {
        put_all(value, &format!("{path}/metadata/annotations"), annotations);
    }
}

fn set_image(value: &mut Value, image: &Value) {
    let kind = value.text("kind").to_string();
    let Some(path) = template_path(&kind) else { return };
    for list in ["containers", "initContainers"] {
        let containers = value.pointer_mut(&format!("{path}/spec/{list}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let now = container.text("image").to_string();
            let (base, digest) = now.split_once('@').unwrap_or((&now, ""));
            let (name, tag) = match base.rsplit_once(':') {
                Some((name, tag)) if !tag.contains('/') => (name, tag),
                _ => (base, ""),
            };
            if name != image.text("name") {
                continue;
            }
            let new_name = image.text_or("newName", name);
            let tail = match (scalar(&image["newTag"]), image.text("digest")) {
                (_, new) if !new.is_empty() => format!("@{new}"),
                (Some(new), _) => format!(":{new}"),
                _ if !digest.is_empty() => format!("@{digest}"),
                _ if !tag.is_empty() => format!(":{tag}"),
                _ => String::new(),
            };
            container["image"] = format!("{new_name}{tail}").into();
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `patches`, and the two older lists of them.
fn patches(
    spec: &Value,
    directory: &str,
    files: &BTreeMap<String, String>,
    all: &mut Vec<Resource>,
) -> Result<(), String> {
    let text_of = |path: &str| {
        let place = join(directory, path);
        file(&place, files).cloned().ok_or_else(|| format!("failed to get the patch file from path({path}): evalsymlink failure on '{place}' : lstat {place}: no such file or directory"))
    };
    let mut list: Vec<(String, Value)> = Vec::new();
    for text in spec.texts("patchesStrategicMerge") {
        let inline = text.contains('\n');
        list.push((if inline { text.to_string() } else { text_of(text)? }, Value::Null));
    }
    for patch in spec.list("patches").iter().chain(spec.list("patchesJson6902")) {
        let text = match patch.text("path") {
            "" => patch.text("patch").to_string(),
            path => text_of(path)?,
        };
        list.push((text, patch["target"].clone()));
    }
    for (text, target) in list {
        for patch in documents(&text, "patch")? {
            apply(&patch, &target, all)?;
        }
        // A JSON patch is a list, which is no object of a manifest.
        if text.trim_start().starts_with(['-', '[']) {
            let stream = crate::api::manifest::parse(&text, &crate::api::manifest::Limits::default());
            if let Some(document) = stream.documents.first() {
                apply(&document.root.to_value(), &target, all)?;
            }
        }
    }
    Ok(())
}

fn is_meant(resource: &Resource, target: &Value) -> bool {
    let value = &resource.value;
    let whole = |wanted: &str, text: &str| {
        wanted.is_empty()
            || Regexp::new(&format!("^(?:{wanted})$")).is_ok_and(|pattern| pattern.is_match(text))
    };
    let (group, version) =
        value.text("apiVersion").rsplit_once('/').unwrap_or(("", value.text("apiVersion")));
    let labels = Selector::parse(target.text("labelSelector"));
    whole(target.text("kind"), value.text("kind"))
        && resource.names.iter().any(|name| whole(target.text("name"), name))
        && whole(target.text("namespace"), value.text("metadata.namespace"))
        && whole(target.text("group"), group)
        && whole(target.text("version"), version)
        && labels.is_ok_and(|selector| selector.matches(&value.map("metadata.labels")))
}

fn apply(patch: &Value, target: &Value, all: &mut Vec<Resource>) -> Result<(), String> {
    if !patch.is_array() && !patch.is_object() {
        return Ok(());
    }
    let own = json!({"kind": patch["kind"], "name": patch["metadata"]["name"]});
    let aim = if target.is_object() { target } else { &own };
    let places: Vec<usize> = (0..all.len()).filter(|at| is_meant(&all[*at], aim)).collect();
    if places.is_empty() && !target.is_object() {
        let name = patch.text("metadata.name");
        return Err(format!(
            "no matches for Id {}.[noGrp]/{name}.[noNs]; failed to find unique target for patch",
            patch.text("kind")
        ));
    }
    let mut gone = Vec::new();
    for at in places {
        let resource = &mut all[at];
        let kind = Kind::from_manifest(resource.value.text("apiVersion"), resource.kind());
        if patch.is_array() {
            resource.value = json_patch::apply(&resource.value, patch)?;
            continue;
        }
        if patch["$patch"] == "delete" {
            gone.push(at);
            continue;
        }
        let name = resource.value["metadata"]["name"].clone();
        match kind {
            Some(kind) => resource.value = strategic::apply(kind, &resource.value, patch)?,
            None => json_merge(&mut resource.value, patch),
        }
        *slot(&mut resource.value, ["metadata", "name"]) = name;
    }
    gone.into_iter().rev().for_each(|at| {
        all.remove(at);
    });
    Ok(())
}

/// Puts the hashes behind the names of what generators made.
pub fn hash(all: &mut [Resource]) {
    for resource in all.iter_mut().filter(|resource| resource.hashed) {
        let value = &resource.value;
        let name = value.text("metadata.name").to_string();
        let data = if value["data"].as_object().is_none_or(Map::is_empty) {
            json!("")
        } else {
            value["data"].clone()
        };
        let mut hashed = json!({"data": data, "kind": value["kind"], "name": name});
        if value.text("kind") == "Secret" {
            hashed["type"] = value["type"].clone();
        }
        let end = sha256::name_hash(&go_json(&hashed));
        resource.rename(format!("{name}-{end}"));
    }
}

/// Has every reference follow the name of what it refers to.
pub fn refer(all: &mut [Resource]) {
    let renamed: Vec<(String, Vec<String>)> = all
        .iter()
        .filter(|it| it.names.len() > 1)
        .map(|it| (it.kind().to_string(), it.names.clone()))
        .collect();
    let new_name = |kind: &str, old: &str| {
        let found = renamed
            .iter()
            .find(|(of, names)| of == kind && names[..names.len() - 1].iter().any(|name| name == old));
        found.and_then(|(_, names)| names.last().cloned())
    };
    for resource in all.iter_mut() {
        walk(&mut resource.value, "", &new_name);
    }
}

/// The kind that a field named so, within one named so, refers to.
fn referred(field: &str, inside: &str) -> Option<&'static str> {
    Some(match (inside, field) {
        ("configMap" | "configMapRef" | "configMapKeyRef", "name") => "ConfigMap",
        ("secretRef" | "secretKeyRef", "name") | (_, "secretName") => "Secret",
        ("imagePullSecrets", "name") | ("secret", "name") => "Secret",
        (_, "serviceAccountName" | "serviceAccount") => "ServiceAccount",
        (_, "claimName") => "PersistentVolumeClaim",
        (_, "serviceName") | ("service", "name") => "Service",
        (_, "priorityClassName") => "PriorityClass",
        (_, "ingressClassName") => "IngressClass",
        (_, "storageClassName") => "StorageClass",
        _ => return None,
    })
}

fn walk(value: &mut Value, inside: &str, new_name: &dyn Fn(&str, &str) -> Option<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, inside, new_name)),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default().to_string();
            for (field, value) in fields.iter_mut() {
                let by_kind = matches!(inside, "scaleTargetRef" | "roleRef" | "subjects") && field == "name";
                let of = if by_kind { Some(kind.as_str()) } else { referred(field, inside) };
                match (of, &*value) {
                    (Some(of), Value::String(old)) => {
                        if let Some(new) = new_name(of, old) {
                            *value = new.into();
                        }
                    }
                    _ => walk(value, field, new_name),
                }
            }
        }
        _ => {}
    }
}
