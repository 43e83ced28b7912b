//! From what the kubelet knows of a pod to the status it writes. Models `kubelet_pods.go generateAPIPodStatus` and
//! `status/generate.go`.

use super::config::KubeletConfig;
use super::image::{ImageName, hex_id};
use super::lifecycle::{ContainerRun, ContainerState, Progress, Termination};
use super::pod_worker::{PodWorker, Stage};
use super::restart_all::Anew;
use super::user;
use crate::api::k8s::{
    self, Container, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    HostIP, PodCondition, PodIP, PodStatus, ResourceRequirements,
};
use crate::api::pod_status::is_sidecar;
use crate::api::{MetaExt, Pod, condition};
use crate::clock::SimTime;

/// The conditions that are the kubelet's, in the order in which it writes them.
const OWNED: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// The status of a pod, given what its status is now. What is not the kubelet's is left as it is.
pub fn generate(
    live: &Pod,
    worker: &PodWorker,
    host_ip: &str,
    config: &KubeletConfig,
    now: SimTime,
) -> PodStatus {
    let mut status = (*live.status).clone();
    let phase = phase(worker);
    let observed = config.reporting.observed_generation.then(|| worker.pod.generation());
    status.phase = Some(phase.into());
    status.observed_generation = observed.or(status.observed_generation);
    // Why it fails shows when nothing of it runs any more, with the phase.
    if let Some((reason, message)) = worker.failure.as_ref().filter(|_| worker.stage == Stage::Finished) {
        status.reason = Some(reason.clone());
        status.message = Some(message.clone());
    }
    if worker.rejected {
        status.start_time = worker.accepted.map(SimTime::to_time);
        let foreign = |one: &PodCondition| !OWNED.contains(&one.type_.as_str());
        status.conditions = status.conditions.map(|all| all.into_iter().filter(foreign).collect());
        return status;
    }
    status.host_ip = Some(host_ip.to_string());
    status.host_ips = Some(vec![HostIP { ip: host_ip.to_string() }]);
    status.start_time = worker.accepted.map(SimTime::to_time);
    let ran = config.reporting.address_with_sandbox
        || worker.runs.iter().any(|run| run.last.is_some() || run.has_run());
    if let (Some(address), true) = (&worker.address, ran) {
        status.pod_ip = Some(address.clone());
        status.pod_ips = Some(vec![PodIP { ip: address.clone() }]);
    }
    let statuses = |containers: &[Container], runs: &[ContainerRun]| -> Vec<ContainerStatus> {
        containers.iter().zip(runs).map(|(c, run)| container_status(c, run, worker, config)).collect()
    };
    let (init, main) = worker.split();
    let mut init_statuses = statuses(worker.pod.spec.init_containers.as_deref().unwrap_or_default(), init);
    for status in init_statuses.iter_mut().filter(|_| !config.runs_commands) {
        (status.container_id, status.started, status.image_id) = (None, None, "x".into());
    }
    status.init_container_statuses = (!init_statuses.is_empty()).then_some(init_statuses);
    status.container_statuses = Some(statuses(&worker.pod.spec.containers, main));
    let (containers, runs) = worker.ephemeral();
    let mut ephemeral = statuses(containers, runs);
    for status in &mut ephemeral {
        // Nobody asks whether they are ready.
        (status.ready, status.started) = (false, None);
    }
    status.ephemeral_container_statuses = (!ephemeral.is_empty()).then_some(ephemeral);
    set_conditions(&mut status, worker, phase, config, now);
    status
}

/// The pod's phase (`getPhase`).
pub fn phase(worker: &PodWorker) -> &'static str {
    if worker.failure.is_some() && worker.stage == Stage::Finished {
        return "Failed";
    }
    let (init, main) = worker.split();
    let finished = worker.stage == Stage::Finished;
    let begun = worker.has_begun();
    let specs = worker.pod.spec.init_containers.iter().flatten();
    let init_failed = specs.clone().zip(init).any(|(spec, run)| {
        !is_sidecar(spec) && run.progress == Progress::Done && run.is_over() && !run.succeeded()
    });
    if init_failed && !begun {
        return "Failed";
    }
    if specs.zip(init).any(|(spec, run)| if is_sidecar(spec) { !run.started } else { !run.succeeded() })
        && !begun
    {
        return "Pending";
    }
    let count = |wanted: fn(&ContainerRun) -> bool| main.iter().filter(|run| wanted(run)).count();
    let running = count(|run| run.running_since().is_some());
    let stopped = count(|run| run.is_over() || (run.last.is_some() && run.running_since().is_none()));
    let succeeded = count(ContainerRun::succeeded);
    let policy = worker.pod.spec.restart_policy.as_deref().unwrap_or("Always");
    let always = |spec: &Container| spec.restart_policy.as_deref().unwrap_or(policy) == "Always";
    let mut mains = worker.pod.spec.containers.iter().zip(main);
    let mut for_good = || mains.all(|(spec, run)| run.progress == Progress::Done && !always(spec));
    // Sidecars keep a pod running, but are not what it is there for.
    let specs = worker.pod.spec.init_containers.iter().flatten();
    let beside = specs.zip(init).any(|(spec, run)| is_sidecar(spec) && run.running_since().is_some());
    match () {
        () if running + stopped < main.len() => "Pending",
        () if running > 0 || beside => "Running",
        // What is not started again has ended for good.
        () if finished || for_good() => {
            if succeeded == stopped {
                "Succeeded"
            } else {
                "Failed"
            }
        }
        () => "Running",
    }
}

