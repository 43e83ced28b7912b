//! What a run is stopped at.

use super::WorkloadCard;
use super::workloads::{KINDS, workload_card};
use crate::api::explain::Explain;
use crate::api::pod_status::summarize;
use crate::api::{Event, Kind, MetaExt, Object, Pod};
use crate::apiserver::{Change, View};

/// A moment to stop at: the first write after which it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Every pod is ready or done, and none is missing.
    Ready,
    /// Every workload has all its pods, of its newest template and available; every Job is complete.
    Complete,
    /// The scheduler has decided about a pod, one way or the other.
    Decision,
    /// Kubernetes has warned of something.
    Warning,
    /// A container has ended otherwise than well, or cannot be started.
    Failure,
}

impl Until {
    /// All, in the order in which they are offered.
    pub const ALL: [Until; 5] =
        [Until::Ready, Until::Complete, Until::Decision, Until::Warning, Until::Failure];

    /// Its name in markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Until::Ready => "ready",
            Until::Complete => "complete",
            Until::Decision => "decision",
            Until::Warning => "warning",
            Until::Failure => "failure",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Until> {
        Until::ALL.into_iter().find(|until| until.as_str() == name)
    }

    /// Whether a write makes it so; `view` is the cluster as that write has left it, or a little later.
    pub fn is_met(self, change: &Change, view: &View) -> bool {
        match self {
            Until::Ready => change.key.kind == Kind::POD && all_ready(view),
            Until::Complete => change.key.kind.is_among(&KINDS) && all_complete(view),
            Until::Decision => {
                change.explain.as_ref().is_some_and(|explain| matches!(**explain, Explain::Scheduling(_)))
            }
            Until::Warning => {
                change.after.as_deref().and_then(|object| object.as_kind::<Event>()).is_some_and(warns)
            }
            Until::Failure => {
                let failing =
                    |object: Option<&Object>| object.and_then(|o| o.as_kind::<Pod>()).is_some_and(fails);
                failing(change.after.as_deref()) && !failing(change.before.as_deref())
            }
        }
    }
}

/// The reason and the message of the Event that a write records: when it comes up, and every time that it is counted again.
pub fn occurrence(change: &Change) -> Option<(&str, &str)> {
    let after = change.after.as_deref()?.as_kind::<Event>()?;
    let before = change.before.as_deref().and_then(|object| object.as_kind::<Event>());
    let again = before.is_none_or(|before| times(before) < times(after));
    let reason = after.spec.reason.as_deref().unwrap_or_default();
    again.then(|| (reason, after.spec.message.as_deref().unwrap_or_default()))
}

fn times(event: &Event) -> i32 {
    let series = event.spec.series.as_ref().and_then(|series| series.count);
    event.spec.count.max(series).unwrap_or(1)
}

fn warns(event: &Event) -> bool {
    event.spec.type_.as_deref() == Some("Warning")
}

fn fails(pod: &Pod) -> bool {
    const BAD: [&str; 9] = [
        "Error",
        "CrashLoopBackOff",
        "OOMKilled",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "CreateContainerConfigError",
        "Evicted",
        "Failed",
    ];
    let status = summarize(pod).status;
    BAD.iter().any(|bad| status == *bad || status.strip_prefix("Init:") == Some(bad))
}

fn cards(view: &View) -> impl Iterator<Item = WorkloadCard> + '_ {
    KINDS.into_iter().flat_map(|kind| view.objects(kind, None)).filter_map(|object| workload_card(object))
}

fn all_ready(view: &View) -> bool {
    let settled = |pod: &Pod| match pod.status.phase.as_deref() {
        Some("Succeeded" | "Failed") => true,
        _ => !pod.is_deleting() && crate::api::condition::is_true(pod.status.conditions.as_deref(), "Ready"),
    };
    view.list::<Pod>(None).all(settled)
        && cards(view).all(|card| card.finishes || card.current >= card.desired)
}

fn all_complete(view: &View) -> bool {
    cards(view).all(|card| card.is_complete())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
    use crate::sim::{Config, Progress, Recording, Simulation};

    /// Runs a line, and on until then. Says when that was.
    fn run(recording: &mut Recording, line: &str, until: Until) -> Option<SimTime> {
        let input = crate::sim::Input::Kubectl { line: line.into(), stdin: None, files: Default::default() };
        assert_eq!(recording.submit(input).code, 0, "{line}");
        on(recording, until)
    }

    fn on(recording: &mut Recording, until: Until) -> Option<SimTime> {
        let mut met = false;
        let limit = recording.position() + crate::clock::SimDuration::from_secs(600);
        while !met && recording.position() < limit {
            let mut stops = |change: &Change, view: &View| {
                met |= until.is_met(change, view);
                met
            };
            if recording.advance_until(limit, 1_000, &mut stops) == Progress::Reached && !met {
                return None;
            }
        }
        met.then(|| recording.position())
    }

    fn ready(simulation: &Simulation) -> usize {
        let is = |pod: &&Pod| crate::api::condition::is_true(pod.status.conditions.as_deref(), "Ready");
        simulation.view().list::<Pod>(None).filter(is).count()
    }

    #[test]
    fn a_run_stops_at_the_first_write_that_makes_it_so() {
        let mut recording = Recording::new(Config::small(3));
        let create = "kubectl create deployment web --image=nginx:1.27 --replicas=3";
        let decided = run(&mut recording, create, Until::Decision).unwrap();
        assert_eq!(ready(recording.live()), 0);
        let all = on(&mut recording, Until::Ready).unwrap();
        assert_eq!(ready(recording.live()), 3);
        let complete = on(&mut recording, Until::Complete).unwrap();
        assert!(decided < all && all <= complete);
        let failed = run(&mut recording, "kubectl set image deployment/web nginx=nginx:bad", Until::Failure);
        assert!(failed.is_some_and(|time| time > complete));
        // The same moments are found when the run is looked at again.
        recording.seek(SimTime::ZERO);
        assert_eq!(on(&mut recording, Until::Decision), Some(decided));
        assert_eq!(on(&mut recording, Until::Ready), Some(all));
        assert_eq!(on(&mut recording, Until::Failure), failed);
        assert!(!recording.is_in_past() || recording.position() < recording.end());
    }

    #[test]
    fn an_event_occurs_when_it_is_made_and_when_it_is_counted() {
        let mut recording = Recording::new(Config::small(3));
        let crash = "kubectl run crash --image=busybox --command -- sh -c 'exit 1'";
        let input = crate::sim::Input::Kubectl { line: crash.into(), stdin: None, files: Default::default() };
        recording.submit(input);
        recording.advance(SimTime::from_secs(300), u64::MAX);
        let store = recording.live().api().store();
        let back_offs: Vec<&Change> = store
            .since(0)
            .map(|change| &**change)
            .filter(|change| occurrence(change).is_some_and(|(reason, _)| reason == "BackOff"))
            .collect();
        let counts: Vec<i32> = back_offs
            .iter()
            .filter_map(|change| change.after.as_deref()?.as_kind::<Event>().map(times))
            .collect();
        assert!(counts.len() > 2 && counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
        assert!(
            back_offs
                .iter()
                .all(|change| occurrence(change).is_some_and(|(_, said)| said.contains("restarting")))
        );
    }

    #[test]
    fn a_moment_that_does_not_come_ends_with_the_limit() {
        let mut recording = Recording::new(Config::small(3));
        let create = "kubectl create deployment web --image=nginx:1.27";
        assert_eq!(run(&mut recording, create, Until::Warning), None);
    }
}
