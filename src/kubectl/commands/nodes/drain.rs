//! `drain`: cordons nodes, and evicts what runs on them. Models `k8s.io/kubectl/pkg/drain`.

use std::collections::BTreeMap;

use super::set_unschedulable;
use crate::api::selector::Selector;
use crate::api::status::Reason;
use crate::api::{Key, Kind, MetaExt, Object, Pod};
use crate::client::{Client, DeleteOptions, Propagation};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Output, Verb, Wait};

use super::super::writing::{DRY_RUN, DryRun};

const FLAGS: &[Flag] = &[
    value("selector", "only nodes with these labels").short('l'),
    value("pod-selector", "only pods with these labels"),
    switch("ignore-daemonsets", "leave pods of DaemonSets where they are"),
    switch("delete-emptydir-data", "pods that lose data in an emptyDir too"),
    switch("delete-local-data", "the old name of --delete-emptydir-data"),
    switch("force", "pods that nobody makes again too"),
    switch("disable-eviction", "delete, without asking disruption budgets"),
    value("grace-period", "seconds that pods get to end"),
    value("timeout", "how long to wait"),
    value("skip-wait-for-delete-timeout", "do not wait for pods that were to be gone so many seconds ago"),
    value("chunk-size", "has no effect here"),
    DRY_RUN,
];

/// A pod that a budget protects is asked for again after this long.
const RETRY: SimDuration = SimDuration::from_secs(5);

/// See the module.
pub const DRAIN: Verb =
    Verb { path: "drain", help: "Drain node in preparation for maintenance", flags: FLAGS, run };

/// What a drain may do to pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rules {
    pods: String,
    ignore_daemon_sets: bool,
    delete_empty_dirs: bool,
    force: bool,
    evict: bool,
    grace: Option<i64>,
    /// Pods that were to be gone longer ago than this are not waited for.
    skip_after: Option<SimDuration>,
    dry: DryRun,
    /// How long each node may take.
    timeout: Option<SimDuration>,
}

/// A drain that goes on: nodes still to be emptied, and the pods of the first that are not gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    rules: Rules,
    nodes: Vec<String>,
    /// Whether the pods of the first node have been listed.
    begun: bool,
    pods: Vec<Leaving>,
    /// What went wrong with pods of the first node.
    errors: Vec<String>,
    failed: Vec<(String, Vec<String>)>,
    deadline: Option<SimTime>,
}

/// A pod on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaving {
    key: Key,
    uid: String,
    /// When to ask for its eviction (again); none once it has been granted.
    ask: Option<SimTime>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.words.is_empty() && !call.args.has("selector") {
        return Err(Failure::misuse("USAGE: drain NODE [flags]"));
    }
    if !call.args.words.is_empty() && call.args.value("selector").is_some_and(|text| !text.is_empty()) {
        return Err(Failure::misuse("cannot specify both a node name and a --selector option"));
    }
    let dry = DryRun::of(call)?;
    let pods = call.args.value("pod-selector").unwrap_or_default().to_string();
    if Selector::parse(&pods).is_err() {
        return Err(Failure::message("--pod-selector=<pod_selector> must be a valid label selector"));
    }
    let skip_after =
        call.args.number("skip-wait-for-delete-timeout")?.and_then(|secs| u64::try_from(secs).ok());
    let now = call.client.now();
    let rules = Rules {
        pods,
        ignore_daemon_sets: call.args.on("ignore-daemonsets"),
        delete_empty_dirs: call.args.on("delete-emptydir-data") || call.args.on("delete-local-data"),
        force: call.args.on("force"),
        evict: !call.args.on("disable-eviction"),
        grace: call.args.number("grace-period")?.filter(|seconds| *seconds >= 0),
        skip_after: skip_after.filter(|secs| *secs > 0).map(SimDuration::from_secs),
        dry,
        timeout: call.timeout("timeout")?.map(|deadline| deadline.since(now)),
    };
    let nodes = set_unschedulable(call, true)?;
    let drain = Drain {
        rules,
        nodes,
        begun: false,
        pods: Vec::new(),
        errors: Vec::new(),
        failed: Vec::new(),
        deadline: None,
    };
    let output = poll(drain, call.client);
    call.output.stdout.push_str(&output.stdout);
    call.output.stderr.push_str(&output.stderr);
    call.output.code = output.code;
    call.output.wait = output.wait;
    Ok(())
}

