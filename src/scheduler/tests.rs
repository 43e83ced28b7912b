//! A scheduler against a real API server: what it writes, and when it tries again.

use crate::api::{Key, Node, Pod};
use crate::client::{Actor, ApiServer, Client, DeleteOptions, Informer};
use crate::clock::SimDuration;
use crate::testing::{NodeBuilder, PodBuilder, node, pod};

use super::*;

struct World {
    api: ApiServer,
    informer: Informer,
    scheduler: Scheduler,
}

impl World {
    fn new(nodes: impl IntoIterator<Item = NodeBuilder>) -> World {
        let mut world =
            World { api: ApiServer::new(1), informer: Informer::default(), scheduler: Scheduler::new(1) };
        let namespace = crate::api::k8s::ObjectMeta { name: Some("default".into()), ..Default::default() };
        let namespace = crate::api::Namespace::new(namespace, Default::default());
        world.client(Actor::Environment).create(namespace, None).expect("a namespace");
        for node in nodes {
            world.register(node);
        }
        world
    }

    fn client(&mut self, actor: Actor) -> Client<'_> {
        Client::new(&mut self.api, actor, None)
    }

    fn register(&mut self, node: NodeBuilder) {
        let node = node.build();
        let mut stored = self.client(Actor::Environment).create(node.clone(), None).expect("a node");
        stored.status = node.status;
        self.client(Actor::Environment).update_status(stored, None).expect("a node's status");
    }

    fn apply(&mut self, pod: PodBuilder) {
        let mut pod = pod.build();
        for container in &mut Arc::make_mut(&mut pod.spec).containers {
            container.image = Some("app".into());
        }
        self.client(Actor::User).create(pod, None).expect("a pod");
    }

    fn delete(&mut self, name: &str) {
        let key = Key::new(Kind::POD, "default", name);
        let now = DeleteOptions { grace_period_seconds: Some(0), ..Default::default() };
        self.client(Actor::User).delete(&key, &now, None).expect("a pod to delete");
    }

    /// Delivers, schedules what there is to schedule, and delivers what that wrote.
    fn settle(&mut self) {
        for _ in 0..2 {
            let changes = self.informer.deliver(&self.api);
            self.scheduler.observe(&changes, self.informer.view(), self.api.now());
            while self.scheduler.has_work() {
                self.scheduler.schedule_one(&mut Client::new(&mut self.api, Actor::Scheduler, None));
            }
        }
    }

    fn pass(&mut self, span: SimDuration) {
        let now = self.api.now() + span;
        self.api.set_now(now);
        self.scheduler.wake(now);
    }

    fn pod(&self, name: &str) -> &Pod {
        self.api.view().get("default", name).expect("the pod is there")
    }

    fn node_of(&self, name: &str) -> Option<&str> {
        self.pod(name).spec.node_name.as_deref()
    }

    fn events(&self) -> Vec<String> {
        let events = self.api.view().list::<crate::api::Event>(Some("default"));
        let mut words: Vec<String> = events
            .map(|event| {
                let text = |field: &Option<String>| field.clone().unwrap_or_default();
                format!(
                    "{} {}: {}",
                    text(&event.spec.type_),
                    text(&event.spec.reason),
                    text(&event.spec.message)
                )
            })
            .collect();
        words.sort();
        words
    }
}

#[test]
fn a_pod_is_bound_to_the_best_node_and_the_record_says_why() {
    let mut world = World::new([node("n1").cpu("1"), node("n2").cpu("8")]);
    world.apply(pod("a").cpu("500m"));
    world.settle();
    assert_eq!(world.node_of("a"), Some("n2"));
    assert_eq!(world.events(), ["Normal Scheduled: Successfully assigned default/a to n2"]);
    let explained = world.api.store().since(0).find_map(|change| change.explain.clone());
    let Some(crate::api::explain::Explain::Scheduling(decision)) = explained.as_deref() else {
        panic!("the binding carries no decision");
    };
    assert_eq!((decision.attempt, decision.tied, decision.nodes.len()), (1, 1, 2));
    let best = &decision.nodes[1];
    assert_eq!(best.total, best.scores.iter().map(|score| score.normalized * score.weight).sum::<i64>());
}

#[test]
fn a_pod_that_fits_nowhere_is_placed_when_a_node_that_helps_appears() {
    let mut world = World::new([node("n1").cpu("1")]);
    world.apply(pod("big").cpu("4"));
    world.settle();
    let words = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are \
                 available: 1 Preemption is not helpful for scheduling.";
    assert_eq!(world.events(), [format!("Warning FailedScheduling: {words}")]);
    let condition =
        crate::api::condition::find(world.pod("big").status.conditions.as_deref(), "PodScheduled");
    assert_eq!(condition.and_then(|condition| condition.message.as_deref()), Some(words));
    world.register(node("n2").cpu("2"));
    world.settle();
    assert_eq!(world.scheduler.queue().lengths(), [0, 0, 1, 0], "a node that is too small helps nobody");
    world.register(node("n3").cpu("8"));
    world.settle();
    assert_eq!(world.node_of("big"), Some("n3"));
}

