//! Probes at work: when each is due, and what its result does to the container. Models `prober/worker.go`.
//!
//! A probe of a container whose health cannot change by itself is not asked again and again: it comes back at the first
//! turn of its period at which it could find something new. A healthy cluster is thus a silent one.

use super::agent::Turn;
use super::lifecycle::Progress;
use super::pod_worker::{ContainerStep, PodWorker, Stage};
use super::probe::{self, ProbeKind, ProbeRun};
use crate::api::k8s::Probe;
use crate::client::ports;
use crate::client::recorder::EventType;
use crate::clock::{SimDuration, SimTime};

/// A probe is never answered at the very moment of the start.
const FIRST_LOOK: SimDuration = SimDuration::from_millis(100);

impl PodWorker {
    /// The probe of that kind, if the container has one and probes run at all.
    fn probe_spec(&self, at: usize, kind: ProbeKind, turn: &Turn<'_>) -> Option<Probe> {
        let probed = turn.config.runs_commands && !self.is_init(at);
        kind.of(self.container(at)).filter(|_| probed).cloned()
    }

    /// A container has just begun to run: its startup probe first, the others at once if it has none.
    pub(super) fn begin_probes(&mut self, at: usize, turn: &mut Turn<'_>) {
        self.runs[at].probes.clear();
        if self.probe_spec(at, ProbeKind::Startup, turn).is_some() {
            return self.begin_probe(at, ProbeKind::Startup, turn);
        }
        self.runs[at].started = true;
        self.begin_probe(at, ProbeKind::Liveness, turn);
        self.begin_probe(at, ProbeKind::Readiness, turn);
    }

    fn begin_probe(&mut self, at: usize, kind: ProbeKind, turn: &mut Turn<'_>) {
        let Some(spec) = self.probe_spec(at, kind, turn) else { return };
        let now = turn.now();
        let since = self.runs[at].running_since().unwrap_or(now);
        let first = (since + probe::initial_delay(&spec)).max(now + FIRST_LOOK);
        self.runs[at].probes.push(ProbeRun::new(kind, first));
        let background = self.is_hopeless(at, now);
        self.look_in(first.since(now), at, kind, background, turn);
    }

    /// Has a probe look after a delay, and not before.
    fn look_in(
        &mut self,
        delay: SimDuration,
        at: usize,
        kind: ProbeKind,
        background: bool,
        turn: &mut Turn<'_>,
    ) {
        let due = turn.now() + delay;
        if let Some(state) = self.runs[at].probes.iter_mut().find(|state| state.kind == kind) {
            state.due = Some(due);
        }
        self.after(delay, at, ContainerStep::Probe(kind), background, turn);
    }

    /// The server in a container falls ill, for so long or until the container runs anew; or gets well (`None`). A fault.
    /// Says whether it runs.
    pub fn set_health(
        &mut self,
        container: &str,
        ill: Option<Option<SimDuration>>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let now = turn.now();
        let running = |at: &usize| self.runs[*at].is_running();
        let found = self.place_of(container).filter(running);
        let Some((at, since)) = found.and_then(|at| Some((at, self.runs[at].running_since()?))) else {
            return false;
        };
        let age = now.since(since);
        self.runs[at].behaviour.unhealthy = ill.map(|span| (age, span.map(|span| age + span)));
        let background = self.is_hopeless(at, now);
        self.look_anew(at, background, turn);
        self.settle_ready(at, turn);
        true
    }

    /// Has the probes that had nothing to find look again at their next turns.
    pub(super) fn look_anew(&mut self, at: usize, background: bool, turn: &mut Turn<'_>) {
        let now = turn.now();
        for kind in ProbeKind::ALL {
            let Some(spec) = self.probe_spec(at, kind, turn) else { continue };
            let Some(state) = self.runs[at].probes.iter().find(|state| state.kind == kind) else { continue };
            let period = probe::period(&spec);
            let turns = now.since(state.looked).0.div_ceil(period.0).max(1);
            let next = state.looked + SimDuration(turns * period.0);
            if state.due.is_none_or(|due| due > next) {
                self.look_in(next.since(now), at, kind, background, turn);
            }
        }
    }

