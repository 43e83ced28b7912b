//! Writes the schema table of the built-in API: what every field of every kind may be, in one compact text.
//!
//! `cargo run --manifest-path tools/schema-table/Cargo.toml` writes `crates/kube-types/table.txt`; with `--check` it
//! only says whether the committed file is up to date. The input is k8s-openapi's schemas and `names.txt`, which
//! holds what OpenAPI leaves out: the Go names of string types, and the values of enumerations.
//! `crates/kube-types/src/lib.rs` describes the format.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const K8S_OPENAPI: &str = "0.29.0";

/// `$visit!(type)` for every kind that a default 1.36 API server serves (beta and alpha groups are off).
macro_rules! every_kind {
    ($visit:ident) => {
        every_kind! { $visit
            api::admissionregistration::v1: MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration;
            api::apps::v1: ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet;
            api::authentication::v1: SelfSubjectReview, TokenRequest, TokenReview;
            api::authorization::v1: LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview;
            api::autoscaling::v1: HorizontalPodAutoscaler, Scale;
            api::autoscaling::v2: HorizontalPodAutoscaler;
            api::batch::v1: CronJob, Job;
            api::certificates::v1: CertificateSigningRequest;
            api::coordination::v1: Lease;
            api::core::v1: Binding, ComponentStatus, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount;
            api::discovery::v1: EndpointSlice;
            api::events::v1: Event;
            api::flowcontrol::v1: FlowSchema, PriorityLevelConfiguration;
            api::networking::v1: IPAddress, Ingress, IngressClass, NetworkPolicy, ServiceCIDR;
            api::node::v1: RuntimeClass;
            api::policy::v1: Eviction, PodDisruptionBudget;
            api::rbac::v1: ClusterRole, ClusterRoleBinding, Role, RoleBinding;
            api::resource::v1: DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice;
            api::scheduling::v1: PriorityClass;
            api::storage::v1: CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass;
            apiextensions_apiserver::pkg::apis::apiextensions::v1: CustomResourceDefinition;
            kube_aggregator::pkg::apis::apiregistration::v1: APIService;
        }
    };
    ($visit:ident $($first:ident $(:: $rest:ident)*: $($kind:ident),+;)+) => {
        $({
            use k8s_openapi::$first$(::$rest)* as group;
            $($visit!(group::$kind);)+
        })+
    };
}

fn main() {
    let table = Table::collect().print();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/kube-types/table.txt");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if std::env::args().any(|argument| argument == "--check") {
        if committed != table {
            eprintln!(
                "crates/kube-types/table.txt is out of date: run `cargo run --manifest-path tools/schema-table/Cargo.toml`"
            );
            std::process::exit(1);
        }
        println!("crates/kube-types/table.txt is up to date");
        return;
    }
    std::fs::write(path, &table).expect("crates/kube-types/table.txt can be written");
    println!("wrote {} bytes to crates/kube-types/table.txt", table.len());
}

/// A kind: `apiVersion`, `kind`, definition.
type KindRow = (String, String, String);

struct Table {
    kinds: Vec<KindRow>,
    definitions: Map<String, Value>,
    names: Names,
}

impl Table {
    fn collect() -> Table {
        let mut generator = SchemaSettings::openapi3().into_generator();
        let mut kinds = Vec::new();
        macro_rules! visit {
            ($kind:ty) => {{
                use k8s_openapi::Resource;
                use schemars::JsonSchema;
                generator.subschema_for::<$kind>();
                kinds.push((
                    <$kind>::API_VERSION.to_string(),
                    <$kind>::KIND.to_string(),
                    short(&<$kind>::schema_name()),
                ));
            }};
        }
        every_kind!(visit);
        kinds.sort();
        let definitions = generator.take_definitions(true);
        let definitions = definitions.into_iter().map(|(name, schema)| (short(&name), schema)).collect();
        Table { kinds, definitions, names: Names::read(include_str!("../names.txt")) }
    }

