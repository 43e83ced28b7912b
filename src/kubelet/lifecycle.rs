//! One container of a pod: what it is doing, what became of its earlier runs, and what that looks like from outside.

use std::sync::Arc;

use super::environment::Environment;
use super::files::Files;
use super::probe::ProbeRun;
use super::shell::Process;
use super::workload::{Behaviour, OnTerm};
use crate::client::site::Settings;
use crate::clock::{SimDuration, SimTime};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Termination {
    /// The exit code; 128 and a signal's number where a signal ended it.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`.
    pub reason: &'static str,
    /// What more there is to say; mostly nothing.
    pub message: String,
    /// When the run began; `None` for a container that never ran.
    pub started: Option<SimTime>,
    /// When it ended.
    pub finished: SimTime,
}

/// What a container's status says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Not begun: `ContainerCreating`, or `PodInitializing` where init containers come first.
    Created,
    /// Held up, for a reason.
    Waiting {
        /// `CrashLoopBackOff`, `ErrImagePull`.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
    /// Its process runs.
    Running {
        /// Since when.
        started: SimTime,
    },
    /// Its process has ended.
    Terminated(Termination),
}

/// What the kubelet is doing with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To be started as soon as its turn comes.
    Idle,
    /// Its image is on the way.
    Pulling {
        /// When the image was asked for.
        asked: SimTime,
        /// When the node began to pull it.
        begins: SimTime,
    },
    /// It is being created and started.
    Starting,
    /// Its process runs.
    Up,
    /// Its process runs and has been asked to end.
    Stopping {
        /// When it will have ended.
        ends: SimTime,
        /// With which exit code.
        exit_code: i32,
        /// Whether its preStop hook will have failed, or not be done by then.
        hook_fails: bool,
    },
    /// Its process has ended, or the last attempt to start it; whether it starts again is yet to be seen.
    Down,
    /// It waits out a back-off.
    BackOff,
    /// It does not run any more, and will not again.
    Done,
}

/// A preStop hook at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreStop {
    /// When it is done.
    pub ends: SimTime,
    /// Whether it fails in the end.
    pub fails: bool,
}

/// Lines and when they were printed.
pub type Log = Arc<Vec<(SimTime, String)>>;

/// So many lines of a log are kept.
const LOG_MAX: usize = 1_000;

/// One container of a pod, over all its runs.
#[derive(Clone, Debug)]
pub struct ContainerRun {
    /// What the kubelet is doing with it.
    pub progress: Progress,
    /// What its status says.
    pub state: ContainerState,
    /// How its last run but the current one ended.
    pub last: Option<Termination>,
    /// How often it has been started again.
    pub restarts: u32,
    /// Failures in a row, of runs and of pulls: what back-offs grow with.
    pub crashes: u32,
    /// See `crashes`.
    pub pull_failures: u32,
    /// Rises with every step: a timer set for an earlier one means nothing any more.
    pub epoch: u32,
    /// Whether it counts as ready.
    pub ready: bool,
    /// Whether its startup probe, if any, has succeeded.
    pub started: bool,
    /// Whether it has had its turn in its namespace, where pods take turns.
    pub had_turn: bool,
    /// Whether it has had its turn to end.
    pub had_turn_to_end: bool,
    /// How its process behaves in the current run.
    pub behaviour: Behaviour,
    /// Its script, where its command is one.
    pub process: Option<Process>,
    /// What its manifest put into its environment when it was created.
    pub environment: Option<Arc<Environment>>,
    /// What the Services of its namespace did; shared with other containers.
    pub services: Option<Arc<Environment>>,
    /// Its files, once somebody has looked.
    pub files: Option<Box<Files>>,
    /// What its web server was told when it began, if its configuration is not its image's.
    pub settings: Option<Arc<Settings>>,
    /// When it stops to take connections, having been asked to end.
    pub closes_at: Option<SimTime>,
    /// What its current run has printed, with the times; shared with snapshots.
    pub log: Log,
    /// The same of the run before.
    pub last_log: Log,
    /// What its postStart hook will come to, for as long as it takes: the kubelet waits for it.
    pub hook: Option<Result<(), String>>,
    /// When its preStop hook will be done, where that began before it was the container's turn to end.
    pub pre_stop: Option<PreStop>,
    /// Why its start counts as failed, though it has run: shown once it has ended.
    pub start_error: Option<(&'static str, String)>,
    /// Whether it is started again however it ends, to get other resources.
    pub restarts_anyway: bool,
    /// Its probes: startup, liveness, readiness.
    pub probes: Vec<ProbeRun>,
}

impl Default for ContainerRun {
    fn default() -> ContainerRun {
        ContainerRun {
            progress: Progress::Idle,
            state: ContainerState::Created,
            last: None,
            restarts: 0,
            crashes: 0,
            pull_failures: 0,
            epoch: 0,
            ready: false,
            started: false,
            had_turn: false,
            had_turn_to_end: false,
            behaviour: Behaviour::default(),
            process: None,
            environment: None,
            services: None,
            files: None,
            settings: None,
            closes_at: None,
            log: Log::default(),
            last_log: Log::default(),
            hook: None,
            pre_stop: None,
            start_error: None,
            restarts_anyway: false,
            probes: Vec::new(),
        }
    }
}

impl ContainerRun {
    /// Takes what the script has printed into the log.
    pub fn note_said(&mut self, now: SimTime) {
        let said = self.process.as_mut().map(Process::take_said).unwrap_or_default();
        self.print(now, &said);
    }

