//! ConfigMaps, Secrets, ServiceAccounts, namespaces and what limits them.

use sorted::SortedSet;

use serde_json::Value;

use super::Subject;
use super::page::Page;
use crate::api::Kind;
use crate::api::manifest::base64;
use crate::api::quantity;
use crate::kubectl::print::fields::Fields;

/// A ConfigMap.
pub fn config_map(page: &mut Page, subject: &Subject<'_>) {
    let map = subject.value;
    page.name_and_namespace(map);
    page.labels_and_annotations(map);
    page.put("\nData\n====\n");
    for (key, text) in map.map("data") {
        page.put(&format!("{key}:\n----\n{text}\n\n"));
    }
    page.put("\nBinaryData\n====\n");
    for (key, text) in map.map("binaryData") {
        page.put(&format!("{key}: {} bytes\n", decoded_len(&text)));
    }
    page.put("\n");
}

/// How many bytes a text in base 64 stands for.
fn decoded_len(text: &str) -> usize {
    let letters = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count();
    letters * 3 / 4
}

/// A Secret.
pub fn secret(page: &mut Page, subject: &Subject<'_>) {
    let secret = subject.value;
    page.name_and_namespace(secret);
    page.labels_and_annotations(secret);
    page.put(&format!("\nType:\t{}\n\nData\n====\n", secret.text("type")));
    let is_token = |key: &str| key == "token" && secret.text("type") == "kubernetes.io/service-account-token";
    for (key, text) in secret.map("data") {
        let shown = match base64::decode(&text).ok().filter(|_| is_token(&key)) {
            Some(token) => String::from_utf8_lossy(&token).into_owned(),
            None => format!("{} bytes", decoded_len(&text)),
        };
        page.field(0, &key, shown);
    }
}

/// A ServiceAccount.
pub fn service_account(page: &mut Page, subject: &Subject<'_>) {
    let account = subject.value;
    page.name_and_namespace(account);
    page.labels_and_annotations(account);
    let names = account.each("imagePullSecrets", "name");
    if names.is_empty() {
        page.put("Image pull secrets:\t<none>\n");
    }
    for (index, name) in names.into_iter().enumerate() {
        let label = if index == 0 { "Image pull secrets:" } else { "                   " };
        page.put(&format!("{label}\t{name}\n"));
    }
}

/// A namespace.
pub fn namespace(page: &mut Page, subject: &Subject<'_>) {
    let namespace = subject.value;
    page.field(0, "Name", subject.name());
    page.labels_and_annotations(namespace);
    page.field(0, "Status", namespace.text("status.phase"));
    page.timed_conditions(namespace, None);
    let inside = |kind: Kind| -> Vec<Value> {
        subject.view.objects(kind, Some(subject.name())).map(|object| object.to_value()).collect()
    };
    page.line(0, "");
    quotas(page, &inside(Kind::RESOURCE_QUOTA));
    page.line(0, "");
    let ranges = inside(Kind::LIMIT_RANGE);
    if ranges.is_empty() {
        page.line(0, "No LimitRange resource.");
        return;
    }
    page.line(0, "Resource Limits");
    page.line(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    page.line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    ranges.iter().for_each(|range| limits(page, range, " "));
}

fn quotas(page: &mut Page, quotas: &[Value]) {
    if quotas.is_empty() {
        page.line(0, "No resource quota.");
        return;
    }
    page.line(0, "Resource Quotas");
    for quota in quotas {
        page.field(1, "Name", quota.text("metadata.name"));
        scopes(page, quota, 1, "*");
        page.line(1, "Resource\tUsed\tHard");
        page.line(1, "--------\t---\t---");
        usage(page, quota, 1, |used, _| used.into());
    }
}

/// A ResourceQuota.
pub fn quota(page: &mut Page, subject: &Subject<'_>) {
    page.name_and_namespace(subject.value);
    scopes(page, subject.value, 0, " *");
    page.line(0, "Resource\tUsed\tHard");
    page.line(0, "--------\t----\t----");
    usage(page, subject.value, 0, quantity::in_form_of);
}

/// What is used of each resource, in the form that `shown` gives it beside the bound.
fn usage(page: &mut Page, quota: &Value, level: usize, shown: fn(&str, &str) -> String) {
    let used = quota.map("status.used");
    for (resource, hard) in quota.map("status.hard") {
        let used = shown(used.get(&resource).map_or("0", String::as_str), &hard);
        page.line(level, format!("{resource}\t{used}\t{hard}"));
    }
}

fn scopes(page: &mut Page, quota: &Value, level: usize, mark: &str) {
    let mut scopes = quota.texts("spec.scopes");
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    page.field(level, "Scopes", scopes.join(", "));
    for scope in scopes {
        let help = match scope {
            "Terminating" => {
                "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively \
                 terminated by the system."
            }
            "NotTerminating" => {
                "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container \
                 command is not expected to terminate."
            }
            "BestEffort" => {
                "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service."
            }
            "NotBestEffort" => {
                "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality \
                 of service."
            }
            _ => continue,
        };
        page.line(level, format!("{mark} {help}"));
    }
}

/// A LimitRange.
pub fn limit_range(page: &mut Page, subject: &Subject<'_>) {
    page.name_and_namespace(subject.value);
    page.line(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    page.line(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    limits(page, subject.value, "");
}

fn limits(page: &mut Page, range: &Value, prefix: &str) {
    const PARTS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for item in range.list("spec.limits") {
        let parts = PARTS.map(|part| item.map(part));
        let names: SortedSet<&String> = parts.iter().flat_map(|part| part.keys()).collect();
        for name in names {
            let cells = parts.each_ref().map(|part| part.get(name).map_or("-", String::as_str));
            page.line(0, format!("{prefix}{}\t{name}\t{}", item.text("type"), cells.join("\t")));
        }
    }
}
