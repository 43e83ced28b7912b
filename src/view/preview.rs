//! What applying a manifest would change: each object of it, each change of an object, and what would become of the pods. Nothing
//! here knows which field does what: every change is made by itself on a copy of the run, and the copy runs on for a while.

use serde_json::Value;
use sorted::SortedSet;

use super::trial;
use crate::api::manifest::{self, Diagnostic, Document, Limits, SourceMap, to_yaml};
use crate::api::{Key, Kind, MetaExt, Object, schema};
use crate::apiserver::{Actor, View};
use crate::clock::{SimDuration, SimTime};
use crate::sim::scheduler_configuration::part;
use crate::sim::{Input, Simulation};

/// A longer text, or one of more documents, is not looked at.
const LENGTH_MAX: usize = 256 * 1024;
const DOCUMENTS_MAX: usize = 60;
/// So many changes are tried one by one; what is beyond is tried as one.
const TRIED_MAX: usize = 24;
/// How long a copy runs on: longer than a pod takes to end. And by how many events at most, a slice at a time.
const HORIZON: SimDuration = SimDuration::from_secs(75);
const SLICE: u64 = 200;
const EVENTS_MAX: u64 = 6_000;
/// Lines of a change that are shown.
const LINES_MAX: usize = 60;

/// One object of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// `Deployment web`, with its namespace where that is not the one that commands work in.
    pub name: String,
    /// The line on which its document begins.
    pub line: u32,
    pub fate: Fate,
    pub hunks: Vec<Hunk>,
}

/// What would become of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Created,
    Unchanged,
    Changed,
    /// The API server's words.
    Refused(String),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The field: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// Lines with what becomes of them: `-` gone, `+` new, a space for kept.
    pub lines: Vec<(char, String)>,
    pub mark: Mark,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Pods end and others come in their place.
    RollsPods,
    /// The object changes, and its pods stay.
    InPlace,
    /// Nothing acts on it here.
    Unsimulated,
    /// The API server refuses it: its words.
    Refused(String),
}

/// What would change. `Err` holds what is wrong with the text itself.
///
/// # Errors
/// The first error of the text, or that it is too long.
pub fn preview(text: &str, moment: &Simulation) -> Result<Vec<Planned>, String> {
    if text.len() > LENGTH_MAX {
        return Err("too long".into());
    }
    if let Some(error) = super::lint(text).into_iter().find(Diagnostic::is_error) {
        return Err(format!("{}:{}: {}", error.line, error.column, error.message));
    }
    let objects = part(text).objects.unwrap_or_default();
    let stream = manifest::parse(&objects, &Limits::default());
    let map = SourceMap::new(&objects);
    let mut run = moment.clone();
    let mut tries = Tries { moment, control: None, left: TRIED_MAX };
    let mut planned = Vec::new();
    for document in stream.documents.iter().take(DOCUMENTS_MAX) {
        let line = map.position(document.span.from).line;
        planned.extend(of_document(&objects, document, line, &mut run, &mut tries));
    }
    Ok(planned)
}

/// Applies one document to the copy that has the documents before it, and tells what that did.
fn of_document(
    text: &str,
    document: &Document,
    line: u32,
    run: &mut Simulation,
    tries: &mut Tries<'_>,
) -> Vec<Planned> {
    let before = run.view().clone();
    let body = &text[document.span.from as usize..document.span.to as usize];
    let outcome = trial::apply(run, body);
    let written = |key: &Key| {
        run.api()
            .store()
            .since(before.revision())
            .any(|change| change.key == *key && change.actor == Actor::User)
    };
    let mut planned = Vec::new();
    for object in document.objects() {
        let value = object.to_value();
        let Some(key) = key_of(&value, &before, run) else { continue };
        let name = match &*key.namespace {
            home if home.is_empty() || home == run.namespace() => format!("{} {}", key.kind.name(), key.name),
            home => format!("{} {home}/{}", key.kind.name(), key.name),
        };
        let (old, new) = (before.object(&key), run.view().object(&key));
        let (fate, changes) = match (old, new) {
            (Some(old), Some(new)) if written(&key) => (Fate::Changed, changes(&plain(old), &plain(new))),
            _ if outcome.code != 0 => {
                let words = Fate::Refused(outcome.stderr.trim_end().to_string());
                // What was wanted, as far as the text alone tells.
                let changes = old
                    .map(|old| (plain(old), over(&plain(old), &value)))
                    .map(|(old, new)| changes(&old, &new));
                (words, changes.unwrap_or_default())
            }
            (None, Some(_)) => (Fate::Created, Vec::new()),
            _ => (Fate::Unchanged, Vec::new()),
        };
        let fate = if fate == Fate::Changed && changes.is_empty() { Fate::Unchanged } else { fate };
        let refused = matches!(fate, Fate::Refused(_));
        let hunks = old.map(|old| hunks(tries, old, changes, refused)).unwrap_or_default();
        planned.push(Planned { name, line, fate, hunks });
    }
    planned
}

