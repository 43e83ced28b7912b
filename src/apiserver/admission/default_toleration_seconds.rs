//! `DefaultTolerationSeconds`: a pod stays five minutes on a node that is not ready or cannot be reached, unless it
//! says otherwise.

use std::sync::Arc;

use crate::api::k8s::Toleration;
use crate::api::taint::NO_EXECUTE;
use crate::api::{Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

const KEYS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: i64 = 300;

/// Adds the two tolerations to a pod that lacks them.
///
/// # Errors
/// Never.
pub fn admit(_: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    if let Object::Pod(pod) = object {
        let tolerations = Arc::make_mut(&mut pod.spec).tolerations.get_or_insert_default();
        for key in KEYS {
            let covers = |t: &Toleration| {
                t.key.as_deref().is_none_or(|k| k == key || k.is_empty())
                    && t.effect.as_deref().is_none_or(|e| e == NO_EXECUTE || e.is_empty())
            };
            if !tolerations.iter().any(covers) {
                tolerations.push(Toleration {
                    key: Some(key.into()),
                    operator: Some("Exists".into()),
                    effect: Some(NO_EXECUTE.into()),
                    toleration_seconds: Some(SECONDS),
                    value: None,
                });
            }
        }
    }
    Ok(())
}
