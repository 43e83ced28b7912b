//! JSON of the objects that kubectl makes itself: their fields stand in the order in which Go's types declare them, not in that of
//! the alphabet, which is that of objects that kubectl only passes on.

use serde_json::Value;

use super::json::go_json;

/// The fields of an object by the field that it stands under, in the order of their declaration. Kinds share a line where
/// their fields do not contradict each other; maps have none, and are sorted.
const ORDER: [(&str, &[&str]); 36] = [
    (
        "",
        &[
            "kind",
            "apiVersion",
            "metadata",
            "groupVersion",
            "resources",
            "clusters",
            "users",
            "contexts",
            "current-context",
            "immutable",
            "data",
            "binaryData",
            "stringData",
            "type",
            "secrets",
            "imagePullSecrets",
            "automountServiceAccountToken",
            "rules",
            "aggregationRule",
            "subjects",
            "roleRef",
            "value",
            "globalDefault",
            "description",
            "preemptionPolicy",
            "spec",
            "status",
            "message",
            "reason",
            "details",
            "code",
            "versions",
            "serverAddressByClientCIDRs",
            "items",
        ],
    ),
    (
        "metadata",
        &[
            "name",
            "generateName",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "labels",
            "annotations",
            "ownerReferences",
            "finalizers",
        ],
    ),
    (
        "spec",
        &[
            "audiences",
            "expirationSeconds",
            "boundObjectRef",
            "scaleTargetRef",
            "minReplicas",
            "maxReplicas",
            "metrics",
            "behavior",
            "schedule",
            "timeZone",
            "startingDeadlineSeconds",
            "concurrencyPolicy",
            "ingressClassName",
            "defaultBackend",
            "tls",
            "rules",
            "hard",
            "scopes",
            "minAvailable",
            "parallelism",
            "completions",
            "backoffLimit",
            "replicas",
            "ports",
            "selector",
            "maxUnavailable",
            "manualSelector",
            "template",
            "ttlSecondsAfterFinished",
            "completionMode",
            "suspend",
            "podReplacementPolicy",
            "jobTemplate",
            "successfulJobsHistoryLimit",
            "failedJobsHistoryLimit",
            "strategy",
            "minReadySeconds",
            "revisionHistoryLimit",
            "paused",
            "progressDeadlineSeconds",
            "clusterIP",
            "clusterIPs",
            "type",
            "externalIPs",
            "sessionAffinity",
            "loadBalancerIP",
            "externalName",
            "externalTrafficPolicy",
            "publishNotReadyAddresses",
            "ipFamilies",
            "ipFamilyPolicy",
            "allocateLoadBalancerNodePorts",
            "internalTrafficPolicy",
            "volumes",
            "initContainers",
            "containers",
            "ephemeralContainers",
            "restartPolicy",
            "terminationGracePeriodSeconds",
            "activeDeadlineSeconds",
            "dnsPolicy",
            "nodeSelector",
            "serviceAccountName",
            "serviceAccount",
            "automountServiceAccountToken",
            "nodeName",
            "securityContext",
            "imagePullSecrets",
            "hostname",
            "subdomain",
            "affinity",
            "schedulerName",
            "tolerations",
            "hostAliases",
            "priorityClassName",
            "priority",
            "dnsConfig",
            "enableServiceLinks",
            "preemptionPolicy",
        ],
    ),
    (
        "status",
        &[
            "token",
            "expirationTimestamp",
            "observedGeneration",
            "phase",
            "conditions",
            "lastScaleTime",
            "currentReplicas",
            "desiredReplicas",
            "currentMetrics",
            "replicas",
            "loadBalancer",
            "disruptionsAllowed",
            "currentHealthy",
            "desiredHealthy",
            "expectedPods",
            "qosClass",
        ],
    ),
    (
        "containers",
        &[
            "name",
            "image",
            "command",
            "args",
            "workingDir",
            "ports",
            "envFrom",
            "env",
            "resources",
            "volumeMounts",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
            "lifecycle",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "imagePullPolicy",
            "securityContext",
            "stdin",
            "stdinOnce",
            "tty",
        ],
    ),
    (
        "ports",
        &[
            "name",
            "hostPort",
            "containerPort",
            "protocol",
            "appProtocol",
            "port",
            "targetPort",
            "nodePort",
            "hostIP",
        ],
    ),
    ("port", &["name", "number"]),
    ("env", &["name", "value", "valueFrom"]),
    ("volumeMounts", &["name", "readOnly", "mountPath", "subPath"]),
    ("tolerations", &["key", "operator", "value", "effect", "tolerationSeconds"]),
    ("rules", &["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs", "host", "http"]),
    ("paths", &["path", "pathType", "backend"]),
    ("backend", &["service", "resource"]),
    ("service", &["name", "port"]),
    ("tls", &["hosts", "secretName"]),
    ("subjects", &["kind", "apiGroup", "name", "namespace"]),
    ("roleRef", &["apiGroup", "kind", "name"]),
    ("scaleTargetRef", &["kind", "name", "apiVersion"]),
    ("ownerReferences", &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]),
    ("metrics", &["type", "object", "pods", "resource", "containerResource", "external"]),
    ("resource", &["name", "target"]),
    ("target", &["type", "value", "averageValue", "averageUtilization"]),
    ("strategy", &["type", "rollingUpdate"]),
    ("rollingUpdate", &["maxUnavailable", "maxSurge"]),
    ("volumes", &["name"]),
    ("projected", &["sources", "defaultMode"]),
    ("configMap", &["name", "items", "defaultMode"]),
    ("items", &["key", "path", "fieldRef"]),
    ("details", &["name", "group", "kind", "uid"]),
    ("userInfo", &["username", "uid", "groups"]),
    ("clientVersion", &["major", "minor", "gitVersion"]),
    ("serverVersion", &["major", "minor", "gitVersion"]),
    ("clusters", &["name", "cluster"]),
    ("users", &["name", "user"]),
    ("contexts", &["name", "context"]),
    (
        "resources",
        &[
            "name",
            "singularName",
            "namespaced",
            "group",
            "version",
            "kind",
            "verbs",
            "shortNames",
            "categories",
        ],
    ),
];

