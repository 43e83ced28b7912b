//! `debug --profile`: what a container to debug with may do, and how much of the node or the pod it sees. Models
//! `pkg/cmd/debug/profiles.go`.

use serde_json::{Value, json};

use crate::kubectl::errors::Failure;

/// A profile, by what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As little as possible is changed.
    Legacy,
    /// For most uses: processes can be traced.
    General,
    /// What the Pod Security level of that name allows.
    Baseline,
    /// The same for the strictest level.
    Restricted,
    /// The network can be changed.
    Netadmin,
    /// Everything.
    Sysadmin,
}

impl Profile {
    /// The profile of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Profile, Failure> {
        Ok(match name {
            "legacy" => Profile::Legacy,
            "general" => Profile::General,
            "baseline" => Profile::Baseline,
            "restricted" => Profile::Restricted,
            "netadmin" => Profile::Netadmin,
            "sysadmin" => Profile::Sysadmin,
            _ => return Err(Failure::message(format!("unknown profile: {name}"))),
        })
    }

    /// Sets what the container may do. On a node, nothing has to be allowed to see its processes.
    pub fn allow(self, container: &mut Value, on_node: bool) {
        let context = match self {
            Profile::Legacy => return,
            Profile::General if on_node => Value::Null,
            Profile::General => json!({"capabilities": {"add": ["SYS_PTRACE"]}}),
            Profile::Baseline => Value::Null,
            Profile::Restricted => json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"},
            }),
            Profile::Netadmin => json!({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
            Profile::Sysadmin => json!({"privileged": true}),
        };
        if let Some(fields) = container.as_object_mut() {
            fields.remove("securityContext");
        }
        if !context.is_null() {
            container["securityContext"] = context;
        }
    }

    /// Lets the containers of a copy see each other's processes, unless the pod or the command says otherwise.
    pub fn share(self, spec: &mut Value) {
        if self != Profile::Legacy && spec["shareProcessNamespace"].is_null() {
            spec["shareProcessNamespace"] = true.into();
        }
    }

    /// Whether a pod on a node is in the node's own namespaces.
    pub fn is_in_host(self) -> bool {
        !matches!(self, Profile::Baseline | Profile::Restricted)
    }

    /// Whether a pod on a node sees its files.
    pub fn sees_files(self) -> bool {
        matches!(self, Profile::Legacy | Profile::General | Profile::Sysadmin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_say_what_a_container_may_do() {
        let cases = [
            ("legacy", json!({"runAsUser": 1})),
            ("general", json!({"capabilities": {"add": ["SYS_PTRACE"]}})),
            ("baseline", Value::Null),
            ("netadmin", json!({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}})),
            ("sysadmin", json!({"privileged": true})),
        ];
        for (name, want) in cases {
            let mut container = json!({"securityContext": {"runAsUser": 1}});
            Profile::named(name).unwrap().allow(&mut container, false);
            assert_eq!(container["securityContext"], want, "{name}");
        }
        assert!(Profile::named("root").is_err());
    }

    #[test]
    fn copies_share_processes_unless_they_are_told_not_to() {
        let mut spec = json!({"shareProcessNamespace": false});
        Profile::General.share(&mut spec);
        assert_eq!(spec["shareProcessNamespace"], false);
        let mut spec = json!({});
        Profile::Legacy.share(&mut spec);
        assert!(spec["shareProcessNamespace"].is_null());
        Profile::General.share(&mut spec);
        assert_eq!(spec["shareProcessNamespace"], true);
    }
}
