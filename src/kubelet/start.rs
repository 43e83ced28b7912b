//! The way up: image, creation, start, and what follows when a container ends by itself. Models
//! `kuberuntime_container.go startContainer`, `images/image_manager.go` and the back-offs of `kuberuntime_manager.go`.

use super::agent::Turn;
use super::executable;
use super::image::{ImageName, go_duration};
use super::lifecycle::Progress;
use super::pod_worker::{ContainerStep, PodWorker, Stage};
use super::restart_all::Anew;
use super::shell::{Pause, Process};
use super::workload::{self, EXIT_SIGKILL};
use crate::api::MetaExt;
use crate::api::k8s::Probe;
use crate::client::recorder::EventType;
use crate::clock::{SimDuration, SimTime};

/// A container that has run this long without failing has its back-off forgotten, as it is twice the longest.
const STEADY: SimDuration = SimDuration::from_secs(600);

/// What a container ends with whose program cannot be run.
const EXIT_CANNOT_START: i32 = 128;

/// A process that will use more memory than it may has asked for it after this long.
const FILLING: SimDuration = SimDuration::from_millis(800);

/// A postStart hook is looked at for this long.
const HOOK_MAX: SimDuration = SimDuration::from_secs(600);

/// The least time a process takes.
const BLINK: SimDuration = SimDuration::from_millis(20);

/// From a failed pull to the status that says that the kubelet backs off.
const PULL_SYNC: SimDuration = SimDuration::from_secs(1);

impl PodWorker {
    /// Begins to start a container: first its image.
    pub(super) fn begin(&mut self, at: usize, turn: &mut Turn<'_>) {
        let shown = self.container(at).image.clone().unwrap_or_default();
        let image = ImageName::parse(&shown);
        let now = turn.now();
        let Some(pulling) = turn.config.pulling else {
            if !turn.registry.has(&image) {
                self.runs[at].step(Progress::Pulling { asked: now, begins: now });
                let delay = turn.config.start.draw(turn.rng);
                return self.after(delay, at, ContainerStep::Pulled, false, turn);
            }
            return self.create(at, turn);
        };
        if let Err(why) = ImageName::check(&shown) {
            return self.name_invalid(at, &shown, &why, turn);
        }
        let policy = self.container(at).image_pull_policy.as_deref().unwrap_or("IfNotPresent");
        let there = turn.node.images.has(&image, now);
        match (policy, there) {
            ("Never", false) => self.never_pulled(at, &shown, turn),
            ("Never" | "IfNotPresent", true) => {
                let message = format!(
                    "Container image {shown:?} already present on machine and can be accessed by the pod"
                );
                self.event(at, EventType::Normal, "Pulled", message, turn);
                self.create(at, turn);
            }
            _ => {
                let message = format!("Pulling image {shown:?}");
                self.event(at, EventType::Normal, "Pulling", message, turn);
                let pull = turn.node.images.pull(&image, !turn.registry.has(&image), &pulling, now, turn.rng);
                self.runs[at].step(Progress::Pulling { asked: now, begins: pull.begins });
                // A pull that has failed before is likely to fail again: the cluster does not wait for it.
                let background = self.runs[at].pull_failures > 0;
                self.after(pull.ends.since(now), at, ContainerStep::Pulled, background, turn);
            }
        }
    }

    fn never_pulled(&mut self, at: usize, shown: &str, turn: &mut Turn<'_>) {
        let message = format!("Container image {shown:?} is not present with pull policy of Never");
        self.event(at, EventType::Warning, "ErrImageNeverPull", message.clone(), turn);
        self.hold(at, "ErrImageNeverPull", "ErrImageNeverPull", message, turn);
    }

    fn name_invalid(&mut self, at: usize, shown: &str, why: &str, turn: &mut Turn<'_>) {
        let message = format!(
            "Failed to apply default image tag {shown:?}: couldn't parse image name {shown:?}: {why}"
        );
        self.event(at, EventType::Warning, "InspectFailed", message.clone(), turn);
        self.hold(at, "InvalidImageName", "InvalidImageName", message, turn);
    }

    /// The container cannot be made: the kubelet says so and tries again at the pod's next sync.
    fn hold(&mut self, at: usize, reason: &'static str, error: &str, message: String, turn: &mut Turn<'_>) {
        self.event(at, EventType::Warning, "Failed", format!("Error: {error}"), turn);
        self.runs[at].wait(reason, message);
        self.runs[at].step(Progress::BackOff);
        self.dirty = true;
        let wait = turn.config.sync_retry.draw(turn.rng);
        self.after(wait, at, ContainerStep::PullAgain, true, turn);
        self.start_next(turn);
    }

