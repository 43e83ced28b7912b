//! Finds devices for claims on one node: for one request after the other, the first that suit, and others where that leads
//! nowhere.
//! Upstream: `dynamic-resource-allocation/structured`.

use sorted::{SortedMap, SortedSet};

use serde_json::{Map, Value, json};

use super::devices::{Device, Inventory, Pool};
use super::request::{Constraint, Wanted};
use crate::api::Node;
use crate::scheduler::framework::claims::{Claim, DeviceId, items, text};

/// As many devices as one claim may get.
const RESULTS_MAX: usize = 32;
/// Steps after which a search gives up, as the real one does after ten seconds.
const STEPS_MAX: u32 = 100_000;

/// What a search came to.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// An allocation for each claim, in their order.
    Found(Vec<Value>),
    /// There are not the devices.
    None,
    /// It took too long.
    TimedOut,
}

/// A search for devices.
pub struct Search<'a> {
    node: &'a Node,
    pools: &'a Inventory,
    claims: &'a [(&'a Claim, &'a Vec<Vec<Wanted>>)],
    in_use: &'a SortedSet<DeviceId>,
    /// What has been chosen so far.
    chosen: Vec<Choice<'a>>,
    /// Whether a device suits a request, once it has been asked.
    known: SortedMap<(usize, usize, usize, &'a DeviceId), bool>,
    steps: u32,
}

/// A device for a request: the claim's place, the request's, and the alternative's.
#[derive(Clone, Copy)]
struct Choice<'a> {
    claim: usize,
    request: usize,
    alternative: usize,
    device: &'a Device,
    pool: &'a Pool,
}

