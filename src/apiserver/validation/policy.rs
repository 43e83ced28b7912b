//! The rules of admission policies and their bindings (`pkg/apis/admissionregistration/validation`). Their expressions must compile.

use super::at::{At, Errors};
use super::meta::validate_selector;
use super::registration::validate_rule;
use super::text;
use crate::api::cel::{self, OBJECTS, Program, Type, namespace_type, request_type};
use crate::api::field_error::quoted;
use crate::apiserver::admission::POLICY_NAMES;

const REASONS: [&str; 4] = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const CONDITIONS_MAX: usize = 64;
const ANNOTATIONS_MAX: usize = 20;
/// Of an expression that makes the value of an annotation.
const ANNOTATION_BYTES_MAX: usize = 5 * 1024;

/// What an expression is for.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Condition,
    Message,
    Annotation,
    Variable,
    Configuration,
    Patch,
}

impl Role {
    /// The types of which one is wanted, by their names; nothing where all will do.
    fn wanted(self) -> Vec<Type<'static>> {
        match self {
            Role::Condition => vec![Type::Plain('b')],
            Role::Message => vec![Type::Plain('s')],
            Role::Annotation => vec![Type::Plain('s'), Type::Plain('n')],
            Role::Variable => vec![],
            Role::Configuration => vec![Type::Plain('O')],
            Role::Patch => vec![Type::List(Type::Plain('J').into())],
        }
    }

    /// Why a type is none that is wanted.
    fn misfit(self, found: &Type) -> Option<String> {
        let wanted = self.wanted();
        let fits = |wanted: &Type| match (wanted, found) {
            // A list of nothing is one of patches.
            (Type::List(_), Type::List(item)) => **item == Type::Dyn || wanted == found,
            _ => wanted == found,
        };
        if wanted.is_empty() || wanted.iter().any(fits) {
            return None;
        }
        let names: Vec<String> = wanted.iter().map(Type::declared).collect();
        let names = match names.as_slice() {
            [one] => one.clone(),
            several => format!("one of [{}]", several.join(" ")),
        };
        Some(format!("must evaluate to {names} but got {}", found.declared()))
    }
}

