//! Columns of what surrounds the workloads: networking, storage classes, roles, admission, coordination.

use serde_json::Value;

use super::{AGE, CREATED_AT, Cell, Column, NAME, Row, column, or_none, wide};
use crate::api::Kind;
use crate::kubectl::print::fields::Fields;

const ROLE: Column = column(
    "ROLE",
    Cell::With(|row| format!("{}/{}", row.value().text("roleRef.kind"), row.value().text("roleRef.name"))),
);
const USERS: Column = wide("USERS", Cell::With(|row| subjects(row, "User")));
const GROUPS: Column = wide("GROUPS", Cell::With(|row| subjects(row, "Group")));
const SERVICE_ACCOUNTS: Column = wide("SERVICEACCOUNTS", Cell::With(|row| subjects(row, "ServiceAccount")));

/// The tables of these kinds.
pub(super) const TABLES: &[(Kind, &[Column])] = &[
    (Kind::LEASE, &[NAME, column("HOLDER", Cell::Field("spec.holderIdentity")), AGE]),
    (
        Kind::INGRESS,
        &[
            NAME,
            column("CLASS", Cell::Or("spec.ingressClassName", "<none>")),
            column("HOSTS", Cell::With(hosts)),
            column("ADDRESS", Cell::With(address)),
            column(
                "PORTS",
                Cell::With(|row| {
                    let secure = !row.value().list("spec.tls").is_empty();
                    if secure { "80, 443" } else { "80" }.into()
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::INGRESS_CLASS,
        &[
            NAME,
            column("CONTROLLER", Cell::Field("spec.controller")),
            column(
                "PARAMETERS",
                Cell::With(|row| {
                    let parameters = row.value().at("spec.parameters");
                    if parameters.is_null() {
                        return "<none>".into();
                    }
                    let group = parameters.text("apiGroup");
                    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                    format!("{}{group}/{}", parameters.text("kind"), parameters.text("name"))
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::NETWORK_POLICY,
        &[NAME, column("POD-SELECTOR", Cell::With(|row| row.value().selector("spec.podSelector"))), AGE],
    ),
    (
        Kind::SERVICE_CIDR,
        &[NAME, column("CIDRS", Cell::With(|row| row.value().texts("spec.cidrs").join(","))), AGE],
    ),
    (
        Kind::IP_ADDRESS,
        &[
            NAME,
            column(
                "PARENTREF",
                Cell::With(|row| {
                    let parent = row.value().at("spec.parentRef");
                    let fields =
                        ["resource", "namespace", "name"].map(|field| parent.text(field).to_string());
                    let mut fields: Vec<String> =
                        fields.into_iter().filter(|field| !field.is_empty()).collect();
                    let group = parent.text("group");
                    if let Some(first) = fields.first_mut().filter(|_| !group.is_empty()) {
                        *first = format!("{first}.{group}");
                    }
                    fields.join("/")
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::STORAGE_CLASS,
        &[
            column(
                "NAME",
                Cell::With(|row| {
                    let name = row.value().plain("metadata.name");
                    if is_default(row.value()) { format!("{name} (default)") } else { name }
                }),
            ),
            column("PROVISIONER", Cell::Field("provisioner")),
            column("RECLAIMPOLICY", Cell::Or("reclaimPolicy", "Delete")),
            column("VOLUMEBINDINGMODE", Cell::Or("volumeBindingMode", "<unset>")),
            column("ALLOWVOLUMEEXPANSION", Cell::Or("allowVolumeExpansion", "false")),
            AGE,
        ],
    ),
    (Kind::VOLUME_ATTRIBUTES_CLASS, &[NAME, column("DRIVERNAME", Cell::Field("driverName")), AGE]),
    (
        Kind::VOLUME_ATTACHMENT,
        &[
            NAME,
            column("ATTACHER", Cell::Field("spec.attacher")),
            column("PV", Cell::Field("spec.source.persistentVolumeName")),
            column("NODE", Cell::Field("spec.nodeName")),
            column("ATTACHED", Cell::Or("status.attached", "false")),
            AGE,
        ],
    ),
    (Kind::CSI_NODE, &[NAME, column("DRIVERS", Cell::Count("spec.drivers")), AGE]),
    (
        Kind::CSI_DRIVER,
        &[
            NAME,
            column("ATTACHREQUIRED", Cell::Or("spec.attachRequired", "true")),
            column("PODINFOONMOUNT", Cell::Or("spec.podInfoOnMount", "false")),
            column("STORAGECAPACITY", Cell::Or("spec.storageCapacity", "false")),
            column(
                "TOKENREQUESTS",
                Cell::With(|row| {
                    let audience = |request: &Value| request.plain("audience");
                    let all: Vec<String> =
                        row.value().list("spec.tokenRequests").iter().map(audience).collect();
                    if all.is_empty() { "<unset>".into() } else { all.join(",") }
                }),
            ),
            column("REQUIRESREPUBLISH", Cell::Or("spec.requiresRepublish", "false")),
            column(
                "MODES",
                Cell::With(|row| {
                    let modes = row.value().texts("spec.volumeLifecycleModes");
                    if modes.is_empty() { "<none>".into() } else { modes.join(",") }
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::CSI_STORAGE_CAPACITY,
        &[
            NAME,
            column("STORAGECLASSNAME", Cell::Field("storageClassName")),
            column("CAPACITY", Cell::Or("capacity", "<unset>")),
        ],
    ),
    (Kind::ROLE, &[NAME, CREATED_AT]),
    (Kind::CLUSTER_ROLE, &[NAME, CREATED_AT]),
    (Kind::ROLE_BINDING, &[NAME, ROLE, AGE, USERS, GROUPS, SERVICE_ACCOUNTS]),
    (Kind::CLUSTER_ROLE_BINDING, &[NAME, ROLE, AGE, USERS, GROUPS, SERVICE_ACCOUNTS]),
    (
        Kind::PRIORITY_CLASS,
        &[
            NAME,
            column("VALUE", Cell::Number("value")),
            column("GLOBAL-DEFAULT", Cell::Or("globalDefault", "false")),
            AGE,
            column("PREEMPTIONPOLICY", Cell::Or("preemptionPolicy", "PreemptLowerPriority")),
        ],
    ),
    (Kind::RUNTIME_CLASS, &[NAME, column("HANDLER", Cell::Field("handler")), AGE]),
    (Kind::MUTATING_WEBHOOK_CONFIGURATION, &[NAME, column("WEBHOOKS", Cell::Count("webhooks")), AGE]),
    (Kind::VALIDATING_WEBHOOK_CONFIGURATION, &[NAME, column("WEBHOOKS", Cell::Count("webhooks")), AGE]),
    (
        Kind::VALIDATING_ADMISSION_POLICY,
        &[
            NAME,
            column("VALIDATIONS", Cell::Count("spec.validations")),
            column(
                "PARAMKIND",
                Cell::With(|row| {
                    let kind = row.value().at("spec.paramKind");
                    if kind.is_null() {
                        "<unset>".into()
                    } else {
                        format!("{}/{}", kind.text("apiVersion"), kind.text("kind"))
                    }
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::VALIDATING_ADMISSION_POLICY_BINDING,
        &[
            NAME,
            column("POLICYNAME", Cell::Field("spec.policyName")),
            column(
                "PARAMREF",
                Cell::With(|row| {
                    let reference = row.value().at("spec.paramRef");
                    match (reference.is_null(), reference.text("namespace"), reference.text("name")) {
                        (true, ..) => "<unset>".into(),
                        (_, "", "") => row.value().selector("spec.paramRef.selector"),
                        (_, "", name) => format!("*/{name}"),
                        (_, namespace, name) => format!("{namespace}/{name}"),
                    }
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::CERTIFICATE_SIGNING_REQUEST,
        &[
            NAME,
            AGE,
            column("SIGNERNAME", Cell::Or("spec.signerName", "<none>")),
            column("REQUESTOR", Cell::Field("spec.username")),
            column(
                "REQUESTEDDURATION",
                Cell::With(|row| match row.value().int("spec.expirationSeconds") {
                    0 => "<none>".into(),
                    seconds => crate::clock::SimDuration::from_secs(seconds.unsigned_abs()).human(),
                }),
            ),
            column("CONDITION", Cell::With(|row| request_status(row.value()))),
        ],
    ),
    (
        Kind::COMPONENT_STATUS,
        &[
            NAME,
            column(
                "STATUS",
                Cell::With(|row| {
                    let status =
                        row.value().list("conditions").first().map(|condition| condition.text("status"));
                    match status {
                        Some("True") => "Healthy",
                        Some(_) => "Unhealthy",
                        None => "Unknown",
                    }
                    .to_string()
                }),
            ),
            column("MESSAGE", Cell::With(|row| health(row.value(), "message"))),
            column("ERROR", Cell::With(|row| health(row.value(), "error"))),
        ],
    ),
    (
        Kind::FLOW_SCHEMA,
        &[
            NAME,
            column("PRIORITYLEVEL", Cell::Field("spec.priorityLevelConfiguration.name")),
            column("MATCHINGPRECEDENCE", Cell::Number("spec.matchingPrecedence")),
            column("DISTINGUISHERMETHOD", Cell::Or("spec.distinguisherMethod.type", "<none>")),
            AGE,
            column(
                "MISSINGPL",
                Cell::With(|row| {
                    let conditions = row.value().list("status.conditions");
                    let dangling = conditions.iter().find(|c| c.text("type") == "Dangling");
                    dangling.map_or("?", |condition| condition.text("status")).to_string()
                }),
            ),
        ],
    ),
    (
        Kind::PRIORITY_LEVEL_CONFIGURATION,
        &[
            NAME,
            column("TYPE", Cell::Field("spec.type")),
            column("NOMINALCONCURRENCYSHARES", Cell::Or("spec.limited.nominalConcurrencyShares", "<none>")),
            column("QUEUES", Cell::Or("spec.limited.limitResponse.queuing.queues", "<none>")),
            column("HANDSIZE", Cell::Or("spec.limited.limitResponse.queuing.handSize", "<none>")),
            column(
                "QUEUELENGTHLIMIT",
                Cell::Or("spec.limited.limitResponse.queuing.queueLengthLimit", "<none>"),
            ),
            AGE,
        ],
    ),
    (Kind::CUSTOM_RESOURCE_DEFINITION, &[NAME, CREATED_AT]),
    (
        Kind::API_SERVICE,
        &[
            NAME,
            column(
                "SERVICE",
                Cell::With(|row| {
                    let service = row.value().at("spec.service");
                    if service.is_null() {
                        "Local".into()
                    } else {
                        format!("{}/{}", service.text("namespace"), service.text("name"))
                    }
                }),
            ),
            column("AVAILABLE", Cell::With(available)),
            AGE,
        ],
    ),
    (
        Kind::RESOURCE_CLAIM,
        &[
            NAME,
            column(
                "STATE",
                Cell::With(|row| {
                    let (claim, mut states) = (row.value(), Vec::new());
                    if claim.has("metadata.deletionTimestamp") {
                        states.push("deleted");
                    }
                    match (claim.has("status.allocation"), claim.list("status.reservedFor").is_empty()) {
                        (false, _) => states.push("pending"),
                        (true, true) => states.push("allocated"),
                        (true, false) => states.extend(["allocated", "reserved"]),
                    }
                    states.join(",")
                }),
            ),
            AGE,
        ],
    ),
    (
        Kind::RESOURCE_SLICE,
        &[
            NAME,
            column("NODE", Cell::Or("spec.nodeName", "<unset>")),
            column("DRIVER", Cell::Field("spec.driver")),
            column("POOL", Cell::Field("spec.pool.name")),
            AGE,
        ],
    ),
];

/// Whether a storage class or the like is marked as the one for whoever asks for none.
pub fn is_default(value: &Value) -> bool {
    let annotations = value.map("metadata.annotations");
    let marks =
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
    marks.iter().any(|mark| annotations.get(*mark).is_some_and(|text| text == "true"))
}

/// The hosts of the first three rules, and how many more there are; `*` if no rule names one.
fn hosts(row: &Row<'_>) -> String {
    let named: Vec<&str> =
        row.value().each("spec.rules", "host").into_iter().filter(|host| !host.is_empty()).collect();
    match named.len() {
        0 => "*".into(),
        1..=3 => named.join(","),
        more => format!("{} + {} more...", named[..3].join(","), more - 3),
    }
}

fn address(row: &Row<'_>) -> String {
    let ingress = row.value().list("status.loadBalancer.ingress").iter();
    let mut all: Vec<&str> = ingress.map(|at| at.text_or("ip", at.text("hostname"))).collect();
    all.sort_unstable();
    all.dedup();
    all.join(",")
}

fn subjects(row: &Row<'_>, kind: &str) -> String {
    let all = row.value().list("subjects").iter().filter(|subject| subject.text("kind") == kind);
    let name = |subject: &Value| match kind {
        "ServiceAccount" => format!("{}/{}", subject.text("namespace"), subject.text("name")),
        _ => subject.plain("name"),
    };
    all.map(name).collect::<Vec<_>>().join(", ")
}

fn health(value: &Value, field: &str) -> String {
    value.list("conditions").first().map(|condition| condition.text(field)).unwrap_or_default().to_string()
}

/// `Approved,Issued`: how far a signing request is.
pub fn request_status(value: &Value) -> String {
    let is = |type_: &str| value.list("status.conditions").iter().any(|c| c.text("type") == type_);
    let mut status = match (is("Denied"), is("Approved")) {
        (true, _) => "Denied",
        (_, true) => "Approved",
        _ => "Pending",
    }
    .to_string();
    if is("Failed") {
        status.push_str(",Failed");
    }
    if !value.text("status.certificate").is_empty() {
        status.push_str(",Issued");
    }
    status
}

fn available(row: &Row<'_>) -> String {
    let conditions = row.value().list("status.conditions");
    let Some(condition) = conditions.iter().find(|c| c.text("type") == "Available") else {
        return "Unknown".into();
    };
    match condition.text("status") {
        "True" => "True".into(),
        other => or_none(format!("{other} ({})", condition.text("reason"))),
    }
}