    /// A pull is done.
    pub(super) fn pulled(&mut self, at: usize, turn: &mut Turn<'_>) {
        let shown = self.container(at).image.clone().unwrap_or_default();
        let image = ImageName::parse(&shown);
        if !turn.registry.has(&image) {
            return self.pull_failed(at, &shown, &image, turn);
        }
        let now = turn.now();
        if let Progress::Pulling { asked, begins } = self.runs[at].progress {
            let (took, waited) = (go_duration(now.since(begins)), go_duration(now.since(asked)));
            let message = format!(
                "Successfully pulled image {shown:?} in {took} ({waited} including waiting). Image size: {} bytes.",
                image.size_bytes()
            );
            self.event(at, EventType::Normal, "Pulled", message, turn);
        }
        self.create(at, turn);
    }

    fn pull_failed(&mut self, at: usize, shown: &str, image: &ImageName, turn: &mut Turn<'_>) {
        let why = not_found(image);
        let message = format!("Failed to pull image {shown:?}: {why}");
        self.event(at, EventType::Warning, "Failed", message, turn);
        self.event(at, EventType::Warning, "Failed", "Error: ErrImagePull".into(), turn);
        let run = &mut self.runs[at];
        run.wait("ErrImagePull", why);
        run.pull_failures = run.pull_failures.saturating_add(1);
        let again = run.pull_failures > 1;
        run.step(Progress::BackOff);
        self.dirty = true;
        self.after(PULL_SYNC, at, ContainerStep::PullBackOff, again, turn);
        self.start_next(turn);
    }

    /// A moment after a failed pull, the status says that the kubelet backs off.
    pub(super) fn pull_backs_off(&mut self, at: usize, turn: &mut Turn<'_>) {
        let shown = self.container(at).image.clone().unwrap_or_default();
        let message = format!("Back-off pulling image {shown:?}");
        self.event(at, EventType::Normal, "BackOff", message.clone(), turn);
        self.event(at, EventType::Warning, "Failed", "Error: ImagePullBackOff".into(), turn);
        let failures = self.runs[at].pull_failures;
        self.dirty = true;
        let Some(retry) = turn.config.pulling.map(|pulling| pulling.retry) else {
            return self.runs[at].wait("ImagePullBackOff", message);
        };
        let why = not_found(&ImageName::parse(&shown));
        self.runs[at].wait("ImagePullBackOff", format!("{message}: ErrImagePull: {why}"));
        if let Some(retry) = retry {
            let rest = retry.wait(failures) - PULL_SYNC;
            self.after(rest, at, ContainerStep::PullAgain, true, turn);
        }
    }

    /// The image is there: creates the container and starts it.
    fn create(&mut self, at: usize, turn: &mut Turn<'_>) {
        if turn.config.runs_commands
            && let Err(why) = self.configure(at, turn)
        {
            return self.hold(at, "CreateContainerConfigError", &why.clone(), why, turn);
        }
        let restarts =
            self.runs[at].restarts + u32::from(self.runs[at].last.is_some() || self.runs[at].is_over());
        let words = self.words(at);
        let behaviour = workload::behaviour(&self.pod, self.container(at), &words, restarts, turn.config);
        let delay = behaviour.start_delay.unwrap_or_else(|| turn.config.start.draw(turn.rng));
        let background = restarts > 1 && !behaviour.ends.is_some_and(|end| end.heals);
        let run = &mut self.runs[at];
        run.behaviour = behaviour;
        run.step(Progress::Starting);
        self.after(delay, at, ContainerStep::Started, background, turn);
    }

