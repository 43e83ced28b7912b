//! The rules of workloads that keep pods running: Deployment, ReplicaSet, ReplicationController, StatefulSet, DaemonSet
//! (`pkg/apis/apps/validation`).

use serde_json::{Value, json};

use super::at::{At, Errors};
use super::meta::{selects_all, validate_selector};
use super::pod::validate_template_spec;
use super::storage::validate_claim_spec;
use super::{internal, text};
use crate::api::field_error::FieldError;

/// What a selector makes of a template's labels.
enum Selection {
    /// The selector cannot be read.
    Unreadable,
    /// It selects them, or it selects everything.
    Selected,
    /// It does not select them; an absent selector selects nothing.
    Missed,
}

/// A selector that is there, be it empty. Typed fields hold an absent one as `{}`, and decoding marks an empty one that was given.
fn is_given(selector: &At) -> bool {
    !selector.is_empty()
}

fn select(selector: &At, labels: &At) -> Selection {
    if !is_given(selector) {
        return Selection::Missed;
    }
    match super::selects(selector.value(), labels.value()) {
        None => Selection::Unreadable,
        Some(true) => Selection::Selected,
        Some(false) => Selection::Missed,
    }
}

fn show_selector(selector: &At) -> String {
    internal::dump("LabelSelector", selector.value())
}

/// A selector that must be there and select something in particular.
fn validate_own_selector(spec: &At, kind: &str, errors: &mut Errors) {
    let selector = spec.get("selector");
    if !is_given(&selector) {
        errors.required(&selector, "");
        return;
    }
    validate_selector(&selector, errors);
    if selects_all(&selector) {
        errors.invalid_as(
            &selector,
            &show_selector(&selector),
            &format!("empty selector is invalid for {kind}"),
        );
    }
}

/// The template must carry what the selector asks for.
fn validate_selected(template: &At, selection: &Selection, errors: &mut Errors) {
    if matches!(selection, Selection::Missed) {
        errors.invalid(&template.get("metadata.labels"), "`selector` does not match template `labels`");
    }
}

