//! The rules of Jobs and CronJobs (`pkg/apis/batch/validation`).

use serde_json::Value;

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::networking::validate_prefixed_path;
use super::pod::validate_template_spec;
use super::{internal, text};
use crate::api::field_error::{FieldError, quoted};
use crate::api::{cron, typed};

/// Labels that tell a Job's pods, with and without a prefix.
pub const JOB_NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];
/// As [`JOB_NAME_LABELS`], for the Job's uid.
pub const JOB_UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];

const MAX_PARALLELISM_INDEXED: i64 = 100_000;
const MAX_FAILED_INDEXES: i64 = 100_000;
const COMPLETIONS_SOFT_MAX: i64 = 100_000;
const PARALLELISM_MAX_FOR_MANY: i64 = 10_000;
const POLICY_RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;

/// `ValidateJob`.
pub fn job(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    if !spec.get("manualSelector").is_true() {
        validate_generated_selector(object, errors);
    }
    validate_job_spec(&spec, errors);
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    if selector.is_set() {
        validate_selector(&selector, errors);
    } else {
        errors.required(&selector, "");
    }
    let labels = template.get("metadata.labels");
    let selected = selector.is_set() && super::selects(selector.value(), labels.value()) != Some(false);
    if !selected {
        errors.invalid(&labels, "`selector` does not match template `labels`");
    }
    let completions = spec.get("completions").int();
    if spec.get("completionMode").text() == "Indexed" && completions > 0 {
        let name = object.get("metadata.name");
        let hostname = format!("{}-{}", name.text(), completions - 1);
        if !text::dns_label(&hostname).is_empty() {
            let why = format!("will not able to create pod with invalid DNS label: {hostname}");
            errors.invalid(&name, &why);
        }
    }
}

/// Where the server chooses selector and labels, they must be what it chose.
fn validate_generated_selector(object: &At, errors: &mut Errors) {
    let (uid, name) = (object.get("metadata.uid").text(), object.get("metadata.name").text());
    let meta = object.get("spec.template.metadata");
    let labels = meta.get("labels");
    let expected = [
        (JOB_UID_LABELS[1], uid),
        (JOB_NAME_LABELS[1], name),
        (JOB_UID_LABELS[0], uid),
        (JOB_NAME_LABELS[0], name),
    ];
    for (key, value) in expected {
        let label = labels.key(key);
        let why = format!("must be '{value}'");
        if !label.is_set() {
            errors.required(&label, &why);
        } else if label.text() != value {
            errors.invalid_as(&label, &labels.shown(), &why);
        }
    }
    let map = typed::object(expected.iter().map(|(key, value)| ((*key).to_string(), Value::from(*value))));
    let selector = object.get("spec.selector");
    if selector.is_set() && super::selects(selector.value(), &map) == Some(false) {
        let shown = internal::dump("LabelSelector", selector.value());
        errors.invalid_as(&selector, &shown, "`selector` not auto-generated");
    }
}

fn validate_job_spec(spec: &At, errors: &mut Errors) {
    for count in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        errors.non_negative(&spec.get(count));
    }
    let per_index = spec.get("backoffLimitPerIndex");
    if spec.get("maxFailedIndexes").is_set() && !per_index.is_set() {
        errors.required(&per_index, "when maxFailedIndexes is specified");
    }
    validate_managed_by(&spec.get("managedBy"), errors);
    validate_completion_mode(spec, errors);
    if spec.get("podFailurePolicy").is_set() {
        validate_failure_policy(spec, errors);
    }
    validate_success_policy(spec, errors);
    let replacement = spec.get("podReplacementPolicy");
    if replacement.is_set() {
        let allowed: &[&str] = if spec.get("podFailurePolicy").is_set() {
            &["Failed"]
        } else {
            &["Failed", "TerminatingOrFailed"]
        };
        errors.one_of(&replacement, allowed);
    }
    validate_template_spec(&spec.get("template"), errors);
    let policy = spec.get("template.spec.restartPolicy");
    match policy.text() {
        "Always" | "" => errors.required(&policy, "valid values: \"OnFailure\", \"Never\""),
        "Never" => {}
        "OnFailure" => {
            if spec.get("podFailurePolicy").is_set() {
                errors.invalid(&policy, "only \"Never\" is supported when podFailurePolicy is specified");
            }
        }
        _ => errors.unsupported(&policy, &["OnFailure", "Never"]),
    }
}

fn validate_managed_by(manager: &At, errors: &mut Errors) {
    if !manager.is_set() {
        return;
    }
    validate_prefixed_path(manager, errors);
    if manager.text().len() > 63 {
        errors.too_long(manager, 63);
    }
}

