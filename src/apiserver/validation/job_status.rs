//! The rules of the statuses of Jobs: what has ended stays so, and is told consistently (`ValidateJobStatusUpdate`).

use super::at::{At, Errors};
use crate::api::field_error::FieldError;

/// A status of a Job, with what its conditions say.
struct Told<'p, 'v> {
    status: At<'p, 'v>,
}

impl Told<'_, '_> {
    fn is(&self, type_: &str) -> bool {
        let holds = |condition: &At| {
            condition.get("type").text() == type_ && condition.get("status").text() == "True"
        };
        self.status.get("conditions").items().any(|condition| holds(&condition))
    }

    fn complete(&self) -> bool {
        self.is("Complete")
    }

    fn failed(&self) -> bool {
        self.is("Failed")
    }

    fn finished(&self) -> bool {
        self.complete() || self.failed()
    }

    fn uncounted(&self) -> usize {
        let pods = self.status.get("uncountedTerminatedPods");
        pods.get("succeeded").len() + pods.get("failed").len()
    }
}

/// What is wrong with a status that follows another. Most is refused only where the write changes what it is about.
pub fn job(object: &At, old: &At, errors: &mut Errors) {
    let (spec, new, old) =
        (object.get("spec"), Told { status: object.get("status") }, Told { status: old.get("status") });
    validate_values(&new, errors);
    validate_ends(&new, &old, errors);
    validate_finished(&new, &old, errors);
    validate_success(&spec, &new, errors);
    validate_steps(&spec, &new, &old, errors);
}

fn validate_values(new: &Told, errors: &mut Errors) {
    for count in ["active", "succeeded", "failed", "ready", "terminating"] {
        errors.non_negative(&new.status.get(count));
    }
    let pods = new.status.get("uncountedTerminatedPods");
    let (succeeded, failed) = (pods.get("succeeded"), pods.get("failed"));
    let mut seen: Vec<&str> = Vec::new();
    for uid in succeeded.items().chain(failed.items()) {
        if uid.is_empty() {
            errors.invalid(&uid, "must not be empty");
        } else if seen.contains(&uid.text()) {
            errors.duplicate(&uid);
        }
        seen.push(uid.text());
    }
}

/// A refusal of the conditions as a whole, which shows none of them.
fn refuse(told: &Told, why: &str, errors: &mut Errors) {
    errors.push(FieldError::invalid_without_value(&told.status.get("conditions").path(), why));
}

fn changed(new: &Told, old: &Told, field: &str) -> bool {
    new.status.get(field).value() != old.status.get(field).value()
}

fn validate_ends(new: &Told, old: &Told, errors: &mut Errors) {
    let (complete, failed, fails) = (new.complete(), new.failed(), new.is("FailureTarget"));
    let completes = complete != old.complete();
    let (end, start) = (new.status.get("completionTime"), new.status.get("startTime"));
    let ends = changed(new, old, "completionTime");
    if (completes || failed != old.failed()) && complete && failed {
        refuse(new, "cannot set Complete=True and Failed=true conditions", errors);
    }
    if (completes || fails != old.is("FailureTarget")) && complete && fails {
        refuse(new, "cannot set Complete=True and FailureTarget=true conditions", errors);
    }
    if completes || ends {
        if end.is_set() && !complete {
            errors.invalid(&end, "cannot set completionTime when there is no Complete=True condition");
        }
        if !end.is_set() && complete {
            errors.required(&end, "completionTime is required for Complete jobs");
        }
    }
    // Times of one form are in the order of their texts.
    let early = start.is_set() && end.is_set() && end.text() < start.text();
    if early && (ends || changed(new, old, "startTime")) {
        errors.invalid(&end, "completionTime cannot be set before startTime");
    }
    let met = new.is("SuccessCriteriaMet");
    if (failed != old.failed() || fails != old.is("FailureTarget")) && failed && !fails {
        refuse(new, "cannot set Failed=True condition without the FailureTarget=true condition", errors);
    }
    if (completes || met != old.is("SuccessCriteriaMet")) && complete && !met {
        refuse(
            new,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
            errors,
        );
    }
}

fn validate_finished(new: &Told, old: &Told, errors: &mut Errors) {
    let finishes = new.finished() != old.finished();
    let about = |field: &str| new.finished() && (finishes || changed(new, old, field));
    let (active, terminating) = (new.status.get("active"), new.status.get("terminating"));
    if about("active") && active.int() > 0 {
        errors.invalid(&active, "active>0 is invalid for finished job");
    }
    let start = new.status.get("startTime");
    if about("startTime") && !start.is_set() {
        errors.required(&start, "startTime is required for finished job");
    }
    if about("uncountedTerminatedPods") && new.uncounted() > 0 {
        let why = "uncountedTerminatedPods needs to be empty for finished job";
        errors.invalid(&new.status.get("uncountedTerminatedPods"), why);
    }
    if about("terminating") && terminating.int() > 0 {
        errors.invalid(&terminating, "terminating>0 is invalid for finished job");
    }
    let ready = new.status.get("ready");
    let counted = changed(new, old, "ready") || changed(new, old, "active");
    if counted && ready.int() > active.int() {
        errors.invalid(&ready, "cannot set more ready pods than active");
    }
}

