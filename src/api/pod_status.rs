//! How a pod is doing, in the one word that `kubectl get pods` prints.

use super::k8s::{Container, ContainerState, ContainerStatus, PodSpec, ResourceRequirements};
use super::{MetaExt, Pod, condition};

/// The columns READY, STATUS and RESTARTS of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSummary {
    /// Containers ready, restartable init containers among them.
    pub ready: u32,
    /// Containers in all, restartable init containers among them.
    pub total: u32,
    /// `Running`, `Init:0/2`, `CrashLoopBackOff`, `Terminating` and so on.
    pub status: String,
    /// Restarts of all containers.
    pub restarts: i32,
}

/// Sums a pod up (models `printPod` in `pkg/printers/internalversion`).
pub fn summarize(pod: &Pod) -> PodSummary {
    let (spec, status) = (&pod.spec, &pod.status);
    let sidecars = spec.init_containers.iter().flatten().filter(|container| is_sidecar(container)).count();
    let mut summary = PodSummary {
        ready: 0,
        total: (spec.containers.len() + sidecars) as u32,
        status: status.reason.clone().or_else(|| status.phase.clone()).unwrap_or_else(|| "Unknown".into()),
        restarts: 0,
    };
    let scheduled = condition::find(status.conditions.as_deref(), "PodScheduled");
    if scheduled.is_some_and(|condition| condition.reason.as_deref() == Some("SchedulingGated")) {
        summary.status = "SchedulingGated".into();
    }
    let initializing = sum_init_containers(pod, &mut summary);
    if !initializing || condition::is_true(status.conditions.as_deref(), "Initialized") {
        sum_containers(pod, &mut summary);
    }
    if pod.is_deleting() {
        let lost = status.reason.as_deref() == Some("NodeLost");
        let finished = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        match (lost, finished) {
            (true, _) => summary.status = "Unknown".into(),
            (false, false) => summary.status = "Terminating".into(),
            (false, true) => {}
        }
    }
    summary
}

/// Whether an init container keeps running beside the others (`restartPolicy: Always`).
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// Goes through the init containers up to the one that the pod waits for; says whether there is one.
fn sum_init_containers(pod: &Pod, summary: &mut PodSummary) -> bool {
    let declared = pod.spec.init_containers.as_deref().unwrap_or_default();
    for (index, status) in pod.status.init_container_statuses.iter().flatten().enumerate() {
        summary.restarts += status.restart_count;
        let sidecar = declared.iter().find(|container| container.name == status.name).is_some_and(is_sidecar);
        let state = state_of(status);
        let exited = state.terminated.as_ref();
        if exited.is_some_and(|end| end.exit_code == 0) {
            continue;
        }
        if sidecar && status.started == Some(true) {
            summary.ready += u32::from(status.ready);
            continue;
        }
        let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
        summary.status = match (exited, waiting) {
            (Some(end), _) => format!("Init:{}", end_text(end.reason.as_deref(), end.signal, end.exit_code)),
            (None, Some(reason)) if !reason.is_empty() && reason != "PodInitializing" => {
                format!("Init:{reason}")
            }
            _ => format!("Init:{index}/{}", declared.len()),
        };
        return true;
    }
    false
}

fn sum_containers(pod: &Pod, summary: &mut PodSummary) {
    let mut running = false;
    for status in pod.status.container_statuses.iter().flatten().rev() {
        summary.restarts += status.restart_count;
        let state = state_of(status);
        let waiting = state
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.reason.clone())
            .filter(|reason| !reason.is_empty());
        if let Some(reason) = waiting {
            summary.status = reason;
        } else if let Some(end) = &state.terminated {
            summary.status = end_text(end.reason.as_deref(), end.signal, end.exit_code);
        } else if status.ready && state.running.is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.status == "Completed" && running {
        let ready = condition::is_true(pod.status.conditions.as_deref(), "Ready");
        summary.status = if ready { "Running" } else { "NotReady" }.into();
    }
}

fn state_of(status: &ContainerStatus) -> ContainerState {
    status.state.clone().unwrap_or_default()
}

fn end_text(reason: Option<&str>, signal: Option<i32>, exit_code: i32) -> String {
    match (reason.filter(|reason| !reason.is_empty()), signal.filter(|signal| *signal != 0)) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(signal)) => format!("Signal:{signal}"),
        (None, None) => format!("ExitCode:{exit_code}"),
    }
}

/// Whether a resize of the pod can never be granted, which leaves it with what it has.
pub fn resize_is_infeasible(pod: &Pod) -> bool {
    let pending = super::condition::find(pod.status.conditions.as_deref(), "PodResizePending");
    pending.is_some_and(|condition| condition.reason.as_deref() == Some("Infeasible"))
}

/// Whether a claim made for a pod alone is this pod's (`ephemeral.VolumeIsForPod`).
///
/// # Errors
/// A sentence saying that it is not.
pub fn is_for_pod(pod: &Pod, claim: &impl MetaExt) -> Result<(), String> {
    if claim.namespace() == pod.namespace() && claim.is_controlled_by(pod.uid()) {
        return Ok(());
    }
    Err(format!(
        "PVC {}/{} was not created for pod {}/{} (pod is not owner)",
        claim.namespace(),
        claim.name(),
        pod.namespace(),
        pod.name()
    ))
}

/// What a pod asks for of one resource, in thousandths: its containers together, or its largest init container if that is
/// more, with sidecars and overhead added (`resourcehelper.PodRequests`).
pub fn pod_request_milli(spec: &PodSpec, resource: &str) -> i64 {
    pod_amount_milli(spec, resource, false)
}

/// What a pod asks for of one resource, or with `limits` what it is limited to, in thousandths.
pub fn pod_amount_milli(spec: &PodSpec, resource: &str, limits: bool) -> i64 {
    let chosen = |resources: &ResourceRequirements| {
        let amounts = if limits { resources.limits.as_ref()? } else { resources.requests.as_ref()? };
        amounts.get(resource).cloned()
    };
    let quantity =
        |container: &Container| Some(super::quantity::milli(&chosen(container.resources.as_ref()?)?));
    let whole = spec.resources.as_ref().and_then(chosen);
    let (mut sidecars, mut largest_init) = (0i64, 0i64);
    for container in spec.init_containers.iter().flatten() {
        let asked = quantity(container).unwrap_or(0);
        if is_sidecar(container) {
            sidecars = sidecars.saturating_add(asked);
            largest_init = largest_init.max(sidecars);
        } else {
            largest_init = largest_init.max(sidecars.saturating_add(asked));
        }
    }
    let main: i64 = spec.containers.iter().filter_map(quantity).fold(sidecars, i64::saturating_add);
    let asked = whole.map_or(main.max(largest_init), |whole| super::quantity::milli(&whole));
    let overhead =
        spec.overhead.as_ref().and_then(|overhead| overhead.get(resource)).map_or(0, super::quantity::milli);
    // Without a limit there is none, whatever the runtime needs besides.
    if limits && asked == 0 { 0 } else { asked.saturating_add(overhead) }
}
