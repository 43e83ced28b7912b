//! Claims, volumes and storage classes, read as far as scheduling looks at them.
//! Upstream: `component-helpers/storage/{volume,ephemeral}`, `controller/volume/persistentvolume/util`.

use std::collections::BTreeMap;

use sorted::{SortedMap, SortedSet};

use serde_json::Value;

use crate::api::k8s::{LabelSelector, Quantity, TopologySelectorLabelRequirement, Volume as PodVolume};
use crate::api::meta::{Revision, StringMap};
use crate::api::node_selector::Term;
use crate::api::quantity::{self, Parsed};
use crate::api::selector::{Operator, Requirement, Selector};
use crate::api::{
    Key, Kind, MetaExt, Object, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, typed,
};
use crate::client::View;

/// The annotation of a claim that its volume is bound to it from both sides.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The annotation of a volume that a controller, not its creator, has chosen its claim.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// The annotation of a claim that tells the provisioner where its first user will run.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// What is asked of a claim, and whether it is bound.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its key in the store.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// The storage class that it names; empty for none.
    pub class: String,
    /// The volume that it is bound to, or is to be bound to; empty for none.
    pub volume_name: String,
    /// Whether both sides of the binding have been written.
    pub is_bound: bool,
    /// The node for which a volume is being made for it.
    pub selected_node: Option<String>,
    /// How it wants to be accessed.
    pub access_modes: Vec<String>,
    /// How much it asks for.
    pub requested: Option<Parsed>,
    selector: Option<Selector>,
    mode: String,
    attributes_class: String,
}

/// A volume that exists.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels: zone and region, and what selectors ask for.
    pub labels: StringMap,
    claim: Option<ClaimRef>,
    capacity: Option<Parsed>,
    affinity: Option<Vec<Term>>,
    class: String,
    access_modes: Vec<String>,
    mode: String,
    attributes_class: String,
    is_available: bool,
    is_deleting: bool,
}

/// The claim that a volume is kept for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClaimRef {
    namespace: String,
    name: String,
    uid: String,
}

/// The storage of a list of resources.
fn amount(resources: Option<&BTreeMap<String, Quantity>>) -> Option<Parsed> {
    quantity::parse(&resources?.get("storage")?.0)
}

/// The class by the old annotation, or by the field.
fn class_of(object: &impl MetaExt, field: Option<&String>) -> String {
    object.annotation(BETA_CLASS).or(field.map(String::as_str)).unwrap_or_default().into()
}

fn mode_of(field: Option<&String>) -> String {
    field.filter(|mode| !mode.is_empty()).map_or("Filesystem", String::as_str).into()
}

/// An object of a kind without namespaces, or `None`.
pub fn find<'a>(view: &'a View, kind: Kind, name: &str) -> Option<&'a Object> {
    view.object(&Key::cluster(kind, name)).map(|object| &**object)
}

impl Claim {
    /// Reads a claim.
    pub fn read(claim: &PersistentVolumeClaim) -> Claim {
        let spec = &claim.spec;
        let volume_name = spec.volume_name.clone().unwrap_or_default();
        Claim {
            key: Key::new(Kind::PERSISTENT_VOLUME_CLAIM, claim.namespace(), claim.name()),
            uid: claim.uid().to_string(),
            class: class_of(claim, spec.storage_class_name.as_ref()),
            is_bound: !volume_name.is_empty() && claim.annotation(BIND_COMPLETED).is_some(),
            volume_name,
            selected_node: claim.annotation(SELECTED_NODE).map(String::from),
            access_modes: spec.access_modes.clone().unwrap_or_default(),
            requested: spec.resources.as_ref().and_then(|resources| amount(resources.requests.as_ref())),
            // One that cannot be read is an error upstream; here it selects nothing.
            selector: spec
                .selector
                .as_ref()
                .map(|field| Selector::from_field(field).unwrap_or_else(selects_nothing)),
            mode: mode_of(spec.volume_mode.as_ref()),
            attributes_class: spec.volume_attributes_class_name.clone().unwrap_or_default(),
        }
    }
}

fn selects_nothing() -> Selector {
    Selector {
        requirements: vec![Requirement { key: String::new(), operator: Operator::In, values: Vec::new() }],
    }
}

