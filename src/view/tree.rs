//! Who owns whom: objects below the owners that keep them, as the garbage collector sees them.

use std::sync::Arc;

use sorted::SortedMap;

use super::PodClass;
use super::cards::state;
use super::workloads::workload_card;
use crate::api::{Key, Kind, MetaExt, Object, sorting};
use crate::apiserver::View;
use crate::clock::SimTime;

/// Kinds that every cluster has very many of and that nobody made: they own nothing, and none is missed here.
const LEFT_OUT: [Kind; 3] = [Kind::EVENT, Kind::LEASE, Kind::NODE];
/// Namespaces with what the cluster itself needs.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// More siblings of one kind without children of their own than this are one entry.
const SIBLINGS: usize = 12;
/// Owners may be written in a circle.
const DEPTH: usize = 8;

/// An object, when it was made and its key.
type Sibling<'v> = (SimTime, &'v Key, &'v Object);

/// An object, and what it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The object.
    pub key: Key,
    /// Its state in a word or two: `Running`, `2/3`; empty where there is none to speak of.
    pub status: String,
    /// For a pod, its class.
    pub class: Option<PodClass>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What must let go of it before it is gone.
    pub finalizers: Vec<String>,
    /// Owners that are named and not there.
    pub orphaned: bool,
    /// How many siblings this entry stands for, itself included.
    pub count: usize,
    /// What it owns, in order of creation.
    pub children: Vec<Branch>,
}

/// The trees of a cluster: objects without an owner, in order of creation, with what they own. Only what people or controllers have
/// made is shown.
pub fn tree(view: &View) -> Vec<Branch> {
    // Events and leases own nothing, and are most of what there is.
    let owners = view.all().filter(|(key, _)| !matches!(key.kind, Kind::EVENT | Kind::LEASE));
    let mut alive: Vec<&str> = owners.map(|(_, object)| object.uid()).collect();
    sorting::sort_by(&mut alive, Ord::cmp);
    let mut children: SortedMap<&str, Vec<Sibling<'_>>> = SortedMap::new();
    let mut roots: Vec<Sibling<'_>> = Vec::new();
    for (key, object) in shown(view) {
        let mut owned = false;
        for owner in object.meta().owner_references.iter().flatten() {
            if alive.binary_search(&owner.uid.as_str()).is_ok() {
                children.entry(&owner.uid).or_default().push((object.created(), key, object));
                owned = true;
            }
        }
        let boots = object.labels().contains_key("kubernetes.io/bootstrapping");
        if !owned && !boots && !comes_with_the_cluster(key) {
            roots.push((object.created(), key, object));
        }
    }
    grow(&children, roots, 0)
}

/// What may stand in a tree.
fn shown(view: &View) -> impl Iterator<Item = (&Key, &Arc<Object>)> {
    let left_out = |key: &Key| LEFT_OUT.contains(&key.kind) || SYSTEM.contains(&&*key.namespace);
    view.all().filter(move |(key, _)| !left_out(key))
}

/// Whether every cluster, or every namespace, has it from the start.
fn comes_with_the_cluster(key: &Key) -> bool {
    match key.kind {
        Kind::NAMESPACE => &*key.name == "default" || SYSTEM.contains(&&*key.name),
        Kind::SERVICE | Kind::ENDPOINTS | Kind::ENDPOINT_SLICE => {
            &*key.namespace == "default" && &*key.name == "kubernetes"
        }
        Kind::SERVICE_ACCOUNT => &*key.name == "default",
        Kind::CONFIG_MAP => &*key.name == "kube-root-ca.crt",
        Kind::STORAGE_CLASS => &*key.name == "standard",
        _ => key.name.starts_with("system-") || key.name.starts_with("system:"),
    }
}