/// Goes on with a drain: evicts whom it may, and looks who is gone.
pub fn poll(mut drain: Drain, client: &mut Client<'_>) -> Output {
    let mut output = Output::default();
    while let Some(node) = drain.nodes.first().cloned() {
        if !drain.begun {
            match pods_to_go(&node, &drain.rules, client) {
                Ok((pods, warnings)) => {
                    if !warnings.is_empty() {
                        output.stderr.push_str(&format!("Warning: {warnings}\n"));
                    }
                    let ask = Some(client.now());
                    drain.pods = pods.into_iter().map(|(key, uid)| Leaving { key, uid, ask }).collect();
                    drain.begun = true;
                    drain.deadline = drain.rules.timeout.map(|timeout| client.now() + timeout);
                }
                Err(errors) => {
                    drain.give_up(&node, errors, &mut output);
                    continue;
                }
            }
        }
        if drain.rules.dry != DryRun::No {
            for pod in std::mem::take(&mut drain.pods) {
                let (namespace, name, suffix) = (&pod.key.namespace, &pod.key.name, drain.rules.dry.suffix());
                output.stdout.push_str(&format!("evicting pod {namespace}/{name}{suffix}\n"));
            }
        }
        if let Err(errors) = drain.advance(client, &mut output) {
            let why = aggregate(&errors);
            output.stderr.push_str(&format!(
                "There are pending pods in node \"{node}\" when an error occurred: {why}\n"
            ));
            let pending =
                pods_to_go(&node, &drain.rules, client).map_or_else(|_| Vec::new(), |(pods, _)| pods);
            for (key, _) in pending {
                output.stderr.push_str(&format!("pod/{}\n", key.name));
            }
            drain.give_up(&node, errors, &mut output);
            continue;
        }
        if !drain.pods.is_empty() {
            output.wait = Some(Wait::Drain(Box::new(drain)));
            return output;
        }
        output.stdout.push_str(&format!("node/{node} drained{}\n", drain.rules.dry.suffix()));
        drain.nodes.remove(0);
        drain.begun = false;
    }
    if !drain.failed.is_empty() {
        output.stderr.push_str("There are pending nodes to be drained:\n");
        drain.failed.iter().for_each(|(node, _)| output.stderr.push_str(&format!(" {node}\n")));
        let errors: Vec<Failure> = match drain.failed.as_slice() {
            [(_, errors)] => errors.iter().map(Failure::message).collect(),
            several => several.iter().map(|(_, errors)| Failure::message(aggregate(errors))).collect(),
        };
        if let Err(failure) = Failure::collect(errors) {
            output.stderr.push_str(&failure.render("drain"));
        }
        output.code = 1;
    }
    output
}

impl Drain {
    fn give_up(&mut self, node: &str, errors: Vec<String>, output: &mut Output) {
        let why = aggregate(&errors);
        output.stderr.push_str(&format!(
            "error: unable to drain node \"{node}\" due to error: {why}, continuing command...\n"
        ));
        self.failed.push((node.to_string(), errors));
        self.nodes.remove(0);
        self.begun = false;
        self.pods.clear();
    }

    /// Asks for the evictions that are due, and forgets the pods that are gone.
    fn advance(&mut self, client: &mut Client<'_>, output: &mut Output) -> Result<(), Vec<String>> {
        let now = client.now();
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let mut asked = Vec::new();
        for mut pod in std::mem::take(&mut self.pods) {
            if pod.ask.is_none_or(|at| at > now) {
                asked.push(pod);
                continue;
            }
            match self.rules.ask(&mut pod, late, client, output) {
                Ok(true) => asked.push(pod),
                Ok(false) => {}
                Err(why) if self.rules.evict => self.errors.push(why),
                Err(why) => return Err(vec![why]),
            }
        }
        for pod in asked {
            match self.rules.outlook(&pod, late, client) {
                Outlook::Gone(said) => output.stdout.push_str(&said),
                Outlook::There => self.pods.push(pod),
                Outlook::TooLate(why) if self.rules.evict => self.errors.push(why),
                Outlook::TooLate(why) => return Err(vec![why]),
            }
        }
        match self.pods.is_empty() && !self.errors.is_empty() {
            true => Err(std::mem::take(&mut self.errors)),
            false => Ok(()),
        }
    }
}

/// How it is with a pod whose eviction was asked for.
enum Outlook {
    /// It is waited for no more; what is said of it.
    Gone(String),
    There,
    TooLate(String),
}

impl Rules {
    /// Asks for a pod to go. Whether it is then to be waited for.
    fn ask(
        &self,
        pod: &mut Leaving,
        late: bool,
        client: &mut Client<'_>,
        output: &mut Output,
    ) -> Result<bool, String> {
        let (namespace, name) = (&pod.key.namespace, &pod.key.name);
        let options = DeleteOptions {
            grace_period_seconds: self.grace,
            propagation: Propagation::Background,
            ..Default::default()
        };
        if !self.evict {
            pod.ask = None;
            return match client.delete(&pod.key, &options, None) {
                Err(status) if status.reason != Reason::NotFound => Err(status.message),
                _ => Ok(true),
            };
        }
        output.stdout.push_str(&format!("evicting pod {namespace}/{name}\n"));
        let doing = format!("error when evicting pods/\"{name}\" -n \"{namespace}\"");
        if late {
            return Err(format!(
                "{doing}: global timeout reached: {}",
                self.timeout.unwrap_or_default().go()
            ));
        }
        match client.evict(&pod.key, &options, false) {
            Ok(()) => pod.ask = None,
            Err(status) if status.reason == Reason::NotFound => return Ok(false),
            Err(status) if status.reason == Reason::TooManyRequests => {
                output.stderr.push_str(&format!("{doing} (will retry after 5s): {}\n", status.message));
                pod.ask = Some(client.now() + RETRY);
            }
            Err(status) => return Err(format!("{doing}: {}", status.message)),
        }
        Ok(true)
    }

