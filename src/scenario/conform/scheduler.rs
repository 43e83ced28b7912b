//! One recorded scheduling decision: the same nodes and pods, the same verdicts, scores and words.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Kind, Object, Pod};
use crate::apiserver::{Actor, Change, View};
use crate::clock::SimTime;
use crate::rng::Rng;
use crate::scheduler::cache::Cache;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::configuration::{Configuration, is_configuration};
use crate::scheduler::framework::registry::Profile;
use crate::scheduler::framework::runtime::{Feasibility, Scores};
use crate::scheduler::framework::{Context, Framework, PodInfo, PostFilterResult, Status};
use crate::scheduler::queue::Nominator;

/// The lists of a case's input, and the kinds of the objects in them.
const LISTS: &[(&str, Kind)] = &[
    ("namespaces", Kind::NAMESPACE),
    ("nodes", Kind::NODE),
    ("pods", Kind::POD),
    ("persistentVolumes", Kind::PERSISTENT_VOLUME),
    ("persistentVolumeClaims", Kind::PERSISTENT_VOLUME_CLAIM),
    ("storageClasses", Kind::STORAGE_CLASS),
    ("csiNodes", Kind::CSI_NODE),
    ("priorityClasses", Kind::PRIORITY_CLASS),
    ("podDisruptionBudgets", Kind::POD_DISRUPTION_BUDGET),
    ("services", Kind::SERVICE),
    ("replicaSets", Kind::REPLICA_SET),
];

/// Runs one case of the scheduler corpus: a line of `{id, tags, input, expect}`.
///
/// # Errors
/// Every difference, in words.
pub fn run_case(case: &Value) -> Result<(), Vec<String>> {
    let input = Input::read(&case["input"]).map_err(|error| vec![format!("unreadable input: {error}")])?;
    let expect = &case["expect"];
    let framework = framework(&case["input"], &input.pod).map_err(|error| vec![error])?;
    let mut differences = Differences::default();
    match framework.run_pre_enqueue(&input.view, &input.pod) {
        Err(status) => {
            differences.check("result", &expect["result"], &"gated".into());
            let ours =
                json!({"plugin": status.plugin, "code": status.code.as_str(), "message": status.message()});
            differences.check("preEnqueue", &expect["preEnqueue"], &ours);
        }
        Ok(()) => run_cycle(&framework, &input, expect, &mut differences),
    }
    if differences.0.is_empty() { Ok(()) } else { Err(differences.0) }
}

/// The profile that the pod asks for: the default one, unless the case gives a configuration of the scheduler.
fn framework(input: &Value, pod: &PodInfo) -> Result<Framework, String> {
    let given = input.as_object().into_iter().flatten().find(|(_, value)| is_configuration(value));
    let profiles = match given {
        Some((_, value)) => Configuration::read(value)?.profiles,
        None => vec![Profile::default()],
    };
    let name = pod.pod.spec.scheduler_name.as_deref().unwrap_or("default-scheduler");
    let profile = profiles.iter().find(|profile| &*profile.scheduler_name == name).or(profiles.first());
    profile.map(Framework::new).ok_or_else(|| "there is no profile".into())
}

/// A case's cluster.
struct Input {
    cache: Cache,
    view: View,
    nominator: Nominator,
    pod: PodInfo,
}

impl Input {
    fn read(input: &Value) -> Result<Input, String> {
        for (name, value) in input.as_object().into_iter().flatten() {
            if name != "pod" && !is_configuration(value) && !LISTS.iter().any(|(known, _)| known == name) {
                return Err(format!("there is no list {name:?}"));
            }
        }
        let mut view = View::default();
        for (name, kind) in LISTS {
            for value in input[*name].as_array().into_iter().flatten() {
                let object = Object::from_value(*kind, value.clone());
                put(&mut view, object.map_err(|error| format!("{name}: {error}"))?);
            }
        }
        let pod =
            Object::from_value(Kind::POD, input["pod"].clone()).map_err(|error| format!("pod: {error}"))?;
        let pod = pod.as_kind::<Pod>().cloned().ok_or("the incoming object is no pod")?;
        let (mut cache, mut nominator) = (Cache::default(), Nominator::default());
        for node in view.list(None) {
            cache.set_node(node);
        }
        for there in view.list::<Pod>(None) {
            let info = Arc::new(PodInfo::new(there.clone()));
            match (there.spec.node_name.as_deref(), info.nominated_node()) {
                (Some(node), _) => cache.set_pod(info, node),
                (None, Some(node)) => nominator.add(info.clone(), node),
                (None, None) => {}
            }
        }
        Ok(Input { cache, view, nominator, pod: PodInfo::new(pod) })
    }

