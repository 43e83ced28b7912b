//! What admission policies know of a request and of its namespace (`k8s.io/apiserver/pkg/admission/plugin/cel`): fewer fields than
//! the real objects have.

use std::sync::Arc;

use super::Type;

fn record(name: &'static str, fields: &[(&str, Type<'static>)]) -> Type<'static> {
    Type::Record(
        name,
        Arc::new(fields.iter().map(|(name, type_)| ((*name).to_string(), type_.clone())).collect()),
    )
}

fn texts(name: &'static str, fields: &[&str]) -> Type<'static> {
    record(name, &fields.iter().map(|field| (*field, TEXT)).collect::<Vec<_>>())
}

const TEXT: Type<'static> = Type::Plain('s');

fn list(item: Type<'static>) -> Type<'static> {
    Type::List(Arc::new(item))
}

fn map(value: Type<'static>) -> Type<'static> {
    Type::Map(Arc::new(TEXT), Arc::new(value))
}

/// `request`. It holds no objects, which are names of their own, and no uid.
pub fn request_type() -> Type<'static> {
    let kind = texts("kubernetes.GroupVersionKind", &["group", "version", "kind"]);
    let resource = texts("kubernetes.GroupVersionResource", &["group", "version", "resource"]);
    let user = record(
        "kubernetes.UserInfo",
        &[("username", TEXT), ("uid", TEXT), ("groups", list(TEXT)), ("extra", map(list(TEXT)))],
    );
    record(
        "kubernetes.AdmissionRequest",
        &[
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", TEXT),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", TEXT),
            ("name", TEXT),
            ("namespace", TEXT),
            ("operation", TEXT),
            ("userInfo", user),
            ("dryRun", Type::Plain('b')),
            ("options", Type::Dyn),
        ],
    )
}

/// `namespaceObject`. Owners and managers are left out.
pub fn namespace_type() -> Type<'static> {
    let (whole, time) = (Type::Plain('i'), Type::Plain('t'));
    let condition = record(
        "kubernetes.NamespaceCondition",
        &[
            ("status", TEXT),
            ("type", TEXT),
            ("lastTransitionTime", time.clone()),
            ("message", TEXT),
            ("reason", TEXT),
        ],
    );
    let metadata = record(
        "kubernetes.NamespaceMetadata",
        &[
            ("name", TEXT),
            ("generateName", TEXT),
            ("namespace", TEXT),
            ("labels", map(TEXT)),
            ("annotations", map(TEXT)),
            ("UID", TEXT),
            ("creationTimestamp", time.clone()),
            ("deletionGracePeriodSeconds", whole.clone()),
            ("deletionTimestamp", time),
            ("generation", whole),
            ("resourceVersion", TEXT),
            ("finalizers", list(TEXT)),
        ],
    );
    record(
        "kubernetes.Namespace",
        &[
            ("metadata", metadata),
            ("spec", record("kubernetes.NamespaceSpec", &[("finalizers", list(TEXT))])),
            (
                "status",
                record("kubernetes.NamespaceStatus", &[("conditions", list(condition)), ("phase", TEXT)]),
            ),
        ],
    )
}
