//! `fault` at the console: what goes wrong with machines, processes and connections, which no kubectl command can do.
//!
//! ```text
//! fault node node-2 off              # or: shutdown, cut, on
//! fault kill pod/web-0 -c app --oom
//! fault unhealthy pod/web-0 --for 1m # or: healthy
//! fault image nginx:1.27 missing     # or: back
//! fault stop default-scheduler       # or: start, restart
//! fault slow deployment-controller --by 2s --for 30s
//! fault conflicts --every 3 --for 30s
//! fault
//! ```

use super::fault::Fault;
use super::input::Outcome;
use super::{Simulation, traffic};
use crate::api::Pod;
use crate::clock::SimDuration;
use crate::kubelet::NodeState;
use crate::kubelet::image::ImageName;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    /// Say what runs and what does not.
    List,
    /// A machine is switched off, cut off, or comes back.
    Node(String, NodeState),
    /// Anything else; without a container, the first one is meant.
    Strike(Fault),
}

/// The words after `fault`, of a line that begins with it.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    traffic::words_after(line, "fault")
}

/// Reads them. `namespace`: where pods are meant, unless `-n` says otherwise.
///
/// # Errors
/// What is wrong with them.
fn parse(words: &[String], namespace: &str) -> Result<Command, String> {
    let (plain, flags) = sort_out(words)?;
    let flag =
        |names: [&str; 2]| flags.iter().find(|(flag, _)| names.contains(flag)).map(|(_, value)| *value);
    let span = |name: &str, usual: &str| {
        let text = flag([name, name]).unwrap_or(usual);
        let millis = SimDuration::parse(text).and_then(|span| u32::try_from(span.as_millis()).ok());
        millis.ok_or_else(|| format!("{name}: {text:?} is no duration; try 500ms or 30s"))
    };
    let component = |name: &str| name.to_string();
    let home = || flag(["-n", "--namespace"]).unwrap_or(namespace).to_string();
    let bare = |pod: &str| pod.strip_prefix("pod/").unwrap_or(pod).to_string();
    let container = || flag(["-c", "--container"]).unwrap_or_default().to_string();
    Ok(match plain.as_slice() {
        [] => Command::List,
        ["node", name, state] => {
            let name = name.strip_prefix("node/").unwrap_or(name);
            Command::Node(name.to_string(), node_state(state)?)
        }
        ["kill", pod] => Command::Strike(Fault::Kill {
            namespace: home(),
            pod: bare(pod),
            container: container(),
            out_of_memory: flag(["--oom", "--oom"]).is_some(),
        }),
        ["unhealthy", pod] => Command::Strike(Fault::Unhealthy {
            namespace: home(),
            pod: bare(pod),
            container: container(),
            during: flag(["--for", "--for"]).map(|text| span("--for", text)).transpose()?,
        }),
        ["healthy", pod] => Command::Strike(Fault::Healthy {
            namespace: home(),
            pod: bare(pod),
            container: container(),
        }),
        ["image", image, state] => Command::Strike(Fault::Image {
            image: checked_image(image)?,
            missing: match *state {
                "missing" => true,
                "back" => false,
                _ => return Err(format!("an image can be missing or back, not {state:?}")),
            },
        }),
        ["stop", name] => Command::Strike(Fault::Stop { component: component(name) }),
        ["start", name] => Command::Strike(Fault::Start { component: component(name) }),
        ["restart", name] => Command::Strike(Fault::Restart { component: component(name) }),
        ["slow", name] => Command::Strike(Fault::SlowWatch {
            component: component(name),
            by: span("--by", "2s")?,
            during: span("--for", "30s")?,
        }),
        ["conflicts"] => {
            let text = flag(["--every", "--every"]).unwrap_or("3");
            let every = text.parse().ok().filter(|every| *every > 0);
            Command::Strike(Fault::Conflicts {
                every: every.ok_or_else(|| format!("--every: {text:?} is no number"))?,
                during: span("--for", "30s")?,
            })
        }
        _ => return Err("what should go wrong? Try fault node NODE off, fault kill pod/POD, fault unhealthy pod/POD, fault image IMAGE missing, fault stop default-scheduler, fault slow COMPONENT or fault conflicts".into()),
    })
}

fn checked_image(image: &str) -> Result<String, String> {
    ImageName::check(image).map(|()| image.to_string())
}

fn node_state(word: &str) -> Result<NodeState, String> {
    Ok(match word {
        "on" => NodeState::Running,
        "shutdown" => NodeState::ShuttingDown,
        "off" => NodeState::Stopped,
        "cut" => NodeState::Partitioned,
        _ => return Err(format!("a node can be off, shutdown, cut or on, not {word:?}")),
    })
}

type Sorted<'a> = (Vec<&'a str>, Vec<(&'a str, &'a str)>);

