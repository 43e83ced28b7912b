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
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
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
    if webhook.get("reinvocationPolicy").is_set() {
        errors.one_of(&webhook.get("reinvocationPolicy"), &["IfNeeded", "Never"]);
    }
    validate_client(&webhook.get("clientConfig"), errors);
    validate_conditions(&webhook.get("matchConditions"), false, errors);
}

/// Where a webhook is: at an address, or behind a service.
pub fn validate_client(client: &At, errors: &mut Errors) {
    let (url, service) = (client.get("url"), client.get("service"));
    if url.is_set() == service.is_set() {
        errors.required(client, "exactly one of url or service is required");
    } else if url.is_set() {
        validate_url(&url, errors);
    } else {
        validate_service(&service, errors);
    }
}

/// `ValidateWebhookService`.
fn validate_service(service: &At, errors: &mut Errors) {
    // The server takes each of the two for the other, and so names the one that is there.
    for (missing, named) in [("namespace", "name"), ("name", "namespace")] {
        if service.get(missing).is_empty() {
            errors.required(&service.get(named), "");
        }
    }
    validate_port(&service.get("port"), errors);
    validate_url_path(&service.get("path"), errors);
}

/// `ValidateWebhookURL`. What is wrong is shown, not the whole of it.
fn validate_url(url: &At, errors: &mut Errors) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (rest, fragment) = url.text().split_once('#').unwrap_or((url.text(), ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").map_or("", |rest| rest.split('/').next().unwrap_or_default());
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if !scheme.eq_ignore_ascii_case("https") {
        let why = format!("'https' is the only allowed URL scheme{FORM}");
        errors.invalid_as(url, &quoted(&scheme.to_ascii_lowercase()), &why);
    }
    if host.is_empty() {
        errors.invalid_as(url, "\"\"", &format!("host must be specified{FORM}"));
    }
    let parts = [
        (user, "user information is not permitted in the URL"),
        (Some(fragment).filter(|part| !part.is_empty()), "fragments are not permitted in the URL"),
        (Some(query).filter(|part| !part.is_empty()), "query parameters are not permitted in the URL"),
    ];
    for (part, why) in parts {
        if let Some(part) = part {
            errors.invalid_as(url, &quoted(part), why);
        }
    }
}

/// A port that somebody named; it has a default.
fn validate_port(port: &At, errors: &mut Errors) {
    if port.is_set() && !(1..=65_535).contains(&port.int()) {
        errors.invalid(port, "port is not valid: must be between 1 and 65535, inclusive");
    }
}

/// The path of a webhook that is a service: segments that are domain names.
fn validate_url_path(path: &At, errors: &mut Errors) {
    let text = path.text();
    if text.is_empty() || text == "/" {
        return;
    }
    if text == "//" {
        return errors.invalid(path, "segment[0] may not be empty");
    }
    if !text.starts_with('/') {
        errors.invalid(path, "must start with a '/'");
    }
    let rest = text.get(1..).unwrap_or_default();
    for (index, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            errors.invalid(path, &format!("segment[{index}] may not be empty"));
            continue;
        }
        for why in text::dns_subdomain(step) {
            errors.invalid(path, &format!("segment[{index}]: {why}"));
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
    validate_resources(&rule.get("resources"), errors);
    if rule.get("scope").is_set() {
        errors.one_of(&rule.get("scope"), &["*", "Cluster", "Namespaced"]);
    }
}

fn validate_resources(resources: &At, errors: &mut Errors) {
    errors.require(resources);
    let (mut with_any_part, mut of_any) = (Vec::new(), Vec::new());
    for resource in resources.items() {
        if errors.require(&resource) {
            continue;
        }
        let Some((name, part)) = resource.text().split_once('/') else { continue };
        let text = resource.text();
        if with_any_part.contains(&name) {
            errors.invalid(&resource, &format!("if '{name}/*' is present, must not specify {text}"));
        }
        if of_any.contains(&part) {
            errors.invalid(&resource, &format!("if '*/{part}' is present, must not specify {text}"));
        }
        if part == "*" {
            with_any_part.push(name);
        }
        if name == "*" {
            of_any.push(part);
        }
    }
    if resources.len() > 1 && resources.texts().any(|text| text == "*/*") {
        errors.invalid(resources, "if '*/*' is present, must not specify other resources");
    }
    // The server remembers of the last resource without a part whether it is `*`.
    let last_whole = resources.texts().filter(|text| !text.contains('/') && !text.is_empty()).last();
    if resources.texts().any(|text| text == "*") && last_whole.is_some_and(|text| text != "*") {
        errors.invalid(resources, "if '*' is present, must not specify other resources without subresources");
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
        if !bundle.is_empty() {
            let bytes = base64::decode(bundle.text()).map_or(0, |bytes| bytes.len());
            errors.invalid_as(
                &bundle,
                &quoted(&format!("{bytes} bytes")),
                "local APIServices may not have a caBundle",
            );
        }
        if insecure.is_true() {
            errors.invalid(&insecure, "local APIServices may not have insecureSkipTLSVerify");
        }
        return;
    }
    errors.require(&service.get("namespace"));
    errors.require(&service.get("name"));
    validate_port(&service.get("port"), errors);
    if insecure.is_true() && !bundle.is_empty() {
        errors.invalid(&insecure, "may not be true if caBundle is present");
    }
}

/// `ValidateCertificateSigningRequestCreate`. What is in the request is not read.
pub fn signing_request(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (request, signer, usages) = (spec.get("request"), spec.get("signerName"), spec.get("usages"));
    let decoded = base64::decode(request.text()).unwrap_or_default();
    if let Some(why) = fault_of_request(&String::from_utf8_lossy(&decoded)) {
        errors.invalid(&request, why);
    }
    if usages.is_empty() {
        errors.required(&usages, "usages must be provided");
    }
    for usage in usages.items() {
        errors.one_of(&usage, &USAGES);
    }
    for (index, usage) in usages.items().enumerate() {
        if usages.texts().take(index).any(|before| before == usage.text()) {
            errors.duplicate(&usage);
        }
    }
    validate_signer(&signer, errors);
    let seconds = spec.get("expirationSeconds");
    if seconds.is_set() && seconds.int() < 600 {
        errors.invalid(&seconds, "may not specify a duration less than 600 seconds (10 minutes)");
    }
}

/// What keeps a request from being read. Of what it says, only its length is looked at: most broken ones were cut short.
fn fault_of_request(pem: &str) -> Option<&'static str> {
    const NOT_PEM: &str = "PEM block type must be CERTIFICATE REQUEST";
    let body = pem.split_once("-----BEGIN CERTIFICATE REQUEST-----").map(|(_, rest)| rest);
    let Some((body, _)) = body.and_then(|rest| rest.split_once("-----END CERTIFICATE REQUEST-----")) else {
        return Some(NOT_PEM);
    };
    let Ok(der) = base64::decode(&body.split_whitespace().collect::<String>()) else { return Some(NOT_PEM) };
    let (Some(0x30), Some(first)) = (der.first(), der.get(1)) else { return None };
    let (start, long) =
        if *first < 0x80 { (2, 0) } else { (2 + usize::from(first & 0x7f), usize::from(first & 0x7f)) };
    let length = match long {
        0 => usize::from(*first),
        1..=3 if der.len() >= start => {
            der[2..start].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    match der.len().cmp(&(start + length)) {
        std::cmp::Ordering::Less => Some("asn1: syntax error: data truncated"),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some("asn1: syntax error: trailing data"),
    }
}

/// `ValidateCertificateSigningRequestSignerName`.
fn validate_signer(signer: &At, errors: &mut Errors) {
    if signer.is_empty() {
        errors.required(signer, "signerName must be provided");
        return;
    }
    if signer.text() == "kubernetes.io/legacy-unknown" {
        errors.invalid(signer, "the legacy signerName is not allowed via this API version");
        return;
    }
    let Some((domain, path)) = signer.text().split_once('/').filter(|(_, path)| !path.contains('/')) else {
        errors.invalid(
            signer,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        );
        return;
    };
    let labels = |part: &str, rule: text::Rule, errors: &mut Errors| {
        let broken = part.split('.').map(|label| (label, rule(label))).find(|(_, why)| !why.is_empty());
        for (label, why) in broken.iter().flat_map(|(label, why)| why.iter().map(move |why| (label, why))) {
            errors.invalid_as(signer, &quoted(part), &format!("validating label {}: {why}", quoted(label)));
        }
    };
    labels(domain, text::dns_label, errors);
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.invalid_as(signer, &quoted(domain), why);
    }
    labels(path, text::dns_subdomain, errors);
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
    fn webhooks_are_reached_at_plain_addresses_for_resources_that_do_not_overlap() {
        let hook = |client: &serde_json::Value, resources: &[&str]| {
            let rule = json!({"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": resources});
            json!({"webhooks": [{"name": "a.example.com", "clientConfig": client, "rules": [rule], "sideEffects": "None",
                "admissionReviewVersions": ["v1"]}]})
        };
        check(webhooks, &hook(&json!({"url": "https://example.com:8443/a/b"}), &["pods", "*/scale"]), &[]);
        check(
            webhooks,
            &hook(&json!({"url": "http://me@example.com/a?b#c"}), &["pods/*", "pods/status", "*", "nodes"]),
            &[
                "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/status\": if 'pods/*' is present, must not specify \
                 pods/status",
                "webhooks[0].rules[0].resources: Invalid value: [\"pods/*\",\"pods/status\",\"*\",\"nodes\"]: if '*' is present, \
                 must not specify other resources without subresources",
                "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: \
                 https://host[/path]",
                "webhooks[0].clientConfig.url: Invalid value: \"me\": user information is not permitted in the URL",
                "webhooks[0].clientConfig.url: Invalid value: \"c\": fragments are not permitted in the URL",
                "webhooks[0].clientConfig.url: Invalid value: \"b\": query parameters are not permitted in the URL",
            ],
        );
        check(
            webhooks,
            &hook(&json!({"service": {"name": "a", "path": "//"}}), &["pods"]),
            &[
                "webhooks[0].clientConfig.service.name: Required value",
                "webhooks[0].clientConfig.service.path: Invalid value: \"//\": segment[0] may not be empty",
            ],
        );
        let service = json!({"service": {"name": "a", "namespace": "b", "path": "/mutate//Pods"}});
        check(
            webhooks,
            &hook(&service, &["pods"]),
            &[
                "webhooks[0].clientConfig.service.path: Invalid value: \"/mutate//Pods\": segment[1] may not be empty",
                "webhooks[0].clientConfig.service.path: Invalid value: \"/mutate//Pods\": segment[2]: a lowercase RFC 1123 subdomain \
                 must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric \
                 character (e.g. 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ],
        );
    }

    #[test]
    fn a_request_to_be_signed_says_for_what_and_by_whom() {
        let pem =
            base64::encode(b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n");
        let request = |signer: &str, usages: &[&str]| json!({"spec": {"request": pem, "signerName": signer, "usages": usages}});
        check(signing_request, &request("kubernetes.io/kubelet-serving", &["server auth"]), &[]);
        check(
            signing_request,
            &request("kubernetes/x", &[]),
            &[
                "spec.usages: Required value: usages must be provided",
                "spec.signerName: Invalid value: \"kubernetes\": should be a domain with at least two segments separated by dots",
            ],
        );
        check(
            signing_request,
            &request("kubernetes.io/legacy-unknown", &["client auth", "client auth"]),
            &[
                "spec.usages[1]: Duplicate value: \"client auth\"",
                "spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via this \
                 API version",
            ],
        );
    }

    #[test]
    fn a_request_that_was_cut_short_is_refused() {
        let pem = |der: &[u8]| {
            format!(
                "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
                base64::encode(der)
            )
        };
        assert_eq!(fault_of_request(&pem(&[0x30, 2, 5, 0])), None);
        assert_eq!(
            fault_of_request(&pem(&[0x30, 0x82, 1, 0, 5])),
            Some("asn1: syntax error: data truncated")
        );
        assert_eq!(fault_of_request(&pem(&[0x30, 0, 5])), Some("asn1: syntax error: trailing data"));
        assert_eq!(fault_of_request("hello"), Some("PEM block type must be CERTIFICATE REQUEST"));
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
        object["spec"]["service"]["port"] = json!(70_000);
        check(
            api_service,
            &object,
            &[
                "metadata.name: Invalid value: \"metrics\": must be `spec.version+\".\"+spec.group`: \"v1beta1.metrics.k8s.io\"",
                "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
                "spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive",
            ],
        );
    }
}
