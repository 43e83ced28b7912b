//! How a write came about: who wrote what because of which write, back to where it began. Nobody talks to anybody but the API
//! server, so the chain is read off its log alone.

use serde_json::Value;

use super::differences::{Difference, differences};
use crate::api::{Key, Kind, MetaExt, Object};
use crate::apiserver::{Actor, Change, Store};
use crate::clock::SimTime;
use crate::sim::notable::is_background;

/// A chain is followed back over so many writes.
const HOPS: usize = 24;
/// So many fields of a write are shown.
const FIELDS: usize = 12;

/// What a request asked of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A new object.
    Create,
    /// A node for a pod: its `binding` subresource.
    Bind,
    /// Another `status`, nothing else.
    Status,
    /// Another object of the same name.
    Update,
    /// A removal, or what begins one.
    Delete,
}

impl Verb {
    /// As audit logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Bind => "create binding",
            Verb::Status => "update status",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }
}

/// One write of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// Its revision.
    pub revision: u64,
    /// When.
    pub time: SimTime,
    /// Who: `kubectl`, `deployment-controller`, `kubelet`.
    pub actor: String,
    /// The node, if it was a kubelet.
    pub node: Option<String>,
    /// What it asked.
    pub verb: Verb,
    /// Of which object.
    pub key: Key,
    /// What has changed, of an object that was there before and still is.
    pub fields: Vec<Difference>,
}

/// The chain that led to the last write up to `upto`: of one object, or of any that matters. The first write comes first.
pub fn chain(log: &Store, upto: u64, of: Option<&Key>) -> Vec<Hop> {
    let matters = |change: &Change| match of {
        Some(key) => change.key == *key,
        None => !is_background(change) && change.key.kind != Kind::EVENT && change.time > SimTime::ZERO,
    };
    let mut at =
        (1..=upto).rev().find(|revision| log.change(*revision).is_some_and(|change| matters(change)));
    let mut hops = Vec::new();
    while let Some(change) = at.and_then(|revision| log.change(revision)).filter(|_| hops.len() < HOPS) {
        hops.push(hop(change));
        at = match change.actor {
            Actor::User | Actor::Environment => None,
            _ => change.cause.filter(|cause| *cause < change.revision).or_else(|| before(log, change)),
        };
    }
    hops.reverse();
    hops
}

/// The write of the same object before this one: what who acts on its own, by a clock, last knew.
fn before(log: &Store, change: &Change) -> Option<u64> {
    change.before.as_ref()?;
    let earlier = (1..change.revision).rev();
    earlier.into_iter().find(|revision| log.change(*revision).is_some_and(|other| other.key == change.key))
}

/// What goes between a component and the API server: what it was told of, if it was, and what it wrote because of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Who.
    pub actor: String,
    /// The kind that it watched change.
    pub seen: Option<Kind>,
    /// What it asked.
    pub verb: Verb,
    /// Of which kind of object,
    pub kind: Kind,
    /// and how often in a row.
    pub count: usize,
}

/// What went to and fro after one revision up to another, in order; what is the same in a row is counted. Heartbeats and events
/// are left out, as is what came from outside.
pub fn exchanges(log: &Store, after: u64, upto: u64) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for change in (after + 1..=upto).filter_map(|revision| log.change(revision)) {
        let outside = matches!(change.actor, Actor::Environment | Actor::ApiServer);
        if outside || is_background(change) || change.key.kind == Kind::EVENT {
            continue;
        }
        let told = change.cause.filter(|_| change.actor != Actor::User).and_then(|cause| log.change(cause));
        let one = Exchange {
            actor: change.actor.component().into(),
            seen: told.map(|cause| cause.key.kind),
            verb: verb(change),
            kind: change.key.kind,
            count: 1,
        };
        match found.last_mut() {
            Some(last) if Exchange { count: 1, ..last.clone() } == one => last.count += 1,
            _ => found.push(one),
        }
    }
    found
}

fn hop(change: &Change) -> Hop {
    Hop {
        revision: change.revision,
        time: change.time,
        actor: change.actor.component().into(),
        node: match &change.actor {
            Actor::Kubelet(node) => Some(node.to_string()),
            _ => None,
        },
        verb: verb(change),
        key: change.key.clone(),
        fields: match (&change.before, &change.after) {
            (Some(before), Some(after)) => differences(&tree(before), &tree(after), FIELDS),
            _ => Vec::new(),
        },
    }
}