/// Words apart from flags with their values.
fn sort_out(words: &[String]) -> Result<Sorted<'_>, String> {
    const TAKE_VALUES: [&str; 7] = ["-n", "--namespace", "-c", "--container", "--by", "--for", "--every"];
    let (mut plain, mut flags) = (Vec::new(), Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word.split_once('=') {
            _ if !word.starts_with('-') => plain.push(word),
            _ if word == "--oom" => flags.push((word, "")),
            Some((flag, value)) if TAKE_VALUES.contains(&flag) => flags.push((flag, value)),
            None if TAKE_VALUES.contains(&word) => {
                flags.push((word, words.next().ok_or_else(|| format!("{word} needs a value"))?));
            }
            _ => return Err(format!("unknown flag: {word}")),
        }
    }
    Ok((plain, flags))
}

impl Simulation {
    /// A line that begins with `fault`.
    pub(super) fn fault_line(&mut self, line: &str) -> Outcome {
        let words = words(line).unwrap_or_default();
        let said = |stdout: String| Outcome { stdout, ..Outcome::default() };
        match parse(&words, self.context.namespace()) {
            Err(why) => Outcome::complaint(why),
            Ok(Command::List) => said(self.list_components()),
            Ok(Command::Node(name, state)) => {
                let outcome = self.set_node(&name, state);
                if outcome.code != 0 {
                    return outcome;
                }
                said(format!("node/{name} {}\n", state_text(state)))
            }
            Ok(Command::Strike(fault)) => {
                let fault = match self.first_container(fault) {
                    Ok(fault) => fault,
                    Err(why) => return Outcome::complaint(why),
                };
                if self.strike(&fault).code == 0 {
                    said(told(&fault))
                } else {
                    Outcome::complaint(self.missed(&fault))
                }
            }
        }
    }

    /// `NAME STATE` of everything that can be made to fail, nodes first.
    fn list_components(&self) -> String {
        let nodes = self.kubelets.node_states();
        let nodes = nodes.into_iter().map(|(name, state)| (format!("node/{name}"), state_text(state)));
        let processes = self.components().into_iter();
        let processes =
            processes.map(|(name, stopped)| (name.to_string(), if stopped { "stopped" } else { "running" }));
        let images = self.missing_images().iter();
        let images = images.map(|image| (format!("image/{image}"), "missing"));
        let rows: Vec<(String, &str)> = nodes.chain(processes).chain(images).collect();
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default().max(4);
        let row = |(name, state): (String, &str)| format!("{name:width$}   {state}\n");
        rows.into_iter().map(row).fold(format!("{:width$}   STATE\n", "NAME"), |text, row| text + &row)
    }

    /// What names no container means the pod's first.
    fn first_container(&self, mut fault: Fault) -> Result<Fault, String> {
        if let Fault::Kill { namespace, pod, container, .. }
        | Fault::Unhealthy { namespace, pod, container, .. }
        | Fault::Healthy { namespace, pod, container } = &mut fault
            && container.is_empty()
        {
            let found = self.view().get::<Pod>(namespace, pod);
            let first = found.and_then(|pod| pod.spec.containers.first());
            container.clone_from(&first.ok_or_else(|| format!("pods \"{pod}\" not found"))?.name);
        }
        Ok(fault)
    }

    /// Why nothing came of a fault.
    fn missed(&self, fault: &Fault) -> String {
        match fault {
            Fault::Kill { pod, container, .. }
            | Fault::Unhealthy { pod, container, .. }
            | Fault::Healthy { pod, container, .. } => {
                format!("container {container} of pod/{pod} does not run")
            }
            Fault::Image { image, .. } => format!("there is no image {image:?}"),
            Fault::Stop { component }
            | Fault::Start { component }
            | Fault::Restart { component }
            | Fault::SlowWatch { component, .. } => {
                let names: Vec<&str> = self.components().into_iter().map(|(name, _)| name).collect();
                format!("there is no component {component:?}; there are: {}", names.join(", "))
            }
            Fault::Conflicts { .. } => "nothing collides".into(),
        }
    }
}

fn state_text(state: NodeState) -> &'static str {
    match state {
        NodeState::Running => "on",
        NodeState::ShuttingDown => "shutting down",
        NodeState::Stopped => "off",
        NodeState::Partitioned => "cut off",
    }
}

