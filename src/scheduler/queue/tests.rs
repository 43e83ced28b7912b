//! What the queue does with pods, told in the order in which it happens.

use super::*;
use crate::clock::SimDuration;
use crate::scheduler::framework::registry::Profile;
use crate::testing::{PodBuilder, pod};

struct Story {
    queue: SchedulingQueue,
    framework: Framework,
    now: SimTime,
}

impl Story {
    fn new() -> Story {
        let framework = Framework::new(&Profile::default());
        Story { queue: SchedulingQueue::default(), framework, now: SimTime::from_secs(100) }
    }

    fn add(&mut self, pod: PodBuilder) {
        let info = Arc::new(PodInfo::new(pod.build()));
        self.queue.add(QueuedPod::new(info, 0, &self.framework, self.now), &self.framework, &View::default());
        self.now += SimDuration::from_millis(1);
    }

    /// Pops a pod and puts it back as rejected by the plugin in place 3.
    fn fail(&mut self) {
        let pod = self.queue.pop().expect("a pod to try");
        let mut rejectors = PluginSet::default();
        rejectors.insert(3);
        self.queue.add_unschedulable(pod, rejectors, self.now);
    }

    fn names(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.queue.pop()).map(|pod| pod.key.name.to_string()).collect()
    }
}

#[test]
fn the_highest_priority_goes_first_and_among_equals_the_longest_waiting() {
    let mut story = Story::new();
    story.add(pod("low"));
    story.add(pod("early").priority(5));
    story.add(pod("late").priority(5));
    assert_eq!(story.names(), ["early", "late", "low"]);
}

#[test]
fn a_pod_that_fits_nowhere_waits_until_something_helps_it() {
    let mut story = Story::new();
    story.add(pod("a"));
    story.fail();
    assert_eq!(story.queue.lengths(), [0, 0, 1, 0]);
    assert!(!story.queue.has_work());
    story.queue.move_if(story.now, |pod| pod.rejectors.contains(4));
    assert_eq!(story.queue.lengths(), [0, 0, 1, 0], "nobody who rejected it thinks that it may fit now");
    story.queue.move_if(story.now, |pod| pod.rejectors.contains(3));
    assert_eq!(story.queue.lengths(), [0, 1, 0, 0], "it failed only a moment ago");
    assert!(story.queue.has_work(), "but nothing else is to be done");
    story.add(pod("b"));
    assert_eq!(story.names(), ["b", "a"], "active pods go first");
}

#[test]
fn waits_double_from_one_second_to_ten_and_end_on_whole_seconds() {
    let mut story = Story::new();
    story.add(pod("a"));
    let mut waits = Vec::new();
    for _ in 0..6 {
        story.now = SimTime::from_secs(200);
        story.fail();
        let key = story.queue.unschedulable.iter().next().expect("it waits").key.clone();
        story.queue.requeue(&key, story.now);
        waits.push(story.queue.next_flush().expect("it backs off").since(story.now).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn a_pod_that_nothing_helps_is_tried_again_after_five_minutes() {
    let mut story = Story::new();
    story.add(pod("a"));
    story.now = SimTime::from_secs(200);
    story.fail();
    assert_eq!(story.queue.next_flush(), Some(SimTime::from_secs(500)));
    story.queue.flush(SimTime::from_secs(500));
    assert_eq!(story.queue.lengths(), [1, 0, 0, 0]);
}

#[test]
fn a_pod_that_no_plugin_rejected_sits_out_its_back_off() {
    let mut story = Story::new();
    story.add(pod("a"));
    story.now = SimTime::from_secs(200);
    let pod = story.queue.pop().expect("a pod to try");
    story.queue.add_unschedulable(pod, PluginSet::default(), story.now);
    assert!(!story.queue.has_work(), "an error is not retried at once");
    story.queue.flush(SimTime::from_secs(201));
    assert!(story.queue.has_work());
}

#[test]
fn a_gated_pod_waits_until_its_gates_are_gone() {
    let mut story = Story::new();
    story.add(pod("a").gate("example.com/wait"));
    assert_eq!(story.queue.lengths(), [0, 0, 0, 1]);
    assert_eq!(story.queue.next_flush(), None, "time alone does not help it");
    let released = Arc::new(PodInfo::new(pod("a").build()));
    assert!(story.queue.update(&released, &story.framework, &View::default()));
    assert_eq!(story.names(), ["a"]);
}
