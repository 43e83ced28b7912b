//! Who owns whom: objects below the owners that keep them, as the garbage collector sees them.

use sorted::{SortedMap, SortedSet};

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
    let mut children: SortedMap<String, Vec<Key>> = SortedMap::new();
    let mut roots: Vec<(SimTime, Key)> = Vec::new();
    let alive: SortedSet<String> = view.all().map(|(_, object)| object.uid().to_string()).collect();
    for (key, object) in view.all() {
        if LEFT_OUT.contains(&key.kind) || SYSTEM.contains(&&*key.namespace) {
            continue;
        }
        let owners = object.meta().owner_references.iter().flatten();
        let owners: Vec<&str> =
            owners.map(|owner| owner.uid.as_str()).filter(|uid| alive.contains(*uid)).collect();
        for owner in &owners {
            children.entry((*owner).to_string()).or_default().push(key.clone());
        }
        let boots = object.labels().contains_key("kubernetes.io/bootstrapping");
        if owners.is_empty() && !boots && !comes_with_the_cluster(key) {
            roots.push((object.created(), key.clone()));
        }
    }
    sorting::sort_by(&mut roots, Ord::cmp);
    let grow = |(_, key): (SimTime, Key)| branch(view, &children, &key, 0);
    fold(roots.into_iter().filter_map(grow).collect())
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

fn branch(view: &View, children: &SortedMap<String, Vec<Key>>, key: &Key, depth: usize) -> Option<Branch> {
    /// Owners may be written in a circle.
    const DEPTH: usize = 8;
    let object = view.object(key)?;
    let mut own: Vec<(SimTime, &Key)> = Vec::new();
    for child in children.get(object.uid()).into_iter().flatten().filter(|_| depth < DEPTH) {
        own.extend(view.object(child).map(|object| (object.created(), child)));
    }
    sorting::sort_by(&mut own, Ord::cmp);
    let (class, status) = match &**object {
        Object::Pod(pod) => {
            let (class, status) = state(pod);
            (Some(class), status)
        }
        other => (None, counts(other)),
    };
    let grown = own.into_iter().filter_map(|(_, child)| branch(view, children, child, depth + 1));
    Some(Branch {
        key: key.clone(),
        status,
        class,
        deleting: object.is_deleting(),
        finalizers: object.meta().finalizers.clone().unwrap_or_default(),
        orphaned: object.meta().owner_references.iter().flatten().next().is_some() && depth == 0,
        count: 1,
        children: fold(grown.collect()),
    })
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

/// Siblings of one kind that own nothing and are in the same state become one entry when there are many.
fn fold(branches: Vec<Branch>) -> Vec<Branch> {
    let mut sizes: SortedMap<(Kind, String), usize> = SortedMap::new();
    let plain = |branch: &Branch| branch.children.is_empty() && !branch.deleting;
    for branch in branches.iter().filter(|branch| plain(branch)) {
        *sizes.entry((branch.key.kind, branch.status.clone())).or_default() += 1;
    }
    let mut folded: Vec<Branch> = Vec::new();
    let mut places: SortedMap<(Kind, String), usize> = SortedMap::new();
    for branch in branches {
        let of = (branch.key.kind, branch.status.clone());
        if !plain(&branch) || sizes.get(&of).is_none_or(|size| *size <= SIBLINGS) {
            folded.push(branch);
        } else if let Some(place) = places.get(&of) {
            folded[*place].count += 1;
        } else {
            places.insert(of, folded.len());
            folded.push(branch);
        }
    }
    folded
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
