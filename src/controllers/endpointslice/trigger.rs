//! When the change that a slice reflects came about (`TriggerTimeTracker`): what the annotation
//! `endpoints.kubernetes.io/last-change-trigger-time` says, from which the delay of the whole path is measured.

use sorted::SortedMap;
use std::sync::Arc;

use crate::api::{Key, MetaExt, Pod, Service, condition};
use crate::clock::SimTime;

/// The times last known of one Service and of its pods.
#[derive(Clone, Debug, Default)]
struct Known {
    service: Option<SimTime>,
    /// In order of name.
    pods: Vec<(String, SimTime)>,
}

/// The times last known, by Service.
#[derive(Clone, Debug, Default)]
pub struct TriggerTimes(SortedMap<Key, Arc<Known>>);

impl TriggerTimes {
    /// The earliest of the changes that are new since the last look: of a pod's readiness, or the Service's birth. `pods` are in
    /// order of name, and as a rule those of the last look.
    pub fn compute(&mut self, key: &Key, service: &Service, pods: &[&Pod]) -> Option<SimTime> {
        let known = self.0.entry(key.clone()).or_default();
        let birth = Some(service.created()).filter(|birth| known.service.is_none_or(|old| old < *birth));
        let (mut earliest, mut same) = (birth, birth.is_none() && known.pods.len() == pods.len());
        let mut before = known.pods.iter().peekable();
        let times: Vec<SimTime> = pods.iter().map(|pod| changed_at(pod)).collect();
        for (pod, time) in pods.iter().zip(times.iter().copied()) {
            while before.next_if(|(name, _)| name.as_str() < pod.name()).is_some() {}
            let old = before.next_if(|(name, _)| name == pod.name()).map(|(_, time)| *time);
            same &= old == Some(time);
            if old.is_none_or(|old| old < time) {
                earliest = earliest.into_iter().chain([time]).min();
            }
        }
        if !same {
            let pods = pods.iter().map(|pod| pod.name().to_string()).zip(times).collect();
            *Arc::make_mut(known) = Known { service: Some(service.created()), pods };
        }
        earliest
    }

    /// The Service is gone.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

/// When the pod last became ready or unready; before it was either, when it was made.
fn changed_at(pod: &Pod) -> SimTime {
    let ready = condition::find(pod.status.conditions.as_deref(), "Ready");
    let moved = ready.and_then(|ready| ready.last_transition_time.as_ref());
    moved.map_or_else(|| pod.created(), SimTime::from_time)
}