fn container_status(
    container: &Container,
    run: &ContainerRun,
    worker: &PodWorker,
    config: &KubeletConfig,
) -> ContainerStatus {
    let image = container.image.clone().unwrap_or_default();
    let begun = run.last.is_some() || run.has_run();
    let full = config.reporting.full_image_names;
    let (image, image_id) = match (begun, full) {
        (false, _) => (image, String::new()),
        (true, false) => (image.clone(), format!("sha256:{image}")),
        (true, true) => {
            let name = ImageName::parse(&image);
            (name.full(), name.by_digest())
        }
    };
    let id = |restarts: u32| {
        let digits = hex_id(&format!("{}/{}/{restarts}", worker.pod.uid(), container.name));
        format!("containerd://{}", if full { &digits } else { &digits[..8] })
    };
    let waiting = |reason: &str, message: Option<String>| k8s::ContainerState {
        waiting: Some(ContainerStateWaiting { reason: Some(reason.into()), message }),
        ..Default::default()
    };
    let state = match &run.state {
        ContainerState::Created if !worker.split().0.is_empty() => waiting("PodInitializing", None),
        ContainerState::Created => waiting("ContainerCreating", None),
        ContainerState::Waiting { reason, message } => {
            waiting(reason, Some(message.clone()).filter(|text| !text.is_empty()))
        }
        ContainerState::Running { started } => k8s::ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(started.to_time()) }),
            ..Default::default()
        },
        ContainerState::Terminated(end) => terminated(end, id(run.restarts), config),
    };
    let earlier = if run.is_over() || run.running_since().is_none() {
        run.restarts
    } else {
        run.restarts.saturating_sub(1)
    };
    let [granted, running] = worker.granted(container);
    let known =
        |resources: &&ResourceRequirements| config.judges && begun && **resources != Default::default();
    ContainerStatus {
        allocated_resources: granted.filter(known).and_then(|resources| resources.requests.clone()),
        resources: running.filter(|_| config.judges && begun).map(|resources| ResourceRequirements {
            limits: resources.limits.clone(),
            requests: resources.requests.clone(),
            ..Default::default()
        }),
        name: container.name.clone(),
        state: Some(state),
        last_state: Some(
            run.last.as_ref().map(|end| terminated(end, id(earlier), config)).unwrap_or_default(),
        ),
        ready: run.ready,
        started: Some(run.started),
        restart_count: i32::try_from(run.restarts).unwrap_or(i32::MAX),
        container_id: begun.then(|| id(run.restarts)),
        image,
        image_id,
        user: (config.judges && begun).then(|| user::status(&worker.pod, container)),
        volume_mounts: user::mounts(container).filter(|_| config.judges),
        ..Default::default()
    }
}

fn terminated(end: &Termination, id: String, config: &KubeletConfig) -> k8s::ContainerState {
    let end = ContainerStateTerminated {
        container_id: end.started.filter(|_| config.reporting.finished_details).map(|_| id),
        exit_code: end.exit_code,
        reason: Some(end.reason.into()),
        message: Some(end.message.clone()).filter(|text| !text.is_empty()),
        // What has never run has begun at the beginning of all time.
        started_at: match end.reason {
            "StartError" => Some(k8s::Time::default()),
            _ => end.started.map(SimTime::to_time),
        },
        finished_at: Some(end.finished.to_time()),
        signal: None,
    };
    k8s::ContainerState { terminated: Some(end), ..Default::default() }
}

