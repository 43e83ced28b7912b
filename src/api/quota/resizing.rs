//! What the containers of a pod ask for, or still hold while they are being resized (`resourcehelper.PodRequests` with the
//! status in use).

use std::collections::BTreeMap;

use super::{Amount, Usage, raise};
use crate::api::Pod;
use crate::api::k8s::{Container, Quantity, ResourceRequirements};
use crate::api::pod_status::resize_is_infeasible;

type List = BTreeMap<String, Quantity>;

/// One of the two lists.
pub fn list(resources: Option<&ResourceRequirements>, limits: bool) -> Option<&List> {
    let resources = resources?;
    if limits { resources.limits.as_ref() } else { resources.requests.as_ref() }
}

fn amounts(list: Option<&List>) -> Usage {
    let mut usage = Usage::new();
    for (name, quantity) in list.into_iter().flatten() {
        usage.insert(name.clone(), Amount::parse(&quantity.0));
    }
    usage
}

/// What a container counts as.
pub fn of_container(pod: &Pod, container: &Container, limits: bool) -> Usage {
    let statuses = [&pod.status.container_statuses, &pod.status.init_container_statuses];
    let status = statuses.into_iter().flatten().flatten().find(|status| status.name == container.name);
    let actual = status.and_then(|status| status.resources.as_ref());
    let allocated = status.and_then(|status| status.allocated_resources.as_ref());
    larger(pod, container.resources.as_ref(), actual, allocated, limits)
}

/// What the pod states for all its containers together counts as.
pub fn of_whole(pod: &Pod, limits: bool) -> Usage {
    let actual = pod.status.resources.as_ref();
    let mut held =
        larger(pod, pod.spec.resources.as_ref(), actual, pod.status.allocated_resources.as_ref(), limits);
    let stated = list(pod.spec.resources.as_ref(), limits);
    held.retain(|name, _| stated.is_some_and(|stated| stated.contains_key(name)));
    held
}

/// The most of what is wanted, what is in effect and, of requests, what the node has set aside. What can never be granted
/// is not counted.
fn larger(
    pod: &Pod,
    wanted: Option<&ResourceRequirements>,
    actual: Option<&ResourceRequirements>,
    allocated: Option<&List>,
    limits: bool,
) -> Usage {
    let wanted = amounts(list(wanted, limits));
    if actual.is_none() {
        return wanted;
    }
    let mut held = if resize_is_infeasible(pod) { Usage::new() } else { wanted };
    raise(&mut held, amounts(list(actual, limits)));
    if !limits {
        raise(&mut held, amounts(allocated));
    }
    held
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::k8s::{ContainerStatus, PodCondition};
    use crate::testing::{container, pod};

    #[test]
    fn a_pod_in_the_midst_of_a_resize_uses_the_more_of_both() {
        let cpu = |amount: &str| -> List { [("cpu".to_string(), Quantity(amount.into()))].into() };
        // What is wanted, what the node has set aside, why the resize waits, and what that counts as.
        let cases = [
            ("500m", "500m", None, "500m"),
            ("900m", "500m", Some("Deferred"), "900m"),
            ("300m", "500m", None, "500m"),
            ("90", "500m", Some("Infeasible"), "500m"),
        ];
        for (wanted, held, waits, expected) in cases {
            let mut pod = pod("a").container(container("app").cpu(wanted)).build();
            let status = Arc::make_mut(&mut pod.status);
            status.container_statuses = Some(vec![ContainerStatus {
                name: "app".into(),
                allocated_resources: Some(cpu(held)),
                resources: Some(ResourceRequirements { requests: Some(cpu(held)), ..Default::default() }),
                ..Default::default()
            }]);
            status.conditions = waits.map(|reason| {
                vec![PodCondition {
                    type_: "PodResizePending".into(),
                    status: "True".into(),
                    reason: Some(reason.into()),
                    ..Default::default()
                }]
            });
            let used = super::super::usage(&pod.into());
            let text = used.get("requests.cpu").map(Amount::text);
            assert_eq!(text.as_deref(), Some(expected), "{wanted} of {held}, {waits:?}");
        }
    }
}