impl<'a> Search<'a> {
    /// A search for the claims with their requests, each with its alternatives.
    pub fn new(
        node: &'a Node,
        pools: &'a Inventory,
        claims: &'a [(&'a Claim, &'a Vec<Vec<Wanted>>)],
        in_use: &'a SortedSet<DeviceId>,
    ) -> Search<'a> {
        Search { node, pools, claims, in_use, chosen: Vec::new(), known: SortedMap::new(), steps: 0 }
    }

    /// Searches.
    ///
    /// # Errors
    /// What is wrong with a claim or a class.
    pub fn run(mut self) -> Result<Outcome, String> {
        if self.next(0, 0)? {
            return Ok(Outcome::Found((0..self.claims.len()).map(|claim| self.allocation(claim)).collect()));
        }
        if self.steps > STEPS_MAX {
            return Ok(Outcome::TimedOut);
        }
        match self.pools.0.iter().any(|pool| pool.trouble == "invalid" && self.reaches(pool)) {
            true => Err("invalid resource pools were encountered".into()),
            false => Ok(Outcome::None),
        }
    }

    fn reaches(&self, pool: &'a Pool) -> bool {
        pool.reachable(self.node).next().is_some()
    }

    /// From a request on: its first alternative that leads to an end.
    fn next(&mut self, claim: usize, request: usize) -> Result<bool, String> {
        let claims = self.claims;
        let Some((_, requests)) = claims.get(claim) else { return Ok(true) };
        let Some(alternatives) = requests.get(request) else { return self.next(claim + 1, 0) };
        for (alternative, wanted) in alternatives.iter().enumerate() {
            let done = match wanted.count {
                Some(count) => self.some(claim, request, alternative, count, 0)?,
                None => self.all(claim, request, alternative)?,
            };
            if done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn wanted(&self, claim: usize, request: usize, alternative: usize) -> &'a Wanted {
        &self.claims[claim].1[request][alternative]
    }

    /// A number of devices, from the one in that place on: which of two like ones comes first makes no difference.
    fn some(
        &mut self,
        claim: usize,
        request: usize,
        alternative: usize,
        left: usize,
        from: usize,
    ) -> Result<bool, String> {
        if left == 0 {
            return self.next(claim, request + 1);
        }
        if self.chosen.iter().filter(|choice| choice.claim == claim).count() + left > RESULTS_MAX {
            return Ok(false);
        }
        let (pools, node) = (self.pools, self.node);
        let usable = pools.0.iter().filter(|pool| pool.trouble.is_empty());
        let devices = usable.flat_map(|pool| pool.reachable(node).map(move |device| (&**pool, device)));
        for (place, (pool, device)) in devices.enumerate().skip(from) {
            let choice = Choice { claim, request, alternative, device, pool };
            if !self.is_free(choice) || !self.suits(choice)? || !self.is_allowed(choice) {
                continue;
            }
            self.chosen.push(choice);
            if self.some(claim, request, alternative, left - 1, place + 1)? {
                return Ok(true);
            }
            self.chosen.pop();
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// All devices that suit, of which there must be one.
    fn all(&mut self, claim: usize, request: usize, alternative: usize) -> Result<bool, String> {
        let (pools, node) = (self.pools, self.node);
        let before = self.chosen.len();
        let mut found = Vec::new();
        for pool in pools.0.iter().filter(|pool| pool.reachable(node).next().is_some()) {
            if !pool.trouble.is_empty() {
                let name = self.claims[claim].0.full_name();
                let request = &self.wanted(claim, request, alternative).name;
                return Err(format!(
                    "claim {name}, request {request}: asks for all devices, but resource pool {} is currently {}",
                    pool.name, pool.trouble
                ));
            }
            for device in pool.reachable(node) {
                let choice = Choice { claim, request, alternative, device, pool };
                if self.suits(choice)? {
                    found.push(choice);
                }
            }
        }
        let held = self.chosen.iter().filter(|choice| choice.claim == claim).count();
        let mut fits = !found.is_empty() && held + found.len() <= RESULTS_MAX;
        for choice in found {
            fits = fits && self.is_free(choice) && self.is_allowed(choice);
            self.chosen.push(choice);
        }
        if fits && self.next(claim, request + 1)? {
            return Ok(true);
        }
        self.chosen.truncate(before);
        Ok(false)
    }

    /// Whether nobody has the device. Who only looks after it may have it besides, once per claim.
    fn is_free(&self, choice: Choice<'_>) -> bool {
        let id = &choice.device.id;
        let is_it = |other: &&Choice<'_>| other.device.id == *id;
        if self.wanted(choice.claim, choice.request, choice.alternative).is_admin {
            return !self.chosen.iter().filter(is_it).any(|other| other.claim == choice.claim);
        }
        !self.in_use.contains(id) && self.chosen.iter().find(is_it).is_none()
    }

    /// Whether the device is of the class, and as the request wants it.
    fn suits(&mut self, choice: Choice<'a>) -> Result<bool, String> {
        let key = (choice.claim, choice.request, choice.alternative, &choice.device.id);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let wanted = self.wanted(choice.claim, choice.request, choice.alternative);
        let suits = wanted.selects(choice.device, self.claims[choice.claim].0)?;
        self.known.insert(key, suits);
        Ok(suits)
    }

    /// Whether taints, shared counters and the claim's constraints let the device be taken beside what is chosen.
    fn is_allowed(&self, choice: Choice<'_>) -> bool {
        let wanted = self.wanted(choice.claim, choice.request, choice.alternative);
        wanted.tolerates(choice.device) && self.has_counters(choice) && self.meets_constraints(choice)
    }

    fn has_counters(&self, choice: Choice<'_>) -> bool {
        choice.device.consumption().all(|(counter, amount)| {
            let have = choice.pool.counters.get(&counter).copied().unwrap_or(0);
            let is_taken = |device: &&Device| {
                self.in_use.contains(&device.id)
                    || self.chosen.iter().any(|other| other.device.id == device.id)
            };
            let taken = choice.pool.devices.iter().filter(is_taken).flat_map(Device::consumption);
            let taken: i64 = taken.filter(|(other, _)| *other == counter).map(|(_, amount)| amount).sum();
            amount <= have - taken
        })
    }

    fn meets_constraints(&self, choice: Choice<'_>) -> bool {
        let (claim, _) = &self.claims[choice.claim];
        let names = |choice: &Choice<'_>| {
            let wanted = self.wanted(choice.claim, choice.request, choice.alternative);
            (wanted.base_name(), wanted.name.clone())
        };
        items(&claim.devices, "/constraints").filter_map(Constraint::read).all(|constraint| {
            let (base, name) = names(&choice);
            if !constraint.concerns(&base, &name) {
                return true;
            }
            let others = self.chosen.iter().filter(|other| other.claim == choice.claim).filter(|other| {
                let (base, name) = names(other);
                constraint.concerns(&base, &name)
            });
            constraint.allows(choice.device, others.map(|other| other.device))
        })
    }

    /// What a claim gets (`AllocationResult`).
    fn allocation(&self, place: usize) -> Value {
        let (claim, _) = &self.claims[place];
        let chosen = || self.chosen.iter().filter(|choice| choice.claim == place);
        let result = |choice: &Choice<'_>| {
            let wanted = self.wanted(place, choice.request, choice.alternative);
            let id = &choice.device.id;
            let mut result = json!({
                "request": wanted.name, "driver": id.driver, "pool": id.pool, "device": id.device,
            });
            for (field, value) in
                [("adminAccess", &wanted.admin_access), ("tolerations", &wanted.tolerations)]
            {
                if !value.is_null() {
                    result[field] = value.clone();
                }
            }
            result
        };
        let mut devices = json!({"results": chosen().map(result).collect::<Vec<_>>()});
        let mut alternatives: Vec<&Wanted> = Vec::new();
        for choice in chosen() {
            let wanted = self.wanted(place, choice.request, choice.alternative);
            if !alternatives.iter().any(|known| known.name == wanted.name) {
                alternatives.push(wanted);
            }
        }
        let config = configuration(claim, &alternatives);
        if !config.is_empty() {
            devices["config"] = config.into();
        }
        let mut allocation = json!({"devices": devices});
        if let Some(selector) = node_selector(chosen().map(|choice| &choice.device.place)) {
            allocation["nodeSelector"] = selector;
        }
        allocation
    }
}

