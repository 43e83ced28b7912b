//! Why an object is as it is, decider by decider: a sentence, the arithmetic behind it, what would change it, and the words in
//! which the API says the same. All numbers are those of whoever decides: a record that it left with a write, or what it answers
//! when asked what it would do. Sentences are keys of the message files with what is filled in.

mod leaving;
mod members;
mod scaling;
mod workloads;

use serde::{Serialize, Serializer};

use super::detail::is_about;
use super::inspect::{Decision, decisions};
use crate::api::explain::Explain;
use crate::api::meta::Revision;
use crate::api::{Event, Key, Kind, MetaExt, Object};
use crate::apiserver::{Store, View};
use crate::clock::SimTime;

/// What one decider says of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// Who: a key under `because.by`.
    pub by: &'static str,
    /// The write that carries the record, and its time; nothing where the decider has been asked.
    pub at: Option<(Revision, SimTime)>,
    /// The answer in one sentence.
    pub sentence: Line,
    /// What it follows from.
    pub sums: Vec<Line>,
    /// What would change it.
    pub changes: Vec<Line>,
    /// Reasons and messages of conditions and events, word for word.
    pub said: Vec<(String, String)>,
}

/// A sentence: a key under `because`, and what goes into `%{a}`, `%{b}` and so on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    /// The key.
    pub key: &'static str,
    /// What is filled in.
    pub args: Vec<String>,
    /// Whether what it says holds, where that is the point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// The object that it is about.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub about: Option<Key>,
}

fn as_text<S: Serializer>(key: &Option<Key>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&key.as_ref().map(Key::to_string).unwrap_or_default())
}

impl Line {
    fn new<const N: usize>(key: &'static str, args: [String; N]) -> Line {
        Line { key, args: args.into(), holds: None, about: None }
    }

    fn holds(self, holds: bool) -> Line {
        Line { holds: Some(holds), ..self }
    }

    fn about(self, key: Key) -> Line {
        Line { about: Some(key), ..self }
    }

    /// The text of the sentence with everything filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (letter, arg) in ('a'..='z').zip(&self.args) {
            text = text.replace(&format!("%{{{letter}}}"), arg);
        }
        text
    }
}

impl Answer {
    fn new(by: &'static str, sentence: Line) -> Answer {
        Answer { by, sentence, ..Answer::default() }
    }
}

/// What deciders say of an object as it is in `view`; `store` has the records that led there. The scheduler's answers are
/// `view::why`'s.
pub fn answers(view: &View, store: &Store, key: &Key, now: SimTime) -> Vec<Answer> {
    let Some(object) = view.object(key) else { return Vec::new() };
    let mut found = Vec::new();
    let records = decisions(store, view.revision(), key);
    let last = |wanted: fn(&Explain) -> bool| records.iter().rev().find(|found| wanted(&found.explain));
    match &**object {
        Object::HorizontalPodAutoscaler(autoscaler) => {
            let record = last(|explain| matches!(explain, Explain::Autoscaling(_)));
            found.push(scaling::answer(autoscaler, record));
        }
        Object::Service(service) => found.extend(members::of_service(service, view)),
        Object::Pod(pod) => {
            found.extend(leaving::evicted(last(|explain| matches!(explain, Explain::Eviction(_)))));
            found.extend(leaving::killed(pod));
            found.extend(leaving::tainted(pod, view));
            found.extend(leaving::protected(pod, view, now));
            found.extend(members::of_pod(pod, view));
        }
        Object::Deployment(deployment) => found.extend(workloads::deployment(deployment, view)),
        Object::PodDisruptionBudget(budget) => found.push(leaving::budget(budget)),
        Object::ResourceQuota(quota) => found.push(workloads::quota(quota)),
        _ => {}
    }
    found.extend(workloads::refused(object, view));
    found.extend(leaving::garbage(object, view));
    found.extend(records.last().and_then(recorded));
    found
}

/// A recorded step in sentences, of deciders who leave one that is told in full.
pub fn recorded(decision: &Decision) -> Option<Answer> {
    let answer = workloads::recorded(&decision.explain)?;
    Some(Answer { at: Some((decision.revision, decision.time)), ..answer })
}

/// The last event about an object with one of these reasons.
fn last_event<'a>(
    (kind, object): (Kind, &impl MetaExt),
    reasons: &[&str],
    view: &'a View,
) -> Option<&'a Event> {
    let about = |event: &&Event| {
        event.namespace() == object.namespace()
            && is_about(event, kind, object)
            && event.spec.reason.as_deref().is_some_and(|reason| reasons.contains(&reason))
    };
    view.list::<Event>(None).filter(about).max_by_key(|event| event.revision)
}

fn text(number: impl ToString) -> String {
    number.to_string()
}

fn key_of(kind: Kind, object: &impl MetaExt) -> Key {
    Key::new(kind, object.namespace(), object.name())
}

#[cfg(test)]
mod tests;