/// Siblings in order of creation, each with what it owns. Those of one kind that own nothing and are in the same state become one
/// entry when there are many: told apart before they are written out, for there may be thousands.
fn grow(
    children: &SortedMap<&str, Vec<Sibling<'_>>>,
    mut siblings: Vec<Sibling<'_>>,
    depth: usize,
) -> Vec<Branch> {
    sorting::sort_by(&mut siblings, |a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let plain = |object: &Object| depth >= DEPTH || !children.contains_key(object.uid());
    let mut sizes: SortedMap<(Kind, String), (usize, Option<usize>)> = SortedMap::new();
    let mut states: Vec<Option<(Kind, String)>> = Vec::with_capacity(siblings.len());
    for (_, key, object) in &siblings {
        let of = (plain(object) && !object.is_deleting()).then(|| (key.kind, status(object).1));
        if let Some(of) = &of {
            sizes.entry(of.clone()).or_default().0 += 1;
        }
        states.push(of);
    }
    let mut grown: Vec<Branch> = Vec::new();
    for ((_, key, object), of) in siblings.into_iter().zip(states) {
        let many = of.and_then(|of| sizes.get_mut(&of)).filter(|(size, _)| *size > SIBLINGS);
        match many {
            Some((_, Some(place))) => grown[*place].count += 1,
            Some((_, place)) => {
                *place = Some(grown.len());
                grown.push(branch(children, key, object, depth));
            }
            None => grown.push(branch(children, key, object, depth)),
        }
    }
    grown
}

fn branch(children: &SortedMap<&str, Vec<Sibling<'_>>>, key: &Key, object: &Object, depth: usize) -> Branch {
    let own = children.get(object.uid()).filter(|_| depth < DEPTH).cloned().unwrap_or_default();
    let (class, status) = status(object);
    Branch {
        key: key.clone(),
        status,
        class,
        deleting: object.is_deleting(),
        finalizers: object.meta().finalizers.clone().unwrap_or_default(),
        orphaned: object.meta().owner_references.iter().flatten().next().is_some() && depth == 0,
        count: 1,
        children: grow(children, own, depth + 1),
    }
}

/// An object's state in a word or two, and a pod's class.
fn status(object: &Object) -> (Option<PodClass>, String) {
    match object {
        Object::Pod(pod) => {
            let (class, status) = state(pod);
            (Some(class), status)
        }
        other => (None, counts(other)),
    }
}

fn counts(object: &Object) -> String {
    match object {
        Object::ReplicaSet(set) => {
            format!("{}/{}", set.status.ready_replicas.unwrap_or(0), set.spec.replicas.unwrap_or(1))
        }
        Object::EndpointSlice(slice) => slice.spec.endpoints.len().to_string(),
        other => {
            workload_card(other).map(|card| format!("{}/{}", card.ready, card.desired)).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Recording};

    fn command(run: &mut Recording, line: &str) {
        let files = Default::default();
        let outcome = run.submit(Input::Kubectl { line: line.into(), stdin: None, files });
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }

    fn outline(branches: &[Branch], depth: usize, lines: &mut Vec<String>) {
        for branch in branches {
            let count = if branch.count > 1 { format!("{}x ", branch.count) } else { String::new() };
            lines.push(format!("{}{count}{} {}", "  ".repeat(depth), branch.key.kind.name(), branch.status));
            outline(&branch.children, depth + 1, lines);
        }
    }

    #[test]
    fn objects_hang_below_their_owners_and_alike_siblings_are_one_entry() {
        let mut run = Recording::new(Config::small(7));
        run.advance(SimTime(1_000), u64::MAX);
        assert_eq!(tree(run.view()), [], "nobody has made anything");
        command(&mut run, "create deployment web --image=web:1 --replicas=2");
        command(&mut run, "create configmap settings");
        command(&mut run, "create deployment many --image=web:1 --replicas=20");
        run.advance(SimTime::from_secs(60), u64::MAX);
        let mut lines = Vec::new();
        outline(&tree(run.view()), 0, &mut lines);
        // All of the same second, so by name.
        let expected = [
            "ConfigMap ",
            "Deployment 20/20",
            "  ReplicaSet 20/20",
            "    20x Pod Running",
            "Deployment 2/2",
            "  ReplicaSet 2/2",
            "    Pod Running",
            "    Pod Running",
        ];
        assert_eq!(lines, expected);
        command(&mut run, "delete deployment web --cascade=orphan");
        run.advance(SimTime::from_secs(70), u64::MAX);
        let mut lines = Vec::new();
        outline(&tree(run.view()), 0, &mut lines);
        assert!(lines.contains(&"ReplicaSet 2/2".to_string()), "{lines:?}");
    }
}
