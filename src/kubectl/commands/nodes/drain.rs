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
    value("skip-wait-for-delete-timeout", "has no effect here"),
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
}

/// A drain that goes on: nodes still to be emptied, and the pods of the first that are not gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    rules: Rules,
    nodes: Vec<String>,
    /// Whether the pods of the first node have been listed.
    begun: bool,
    pods: Vec<Leaving>,
    failed: Vec<(String, String)>,
    deadline: Option<SimTime>,
    timeout: String,
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
    let dry = DryRun::of(call)?;
    let rules = Rules {
        pods: call.args.value("pod-selector").unwrap_or_default().into(),
        ignore_daemon_sets: call.args.on("ignore-daemonsets"),
        delete_empty_dirs: call.args.on("delete-emptydir-data") || call.args.on("delete-local-data"),
        force: call.args.on("force"),
        evict: !call.args.on("disable-eviction"),
        grace: call.args.number("grace-period")?.filter(|seconds| *seconds >= 0),
    };
    let timeout = call.args.value("timeout").unwrap_or_default().to_string();
    let deadline = call.timeout("timeout")?;
    let nodes = set_unschedulable(call, true)?;
    if dry != DryRun::No {
        for node in nodes {
            let (pods, warnings) = pods_to_go(&node, &rules, call.client)
                .map_err(|errors| Failure::Many(errors.into_iter().map(Failure::message).collect()))?;
            if !warnings.is_empty() {
                call.warn(format!("Warning: {warnings}"));
            }
            for key in pods {
                call.say(format!("evicting pod {}/{}{}", key.0.namespace, key.0.name, dry.suffix()));
            }
            call.say(format!("node/{node} drained{}", dry.suffix()));
        }
        return Ok(());
    }
    let drain = Drain { rules, nodes, begun: false, pods: Vec::new(), failed: Vec::new(), deadline, timeout };
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
                }
                Err(errors) => {
                    drain.give_up(&node, &aggregate(&errors), &mut output);
                    continue;
                }
            }
        }
        if let Err(why) = drain.advance(client, &mut output) {
            output.stderr.push_str(&format!(
                "There are pending pods in node \"{node}\" when an error occurred: {why}\n"
            ));
            for pod in &drain.pods {
                output.stderr.push_str(&format!("pod/{}\n", pod.key.name));
            }
            drain.give_up(&node, &why, &mut output);
            continue;
        }
        if !drain.pods.is_empty() {
            output.wait = Some(Wait::Drain(Box::new(drain)));
            return output;
        }
        output.stdout.push_str(&format!("node/{node} drained\n"));
        drain.nodes.remove(0);
        drain.begun = false;
    }
    if !drain.failed.is_empty() {
        output.stderr.push_str("There are pending nodes to be drained:\n");
        drain.failed.iter().for_each(|(node, _)| output.stderr.push_str(&format!(" {node}\n")));
        let errors: Vec<Failure> = drain.failed.iter().map(|(_, why)| Failure::message(why)).collect();
        output.stderr.push_str(&Failure::Many(errors).render("drain"));
        output.code = 1;
    }
    output
}

impl Drain {
    fn give_up(&mut self, node: &str, why: &str, output: &mut Output) {
        output.stderr.push_str(&format!(
            "error: unable to drain node \"{node}\" due to error: {why}, continuing command...\n"
        ));
        self.failed.push((node.to_string(), why.to_string()));
        self.nodes.remove(0);
        self.begun = false;
        self.pods.clear();
    }

