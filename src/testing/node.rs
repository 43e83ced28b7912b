//! Nodes.

use std::sync::Arc;

use crate::api::Node;
use crate::api::k8s::{ContainerImage, NodeCondition, NodeSpec, NodeStatus, ObjectMeta, Quantity, Taint};

/// A node to be.
#[derive(Clone, Debug)]
pub struct NodeBuilder(Node);

/// A ready node of 32 CPUs and 128Gi that takes 110 pods, labelled with its hostname.
pub fn node(name: &str) -> NodeBuilder {
    let meta = ObjectMeta {
        name: Some(name.into()),
        uid: Some(format!("node-{name}")),
        labels: Some([("kubernetes.io/hostname".to_string(), name.to_string())].into()),
        ..Default::default()
    };
    let ready = NodeCondition { type_: "Ready".into(), status: "True".into(), ..Default::default() };
    let status = NodeStatus { conditions: Some(vec![ready]), ..Default::default() };
    let node = Node { status: Arc::new(status), ..Node::new(meta, NodeSpec::default()) };
    NodeBuilder(node).cpu("32").memory("128Gi").pods(110)
}

impl NodeBuilder {
    /// The node.
    pub fn build(self) -> Node {
        self.0
    }

    fn status(&mut self) -> &mut NodeStatus {
        Arc::make_mut(&mut self.0.status)
    }

    fn spec(&mut self) -> &mut NodeSpec {
        Arc::make_mut(&mut self.0.spec)
    }

    /// How much there is of a resource, all of it for pods.
    #[must_use]
    pub fn allocatable(mut self, resource: &str, amount: &str) -> Self {
        let status = self.status();
        for list in [&mut status.capacity, &mut status.allocatable] {
            list.get_or_insert_default().insert(resource.into(), Quantity(amount.into()));
        }
        self
    }

    /// How much CPU there is.
    #[must_use]
    pub fn cpu(self, amount: &str) -> Self {
        self.allocatable("cpu", amount)
    }

    /// How much memory there is.
    #[must_use]
    pub fn memory(self, amount: &str) -> Self {
        self.allocatable("memory", amount)
    }

    /// How many pods it takes.
    #[must_use]
    pub fn pods(self, count: u32) -> Self {
        self.allocatable("pods", &count.to_string())
    }

    /// A label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        let labels = &mut Arc::make_mut(&mut self.0.meta).labels;
        labels.get_or_insert_default().insert(key.into(), value.into());
        self
    }

    /// Its zone.
    #[must_use]
    pub fn zone(self, zone: &str) -> Self {
        self.label("topology.kubernetes.io/zone", zone)
    }

    /// A taint.
    #[must_use]
    pub fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        let taint = Taint {
            key: key.into(),
            value: Some(value.into()).filter(|value: &String| !value.is_empty()),
            effect: effect.into(),
            time_added: None,
        };
        self.spec().taints.get_or_insert_default().push(taint);
        self
    }

    /// Cordoned.
    #[must_use]
    pub fn unschedulable(mut self) -> Self {
        self.spec().unschedulable = Some(true);
        self
    }

    /// An image that it has, with its size in bytes.
    #[must_use]
    pub fn image(mut self, name: &str, size_bytes: i64) -> Self {
        let image = ContainerImage { names: Some(vec![name.into()]), size_bytes: Some(size_bytes) };
        self.status().images.get_or_insert_default().push(image);
        self
    }
}
