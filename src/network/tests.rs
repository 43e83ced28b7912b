//! The rules of the network, each by itself: names, the choice of endpoints, Ingress rules, policies.

use std::sync::Arc;

use serde_json::{Value, json};

use super::dns::{self, Name, Resolver};
use super::policy::{self, End, Port};
use super::proxy::{self, Backend, Choice};
use super::{ingress, proxy::Past, proxy::Proxies};
use crate::api::k8s::NamespaceSpec;
use crate::api::k8s::ObjectMeta;
use crate::api::meta::StringMap;
use crate::api::{Kind, Namespace, Object, Service};
use crate::client::{Actor, ApiServer, Client, View};
use crate::clock::{SimDuration, SimTime};

/// A cluster with these objects, statuses included, in the namespaces `default` and `other` (labelled `team=b`).
fn cluster(objects: &[(Kind, Value)]) -> View {
    let mut api = ApiServer::new(1);
    let mut client = Client::new(&mut api, Actor::User, None);
    for (name, team) in [("default", "a"), ("other", "b")] {
        let labels = Some([("team".to_string(), team.to_string())].into());
        let meta = ObjectMeta { name: Some(name.into()), labels, ..Default::default() };
        let made = client.create_object(Namespace::new(meta, NamespaceSpec::default()).into());
        made.unwrap_or_else(|why| panic!("{why}"));
    }
    for (kind, value) in objects {
        let mut value = value.clone();
        if value["metadata"]["namespace"].is_null() {
            value["metadata"]["namespace"] = "default".into();
        }
        let read = || Object::from_value(*kind, value.clone()).unwrap_or_else(|_| panic!("{value}"));
        let made = client.create_object(read()).unwrap_or_else(|why| panic!("{why}"));
        if !value["status"].is_null() {
            let mut with_status = (*made).clone();
            with_status.take_status(&read());
            client.update_object_status(with_status).unwrap_or_else(|why| panic!("{why}"));
        }
    }
    api.view().clone()
}

