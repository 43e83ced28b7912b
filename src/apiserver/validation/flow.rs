//! The rules of what shares out the API server's time: FlowSchemas and PriorityLevelConfigurations
//! (`pkg/apis/flowcontrol/validation`).

use super::at::{At, Errors};
use super::text;
use crate::api::field_error::FieldError;

const PRECEDENCE_MAX: i64 = 10_000;
const QUEUES_MAX: i64 = 10_000_000;
/// Bits of a hash that a hand of queues may take.
const HASH_BITS: u32 = 60;
const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
/// The kinds of subjects, and the fields that name them.
const SUBJECTS: [(&str, &str); 3] =
    [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
const EXEMPT: &str = "exempt";

/// `ValidateFlowSchema`.
pub fn flow_schema(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let precedence = spec.get("matchingPrecedence");
    if precedence.int() <= 0 {
        errors.invalid_int(&precedence, "must be a positive value");
    }
    if precedence.int() > PRECEDENCE_MAX {
        errors.invalid(&precedence, &format!("must not be greater than {PRECEDENCE_MAX}"));
    }
    if precedence.int() == 1 && object.get("metadata.name").text() != EXEMPT {
        errors.invalid(&precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
    }
    if spec.get("distinguisherMethod").is_set() {
        errors.one_of(&spec.get("distinguisherMethod").get("type"), &["ByNamespace", "ByUser"]);
    }
    let level = spec.get("priorityLevelConfiguration");
    let name = level.get("name");
    if name.is_empty() {
        errors.required(&name, "must reference a priority level");
    } else {
        errors.text(&name, text::dns_subdomain);
    }
    spec.get("rules").items().for_each(|rule| validate_rule(&rule, errors));
}

fn validate_rule(rule: &At, errors: &mut Errors) {
    let (subjects, resources, urls) =
        (rule.get("subjects"), rule.get("resourceRules"), rule.get("nonResourceRules"));
    if subjects.is_empty() {
        errors.required(&subjects, "subjects must contain at least one value");
    }
    subjects.items().for_each(|subject| validate_subject(&subject, errors));
    if resources.is_empty() && urls.is_empty() {
        errors.required(rule, "at least one of resourceRules and nonResourceRules has to be non-empty");
    }
    for rule in resources.items() {
        validate_verbs(&rule, errors);
        for (field, missing, others) in [
            ("apiGroups", "resource rules must supply at least one api group", "api groups"),
            ("resources", "resource rules must supply at least one resource", "resources"),
        ] {
            if rule.get(field).is_empty() {
                errors.required(&rule.get(field), missing);
            } else {
                lone_star(&rule.get(field), others, errors);
            }
        }
        validate_namespaces(&rule, errors);
    }
    for rule in urls.items() {
        validate_verbs(&rule, errors);
        let urls = rule.get("nonResourceURLs");
        if urls.is_empty() {
            errors.required(&urls, "nonResourceURLs must contain at least one value");
        } else if !lone_star(&urls, "non-resource URLs", errors) {
            urls.items().for_each(|url| validate_url(&url, errors));
        }
    }
}

/// Whether a list has a star, which must then be all that it has.
fn lone_star(list: &At, others: &str, errors: &mut Errors) -> bool {
    let star = list.texts().any(|text| text == "*");
    if star && list.len() > 1 {
        errors.invalid(list, &format!("if '*' is present, must not specify other {others}"));
    }
    star
}

fn validate_verbs(rule: &At, errors: &mut Errors) {
    let verbs = rule.get("verbs");
    if verbs.is_empty() {
        errors.required(&verbs, "verbs must contain at least one value");
    } else if !lone_star(&verbs, "verbs", errors) && !verbs.texts().all(|verb| VERBS.contains(&verb)) {
        errors.push(FieldError::not_supported_as(&verbs.path(), &verbs.shown(), &VERBS));
    }
}

fn validate_namespaces(rule: &At, errors: &mut Errors) {
    let namespaces = rule.get("namespaces");
    if namespaces.is_empty() && !rule.get("clusterScope").is_true() {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        errors.required(&namespaces, why);
    } else if !lone_star(&namespaces, "namespaces", errors) {
        for namespace in namespaces.items() {
            for why in text::dns_label(namespace.text()) {
                let why = format!("each member of this list must be '*' or a DNS-1123 label; {why}");
                errors.invalid(&namespace, &why);
            }
        }
    }
}

/// A path, or the beginning of one and a star (`ValidateNonResourceURLPath`).
fn validate_url(url: &At, errors: &mut Errors) {
    let path = url.text();
    let stars = path.matches('*').count();
    let why = match path {
        "/" => return,
        "" => "must not be empty",
        _ if !path.starts_with('/') => "must start with slash",
        _ if path.contains(' ') => "must not contain white-space",
        _ if path.contains("//") => "must not contain double slash",
        _ if stars > 1 || (stars == 1 && !path.ends_with("/*")) => "wildcard can only do suffix matching",
        _ => return,
    };
    errors.invalid_as(url, &super::text_shown(url), why);
}

/// A subject has the one field of its kind.
fn validate_subject(subject: &At, errors: &mut Errors) {
    let kind = subject.get("kind");
    let Some((_, own)) = SUBJECTS.iter().find(|(name, _)| *name == kind.text()) else {
        return errors.unsupported(&kind, &["Group", "ServiceAccount", "User"]);
    };
    let named = subject.get(own);
    if named.is_set() {
        errors.require(&named.get("name"));
        if *own == "serviceAccount" {
            validate_account(&named, errors);
        }
    } else {
        errors.required(&named, &format!("{own} is required when subject kind is '{}'", kind.text()));
    }
    for (name, field) in SUBJECTS.iter().filter(|(_, field)| field != own) {
        if subject.get(field).is_set() {
            let why = format!("{field} is forbidden when subject kind is not '{name}'");
            errors.forbidden(&subject.get(field), &why);
        }
    }
}

fn validate_account(account: &At, errors: &mut Errors) {
    let (name, namespace) = (account.get("name"), account.get("namespace"));
    if !matches!(name.text(), "" | "*") {
        errors.text(&name, text::dns_subdomain);
    }
    if namespace.is_empty() {
        errors.required(&namespace, "must specify namespace for service account");
    } else {
        errors.text(&namespace, text::dns_label);
    }
}

/// `ValidatePriorityLevelConfiguration`.
pub fn priority_level(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let (type_, limited, exempt) = (spec.get("type"), spec.get("limited"), spec.get(EXEMPT));
    if (object.get("metadata.name").text() == EXEMPT) != (type_.text() == "Exempt") {
        let why = "type must be 'Exempt' if and only if name is 'exempt'";
        errors.invalid_as(&type_, &super::text_shown(&type_), why);
    }
    match type_.text() {
        "Exempt" => {
            validate_shares(&exempt, errors);
            if limited.is_set() {
                errors.forbidden(&limited, "must be nil if the type is not Limited");
            }
        }
        "Limited" => {
            if exempt.is_set() {
                errors.forbidden(&exempt, "must be nil if the type is Limited");
            }
            if limited.is_set() {
                validate_shares(&limited, errors);
                validate_response(&limited.get("limitResponse"), errors);
                let borrowed = limited.get("borrowingLimitPercent");
                if borrowed.int() < 0 {
                    errors.invalid(&borrowed, "if specified, must be a non-negative integer");
                }
            } else {
                errors.required(&limited, "must not be empty when type is Limited");
            }
        }
        _ => errors.unsupported(&type_, &["Exempt", "Limited"]),
    }
}

fn validate_shares(level: &At, errors: &mut Errors) {
    let shares = level.get("nominalConcurrencyShares");
    if shares.int() < 0 {
        errors.invalid(&shares, "must be a non-negative integer");
    }
    let lendable = level.get("lendablePercent");
    if lendable.is_set() {
        errors.within(&lendable, 0, 100);
    }
}

fn validate_response(response: &At, errors: &mut Errors) {
    let (type_, queuing) = (response.get("type"), response.get("queuing"));
    match type_.text() {
        "Reject" => {
            if queuing.is_set() {
                errors.forbidden(&queuing, "must be nil if limited.limitResponse.type is not Limited");
            }
        }
        "Queue" if !queuing.is_set() => {
            errors.required(&queuing, "must not be empty if limited.limitResponse.type is Limited");
        }
        "Queue" => validate_queues(&queuing, errors),
        _ => errors.unsupported(&type_, &["Queue", "Reject"]),
    }
}

fn validate_queues(queuing: &At, errors: &mut Errors) {
    let (queues, hand) = (queuing.get("queues"), queuing.get("handSize"));
    for field in ["queueLengthLimit", "queues"] {
        if queuing.get(field).int() <= 0 {
            errors.invalid_int(&queuing.get(field), "must be positive");
        }
    }
    if queues.int() > QUEUES_MAX {
        errors.invalid(&queues, &format!("must not be greater than {QUEUES_MAX}"));
    }
    if hand.int() <= 0 {
        errors.invalid_int(&hand, "must be positive");
    } else if hand.int() > queues.int() {
        errors.invalid(&hand, &format!("should not be greater than queues ({})", queues.int()));
    } else if entropy_bits(queues.int(), hand.int()) > HASH_BITS {
        let why = format!(
            "required entropy bits of deckSize {} and handSize {} should not be greater than {HASH_BITS}",
            queues.int(),
            hand.int()
        );
        errors.invalid(&hand, &why);
    }
}

/// The bits that it takes to draw a hand: of the number of ways, rounded up.
fn entropy_bits(queues: i64, hand: i64) -> u32 {
    let mut ways: u128 = 1;
    for card in 0..hand {
        ways = ways.saturating_mul((queues - card).unsigned_abs().into());
    }
    u128::BITS - (ways - 1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;
    use serde_json::json;

    #[test]
    fn a_schema_says_whose_requests_it_is_about() {
        let rule = json!({"subjects": [{"kind": "Group", "group": {"name": "system:unauthenticated"}}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/healthz", "/debug/*"]}]});
        let spec = json!({"matchingPrecedence": 1000, "priorityLevelConfiguration": {"name": "exempt"}, "rules": [rule]});
        check(flow_schema, &json!({"spec": spec}), &[]);
        let rule = json!({"subjects": [{"kind": "User", "group": {"name": "a"}}],
            "resourceRules": [{"verbs": ["read"], "apiGroups": ["*", ""], "resources": ["pods"]}]});
        check(
            flow_schema,
            &json!({"spec": {"matchingPrecedence": 1, "rules": [rule]}}),
            &[
                "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
                "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
                "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
                "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
                "spec.rules[0].resourceRules[0].verbs: Unsupported value: [\"read\"]: supported values: \"create\", \"delete\", \
                 \"deletecollection\", \"get\", \"list\", \"patch\", \"proxy\", \"update\", \"watch\"",
                "spec.rules[0].resourceRules[0].apiGroups: Invalid value: [\"*\",\"\"]: if '*' is present, must not specify other \
                 api groups",
                "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply \
                 at least one namespace",
            ],
        );
    }

    #[test]
    fn a_hand_of_queues_must_fit_a_hash() {
        let level = |queues: i64, hand: i64| {
            let queuing = json!({"queues": queues, "handSize": hand, "queueLengthLimit": 50});
            let limited = json!({"limitResponse": {"type": "Queue", "queuing": queuing}});
            json!({"metadata": {"name": "a"}, "spec": {"type": "Limited", "limited": limited}})
        };
        check(priority_level, &level(64, 8), &[]);
        check(
            priority_level,
            &level(4, 8),
            &[
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be greater than queues (4)",
            ],
        );
        check(
            priority_level,
            &level(512, 8),
            &[
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 \
                 should not be greater than 60",
            ],
        );
    }
}
