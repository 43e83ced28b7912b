//! Which nodes pods with claims fit, and what their claims get.

use serde_json::{Value, json};

use super::*;
use crate::api::{Key, Object, Pod};
use crate::client::View;
use crate::scheduler::cache::Cache;
use crate::scheduler::plugins::test_support::{cluster, filter_all, object, put, view_of};
use crate::scheduler::queue::Nominator;
use crate::testing::{PodBuilder, node, pod};

fn class(name: &str, expression: &str) -> Object {
    let selectors = json!([{"cel": {"expression": expression}}]);
    object(Kind::DEVICE_CLASS, json!({"metadata": {"name": name}, "spec": {"selectors": selectors}}))
}

/// A slice of a node's own pool: devices by name, with their models.
fn slice(node: &str, devices: &[(&str, &str)]) -> Object {
    let device = |(name, model): &(&str, &str)| {
        json!({"name": name, "attributes": {
            "model": {"string": model}, "firmware": {"version": "1.2.0"}, "dra.io/numa": {"int": name.len()},
        }, "capacity": {"memory": {"value": "40Gi"}}})
    };
    let devices: Vec<Value> = devices.iter().map(device).collect();
    let pool = json!({"name": node, "generation": 1, "resourceSliceCount": 1});
    let spec = json!({"driver": "gpu.io", "nodeName": node, "pool": pool, "devices": devices});
    object(Kind::RESOURCE_SLICE, json!({"metadata": {"name": node}, "spec": spec}))
}

fn claim(name: &str, devices: Value, status: Value) -> Object {
    let metadata = json!({"name": name, "namespace": "default", "uid": name});
    object(
        Kind::RESOURCE_CLAIM,
        json!({"metadata": metadata, "spec": {"devices": devices}, "status": status}),
    )
}

/// A claim for so many devices of class `gpu`.
fn some(name: &str, count: u32) -> Object {
    claim(name, json!({"requests": [exactly(count)]}), Value::Null)
}

fn exactly(count: u32) -> Value {
    json!({"name": "r", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": count}})
}

fn with_claims(names: &[&str]) -> PodBuilder {
    let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    pod("p").with(move |spec| {
        let claim = |name: &String| crate::api::k8s::PodResourceClaim {
            name: name.clone(),
            resource_claim_name: Some(name.clone()),
            ..Default::default()
        };
        spec.resource_claims = Some(names.iter().map(claim).collect());
    })
}

fn nodes() -> Cache {
    cluster([node("n1"), node("n2")], [])
}

fn fleet() -> View {
    view_of([
        class("gpu", "device.driver == 'gpu.io'"),
        slice("n1", &[("a", "small")]),
        slice("n2", &[("a", "small"), ("b", "large"), ("cc", "large")]),
    ])
}

#[track_caller]
fn check(what: &str, devices: Value, want: [Option<&str>; 2]) {
    let mut view = fleet();
    put(&mut view, claim("c", devices, Value::Null));
    let got = filter_all(DynamicResources, with_claims(&["c"]), &nodes(), &view);
    assert_eq!(got, want.map(|words| words.map(String::from)), "{what}");
}

const SHORT: Option<&str> = Some("cannot allocate all claims");

#[test]
fn a_claim_is_allocated_where_enough_devices_suit() {
    let request = |more: Value| {
        let mut request = exactly(1);
        for (name, value) in more.as_object().into_iter().flatten() {
            request["exactly"][name] = value.clone();
        }
        json!({"requests": [request]})
    };
    let selecting = |expression: &str| request(json!({"selectors": [{"cel": {"expression": expression}}]}));
    check("one", request(json!({})), [None, None]);
    check("two", request(json!({"count": 2})), [SHORT, None]);
    check("more than there are", request(json!({"count": 4})), [SHORT, SHORT]);
    check("all", request(json!({"allocationMode": "All"})), [None, None]);
    check("by an attribute", selecting("device.attributes['gpu.io'].model == 'large'"), [SHORT, None]);
    check("by another domain", selecting("device.attributes['dra.io'].numa == 2"), [SHORT, None]);
    check(
        "by a version",
        selecting("device.attributes['gpu.io'].firmware.isGreaterThan(semver('1.1.0'))"),
        [None, None],
    );
    check(
        "by a capacity",
        selecting("device.capacity['gpu.io'].memory.compareTo(quantity('80Gi')) >= 0"),
        [SHORT, SHORT],
    );
    check("of a domain that is not there", selecting("'x' in device.attributes['other.io']"), [SHORT, SHORT]);
}

#[test]
fn alternatives_and_constraints_are_heeded() {
    let sub = |name: &str, count: u32| json!({"name": name, "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": count});
    let either = |counts: [u32; 2]| json!({"requests": [{"name": "r", "firstAvailable": [sub("many", counts[0]), sub("few", counts[1])]}]});
    check("the second best", either([9, 1]), [None, None]);
    check("neither", either([9, 2]), [SHORT, None]);
    let same = |attribute: &str, count: u32| json!({"requests": [exactly(count)], "constraints": [{"requests": ["r"], "matchAttribute": attribute}]});
    check("two of one model", same("gpu.io/model", 2), [SHORT, None]);
    check("three of one model", same("gpu.io/model", 3), [SHORT, SHORT]);
    check("two by an attribute that none has", same("gpu.io/absent", 2), [SHORT, SHORT]);
}

#[test]
fn what_others_hold_is_gone_and_what_one_holds_keeps_one_near() {
    let result = |device: &str| json!({"request": "r", "driver": "gpu.io", "pool": "n1", "device": device});
    let on = |host: &str| {
        let term = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [host]}]});
        json!({"nodeSelectorTerms": [term]})
    };
    let held = |name: &str| {
        let allocation = json!({"devices": {"results": [result("a")]}, "nodeSelector": on("n1")});
        claim(name, json!({}), json!({"allocation": allocation}))
    };
    let mut view = fleet();
    put(&mut view, held("mine"));
    put(&mut view, some("new", 1));
    let words = |names: &[&str]| filter_all(DynamicResources, with_claims(names), &nodes(), &view);
    assert_eq!(words(&["new"]), [SHORT.map(String::from), None]);
    assert_eq!(words(&["mine"]), [None, Some("resourceclaim not available on the node".into())]);
}

