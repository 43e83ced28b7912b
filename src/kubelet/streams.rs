//! What a kubelet does for whoever asks through the API server: logs, and commands in running containers.

use std::collections::BTreeMap;

use super::agent::Agent;
use super::lifecycle::ContainerRun;
use super::pod_worker::PodWorker;
use super::{Kubelets, shell, start};
use crate::api::{MetaExt, Pod};
use crate::client::View;
use crate::client::streams::{Answer, Streams};
use crate::clock::SimTime;

impl Kubelets {
    fn run_of(&self, pod: &Pod, container: &str) -> Option<&ContainerRun> {
        let agent: &Agent = self.agents.get(pod.spec.node_name.as_deref()?)?;
        agent.worker(pod.uid())?.run_of(container)
    }
}

impl Agent {
    fn worker(&self, uid: &str) -> Option<&PodWorker> {
        self.workers.get(uid).map(|worker| &**worker)
    }
}

impl PodWorker {
    fn run_of(&self, container: &str) -> Option<&ContainerRun> {
        let init = self.pod.spec.init_containers.iter().flatten();
        let at = init.chain(&self.pod.spec.containers).position(|known| known.name == container)?;
        self.runs.get(at)
    }
}

impl Streams for Kubelets {
    fn log(&self, pod: &Pod, container: &str, previous: bool) -> Vec<(SimTime, String)> {
        let Some(run) = self.run_of(pod, container) else { return Vec::new() };
        // A container that has ended and does not run again still has its last log.
        let ended = run.log.is_empty() && run.running_since().is_none();
        let log = if previous || ended { &run.last_log } else { &run.log };
        log.to_vec()
    }

    fn exec(
        &self,
        pod: &Pod,
        container: &str,
        words: &[String],
        view: &View,
        now: SimTime,
    ) -> Option<Answer> {
        let run = self.run_of(pod, container)?;
        let declared = pod.spec.containers.iter().find(|known| known.name == container);
        let variables = declared.and_then(|container| container.env.as_deref()).unwrap_or_default();
        let environment: BTreeMap<String, String> = variables
            .iter()
            .filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?)))
            .chain([("HOME".to_string(), "/root".to_string())])
            .collect();
        let answer = shell::exec(
            words,
            run.files(),
            environment,
            (start::date(now), pod.name()),
            pod.namespace(),
            view,
        )?;
        Some(Answer { said: answer.said, code: answer.code })
    }
}
