//! What goes wrong inside the cluster: not a machine, but a process, a connection, a write.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{ControllerId, Event, Subscriber};
use super::input::Outcome;
use super::{ControllerSlot, Simulation};
use crate::api::{Object, Pod};
use crate::apiserver::{Actor, Change, Manner};
use crate::client::{Informer, WorkQueue};
use crate::clock::{SimDuration, SimTime};
use crate::controllers;
use crate::kubelet::image::ImageName;
use crate::scheduler::Scheduler;
use crate::scheduler::configuration::Configuration;

/// One thing going wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The process of a container is killed.
    Kill {
        /// Where its pod is.
        namespace: String,
        /// Its pod.
        pod: String,
        /// Its name.
        container: String,
        /// Whether it was killed for its memory.
        out_of_memory: bool,
    },
    /// For a while, a component is told late of what happens: a controller by its name, `default-scheduler`, `kubelet`.
    SlowWatch {
        /// Its name.
        component: String,
        /// How late, in milliseconds.
        by: u32,
        /// For how long, in milliseconds.
        during: u32,
    },
    /// A component's process is replaced by a new one, which begins by listing what there is.
    Restart {
        /// Its name: a controller's, or `default-scheduler`.
        component: String,
    },
    /// A component's process ends, and nobody starts another: a controller's, or `default-scheduler`.
    Stop {
        /// Its name.
        component: String,
    },
    /// The process of a component that was stopped is started again.
    Start {
        /// Its name.
        component: String,
    },
    /// The server in a container falls ill: its probes fail, and so do requests to it, until the container runs anew.
    Unhealthy {
        /// Where its pod is.
        namespace: String,
        /// Its pod.
        pod: String,
        /// Its name.
        container: String,
        /// For how long, in milliseconds, if it gets well by itself.
        #[serde(default)]
        during: Option<u32>,
    },
    /// It gets well again.
    Healthy {
        /// Where its pod is.
        namespace: String,
        /// Its pod.
        pod: String,
        /// Its name.
        container: String,
    },
    /// Nobody can pull an image any more, or it can be pulled again. Nodes that have it keep it.
    Image {
        /// As manifests write it.
        image: String,
        /// Whether there is none to pull.
        missing: bool,
    },
    /// For a while, one in so many updates by controllers collides with another that nobody sees.
    Conflicts {
        /// One in so many.
        every: u32,
        /// For how long, in milliseconds.
        during: u32,
    },
}

/// Whom deliveries reach late: how much, and until when.
pub(super) type Slow = Vec<(Subscriber, SimDuration, SimTime)>;

/// Who does not run.
pub(super) type Stopped = Vec<Subscriber>;

impl Simulation {
    pub(super) fn strike(&mut self, fault: &Fault) -> Outcome {
        let span = |millis: u32| SimDuration::from_millis(u64::from(millis));
        let done = match fault {
            Fault::Kill { namespace, pod, container, out_of_memory } => {
                self.kill(namespace, pod, container, *out_of_memory)
            }
            Fault::SlowWatch { component, by, during } => {
                let found = self.subscribers(component);
                let until = self.now + span(*during);
                self.slow.retain(|(slow, ..)| !found.contains(slow));
                self.slow.extend(found.iter().map(|subscriber| (*subscriber, span(*by), until)));
                !found.is_empty()
            }
            Fault::Restart { component } => self.restart(&self.processes(component)),
            Fault::Stop { component } => self.stop(component),
            Fault::Start { component } => {
                let found = self.processes(component);
                let stopped = found.iter().filter(|found| self.stopped.contains(found)).copied();
                let stopped: Vec<Subscriber> = stopped.collect();
                self.stopped.retain(|other| !stopped.contains(other));
                self.restart(&stopped);
                !found.is_empty()
            }
            Fault::Unhealthy { namespace, pod, container, during } => {
                self.set_health(namespace, pod, container, Some(during.map(span)))
            }
            Fault::Healthy { namespace, pod, container } => self.set_health(namespace, pod, container, None),
            Fault::Image { image, missing } => {
                self.kubelets.registry_mut().set_missing(&ImageName::parse(image), *missing);
                true
            }
            Fault::Conflicts { every, during } => {
                self.api.collide(*every, self.now + span(*during));
                true
            }
        };
        if done { Outcome::default() } else { Outcome::missed() }
    }

    /// Whom a name means. Some components are several controllers in one process.
    fn subscribers(&self, component: &str) -> Vec<Subscriber> {
        match component {
            "default-scheduler" => vec![Subscriber::Scheduler],
            "kubelet" => vec![Subscriber::Kubelets],
            name => {
                let slots = self.controllers.iter().zip(0..);
                let named = slots.filter(|(slot, _)| slot.controller.name() == name);
                named.map(|(_, id)| Subscriber::Controller(id)).collect()
            }
        }
    }

    /// The same, of what is one process: kubelets are one on each node.
    fn processes(&self, component: &str) -> Vec<Subscriber> {
        let found = self.subscribers(component).into_iter();
        found.filter(|found| *found != Subscriber::Kubelets).collect()
    }

    /// How much later than usual a delivery comes.
    pub(super) fn lateness(&self, subscriber: Subscriber) -> SimDuration {
        let own = self.slow.iter().find(|(slow, _, until)| *slow == subscriber && *until > self.now);
        own.map_or(SimDuration::ZERO, |(_, by, _)| *by)
    }

