//! Why a pod fits nowhere, in the words of its `FailedScheduling` event (`framework.FitError`).

use std::collections::BTreeMap;

use super::runtime::Evaluation;

/// DynamicResources' PostFilter runs first and has nothing to do for pods without claims.
const NO_CLAIMS: &str = "no new claims to deallocate";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// The whole text: how many nodes were refused for each reason, sorted by the text of the count, then what PostFilter
/// found.
///
/// Three nodes, one tainted and two too small: `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient
/// cpu. no new claims to deallocate, preemption: 0/3 nodes are available: …`
pub fn fit_error(evaluation: &Evaluation) -> String {
    let nodes = evaluation.verdicts.len();
    if let Some((_, refusal)) = &evaluation.rejected {
        let reasons = refusal.reasons.join(", ");
        return format!("0/{nodes} nodes are available: {reasons}. not found");
    }
    if nodes == 0 {
        return "no nodes available to schedule pods".into();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rejection in evaluation.verdicts.iter().filter_map(|verdict| verdict.rejection.as_ref()) {
        for reason in &rejection.reasons {
            *counts.entry(reason).or_default() += 1;
        }
    }
    format!(
        "0/{nodes} nodes are available: {}. {NO_CLAIMS}, preemption: {}",
        histogram(&counts),
        preemption(evaluation)
    )
}

/// What preemption says of each node when it finds no victims.
fn preemption(evaluation: &Evaluation) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rejection in evaluation.verdicts.iter().filter_map(|verdict| verdict.rejection.as_ref()) {
        *counts.entry(if rejection.unresolvable { NOT_HELPFUL } else { NO_VICTIMS }).or_default() += 1;
    }
    format!("0/{} nodes are available: {}.", evaluation.verdicts.len(), histogram(&counts))
}

fn histogram(counts: &BTreeMap<&str, usize>) -> String {
    let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    texts.join(", ")
}
