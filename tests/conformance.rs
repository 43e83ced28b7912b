//! Compares with recordings of a real Kubernetes 1.36 control plane: small samples of each suite, kept in
//! `tests/conformance`, all of which must pass. `kubeviz conform` runs larger recordings the same way.
//!
//! To add a case, append its line (see the runner of its suite for the format) and raise the count here: the count keeps a
//! file that was cut short from passing.

use kubeviz::scenario::conform::{Suite, run_text};

#[track_caller]
fn check(suite: Suite, text: &str, cases: u32) {
    let tally = run_text(suite, text);
    let failed: Vec<String> = tally
        .failed
        .iter()
        .map(|(name, differences)| format!("{name}\n{}", differences.join("\n")))
        .collect();
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n\n"));
    assert_eq!(tally.passed, cases, "every case has run");
}

#[test]
fn scheduling_decisions_are_those_of_the_real_scheduler() {
    check(Suite::Scheduler, include_str!("conformance/scheduler.jsonl"), 59);
}

#[test]
fn scenarios_go_as_on_the_real_control_plane() {
    check(Suite::Traces, include_str!("conformance/traces.jsonl"), 7);
}

#[test]
fn manifests_are_answered_and_stored_as_by_the_real_api_server() {
    check(Suite::Validation, include_str!("conformance/validation.jsonl"), 103);
}

#[test]
fn a_wrong_recording_does_not_pass() {
    let wrong = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from:?} is in the recording");
        text.replace(from, to)
    };
    let traces = include_str!("conformance/traces.jsonl");
    let cases = [
        (Suite::Traces, wrong(traces, "deployment.apps/web created", "deployment.apps/web made")),
        (Suite::Traces, wrong(traces, "\"reason\":\"ScalingReplicaSet\"", "\"reason\":\"Scaling\"")),
        (Suite::Traces, wrong(traces, "\"revisionHistoryLimit\":10", "\"revisionHistoryLimit\":11")),
        (Suite::Traces, wrong(traces, "\"reason\":\"NewReplicaSetCreated\"", "\"reason\":\"New\"")),
        (
            Suite::Scheduler,
            wrong(
                include_str!("conformance/scheduler.jsonl"),
                "\"result\":\"scheduled\"",
                "\"result\":\"gated\"",
            ),
        ),
        (Suite::Validation, wrong(include_str!("conformance/validation.jsonl"), "\"rc\":1", "\"rc\":0")),
    ];
    for (number, (suite, text)) in cases.into_iter().enumerate() {
        assert!(!run_text(suite, &text).failed.is_empty(), "recording {number}, which was tampered with");
    }
}