    fn print(&self) -> String {
        let mut out =
            format!("# Kubernetes 1.36, from k8s-openapi {K8S_OPENAPI}; written by tools/schema-table\n");
        for (api_version, kind, definition) in &self.kinds {
            writeln!(out, "K {api_version} {kind} {definition}").unwrap();
        }
        let mut unused = self.names.fields.keys().cloned().collect::<BTreeSet<_>>();
        for (name, schema) in self.definitions.iter().collect::<BTreeMap<_, _>>() {
            if special(name).is_some() {
                continue;
            }
            // A definition without properties is an empty struct in Go, which knows no field.
            let none = Map::new();
            let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
            writeln!(out, "D {name}").unwrap();
            let required: Vec<_> = schema
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (field, schema) in fields.iter().collect::<BTreeMap<_, _>>() {
                let go = self.names.fields.get(&(name.clone(), field.clone()));
                unused.remove(&(name.clone(), field.clone()));
                let code = code(schema, name, go.map(String::as_str));
                let mark = if required.contains(&field.as_str()) { "!" } else { "" };
                writeln!(out, "{field}{mark} {code}").unwrap();
            }
        }
        for (name, values) in &self.names.enums {
            writeln!(out, "E {name} {values}").unwrap();
        }
        assert!(unused.is_empty(), "names.txt names fields that do not exist: {unused:?}");
        out
    }
}

/// What OpenAPI does not know.
struct Names {
    /// (definition, field) to the Go name of the string at the bottom of its type.
    fields: BTreeMap<(String, String), String>,
    /// Go name to its values.
    enums: BTreeMap<String, String>,
}

impl Names {
    fn read(text: &str) -> Names {
        let mut names = Names { fields: BTreeMap::new(), enums: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (head, rest) = line.split_once(' ').expect("a name and what it is");
            if let Some(name) = head.strip_prefix('=') {
                names.enums.insert(name.to_string(), rest.to_string());
                continue;
            }
            for pair in rest.split(' ') {
                let (field, go) = pair.split_once('=').expect("field=Type");
                names.fields.insert((head.to_string(), field.to_string()), go.to_string());
            }
        }
        names
    }
}

/// `io.k8s.api.core.v1.Pod` to `core/v1.Pod`.
fn short(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('.').collect();
    let kind = parts.pop().unwrap_or_default();
    let version = parts.pop().unwrap_or_default();
    let group = parts.pop().unwrap_or_default();
    format!("{group}/{version}.{kind}")
}

/// Types that decode themselves, with their code.
fn special(definition: &str) -> Option<&'static str> {
    Some(match definition {
        "api/resource.Quantity" => "q",
        "util/intstr.IntOrString" => "x",
        "meta/v1.Time" => "t",
        "meta/v1.MicroTime" => "m",
        "pkg/runtime.RawExtension" | "meta/v1.FieldsV1" | "apiextensions/v1.JSON" => "*",
        "apiextensions/v1.JSONSchemaPropsOrBool" => "?b",
        "apiextensions/v1.JSONSchemaPropsOrArray" => "?a",
        "apiextensions/v1.JSONSchemaPropsOrStringArray" => "?s",
        _ => return None,
    })
}

/// The code of a type, as `owner` writes it: types of the owner's package go without the package.
fn code(schema: &Value, owner: &str, go: Option<&str>) -> String {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"));
    if let Some(reference) = reference.and_then(Value::as_str) {
        let definition = short(reference.rsplit('/').next().unwrap_or_default());
        if let Some(code) = special(&definition) {
            return code.to_string();
        }
        let package = owner.split('.').next().unwrap_or_default();
        return match definition.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')) {
            Some(local) => format!("@{local}"),
            None => format!("@{definition}"),
        };
    }
    let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if format == "byte" => "y".into(),
        Some("string") => go.map_or("s".into(), |name| format!("={name}")),
        Some("integer") => if format == "int32" { "i" } else { "l" }.into(),
        Some("number") => "f".into(),
        Some("boolean") => "b".into(),
        Some("array") => format!("[]{}", code(&schema["items"], owner, go)),
        Some("object") => match schema.get("additionalProperties") {
            Some(values) if values.is_object() => format!("{{}}{}", code(values, owner, go)),
            _ => "*".into(),
        },
        _ => "*".into(),
    }
}
