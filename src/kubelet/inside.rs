//! What goes on inside a container: its environment, its files, and the commands that run beside its process.

use std::sync::Arc;

use super::agent::Turn;
use super::daemons::Daemons;
use super::environment::{self, Environment, Facts};
use super::files::Files;
use super::pod_worker::PodWorker;
use super::shell::{self, Answer, Net, World};
use super::user;
use super::volumes::{self, Disks};
use crate::api::k8s::Container;
use crate::api::{MetaExt, Pod};
use crate::client::View;
use crate::client::site::{Program, Settings};
use crate::client::wire::Wire;
use crate::clock::{SimDuration, SimTime};

/// What a container stands on: the cluster, its node, the disks.
pub struct Ground<'a> {
    /// The cluster.
    pub view: &'a View,
    /// Whether the node reaches it.
    pub online: bool,
    /// The node's address.
    pub host_ip: &'a str,
    /// The directories of the node that pods have mounted.
    pub host: &'a mut Disks,
    /// The disks of all nodes.
    pub disks: &'a mut Disks,
    /// The time.
    pub now: SimTime,
    /// The network.
    pub wire: Option<&'a dyn Wire>,
    /// The servers of all pods.
    pub daemons: &'a mut Daemons,
}

impl Ground<'_> {
    /// Whom a script in a run of a container finds around it.
    pub fn world<'a>(&'a self, pod: &'a Pod, container: &'a str, run: u32) -> World<'a> {
        let wire = self.wire.filter(|_| self.online);
        World {
            net: wire.map(|wire| Net { wire, pod, now: self.now }),
            uid: pod.uid(),
            container: (container, run),
            now: self.now,
        }
    }
}

