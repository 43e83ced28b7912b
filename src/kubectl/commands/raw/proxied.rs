//! `…/proxy/…`: the server as a go-between to a pod, or to one of a Service's (`ResourceLocation` of either).

use crate::api::k8s::{EndpointPort, ServicePort};
use crate::api::{EndpointSlice, Key, Kind, MetaExt, Pod, Service, Status};
use crate::client::Client;
use crate::kubectl::Output;
use crate::kubectl::errors::Failure;

/// Where a request is passed on to.
pub struct Target {
    pub pod: Pod,
    pub port: u16,
    /// The path, and the query.
    pub path: String,
}

/// What `/api/v1/namespaces/default/services/web:80/proxy/…` leads to; nothing at any other path.
///
/// # Errors
/// The server's, where it leads nowhere.
pub fn target(path: &str, client: &Client<'_>) -> Option<Result<Target, Status>> {
    let rest = path.strip_prefix("/api/v1/namespaces/")?;
    let (namespace, rest) = rest.split_once('/')?;
    let (plural, rest) = rest.split_once('/')?;
    let (asked, rest) = rest.split_once("/proxy").filter(|(asked, _)| !asked.contains('/'))?;
    let kind = [Kind::POD, Kind::SERVICE].into_iter().find(|kind| kind.info().plural == plural)?;
    if !(rest.is_empty() || rest.starts_with(['/', '?'])) {
        return None;
    }
    let path = if rest.starts_with('/') { rest.to_string() } else { format!("/{rest}") };
    Some(located(kind, namespace, asked, client).map(|(pod, port)| Target { pod, port, path }))
}

/// The pod and its port that `web`, `web:80` or `http:web:80` means.
fn located(kind: Kind, namespace: &str, asked: &str, client: &Client<'_>) -> Result<(Pod, u16), Status> {
    let parts: Vec<&str> = asked.split(':').collect();
    let (name, port) = match parts.as_slice() {
        [name] => (*name, ""),
        [name, port] | ["http" | "https", name, port] => (*name, *port),
        _ => {
            let what = kind.info().singular;
            return Err(Status::bad_request(format!("invalid {what} request {asked:?}")));
        }
    };
    let key = Key::new(kind, namespace, name);
    client.may_with("get", &key, "proxy")?;
    let object = client.get(&key)?;
    match (object.as_kind::<Pod>(), object.as_kind::<Service>()) {
        (Some(pod), _) => Ok((pod.clone(), port_of(pod, port)?)),
        (_, Some(service)) => behind(service, asked, port, client),
        _ => Err(Status::no_such_resource()),
    }
}

/// The port asked for, or else the first that the pod declares.
fn port_of(pod: &Pod, asked: &str) -> Result<u16, Status> {
    let declared = pod.spec.containers.iter().flat_map(|container| container.ports.iter().flatten()).next();
    let declared = declared.and_then(|port| u16::try_from(port.container_port).ok());
    match asked {
        "" => Ok(declared.unwrap_or(80)),
        port => port.parse().map_err(|_| {
            let why = format!("dial tcp: lookup tcp/{port}: unknown port");
            Status::service_unavailable(format!("error trying to reach service: {why}"))
        }),
    }
}

/// A ready endpoint of a Service: upstream draws one, here it is the time that chooses.
fn behind(service: &Service, asked: &str, port: &str, client: &Client<'_>) -> Result<(Pod, u16), Status> {
    let name = match port.parse::<i32>() {
        Ok(number) => {
            let ports = service.spec.ports.iter().flatten();
            let named = |port: &ServicePort| port.name.clone().unwrap_or_default();
            ports.filter(|port| port.port == number).map(named).next().ok_or_else(|| {
                let service = service.name();
                Status::service_unavailable(format!("no service port {number} found for service {service:?}"))
            })?
        }
        Err(_) => port.to_string(),
    };
    let own = |slice: &&EndpointSlice| {
        slice.labels().get("kubernetes.io/service-name").is_some_and(|of| of == service.name())
    };
    let view = client.live();
    let mut reached = Vec::new();
    for slice in view.list::<EndpointSlice>(Some(service.namespace())).filter(own) {
        let fits = |port: &&EndpointPort| port.name.as_deref().unwrap_or_default() == name;
        let Some(port) = slice.spec.ports.iter().flatten().find(fits).and_then(|port| port.port) else {
            continue;
        };
        for endpoint in &slice.spec.endpoints {
            let ready = endpoint.conditions.as_ref().is_none_or(|now| now.ready != Some(false));
            let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
            let pod = pod.and_then(|name| view.get::<Pod>(service.namespace(), name));
            if let (true, Some(pod), Ok(port)) = (ready, pod, u16::try_from(port)) {
                reached.push((pod, port));
            }
        }
    }
    let turn = client.now().0.checked_rem(reached.len() as u64).unwrap_or(0);
    let chosen = usize::try_from(turn).ok().and_then(|turn| reached.get(turn));
    let none = || Status::service_unavailable(format!("no endpoints available for service {asked:?}"));
    chosen.map(|(pod, port)| ((*pod).clone(), *port)).ok_or_else(none)
}

/// Whether what asked in the pod could not connect.
pub fn is_refused(answer: &Output) -> bool {
    answer.code == 7 || answer.stdout.contains("Connection refused")
}

/// What the server says where it cannot connect.
pub fn unreachable(target: &Target) -> Status {
    let ip = target.pod.status.pod_ip.as_deref().unwrap_or_default();
    let why = format!("dial tcp {ip}:{}: connect: connection refused", target.port);
    Status::service_unavailable(format!("error trying to reach service: {why}"))
}

/// Runs a line in the first container of the pod.
pub fn ask(target: &Target, words: &[String], client: &mut Client<'_>) -> Option<Output> {
    let container = target.pod.spec.containers.first().map(|container| container.name.clone())?;
    let answer = client.exec(&target.pod, &container, (words, false))?;
    Some(Output { stdout: answer.said, code: answer.code.unwrap_or(0), ..Output::default() })
}

/// What the pod answers, as `get --raw` takes it.
///
/// # Errors
/// The server's, and what it makes of a refusal by the pod.
pub fn get(target: &Target, client: &mut Client<'_>) -> Result<String, Failure> {
    let url = format!("http://localhost:{}{}", target.port, target.path);
    let words = ["curl", "-s", "-w", "\\n%{http_code}", &url].map(String::from);
    let answer = ask(target, &words, client).filter(|answer| !is_refused(answer));
    let answer = answer.ok_or_else(|| unreachable(target))?;
    let (body, code) = answer.stdout.rsplit_once('\n').unwrap_or((&answer.stdout, ""));
    match code.parse().unwrap_or(0) {
        200..400 => Ok(body.to_string()),
        404 => Err(Status::no_such_resource().into()),
        503 => {
            let why = "the server is currently unable to handle the request";
            Err(Status::service_unavailable(why.into()).into())
        }
        _ => {
            let why = format!(
                "an error on the server ({:?}) has prevented the request from succeeding",
                body.trim_end()
            );
            Err(Status::server_error(why).into())
        }
    }
}