fn validate_success(spec: &At, new: &Told, errors: &mut Errors) {
    let met = new.is("SuccessCriteriaMet");
    if met && new.failed() {
        refuse(new, "cannot set SuccessCriteriaMet=True and Failed=true conditions", errors);
    }
    if met && new.is("FailureTarget") {
        refuse(new, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions", errors);
    }
    if spec.get("successPolicy").is_set() && !met && new.complete() {
        let why = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        refuse(new, why, errors);
    }
}

fn validate_steps(spec: &At, new: &Told, old: &Told, errors: &mut Errors) {
    for type_ in ["Failed", "Complete", "FailureTarget"] {
        if old.is(type_) && !new.is(type_) {
            refuse(new, &format!("cannot disable the terminal {type_}=True condition"), errors);
        }
    }
    // A Job of as many pods at a time as it needs can be made smaller.
    let indexed = spec.get("completionMode").text() == "Indexed";
    let scaled = indexed && spec.get("completions").value() == spec.get("parallelism").value();
    for (count, kept) in [("failed", true), ("succeeded", !scaled)] {
        let at = new.status.get(count);
        if kept && at.int() < old.status.get(count).int() {
            errors.invalid_int(&at, &format!("cannot decrease the {count} counter"));
        }
    }
    let (end, ended) = (new.status.get("completionTime"), old.status.get("completionTime"));
    if end.is_set() && ended.is_set() && end.value() != ended.value() {
        errors.invalid(&end, "completionTime cannot be mutated");
    }
    let start = new.status.get("startTime");
    let moved = old.status.get("startTime").is_set() && changed(new, old, "startTime");
    if moved && !spec.get("suspend").is_true() {
        errors.required(&start, "startTime cannot be removed for unsuspended job");
    }
    if old.is("SuccessCriteriaMet") && !new.is("SuccessCriteriaMet") {
        refuse(new, "cannot disable the SuccessCriteriaMet=True condition", errors);
    }
    if old.complete() && !old.is("SuccessCriteriaMet") && new.is("SuccessCriteriaMet") {
        let why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        refuse(new, why, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn refused(old: Value, new: Value, want: &[&str]) {
        let (old, new) = (json!({"spec": {}, "status": old}), json!({"spec": {}, "status": new}));
        let mut errors = Errors::default();
        job(&At::root(&new), &At::root(&old), &mut errors);
        let found: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(found, want, "{new}");
    }

    fn conditions(types: &[&str]) -> Value {
        types.iter().map(|type_| json!({"type": type_, "status": "True"})).collect()
    }

    #[test]
    fn a_job_ends_in_one_way_and_with_its_times() {
        let start = "2026-01-01T00:00:00Z";
        refused(
            json!({"startTime": start}),
            json!({"startTime": start, "active": 1, "conditions": conditions(&["Complete"])}),
            &[
                "status.completionTime: Required value: completionTime is required for Complete jobs",
                "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
                "status.active: Invalid value: 1: active>0 is invalid for finished job",
            ],
        );
        refused(
            json!({"startTime": start}),
            json!({"startTime": start, "conditions": conditions(&["Failed"])}),
            &[
                "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
            ],
        );
        refused(
            json!({"startTime": start}),
            json!({
                "startTime": start, "completionTime": "2025-12-31T00:00:00Z",
                "conditions": conditions(&["SuccessCriteriaMet", "Complete"]),
            }),
            &[
                "status.completionTime: Invalid value: \"2025-12-31T00:00:00Z\": completionTime cannot be set before startTime",
            ],
        );
    }

    #[test]
    fn what_has_been_counted_and_ended_stays() {
        let end = json!({"startTime": "2026-01-01T00:00:00Z", "failed": 2, "conditions": conditions(&["FailureTarget", "Failed"])});
        refused(end.clone(), end.clone(), &[]);
        refused(
            end,
            json!({"failed": 1, "ready": 1}),
            &[
                "status.ready: Invalid value: 1: cannot set more ready pods than active",
                "status.conditions: Invalid value: cannot disable the terminal Failed=True condition",
                "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition",
                "status.failed: Invalid value: 1: cannot decrease the failed counter",
                "status.startTime: Required value: startTime cannot be removed for unsuspended job",
            ],
        );
    }
}