fn key_of(value: &Value, view: &View, run: &Simulation) -> Option<Key> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let kind = view.kind_from_manifest(&word(&value["apiVersion"]), &word(&value["kind"]));
    let kind =
        kind.or_else(|| run.view().kind_from_manifest(&word(&value["apiVersion"]), &word(&value["kind"])))?;
    let own = word(&value["metadata"]["namespace"]);
    let namespace = match kind.info().namespaced {
        false => "",
        true if own.is_empty() => run.namespace(),
        true => &own,
    };
    Some(Key::new(kind, namespace, &word(&value["metadata"]["name"])))
}

/// An object without what every write changes, and what is not the user's to write.
fn plain(object: &Object) -> Value {
    let mut value = object.to_value();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(meta) = value["metadata"].as_object_mut() {
        for field in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
            meta.remove(field);
        }
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            // A generation too, though by another name.
            annotations.remove("deprecated.daemonset.template.generation");
            if annotations.is_empty() {
                meta.remove("annotations");
            }
        }
    }
    value
}

/// A value with another laid over it: what lists name is laid over what has that name.
fn over(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let mut fields = a.clone();
            for (key, value) in b {
                let merged = over(fields.get(key).unwrap_or(&Value::Null), value);
                fields.insert(key.clone(), merged);
            }
            fields.into()
        }
        (Value::Array(a), Value::Array(b)) => {
            let same =
                |item: &&Value, other: &Value| !other["name"].is_null() && item["name"] == other["name"];
            let item = |item: &Value| {
                a.iter().find(|old| same(old, item)).map_or_else(|| item.clone(), |old| over(old, item))
            };
            b.iter().map(item).collect::<Vec<_>>().into()
        }
        (_, new) => new.clone(),
    }
}

/// A field that differs: the way to it, and what it was and is.
struct Change {
    steps: Vec<Step>,
    old: Option<Value>,
    new: Option<Value>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    Item(usize),
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    differ(Some(before), Some(after), &mut Vec::new(), &mut found);
    found
}

fn differ(before: Option<&Value>, after: Option<&Value>, at: &mut Vec<Step>, found: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                at.push(Step::Key(key.clone()));
                differ(a.get(key), b.get(key), at, found);
                at.pop();
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b)))
            if a.len() == b.len() && a.iter().all(Value::is_object) =>
        {
            for (item, (a, b)) in a.iter().zip(b).enumerate() {
                at.push(Step::Item(item));
                differ(Some(a), Some(b), at, found);
                at.pop();
            }
        }
        (old, new) => found.push(Change { steps: at.clone(), old: old.cloned(), new: new.cloned() }),
    }
}

fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Item(at) => path.push_str(&format!("[{at}]")),
            Step::Key(key) if key.contains(['.', '/']) => path.push_str(&format!("[{key}]")),
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.push_str(&format!(".{key}")),
        }
    }
    path
}

/// Makes a change of a tree.
fn make(tree: &mut Value, change: &Change) -> Option<()> {
    let (last, way) = change.steps.split_last()?;
    let mut at = tree;
    for step in way {
        at = match step {
            Step::Key(key) => at.get_mut(key)?,
            Step::Item(item) => at.get_mut(item)?,
        };
    }
    match (last, &change.new) {
        (Step::Key(key), Some(value)) => _ = at.as_object_mut()?.insert(key.clone(), value.clone()),
        (Step::Key(key), None) => _ = at.as_object_mut()?.remove(key),
        (Step::Item(item), Some(value)) => *at.get_mut(item)? = value.clone(),
        (Step::Item(_), None) => return None,
    }
    Some(())
}

/// The lines of a change; those that both have at the ends are kept.
fn lines(change: &Change) -> Vec<(char, String)> {
    let text = |value: &Option<Value>| match value {
        None => Vec::new(),
        Some(value) => to_yaml(value).lines().map(String::from).collect::<Vec<_>>(),
    };
    let (a, b) = (text(&change.old), text(&change.new));
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = (a.len() - start).min(b.len() - start);
    let end = (0..rest).take_while(|n| a[a.len() - 1 - n] == b[b.len() - 1 - n]).count();
    let mut lines = Vec::new();
    lines.extend(a[..start].iter().map(|line| (' ', line.clone())));
    lines.extend(a[start..a.len() - end].iter().map(|line| ('-', line.clone())));
    lines.extend(b[start..b.len() - end].iter().map(|line| ('+', line.clone())));
    lines.extend(a[a.len() - end..].iter().map(|line| (' ', line.clone())));
    lines.truncate(LINES_MAX);
    lines
}

