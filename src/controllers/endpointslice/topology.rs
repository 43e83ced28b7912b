//! Hints by zone for a Service that asks for topology aware routing with an annotation: every zone is to serve itself, with
//! endpoints in proportion to its nodes' CPUs, and lends some where it has too many. Models `topologycache` of
//! `staging/src/k8s.io/endpointslice`.

use sorted::SortedMap;

use super::ZONE;
use super::hints::{is_ready, strip, take_up, unchanged, zone_hint};
use super::plan::Plan;
use crate::api::k8s::Endpoint;
use crate::api::{EndpointSlice, Key, MetaExt, Node, Object, Service, condition, quantity};
use crate::client::recorder::EventType;
use crate::client::{Change, View};

/// Either of them asks for hints; the older goes before the newer.
const MODES: [&str; 2] =
    ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"];
/// Nodes with such a label carry no traffic of their own.
const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
/// How much more than its share a zone's endpoints may have to bear.
const OVERLOAD: f64 = 0.2;

/// Whether a Service asks for hints by its annotations.
pub fn is_asked_for(service: &Service) -> bool {
    let mode = MODES.iter().find_map(|mode| service.annotation(mode));
    matches!(mode, Some("Auto" | "auto"))
}

/// An event about the Service.
pub type Said = (EventType, &'static str, String);

/// Endpoints by zone.
type Zones = SortedMap<String, usize>;

/// What is known of the nodes, and what was allocated to the zones for each Service that has hints (`TopologyCache`).
#[derive(Clone, Debug, Default)]
pub struct TopologyCache {
    /// Each zone's share of the CPUs; `None` where they cannot be told.
    shares: Option<SortedMap<String, f64>>,
    /// Whether nodes have changed since the shares were worked out.
    outdated: bool,
    allocated: SortedMap<Key, Zones>,
}

/// What a zone is to have.
struct Allocation {
    maximum: usize,
    desired: f64,
}

impl TopologyCache {
    /// Takes note of a change of a node. Says which Services have too little in some zone by now.
    pub fn note(&mut self, change: &Change, view: &View) -> Vec<Key> {
        let node = |object: &Option<_>| object.as_deref().and_then(Object::as_kind::<Node>).map(place);
        if node(&change.before) == node(&change.after) {
            return Vec::new();
        }
        self.outdated = true;
        if self.allocated.is_empty() {
            return Vec::new();
        }
        self.renew(view);
        let overloaded = self.allocated.iter().filter(|(_, zones)| self.is_overloaded(zones));
        overloaded.map(|(service, _)| service.clone()).collect()
    }

    /// A Service has no hints any more. Says whether it had any.
    pub fn forget(&mut self, service: &Key) -> bool {
        self.allocated.remove(service).is_some()
    }

    fn renew(&mut self, view: &View) {
        if std::mem::take(&mut self.outdated) {
            self.shares = shares(view);
        }
    }

    /// Whether a zone has less than it has to have at the least (`serviceOverloaded`).
    fn is_overloaded(&self, zones: &Zones) -> bool {
        let Some(shares) = &self.shares else { return true };
        let total: usize = zones.values().sum();
        shares.iter().any(|(zone, share)| zones.get(zone).is_none_or(|count| *count < least(total, *share)))
    }

    /// Puts hints into what is to be written for a Service, and takes up slices that need others. Where it cannot be done, no
    /// endpoint has any (`AddHints`).
    pub fn add_hints(
        &mut self,
        service: &Key,
        plan: &mut Plan,
        existing: &[&EndpointSlice],
        view: &View,
    ) -> Option<Said> {
        self.renew(view);
        match self.allocate(plan, existing) {
            Ok(zones) => {
                let is_new = self.allocated.insert(service.clone(), zones).is_none();
                let words = "Topology Aware Hints has been enabled, addressType: IPv4";
                is_new.then(|| (EventType::Normal, "TopologyAwareHintsEnabled", words.to_string()))
            }
            Err(why) => {
                self.forget(service);
                strip(plan, existing);
                Some(disabled(&why))
            }
        }
    }

    /// # Errors
    /// Why there can be no hints.
    fn allocate(&self, plan: &mut Plan, existing: &[&EndpointSlice]) -> Result<Zones, String> {
        let left = unchanged(plan, existing);
        let listed = left.iter().flat_map(|index| &existing[*index].spec.endpoints);
        let total = plan.contents().flat_map(|slice| &slice.endpoints).chain(listed).filter(|e| is_ready(e));
        let allocations = self.allocations(total.count())?;
        let mut zones = Zones::new();
        for index in left {
            match zones_of(existing[index], &zones, &allocations) {
                Some(own) => {
                    own.into_iter().for_each(|(zone, count)| *zones.entry(zone).or_default() += count)
                }
                None => take_up(plan, existing, index),
            }
        }
        hint_own_zones(plan.contents_mut().flat_map(|slice| &mut slice.endpoints), &mut zones)?;
        redistribute(plan, &allocations, &mut zones);
        if zones.is_empty() { Err("No hints allocated for zones".into()) } else { Ok(zones) }
    }

    /// What each zone is to have of so many endpoints (`getAllocations`).
    ///
    /// # Errors
    /// Why it cannot be had.
    fn allocations(&self, endpoints: usize) -> Result<SortedMap<String, Allocation>, String> {
        let Some(shares) = &self.shares else {
            let words =
                "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
            return Err(words.into());
        };
        let counts = format!("({endpoints} endpoints, {} zones)", shares.len());
        if shares.len() > endpoints {
            return Err(format!("Insufficient number of endpoints {counts}"));
        }
        let least_of_all: usize = shares.values().map(|share| least(endpoints, *share)).sum();
        let Some(spare) = endpoints.checked_sub(least_of_all) else {
            return Err(format!(
                "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold {counts}"
            ));
        };
        let allocation = |share: f64| {
            let minimum = least(endpoints, share);
            let desired = (share * endpoints as f64).max(minimum as f64);
            Allocation { maximum: minimum + spare, desired }
        };
        Ok(shares.iter().map(|(zone, share)| (zone.clone(), allocation(*share))).collect())
    }
}

/// What is said where hints are taken back because the annotation went.
pub fn withdrawn() -> Said {
    disabled("Topology Aware Hints has been disabled")
}

fn disabled(why: &str) -> Said {
    (EventType::Warning, "TopologyAwareHintsDisabled", format!("{why}, addressType: IPv4"))
}

/// What of a node matters: a change of anything else is not noticed.
fn place(node: &Node) -> (bool, Option<String>) {
    (condition::is_true(node.status.conditions.as_deref(), "Ready"), node.labels().get(ZONE).cloned())
}

/// How many endpoints a zone has to have at the least, so that none of them bears too much.
fn least(endpoints: usize, share: f64) -> usize {
    (endpoints as f64 * share * (1.0 / (1.0 + OVERLOAD))).ceil() as usize
}

/// Each zone's share of the CPUs of the nodes that are ready; `None` if one of these has no zone or no CPUs, or if there are
/// fewer than two zones (`SetNodes`).
fn shares(view: &View) -> Option<SortedMap<String, f64>> {
    let mut by_zone: SortedMap<String, i64> = SortedMap::new();
    let nodes = view.list::<Node>(None);
    for node in nodes.filter(|node| CONTROL_PLANE.iter().all(|label| !node.labels().contains_key(*label))) {
        let (true, zone) = place(node) else { continue };
        let cpu = node.status.allocatable.as_ref().and_then(|all| all.get("cpu")).map_or(0, quantity::milli);
        let zone = zone.filter(|zone| !zone.is_empty() && cpu > 0)?;
        *by_zone.entry(zone).or_default() += cpu;
    }
    let total: i64 = by_zone.values().sum();
    let share = |(zone, cpu): (&String, &i64)| (zone.clone(), *cpu as f64 / total as f64);
    (by_zone.len() >= 2).then(|| by_zone.iter().map(share).collect())
}

/// The hints of a slice that is left as it is; `None` if it cannot be (`getHintsByZone`).
fn zones_of(
    slice: &EndpointSlice,
    allocated: &Zones,
    allocations: &SortedMap<String, Allocation>,
) -> Option<Zones> {
    let mut zones = Zones::new();
    for endpoint in slice.spec.endpoints.iter().filter(|endpoint| is_ready(endpoint)) {
        let hints = endpoint.hints.as_ref()?.for_zones.as_ref().filter(|zones| !zones.is_empty())?;
        for zone in hints {
            *zones.entry(zone.name.clone()).or_default() += 1;
        }
    }
    let fits = |(zone, count): (&String, &usize)| {
        let before = allocated.get(zone).copied().unwrap_or(0);
        allocations.get(zone).is_some_and(|allocation| before + count <= allocation.maximum)
    };
    zones.iter().all(fits).then_some(zones)
}

/// To begin with, every endpoint is for its own zone.
fn hint_own_zones<'a>(
    endpoints: impl Iterator<Item = &'a mut Endpoint>,
    zones: &mut Zones,
) -> Result<(), String> {
    for endpoint in endpoints.filter(|endpoint| is_ready(endpoint)) {
        let zone = endpoint.zone.clone().filter(|zone| !zone.is_empty());
        let zone = zone.ok_or("One or more endpoints do not have a zone specified")?;
        endpoint.hints = Some(zone_hint(&zone));
        *zones.entry(zone).or_default() += 1;
    }
    Ok(())
}

