//! One recorded scheduling decision: the same nodes and pods, the same verdicts, scores and words.

use serde_json::Value;

use crate::api::explain::{NodeVerdict, Rejection};
use crate::api::{Kind, Node, Object, Pod};
use crate::scheduler::cache::Cache;
use crate::scheduler::framework::Cycle;
use crate::scheduler::framework::diagnosis::fit_error;
use crate::scheduler::framework::runtime::{Evaluation, Scoring, evaluate};
use crate::scheduler::plugins::DEFAULT_PROFILE;

/// Score parts that are zero for every node: a recorded zero and a plugin left out say the same.
fn is_silent(score: &Value) -> bool {
    score.as_i64() == Some(0)
}

/// Runs one case of the scheduler corpus.
///
/// # Errors
/// Every difference, in words.
pub fn run_case(case: &Value) -> Result<(), Vec<String>> {
    let input = &case["input"];
    let expect = &case["expect"];
    let mut cache = Cache::default();
    let read = |kind: Kind, value: &Value| {
        Object::from_value(kind, value.clone()).map_err(|error| vec![format!("unreadable input: {error}")])
    };
    for value in input["nodes"].as_array().into_iter().flatten() {
        if let Some(node) = read(Kind::NODE, value)?.as_kind::<Node>() {
            cache.set_node(node);
        }
    }
    for value in input["pods"].as_array().into_iter().flatten() {
        if let Some(pod) = read(Kind::POD, value)?.as_kind::<Pod>()
            && let Some(node) = pod.spec.node_name.clone()
        {
            cache.set_pod(pod, &node);
        }
    }
    let object = read(Kind::POD, &input["pod"])?;
    let Some(pod) = object.as_kind::<Pod>() else { return Err(vec!["the incoming object is no pod".into()]) };
    let differences = compare(pod, &cache, expect);
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

fn compare(pod: &Pod, cache: &Cache, expect: &Value) -> Vec<String> {
    let gate = DEFAULT_PROFILE.iter().find_map(|enabled| {
        let refused = enabled.plugin.pre_enqueue(pod).err()?;
        Some((enabled.plugin.name(), refused))
    });
    let mut differences = Differences::default();
    if let Some((plugin, message)) = gate {
        differences.check("result", &expect["result"], &Value::from("gated"));
        differences.check("preEnqueue.plugin", &expect["preEnqueue"]["plugin"], &Value::from(plugin));
        differences.check("preEnqueue.message", &expect["preEnqueue"]["message"], &Value::from(message));
        return differences.0;
    }
    let evaluation = evaluate(DEFAULT_PROFILE, &Cycle { pod, cache }, Scoring::Always);
    let placed = evaluation.feasible().next().is_some();
    let result = if placed { "scheduled" } else { "unschedulable" };
    differences.check("result", &expect["result"], &Value::from(result));
    if let Some(rejected) = &evaluation.rejected {
        differences.check("preFilter.plugin", &expect["preFilter"]["plugin"], &Value::from(rejected.0));
    } else if !expect["preFilter"].is_null() {
        differences.0.push(format!("preFilter: recorded {}, not refused here", expect["preFilter"]));
    }
    check_filter(&evaluation, expect, &mut differences);
    if placed {
        check_scores(&evaluation, expect, &mut differences);
    } else {
        differences.check("message", &expect["message"], &Value::from(fit_error(&evaluation)));
        check_preemption(expect, &mut differences);
    }
    differences.0
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
}

fn check_filter(evaluation: &Evaluation, expect: &Value, differences: &mut Differences) {
    let Some(recorded) = expect["filter"].as_object() else { return };
    for (node, recorded) in recorded {
        let verdict = evaluation.verdicts.iter().find(|verdict| *verdict.node == **node);
        differences.check(&format!("filter {node}"), recorded, &verdict.map_or(Value::Null, verdict_json));
    }
    if evaluation.verdicts.len() > recorded.len() && !recorded.is_empty() {
        differences.0.push(format!(
            "filter: {} nodes recorded, {} here",
            recorded.len(),
            evaluation.verdicts.len()
        ));
    }
}

fn verdict_json(verdict: &NodeVerdict) -> Value {
    match &verdict.rejection {
        None => serde_json::json!({"ok": true}),
        // A node that a PreFilter result leaves out has no plugin in the recording.
        Some(rejection) if rejection.plugin.is_empty() => serde_json::json!({
            "ok": false,
            "code": code(rejection),
            "reasons": rejection.reasons.iter().map(|reason| &**reason).collect::<Vec<_>>(),
        }),
        Some(rejection) => serde_json::json!({
            "ok": false,
            "plugin": &*rejection.plugin,
            "code": code(rejection),
            "reasons": rejection.reasons.iter().map(|reason| &**reason).collect::<Vec<_>>(),
        }),
    }
}

fn code(rejection: &Rejection) -> &'static str {
    if rejection.unresolvable { "UnschedulableAndUnresolvable" } else { "Unschedulable" }
}

fn check_scores(evaluation: &Evaluation, expect: &Value, differences: &mut Differences) {
    for verdict in evaluation.feasible() {
        let recorded = &expect["scores"][&*verdict.node];
        differences.check(
            &format!("total {}", verdict.node),
            &recorded["total"],
            &Value::from(verdict.total),
        );
        let plugins = recorded["plugins"].as_object().cloned().unwrap_or_default();
        for (plugin, score) in plugins.iter().filter(|(_, score)| !is_silent(score)) {
            let ours = verdict
                .scores
                .iter()
                .find(|part| *part.plugin == **plugin)
                .map(|part| part.normalized * part.weight);
            differences.check(
                &format!("score {} {plugin}", verdict.node),
                score,
                &ours.map_or(Value::Null, Value::from),
            );
        }
        for part in
            verdict.scores.iter().filter(|part| part.normalized != 0 && !plugins.contains_key(&*part.plugin))
        {
            differences.0.push(format!(
                "score {} {}: skipped in the recording, {} here",
                verdict.node, part.plugin, part.normalized
            ));
        }
    }
    let best: Vec<Value> = evaluation.best().iter().map(|verdict| Value::from(&*verdict.node)).collect();
    differences.check("maxScoreNodes", &expect["maxScoreNodes"], &Value::from(best));
}

/// Preemption is not modelled yet: a recording in which some pod would have had to go is a difference.
fn check_preemption(expect: &Value, differences: &mut Differences) {
    let candidates =
        expect["preemption"]["candidates"].as_object().is_some_and(|candidates| !candidates.is_empty());
    if candidates || expect["preemption"]["nominatedNode"].as_str().is_some_and(|node| !node.is_empty()) {
        differences.0.push(format!("preemption: recorded {}, none here", expect["preemption"]));
    }
}
