//! Startup, liveness and readiness probes: when they are due, what they find, and what that means.

use super::lifecycle::ContainerRun;
use crate::api::k8s::{Container, IntOrString, Probe};
use crate::clock::{SimDuration, SimTime};

/// Which probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Holds the others back until it succeeds.
    Startup,
    /// Restarts the container when it fails.
    Liveness,
    /// Decides whether the container is ready.
    Readiness,
}

impl ProbeKind {
    /// All, in the order in which they begin.
    pub const ALL: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Liveness, ProbeKind::Readiness];

    /// As events begin: `Readiness probe failed: …`.
    pub fn title(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Liveness => "Liveness",
            ProbeKind::Readiness => "Readiness",
        }
    }

    /// The container's probe of this kind.
    pub fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            ProbeKind::Startup => container.startup_probe.as_ref(),
            ProbeKind::Liveness => container.liveness_probe.as_ref(),
            ProbeKind::Readiness => container.readiness_probe.as_ref(),
        }
    }
}

/// A probe of a running container: its results in a row, and what they amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRun {
    /// Which.
    pub kind: ProbeKind,
    /// What it amounts to; `None` before the first threshold is reached.
    pub result: Option<bool>,
    last: bool,
    in_a_row: u32,
    /// When it last looked, or began.
    pub looked: SimTime,
    /// When it looks again, if it is going to.
    pub due: Option<SimTime>,
}

impl ProbeRun {
    /// A probe that has not looked yet.
    pub fn new(kind: ProbeKind, first: SimTime) -> ProbeRun {
        ProbeRun { kind, result: None, last: false, in_a_row: 0, looked: first, due: None }
    }

    /// Takes note of what the probe found; returns what it now amounts to if that has changed.
    pub fn note(&mut self, success: bool, probe: &Probe) -> Option<bool> {
        self.in_a_row =
            if self.in_a_row > 0 && self.last == success { self.in_a_row.saturating_add(1) } else { 1 };
        self.last = success;
        let threshold =
            if success { probe.success_threshold.unwrap_or(1) } else { probe.failure_threshold.unwrap_or(3) };
        let reached = self.in_a_row >= threshold.max(1) as u32;
        if !reached || self.result == Some(success) {
            return None;
        }
        self.result = Some(success);
        Some(success)
    }

    /// Whether nothing but an end of the present health could change the result.
    pub fn is_settled(&self) -> bool {
        self.result == Some(self.last)
    }
}

/// `periodSeconds`, at least one.
pub fn period(probe: &Probe) -> SimDuration {
    SimDuration::from_secs(probe.period_seconds.unwrap_or(10).max(1) as u64)
}

/// `initialDelaySeconds`.
pub fn initial_delay(probe: &Probe) -> SimDuration {
    SimDuration::from_secs(probe.initial_delay_seconds.unwrap_or(0).max(0) as u64)
}

/// Whether a container would answer a probe now.
pub fn is_healthy(run: &ContainerRun, now: SimTime) -> bool {
    let Some(since) = run.running_since() else { return false };
    let age = now.since(since);
    let ill = run.behaviour.unhealthy;
    run.behaviour.serves_after.is_some_and(|after| age >= after)
        && !ill.is_some_and(|(from, until)| from <= age && until.is_none_or(|until| age < until))
}

/// When the health of a running container changes next by itself; `None`: never.
pub fn health_changes_at(run: &ContainerRun, now: SimTime) -> Option<SimTime> {
    let since = run.running_since()?;
    let (ill, well) = run.behaviour.unhealthy.unzip();
    let turns = [run.behaviour.serves_after, ill, well.flatten()];
    turns.into_iter().flatten().map(|after| since + after).filter(|time| *time > now).min()
}

/// What a probe reports of a container that serves and is ill.
pub fn illness(probe: &Probe, container: &Container, address: &str) -> String {
    match &probe.http_get {
        Some(_) => "HTTP probe failed with statuscode: 500".into(),
        None => failure(probe, container, address),
    }
}

