//! What would let a pod run that fits nowhere: the smallest single changes, each of them tried by the scheduler itself on a copy
//! of what it knows. Nothing that is proposed is a guess; nothing that is not proposed has been ruled out for good, since only
//! one change is made at a time, and of a kind with many places only the first few are tried.

mod candidates;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::Scheduler;
use super::cache::Cache;
use super::cache::memory::Memory;
use super::framework::runtime::Feasibility;
use super::framework::{Context, Framework, PodInfo};
use super::queue::Nominator;
use crate::api::patch::json_patch;
use crate::api::{KubeObject, MetaExt, Node, Object, Pod};
use crate::client::View;
use crate::rng::Rng;
use candidates::{Candidate, Target};

/// A change that would let the pod run, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// What sort of change it is: `toleration`, `nodeSelector`, `requests`, `addNode` …
    pub sort: &'static str,
    /// The change, as an instruction.
    pub sentence: String,
    /// What it is about, as words of the sentence: the taint, the node. For those who say it in another language.
    #[serde(skip)]
    pub about: Vec<String>,
    /// A JSON patch of the pod, or of the node named; empty where a command says it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patch: Vec<Value>,
    /// The node that the patch is for; empty for the pod.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patched_node: String,
    /// The kubectl command that does it; empty where the pod's manifest is to be edited.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The node on which the pod would then run: the best of those that fit.
    pub node: Arc<str>,
    /// The pods that would be removed for it, as `namespace/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<String>,
}

/// The sorts of changes that there are.
pub fn sorts() -> impl Iterator<Item = &'static str> {
    candidates::SENTENCES.iter().map(|(sort, _)| *sort)
}

impl Scheduler {
    /// The single changes that would let the pod run, the smallest first. Empty if it can run as it is, or if no single change
    /// of those that are known would do.
    pub fn fixes(&self, pod: &Pod) -> Vec<Fix> {
        let profile = self.profile_of(pod.spec.scheduler_name.as_deref());
        let Some(framework) = profile.map(|place| &*self.frameworks[place as usize]) else {
            return Vec::new();
        };
        let mut trial = Trial {
            framework,
            cache: self.cache.clone(),
            view: &self.view,
            nominator: &self.queue.nominator,
            pod: pod.clone(),
        };
        let found = trial.feasibility(&trial.pod);
        if found.nodes.is_empty()
            || framework.run_pre_enqueue(&self.view, &PodInfo::new(pod.clone())).is_err()
        {
            trial.fixes(&found)
        } else {
            Vec::new()
        }
    }
}

/// A copy of what the scheduler knows, to change and to ask.
struct Trial<'a> {
    framework: &'a Framework,
    cache: Cache,
    view: &'a View,
    nominator: &'a Nominator,
    pod: Pod,
}

impl Trial<'_> {
    fn context(&self) -> Context<'_> {
        Context { cache: &self.cache, view: self.view, nominator: self.nominator }
    }

    fn feasibility(&self, pod: &Pod) -> Feasibility {
        self.framework.find_nodes_that_fit(
            &self.context(),
            &mut Memory::default(),
            &PodInfo::new(pod.clone()),
        )
    }

    /// The node on which the pod would run; the first by name of the best.
    fn node_for(&self, pod: &Pod) -> Option<Arc<str>> {
        let (cx, info) = (self.context(), PodInfo::new(pod.clone()));
        self.framework.run_pre_enqueue(self.view, &info).ok()?;
        let mut memory = Memory::default();
        let mut found = self.framework.find_nodes_that_fit(&cx, &mut memory, &info);
        let scores = self.framework.score(&cx, &mut memory, &mut found.state, &info, &found.nodes);
        let best = found.nodes.iter().zip(scores.totals).rev().max_by_key(|(_, total)| *total);
        best.map(|(index, _)| self.cache.node(*index).name.clone())
    }

    /// The node on which room would be made for the pod, and the pods that would have to go.
    fn preempt(&self, pod: &Pod) -> Option<(Arc<str>, Vec<String>)> {
        let (cx, info) = (self.context(), PodInfo::new(pod.clone()));
        let mut memory = Memory::default();
        let found = self.framework.find_nodes_that_fit(&cx, &mut memory, &info);
        let outcome =
            self.framework.run_post_filter(&cx, &mut memory, &found, &info, &mut Rng::new(0, "what if"));
        let outcome = outcome.ok().filter(|_| found.nodes.is_empty())?;
        let victims = outcome.victims.iter().map(|(namespace, name, _)| format!("{namespace}/{name}"));
        Some((outcome.nominated_node.as_str().into(), victims.collect()))
    }

    /// Tries one candidate after the other; of each group only the first that helps is kept.
    fn fixes(&mut self, found: &Feasibility) -> Vec<Fix> {
        let candidates = candidates::all(&self.context(), &self.pod, found);
        let mut fixes: Vec<Fix> = Vec::new();
        let mut helped: Option<u32> = None;
        for candidate in candidates {
            if helped == Some(candidate.group) {
                continue;
            }
            if let Some((node, victims)) = self.test(&candidate) {
                helped = Some(candidate.group);
                fixes.push(candidate.into_fix(node, victims));
            }
        }
        fixes
    }

    /// Makes the change, asks, and takes it back.
    fn test(&mut self, candidate: &Candidate) -> Option<(Arc<str>, Vec<String>)> {
        match &candidate.target {
            Target::Pod => {
                let pod = patched(&self.pod, &candidate.patch)?;
                self.node_for(&pod).map(|node| (node, Vec::new()))
            }
            Target::Priority => self.preempt(&patched(&self.pod, &candidate.patch)?),
            Target::Node(name) => {
                let before = self.cache.node(self.cache.index(name)?).node.clone();
                let after = patched(&before, &candidate.patch)?;
                self.cache.set_node(&after);
                let node = self.node_for(&self.pod);
                self.cache.set_node(&before);
                node.map(|node| (node, Vec::new()))
            }
            Target::NewNode(node) => {
                self.cache.set_node(node);
                let chosen = self.node_for(&self.pod);
                self.cache.remove_node(node.name());
                chosen.map(|node| (node, Vec::new()))
            }
            Target::WithoutPod(victim, node) => {
                self.cache.remove_pod(victim.uid());
                let chosen = self.node_for(&self.pod);
                self.cache.set_pod(victim.clone(), node);
                chosen.map(|node| (node, Vec::new()))
            }
        }
    }
}

/// An object with a JSON patch applied. `None` where the patch does not apply.
fn patched<K: KubeObject>(object: &K, patch: &[Value]) -> Option<K> {
    let tree = object.clone().into().to_value();
    let tree = json_patch::apply(&tree, &Value::Array(patch.to_vec())).ok()?;
    Object::from_value(K::KIND, tree).ok()?.as_kind().cloned()
}

/// A node like another, but new: with a name and a host name of its own.
fn like(node: &Node, name: &str) -> Node {
    let mut copy = node.clone();
    let meta = Arc::make_mut(&mut copy.meta);
    meta.name = Some(name.into());
    meta.uid = Some(name.into());
    if let Some(host) = meta.labels.as_mut().and_then(|labels| labels.get_mut("kubernetes.io/hostname")) {
        *host = name.into();
    }
    copy
}

#[cfg(test)]
mod tests;
