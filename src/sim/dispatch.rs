//! From an event to the component it is for, and from what that component wrote to the deliveries that follow. This is
//! the whole ring: write, log, deliver, reconcile, write.

use sorted::SortedMap;

use super::event::{ControllerId, Subscriber};
use super::session::{Session, SessionId};
use super::{Event, Simulation, invariants};
use crate::api::meta::Revision;
use crate::api::{Key, Kind};
use crate::client::{Actor, Client};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::Action;
use crate::kubectl;
use crate::kubelet::{Kubelets, NodeState, Reach, TimerKind};
use crate::scheduler::Scheduler;

/// What is already in the queue and must not be put there twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    deliveries: Vec<Subscriber>,
    reconciles: Vec<ControllerId>,
    /// When a key comes back, and whether its controller still waited for that at its last look.
    requeues: SortedMap<(ControllerId, Key), (SimTime, bool)>,
    schedule: bool,
    wake: Option<SimTime>,
    pub(super) traffic: bool,
}

/// Kinds that no waiting command looks at: writes of them come all the time.
const BACKGROUND_KINDS: [Kind; 2] = [Kind::EVENT, Kind::LEASE];

impl Pending {
    /// A controller's requeues are void: it has begun anew.
    pub(super) fn forget(&mut self, id: ControllerId) {
        self.requeues.retain(|(owner, _), _| *owner != id);
    }

    /// An event is over without anybody having seen it.
    fn lose(&mut self, event: &Event) {
        match event {
            Event::Deliver(subscriber) => self.deliveries.retain(|pending| pending != subscriber),
            Event::Reconcile(id) => self.reconciles.retain(|pending| pending != id),
            Event::Requeue(id, key) => {
                self.requeues.remove(&(*id, key.clone()));
            }
            Event::Schedule => self.schedule = false,
            Event::SchedulerWake => self.wake = None,
            Event::Kubelet(_) | Event::SessionTick(_) | Event::Traffic => {}
        }
    }
}

impl Simulation {
    pub(super) fn dispatch(&mut self, event: Event) {
        if self.is_for_nobody(&event) {
            self.pending.lose(&event);
            return;
        }
        match event {
            Event::Deliver(subscriber) => {
                self.pending.deliveries.retain(|pending| *pending != subscriber);
                self.deliver(subscriber);
            }
            Event::Reconcile(id) => {
                self.pending.reconciles.retain(|pending| *pending != id);
                self.reconcile(id);
            }
            Event::Requeue(id, key) => {
                let place = (id, key.clone());
                let due = self.pending.requeues.get(&place).is_some_and(|(time, _)| *time == self.now);
                if due {
                    self.pending.requeues.remove(&(id, key.clone()));
                    self.controllers[id as usize].queue.add(key, None);
                    self.want_reconcile(id);
                }
            }
            Event::Schedule => {
                self.pending.schedule = false;
                let mut client = Client::new(&mut self.api, Actor::Scheduler, None);
                self.scheduler.schedule_one(&mut client);
                self.want_schedule();
            }
            Event::SchedulerWake => {
                self.pending.wake = None;
                self.scheduler.wake(self.now);
                self.want_schedule();
            }
            Event::Kubelet(timer) => {
                let mut timers = Vec::new();
                self.kubelets.fire(&timer, self.network.as_wire(), &mut self.api, &mut timers);
                self.set_timers(timers);
                self.note_asked();
                self.tell_sockets_of(&timer);
                if timer.what == TimerKind::PowerOff
                    && self.kubelets.state(&timer.node) == Some(NodeState::ShuttingDown)
                {
                    self.set_node(&timer.node, NodeState::Stopped);
                }
            }
            Event::Traffic => self.traffic_tick(),
            Event::SessionTick(id) => {
                if let Some(line) = self.sessions.get(&id).map(|session| session.line.clone()) {
                    self.show_leases_for(&line);
                }
                self.poll_session(id);
                if self.sessions.get(&id).is_some_and(|session| !session.is_done()) {
                    self.schedule_in(Session::TICK, Event::SessionTick(id));
                }
            }
        }
    }

