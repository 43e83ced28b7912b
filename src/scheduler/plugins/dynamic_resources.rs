//! # What it does
//! Places pods with resource claims where their claims' devices are. A claim that has been allocated keeps its pods to the nodes
//! that can reach its devices; for one that has not, devices are chosen from what the drivers list in ResourceSlices, and with
//! the node they are the claim's.
//! # Example
//! A claim for two devices of class `gpu` with `device.attributes["example.com"].model == "a100"`: nodes with fewer than two
//! such devices left `cannot allocate all claims`.
//! # Upstream
//! `plugins/dynamicresources`, `dynamic-resource-allocation/structured`

mod allocator;
mod devices;
mod request;

use std::sync::Arc;

use sorted::SortedSet;

use super::{Args, Made, names};
use crate::api::field_error::FieldError;
use crate::api::k8s::NodeSelector;
use crate::api::node_selector::Term;
use crate::api::{Kind, Node, typed};
use crate::client::{Change, Client, View};
use crate::clock::SimDuration;
use crate::rng::Rng;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::claims::{Claim, DeviceId, Granted, claims_of};
use crate::scheduler::framework::{
    Action, ClusterEvent, Code, Context, CycleState, EventResource, Failure, Hint, NodeInfo, Plugin, PodInfo,
    Point, PostFilterResult, PreFilterResult, Scope, Status,
};
use allocator::{Outcome, Search};
use devices::Inventory;
use request::Wanted;

/// See the module.
#[derive(Debug, Default)]
pub struct DynamicResources;

/// Left by PreFilter for a pod with claims.
#[derive(Clone)]
struct Note {
    /// What the claims ask for; nothing of a pod without claims.
    demand: Option<Arc<Demand>>,
}

/// The pod's claims, and what there is for them.
struct Demand {
    claims: Vec<Claim>,
    /// By claim, the nodes that can reach what it has; `None` for all.
    available: Vec<Option<Vec<Term>>>,
    /// By claim, what it asks for; nothing where it has it.
    wanted: Vec<Vec<Vec<Wanted>>>,
    inventory: Inventory,
    in_use: SortedSet<DeviceId>,
}

