//! What the API server keeps about itself: how requests queue (flow schemas, priority levels) and who answers for which group
//! (APIServices). Nothing acts on them here, so they are written when somebody first asks for them, as of the cluster's birth
//! (`k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap`, kube-aggregator's autoregistration).

use serde_json::{Value, json};

use crate::api::{Key, Kind, MetaExt, Object};
use crate::apiserver::{Actor, ApiServer, DeleteOptions, Origin};
use crate::clock::SimTime;
use crate::rng::Rng;

use super::roles;

/// What marks an APIService that goes with a definition.
const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// How many queues there are, how many of them a flow may go to, and how long each may be.
type Queues = (u32, u32, u32);

/// Priority levels: name, shares, how many of them may be lent, and the queues in which requests wait.
const LEVELS: [(&str, u32, u32, Option<Queues>); 7] = [
    ("catch-all", 5, 0, None),
    ("global-default", 20, 50, Some((128, 6, 50))),
    ("leader-election", 10, 0, Some((16, 4, 50))),
    ("node-high", 40, 25, Some((64, 6, 50))),
    ("system", 30, 33, Some((64, 6, 50))),
    ("workload-high", 40, 50, Some((128, 6, 50))),
    ("workload-low", 100, 90, Some((128, 6, 50))),
];

const ALL: &str = "group:system:unauthenticated group:system:authenticated";
const OF_SYSTEM: &str = "account:*";
const LEASES: &str = "get,create,update coordination.k8s.io leases *";

/// Flow schemas: name, level, precedence, by what flows are told apart, who, and which requests: verbs, group, resources,
/// namespaces; all of them where there is nothing.
const SCHEMAS: [(&str, &str, u32, &str, &str, &str); 13] = [
    ("catch-all", "catch-all", 10_000, "ByUser", ALL, ""),
    (
        "endpoint-controller",
        "workload-high",
        150,
        "ByUser",
        "user:system:kube-controller-manager account:endpoint-controller account:endpointslicemirroring-controller",
        "get,create,update - endpoints *",
    ),
    ("exempt", "exempt", 1, "", "group:system:masters", ""),
    ("global-default", "global-default", 9_900, "ByUser", ALL, ""),
    (
        "kube-controller-manager",
        "workload-high",
        800,
        "ByNamespace",
        "user:system:kube-controller-manager",
        "",
    ),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", "user:system:kube-scheduler", ""),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", OF_SYSTEM, ""),
    ("probes", "exempt", 2, "", ALL, "get /healthz,/readyz,/livez"),
    ("service-accounts", "workload-low", 9_000, "ByUser", "group:system:serviceaccounts", ""),
    (
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        "user:system:kube-controller-manager user:system:kube-scheduler account:*",
        LEASES,
    ),
    (
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        "group:system:nodes",
        "* - nodes,nodes/status * cluster;* coordination.k8s.io leases *",
    ),
    ("system-nodes", "system", 500, "ByUser", "group:system:nodes", ""),
    ("workload-leader-election", "leader-election", 200, "ByUser", OF_SYSTEM, LEASES),
];

/// Groups that the server answers for itself: version and group, and their priorities.
const SERVED: [(&str, &str, u32, u32); 21] = [
    ("v1", "", 18_000, 1),
    ("v1", "admissionregistration.k8s.io", 16_700, 15),
    ("v1", "apiextensions.k8s.io", 16_700, 15),
    ("v1", "apps", 17_800, 15),
    ("v1", "authentication.k8s.io", 17_700, 15),
    ("v1", "authorization.k8s.io", 17_600, 15),
    ("v1", "autoscaling", 17_500, 15),
    ("v1", "batch", 17_400, 15),
    ("v1", "certificates.k8s.io", 17_300, 15),
    ("v1", "coordination.k8s.io", 16_500, 15),
    ("v1", "discovery.k8s.io", 16_200, 15),
    ("v1", "events.k8s.io", 17_750, 15),
    ("v1", "flowcontrol.apiserver.k8s.io", 16_100, 21),
    ("v1", "networking.k8s.io", 17_200, 15),
    ("v1", "node.k8s.io", 16_300, 15),
    ("v1", "policy", 17_100, 15),
    ("v1", "rbac.authorization.k8s.io", 17_000, 15),
    ("v1", "resource.k8s.io", 16_200, 15),
    ("v1", "scheduling.k8s.io", 16_600, 15),
    ("v1", "storage.k8s.io", 16_800, 15),
    ("v2", "autoscaling", 17_500, 30),
];

/// What the server asks about its health when somebody asks for it.
const COMPONENTS: [&str; 3] = ["controller-manager", "etcd-0", "scheduler"];

