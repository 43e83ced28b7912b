//! What a resource claim uses: devices, by their class (`evaluator/core/resource_claims.go`).

use serde_json::Value;
use sorted::SortedMap;

use super::{Amount, Usage};
use crate::api::Object;

/// What a quota calls the devices of a class, behind the name of the class.
pub const OF_CLASS: &str = ".deviceclass.resource.k8s.io/devices";

/// A claim never gets more devices than this (`AllocationResultsMaxSize`), which is what a request for all of them counts as.
const MOST: u64 = 32;

/// Adds the devices that a claim may take.
pub fn count(claim: &Object, usage: &mut Usage) {
    let spec = claim.part("spec");
    let mut sum: SortedMap<String, u64> = SortedMap::new();
    for request in list(&spec["devices"]["requests"]) {
        // Of alternatives only one is taken: for each class, the one that asks most.
        let mut largest: SortedMap<String, u64> = SortedMap::new();
        let exactly = Some(&request["exactly"]).filter(|exactly| exactly.is_object());
        for asked in list(&request["firstAvailable"]).iter().chain(exactly) {
            let known = largest.entry(class(asked)).or_insert(0);
            *known = (*known).max(devices(asked));
        }
        for (class, count) in largest {
            let known = sum.entry(class).or_insert(0);
            *known = known.saturating_add(count);
        }
    }
    for (class, count) in sum {
        usage.insert(format!("{class}{OF_CLASS}"), Amount::parse(&count.to_string()));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn class(request: &Value) -> String {
    request["deviceClassName"].as_str().unwrap_or_default().to_string()
}

fn devices(request: &Value) -> u64 {
    match request["allocationMode"].as_str() {
        Some("All") => MOST,
        _ => request["count"].as_u64().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_claim_uses_the_devices_it_may_be_given() {
        let one = |class: &str, count: u64| json!({"deviceClassName": class, "count": count, "allocationMode": "ExactCount"});
        let cases = [
            (
                json!([{"exactly": one("gpu", 2)}, {"exactly": one("gpu", 1)}, {"exactly": one("nic", 1)}]),
                "gpu=3 nic=1",
            ),
            (json!([{"exactly": {"deviceClassName": "gpu", "allocationMode": "All"}}]), "gpu=32"),
            (
                json!([{"firstAvailable": [one("big", 1), one("small", 2), one("small", 4)]}, {"exactly": one("big", 1)}]),
                "big=2 small=4",
            ),
            (json!([]), ""),
        ];
        for (requests, expected) in cases {
            let tree = json!({"metadata": {"name": "c", "namespace": "default"}, "spec": {"devices": {"requests": requests}}});
            let claim = Object::from_value(Kind::RESOURCE_CLAIM, tree).unwrap();
            let mut usage = Usage::new();
            count(&claim, &mut usage);
            let shown = usage.iter().map(|(name, amount)| {
                format!("{}={}", name.strip_suffix(OF_CLASS).unwrap_or("?"), amount.text())
            });
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
        }
    }
}
