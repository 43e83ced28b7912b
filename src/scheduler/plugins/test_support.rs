//! What the tables of the plugins' tests have in common: a small cluster, one plugin, one question.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Object};
use crate::client::{Actor, Change, View};
use crate::clock::SimTime;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::registry::{Enabled, Profile};
use crate::scheduler::framework::{Code, Context, CycleState, Framework, Plugin, PodInfo, Status};
use crate::scheduler::queue::Nominator;
use crate::testing::{NodeBuilder, PodBuilder};

/// Nodes with the pods that name them.
pub fn cluster(
    nodes: impl IntoIterator<Item = NodeBuilder>,
    pods: impl IntoIterator<Item = PodBuilder>,
) -> Cache {
    let mut cache = Cache::default();
    for node in nodes {
        cache.set_node(&node.build());
    }
    for pod in pods {
        let pod = pod.build();
        let node = pod.spec.node_name.clone().unwrap_or_default();
        cache.set_pod(Arc::new(PodInfo::new(pod)), &node);
    }
    cache
}

/// What the plugin says of one node, beside pods that are there already. `None` if the pod fits.
pub fn filter_status_beside(
    plugin: &dyn Plugin,
    pod: PodBuilder,
    node: NodeBuilder,
    there: impl IntoIterator<Item = PodBuilder>,
) -> Option<Status> {
    let name = node.clone().build().meta.name.clone().unwrap_or_default();
    let cache = cluster([node], there.into_iter().map(|pod| pod.node(&name)));
    let (view, nominator) = (View::default(), Nominator::default());
    let cx = Context { cache: &cache, view: &view, nominator: &nominator };
    let (mut state, pod) = (CycleState::default(), PodInfo::new(pod.build()));
    match plugin.pre_filter(&cx, &mut state, &pod) {
        Ok(_) => plugin.filter(&cx, &state, &pod, cache.node(0)).err(),
        Err(status) if status.code == Code::Skip => None,
        Err(status) => Some(status),
    }
}

/// The words of [`filter_status_beside`].
pub fn filter_message_beside(
    plugin: &dyn Plugin,
    pod: PodBuilder,
    node: NodeBuilder,
    there: impl IntoIterator<Item = PodBuilder>,
) -> Option<String> {
    filter_status_beside(plugin, pod, node, there).map(|status| status.message())
}

/// What the plugin says of an empty node.
pub fn filter_message(plugin: &dyn Plugin, pod: PodBuilder, node: NodeBuilder) -> Option<String> {
    filter_message_beside(plugin, pod, node, [])
}

/// The plugin's words on every node, in name order; `None` where the pod fits.
pub fn filter_all(
    plugin: impl Plugin + 'static,
    pod: PodBuilder,
    cache: &Cache,
    view: &View,
) -> Vec<Option<String>> {
    let framework = only(plugin);
    let nominator = Nominator::default();
    let cx = Context { cache, view, nominator: &nominator };
    let found = framework.find_nodes_that_fit(&cx, &mut Memory::default(), &PodInfo::new(pod.build()));
    let words =
        |index| found.diagnosis.status(index).map(Status::message).filter(|_| !found.nodes.contains(&index));
    cache.order().iter().map(|index| words(*index)).collect()
}

/// The plugin's normalised scores, in the order of the nodes' names; empty if it sits this pod out.
pub fn scores(
    plugin: impl Plugin + 'static,
    pod: PodBuilder,
    nodes: impl IntoIterator<Item = NodeBuilder>,
    pods: impl IntoIterator<Item = PodBuilder>,
) -> Vec<i64> {
    scores_in(plugin, pod, &cluster(nodes, pods), &View::default())
}

/// The same, in a cluster with other objects.
pub fn scores_in(plugin: impl Plugin + 'static, pod: PodBuilder, cache: &Cache, view: &View) -> Vec<i64> {
    let framework = only(plugin);
    let nominator = Nominator::default();
    let cx = Context { cache, view, nominator: &nominator };
    let pod = PodInfo::new(pod.build());
    let scores =
        framework.score(&cx, &mut Memory::default(), &mut CycleState::default(), &pod, cache.order());
    scores.parts.into_iter().next().map(|part| part.normalized).unwrap_or_default()
}

fn only(plugin: impl Plugin + 'static) -> Framework {
    let plugins = vec![Enabled { plugin: Arc::new(plugin), weight: 1 }];
    Framework::new(&Profile { scheduler_name: "test".into(), plugins, points: None })
}

/// A view of these objects.
pub fn view_of(objects: impl IntoIterator<Item = Object>) -> View {
    let mut view = View::default();
    objects.into_iter().for_each(|object| put(&mut view, object));
    view
}

/// Puts an object into a view, in place of one of its name.
pub fn put(view: &mut View, object: Object) {
    view.apply(&Change {
        revision: view.revision() + 1,
        time: SimTime::ZERO,
        actor: Actor::Environment,
        cause: None,
        key: object.key(),
        before: None,
        after: Some(Arc::new(object)),
        explain: None,
        manner: Default::default(),
    });
}

/// The write that makes the one of the other.
pub fn updated(before: impl Into<Object>, after: impl Into<Object>) -> Change {
    let (before, after): (Object, Object) = (before.into(), after.into());
    Change {
        revision: 1,
        time: SimTime::ZERO,
        actor: Actor::Environment,
        cause: None,
        key: after.key(),
        before: Some(Arc::new(before)),
        after: Some(Arc::new(after)),
        explain: None,
        manner: Default::default(),
    }
}

/// An object as a manifest would have it.
pub fn object(kind: Kind, tree: Value) -> Object {
    Object::from_value(kind, tree).expect("an object of that kind")
}

/// An unbound claim for 5Gi in the namespace `default`.
pub fn claim(name: &str, access_mode: &str, class: &str) -> Object {
    object(
        Kind::PERSISTENT_VOLUME_CLAIM,
        json!({
            "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {
                "accessModes": [access_mode],
                "resources": {"requests": {"storage": "5Gi"}},
                "storageClassName": class,
            },
            "status": {"phase": "Pending"},
        }),
    )
}

/// A claim that is bound to a volume.
pub fn bound_claim(name: &str, volume: &str) -> Object {
    let mut tree = claim(name, "ReadWriteOnce", "slow").to_value();
    tree["spec"]["volumeName"] = volume.into();
    tree["metadata"]["annotations"] = json!({"pv.kubernetes.io/bind-completed": "yes"});
    object(Kind::PERSISTENT_VOLUME_CLAIM, tree)
}

/// A free volume of class `slow`, on the nodes named; on all if none is.
pub fn volume(name: &str, size: &str, labels: &[(&str, &str)], nodes: &[&str]) -> Object {
    let labels: serde_json::Map<String, Value> =
        labels.iter().map(|(key, value)| ((*key).to_string(), Value::from(*value))).collect();
    let mut tree = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "slow",
            "hostPath": {"path": "/srv"},
        },
        "status": {"phase": "Available"},
    });
    if !nodes.is_empty() {
        let term = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": nodes});
        tree["spec"]["nodeAffinity"] =
            json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}});
    }
    object(Kind::PERSISTENT_VOLUME, tree)
}

/// A class whose claims are bound with their first pod.
pub fn waiting_class(name: &str, provisioner: &str, more: Value) -> Object {
    let mut tree = json!({
        "metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer",
    });
    if let (Some(tree), Value::Object(more)) = (tree.as_object_mut(), more) {
        tree.extend(more);
    }
    object(Kind::STORAGE_CLASS, tree)
}
