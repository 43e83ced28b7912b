//! `kubectl describe`: the sections of every kind (`k8s.io/kubectl/pkg/describe`), over the objects' JSON.
//!
//! A describer writes lines with tabs into a [`Page`]; the tab writer lines them up at the end, as the real one does, so
//! that the widths of neighbouring sections come out the same.

mod autoscaling;
mod batch;
mod certificate;
mod config;
mod containers;
mod events;
mod generic;
mod networking;
mod node;
mod page;
mod pod;
mod rbac;
mod storage;
mod template;
mod volumes;
mod workloads;

use serde_json::Value;

use super::print::fields::Fields;
use crate::api::Kind;
use crate::client::View;
use crate::clock::SimTime;

use page::Page;

pub use template::pod_template_text;

/// What is described, and where to look for what belongs to it.
pub struct Subject<'a> {
    /// The object, as JSON.
    pub value: &'a Value,
    /// The cluster.
    pub view: &'a View,
    /// The time that ages are reckoned to.
    pub now: SimTime,
}

impl Subject<'_> {
    fn name(&self) -> &str {
        self.value.text("metadata.name")
    }

    fn namespace(&self) -> &str {
        self.value.text("metadata.namespace")
    }

    fn uid(&self) -> &str {
        self.value.text("metadata.uid")
    }

    /// The objects of a kind in the subject's namespace, as JSON.
    fn neighbours(&self, kind: Kind) -> impl Iterator<Item = Value> {
        self.view.objects(kind, Some(self.namespace())).map(|object| object.to_value())
    }
}

/// How a kind is described.
struct Describer {
    kind: Kind,
    write: fn(&mut Page, &Subject<'_>),
    /// Whether its events come last.
    events: bool,
}

const fn with_events(kind: Kind, write: fn(&mut Page, &Subject<'_>)) -> Describer {
    Describer { kind, write, events: true }
}

const fn without_events(kind: Kind, write: fn(&mut Page, &Subject<'_>)) -> Describer {
    Describer { kind, write, events: false }
}

/// Every kind with a description of its own; all others have the general one.
const DESCRIBERS: &[Describer] = &[
    with_events(Kind::POD, pod::pod),
    with_events(Kind::NODE, node::node),
    with_events(Kind::DEPLOYMENT, workloads::deployment),
    with_events(Kind::REPLICA_SET, workloads::replica_set),
    with_events(Kind::REPLICATION_CONTROLLER, workloads::replication_controller),
    with_events(Kind::STATEFUL_SET, workloads::stateful_set),
    with_events(Kind::DAEMON_SET, workloads::daemon_set),
    with_events(Kind::JOB, batch::job),
    with_events(Kind::CRON_JOB, batch::cron_job),
    with_events(Kind::HORIZONTAL_POD_AUTOSCALER, autoscaling::autoscaler),
    with_events(Kind::POD_DISRUPTION_BUDGET, autoscaling::disruption_budget),
    with_events(Kind::PRIORITY_CLASS, autoscaling::priority_class),
    with_events(Kind::SERVICE, networking::service),
    with_events(Kind::ENDPOINTS, networking::endpoints),
    with_events(Kind::ENDPOINT_SLICE, networking::endpoint_slice),
    with_events(Kind::INGRESS, networking::ingress),
    with_events(Kind::INGRESS_CLASS, networking::ingress_class),
    without_events(Kind::NETWORK_POLICY, networking::network_policy),
    with_events(Kind::SERVICE_CIDR, networking::service_cidr),
    with_events(Kind::IP_ADDRESS, networking::ip_address),
    with_events(Kind::CONFIG_MAP, config::config_map),
    without_events(Kind::SECRET, config::secret),
    with_events(Kind::SERVICE_ACCOUNT, config::service_account),
    without_events(Kind::NAMESPACE, config::namespace),
    without_events(Kind::RESOURCE_QUOTA, config::quota),
    without_events(Kind::LIMIT_RANGE, config::limit_range),
    with_events(Kind::PERSISTENT_VOLUME, storage::volume),
    with_events(Kind::PERSISTENT_VOLUME_CLAIM, storage::claim),
    with_events(Kind::STORAGE_CLASS, storage::storage_class),
    with_events(Kind::VOLUME_ATTRIBUTES_CLASS, storage::attributes_class),
    with_events(Kind::CSI_NODE, storage::csi_node),
    with_events(Kind::CERTIFICATE_SIGNING_REQUEST, certificate::request),
    without_events(Kind::ROLE, rbac::role),
    without_events(Kind::CLUSTER_ROLE, rbac::role),
    without_events(Kind::ROLE_BINDING, rbac::binding),
    without_events(Kind::CLUSTER_ROLE_BINDING, rbac::binding),
];

/// The description of an object.
pub fn describe(kind: Kind, subject: &Subject<'_>, show_events: bool) -> String {
    let mut page = Page::default();
    let own = DESCRIBERS.iter().find(|describer| describer.kind == kind);
    match own {
        Some(describer) => (describer.write)(&mut page, subject),
        None => generic::any(&mut page, subject),
    }
    if show_events && own.is_none_or(|describer| describer.events) {
        events::events(&mut page, kind, subject);
    }
    page.finish()
}