fn labels(pairs: &[(&str, &str)]) -> StringMap {
    pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

fn service(name: &str, spec: Value) -> (Kind, Value) {
    (Kind::SERVICE, json!({"metadata": {"name": name}, "spec": spec}))
}

fn slice(service: &str, endpoints: Value) -> (Kind, Value) {
    let labels = json!({"kubernetes.io/service-name": service});
    let ports = json!([{"name": "", "port": 8080, "protocol": "TCP"}]);
    let meta = json!({"name": format!("{service}-1"), "labels": labels});
    (
        Kind::ENDPOINT_SLICE,
        json!({"metadata": meta, "addressType": "IPv4", "ports": ports, "endpoints": endpoints}),
    )
}

#[test]
fn policies_add_up() {
    let (front, back) = (labels(&[("role", "front")]), labels(&[("role", "back")]));
    let end = |namespace: &'static str, labels| End {
        ip: "10.244.1.9",
        pod: Some((namespace, labels)),
        containers: &[],
    };
    let server_labels = labels(&[("app", "web")]);
    let server = End { ip: "10.244.2.2", pod: Some(("default", &server_labels)), containers: &[] };
    let senders: [(&str, End<'_>); 4] = [
        ("front", end("default", &front)),
        ("back", end("default", &back)),
        ("other front", end("other", &front)),
        ("outside", End::outside("203.0.113.77")),
    ];
    let web = json!({"matchLabels": {"app": "web"}});
    let rule = |from: Value| json!({"podSelector": web, "ingress": [{"from": from}]});
    let front_pods = json!({"podSelector": {"matchLabels": {"role": "front"}}});
    let team_b = json!({"namespaceSelector": {"matchLabels": {"team": "b"}}});
    let both = json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "front"}}});
    let block = json!({"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.64/28"]}});
    let cases: Vec<(&str, Vec<Value>, Vec<&str>)> = vec![
        ("no policy", vec![], vec!["front", "back", "other front", "outside"]),
        ("deny all", vec![json!({"podSelector": {}, "policyTypes": ["Ingress"]})], vec![]),
        (
            "of other pods",
            vec![json!({"podSelector": {"matchLabels": {"app": "db"}}})],
            vec!["front", "back", "other front", "outside"],
        ),
        (
            "all may",
            vec![json!({"podSelector": web, "ingress": [{}]})],
            vec!["front", "back", "other front", "outside"],
        ),
        ("pods of its own namespace", vec![rule(json!([front_pods]))], vec!["front"]),
        ("a namespace", vec![rule(json!([team_b]))], vec!["other front"]),
        ("pods of any namespace", vec![rule(json!([both]))], vec!["front", "other front"]),
        ("a block", vec![rule(json!([{"ipBlock": {"cidr": "203.0.113.0/24"}}]))], vec!["outside"]),
        ("a block with a hole", vec![rule(json!([block]))], vec![]),
        (
            "two policies",
            vec![rule(json!([front_pods])), rule(json!([team_b]))],
            vec!["front", "other front"],
        ),
        (
            "egress of the server only",
            vec![json!({"podSelector": web, "policyTypes": ["Egress"]})],
            vec!["front", "back", "other front", "outside"],
        ),
        ("another port", vec![json!({"podSelector": web, "ingress": [{"ports": [{"port": 81}]}]})], vec![]),
        (
            "a range of ports",
            vec![json!({"podSelector": web, "ingress": [{"ports": [{"port": 8000, "endPort": 8100}]}]})],
            vec!["front", "back", "other front", "outside"],
        ),
        (
            "another protocol",
            vec![json!({"podSelector": web, "ingress": [{"ports": [{"port": 8080, "protocol": "UDP"}]}]})],
            vec![],
        ),
    ];
    for (name, specs, want) in cases {
        let policy = |(at, spec): (usize, &Value)| {
            (Kind::NETWORK_POLICY, json!({"metadata": {"name": format!("p{at}")}, "spec": spec}))
        };
        let objects: Vec<(Kind, Value)> = specs.iter().enumerate().map(policy).collect();
        let view = cluster(&objects);
        let port = Port { number: 8080, protocol: "TCP" };
        let allowed: Vec<&str> = senders
            .iter()
            .filter(|(_, from)| policy::verdict(&view, *from, server, port).allowed)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(allowed, want, "{name}");
    }
}

#[test]
fn ranges_hold_their_addresses() {
    for (cidr, ip, want) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("0.0.0.0/0", "203.0.113.7", true),
        ("203.0.113.7/32", "203.0.113.8", false),
        ("fd00::/8", "fd12::1", true),
        ("fd00::/8", "10.0.0.1", false),
        ("nonsense", "10.0.0.1", false),
    ] {
        assert_eq!(policy::in_cidr(cidr, ip), want, "{cidr} {ip}");
    }
}

