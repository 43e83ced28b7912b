//! `port-forward`, `proxy`, and `curl` at the console, which reaches what they forward, and the cluster from outside.
//!
//! A forward goes on in the background until its pod is gone or another takes its port; the real one holds its terminal until Ctrl+C.

use std::collections::BTreeMap;

use super::containers::{key_of, pod_of};
use super::raw;
use super::raw::proxied::Target;
use super::raw::sent::Request;
use crate::api::k8s::IntOrString;
use crate::api::{Key, Kind, MetaExt, Pod, Service};
use crate::client::Client;
use crate::client::streams::Answer;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::{Call, Context, Output, Verb};

/// A port of this machine, and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    local: u16,
    to: To,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Pod {
        pod: Key,
        uid: String,
        remote: u16,
    },
    /// The API server, behind `kubectl proxy`.
    Api,
}

/// `port-forward`.
pub const PORT_FORWARD: Verb = Verb {
    path: "port-forward",
    help: "Forward one or more local ports to a pod",
    flags: &[
        value("address", "the local addresses"),
        value("pod-running-timeout", "how long to wait for the pod"),
    ],
    run: forward,
};

/// `proxy`.
pub const PROXY: Verb = Verb {
    path: "proxy",
    help: "Run a proxy to the Kubernetes API server",
    flags: &[
        value("port", "the local port").short('p'),
        value("address", "the local address"),
        value("api-prefix", "has no effect here"),
        value("www", "has no effect here"),
        value("www-prefix", "has no effect here").short('P'),
        switch("append-server-path", "has no effect here"),
        value("accept-hosts", "has no effect here"),
        value("accept-paths", "has no effect here"),
        value("reject-methods", "has no effect here"),
        value("reject-paths", "has no effect here"),
        switch("disable-filter", "has no effect here"),
        value("unix-socket", "has no effect here").short('u'),
        value("keepalive", "has no effect here"),
    ],
    run: |call| {
        let port = call.args.number("port")?.unwrap_or(8001);
        let local = u16::try_from(port)
            .map_err(|_| Failure::message(format!("listen tcp: address {port}: invalid port")))?;
        call.say(format!("Starting to serve on 127.0.0.1:{local}"));
        call.output.forwards.push(Forward { local, to: To::Api });
        Ok(())
    },
};

