//! The rules of events (`pkg/apis/core/validation/events.go`). Events of the core group are checked as they always were; those of
//! their own group, which is another version of them, strictly.

use super::at::{At, Errors};
use super::{meta, text};
use crate::api::field_error::{FieldError, quoted};
use crate::api::{MetaExt, Object};

/// Lengths of what says who did what, and of what is said.
const WORD_MAX: usize = 128;
const NOTE_MAX: usize = 1_024;

/// What is wrong with an event that somebody sends. Those that components write are many, and are taken as they are.
pub fn validate(event: &Object, api_version: &str) -> Vec<FieldError> {
    let value = event.to_value();
    let (root, mut errors) = (At::root(&value), Errors::default());
    let place = event.namespace();
    validate_always(&root, if place.is_empty() { "default" } else { place }, &mut errors);
    if api_version.contains('/') {
        validate_strictly(&root, &mut errors);
    }
    if errors.is_empty() {
        meta::validate_object_meta(&root.get("metadata"), text::path_segment, &mut errors);
    }
    errors.into_vec()
}

/// `legacyValidateEvent`.
fn validate_always(object: &At, place: &str, errors: &mut Errors) {
    const OTHER: &str = "does not match event.namespace";
    let involved = object.get("involvedObject");
    let of_object = involved.get("namespace");
    let elsewhere = |errors: &mut Errors| errors.invalid_as(&of_object, &quoted(of_object.text()), OTHER);
    if !object.get("eventTime").is_set() {
        let agrees =
            if of_object.is_empty() { matches!(place, "" | "default") } else { place == of_object.text() };
        if !agrees {
            elsewhere(errors);
        }
    } else {
        if of_object.is_empty() && !matches!(place, "default" | "kube-system") {
            elsewhere(errors);
        }
        // The older version has another name for it.
        let reporter = object.get("reportingComponent");
        let at = object.named("reportingController").with(reporter.value());
        errors.require(&at);
        errors.text_as(&at, at.text(), text::qualified_name);
        for (field, max) in [("reportingInstance", WORD_MAX), ("action", WORD_MAX), ("reason", WORD_MAX)] {
            errors.require(&object.get(field));
            validate_length(&object.get(field), max, errors);
        }
        validate_length(&object.get("message"), NOTE_MAX, errors);
    }
    errors.text_as(&object.named("namespace"), place, text::dns_subdomain);
}

fn validate_length(at: &At, max: usize, errors: &mut Errors) {
    if at.text().len() > max {
        errors.invalid_as(at, "\"\"", &format!("can have at most {max} characters"));
    }
}

/// What is asked besides of an event that comes in the version of its own group (`ValidateEventCreate`).
fn validate_strictly(object: &At, errors: &mut Errors) {
    validate_series(object, errors);
    if !object.get("eventTime").is_set() {
        errors.required(&object.get("eventTime"), "");
    }
    let type_ = object.get("type");
    if !matches!(type_.text(), "Normal" | "Warning") {
        errors.invalid_as(&type_, "\"\"", &format!("has invalid value: {}", type_.text()));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let at = object.get(field);
        if at.is_set() && at.value() != 0 && (field != "source" || !at.is_empty()) {
            errors.invalid_as(&at, "\"\"", "needs to be unset");
        }
    }
}

fn validate_series(object: &At, errors: &mut Errors) {
    let series = object.get("series");
    if !series.is_set() {
        return;
    }
    if series.get("count").int() < 2 {
        errors.invalid_as(&series.get("count"), "\"\"", "should be at least 2");
    }
    if !series.get("lastObservedTime").is_set() {
        errors.required(&series.get("lastObservedTime"), "");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Kind;

    #[track_caller]
    fn check(api_version: &str, mut event: serde_json::Value, want: &[&str]) {
        event["apiVersion"] = api_version.into();
        event["kind"] = "Event".into();
        let event = Object::from_value(Kind::EVENT, event).unwrap();
        let found: Vec<String> = validate(&event, api_version).iter().map(ToString::to_string).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn events_are_asked_more_in_their_own_group() {
        let meta = json!({"name": "a"});
        check("v1", json!({"metadata": meta}), &[]);
        check(
            "v1",
            json!({"metadata": meta, "involvedObject": {"namespace": "web"}}),
            &["involvedObject.namespace: Invalid value: \"web\": does not match event.namespace"],
        );
        check(
            "events.k8s.io/v1",
            json!({"metadata": meta, "deprecatedCount": 2}),
            &[
                "eventTime: Required value",
                "type: Invalid value: \"\": has invalid value: ",
                "count: Invalid value: \"\": needs to be unset",
            ],
        );
        check(
            "events.k8s.io/v1",
            json!({
                "metadata": meta, "type": "Normal", "eventTime": "2020-01-01T00:00:00.000000Z", "action": "a", "reason": "b",
                "reportingController": "c", "reportingInstance": "d", "series": {"count": 1},
            }),
            &[
                "series.count: Invalid value: \"\": should be at least 2",
                "series.lastObservedTime: Required value",
            ],
        );
    }
}