/// What the drivers are told besides: by the classes, each once, and by the claim.
fn configuration(claim: &Claim, chosen: &[&Wanted]) -> Vec<Value> {
    let requests = items(&claim.devices, "/requests").count();
    let mut all: Vec<Value> = Vec::new();
    let mut classes: Vec<&str> = Vec::new();
    for wanted in chosen.iter().filter(|wanted| !wanted.class_config.is_empty()) {
        if classes.contains(&&*wanted.class) {
            continue;
        }
        classes.push(&wanted.class);
        let of_class = chosen.iter().filter(|other| other.class == wanted.class);
        let names: Vec<Value> = of_class.map(|other| other.name.clone().into()).collect();
        all.extend(wanted.class_config.iter().map(|config| entry(config, "FromClass", names.clone())));
    }
    for config in items(&claim.devices, "/config") {
        let names: Vec<Value> = items(config, "/requests").cloned().collect();
        let meant =
            |wanted: &&&Wanted| names.iter().any(|name| *name == *wanted.name || *name == wanted.base_name());
        if names.is_empty() || chosen.iter().any(|wanted| meant(&wanted)) {
            all.push(entry(config, "FromClaim", names));
        }
    }
    for config in &mut all {
        let covers_all = config["requests"].as_array().is_none_or(|names| names.len() == requests);
        if let (true, Some(fields)) = (covers_all, config.as_object_mut()) {
            fields.remove("requests");
        }
    }
    all
}

fn entry(config: &Value, source: &str, requests: Vec<Value>) -> Value {
    let mut fields: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
    fields.insert("source".into(), source.into());
    fields.insert("requests".into(), requests.into());
    Value::Object(fields)
}

/// The nodes from which all these devices can be reached: `None` for all.
fn node_selector<'v>(places: impl Iterator<Item = &'v Value>) -> Option<Value> {
    let mut term: Map<String, Value> = Map::new();
    for place in places {
        let name = text(place, "/nodeName");
        if !name.is_empty() {
            let field = json!({"key": "metadata.name", "operator": "In", "values": [name]});
            return Some(json!({"nodeSelectorTerms": [{"matchFields": [field]}]}));
        }
        for (field, conditions) in
            place["nodeSelector"]["nodeSelectorTerms"][0].as_object().into_iter().flatten()
        {
            let known = term.entry(field.clone()).or_insert_with(|| json!([]));
            let Some(known) = known.as_array_mut() else { continue };
            for condition in conditions.as_array().into_iter().flatten() {
                if !known.contains(condition) {
                    known.push(condition.clone());
                }
            }
        }
    }
    (!term.is_empty()).then(|| json!({"nodeSelectorTerms": [term]}))
}
