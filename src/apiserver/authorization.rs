//! Who may do what: the rules that roles grant to a user, and the refusal in the API server's words. Models
//! `plugin/pkg/auth/authorizer/rbac` and the impersonation filter of `k8s.io/apiserver`.

use std::sync::Arc;

use serde_json::Value;

use super::View;
use crate::api::{Key, Kind, Status};

/// Who may do everything.
const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";

/// Who asks (`authentication/user.Info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

impl User {
    /// The person at the console.
    pub fn admin() -> User {
        let groups = ["kubeadm:cluster-admins", MASTERS, AUTHENTICATED];
        User { name: "kubernetes-admin".into(), groups: groups.map(String::from).into() }
    }

    /// Whom `--as` and `--as-group` name. A service account is in its groups, unless others are named.
    pub fn impersonated(name: &str, groups: &[String]) -> User {
        let mut groups = groups.to_vec();
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        if let (Some((namespace, _)), true) = (account, groups.is_empty()) {
            groups.push("system:serviceaccounts".into());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        let own = if name == "system:anonymous" { "system:unauthenticated" } else { AUTHENTICATED };
        if !groups.iter().any(|group| group == own) {
            groups.push(own.into());
        }
        User { name: name.into(), groups }
    }

    fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    /// Whether a binding's subject is this user.
    fn is(&self, subject: &Value, binding: &Value) -> bool {
        let name = text(&subject["name"]);
        match text(&subject["kind"]) {
            "User" => name == self.name,
            "Group" => self.groups.iter().any(|group| group == name),
            _ => {
                let own = text(&subject["namespace"]);
                let namespace = if own.is_empty() { text(&binding["metadata"]["namespace"]) } else { own };
                self.name == format!("system:serviceaccount:{namespace}:{name}")
            }
        }
    }
}

/// What is asked for (`authorizer.Attributes`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// The part of the resource; empty for all of it.
    pub subresource: String,
    /// The object's name; empty for all objects.
    pub name: String,
    /// The namespace; `None` for the cluster.
    pub namespace: Option<String>,
    /// The path, where no resource is asked for.
    pub path: Option<String>,
}

impl Attributes {
    /// A request about a kind: to all objects in a namespace, or in all of them.
    pub fn of_kind(verb: &str, kind: Kind, namespace: Option<&str>) -> Attributes {
        let info = kind.info();
        Attributes {
            verb: verb.into(),
            group: info.group.into(),
            resource: info.plural.into(),
            namespace: namespace
                .filter(|namespace| info.namespaced && !namespace.is_empty())
                .map(String::from),
            ..Attributes::default()
        }
    }

    /// A request about an object, or a part of it.
    pub fn of_object(verb: &str, key: &Key, subresource: &str) -> Attributes {
        Attributes {
            name: key.name.to_string(),
            subresource: subresource.into(),
            ..Attributes::of_kind(verb, key.kind, Some(&key.namespace))
        }
    }

    /// The resource with its part: `pods/log`.
    fn full_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }
}

/// What roles grant, and what is wrong with bindings to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// The rules, as the roles have them.
    pub rules: Vec<Value>,
    errors: Vec<String>,
    /// Whether no role is needed.
    is_master: bool,
}

impl Granted {
    /// Whether a request is allowed.
    pub fn allows(&self, asked: &Attributes) -> bool {
        self.is_master || self.rules.iter().any(|rule| grants(rule, asked))
    }

    /// Why a request is not allowed, where more can be said than that no role allows it.
    pub fn reason(&self) -> Option<String> {
        match self.errors.as_slice() {
            [] => None,
            [only] => Some(format!("RBAC: {only}")),
            several => Some(format!("RBAC: [{}]", several.join(", "))),
        }
    }
}

/// The rules that hold for a user, in a namespace or in the cluster.
pub fn granted(view: &View, user: &User, namespace: Option<&str>) -> Granted {
    let everywhere = view.objects(Kind::CLUSTER_ROLE_BINDING, None);
    let here = view.objects(Kind::ROLE_BINDING, namespace).filter(|_| namespace.is_some());
    let mut granted = Granted { is_master: user.is_master(), ..Granted::default() };
    for binding in everywhere.chain(here).map(|binding| binding.to_value()) {
        if !items(&binding["subjects"]).iter().any(|subject| user.is(subject, &binding)) {
            continue;
        }
        let name = text(&binding["roleRef"]["name"]);
        let key = match text(&binding["roleRef"]["kind"]) {
            "Role" => Key::new(Kind::ROLE, text(&binding["metadata"]["namespace"]), name),
            _ => Key::cluster(Kind::CLUSTER_ROLE, name),
        };
        match view.object(&key) {
            Some(role) => granted.rules.extend(items(&role.to_value()["rules"]).iter().cloned()),
            None => granted.errors.push(format!("{} \"{name}\" not found", key.kind.group_singular())),
        }
    }
    granted
}