fn verb(change: &Change) -> Verb {
    match (change.before.as_deref(), change.after.as_deref()) {
        (None, _) => Verb::Create,
        (_, None) => Verb::Delete,
        (Some(before), Some(after)) if !before.is_deleting() && after.is_deleting() => Verb::Delete,
        (Some(Object::Pod(before)), Some(Object::Pod(after)))
            if before.spec.node_name != after.spec.node_name =>
        {
            Verb::Bind
        }
        (Some(before), Some(after)) if before.same_spec(after) && before.labels() == after.labels() => {
            Verb::Status
        }
        _ => Verb::Update,
    }
}

/// An object without what changes with every write.
fn tree(object: &Object) -> Value {
    let mut tree = object.to_value();
    if let Some(meta) = tree.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["resourceVersion", "managedFields"] {
            meta.remove(field);
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Simulation};

    #[test]
    fn a_pod_that_runs_goes_back_to_the_command_over_everyone_on_the_way() {
        let mut simulation = Simulation::new(Config::small(5));
        simulation.kubectl_line("kubectl create deployment web --image=nginx:1.27");
        simulation.advance(SimTime::from_secs(30), u64::MAX);
        let pod = simulation.view().objects(Kind::POD, None).next().unwrap().key();
        let log = simulation.api().store();
        let hops = chain(log, log.revision(), Some(&pod));
        let said: Vec<String> = hops
            .iter()
            .map(|hop| format!("{} {} {}", hop.actor, hop.verb.as_str(), hop.key.kind.name()))
            .collect();
        let expected = [
            "kubectl create Deployment",
            "deployment-controller create ReplicaSet",
            "replicaset-controller create Pod",
            "default-scheduler create binding Pod",
            "kubelet update status Pod",
        ];
        assert_eq!(said[..5], expected, "{said:#?}");
        assert!(hops.windows(2).all(|pair| pair[0].revision < pair[1].revision));
        let bound = &hops[3].fields;
        assert!(bound.iter().any(|(path, before, _)| path == "spec.nodeName" && before == "–"), "{bound:?}");
        assert!(hops[4].node.is_some() && hops[0].fields.is_empty());
        // The same at an earlier write: what came later is not known there.
        assert_eq!(chain(log, hops[2].revision, Some(&pod)), hops[..3]);
    }

    #[test]
    fn who_is_told_of_a_write_writes_and_what_is_the_same_in_a_row_is_counted() {
        let mut simulation = Simulation::new(Config::small(5));
        let start = simulation.api().store().revision();
        simulation.kubectl_line("kubectl create deployment web --image=nginx:1.27 --replicas=3");
        simulation.advance(SimTime::from_secs(30), u64::MAX);
        let log = simulation.api().store();
        let all = exchanges(log, start, log.revision());
        let said = |one: &Exchange| {
            let seen = one.seen.map_or("-", |kind| kind.name());
            format!("{seen} > {} {} {} x{}", one.actor, one.verb.as_str(), one.kind.name(), one.count)
        };
        let all: Vec<String> = all.iter().map(said).collect();
        assert_eq!(all[0], "- > kubectl create Deployment x1");
        assert_eq!(all[1], "Deployment > deployment-controller create ReplicaSet x1");
        assert!(all.contains(&"ReplicaSet > replicaset-controller create Pod x3".to_string()), "{all:#?}");
        assert!(
            all.iter().any(|one| one.starts_with("Pod > default-scheduler create binding Pod")),
            "{all:#?}"
        );
        assert_eq!(exchanges(log, log.revision(), log.revision()), []);
    }

    #[test]
    fn what_people_write_begins_a_chain() {
        let mut simulation = Simulation::new(Config::small(5));
        simulation.kubectl_line("kubectl create deployment web --image=nginx:1.27");
        simulation.advance(SimTime::from_secs(30), u64::MAX);
        simulation.kubectl_line("kubectl scale deployment web --replicas=2");
        let log = simulation.api().store();
        let hops = chain(log, log.revision(), None);
        assert_eq!((hops.len(), hops[0].verb, hops[0].actor.as_str()), (1, Verb::Update, "kubectl"));
        let replicas = ("spec.replicas".to_string(), "1".to_string(), "2".to_string());
        assert!(hops[0].fields.contains(&replicas), "{:?}", hops[0].fields);
    }
}