    /// Whether a container is ill and will not get well by itself.
    fn is_hopeless(&self, at: usize, now: SimTime) -> bool {
        let run = &self.runs[at];
        let scripted = run.process.as_ref().is_some_and(|process| !process.has_looped());
        !scripted && !probe::is_healthy(run, now) && probe::health_changes_at(run, now).is_none()
    }

    /// A probe is due.
    pub(super) fn probe(&mut self, at: usize, kind: ProbeKind, turn: &mut Turn<'_>) {
        // Of a pod that is being stopped only the readiness is still looked at.
        let stopping = self.stage == Stage::Stopping && kind != ProbeKind::Readiness;
        if self.runs[at].progress != Progress::Up || stopping {
            return;
        }
        let Some(spec) = self.probe_spec(at, kind, turn) else { return };
        let now = turn.now();
        let Some(state) = self.runs[at].probes.iter_mut().find(|state| state.kind == kind) else { return };
        if state.due.take_if(|due| *due <= now).is_none() {
            return;
        }
        state.looked = now;
        if let Some(name) = probe::unknown_port(&spec, self.container(at)) {
            // What cannot even be asked has no result.
            let why = format!("strconv.Atoi: parsing {name:?}: invalid syntax");
            let message = format!("{} probe errored and resulted in unknown state: {why}", kind.title());
            self.event(at, EventType::Warning, "Unhealthy", message, turn);
            return self.look_in(probe::period(&spec), at, kind, true, turn);
        }
        let found = self.look(at, &spec, turn);
        if let Err(why) = &found {
            let message = format!("{} probe failed: {why}", kind.title());
            self.event(at, EventType::Warning, "Unhealthy", message, turn);
        }
        let run = &mut self.runs[at];
        let Some(state) = run.probes.iter_mut().find(|state| state.kind == kind) else { return };
        let changed = state.note(found.is_ok(), &spec);
        let settled = state.is_settled() && found.is_ok();
        match (kind, changed) {
            (ProbeKind::Liveness | ProbeKind::Startup, Some(false)) => {
                return self.kill_unhealthy(at, kind, &spec, turn);
            }
            (ProbeKind::Startup, Some(true)) => {
                self.runs[at].started = true;
                self.dirty = true;
                self.begin_probe(at, ProbeKind::Liveness, turn);
                self.begin_probe(at, ProbeKind::Readiness, turn);
                self.settle_ready(at, turn);
                return self.start_next(turn);
            }
            (ProbeKind::Readiness, Some(_)) => self.settle_ready(at, turn),
            _ => {}
        }
        self.look_again(at, kind, &spec, settled, turn);
    }

    /// Plans the next look: after one period, or, where all is well, at the first turn after that could change.
    fn look_again(&mut self, at: usize, kind: ProbeKind, spec: &Probe, settled: bool, turn: &mut Turn<'_>) {
        let now = turn.now();
        let period = probe::period(spec);
        let run = &self.runs[at];
        let mut wait = period;
        if settled && run.process.is_none() {
            match probe::health_changes_at(run, now) {
                None => return,
                Some(change) => wait = SimDuration(change.since(now).0.div_ceil(period.0).max(1) * period.0),
            }
        }
        let unanswered = self.ask_port(at, spec).and_then(|()| self.ask_page(at, spec, turn)).is_err();
        let background = settled || self.is_hopeless(at, now) || unanswered;
        self.look_in(wait, at, kind, background, turn);
    }