/// Lets a request pass, or refuses it.
///
/// # Errors
/// `Forbidden`.
pub fn authorize(view: &View, user: Option<&Arc<User>>, asked: &Attributes) -> Result<(), Status> {
    let Some(user) = user else { return Ok(()) };
    let granted = granted(view, user, asked.namespace.as_deref());
    if granted.allows(asked) {
        return Ok(());
    }
    let Attributes { verb, group, .. } = asked;
    let why = match (&asked.path, &asked.namespace) {
        (Some(path), _) => format!("User {:?} cannot {verb} path {path:?}", user.name),
        (None, place) => {
            let place = place
                .as_ref()
                .map_or("at the cluster scope".into(), |namespace| format!("in the namespace {namespace:?}"));
            let resource = asked.full_resource();
            format!("User {:?} cannot {verb} resource {resource:?} in API group {group:?} {place}", user.name)
        }
    };
    let why = granted.reason().map_or(why.clone(), |reason| format!("{why}: {reason}"));
    let dot = if group.is_empty() { "" } else { "." };
    Err(Status::unauthorized_request(&format!("{}{dot}{group}", asked.resource), &asked.name, &why))
}

fn grants(rule: &Value, asked: &Attributes) -> bool {
    let texts = |field: &str| items(&rule[field]).iter().map(text);
    let has = |field: &str, wanted: &str| texts(field).any(|text| text == "*" || text == wanted);
    if !has("verbs", &asked.verb) {
        return false;
    }
    if let Some(path) = &asked.path {
        let covers = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => pattern == path,
        };
        return texts("nonResourceURLs").any(covers);
    }
    let of_any = || !asked.subresource.is_empty() && has("resources", &format!("*/{}", asked.subresource));
    has("apiGroups", &asked.group)
        && (has("resources", &asked.full_resource()) || of_any())
        && (texts("resourceNames").next().is_none() || texts("resourceNames").any(|name| name == asked.name))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_grants_what_it_names() {
        let rule = |rule: Value, asked: &Attributes| grants(&rule, asked);
        let pods = |verb: &str| Attributes::of_kind(verb, Kind::POD, Some("a"));
        let log = Attributes::of_object("get", &Key::new(Kind::POD, "a", "web"), "log");
        let read = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]});
        assert!(rule(read.clone(), &pods("list")));
        assert!(!rule(read.clone(), &pods("delete")));
        assert!(!rule(read, &log), "a part of a resource is a resource of its own");
        for resource in ["pods/log", "*/log", "*"] {
            let logs = json!({"verbs": ["*"], "apiGroups": [""], "resources": [resource]});
            assert!(rule(logs, &log), "{resource}");
        }
        let named = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["db"]});
        assert!(!rule(named.clone(), &log), "another name");
        assert!(!rule(named, &pods("list")), "no name at all");
    }

    #[test]
    fn a_service_account_is_in_its_groups_unless_others_are_named() {
        let of = |name: &str, groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_string()).collect();
            User::impersonated(name, &groups).groups
        };
        assert_eq!(of("jane", &[]), ["system:authenticated"]);
        assert_eq!(
            of("system:serviceaccount:a:b", &[]),
            ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]
        );
        assert_eq!(of("system:serviceaccount:a:b", &["c"]), ["c", "system:authenticated"]);
        assert_eq!(of("system:anonymous", &[]), ["system:unauthenticated"]);
    }

    #[test]
    fn a_refusal_says_who_asked_for_what() {
        let jane = Arc::new(User::impersonated("jane", &[]));
        let refused = |asked: &Attributes| match authorize(&View::default(), Some(&jane), asked) {
            Err(status) => status.message,
            Ok(()) => String::new(),
        };
        let scale = Attributes::of_object("patch", &Key::new(Kind::DEPLOYMENT, "a", "web"), "scale");
        let cases = [
            (
                Attributes::of_kind("list", Kind::NODE, None),
                "nodes is forbidden: User \"jane\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
            ),
            (
                scale,
                "deployments.apps \"web\" is forbidden: User \"jane\" cannot patch resource \"deployments/scale\" in API \
                 group \"apps\" in the namespace \"a\"",
            ),
        ];
        for (asked, want) in cases {
            assert_eq!(refused(&asked), want);
            assert_eq!(authorize(&View::default(), None, &asked), Ok(()));
        }
        let admin = Arc::new(User::admin());
        assert_eq!(authorize(&View::default(), Some(&admin), &Attributes::default()), Ok(()));
    }
}
