//! `ValidatingAdmissionPolicy`: refuses what breaks the rules that users have written, where a binding says so
//! (`k8s.io/apiserver/pkg/admission/plugin/policy/validating`).

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::api::cel::{OBJECTS, Program, Type, Value};
use crate::api::k8s::LabelSelector;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Status, typed};
use crate::apiserver::View;

/// The kinds to which no policy applies.
const EXEMPT: [Kind; 4] = [
    Kind::VALIDATING_ADMISSION_POLICY,
    Kind::VALIDATING_ADMISSION_POLICY_BINDING,
    Kind::MUTATING_ADMISSION_POLICY,
    Kind::MUTATING_ADMISSION_POLICY_BINDING,
];

/// Whether no policy applies to objects of a kind.
pub fn is_exempt(kind: Kind) -> bool {
    EXEMPT.contains(&kind) || Kind::REVIEWS.contains(&kind)
}

/// What is asked for.
#[derive(Clone, Copy)]
pub enum Asked<'a> {
    /// A new object.
    Create(&'a Object),
    /// The object in place of the old one.
    Update(&'a Object, &'a Object),
    /// To be rid of the object.
    Delete(&'a Object),
}

impl<'a> Asked<'a> {
    /// A creation, or an update of what was there before.
    pub fn write(object: &'a Object, old: Option<&'a Object>) -> Asked<'a> {
        old.map_or(Asked::Create(object), |old| Asked::Update(object, old))
    }

    /// The object that the request is about.
    pub fn subject(self) -> &'a Object {
        match self {
            Asked::Create(object) | Asked::Update(object, _) | Asked::Delete(object) => object,
        }
    }

    fn operation(self) -> &'static str {
        match self {
            Asked::Create(_) => "CREATE",
            Asked::Update(..) => "UPDATE",
            Asked::Delete(_) => "DELETE",
        }
    }

    fn new_and_old(self) -> (Option<&'a Object>, Option<&'a Object>) {
        match self {
            Asked::Create(object) => (Some(object), None),
            Asked::Update(object, old) => (Some(object), Some(old)),
            Asked::Delete(object) => (None, Some(object)),
        }
    }
}

/// A rule that a request breaks, or that could not be asked.
struct Decision {
    policy: String,
    binding: String,
    actions: Vec<String>,
    message: String,
    reason: String,
}

impl Decision {
    fn asks_for(&self, action: &str) -> bool {
        self.actions.iter().any(|asked| asked == action)
    }
}

/// Refuses what breaks a rule under a binding that denies.
///
/// # Errors
/// With the rule's reason, `Invalid` unless it gives another.
pub fn validate(view: &View, asked: Asked) -> Result<(), Status> {
    let object = asked.subject();
    match decide(view, asked).into_iter().find(|decision| decision.asks_for("Deny")) {
        None => Ok(()),
        Some(Decision { policy, binding, message, reason, .. }) => {
            let why = format!(
                "ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {message}"
            );
            Err(Status::denied(object.kind(), object.name(), &why, &reason))
        }
    }
}

/// What breaks a rule under a binding that warns.
pub fn warnings(view: &View, asked: Asked) -> Vec<String> {
    let decisions = decide(view, asked).into_iter().filter(|decision| decision.asks_for("Warn"));
    let say = |Decision { policy, binding, message, .. }| {
        format!(
            "Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding}': {message}"
        )
    };
    decisions.map(say).collect()
}

fn decide(view: &View, asked: Asked) -> Vec<Decision> {
    let mut decisions = Vec::new();
    if is_exempt(asked.subject().kind()) {
        return decisions;
    }
    let mut request = None;
    for binding in view.objects(Kind::VALIDATING_ADMISSION_POLICY_BINDING, None) {
        let bound = binding.part("spec").clone();
        let name = bound["policyName"].as_str().unwrap_or_default();
        let Some(policy) = view.object(&Key::cluster(Kind::VALIDATING_ADMISSION_POLICY, name)) else {
            continue;
        };
        let spec = policy.part("spec");
        let request = request.get_or_insert_with(|| Request::of(view, asked));
        if !request.matches(&spec["matchConstraints"]) || !request.matches(&bound["matchResources"]) {
            continue;
        }
        for (message, reason) in request.broken(&spec, &bound) {
            let actions = bound["validationActions"].as_array().into_iter().flatten();
            decisions.push(Decision {
                policy: name.into(),
                binding: binding.name().into(),
                actions: actions.filter_map(Json::as_str).map(String::from).collect(),
                message,
                reason,
            });
        }
    }
    decisions
}