    /// What a probe finds.
    fn look(&mut self, at: usize, spec: &Probe, turn: &mut Turn<'_>) -> Result<(), String> {
        let (run, now) = (&self.runs[at], turn.now());
        let healthy = probe::is_healthy(run, now);
        if let Some(exec) = &spec.exec {
            let words = exec.command.as_deref().unwrap_or_default();
            let limit = SimDuration::from_secs(u64::try_from(spec.timeout_seconds.unwrap_or(1)).unwrap_or(1));
            // A command that nobody knows asks the server whether it is well, if there is one.
            let unknown = healthy || (run.process.is_some() && run.behaviour.unhealthy.is_none());
            let well = run.behaviour.unhealthy.is_none() || healthy;
            let mut answer = self.run_beside(at, (words, false), limit, &mut turn.ground());
            turn.asked.extend(answer.iter_mut().flat_map(|answer| std::mem::take(&mut answer.asked)));
            let found = match answer.filter(|answer| answer.known) {
                None if unknown => Ok(()),
                None => Err(String::new()),
                Some(answer) if answer.took >= limit => Err(format!(
                    "command timed out: {:?} timed out after {}s",
                    words.join(" "),
                    limit.as_secs()
                )),
                Some(answer) if answer.code == Some(0) => Ok(()),
                Some(answer) => Err(answer.said.trim_end().to_string()),
            };
            return found.and(if well { Ok(()) } else { Err(String::new()) });
        }
        let address = self.address.as_deref().unwrap_or_default();
        let age = run.running_since().map_or(SimDuration::ZERO, |since| now.since(since));
        match run.behaviour.serves_after.is_some_and(|after| age >= after) {
            false => Err(probe::failure(spec, self.container(at), address)),
            true => self.ask_port(at, spec).and(match healthy {
                true => self.ask_page(at, spec, turn),
                false => Err(probe::illness(spec, self.container(at), address)),
            }),
        }
    }

    /// Whether somebody in the pod listens at the port that is asked: its containers share their addresses.
    pub(super) fn ask_port(&self, at: usize, spec: &Probe) -> Result<(), String> {
        if probe::port_of(spec, self.container(at)).is_none() || self.listener(at, spec).is_some() {
            return Ok(());
        }
        let address = self.address.as_deref().unwrap_or_default();
        Err(probe::failure(spec, self.container(at), address))
    }

    /// The container that listens at the port that is asked.
    pub(super) fn listener(&self, at: usize, spec: &Probe) -> Option<usize> {
        let port = probe::port_of(spec, self.container(at))?;
        let heard = |at: &usize| {
            let ports = ports::listening(&self.pod, self.container(*at));
            self.runs[*at].is_running()
                && ports.is_none_or(|ports| ports.iter().any(|own| i32::from(*own) == port))
        };
        (0..self.runs.len()).find(heard)
    }

    fn kill_unhealthy(&mut self, at: usize, kind: ProbeKind, spec: &Probe, turn: &mut Turn<'_>) {
        let name = &self.container(at).name;
        let again = self.pod.spec.restart_policy.as_deref() != Some("Never") || self.is_sidecar(at);
        let then = if again { ", will be restarted" } else { "" };
        let title = kind.title().to_ascii_lowercase();
        let message = format!("Container {name} failed {title} probe{then}");
        let own = spec.termination_grace_period_seconds;
        let grace = own.or(self.pod.spec.termination_grace_period_seconds).unwrap_or(30);
        self.kill(at, SimDuration::from_secs(u64::try_from(grace).unwrap_or(0)), message, turn);
    }

    /// Works out whether a running container counts as ready.
    pub(super) fn settle_ready(&mut self, at: usize, turn: &mut Turn<'_>) {
        let now = turn.now();
        if self.is_init(at) || self.runs[at].progress != Progress::Up {
            return;
        }
        let run = &self.runs[at];
        let probed = self.probe_spec(at, ProbeKind::Readiness, turn).is_some();
        let ready = run.started
            && if probed {
                let readiness = run.probes.iter().find(|state| state.kind == ProbeKind::Readiness);
                readiness.is_some_and(|state| state.result == Some(true))
            } else {
                !run.behaviour.ready_when_serving || probe::is_healthy(run, now)
            };
        if run.ready != ready {
            self.runs[at].ready = ready;
            self.dirty = true;
        }
        if !probed
            && self.runs[at].behaviour.ready_when_serving
            && let Some(change) = probe::health_changes_at(&self.runs[at], now)
        {
            self.after(change.since(now), at, ContainerStep::Serving, false, turn);
        }
    }
}
