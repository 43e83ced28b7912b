//! The resource claims of a pod, and which devices claims hold.
//! Upstream: `dynamic-resource-allocation/resourceclaim`, `plugins/dynamicresources/dra_manager.go`.

use std::fmt;

use serde_json::{Value, json};
use sorted::{SortedMap, SortedSet};

use crate::api::meta::Revision;
use crate::api::{Key, Kind, MetaExt, Object, Pod, typed};
use crate::client::{Client, View};

/// What keeps an allocated claim until nobody uses it.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

/// What tells a device from all others: driver, pool and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId {
    /// The driver that looks after it.
    pub driver: String,
    /// The pool that it belongs to.
    pub pool: String,
    /// Its name in the pool.
    pub device: String,
}

impl DeviceId {
    /// The device of a result of an allocation.
    pub fn read(result: &Value) -> DeviceId {
        let part = |name: &str| result[name].as_str().unwrap_or_default().to_string();
        DeviceId { driver: part("driver"), pool: part("pool"), device: part("device") }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.driver, self.pool, self.device)
    }
}

/// A claim of the pod to place.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its key in the store.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// `spec.devices`.
    pub devices: Value,
    /// `status.allocation`; null as long as nothing is allocated.
    pub allocation: Value,
    /// The uids of those it is reserved for.
    pub reserved_for: Vec<String>,
}

impl Claim {
    /// `namespace/name`, as messages have it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.key.namespace, self.key.name)
    }

    /// Whether devices are to be found for it.
    pub fn is_to_be_allocated(&self) -> bool {
        self.allocation.is_null()
    }
}

/// A text at a path; empty if there is none.
pub fn text<'v>(tree: &'v Value, path: &str) -> &'v str {
    tree.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a list at a path.
pub fn items<'v>(tree: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    tree.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// The pod's claims, by name of the pod's own list (`foreachPodResourceClaim`). A claim that was not needed in the end is left
/// out.
///
/// # Errors
/// Why one of them cannot be used.
pub fn claims_of(view: &View, pod: &Pod) -> Result<Vec<Claim>, String> {
    let mut claims = Vec::new();
    for named in pod.spec.resource_claims.iter().flatten() {
        let (name, is_generated) = match (&named.resource_claim_name, &named.resource_claim_template_name) {
            (Some(name), _) => (Some(name), false),
            (None, Some(_)) => {
                let mut made = pod.status.resource_claim_statuses.iter().flatten();
                let made = made.find(|made| made.name == named.name).ok_or_else(|| {
                    format!("pod \"{}/{}\": ResourceClaim not created yet", pod.namespace(), pod.name())
                })?;
                (made.resource_claim_name.as_ref(), true)
            }
            (None, None) => {
                return Err(format!(
                    "pod \"{}/{}\", spec.resourceClaim {:?}: none of the supported fields are set",
                    pod.namespace(),
                    pod.name(),
                    named.name
                ));
            }
        };
        let Some(name) = name else { continue };
        let key = Key::new(Kind::RESOURCE_CLAIM, pod.namespace(), name);
        let full_name = format!("{}/{name}", pod.namespace());
        let object =
            view.object(&key).ok_or_else(|| format!("could not find ResourceClaim {full_name:?}"))?;
        if object.is_deleting() {
            return Err(format!("resourceclaim {name:?} is being deleted"));
        }
        if is_generated && !object.is_controlled_by(pod.uid()) {
            return Err(format!(
                "ResourceClaim {full_name} was not created for pod {}/{} (pod is not owner)",
                pod.namespace(),
                pod.name()
            ));
        }
        claims.push(read(object));
    }
    Ok(claims)
}

fn read(object: &Object) -> Claim {
    let (spec, status) = (object.part("spec"), object.part("status"));
    Claim {
        key: object.key(),
        uid: object.uid().to_string(),
        devices: spec["devices"].clone(),
        allocation: status["allocation"].clone(),
        reserved_for: items(&status, "/reservedFor").map(|user| text(user, "/uid").to_string()).collect(),
    }
}

/// What has been allocated and written, but has not come back by the watch yet.
#[derive(Clone, Debug, Default)]
pub struct AssumedClaims(SortedMap<Key, (Value, Revision)>);

