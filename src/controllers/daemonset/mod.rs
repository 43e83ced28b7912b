//! The DaemonSet controller: one pod on every node that it suits. Models `pkg/controller/daemon`.

mod nodes;
mod revisions;
mod status;
mod update;

use sorted::SortedMap;

use super::expectations::Expectations;
use super::looks::Looks;
use super::owner_index::OwnerIndex;
use super::pod_control;
use super::pods::{is_ready, is_terminal, pod_from_template};
use super::ref_manager::{claim, gone_is_fine};
use super::{Action, Controller};
use crate::api::explain::{Explain, TurnStep};
use crate::api::k8s::{LabelSelector, OwnerReference};
use crate::api::selector::Selector;
use crate::api::{DaemonSet, Key, Kind, KubeObject, MetaExt, Node, Object, Pod, Status, sorting};
use crate::client::recorder::{EventType, reference};
use crate::client::{Change, Client, View, WorkQueue};
use crate::clock::{SimDuration, SimTime};

/// The label with the hash of the revision that a pod was made from.
const HASH_LABEL: &str = "controller-revision-hash";
/// The label with the number of the template, which the API had before revisions.
const GENERATION_LABEL: &str = "pod-template-generation";
/// The annotation with that number on the DaemonSet.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
/// At most so many pods are created or deleted in one look (`BurstReplicas`).
const BURST: usize = 250;
/// A pod that failed on a node is replaced after a second, and twice as late each time it happens again.
const FAILED_BASE: SimDuration = SimDuration::from_secs(1);
const FAILED_MAX: SimDuration = SimDuration::from_secs(15 * 60);

/// How long a look takes for each node.
const LOOK: SimDuration = SimDuration::from_micros(100);

/// The controller: what it has asked for and not seen yet, and where its pods keep failing.
#[derive(Clone, Debug)]
pub struct DaemonSetController {
    expectations: Expectations,
    pods: OwnerIndex,
    /// Per set, its generation and node: how often a pod failed there, and when it was last replaced.
    failures: SortedMap<(Key, i64, String), (u32, SimTime)>,
    looks: Looks,
}

impl Default for DaemonSetController {
    fn default() -> Self {
        DaemonSetController {
            expectations: Expectations::default(),
            pods: OwnerIndex::of(Kind::POD, Kind::DAEMON_SET),
            failures: SortedMap::new(),
            looks: Looks::default(),
        }
    }
}

/// The pods of a set by the node each runs on or is meant for, the oldest first.
type PodsByNode = SortedMap<String, Vec<Pod>>;

/// What one look at a DaemonSet found.
struct Look<'a> {
    key: &'a Key,
    set: &'a DaemonSet,
    nodes: Vec<&'a Node>,
    pods: PodsByNode,
    /// The hash of the current template's revision.
    hash: String,
    now: SimTime,
}

impl Look<'_> {
    fn min_ready(&self) -> i32 {
        self.set.spec.min_ready_seconds.unwrap_or(0)
    }

    fn generation(&self) -> Option<&str> {
        self.set.annotation(TEMPLATE_GENERATION)
    }

    /// Whether a pod was made from the current template (`IsPodUpdated`).
    fn is_updated(&self, pod: &Pod) -> bool {
        let label = |name: &str| pod.labels().get(name).map(String::as_str);
        label(HASH_LABEL) == Some(&self.hash)
            || (self.generation().is_some() && label(GENERATION_LABEL) == self.generation())
    }

    fn is_available(&self, pod: &Pod) -> bool {
        super::pods::available_in(pod, self.min_ready(), self.now) == Some(SimDuration::ZERO)
    }
}

/// What is to be created, by node, and to be deleted.
#[derive(Default)]
struct Changes {
    create: Vec<String>,
    delete: Vec<Pod>,
}