    /// Asks for the evictions that are due, and forgets the pods that are gone.
    fn advance(&mut self, client: &mut Client<'_>, output: &mut Output) -> Result<(), String> {
        let now = client.now();
        let options = DeleteOptions {
            grace_period_seconds: self.rules.grace,
            propagation: Propagation::Background,
            ..Default::default()
        };
        for pod in &mut self.pods {
            if pod.ask.is_none_or(|at| at > now) {
                continue;
            }
            let (namespace, name) = (&pod.key.namespace, &pod.key.name);
            let asked = if self.rules.evict {
                output.stdout.push_str(&format!("evicting pod {namespace}/{name}\n"));
                client.evict(&pod.key, &options, false)
            } else {
                client.delete(&pod.key, &options, None).map(|_| ())
            };
            match asked {
                Ok(()) => pod.ask = None,
                Err(status) if status.reason == Reason::NotFound => pod.ask = None,
                Err(status) if status.reason == Reason::TooManyRequests => {
                    let why = &status.message;
                    output.stderr.push_str(&format!(
                        "error when evicting pods/\"{name}\" -n \"{namespace}\" (will retry after 5s): {why}\n"
                    ));
                    pod.ask = Some(now + RETRY);
                }
                Err(status) => {
                    let why = &status.message;
                    return Err(format!("error when evicting pods/\"{name}\" -n \"{namespace}\": {why}"));
                }
            }
        }
        let word = if self.rules.evict { "evicted" } else { "deleted" };
        let is_there = |pod: &Leaving| {
            client.live().object(&pod.key).is_some_and(|object| object.uid() == pod.uid) || pod.ask.is_some()
        };
        for pod in self.pods.iter().filter(|pod| !is_there(pod)) {
            output.stdout.push_str(&format!("pod/{} {word}\n", pod.key.name));
        }
        self.pods.retain(is_there);
        match self.pods.first() {
            Some(pod) if self.deadline.is_some_and(|deadline| now >= deadline) => Err(match pod.ask {
                Some(_) => format!(
                    "error when evicting pods/\"{}\" -n \"{}\": global timeout reached: {}",
                    pod.key.name, pod.key.namespace, self.timeout
                ),
                None => format!("drain did not complete within {}", self.timeout),
            }),
            _ => Ok(()),
        }
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
    Refuse(&'static str),
}

type Pods = Vec<(Key, String)>;

/// The pods of a node that are to go, by key and uid, and what is to be said about some of them; or why none may.
fn pods_to_go(node: &str, rules: &Rules, client: &Client<'_>) -> Result<(Pods, String), Vec<String>> {
    let selector = Selector::parse(&rules.pods).map_err(|why| vec![why])?;
    let (mut pods, mut warnings, mut errors) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for pod in client.live().list::<Pod>(None) {
        if pod.spec.node_name.as_deref() != Some(node) || !selector.matches(pod.labels()) {
            continue;
        }
        let name = format!("{}/{}", pod.namespace(), pod.name());
        let (goes, said) = match verdict(pod, rules, client) {
            Verdict::Go => (true, None),
            Verdict::GoWithWarning(why) => (true, Some((&mut warnings, why))),
            Verdict::Stay(why) => (false, Some((&mut warnings, why)).filter(|(_, why)| !why.is_empty())),
            Verdict::Refuse(why) => (false, Some((&mut errors, why))),
        };
        if let Some((list, why)) = said {
            list.entry(why).or_insert_with(Vec::new).push(name);
        }
        if goes {
            pods.push((Object::from(pod.clone()).key(), pod.uid().to_string()));
        }
    }
    let lines = |list: BTreeMap<&str, Vec<String>>| -> Vec<String> {
        list.into_iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect()
    };
    if errors.is_empty() { Ok((pods, lines(warnings).join("; "))) } else { Err(lines(errors)) }
}

fn verdict(pod: &Pod, rules: &Rules, client: &Client<'_>) -> Verdict {
    let finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let owner = pod.controller();
    if let Some(owner) = owner.filter(|owner| owner.kind == "DaemonSet" && !finished) {
        let key = Key::new(Kind::DAEMON_SET, pod.namespace(), &owner.name);
        match client.live().object(&key) {
            None if rules.force => return Verdict::GoWithWarning("deleting Pods that declare no controller"),
            _ if rules.ignore_daemon_sets => return Verdict::Stay("ignoring DaemonSet-managed Pods"),
            _ => {
                return Verdict::Refuse(
                    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
                );
            }
        }
    }
    if pod.annotation("kubernetes.io/config.mirror").is_some() {
        return Verdict::Stay("");
    }
    let local = pod.spec.volumes.iter().flatten().any(|volume| volume.empty_dir.is_some()) && !finished;
    if local && !rules.delete_empty_dirs {
        return Verdict::Refuse(
            "cannot delete Pods with local storage (use --delete-emptydir-data to override)",
        );
    }
    if owner.is_none() && !finished {
        return match rules.force {
            true => Verdict::GoWithWarning("deleting Pods that declare no controller"),
            false => {
                Verdict::Refuse("cannot delete Pods that declare no controller (use --force to override)")
            }
        };
    }
    if local { Verdict::GoWithWarning("deleting Pods with local storage") } else { Verdict::Go }
}