fn validate_completion_mode(spec: &At, errors: &mut Errors) {
    let (mode, completions) = (spec.get("completionMode"), spec.get("completions"));
    let (parallelism, failed) = (spec.get("parallelism"), spec.get("maxFailedIndexes"));
    let per_index = spec.get("backoffLimitPerIndex");
    if mode.is_set() {
        errors.one_of(&mode, &["NonIndexed", "Indexed"]);
    }
    if mode.text() != "Indexed" {
        if mode.text() == "NonIndexed" || !mode.is_set() {
            for at in [&per_index, &failed] {
                if at.is_set() {
                    errors.invalid(at, "requires indexed completion mode");
                }
            }
        }
        return;
    }
    if !completions.is_set() {
        errors.required(&completions, "when completion mode is Indexed");
    }
    if parallelism.int() > MAX_PARALLELISM_INDEXED {
        let why = format!(
            "must be less than or equal to {MAX_PARALLELISM_INDEXED} when completion mode is Indexed"
        );
        errors.invalid(&parallelism, &why);
    }
    if completions.is_set() && failed.is_set() && failed.int() > completions.int() {
        errors.invalid(&failed, "must be less than or equal to completions");
    }
    if failed.int() > MAX_FAILED_INDEXES {
        errors.invalid(&failed, &format!("must be less than or equal to {MAX_FAILED_INDEXES}"));
    }
    if completions.int() > COMPLETIONS_SOFT_MAX && per_index.is_set() {
        if !failed.is_set() {
            let why = format!("must be specified when completions is above {COMPLETIONS_SOFT_MAX}");
            errors.required(&failed, &why);
        }
        for at in [&parallelism, &failed] {
            if at.int() > PARALLELISM_MAX_FOR_MANY {
                let why = format!(
                    "must be less than or equal to {PARALLELISM_MAX_FOR_MANY} when completions are above \
                     {COMPLETIONS_SOFT_MAX} and used with backoff limit per index"
                );
                errors.invalid(at, &why);
            }
        }
    }
}

/// `Invalid value` without a value, as rules on whole rules say it.
fn invalid_rule(rule: &At, why: &str, errors: &mut Errors) {
    errors.push(FieldError::invalid_without_value(&rule.path(), why));
}

fn required_word(at: &At, words: &[&str], errors: &mut Errors) {
    if at.is_empty() {
        let list: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        errors.required(at, &format!("valid values: [{}]", list.join(" ")));
    } else {
        errors.one_of(at, words);
    }
}

fn validate_failure_policy(spec: &At, errors: &mut Errors) {
    let rules = spec.get("podFailurePolicy.rules");
    if rules.len() > POLICY_RULES_MAX {
        errors.too_many(&rules, POLICY_RULES_MAX);
    }
    for rule in rules.items() {
        let action = rule.get("action");
        if action.text() == "FailIndex" {
            if !spec.get("backoffLimitPerIndex").is_set() {
                errors.invalid(&action, "requires the backoffLimitPerIndex to be set");
            }
        } else {
            required_word(&action, &["Count", "FailIndex", "FailJob", "Ignore"], errors);
        }
        let (codes, conditions) = (rule.get("onExitCodes"), rule.get("onPodConditions"));
        if codes.is_set() {
            validate_exit_codes(spec, &codes, errors);
        }
        if conditions.len() > POLICY_RULES_MAX {
            errors.too_many(&conditions, POLICY_RULES_MAX);
        }
        for pattern in conditions.items() {
            errors.text_as(&pattern.get("type"), pattern.get("type").text(), text::qualified_name);
            required_word(&pattern.get("status"), &["False", "True", "Unknown"], errors);
        }
        match (codes.is_set(), !conditions.is_empty()) {
            (true, true) => invalid_rule(
                &rule,
                "specifying both OnExitCodes and OnPodConditions is not supported",
                errors,
            ),
            (false, false) => {
                invalid_rule(&rule, "specifying one of OnExitCodes and OnPodConditions is required", errors)
            }
            _ => {}
        }
    }
}

fn validate_exit_codes(spec: &At, codes: &At, errors: &mut Errors) {
    let (operator, name, values) = (codes.get("operator"), codes.get("containerName"), codes.get("values"));
    required_word(&operator, &["In", "NotIn"], errors);
    if name.is_set() {
        let template = spec.get("template.spec");
        let known = ["containers", "initContainers"]
            .iter()
            .any(|list| template.get(list).items().any(|c| c.get("name").text() == name.text()));
        if !known {
            let why = "must be one of the container or initContainer names in the pod template";
            errors.invalid(&name, why);
        }
    }
    if values.is_empty() {
        errors.invalid(&values, "at least one value is required");
    } else if values.len() > EXIT_CODES_MAX {
        errors.too_many(&values, EXIT_CODES_MAX);
    }
    let numbers: Vec<i64> = values.items().map(|value| value.int()).collect();
    for (index, value) in values.items().enumerate() {
        if operator.text() == "In" && value.int() == 0 {
            errors.invalid(&value, "must not be 0 for the In operator");
        }
        if numbers[..index].contains(&value.int()) {
            errors.duplicate(&value);
        }
    }
    if numbers.windows(2).any(|pair| pair[0] > pair[1]) {
        errors.invalid(&values, "must be ordered");
    }
}

