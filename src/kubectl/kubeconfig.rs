//! The kubeconfig of the console: clusters, users and contexts, and the context that is current. There is one cluster
//! behind it; entries of the others are kept, and lead nowhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sorted::SortedMap;

/// What the cluster, the user and the context that there are from the start are called.
pub const NAME: &str = "kubeviz";

/// Where its API server is.
pub const SERVER: &str = "https://kubeviz:6443";

/// A context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The name of its cluster; commands reach none if it is empty.
    pub cluster: String,
    /// The name of its user.
    pub user: String,
    /// The namespace that commands without `-n` mean; empty for `default`.
    pub namespace: String,
}

impl Entry {
    /// The entry as a kubeconfig writes it.
    pub fn to_value(&self) -> Value {
        let mut context = json!({"cluster": self.cluster, "user": self.user});
        if !self.namespace.is_empty() {
            context["namespace"] = self.namespace.as_str().into();
        }
        context
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The name of the current context; empty if there is none.
    pub current: String,
    /// The contexts by name.
    pub contexts: BTreeMap<String, Entry>,
    /// The clusters by name: the fields of each.
    pub clusters: SortedMap<String, Value>,
    /// The users by name: the fields of each.
    pub users: SortedMap<String, Value>,
}

impl Default for Kubeconfig {
    fn default() -> Self {
        let entry = Entry { cluster: NAME.into(), user: NAME.into(), namespace: String::new() };
        Kubeconfig {
            current: NAME.into(),
            contexts: BTreeMap::from([(NAME.into(), entry)]),
            clusters: SortedMap::from([(NAME.into(), json!({"server": SERVER}))]),
            users: SortedMap::from([(NAME.into(), json!({}))]),
        }
    }
}

impl Kubeconfig {
    /// One whose context stands in a namespace.
    pub fn in_namespace(namespace: &str) -> Kubeconfig {
        let mut config = Kubeconfig::default();
        if let Some(entry) = config.contexts.get_mut(NAME).filter(|_| namespace != "default") {
            entry.namespace = namespace.into();
        }
        config
    }

    /// The current context, if there is one.
    pub fn entry(&self) -> Option<&Entry> {
        self.contexts.get(&self.current)
    }

    /// The namespace that commands without `-n` mean.
    pub fn namespace(&self) -> &str {
        let namespace = self.entry().map(|entry| entry.namespace.as_str()).filter(|name| !name.is_empty());
        namespace.unwrap_or("default")
    }

    /// The server of a cluster; nothing if the kubeconfig does not say one.
    pub fn server(&self, cluster: &str) -> Option<&str> {
        self.clusters.get(cluster)?["server"].as_str().filter(|server| !server.is_empty())
    }
}
