//! The rules of admission policies and their bindings (`pkg/apis/admissionregistration/validation`). Their expressions must compile.

use serde_json::{Value, json};

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::registration::validate_rule;
use super::text;
use crate::api::cel::{OBJECTS, Program, Type, of_schema};
use crate::apiserver::admission::POLICY_NAMES;

const REASONS: [&str; 4] = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const CONDITIONS_MAX: usize = 64;
type Wanted<'a> = (&'a Type<'a>, &'a str);

const OF_BOOL: Wanted = (&Type::Plain('b'), "must evaluate to bool");
const OF_STRING: Wanted = (&Type::Plain('s'), "must evaluate to string");

/// `ValidateValidatingAdmissionPolicy`.
pub fn admission_policy(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let variables = validate_common(&spec, errors);
    let (validations, annotations) = (spec.get("validations"), spec.get("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        let why = "validations or auditAnnotations must be set";
        errors.required(&validations, why);
        errors.required(&annotations, why);
    }
    let with_params = spec.get("paramKind").is_set();
    for validation in validations.items() {
        validate_validation(with_params, &validation, &variables, errors);
    }
    for annotation in annotations.items() {
        let (key, value) = (annotation.get("key"), annotation.get("valueExpression"));
        errors.text(&key, text::qualified_name);
        if value.text().trim().is_empty() {
            errors.required(&value, "valueExpression is not specified");
        } else {
            compile(with_params, &value, &variables, None, errors);
        }
    }
}

fn validate_validation(with_params: bool, validation: &At, variables: &Value, errors: &mut Errors) {
    let (expression, message) = (validation.get("expression"), validation.get("message"));
    let has_lines = |at: &At| at.text().trim().contains(['\n', '\r']);
    if expression.text().trim().is_empty() {
        errors.required(&expression, "expression is not specified");
    } else {
        compile(with_params, &expression, variables, Some(OF_BOOL), errors);
    }
    let told = validation.get("messageExpression");
    if !told.is_empty() && told.text().trim().is_empty() {
        errors.invalid(&told, "must be non-empty if specified");
    } else if !told.is_empty() {
        compile(with_params, &told, variables, Some(OF_STRING), errors);
    }
    if !message.is_empty() && message.text().trim().is_empty() {
        errors.invalid(&message, "message must be non-empty if specified");
    } else if has_lines(&message) {
        errors.invalid(&message, "message must not contain line breaks");
    } else if has_lines(&expression) && message.text().trim().is_empty() {
        errors.required(&message, "message must be specified if expression contains line breaks");
    }
    if validation.get("reason").is_set() {
        errors.one_of(&validation.get("reason"), &REASONS);
    }
}

/// `ValidateMutatingAdmissionPolicy`.
pub fn mutating_policy(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let variables = validate_common(&spec, errors);
    let with_params = spec.get("paramKind").is_set();
    let patches = Type::List(Type::Plain('J').into());
    let mutations = spec.get("mutations");
    if mutations.is_empty() {
        errors.required(&mutations, "mutations must contain at least one item");
    }
    for mutation in mutations.items() {
        let type_ = mutation.get("patchType");
        let (own, other, wanted) = match type_.text() {
            "ApplyConfiguration" => {
                ("applyConfiguration", "jsonPatch", (&Type::Plain('O'), "must evaluate to Object"))
            }
            "JSONPatch" => {
                ("jsonPatch", "applyConfiguration", (&patches, "must evaluate to list(JSONPatch)"))
            }
            _ => {
                errors.required_one_of(&type_, &["ApplyConfiguration", "JSONPatch"]);
                continue;
            }
        };
        let part = mutation.get(own);
        let expression = part.get("expression");
        if !mutation.get(own).is_set() {
            errors.required(
                &mutation.get(own),
                &format!("must be specified when patchType is {}", type_.text()),
            );
        } else if expression.text().trim().is_empty() {
            errors.required(&expression, "expression is not specified");
        } else {
            compile(with_params, &expression, &variables, Some(wanted), errors);
        }
        if mutation.get(other).is_set() {
            errors.invalid_as(
                &mutation.get(other),
                "{}",
                &format!("must not be set when patchType is {}", type_.text()),
            );
        }
    }
    errors.required_one_of(&spec.get("reinvocationPolicy"), &["IfNeeded", "Never"]);
}

/// What both sorts of policies have: parameters, constraints, conditions and variables. Returns what is known of the variables, as a
/// schema.
fn validate_common(spec: &At, errors: &mut Errors) -> Value {
    if spec.get("failurePolicy").is_set() {
        errors.one_of(&spec.get("failurePolicy"), &["Fail", "Ignore"]);
    }
    let kind = spec.get("paramKind");
    if kind.is_set() {
        errors.require(&kind.get("apiVersion"));
        errors.require(&kind.get("kind"));
    }
    let constraints = spec.get("matchConstraints");
    if constraints.is_set() {
        errors.require(&constraints.get("resourceRules"));
        validate_match(&constraints, errors);
    } else {
        errors.required(&constraints, "");
    }
    validate_conditions(&spec.get("matchConditions"), spec.get("paramKind").is_set(), errors);
    let with_params = kind.is_set();
    let mut variables = no_variables();
    for variable in spec.get("variables").items() {
        let (name, expression) = (variable.get("name"), variable.get("expression"));
        if name.text().trim().is_empty() {
            errors.required(&name, "name is not specified");
        }
        if expression.text().trim().is_empty() {
            errors.required(&expression, "expression is not specified");
        } else {
            compile(with_params, &expression, &variables, None, errors);
        }
        variables["properties"][name.text()] = json!({"x-kubernetes-int-or-string": true});
    }
    variables
}

fn no_variables() -> Value {
    json!({"type": "object", "properties": {}})
}

/// The conditions under which a policy, or a webhook, is asked at all.
pub fn validate_conditions(conditions: &At, with_params: bool, errors: &mut Errors) {
    if conditions.len() > CONDITIONS_MAX {
        errors.too_many(conditions, CONDITIONS_MAX);
    }
    let mut names: Vec<&str> = Vec::new();
    for condition in conditions.items() {
        let (name, expression) = (condition.get("name"), condition.get("expression"));
        if expression.text().trim().is_empty() {
            errors.required(&expression, "");
        } else {
            compile(with_params, &expression, &no_variables(), Some(OF_BOOL), errors);
        }
        if !errors.require(&name) {
            errors.text(&name, text::qualified_name);
            if names.contains(&name.text()) {
                errors.duplicate(&name);
            }
        }
        names.push(name.text());
    }
}

fn validate_match(constraints: &At, errors: &mut Errors) {
    for list in ["resourceRules", "excludeResourceRules"] {
        constraints.get(list).items().for_each(|rule| validate_rule(&rule, errors));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        validate_selector(&constraints.get(selector), errors);
    }
    if constraints.get("matchPolicy").is_set() {
        errors.one_of(&constraints.get("matchPolicy"), &["Equivalent", "Exact"]);
    }
}

/// An expression must fit what policies know: parameters if they are asked for, and the variables before.
fn compile(with_params: bool, at: &At, variables: &Value, wanted: Option<Wanted>, errors: &mut Errors) {
    let given = |name: &&&str| **name != "params" || with_params;
    let mut declared: Vec<(&str, Type)> =
        POLICY_NAMES.iter().filter(given).map(|name| (*name, Type::Dyn)).collect();
    // Objects are made in mutations alone.
    if wanted.is_some_and(|(wanted, _)| matches!(wanted, Type::Plain('O') | Type::List(_))) {
        declared.push((OBJECTS, Type::Dyn));
    }
    declared.push(("variables", of_schema(variables, false).unwrap_or(Type::Dyn)));
    if let Err(why) = Program::compile(at.text(), &declared, wanted) {
        errors.invalid(at, &why);
    }
}

/// `ValidateValidatingAdmissionPolicyBinding`.
pub fn admission_policy_binding(object: &At, errors: &mut Errors) {
    const BOTH: &str = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and \
                        headers serves no purpose)";
    let spec = object.get("spec");
    validate_binding(&spec, errors);
    let actions = spec.get("validationActions");
    errors.require(&actions);
    let mut seen: Vec<&str> = Vec::new();
    for action in actions.items() {
        errors.one_of(&action, &["Audit", "Deny", "Warn"]);
        if seen.contains(&action.text()) {
            errors.duplicate(&action);
        }
        seen.push(action.text());
    }
    if ["Deny", "Warn"].iter().all(|action| seen.contains(action)) {
        errors.invalid(&actions, BOTH);
    }
}

