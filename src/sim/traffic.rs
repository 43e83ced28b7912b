//! The network's part of the ring: it is told what is written and what containers do with connections, and it is looked at
//! from time to time while requests are under way. While nobody asks for anything it sleeps, and costs nothing.

use std::sync::Arc;

use super::{Event, Outcome, Simulation};
use crate::api::meta::Revision;
use crate::api::{Kind, Pod};
use crate::apiserver::Change;
use crate::clock::SimDuration;
use crate::kubelet::{self, NodeState};
use crate::network::console::{self, Command};
use crate::network::{LoadSpec, Network};

/// The words after `load`, of a line that begins with it.
pub(super) fn load_words(line: &str) -> Option<Vec<String>> {
    words_after(line, "load")
}

/// The words after the first, of a line that begins with that.
pub(super) fn words_after(line: &str, first: &str) -> Option<Vec<String>> {
    let rest = line.trim_start().strip_prefix(first)?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    shlex::split(rest)
}

impl Simulation {
    /// A line that begins with `load`.
    pub(super) fn load_line(&mut self, line: &str) -> Outcome {
        let words = load_words(line).unwrap_or_default();
        let said = |stdout: String| Outcome { stdout, ..Outcome::default() };
        let command = match console::parse(&words, self.context.namespace()) {
            Ok(command) => command,
            Err(why) => return Outcome::complaint(why),
        };
        match command {
            Command::Start(spec) => {
                let (told, name) = (console::started(&spec), spec.name.clone());
                match self.start_load(*spec) {
                    Ok(()) => Outcome { load: Some(name), ..said(told) },
                    Err(why) => Outcome::complaint(why),
                }
            }
            Command::Stop(name) => match (self.stop_load(name.as_deref()), name) {
                (true, Some(name)) => said(format!("load/{name} stopped\n")),
                (false, Some(name)) => Outcome::complaint(format!("load {name} is not on")),
                (_, None) => said("all loads stopped\n".into()),
            },
            Command::Report(name) => {
                self.network.report(name.as_deref()).map_or_else(Outcome::complaint, said)
            }
            Command::List => said(self.network.list_loads(self.now)),
        }
    }

    /// Runs the clock until a load that ends by itself is over and what it has sent is known. Says what has come of it;
    /// `None` for a load that goes on.
    pub fn finish_load(&mut self, name: &str) -> Option<String> {
        let load = self.network.load(name)?;
        let over = load.ends? + load.spec.timeout() + SimDuration::from_secs(1);
        self.advance(over, u64::MAX);
        self.network.report(Some(name)).ok()
    }

    /// The network, to read.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Wakes the network: it learns what there is.
    pub(super) fn wake_network(&mut self) {
        if self.network.is_awake() {
            return;
        }
        self.network.wake(self.now, self.api.view());
        let pods: Vec<Pod> = self.api.view().list::<Pod>(None).cloned().collect();
        pods.iter().for_each(|pod| self.tell_sockets(pod));
        for node in self.kubelets.lost_nodes() {
            self.network.set_lost(&node, true, self.now);
        }
    }

    /// Wakes it where a command may ask something of a container, or from inside one.
    pub(super) fn wake_network_for(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        if self.context.attached.is_some()
            || line.contains("/proxy")
            || words.any(|word| ["exec", "run", "debug", "attach", "curl", "wget", "cp"].contains(&word))
        {
            self.wake_network();
        }
    }

    /// Takes note of what programs in containers have asked.
    pub(super) fn note_asked(&mut self) {
        let asked = self.kubelets.take_asked();
        if !asked.is_empty() {
            self.network.note(asked);
            self.want_traffic(SimDuration::from_millis(50));
        }
    }

    /// Tells the network what has been written since `before`.
    pub(super) fn tell_network(&mut self, before: Revision) {
        if self.network.is_awake() {
            self.network.observe(self.api.store().since(before), self.api.view(), self.now);
        }
    }

    pub(super) fn tell_sockets(&mut self, pod: &Pod) {
        let sockets = self.kubelets.sockets(pod);
        self.network.set_sockets(pod, sockets, self.now);
    }

    /// A timer of a pod has fired.
    pub(super) fn tell_sockets_of(&mut self, timer: &kubelet::Timer) {
        if self.network.is_awake()
            && let Some(pod) = self.kubelets.pod_of(timer).cloned()
        {
            self.tell_sockets(&pod);
            self.tell_new_pages(&timer.node);
        }
    }

    /// Somebody on a node may have written what others serve.
    pub(super) fn tell_new_pages(&mut self, node: &str) {
        for pod in self.kubelets.pods_with_new_pages(node) {
            self.tell_sockets(&pod);
        }
    }

    /// Kubelets have been told of changes.
    pub(super) fn tell_sockets_after(&mut self, changes: &[Arc<Change>]) {
        if !self.network.is_awake() {
            let new = |change: &Arc<Change>| match change.after.as_ref().filter(|_| change.before.is_none()) {
                Some(object) => object.as_kind::<Pod>().is_some_and(kubelet::asks_network),
                None => false,
            };
            if changes.iter().any(new) {
                self.wake_network();
            }
            return;
        }
        for change in changes.iter().filter(|change| change.key.kind == Kind::POD) {
            if let Some(pod) = change.after.as_ref().and_then(|object| object.as_kind::<Pod>()) {
                self.tell_sockets(&pod.clone());
            }
        }
    }

    /// A node has been lost, or is back.
    pub(super) fn tell_node_state(&mut self, name: &str, state: NodeState) {
        if !self.network.is_awake() {
            return;
        }
        self.network.set_lost(name, !state.is_reached(), self.now);
        if state == NodeState::Running {
            let pods: Vec<Pod> = self.kubelets.pods_on(name).cloned().collect();
            pods.iter().for_each(|pod| self.tell_sockets(pod));
        }
    }

    /// Begins a load, or changes one.
    ///
    /// # Errors
    /// Why it cannot be.
    pub(super) fn start_load(&mut self, spec: LoadSpec) -> Result<(), String> {
        self.wake_network();
        self.network.start(spec, self.now)?;
        self.want_traffic(SimDuration::from_micros(1));
        Ok(())
    }

    /// Ends a load by its name, or all.
    pub(super) fn stop_load(&mut self, name: Option<&str>) -> bool {
        self.network.stop(name, self.now)
    }

    pub(super) fn want_traffic(&mut self, delay: SimDuration) {
        if !self.pending.traffic {
            self.pending.traffic = true;
            self.schedule_in(delay, Event::Traffic);
        }
    }

    pub(super) fn traffic_tick(&mut self) {
        self.pending.traffic = false;
        if let (Some(measured), Some(metrics)) = (self.network.tick(self.now), self.api.metrics().cloned())
            && *metrics.measured != measured
        {
            self.api.set_metrics(Some(crate::apiserver::metrics::Metrics {
                measured: Arc::new(measured),
                ..metrics
            }));
        }
        if self.config.check_invariants
            && let Err(why) = self.network.check()
        {
            panic!("invariant violated at {} by the network, seed {}: {why}", self.now, self.config.seed);
        }
        if let Some(delay) = self.network.next_tick(self.now) {
            self.want_traffic(delay);
        }
    }
}