    fn deliver(&mut self, subscriber: Subscriber) {
        match subscriber {
            Subscriber::Controller(id) => {
                let slot = &mut self.controllers[id as usize];
                let watches = slot.controller.watches();
                for change in slot.informer.deliver(&self.api) {
                    if change.key.kind.is_among(watches) {
                        slot.controller.observe(&change, slot.informer.view(), &mut slot.queue);
                    }
                }
                self.settle_queue(id);
            }
            Subscriber::Scheduler => {
                let changes = self.scheduler_informer.deliver(&self.api);
                self.scheduler.observe(&changes, self.scheduler_informer.view(), self.now);
                self.want_schedule();
            }
            Subscriber::Kubelets => {
                let changes = self.kubelet_informer.deliver(&self.api);
                let mut timers = Vec::new();
                self.kubelets.observe(&changes, self.kubelet_informer.view(), &mut self.api, &mut timers);
                self.set_timers(timers);
                self.tell_sockets_after(&changes);
            }
            Subscriber::Session(id) => self.poll_session(id),
        }
    }

    /// After a controller has taken note of something: what it wants to look at, now or later.
    pub(super) fn settle_queue(&mut self, id: ControllerId) {
        for (key, delay) in self.controllers[id as usize].queue.take_later() {
            self.requeue(id, key, delay);
        }
        self.want_reconcile(id);
    }

    fn reconcile(&mut self, id: ControllerId) {
        let slot = &mut self.controllers[id as usize];
        let Some((key, cause)) = slot.queue.pop() else { return };
        let actor = Actor::Controller(slot.controller.name());
        let mut client = Client::new(&mut self.api, actor, cause);
        let wait = match slot.controller.reconcile(&key, slot.informer.view(), &mut client) {
            Err(_) => slot.queue.failed(&key, slot.controller.retries()),
            Ok(action) => {
                slot.queue.forget(&key);
                match action {
                    Action::RequeueAfter(delay) => Some(delay),
                    Action::AwaitChange => None,
                }
            }
        };
        match wait {
            Some(wait) => self.requeue(id, key, wait),
            // The look that it once asked for still comes, as upstream's does, and will find nothing to do.
            None => {
                if let Some((_, awaited)) = self.pending.requeues.get_mut(&(id, key)) {
                    *awaited = false;
                }
            }
        }
        self.want_reconcile(id);
    }

    /// Brings a key back after a delay, unless it comes back sooner anyway (`AddAfter` keeps the earlier time).
    fn requeue(&mut self, id: ControllerId, key: Key, delay: SimDuration) {
        let time = self.now + delay.max(SimDuration::from_micros(1));
        match self.pending.requeues.get_mut(&(id, key.clone())) {
            Some((known, awaited)) if *known <= time => *awaited = true,
            _ => {
                self.pending.requeues.insert((id, key.clone()), (time, true));
                self.events.push(time, Event::Requeue(id, key));
            }
        }
    }

