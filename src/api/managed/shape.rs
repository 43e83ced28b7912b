//! How the fields of built-in types merge: what the `listType`, `listMapKey`, `mapType` and `structType` tags of the Go
//! types say. Lists merge as a whole unless they are here; maps and structs merge field by field unless they are here.

use serde_json::{Map, Value};

use crate::api::Kind;
use crate::api::schema::{self, Type, TypeId};

/// How a value is compared and merged.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// As a whole.
    Atomic,
    /// Field by field.
    Struct(TypeId),
    /// Key by key; without a type, what is below is taken as it looks.
    Map(Option<&'static Type>),
    /// A list of plain values, each of them once.
    Set,
    /// A list of maps that these fields tell apart.
    Items(&'static str, Option<TypeId>),
}

/// Lists that merge by key: type, field, keys.
const ITEMS: &str = "
ObjectMeta.ownerReferences uid
Container.env name
Container.ports containerPort protocol
Container.volumeDevices devicePath
Container.volumeMounts mountPath
EphemeralContainer.env name
EphemeralContainer.ports containerPort protocol
EphemeralContainer.volumeDevices devicePath
EphemeralContainer.volumeMounts mountPath
ContainerStatus.allocatedResourcesStatus name
ContainerStatus.volumeMounts mountPath
NodeStatus.addresses type
PodSpec.containers name
PodSpec.ephemeralContainers name
PodSpec.hostAliases ip
PodSpec.imagePullSecrets name
PodSpec.initContainers name
PodSpec.resourceClaims name
PodSpec.schedulingGates name
PodSpec.topologySpreadConstraints topologyKey whenUnsatisfiable
PodSpec.volumes name
PodStatus.hostIPs ip
PodStatus.podIPs ip
PodStatus.resourceClaimStatuses name
ResourceRequirements.claims name
ResourceStatus.resources resourceID
ServiceAccount.secrets name
ServiceSpec.ports port protocol
CSINodeSpec.drivers name
JSONSchemaProps.x-kubernetes-validations rule
MutatingWebhook.matchConditions name
ValidatingWebhook.matchConditions name
MutatingWebhookConfiguration.webhooks name
ValidatingWebhookConfiguration.webhooks name
MutatingAdmissionPolicySpec.matchConditions name
ValidatingAdmissionPolicySpec.matchConditions name
ValidatingAdmissionPolicySpec.variables name
ResourceClaimStatus.devices driver device pool shareID
ResourceClaimStatus.reservedFor uid
";

/// Lists that are sets.
const SETS: &str = "ObjectMeta.finalizers Endpoint.addresses CSIDriverSpec.volumeLifecycleModes \
    NonResourcePolicyRule.nonResourceURLs NonResourcePolicyRule.verbs ResourcePolicyRule.apiGroups \
    ResourcePolicyRule.namespaces ResourcePolicyRule.resources ResourcePolicyRule.verbs \
    PodFailurePolicyOnExitCodesRequirement.values UncountedTerminatedPods.failed UncountedTerminatedPods.succeeded \
    ContainerRestartRuleOnExitCodes.values NodeSpec.podCIDRs ValidatingAdmissionPolicyBindingSpec.validationActions";

/// Structs, and maps by their field, that merge as a whole.
const ATOMIC: &str = "ConfigMapKeySelector SecretKeySelector FileKeySelector LocalObjectReference ObjectReference \
    SecretReference ObjectFieldSelector ResourceFieldSelector NodeSelector NodeSelectorTerm TopologySelectorTerm \
    ScopeSelector ScopedResourceSelectorRequirement TypedLocalObjectReference LabelSelector CrossVersionObjectReference \
    RoleRef Subject OwnerReference EndpointAddress EndpointPort ServiceBackendPort PodSpec.nodeSelector \
    ReplicationControllerSpec.selector ServiceSpec.selector Scheduling.nodeSelector Overhead.podFixed";

fn listed(list: &str, words: &[&str]) -> bool {
    let name = words.join(".");
    list.split_ascii_whitespace().any(|word| word == name)
}

/// The keys of a list that merges by them.
fn keys_of(owner: &str, field: &str) -> Option<&'static str> {
    if field == "conditions" && owner.ends_with("Status") && owner != "JobStatus" {
        return Some("type");
    }
    let of = |line: &'static str| {
        line.strip_prefix(owner)?.strip_prefix('.')?.strip_prefix(field)?.strip_prefix(' ')
    };
    ITEMS.lines().find_map(of)
}

