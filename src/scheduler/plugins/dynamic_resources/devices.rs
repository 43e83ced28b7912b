//! The devices that drivers offer in ResourceSlices, and which of them a node can reach.
//! Upstream: `dynamic-resource-allocation/structured` (pools), `dynamic-resource-allocation/cel`.

use std::sync::Arc;

use sorted::{SortedMap, SortedSet};

use serde_json::Value;

use crate::api::cel::{self, Program};
use crate::api::k8s::NodeSelector;
use crate::api::node_selector::Term;
use crate::api::{Kind, MetaExt, Node, quantity, typed};
use crate::client::View;
use crate::scheduler::framework::claims::{DeviceId, items, text};

/// The nodes from which a device can be reached.
#[derive(Debug)]
enum Reach {
    /// One, by name.
    Node(String),
    /// All.
    Everywhere,
    /// Those that a selector picks.
    Selected(Vec<Term>),
    /// None that is known.
    Nowhere,
}

impl Reach {
    /// By the fields of a slice's `spec`, or of a device in a slice that leaves it to its devices.
    fn read(tree: &Value) -> Reach {
        let selector = || typed::read::<NodeSelector>(tree.get("nodeSelector")?).ok();
        match (text(tree, "/nodeName"), &tree["allNodes"], selector()) {
            (name, ..) if !name.is_empty() => Reach::Node(name.to_string()),
            (_, Value::Bool(true), _) => Reach::Everywhere,
            (.., Some(selector)) if !tree["nodeSelector"].is_null() => {
                Reach::Selected(selector.node_selector_terms.iter().map(Term::new).collect())
            }
            _ => Reach::Nowhere,
        }
    }

    fn includes(&self, node: &Node) -> bool {
        match self {
            Reach::Node(name) => *name == *node.name(),
            Reach::Everywhere => true,
            Reach::Selected(terms) => terms.iter().any(|term| term.matches(node)),
            Reach::Nowhere => false,
        }
    }
}

/// A device.
#[derive(Debug)]
pub struct Device {
    /// Which one it is.
    pub id: DeviceId,
    /// The device as its slice has it.
    pub tree: Value,
    /// Where it is, as its slice or the device itself says: `nodeName` or `nodeSelector`.
    pub place: Value,
    reach: Reach,
    /// The same for expressions.
    value: cel::Value,
}

/// The devices of one driver that are listed together.
#[derive(Debug, Default)]
pub struct Pool {
    /// Driver and pool.
    pub name: String,
    /// Its devices, in the order of its slices.
    pub devices: Vec<Device>,
    /// What its devices share, by set and name, in units of the counter.
    pub counters: SortedMap<(String, String), i64>,
    /// Why nothing can be taken from it now; empty if it can.
    pub trouble: &'static str,
}

/// All pools, by driver and name.
#[derive(Debug, Default)]
pub struct Inventory(pub Vec<Arc<Pool>>);

impl Inventory {
    /// Reads the slices. Those of an older generation than others of their pool no longer count.
    pub fn read(view: &View) -> Inventory {
        let mut slices: SortedMap<(String, String), Vec<Value>> = SortedMap::new();
        for slice in view.objects(Kind::RESOURCE_SLICE, None) {
            let spec = slice.part("spec").into_owned();
            let name = (text(&spec, "/driver").to_string(), text(&spec, "/pool/name").to_string());
            let generation = |spec: &Value| spec["pool"]["generation"].as_i64().unwrap_or(0);
            let known = slices.entry(name).or_default();
            match known.first().map(generation) {
                Some(newest) if generation(&spec) < newest => continue,
                Some(newest) if generation(&spec) > newest => known.clear(),
                _ => {}
            }
            known.push(spec);
        }
        Inventory(
            slices
                .iter()
                .map(|((driver, pool), slices)| Arc::new(Pool::read(driver, pool, slices)))
                .collect(),
        )
    }
}

impl Pool {
    fn read(driver: &str, name: &str, slices: &[Value]) -> Pool {
        let mut pool = Pool { name: format!("{driver}/{name}"), ..Pool::default() };
        let wanted = slices.first().and_then(|spec| spec["pool"]["resourceSliceCount"].as_u64());
        let mut names = SortedSet::new();
        for spec in slices {
            for set in items(spec, "/sharedCounters") {
                for (counter, amount) in set["counters"].as_object().into_iter().flatten() {
                    let key = (text(set, "/name").to_string(), counter.clone());
                    pool.counters.insert(key, amount_of(&amount["value"]));
                }
            }
            for tree in items(spec, "/devices") {
                let device = Device::read(driver, name, tree, spec);
                if !names.insert(device.id.device.clone()) {
                    pool.trouble = "invalid";
                }
                pool.devices.push(device);
            }
        }
        if wanted.is_some_and(|wanted| wanted != slices.len() as u64) {
            pool.trouble = "being updated";
        }
        pool
    }