/// The trials of one look.
struct Tries<'s> {
    moment: &'s Simulation,
    /// The pods that end, or come anew, without any change.
    control: Option<Fleet>,
    left: usize,
}

fn hunks(tries: &mut Tries<'_>, old: &Object, changes: Vec<Change>, refused: bool) -> Vec<Hunk> {
    let mut whole = None;
    let mut hunks = Vec::new();
    for change in &changes {
        let mark = match left_alone(old, change) {
            true => Mark::Unsimulated,
            false if tries.left == 0 => tries.all(old, &changes, &mut whole),
            false => match tries.one(old, std::slice::from_ref(change)) {
                // By itself it does not fit; together with the others it does.
                Mark::Refused(_) if !refused => tries.all(old, &changes, &mut whole),
                mark => mark,
            },
        };
        hunks.push(Hunk { path: path(&change.steps), lines: lines(change), mark });
    }
    hunks
}

fn left_alone(object: &Object, change: &Change) -> bool {
    let keys = change.steps.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Item(_) => None,
    });
    schema::is_unsimulated(&object.api_version(), object.kind().name(), keys)
}

impl Tries<'_> {
    fn all(&mut self, old: &Object, changes: &[Change], whole: &mut Option<Mark>) -> Mark {
        whole.get_or_insert_with(|| self.one(old, changes)).clone()
    }

    /// What some changes of an object do, without the others.
    fn one(&mut self, old: &Object, changes: &[Change]) -> Mark {
        self.left = self.left.saturating_sub(1);
        let mut run = self.moment.clone();
        // It may be a document before this one that makes it.
        let Some(live) = run.view().object(&old.key()).cloned() else { return Mark::InPlace };
        let mut tree = live.to_value();
        if changes.iter().any(|change| make(&mut tree, change).is_none()) {
            return Mark::InPlace;
        }
        let line = "kubectl replace -f -".to_string();
        let replaced =
            run.submit(Input::Kubectl { line, stdin: Some(to_yaml(&tree)), files: Default::default() });
        if replaced.code != 0 {
            return Mark::Refused(replaced.stderr.trim_end().to_string());
        }
        let before = Fleet::of(self.moment.view());
        let control = self.control.get_or_insert_with(|| {
            let mut run = self.moment.clone();
            run_on(&mut run, &mut |_| false);
            Fleet::of(run.view())
        });
        let rolls = run_on(&mut run, &mut |view| before.is_replaced(&Fleet::of(view), control));
        if rolls { Mark::RollsPods } else { Mark::InPlace }
    }
}

/// Lets a copy run until something is seen, or nothing more is due. Says whether it was seen.
fn run_on(run: &mut Simulation, seen: &mut dyn FnMut(&View) -> bool) -> bool {
    let end: SimTime = run.now() + HORIZON;
    let mut events = 0;
    loop {
        let done = run.advance(end, SLICE);
        events += done;
        if seen(run.view()) {
            return true;
        }
        if done < SLICE || events >= EVENTS_MAX {
            return false;
        }
    }
}

/// The pods of a moment: who is there to stay, and of what making.
struct Fleet {
    /// The pods that have not ended and are not ending, by uid.
    staying: SortedSet<String>,
    /// Every pod: uid, who controls it, and the revision that it was made from.
    pods: Vec<(String, String, String)>,
}

impl Fleet {
    fn of(view: &View) -> Fleet {
        let (mut staying, mut pods) = (SortedSet::new(), Vec::new());
        for pod in view.objects(Kind::POD, None) {
            if !pod.is_deleting() {
                staying.insert(pod.uid().to_string());
            }
            let label = |key: &str| pod.labels().get(key).cloned();
            let revision =
                label("pod-template-hash").or_else(|| label("controller-revision-hash")).unwrap_or_default();
            let owner =
                pod.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
            // The ReplicaSets of a Deployment are told apart by the hash alone.
            let name = owner.map_or("", |owner| owner.name.as_str());
            let family = name.strip_suffix(&format!("-{revision}")).unwrap_or(name);
            let kind = owner.map_or("", |owner| owner.kind.as_str());
            pods.push((pod.uid().to_string(), format!("{}/{kind}/{family}", pod.namespace()), revision));
        }
        Fleet { staying, pods }
    }

