//! What the server says of itself: its health, its version, its groups and kinds.

use serde_json::{Value, json};

use crate::api::Kind;
use crate::kubectl::Call;
use crate::kubectl::commands::info::{VERSION_TEXT, verbs};
use crate::kubectl::subresource::has;

/// What a server of 1.36 goes through when it is asked how it is, beside the hooks that it has run since its start.
const CHECKS: [&str; 4] = ["ping", "log", "loopback-serving-certificate", "etcd"];
/// The hooks of such a server, in the order in which they are told.
const HOOKS: [&str; 31] = [
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "aggregator-reload-proxy-client-cert",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
    "autoregister-completion",
    "apiservice-openapi-controller",
    "apiservice-openapiv3-controller",
];

/// Where the server says how it is.
const HEALTH: [&str; 3] = ["healthz", "livez", "readyz"];

/// What it looks at: to be ready takes more than to live.
fn checks(ready: bool) -> Vec<String> {
    let more: &[&str] = if ready { &["etcd-readiness", "informer-sync"] } else { &[] };
    let hooks = HOOKS.iter().map(|hook| match *hook {
        "autoregister-completion" => hook.to_string(),
        hook => format!("poststarthook/{hook}"),
    });
    let checks = CHECKS.iter().chain(more).map(|check| check.to_string()).chain(hooks);
    checks.chain(ready.then(|| "shutdown".to_string())).collect()
}

/// How the server is. Neither it nor etcd can be stopped here and every hook has run by the time that anybody can ask, so that
/// all is well with one that answers.
pub fn health(path: &str, query: &str) -> Option<String> {
    let (what, one) = path.strip_prefix('/')?.split_once('/').unwrap_or((&path[1..], ""));
    if !HEALTH.contains(&what) {
        return None;
    }
    let checks = checks(what == "readyz");
    if !one.is_empty() {
        return checks.iter().any(|check| check == one).then(|| "ok".into());
    }
    if values(query, "verbose").is_empty() {
        return Some("ok".into());
    }
    let left_out = values(query, "exclude");
    let unknown: Vec<String> = left_out
        .iter()
        .filter(|name| !checks.iter().any(|check| check == *name))
        .map(|name| format!("{name:?}"))
        .collect();
    let warning = match unknown.is_empty() {
        true => String::new(),
        false => {
            format!("warn: some health checks cannot be excluded: no matches for {}\n", unknown.join(","))
        }
    };
    let lines = checks.into_iter().map(|check| match left_out.contains(&check.as_str()) {
        true => format!("[+]{check} excluded: ok\n"),
        false => format!("[+]{check} ok\n"),
    });
    Some(format!("{}{warning}{what} check passed\n", lines.collect::<String>()))
}

/// What a query says of one thing; a name alone says nothing of it, and that once.
fn values<'a>(query: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

/// The version, spread over lines as the server writes it.
pub fn version(path: &str) -> Option<String> {
    (path == "/version").then(|| {
        let fields =
            [("major", "1"), ("minor", "36"), ("gitVersion", VERSION_TEXT), ("platform", "linux/amd64")];
        let lines = fields.map(|(name, value)| format!("  \"{name}\": \"{value}\""));
        format!("{{\n{}\n}}", lines.join(",\n"))
    })
}

/// The groups, versions and kinds; nothing at a path of objects.
pub fn answer(call: &Call<'_, '_>, path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Some(json!({"paths": paths(call)})),
        ["api"] => Some(versions()),
        ["apis"] => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(call)})),
        ["apis", name] => {
            let mut group = groups(call).into_iter().find(|group| group["name"] == *name)?;
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            Some(group)
        }
        ["api", version] => resources(call, version),
        ["apis", group, version] => resources(call, &format!("{group}/{version}")),
        _ => None,
    }
}

/// Every path that leads on, as the root lists them.
fn paths(call: &Call<'_, '_>) -> Vec<String> {
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis", "/version"].map(String::from).into();
    for group in groups(call) {
        let name = group["name"].as_str().unwrap_or_default();
        paths.push(format!("/apis/{name}"));
        let versions = group["versions"].as_array().into_iter().flatten();
        paths.extend(
            versions.filter_map(|version| Some(format!("/apis/{}", version["groupVersion"].as_str()?))),
        );
    }
    for what in HEALTH {
        let ready = what == "readyz";
        paths.push(format!("/{what}"));
        paths.extend(checks(ready).into_iter().map(|check| format!("/{what}/{check}")));
    }
    crate::api::sorting::sort_by(&mut paths, |a, b| a.cmp(b));
    paths
}

fn versions() -> Value {
    let address = json!({"clientCIDR": "0.0.0.0/0", "serverAddress": "kubeviz:6443"});
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})
}

