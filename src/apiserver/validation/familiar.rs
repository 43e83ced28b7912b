//! Pods that were found right a moment ago. Replicas differ in little but their names: their spec need not be taken apart a
//! second time.

use std::sync::Arc;

use crate::api::k8s::PodSpec;
use crate::api::{MetaExt, Object, Pod};

/// So many pods are remembered: several sets may come up at once.
const MANY: usize = 8;
/// How the volume begins that admission adds, and whose name it draws.
const TOKEN: &str = "kube-api-access-";

/// The pods, the last one last. Which ones there are never shows: the rules of a pod read its spec, its annotations, and where it
/// makes claims for itself its name.
#[derive(Clone, Debug, Default)]
pub struct Familiar(Vec<Pod>);

impl Familiar {
    /// Whether a pod like this one was found right.
    pub fn knows(&mut self, object: &Object) -> bool {
        let Object::Pod(pod) = object else { return false };
        let name = token_volume(&pod.spec);
        let is_like = |known: &mut Pod| {
            if known.spec.containers.first().map(|it| &it.image)
                != pod.spec.containers.first().map(|it| &it.image)
            {
                return false;
            }
            rename(known, name);
            known.annotations() == pod.annotations() && known.spec == pod.spec
        };
        self.0.iter_mut().rev().any(is_like)
    }

    /// Remembers a new pod that was found right.
    pub fn remember(&mut self, object: &Object) {
        let Object::Pod(pod) = object else { return };
        if pod.spec.volumes.iter().flatten().any(|volume| volume.ephemeral.is_some()) {
            return;
        }
        if self.0.len() == MANY {
            self.0.remove(0);
        }
        self.0.push(pod.clone());
    }
}

fn token_volume(spec: &PodSpec) -> Option<&str> {
    let names = spec.volumes.iter().flatten().map(|volume| volume.name.as_str());
    names.rev().find(|name| name.starts_with(TOKEN))
}

/// Lets a remembered pod's token volume be called as another's.
fn rename(known: &mut Pod, name: Option<&str>) {
    let (Some(name), Some(old)) = (name, token_volume(&known.spec)) else { return };
    let has = |name: &str| known.spec.volumes.iter().flatten().any(|volume| volume.name == *name);
    if !is_drawn(name) || !is_drawn(old) || has(name) {
        return;
    }
    let old = old.to_string();
    let spec = Arc::make_mut(&mut known.spec);
    let volumes = spec.volumes.iter_mut().flatten().map(|volume| &mut volume.name);
    let containers = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
    let mounts = containers.flat_map(|container| container.volume_mounts.iter_mut().flatten());
    for known in volumes.chain(mounts.map(|mount| &mut mount.name)).filter(|known| **known == old) {
        known.clear();
        known.push_str(name);
    }
}

/// Whether a name may be one that admission drew: then one is as right as another.
fn is_drawn(name: &str) -> bool {
    let drawn = name.strip_prefix(TOKEN).unwrap_or_default();
    drawn.len() == 5 && drawn.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use serde_json::json;

    fn pod(name: &str, token: &str, image: &str, note: &str) -> Object {
        let mount = json!({"name": token, "mountPath": "/token"});
        let container = json!({"name": "web", "image": image, "volumeMounts": [mount]});
        let volume = json!({"name": token, "emptyDir": {}});
        let pod = json!({
            "metadata": {"name": name, "annotations": {"note": note}},
            "spec": {"containers": [container], "volumes": [volume]}
        });
        Object::from_value(Kind::POD, pod).unwrap()
    }

    #[test]
    fn replicas_are_known_by_what_the_rules_read() {
        let mut familiar = Familiar::default();
        familiar.remember(&pod("web-1", "kube-api-access-abcde", "nginx", "a"));
        let cases = [
            (pod("web-2", "kube-api-access-fgh2j", "nginx", "a"), true),
            (pod("web-2", "kube-api-access-fgh2j", "nginx:2", "a"), false),
            (pod("web-2", "kube-api-access-fgh2j", "nginx", "b"), false),
            (pod("web-2", "kube-api-access-UPPER", "nginx", "a"), false),
            (pod("web-2", "other", "nginx", "a"), false),
            (pod("web-1", "kube-api-access-abcde", "nginx", "a"), true),
        ];
        for (pod, want) in cases {
            assert_eq!(familiar.knows(&pod), want, "{:?}", pod.part("spec"));
        }
    }

    #[test]
    fn pods_that_make_claims_are_looked_at_each_time() {
        let mut familiar = Familiar::default();
        let spec = json!({"containers": [], "volumes": [{"name": "scratch", "ephemeral": {}}]});
        let pod = Object::from_value(Kind::POD, json!({"metadata": {"name": "a"}, "spec": spec})).unwrap();
        familiar.remember(&pod);
        assert!(!familiar.knows(&pod));
    }
}