    /// The devices that a node can reach.
    pub fn reachable<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Device> {
        self.devices.iter().filter(|device| device.reach.includes(node))
    }
}

fn amount_of(value: &Value) -> i64 {
    let parsed = match value {
        Value::String(text) => quantity::parse(text),
        other => quantity::parse(&other.to_string()),
    };
    parsed.map_or(0, |amount| amount.value())
}

impl Device {
    fn read(driver: &str, pool: &str, tree: &Value, spec: &Value) -> Device {
        let place = if spec["perDeviceNodeSelection"] == true { tree } else { spec };
        let id = DeviceId {
            driver: driver.to_string(),
            pool: pool.to_string(),
            device: text(tree, "/name").to_string(),
        };
        Device {
            value: as_value(driver, tree),
            reach: Reach::read(place),
            place: serde_json::json!({"nodeName": place["nodeName"], "nodeSelector": place["nodeSelector"]}),
            tree: tree.clone(),
            id,
        }
    }

    /// What of the counters that its pool shares it takes.
    pub fn consumption(&self) -> impl Iterator<Item = ((String, String), i64)> {
        items(&self.tree, "/consumesCounters").flat_map(|set| {
            let of = text(set, "/counterSet").to_string();
            let counters = set["counters"].as_object().into_iter().flatten();
            counters.map(move |(name, amount)| ((of.clone(), name.clone()), amount_of(&amount["value"])))
        })
    }

    /// One of its attributes by its full name: `dra.example.com/numa`.
    pub fn attribute(&self, full_name: &str) -> Option<&Value> {
        let attributes = &self.tree["attributes"];
        let own = || full_name.strip_prefix(&*self.id.driver)?.strip_prefix('/');
        attributes.get(full_name).or_else(|| attributes.get(own()?))
    }

    /// Whether an expression holds for it.
    ///
    /// # Errors
    /// Why it has no value.
    pub fn meets(&self, selector: &Program, domains: &[String]) -> Result<bool, String> {
        let named = |value: &cel::Value| with_domains(value, domains);
        let cel::Value::Map(fields) = &self.value else { return Ok(false) };
        let fields = fields.iter().map(|(name, value)| (name.clone(), named(value))).collect();
        let device = cel::Value::Map(Arc::new(fields));
        match selector.evaluate(&[("device", device)])? {
            cel::Value::Bool(holds) => Ok(holds),
            other => Err(format!("CEL result of type {} could not be converted to bool", other.type_name())),
        }
    }
}

/// Attributes and capacities of a domain that the device knows nothing of read as empty, not as missing.
fn with_domains(value: &cel::Value, domains: &[String]) -> cel::Value {
    let cel::Value::Map(known) = value else { return value.clone() };
    let missing = domains.iter().filter(|domain| value.field(domain).is_none());
    let missing = missing.map(|domain| (cel::Value::text(domain.as_str()), cel::Value::Map(Arc::default())));
    cel::Value::Map(Arc::new(known.iter().cloned().chain(missing).collect()))
}

/// A device as expressions see it: its driver, attributes and capacities, by domain and name.
fn as_value(driver: &str, tree: &Value) -> cel::Value {
    let by_domain = |field: &str, read: fn(&Value) -> Option<cel::Value>| {
        let mut domains: SortedMap<&str, Vec<(cel::Value, cel::Value)>> = SortedMap::new();
        for (full_name, value) in tree[field].as_object().into_iter().flatten() {
            let (domain, name) = full_name.split_once('/').unwrap_or((driver, full_name));
            if let Some(value) = read(value) {
                domains.entry(domain).or_default().push((cel::Value::text(name), value));
            }
        }
        let maps = domains
            .into_iter()
            .map(|(domain, names)| (cel::Value::text(domain), cel::Value::Map(Arc::new(names))));
        cel::Value::Map(Arc::new(maps.collect()))
    };
    let shared = cel::Value::Bool(tree["allowMultipleAllocations"] == true);
    cel::Value::Map(Arc::new(vec![
        (cel::Value::text("driver"), cel::Value::text(driver)),
        (cel::Value::text("attributes"), by_domain("attributes", attribute)),
        (cel::Value::text("capacity"), by_domain("capacity", capacity)),
        (cel::Value::text("allowMultipleAllocations"), shared),
    ]))
}

fn attribute(value: &Value) -> Option<cel::Value> {
    match value.as_object()?.iter().next()? {
        (kind, Value::String(text)) if kind == "version" => cel::Value::semver(text),
        (_, value) => Some(cel::Value::of(value)),
    }
}

fn capacity(value: &Value) -> Option<cel::Value> {
    let amount = value["value"].as_str().map_or_else(|| value["value"].to_string(), String::from);
    quantity::parse(&amount).map(cel::Value::Quantity)
}
