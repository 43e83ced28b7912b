//! EndpointSlices on their way into the store.

use std::sync::Arc;

use super::Strategy;
use crate::api::EndpointSlice;

/// Models `pkg/registry/discovery/endpointslice/strategy.go` and `pkg/apis/discovery/v1/defaults.go`.
pub struct EndpointSliceStrategy;

impl Strategy for EndpointSliceStrategy {
    type Object = EndpointSlice;

    fn default(slice: &mut EndpointSlice) {
        let incomplete =
            |port: &crate::api::k8s::EndpointPort| port.name.is_none() || port.protocol.is_none();
        if slice.spec.ports.iter().flatten().any(incomplete) {
            for port in Arc::make_mut(&mut slice.spec).ports.iter_mut().flatten() {
                port.name.get_or_insert_default();
                port.protocol.get_or_insert_with(|| "TCP".into());
            }
        }
    }
}