/// A request as policies see it.
pub struct Request<'a> {
    view: &'a View,
    asked: Asked<'a>,
    object: &'a Object,
    namespace: Option<Arc<Object>>,
    /// What names stand for in expressions.
    pub names: Vec<(&'static str, Value)>,
}

impl<'a> Request<'a> {
    /// A request, as it is before anything is asked of it.
    pub fn of(view: &'a View, asked: Asked<'a>) -> Request<'a> {
        let (object, (new, old)) = (asked.subject(), asked.new_and_old());
        let info = object.kind().info();
        let home = if object.kind() == Kind::NAMESPACE { object.name() } else { object.namespace() };
        let namespace = view.object(&Key::cluster(Kind::NAMESPACE, home)).cloned();
        let (group, version) = (info.group, object.api_version());
        let version = version.rsplit('/').next().unwrap_or_default().to_string();
        let kind = json!({"group": group, "version": version, "kind": info.kind});
        let resource = json!({"group": group, "version": version, "resource": info.plural});
        let request = json!({
            "uid": object.uid(), "kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource,
            "name": object.name(), "namespace": object.namespace(), "operation": asked.operation(), "dryRun": false,
            "subResource": "", "requestSubResource": "",
            "userInfo": {"username": "kubernetes-admin", "uid": "", "groups": ["system:masters", "system:authenticated"]},
        });
        let value =
            |object: Option<&Object>| object.map_or(Value::Null, |object| Value::of(&object.to_value()));
        let names = vec![
            ("object", value(new)),
            ("oldObject", value(old)),
            ("request", Value::of(&request)),
            ("namespaceObject", value(namespace.as_deref())),
            ("authorizer", Value::Authorizer),
        ];
        Request { view, asked, object, namespace, names }
    }

    /// Whether a policy or a binding is about this request.
    pub fn matches(&self, constraints: &Json) -> bool {
        if constraints.is_null() {
            return true;
        }
        let home = match self.object.kind() {
            Kind::NAMESPACE => Some(self.object),
            _ => self.namespace.as_deref(),
        };
        let selected = |selector: &Json, object: &Object| {
            let read = typed::read::<LabelSelector>(selector).ok();
            read.as_ref()
                .and_then(Selector::from_field)
                .is_some_and(|selector| selector.matches(object.labels()))
        };
        let (by_namespace, by_object) = (&constraints["namespaceSelector"], &constraints["objectSelector"]);
        if !by_namespace.is_null() && home.is_some_and(|home| !selected(by_namespace, home)) {
            return false;
        }
        if !by_object.is_null()
            && !selected(by_object, self.object)
            && !self.asked.new_and_old().1.is_some_and(|old| selected(by_object, old))
        {
            return false;
        }
        let listed = |name: &str| constraints[name].as_array();
        let among =
            |rules: &Vec<Json>| rules.iter().any(|rule| self.is_of(rule, &constraints["matchPolicy"]));
        !listed("excludeResourceRules").is_some_and(among)
            && listed("resourceRules").is_none_or(|rules| rules.is_empty() || among(rules))
    }

    /// Whether one rule is about this request.
    fn is_of(&self, rule: &Json, policy: &Json) -> bool {
        let info = self.object.kind().info();
        let version = self.object.api_version();
        let version = version.rsplit('/').next().unwrap_or_default();
        let among = |name: &str, wanted: &[&str]| {
            let mut list = rule[name].as_array().into_iter().flatten().filter_map(Json::as_str);
            list.any(|entry| wanted.contains(&entry))
        };
        let of_scope = match rule["scope"].as_str() {
            Some("Namespaced") => info.namespaced,
            Some("Cluster") => !info.namespaced,
            _ => true,
        };
        let named = rule["resourceNames"]
            .as_array()
            .is_none_or(|names| names.is_empty() || names.iter().any(|name| name == self.object.name()));
        among("operations", &["*", self.asked.operation()])
            && among("apiGroups", &["*", info.group])
            && (policy != "Exact" || among("apiVersions", &["*", version]))
            && among("resources", &["*", "*/*", info.plural])
            && of_scope
            && named
    }

    /// The rules of a policy that this request breaks: messages and reasons.
    fn broken(&self, spec: &Json, bound: &Json) -> Vec<(String, String)> {
        let invalid = || "Invalid".to_string();
        let fails = spec["failurePolicy"] != "Ignore";
        let given = match self.params(spec, bound) {
            Ok(given) => given,
            Err(why) if fails => return vec![(format!("failed to configure binding: {why}"), invalid())],
            Err(_) => return Vec::new(),
        };
        let mut broken = Vec::new();
        for param in given {
            let mut names = self.names.clone();
            names.push(("params", param));
            match self.is_meant(spec, &names) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => {
                    broken.extend(fails.then(|| (why, invalid())));
                    continue;
                }
            }
            add_variables(spec, &mut names);
            for validation in spec["validations"].as_array().into_iter().flatten() {
                let text = |name: &str| validation[name].as_str().unwrap_or_default().trim();
                match ask(text("expression"), &names) {
                    Ok(Value::Bool(true)) => {}
                    Err(why) => broken.extend(fails.then(|| (why, invalid()))),
                    Ok(_) => {
                        let told = match ask(text("messageExpression"), &names) {
                            Ok(Value::String(told)) if !told.trim().is_empty() && !told.contains('\n') => {
                                told.trim().to_string()
                            }
                            _ if text("message").is_empty() => {
                                format!("failed expression: {}", text("expression"))
                            }
                            _ => text("message").to_string(),
                        };
                        let reason = validation["reason"].as_str().unwrap_or("Invalid").to_string();
                        broken.push((told, reason));
                    }
                }
            }
        }
        broken
    }

    /// Whether all conditions hold.
    pub fn is_meant(&self, spec: &Json, names: &[(&str, Value)]) -> Result<bool, String> {
        let mut fault = None;
        for condition in spec["matchConditions"].as_array().into_iter().flatten() {
            match ask(condition["expression"].as_str().unwrap_or_default(), names) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return Ok(false),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        fault.map_or(Ok(true), Err)
    }

    /// The parameters that a binding gives: none where the policy asks for none.
    pub fn params(&self, spec: &Json, bound: &Json) -> Result<Vec<Value>, String> {
        let (asked, given) = (&spec["paramKind"], &bound["paramRef"]);
        let text = |value: &Json, name: &str| value[name].as_str().unwrap_or_default().to_string();
        if asked.is_null() || given.is_null() {
            return Ok(vec![Value::Null]);
        }
        let (version, kind) = (text(asked, "apiVersion"), text(asked, "kind"));
        let Some(kind) = self.view.kind_from_manifest(&version, &kind) else {
            return Err(format!("failed to find resource referenced by paramKind: '{version}, Kind={kind}'"));
        };
        let own = text(given, "namespace");
        let home = match (kind.info().namespaced, own.is_empty()) {
            (false, _) => None,
            (true, false) => Some(own),
            (true, true) => Some(self.object.namespace().to_string()),
        };
        let name = text(given, "name");
        let selector = typed::read::<LabelSelector>(&given["selector"]).ok();
        let selector = selector.as_ref().and_then(Selector::from_field);
        let wanted = |object: &&Arc<Object>| match name.as_str() {
            "" => selector.as_ref().is_some_and(|selector| selector.matches(object.labels())),
            name => object.name() == name,
        };
        let found: Vec<Value> = self
            .view
            .objects(kind, home.as_deref())
            .filter(wanted)
            .map(|object| Value::of(&object.to_value()))
            .collect();
        match (found.is_empty(), given["parameterNotFoundAction"] == "Deny") {
            (true, true) => {
                Err("no params found for policy binding with `Deny` parameterNotFoundAction".into())
            }
            _ => Ok(found),
        }
    }
}

