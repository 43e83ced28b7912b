//! `TaintNodesByCondition`: a new node keeps pods away until it is known to be ready (`plugin/pkg/admission/nodetaint`).

use std::sync::Arc;

use crate::api::k8s::Taint;
use crate::api::{Object, Status};
use crate::apiserver::View;
use crate::rng::Rng;

const KEY: &str = "node.kubernetes.io/not-ready";
const EFFECT: &str = "NoSchedule";

/// Taints a new node. Machines that are there from the start register as ready, in one write, and need no taint.
///
/// # Errors
/// Never.
pub fn admit(_: &View, object: &mut Object, _: &mut Rng) -> Result<(), Status> {
    let Object::Node(node) = object else { return Ok(()) };
    let mut conditions = node.status.conditions.iter().flatten();
    if conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True") {
        return Ok(());
    }
    let taints = Arc::make_mut(&mut node.spec).taints.get_or_insert_default();
    if !taints.iter().any(|taint| taint.key == KEY && taint.effect == EFFECT) {
        taints.push(Taint { key: KEY.into(), effect: EFFECT.into(), ..Taint::default() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{Kind, MetaExt};

    #[test]
    fn a_new_node_is_tainted_once_unless_it_registers_as_ready() {
        let ready = |status: &str| json!({"conditions": [{"type": "Ready", "status": status}]});
        let tainted = json!([{"key": KEY, "effect": EFFECT}]);
        let cases = [
            (json!({}), json!({}), tainted.clone()),
            (json!({"taints": tainted}), json!({}), tainted.clone()),
            (json!({}), ready("False"), tainted),
            (json!({}), ready("True"), json!(null)),
        ];
        for (spec, status, expected) in cases {
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "spec": spec, "status": status});
            let mut object = Object::from_value(Kind::NODE, node).expect("a node");
            admit(&View::default(), &mut object, &mut Rng::new(1, "a")).expect("never refused");
            assert_eq!(object.to_value()["spec"]["taints"], expected, "{}", object.name());
        }
    }
}
