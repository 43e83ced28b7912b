//! The roles for users that every cluster has (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), with what `admin`, `edit` and `view`
//! are aggregated from written out, and who has them.

use serde_json::{Value, json};

use crate::api::Kind;

const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";

/// What each role adds to the one before it: verbs, the API group, and its resources.
const ADMIN: &[(&str, &str, &str)] = &[
    ("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    (
        "create delete deletecollection get list patch update watch",
        "rbac.authorization.k8s.io",
        "rolebindings roles",
    ),
];
const EDIT: &[(&str, &str, &str)] = &[
    (READ, "", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    ("impersonate", "", "serviceaccounts"),
    (WRITE, "", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    ("create", "", "pods/eviction serviceaccounts/token"),
    (
        WRITE,
        "",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts \
         services services/proxy",
    ),
    (
        WRITE,
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    ),
    (WRITE, "autoscaling", "horizontalpodautoscalers"),
    (WRITE, "batch", "cronjobs jobs"),
    (WRITE, "policy", "poddisruptionbudgets"),
    (WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    (WRITE, "coordination.k8s.io", "leases"),
    (READ, "coordination.k8s.io", "leases"),
    (WRITE, "resource.k8s.io", "resourceclaims resourceclaimtemplates"),
];
const VIEW: &[(&str, &str, &str)] = &[
    (
        READ,
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers \
         replicationcontrollers/scale serviceaccounts services services/status bindings events limitranges namespaces/status \
         pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status namespaces",
    ),
    (READ, "discovery.k8s.io", "endpointslices"),
    (
        READ,
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets \
         replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    (READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    (READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    (READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    (READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    (READ, "resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
];
const BASIC: &[(&str, &str, &str)] = &[
    ("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
    ("create", "authentication.k8s.io", "selfsubjectreviews"),
];
const DISCOVERY: &str =
    "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/";
const PUBLIC: &str = "/healthz /livez /readyz /version /version/";

fn words(text: &str) -> Value {
    text.split(' ').collect()
}

/// The roles and their bindings.
pub fn objects() -> Vec<(Kind, Value)> {
    let meta = |name: &str| {
        json!({
            "name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        })
    };
    let role = |name: &str, parts: &[&[(&str, &str, &str)]]| {
        let rule = |(verbs, group, resources): &(&str, &str, &str)| json!({"verbs": words(verbs), "apiGroups": [group], "resources": words(resources)});
        let rules: Vec<Value> = parts.iter().flat_map(|part| part.iter()).map(rule).collect();
        (Kind::CLUSTER_ROLE, json!({"metadata": meta(name), "rules": rules}))
    };
    let urls = |name: &str, urls: &str| {
        let rule = json!({"verbs": ["get"], "nonResourceURLs": words(urls)});
        (Kind::CLUSTER_ROLE, json!({"metadata": meta(name), "rules": [rule]}))
    };
    let binding = |name: &str, groups: &str| {
        let subject =
            |group| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group});
        let subjects: Vec<Value> = groups.split(' ').map(subject).collect();
        let role = json!({"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": name});
        (Kind::CLUSTER_ROLE_BINDING, json!({"metadata": meta(name), "roleRef": role, "subjects": subjects}))
    };
    let everything = json!([
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]);
    let mut objects = vec![
        (Kind::CLUSTER_ROLE, json!({"metadata": meta("cluster-admin"), "rules": everything})),
        role("admin", &[ADMIN, EDIT, VIEW]),
        role("edit", &[EDIT, VIEW]),
        role("view", &[VIEW]),
        role("system:basic-user", &[BASIC]),
        urls("system:discovery", DISCOVERY),
        urls("system:public-info-viewer", PUBLIC),
        binding("cluster-admin", "system:masters"),
        binding("system:basic-user", "system:authenticated"),
        binding("system:discovery", "system:authenticated"),
        binding("system:public-info-viewer", "system:authenticated system:unauthenticated"),
    ];
    for (_, role) in &mut objects[1..4] {
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
        role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
    }
    objects
}