#[test]
fn a_pod_that_ends_makes_room_for_one_that_waits() {
    let mut world = World::new([node("n1").cpu("2")]);
    world.apply(pod("first").cpu("2"));
    world.settle();
    world.apply(pod("second").cpu("2"));
    world.settle();
    assert_eq!((world.node_of("first"), world.node_of("second")), (Some("n1"), None));
    world.delete("first");
    world.settle();
    assert_eq!(world.node_of("second"), Some("n1"));
}

#[test]
fn without_any_node_a_pod_is_tried_again_after_its_back_off() {
    let mut world = World::new([]);
    world.apply(pod("a"));
    world.settle();
    assert_eq!(world.events(), ["Warning FailedScheduling: no nodes available to schedule pods"]);
    assert!(!world.scheduler.has_work());
    world.register(node("n1"));
    world.settle();
    assert_eq!(world.node_of("a"), None, "its back-off is not over");
    world.pass(SimDuration::from_secs(2));
    world.settle();
    assert_eq!(world.node_of("a"), Some("n1"));
}

#[test]
fn a_more_important_pod_displaces_a_lesser_one_and_gets_its_room() {
    let mut world = World::new([node("n1").cpu("2")]);
    world.apply(pod("lesser").cpu("2"));
    world.settle();
    let priority = "vital";
    let class = serde_json::json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": priority}, "value": 1000,
    });
    let class = crate::api::Object::from_value(Kind::PRIORITY_CLASS, class).expect("a priority class");
    world.client(Actor::User).create_object(class).expect("a priority class");
    world.apply(pod("vital").cpu("2").with(|spec| spec.priority_class_name = Some(priority.into())));
    world.settle();
    assert!(world.pod("lesser").meta.deletion_timestamp.is_some(), "the victim is on its way out");
    assert_eq!(world.pod("vital").status.nominated_node_name.as_deref(), Some("n1"));
    assert!(
        world.events().iter().any(|event| event.starts_with("Normal Preempted: Preempted by pod ")),
        "{:?}",
        world.events()
    );
    // A late-comer of no importance does not get the room that was promised.
    world.delete("lesser");
    world.apply(pod("late").cpu("1"));
    world.settle();
    assert_eq!((world.node_of("vital"), world.node_of("late")), (Some("n1"), None));
}

#[test]
fn pods_of_another_scheduler_are_left_alone_and_gated_ones_wait() {
    let mut world = World::new([node("n1")]);
    world.apply(pod("foreign").with(|spec| spec.scheduler_name = Some("other".into())));
    world.apply(pod("gated").gate("example.com/wait"));
    world.settle();
    assert_eq!((world.node_of("foreign"), world.node_of("gated")), (None, None));
    assert_eq!(world.scheduler.queue().lengths(), [0, 0, 0, 1]);
}

#[test]
fn a_copy_decides_as_the_original_does() {
    let mut world = World::new((0..5).map(|n| node(&format!("n{n}"))));
    for n in 0..20 {
        world.apply(pod(&format!("p{n}")).cpu("100m"));
    }
    let changes = world.informer.deliver(&world.api);
    world.scheduler.observe(&changes, world.informer.view(), world.api.now());
    let run = |mut scheduler: Scheduler, mut api: ApiServer| -> Vec<Option<String>> {
        while scheduler.has_work() {
            scheduler.schedule_one(&mut Client::new(&mut api, Actor::Scheduler, None));
        }
        api.view().list::<Pod>(None).map(|pod| pod.spec.node_name.clone()).collect()
    };
    let first = run(world.scheduler.clone(), world.api.clone());
    assert_eq!(first, run(world.scheduler, world.api));
    assert!(first.iter().all(Option::is_some));
}

#[test]
fn a_deleted_node_takes_no_more_pods() {
    let mut world = World::new([node("n1"), node("n2")]);
    world.settle();
    let key = Key::cluster(Kind::NODE, "n1");
    world.client(Actor::User).delete(&key, &DeleteOptions::default(), None).expect("a node to delete");
    for n in 0..4 {
        world.apply(pod(&format!("p{n}")));
    }
    world.settle();
    assert!((0..4).all(|n| world.node_of(&format!("p{n}")) == Some("n2")));
    assert_eq!(world.api.view().list::<Node>(None).count(), 1);
}

