//! The rules of kinds by which others join the API server: webhooks, admission policies, aggregated APIs, certificates.

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::policy::validate_conditions;
use super::text;
use crate::api::field_error::quoted;
use crate::api::manifest::base64;

const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const TIMEOUT_SECONDS_MAX: i64 = 30;
const GROUP_PRIORITY_MAX: i64 = 20_000;
const VERSION_PRIORITY_MAX: i64 = 1_000;

/// `ValidateMutatingWebhookConfiguration`, `ValidateValidatingWebhookConfiguration`.
pub fn webhooks(object: &At, errors: &mut Errors) {
    let webhooks = object.get("webhooks");
    let mut names: Vec<&str> = Vec::new();
    for webhook in webhooks.items() {
        let name = webhook.get("name");
        validate_webhook(&webhook, errors);
        let versions = webhook.get("admissionReviewVersions");
        if versions.is_empty() {
            errors.required(&versions, &format!("must specify one of {}", REVIEW_VERSIONS.join(", ")));
        } else if !versions.texts().any(|version| REVIEW_VERSIONS.contains(&version)) {
            errors
                .invalid(&versions, &format!("must include at least one of {}", REVIEW_VERSIONS.join(", ")));
        }
        if !name.is_empty() && names.contains(&name.text()) {
            errors.duplicate(&name);
        }
        names.push(name.text());
    }
}

fn validate_webhook(webhook: &At, errors: &mut Errors) {
    let name = webhook.get("name");
    if !errors.require(&name) {
        let reasons = text::dns_subdomain(name.text());
        if !reasons.is_empty() {
            errors.invalid(&name, &reasons.join(","));
        } else if name.text().split('.').count() < 3 {
            errors.invalid(&name, "should be a domain with at least three segments separated by dots");
        }
    }
    webhook.get("rules").items().for_each(|rule| validate_rule(&rule, errors));
    for (field, known) in [("failurePolicy", ["Fail", "Ignore"]), ("matchPolicy", ["Equivalent", "Exact"])] {
        if webhook.get(field).is_set() {
            errors.one_of(&webhook.get(field), &known);
        }
    }
    let effects = webhook.get("sideEffects");
    if effects.is_set() {
        errors.one_of(&effects, &SIDE_EFFECTS);
    } else {
        errors.required(&effects, &format!("must specify one of {}", SIDE_EFFECTS.join(", ")));
    }
    let timeout = webhook.get("timeoutSeconds");
    if timeout.is_set() && !(1..=TIMEOUT_SECONDS_MAX).contains(&timeout.int()) {
        errors.invalid(&timeout, "the timeout value must be between 1 and 30 seconds");
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        validate_selector(&webhook.get(selector), errors);
    }
    validate_client(&webhook.get("clientConfig"), errors);
    validate_conditions(&webhook.get("matchConditions"), false, errors);
    if webhook.get("reinvocationPolicy").is_set() {
        errors.one_of(&webhook.get("reinvocationPolicy"), &["IfNeeded", "Never"]);
    }
}

fn validate_client(client: &At, errors: &mut Errors) {
    let (url, service) = (client.get("url"), client.get("service"));
    if url.is_set() == service.is_set() {
        errors.required(client, "exactly one of url or service is required");
    } else if url.is_set() {
        if !url.text().starts_with("https://") {
            errors
                .invalid(&url, "'https' is the only allowed URL scheme; desired format: https://host[/path]");
        }
    } else {
        for (field, why) in
            [("name", "service name is required"), ("namespace", "service namespace is required")]
        {
            if service.get(field).is_empty() {
                errors.required(&service.get(field), why);
            }
        }
        let path = service.get("path");
        if !path.is_empty() && !path.text().starts_with('/') {
            errors.invalid(&path, "must start with a '/'");
        }
        if service.get("port").is_set() && !(1..=65_535).contains(&service.get("port").int()) {
            errors.invalid(&service.get("port"), "port is not valid: must be between 1 and 65535, inclusive");
        }
    }
}

/// `validateRuleWithOperations`
pub fn validate_rule(rule: &At, errors: &mut Errors) {
    let operations = rule.get("operations");
    errors.require(&operations);
    let lone = |list: &At, what: &str, errors: &mut Errors| {
        if list.len() > 1 && list.texts().any(|text| text == "*") {
            errors.invalid(list, &format!("if '*' is present, must not specify other {what}"));
        }
    };
    lone(&operations, "operations", errors);
    for operation in operations.items() {
        errors.one_of(&operation, &OPERATIONS);
    }
    for (field, what) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        errors.require(&rule.get(field));
        lone(&rule.get(field), what, errors);
    }
    for version in rule.get("apiVersions").items() {
        errors.require(&version);
    }
    errors.require(&rule.get("resources"));
    if rule.get("scope").is_set() {
        errors.one_of(&rule.get("scope"), &["*", "Cluster", "Namespaced"]);
    }
}

