//! `kubectl describe`: an object's fields in the order, with the names and in the columns that kubectl gives them. One
//! function for each kind, listed in [`describer`]; other kinds are described by their tree. Models `pkg/describe`.

mod autoscaling;
mod batch;
mod config;
mod containers;
mod doc;
mod events;
mod generic;
mod network;
mod node;
mod pod;
mod policy;
mod storage;
mod volumes;
mod workloads;

use serde_json::Value;

use super::fields::{at, text};
use super::tabwriter::TabWriter;
use crate::api::{Kind, Object};
use crate::client::View;
use crate::clock::SimTime;

use doc::Doc;

/// What describing an object needs beside the object: what belongs to it is looked up.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The cluster.
    pub view: &'a View,
    /// The time that ages count to.
    pub now: SimTime,
    /// Whether events are shown.
    pub events: bool,
}

impl Context<'_> {
    /// The trees of the objects of a kind in a namespace, or in all if it is empty.
    fn objects(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = Value> {
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        self.view.objects(kind, namespace).map(|object| object.to_value())
    }
}

/// Writes a kind's fields.
type Describer = fn(&mut Doc, &Value, &Context<'_>);

fn describer(kind: Kind) -> Describer {
    match kind {
        Kind::POD => pod::describe,
        Kind::NODE => node::describe,
        Kind::NAMESPACE => config::namespace,
        Kind::DEPLOYMENT => workloads::deployment,
        Kind::REPLICA_SET => workloads::replica_set,
        Kind::REPLICATION_CONTROLLER => workloads::replication_controller,
        Kind::STATEFUL_SET => workloads::stateful_set,
        Kind::DAEMON_SET => workloads::daemon_set,
        Kind::JOB => batch::job,
        Kind::CRON_JOB => batch::cron_job,
        Kind::SERVICE => network::service,
        Kind::ENDPOINTS => network::endpoints,
        Kind::ENDPOINT_SLICE => network::endpoint_slice,
        Kind::INGRESS => network::ingress,
        Kind::NETWORK_POLICY => network::network_policy,
        Kind::CONFIG_MAP => config::config_map,
        Kind::SECRET => config::secret,
        Kind::SERVICE_ACCOUNT => config::service_account,
        Kind::RESOURCE_QUOTA => config::resource_quota,
        Kind::LIMIT_RANGE => config::limit_range,
        Kind::PRIORITY_CLASS => config::priority_class,
        Kind::PERSISTENT_VOLUME_CLAIM => storage::claim,
        Kind::PERSISTENT_VOLUME => storage::volume,
        Kind::STORAGE_CLASS => storage::class,
        Kind::POD_DISRUPTION_BUDGET => policy::disruption_budget,
        Kind::ROLE | Kind::CLUSTER_ROLE => policy::role,
        Kind::ROLE_BINDING | Kind::CLUSTER_ROLE_BINDING => policy::binding,
        Kind::HORIZONTAL_POD_AUTOSCALER => autoscaling::describe,
        _ => generic::describe,
    }
}

/// Describes an object.
pub fn describe(object: &Object, context: &Context<'_>) -> String {
    let value = object.to_value();
    let mut doc = Doc::default();
    describer(object.kind())(&mut doc, &value, context);
    TabWriter::DESCRIBE.format(&doc.text)
}

/// `Kind/name` of the owner that manages an object.
fn controller(object: &Value) -> Option<String> {
    let owners = at(object, "metadata.ownerReferences").as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some(format!("{}/{}", text(owner, "kind"), text(owner, "name")))
}
