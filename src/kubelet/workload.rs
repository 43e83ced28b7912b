//! How a container behaves. Containers have no processes here: what their image is known for, what their command says
//! and what annotations ask for decide when they serve, how long they run and how they take being asked to end.
//!
//! Annotations on the pod, under `kubeviz.dev/`, hold for all its containers; `kubeviz.dev/<container>.<name>` for one:
//!
//! | name | value | meaning |
//! |---|---|---|
//! | `start-delay` | seconds | from creation to running |
//! | `ready-delay` | seconds or `never` | from running to serving; without a readiness probe, to ready |
//! | `unhealthy-after` | seconds | probes fail from then on |
//! | `run-seconds` | seconds | the process ends by itself after so long |
//! | `crash-after` | seconds | the same, with exit code 1 unless `exit-code` says otherwise |
//! | `oom-after` | seconds | the same, killed for its memory: exit code 137, `OOMKilled` |
//! | `exit-code` | number | what it ends with |
//! | `fail-times` | count | only the first so many runs fail, the next ones succeed |
//! | `fail-indexes` | `0,3` | pods of an indexed Job with these indexes fail |
//! | `term-delay` | seconds or `never` | from SIGTERM to its end; `never` ignores the signal |
//! | `serves-after-term` | seconds | it takes connections for so long after SIGTERM, instead of none at once |
//!
//! How a server answers is said by more of them: see `src/network/server.rs`.

use super::config::KubeletConfig;
use super::daemons;
use super::image::ImageName;
use super::perl;
use super::shell::Program;
use crate::api::k8s::{Container, Probe};
use crate::api::{MetaExt, Pod};
use crate::clock::SimDuration;

/// The exit code of a process that SIGKILL has ended: 128 and the signal's number.
pub const EXIT_SIGKILL: i32 = 137;

/// How one run of a container goes, as far as it is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// What its command does, where a shell reads it.
    pub script: Option<Program>,
    /// The server that keeps something for its clients, where the image is one.
    pub daemon: Option<daemons::Program>,
    /// From creation to running, if not as usual.
    pub start_delay: Option<SimDuration>,
    /// From running to serving; `None`: never.
    pub serves_after: Option<SimDuration>,
    /// The same, from the moment at which a script has become a server.
    pub serves_when_up: Option<SimDuration>,
    /// From running to when its probes begin to fail, and to when they no longer do, if they ever do again.
    pub unhealthy: Option<(SimDuration, Option<SimDuration>)>,
    /// Whether it waits for serving even without a readiness probe, because an annotation asks for it.
    pub ready_when_serving: bool,
    /// How it ends by itself; `None`: it does not.
    pub ends: Option<End>,
    /// How it takes SIGTERM.
    pub on_term: OnTerm,
    /// For how long it takes connections after that.
    pub serves_after_term: SimDuration,
}

/// An end that comes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// From running.
    pub after: SimDuration,
    /// With which exit code.
    pub exit_code: i32,
    /// The reason, if not the one that follows from the exit code.
    pub reason: Option<&'static str>,
    /// Whether later runs will end otherwise: then a cluster in which it restarts has not come to rest.
    pub heals: bool,
}

/// What a process does when asked to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTerm {
    /// It ends after the usual time with exit code 0.
    #[default]
    Ends,
    /// It ends after this long with exit code 0.
    EndsAfter(SimDuration),
    /// It is a shell or a command of one, and process 1 of its container: it does not hear a signal without a trap for it.
    Shell,
    /// It does not end.
    Ignores,
}

/// Whether what a pod's containers run, or are probed by, asks anybody over the network.
pub fn asks_network(pod: &Pod) -> bool {
    const PROGRAMS: [&str; 14] = [
        "wget",
        "curl",
        "nslookup",
        "nc ",
        "ncat ",
        "dig ",
        "ping ",
        "getent",
        "host ",
        "mysql ",
        "mysqladmin ",
        "psql ",
        "pg_isready",
        "redis-cli",
    ];
    let of_probe = |probe: &Option<Probe>| {
        probe.as_ref().and_then(|probe| probe.exec.as_ref()?.command.clone()).unwrap_or_default()
    };
    let asks = |container: &Container| {
        let own = container.command.iter().chain(&container.args).flatten().cloned();
        let probes = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
        let words = own.chain(probes.into_iter().flat_map(of_probe));
        let text: String = words.map(|word| word + " ").collect();
        PROGRAMS.iter().any(|program| text.contains(program))
    };
    pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers).any(asks)
}

