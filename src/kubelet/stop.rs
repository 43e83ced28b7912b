//! The way down: hooks, signals, grace periods, and what is left to report. Models `kuberuntime_container.go
//! killContainer` and `pod_workers.go` from the mark of deletion on.

use super::agent::Turn;
use super::lifecycle::{PreStop, Progress};
use super::pod_worker::{ContainerStep, PodStep, PodWorker, Stage};
use super::workload::{EXIT_SIGKILL, End, OnTerm};
use crate::api::k8s::{Container, Probe};
use crate::client::recorder::EventType;
use crate::clock::SimDuration;

/// What a process gets between SIGTERM and SIGKILL however little is left of the grace period.
const LEAST_GRACE: SimDuration = SimDuration::from_secs(2);

const SECOND: SimDuration = SimDuration::from_secs(1);

impl PodWorker {
    /// The pod is being deleted, or has less time left than before.
    pub(super) fn terminate(&mut self, turn: &mut Turn<'_>) {
        let grace = self.pod.meta.deletion_grace_period_seconds.unwrap_or(30);
        let grace = SimDuration::from_secs(u64::try_from(grace).unwrap_or(0));
        match self.stage {
            Stage::Finished => self.remove(turn),
            Stage::Stopping => self.hurry(grace, turn),
            Stage::New | Stage::Volumes | Stage::Sandbox | Stage::Images | Stage::Up => {
                self.stop(grace, turn)
            }
        }
    }

    /// The kubelet gives the pod up: it fails, and its containers are stopped within `grace`, or the pod's own grace period.
    pub(super) fn fail(
        &mut self,
        reason: String,
        message: String,
        grace: Option<SimDuration>,
        turn: &mut Turn<'_>,
    ) {
        self.failure = Some((reason, message));
        match grace {
            Some(grace) => self.stop(grace, turn),
            None => self.stop_all(turn),
        }
    }

    /// Stops what still runs, within the pod's own grace period.
    pub(super) fn stop_all(&mut self, turn: &mut Turn<'_>) {
        let grace = self.pod.spec.termination_grace_period_seconds.unwrap_or(30);
        self.stop(SimDuration::from_secs(u64::try_from(grace).unwrap_or(0)), turn);
    }

    fn stop(&mut self, grace: SimDuration, turn: &mut Turn<'_>) {
        self.stage = Stage::Stopping;
        self.stop_by = Some(turn.now() + grace);
        for at in self.main().start..self.runs.len() {
            self.stop_container(at, grace, turn);
        }
        for at in 0..self.main().start {
            if self.is_init(at) || !self.runs[at].is_running() {
                self.stop_container(at, grace, turn);
            } else if self.runs[at].progress == Progress::Up {
                let hook = self.announce(at, grace, stopping(self.container(at)), turn);
                self.runs[at].pre_stop = Some(hook);
            }
        }
        self.stop_rest(turn);
    }

    fn stop_container(&mut self, at: usize, grace: SimDuration, turn: &mut Turn<'_>) {
        match self.runs[at].progress {
            Progress::Up => {
                self.kill(at, grace, stopping(self.container(at)), turn);
            }
            Progress::Stopping { .. } | Progress::Done => {}
            _ if self.pod.meta.deletion_timestamp.is_some() || self.failure.is_some() => {
                self.runs[at].abandon(turn.config.reporting.unstarted_exit_code, turn.now());
                self.dirty = true;
            }
            // A pod that has failed by itself keeps showing what its other containers waited for.
            _ => self.runs[at].step(Progress::Done),
        }
    }

    /// Once the other containers are down, sidecars are stopped, the last one first; once they are down too, the pod
    /// is finished. The sidecars' hooks have begun with all the others'.
    pub(super) fn stop_rest(&mut self, turn: &mut Turn<'_>) {
        let init = self.main().start;
        let others = (0..self.runs.len()).filter(|at| !self.is_sidecar(*at));
        if others.into_iter().any(|at| self.runs[at].is_running()) {
            return;
        }
        // The time that a container has waited for its turn counts in whole seconds.
        let left = self.stop_by.map_or(0, |by| by.since(turn.now()).0.div_ceil(SECOND.0));
        let left = SimDuration::from_secs(left);
        let last = (0..init).rev().find(|at| self.runs[*at].progress != Progress::Done);
        match last {
            Some(at) if self.runs[at].is_running() || self.runs[at].progress == Progress::Down => {
                self.stop_container(at, left, turn);
                if self.runs[at].progress == Progress::Done {
                    self.stop_rest(turn);
                }
            }
            Some(at) => {
                self.stop_container(at, left, turn);
                self.stop_rest(turn);
            }
            None => self.finish(turn),
        }
    }

