//! A rollout: the revisions of a workload side by side, the lines that their pods may not cross, the next move, and how the counts
//! went so far.

mod curve;
mod limits;

use std::sync::Arc;

use serde_json::Value;

pub use curve::{Curve, Point};
pub use limits::Limit;

use super::differences::differences;
use super::workloads::workload_card;
use super::{PodCard, Stage, WorkloadCard};
use crate::api::{ControllerRevision, Deployment, Key, Kind, MetaExt, Object, ReplicaSet, sorting, typed};
use crate::apiserver::View;
use crate::clock::SimTime;
use crate::controllers::deployment::{Outlook, TEMPLATE_HASH, outlook, revision_of};

/// The kinds that roll out.
pub const KINDS: [Kind; 3] = [Kind::DEPLOYMENT, Kind::STATEFUL_SET, Kind::DAEMON_SET];

/// More differences than this between two templates are counted.
const DIFFERENCES: usize = 8;

/// A workload and its revisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Which workload.
    pub key: Key,
    /// Its counts and bounds.
    pub card: WorkloadCard,
    /// `RollingUpdate`, `Recreate` or `OnDelete`.
    pub strategy: String,
    /// The fields of the strategy.
    pub limits: Vec<Limit>,
    /// Whether it is paused.
    pub paused: bool,
    /// The reason and the message of the condition `Progressing`.
    pub progress: Option<(String, String)>,
    /// When it counts as stuck unless it gets on before: `progressDeadlineSeconds` after the last progress.
    pub deadline: Option<SimTime>,
    /// What the Deployment controller may do next.
    pub outlook: Option<Outlook>,
    /// Newest first.
    pub revisions: Vec<Revision>,
}

/// One revision of the template.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number.
    pub number: i64,
    /// What keeps it: a ReplicaSet or a ControllerRevision.
    pub key: Key,
    /// Whether it is the one that is rolled out.
    pub current: bool,
    /// Pods that it is asked for; for what is no ReplicaSet, those that there are.
    pub wanted: i32,
    /// The images of its containers.
    pub images: Vec<String>,
    /// Its pods, in order of creation.
    pub pods: Vec<Arc<PodCard>>,
    /// What its template says otherwise than that of the revision before: the path, and the values there and here.
    pub differences: Vec<(String, String, String)>,
    /// When it was made.
    pub created: SimTime,
}

/// A template and where it is kept.
struct Template {
    number: i64,
    key: Key,
    wanted: Option<i32>,
    created: SimTime,
    tree: Value,
}

/// The rollout of a workload. `None` if there is no such workload, or if it is of a kind that does not roll out.
pub fn rollout(view: &View, stage: &Stage, key: &Key) -> Option<Rollout> {
    let object = view.object(key).filter(|_| KINDS.contains(&key.kind))?;
    let card = workload_card(object)?;
    let (templates, outlook) = match &**object {
        Object::Deployment(deployment) => {
            let sets: Vec<ReplicaSet> = sets(view, deployment).cloned().collect();
            (sets.iter().map(of_set).collect(), Some(outlook(deployment, sets)))
        }
        _ => (history(view, object).map(template).collect(), None),
    };
    let (strategy, limits) = limits::strategy(object, card.desired);
    Some(Rollout {
        key: key.clone(),
        card,
        strategy,
        limits,
        paused: matches!(&**object, Object::Deployment(deployment) if deployment.spec.paused == Some(true)),
        progress: if let Object::Deployment(deployment) = &**object { progress(deployment) } else { None },
        deadline: if let Object::Deployment(deployment) = &**object {
            limits::deadline(deployment)
        } else {
            None
        },
        outlook,
        revisions: revisions(templates, stage, key),
    })
}

fn sets<'a>(view: &'a View, deployment: &'a Deployment) -> impl Iterator<Item = &'a ReplicaSet> {
    view.list::<ReplicaSet>(Some(deployment.namespace()))
        .filter(|set| set.controller().is_some_and(|owner| owner.uid == deployment.uid()))
}

/// When the newest revision of a workload was made.
pub fn newest_since(view: &View, key: &Key) -> Option<SimTime> {
    match &**view.object(key)? {
        Object::Deployment(deployment) => {
            sets(view, deployment).max_by_key(|set| revision_of(set)).map(MetaExt::created)
        }
        object => history(view, object).max_by_key(|made| made.spec.revision).map(MetaExt::created),
    }
}

fn of_set(set: &ReplicaSet) -> Template {
    let mut tree = set.spec.template.as_ref().map(typed::write).unwrap_or_default();
    // Every template has another; it says nothing of what was changed.
    if let Some(labels) = tree.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(TEMPLATE_HASH);
    }
    Template {
        number: revision_of(set),
        key: Key::new(Kind::REPLICA_SET, set.namespace(), set.name()),
        wanted: Some(set.spec.replicas.unwrap_or(1)),
        created: set.created(),
        tree,
    }
}

fn history<'a>(view: &'a View, object: &'a Object) -> impl Iterator<Item = &'a ControllerRevision> {
    view.list::<ControllerRevision>(Some(object.namespace()))
        .filter(|revision| revision.controller().is_some_and(|owner| owner.uid == object.uid()))
}

fn template(revision: &ControllerRevision) -> Template {
    Template {
        number: revision.spec.revision,
        key: Key::new(Kind::CONTROLLER_REVISION, revision.namespace(), revision.name()),
        wanted: None,
        created: revision.created(),
        tree: revision.spec.data["spec"]["template"].clone(),
    }
}