    /// The container runs, unless it has to wait for its turn in its namespace.
    pub(super) fn started(&mut self, at: usize, turn: &mut Turn<'_>) {
        let now = turn.now();
        if let Some(wait) = self.wait_for_turn(at, turn) {
            return self.after(wait, at, ContainerStep::Started, false, turn);
        }
        self.event(at, EventType::Normal, "Created", "Container created".into(), turn);
        if turn.config.runs_commands
            && let Some(why) = executable::missing(&self.words(at), self.container(at))
        {
            return self.start_failed(at, &why, turn);
        }
        self.event(at, EventType::Normal, "Started", "Container started".into(), turn);
        self.runs[at].run(now);
        if self.anew == Anew::Up && self.main().contains(&at) {
            self.anew = Anew::Done;
        }
        self.dirty = true;
        if turn.config.runs_commands {
            self.greet(at, turn);
        }
        if turn.config.judges && self.beyond_memory(&turn.metrics()) == Some(at) {
            let out = workload::End {
                after: FILLING,
                exit_code: EXIT_SIGKILL,
                reason: Some("OOMKilled"),
                heals: false,
            };
            self.runs[at].behaviour.ends = Some(out);
        }
        if let Some(end) = self.runs[at].behaviour.ends {
            let background = self.runs[at].restarts > 1 && !end.heals;
            self.after(end.after.max(BLINK), at, ContainerStep::Ends, background, turn);
        }
        if let Some(program) = self.runs[at].behaviour.script.clone() {
            self.runs[at].process = Some(Process::new(program, self.variables(at)));
            self.resume(at, turn);
        }
        let hook = if turn.config.runs_commands { self.post_start(at, turn) } else { None };
        let (took, outcome) = hook.unwrap_or((SimDuration::ZERO, Ok(())));
        self.runs[at].hook = Some(outcome);
        match took {
            SimDuration::ZERO => self.hooked(at, turn),
            _ => self.after(took, at, ContainerStep::Hooked, took >= HOOK_MAX, turn),
        }
    }

    /// The postStart hook is done: the container is let go on, or killed.
    pub(super) fn hooked(&mut self, at: usize, turn: &mut Turn<'_>) {
        match self.runs[at].hook.take() {
            None => return,
            Some(Ok(())) => {
                self.open_pages(at, turn);
                self.begin_probes(at, turn);
                self.settle_ready(at, turn);
            }
            Some(Err(message)) => {
                self.event(
                    at,
                    EventType::Warning,
                    "FailedPostStartHook",
                    "PostStartHook failed".into(),
                    turn,
                );
                self.runs[at].start_error = Some(("PostStartHookError", message));
                let grace = self.pod.spec.termination_grace_period_seconds.unwrap_or(30);
                let grace = SimDuration::from_secs(u64::try_from(grace).unwrap_or(0));
                self.kill(at, grace, "FailedPostStartHook".into(), turn);
            }
        }
        self.dirty = true;
        self.start_next(turn);
    }

    /// What a server says when it begins; a database that is told too little says so and ends.
    fn greet(&mut self, at: usize, turn: &mut Turn<'_>) {
        if self.runs[at].behaviour.script.is_some() {
            return;
        }
        let refused = self.daemon_refuses(at, turn);
        let run = &mut self.runs[at];
        if let Some(why) = refused {
            let after = SimDuration::from_millis(300);
            (run.behaviour.daemon, run.behaviour.serves_after) = (None, None);
            run.behaviour.ends = Some(workload::End { after, exit_code: 1, reason: None, heals: false });
            run.print(turn.now(), why);
        }
    }

