//! # What it does
//! Binds a pod to its node by writing a `Binding`: `spec.nodeName` is set, and the node's kubelet takes over.
//! # Example
//! The event `Successfully assigned default/web to node-1` follows.
//! # Upstream
//! `plugins/defaultbinder`

use super::names;
use crate::api::Status as ApiStatus;
use crate::api::explain::Explain;
use crate::client::Client;
use crate::scheduler::framework::{Plugin, PodInfo, Point};

/// See the module.
#[derive(Debug, Default)]
pub struct DefaultBinder;

impl Plugin for DefaultBinder {
    fn name(&self) -> &'static str {
        names::DEFAULT_BINDER
    }

    fn points(&self) -> &'static [Point] {
        &[Point::Bind]
    }

    fn bind(
        &self,
        client: &mut Client<'_>,
        pod: &PodInfo,
        node: &str,
        explain: Option<Explain>,
    ) -> Result<(), ApiStatus> {
        client.bind(&pod.key(), pod.uid(), node, explain).map(|_| ())
    }
}