    fn context(&self) -> Context<'_> {
        Context { cache: &self.cache, view: &self.view, nominator: &self.nominator }
    }

    fn name(&self, index: u32) -> &str {
        &self.cache.node(index).name
    }
}

fn put(view: &mut View, object: Object) {
    view.apply(&Change {
        revision: view.revision() + 1,
        time: SimTime::ZERO,
        actor: Actor::Environment,
        cause: None,
        key: object.key(),
        before: None,
        after: Some(Arc::new(object)),
        explain: None,
        manner: Default::default(),
    });
}

fn run_cycle(framework: &Framework, input: &Input, expect: &Value, differences: &mut Differences) {
    let cx = input.context();
    let mut memory = Memory::default();
    let mut found = framework.find_nodes_that_fit(&cx, &mut memory, &input.pod);
    if let Some(message) = &found.error {
        differences.check("result", &expect["result"], &"error".into());
        return differences.check("message", &expect["message"], &message.as_str().into());
    }
    let result = if found.nodes.is_empty() { "unschedulable" } else { "scheduled" };
    differences.check("result", &expect["result"], &result.into());
    differences.check("preFilter", &expect["preFilter"], &pre_filter(&found));
    check_filter(input, &found, &expect["filter"], differences);
    if input.cache.is_empty() {
        // Without any node the scheduler gives up before it asks what could be done.
        differences.check("message", &expect["message"], &found.diagnosis.message(0).into());
        differences.check("preemption", &expect["preemption"], &Value::Null);
    } else if found.nodes.is_empty() {
        // As the scheduler itself goes about it.
        (found, _) = framework.choose(&cx, &mut memory, &input.pod, &mut |_| 0);
        check_filter(input, &found, &expect["filter"], differences);
        let outcome =
            framework.run_post_filter(&cx, &mut memory, &found, &input.pod, &mut Rng::new(0, "conform"));
        if let Err(status) = &outcome {
            found.diagnosis.post_filter_message = status.message();
        }
        let message = found.diagnosis.message(input.cache.len());
        differences.check("message", &expect["message"], &message.into());
        check_preemption(&input.cache, &outcome, &expect["preemption"], differences);
        differences.check("scores", &expect["scores"], &Value::Null);
    } else {
        let scores = framework.score(&cx, &mut memory, &mut found.state, &input.pod, &found.nodes);
        check_scores(framework, input, &found, &scores, expect, differences);
        let best = best_nodes(framework, input, &mut memory);
        differences.check("maxScoreNodes", &sorted(&expect["maxScoreNodes"]), &json!(best));
        differences.check("message", &expect["message"], &Value::Null);
        differences.check("preemption", &expect["preemption"], &Value::Null);
    }
}

/// The differences found so far.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check(&mut self, what: &str, recorded: &Value, ours: &Value) {
        if recorded != ours {
            self.0.push(format!("{what}:\n    recorded {recorded}\n    here     {ours}"));
        }
    }

    /// Compares two maps entry by entry, so that one difference does not hide in the whole.
    fn check_entries(&mut self, what: &str, recorded: &Value, ours: &Value) {
        let empty = serde_json::Map::new();
        let (recorded, ours) = (recorded.as_object().unwrap_or(&empty), ours.as_object().unwrap_or(&empty));
        let further = ours.keys().filter(|name| !recorded.contains_key(*name));
        for name in recorded.keys().chain(further) {
            let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
            self.check(&format!("{what} {name}"), &of(recorded), &of(ours));
        }
    }
}

fn pre_filter(found: &Feasibility) -> Value {
    match &found.diagnosis.absent {
        Some((status, _)) if !found.diagnosis.pre_filter_message.is_empty() => {
            json!({"plugin": status.plugin, "code": status.code.as_str(), "message": status.message()})
        }
        _ => Value::Null,
    }
}

fn check_filter(input: &Input, found: &Feasibility, recorded: &Value, differences: &mut Differences) {
    let verdict = |index: &u32| match found.diagnosis.status(*index) {
        _ if found.nodes.contains(index) => json!({"ok": true}),
        Some(status) => rejection(status),
        None => json!({"ok": false, "notEvaluated": true}),
    };
    let ours = input.cache.order().iter().map(|index| (input.name(*index).to_string(), verdict(index)));
    differences.check_entries("filter", &with_sorted_reasons(recorded), &Value::Object(ours.collect()));
}

