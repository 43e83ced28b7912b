//! What a kubelet says of its node: its status, and its lease.

use std::sync::Arc;

use super::super::{Timer, TimerKind, node_status};
use super::{Agent, Shared};
use crate::api::k8s::{ContainerImage, ObjectReference};
use crate::api::{Key, Kind, Lease, MetaExt, Node, condition};
use crate::client::recorder::EventType;
use crate::clock::{SimDuration, SimTime};

impl Agent {
    /// Plans the next heartbeat at which there is more to do than to renew the lease: to report the node's status, because
    /// it is time or because something has changed.
    pub(in crate::kubelet) fn plan_heartbeat(&mut self, shared: &mut Shared<'_>) {
        let Some(beat) = self.beat.filter(|_| self.node.state.is_reached()) else { return };
        let now = shared.api.now();
        let regular = if self.stale { now } else { self.reported + shared.config.node_report_every };
        let due = self.node.images.changes_at().map_or(regular, |change| change.min(regular));
        let next = beat.next(due.max(now + SimDuration::from_micros(1)));
        if self.planned.is_none_or(|planned| planned > next || planned <= now) {
            self.planned = Some(next);
            let timer = Timer { node: self.node.name.clone(), what: TimerKind::Heartbeat };
            shared.timers.push((next.since(now), timer));
        }
    }

    /// The node object is not as it was: a condition that somebody else has set is put right at the next heartbeat.
    pub fn node_changed(&mut self, shared: &mut Shared<'_>) {
        if !self.looks_healthy(shared) {
            self.stale = true;
            self.plan_heartbeat(shared);
        }
    }

    /// Reports the node's status if it has changed or is due, and writes the lease as it is by now.
    pub fn heartbeat(&mut self, shared: &mut Shared<'_>) {
        let now = shared.api.now();
        // One that was planned before the node was off, or before an earlier one was.
        if self.planned != Some(now) || !self.node.state.is_reached() {
            return;
        }
        self.planned = None;
        let due = self.stale || now.since(self.reported) >= shared.config.node_report_every;
        let images = self.node.images.take_changed(now).then(|| self.node.images.report(now));
        if due || images.is_some() || !self.looks_healthy(shared) {
            self.report_node(images, shared);
            self.write_lease(now, shared);
        }
        self.plan_heartbeat(shared);
    }

    fn looks_healthy(&self, shared: &Shared<'_>) -> bool {
        let node = shared.api.view().get::<Node>("", &self.node.name);
        node.is_none_or(|node| node_status::is_as(&node.status, &self.troubles()))
    }

    /// The conditions in which the node is not well.
    fn troubles(&self) -> Vec<&'static str> {
        let not_ready = self.is_shutting_down().then_some(node_status::READY);
        self.pressure.conditions().into_iter().chain(not_ready).collect()
    }

    /// What its events about the node itself are about.
    pub(in crate::kubelet) fn reference(&self, shared: &Shared<'_>) -> ObjectReference {
        let node = shared.api.view().object(&Key::cluster(Kind::NODE, &self.node.name));
        ObjectReference {
            kind: Some("Node".into()),
            name: Some(self.node.name.to_string()),
            uid: node.map(|node| node.uid().to_string()),
            ..Default::default()
        }
    }

    /// Writes the lease as it is by now, if it has been renewed since it was last written.
    pub fn show_lease(&self, shared: &mut Shared<'_>) {
        if let Some(last) = shared.api.last_beat(&self.node.name) {
            self.write_lease(last, shared);
        }
    }

    pub(super) fn write_lease(&self, renewed: SimTime, shared: &mut Shared<'_>) {
        if shared.config.lease_every.is_none() {
            return;
        }
        let mut client = self.client(shared);
        let Some(node) = client.live().get::<Node>("", &self.node.name).cloned() else { return };
        let key = Key::new(Kind::LEASE, node_status::LEASE_NAMESPACE, &self.node.name);
        let existing = client.live().object(&key).and_then(|object| object.as_kind::<Lease>()).cloned();
        let known = existing.as_ref().and_then(|lease| lease.spec.renew_time.as_ref());
        if known.is_some_and(|known| SimTime::from_micro_time(known) >= renewed) {
            return;
        }
        let lease = node_status::lease(&node, existing.as_ref(), renewed);
        // A lease that cannot be written is a heartbeat missed: the node lifecycle controller judges that.
        let _ = if existing.is_some() { client.update(lease, None) } else { client.create(lease, None) };
    }

    pub(in crate::kubelet) fn report_node(
        &mut self,
        images: Option<Vec<ContainerImage>>,
        shared: &mut Shared<'_>,
    ) {
        let name = self.node.name.clone();
        let mounted = self.volumes_in_use(shared.api.view());
        let mut client = self.client(shared);
        let now = client.now();
        let Ok(stored) = client.get(&Key::cluster(Kind::NODE, &name)) else { return };
        let Some(mut node) = stored.as_kind::<Node>().cloned() else { return };
        let status = Arc::make_mut(&mut node.status);
        let was_ready = condition::is_true(status.conditions.as_deref(), "Ready");
        node_status::complete(status, &name, self.node.ordinal, &self.troubles(), now);
        status.volumes_in_use = Some(mounted).filter(|mounted| !mounted.is_empty());
        if let Some(images) = images {
            status.images = Some(images).filter(|images| !images.is_empty());
        }
        self.node.host_ip = node_status::host_ip(status, self.node.ordinal);
        // The node was read at this very moment.
        let _ = client.update_status(node, None);
        (self.reported, self.stale) = (now, false);
        if was_ready == self.is_shutting_down() && shared.config.reporting.events {
            let reason = node_status::event_of(node_status::READY, was_ready);
            let (about, message) = (self.reference(shared), format!("Node {name} status is now: {reason}"));
            self.client(shared).event(about, EventType::Normal, reason, message);
        }
    }
}