impl Controller for DaemonSetController {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::DAEMON_SET, Kind::POD, Kind::NODE, Kind::CONTROLLER_REVISION]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        self.pods.note(change);
        match change.key.kind {
            Kind::POD => self.observe_pod(change, view, queue),
            Kind::NODE => observe_node(change, view, queue),
            Kind::CONTROLLER_REVISION => observe_revision(change, view, queue),
            _ => {
                if change.after.is_none() {
                    self.expectations.forget(&change.key);
                }
                queue.add(change.key.clone(), Some(change.revision));
            }
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(set) = view.get::<DaemonSet>(&key.namespace, &key.name) else {
            self.expectations.forget(key);
            self.looks.forget(key);
            self.failures.retain(|(owner, ..), _| owner != key);
            return Ok(Action::AwaitChange);
        };
        let selector = selector_of(set);
        if set.spec.selector == LabelSelector::default() {
            let message = "This daemon set is selecting all pods. A non-empty selector is required.";
            client.event(reference(set), EventType::Warning, "SelectingAll", message);
            return Ok(Action::AwaitChange);
        }
        if set.is_deleting() {
            return Ok(Action::AwaitChange);
        }
        if let Some(rest) = self.looks.wait(key, client.now()) {
            return Ok(Action::RequeueAfter(rest));
        }
        self.looks.begin(key, client.now(), view.list::<Node>(None).count(), LOOK);
        let revisions = revisions::construct(set, &selector, view, client)?;
        let own = self.pods.controlled_by::<Pod>(set.uid(), set.namespace());
        let candidates = own.chain(self.pods.orphans(set.namespace())).cloned().collect();
        let claimed = claim(set, &selector, candidates, client)?;
        let look = Look {
            key,
            set,
            nodes: view.list::<Node>(None).collect(),
            pods: by_node(&claimed),
            hash: revisions.hash.clone(),
            now: client.now(),
        };
        if !self.expectations.satisfied(key, client.now()) {
            status::update(&look, false, None, client)?;
            return Ok(Action::AwaitChange);
        }
        let mut turn = None;
        let managed = self.step(&look, &claimed, &revisions, &mut turn, client);
        let wait = status::update(&look, true, turn.map(Explain::Turns), client)?;
        let again = managed?.into_iter().chain(wait).min();
        Ok(again.map_or(Action::AwaitChange, Action::RequeueAfter))
    }
}

impl DaemonSetController {
    fn observe_pod(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        let owners = [before, after].map(|pod| owner_set(pod?, view));
        let ends = after.is_none_or(|pod| pod.is_deleting());
        if let [_, Some(owner)] | [Some(owner), None] = &owners {
            if before.is_none() {
                self.expectations.creation_observed(owner);
            }
            if ends {
                self.expectations.deletion_observed(owner, &change.key);
            }
        }
        for owner in owners.into_iter().flatten() {
            queue.add(owner, cause);
        }
        let Some(pod) = after.filter(|pod| pod.controller().is_none() && !pod.is_deleting()) else { return };
        let news = before
            .is_none_or(|before| before.labels() != pod.labels() || before.controller() != pod.controller());
        if news {
            for set in view.list::<DaemonSet>(Some(pod.namespace())) {
                if selector_of(set).matches(pod.labels()) {
                    queue.add(Key::new(Kind::DAEMON_SET, set.namespace(), set.name()), cause);
                }
            }
        }
    }

    /// One pod per node where one belongs, then the rollout, then old history. Returns when to look again, if time alone
    /// decides.
    fn step(
        &mut self,
        look: &Look<'_>,
        claimed: &[Pod],
        revisions: &revisions::Revisions,
        turn: &mut Option<TurnStep>,
        client: &mut Client<'_>,
    ) -> Result<Option<SimDuration>, Status> {
        let (changes, wait) = self.plan(look, client);
        self.apply(look, changes, client)?;
        if self.expectations.satisfied(look.key, client.now()) {
            let strategy = look.set.spec.update_strategy.as_ref();
            if strategy.is_none_or(|strategy| strategy.type_.as_deref() != Some("OnDelete")) {
                let (changes, step) = update::plan(look);
                *turn = Some(step);
                self.apply(look, changes, client)?;
            }
        }
        revisions.clean_up(look.set, claimed, client)?;
        Ok(wait)
    }

    /// Which nodes need a pod and which pods are too many (`manage`).
    fn plan(&mut self, look: &Look<'_>, client: &mut Client<'_>) -> (Changes, Option<SimDuration>) {
        let mut changes = Changes::default();
        let mut wait: Option<SimDuration> = None;
        for node in &look.nodes {
            let verdict = nodes::verdict(look.set, node);
            let none = Vec::new();
            let pods = look.pods.get(node.name());
            match verdict {
                nodes::Verdict { run: true, .. } if pods.is_none() => changes.create.push(node.name().into()),
                nodes::Verdict { stay: true, .. } => {
                    let pods = pods.unwrap_or(&none);
                    let (running, delay) = self.sweep(look, node, pods, &mut changes, client);
                    wait = wait.into_iter().chain(delay).min();
                    prune(look, node, verdict.run, running, &mut changes);
                }
                _ => changes.delete.extend(living(pods.unwrap_or(&none)).cloned()),
            }
        }
        // Pods meant for a node that is gone, and never bound to it.
        let gone = |node: &String| look.nodes.iter().all(|known| known.name() != node);
        for (_, pods) in look.pods.iter().filter(|(node, _)| gone(node)) {
            changes.delete.extend(living(pods).filter(|pod| pod.spec.node_name.is_none()).cloned());
        }
        (changes, wait)
    }

