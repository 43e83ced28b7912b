//! Pods on their way out: the race between those who still send to a pod and the pod that closes. It begins with the mark of
//! deletion. On one track the EndpointSlice controller takes the endpoint out, and the proxies of the nodes follow; on the
//! other the kubelet runs the hook, sends SIGTERM, and the pod takes no connections any more. Nobody waits for the other.

use std::sync::Arc;

use sorted::SortedMap;

use super::proxy::SERVICE_LABEL;
use crate::api::k8s::Endpoint;
use crate::api::{EndpointSlice, MetaExt, Object, Pod};
use crate::client::Change;
use crate::clock::{SimDuration, SimTime};

/// So many of those that are gone are remembered.
const GONE_MAX: usize = 64;

/// The endpoint of a pod that is gone at once is taken out after it, within this time.
const LATE: SimDuration = SimDuration::from_secs(2);

/// How a pod left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its uid.
    pub uid: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether a preStop hook keeps SIGTERM back.
    pub pre_stop: bool,
    /// When it was marked as being deleted.
    pub deleted: SimTime,
    /// The Services that it was behind, and when their slices said that it takes no more.
    pub left: Vec<(Arc<str>, SimTime)>,
    /// From when on it takes no connections: the hook's end may lie ahead.
    pub closes: Option<SimTime>,
    /// When its object was removed.
    pub gone: Option<SimTime>,
}

/// Those that are leaving, and the last that have left.
#[derive(Clone, Debug, Default)]
pub struct Endings {
    leaving: SortedMap<Arc<str>, Ending>,
    gone: Vec<Arc<Ending>>,
}

impl Endings {
    /// Something has been written.
    pub fn note(&mut self, change: &Change, now: SimTime) {
        match (change.before.as_deref(), change.after.as_deref()) {
            (Some(Object::Pod(before)), Some(Object::Pod(after)))
                if before.meta.deletion_timestamp.is_none() && after.meta.deletion_timestamp.is_some() =>
            {
                self.mark(after, now);
            }
            (Some(Object::Pod(before)), None) => self.remove(before, now),
            (Some(Object::EndpointSlice(before)), after) => {
                let after = if let Some(Object::EndpointSlice(after)) = after { Some(after) } else { None };
                self.take_out(before, after, now);
            }
            _ => {}
        }
    }

    fn mark(&mut self, pod: &Pod, now: SimTime) {
        let mut containers = pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers);
        let hook = |lifecycle: &crate::api::k8s::Lifecycle| lifecycle.pre_stop.is_some();
        let ending = Ending {
            uid: pod.uid().into(),
            namespace: pod.namespace().into(),
            name: pod.name().into(),
            pre_stop: containers.any(|container| container.lifecycle.as_ref().is_some_and(hook)),
            deleted: now,
            left: Vec::new(),
            closes: None,
            gone: None,
        };
        self.leaving.insert(ending.uid.clone(), ending);
    }

    fn remove(&mut self, pod: &Pod, now: SimTime) {
        if !self.leaving.contains_key(pod.uid()) {
            // Forced: mark and removal are one.
            self.mark(pod, now);
        }
        if let Some(mut ending) = self.leaving.remove(pod.uid()) {
            ending.gone = Some(now);
            ending.closes = Some(ending.closes.map_or(now, |closes| closes.min(now)));
            self.gone.push(Arc::new(ending));
            let over = self.gone.len().saturating_sub(GONE_MAX);
            self.gone.drain(..over);
        }
    }

    /// A slice has changed: who was ready in it and is not any more, or not there?
    fn take_out(&mut self, before: &EndpointSlice, after: Option<&EndpointSlice>, now: SimTime) {
        let Some(service) = before.labels().get(SERVICE_LABEL) else { return };
        let ready =
            |endpoint: &&Endpoint| endpoint.conditions.as_ref().and_then(|is| is.ready) != Some(false);
        let late = |ending: &&mut Arc<Ending>| ending.gone.is_some_and(|gone| now.since(gone) < LATE);
        let gone = self.gone.iter_mut().rev().take_while(late).map(Arc::make_mut);
        let mut watched: SortedMap<Arc<str>, &mut Ending> =
            self.leaving.values_mut().chain(gone).map(|ending| (ending.uid.clone(), ending)).collect();
        if watched.is_empty() {
            return;
        }
        for uid in after.iter().flat_map(|slice| &slice.spec.endpoints).filter(ready).filter_map(pod_of) {
            watched.remove(uid);
        }
        for uid in before.spec.endpoints.iter().filter(ready).filter_map(pod_of) {
            let Some(ending) = watched.get_mut(uid) else { continue };
            if ending.left.iter().all(|(known, _)| **known != **service) {
                ending.left.push((service.as_str().into(), now));
            }
        }
    }

    /// A pod takes no connections from a time on.
    pub fn close(&mut self, uid: &str, from: SimTime) {
        if let Some(ending) = self.leaving.get_mut(uid) {
            ending.closes = Some(ending.closes.map_or(from, |known| known.min(from)));
        }
    }

    /// All that are remembered, those that are gone first.
    pub fn iter(&self) -> impl Iterator<Item = &Ending> {
        self.gone.iter().map(|ending| &**ending).chain(self.leaving.values())
    }
}

fn pod_of(endpoint: &Endpoint) -> Option<&str> {
    endpoint.target_ref.as_ref()?.uid.as_deref()
}
