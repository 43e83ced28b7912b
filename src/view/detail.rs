//! The pages of the inspector that take more than a look at the object: what it waits for, its events by what brought them about,
//! its logs, and what differs between two of its revisions.

use serde_json::Value;

use super::differences::{Difference, differences};
use super::inspect::{EventRow, event_row};
use super::xray::{Verb, chain};
use crate::api::meta::Revision;
use crate::api::pod_status::is_sidecar;
use crate::api::{Event, Key, Kind, MetaExt, Object, Pod, sorting};
use crate::apiserver::{Store, View};
use crate::clock::SimTime;
use crate::sim::Simulation;

/// So many fields that differ are listed.
const FIELDS: usize = 60;
/// So many of an object's last writes can be chosen from.
const WRITES: usize = 200;
/// So many of a log's last lines are shown.
const LINES: usize = 200;

/// Events with the same cause.
#[derive(Clone, Debug, PartialEq)]
pub struct EventGroup {
    /// The write at the root of the chain that led to them: who did what with what, and when. Nothing where it is not known.
    pub cause: Option<Cause>,
    /// How often anything was said.
    pub count: i32,
    /// The events, latest first.
    pub events: Vec<EventRow>,
}

/// A write that began a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Its revision.
    pub revision: Revision,
    /// When.
    pub time: SimTime,
    /// Who.
    pub actor: String,
    /// What was asked.
    pub verb: Verb,
    /// Of what.
    pub key: Key,
}

/// Whether an event is about an object. Some name it without its uid.
pub fn is_about(event: &Event, kind: Kind, object: &impl MetaExt) -> bool {
    let about = &event.spec.involved_object;
    match about.uid.as_deref() {
        Some(uid) => uid == object.uid(),
        None => about.kind.as_deref() == Some(kind.name()) && about.name.as_deref() == Some(object.name()),
    }
}

/// The events about an object, grouped by the command or fault that led to them, the latest group first.
pub fn event_groups(view: &View, log: &Store, key: &Key) -> Vec<EventGroup> {
    let Some(object) = view.object(key) else { return Vec::new() };
    let namespace = if object.namespace().is_empty() { "default" } else { object.namespace() };
    let about = |event: &&Event| is_about(event, object.kind(), object.as_ref());
    let mut groups: Vec<EventGroup> = Vec::new();
    for event in view.list::<Event>(Some(namespace)).filter(about) {
        let of = Key::new(Kind::EVENT, event.namespace(), event.name());
        let cause = chain(log, view.revision(), Some(&of)).into_iter().next().map(|hop| Cause {
            revision: hop.revision,
            time: hop.time,
            actor: hop.actor,
            verb: hop.verb,
            key: hop.key,
        });
        // An event that nobody's write led to is its own cause.
        let cause = cause.filter(|cause| cause.key.kind != Kind::EVENT);
        let row = event_row(event);
        match groups.iter_mut().find(|group| group.cause == cause) {
            Some(group) => {
                group.count += row.count;
                group.events.push(row);
            }
            None => groups.push(EventGroup { cause, count: row.count, events: vec![row] }),
        }
    }
    for group in &mut groups {
        sorting::sort_by_key(&mut group.events, |event| std::cmp::Reverse(event.time));
    }
    let latest = |group: &EventGroup| group.events.first().map(|event| event.time);
    sorting::sort_by_key(&mut groups, |group| std::cmp::Reverse(latest(group)));
    groups
}

/// What one run of a container has printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The container.
    pub container: String,
    /// Whether it is the run before the current one.
    pub previous: bool,
    /// The last lines.
    pub lines: Vec<(SimTime, String)>,
    /// How many lines before those are left out.
    pub left_out: usize,
}

/// The logs of a pod's containers, init containers first, as `kubectl logs` and `kubectl logs --previous` have them.
pub fn logs(simulation: &Simulation, pod: &Key) -> Vec<Log> {
    let Some(pod) = simulation.view().get::<Pod>(&pod.namespace, &pod.name) else { return Vec::new() };
    let init = pod.spec.init_containers.iter().flatten();
    let (sidecars, once): (Vec<_>, Vec<_>) = init.partition(|container| is_sidecar(container));
    let mut logs = Vec::new();
    for container in once.into_iter().chain(sidecars).chain(&pod.spec.containers) {
        let name = container.name.as_str();
        let statuses = pod.status.init_container_statuses.iter().flatten();
        let mut statuses = statuses.chain(pod.status.container_statuses.iter().flatten());
        let status = statuses.find(|status| status.name == name);
        let ended = status.and_then(|status| status.last_state.as_ref()?.terminated.as_ref()).is_some();
        let waits = status.and_then(|status| status.state.as_ref()?.waiting.as_ref()).is_some();
        // Between two runs the log is still that of the last.
        for previous in if ended && !waits { &[false, true][..] } else { &[false][..] } {
            let mut lines = simulation.log(pod, name, *previous || (waits && ended));
            let left_out = lines.len().saturating_sub(LINES);
            lines.drain(..left_out);
            logs.push(Log { container: name.into(), previous: *previous, lines, left_out });
        }
    }
    logs
}