/// What a failing probe reports, in the words of its type.
pub fn failure(probe: &Probe, container: &Container, address: &str) -> String {
    let port = |port: &IntOrString| port_number(port, container);
    if let Some(get) = &probe.http_get {
        let host = get.host.as_deref().unwrap_or(address);
        let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_ascii_lowercase();
        let (path, port) = (get.path.as_deref().unwrap_or("/"), port(&get.port));
        return format!(
            "Get \"{scheme}://{host}:{port}{path}\": dial tcp {host}:{port}: connect: connection refused"
        );
    }
    if let Some(socket) = &probe.tcp_socket {
        let host = socket.host.as_deref().unwrap_or(address);
        return format!("dial tcp {host}:{}: connect: connection refused", port(&socket.port));
    }
    if let Some(grpc) = &probe.grpc {
        let timeout = probe.timeout_seconds.unwrap_or(1).max(1);
        return format!(
            "timeout: failed to connect service \"{address}:{}\" within {timeout}s: context deadline exceeded",
            grpc.port
        );
    }
    // A command that fails without a word leaves the message empty.
    String::new()
}

/// The port of the pod that a probe asks; `None` for one that asks no port, or another host's.
pub fn port_of(probe: &Probe, container: &Container) -> Option<i32> {
    let foreign = |host: &Option<String>| host.as_ref().is_some_and(|host| !host.is_empty());
    match (&probe.http_get, &probe.tcp_socket, &probe.grpc) {
        (Some(get), ..) if !foreign(&get.host) => Some(port_number(&get.port, container)),
        (None, Some(socket), _) if !foreign(&socket.host) => Some(port_number(&socket.port, container)),
        (None, None, Some(grpc)) => Some(grpc.port),
        _ => None,
    }
}

/// The name by which a probe asks for a port, where the container has none of that name.
pub fn unknown_port<'a>(probe: &'a Probe, container: &Container) -> Option<&'a str> {
    let get = probe.http_get.as_ref().map(|get| &get.port);
    match get.or(probe.tcp_socket.as_ref().map(|socket| &socket.port))? {
        port @ IntOrString::String(name) if port_number(port, container) == 0 => Some(name),
        _ => None,
    }
}

/// A port by number or by the name that the container gives it; zero for a name it does not have.
fn port_number(port: &IntOrString, container: &Container) -> i32 {
    match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_ref() == Some(name));
            named.map_or_else(|| name.parse().unwrap_or(0), |port| port.container_port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;

    fn check(found: &[bool], success_threshold: i32, failure_threshold: i32) -> Vec<Option<bool>> {
        let probe = Probe {
            success_threshold: Some(success_threshold),
            failure_threshold: Some(failure_threshold),
            ..Default::default()
        };
        let mut run = ProbeRun::new(ProbeKind::Readiness, SimTime::ZERO);
        found.iter().map(|success| run.note(*success, &probe)).collect()
    }

    #[test]
    fn a_result_changes_only_after_its_threshold_in_a_row() {
        assert_eq!(check(&[true], 1, 3), [Some(true)]);
        assert_eq!(check(&[true, true], 2, 3), [None, Some(true)]);
        assert_eq!(check(&[true, false, true, true], 2, 3), [None, None, None, Some(true)]);
        assert_eq!(
            check(&[true, false, false, true, false, false, false], 1, 3),
            [Some(true), None, None, None, None, None, Some(false)]
        );
    }

    #[test]
    fn failures_read_as_the_kubelet_reports_them() {
        let json = r#"{"httpGet":{"path":"/healthz","port":"web"}}"#;
        let probe: Probe = typed::read(&serde_json::from_str(json).unwrap()).unwrap();
        let container = r#"{"name":"app","ports":[{"name":"web","containerPort":8080}]}"#;
        let container: Container = typed::read(&serde_json::from_str(container).unwrap()).unwrap();
        assert_eq!(
            failure(&probe, &container, "10.244.1.2"),
            "Get \"http://10.244.1.2:8080/healthz\": dial tcp 10.244.1.2:8080: connect: connection refused"
        );
    }
}