#[test]
fn names_stand_for_services_pods_and_hosts_outside() {
    let ready = json!([
        {"addresses": ["10.244.1.2"], "conditions": {"ready": true}, "hostname": "db-0"},
        {"addresses": ["10.244.2.2"], "conditions": {"ready": false}, "hostname": "db-1"}
    ]);
    let view = cluster(&[
        service("web", json!({"ports": [{"port": 80}]})),
        service("db", json!({"clusterIP": "None", "ports": [{"port": 5432}]})),
        slice("db", ready),
        service("empty", json!({"clusterIP": "None", "ports": [{"port": 80}]})),
        service("docs", json!({"type": "ExternalName", "externalName": "docs.example.com"})),
        service("alias", json!({"type": "ExternalName", "externalName": "web.default.svc.cluster.local"})),
    ]);
    let web = || Name::Service("default".into(), "web".into());
    let db = |name: &str| Name::Pods {
        service: Some(("default".into(), "db".into())),
        name: name.into(),
        addresses: vec!["10.244.1.2".into()],
    };
    for (namespace, name, want) in [
        ("default", "web", web()),
        ("default", "web.default.svc.cluster.local.", web()),
        ("default", "WEB", web()),
        ("other", "web", Name::Nothing),
        ("other", "web.default", web()),
        ("other", "web.default.svc", web()),
        ("default", "db", db("db.default.svc.cluster.local")),
        ("default", "db-0.db", db("db-0.db.default.svc.cluster.local")),
        ("default", "db-1.db", Name::Nothing),
        ("default", "empty", Name::Nothing),
        ("default", "docs", Name::Outside("docs.example.com".into())),
        ("default", "alias", web()),
        ("default", "example.com", Name::Outside("example.com".into())),
        ("default", "10.0.0.1", Name::Address("10.0.0.1".into())),
        ("default", "web.svc.cluster.local", Name::Nothing),
    ] {
        assert_eq!(
            dns::resolve(&view, Resolver::in_namespace(namespace), name),
            want,
            "{name} in {namespace}"
        );
    }
    let node = Resolver { namespace: None, searches: &[] };
    assert_eq!(dns::resolve(&view, node, "web"), Name::Nothing, "a node's resolver knows no Services");
}

#[test]
fn rules_of_all_ingresses_are_taken_together() {
    let path = |path: &str, kind: &str, service: &str| json!({"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": 80}}}});
    let rule = |host: &str, paths: Vec<Value>| match host {
        "" => json!({"http": {"paths": paths}}),
        host => json!({"host": host, "http": {"paths": paths}}),
    };
    let served = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}});
    let view = cluster(&[
        (
            Kind::INGRESS,
            json!({"metadata": {"name": "a"}, "status": served, "spec": {"rules": [
                rule("shop.example.com", vec![path("/", "Prefix", "root"), path("/cart", "Prefix", "cart"), path("/cart", "Exact", "exact")]),
                rule("*.example.com", vec![path("/", "Prefix", "wild")]),
                rule("", vec![path("/any", "Prefix", "any")]),
            ]}}),
        ),
        (
            Kind::INGRESS,
            json!({"metadata": {"name": "b"}, "status": served, "spec": {"defaultBackend": {"service": {"name": "rest", "port": {"number": 80}}}}}),
        ),
        (
            Kind::INGRESS,
            json!({"metadata": {"name": "unserved"}, "spec": {"rules": [rule("shop.example.com", vec![path("/cart/x", "Exact", "never")])]}}),
        ),
    ]);
    for (host, path, want) in [
        ("shop.example.com", "/", "root"),
        ("shop.example.com", "/cart", "exact"),
        ("shop.example.com", "/cart/", "cart"),
        ("shop.example.com", "/cart/x?y=1", "cart"),
        ("shop.example.com", "/carts", "root"),
        ("Shop.Example.com:8080", "/", "root"),
        ("other.example.com", "/cart", "wild"),
        ("a.b.example.com", "/x", "rest"),
        ("example.com", "/any/x", "any"),
        ("example.com", "/", "rest"),
    ] {
        let found = ingress::route(&view, host, path).map(|route| route.service);
        assert_eq!(found.as_deref(), Some(want), "{host}{path}");
    }
}