fn component(name: &str) -> Value {
    let healthy = json!({"type": "Healthy", "status": "True", "message": "ok"});
    json!({"metadata": {"name": name}, "conditions": [healthy]})
}

/// Writes what a command's words ask about, as far as it is not there.
pub fn show(api: &mut ApiServer, line: &str, seed: u64) {
    let words = || line.split([' ', ',', '/', '=', '\t', '.']);
    let named = |kind: Kind| {
        let info = kind.info();
        words().any(|word| word.eq_ignore_ascii_case(info.plural) || word.eq_ignore_ascii_case(info.singular))
    };
    let wanted =
        wanted(api, |kind| named(kind) || kind == Kind::COMPONENT_STATUS && words().any(|word| word == "cs"));
    write(api, seed, wanted);
}

/// Writes all that a real server keeps about itself, with the roles of the system's components: what nobody may create again.
pub fn show_all(api: &mut ApiServer, seed: u64) {
    let mut wanted = wanted(api, |_| true);
    wanted.extend(roles::of_components());
    write(api, seed, wanted);
}

fn wanted(api: &mut ApiServer, named: impl Fn(Kind) -> bool) -> Vec<(Kind, Value)> {
    let mut wanted: Vec<(Kind, Value)> = Vec::new();
    if named(Kind::FLOW_SCHEMA) || named(Kind::PRIORITY_LEVEL_CONFIGURATION) {
        wanted.extend(levels());
        wanted.extend(SCHEMAS.iter().map(|row| (Kind::FLOW_SCHEMA, schema(row))));
    }
    if named(Kind::API_SERVICE) {
        let services = api_services(api);
        forget(api, &services);
        wanted.extend(services.into_iter().map(|service| (Kind::API_SERVICE, service)));
    }
    if named(Kind::COMPONENT_STATUS) {
        wanted.extend(COMPONENTS.iter().map(|name| (Kind::COMPONENT_STATUS, component(name))));
    }
    wanted
}

fn write(api: &mut ApiServer, seed: u64, wanted: Vec<(Kind, Value)>) {
    let mut names = Rng::new(seed, "standing");
    for (kind, value) in wanted {
        let object = Object::from_value(kind, value);
        let missing = |object: &Object| api.view().object(&object.key()).is_none();
        if let Some(object) = object.ok().filter(missing) {
            // Whatever a user's policy says of it, the server starts without it.
            drop(api.create_as_of(object, &mut names, SimTime::ZERO));
        }
    }
}

