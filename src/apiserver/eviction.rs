//! The subresource `pods/eviction`: a deletion that a PodDisruptionBudget may refuse. Models
//! `pkg/registry/core/pod/storage/eviction.go`.

use std::sync::Arc;

use super::{ApiServer, DeleteOptions, Origin, View};
use crate::api::k8s;
use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Pod, PodDisruptionBudget, Status, budgets, condition};
use crate::clock::SimTime;

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

impl ApiServer {
    /// Evicts a pod: takes it off its budget's account, marks it as disrupted, and deletes it. `dry_run`: only asks.
    ///
    /// # Errors
    /// `NotFound`; `TooManyRequests` if a budget leaves no room; `InternalError` if several budgets hold for the pod.
    pub fn evict(
        &mut self,
        origin: &Origin,
        key: &Key,
        options: &DeleteOptions,
        dry_run: bool,
    ) -> Result<(), Status> {
        let object = self.get(key)?;
        let Some(pod) = object.as_kind::<Pod>() else { return Err(Status::not_found(Kind::POD, &key.name)) };
        let unprotected = pod.is_deleting()
            || matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed" | "Pending"));
        let charged = if unprotected { None } else { budget_to_charge(pod, self.view(), self.now())? };
        if dry_run {
            return Ok(());
        }
        if let Some(budget) = charged {
            self.update_status(origin, budget)?;
        }
        let mut marked = pod.clone();
        let (reason, message) = ("EvictionByEvictionAPI", "Eviction API: evicting");
        let disrupted = condition::disruption(reason, message, self.now(), pod.meta.generation);
        condition::set(&mut Arc::make_mut(&mut marked.status).conditions, disrupted);
        marked.revision = 0;
        self.update_status(origin, marked)?;
        self.delete(origin, key, options).map(|_| ())
    }
}

/// The budget that a pod's eviction is charged to, charged already; none if no budget holds for it, or if the one that
/// does lets a pod go that is not ready anyway.
///
/// # Errors
/// As [`ApiServer::evict`], which asks this of pods that run.
pub fn budget_to_charge(pod: &Pod, view: &View, now: SimTime) -> Result<Option<PodDisruptionBudget>, Status> {
    let budgets = budgets_of(pod, view);
    let budget = match budgets.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        _ => {
            return Err(Status::internal_error(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    };
    let status = &budget.status;
    let count = |field: Option<i32>| field.unwrap_or(0);
    if !condition::is_true(pod.status.conditions.as_deref(), "Ready") {
        let always = budget.spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow");
        let (there, wanted) = (count(status.current_healthy), count(status.desired_healthy));
        let healthy = there >= wanted && wanted > 0;
        if always || healthy {
            return Ok(None);
        }
    }
    let name = budget.name();
    if status.observed_generation.unwrap_or(0) < budget.generation() {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(Status::too_many_requests(REFUSED, &why));
    }
    if count(status.disruptions_allowed) < 0 {
        return Err(Status::forbidden(
            Kind::POD_DISRUPTION_BUDGET,
            name,
            "pdb disruptions allowed is negative",
        ));
    }
    if count(status.disruptions_allowed) == 0 {
        return Err(Status::too_many_requests(REFUSED, &why_none(name, status)));
    }
    let mut charged = budget.clone();
    charged.revision = 0;
    let status = Arc::make_mut(&mut charged.status);
    status.disruptions_allowed = Some(count(status.disruptions_allowed) - 1);
    if status.disruptions_allowed == Some(0) {
        budgets::say_whether_allowed(status, now);
    }
    status.disrupted_pods.get_or_insert_default().insert(pod.name().into(), now.to_time());
    Ok(Some(charged))
}

/// Why a budget allows no disruption. Its counts say nothing while they cannot be worked out.
fn why_none(name: &str, status: &k8s::PodDisruptionBudgetStatus) -> String {
    let (wanted, there) = (status.desired_healthy.unwrap_or(0), status.current_healthy.unwrap_or(0));
    let denied = format!("The disruption budget {name} does not allow evicting pods currently");
    let told =
        budgets::condition_of(status).filter(|told| told.status == "False" && !told.message.is_empty());
    match told {
        Some(told) if told.reason == budgets::SYNC_FAILED => {
            format!("{denied} because it failed sync: {}", told.message)
        }
        _ if there <= wanted => {
            format!("The disruption budget {name} needs {wanted} healthy pods and has {there} currently")
        }
        Some(told) => format!("{denied} ({}): {}", told.reason, told.message),
        None => denied,
    }
}

/// The budgets whose selector matches a pod.
pub fn budgets_of<'a>(pod: &Pod, view: &'a View) -> Vec<&'a PodDisruptionBudget> {
    let holds = |budget: &&PodDisruptionBudget| {
        let selector = budget.spec.selector.as_ref().and_then(Selector::from_field);
        budget.namespace() == pod.namespace()
            && selector.is_some_and(|selector| selector.matches(pod.labels()))
    };
    view.list::<PodDisruptionBudget>(None).filter(holds).collect()
}
