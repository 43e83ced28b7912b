//! Defaults and rules of a pod's spec, shared by pods and by every kind that holds a pod template.

use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::{Container, LabelSelector, PodSpec, PodTemplateSpec, Probe, ResourceRequirements};
use crate::api::selector::{Operator, Selector};
use crate::api::typed;
use crate::apiserver::validation::{dns_label, is_dns_label};

/// Fills in what a pod's spec leaves out (`pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec` and what it calls).
pub fn default_pod_spec(spec: &mut PodSpec) {
    spec.restart_policy.get_or_insert_with(|| "Always".into());
    spec.dns_policy.get_or_insert_with(|| "ClusterFirst".into());
    spec.scheduler_name.get_or_insert_with(|| "default-scheduler".into());
    spec.security_context.get_or_insert_default();
    let grace = spec.termination_grace_period_seconds.get_or_insert(30);
    if *grace < 0 {
        *grace = 1;
    }
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        default_container(container);
    }
    for toleration in spec.tolerations.iter_mut().flatten() {
        if toleration.operator.as_deref() == Some("") {
            toleration.operator = None;
        }
    }
}

fn default_container(container: &mut Container) {
    let latest = image_tag(container.image.as_deref().unwrap_or_default()).is_none_or(|tag| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    container.image_pull_policy.get_or_insert_with(|| policy.into());
    container.termination_message_path.get_or_insert_with(|| "/dev/termination-log".into());
    container.termination_message_policy.get_or_insert_with(|| "File".into());
    default_resources(container.resources.get_or_insert_default());
    for port in container.ports.iter_mut().flatten() {
        port.protocol.get_or_insert_with(|| "TCP".into());
    }
    for probe in [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe]
    {
        probe.iter_mut().for_each(default_probe);
    }
}

/// A limit without a request is a request too.
fn default_resources(resources: &mut ResourceRequirements) {
    for (name, limit) in resources.limits.iter().flatten() {
        resources.requests.get_or_insert_default().entry(name.clone()).or_insert_with(|| limit.clone());
    }
}

fn default_probe(probe: &mut Probe) {
    let at_least_one = |field: &mut Option<i32>, value: i32| {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    };
    at_least_one(&mut probe.timeout_seconds, 1);
    at_least_one(&mut probe.period_seconds, 10);
    at_least_one(&mut probe.success_threshold, 1);
    at_least_one(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        get.path.get_or_insert_with(|| "/".into());
        get.scheme.get_or_insert_with(|| "HTTP".into());
    }
}

/// The tag of an image reference: `v1` in `registry:5000/app:v1`; an image by digest has the digest as its tag.
pub fn image_tag(image: &str) -> Option<&str> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest);
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// The rules that a pod's spec breaks (`ValidatePodSpec`), as far as the model acts on them.
pub fn validate_pod_spec(spec: &PodSpec, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let containers = path.child("containers");
    if spec.containers.is_empty() {
        errors.push(FieldError::required(&containers, ""));
    }
    let mut names: Vec<&str> = Vec::new();
    let init = path.child("initContainers");
    let lists = [
        (&init, spec.init_containers.as_deref().unwrap_or_default()),
        (&containers, spec.containers.as_slice()),
    ];
    for (list, containers) in lists {
        for (index, container) in containers.iter().enumerate() {
            let path = list.index(index);
            validate_container(container, &path, &mut errors);
            if names.contains(&container.name.as_str()) {
                errors.push(FieldError::duplicate(&path.child("name"), quoted(&container.name)));
            }
            names.push(&container.name);
        }
    }
    let policy = spec.restart_policy.as_deref().unwrap_or_default();
    if !["Always", "OnFailure", "Never"].contains(&policy) {
        errors.push(FieldError::not_supported(
            &path.child("restartPolicy"),
            policy,
            &["Always", "OnFailure", "Never"],
        ));
    }
    errors
}

fn validate_container(container: &Container, path: &Path, errors: &mut Vec<FieldError>) {
    let name = path.child("name");
    if container.name.is_empty() {
        errors.push(FieldError::required(&name, ""));
    } else if !is_dns_label(&container.name) {
        errors.extend(
            dns_label(&container.name).map(|why| FieldError::invalid(&name, quoted(&container.name), &why)),
        );
    }
    if container.image.as_deref().unwrap_or_default().is_empty() {
        errors.push(FieldError::required(&path.child("image"), ""));
    }
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let path = path.child("ports").index(index).child("containerPort");
        match port.container_port {
            0 => errors.push(FieldError::required(&path, "")),
            1..=65535 => {}
            other => errors.push(FieldError::invalid(&path, other, "must be between 1 and 65535, inclusive")),
        }
    }
}

/// The rules of a workload's selector and template: the selector must select, and select the template's pods.
pub fn validate_selector_and_template(
    selector: &LabelSelector,
    template: Option<&PodTemplateSpec>,
    spec: &Path,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let at = spec.child("selector");
    let empty = selector.match_labels.as_ref().is_none_or(|m| m.is_empty())
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
    if empty {
        let shown = typed::write(selector).to_string();
        errors.push(FieldError::invalid(&at, shown, "empty selector is invalid for deployment"));
    }
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        let path = at.child("matchExpressions").index(index);
        match Operator::parse(&requirement.operator) {
            Some(Operator::In | Operator::NotIn) if requirement.values.as_ref().is_none_or(Vec::is_empty) => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(&path.child("values"), why));
            }
            Some(Operator::In | Operator::NotIn | Operator::Exists | Operator::DoesNotExist) => {}
            _ => {
                let why = "not a valid selector operator";
                errors.push(FieldError::invalid(&path.child("operator"), quoted(&requirement.operator), why));
            }
        }
    }
    let template_path = spec.child("template");
    let Some(template) = template else {
        errors.push(FieldError::required(&template_path, ""));
        return errors;
    };
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    let selects = Selector::from_field(selector).is_some_and(|selector| selector.matches(&labels));
    if !empty && errors.is_empty() && !selects {
        let shown = typed::write(&labels).to_string();
        let path = template_path.child("metadata").child("labels");
        errors.push(FieldError::invalid(&path, shown, "`selector` does not match template `labels`"));
    }
    let spec_path = template_path.child("spec");
    match &template.spec {
        Some(spec) => {
            errors.extend(validate_pod_spec(spec, &spec_path));
            let policy = spec.restart_policy.as_deref().unwrap_or_default();
            if policy == "OnFailure" || policy == "Never" {
                errors.push(FieldError::not_supported(
                    &spec_path.child("restartPolicy"),
                    policy,
                    &["Always"],
                ));
            }
        }
        None => errors.push(FieldError::required(&spec_path.child("containers"), "")),
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::image_tag;

    #[test]
    fn an_image_reference_gives_its_tag_or_digest() {
        let cases = [
            ("nginx", None),
            ("nginx:1.25", Some("1.25")),
            ("registry:5000/app", None),
            ("registry:5000/app:v1", Some("v1")),
            ("app@sha256:abc", Some("sha256:abc")),
        ];
        for (image, want) in cases {
            assert_eq!(image_tag(image), want, "{image}");
        }
    }
}
