//! The rolling update of a DaemonSet: either pods make room for their successors, within `maxUnavailable`, or successors
//! come first, within `maxSurge` (`rollingUpdate`).

use super::nodes;
use super::{Changes, Look};
use crate::api::explain::TurnStep;
use crate::api::int_or_string::{Rounding, scaled};
use crate::api::k8s::IntOrString;
use crate::api::{DaemonSet, MetaExt, Pod};

/// Whether a node may hold an old and a new pod at once.
pub fn allows_surge(set: &DaemonSet) -> bool {
    bound(set, 100, |rolling| rolling.max_surge.as_ref()) > 0
}

fn bound(
    set: &DaemonSet,
    desired: i32,
    field: impl Fn(&crate::api::k8s::RollingUpdateDaemonSet) -> Option<&IntOrString>,
) -> i32 {
    let rolling = set.spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let value = rolling.and_then(field);
    value.and_then(|value| scaled(value, desired, Rounding::Up)).unwrap_or(0)
}

/// The pods of the new and of the old template on one node. `None` where there are two of one sort: one of them goes first.
fn new_and_old<'a>(look: &Look<'_>, pods: &'a [Pod]) -> Option<(Option<&'a Pod>, Option<&'a Pod>)> {
    let (mut new, mut old) = (None, None);
    for pod in pods.iter().filter(|pod| !pod.is_deleting()) {
        let place = if look.is_updated(pod) { &mut new } else { &mut old };
        if place.replace(pod).is_some() {
            return None;
        }
    }
    Some((new, old))
}

/// What the update does next, and by which arithmetic.
pub fn plan(look: &Look<'_>) -> (Changes, TurnStep) {
    let mut nodes: Vec<(&str, &[Pod])> =
        look.pods.iter().map(|(node, pods)| (node.as_str(), pods.as_slice())).collect();
    let mut desired = 0;
    for node in look.nodes.iter().filter(|node| nodes::verdict(look.set, node).run) {
        desired += 1;
        if !look.pods.contains_key(node.name()) {
            nodes.push((node.name(), &[]));
        }
    }
    let surge = bound(look.set, desired, |rolling| rolling.max_surge.as_ref());
    let unavailable = bound(look.set, desired, |rolling| rolling.max_unavailable.as_ref());
    let (field, limit) = match (surge, unavailable) {
        (0, 0) => ("maxUnavailable", i32::from(desired > 0)),
        (0, unavailable) => ("maxUnavailable", unavailable),
        (surge, _) => ("maxSurge", surge),
    };
    let (changes, counted) = match surge {
        0 => make_room(look, &nodes, limit),
        _ => take_over(look, &nodes, desired, limit),
    };
    let old = |pod: &&Pod| !pod.is_deleting() && !look.is_updated(pod);
    let outdated = nodes.iter().flat_map(|(_, pods)| pods.iter()).filter(old).count();
    let moved = changes.create.len() + changes.delete.len();
    let small = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let (outdated, moved, waits) = (small(outdated), small(moved), String::new());
    (changes, TurnStep { desired, field, limit, counted, outdated, moved, waits })
}

/// Old pods that are unavailable go at once, and count against the bound; of the others as many go as it leaves room for.
fn make_room(look: &Look<'_>, nodes: &[(&str, &[Pod])], max_unavailable: i32) -> (Changes, i32) {
    let mut unavailable = 0;
    let (mut delete, mut candidates) = (Vec::new(), Vec::new());
    for (_, pods) in nodes {
        match new_and_old(look, pods) {
            None | Some((None, None) | (Some(_), Some(_))) => unavailable += 1,
            Some((Some(new), None)) => unavailable += i32::from(!look.is_available(new)),
            Some((None, Some(old))) if look.is_available(old) => candidates.push(old.clone()),
            Some((None, Some(old))) => {
                unavailable += 1;
                delete.push(old.clone());
            }
        }
    }
    let room = usize::try_from(max_unavailable - unavailable).unwrap_or(0);
    delete.extend(candidates.into_iter().take(room));
    (Changes { create: Vec::new(), delete }, unavailable)
}

/// New pods come beside old ones, as many at a time as the bound allows; an old one goes when the new one is available. On a
/// node where the set does not belong any more nothing new comes: what is there goes at once if it is unavailable, else when
/// enough pods are available elsewhere.
fn take_over(look: &Look<'_>, nodes: &[(&str, &[Pod])], desired: i32, max_surge: i32) -> (Changes, i32) {
    let (mut surging, mut available) = (0, 0);
    let mut changes = Changes::default();
    let (mut candidates, mut misplaced) = (Vec::new(), Vec::new());
    for (node, pods) in nodes {
        let Some((new, old)) = new_and_old(look, pods) else {
            surging += 1;
            continue;
        };
        let serves = old.or(new).is_some_and(|pod| look.is_available(pod));
        available += i32::from(serves);
        match (new, old) {
            (_, None) => {}
            (None, Some(old)) => match (belongs(look, node), serves) {
                (true, true) => candidates.push((*node).to_string()),
                (true, false) => changes.create.push((*node).to_string()),
                (false, true) => misplaced.push(old.clone()),
                (false, false) => changes.delete.push(old.clone()),
            },
            (Some(new), Some(old)) if look.is_available(new) => changes.delete.push(old.clone()),
            (Some(_), Some(_)) => surging += 1,
        }
    }
    let spare = usize::try_from(available - desired).unwrap_or(0);
    changes.delete.extend(misplaced.into_iter().take(spare));
    let room = usize::try_from(max_surge - surging).unwrap_or(0);
    changes.create.extend(candidates.into_iter().take(room));
    (changes, surging)
}

/// Whether a missing pod would be created on a node.
fn belongs(look: &Look<'_>, node: &str) -> bool {
    look.nodes.iter().any(|known| known.name() == node && nodes::verdict(look.set, known).run)
}