    fn poll_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(wait) = session.wait.take() else { return };
        session.cursor = self.api.store().revision();
        let mut reach = Reach { kubelets: &mut self.kubelets, wire: self.network.as_wire() };
        let mut client = Client::new(&mut self.api, Actor::User, None).with_streams(&mut reach);
        session.absorb(kubectl::poll(wait, &mut client));
        self.note_asked();
        self.pass_signals();
    }

    /// What commands in containers have sent to the first process there arrives, and what they have written is seen.
    pub(super) fn pass_signals(&mut self) {
        let mut timers = Vec::new();
        self.kubelets.pass_signals(&mut self.api, &mut timers);
        let touched = self.kubelets.take_touched();
        for pod in &touched {
            self.kubelets.see_to_files(pod, &mut self.api, &mut timers);
        }
        self.set_timers(timers);
        if !self.network.is_awake() {
            return;
        }
        for pod in &touched {
            self.tell_sockets(pod);
            self.tell_new_pages(pod.spec.node_name.as_deref().unwrap_or_default());
        }
    }

    /// Whether a requeue is still meant: an earlier one may have taken its place.
    pub(super) fn is_requeue(&self, id: ControllerId, key: &Key, time: SimTime) -> bool {
        self.pending.requeues.get(&(id, key.clone())).is_some_and(|(due, _)| *due == time)
    }

    fn want_reconcile(&mut self, id: ControllerId) {
        if !self.controllers[id as usize].queue.is_empty() && !self.pending.reconciles.contains(&id) {
            self.pending.reconciles.push(id);
            let delay = self.config.latency.reconcile.draw(&mut self.controllers[id as usize].latency);
            self.schedule_in(delay, Event::Reconcile(id));
        }
    }

    pub(super) fn want_schedule(&mut self) {
        if self.scheduler.has_work() && !self.pending.schedule {
            self.pending.schedule = true;
            let delay = self.config.latency.schedule.draw(&mut self.latency);
            self.schedule_in(delay, Event::Schedule);
        }
        if let Some(time) = self.scheduler.next_wake() {
            let time = time.max(self.now + SimDuration::from_micros(1));
            if self.pending.wake.is_none_or(|pending| pending > time) {
                self.pending.wake = Some(time);
                self.events.push(time, Event::SchedulerWake);
            }
        }
    }

    pub(super) fn set_timers(&mut self, timers: Vec<(SimDuration, crate::kubelet::Timer)>) {
        for (delay, timer) in timers {
            self.schedule_in(delay, Event::Kubelet(timer));
        }
    }

    /// After an event: schedules the deliveries that its writes call for, and checks the invariants.
    pub(super) fn after_writes(&mut self, before: Revision) {
        let mut kinds: Vec<Kind> = Vec::new();
        for change in self.api.store().since(before) {
            if !kinds.contains(&change.key.kind) {
                kinds.push(change.key.kind);
            }
        }
        if kinds.is_empty() {
            return;
        }
        self.tell_network(before);
        let touches = |watches: &[Kind]| kinds.iter().any(|kind| kind.is_among(watches));
        let mut due: Vec<Subscriber> = Vec::new();
        for (id, slot) in self.controllers.iter().enumerate() {
            if touches(slot.controller.watches()) {
                due.push(Subscriber::Controller(id as ControllerId));
            }
        }
        if touches(Scheduler::WATCHES) {
            due.push(Subscriber::Scheduler);
        }
        if touches(Kubelets::WATCHES) {
            due.push(Subscriber::Kubelets);
        }
        if kinds.iter().any(|kind| !BACKGROUND_KINDS.contains(kind)) {
            let waiting = self.sessions.iter().filter(|(_, session)| !session.is_done());
            due.extend(waiting.map(|(id, _)| Subscriber::Session(*id)));
        }
        for subscriber in due {
            if !self.pending.deliveries.contains(&subscriber) {
                self.pending.deliveries.push(subscriber);
                let stream = match subscriber {
                    Subscriber::Controller(id) => &mut self.controllers[id as usize].latency,
                    _ => &mut self.latency,
                };
                let delay = self.config.latency.watch.draw(stream) + self.lateness(subscriber);
                self.schedule_in(delay, Event::Deliver(subscriber));
            }
        }
        if self.config.check_invariants {
            invariants::check(self, before);
        }
    }

    /// Whether an event counts as something going on, rather than as a heartbeat.
    pub(super) fn is_activity(&self, event: &Event) -> bool {
        if self.is_for_nobody(event) {
            return false;
        }
        match event {
            Event::Kubelet(timer) => !Kubelets::is_periodic(timer),
            Event::Requeue(id, key) => {
                let awaited =
                    self.pending.requeues.get(&(*id, key.clone())).is_some_and(|(_, awaited)| *awaited);
                awaited && !self.controllers[*id as usize].controller.is_periodic()
            }
            Event::SessionTick(_) | Event::Traffic => false,
            Event::Deliver(_) | Event::Reconcile(_) => !self.only_heartbeats(event),
            Event::Schedule | Event::SchedulerWake => true,
        }
    }

    /// Whether a delivery brings nothing but renewed leases, or a reconcile is one of those that come for ever.
    fn only_heartbeats(&self, event: &Event) -> bool {
        let (id, reconcile) = match event {
            Event::Deliver(Subscriber::Controller(id)) => (*id, false),
            Event::Reconcile(id) => (*id, true),
            _ => return false,
        };
        let slot = &self.controllers[id as usize];
        if !slot.controller.is_periodic() {
            return false;
        }
        let mut unseen = self.api.store().since(slot.informer.cursor());
        if reconcile { slot.queue.is_routine() } else { unseen.all(|change| change.key.kind == Kind::LEASE) }
    }
}