    /// The components that can be stopped, in the order in which they run, and whether they are.
    pub fn components(&self) -> Vec<(&'static str, bool)> {
        let mut found = vec![("default-scheduler", self.stopped.contains(&Subscriber::Scheduler))];
        for (slot, id) in self.controllers.iter().zip(0..) {
            let name = slot.controller.name();
            if found.iter().all(|(known, _)| *known != name) {
                found.push((name, self.stopped.contains(&Subscriber::Controller(id))));
            }
        }
        found
    }

    /// The full names of the images that were taken from the registry.
    pub fn missing_images(&self) -> &[String] {
        self.kubelets.registry().missing()
    }

    /// Whether an image was taken from the registry, by whatever name.
    pub fn is_image_missing(&self, image: &str) -> bool {
        self.missing_images().contains(&ImageName::parse(image).full())
    }

    fn stop(&mut self, component: &str) -> bool {
        let found = self.processes(component);
        let new: Vec<Subscriber> =
            found.iter().filter(|found| !self.stopped.contains(found)).copied().collect();
        self.stopped.extend(new);
        !found.is_empty()
    }

    /// Whether an event is for a component that does not run. What it was told is lost: a new process begins by listing.
    pub(super) fn is_for_nobody(&self, event: &Event) -> bool {
        let subscriber = match event {
            Event::Deliver(subscriber) => *subscriber,
            Event::Reconcile(id) | Event::Requeue(id, _) => Subscriber::Controller(*id),
            Event::Schedule | Event::SchedulerWake => Subscriber::Scheduler,
            Event::Kubelet(_) | Event::SessionTick(_) | Event::Traffic => return false,
        };
        self.stopped.contains(&subscriber)
    }

    fn kill(&mut self, namespace: &str, pod: &str, container: &str, out_of_memory: bool) -> bool {
        let Some(pod) = self.view().get::<Pod>(namespace, pod).cloned() else { return false };
        let (code, reason) = if out_of_memory { (137, Some("OOMKilled")) } else { (1, None) };
        let mut timers = Vec::new();
        let found = self.kubelets.kill_container(&pod, container, code, reason, &mut self.api, &mut timers);
        self.set_timers(timers);
        found
    }

    fn set_health(
        &mut self,
        namespace: &str,
        pod: &str,
        container: &str,
        ill: Option<Option<SimDuration>>,
    ) -> bool {
        let Some(pod) = self.view().get::<Pod>(namespace, pod).cloned() else { return false };
        let mut timers = Vec::new();
        let found = self.kubelets.set_health(&pod, container, ill, &mut self.api, &mut timers);
        self.set_timers(timers);
        if self.network.is_awake() {
            self.tell_sockets(&pod);
        }
        found
    }

    /// Says whether there was anything to restart.
    fn restart(&mut self, processes: &[Subscriber]) -> bool {
        for process in processes {
            match process {
                Subscriber::Scheduler => self.restart_scheduler(),
                Subscriber::Controller(id) => self.restart_controller(*id),
                Subscriber::Kubelets | Subscriber::Session(_) => {}
            }
        }
        !processes.is_empty()
    }

    fn restart_scheduler(&mut self) {
        self.scheduler = Scheduler::new(self.config.seed);
        self.scheduler_informer = Informer::up_to_date(&self.api);
        let listed = listed(self.api.view(), Scheduler::WATCHES);
        self.scheduler.observe(&listed, self.scheduler_informer.view(), self.now);
        let configuration = self.scheduler_configuration().map(Configuration::parse);
        if let Some(Ok(configuration)) = configuration {
            self.scheduler.reconfigure(&configuration, self.now);
        }
        self.want_schedule();
    }

    fn restart_controller(&mut self, id: ControllerId) {
        let fresh = controllers::all(&self.config.controllers).into_iter().nth(id as usize);
        let (Some(controller), Some(slot)) = (fresh, self.controllers.get_mut(id as usize)) else { return };
        let latency = slot.latency.clone();
        let informer = Informer::up_to_date(&self.api);
        *slot = ControllerSlot { controller, informer, queue: WorkQueue::default(), latency };
        self.pending.forget(id);
        for change in listed(self.api.view(), slot.controller.watches()) {
            slot.controller.observe(&change, slot.informer.view(), &mut slot.queue);
        }
        self.settle_queue(id);
    }
}

/// What a component sees that has just begun: every object, as if it had just been made.
fn listed(view: &crate::apiserver::View, kinds: &[crate::api::Kind]) -> Vec<Arc<Change>> {
    let mut objects: Vec<&Arc<Object>> = kinds.iter().flat_map(|kind| view.objects(*kind, None)).collect();
    crate::api::sorting::sort_by(&mut objects, |a, b| a.revision().cmp(&b.revision()));
    let change = |object: &Arc<Object>| {
        Arc::new(Change {
            revision: object.revision(),
            time: SimTime::ZERO,
            actor: Actor::ApiServer,
            cause: None,
            key: object.key(),
            before: None,
            after: Some(object.clone()),
            explain: None,
            manner: Manner::default(),
        })
    };
    objects.into_iter().map(change).collect()
}
