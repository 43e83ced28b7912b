//! The workloads behind a Service: how many of its endpoints are whose, and which workload would take over if the selector were
//! set to its pods' labels, as in a switch from blue to green.

use serde::Serialize;
use sorted::{SortedMap, SortedSet};

use crate::api::{Kind, MetaExt, Pod, ReplicaSet, Service, condition};
use crate::apiserver::View;

/// A workload, or a pod by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its kind,
    pub kind: String,
    /// and name.
    pub name: String,
    /// Whether the selector lets its pods through.
    pub passes: bool,
    /// How many of its pods are ready,
    pub ready: usize,
    /// and how many there are.
    pub count: usize,
    /// The uids of its pods.
    pub pods: SortedSet<String>,
    /// The command that sets the selector to its pods in place of others: where one value is all that they differ in.
    pub switch: Option<String>,
}

/// Those that pass and those that differ in one value, in order of kind and name. Fewer than two are nothing to compare.
pub fn members(service: &Service, view: &View) -> Vec<Member> {
    let Some(selector) = service.spec.selector.as_ref().filter(|selector| !selector.is_empty()) else {
        return Vec::new();
    };
    let mut found: SortedMap<(String, String, bool), Member> = SortedMap::new();
    for pod in view.list::<Pod>(Some(service.namespace())) {
        let mut wrong = selector.iter().filter(|(key, value)| pod.labels().get(*key) != Some(*value));
        let (first, second) = (wrong.next(), wrong.next());
        let other = first.and_then(|(key, _)| pod.labels().get(key));
        if second.is_some() || first.is_some() && (other.is_none() || selector.len() == 1) {
            continue;
        }
        let (kind, name) = workload(pod, view);
        let member = found.entry((kind.clone(), name.clone(), first.is_none())).or_insert_with(|| Member {
            kind,
            name,
            passes: first.is_none(),
            switch: first.zip(other).map(|((key, _), value)| switch(service, (key, value))),
            ..Member::default()
        });
        member.count += 1;
        let ready = condition::is_true(pod.status.conditions.as_deref(), "Ready") && !pod.is_deleting();
        member.ready += usize::from(ready);
        member.pods.insert(pod.uid().into());
    }
    let found: Vec<Member> = found.into_values().collect();
    if found.len() > 1 { found } else { Vec::new() }
}

/// `kubectl set selector` writes the selector anew: all of it has to be said.
fn switch(service: &Service, (changed, value): (&String, &String)) -> String {
    let pair = |(key, old): (&String, &String)| format!("{key}={}", if key == changed { value } else { old });
    let pairs: Vec<String> = service.spec.selector.iter().flatten().map(pair).collect();
    format!("kubectl set selector service/{} -n {} {}", service.name(), service.namespace(), pairs.join(","))
}

/// What a pod is of in the end: the Deployment rather than its ReplicaSet.
fn workload(pod: &Pod, view: &View) -> (String, String) {
    let Some(owner) = pod.controller() else { return (Kind::POD.name().into(), pod.name().into()) };
    let set =
        (owner.kind == "ReplicaSet").then(|| view.get::<ReplicaSet>(pod.namespace(), &owner.name)).flatten();
    let above = set.and_then(|set| set.controller()).unwrap_or(owner);
    (above.kind.clone(), above.name.clone())
}