impl DynamicResources {
    /// By `DynamicResourcesArgs`: nothing here takes time, so its timeouts are only checked.
    pub fn make(args: &Args<'_>) -> Made {
        let mut errors = Vec::new();
        let mut check = |name: &str, least: SimDuration, why: &str| {
            let Some(text) = args.value[name].as_str() else { return };
            let is_enough = SimDuration::parse(text).is_some_and(|span| span >= least);
            if !is_enough {
                errors.push(FieldError::invalid(&args.path.child(name), text, why));
            }
        };
        check("filterTimeout", SimDuration::ZERO, "must be zero or positive");
        check("bindingTimeout", SimDuration::from_secs(1), "must be at least 1 second");
        if errors.is_empty() { Ok(Arc::new(DynamicResources)) } else { Err(errors) }
    }
}

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        names::DYNAMIC_RESOURCES
    }

    /// It scores all nodes alike.
    fn score_scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[
            Point::PreEnqueue,
            Point::PreFilter,
            Point::Filter,
            Point::PostFilter,
            Point::Score,
            Point::Reserve,
            Point::PreBind,
        ]
    }

    fn events_to_register(&self) -> &'static [ClusterEvent] {
        const CHANGED: Action = Action::ADD.or(Action::UPDATE);
        const EVENTS: [ClusterEvent; 4] = [
            ClusterEvent::new(
                EventResource::Kind(Kind::NODE),
                Action::ADD.or(Action::UPDATE_NODE_LABEL).or(Action::UPDATE_NODE_ALLOCATABLE),
            ),
            ClusterEvent::new(EventResource::Kind(Kind::RESOURCE_CLAIM), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::DEVICE_CLASS), CHANGED),
            ClusterEvent::new(EventResource::Kind(Kind::RESOURCE_SLICE), CHANGED),
        ];
        &EVENTS
    }

    /// A claim helps if it gives devices back, or if it is one of the pod's and is new or stands otherwise.
    fn is_schedulable_after(
        &self,
        cx: &Context<'_>,
        _: &ClusterEvent,
        change: &Change,
        pod: &PodInfo,
    ) -> Hint {
        let claim = change.object();
        if claim.kind() != Kind::RESOURCE_CLAIM {
            return Hint::Queue;
        }
        let Ok(claims) = claims_of(cx.view, &pod.pod) else { return Hint::Skip };
        let is_own = claims.iter().any(|own| own.key == change.key);
        let Some(before) = &change.before else { return Hint::queue_if(is_own) };
        let has = |status: &serde_json::Value| !status["allocation"].is_null();
        let (was, is) = (before.part("status"), claim.part("status"));
        Hint::queue_if(has(&was) && !has(&is) || is_own && was != is)
    }

    fn pre_enqueue(&self, view: &View, pod: &PodInfo) -> Result<(), Status> {
        claims_of(view, &pod.pod).map(|_| ()).map_err(Status::unresolvable)
    }

    fn pre_filter(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        // The usual pod leaves no note: that it was passed over says as much.
        if pod.pod.spec.resource_claims.is_none() {
            return Err(Status::skip());
        }
        state.write(Note { demand: None });
        let mut claims = claims_of(cx.view, &pod.pod).map_err(Status::unresolvable)?;
        if claims.is_empty() {
            return Err(Status::skip());
        }
        cx.cache.assumed_claims.apply_to(&mut claims);
        let (mut available, mut wanted) = (Vec::new(), Vec::new());
        for claim in &claims {
            let selector = typed::read::<NodeSelector>(&claim.allocation["nodeSelector"]).ok();
            let selector = selector.filter(|_| !claim.allocation["nodeSelector"].is_null());
            available.push(selector.map(|it| it.node_selector_terms.iter().map(Term::new).collect()));
            wanted.push(match claim.is_to_be_allocated() {
                true => Wanted::of_claim(cx.view, claim)?,
                false => Vec::new(),
            });
        }
        let demand = Demand {
            available,
            wanted,
            inventory: Inventory::read(cx.view),
            in_use: cx.cache.assumed_claims.devices_in_use(cx.view),
            claims,
        };
        state.write(Note { demand: Some(Arc::new(demand)) });
        Ok(None)
    }

    fn filter(
        &self,
        _: &Context<'_>,
        state: &CycleState,
        _: &PodInfo,
        node: &NodeInfo,
    ) -> Result<(), Status> {
        match demand(state) {
            Some(demand) => demand.on(&node.node).map(|_| ()),
            None => Ok(()),
        }
    }

    fn detail(&self, _: &Context<'_>, state: &CycleState, _: &PodInfo, node: &NodeInfo) -> String {
        let Some(demand) = demand(state) else { return String::new() };
        let elsewhere = demand.elsewhere(&node.node).map(|claim| claim.full_name());
        let devices = demand.inventory.0.iter().flat_map(|pool| pool.reachable(&node.node));
        let (mut all, mut free) = (0, 0);
        for device in devices {
            all += 1;
            free += usize::from(!demand.in_use.contains(&device.id));
        }
        match elsewhere {
            Some(claim) => format!("claim {claim} has devices elsewhere"),
            None => format!("{free} of {all} devices that the node reaches are free"),
        }
    }

    fn post_filter(
        &self,
        _: &Context<'_>,
        _: &mut Memory,
        failure: &Failure<'_>,
        _: &PodInfo,
        _: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        let was_skipped = failure.state.skip_filter.meets(failure.framework.only(self.name()));
        match failure.state.read::<Note>() {
            None if was_skipped => Err(Status::unschedulable("no new claims to deallocate")),
            Some(Note { demand: None }) => Err(Status::unschedulable("no new claims to deallocate")),
            Some(_) => Err(Status::unschedulable("still not schedulable")),
            None => Err(Status::new(Code::Error, "not found")),
        }
    }

    fn reserve(
        &self,
        cx: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
        node: &str,
    ) -> Result<(), Status> {
        let (Some(demand), Some(index)) = (demand(state), cx.cache.index(node)) else { return Ok(()) };
        let claims = demand.on(&cx.cache.node(index).node)?;
        state.write(Granted { claims, is_written: false });
        Ok(())
    }

    fn pre_bind(
        &self,
        client: &mut Client<'_>,
        state: &mut CycleState,
        pod: &PodInfo,
        _: &str,
    ) -> Result<(), Status> {
        let Some(granted) = state.read_mut::<Granted>().filter(|granted| !granted.is_written) else {
            return Ok(());
        };
        granted.write(client, &pod.pod).map_err(|words| Status::new(Code::Error, words))?;
        granted.is_written = true;
        Ok(())
    }
}

fn demand(state: &CycleState) -> Option<&Arc<Demand>> {
    state.read::<Note>()?.demand.as_ref()
}

impl Demand {
    /// A claim whose devices the node cannot reach.
    fn elsewhere(&self, node: &Node) -> Option<&Claim> {
        let reaches = |terms: &[Term]| terms.iter().any(|term| term.matches(node));
        let mut claims = self.claims.iter().zip(&self.available);
        claims.find(|(_, terms)| terms.as_ref().is_some_and(|terms| !reaches(terms))).map(|(claim, _)| claim)
    }

    /// What each claim has, or would get, on a node.
    fn on(&self, node: &Node) -> Result<Vec<(Claim, serde_json::Value)>, Status> {
        let open = |(claim, _): &(&Claim, _)| claim.is_to_be_allocated();
        let wanted: Vec<(&Claim, &Vec<Vec<Wanted>>)> =
            self.claims.iter().zip(&self.wanted).filter(open).collect();
        let mut found = Vec::new();
        if !wanted.is_empty() {
            let outcome = Search::new(node, &self.inventory, &wanted, &self.in_use).run();
            found = match outcome.map_err(|words| Status::new(Code::Error, words))? {
                Outcome::Found(found) => found,
                Outcome::None => return Err(Status::unresolvable("cannot allocate all claims")),
                Outcome::TimedOut => {
                    return Err(Status::unresolvable("timed out trying to allocate devices"));
                }
            };
        }
        if self.elsewhere(node).is_some() {
            return Err(Status::unresolvable("resourceclaim not available on the node"));
        }
        let mut found = found.into_iter();
        let allocation = |claim: &Claim| match claim.is_to_be_allocated() {
            true => found.next().unwrap_or_default(),
            false => claim.allocation.clone(),
        };
        let mut allocation = allocation;
        Ok(self.claims.iter().map(|claim| (claim.clone(), allocation(claim))).collect())
    }
}

#[cfg(test)]
mod tests;