impl Volume {
    /// The volume of that name.
    pub fn find(view: &View, name: &str) -> Option<Volume> {
        view.get("", name).map(Volume::read)
    }

    /// Reads a volume.
    pub fn read(volume: &PersistentVolume) -> Volume {
        let spec = &volume.spec;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let required = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
        Volume {
            name: volume.name().to_string(),
            labels: volume.labels().clone(),
            claim: spec.claim_ref.as_ref().map(|reference| ClaimRef {
                namespace: text(&reference.namespace),
                name: text(&reference.name),
                uid: text(&reference.uid),
            }),
            capacity: amount(spec.capacity.as_ref()),
            affinity: required.map(|required| required.node_selector_terms.iter().map(Term::new).collect()),
            class: class_of(volume, spec.storage_class_name.as_ref()),
            access_modes: spec.access_modes.clone().unwrap_or_default(),
            mode: mode_of(spec.volume_mode.as_ref()),
            attributes_class: text(&spec.volume_attributes_class_name),
            is_available: volume.status.phase.as_deref() == Some("Available"),
            is_deleting: volume.is_deleting(),
        }
    }

    /// The storage class that it belongs to; empty for none.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Whether nodes with these labels can reach it (`CheckNodeAffinity`). Only labels count, not the node's name.
    pub fn is_reachable_from(&self, node: &StringMap) -> bool {
        self.affinity.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches_labels(node)))
    }

    /// Whether it is kept for this claim (`IsVolumeBoundToClaim`).
    fn is_kept_for(&self, claim: &Claim) -> bool {
        self.claim.as_ref().is_some_and(|kept| {
            *kept.name == *claim.key.name
                && *kept.namespace == *claim.key.namespace
                && (kept.uid.is_empty() || kept.uid == claim.uid)
        })
    }

    /// Keeps it for a claim, as far as the scheduler knows.
    fn keep_for(&mut self, claim: &Claim) {
        self.claim = Some(ClaimRef {
            namespace: claim.key.namespace.to_string(),
            name: claim.key.name.to_string(),
            uid: claim.uid.clone(),
        });
    }

    /// Whether it could serve the claim if it were free (and if the node were right).
    fn suits(&self, claim: &Claim) -> bool {
        self.is_available
            && claim.selector.as_ref().is_none_or(|selector| selector.matches(&self.labels))
            && self.class == claim.class
            && claim.access_modes.iter().all(|mode| self.access_modes.contains(mode))
    }
}

/// The volume that a claim would get on a node with these labels (`FindMatchingVolume`): the one kept for it, or else the
/// smallest that is large enough. `taken` are those that other claims of the same pod would get.
pub fn find_matching_volume<'a>(
    claim: &Claim,
    volumes: &'a [Volume],
    node: &StringMap,
    taken: &SortedSet<&str>,
) -> Option<&'a Volume> {
    let mut smallest: Option<&Volume> = None;
    for volume in volumes {
        let is_kept = volume.is_kept_for(claim);
        if taken.contains(&*volume.name)
            || (volume.claim.is_some() && !is_kept)
            || volume.capacity < claim.requested
            || volume.mode != claim.mode
            || volume.attributes_class != claim.attributes_class
            || volume.is_deleting
        {
            continue;
        }
        if is_kept {
            return Some(volume).filter(|volume| volume.is_reachable_from(node));
        }
        if volume.suits(claim)
            && smallest.is_none_or(|smallest| volume.capacity < smallest.capacity)
            && volume.is_reachable_from(node)
        {
            smallest = Some(volume);
        }
    }
    smallest
}

/// The claim behind a volume of a pod: its name, and whether it is made for the pod alone. `None` for other volumes.
pub fn claim_name(pod: &Pod, volume: &PodVolume) -> Option<(String, bool)> {
    if let Some(source) = &volume.persistent_volume_claim {
        return Some((source.claim_name.clone(), false));
    }
    volume.ephemeral.as_ref().map(|_| (format!("{}-{}", pod.name(), volume.name), true))
}

/// The claims that a pod names itself, without those made for it.
pub fn named_claims(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.volumes.iter().flatten();
    volumes.filter_map(|volume| Some(&*volume.persistent_volume_claim.as_ref()?.claim_name))
}