fn validate_success_policy(spec: &At, errors: &mut Errors) {
    let policy = spec.get("successPolicy");
    if !policy.is_set() {
        return;
    }
    if spec.get("completionMode").text() != "Indexed" {
        let shown = internal::dump("SuccessPolicy", policy.value());
        errors.invalid_as(&policy, &shown, "requires indexed completion mode");
        return;
    }
    let rules = policy.get("rules");
    if rules.is_empty() {
        errors.required(&rules, "at least one rules must be specified when the successPolicy is specified");
    }
    if rules.len() > POLICY_RULES_MAX {
        errors.too_many(&rules, POLICY_RULES_MAX);
    }
    for rule in rules.items() {
        let (count, indexes) = (rule.get("succeededCount"), rule.get("succeededIndexes"));
        if !count.is_set() && !indexes.is_set() {
            errors.required(&rule, "at least one of succeededCount or succeededIndexes must be specified");
        }
        let completions = spec.get("completions").int();
        let total = indexes.is_set().then(|| count_indexes(indexes.text(), completions));
        if let Some(Err(why)) = &total {
            errors.invalid(&indexes, &format!("error parsing succeededIndexes: {why}"));
        }
        errors.non_negative(&count);
        if count.is_set() && count.int() > completions {
            let why =
                format!("must be less than or equal to {completions} (the number of specified completions)");
            errors.invalid(&count, &why);
        }
        let total = total.map(Result::unwrap_or_default);
        if let Some(total) = total.filter(|total| count.is_set() && count.int() > *total) {
            let why = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.invalid(&count, &why);
        }
    }
}