    /// Takes what its process has printed into the log.
    pub fn print(&mut self, now: SimTime, said: &str) {
        if said.is_empty() {
            return;
        }
        let log = Arc::make_mut(&mut self.log);
        log.extend(said.lines().map(|line| (now, line.to_string())));
        let excess = log.len().saturating_sub(LOG_MAX);
        log.drain(..excess);
    }

    /// Takes a step: timers set before it are void.
    pub fn step(&mut self, progress: Progress) {
        self.progress = progress;
        self.epoch += 1;
    }

    /// Whether its process runs, asked to end or not.
    pub fn is_running(&self) -> bool {
        matches!(self.progress, Progress::Up | Progress::Stopping { .. })
    }

    /// When the current run began.
    pub fn running_since(&self) -> Option<SimTime> {
        match self.state {
            ContainerState::Running { started } => Some(started),
            _ => None,
        }
    }

    /// When its last run ended.
    pub fn ended_at(&self) -> Option<SimTime> {
        match &self.state {
            ContainerState::Terminated(end) => Some(end.finished),
            _ => self.last.as_ref().map(|end| end.finished),
        }
    }

    /// It has become a server only now: what it needs to serve counts from here.
    pub fn serve_from(&mut self, now: SimTime) {
        let age = self.running_since().map_or(SimDuration::ZERO, |since| now.since(since));
        let behaviour = &mut self.behaviour;
        behaviour.serves_after = behaviour.serves_when_up.map(|after| age + after);
    }

    /// The shell has become the server.
    pub fn become_server(&mut self) {
        if self.behaviour.on_term == OnTerm::Shell {
            self.behaviour.on_term = OnTerm::Ends;
        }
    }

    /// Whether it runs or has run.
    pub fn has_run(&self) -> bool {
        matches!(self.state, ContainerState::Running { .. } | ContainerState::Terminated(_))
    }

    /// Whether it has been tried before.
    pub fn has_begun(&self) -> bool {
        self.last.is_some() || self.state != ContainerState::Created
    }

    /// Whether its last run has ended and its state still says so.
    pub fn is_over(&self) -> bool {
        matches!(self.state, ContainerState::Terminated(_))
    }

    /// Whether its last run ended with exit code 0.
    pub fn succeeded(&self) -> bool {
        matches!(&self.state, ContainerState::Terminated(end) if end.exit_code == 0)
    }

    /// Holds it up for a reason that its status shows.
    pub fn wait(&mut self, reason: &'static str, message: String) {
        self.remember();
        self.state = ContainerState::Waiting { reason, message };
    }

    /// Begins a run.
    pub fn run(&mut self, now: SimTime) {
        self.remember();
        if self.last.is_some() {
            self.restarts += 1;
        }
        self.state = ContainerState::Running { started: now };
        self.closes_at = None;
        self.restarts_anyway = false;
        self.pull_failures = 0;
        self.step(Progress::Up);
    }

    /// Ends a run.
    pub fn exit(&mut self, exit_code: i32, reason: Option<&'static str>, message: String, now: SimTime) {
        let started = self.running_since();
        let reason = reason.unwrap_or(if exit_code == 0 { "Completed" } else { "Error" });
        self.state =
            ContainerState::Terminated(Termination { exit_code, reason, message, started, finished: now });
        self.ready = false;
        self.started = false;
        self.probes.clear();
        (self.process, self.hook, self.pre_stop) = (None, None, None);
        self.last_log = std::mem::take(&mut self.log);
        self.step(Progress::Down);
    }

    /// Gives up a container that has never run in its current state.
    pub fn abandon(&mut self, exit_code: i32, now: SimTime) {
        let (reason, message) = if exit_code == 0 {
            ("Completed", "")
        } else {
            ("ContainerStatusUnknown", "The container could not be located when the pod was terminated")
        };
        if !matches!(self.state, ContainerState::Terminated(_)) {
            self.remember();
            let started = None;
            self.state = ContainerState::Terminated(Termination {
                exit_code,
                reason,
                message: message.to_string(),
                started,
                finished: now,
            });
        }
        self.step(Progress::Done);
    }

    /// What has ended becomes the last state once the current one is another.
    fn remember(&mut self) {
        if let ContainerState::Terminated(end) = &self.state {
            self.last = Some(end.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_ended_becomes_the_last_state_of_the_next() {
        let mut container = ContainerRun::default();
        container.run(SimTime::from_secs(1));
        assert_eq!((container.restarts, container.last.clone()), (0, None));
        container.exit(1, None, String::new(), SimTime::from_secs(2));
        assert_eq!(container.last, None);
        container.wait("CrashLoopBackOff", String::new());
        container.run(SimTime::from_secs(12));
        assert_eq!(container.restarts, 1);
        let last = container.last.as_ref().map(|end| (end.exit_code, end.reason, end.finished));
        assert_eq!(last, Some((1, "Error", SimTime::from_secs(2))));
    }

    #[test]
    fn every_step_voids_the_timers_of_the_one_before() {
        let mut container = ContainerRun::default();
        let before = container.epoch;
        container.step(Progress::Starting);
        container.run(SimTime::ZERO);
        assert_eq!(container.epoch, before + 2);
    }
}
