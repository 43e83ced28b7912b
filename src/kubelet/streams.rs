//! What a kubelet does for whoever asks through the API server: logs, and commands in running containers.

use std::sync::Arc;

use super::agent::Agent;
use super::executable;
use super::files::Files;
use super::lifecycle::ContainerRun;
use super::pod_worker::PodWorker;
use super::shell::{self, Net, World};
use super::{Kubelets, PodStep, Timer, TimerKind};
use crate::api::k8s::{ObjectMeta, PodSpec};
use crate::api::{MetaExt, Pod};
use crate::client::View;
use crate::client::streams::{Answer, Streams};
use crate::client::wire::Wire;
use crate::clock::{SimDuration, SimTime};

impl Kubelets {
    fn run_of(&self, pod: &Pod, container: &str) -> Option<&ContainerRun> {
        let agent: &Agent = self.agents.get(pod.spec.node_name.as_deref()?)?;
        agent.worker(pod.uid())?.run_of(container)
    }

    /// What a container has printed, with the times; `previous`: its run before the current one.
    pub fn log(&self, pod: &Pod, container: &str, previous: bool) -> Vec<(SimTime, String)> {
        let Some(run) = self.run_of(pod, container) else { return Vec::new() };
        // A container that has ended and does not run again still has its last log.
        let ended = run.log.is_empty() && run.running_since().is_none();
        let log = if previous || ended { &run.last_log } else { &run.log };
        log.to_vec()
    }

    /// Whether something will happen when a timer of a pod is due: it may have been overtaken.
    pub fn awaits(&self, timer: &Timer) -> bool {
        let TimerKind::Pod { uid, step, .. } = &timer.what else { return true };
        let worker = self.agents.get(&timer.node).and_then(|agent| agent.worker(uid));
        worker.is_some_and(|worker| match step {
            PodStep::Container { at, epoch, .. } => {
                worker.runs.get(*at).is_some_and(|run| run.epoch == *epoch)
            }
            _ => true,
        })
    }
}

impl Kubelets {
    /// Commands of one line that ask something over the network do so one after the other.
    fn next_moment(&self, now: SimTime) -> SimTime {
        now + SimDuration(self.asked.len() as u64)
    }
}

impl Agent {
    fn worker(&self, uid: &str) -> Option<&PodWorker> {
        self.workers.get(uid).map(|worker| &**worker)
    }
}

impl PodWorker {
    fn run_of(&self, container: &str) -> Option<&ContainerRun> {
        self.runs.get(self.place_of(container)?)
    }
}

/// The kubelets, and the network that what they run can use.
pub struct Reach<'a> {
    /// The kubelets.
    pub kubelets: &'a mut Kubelets,
    /// The network, if it is awake.
    pub wire: Option<&'a dyn Wire>,
}

impl Streams for Reach<'_> {
    fn log(&self, pod: &Pod, container: &str, previous: bool) -> Vec<(SimTime, String)> {
        self.kubelets.log(pod, container, previous)
    }

    fn outside(&mut self, command: &[String], now: SimTime) -> Option<Answer> {
        // A machine is as a pod without a node: it has an address of its own, and asks no DNS of the cluster.
        const WORLD: &str = "198.51.100.7";
        const LIMIT: SimDuration = SimDuration::from_secs(300);
        let mut pod = Pod::new(ObjectMeta::default(), PodSpec::default());
        let spec = Arc::make_mut(&mut pod.spec);
        (spec.host_network, spec.dns_policy) = (Some(true), Some("Default".into()));
        Arc::make_mut(&mut pod.status).pod_ip = Some(WORLD.into());
        let now = self.kubelets.next_moment(now);
        let world =
            World { net: Some(Net { wire: self.wire?, pod: &pod, now }), uid: "", container: ("", 0), now };
        let (mut files, mut daemons) = (Files::default(), std::mem::take(&mut self.kubelets.daemons));
        let answer = shell::run_beside(command, (&mut files, &mut daemons), Default::default(), world, LIMIT);
        self.kubelets.daemons = daemons;
        let answer = answer?;
        self.kubelets.asked.extend(answer.asked);
        Some(Answer { said: answer.said, code: answer.code })
    }

    fn exec(
        &mut self,
        pod: &Pod,
        container: &str,
        command: (&[String], bool),
        view: &View,
        now: SimTime,
    ) -> Option<Answer> {
        let now = self.kubelets.next_moment(now);
        let Kubelets { agents, disks, asked, asked_to_end, touched, daemons, .. } = &mut *self.kubelets;
        let agent = pod.spec.node_name.as_deref().and_then(|node| agents.get_mut(node)).map(Arc::make_mut);
        let answer = agent.and_then(|agent| {
            let answer = agent.exec(pod.uid(), container, command, (view, now, self.wire), disks, daemons);
            let changed = agent.worker(pod.uid()).is_some_and(|worker| worker.files_changed);
            touched.extend(changed.then(|| pod.clone()));
            answer
        });
        let mut answer = answer.inspect(|answer| {
            asked.extend(answer.asked.iter().cloned());
            asked_to_end.extend(answer.ends_first.then(|| (pod.clone(), container.to_string())));
        });
        self.kubelets.write_back(view, now);
        let program = command.0.first().map(String::as_str).unwrap_or_default();
        let image = pod.spec.containers.iter().find(|one| one.name == container);
        let image = image.and_then(|container| container.image.as_deref()).unwrap_or_default();
        let unmodelled = executable::is_unmodelled(program) && !shell::is_missing(image, program);
        if answer.is_none() && unmodelled {
            let said = format!("{program}: kubeviz has no model of this program\n");
            return Some(Answer { said, code: Some(1) });
        }
        let answer = answer.take()?;
        if !answer.known {
            return None;
        }
        Some(Answer { said: answer.said, code: answer.code })
    }
}