/// Whether the pod uses the claim, by any kind of volume.
pub fn uses_claim(pod: &Pod, claim: &Object) -> bool {
    let mut volumes = pod.spec.volumes.iter().flatten();
    claim.namespace() == pod.namespace()
        && volumes.any(|volume| claim_name(pod, volume).is_some_and(|(name, _)| name == claim.name()))
}

/// What is said of an object that is not there (`apierrors.NewNotFound`).
pub fn not_found(kind: Kind, name: &str) -> String {
    format!("{} {name:?} not found", kind.group_singular())
}

/// Whether claims of the class are bound only once a pod wants them. A class that does not say so binds at once.
pub fn delays_binding(class: &StorageClass) -> bool {
    class.spec.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
}

/// Whether volumes of the class may be made for nodes with these labels (`MatchTopologySelectorTerms`).
pub fn allows_topology(class: &StorageClass, node: &StringMap) -> bool {
    let terms = class.spec.allowed_topologies.as_deref().unwrap_or_default();
    let holds = |expression: &TopologySelectorLabelRequirement| {
        node.get(&expression.key).is_some_and(|value| expression.values.contains(value))
    };
    terms.is_empty()
        || terms.iter().any(|term| {
            let expressions = term.match_label_expressions.as_deref().unwrap_or_default();
            !expressions.is_empty() && expressions.iter().all(holds)
        })
}

/// Whether the driver says that it has room for the claim on nodes with these labels (`hasEnoughCapacity`). Drivers that keep
/// no account of their capacity always have.
pub fn has_capacity(
    view: &View,
    driver: &str,
    class: &StorageClass,
    claim: &Claim,
    node: &StringMap,
) -> bool {
    let Some(requested) = claim.requested else { return true };
    let keeps_account = find(view, Kind::CSI_DRIVER, driver)
        .is_some_and(|driver| driver.part("spec")["storageCapacity"] == Value::Bool(true));
    !keeps_account
        || view.objects(Kind::CSI_STORAGE_CAPACITY, None).any(|capacity| {
            let limit = capacity_limit(capacity);
            let topology = capacity.part("nodeTopology");
            capacity.part("storageClassName").as_str() == Some(class.name())
                && limit.is_some_and(|limit| limit.value() >= requested.value())
                && selector(&topology).is_some_and(|selector| selector.matches(node))
        })
}

/// A selector of labels, as written.
fn selector(tree: &Value) -> Option<Selector> {
    let field: LabelSelector = typed::read(tree).ok().filter(|_| !tree.is_null())?;
    Selector::from_field(&field)
}

/// How large a volume the driver could make there.
pub fn capacity_limit(capacity: &Object) -> Option<Parsed> {
    let of = |name: &str| quantity::parse(capacity.part(name).as_str()?);
    of("maximumVolumeSize").or_else(|| of("capacity"))
}

/// What the scheduler has decided about volumes and claims and has written, but not yet been told of by the watch.
#[derive(Clone, Debug, Default)]
pub struct AssumedVolumes {
    kept: SortedMap<String, (Claim, Revision)>,
    selected: SortedMap<Key, (String, Revision)>,
}

impl AssumedVolumes {
    /// Takes note of a decision that the server had got by that write.
    pub fn assume(
        &mut self,
        bindings: &[(String, Claim)],
        provisions: &[(Claim, String)],
        written: Revision,
    ) {
        for (volume, claim) in bindings {
            self.kept.insert(volume.clone(), (claim.clone(), written));
        }
        for (claim, node) in provisions {
            self.selected.insert(claim.key.clone(), (node.clone(), written));
        }
    }

    /// Forgets what the watch has told by now.
    pub fn forget_until(&mut self, seen: Revision) {
        self.kept.retain(|_, (_, written)| *written > seen);
        self.selected.retain(|_, (_, written)| *written > seen);
    }

    /// Brings a claim up to date.
    pub fn apply_to_claim(&self, claim: &mut Claim) {
        if let Some((node, _)) = self.selected.get(&claim.key) {
            claim.selected_node = Some(node.clone());
        }
    }

    /// Brings a volume up to date.
    pub fn apply_to_volume(&self, volume: &mut Volume) {
        if let Some((claim, _)) = self.kept.get(&volume.name) {
            volume.keep_for(claim);
        }
    }
}