fn forward(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let words = call.args.words.clone();
    let [word, ports @ ..] = words.as_slice() else {
        return Err(Failure::misuse("TYPE/NAME and list of ports are required for port-forward"));
    };
    if ports.is_empty() {
        return Err(Failure::misuse("TYPE/NAME and list of ports are required for port-forward"));
    }
    let service = match word.split_once('/') {
        Some((kind, name))
            if crate::kubectl::resource_names::kind(call.client.live(), kind)? == Kind::SERVICE =>
        {
            call.client.live().get::<Service>(&call.namespace, name).cloned()
        }
        _ => None,
    };
    let pod = pod_of(call, word)?;
    let mut forwards = Vec::new();
    for text in ports {
        forwards.push(read(text, &pod, service.as_ref())?);
    }
    let phase = pod.status.phase.as_deref().unwrap_or_default();
    if phase != "Running" {
        return Err(Failure::message(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    call.client.may_with("create", &key_of(&pod), "portforward")?;
    for (local, remote) in forwards {
        call.say(format!("Forwarding from 127.0.0.1:{local} -> {remote}"));
        call.say(format!("Forwarding from [::1]:{local} -> {remote}"));
        let to = To::Pod { pod: key_of(&pod), uid: pod.uid().to_string(), remote };
        call.output.forwards.push(Forward { local, to });
    }
    Ok(())
}

/// `8080:80`, `80`, `:80`, `8080:http`: the local port, and the pod's.
fn read(text: &str, pod: &Pod, service: Option<&Service>) -> Result<(u16, u16), Failure> {
    let (local, remote) = text.split_once(':').unwrap_or((text, text));
    let invalid = || {
        Failure::message(format!(
            "error parsing remote port {remote:?}: strconv.ParseUint: parsing {remote:?}: invalid syntax"
        ))
    };
    let named = |name: &str| {
        let ports = pod.spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
        ports
            .filter(|port| port.name.as_deref() == Some(name))
            .find_map(|port| u16::try_from(port.container_port).ok())
    };
    let remote = match service {
        Some(service) => {
            let fits = |port: &&crate::api::k8s::ServicePort| {
                port.port.to_string() == remote || port.name.as_deref() == Some(remote)
            };
            let port = service.spec.ports.iter().flatten().find(fits).ok_or_else(|| {
                Failure::message(format!("Service {} does not have a service port {remote}", service.name()))
            })?;
            match &port.target_port {
                Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
                Some(IntOrString::String(name)) => named(name).or_else(|| name.parse().ok()),
                None => u16::try_from(port.port).ok(),
            }
            .ok_or_else(invalid)?
        }
        None => match remote.parse() {
            Ok(number) => number,
            Err(_) => named(remote).ok_or_else(|| {
                Failure::message(format!("Pod '{}' does not have a named port '{remote}'", pod.name()))
            })?,
        },
    };
    let local = match local {
        "" => 30_000 + remote % 10_000,
        local => match (local.parse(), service.is_some() || text.contains(':')) {
            (Ok(number), _) => number,
            (Err(_), false) => remote,
            (Err(_), true) => return Err(invalid()),
        },
    };
    Ok((local, remote))
}

/// Flags of `curl` and `wget` behind which a value stands.
const VALUED: [&str; 22] = [
    "-H",
    "--header",
    "-o",
    "-O",
    "-w",
    "--write-out",
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--json",
    "-u",
    "--user",
    "--cacert",
    "--cert",
    "--key",
    "-X",
    "--request",
    "-m",
    "--max-time",
    "--connect-timeout",
    "-T",
];

/// What a line of `curl` sends: a body makes it a `POST`, unless it says otherwise.
fn request(words: &[String], path: &str, files: &BTreeMap<String, String>) -> Request {
    const DATA: [&str; 5] = ["-d", "--data", "--data-raw", "--data-binary", "--json"];
    let mut request = Request { path: path.into(), ..Request::default() };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        // `--request=PUT` and `-XPUT` are one word each.
        let glued = word.split_once('=').filter(|(flag, _)| flag.starts_with("--"));
        let glued = glued
            .or_else(|| word.split_at_checked(2).filter(|(flag, rest)| *flag == "-X" && !rest.is_empty()));
        let (flag, given) = glued.map_or((word, None), |(flag, given)| (flag, Some(given)));
        let mut value = || given.or_else(|| words.next()).unwrap_or_default();
        match flag {
            "-X" | "--request" => request.method = value().to_uppercase(),
            "-H" | "--header" => {
                let header = value().split_once(':').map(|(name, value)| (name.to_lowercase(), value));
                if let Some((_, said)) = header.filter(|(name, _)| name == "content-type") {
                    request.content_type = said.split(';').next().unwrap_or_default().trim().to_lowercase();
                }
            }
            flag if DATA.contains(&flag) => {
                let data = value();
                let file = data.strip_prefix('@').filter(|_| flag != "--data-raw");
                let text = file.map_or(Some(data), |file| files.get(file).map(String::as_str));
                request.body = Some(text.unwrap_or_default().to_string());
                if flag == "--json" {
                    request.content_type = "application/json".into();
                }
            }
            _ => {}
        }
    }
    if request.method.is_empty() {
        request.method = if request.body.is_some() { "POST" } else { "GET" }.into();
    }
    if request.content_type.is_empty() {
        request.content_type = "application/x-www-form-urlencoded".into();
    }
    request
}

/// `curl` and `wget` at the console: they reach what is forwarded.
pub fn curl(
    line: &str,
    context: &Context,
    files: &BTreeMap<String, String>,
    client: &mut Client<'_>,
) -> Output {
    let words = shlex::split(line).unwrap_or_default();
    let program = words.first().cloned().unwrap_or_default();
    let valued = |flag: &String| VALUED.contains(&flag.as_str());
    let url = (1..words.len()).map(|at| (&words[at - 1], &words[at]));
    let url = url.filter(|(before, word)| !word.starts_with('-') && !valued(before)).map(|(_, word)| word);
    let url = url.into_iter().find(|word| word.contains(['.', ':']) || word.contains("localhost"));
    let url = url.cloned().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let (host, port) = host.rsplit_once(':').unwrap_or((host, if scheme == "https" { "443" } else { "80" }));
    let refused = || {
        let code = if program == "wget" { 4 } else { 7 };
        let stderr = match program.as_str() {
            "wget" => format!("Connecting to {host}:{port}... failed: Connection refused.\n"),
            _ => format!(
                "curl: (7) Failed to connect to {host} port {port} after 0 ms: Could not connect to server\n"
            ),
        };
        Output { stderr, code, ..Output::default() }
    };
    if !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
        let answer = client.outside(&words);
        let ended = |answer: Answer| Output {
            stdout: answer.said,
            code: answer.code.unwrap_or(0),
            ..Output::default()
        };
        return answer.map_or_else(refused, ended);
    }
    let number: u16 = port.parse().unwrap_or(0);
    let Some(forward) = context.forwards.iter().rev().find(|forward| forward.local == number) else {
        return refused();
    };
    let (target, handling) = match &forward.to {
        To::Pod { pod, uid, remote } => {
            let Some(pod) = super::containers::current(pod, uid, client.live()) else {
                let mut output = refused();
                output.stderr = format!("error: lost connection to pod\n{}", output.stderr);
                return output;
            };
            let path = path.to_string();
            (Target { pod, port: *remote, path }, format!("Handling connection for {number}\n"))
        }
        To::Api => match raw::proxied::target(path, client) {
            Some(Ok(target)) => (target, String::new()),
            Some(Err(refusal)) => return Output { stdout: raw::document(&refusal), ..Output::default() },
            None => {
                let stdout = raw::sent::answer(&request(&words, path, files), client);
                return Output { stdout, ..Output::default() };
            }
        },
    };
    let inside = format!("{scheme}://localhost:{}{}", target.port, target.path);
    let command: Vec<String> =
        words.iter().map(|word| if *word == url { inside.clone() } else { word.clone() }).collect();
    let mut output = raw::proxied::ask(&target, &command, client).unwrap_or_default();
    output.stderr = handling;
    if !raw::proxied::is_refused(&output) {
        return output;
    }
    if forward.to == To::Api {
        // The server says it, in an answer of its own.
        return Output { stdout: raw::document(&raw::proxied::unreachable(&target)), ..Output::default() };
    }
    // The port of this machine is open; it is the pod that does not answer.
    let remote = target.port;
    output.stderr.push_str(&format!(
        "error: lost connection to pod: an error occurred forwarding {number} -> {remote}: failed to connect to localhost:{remote} inside \
         namespace: connection refused\ncurl: (52) Empty reply from server\n"
    ));
    Output { stdout: String::new(), code: 52, ..output }
}
