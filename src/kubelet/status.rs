//! A pod's status, from the state of its containers: what `kubectl get pods` and the controllers see.

use super::pod_worker::{Ended, PodWorker, Run, RunState};
use crate::api::k8s::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    HostIP, PodCondition, PodIP, PodStatus,
};
use crate::api::{MetaExt, Pod};
use crate::clock::SimTime;

/// The status of a pod as its kubelet sees it now. Conditions keep their transition times from `stored`.
pub fn pod_status(worker: &PodWorker, stored: &Pod, host_ip: &str, now: SimTime) -> PodStatus {
    let mut status = (*stored.status).clone();
    status.phase = Some(phase(worker).into());
    status.host_ip = Some(host_ip.into());
    status.host_ips = Some(vec![HostIP { ip: host_ip.into() }]);
    status.start_time = status.start_time.or_else(|| Some(now.to_time()));
    status.observed_generation = stored.meta.generation;
    if let Some(ip) = &worker.ip {
        status.pod_ip = Some(ip.clone());
        status.pod_ips = Some(vec![PodIP { ip: ip.clone() }]);
    }
    let list = |init: bool| {
        let runs = worker.runs.iter().filter(|run| run.init == init);
        let statuses: Vec<ContainerStatus> = runs.map(|run| container_status(run, worker)).collect();
        Some(statuses).filter(|statuses| !statuses.is_empty())
    };
    status.init_container_statuses = list(true);
    status.container_statuses = list(false);
    set_conditions(&mut status, worker, stored, now);
    status
}

/// Models `getPhase`.
fn phase(worker: &PodWorker) -> &'static str {
    let main = || worker.runs.iter().filter(|run| !run.init);
    let ended = |run: &Run| match &run.state {
        RunState::Ended(end) => Some(end.code),
        _ => None,
    };
    let initialized = worker.is_initialized();
    let all_ended = main().all(|run| ended(run).is_some());
    let init_failed =
        worker.runs.iter().filter(|run| run.init).any(|run| ended(run).is_some_and(|code| code != 0));
    match () {
        () if init_failed && worker.never_restarts() => "Failed",
        () if !initialized => "Pending",
        () if all_ended && (worker.is_finished() || worker.stopping) => {
            if main().all(|run| ended(run) == Some(0)) { "Succeeded" } else { "Failed" }
        }
        () if main().any(|run| matches!(run.state, RunState::Running { .. }) || run.last.is_some()) => {
            "Running"
        }
        () if main().any(|run| ended(run).is_some()) => "Running",
        () => "Pending",
    }
}

fn container_status(run: &Run, worker: &PodWorker) -> ContainerStatus {
    let running = matches!(run.state, RunState::Running { .. });
    let ready = if run.init && !run.sidecar {
        matches!(&run.state, RunState::Ended(end) if end.code == 0)
    } else {
        run.ready
    };
    ContainerStatus {
        name: run.name.clone(),
        image: run.image.clone(),
        image_id: String::new(),
        container_id: run.id(worker),
        ready,
        started: Some(running && run.started),
        restart_count: run.restarts,
        state: Some(state(&run.state)),
        last_state: run
            .last
            .as_ref()
            .map(|end| ContainerState { terminated: Some(terminated(end)), ..Default::default() }),
        ..Default::default()
    }
}

fn state(state: &RunState) -> ContainerState {
    match state {
        RunState::Waiting { reason, message } => ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: Some(reason.to_string()),
                message: Some(message.clone()).filter(|message| !message.is_empty()),
            }),
            ..Default::default()
        },
        RunState::Running { since } => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(since.to_time()) }),
            ..Default::default()
        },
        RunState::Ended(end) => ContainerState { terminated: Some(terminated(end)), ..Default::default() },
    }
}

fn terminated(end: &Ended) -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: end.code,
        reason: Some(end.reason.to_string()),
        started_at: Some(end.started.to_time()),
        finished_at: Some(end.finished.to_time()),
        ..Default::default()
    }
}

fn set_conditions(status: &mut PodStatus, worker: &PodWorker, stored: &Pod, now: SimTime) {
    let initialized = worker.is_initialized();
    let unready: Vec<&str> =
        worker.runs.iter().filter(|run| !run.init && !run.ready).map(|run| run.name.as_str()).collect();
    let (done, ready) = (worker.is_finished(), unready.is_empty() && !worker.is_finished());
    let not_ready = || match done && !worker.stopping {
        true => ("PodCompleted", String::new()),
        false => ("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))),
    };
    let pending: Vec<&str> = worker
        .runs
        .iter()
        .filter(|run| run.init && !run.is_past_init())
        .map(|run| run.name.as_str())
        .collect();
    let mut set = |type_: &str, holds: bool, why: Option<(&str, String)>| {
        let old = status.conditions.iter().flatten().find(|condition| condition.type_ == type_);
        let word = if holds { "True" } else { "False" };
        let since = old.filter(|old| old.status == word).and_then(|old| old.last_transition_time.clone());
        let condition = PodCondition {
            type_: type_.into(),
            status: word.into(),
            reason: why.as_ref().map(|(reason, _)| (*reason).to_string()),
            message: why.map(|(_, message)| message).filter(|message| !message.is_empty()),
            last_transition_time: since.or_else(|| Some(now.to_time())),
            observed_generation: stored.meta().generation,
            ..Default::default()
        };
        let list = status.conditions.get_or_insert_default();
        match list.iter_mut().find(|old| old.type_ == type_) {
            Some(old) => *old = condition,
            None => list.push(condition),
        }
    };
    set("PodReadyToStartContainers", worker.ip.is_some() && !worker.cleaned, None);
    let uninitialized = || {
        ("ContainersNotInitialized", format!("containers with incomplete status: [{}]", pending.join(" ")))
    };
    set("Initialized", initialized, (!initialized).then(uninitialized));
    set("Ready", ready, (!ready).then(not_ready));
    set("ContainersReady", ready, (!ready).then(not_ready));
    set("PodScheduled", true, None);
}