    /// The program is not in the image: the container is made and ends at once.
    fn start_failed(&mut self, at: usize, why: &str, turn: &mut Turn<'_>) {
        let message = format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to \
             start container process: error during container init: exec: {why}: unknown"
        );
        self.event(at, EventType::Warning, "Failed", format!("Error: {message}"), turn);
        let now = turn.now();
        let run = &mut self.runs[at];
        run.run(SimTime::ZERO);
        run.exit(EXIT_CANNOT_START, Some("StartError"), message.clone(), now);
        run.start_error = Some(("RunContainerError", message));
        self.dirty = true;
        self.settle_end(at, EXIT_CANNOT_START, turn);
    }

    /// Runs the postStart hook beside the process that has just begun. Says how long it takes, and how it fails.
    fn post_start(&mut self, at: usize, turn: &mut Turn<'_>) -> Option<(SimDuration, Result<(), String>)> {
        let hook = self.container(at).lifecycle.as_ref()?.post_start.clone()?;
        if let Some(sleep) = &hook.sleep {
            return Some((SimDuration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0)), Ok(())));
        }
        let (took, what, why) = match (hook.exec.and_then(|exec| exec.command), hook.http_get) {
            (Some(words), _) => {
                let answer = self.run_beside(at, (&words, false), HOOK_MAX, &mut turn.ground());
                let answer = answer.filter(|answer| answer.known)?;
                let Some(code) = answer.code.filter(|code| *code != 0) else {
                    return Some((answer.took, Ok(())));
                };
                let why = format!("command '{}' exited with {code}: {}", words.join(" "), answer.said);
                let what = format!("Exec lifecycle hook ([{}])", words.join(" "));
                (answer.took, what, format!("{why}, message: {:?}", answer.said))
            }
            (None, Some(get)) => {
                let probe = Probe { http_get: Some(get.clone()), ..Default::default() };
                let why = self.ask_port(at, &probe).err()?;
                (SimDuration::ZERO, format!("HTTP lifecycle hook ({})", get.path.unwrap_or_default()), why)
            }
            _ => return None,
        };
        let pod = format!("{}_{}({})", self.pod.name(), self.pod.namespace(), self.uid);
        let name = &self.container(at).name;
        Some((took, Err(format!("{what} for Container {name:?} in Pod {pod:?} failed - error: {why}"))))
    }

    /// How long the container waits for its turn in its namespace, where containers take turns: each does once, to begin
    /// to run.
    fn wait_for_turn(&mut self, at: usize, turn: &mut Turn<'_>) -> Option<SimDuration> {
        let gap = turn.config.ready_gap?;
        if std::mem::replace(&mut self.runs[at].had_turn, true) {
            return None;
        }
        self.draw_turn(gap, turn)
    }

    /// The same, to end.
    pub(super) fn wait_to_end(&mut self, at: usize, turn: &mut Turn<'_>) -> Option<SimDuration> {
        let gap = turn.config.ready_gap?;
        if std::mem::replace(&mut self.runs[at].had_turn_to_end, true) {
            return None;
        }
        self.draw_turn(gap, turn)
    }

    fn draw_turn(&self, gap: SimDuration, turn: &mut Turn<'_>) -> Option<SimDuration> {
        let now = turn.now();
        let next = turn.turns.entry(self.pod.namespace().to_string()).or_default();
        let mine = (*next).max(now);
        *next = mine + gap;
        (mine > now).then(|| mine.since(now))
    }

    /// Runs a container's script up to its next pause.
    pub(super) fn resume(&mut self, at: usize, turn: &mut Turn<'_>) {
        let now = turn.now();
        let Some(mut process) = self.runs[at].process.take() else { return };
        let ground = &mut turn.ground();
        process.files = self.open_files(at, ground);
        process.daemons = std::mem::take(ground.daemons);
        let container = self.container(at);
        let image = container.image.as_deref().unwrap_or_default();
        process.tell(date(now), self.pod.name(), image, container.tty == Some(true));
        let pause = process.resume(ground.world(&self.pod, &container.name, self.runs[at].restarts));
        let files = std::mem::take(&mut process.files);
        *ground.daemons = std::mem::take(&mut process.daemons);
        self.close_files(at, files, ground);
        turn.asked.append(&mut process.take_asked());
        self.runs[at].process = Some(process);
        self.runs[at].note_said(now);
        let restarts = self.runs[at].restarts;
        let Some(process) = &mut self.runs[at].process else { return };
        let (looped, serves) = (process.has_looped(), process.take_serves());
        let (idle, more) = (process.is_idle(), process.next_in(now));
        match pause {
            Pause::Sleeps(span) => {
                // A loop may go on for ever: whoever waits for the cluster to come to rest does not wait for that.
                self.after(span.max(BLINK), at, ContainerStep::Resume, looped || restarts > 1, turn);
            }
            Pause::Ended(exit_code) => self.script_ended(at, exit_code, turn),
            Pause::Rests => {}
            Pause::StaysUp => {
                if !idle {
                    self.runs[at].serve_from(now);
                    self.runs[at].become_server();
                    self.settle_ready(at, turn);
                }
                if let Some(span) = more {
                    self.after(span.max(BLINK), at, ContainerStep::Resume, true, turn);
                }
            }
        }
        if serves {
            self.runs[at].serve_from(now);
            self.settle_ready(at, turn);
        }
    }

    fn script_ended(&mut self, at: usize, exit_code: i32, turn: &mut Turn<'_>) {
        let restarts = self.runs[at].restarts;
        if let Progress::Stopping { hook_fails, .. } = self.runs[at].progress {
            let delay = turn.config.stop.draw(turn.rng);
            let ends = turn.now() + delay;
            self.runs[at].progress = Progress::Stopping { ends, exit_code, hook_fails };
            return self.after(delay, at, ContainerStep::Stopped, false, turn);
        }
        let end = workload::End { after: SimDuration::ZERO, exit_code, reason: None, heals: false };
        self.runs[at].behaviour.ends = Some(end);
        self.after(BLINK, at, ContainerStep::Ends, restarts > 1, turn);
    }

    /// SIGTERM comes to a script.
    pub(super) fn signalled(&mut self, at: usize, turn: &mut Turn<'_>) {
        if self.runs[at].process.as_mut().is_some_and(Process::signal) {
            self.resume(at, turn);
        }
    }

    /// A container is being stopped, and its script runs on until it ends.
    pub(super) fn run_on(&mut self, at: usize, turn: &mut Turn<'_>) {
        let next = self.runs[at].process.as_ref().and_then(|process| process.next_in(turn.now()));
        if let Some(span) = next {
            self.after(span.max(BLINK), at, ContainerStep::Resume, false, turn);
        }
    }

    /// A container has ended.
    pub(super) fn exited(&mut self, at: usize, code: i32, reason: Option<&'static str>, turn: &mut Turn<'_>) {
        let now = turn.now();
        let lasted = self.runs[at].running_since().map_or(SimDuration::ZERO, |since| now.since(since));
        let message = self.last_word(at, code);
        let run = &mut self.runs[at];
        run.exit(code, reason, message, now);
        if lasted >= STEADY {
            run.crashes = 0;
        }
        if code == 0 && self.is_init(at) {
            self.runs[at].ready = true;
        }
        self.dirty = true;
        self.settle_end(at, code, turn);
    }

    /// What follows when a container has ended: it runs again, or it is the turn of others.
    fn settle_end(&mut self, at: usize, code: i32, turn: &mut Turn<'_>) {
        let start_error = self.runs[at].start_error.take();
        if self.ends_all(at, code) {
            return self.restart_all(at, turn);
        }
        if self.restarts_after(at, code) {
            if let Some((reason, message)) = start_error {
                self.runs[at].wait(reason, message);
            }
            let background =
                self.runs[at].restarts > 1 && !self.runs[at].behaviour.ends.is_some_and(|end| end.heals);
            let delay = turn.config.restart.draw(turn.rng);
            return self.after(delay, at, ContainerStep::Restart, background, turn);
        }
        self.runs[at].step(Progress::Done);
        match self.stage {
            Stage::Stopping => self.stop_rest(turn),
            _ if self.is_ephemeral(at) => {}
            _ if self.is_init(at) && code == 0 => self.start_next(turn),
            _ if self.is_init(at) => self.stop_all(turn),
            _ if self.main().all(|at| self.runs[at].progress == Progress::Done) => self.stop_all(turn),
            _ => {}
        }
    }

    /// A container that has ended is to run again: at once the first time, after a growing wait from then on.
    pub(super) fn restart(&mut self, at: usize, turn: &mut Turn<'_>) {
        let now = turn.now();
        let crashes = self.runs[at].crashes;
        self.runs[at].crashes = crashes.saturating_add(1);
        let wait = match turn.config.crash_back_off {
            Some(back_off) if crashes > 0 => back_off.wait(crashes),
            _ => SimDuration::ZERO,
        };
        let rest = (self.runs[at].ended_at().unwrap_or(now) + wait).since(now);
        if rest == SimDuration::ZERO {
            self.runs[at].step(Progress::Idle);
            return self.start_next(turn);
        }
        let name = self.container(at).name.clone();
        let pod = format!("{}_{}({})", self.pod.name(), self.pod.namespace(), self.uid);
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.event(at, EventType::Warning, "BackOff", message, turn);
        let message = format!("back-off {} restarting failed container={name} pod={pod}", go_duration(wait));
        let run = &mut self.runs[at];
        run.wait("CrashLoopBackOff", message);
        run.step(Progress::BackOff);
        self.dirty = true;
        let background = !self.runs[at].behaviour.ends.is_some_and(|end| end.heals);
        self.after(rest, at, ContainerStep::BackOffOver, background, turn);
    }
}

/// What the container runtime says of an image that the registry does not have.
pub(super) fn not_found(image: &ImageName) -> String {
    let full = image.full();
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image {full:?}: failed to resolve reference {full:?}: {full}: not found"
    )
}

/// An instant as `date` prints it.
pub(super) fn date(now: SimTime) -> String {
    let text = crate::api::typed::write(&now.to_time());
    let text = text.as_str().unwrap_or_default();
    format!("{} UTC", text.replace('T', " ").trim_end_matches('Z'))
}
