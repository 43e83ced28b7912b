//! Defaults of the kinds that are kept as trees (`pkg/apis/*/v1/defaults.go`).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::pod_template::default_template;
use crate::api::k8s::PodTemplateSpec;
use crate::api::manifest::base64;
use crate::api::{Object, typed};
use crate::apiserver::View;
use crate::rng::Rng;

type Fields = Map<String, Value>;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What Go holds by value is unset where it is empty.
fn default_text(fields: &mut Fields, name: &str, value: &str) {
    let text = fields.entry(name).or_insert_with(|| value.into());
    if text == ""
        && !matches!(name, "failurePolicy" | "matchPolicy" | "preemptionPolicy" | "reinvocationPolicy")
    {
        *text = value.into();
    }
}

/// The maps of a list under a name; none where there is no list.
fn maps<'a>(fields: &'a mut Fields, name: &str) -> impl Iterator<Item = &'a mut Fields> {
    let list = fields.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn spec(fields: &mut Fields) -> Option<&mut Fields> {
    fields.get_mut("spec")?.as_object_mut()
}

/// Of containers, the limit is the maximum unless said otherwise, and the request the limit, or else the minimum.
pub fn limit_range(fields: &mut Fields) {
    for limit in spec(fields).into_iter().flat_map(|spec| maps(spec, "limits")) {
        if limit.get("type").and_then(Value::as_str) != Some("Container") {
            continue;
        }
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let given = limit.get(from).and_then(Value::as_object).cloned().unwrap_or_default();
            if given.is_empty() {
                continue;
            }
            let list = limit.entry(to).or_insert_with(|| Value::Object(Map::new()));
            for (name, amount) in given {
                if let Some(list) = list.as_object_mut() {
                    list.entry(name).or_insert(amount);
                }
            }
        }
    }
}

/// Texts are sent in the clear and kept with the other data.
pub fn secret(fields: &mut Fields) {
    if let Some(Value::Object(texts)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
        for (key, text) in texts {
            if let Some(data) = data.as_object_mut() {
                data.insert(key, base64::encode(text.as_str().unwrap_or_default().as_bytes()).into());
            }
        }
    }
    default_text(fields, "type", "Opaque");
}

/// Ports are of TCP unless said otherwise.
pub fn endpoints(fields: &mut Fields) {
    for subset in maps(fields, "subsets") {
        maps(subset, "ports").for_each(|port| default_text(port, "protocol", "TCP"));
    }
}

/// A template by itself: an empty one where none is given.
pub fn pod_template(fields: &mut Fields) {
    let template = fields.entry("template").or_insert_with(|| Value::Object(Map::new()));
    if let Ok(mut typed) = typed::read::<PodTemplateSpec>(template) {
        default_template(&mut typed);
        *template = typed::write(&typed);
    }
}

/// Its pods preempt others.
pub fn priority_class(fields: &mut Fields) {
    default_text(fields, "preemptionPolicy", "PreemptLowerPriority");
}

/// Parameters are looked for in the whole cluster.
pub fn ingress_class(fields: &mut Fields) {
    if let Some(parameters) = spec(fields).and_then(|spec| spec.get_mut("parameters")?.as_object_mut()) {
        default_text(parameters, "scope", "Cluster");
    }
}

/// A policy is of what comes in, and of what goes out if it says something of that.
pub fn network_policy(fields: &mut Fields) {
    let spec = fields.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    let Some(spec) = spec.as_object_mut() else { return };
    for list in ["ingress", "egress"] {
        for rule in maps(spec, list) {
            maps(rule, "ports").for_each(|port| default_text(port, "protocol", "TCP"));
        }
    }
    spec.entry("podSelector").or_insert_with(|| Value::Object(Map::new()));
    if !spec.contains_key("policyTypes") {
        let mut types = vec![Value::from("Ingress")];
        types.extend(spec.contains_key("egress").then(|| Value::from("Egress")));
        spec.insert("policyTypes".into(), types.into());
    }
}