    fn outlook(&self, pod: &Leaving, late: bool, client: &Client<'_>) -> Outlook {
        let (namespace, name) = (&pod.key.namespace, &pod.key.name);
        let live = client.live().object(&pod.key).filter(|object| object.uid() == pod.uid);
        match live {
            _ if pod.ask.is_some() => Outlook::There,
            None => {
                let word = if self.evict { "evicted" } else { "deleted" };
                Outlook::Gone(format!("pod/{name} {word}\n"))
            }
            Some(object) if self.skips(object, client) => {
                let secs = self.skip_after.unwrap_or_default().as_secs();
                Outlook::Gone(format!(
                    "pod \"{name}\" has DeletionTimestamp older than {secs} seconds, skipping\n"
                ))
            }
            Some(_) if late && self.evict => Outlook::TooLate(format!(
                "error when waiting for pod \"{name}\" in namespace \"{namespace}\" to terminate: global timeout reached: {}",
                self.timeout.unwrap_or_default().go()
            )),
            Some(_) if late => Outlook::TooLate("timed out waiting for the condition".into()),
            Some(_) => Outlook::There,
        }
    }

    /// Whether a pod was to be gone so long ago that it is not waited for.
    fn skips(&self, pod: &Object, client: &Client<'_>) -> bool {
        let due = pod.meta().deletion_timestamp.as_ref().map(SimTime::from_time);
        due.zip(self.skip_after).is_some_and(|(due, limit)| client.now() > due + limit)
    }
}

/// As Go joins several errors.
fn aggregate(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// What is to become of a pod.
enum Verdict {
    Go,
    GoWithWarning(&'static str),
    Stay(&'static str),
    Refuse(String),
}

type Pods = Vec<(Key, String)>;

/// The pods of a node that are to go, by key and uid, and what is to be said about some of them; or why none may.
fn pods_to_go(node: &str, rules: &Rules, client: &Client<'_>) -> Result<(Pods, String), Vec<String>> {
    let selector = Selector::parse(&rules.pods).map_err(|why| vec![why])?;
    let (mut pods, mut warnings, mut errors) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    client.may("list", Kind::POD, None).map_err(|status| vec![status.message])?;
    for pod in client.live().list::<Pod>(None) {
        if pod.spec.node_name.as_deref() != Some(node) || !selector.matches(pod.labels()) {
            continue;
        }
        let name = format!("{}/{}", pod.namespace(), pod.name());
        let (goes, said) = match verdict(pod, rules, client) {
            Verdict::Go => (true, None),
            Verdict::GoWithWarning(why) => (true, Some((&mut warnings, why.to_string()))),
            Verdict::Stay("") => (false, None),
            Verdict::Stay(why) => (false, Some((&mut warnings, why.to_string()))),
            Verdict::Refuse(why) => (false, Some((&mut errors, why))),
        };
        if let Some((list, why)) = said {
            list.entry(why).or_insert_with(Vec::new).push(name);
        }
        if goes {
            pods.push((Object::from(pod.clone()).key(), pod.uid().to_string()));
        }
    }
    let lines = |list: BTreeMap<String, Vec<String>>| -> Vec<String> {
        list.into_iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect()
    };
    if errors.is_empty() { Ok((pods, lines(warnings).join("; "))) } else { Err(lines(errors)) }
}

fn verdict(pod: &Pod, rules: &Rules, client: &Client<'_>) -> Verdict {
    let object = Object::from(pod.clone());
    if rules.skips(&object, client) {
        return Verdict::Stay("");
    }
    let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let owner = pod.controller();
    if let Some(owner) = owner.filter(|owner| owner.kind == "DaemonSet" && !finished) {
        let key = Key::new(Kind::DAEMON_SET, pod.namespace(), &owner.name);
        match client.live().object(&key) {
            None if rules.force => {}
            None => {
                return Verdict::Refuse(format!(
                    "cannot delete daemonsets.apps \"{}\" not found",
                    owner.name
                ));
            }
            Some(_) if rules.ignore_daemon_sets => return Verdict::Stay("ignoring DaemonSet-managed Pods"),
            Some(_) => {
                let why = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
                return Verdict::Refuse(why.into());
            }
        }
    }
    if pod.annotation("kubernetes.io/config.mirror").is_some() {
        return Verdict::Stay("");
    }
    let local = pod.spec.volumes.iter().flatten().any(|volume| volume.empty_dir.is_some()) && !finished;
    if local && !rules.delete_empty_dirs {
        let why = "cannot delete Pods with local storage (use --delete-emptydir-data to override)";
        return Verdict::Refuse(why.into());
    }
    // Of several warnings only the last is kept, so that the loss of local storage is never told.
    match (owner.is_some() || finished, rules.force) {
        (true, _) => Verdict::Go,
        (false, true) => Verdict::GoWithWarning("deleting Pods that declare no controller"),
        (false, false) => {
            let why = "cannot delete Pods that declare no controller (use --force to override)";
            Verdict::Refuse(why.into())
        }
    }
}
