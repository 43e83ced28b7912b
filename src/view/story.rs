//! The log as a story: one line per write that people care about.

use super::StoryLine;
use crate::api::pod_status::summarize;
use crate::api::{Event, MetaExt, Object, Pod};
use crate::apiserver::Change;
use crate::sim::notable::is_story;

/// The line of one write; `None` for a write that is no part of the story.
pub fn story_line(change: &Change) -> Option<StoryLine> {
    if !is_story(change) {
        return None;
    }
    let (text, object, warning) = match &**change.object() {
        Object::Event(event) => (event_text(event), event_subject(event), true),
        other => (describe(change), change.key.to_string(), is_bad(other)),
    };
    let actor = match &**change.object() {
        Object::Event(event) => event.spec.reporting_component.clone(),
        _ => change.actor.component().to_string(),
    };
    Some(StoryLine { revision: change.revision, time: change.time, actor, object, text, warning })
}

fn event_text(event: &Event) -> String {
    let reason = event.spec.reason.as_deref().unwrap_or_default();
    format!("{reason}: {}", event.spec.message.as_deref().unwrap_or_default())
}

fn event_subject(event: &Event) -> String {
    let about = &event.spec.involved_object;
    let field = |field: &Option<String>| field.clone().unwrap_or_default();
    let namespace = about.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {namespace}{}", field(&about.kind), field(&about.name))
}

fn is_bad(object: &Object) -> bool {
    matches!(object, Object::Pod(pod) if pod.status.phase.as_deref() == Some("Failed"))
}

/// What a write did to its object, in a few words.
fn describe(change: &Change) -> String {
    match (change.before.as_deref(), change.after.as_deref()) {
        (_, None) => "removed".into(),
        (None, Some(after)) => created(after),
        (Some(before), Some(after)) if !before.is_deleting() && after.is_deleting() => {
            let grace = after.meta().deletion_grace_period_seconds.unwrap_or(0);
            format!("deletion begins, {grace}s grace")
        }
        (Some(before), Some(after)) => changed(before, after),
    }
}

fn created(object: &Object) -> String {
    match object {
        Object::ReplicaSet(set) => format!("created, wants {}", set.spec.replicas.unwrap_or(1)),
        Object::Deployment(deployment) => format!("created, wants {}", deployment.spec.replicas.unwrap_or(1)),
        _ => "created".into(),
    }
}

fn changed(before: &Object, after: &Object) -> String {
    match (before, after) {
        (Object::Pod(before), Object::Pod(after)) => pod_changed(before, after),
        (Object::ReplicaSet(before), Object::ReplicaSet(after))
            if before.spec.replicas != after.spec.replicas =>
        {
            scaled(before.spec.replicas, after.spec.replicas)
        }
        (Object::Deployment(before), Object::Deployment(after)) => {
            let template =
                if before.spec.template == after.spec.template { "changed" } else { "new template" };
            if before.spec.replicas == after.spec.replicas {
                template.into()
            } else {
                scaled(before.spec.replicas, after.spec.replicas)
            }
        }
        (Object::Node(before), Object::Node(after)) => {
            match (before.spec.unschedulable, after.spec.unschedulable) {
                (Some(true), None | Some(false)) => "uncordoned".into(),
                (None | Some(false), Some(true)) => "cordoned".into(),
                _ => "changed".into(),
            }
        }
        (_, Object::EndpointSlice(slice)) => {
            let ready = |endpoint: &&crate::api::k8s::Endpoint| {
                endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
            };
            format!(
                "{} of {} endpoints ready",
                slice.spec.endpoints.iter().filter(ready).count(),
                slice.spec.endpoints.len()
            )
        }
        _ => "changed".into(),
    }
}

fn scaled(before: Option<i32>, after: Option<i32>) -> String {
    format!("scaled from {} to {}", before.unwrap_or(1), after.unwrap_or(1))
}

fn pod_changed(before: &Pod, after: &Pod) -> String {
    if let (None, Some(node)) = (&before.spec.node_name, &after.spec.node_name) {
        return format!("bound to {node}");
    }
    let summary = summarize(after);
    format!("{} {}/{}", summary.status, summary.ready, summary.total)
}