fn groups(call: &Call<'_, '_>) -> Vec<Value> {
    let view = call.client.live();
    let mut groups: Vec<(String, String)> = Vec::new();
    for kind in view.kinds() {
        let api_version = view.api_version(kind);
        let Some((group, version)) = api_version.split_once('/') else { continue };
        if !groups.iter().any(|(known, _)| known == group) {
            groups.push((group.to_string(), version.to_string()));
        }
    }
    let group = |(name, version): (String, String)| {
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    groups.into_iter().map(group).collect()
}

fn resources(call: &Call<'_, '_>, group_version: &str) -> Option<Value> {
    let view = call.client.live();
    let kinds = view.kinds().into_iter().filter(|kind| view.api_version(*kind) == group_version);
    let resource = |kind: Kind| {
        let info = kind.info();
        let mut value = json!({
            "name": info.plural, "singularName": info.singular, "namespaced": info.namespaced, "kind": info.kind,
            "verbs": verbs(kind).split(',').collect::<Vec<_>>(),
        });
        if !info.short_names.is_empty() {
            value["shortNames"] = info.short_names.to_vec().into();
        }
        value
    };
    let resources: Vec<Value> =
        kinds.flat_map(|kind| std::iter::once(resource(kind)).chain(parts(call, kind))).collect();
    (!resources.is_empty())
        .then(|| json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}))
}

/// The parts of a kind's objects that have paths of their own.
fn parts(call: &Call<'_, '_>, kind: Kind) -> Vec<Value> {
    let info = kind.info();
    let mut parts: Vec<Value> = Vec::new();
    let mut add = |part: &str, served_as: (&str, &str, &str), verbs: &[&str]| {
        let (group, version, kind) = served_as;
        let mut value = json!({
            "name": format!("{}/{part}", info.plural), "singularName": "", "namespaced": info.namespaced, "kind": kind, "verbs": verbs,
        });
        if !version.is_empty() {
            value["version"] = version.into();
        }
        if !group.is_empty() {
            value["group"] = group.into();
        }
        parts.push(value);
    };
    let (own, changes) = (("", "", info.kind), ["get", "patch", "update"]);
    match kind {
        Kind::CERTIFICATE_SIGNING_REQUEST => add("approval", own, &changes),
        Kind::NAMESPACE => add("finalize", own, &["update"]),
        Kind::SERVICE => add("proxy", ("", "", "ServiceProxyOptions"), &["get"]),
        Kind::SERVICE_ACCOUNT => add("token", ("authentication.k8s.io", "v1", "TokenRequest"), &["create"]),
        Kind::POD => {
            add("binding", ("", "", "Binding"), &["create"]);
            add("ephemeralcontainers", own, &changes);
            add("eviction", ("policy", "v1", "Eviction"), &["create"]);
            add("exec", ("", "", "PodExecOptions"), &["create", "get"]);
            add("log", own, &["get"]);
            add("portforward", ("", "", "PodPortForwardOptions"), &["create", "get"]);
            add("proxy", ("", "", "PodProxyOptions"), &["get"]);
        }
        _ => {}
    }
    for part in ["resize", "scale", "status"].into_iter().filter(|part| has(call.client.live(), kind, part)) {
        add(part, if part == "scale" { ("autoscaling", "v1", "Scale") } else { own }, &changes);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_says_how_it_is_and_what_it_has_looked_at() {
        assert_eq!(health("/livez", "").as_deref(), Some("ok"));
        assert_eq!(health("/readyz/etcd", "").as_deref(), Some("ok"));
        assert_eq!(health("/readyz/nope", ""), None);
        assert_eq!(health("/version", ""), None);
        let live = health("/livez", "verbose").unwrap_or_default();
        assert!(
            live.starts_with(
                "[+]ping ok\n[+]log ok\n[+]loopback-serving-certificate ok\n[+]etcd ok\n[+]poststarthook/"
            ),
            "{live}"
        );
        assert!(live.ends_with("\nlivez check passed\n"), "{live}");
        let ready = health("/readyz", "verbose&exclude=etcd").unwrap_or_default();
        assert!(
            ready.contains("[+]etcd excluded: ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n"),
            "{ready}"
        );
        assert!(ready.ends_with("[+]shutdown ok\nreadyz check passed\n"), "{ready}");
        let odd = health("/livez", "verbose&exclude=nothing&exclude=etcd&exclude=more").unwrap_or_default();
        let warning = "warn: some health checks cannot be excluded: no matches for \"nothing\",\"more\"\n";
        assert!(odd.ends_with(&format!("{warning}livez check passed\n")), "{odd}");
    }
}
