//! For whom an endpoint is meant, where traffic is to stay close: of the zone that it is in, or of its node
//! (`trafficdist.ReconcileHints`), or of a zone by [`super::topology`].

use super::plan::{Plan, Slice};
use crate::api::EndpointSlice;
use crate::api::k8s::{Endpoint, EndpointHints, ForNode, ForZone};

/// Whether an endpoint takes traffic: only those have hints.
pub fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
}

/// The hint that an endpoint is for a zone.
pub fn zone_hint(zone: &str) -> EndpointHints {
    EndpointHints { for_zones: Some(vec![ForZone { name: zone.into() }]), for_nodes: None }
}

/// The slices that a plan leaves as they are.
pub fn unchanged(plan: &Plan, existing: &[&EndpointSlice]) -> Vec<usize> {
    let touched =
        |index: &usize| plan.delete.contains(index) || plan.update.iter().any(|(at, _)| at == index);
    (0..existing.len()).filter(|index| !touched(index)).collect()
}

/// Plans to write a slice that would have been left as it is. What is written has no hints yet.
pub fn take_up(plan: &mut Plan, existing: &[&EndpointSlice], index: usize) {
    let fields = &existing[index].spec;
    let plain = |endpoint: &Endpoint| Endpoint { hints: None, ..endpoint.clone() };
    let slice = Slice {
        ports: fields.ports.clone().unwrap_or_default(),
        endpoints: fields.endpoints.iter().map(plain).collect(),
        v6: false,
    };
    plan.update.push((index, slice));
}

/// Sees to it that no endpoint has hints.
pub fn strip(plan: &mut Plan, existing: &[&EndpointSlice]) {
    for endpoint in plan.contents_mut().flat_map(|slice| &mut slice.endpoints) {
        endpoint.hints = None;
    }
    let hinted =
        |index: &usize| existing[*index].spec.endpoints.iter().any(|endpoint| endpoint.hints.is_some());
    let stale: Vec<usize> = unchanged(plan, existing).into_iter().filter(hinted).collect();
    stale.into_iter().for_each(|index| take_up(plan, existing, index));
}

/// Sees to it that every endpoint is for its own zone, and for its own node where that is wanted.
pub fn keep_close(distribution: &str, plan: &mut Plan, existing: &[&EndpointSlice]) {
    let by_node = distribution == "PreferSameNode";
    let wrong = |index: &usize| {
        let mut ready = existing[*index].spec.endpoints.iter().filter(|endpoint| is_ready(endpoint));
        ready.any(|endpoint| endpoint.hints != close_hints(endpoint, by_node))
    };
    let stale: Vec<usize> = unchanged(plan, existing).into_iter().filter(wrong).collect();
    stale.into_iter().for_each(|index| take_up(plan, existing, index));
    let written = plan.contents_mut().flat_map(|slice| &mut slice.endpoints);
    for endpoint in written.filter(|endpoint| is_ready(endpoint)) {
        endpoint.hints = close_hints(endpoint, by_node);
    }
}

fn close_hints(endpoint: &Endpoint, by_node: bool) -> Option<EndpointHints> {
    let for_zones = endpoint.zone.as_ref().map(|zone| vec![ForZone { name: zone.clone() }]);
    let for_nodes = endpoint.node_name.as_ref().filter(|_| by_node);
    let for_nodes = for_nodes.map(|node| vec![ForNode { name: node.clone() }]);
    (for_zones.is_some() || for_nodes.is_some()).then_some(EndpointHints { for_zones, for_nodes })
}