/// How many indexes `1,3-5` names, all below the number of completions and each above the one before.
fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let number = |part: &str| {
        let index = part
            .parse::<i32>()
            .map(i64::from)
            .map_err(|_| format!("cannot convert string to integer for index: {}", quoted(part)))?;
        if index >= completions {
            return Err(format!("too large index: {}", quoted(part)));
        }
        Ok(index)
    };
    let (mut total, mut last) = (0, None::<i64>);
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let limits: Vec<&str> = interval.split('-').collect();
        if limits.len() > 2 {
            let quoted = quoted(interval);
            return Err(format!(
                "the fragment {quoted} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let first = number(limits[0])?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        let end = limits.get(1).map_or(Ok(first), |end| number(end))?;
        if limits.len() == 2 && first >= end {
            return Err(format!("non-increasing order, previous: {first}, current: {end}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

/// `ValidateJobUpdate`.
pub fn job_update(object: &At, old: &At, errors: &mut Errors) {
    let waits = waits(old);
    let (spec, old) = (object.get("spec"), old.get("spec"));
    let completions = spec.get("completions");
    if spec.get("completionMode").text() == "Indexed" {
        let changed = completions.value() != old.get("completions").value();
        if changed && completions.is_set() && completions.int() != spec.get("parallelism").int() {
            errors.invalid(&completions, "can only be modified in tandem with spec.parallelism");
        }
    } else {
        errors.immutable(&completions, &old.get("completions"));
    }
    let selector = spec.get("selector");
    if selector.value() != old.get("selector").value() {
        let shown = internal::dump("LabelSelector", selector.value());
        errors.invalid_as(&selector, &shown, "field is immutable");
    }
    let template = spec.get("template");
    let mut before = old.get("template").value().clone();
    if waits {
        take_mutable(&mut before, template.value());
    }
    if *template.value() != before {
        let shown = internal::dump("PodTemplateSpec", template.value());
        errors.invalid_as(&template, &shown, "field is immutable");
    }
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        errors.immutable(&spec.get(field), &old.get(field));
    }
}

/// Whether a Job is suspended and has no pods: then its next pods may go elsewhere, and ask for other resources.
fn waits(job: &At) -> bool {
    let status = job.get("status");
    let says_so = |condition: At| {
        condition.get("type").text() == "Suspended" && condition.get("status").text() == "True"
    };
    job.get("spec.suspend").is_true()
        && status.get("active").int() == 0
        && (!status.get("startTime").is_set() || status.get("conditions").items().any(says_so))
}

/// Writes into an old template what a new one may change while its Job waits.
fn take_mutable(old: &mut Value, new: &Value) {
    for field in ["annotations", "labels"] {
        take(old, new, &["metadata"], field);
    }
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        take(old, new, &["spec"], field);
    }
    let others = |template: &Value| {
        let affinity = template["spec"]["affinity"].as_object();
        affinity.into_iter().flatten().any(|(field, _)| field != "nodeAffinity")
    };
    if others(old) || others(new) {
        take(old, new, &["spec", "affinity"], "nodeAffinity");
    } else {
        take(old, new, &["spec"], "affinity");
    }
    for list in ["containers", "initContainers"] {
        let containers = old.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
        let others = new["spec"][list].as_array();
        for (old, new) in containers.into_iter().flatten().zip(others.into_iter().flatten()) {
            take(old, new, &[], "resources");
        }
    }
}

/// Gives a field at the end of a way the value that it has elsewhere.
fn take(to: &mut Value, from: &Value, way: &[&str], field: &str) {
    let end = way.iter().try_fold(to, |to, step| to.get_mut(*step)).and_then(Value::as_object_mut);
    let Some(end) = end else { return };
    match way.iter().fold(from, |from, step| &from[*step]).get(field) {
        Some(value) => end.insert(field.into(), value.clone()),
        None => end.remove(field),
    };
}

/// `ValidateCronJobCreate`: an older name may be longer.
pub fn cron_job_create(object: &At, errors: &mut Errors) {
    let name = object.get("metadata.name");
    if name.text().len() > 52 {
        errors.invalid(&name, "must be no more than 52 characters");
    }
}

/// A CronJob, new or changed.
pub fn cron_job(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (schedule, zone) = (spec.get("schedule"), spec.get("timeZone"));
    if !errors.require(&schedule) {
        if let Err(why) = cron::parse(schedule.text()) {
            errors.invalid(&schedule, &why);
        }
        if schedule.text().contains("TZ") {
            let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            errors.invalid(&schedule, why);
        }
    }
    errors.non_negative(&spec.get("startingDeadlineSeconds"));
    if zone.is_set() {
        if zone.is_empty() {
            errors.invalid(&zone, "timeZone must be nil or non-empty string");
        } else if zone.text().eq_ignore_ascii_case("local") {
            let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
            errors.invalid(&zone, why);
        } else if !cron::is_time_zone(zone.text()) {
            errors.invalid(&zone, &format!("unknown time zone {}", zone.text()));
        }
    }
    errors.required_one_of(&spec.get("concurrencyPolicy"), &["Allow", "Forbid", "Replace"]);
    let template = spec.get("jobTemplate.spec");
    validate_job_spec(&template, errors);
    let selector = template.get("selector");
    if selector.is_set() {
        let shown = internal::dump("LabelSelector", selector.value());
        errors.invalid_as(&selector, &shown, "`selector` will be auto-generated");
    }
    let manual = template.get("manualSelector");
    if manual.is_true() {
        errors.push(FieldError::not_supported_as(&manual.path(), "true", &["nil", "false"]));
    }
    errors.non_negative(&spec.get("successfulJobsHistoryLimit"));
    errors.non_negative(&spec.get("failedJobsHistoryLimit"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn indexes_are_named_in_order() {
        assert_eq!(count_indexes("", 5), Ok(0));
        assert_eq!(count_indexes("0,2-4", 5), Ok(4));
        let wrong = |text| count_indexes(text, 5).unwrap_err();
        assert_eq!(wrong("1,1"), "non-increasing order, previous: 1, current: 1");
        assert_eq!(wrong("3-2"), "non-increasing order, previous: 3, current: 2");
        assert_eq!(wrong("5"), "too large index: \"5\"");
        assert_eq!(wrong("a"), "cannot convert string to integer for index: \"a\"");
    }

    #[test]
    fn the_template_of_a_job_changes_in_part_while_the_job_waits() {
        let job = |suspend: bool, status: Value, pod: Value| json!({"spec": {"suspend": suspend, "template": {"spec": pod}}, "status": status});
        let pod = |cpu: &str, image: &str| json!({"containers": [{"name": "c", "image": image, "resources": {"requests": {"cpu": cpu}}}]});
        let mut moved = pod("2", "i");
        moved["nodeSelector"] = json!({"disk": "ssd"});
        moved["affinity"] = json!({"nodeAffinity": {}});
        let cases = [
            (true, json!({}), moved.clone(), false),
            (
                true,
                json!({"startTime": "t", "conditions": [{"type": "Suspended", "status": "True"}]}),
                moved.clone(),
                false,
            ),
            (true, json!({"startTime": "t"}), moved.clone(), true),
            (true, json!({"active": 1}), moved.clone(), true),
            (false, json!({}), moved, true),
            (true, json!({}), pod("1", "other"), true),
        ];
        for (suspend, status, new, refused) in cases {
            let (old, new) = (job(suspend, status, pod("1", "i")), job(suspend, json!({}), new));
            let mut errors = Errors::default();
            job_update(&At::root(&new), &At::root(&old), &mut errors);
            assert_eq!(!errors.is_empty(), refused, "{old} {new}");
        }
    }
}