/// One write of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its revision.
    pub revision: Revision,
    /// When.
    pub time: SimTime,
    /// Who.
    pub actor: String,
}

/// The writes of an object up to a revision, latest first; those of a namesake before it are left out.
pub fn written(log: &Store, upto: Revision, key: &Key) -> Vec<Written> {
    let mut found = Vec::new();
    for change in (1..=upto).rev().filter_map(|revision| log.change(revision)) {
        if change.key != *key {
            continue;
        }
        let (revision, time) = (change.revision, change.time);
        found.push(Written { revision, time, actor: change.actor.component().into() });
        if change.before.is_none() || found.len() == WRITES {
            break;
        }
    }
    found
}

/// What differs between an object as two writes left it.
pub fn between(log: &Store, (from, to): (Revision, Revision)) -> Vec<Difference> {
    let tree = |revision: Revision| log.change(revision).map_or(Value::Null, |change| plain(change.object()));
    differences(&tree(from), &tree(to), FIELDS)
}

fn plain(object: &Object) -> Value {
    let mut tree = object.to_value();
    if let Some(meta) = tree.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("resourceVersion");
        meta.remove("managedFields");
    }
    tree
}

/// Who manages which fields, as `--show-managed-fields` has it; empty where nobody does.
pub fn managed(simulation: &Simulation, key: &Key) -> String {
    let list = simulation.api().managers_of(key).to_value();
    if list.as_array().is_none_or(Vec::is_empty) {
        String::new()
    } else {
        crate::api::manifest::to_yaml(&list)
    }
}

/// The objects that an object's fields name, as far as they are there.
pub fn references(object: &Object, view: &View) -> Vec<Key> {
    let mut found = Vec::new();
    let tree = object.to_value();
    let namespace = object.namespace();
    for owner in object.meta().owner_references.iter().flatten() {
        let kind = view.kind_from_manifest(&owner.api_version, &owner.kind);
        found.extend(kind.map(|kind| place(kind, namespace, &owner.name)));
    }
    for part in ["spec", "status", "roleRef", "subjects", "endpoints", "involvedObject"] {
        collect(&tree[part], "", namespace, view, &mut found);
    }
    let mut known: Vec<Key> = Vec::new();
    for key in found {
        if view.object(&key).is_some() && !known.contains(&key) && key != object.key() {
            known.push(key);
        }
    }
    known
}

fn place(kind: Kind, namespace: &str, name: &str) -> Key {
    Key::new(kind, if kind.info().namespaced { namespace } else { "" }, name)
}

/// Fields that hold a name, and the kind of what they name.
const NAMES: [(&str, Kind); 10] = [
    ("nodeName", Kind::NODE),
    ("claimName", Kind::PERSISTENT_VOLUME_CLAIM),
    ("volumeName", Kind::PERSISTENT_VOLUME),
    ("persistentVolumeName", Kind::PERSISTENT_VOLUME),
    ("storageClassName", Kind::STORAGE_CLASS),
    ("serviceAccountName", Kind::SERVICE_ACCOUNT),
    ("serviceName", Kind::SERVICE),
    ("secretName", Kind::SECRET),
    ("priorityClassName", Kind::PRIORITY_CLASS),
    ("ingressClassName", Kind::INGRESS_CLASS),
];

/// Fields that hold something with a `name`, and the kind of what that names.
const PARTS: [(&str, Kind); 8] = [
    ("configMap", Kind::CONFIG_MAP),
    ("configMapRef", Kind::CONFIG_MAP),
    ("configMapKeyRef", Kind::CONFIG_MAP),
    ("secret", Kind::SECRET),
    ("secretRef", Kind::SECRET),
    ("secretKeyRef", Kind::SECRET),
    ("imagePullSecrets", Kind::SECRET),
    ("service", Kind::SERVICE),
];