/// On one line, without a line break at its end.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, "", None, &mut out);
    out
}

/// Indented by four, as `-o json` prints.
pub fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, "", Some(0), &mut out);
    out
}

/// Writes what stands under a field; `level` is how deep, where lines are broken.
fn write(value: &Value, under: &str, level: Option<usize>, out: &mut String) {
    let inner = level.map(|level| level + 1);
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                new_line(inner, out);
                write(item, under, inner, out);
            }
            new_line(level, out);
            out.push(']');
        }
        Value::Object(fields) if !fields.is_empty() => {
            let order = ORDER.iter().find(|(name, _)| *name == under).map_or(&[][..], |(_, order)| *order);
            // Those that the line does not have come last, sorted.
            let declared = order.iter().filter_map(|name| fields.get_key_value(*name));
            let others = fields.iter().filter(|(name, _)| !order.contains(&name.as_str()));
            out.push('{');
            for (at, (name, value)) in declared.chain(others).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                new_line(inner, out);
                out.push_str(&go_json(&Value::from(name.as_str())));
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, name, inner, out);
            }
            new_line(level, out);
            out.push('}');
        }
        other => out.push_str(&go_json(other)),
    }
}

fn new_line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        (0..level).for_each(|_| out.push_str("    "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_stand_as_they_are_declared_and_maps_are_sorted() {
        let value = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"name": "a", "app": "b"}, "name": "p"},
            "spec": {"restartPolicy": "Never", "containers": [{"image": "i", "name": "p", "resources": {}, "args": ["<"]}]},
        });
        assert_eq!(
            compact(&value),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","labels":{"app":"b","name":"a"}},"spec":{"containers":[{"name":"p","image":"i","args":["\u003c"],"resources":{}}],"restartPolicy":"Never"}}"#
        );
        assert_eq!(
            indented(
                &json!({"kind": "A", "apiVersion": "b", "data": {}, "rules": [{"resources": ["x"], "verbs": []}]})
            ),
            "{\n    \"kind\": \"A\",\n    \"apiVersion\": \"b\",\n    \"data\": {},\n    \"rules\": [\n        {\n            \
             \"verbs\": [],\n            \"resources\": [\n                \"x\"\n            ]\n        }\n    ]\n}"
        );
    }
}