    /// Sorts out the pods of a node that have ended, and leaves those that go on.
    fn sweep<'a>(
        &mut self,
        look: &Look<'_>,
        node: &Node,
        pods: &'a [Pod],
        changes: &mut Changes,
        client: &mut Client<'_>,
    ) -> (Vec<&'a Pod>, Option<SimDuration>) {
        let mut running = Vec::new();
        let mut wait = None;
        for pod in living(pods) {
            let place = format!("daemon pod {}/{} on node {}", pod.namespace(), pod.name(), node.name());
            match pod.status.phase.as_deref() {
                Some("Failed") => {
                    if let Some(left) = self.back_off(look, node) {
                        wait = Some(left);
                        continue;
                    }
                    let message = format!("Found failed {place}, will try to kill it");
                    client.event(reference(look.set), EventType::Warning, "FailedDaemonPod", message);
                    changes.delete.push(pod.clone());
                }
                Some("Succeeded") => {
                    let message = format!("Found succeeded {place}, will try to delete it");
                    client.event(reference(look.set), EventType::Normal, "SucceededDaemonPod", message);
                    changes.delete.push(pod.clone());
                }
                _ => running.push(pod),
            }
        }
        (running, wait)
    }

    /// Whether a failed pod stays on the node for now, and when to look again; `None` if its time has come. A look comes after
    /// the whole of the present delay, not after what is left of it. A new generation of the set is not held back by the
    /// failures of the one before.
    fn back_off(&mut self, look: &Look<'_>, node: &Node) -> Option<SimDuration> {
        let generation = look.set.status.observed_generation.unwrap_or(0);
        let place = (look.key.clone(), generation, node.name().to_string());
        let known = self.failures.get(&place).copied();
        // What was long ago is forgotten.
        let known = known.filter(|(_, last)| look.now.since(*last) <= SimDuration(FAILED_MAX.0 * 2));
        let (failures, last) = known.unwrap_or_default();
        if failures > 0 {
            let wait = FAILED_BASE.doubled(failures - 1, FAILED_MAX);
            if look.now.since(last) < wait {
                return Some(wait);
            }
        }
        self.failures.insert(place, (failures + 1, look.now));
        None
    }

    /// Deletes and creates (`syncNodes`).
    fn apply(
        &mut self,
        look: &Look<'_>,
        mut changes: Changes,
        client: &mut Client<'_>,
    ) -> Result<(), Status> {
        changes.create.truncate(BURST);
        changes.delete.truncate(BURST);
        let keys = changes.delete.iter().map(|pod| Key::new(Kind::POD, pod.namespace(), pod.name()));
        self.expectations.expect(look.key, changes.create.len(), keys, client.now());
        let mut pending = changes.create.iter();
        let (made, created) = pod_control::slow_start(changes.create.len(), || match pending.next() {
            Some(node) => pod_control::create(look.set, new_pod(look, node), None, client),
            None => Ok(()),
        });
        for _ in made..changes.create.len() {
            self.expectations.creation_observed(look.key);
        }
        let mut result = created;
        for pod in &changes.delete {
            if let Err(refused) = pod_control::delete(look.set, pod, None, client) {
                let key = Key::new(Kind::POD, pod.namespace(), pod.name());
                self.expectations.deletion_observed(look.key, &key);
                result = result.and(gone_is_fine::<()>(Err(refused)).map(drop));
            }
        }
        result
    }
}

fn living(pods: &[Pod]) -> impl Iterator<Item = &Pod> {
    pods.iter().filter(|pod| !pod.is_deleting())
}