fn set_conditions(
    status: &mut PodStatus,
    worker: &PodWorker,
    phase: &str,
    config: &KubeletConfig,
    now: SimTime,
) {
    let containers = containers_ready(worker, phase, config);
    let ready = readiness_gates(&worker.pod, status, &containers);
    let own = [
        verdict(worker.address.is_some()),
        initialized(worker, phase, config),
        ready,
        containers,
        verdict(true),
    ];
    let mut conditions: Vec<PodCondition> = Vec::with_capacity(OWNED.len());
    for (type_, found) in OWNED.into_iter().zip(own) {
        let new = PodCondition {
            type_: type_.into(),
            status: if found.holds { "True" } else { "False" }.into(),
            reason: found.reason.map(str::to_string),
            message: found.message,
            last_transition_time: Some(now.to_time()),
            observed_generation: config.reporting.observed_generation.then(|| worker.pod.generation()),
            ..Default::default()
        };
        let mut place = condition::find(status.conditions.as_deref(), type_).map(|old| vec![old.clone()]);
        condition::set(&mut place, new);
        conditions.extend(place.into_iter().flatten());
    }
    let foreign = status.conditions.take().unwrap_or_default().into_iter();
    conditions.extend(foreign.filter(|old| !OWNED.contains(&old.type_.as_str())));
    status.conditions = Some(conditions);
    worker.set_resize_conditions(status, now);
    if worker.anew != Anew::Never {
        let restarting = PodCondition {
            type_: "AllContainersRestarting".into(),
            status: if worker.anew == Anew::Down { "True" } else { "False" }.into(),
            last_transition_time: Some(now.to_time()),
            observed_generation: config.reporting.observed_generation.then(|| worker.pod.generation()),
            ..Default::default()
        };
        condition::set(&mut status.conditions, restarting);
    }
    if let Some(message) = worker.disruption.as_ref().filter(|_| worker.stage == Stage::Finished) {
        let seen = config.reporting.observed_generation.then(|| worker.pod.generation());
        let disrupted = condition::disruption(condition::TERMINATION_BY_KUBELET, message, now, seen);
        condition::set(&mut status.conditions, disrupted);
    }
}

/// A condition before it has a type and a time.
struct Verdict {
    holds: bool,
    reason: Option<&'static str>,
    message: Option<String>,
}

fn verdict(holds: bool) -> Verdict {
    Verdict { holds, reason: None, message: None }
}

fn initialized(worker: &PodWorker, phase: &str, config: &KubeletConfig) -> Verdict {
    let (init, _) = worker.split();
    if phase == "Succeeded" && config.reporting.finished_details {
        return Verdict { holds: true, reason: Some("PodCompleted"), message: None };
    }
    if worker.has_begun() {
        return verdict(true);
    }
    let specs = worker.pod.spec.init_containers.iter().flatten();
    let incomplete: Vec<&str> = specs
        .zip(init)
        .filter(|(spec, run)| if is_sidecar(spec) { !run.started } else { !run.succeeded() })
        .map(|(spec, _)| spec.name.as_str())
        .collect();
    if incomplete.is_empty() {
        return verdict(true);
    }
    let message = format!("containers with incomplete status: [{}]", incomplete.join(" "));
    Verdict { holds: false, reason: Some("ContainersNotInitialized"), message: Some(message) }
}

fn containers_ready(worker: &PodWorker, phase: &str, config: &KubeletConfig) -> Verdict {
    let (init, main) = worker.split();
    let specs = worker.pod.spec.init_containers.iter().flatten();
    let sidecars = specs.zip(init).filter(|(spec, _)| is_sidecar(spec));
    let all = sidecars.chain(worker.pod.spec.containers.iter().zip(main));
    let unready: Vec<&str> = all.filter(|(_, run)| !run.ready).map(|(spec, _)| spec.name.as_str()).collect();
    let message = || Some(format!("containers with unready status: [{}]", unready.join(" ")));
    let finished = |reason| {
        let message = if config.reporting.unready_message_when_finished { message() } else { None };
        Verdict { holds: false, reason: Some(reason), message }
    };
    match phase {
        "Succeeded" => finished("PodCompleted"),
        "Failed" => finished("PodFailed"),
        _ if unready.is_empty() => verdict(true),
        _ => Verdict { holds: false, reason: Some("ContainersNotReady"), message: message() },
    }
}

/// A pod is ready when its containers are and every condition that it names as a readiness gate holds.
fn readiness_gates(pod: &Pod, status: &PodStatus, containers: &Verdict) -> Verdict {
    if !containers.holds {
        return Verdict { holds: false, reason: containers.reason, message: containers.message.clone() };
    }
    let mut wrong = Vec::new();
    for gate in pod.spec.readiness_gates.iter().flatten() {
        let type_ = &gate.condition_type;
        match condition::find(status.conditions.as_deref(), type_) {
            None => {
                wrong.push(format!(
                    "corresponding condition of pod readiness gate \"{type_}\" does not exist."
                ));
            }
            Some(found) if found.status != "True" => wrong.push(format!(
                "the status of pod readiness gate \"{type_}\" is not \"True\", but {}",
                found.status
            )),
            Some(_) => {}
        }
    }
    if wrong.is_empty() {
        return verdict(true);
    }
    Verdict { holds: false, reason: Some("ReadinessGatesNotReady"), message: Some(wrong.join(", ")) }
}