    /// Whether pods have come in the place of others that would have stayed: of another revision, or for pods that had to go.
    fn is_replaced(&self, after: &Fleet, control: &Fleet) -> bool {
        let is_old = |uid: &String| self.pods.iter().any(|(known, ..)| known == uid);
        after.pods.iter().filter(|(uid, owner, _)| !is_old(uid) && !owner.ends_with("//")).any(
            |(_, owner, revision)| {
                let own = || self.pods.iter().filter(|(_, of, _)| of == owner);
                let fresh = own().next().is_some() && own().all(|(.., old)| old != revision);
                let made_way = own().any(|(uid, ..)| {
                    self.staying.contains(uid)
                        && !after.staying.contains(uid)
                        && control.staying.contains(uid)
                });
                fresh || made_way
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Config;

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      hostIPC: false\n      containers:\n      - name: a\n        image: nginx:1.27\n";

    fn after(text: &str) -> Simulation {
        let mut run = Simulation::new(Config::small(1));
        assert_eq!(run.apply(text).code, 0);
        run.run_until_quiet(run.now() + SimDuration::from_secs(60));
        run
    }

    fn marks(run: &Simulation, text: &str) -> Vec<(String, Mark)> {
        let planned = preview(text, run).expect("a manifest");
        planned.into_iter().flat_map(|object| object.hunks).map(|hunk| (hunk.path, hunk.mark)).collect()
    }

    #[test]
    fn every_change_says_what_it_does() {
        let run = after(WEB);
        let changed = WEB
            .replace("replicas: 3", "replicas: 5")
            .replace("1.27", "1.28")
            .replace("hostIPC: false", "hostIPC: true");
        let want = [
            ("spec.replicas", Mark::InPlace),
            ("spec.template.spec.containers[0].image", Mark::RollsPods),
            ("spec.template.spec.hostIPC", Mark::Unsimulated),
        ];
        assert_eq!(marks(&run, &changed), want.map(|(path, mark)| (path.to_string(), mark)));
        let planned = preview(&changed, &run).expect("a manifest");
        assert_eq!(
            (planned[0].name.as_str(), planned[0].line, &planned[0].fate),
            ("Deployment web", 1, &Fate::Changed)
        );
        assert_eq!(planned[0].hunks[1].lines, [('-', "nginx:1.27".into()), ('+', "nginx:1.28".to_string())]);
        // To look is to do nothing.
        assert_eq!(preview(WEB, &run).expect("a manifest")[0].fate, Fate::Unchanged);
    }

    #[test]
    fn whoever_decides_is_asked_and_no_list_of_paths() {
        // A paused Deployment takes a new template without a new pod.
        let paused = WEB.replace("spec:\n  replicas", "spec:\n  paused: true\n  replicas");
        let mut run = after(WEB);
        assert_eq!(run.kubectl_line("rollout pause deployment web").code, 0);
        let changed = paused.replace("1.27", "1.28");
        assert_eq!(
            marks(&run, &changed),
            [("spec.template.spec.containers[0].image".to_string(), Mark::InPlace)]
        );
        // A StatefulSet that waits for its pods to be deleted.
        let set = WEB.replace("Deployment", "StatefulSet").replace(
            "spec:\n  replicas",
            "spec:\n  serviceName: web\n  updateStrategy: {type: RollingUpdate}\n  replicas",
        );
        let image = "spec.template.spec.containers[0].image".to_string();
        assert_eq!(marks(&after(&set), &set.replace("1.27", "1.28")), [(image.clone(), Mark::RollsPods)]);
        let set = set.replace("RollingUpdate", "OnDelete");
        assert_eq!(marks(&after(&set), &set.replace("1.27", "1.28")), [(image.clone(), Mark::InPlace)]);
        let daemons = WEB.replace("Deployment", "DaemonSet").replace("  replicas: 3\n", "");
        assert_eq!(marks(&after(&daemons), &daemons.replace("1.27", "1.28")), [(image, Mark::RollsPods)]);
    }

    #[test]
    fn what_is_refused_says_which_change_and_why() {
        let run = after(WEB);
        let changed = WEB.replace("{app: web}", "{app: other}").replace("replicas: 3", "replicas: 4");
        let planned = preview(&changed, &run).expect("a manifest");
        assert!(
            matches!(&planned[0].fate, Fate::Refused(words) if words.contains("field is immutable")),
            "{planned:?}"
        );
        let refused = |hunk: &&Hunk| matches!(hunk.mark, Mark::Refused(_));
        let paths: Vec<&str> =
            planned[0].hunks.iter().filter(refused).map(|hunk| hunk.path.as_str()).collect();
        assert!(paths.contains(&"spec.selector.matchLabels.app"), "{planned:?}");
        assert!(!paths.contains(&"spec.replicas"), "{planned:?}");
    }

    #[test]
    fn documents_see_those_before_them() {
        let run = Simulation::new(Config::small(1));
        let text = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: lab}}\n---\n{}",
            WEB.replace("name: web\n", "name: web\n  namespace: lab\n")
        );
        let planned = preview(&text, &run).expect("a manifest");
        let fates: Vec<(&str, &Fate)> =
            planned.iter().map(|object| (object.name.as_str(), &object.fate)).collect();
        assert_eq!(fates, [("Namespace lab", &Fate::Created), ("Deployment lab/web", &Fate::Created)]);
        assert_eq!(preview("kind: [", &run).map_err(|why| why.starts_with("1:")), Err(true));
    }
}