/// The names that all expressions of a policy may use, its variables apart.
pub const NAMES: [&str; 6] = ["object", "oldObject", "request", "namespaceObject", "params", "authorizer"];

/// What an expression is worth; names have no types that are known before.
pub fn ask(text: &str, names: &[(&str, Value)]) -> Result<Value, String> {
    let mut declared: Vec<(&str, Type)> = names.iter().map(|(name, _)| (*name, Type::Dyn)).collect();
    // What may make no objects has been refused with its policy.
    declared.push((OBJECTS, Type::Dyn));
    let (program, _) = Program::typed(text, &declared)?;
    program.evaluate(names).map_err(|why| format!("expression '{text}' resulted in error: {why}"))
}

/// Works out the variables one after the other; one that has no value is missing where it is used.
pub fn add_variables(spec: &Json, names: &mut Vec<(&'static str, Value)>) {
    let mut known = Vec::new();
    for variable in spec["variables"].as_array().into_iter().flatten() {
        let text = |name: &str| variable[name].as_str().unwrap_or_default();
        names.push(("variables", Value::Map(Arc::new(known.clone()))));
        if let Ok(value) = ask(text("expression"), names) {
            known.push((Value::text(text("name")), value));
        }
        names.pop();
    }
    names.push(("variables", Value::Map(Arc::new(known))));
}