/// Pods that are kept running restart always, and have no deadline.
fn validate_runs_forever(template: &At, kind: &str, errors: &mut Errors) {
    let (policy, deadline) = (template.get("spec.restartPolicy"), template.get("spec.activeDeadlineSeconds"));
    if policy.text() != "Always" {
        errors.unsupported(&policy, &["Always"]);
    }
    if deadline.is_set() {
        errors.forbidden(&deadline, &format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

fn validate_replica_template(spec: &At, unreadable: &str, errors: &mut Errors) {
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    let selection = select(&selector, &template.get("metadata.labels"));
    if matches!(selection, Selection::Unreadable) {
        errors.invalid_as(&selector, &show_selector(&selector), unreadable);
        return;
    }
    validate_selected(&template, &selection, errors);
    validate_template_spec(&template, errors);
    validate_runs_forever(&template, "ReplicaSet", errors);
}

/// `ValidateDeployment`.
pub fn deployment(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    errors.non_negative(&spec.get("replicas"));
    validate_own_selector(&spec, "deployment", errors);
    validate_replica_template(&spec, "invalid label selector", errors);
    validate_deployment_strategy(&spec.get("strategy"), errors);
    errors.non_negative(&spec.get("minReadySeconds"));
    errors.non_negative(&spec.get("revisionHistoryLimit"));
    let deadline = spec.get("progressDeadlineSeconds");
    if deadline.is_set() {
        errors.non_negative(&deadline);
        if deadline.int() <= spec.get("minReadySeconds").int() {
            errors.invalid(&deadline, "must be greater than minReadySeconds");
        }
    }
}

fn validate_deployment_strategy(strategy: &At, errors: &mut Errors) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "Recreate" => {
            if rolling.is_set() {
                errors.forbidden(&rolling, "may not be specified when strategy `type` is 'Recreate'");
            }
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            validate_int_or_percent(&unavailable, errors);
            validate_int_or_percent(&surge, errors);
            if count_of(&unavailable) == 0 && count_of(&surge) == 0 {
                errors.invalid(&unavailable, "may not be 0 when `maxSurge` is 0");
            }
            validate_at_most_all(&unavailable, errors);
        }
        _ => unsupported_struct(strategy, "DeploymentStrategy", &["Recreate", "RollingUpdate"], errors),
    }
}

/// The whole struct is shown where its type is not known.
fn unsupported_struct(at: &At, type_: &str, supported: &[&str], errors: &mut Errors) {
    let shown = internal::dump(type_, at.value());
    errors.push(FieldError::not_supported_as(&at.path(), &shown, supported));
}

/// A count of zero or more, or a percentage.
pub fn validate_int_or_percent(at: &At, errors: &mut Errors) {
    match at.value() {
        Value::String(text) => errors.text_as(at, text, text::percent),
        _ => errors.non_negative(at),
    }
}

/// The number of a count or of a percentage.
fn count_of(at: &At) -> i64 {
    match at.value() {
        Value::String(text) => text.strip_suffix('%').unwrap_or(text).parse().unwrap_or_default(),
        _ => at.int(),
    }
}

/// A percentage of a hundred at most.
pub fn validate_at_most_all(at: &At, errors: &mut Errors) {
    if at.text().ends_with('%') && count_of(at) > 100 {
        errors.invalid(at, "must not be greater than 100%");
    }
}

/// `ValidateReplicaSet`.
pub fn replica_set(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    errors.non_negative(&spec.get("replicas"));
    errors.non_negative(&spec.get("minReadySeconds"));
    validate_own_selector(&spec, "deployment", errors);
    validate_replica_template(&spec, "invalid label selector", errors);
}

/// `ValidateReplicationController`.
pub fn replication_controller(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    errors.non_negative(&spec.get("minReadySeconds"));
    let selector = spec.get("selector");
    if selector.is_empty() {
        errors.required(&selector, "");
    }
    errors.non_negative(&spec.get("replicas"));
    let template = spec.get("template");
    if !template.is_set() {
        errors.required(&template, "");
        return;
    }
    let labels = template.get("metadata.labels");
    let selected = selector.keys().all(|key| labels.key(key).value() == selector.key(key).value());
    if !selected {
        errors.invalid(&labels, "`selector` does not match template `labels`");
    }
    validate_template_spec(&template, errors);
    validate_runs_forever(&template, "ReplicationController", errors);
}

/// `ValidateStatefulSet`.
pub fn stateful_set(object: &At, errors: &mut Errors) {
    let (spec, policy) = (object.get("spec"), object.get("spec.podManagementPolicy"));
    if !policy.is_empty() && !matches!(policy.text(), "OrderedReady" | "Parallel") {
        errors.invalid(&policy, "must be 'OrderedReady' or 'Parallel'");
    }
    validate_stateful_strategy(&spec.get("updateStrategy"), errors);
    let retention = spec.get("persistentVolumeClaimRetentionPolicy");
    if retention.is_set() {
        for when in ["whenDeleted", "whenScaled"] {
            errors.one_of(&retention.get(when), &["Retain", "Delete"]);
        }
    }
    for claim in spec.get("volumeClaimTemplates").items() {
        validate_claim_spec(&claim.get("spec"), errors);
    }
    errors.non_negative(&spec.get("replicas"));
    errors.non_negative(&spec.get("minReadySeconds"));
    let ordinals = spec.get("ordinals");
    errors.non_negative(&spec.named("ordinals.start").with(ordinals.get("start").value()));
    errors.non_negative(&spec.get("revisionHistoryLimit"));
    if !spec.get("serviceName").is_empty() {
        errors.text(&spec.get("serviceName"), text::dns_label);
    }
    validate_own_selector(&spec, "statefulset", errors);
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    let selection = select(&selector, &template.get("metadata.labels"));
    if matches!(selection, Selection::Unreadable) {
        errors.invalid_as(&selector, &show_selector(&selector), "");
    } else {
        validate_selected(&template, &selection, errors);
        validate_template_spec(&template.with(&with_claims(&spec)), errors);
    }
    validate_runs_forever(&template, "StatefulSet", errors);
}

/// The template of a StatefulSet's pods with the volumes that its claims give them, in place of those of the same names.
fn with_claims(spec: &At) -> Value {
    let mut template = spec.get("template").value().clone();
    let claims = spec.get("volumeClaimTemplates");
    let mut volumes: Vec<Value> = Vec::new();
    for name in claims.items().map(|claim| claim.get("metadata.name").value().clone()) {
        if volumes.iter().all(|volume| volume["name"] != name) {
            volumes.push(json!({"name": name, "persistentVolumeClaim": {"claimName": name}}));
        }
    }
    if let Some(fields) = template["spec"].as_object_mut().filter(|_| !volumes.is_empty()) {
        if let Some(Value::Array(own)) = fields.remove("volumes") {
            let others =
                own.into_iter().filter(|own| volumes.iter().all(|claim| claim["name"] != own["name"]));
            let others: Vec<Value> = others.collect();
            volumes.extend(others);
        }
        fields.insert("volumes".into(), volumes.into());
    }
    template
}

fn validate_stateful_strategy(strategy: &At, errors: &mut Errors) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "RollingUpdate" => errors.non_negative(&rolling.get("partition")),
        "OnDelete" => {
            if rolling.is_set() {
                let shown = internal::dump("RollingUpdateStatefulSetStrategy", rolling.value());
                errors.invalid_as(&rolling, &shown, "only allowed for updateStrategy 'RollingUpdate'");
            }
        }
        _ => {
            let shown = internal::dump("StatefulSetUpdateStrategy", strategy.value());
            errors.invalid_as(strategy, &shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
}

/// `ValidateStatefulSetUpdate`.
pub fn stateful_set_update(object: &At, old: &At, errors: &mut Errors) {
    const MUTABLE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    if !super::equal_but(object.get("spec").value(), old.get("spec").value(), &MUTABLE) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
                   'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        errors.forbidden(&object.get("spec"), why);
    }
}

/// `ValidateDaemonSet`.
pub fn daemon_set(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    validate_selector(&selector, errors);
    validate_selected(&template, &select(&selector, &template.get("metadata.labels")), errors);
    if is_given(&selector) && selects_all(&selector) {
        errors.invalid_as(&selector, &show_selector(&selector), "empty selector is invalid for daemonset");
    }
    validate_template_spec(&template, errors);
    validate_runs_forever(&template, "DaemonSet", errors);
    errors.non_negative(&spec.get("minReadySeconds"));
    let strategy = spec.get("updateStrategy");
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "OnDelete" => {}
        "RollingUpdate" => validate_daemon_rolling(&rolling, errors),
        _ => unsupported_struct(&strategy, "DaemonSetUpdateStrategy", &["RollingUpdate", "OnDelete"], errors),
    }
    errors.non_negative(&spec.get("revisionHistoryLimit"));
}