/// The behaviour of the run of a container that follows `restarts` earlier ones. `words`: its command and arguments.
pub fn behaviour(
    pod: &Pod,
    container: &Container,
    words: &[String],
    restarts: u32,
    config: &KubeletConfig,
) -> Behaviour {
    let image = ImageName::parse(container.image.as_deref().unwrap_or_default());
    let mut behaviour =
        if config.runs_commands { of_image(&image, container, words) } else { Behaviour::steady() };
    Annotations { pod, container: &container.name, prefix: &config.annotation_prefix }
        .apply(&mut behaviour, restarts);
    behaviour
}

impl Behaviour {
    /// Serves at once and stays up.
    fn steady() -> Behaviour {
        Behaviour { serves_after: Some(SimDuration::ZERO), ..Behaviour::default() }
    }

    fn serving_after_millis(millis: u64) -> Behaviour {
        Behaviour { serves_after: Some(SimDuration::from_millis(millis)), ..Behaviour::default() }
    }

    fn completing_after(after: SimDuration) -> Behaviour {
        let ends = Some(End { after, exit_code: 0, reason: None, heals: false });
        Behaviour { ends, ..Behaviour::steady() }
    }
}

/// What an image is known for and a command says: how long its server takes to serve, or that it is none. Unknown
/// images and programs serve soon and stay up.
fn of_image(image: &ImageName, container: &Container, words: &[String]) -> Behaviour {
    let mut behaviour = match image.base() {
        // A shell without a terminal reads the end of its input and ends.
        "busybox" | "alpine" | "bash" | "ubuntu" | "debian"
            if container.stdin == Some(true) && words.is_empty() =>
        {
            Behaviour { on_term: OnTerm::Ignores, ..Behaviour::steady() }
        }
        "busybox" | "alpine" | "bash" | "ubuntu" | "debian" | "hello-world" if words.is_empty() => {
            return Behaviour::completing_after(SimDuration::ZERO);
        }
        "nginx" | "httpd" | "haproxy" | "redis" | "memcached" | "whoami" => {
            Behaviour::serving_after_millis(150)
        }
        "mysql" | "mariadb" => Behaviour::serving_after_millis(6_000),
        "postgres" | "mongo" => Behaviour::serving_after_millis(3_000),
        _ => Behaviour::serving_after_millis(300),
    };
    // The server of the documentation's liveness example.
    if image.base() == "agnhost" && container.args.as_deref().is_some_and(|args| args == ["liveness"]) {
        behaviour.unhealthy = Some((SimDuration::from_secs(10), None));
    }
    // Arguments alone go to whatever program the image begins with, which for most runs them if they are a command.
    let own =
        matches!(image.base(), "whoami" | "http-echo" | "hello-world" | "agnhost" | "pause" | "traefik");
    let runs_shell =
        container.command.is_some() || (!own && words.first().is_some_and(|word| !word.starts_with('-')));
    behaviour.daemon = daemons::Program::of_image(image.base());
    if let (false, Some(first), true) = (words.is_empty(), words.first(), runs_shell) {
        let mut words = words.to_vec();
        if first.ends_with("perl") {
            let Some(printed) = perl::printed(&words) else {
                return Behaviour::completing_after(SimDuration::from_secs(5));
            };
            let script = format!("sleep 5; printf %s '{}'", printed.replace('\'', "'\\''"));
            words = vec!["sh".into(), "-c".into(), script];
        }
        if let Some(program) = Program::of_command(&words) {
            behaviour.serves_when_up = behaviour.serves_after.take();
            behaviour.on_term = OnTerm::Shell;
            behaviour.daemon = None;
            behaviour.script = Some(program);
        }
    }
    behaviour
}

struct Annotations<'a> {
    pod: &'a Pod,
    container: &'a str,
    prefix: &'a str,
}

