//! The roles of a node, which its labels tell.

use sorted::SortedSet;

use serde_json::Value;

use super::fields::Fields;

/// The roles of a node, sorted (`findNodeRoles`).
pub fn node_roles(node: &Value) -> Vec<String> {
    let role = |(key, value): (String, String)| match key.strip_prefix("node-role.kubernetes.io/") {
        Some(role) => Some(role.to_string()).filter(|role| !role.is_empty()),
        None => Some(value).filter(|value| key == "kubernetes.io/role" && !value.is_empty()),
    };
    let roles: SortedSet<String> = node.map("metadata.labels").into_iter().filter_map(role).collect();
    roles.into_iter().collect()
}