fn revisions(mut templates: Vec<Template>, stage: &Stage, workload: &Key) -> Vec<Revision> {
    sorting::sort_by(&mut templates, |a, b| b.number.cmp(&a.number));
    let mut revisions: Vec<Revision> = Vec::with_capacity(templates.len());
    for (at, template) in templates.iter().enumerate() {
        let pods = pods_of(stage, workload, template);
        let before = templates.get(at + 1).map(|before| &before.tree);
        let differences =
            before.map(|before| differences(before, &template.tree, DIFFERENCES)).unwrap_or_default();
        let containers = template.tree["spec"]["containers"].as_array().into_iter().flatten();
        revisions.push(Revision {
            number: template.number,
            key: template.key.clone(),
            current: at == 0,
            wanted: template.wanted.unwrap_or(pods.len() as i32),
            images: containers
                .filter_map(|container| container["image"].as_str().map(super::cards::short_image))
                .collect(),
            pods,
            differences,
            created: template.created,
        });
    }
    revisions
}

fn pods_of(stage: &Stage, workload: &Key, template: &Template) -> Vec<Arc<PodCard>> {
    let owner = match template.wanted {
        Some(_) => format!("{}/{}", template.key.kind.name(), template.key.name),
        None => format!("{}/{}", workload.kind.name(), workload.name),
    };
    let of_it = |pod: &&Arc<PodCard>| {
        *pod.namespace == *workload.namespace
            && pod.owner.as_deref() == Some(owner.as_str())
            && (template.wanted.is_some() || pod.revision.map(i64::from) == Some(template.number))
    };
    let mut pods: Vec<Arc<PodCard>> = stage.pods().filter(of_it).cloned().collect();
    sorting::sort_by(&mut pods, |a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    pods
}

fn progress(deployment: &Deployment) -> Option<(String, String)> {
    let found = deployment.status.conditions.iter().flatten().find(|found| found.type_ == "Progressing")?;
    Some((found.reason.clone().unwrap_or_default(), found.message.clone().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimDuration;
    use crate::sim::{Config, Input, Recording};

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 4\n  selector: {matchLabels: {app: web}}\n  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'web:1'}]}\n";

    fn command(run: &mut Recording, line: &str, stdin: Option<&str>) {
        let outcome = run.submit(Input::Kubectl {
            line: line.into(),
            stdin: stdin.map(Into::into),
            files: Default::default(),
        });
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }

    fn look(run: &Recording) -> Rollout {
        let mut stage = Stage::default();
        stage.draw(run.view(), run.live().api().store());
        rollout(run.view(), &stage, &Key::new(Kind::DEPLOYMENT, "default", "web")).expect("it is there")
    }

    #[test]
    fn revisions_stand_side_by_side_and_the_outlook_is_what_the_controller_then_does() {
        let mut run = Recording::new(Config::small(7));
        command(&mut run, "apply -f -", Some(WEB));
        run.advance(SimTime::from_secs(60), u64::MAX);
        command(&mut run, "set image deploy/web web=web:2", None);
        let mut seen = (0, 0);
        loop {
            let before = look(&run);
            let Some(next) = before.outlook else { panic!("a Deployment has an outlook") };
            assert!(next.total <= 5 && next.available >= 3, "{next:?}");
            if next.create > 0 && before.revisions.len() == 2 {
                seen.0 += 1;
            }
            if next.remove > 0 {
                seen.1 += 1;
            }
            let card = &before.card;
            let all = [card.updated, card.available, card.current].iter().all(|count| *count == 4);
            if before.revisions.len() == 2 && before.revisions[1].wanted == 0 && all {
                break;
            }
            assert!(run.position() < SimTime::from_secs(300), "{before:?}");
            run.step_forward(crate::sim::Grain::Write, 100_000);
        }
        assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
        let done = look(&run);
        let numbers: Vec<(i64, i32, usize)> = done
            .revisions
            .iter()
            .map(|revision| (revision.number, revision.wanted, revision.pods.len()))
            .collect();
        assert_eq!(numbers[..1], [(2, 4, 4)]);
        assert_eq!(done.revisions[1].wanted, 0);
        let change = ("spec.containers[0].image".to_string(), "web:1".to_string(), "web:2".to_string());
        assert_eq!(done.revisions[0].differences, [change]);
        let limit = |field, value: &str, share| Limit { field, value: value.into(), share };
        assert_eq!(
            done.limits,
            [limit("maxSurge", "1", None), limit("maxUnavailable", "25%", Some((100, 1)))]
        );
    }

    #[test]
    fn a_curve_goes_both_ways_and_counts_the_downtime_of_recreate() {
        let mut run = Recording::new(Config::small(7));
        let recreate = WEB.replace("{rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}", "{type: Recreate}");
        command(&mut run, "apply -f -", Some(&recreate));
        run.advance(SimTime::from_secs(60), u64::MAX);
        command(&mut run, "set image deploy/web web=web:2", None);
        run.advance(SimTime::from_secs(160), u64::MAX);
        let key = Key::new(Kind::DEPLOYMENT, "default", "web");
        let mut curve = Curve::default();
        curve.follow(&key, run.view(), run.live().api().store());
        let first = || curve.points().iter().take_while(|point| point.time < SimTime::from_secs(60));
        assert!(first().any(|point| point.available < point.floor));
        assert!(first().all(|point| !point.is_short()), "what first comes up was not down");
        let (below, none) = curve.shortfall(SimTime::from_secs(60), run.position());
        assert!(none.0 > 0 && below >= none && below < SimDuration::from_secs(60), "{below:?} {none:?}");
        let whole = curve.clone();
        run.seek(SimTime::from_secs(50));
        curve.follow(&key, run.view(), run.live().api().store());
        assert!(curve.points().len() < whole.points().len());
        assert_eq!(curve.shortfall(SimTime::from_secs(40), run.position()), Default::default());
        run.seek(run.end());
        curve.follow(&key, run.view(), run.live().api().store());
        assert_eq!(curve, whole);
    }
}
