//! What every control plane brings with it: the Service by which pods find the API server, and the priority classes of
//! the system's own pods, and the roles for users ([`super::roles`]).

use serde_json::{Value, json};

use crate::api::{Kind, Object};
use crate::apiserver::ApiServer;
use crate::rng::Rng;

/// The address of the API server's machine.
const SERVER: &str = "192.168.0.10";
const SERVER_PORT: u16 = 6443;
/// The first address of the Services' range, which is the API server's.
const CLUSTER_IP: &str = "10.96.0.1";

/// Creates them, and says what could not be.
pub fn create(api: &mut ApiServer, seed: u64) -> Vec<String> {
    let mut names = Rng::new(seed, "system");
    let mut errors = Vec::new();
    for (kind, value) in objects().into_iter().chain(super::roles::objects()) {
        let created = Object::from_value(kind, value).map_err(|error| error.to_string());
        let created =
            created.and_then(|object| api.create_system(object, &mut names).map_err(|s| s.to_string()));
        errors.extend(created.err().map(|why| format!("{kind} of the control plane: {why}")));
    }
    errors
}

fn objects() -> [(Kind, Value); 5] {
    let class = |name: &str, value: i32, description: &str| {
        let value = json!({"metadata": {"name": name}, "value": value, "description": description});
        (Kind::PRIORITY_CLASS, value)
    };
    let meta = |labels: Value| json!({"name": "kubernetes", "namespace": "default", "labels": labels});
    let service = json!({
        "metadata": meta(json!({"component": "apiserver", "provider": "kubernetes"})),
        "spec": {
            "clusterIP": CLUSTER_IP,
            "sessionAffinity": "None",
            "type": "ClusterIP",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": SERVER_PORT}],
        },
    });
    let endpoints = json!({
        "metadata": meta(json!({"endpointslice.kubernetes.io/skip-mirror": "true"})),
        "subsets": [{
            "addresses": [{"ip": SERVER}],
            "ports": [{"name": "https", "port": SERVER_PORT, "protocol": "TCP"}],
        }],
    });
    let slice = json!({
        "metadata": meta(json!({"kubernetes.io/service-name": "kubernetes"})),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [SERVER], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": SERVER_PORT, "protocol": "TCP"}],
    });
    [
        class(
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        class(
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        (Kind::SERVICE, service),
        (Kind::ENDPOINTS, endpoints),
        (Kind::ENDPOINT_SLICE, slice),
    ]
}