fn rejection(status: &Status) -> Value {
    let mut reasons: Vec<&str> = status.reasons().map(|reason| &**reason).collect();
    reasons.sort_unstable();
    let mut verdict = json!({"ok": false, "code": status.code.as_str(), "reasons": reasons});
    // A node that a PreFilter result leaves out has no plugin in the recording.
    if !status.plugin.is_empty() {
        verdict["plugin"] = status.plugin.into();
    }
    verdict
}

/// The real scheduler names extended resources in no particular order, so reasons are compared as sets.
fn with_sorted_reasons(recorded: &Value) -> Value {
    let mut recorded = recorded.clone();
    for (_, verdict) in recorded.as_object_mut().into_iter().flatten() {
        if let Some(reasons) = verdict.get_mut("reasons").and_then(Value::as_array_mut) {
            reasons.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    }
    recorded
}

fn check_scores(
    framework: &Framework,
    input: &Input,
    found: &Feasibility,
    scores: &Scores,
    expect: &Value,
    differences: &mut Differences,
) {
    let row = |(place, index): (usize, &u32)| {
        let part = |part: &crate::scheduler::framework::runtime::ScorePart| {
            let name = framework.plugin_name(part.place).to_string();
            (name, Value::from(part.normalized[place] * part.weight))
        };
        let plugins: serde_json::Map<String, Value> = scores.parts.iter().map(part).collect();
        (input.name(*index).to_string(), json!({"total": scores.totals[place], "plugins": plugins}))
    };
    let ours = found.nodes.iter().enumerate().map(row).collect();
    differences.check_entries("scores", &expect["scores"], &Value::Object(ours));
}

/// The nodes that the scheduler may choose.
fn best_nodes<'a>(framework: &Framework, input: &'a Input, memory: &mut Memory) -> Vec<&'a str> {
    let mut choose = |nth: u32| {
        let (_, choice) = framework.choose(&input.context(), memory, &input.pod, &mut |_| nth);
        choice.map(|choice| (input.name(choice.node), choice.tied))
    };
    let tied = choose(0).map_or(0, |(_, tied)| tied);
    (0..tied).filter_map(|nth| Some(choose(nth)?.0)).collect()
}

fn check_preemption(
    cache: &Cache,
    outcome: &Result<PostFilterResult, Status>,
    recorded: &Value,
    differences: &mut Differences,
) {
    let result = match outcome {
        Err(status) => {
            let ours =
                json!({"code": status.code.as_str(), "message": status.message(), "nominatedNode": ""});
            return differences.check("preemption", recorded, &ours);
        }
        Ok(result) => result,
    };
    differences.check("preemption code", &recorded["code"], &"Success".into());
    let step = result.step(cache);
    let tied = json!(step.tied);
    differences.check("nominatedNodeAnyOf", &sorted(&recorded["nominatedNodeAnyOf"]), &sorted(&tied));
    let candidates = step.candidates.iter().map(|candidate| {
        let ours = json!({"victims": candidate.victims, "pdbViolations": candidate.pdb_violations});
        (candidate.node.to_string(), ours)
    });
    differences.check_entries("candidates", &recorded["candidates"], &Value::Object(candidates.collect()));
    // Where several nodes are as good, each scheduler draws its own; the recorded victims are those of the recorded draw.
    let of_the_recorded =
        step.candidates.iter().find(|candidate| recorded["nominatedNode"] == *candidate.node);
    let victims = of_the_recorded.map(|candidate| json!(candidate.victims)).unwrap_or_default();
    differences.check("victims", &recorded["victims"], &victims);
}

fn sorted(list: &Value) -> Value {
    let mut list = list.clone();
    if let Some(list) = list.as_array_mut() {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_differs_says_where() {
        let case = json!({
            "input": {"nodes": [], "pods": null, "pod": {"metadata": {"name": "p"}, "spec": {"containers": []}}},
            "expect": {"result": "scheduled", "message": "none"},
        });
        let differences = run_case(&case).expect_err("nothing fits without nodes");
        assert!(differences[0].starts_with("result:"), "{differences:?}");
        assert!(differences.iter().any(|difference| difference.starts_with("message:")), "{differences:?}");
    }

    #[test]
    fn an_unknown_list_is_a_difference_and_not_left_out() {
        let case = json!({"input": {"resourceClaims": []}, "expect": {}});
        assert_eq!(
            run_case(&case),
            Err(vec!["unreadable input: there is no list \"resourceClaims\"".to_string()])
        );
    }
}
