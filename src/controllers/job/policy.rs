//! What a failed pod means for its Job (`pod_failure_policy.go`), and when an indexed Job has succeeded early
//! (`success_policy.go`).

use super::indexes::Indexes;
use crate::api::k8s::{
    ContainerStatus, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, SuccessPolicy,
};
use crate::api::{MetaExt, Pod};

/// What a policy's rules say about a failed pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule matches, or one that only counts: a failure like any other.
    Count,
    /// It does not count towards the back-off limit.
    Ignore,
    /// Its index has failed for good.
    FailIndex,
    /// The whole Job has failed, with this message.
    FailJob(String),
}

/// Applies the first rule that matches (`matchPodFailurePolicy`).
pub fn judge(policy: Option<&PodFailurePolicy>, pod: &Pod) -> Verdict {
    for (index, rule) in policy.iter().flat_map(|policy| &policy.rules).enumerate() {
        let place = format!("matching {} rule at index {index}", rule.action);
        let who = format!("{}/{}", pod.namespace(), pod.name());
        let message = match (&rule.on_exit_codes, &rule.on_pod_conditions) {
            (Some(codes), _) => exited_with(pod, codes).map(|(container, code)| {
                format!("Container {container} for pod {who} failed with exit code {code} {place}")
            }),
            (None, Some(patterns)) => {
                condition(pod, patterns).map(|type_| format!("Pod {who} has condition {type_} {place}"))
            }
            (None, None) => None,
        };
        let Some(message) = message else { continue };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignore,
            "FailIndex" => Verdict::FailIndex,
            "FailJob" => Verdict::FailJob(message),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

/// The first container that failed with a code that the rule means.
fn exited_with<'a>(pod: &'a Pod, rule: &PodFailurePolicyOnExitCodesRequirement) -> Option<(&'a str, i32)> {
    let statuses = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses).flatten();
    let failed = statuses.filter_map(|status: &ContainerStatus| {
        let code = status.state.as_ref()?.terminated.as_ref()?.exit_code;
        (code != 0).then_some((status.name.as_str(), code))
    });
    let mut meant = failed.filter(|(name, code)| {
        let container = rule.container_name.as_deref().is_none_or(|wanted| wanted == *name);
        let listed = rule.values.contains(code);
        container && if rule.operator == "NotIn" { !listed } else { listed }
    });
    meant.next()
}

fn condition<'a>(pod: &'a Pod, patterns: &[PodFailurePolicyOnPodConditionsPattern]) -> Option<&'a str> {
    let mut conditions = pod.status.conditions.iter().flatten();
    let matches = |condition: &&crate::api::k8s::PodCondition| {
        patterns.iter().any(|pattern| {
            pattern.type_ == condition.type_
                && pattern.status.as_deref().unwrap_or("True") == condition.status
        })
    };
    conditions.find(matches).map(|condition| condition.type_.as_str())
}

/// The message of the first success rule that holds (`matchSuccessPolicy`).
pub fn succeeded(policy: Option<&SuccessPolicy>, completions: i32, done: &Indexes) -> Option<String> {
    let rules = policy.iter().flat_map(|policy| &policy.rules).enumerate();
    let mut met = rules.filter(|(_, rule)| match (&rule.succeeded_indexes, rule.succeeded_count) {
        (Some(indexes), count) => {
            let required = Indexes::parse(indexes, completions);
            done.count_of(&required) >= count.unwrap_or_else(|| required.len())
        }
        (None, Some(count)) => done.len() >= count,
        (None, None) => false,
    });
    met.next().map(|(index, _)| format!("Matched rules at index {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{
        ContainerState, ContainerStateTerminated, ObjectMeta, PodCondition, PodFailurePolicyRule, PodSpec,
        PodStatus, SuccessPolicyRule,
    };
    use std::sync::Arc;

    fn failed(code: i32, condition: Option<&str>) -> Pod {
        let mut pod = Pod::new(
            ObjectMeta { name: Some("p".into()), namespace: Some("n".into()), ..Default::default() },
            PodSpec::default(),
        );
        let terminated = ContainerStateTerminated { exit_code: code, ..Default::default() };
        let state = ContainerState { terminated: Some(terminated), ..Default::default() };
        let status = ContainerStatus { name: "app".into(), state: Some(state), ..Default::default() };
        let conditions = condition.map(|type_| {
            vec![PodCondition { type_: type_.into(), status: "True".into(), ..Default::default() }]
        });
        pod.status = Arc::new(PodStatus {
            phase: Some("Failed".into()),
            container_statuses: Some(vec![status]),
            conditions,
            ..Default::default()
        });
        pod
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let codes = |action: &str, operator: &str, values: &[i32]| PodFailurePolicyRule {
            action: action.into(),
            on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                container_name: None,
                operator: operator.into(),
                values: values.to_vec(),
            }),
            on_pod_conditions: None,
        };
        let disrupted = PodFailurePolicyRule {
            action: "Ignore".into(),
            on_exit_codes: None,
            on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                type_: "DisruptionTarget".into(),
                status: Some("True".into()),
            }]),
        };
        let rules = vec![
            disrupted,
            codes("FailJob", "In", &[42]),
            codes("FailIndex", "In", &[3]),
            codes("Ignore", "NotIn", &[1, 2]),
        ];
        let policy = PodFailurePolicy { rules };
        let job = "Container app for pod n/p failed with exit code 42 matching FailJob rule at index 1";
        let cases = [
            (42, Some("DisruptionTarget"), Verdict::Ignore),
            (42, None, Verdict::FailJob(job.into())),
            (3, None, Verdict::FailIndex),
            (7, None, Verdict::Ignore),
            (1, None, Verdict::Count),
        ];
        for (code, condition, want) in cases {
            assert_eq!(judge(Some(&policy), &failed(code, condition)), want, "{code} {condition:?}");
        }
        assert_eq!(judge(None, &failed(1, None)), Verdict::Count);
    }

    #[test]
    fn a_job_succeeds_early_by_its_first_rule_that_holds() {
        let rule = |indexes: Option<&str>, count| SuccessPolicyRule {
            succeeded_indexes: indexes.map(str::to_string),
            succeeded_count: count,
        };
        let policy = SuccessPolicy { rules: vec![rule(Some("0,2-3"), Some(2)), rule(None, Some(4))] };
        let cases = [
            ("0", None),
            ("1,4-5", None),
            ("0,3", Some("Matched rules at index 0")),
            ("1,4-6", Some("Matched rules at index 1")),
        ];
        for (done, want) in cases {
            let found = succeeded(Some(&policy), 9, &Indexes::parse(done, 9));
            assert_eq!(found.as_deref(), want, "{done}");
        }
    }
}