fn collect(value: &Value, under: &str, namespace: &str, view: &View, found: &mut Vec<Key>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, under, namespace, view, found)),
        Value::Object(fields) => {
            let word = |name: &str| fields.get(name).and_then(Value::as_str);
            if let (Some(kind), Some(name)) = (word("kind"), word("name")) {
                let kind = match word("apiVersion") {
                    Some(version) => view.kind_from_manifest(version, kind),
                    None => view.kind_from_word(kind),
                };
                found.extend(kind.map(|kind| place(kind, word("namespace").unwrap_or(namespace), name)));
            } else if let Some(name) = word("name") {
                let kind = PARTS.iter().find(|(part, _)| *part == under).map(|(_, kind)| *kind);
                found.extend(kind.map(|kind| place(kind, namespace, name)));
            }
            for (name, value) in fields {
                let kind = NAMES.iter().find(|(field, _)| field == name).map(|(_, kind)| *kind);
                match (kind, value.as_str()) {
                    (Some(kind), Some(text)) => found.push(place(kind, namespace, text)),
                    _ => collect(value, name, namespace, view, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input};

    fn run(manifest: &str, lines: &[(u64, &str)], until: u64) -> Simulation {
        let mut simulation = Simulation::new(Config::small(2));
        simulation.submit(Input::Kubectl {
            line: "apply -f -".into(),
            stdin: Some(manifest.into()),
            files: Default::default(),
        });
        for (at, line) in lines {
            simulation.advance(SimTime::from_secs(*at), u64::MAX);
            assert_eq!(simulation.kubectl_line(line).code, 0, "{line}");
        }
        simulation.advance(SimTime::from_secs(until), u64::MAX);
        simulation
    }

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'web:1'}]}\n";

    #[test]
    fn events_stand_under_the_command_that_led_to_them() {
        let simulation = run(WEB, &[(30, "kubectl scale deploy web --replicas=2")], 60);
        let key = Key::new(Kind::DEPLOYMENT, "default", "web");
        let groups = event_groups(simulation.view(), simulation.api().store(), &key);
        let shown: Vec<(String, &str, i32)> = groups
            .iter()
            .map(|group| {
                let cause = group.cause.as_ref().expect("a cause");
                (
                    format!("{} {}", cause.actor, cause.verb.as_str()),
                    group.events[0].reason.as_str(),
                    group.count,
                )
            })
            .collect();
        let expected = [
            ("kubectl update".to_string(), "ScalingReplicaSet", 1),
            ("kubectl create".to_string(), "ScalingReplicaSet", 1),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn logs_are_those_of_kubectl_and_of_the_run_before() {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: talk}\nspec: {containers: [{name: main, image: busybox, command: [sh, -c, 'echo hello; sleep 20; echo bye; exit 1']}]}\n";
        let mut simulation = run(pod, &[], 15);
        let key = Key::new(Kind::POD, "default", "talk");
        let first = logs(&simulation, &key);
        assert_eq!((first.len(), first[0].previous, first[0].lines[0].1.as_str()), (1, false, "hello"));
        simulation.advance(SimTime::from_secs(35), u64::MAX);
        let both = logs(&simulation, &key);
        let text = |log: &Log| log.lines.iter().map(|(_, line)| format!("{line}\n")).collect::<String>();
        assert_eq!(both.len(), 2, "{both:?}");
        assert_eq!(text(&both[0]), simulation.kubectl_line("kubectl logs talk").stdout);
        assert_eq!(text(&both[1]), simulation.kubectl_line("kubectl logs talk --previous").stdout);
        assert_eq!(text(&both[1]), "hello\nbye\n");
    }

    #[test]
    fn two_revisions_differ_in_what_was_written_between_them() {
        let simulation = run(WEB, &[(30, "kubectl scale deploy web --replicas=2")], 60);
        let key = Key::new(Kind::DEPLOYMENT, "default", "web");
        let log = simulation.api().store();
        let all = written(log, log.revision(), &key);
        let scaled = all.iter().position(|written| written.actor == "kubectl").expect("the command");
        let fields = between(log, (all[scaled + 1].revision, all[scaled].revision));
        assert!(fields.contains(&("spec.replicas".into(), "1".into(), "2".into())), "{fields:?}");
        assert!(between(log, (all[0].revision, all[0].revision)).is_empty());
        assert!(managed(&simulation, &key).contains("manager: kubectl"), "{}", managed(&simulation, &key));
    }

    #[test]
    fn every_name_that_is_there_is_a_link() {
        let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  nodeName: node-1\n  containers: [{name: web, image: 'web:1', envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: nobody, optional: true}}]}]\n";
        let simulation = run(manifest, &[], 20);
        let view = simulation.view();
        let pod = view.object(&Key::new(Kind::POD, "default", "web")).expect("a pod");
        let links: Vec<String> = references(pod, view).iter().map(Key::to_string).collect();
        for wanted in ["Node node-1", "ConfigMap default/settings", "ServiceAccount default/default"] {
            assert!(links.contains(&wanted.to_string()), "{links:?}");
        }
        assert!(!links.iter().any(|link| link.contains("nobody")), "{links:?}");
    }
}