impl AssumedClaims {
    /// Takes note of allocations that the server had got by that write.
    pub fn assume(&mut self, granted: &Granted, written: Revision) {
        for (claim, allocation) in &granted.claims {
            self.0.insert(claim.key.clone(), (allocation.clone(), written));
        }
    }

    /// Forgets what the watch has told by now.
    pub fn forget_until(&mut self, seen: Revision) {
        self.0.retain(|_, (_, written)| *written > seen);
    }

    /// Brings the claims of a pod up to date.
    pub fn apply_to(&self, claims: &mut [Claim]) {
        for claim in claims.iter_mut().filter(|claim| claim.allocation.is_null()) {
            if let Some((allocation, _)) = self.0.get(&claim.key) {
                claim.allocation = allocation.clone();
            }
        }
    }

    /// The devices that claims hold; not those that they only look after (`adminAccess`).
    pub fn devices_in_use(&self, view: &View) -> SortedSet<DeviceId> {
        let mut held = SortedSet::new();
        let mut hold = |allocation: &Value| {
            let results = items(allocation, "/devices/results");
            held.extend(results.filter(|result| result["adminAccess"] != true).map(DeviceId::read));
        };
        for claim in view.objects(Kind::RESOURCE_CLAIM, None) {
            hold(&claim.part("status")["allocation"]);
        }
        self.0.values().for_each(|(allocation, _)| hold(allocation));
        held
    }
}

/// What the pod's claims get on the chosen node.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    /// The claims with their allocations, those that were allocated before among them.
    pub claims: Vec<(Claim, Value)>,
    /// Whether it has been written.
    pub is_written: bool,
}

impl Granted {
    /// Writes the allocations, and reserves the claims for the pod (`bindClaim`).
    ///
    /// # Errors
    /// What has come between, or the server's refusal.
    pub fn write(&self, client: &mut Client<'_>, pod: &Pod) -> Result<(), String> {
        for (claim, allocation) in &self.claims {
            if claim.reserved_for.iter().any(|uid| uid == pod.uid()) {
                continue;
            }
            reserve(client, claim, allocation, pod)?;
        }
        Ok(())
    }
}

fn reserve(client: &mut Client<'_>, claim: &Claim, allocation: &Value, pod: &Pod) -> Result<(), String> {
    let name = claim.full_name();
    let mut object = client.get(&claim.key).map_err(|refused| refused.message)?;
    if object.is_deleting() {
        return Err(format!("claim {name} got deleted in the meantime"));
    }
    let is_new = claim.is_to_be_allocated();
    if is_new && !object.part("status")["allocation"].is_null() {
        return Err(format!("claim {name} got allocated elsewhere in the meantime"));
    }
    let is_kept = |object: &Object| object.meta().finalizers.iter().flatten().any(|known| known == FINALIZER);
    if is_new && !is_kept(&object) {
        let mut kept = (*object).clone();
        kept.meta_mut().finalizers.get_or_insert_default().push(FINALIZER.into());
        object = client
            .update_object(kept)
            .map_err(|refused| format!("add finalizer to claim {name}: {}", refused.message))?;
    }
    let mut tree = object.to_value();
    if !tree["status"].is_object() {
        tree["status"] = json!({});
    }
    let status = &mut tree["status"];
    if is_new {
        status["allocation"] = allocation.clone();
    }
    if status["allocation"]["allocationTimestamp"].is_null() {
        status["allocation"]["allocationTimestamp"] = typed::write(&client.now().to_time());
    }
    let user = json!({"resource": "pods", "name": pod.name(), "uid": pod.uid()});
    match status["reservedFor"].as_array_mut() {
        Some(users) => users.push(user),
        None => status["reservedFor"] = json!([user]),
    }
    let changed = Object::from_value(Kind::RESOURCE_CLAIM, tree).map_err(|error| error.to_string())?;
    let what = if is_new { "allocation and reservation" } else { "reservation" };
    let failed = |why: String| format!("add {what} to claim {name}: {why}");
    client.update_object_status(changed).map(|_| ()).map_err(|refused| failed(refused.message))
}