impl PodWorker {
    fn facts<'a>(&'a self, view: &'a View, host: &'a str) -> Facts<'a> {
        Facts { pod: &self.pod, address: self.address.as_deref().unwrap_or_default(), host, view }
    }

    /// Mounts the pod's volumes.
    ///
    /// # Errors
    /// Those that cannot be mounted.
    pub(super) fn mount(&mut self, turn: &mut Turn<'_>) -> Result<(), Vec<volumes::Failure>> {
        let ground = turn.ground();
        self.volumes = volumes::mount(self.facts(ground.view, ground.host_ip), ground.host)?;
        Ok(())
    }

    /// Puts what has changed into the pod's volumes.
    ///
    /// # Errors
    /// Those that cannot be written.
    pub(super) fn refresh(&mut self, turn: &mut Turn<'_>) -> Result<(), Vec<volumes::Failure>> {
        let before = std::mem::take(&mut self.volumes);
        let mut mounted = before.clone();
        let ground = turn.ground();
        let done = volumes::refresh(&mut mounted, self.facts(ground.view, ground.host_ip));
        self.files_changed |= !mounted.iter().zip(&before).all(|(now, then)| now.is_as(then));
        self.volumes = mounted;
        done
    }

    /// Works out the environment of a container that is to be created.
    ///
    /// # Errors
    /// In the kubelet's words, why it cannot be created.
    pub(super) fn configure(&mut self, at: usize, turn: &mut Turn<'_>) -> Result<(), String> {
        self.check_user(at)?;
        if !self.volumes.is_empty() && self.runs[at].has_begun() {
            // Every sync brings the volumes up to date; one that cannot be keeps what it has.
            let _ = self.refresh(turn);
        }
        let services = turn.service_environment(&self.pod);
        let ground = turn.ground();
        let facts = self.facts(ground.view, ground.host_ip);
        let environment = environment::of_container(self.container(at), facts, services.as_deref())?;
        super::mounting::check_sub_paths(self.container(at), &environment)?;
        let run = &mut self.runs[at];
        run.environment = Some(environment).filter(|all| !all.is_empty()).map(Arc::new);
        run.services = services;
        run.files = None;
        Ok(())
    }

    /// The variables that a process in the container has.
    pub(super) fn variables(&self, at: usize) -> Environment {
        let run = &self.runs[at];
        let mut all = Environment::new();
        all.insert("HOME".into(), "/root".into());
        all.insert("PATH".into(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
        all.insert("HOSTNAME".into(), volumes::hostname(&self.pod));
        all.insert(shell::USER.into(), user::words(&self.pod, self.container(at)));
        all.insert(shell::MADE.into(), shell::day_and_minute(self.pod.created()));
        for environment in run.services.iter().chain(&run.environment) {
            all.extend(environment.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        all
    }

    /// The command and arguments of a container with its variables put in.
    pub(super) fn words(&self, at: usize) -> Vec<String> {
        let run = &self.runs[at];
        let none = Environment::new();
        let own = run.environment.as_deref().unwrap_or(&none);
        environment::words_of(self.container(at), own, run.services.as_deref())
    }

    /// The files of a container as they are now: whoever takes them has to bring them back.
    pub(super) fn open_files(&mut self, at: usize, ground: &Ground<'_>) -> Files {
        let mut mounted = std::mem::take(&mut self.volumes);
        let mut files = self.runs[at].files.take().map(|files| *files).unwrap_or_else(|| {
            let variables = self.variables(at);
            let expanded =
                |text: &str| environment::expand(text, |name| variables.get(name).map(String::as_str));
            let facts = self.facts(ground.view, ground.host_ip);
            volumes::files_of(self.container(at), &mut mounted, facts, expanded)
        });
        volumes::lend(&mounted, &mut files, ground.host, ground.disks);
        self.volumes = mounted;
        files
    }

    /// Brings back the files of a container.
    pub(super) fn close_files(&mut self, at: usize, mut files: Files, ground: &mut Ground<'_>) {
        self.files_changed |= files.take_changed();
        volumes::take_back(&mut self.volumes, &files, ground.host, ground.disks);
        self.runs[at].files = Some(Box::new(files));
    }

    /// Runs a command in a running container, beside its process. `None` for a program that the shell does not know.
    pub(super) fn run_beside(
        &mut self,
        at: usize,
        (words, tty): (&[String], bool),
        limit: SimDuration,
        ground: &mut Ground<'_>,
    ) -> Option<Answer> {
        let image = self.container(at).image.clone().unwrap_or_default();
        let program = words.first()?;
        if shell::is_missing(&image, program.rsplit('/').next().unwrap_or(program)) {
            return None;
        }
        let mut variables = self.variables(at);
        variables.insert(shell::DATE.into(), super::start::date(ground.now));
        variables.insert(shell::IMAGE.into(), image);
        if tty {
            variables.insert("TERM".into(), "xterm".into());
            variables.insert(shell::TTY.into(), String::new());
        }
        let mut files = self.open_files(at, ground);
        let mut daemons = std::mem::take(ground.daemons);
        let world = ground.world(&self.pod, &self.container(at).name, self.runs[at].restarts);
        let answer = shell::run_beside(words, (&mut files, &mut daemons), variables, world, limit);
        *ground.daemons = daemons;
        if answer.as_ref().is_some_and(|answer| answer.reloads) && self.runs[at].settings.is_some() {
            let directory = Program::of(self.container(at)).and_then(|program| program.settings);
            self.runs[at].settings =
                directory.map(|directory| Arc::new(Settings::read(&files.below(directory))));
            self.files_changed = true;
        }
        self.close_files(at, files, ground);
        answer
    }

    /// What a container that has ended left behind as its last word.
    pub(super) fn last_word(&self, at: usize, exit_code: i32) -> String {
        const MAX: usize = 4096;
        const LOG_LINES: usize = 80;
        const LOG_MAX: usize = 2048;
        let (container, run) = (self.container(at), &self.runs[at]);
        let path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
        let files = run.files.as_ref();
        let said = files.and_then(|files| files.read(path).ok()).unwrap_or_default();
        if !said.is_empty() {
            return cut_front(said, said.len(), MAX).to_string();
        }
        if exit_code == 0 || !falls_back(container) {
            return String::new();
        }
        let lines: Vec<&str> = run.log.iter().map(|(_, line)| line.as_str()).collect();
        let text: String =
            lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| format!("{line}\n")).collect();
        cut_front(&text, text.len(), LOG_MAX).to_string()
    }
}

fn falls_back(container: &Container) -> bool {
    container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError")
}

/// The last `max` bytes of a text, in whole letters.
fn cut_front(text: &str, length: usize, max: usize) -> &str {
    let start = (length.saturating_sub(max)..=length).find(|at| text.is_char_boundary(*at)).unwrap_or(length);
    &text[start..]
}
