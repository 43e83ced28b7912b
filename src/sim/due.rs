//! What is due about an object: read off the queue of events, for those who show countdowns.

use sorted::SortedMap;

use super::Simulation;
use super::event::Event;
use crate::api::{Key, Kind, MetaExt, Pod};
use crate::clock::SimTime;
use crate::kubelet::{self, ContainerStep, PodStep, TimerKind};

/// Something that an object waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What: a key under `due` of the message files.
    pub what: &'static str,
    /// Of what of the object: a container, a probe.
    pub part: String,
    /// Until when.
    pub until: SimTime,
}

/// The controllers whose next look at an object people wait for.
const LOOKS: [(&str, &str); 6] = [
    ("taint-eviction-controller", "toleration"),
    ("horizontal-pod-autoscaler", "autoscaler"),
    ("ttl-after-finished-controller", "ttl"),
    ("job-controller", "job"),
    ("cronjob-controller", "cronjob"),
    ("deployment-controller", "deployment"),
];

/// What a container waits for, and the probe.
fn of_step(step: ContainerStep) -> Option<(&'static str, &'static str)> {
    Some(match step {
        ContainerStep::Pulled => ("pull", ""),
        ContainerStep::PullAgain => ("pull_back_off", ""),
        ContainerStep::BackOffOver => ("back_off", ""),
        ContainerStep::Probe(kind) => ("probe", kind.title()),
        // How it goes on is not known before.
        _ => return None,
    })
}

impl Simulation {
    /// What is due about an object, the next first.
    pub fn due(&self, key: &Key) -> Vec<Due> {
        let mut found: Vec<Due> = Vec::new();
        let pod = self.view().get::<Pod>(&key.namespace, &key.name).filter(|_| key.kind == Kind::POD);
        let grace = self.view().object(key).and_then(|object| object.meta().deletion_timestamp.clone());
        let grace = grace.as_ref().map(SimTime::from_time).filter(|until| *until > self.now());
        found.extend(grace.map(|until| Due { what: "grace", part: String::new(), until }));
        for (until, event) in self.events.iter() {
            let due = match event {
                Event::Requeue(id, of) if of == key => {
                    let name = self.controllers[*id as usize].controller.name();
                    let what = LOOKS.iter().find(|(by, _)| *by == name).map(|(_, what)| *what);
                    what.filter(|_| self.is_requeue(*id, of, until)).map(|what| (what, String::new()))
                }
                Event::Kubelet(timer) => pod.and_then(|pod| self.of_timer(timer, pod)),
                _ => None,
            };
            found.extend(due.map(|(what, part)| Due { what, part, until }));
        }
        crate::api::sorting::sort_by_key(&mut found, |due| due.until);
        found
    }

    fn of_timer(&self, timer: &kubelet::Timer, pod: &Pod) -> Option<(&'static str, String)> {
        let TimerKind::Pod { uid, step, .. } = &timer.what else { return None };
        if **uid != *pod.uid() || !self.kubelets.awaits(timer) {
            return None;
        }
        match step {
            PodStep::Deadline => Some(("deadline", String::new())),
            PodStep::Container { at, what, .. } => {
                let (what, probe) = of_step(*what)?;
                let init = pod.spec.init_containers.iter().flatten();
                let name = init.chain(&pod.spec.containers).nth(*at).map_or("", |one| one.name.as_str());
                Some((what, format!("{name} {probe}").trim_end().to_string()))
            }
            _ => None,
        }
    }

    /// Until when pods back off, or are tolerated where they are: what cards count down to besides graceful deletion.
    pub fn waits(&self) -> SortedMap<Key, SimTime> {
        let mut waits = SortedMap::new();
        let mut pods: SortedMap<&str, SimTime> = SortedMap::new();
        for (until, event) in self.events.iter() {
            match event {
                Event::Requeue(id, key)
                    if key.kind == Kind::POD
                        && self.controllers[*id as usize].controller.name() == LOOKS[0].0
                        && self.is_requeue(*id, key, until) =>
                {
                    waits.insert(key.clone(), until);
                }
                Event::Kubelet(timer) => {
                    let TimerKind::Pod { uid, step: PodStep::Container { what, .. }, .. } = &timer.what
                    else {
                        continue;
                    };
                    let backs_off = matches!(what, ContainerStep::BackOffOver | ContainerStep::PullAgain);
                    if backs_off && self.kubelets.awaits(timer) {
                        pods.entry(uid).or_insert(until);
                    }
                }
                _ => {}
            }
        }
        if !pods.is_empty() {
            for pod in self.view().list::<Pod>(None) {
                if let Some(until) = pods.get(pod.uid()) {
                    waits.insert(Key::new(Kind::POD, pod.namespace(), pod.name()), *until);
                }
            }
        }
        waits
    }

    /// What a container has printed, with the times; `previous`: its run before the current one.
    pub fn log(&self, pod: &Pod, container: &str, previous: bool) -> Vec<(SimTime, String)> {
        self.kubelets.log(pod, container, previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Config;

    fn due(simulation: &Simulation, pod: &str) -> Vec<(&'static str, String, u64)> {
        let found = simulation.due(&Key::new(Kind::POD, "default", pod));
        found.into_iter().map(|due| (due.what, due.part, due.until.0 / 1_000_000)).collect()
    }

    #[test]
    fn back_offs_probes_and_tolerations_are_due_when_they_then_happen() {
        let mut simulation = Simulation::new(Config::small(3));
        let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {nodeName: node-1, containers: [{name: c, image: 'nginx:1.27', livenessProbe: {httpGet: {port: 80}, initialDelaySeconds: 40}}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: crash}\nspec: {nodeName: node-2, containers: [{name: c, image: 'busybox', command: [sh, -c, 'exit 1']}]}\n";
        simulation.submit(crate::sim::Input::Kubectl {
            line: "apply -f -".into(),
            stdin: Some(manifest.into()),
            files: Default::default(),
        });
        simulation.advance(SimTime::from_secs(20), u64::MAX);
        let web = due(&simulation, "web");
        assert_eq!((web.len(), web[0].0, web[0].1.as_str()), (1, "probe", "c Liveness"), "{web:?}");
        assert!((40..=50).contains(&web[0].2), "{web:?}");
        let key = Key::new(Kind::POD, "default", "crash");
        while !simulation.waits().contains_key(&key) {
            assert!(simulation.now() < SimTime::from_secs(60), "it never backs off");
            simulation.step();
        }
        let crash = due(&simulation, "crash");
        assert_eq!(crash[0].0, "back_off", "{crash:?}");
        let until = simulation.waits()[&key];
        let restarts = |simulation: &Simulation| {
            let pod = simulation.view().get::<Pod>("default", "crash").expect("it is there");
            crate::api::pod_status::summarize(pod).restarts
        };
        let before = restarts(&simulation);
        simulation.advance(SimTime(until.0 - 1), u64::MAX);
        assert_eq!(restarts(&simulation), before);
        simulation.advance(until + crate::clock::SimDuration::from_secs(5), u64::MAX);
        assert_eq!(restarts(&simulation), before + 1);
        simulation.kubectl_line("fault node node-1 off");
        simulation.advance(simulation.now() + crate::clock::SimDuration::from_secs(100), u64::MAX);
        let web = due(&simulation, "web");
        assert!(web.iter().any(|(what, ..)| *what == "toleration"), "{web:?}");
        simulation.kubectl_line("kubectl delete pod crash --wait=false");
        assert!(due(&simulation, "crash").iter().any(|(what, ..)| *what == "grace"));
    }
}