impl Shape {
    /// An object of a kind, as a whole.
    pub fn of(kind: Kind) -> Shape {
        schema::kind(&kind.api_version(), kind.name()).map_or(Shape::Map(None), Shape::Struct)
    }

    fn of_type(ty: &'static Type) -> Shape {
        match ty {
            Type::Object(id) if listed(ATOMIC, &[id.name()]) => Shape::Atomic,
            Type::Object(id) => Shape::Struct(*id),
            Type::Map(item) => Shape::Map(Some(item)),
            _ => Shape::Atomic,
        }
    }

    /// The shape of a field, and whether it is one of the type's own rather than a key of a map. `None`: the type has no
    /// such field.
    pub fn field(self, name: &str, value: &Value) -> Option<(Shape, bool)> {
        match self {
            Shape::Struct(id) => {
                let field = id.field(name)?;
                let owner = id.name();
                let shape = match &field.ty {
                    Type::List(_) if listed(SETS, &[owner, field.name]) => Shape::Set,
                    Type::List(item) => keys_of(owner, field.name)
                        .map_or(Shape::Atomic, |keys| Shape::Items(keys, item.object())),
                    Type::Map(_) if listed(ATOMIC, &[owner, field.name]) => Shape::Atomic,
                    ty => Shape::of_type(ty),
                };
                Some((shape, true))
            }
            Shape::Map(Some(item)) => Some((Shape::of_type(item), false)),
            _ if value.is_object() => Some((Shape::Map(None), false)),
            _ => Some((Shape::Atomic, false)),
        }
    }

    /// The shape of the items of a list that merges.
    pub fn item(self) -> Shape {
        match self {
            Shape::Items(_, Some(id)) if listed(ATOMIC, &[id.name()]) => Shape::Atomic,
            Shape::Items(_, Some(id)) => Shape::Struct(id),
            Shape::Items(_, None) => Shape::Map(None),
            _ => Shape::Atomic,
        }
    }

    /// The step to an item of a list that merges.
    ///
    /// # Errors
    /// The key that the item lacks.
    pub fn step(self, item: &Value) -> Result<String, &'static str> {
        let Shape::Items(keys, _) = self else { return Ok(format!("v:{item}")) };
        let mut map = Map::new();
        for key in keys.split(' ') {
            let value = match item.get(key) {
                Some(value) if !value.is_null() => value.clone(),
                _ if key == "protocol" => "TCP".into(),
                _ if key == "shareID" => continue,
                _ => return Err(key),
            };
            map.insert(key.to_string(), value);
        }
        Ok(format!("k:{}", Value::Object(map)))
    }
}

/// Fields that are structs by value in Go, and so are there even in an object in which nothing is set.
const BY_VALUE: &str = "metadata spec status strategy updateStrategy loadBalancer jobTemplate template resources \
    daemonEndpoints kubeletEndpoint";

/// An object of a kind in which nothing is set, as Go writes it: what a creation is compared with.
pub fn empty_object(kind: Kind) -> Value {
    fn empty(id: TypeId, depth: usize) -> Value {
        let mut map = Map::new();
        for field in id.fields() {
            let value =
                match &field.ty {
                    Type::Object(inner) if field.required || listed(BY_VALUE, &[field.name]) => {
                        if depth == 0 { Value::Object(Map::new()) } else { empty(*inner, depth - 1) }
                    }
                    _ if !field.required => continue,
                    Type::String(_) => "".into(),
                    Type::Int32 | Type::Int64 => 0.into(),
                    Type::Bool => false.into(),
                    _ => Value::Null,
                };
            map.insert(field.name.to_string(), value);
        }
        Value::Object(map)
    }
    let type_ = schema::kind(&kind.api_version(), kind.name());
    type_.map_or_else(|| Value::Object(Map::new()), |id| empty(id, 6))
}
