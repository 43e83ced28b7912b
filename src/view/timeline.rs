//! A lane per pod: what state it was in from when to when, and the warnings about it.

use sorted::SortedMap;

use super::PodClass;
use super::cards::state;
use crate::api::meta::Revision;
use crate::api::{Event, Key, Kind, MetaExt, Object, Pod};
use crate::apiserver::{Change, Store};
use crate::clock::SimTime;

/// What happened to pods, read off the log. Pods are known by their uid: one that is made anew under an old name has a lane of
/// its own.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    read: Revision,
    /// By the write that made the pod, so in order of creation.
    lanes: SortedMap<Revision, Lane>,
    /// The lane of each uid.
    places: SortedMap<String, Revision>,
}

/// The life of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The pod.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// The states it went through; each lasts until the next.
    pub spans: Vec<Span>,
    /// When it was gone.
    pub end: Option<(Revision, SimTime)>,
    /// The warnings about it: the write, when, and the reason.
    pub warnings: Vec<(Revision, SimTime, String)>,
}

/// A state and when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The write that began it.
    pub revision: Revision,
    /// When.
    pub time: SimTime,
    /// Its class.
    pub class: PodClass,
    /// kubectl's word for it.
    pub status: String,
    /// The node it is on by then.
    pub node: String,
}

impl Timeline {
    /// Goes on up to a write of the log, over at most so many writes, or back to it. Says whether it got there.
    pub fn follow(&mut self, log: &Store, upto: Revision, most: usize) -> bool {
        if upto < self.read {
            self.go_back(upto);
            self.read = upto;
            return true;
        }
        let mut changes = log.since(self.read).take_while(|change| change.revision <= upto);
        for change in changes.by_ref().take(most) {
            match change.key.kind {
                Kind::POD => self.pod(change),
                Kind::EVENT => self.warning(change),
                _ => {}
            }
            self.read = change.revision;
        }
        changes.next().is_none()
    }

    /// The lanes, in order of creation.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.values()
    }

    fn go_back(&mut self, upto: Revision) {
        self.lanes.retain(|made, _| *made <= upto);
        self.places.retain(|_, made| *made <= upto);
        for lane in self.lanes.values_mut() {
            lane.spans.retain(|span| span.revision <= upto);
            lane.warnings.retain(|(revision, ..)| *revision <= upto);
            lane.end = lane.end.filter(|(revision, _)| *revision <= upto);
        }
    }

    fn pod(&mut self, change: &Change) {
        let Object::Pod(pod) = &**change.object() else { return };
        let made = *self.places.entry(pod.uid().to_string()).or_insert(change.revision);
        let lane = self.lanes.entry(made).or_insert_with(|| Lane {
            key: change.key.clone(),
            uid: pod.uid().to_string(),
            spans: Vec::new(),
            end: None,
            warnings: Vec::new(),
        });
        if change.after.is_none() {
            lane.end = Some((change.revision, change.time));
            return;
        }
        let span = span(change, pod);
        let same =
            |last: &Span| (last.class, &last.status, &last.node) == (span.class, &span.status, &span.node);
        if !lane.spans.last().is_some_and(same) {
            lane.spans.push(span);
        }
    }

    fn warning(&mut self, change: &Change) {
        let Some(Object::Event(event)) = change.after.as_deref() else { return };
        if event.spec.type_.as_deref() != Some("Warning") {
            return;
        }
        let made = event.spec.involved_object.uid.as_ref().and_then(|uid| self.places.get(uid));
        if let Some(lane) = made.copied().and_then(|made| self.lanes.get_mut(&made)) {
            lane.warnings.push((change.revision, change.time, reason(event)));
        }
    }
}

fn reason(event: &Event) -> String {
    event.spec.reason.clone().unwrap_or_default()
}

fn span(change: &Change, pod: &Pod) -> Span {
    let (class, status) = state(pod);
    Span {
        revision: change.revision,
        time: change.time,
        class,
        status,
        node: pod.spec.node_name.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Config, Input, Recording};

    fn command(run: &mut Recording, line: &str) {
        let files = Default::default();
        let outcome = run.submit(Input::Kubectl { line: line.into(), stdin: None, files });
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }

    #[test]
    fn a_pod_goes_through_its_states_and_back_again_when_time_does() {
        let mut run = Recording::new(Config::small(7));
        command(&mut run, "run web --image=web:1");
        command(&mut run, "run stuck --image=web:bad");
        run.advance(SimTime::from_secs(30), u64::MAX);
        let mut timeline = Timeline::default();
        let store = |run: &Recording| run.live().api().store().clone();
        timeline.follow(&store(&run), run.view().revision(), usize::MAX);
        let early = timeline.lanes.clone();
        let states = |timeline: &Timeline, at: usize| -> Vec<PodClass> {
            let lane = timeline.lanes().nth(at).expect("a lane");
            lane.spans.iter().map(|span| span.class).collect()
        };
        assert_eq!(states(&timeline, 0)[0], PodClass::Wait);
        assert_eq!(states(&timeline, 0).last(), Some(&PodClass::Ready));
        assert!(
            timeline.lanes().nth(1).is_some_and(|lane| !lane.warnings.is_empty()),
            "its image cannot be pulled"
        );
        let then = run.view().revision();
        command(&mut run, "delete pod web --wait=false");
        command(&mut run, "run later --image=web:1");
        run.advance(SimTime::from_secs(90), u64::MAX);
        // In parts it comes to the same.
        let whole = {
            let mut whole = timeline.clone();
            whole.follow(&store(&run), run.view().revision(), usize::MAX);
            whole
        };
        let parts = (1..).find(|_| timeline.follow(&store(&run), run.view().revision(), 7));
        assert!(timeline.lanes == whole.lanes && parts > Some(3));
        assert_eq!(states(&timeline, 0).last(), Some(&PodClass::Gone));
        assert!(
            timeline.lanes().next().is_some_and(|lane| lane.end.is_some()) && timeline.lanes().count() == 3
        );
        timeline.follow(&store(&run), then, usize::MAX);
        assert!(timeline.lanes == early && timeline.lanes().count() == 2);
    }
}
