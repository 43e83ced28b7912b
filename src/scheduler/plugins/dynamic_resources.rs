//! # What it does
//! Places pods with resource claims. Claims are stored but not allocated here, so for every pod
//! this does what the real plugin does for a pod without claims: nothing, except that its answer in PostFilter can be read in
//! every `FailedScheduling` event.
//! # Example
//! `0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: …`
//! # Upstream
//! `plugins/dynamicresources`

use super::names;
use crate::rng::Rng;
use crate::scheduler::cache::memory::Memory;
use crate::scheduler::framework::{
    Code, Context, CycleState, Failure, Plugin, PodInfo, Point, PostFilterResult, PreFilterResult, Scope,
    Status,
};

/// See the module.
#[derive(Debug, Default)]
pub struct DynamicResources;

/// Left by PreFilter. A pod that an earlier plugin has refused as a whole has none, and PostFilter stumbles over that.
#[derive(Clone, Debug)]
struct WasAsked;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        names::DYNAMIC_RESOURCES
    }

    fn scope(&self) -> Scope {
        Scope::Object
    }

    fn points(&self) -> &'static [Point] {
        &[Point::PreFilter, Point::PostFilter, Point::Score]
    }

    fn pre_filter(
        &self,
        _: &Context<'_>,
        state: &mut CycleState,
        _: &PodInfo,
    ) -> Result<PreFilterResult, Status> {
        state.write(WasAsked);
        Err(Status::skip())
    }

    fn post_filter(
        &self,
        _: &Context<'_>,
        _: &mut Memory,
        failure: &Failure<'_>,
        _: &PodInfo,
        _: &mut Rng,
    ) -> Result<PostFilterResult, Status> {
        match failure.state.read::<WasAsked>() {
            Some(_) => Err(Status::unschedulable("no new claims to deallocate")),
            None => Err(Status::new(Code::Error, "not found")),
        }
    }
}
