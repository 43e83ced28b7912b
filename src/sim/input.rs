//! What comes from outside: commands, new nodes, faults. Inputs are data, and the journal of them, with the seed, is the
//! whole run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::NodeSpec;
use super::event::ControllerId;
use super::fault::Fault;
use super::session::{Session, SessionId};
use super::{Event, Simulation, fault_line, standing, traffic};
use crate::api::k8s::{ObjectMeta, Taint};
use crate::api::manifest::Diagnostic;
use crate::api::{Key, Kind, Namespace, Object, Status, quantity};
use crate::apiserver::metrics::{Metrics, Use};
use crate::apiserver::{Actor, DeleteOptions, Origin};
use crate::client::Client;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl;
use crate::kubelet::{self, NodeState, Reach};
use crate::network::LoadSpec;

/// One thing done to the cluster from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A line at the console: a kubectl command, or `load` and what belongs to it.
    Kubectl {
        /// The line.
        line: String,
        /// What is piped into it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<String>,
        /// The files it names, by the path on the line.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
    },
    /// What the host's editor has saved, for a `kubectl edit` that waits for it ([`Outcome::editing`]).
    Saved {
        /// The command's session.
        session: SessionId,
        /// The whole text.
        text: String,
    },
    /// A machine joins.
    AddNode(NodeSpec),
    /// A machine leaves for good, its object with it.
    RemoveNode(String),
    /// A machine shuts down, is switched off, cut off, or comes back.
    SetNode {
        /// Its name.
        name: String,
        /// What becomes of it.
        state: NodeState,
    },
    /// What every container uses from now on, unless its pod's annotations say otherwise.
    Usage {
        /// CPU, as a quantity.
        cpu: String,
        /// Memory, as a quantity.
        memory: String,
    },
    /// Something goes wrong inside.
    Fault(Fault),
    /// Requests are sent from now on; a load of the same name is changed.
    Load(LoadSpec),
    /// A load ends; without a name, all do.
    StopLoad(Option<String>),
    /// The scheduler is started anew with a `KubeSchedulerConfiguration`.
    SchedulerConfiguration(String),
}

impl Input {
    /// Whether it leaves no trace in the log, whatever comes of it.
    pub(super) fn writes_nothing(&self) -> bool {
        match self {
            Input::Load(_) | Input::StopLoad(_) | Input::SchedulerConfiguration(_) => true,
            Input::Fault(fault) => {
                !matches!(fault, Fault::Kill { .. } | Fault::Unhealthy { .. } | Fault::Healthy { .. })
            }
            Input::Kubectl { line, .. } => traffic::load_words(line).is_some(),
            _ => false,
        }
    }
}

/// An input and the place in the run at which it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The time.
    pub time: SimTime,
    /// How many events had been processed: tells inputs of one moment from the events of that moment.
    pub events_done: u64,
    /// The input.
    pub input: Input,
}

/// Every input so far. Copies share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: rpds::VectorSync<Arc<JournalEntry>>,
}