/// `ValidateAPIService`.
pub fn api_service(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (group, version, service) = (spec.get("group"), spec.get("version"), spec.get("service"));
    let (name, wanted) = (object.get("metadata.name"), format!("{}.{}", version.text(), group.text()));
    if name.text() != wanted {
        errors.invalid(&name, &format!("must be `spec.version+\".\"+spec.group`: {}", quoted(&wanted)));
    }
    if group.is_empty() {
        if version.text() != "v1" {
            errors.required(&group, "only v1 may have an empty group and it better be legacy kube");
        }
    } else {
        errors.text(&group, text::dns_subdomain);
    }
    errors.text(&version, text::dns_1035_label);
    for (field, max) in
        [("groupPriorityMinimum", GROUP_PRIORITY_MAX), ("versionPriority", VERSION_PRIORITY_MAX)]
    {
        let priority = spec.get(field);
        if !(1..=max).contains(&priority.int()) {
            errors.invalid_int(&priority, &format!("must be positive and less than {max}"));
        }
    }
    let (insecure, bundle) = (spec.get("insecureSkipTLSVerify"), spec.get("caBundle"));
    if !service.is_set() {
        if insecure.is_true() {
            errors.invalid(&insecure, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    errors.require(&service.get("namespace"));
    errors.require(&service.get("name"));
    if insecure.is_true() && !bundle.is_empty() {
        errors.invalid(&insecure, "may not be true if caBundle is present");
    }
}

/// `ValidateCertificateSigningRequestCreate`. What is in the request is not read.
pub fn signing_request(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (request, signer, usages) = (spec.get("request"), spec.get("signerName"), spec.get("usages"));
    let decoded = base64::decode(request.text()).unwrap_or_default();
    let pem = String::from_utf8_lossy(&decoded);
    if !pem.contains("-----BEGIN CERTIFICATE REQUEST-----")
        || !pem.contains("-----END CERTIFICATE REQUEST-----")
    {
        errors.invalid(&request, "PEM block type must be CERTIFICATE REQUEST");
    }
    errors.require(&usages);
    if signer.is_empty() {
        errors.required(&signer, "");
    } else if !signer
        .text()
        .split_once('/')
        .is_some_and(|(domain, path)| domain.contains('.') && !path.is_empty())
    {
        errors.invalid(
            &signer,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        );
    }
    let seconds = spec.get("expirationSeconds");
    if seconds.is_set() && seconds.int() < 600 {
        errors.invalid(&seconds, "may not specify a duration less than 600 seconds (10 minutes)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn webhooks_say_how_they_are_called() {
        let client = json!({"service": {"name": "hook", "namespace": "default"}});
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        let good = json!({"webhooks": [{
            "name": "a.example.com", "clientConfig": client, "rules": [rule], "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }]});
        check(webhooks, &good, &[]);
        check(
            webhooks,
            &json!({"webhooks": [{"name": "hook", "clientConfig": {}, "rules": [{"operations": ["*", "CREATE"]}]}]}),
            &[
                "webhooks[0].name: Invalid value: \"hook\": should be a domain with at least three segments separated by dots",
                "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is present, must not specify other \
                 operations",
                "webhooks[0].rules[0].apiGroups: Required value",
                "webhooks[0].rules[0].apiVersions: Required value",
                "webhooks[0].rules[0].resources: Required value",
                "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
                "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
                "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
            ],
        );
    }

    #[test]
    fn an_aggregated_api_is_named_after_its_version_and_group() {
        let service = json!({"name": "metrics-server", "namespace": "kube-system"});
        let mut object = json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {
            "group": "metrics.k8s.io", "version": "v1beta1", "service": service, "groupPriorityMinimum": 100,
            "versionPriority": 100, "insecureSkipTLSVerify": true,
        }});
        check(api_service, &object, &[]);
        object["metadata"]["name"] = json!("metrics");
        object["spec"]["versionPriority"] = json!(0);
        check(
            api_service,
            &object,
            &[
                "metadata.name: Invalid value: \"metrics\": must be `spec.version+\".\"+spec.group`: \"v1beta1.metrics.k8s.io\"",
                "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
            ],
        );
    }
}