/// A claim's fields that say whether it is bound, as a volume controller would set them.
fn bind_claim(world: &mut World, name: &str) {
    let key = Key::new(Kind::PERSISTENT_VOLUME_CLAIM, "default", name);
    let mut tree = world.api.get(&key).expect("a claim").to_value();
    tree["spec"]["volumeName"] = "made".into();
    tree["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes".into();
    let bound = crate::api::Object::from_value(key.kind, tree).expect("a claim");
    world.client(Actor::User).update_object(bound).expect("a claim to bind");
}

fn nominated(world: &World, pod: &str) -> Option<String> {
    let pod = world.api.view().get::<Pod>("default", pod).expect("a pod");
    pod.status.nominated_node_name.clone()
}

#[test]
fn a_pod_is_bound_once_the_volume_for_its_node_is_there() {
    use crate::scheduler::plugins::test_support::{claim, waiting_class};
    let mut world = World::new([node("n1")]);
    for object in
        [waiting_class("slow", "csi", serde_json::json!({})), claim("data", "ReadWriteOnce", "slow")]
    {
        world.client(Actor::User).create_object(object).expect("an object");
    }
    world.apply(pod("user").claim("data"));
    world.settle();
    let key = Key::new(Kind::PERSISTENT_VOLUME_CLAIM, "default", "data");
    let selected = world.api.get(&key).expect("a claim");
    assert_eq!(crate::api::MetaExt::annotation(&*selected, "volume.kubernetes.io/selected-node"), Some("n1"));
    assert_eq!((world.node_of("user"), world.scheduler.has_work()), (None, false));
    assert_eq!(nominated(&world, "user").as_deref(), Some("n1"), "where it is to be expected");
    bind_claim(&mut world, "data");
    world.settle();
    assert_eq!((world.node_of("user"), nominated(&world, "user")), (Some("n1"), None));
}

#[test]
fn a_pod_whose_volume_is_never_made_is_tried_again() {
    use crate::scheduler::plugins::test_support::{claim, waiting_class};
    let mut world = World::new([node("n1")]);
    for object in
        [waiting_class("slow", "csi", serde_json::json!({})), claim("data", "ReadWriteOnce", "slow")]
    {
        world.client(Actor::User).create_object(object).expect("an object");
    }
    world.apply(pod("user").claim("data"));
    world.settle();
    assert_eq!(world.scheduler.next_wake(), Some(world.api.now() + SimDuration::from_secs(600)));
    world.pass(SimDuration::from_secs(601));
    world.settle();
    let words = "Warning FailedScheduling: running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded";
    assert_eq!(world.events(), [words]);
    assert_eq!(world.scheduler.cache().placed().count(), 0, "it counts nowhere any more");
    assert_eq!(nominated(&world, "user"), None);
}

#[test]
fn one_volume_is_kept_for_one_of_two_claims() {
    use crate::scheduler::plugins::test_support::{claim, volume, waiting_class};
    let mut world = World::new([node("n1")]);
    let class = waiting_class("slow", "kubernetes.io/no-provisioner", serde_json::json!({}));
    let claims = [claim("one", "ReadWriteOnce", "slow"), claim("two", "ReadWriteOnce", "slow")];
    for object in claims.into_iter().chain([class]) {
        world.client(Actor::User).create_object(object).expect("an object");
    }
    let free = volume("only", "9Gi", &[], &[]);
    world.client(Actor::User).create_object(free.clone()).expect("a volume");
    world.client(Actor::User).update_object_status(free).expect("a volume's status");
    world.apply(pod("first").claim("one"));
    world.apply(pod("second").claim("two"));
    // Both are tried before the watch can tell of what was written for the first.
    world.settle();
    let kept = world.api.get(&Key::cluster(Kind::PERSISTENT_VOLUME, "only")).expect("a volume");
    assert_eq!(kept.part("spec")["claimRef"]["name"], "one");
    let words = "Warning FailedScheduling: 0/1 nodes are available: 1 node(s) didn't find available persistent volumes \
                 to bind. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful \
                 for scheduling.";
    assert_eq!(world.events(), [words]);
}

#[test]
fn a_preference_that_cannot_be_read_fails_the_attempt_where_there_is_a_choice() {
    let picky = || pod("a").preferred_node_affinity(10, &[("cores", "Gt", &["many"])]);
    let mut alone = World::new([node("n1")]);
    alone.apply(picky());
    alone.settle();
    assert_eq!(alone.node_of("a"), Some("n1"), "nothing is scored");
    let mut world = World::new([node("n1"), node("n2")]);
    world.apply(picky());
    world.settle();
    assert_eq!(
        world.events(),
        [
            "Warning FailedScheduling: running PreScore plugin \"NodeAffinity\": [0].matchExpressions[0].values[0]: Invalid value: \
          \"many\": for 'Gt', 'Lt' operators, the value must be an integer"
        ]
    );
}