#[test]
fn a_node_chooses_among_ready_endpoints_and_falls_back_on_those_that_still_serve() {
    let backend = |ip: &str, node: &str, ready: bool, serving: bool, terminating: bool| Backend {
        node: Some(node.into()),
        ready,
        serving,
        terminating,
        ..Backend::at(ip, 80)
    };
    let zoned = |ip: &str, zone: &str| Backend { zones: vec![zone.into()], ..Backend::at(ip, 80) };
    let nodes = |ip: &str, node: &str| Backend { nodes: vec![node.into()], ..Backend::at(ip, 80) };
    let view = cluster_with_node("n1", "z1");
    let cluster_wide = Service::default();
    let local = |external: bool| {
        let mut spec = crate::api::k8s::ServiceSpec::default();
        let policy = Some("Local".to_string());
        if external {
            spec.external_traffic_policy = policy
        } else {
            spec.internal_traffic_policy = policy
        }
        Service::new(Default::default(), spec)
    };
    let (up, draining, down) = ((true, true, false), (false, true, true), (false, false, false));
    let at = |ip: &str, node: &str, state: (bool, bool, bool)| backend(ip, node, state.0, state.1, state.2);
    let chosen = |service: &Service, all: &[Backend], external: bool| match proxy::choose(
        &view,
        service,
        &all.iter().cloned().map(Arc::new).collect::<Vec<_>>(),
        "n1",
        external,
    ) {
        Choice::Among(found) => found.iter().map(|one| one.ip.to_string()).collect::<Vec<_>>().join(" "),
        Choice::Reject => "reject".into(),
        Choice::Drop => "drop".into(),
    };
    let far_only = [at("b", "n2", up)];
    for (name, service, all, external, want) in [
        ("none", &cluster_wide, vec![], false, "reject"),
        ("none that serves", &cluster_wide, vec![at("a", "n1", down)], false, "reject"),
        (
            "ready ones",
            &cluster_wide,
            vec![at("a", "n1", up), at("b", "n2", up), at("c", "n2", draining)],
            false,
            "a b",
        ),
        ("draining ones", &cluster_wide, vec![at("a", "n1", draining), at("b", "n2", down)], false, "a"),
        ("its own", &local(false), vec![at("a", "n1", up), at("b", "n2", up)], false, "a"),
        ("its own that drain", &local(true), vec![at("a", "n1", draining), at("b", "n2", up)], true, "a"),
        ("none of its own", &local(false), far_only.to_vec(), false, "drop"),
        ("the policy for the other side", &local(true), far_only.to_vec(), false, "b"),
        ("its zone", &cluster_wide, vec![zoned("a", "z1"), zoned("b", "z2")], false, "a"),
        ("no zone for some", &cluster_wide, vec![zoned("a", "z1"), at("b", "n2", up)], false, "a b"),
        ("none in its zone", &cluster_wide, vec![zoned("b", "z2")], false, "b"),
        ("its node", &cluster_wide, vec![nodes("a", "n1"), nodes("b", "n2")], false, "a"),
    ] {
        assert_eq!(chosen(service, &all, external), want, "{name}");
    }
}

fn cluster_with_node(name: &str, zone: &str) -> View {
    let mut api = ApiServer::new(1);
    let labels = Some([("topology.kubernetes.io/zone".to_string(), zone.to_string())].into());
    let meta = ObjectMeta { name: Some(name.into()), labels, ..Default::default() };
    let node = crate::api::Node::new(meta, Default::default());
    let made = Client::new(&mut api, Actor::User, None).create_object(node.into());
    made.unwrap_or_else(|why| panic!("{why}"));
    api.view().clone()
}

#[test]
fn a_proxy_is_a_moment_behind_and_writes_its_rules_once_a_second() {
    let view = |count: usize| {
        let all: Vec<(Kind, Value)> =
            (0..count).map(|at| service(&format!("s{at}"), json!({"ports": [{"port": 80}]}))).collect();
        cluster(&all)
    };
    let mut past = Past::default();
    let at = |millis: u64| SimTime::from_secs(10) + SimDuration::from_millis(millis);
    past.note(SimTime::ZERO, &view(0));
    past.note(at(0), &view(1));
    past.note(at(300), &view(2));
    let mut proxies = Proxies::default();
    let known = |proxies: &mut Proxies, millis: u64| {
        let state = proxies.state(&past, &"n1".into(), 1, at(millis)).unwrap_or_else(|| panic!("a state"));
        state.view.list::<Service>(None).count()
    };
    let seen: Vec<usize> = [0, 10, 100, 400, 900, 1_100].map(|millis| known(&mut proxies, millis)).to_vec();
    assert_eq!(seen, [0, 0, 1, 1, 1, 2]);
}