    /// Nothing of the pod runs any more: its last status, and, if it is being deleted, its removal.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        if self.stage == Stage::Finished {
            return;
        }
        self.accepted.get_or_insert(turn.now());
        self.stage = Stage::Finished;
        self.dirty = true;
        if self.pod.meta.deletion_timestamp.is_some() {
            let delay = turn.config.cleanup.draw(turn.rng);
            turn.after(delay, &self.uid, PodStep::Remove, false);
        }
    }

    /// Asks a running container to end: its preStop hook, SIGTERM, and SIGKILL when the grace period is over.
    ///
    /// With 30 s of grace: a hook of 10 s and a process that ends 1 s after SIGTERM are done after 11 s; a process that
    /// ignores the signal is killed after 30 s; a hook of 40 s is cut after 30 s, and the process then still gets 2 s.
    pub(super) fn kill(&mut self, at: usize, grace: SimDuration, message: String, turn: &mut Turn<'_>) {
        let now = turn.now();
        let begun = self.runs[at].pre_stop.take();
        let hook = begun.unwrap_or_else(|| self.announce(at, grace, message, turn));
        let takes = hook.ends.since(now);
        let hook_fails = takes > grace || hook.fails;
        let spent = takes.min(grace);
        // Only whole seconds of the hook are taken off.
        let left = (grace - SimDuration(spent.0 - spent.0 % SECOND.0)).max(LEAST_GRACE);
        let obeys = match self.runs[at].behaviour.on_term {
            OnTerm::EndsAfter(span) => Some((span, 0)),
            OnTerm::Ends => Some((turn.config.stop.draw(turn.rng), 0)),
            // A shell does what its traps say, if it has any.
            OnTerm::Shell | OnTerm::Ignores => None,
        };
        // A process that hears the signal takes no connections from then on, or from a little later, if it says so.
        self.runs[at].closes_at = obeys.map(|_| now + spent + self.runs[at].behaviour.serves_after_term);
        let (after, exit_code) = match obeys {
            Some((span, exit_code)) if span <= left => (spent + span, exit_code),
            _ => (spent + left, EXIT_SIGKILL),
        };
        let (mut ends, mut exit_code) = (now + after, exit_code);
        // It may end by itself before that.
        if let (Some(since), Some(end)) = (self.runs[at].running_since(), self.runs[at].behaviour.ends)
            && (now..ends).contains(&(since + end.after))
        {
            (ends, exit_code) = (since + end.after, end.exit_code);
        }
        self.runs[at].step(Progress::Stopping { ends, exit_code, hook_fails });
        self.after(ends.since(now), at, ContainerStep::Stopped, false, turn);
        if self.runs[at].behaviour.on_term == OnTerm::Shell {
            self.after(spent, at, ContainerStep::Signal, false, turn);
        }
        self.run_on(at, turn);
    }

    /// SIGTERM comes to the first process of a container from within, of which the kubelet knows nothing: what hears it ends.
    pub fn hear_signal(&mut self, container: &str, turn: &mut Turn<'_>) {
        let found = self.place_of(container).filter(|at| self.runs[*at].progress == Progress::Up);
        let Some((at, since)) = found.and_then(|at| Some((at, self.runs[at].running_since()?))) else {
            return;
        };
        let span = match self.runs[at].behaviour.on_term {
            OnTerm::EndsAfter(span) => span,
            OnTerm::Ends => turn.config.stop.draw(turn.rng),
            OnTerm::Shell => return self.signalled(at, turn),
            OnTerm::Ignores => return,
        };
        let after = turn.now().since(since) + span;
        let end = End { after, exit_code: 0, reason: None, heals: true };
        self.runs[at].behaviour.ends = Some(end);
        self.after(span, at, ContainerStep::Ends, false, turn);
    }

    /// Less time is left than those that are stopping were told.
    fn hurry(&mut self, grace: SimDuration, turn: &mut Turn<'_>) {
        let by = turn.now() + grace;
        self.stop_by = Some(by);
        for at in 0..self.runs.len() {
            if let Progress::Stopping { ends, hook_fails, .. } = self.runs[at].progress
                && ends > by
            {
                self.runs[at].step(Progress::Stopping { ends: by, exit_code: EXIT_SIGKILL, hook_fails });
                self.after(grace, at, ContainerStep::Stopped, false, turn);
                self.run_on(at, turn);
            }
        }
    }

    /// A container that was asked to end has done so.
    pub(super) fn stopped(&mut self, at: usize, turn: &mut Turn<'_>) {
        if let Progress::Stopping { exit_code, hook_fails, .. } = self.runs[at].progress {
            if hook_fails {
                self.hook_failed(at, turn);
            }
            self.exited(at, exit_code, None, turn);
        }
    }

    fn hook_failed(&self, at: usize, turn: &mut Turn<'_>) {
        self.event(at, EventType::Warning, "FailedPreStopHook", "PreStopHook failed".into(), turn);
    }

    /// Says that a container is to end, and has its preStop hook begin. A request to the container itself takes no time
    /// that counts.
    fn announce(&mut self, at: usize, grace: SimDuration, message: String, turn: &mut Turn<'_>) -> PreStop {
        self.event(at, EventType::Normal, "Killing", message, turn);
        let mut done = PreStop { ends: turn.now(), fails: false };
        let hook = self.container(at).lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.clone());
        let Some(hook) = hook.filter(|_| grace > SimDuration::ZERO) else { return done };
        if let Some(sleep) = &hook.sleep {
            done.ends += SimDuration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0));
        } else if let Some(get) = hook.http_get {
            let probe = Probe { http_get: Some(get), ..Default::default() };
            done.fails = turn.config.runs_commands && self.ask_port(at, &probe).is_err();
        } else if let Some(words) = hook.exec.and_then(|exec| exec.command) {
            let answer = self.run_beside(at, (&words, false), grace + SECOND, &mut turn.ground());
            if let Some(answer) = answer {
                done.ends += answer.took;
                done.fails = answer.known && answer.code.is_some_and(|code| code != 0);
            }
        }
        if done.fails && done.ends == turn.now() {
            self.hook_failed(at, turn);
            done.fails = false;
        }
        done
    }
}

fn stopping(container: &Container) -> String {
    format!("Stopping container {}", container.name)
}