/// `ValidateMutatingAdmissionPolicyBinding`.
pub fn mutating_binding(object: &At, errors: &mut Errors) {
    validate_binding(&object.get("spec"), errors);
}

fn validate_binding(spec: &At, errors: &mut Errors) {
    let name = spec.get("policyName");
    if !errors.require(&name) {
        errors.text(&name, text::dns_subdomain);
    }
    let param = spec.get("paramRef");
    if param.is_set() {
        let (name, selector) = (param.get("name"), param.get("selector"));
        match (name.is_empty(), selector.is_set()) {
            (true, false) => errors.required(&param, "one of name or selector must be specified"),
            (false, true) => errors.forbidden(&name, "name and selector are mutually exclusive"),
            (false, false) => errors.text(&name, text::path_segment),
            (true, true) => validate_selector(&selector, errors),
        }
        let action = param.get("parameterNotFoundAction");
        if action.is_set() {
            errors.one_of(&action, &["Deny", "Allow"]);
        } else {
            errors.required(&action, "");
        }
    }
    if spec.get("matchResources").is_set() {
        validate_match(&spec.get("matchResources"), errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::validation::at::check;

    #[test]
    fn expressions_of_policies_must_compile() {
        let rule = json!({"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]});
        let policy = |validation: Value| {
            json!({"spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "variables": [{"name": "n", "expression": "object.spec.replicas"}],
                "validations": [validation],
            }})
        };
        check(
            admission_policy,
            &policy(json!({"expression": "variables.n <= 5 && request.operation == 'CREATE'"})),
            &[],
        );
        check(
            admission_policy,
            &policy(json!({"expression": "variables.m <= 5", "reason": "Odd"})),
            &[
                "spec.validations[0].expression: Invalid value: \"variables.m <= 5\": compilation failed: ERROR: <input>:1:10: \
                 undefined field 'm'\n | variables.m <= 5\n | .........^",
                "spec.validations[0].reason: Unsupported value: \"Odd\": supported values: \"Forbidden\", \"Invalid\", \
                 \"RequestEntityTooLarge\", \"Unauthorized\"",
            ],
        );
        check(
            admission_policy,
            &policy(json!({"expression": "params.max > 1"})),
            &[
                "spec.validations[0].expression: Invalid value: \"params.max > 1\": compilation failed: ERROR: <input>:1:1: \
                 undeclared reference to 'params' (in container '')\n | params.max > 1\n | ^",
            ],
        );
    }
}