fn meta(name: &str) -> Value {
    json!({"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}})
}

fn levels() -> impl Iterator<Item = (Kind, Value)> {
    let exempt = json!({
        "metadata": meta("exempt"),
        "spec": {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
    });
    let limited = LEVELS.iter().map(|(name, shares, lendable, queues)| {
        let response = match queues {
            None => json!({"type": "Reject"}),
            Some((queues, hand, length)) => json!({
                "type": "Queue",
                "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": length},
            }),
        };
        let limited = json!({
            "nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response,
        });
        json!({"metadata": meta(name), "spec": {"type": "Limited", "limited": limited}})
    });
    std::iter::once(exempt).chain(limited).map(|level| (Kind::PRIORITY_LEVEL_CONFIGURATION, level))
}

fn schema((name, level, precedence, method, who, what): &(&str, &str, u32, &str, &str, &str)) -> Value {
    let subjects: Vec<Value> = who.split(' ').map(subject).collect();
    let (mut resources, mut others) = (Vec::new(), Vec::new());
    let list = |words: &str| words.split(',').map(String::from).collect::<Vec<_>>();
    for rule in what.split(';') {
        match rule.split(' ').collect::<Vec<_>>().as_slice() {
            [verbs, paths] => others.push(json!({"verbs": list(verbs), "nonResourceURLs": list(paths)})),
            [verbs, group, kinds, namespaces, scope @ ..] => {
                let group = if *group == "-" { "" } else { group };
                let mut rule = json!({
                    "verbs": list(verbs), "apiGroups": [group], "resources": list(kinds), "namespaces": list(namespaces),
                });
                if !scope.is_empty() {
                    rule["clusterScope"] = true.into();
                }
                resources.push(rule);
            }
            _ => {
                let any = ["*"];
                resources.push(json!({
                    "verbs": any, "apiGroups": any, "resources": any, "namespaces": any, "clusterScope": true,
                }));
                others.push(json!({"verbs": any, "nonResourceURLs": any}));
            }
        }
    }
    let mut rule = json!({"subjects": subjects});
    for (field, rules) in [("resourceRules", resources), ("nonResourceRules", others)] {
        if !rules.is_empty() {
            rule[field] = rules.into();
        }
    }
    let mut spec = json!({
        "priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule],
    });
    if !method.is_empty() {
        spec["distinguisherMethod"] = json!({"type": method});
    }
    let found = format!(
        "This FlowSchema references the PriorityLevelConfiguration object named {level:?} and it exists"
    );
    let dangling = json!({"type": "Dangling", "status": "False", "reason": "Found", "message": found,
        "lastTransitionTime": SimTime::ZERO.to_time().to_string()});
    json!({"metadata": meta(name), "spec": spec, "status": {"conditions": [dangling]}})
}

fn subject(text: &str) -> Value {
    let (kind, name) = text.split_once(':').unwrap_or((text, ""));
    match kind {
        "user" => json!({"kind": "User", "user": {"name": name}}),
        "group" => json!({"kind": "Group", "group": {"name": name}}),
        _ => json!({"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": "kube-system"}}),
    }
}

/// The APIServices that there should be: those of the server's own groups, of custom kinds', and of metrics.
fn api_services(api: &ApiServer) -> Vec<Value> {
    let mut services: Vec<Value> = SERVED
        .iter()
        .map(|(version, group, of_group, of_version)| {
            service(group, version, (*of_group, *of_version), "onstart")
        })
        .collect();
    for definition in api.view().objects(Kind::CUSTOM_RESOURCE_DEFINITION, None) {
        let spec = definition.part("spec");
        let group = spec["group"].as_str().unwrap_or_default();
        let served =
            spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
        for version in served.filter_map(|version| version["name"].as_str()) {
            let service = service(group, version, (1_000, 100), "true");
            if !services.contains(&service) {
                services.push(service);
            }
        }
    }
    if api.metrics().is_some() {
        let mut metrics = service("metrics.k8s.io", "v1beta1", (100, 100), "");
        metrics["spec"]["service"] =
            json!({"name": "metrics-server", "namespace": "kube-system", "port": 443});
        metrics["spec"]["insecureSkipTLSVerify"] = true.into();
        metrics["status"]["conditions"][0]["reason"] = "Passed".into();
        metrics["status"]["conditions"][0]["message"] = "all checks passed".into();
        services.push(metrics);
    }
    services
}

fn service(group: &str, version: &str, (of_group, of_version): (u32, u32), managed: &str) -> Value {
    let mut meta = json!({"name": format!("{version}.{group}")});
    if !managed.is_empty() {
        meta["labels"] = json!({AUTOMANAGED: managed});
    }
    let mut spec =
        json!({"version": version, "groupPriorityMinimum": of_group, "versionPriority": of_version});
    if !group.is_empty() {
        spec["group"] = group.into();
    }
    let condition = json!({"type": "Available", "status": "True", "reason": "Local",
        "message": "Local APIServices are always available", "lastTransitionTime": SimTime::ZERO.to_time().to_string()});
    json!({"metadata": meta, "spec": spec, "status": {"conditions": [condition]}})
}

/// Removes the APIServices of definitions that are gone.
fn forget(api: &mut ApiServer, wanted: &[Value]) {
    let is_wanted = |name: &str| wanted.iter().any(|service| service["metadata"]["name"] == name);
    let managed = api.view().objects(Kind::API_SERVICE, None);
    let gone: Vec<Key> = managed
        .filter(|object| object.labels().contains_key(AUTOMANAGED) && !is_wanted(object.name()))
        .map(|object| object.key())
        .collect();
    for key in gone {
        drop(api.delete(&Origin::new(Actor::ApiServer), &key, &DeleteOptions::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_there_and_passes_the_servers_own_checks() {
        let mut api = ApiServer::new(1);
        show(&mut api, "kubectl get pods", 1);
        assert_eq!(api.view().objects(Kind::FLOW_SCHEMA, None).count(), 0);
        for _ in 0..2 {
            show(&mut api, "kubectl get flowschemas,apiservices.apiregistration.k8s.io", 1);
            let count = |kind| api.view().objects(kind, None).count();
            assert_eq!(count(Kind::FLOW_SCHEMA), SCHEMAS.len());
            assert_eq!(count(Kind::PRIORITY_LEVEL_CONFIGURATION), LEVELS.len() + 1);
            assert_eq!(count(Kind::API_SERVICE), SERVED.len());
        }
    }

    #[test]
    fn all_of_it_passes_the_servers_own_checks() {
        let mut simulation = crate::sim::Simulation::new(crate::sim::Config::with_nodes(1, Vec::new()));
        simulation.show_standing();
        for (kind, value) in roles::of_components() {
            let key = Object::from_value(kind, value).unwrap().key();
            assert!(simulation.api().view().object(&key).is_some(), "{key:?}");
        }
    }
}