/// Of the pods that go on, keeps as many as belong on the node: one, or two while one takes over from the other.
fn prune(look: &Look<'_>, node: &Node, run: bool, running: Vec<&Pod>, changes: &mut Changes) {
    if !update::allows_surge(look.set) {
        changes.delete.extend(running.into_iter().skip(1).cloned());
        return;
    }
    if running.len() <= 1 {
        if running.is_empty() && run {
            changes.create.push(node.name().into());
        }
        return;
    }
    let (mut new, mut old) = (None, None);
    for pod in running {
        let current = pod.labels().get(HASH_LABEL) == Some(&look.hash);
        let place = if current { &mut new } else { &mut old };
        match place {
            None => *place = Some(pod),
            Some(_) => changes.delete.push(pod.clone()),
        }
    }
    if let (Some(new), Some(old)) = (new, old)
        && (!is_ready(old) || look.is_available(new))
    {
        changes.delete.push(old.clone());
    }
}

/// A new pod for a node: it tolerates what a daemon must bear, and its affinity names the node.
fn new_pod(look: &Look<'_>, node: &str) -> Pod {
    let mut pod = pod_from_template(&look.set.spec.template, look.set);
    let spec = std::sync::Arc::make_mut(&mut pod.spec);
    nodes::add_tolerations(spec);
    nodes::aim_at(spec, node);
    let labels = std::sync::Arc::make_mut(&mut pod.meta).labels.get_or_insert_default();
    if let Some(generation) = look.generation() {
        labels.insert(GENERATION_LABEL.into(), generation.into());
    }
    labels.insert(HASH_LABEL.into(), look.hash.clone());
    pod
}

/// Queues the sets for which a change of a node changes whether they run there.
fn observe_node(change: &Change, view: &View, queue: &mut WorkQueue) {
    let node = |object: &Option<std::sync::Arc<Object>>| object.as_ref()?.as_kind::<Node>().cloned();
    let Some(after) = node(&change.after) else { return };
    let before = node(&change.before);
    if before.as_ref().is_some_and(|before| before.meta == after.meta && before.spec == after.spec) {
        return;
    }
    for set in view.list::<DaemonSet>(None) {
        let now = nodes::verdict(set, &after);
        let then = before.as_ref().map(|before| nodes::verdict(set, before));
        let deserves = then.map_or(now.run, |then| then != now);
        if deserves {
            queue.add(Key::new(Kind::DAEMON_SET, set.namespace(), set.name()), Some(change.revision));
        }
    }
}

/// Queues the set whose history was changed or deleted, or that may take in a revision that nobody owns.
fn observe_revision(change: &Change, view: &View, queue: &mut WorkQueue) {
    let cause = Some(change.revision);
    let (before, after) = (change.before.as_deref(), change.after.as_deref());
    let owner = |revision: &Object| owner_set(revision, view);
    match (before, after) {
        (None, Some(new)) if new.controller().is_some() => {}
        (Some(_), _) if before.is_some_and(|old| old.controller().is_some()) => {
            for owner in [before, after].into_iter().flatten().filter_map(owner) {
                queue.add(owner, cause);
            }
        }
        (_, Some(orphan)) => {
            for set in view.list::<DaemonSet>(Some(orphan.namespace())) {
                if selector_of(set).matches(orphan.labels()) {
                    queue.add(Key::new(Kind::DAEMON_SET, set.namespace(), set.name()), cause);
                }
            }
        }
        _ => {}
    }
}

/// Pods by node; those that have ended and are being deleted are the kubelet's business.
fn by_node(claimed: &[Pod]) -> PodsByNode {
    let mut pods = PodsByNode::new();
    for pod in claimed.iter().filter(|pod| !(is_terminal(pod) && pod.is_deleting())) {
        if let Some(node) = nodes::target(pod) {
            pods.entry(node.into()).or_default().push(pod.clone());
        }
    }
    for pods in pods.values_mut() {
        sorting::sort_by(pods, |a, b| {
            let key = |pod: &Pod| (pod.spec.node_name.is_none(), pod.created());
            key(a).cmp(&key(b)).then_with(|| a.name().cmp(b.name()))
        });
    }
    pods
}

/// The DaemonSet that controls a pod, if there is one of that uid.
fn owner_set(pod: &Object, view: &View) -> Option<Key> {
    let of_kind = |owner: &&OwnerReference| owner.kind == DaemonSet::KIND.name();
    let owner = pod.controller().filter(of_kind)?;
    let set = view.get::<DaemonSet>(pod.namespace(), &owner.name).filter(|set| set.uid() == owner.uid)?;
    Some(Key::new(Kind::DAEMON_SET, set.namespace(), set.name()))
}

fn selector_of(set: &DaemonSet) -> Selector {
    Selector::from_field(&set.spec.selector).unwrap_or_default()
}