/// Zones with too many endpoints lend some to those with too few (`redistributeHints`).
fn redistribute(plan: &mut Plan, allocations: &SortedMap<String, Allocation>, zones: &mut Zones) {
    let (mut giving, mut receiving) = giving_and_receiving(allocations, zones);
    let written = plan.contents_mut().flat_map(|slice| &mut slice.endpoints);
    for endpoint in written.filter(|endpoint| is_ready(endpoint)) {
        let Some(giver) = endpoint.zone.clone().filter(|zone| giving.contains_key(zone)) else { continue };
        let Some(taker) = receiving.keys().next().cloned() else { return };
        endpoint.hints = Some(zone_hint(&taker));
        for (zone, counts) in [(&giver, &mut giving), (&taker, &mut receiving)] {
            match counts.get_mut(zone) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(counts.remove(zone)),
            }
        }
        *zones.entry(taker).or_default() += 1;
        *zones.entry(giver).or_default() -= 1;
    }
}

/// How many endpoints each zone is to lend and to borrow (`getGivingAndReceivingZones`).
fn giving_and_receiving(allocations: &SortedMap<String, Allocation>, zones: &Zones) -> (Zones, Zones) {
    let excess = |zone: &String| zones.get(zone).copied().unwrap_or(0) as f64 - allocations[zone].desired;
    let differing = |sign: f64| -> SortedMap<String, f64> {
        let all = allocations.keys().map(|zone| (zone.clone(), sign * excess(zone)));
        all.filter(|(_, count)| *count > 0.0).collect()
    };
    let (mut too_many, mut too_few) = (differing(1.0), differing(-1.0));
    let (mut giving, mut receiving) = (Zones::new(), Zones::new());
    while let (Some((giver, give)), Some((taker, take))) = (most(&too_many), most(&too_few)) {
        if (give < 1.0 && take < 1.0) || give < 0.5 || take < 0.5 {
            break;
        }
        for (zone, left, counts) in
            [(giver, &mut too_many, &mut giving), (taker, &mut too_few, &mut receiving)]
        {
            *left.entry(zone.clone()).or_default() -= 1.0;
            *counts.entry(zone).or_default() += 1;
        }
    }
    (giving, receiving)
}

/// The zone with the most, the first of several.
fn most(zones: &SortedMap<String, f64>) -> Option<(String, f64)> {
    let more = |best: Option<(String, f64)>, (zone, count): (&String, &f64)| match best {
        Some((_, known)) if known >= *count => best,
        _ if *count > 0.0 => Some((zone.clone(), *count)),
        _ => best,
    };
    zones.iter().fold(None, more)
}
