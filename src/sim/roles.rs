//! The roles for users that every cluster has (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), with those that `admin`, `edit` and
//! `view` are made of, and who has them; and the names of the roles of the system's components.

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

/// Roles of components, and of those who help them. They are there by name, so that no other role takes it: the components here
/// do what they do without asking for leave.
const OF_COMPONENTS: &str = "system:auth-delegator \
    system:certificates.k8s.io:certificatesigningrequests:nodeclient \
    system:certificates.k8s.io:certificatesigningrequests:selfnodeclient \
    system:certificates.k8s.io:kube-apiserver-client-approver \
    system:certificates.k8s.io:kube-apiserver-client-kubelet-approver \
    system:certificates.k8s.io:kubelet-serving-approver system:certificates.k8s.io:legacy-unknown-approver system:heapster \
    system:kube-aggregator system:kube-controller-manager system:kube-dns system:kube-scheduler system:kubelet-api-admin \
    system:monitoring system:node system:node-bootstrapper system:node-problem-detector system:node-proxier \
    system:persistent-volume-provisioner system:service-account-issuer-discovery system:volume-scheduler";

/// Which of them somebody has: the role, and whom.
const BOUND: [(&str, &str, &str); 8] = [
    ("system:kube-controller-manager", "User", "system:kube-controller-manager"),
    ("system:kube-dns", "ServiceAccount", "kube-dns"),
    ("system:kube-scheduler", "User", "system:kube-scheduler"),
    ("system:monitoring", "Group", "system:monitoring"),
    ("system:node", "", ""),
    ("system:node-proxier", "User", "system:kube-proxy"),
    ("system:service-account-issuer-discovery", "Group", "system:serviceaccounts"),
    ("system:volume-scheduler", "User", "system:kube-scheduler"),
];

/// Controllers with a role and a service account of their own, called `system:controller:…` and without the prefix.
const CONTROLLERS: &str = "attachdetach-controller certificate-controller clusterrole-aggregation-controller cronjob-controller \
    daemon-set-controller deployment-controller disruption-controller endpoint-controller endpointslice-controller \
    endpointslicemirroring-controller ephemeral-volume-controller expand-controller generic-garbage-collector \
    horizontal-pod-autoscaler job-controller legacy-service-account-token-cleaner namespace-controller node-controller \
    persistent-volume-binder pod-garbage-collector pv-protection-controller pvc-protection-controller replicaset-controller \
    replication-controller resource-claim-controller resourcequota-controller root-ca-cert-publisher route-controller \
    selinux-warning-controller service-account-controller service-cidrs-controller service-controller statefulset-controller \
    ttl-after-finished-controller ttl-controller validatingadmissionpolicy-status-controller \
    volumeattributesclass-protection-controller";

/// Roles within a namespace, with the name of the binding where it is another, and who has them.
const IN_NAMESPACES: [(&str, &str, &str, &[&str]); 7] = [
    ("kube-public", "system:controller:bootstrap-signer", "", &["bootstrap-signer"]),
    (
        "kube-system",
        "extension-apiserver-authentication-reader",
        "system::extension-apiserver-authentication-reader",
        &["system:kube-controller-manager", "system:kube-scheduler"],
    ),
    (
        "kube-system",
        "system::leader-locking-kube-controller-manager",
        "",
        &["system:kube-controller-manager", "kube-controller-manager", "leader-election-controller"],
    ),
    (
        "kube-system",
        "system::leader-locking-kube-scheduler",
        "",
        &["system:kube-scheduler", "kube-scheduler"],
    ),
    ("kube-system", "system:controller:bootstrap-signer", "", &["bootstrap-signer"]),
    ("kube-system", "system:controller:cloud-provider", "", &["cloud-provider"]),
    ("kube-system", "system:controller:token-cleaner", "", &["token-cleaner"]),
];

fn meta(name: &str) -> Value {
    json!({
        "name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    })
}

/// Who has a role, or the role that somebody has.
fn subject(kind: &str, name: &str) -> Value {
    match kind {
        "ServiceAccount" => json!({"kind": kind, "name": name, "namespace": "kube-system"}),
        _ => json!({"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}),
    }
}

/// The roles of the system's components, and who has them.
pub fn of_components() -> impl Iterator<Item = (Kind, Value)> {
    let role = |name: &str| (Kind::CLUSTER_ROLE, json!({"metadata": meta(name), "rules": []}));
    let binding = move |name: &str, subjects: Vec<Value>| {
        let value =
            json!({"metadata": meta(name), "roleRef": subject("ClusterRole", name), "subjects": subjects});
        (Kind::CLUSTER_ROLE_BINDING, value)
    };
    let bound = BOUND.iter().map(move |(name, kind, who)| {
        binding(name, (!kind.is_empty()).then(|| subject(kind, who)).into_iter().collect())
    });
    let controllers = CONTROLLERS.split_ascii_whitespace().flat_map(move |controller| {
        let name = format!("system:controller:{controller}");
        [role(&name), binding(&name, vec![subject("ServiceAccount", controller)])]
    });
    let in_namespaces = IN_NAMESPACES.iter().flat_map(move |(namespace, name, binding, who)| {
        let of = |name: &str| {
            let mut meta = meta(name);
            meta["namespace"] = (*namespace).into();
            meta
        };
        let kind = |who: &str| if who.starts_with("system:") { "User" } else { "ServiceAccount" };
        let subjects: Vec<Value> = who.iter().map(|who| subject(kind(who), who)).collect();
        let binding = if binding.is_empty() { name } else { binding };
        let role = json!({"metadata": of(name), "rules": []});
        let binding =
            json!({"metadata": of(binding), "roleRef": subject("Role", name), "subjects": subjects});
        [(Kind::ROLE, role), (Kind::ROLE_BINDING, binding)]
    });
    OF_COMPONENTS.split_ascii_whitespace().map(role).chain(bound).chain(controllers).chain(in_namespaces)
}

fn words(text: &str) -> Value {
    text.split(' ').collect()
}

/// The roles and their bindings.
pub fn objects() -> Vec<(Kind, Value)> {
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
        let subjects: Vec<Value> = groups.split(' ').map(|group| subject("Group", group)).collect();
        let role = subject("ClusterRole", name);
        (Kind::CLUSTER_ROLE_BINDING, json!({"metadata": meta(name), "roleRef": role, "subjects": subjects}))
    };
    let everything = json!([
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]);
    let mut objects = vec![
        (Kind::CLUSTER_ROLE, json!({"metadata": meta("cluster-admin"), "rules": everything})),
        role("admin", &[EDIT, VIEW, ADMIN]),
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
    let label = |name: &str| format!("rbac.authorization.k8s.io/aggregate-to-{name}");
    let own = [("admin", "", ADMIN), ("edit", "admin", EDIT), ("view", "edit", VIEW)];
    for ((_, made), (name, part_of, _)) in objects[1..4].iter_mut().zip(own) {
        let selector = json!({"matchLabels": {label(name): "true"}});
        made["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
        if !part_of.is_empty() {
            made["metadata"]["labels"][label(part_of)] = "true".into();
        }
    }
    for (name, _, rules) in own {
        let (kind, mut part) = role(&format!("system:aggregate-to-{name}"), &[rules]);
        part["metadata"]["labels"][label(name)] = "true".into();
        objects.push((kind, part));
    }
    objects
}
