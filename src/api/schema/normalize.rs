//! Brings an object as it was sent into the form in which the server keeps it: what decoding into Go's types and writing them out
//! again does to a document.

use serde_json::Value;

use super::decode::go_number;
use super::table::{Table, Type, TypeId};
use crate::api::quantity;

/// Texts that stay though they are empty: Go holds them by pointer.
const POINTERS: [&str; 43] = [
    "apiGroup",
    "appProtocol",
    "cachingMode",
    "completionMode",
    "failurePolicy",
    "fsGroupChangePolicy",
    "fsGroupPolicy",
    "gmsaCredentialSpec",
    "gmsaCredentialSpecName",
    "hostnameOverride",
    "ingressClassName",
    "initiatorName",
    "internalTrafficPolicy",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "localhostProfile",
    "managedBy",
    "matchPolicy",
    "mountPropagation",
    "nodeAffinityPolicy",
    "nodeTaintsPolicy",
    "pathType",
    "podReplacementPolicy",
    "preemptionPolicy",
    "procMount",
    "reclaimPolicy",
    "recursiveReadOnly",
    "reinvocationPolicy",
    "resourceClaimName",
    "resourceClaimTemplateName",
    "runAsUserName",
    "runtimeClassName",
    "seLinuxChangePolicy",
    "selectPolicy",
    "sideEffects",
    "storageClassName",
    "supplementalGroupsPolicy",
    "timeZone",
    "trafficDistribution",
    "unhealthyPodEvictionPolicy",
    "volumeAttributesClassName",
    "volumeBindingMode",
    "volumeMode",
];

/// Types that hold by value what goes by the name of a pointer elsewhere: a volume's class is a text, a claim's may be none.
const BY_VALUE: [(&str, &str); 3] =
    [("PersistentVolumeSpec", "storageClassName"), ("RoleRef", "apiGroup"), ("Subject", "apiGroup")];

/// Flags and numbers that Go holds by value: false and zero are not written.
const VALUES: [&str; 16] = [
    "globalDefault",
    "healthCheckNodePort",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostPort",
    "initialDelaySeconds",
    "minReadySeconds",
    "nodePort",
    "paused",
    "publishNotReadyAddresses",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
    "unschedulable",
];

/// The list that stays though it is empty: its default asks whether it was given.
const EMPTY_LIST: (&str, &str) = ("HPAScalingRules", "policies");

/// Drops fields that are unknown, null or empty, and writes quantities in their canonical form.
pub fn normalize(api_version: &str, kind: &str, value: &mut Value) {
    if let Some(ty) = Table::get().kind(api_version, kind) {
        object(ty, value);
    }
}

fn object(ty: TypeId, value: &mut Value) {
    let Value::Object(map) = value else { return };
    map.retain(|name, value| {
        let Some(field) = ty.field(name) else { return false };
        field_value(&field.ty, value);
        if name == "selector" && field.required {
            mark_empty_selector(value);
        }
        field.required && !value.is_null() || !is_absent(ty, &field.ty, name, value)
    });
}

/// A typed field that must be there reads `{}` where it is not. One that was given, be it empty, is told apart by an entry.
fn mark_empty_selector(value: &mut Value) {
    if let Value::Object(selector) = value
        && selector.is_empty()
    {
        selector.insert("matchLabels".into(), Value::Object(serde_json::Map::new()));
    }
}

fn is_absent(owner: TypeId, ty: &Type, name: &str, value: &Value) -> bool {
    match (ty, value) {
        (_, Value::Null) => true,
        (Type::List(_), Value::Array(items)) => items.is_empty() && (owner.name(), name) != EMPTY_LIST,
        (Type::Map(_), Value::Object(entries)) => entries.is_empty(),
        (Type::String(_), Value::String(text)) => {
            text.is_empty() && (!POINTERS.contains(&name) || BY_VALUE.contains(&(owner.name(), name)))
        }
        (Type::Bool, Value::Bool(false)) => VALUES.contains(&name),
        (Type::Int32, Value::Number(number)) => number.as_i64() == Some(0) && VALUES.contains(&name),
        _ => false,
    }
}

fn field_value(ty: &Type, value: &mut Value) {
    match (ty, value) {
        (Type::Object(id), value @ Value::Object(_)) => object(*id, value),
        (Type::List(item), Value::Array(items)) => {
            items.iter_mut().for_each(|value| field_value(item, value))
        }
        (Type::Map(item), Value::Object(entries)) => {
            for value in entries.values_mut() {
                if value.is_null() {
                    *value = zero(item);
                }
                if **item == Type::Quantity {
                    amount(value, true);
                } else {
                    field_value(item, value);
                }
            }
        }
        (Type::Quantity, value) => amount(value, false),
        _ => {}
    }
}

/// What Go keeps for an entry of a map that is given as null.
fn zero(ty: &Type) -> Value {
    match ty {
        Type::String(_) | Type::Bytes => "".into(),
        Type::Quantity => "0".into(),
        _ => Value::Null,
    }
}

/// Lists of resources keep no finer parts than thousandths.
fn amount(value: &mut Value, in_list: bool) {
    let text = match value {
        Value::String(text) => text.trim().to_string(),
        Value::Number(number) => go_number(number),
        _ => return,
    };
    let Some(parsed) = quantity::parse(&text) else { return };
    let parsed = if in_list { parsed.round_up_to_milli() } else { parsed };
    *value = Value::String(parsed.format_like(&text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_kept_without_what_says_nothing() {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {}, "annotations": null, "nonsense": 1},
            "spec": {
                "nodeSelector": {}, "hostNetwork": false, "nodeName": "", "priority": 0,
                "containers": [{"name": "a", "env": [], "tty": true, "resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}}}],
                "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1000Ki"}}],
            },
        });
        normalize("v1", "Pod", &mut pod);
        let want = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a"},
            "spec": {
                "priority": 0,
                "containers": [{"name": "a", "tty": true, "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
                "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1000Ki"}}],
            },
        });
        assert_eq!(pod, want);
    }

    #[test]
    fn an_entry_of_a_map_that_is_null_is_there() {
        let mut secret = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": null, "tls.key": "YQ=="}});
        normalize("v1", "Secret", &mut secret);
        assert_eq!(secret["data"], json!({"tls.crt": "", "tls.key": "YQ=="}));
        let mut map = json!({"metadata": {"labels": {"a": null}}, "data": {"a": null}});
        normalize("v1", "ConfigMap", &mut map);
        assert_eq!(map, json!({"metadata": {"labels": {"a": ""}}, "data": {"a": ""}}));
        let mut quota = json!({"spec": {"hard": {"pods": null}}});
        normalize("v1", "ResourceQuota", &mut quota);
        assert_eq!(quota, json!({"spec": {"hard": {"pods": "0"}}}));
    }

    #[test]
    fn an_empty_selector_is_told_from_none() {
        let mut set = json!({"spec": {"selector": {}, "template": {}}});
        normalize("apps/v1", "ReplicaSet", &mut set);
        assert_eq!(set["spec"]["selector"], json!({"matchLabels": {}}));
        let mut budget = json!({"spec": {"selector": {}}});
        normalize("policy/v1", "PodDisruptionBudget", &mut budget);
        assert_eq!(budget["spec"]["selector"], json!({}));
    }
}
