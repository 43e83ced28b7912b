//! Fills in the rules of a ClusterRole that is made of others: those of all roles that its selectors match. Models
//! `pkg/controller/clusterroleaggregation`.

use serde_json::{Value, json};

use super::{Action, Controller};
use crate::api::k8s::LabelSelector;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object, Status, sorting, typed};
use crate::client::{Applying, Change, Client, View, WorkQueue};

/// The controller. It remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterRoleAggregationController;

impl Controller for ClusterRoleAggregationController {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::CLUSTER_ROLE]
    }

    /// Any role may be a part of any that is made of others.
    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        for role in
            view.objects(Kind::CLUSTER_ROLE, None).filter(|role| role.part("aggregationRule").is_object())
        {
            queue.add(role.key(), Some(change.revision));
        }
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Some(role) = view.object(key).filter(|role| role.part("aggregationRule").is_object()) else {
            return Ok(Action::AwaitChange);
        };
        let wanted = rules_for(role, view);
        let present = role.part("rules");
        if present.as_array().map_or(&[][..], Vec::as_slice) == wanted.as_slice() {
            return Ok(Action::AwaitChange);
        }
        let mut config = json!({
            "apiVersion": Kind::CLUSTER_ROLE.api_version(), "kind": "ClusterRole", "metadata": {"name": role.name()},
        });
        if !wanted.is_empty() {
            config["rules"] = wanted.into();
        }
        client.manage_as(self.name());
        client.apply(&Applying { key, config: &config, force: true, part: "" })?;
        Ok(Action::AwaitChange)
    }
}

/// The rules of the roles that each selector matches, by name, each rule once; not of the role itself.
fn rules_for(role: &Object, view: &View) -> Vec<Value> {
    let rule = role.part("aggregationRule");
    let mut wanted: Vec<Value> = Vec::new();
    for selector in rule["clusterRoleSelectors"].as_array().into_iter().flatten() {
        let field = typed::read::<LabelSelector>(selector).unwrap_or_default();
        let Some(selector) = Selector::from_field(&field) else { continue };
        let matches =
            |part: &&std::sync::Arc<Object>| part.name() != role.name() && selector.matches(part.labels());
        let mut parts: Vec<_> = view.objects(Kind::CLUSTER_ROLE, None).filter(matches).collect();
        sorting::sort_by(&mut parts, |a, b| a.name().cmp(b.name()));
        for part in parts {
            let rules = part.part("rules");
            for rule in rules.as_array().into_iter().flatten() {
                if !wanted.contains(rule) {
                    wanted.push(rule.clone());
                }
            }
        }
    }
    wanted
}