impl Journal {
    /// The inputs, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<JournalEntry>> {
        self.entries.iter()
    }

    /// One of them, counted from zero.
    pub fn get(&self, at: usize) -> Option<&Arc<JournalEntry>> {
        self.entries.get(at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What an input has answered at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Text for standard output.
    pub stdout: String,
    /// Text for standard error.
    pub stderr: String,
    /// The exit status, once `waiting` is false.
    pub code: i32,
    /// Where in the manifest something is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The command's session: what it prints later is found there.
    pub session: Option<SessionId>,
    /// Whether the command goes on (`rollout status`, `delete`, `get -w`).
    pub waiting: bool,
    /// The load that it has started.
    pub load: Option<String>,
    /// The text that the host's editor shall show; what is saved comes back as [`Input::Saved`].
    pub editing: Option<String>,
}

impl Outcome {
    pub(super) fn missed() -> Outcome {
        Outcome::complaint("there is nothing of that name".into())
    }

    /// Whether `kubectl apply` has made kinds that other documents of the same manifest are of. It looks for the kinds of all
    /// documents before it makes anything, so that such a manifest takes it two goes.
    pub fn wants_another_go(&self) -> bool {
        self.stderr.contains("ensure CRDs are installed first")
            && self
                .stdout
                .lines()
                .any(|line| line.starts_with("customresourcedefinition.") && line.ends_with(" created"))
    }

    fn failed(status: &Status) -> Outcome {
        Outcome { stderr: format!("error: {status}\n"), code: 1, ..Default::default() }
    }

    pub(super) fn complaint(why: String) -> Outcome {
        Outcome { stderr: format!("error: {why}\n"), code: 1, ..Default::default() }
    }
}

impl Simulation {
    /// Does something to the cluster, now. It is journaled, and its effects are events from here on.
    pub fn submit(&mut self, input: Input) -> Outcome {
        let entry = JournalEntry { time: self.now, events_done: self.events_done, input: input.clone() };
        self.journal.entries.push_back_mut(Arc::new(entry));
        self.api.charge();
        let before = self.revision();
        let outcome = match input {
            Input::Kubectl { line, .. }
                if self.context.attached.is_none() && traffic::load_words(&line).is_some() =>
            {
                self.load_line(&line)
            }
            Input::Kubectl { line, .. }
                if self.context.attached.is_none() && fault_line::words(&line).is_some() =>
            {
                self.fault_line(&line)
            }
            Input::Kubectl { line, stdin, files } => {
                self.kubectl(kubectl::Invocation { line, stdin, files, ..Default::default() })
            }
            Input::Saved { session, text } => self.save_edit(session, &text),
            Input::AddNode(node) => {
                self.add_node(&node).map_or_else(|status| Outcome::failed(&status), |()| Outcome::default())
            }
            Input::RemoveNode(name) => self.remove_node(&name),
            Input::SetNode { name, state } => self.set_node(&name, state),
            Input::Load(spec) => {
                self.start_load(spec).map_or_else(Outcome::complaint, |()| Outcome::default())
            }
            Input::StopLoad(name) => {
                if self.stop_load(name.as_deref()) || name.is_none() {
                    Outcome::default()
                } else {
                    Outcome::complaint(format!("there is no load {}", name.unwrap_or_default()))
                }
            }
            Input::Usage { cpu, memory } => self
                .set_usage(&cpu, &memory)
                .map_or_else(|status| Outcome::failed(&status), |()| Outcome::default()),
            Input::SchedulerConfiguration(text) => self.configure_scheduler(text),
            Input::Fault(fault) => self.strike(&fault),
        };
        self.after_writes(before);
        outcome
    }

    /// A convenience for [`Simulation::submit`]: a kubectl line with nothing piped in.
    pub fn kubectl_line(&mut self, line: &str) -> Outcome {
        self.submit(Input::Kubectl { line: line.into(), stdin: None, files: BTreeMap::new() })
    }

    /// `kubectl apply -f NAME` of a manifest, twice if it brings its own kinds.
    pub(super) fn apply_objects(&mut self, name: &str, manifest: String) -> Outcome {
        let word = shlex::try_quote(name).unwrap_or("-".into());
        let (stdin, files) = match word.as_ref() {
            "-" => (Some(manifest), BTreeMap::new()),
            _ => (None, BTreeMap::from([(name.to_string(), manifest)])),
        };
        let input = Input::Kubectl { line: format!("kubectl apply -f {word}"), stdin, files };
        let first = self.submit(input.clone());
        if !first.wants_another_go() {
            return first;
        }
        let second = self.submit(input);
        Outcome { stdout: format!("{}{}", first.stdout, second.stdout), ..second }
    }

    fn kubectl(&mut self, invocation: kubectl::Invocation) -> Outcome {
        self.wake_network_for(&invocation.line);
        self.show_leases_for(&invocation.line);
        standing::show(&mut self.api, &invocation.line, self.config.seed);
        let wire = self.network.as_wire();
        let mut reach = Reach { kubelets: &mut self.kubelets, wire };
        let mut client = Client::new(&mut self.api, Actor::User, None).with_streams(&mut reach);
        let output = kubectl::run(&invocation, &mut self.context, &mut client);
        self.note_asked();
        self.pass_signals();
        let id = self.sessions.keys().next_back().map_or(0, |last| last + 1);
        let session = Session::new(invocation.line, self.now, self.revision(), output);
        let outcome = Outcome {
            stdout: session.stdout.clone(),
            stderr: session.stderr.clone(),
            code: session.code,
            diagnostics: session.diagnostics.clone(),
            session: Some(id),
            waiting: session.wait.is_some(),
            load: None,
            editing: session.editing().map(str::to_string),
        };
        if outcome.waiting {
            self.events.push(self.now + Session::TICK, Event::SessionTick(id));
        }
        self.sessions.insert(id, session);
        outcome
    }

    /// Goes on with an edit. The answer holds only what is new.
    fn save_edit(&mut self, id: SessionId, text: &str) -> Outcome {
        let wait = self.sessions.get_mut(&id).and_then(|session| session.wait.take());
        let editing = match wait {
            Some(kubectl::Wait::Edit(editing)) => *editing,
            other => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.wait = other;
                }
                return Outcome::complaint("nothing is being edited there".into());
            }
        };
        let mut client = Client::new(&mut self.api, Actor::User, None);
        let output = kubectl::saved(editing, text, &mut client);
        let mut outcome = Outcome {
            stdout: output.stdout.clone(),
            stderr: output.stderr.clone(),
            code: output.code,
            session: Some(id),
            waiting: output.wait.is_some(),
            ..Default::default()
        };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.absorb(output);
            outcome.editing = session.editing().map(str::to_string);
        }
        outcome
    }

    /// Leases are renewed without being written until somebody looks at them, or at the nodes that they are of.
    pub(super) fn show_leases_for(&mut self, line: &str) {
        let words = || line.split([' ', ',', '/', '=', '\t']);
        let named =
            |names: &[&str]| words().any(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)));
        let leases = ["lease", "leases", "lease.coordination.k8s.io", "leases.coordination.k8s.io", "--raw"];
        let nodes = ["no", "node", "nodes"];
        if named(&leases) || (named(&["describe"]) && named(&nodes)) || (named(&["get"]) && named(&["-f"])) {
            self.kubelets.show_leases(&mut self.api);
        }
    }

    pub(super) fn add_node(&mut self, spec: &NodeSpec) -> Result<(), Status> {
        let taints =
            spec.taints.iter().map(|text| parse_taint(text)).collect::<Result<Vec<Taint>, Status>>()?;
        let zone = Some(spec.zone.as_str()).filter(|zone| !zone.is_empty());
        let node =
            kubelet::node_object(&spec.name, &spec.cpu, &spec.memory, spec.pods, zone, &spec.labels, taints);
        self.api.create(&Origin::new(Actor::Environment), node).map(|_| ())
    }

    fn remove_node(&mut self, name: &str) -> Outcome {
        let origin = Origin::new(Actor::Environment);
        let gone = self.api.delete(&origin, &Key::cluster(Kind::NODE, name), &DeleteOptions::default());
        gone.map_or_else(|status| Outcome::failed(&status), |_| Outcome::default())
    }

    pub(super) fn set_node(&mut self, name: &str, state: NodeState) -> Outcome {
        if self.view().object(&Key::cluster(Kind::NODE, name)).is_none() {
            return Outcome::failed(&Status::not_found(Kind::NODE, name));
        }
        if state == NodeState::ShuttingDown && self.kubelets.state(name) != Some(NodeState::Running) {
            return Outcome::complaint(format!("node {name:?} does not run, or shuts down already"));
        }
        let mut timers = Vec::new();
        self.kubelets.set_node(name, state, &mut self.api, &mut timers);
        self.set_timers(timers);
        if !state.is_reached() {
            for id in 0..self.controllers.len() as ControllerId {
                let slot = &mut self.controllers[id as usize];
                slot.controller.heartbeats_ended(name, &mut slot.queue);
                self.settle_queue(id);
            }
        }
        self.tell_node_state(name, state);
        Outcome::default()
    }

    fn set_usage(&mut self, cpu: &str, memory: &str) -> Result<(), Status> {
        let milli = |text: &str| {
            let amount = quantity::parse(text).map(quantity::Parsed::milli);
            amount.ok_or_else(|| Status::bad_request(format!("invalid quantity: {text}")))
        };
        let container = Some(Use { cpu: milli(cpu)?, memory: milli(memory)? });
        let metrics = self.api.metrics().cloned().unwrap_or_default();
        self.api.set_metrics(Some(Metrics { container, ..metrics }));
        let mut timers = Vec::new();
        self.kubelets.usage_changed(&mut self.api, &mut timers);
        self.set_timers(timers);
        Ok(())
    }

    pub(super) fn create_namespace(&mut self, name: &str) {
        let meta = ObjectMeta { name: Some(name.into()), ..Default::default() };
        let namespace = Namespace::new(meta, Default::default());
        // The names are ours and valid, and the cluster is empty.
        let _ = self.api.create(&Origin::new(Actor::ApiServer), Object::Namespace(namespace));
    }

    pub(super) fn schedule_in(&mut self, delay: SimDuration, event: Event) {
        self.events.push(self.now + delay, event);
    }
}

/// Reads `key=value:Effect` or `key:Effect`.
fn parse_taint(text: &str) -> Result<Taint, Status> {
    let wrong = || Status::bad_request(format!("invalid taint spec: {text}"));
    let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (key, value) = pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value)));
    if key.is_empty() || !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(wrong());
    }
    Ok(Taint { key: key.into(), value: value.map(str::to_string), effect: effect.into(), time_added: None })
}