fn validate_daemon_rolling(rolling: &At, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
    for at in [&unavailable, &surge] {
        validate_int_or_percent(at, errors);
    }
    for at in [&unavailable, &surge] {
        validate_at_most_all(at, errors);
    }
    match (count_of(&unavailable) != 0, count_of(&surge) != 0) {
        (true, true) => errors.invalid(&surge, "may not be set when maxUnavailable is non-zero"),
        (false, false) => errors.required(&unavailable, "cannot be 0 when maxSurge is 0"),
        _ => {}
    }
}

/// A workload's selector may never change.
pub fn immutable_selector(object: &At, old: &At, errors: &mut Errors) {
    let selector = object.get("spec.selector");
    if selector.value() != old.get("spec.selector").value() {
        errors.invalid_as(&selector, &show_selector(&selector), "field is immutable");
    }
}

/// `ValidateControllerRevision`.
pub fn controller_revision(object: &At, errors: &mut Errors) {
    if !object.get("data").is_set() {
        errors.required(&object.get("data"), "data is mandatory");
    }
    errors.non_negative(&object.get("revision"));
}

/// `ValidatePodTemplate`.
pub fn pod_template(object: &At, errors: &mut Errors) {
    validate_template_spec(&object.get("template"), errors);
}

#[cfg(test)]
mod tests {
    use super::super::at::check;
    use super::*;

    #[test]
    fn a_stateful_set_is_checked_with_its_pods_and_claims() {
        let set = |spec: Value| {
            let mut set = json!({"spec": {
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate"},
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "volumes": [{"name": "own", "emptyDir": {}}],
                    "containers": [{
                        "name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
                        "volumeMounts": [{"name": "own", "mountPath": "/o"}, {"name": "data", "mountPath": "/d"}],
                    }],
                }},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                }}],
            }});
            for (path, value) in spec.as_object().into_iter().flatten() {
                *set.pointer_mut(path).unwrap() = value.clone();
            }
            set
        };
        check(stateful_set, &set(json!({})), &[]);
        check(
            stateful_set,
            &set(json!({"/spec/volumeClaimTemplates/0/spec": {}})),
            &[
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
        );
        check(
            stateful_set,
            &set(json!({"/spec/volumeClaimTemplates/0/metadata/name": "other"})),
            &["spec.template.spec.containers[0].volumeMounts[1].name: Not found: \"data\""],
        );
        check(
            stateful_set,
            &set(
                json!({"/spec/template/spec/volumes": [{"name": "data"}, {"name": "own", "emptyDir": {}}, {"name": "own"}]}),
            ),
            &[
                "spec.template.spec.volumes[2]: Required value: must specify a volume type",
                "spec.template.spec.volumes[2].name: Duplicate value: \"own\"",
            ],
        );
        check(
            stateful_set,
            &set(json!({"/spec/template/spec/containers": []})),
            &["spec.template.spec.containers: Required value"],
        );
        let mut named = set(json!({}));
        named["spec"]["serviceName"] = "My_service".into();
        check(
            stateful_set,
            &named,
            &[
                "spec.serviceName: Invalid value: \"My_service\": a lowercase RFC 1123 label must consist of lower case \
               alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
               '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            ],
        );
    }
}