#[test]
fn pods_wait_for_claims_that_are_not_there() {
    let view = view_of([some("there", 1)]);
    let waits =
        |pod: Pod| DynamicResources.pre_enqueue(&view, &PodInfo::new(pod)).map_err(|status| status.message());
    assert_eq!(waits(with_claims(&["there"]).build()), Ok(()));
    assert_eq!(
        waits(with_claims(&["nope"]).build()),
        Err("could not find ResourceClaim \"default/nope\"".into())
    );
    let by_template = with_claims(&["there"]).with(|spec| {
        let claim = &mut spec.resource_claims.as_mut().expect("a claim")[0];
        claim.resource_claim_template_name = claim.resource_claim_name.take();
    });
    assert_eq!(waits(by_template.build()), Err("pod \"default/p\": ResourceClaim not created yet".into()));
    assert_eq!(
        filter_all(DynamicResources, with_claims(&["there"]), &nodes(), &view),
        [
            Some("request r: device class gpu does not exist".to_string()),
            Some("request r: device class gpu does not exist".to_string())
        ]
    );
}

#[test]
fn an_allocation_names_devices_and_node() {
    let mut view = fleet();
    put(&mut view, some("c", 2));
    let (cache, nominator) = (nodes(), Nominator::default());
    let cx = Context { cache: &cache, view: &view, nominator: &nominator };
    let (mut state, info) = (CycleState::default(), PodInfo::new(with_claims(&["c"]).build()));
    let _ = DynamicResources.pre_filter(&cx, &mut state, &info);
    DynamicResources.reserve(&cx, &mut state, &info, "n2").expect("two devices");
    let granted: &Granted = state.read().expect("an allocation");
    let (claim, allocation) = &granted.claims[0];
    assert_eq!(claim.key, Key::new(Kind::RESOURCE_CLAIM, "default", "c"));
    let result = |device: &str| json!({"request": "r", "driver": "gpu.io", "pool": "n2", "device": device});
    let field = json!({"key": "metadata.name", "operator": "In", "values": ["n2"]});
    let want = json!({
        "devices": {"results": [result("a"), result("b")]},
        "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [field]}]},
    });
    assert_eq!(*allocation, want);
}