/// Roles, users and groups belong to RBAC's own API group; accounts to none.
pub fn role_binding(fields: &mut Fields) {
    let role = fields.entry("roleRef").or_insert_with(|| Value::Object(Map::new()));
    if let Some(role) = role.as_object_mut() {
        default_text(role, "apiGroup", RBAC);
    }
    for subject in maps(fields, "subjects") {
        if matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
            default_text(subject, "apiGroup", RBAC);
        }
    }
}

/// What a driver does unless it says otherwise.
pub fn csi_driver(fields: &mut Fields) {
    let Some(spec) = spec(fields) else { return };
    for (name, yes) in [
        ("attachRequired", true),
        ("podInfoOnMount", false),
        ("requiresRepublish", false),
        ("seLinuxMount", false),
        ("storageCapacity", false),
    ] {
        spec.entry(name).or_insert(Value::Bool(yes));
    }
    default_text(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    spec.entry("volumeLifecycleModes").or_insert_with(|| Value::Array(vec!["Persistent".into()]));
}

/// What a webhook is asked, and what becomes of a request that it does not answer.
pub fn webhooks(fields: &mut Fields) {
    for webhook in maps(fields, "webhooks") {
        default_text(webhook, "failurePolicy", "Fail");
        match_resources(webhook, "rules");
        webhook.entry("timeoutSeconds").or_insert_with(|| 10.into());
        let service = webhook.get_mut("clientConfig").and_then(|client| client.get_mut("service"));
        if let Some(service) = service.and_then(Value::as_object_mut) {
            service.entry("port").or_insert_with(|| 443.into());
        }
    }
}

/// As [`webhooks`]; a webhook that changes objects is asked once.
pub fn mutating_webhooks(fields: &mut Fields) {
    webhooks(fields);
    maps(fields, "webhooks").for_each(|webhook| default_text(webhook, "reinvocationPolicy", "Never"));
}

/// What a policy is about, and what becomes of a request about which it cannot say.
pub fn admission_policy(fields: &mut Fields) {
    let Some(spec) = spec(fields) else { return };
    default_text(spec, "failurePolicy", "Fail");
    if let Some(constraints) = spec.get_mut("matchConstraints").and_then(Value::as_object_mut) {
        match_resources(constraints, "resourceRules");
    }
}

/// As [`admission_policy`]; what a policy changes it changes once.
pub fn mutating_policy(fields: &mut Fields) {
    admission_policy(fields);
    spec(fields).into_iter().for_each(|spec| default_text(spec, "reinvocationPolicy", "Never"));
}

/// What a binding narrows a policy to.
pub fn policy_binding(fields: &mut Fields) {
    let resources = spec(fields).and_then(|spec| spec.get_mut("matchResources")?.as_object_mut());
    resources.into_iter().for_each(|resources| match_resources(resources, "resourceRules"));
}

/// All objects everywhere, in any version, unless said otherwise.
fn match_resources(fields: &mut Fields, rules: &str) {
    default_text(fields, "matchPolicy", "Equivalent");
    for selector in ["namespaceSelector", "objectSelector"] {
        fields.entry(selector).or_insert_with(|| Value::Object(Map::new()));
    }
    maps(fields, rules).for_each(|rule| default_text(rule, "scope", "*"));
}

/// Matched late unless said otherwise.
pub fn flow_schema(fields: &mut Fields) {
    let Some(spec) = spec(fields) else { return };
    if spec.get("matchingPrecedence").and_then(Value::as_i64).unwrap_or_default() == 0 {
        spec.insert("matchingPrecedence".into(), 1000.into());
    }
}

fn default_numbers(fields: &mut Fields, numbers: &[(&str, i64)]) {
    for (name, number) in numbers {
        fields.entry(*name).or_insert_with(|| (*number).into());
    }
}

/// The share of a level, and how its queues are dealt.
pub fn priority_level(fields: &mut Fields) {
    let Some(spec) = spec(fields) else { return };
    if spec.get("type").and_then(Value::as_str) == Some("Exempt") {
        spec.entry("exempt").or_insert_with(|| Value::Object(Map::new()));
    }
    for (name, shares) in [("exempt", 0), ("limited", 30)] {
        let Some(level) = spec.get_mut(name).and_then(Value::as_object_mut) else { continue };
        default_numbers(level, &[("nominalConcurrencyShares", shares), ("lendablePercent", 0)]);
        let queuing = level.get_mut("limitResponse").and_then(|response| response.get_mut("queuing"));
        if let Some(queuing) = queuing.and_then(Value::as_object_mut) {
            default_numbers(queuing, &[("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)]);
        }
    }
}

/// One device, exactly.
pub fn resource_claim(fields: &mut Fields) {
    spec(fields).into_iter().for_each(claim_spec);
}

/// The claims of a template are defaulted as claims are.
pub fn resource_claim_template(fields: &mut Fields) {
    spec(fields).and_then(spec).into_iter().for_each(claim_spec);
}

fn claim_spec(spec: &mut Fields) {
    let Some(devices) = spec.get_mut("devices").and_then(Value::as_object_mut) else { return };
    for request in maps(devices, "requests") {
        if let Some(exactly) = request.get_mut("exactly").and_then(Value::as_object_mut) {
            device_count(exactly);
        }
        maps(request, "firstAvailable").for_each(device_count);
    }
}

fn device_count(request: &mut Fields) {
    default_text(request, "allocationMode", "ExactCount");
    if request["allocationMode"] == "ExactCount" {
        default_numbers(request, &[("count", 1)]);
    }
    maps(request, "tolerations").for_each(|toleration| default_text(toleration, "operator", "Equal"));
}

/// Names follow from the kind's, and nothing is converted.
pub fn custom_resource_definition(fields: &mut Fields) {
    let Some(spec) = spec(fields) else { return };
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_string();
        if !kind.is_empty() {
            default_text(names, "listKind", &format!("{kind}List"));
            default_text(names, "singular", &kind.to_lowercase());
        }
    }
    let conversion = spec.entry("conversion").or_insert_with(|| serde_json::json!({"strategy": "None"}));
    let service = conversion.pointer_mut("/webhook/clientConfig/service").and_then(Value::as_object_mut);
    if let Some(service) = service {
        service.entry("port").or_insert_with(|| 443.into());
    }
}

/// Who asks for a certificate is whom the server knows them to be (`csrStrategy.PrepareForCreate`).
pub fn name_requestor(object: &mut Object, _: &View, _: &mut Rng) {
    let Object::Tree(tree) = object else { return };
    if let Some(spec) = spec(Arc::make_mut(&mut tree.fields)) {
        spec.insert("username".into(), "kubernetes-admin".into());
        spec.insert("groups".into(), serde_json::json!(["kubeadm:cluster-admins", "system:authenticated"]));
    }
}

/// A request stays what it was when it was made.
pub fn keep_request(object: &mut Object, old: &Object) {
    if let (Object::Tree(tree), Object::Tree(old)) = (object, old)
        && let Some(spec) = old.fields.get("spec")
    {
        Arc::make_mut(&mut tree.fields).insert("spec".into(), spec.clone());
    }
}

/// Begins the list of versions in which objects may be stored.
pub fn stored_version(object: &mut Object, _: &View, _: &mut Rng) {
    note_stored_version(object);
}

/// Adds the version in which objects are stored from now on.
pub fn note_stored_version(object: &mut Object) {
    let Object::Tree(tree) = object else { return };
    let versions = tree.fields.get("spec").and_then(|spec| spec["versions"].as_array());
    let stored = versions.into_iter().flatten().find(|version| version["storage"] == true);
    let Some(name) = stored.map(|version| version["name"].clone()) else { return };
    if let Some(known) = Arc::make_mut(&mut tree.status)["storedVersions"].as_array_mut()
        && !known.contains(&name)
    {
        known.push(name);
    }
}