fn told(fault: &Fault) -> String {
    let span = |millis: u32| SimDuration::from_millis(u64::from(millis)).human();
    match fault {
        Fault::Kill { pod, container, out_of_memory, .. } => {
            let how = if *out_of_memory { "out of memory" } else { "killed" };
            format!("pod/{pod} container {container} {how}\n")
        }
        Fault::Unhealthy { pod, container, during, .. } => {
            let during = during.map(|millis| format!(" for {}", span(millis))).unwrap_or_default();
            format!("pod/{pod} container {container} unhealthy{during}\n")
        }
        Fault::Healthy { pod, container, .. } => format!("pod/{pod} container {container} healthy\n"),
        Fault::Image { image, missing: true } => format!("image/{image} missing\n"),
        Fault::Image { image, missing: false } => format!("image/{image} back\n"),
        Fault::Stop { component } => format!("{component} stopped\n"),
        Fault::Start { component } => format!("{component} started\n"),
        Fault::Restart { component } => format!("{component} restarted\n"),
        Fault::SlowWatch { component, by, during } => {
            format!("{component} is told {} late for {}\n", span(*by), span(*during))
        }
        Fault::Conflicts { every, during } => {
            format!("one in {every} updates collides for {}\n", span(*during))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::clock::SimTime;
    use crate::sim::Config;

    fn read(line: &str) -> Result<Command, String> {
        parse(&words(line).unwrap(), "default")
    }

    #[test]
    fn a_line_says_what_goes_wrong() {
        let kill = |container: &str, out_of_memory| {
            let (namespace, pod) = ("shop".to_string(), "web-0".to_string());
            Ok(Command::Strike(Fault::Kill { namespace, pod, container: container.into(), out_of_memory }))
        };
        assert_eq!(
            read("fault node node/node-2 cut"),
            Ok(Command::Node("node-2".into(), NodeState::Partitioned))
        );
        assert_eq!(read("fault kill pod/web-0 -n shop"), kill("", false));
        assert_eq!(read("fault kill web-0 --container=app --oom -n=shop"), kill("app", true));
        let slow = Fault::SlowWatch { component: "job-controller".into(), by: 500, during: 30_000 };
        assert_eq!(read("fault slow job-controller --by 500ms"), Ok(Command::Strike(slow)));
        let ill = Fault::Unhealthy {
            namespace: "default".into(),
            pod: "web-0".into(),
            container: String::new(),
            during: Some(60_000),
        };
        assert_eq!(read("fault unhealthy pod/web-0 --for 1m"), Ok(Command::Strike(ill)));
        let back = Fault::Image { image: "nginx:1.27".into(), missing: false };
        assert_eq!(read("fault image nginx:1.27 back"), Ok(Command::Strike(back)));
        assert_eq!(read("fault"), Ok(Command::List));
        assert_eq!(words("faulty node"), None);
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong() {
        for (line, why) in [
            ("fault node node-1 broken", "a node can be off, shutdown, cut or on"),
            ("fault slow x --by soon", "is no duration"),
            ("fault conflicts --every none", "is no number"),
            ("fault kill a --hard", "unknown flag: --hard"),
            ("fault image nginx:1.27 gone", "an image can be missing or back"),
            ("fault image a//b missing", "invalid reference format"),
            ("fault unhealthy a --for ever", "is no duration"),
            ("fault everything", "what should go wrong?"),
        ] {
            assert!(read(line).unwrap_err().contains(why), "{line}");
        }
        let mut simulation = Simulation::new(Config::small(1));
        let outcome = simulation.kubectl_line("fault stop scheduler");
        assert!(outcome.code == 1 && outcome.stderr.contains("default-scheduler"), "{outcome:?}");
        assert!(simulation.kubectl_line("fault kill pod/none").stderr.contains("not found"));
    }

    #[test]
    fn pods_wait_while_the_scheduler_is_stopped_and_run_once_it_is_back() {
        let mut simulation = Simulation::new(Config::small(1));
        assert_eq!(
            simulation.kubectl_line("fault stop default-scheduler").stdout,
            "default-scheduler stopped\n"
        );
        assert_eq!(
            simulation.kubectl_line("kubectl create deployment web --image=nginx:1.27 --replicas=2").code,
            0
        );
        let placed = |simulation: &Simulation| {
            let pods = simulation.view().list::<Pod>(None);
            pods.map(|pod| pod.spec.node_name.is_some()).collect::<Vec<_>>()
        };
        simulation.advance(SimTime(60_000_000), u64::MAX);
        assert_eq!(placed(&simulation), [false, false]);
        assert!(simulation.kubectl_line("fault").stdout.contains("default-scheduler"));
        simulation.kubectl_line("fault start default-scheduler");
        simulation.advance(SimTime(90_000_000), u64::MAX);
        assert_eq!(placed(&simulation), [true, true]);
    }

    #[test]
    fn nothing_replaces_a_pod_while_its_controller_is_stopped() {
        let mut simulation = Simulation::new(Config::small(1));
        simulation.kubectl_line("kubectl create deployment web --image=nginx:1.27 --replicas=2");
        simulation.advance(SimTime(30_000_000), u64::MAX);
        simulation.kubectl_line("fault stop replicaset-controller");
        simulation.kubectl_line("kubectl delete pods --all --wait=false --grace-period=0 --force");
        simulation.advance(SimTime(90_000_000), u64::MAX);
        assert_eq!(simulation.view().objects(Kind::POD, None).count(), 0);
        simulation.kubectl_line("fault start replicaset-controller");
        simulation.advance(SimTime(120_000_000), u64::MAX);
        assert_eq!(simulation.view().objects(Kind::POD, None).count(), 2);
    }
}