/// What the variables of a policy are known to be.
type Variables = Vec<(String, Type<'static>)>;

/// `ValidateValidatingAdmissionPolicy`.
pub fn admission_policy(object: &At, errors: &mut Errors) {
    let spec = object.get("spec");
    let variables = validate_common(&spec, errors);
    let (validations, annotations) = (spec.get("validations"), spec.get("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        errors.required(&validations, why);
        errors.required(&annotations, why);
    }
    let with_params = spec.get("paramKind").is_set();
    for validation in validations.items() {
        validate_validation(with_params, &validation, &variables, errors);
    }
    if annotations.len() > ANNOTATIONS_MAX {
        errors.invalid(&annotations, &format!("must not have more than {ANNOTATIONS_MAX} auditAnnotations"));
    }
    let owner = object.get("metadata.name");
    for (index, annotation) in annotations.items().enumerate() {
        let (key, value) = (annotation.get("key"), annotation.get("valueExpression"));
        if owner.is_empty() {
            errors.invalid_as(&key, &super::text_shown(&key), "requires metadata.name be non-empty");
        } else {
            errors.text_as(&key, &format!("{}/{}", owner.text(), key.text()), text::qualified_name);
        }
        let length = value.text().trim().len();
        if length == 0 {
            errors.required(&value, "valueExpression is not specified");
        } else if length > ANNOTATION_BYTES_MAX {
            errors.required(&value, &format!("must not exceed {ANNOTATION_BYTES_MAX} bytes in length"));
        } else {
            compile(with_params, &value, Some(&variables), Role::Annotation, errors);
        }
        if annotations.items().take(index).any(|before| before.get("key").text() == key.text()) {
            errors.duplicate_as(&key, &super::text_shown(&key));
        }
    }
}

fn validate_validation(with_params: bool, validation: &At, variables: &Variables, errors: &mut Errors) {
    let (expression, message) = (validation.get("expression"), validation.get("message"));
    if expression.text().trim().is_empty() {
        errors.required(&expression, "expression is not specified");
    } else {
        compile(with_params, &expression, Some(variables), Role::Condition, errors);
    }
    let told = validation.get("messageExpression");
    if !told.is_empty() && told.text().trim().is_empty() {
        errors.invalid(&told, "must be non-empty if specified");
    } else if !told.is_empty() {
        compile(with_params, &told, Some(variables), Role::Message, errors);
    }
    if !message.is_empty() && message.text().trim().is_empty() {
        errors.invalid(&message, "message must be non-empty if specified");
    } else if message.text().trim().contains(['\n', '\r']) {
        // An expression of several lines needs no message here, other than a rule of a CustomResourceDefinition.
        errors.invalid(&message, "message must not contain line breaks");
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
    let mutations = spec.get("mutations");
    if mutations.is_empty() {
        errors.required(&mutations, "mutations must contain at least one item");
    }
    for mutation in mutations.items() {
        let type_ = mutation.get("patchType");
        let (own, other, role) = match type_.text() {
            "ApplyConfiguration" => ("applyConfiguration", "jsonPatch", Role::Configuration),
            "JSONPatch" => ("jsonPatch", "applyConfiguration", Role::Patch),
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
            compile(with_params, &expression, Some(&variables), role, errors);
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

/// What both sorts of policies have: parameters, constraints, conditions and variables. Returns what is known of the variables.
fn validate_common(spec: &At, errors: &mut Errors) -> Variables {
    if spec.get("failurePolicy").is_set() {
        errors.one_of(&spec.get("failurePolicy"), &["Fail", "Ignore"]);
    }
    let kind = spec.get("paramKind");
    if kind.is_set() {
        validate_param_kind(&kind, errors);
    }
    let constraints = spec.get("matchConstraints");
    if constraints.is_set() {
        validate_match(&constraints, errors);
        errors.require(&constraints.get("resourceRules"));
    } else {
        errors.required(&constraints, "");
    }
    validate_conditions(&spec.get("matchConditions"), spec.get("paramKind").is_set(), errors);
    let with_params = kind.is_set();
    let mut variables = Variables::new();
    for variable in spec.get("variables").items() {
        let (name, expression) = (variable.get("name"), variable.get("expression"));
        if name.text().trim().is_empty() {
            errors.required(&name, "name is not specified");
        } else if !is_identifier(name.text()) {
            errors.invalid(&name, "name is not a valid CEL identifier");
        }
        let mut type_ = Type::Dyn;
        if expression.text().trim().is_empty() {
            errors.required(&expression, "expression is not specified");
        } else {
            type_ = compile(with_params, &expression, Some(&variables), Role::Variable, errors);
        }
        variables.retain(|(known, _)| known != name.text());
        variables.push((name.text().into(), type_));
    }
    variables
}

/// `validateParamKind`: a group and version as APIServices have them, and a kind.
fn validate_param_kind(kind: &At, errors: &mut Errors) {
    let (version, name) = (kind.get("apiVersion"), kind.get("kind"));
    let label = |text: &str| text::dns_1035_label(text).join(",");
    let invalid = |at: &At, shown: &str, why: &str, errors: &mut Errors| {
        if !why.is_empty() {
            errors.invalid_as(at, &quoted(shown), why);
        }
    };
    if !errors.require(&version) {
        let (group, number) = version.text().split_once('/').unwrap_or(("", version.text()));
        if number.contains('/') {
            invalid(
                &version,
                version.text(),
                &format!("unexpected GroupVersion string: {}", version.text()),
                errors,
            );
        } else {
            if !group.is_empty() {
                invalid(&version, group, &text::dns_subdomain(group).join(","), errors);
            }
            if number.is_empty() {
                invalid(&version, version.text(), "version must be specified", errors);
            } else {
                invalid(&version, number, &label(number), errors);
            }
        }
    }
    if !errors.require(&name) {
        let why = label(&name.text().to_lowercase());
        if !why.is_empty() {
            errors.invalid(&name, &format!("may have mixed case, but should otherwise match: {why}"));
        }
    }
}

/// Whether a name can stand in an expression.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
        && !cel::is_reserved(name)
}

/// What stays known of a type when a variable has it: plain types, and lists and maps of them.
fn as_variable(found: Type) -> Type<'static> {
    match found {
        Type::Plain(plain) if "bydrinstu".contains(plain) => Type::Plain(plain),
        Type::List(item) => Type::List(as_variable((*item).clone()).into()),
        Type::Map(key, value) => {
            Type::Map(as_variable((*key).clone()).into(), as_variable((*value).clone()).into())
        }
        _ => Type::Dyn,
    }
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
            compile(with_params, &expression, None, Role::Condition, errors);
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
    if constraints.get("matchPolicy").is_set() {
        errors.one_of(&constraints.get("matchPolicy"), &["Equivalent", "Exact"]);
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        validate_selector(&constraints.get(selector), errors);
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        for rule in constraints.get(list).items() {
            let names = rule.get("resourceNames");
            for (index, name) in names.items().enumerate() {
                errors.text(&name, text::path_segment);
                if names.texts().take(index).any(|before| before == name.text()) {
                    errors.duplicate_as(&name, &super::text_shown(&name));
                }
            }
            validate_rule(&rule, errors);
        }
    }
}

/// An expression must fit what policies know: parameters if they are asked for, and the variables before, where there may be some.
/// Returns what is known of its value.
fn compile(
    with_params: bool,
    at: &At,
    variables: Option<&Variables>,
    role: Role,
    errors: &mut Errors,
) -> Type<'static> {
    let type_of = |name: &str| match name {
        "request" => request_type(),
        "namespaceObject" => namespace_type(),
        _ => Type::Dyn,
    };
    let given = |name: &&str| match *name {
        "params" => with_params,
        "authorizer" => role != Role::Message,
        _ => true,
    };
    let mut declared: Vec<(&str, Type)> =
        POLICY_NAMES.into_iter().filter(given).map(|name| (name, type_of(name))).collect();
    // Objects are made in mutations alone.
    if matches!(role, Role::Configuration | Role::Patch) {
        declared.push((OBJECTS, Type::Dyn));
    }
    if let Some(variables) = variables {
        declared.push(("variables", Type::Record("kubernetes.variables", variables.clone().into())));
    }
    let (fault, found) = match Program::typed(at.text(), &declared) {
        Ok((_, found)) => (role.misfit(&found), as_variable(found)),
        Err(why) => (Some(why), Type::Dyn),
    };
    if let Some(why) = fault {
        errors.invalid(at, &why);
    }
    found
}

/// `ValidateValidatingAdmissionPolicyBinding`.
pub fn admission_policy_binding(object: &At, errors: &mut Errors) {
    const BOTH: &str = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and \
                        headers serves no purpose)";
    let spec = object.get("spec");
    validate_binding(&spec, errors);
    let actions = spec.get("validationActions");
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
    if actions.is_empty() {
        errors.required(&actions, "at least one validation action is required");
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
        const BOTH: &str = "name and selector are mutually exclusive";
        if !name.is_empty() {
            errors.text(&name, text::path_segment);
        }
        if !name.is_empty() && selector.is_set() {
            errors.forbidden(&name, BOTH);
        }
        validate_selector(&selector, errors);
        if !name.is_empty() && selector.is_set() {
            errors.forbidden(&selector, BOTH);
        }
        if name.is_empty() && !selector.is_set() {
            errors.required(&param, "one of name or selector must be specified");
        }
        let action = param.get("parameterNotFoundAction");
        errors.required_one_of(&action, &["Deny", "Allow"]);
    }
    if spec.get("matchResources").is_set() {
        validate_match(&spec.get("matchResources"), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    #[test]
    fn requests_and_namespaces_have_known_fields() {
        let cases = [
            ("request.operation == 'CREATE' && request.namespace == 'a' && request.dryRun", ""),
            ("request.userInfo.groups.exists(g, g == 'a') || 'k' in request.userInfo.extra", ""),
            ("namespaceObject != null && namespaceObject.metadata.labels['a'] == 'b'", ""),
            ("variables.n == 1 && variables.b", ""),
            ("request.foo == 'x'", "undefined field 'foo'"),
            ("request.object.spec.replicas > 1", "undefined field 'object'"),
            ("namespaceObject.metadata.ownerReferences.size() > 0", "undefined field 'ownerReferences'"),
            ("request.kind.kind == 1", "found no matching overload for '_==_' applied to '(string, int)'"),
            ("request.name", "must evaluate to bool but got string"),
            ("object.spec.paused", "must evaluate to bool but got dyn"),
            ("object.?spec.?paused.orValue(false)", "must evaluate to bool but got dyn"),
            ("variables.n", "must evaluate to bool but got dyn"),
            ("[request.dryRun]", "must evaluate to bool but got list(bool)"),
        ];
        for (expression, why) in cases {
            let policy = json!({"spec": {
                "matchConstraints": {"resourceRules": [
                    {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]},
                ]},
                "variables": [
                    {"name": "n", "expression": "object.spec.replicas"},
                    {"name": "b", "expression": "variables.n > 1"},
                ],
                "validations": [{"expression": expression}],
            }});
            let mut errors = Errors::default();
            admission_policy(&At::root(&policy), &mut errors);
            let told: Vec<String> = errors.into_vec().iter().map(ToString::to_string).collect();
            assert_eq!(told.is_empty(), why.is_empty(), "{expression}: {told:?}");
            assert!(told.iter().all(|told| told.contains(why)), "{expression}: {told:?}");
        }
    }

    #[test]
    fn what_surrounds_expressions_is_checked_in_order() {
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
            "resourceNames": ["a", "a", "b/c"]});
        let mut policy = json!({"metadata": {"name": "p"}, "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "object.spec.containers.all(c,\n  c.image != '')"}],
        }});
        let names = [
            "spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: \"a\"",
            "spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: \"b/c\": may not contain '/'",
        ];
        check(admission_policy, &policy, &names);
        policy["spec"]["matchConstraints"] = json!({"matchPolicy": "Some"});
        policy["spec"]["paramKind"] = json!({"apiVersion": "a/b/c", "kind": "ConfigMap"});
        policy["spec"]["variables"] = json!([{"name": "a-b", "expression": "1"}]);
        policy["spec"]["auditAnnotations"] = json!([{"key": "a b", "valueExpression": "''"}]);
        check(
            admission_policy,
            &policy,
            &[
                "spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c",
                "spec.matchConstraints.matchPolicy: Unsupported value: \"Some\": supported values: \"Equivalent\", \"Exact\"",
                "spec.matchConstraints.resourceRules: Required value",
                "spec.variables[0].name: Invalid value: \"a-b\": name is not a valid CEL identifier",
                "spec.auditAnnotations[0].key: Invalid value: \"p/a b\": name part must consist of alphanumeric characters, '-', '_' or \
                 '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used \
                 for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ],
        );
        check(
            admission_policy_binding,
            &json!({"spec": {"policyName": "p", "paramRef": {"name": "a", "selector": {}}}}),
            &[
                "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
                "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
                "spec.paramRef.parameterNotFoundAction: Required value",
                "spec.validationActions: Required value: at least one validation action is required",
            ],
        );
    }
}