impl Annotations<'_> {
    /// The container's own annotation, or the pod's.
    fn get(&self, name: &str) -> Option<&str> {
        let own = format!("{}{}.{name}", self.prefix, self.container);
        self.pod.annotation(&own).or_else(|| self.pod.annotation(&format!("{}{name}", self.prefix)))
    }

    fn seconds(&self, name: &str) -> Option<SimDuration> {
        seconds(self.get(name)?)
    }

    fn apply(&self, behaviour: &mut Behaviour, restarts: u32) {
        if self.pod.annotations().is_empty() {
            return;
        }
        behaviour.start_delay = self.seconds("start-delay");
        if let Some(text) = self.get("ready-delay") {
            behaviour.serves_after = seconds(text);
            behaviour.serves_when_up = behaviour.serves_after;
            behaviour.ready_when_serving = true;
        }
        behaviour.unhealthy =
            self.seconds("unhealthy-after").map(|from| (from, None)).or(behaviour.unhealthy);
        behaviour.serves_after_term = self.seconds("serves-after-term").unwrap_or_default();
        if let Some(end) = self.end(restarts) {
            behaviour.ends = Some(end);
            (behaviour.script, behaviour.daemon) = (None, None);
        }
        match self.get("term-delay") {
            Some("never") => behaviour.on_term = OnTerm::Ignores,
            Some(text) => {
                behaviour.on_term = seconds(text).map_or(behaviour.on_term, OnTerm::EndsAfter);
            }
            None => {}
        }
    }

    /// How annotations say that it ends.
    fn end(&self, restarts: u32) -> Option<End> {
        let code = self.get("exit-code").and_then(|text| text.trim().parse::<i32>().ok());
        let (after, mut exit_code, reason) = match () {
            () if self.get("oom-after").is_some() => {
                (self.seconds("oom-after")?, EXIT_SIGKILL, Some("OOMKilled"))
            }
            () if self.get("crash-after").is_some() => {
                (self.seconds("crash-after")?, code.unwrap_or(1), None)
            }
            () => (self.seconds("run-seconds")?, code.unwrap_or(0), None),
        };
        let fail_times = self.get("fail-times").and_then(|text| text.trim().parse::<u32>().ok());
        let index = self.pod.annotation("batch.kubernetes.io/job-completion-index");
        if let Some(indexes) = self.get("fail-indexes") {
            let failing = index.is_some_and(|index| indexes.split(',').any(|one| one.trim() == index));
            exit_code = if failing { code.unwrap_or(1) } else { 0 };
        }
        if let Some(times) = fail_times {
            exit_code = if restarts < times { code.unwrap_or(1) } else { 0 };
        }
        Some(End { after, exit_code, reason: reason.filter(|_| exit_code != 0), heals: fail_times.is_some() })
    }
}

/// Seconds with a fraction: `0.6`. `None` for `never` and for what is no number.
pub fn seconds(text: &str) -> Option<SimDuration> {
    let text = text.trim();
    let number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if number && !text.is_empty() { SimDuration::parse(&format!("{text}s")) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ObjectMeta, PodSpec};

    fn check(image: &str, command: &[&str], annotations: &[(&str, &str)], restarts: u32) -> Behaviour {
        let annotations = annotations.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
        let meta = ObjectMeta { annotations: Some(annotations), ..Default::default() };
        let command = (!command.is_empty()).then(|| command.iter().map(|word| (*word).to_string()).collect());
        let container =
            Container { name: "app".into(), image: Some(image.into()), command, ..Default::default() };
        let pod = Pod::new(meta, PodSpec::default());
        let words: Vec<String> = container.command.iter().flatten().cloned().collect();
        behaviour(&pod, &container, &words, restarts, &KubeletConfig::default())
    }

    #[test]
    fn images_and_commands_say_how_a_container_ends() {
        let end = |behaviour: Behaviour| behaviour.ends.map(|end| (end.after.as_secs(), end.exit_code));
        assert_eq!(end(check("nginx", &[], &[], 0)), None);
        assert_eq!(end(check("example.com/unknown:1", &[], &[], 0)), None);
        assert_eq!(end(check("busybox", &[], &[], 0)), Some((0, 0)));
        assert_eq!(end(check("perl", &["perl", "-wle", "print $x"], &[], 0)), Some((5, 0)));
        let sleeping = check("busybox", &["sleep", "30"], &[], 0);
        assert!(sleeping.script.is_some() && sleeping.on_term == OnTerm::Shell);
    }

    #[test]
    fn annotations_overrule_what_the_image_is_known_for() {
        let end = |annotations: &[(&str, &str)], restarts| {
            check("nginx", &[], annotations, restarts)
                .ends
                .map(|end| (end.after.as_millis(), end.exit_code, end.reason))
        };
        assert_eq!(end(&[("kubeviz.dev/run-seconds", "1.5")], 0), Some((1_500, 0, None)));
        assert_eq!(end(&[("kubeviz.dev/crash-after", "2")], 3), Some((2_000, 1, None)));
        assert_eq!(end(&[("kubeviz.dev/oom-after", "2")], 0), Some((2_000, 137, Some("OOMKilled"))));
        let flaky = [("kubeviz.dev/run-seconds", "1"), ("kubeviz.dev/fail-times", "2")];
        assert_eq!(end(&flaky, 1), Some((1_000, 1, None)));
        assert_eq!(end(&flaky, 2), Some((1_000, 0, None)));
        assert_eq!(
            end(&[("kubeviz.dev/run-seconds", "9"), ("kubeviz.dev/app.run-seconds", "1")], 0),
            Some((1_000, 0, None))
        );
        assert_eq!(end(&[("kubeviz.dev/run-seconds", "soon")], 0), None);
    }

    #[test]
    fn a_pod_that_shall_never_be_ready_never_serves() {
        let behaviour = check("nginx", &[], &[("kubeviz.dev/ready-delay", "never")], 0);
        assert_eq!((behaviour.serves_after, behaviour.ready_when_serving), (None, true));
    }
}
