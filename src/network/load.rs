//! A load: requests that somebody sends to a target at a steady rate, whether or not they are answered.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sorted::SortedMap;

use super::plan::Plan;
use super::tally::Tally;
use crate::api::meta::StringMap;
use crate::clock::{SimDuration, SimTime};

/// The highest rate that a load may have.
pub const RATE_MAX: u32 = 1_000_000;
/// The most clients that a load may have.
const CLIENTS_MAX: u32 = 1_000;

/// A port by its number or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

/// What a load is sent to, and how it is written:
/// `svc/web`, `svc/web.shop:http/cart`, `pod/web-0:8080`, `node/node-1:30080`, `ingress/shop/cart`, `http://shop.example.com/cart`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// A Service by name: from inside the cluster by its DNS name; from outside by its load balancer or node port.
    Service {
        /// Its namespace; the client's if left out.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// Its port; the first if left out.
        port: Option<PortRef>,
        /// The path.
        path: String,
    },
    /// A pod's own address.
    Pod {
        /// Its namespace; the client's if left out.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// The port.
        port: u16,
    },
    /// A port of a node.
    Node {
        /// Its name.
        name: String,
        /// The port.
        port: u16,
    },
    /// An Ingress: the host of its first rule.
    Ingress {
        /// Its namespace; the client's if left out.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// The path.
        path: String,
    },
    /// A name or address, as a browser or a program has it.
    Url {
        /// The host.
        host: String,
        /// The port; 80 if left out.
        port: u16,
        /// The path.
        path: String,
    },
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Target, String> {
        let wrong = || {
            format!(
                "{text:?} is no target: try svc/web, svc/web.shop:8080/path, pod/web-0:80, node/node-1:30080, \
                 ingress/shop/path or http://host/path"
            )
        };
        if let Some((scheme, rest)) = text.split_once("://") {
            let (host, path) = split_path(rest);
            let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
            let standard = if scheme == "https" { 443 } else { 80 };
            let port = if port.is_empty() { standard } else { port.parse().map_err(|_| wrong())? };
            let known = matches!(scheme, "http" | "https") && !host.is_empty();
            return if known { Ok(Target::Url { host: host.into(), port, path }) } else { Err(wrong()) };
        }
        let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (place, path) = split_path(rest);
        let (place, port) = place.split_once(':').map_or((place, None), |(place, port)| (place, Some(port)));
        let (name, namespace) =
            place.split_once('.').map_or((place, None), |(name, ns)| (name, Some(ns.to_string())));
        if name.is_empty() {
            return Err(wrong());
        }
        let number = || port.and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0);
        let name = name.to_string();
        match kind {
            "svc" | "service" | "services" => {
                let port = match port {
                    Some("") => return Err(wrong()),
                    Some(text) => Some(number().map_or_else(|| PortRef::Name(text.into()), PortRef::Number)),
                    None => None,
                };
                Ok(Target::Service { namespace, name, port, path })
            }
            "pod" | "po" | "pods" => Ok(Target::Pod {
                namespace,
                name,
                port: if port.is_some() { number().ok_or_else(wrong)? } else { 80 },
            }),
            "node" | "no" | "nodes" => {
                // A node's name may have dots of its own.
                Ok(Target::Node { name: place.into(), port: number().ok_or_else(wrong)? })
            }
            "ing" | "ingress" | "ingresses" => Ok(Target::Ingress { namespace, name, path }),
            _ => Err(wrong()),
        }
    }
}

/// `web:80/cart` is `web:80` and `/cart`.
impl Target {
    /// The path that is asked for; of a node or a pod, the root.
    pub fn path(&self) -> &str {
        match self {
            Target::Service { path, .. } | Target::Ingress { path, .. } | Target::Url { path, .. } => path,
            _ => "/",
        }
    }
}

fn split_path(text: &str) -> (&str, String) {
    text.find('/').map_or((text, "/".into()), |at| (&text[..at], text[at..].into()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted =
            |namespace: &Option<String>| namespace.as_ref().map(|ns| format!(".{ns}")).unwrap_or_default();
        let shown = |path: &str| if path == "/" { String::new() } else { path.to_string() };
        match self {
            Target::Service { namespace, name, port, path } => {
                let port = match port {
                    Some(PortRef::Number(number)) => format!(":{number}"),
                    Some(PortRef::Name(name)) => format!(":{name}"),
                    None => String::new(),
                };
                write!(f, "svc/{name}{}{port}{}", dotted(namespace), shown(path))
            }
            Target::Pod { namespace, name, port } => write!(f, "pod/{name}{}:{port}", dotted(namespace)),
            Target::Node { name, port } => write!(f, "node/{name}:{port}"),
            Target::Ingress { namespace, name, path } => {
                write!(f, "ingress/{name}{}{}", dotted(namespace), shown(path))
            }
            Target::Url { host, port, path } if *port == 80 => write!(f, "http://{host}{path}"),
            Target::Url { host, port, path } if *port == 443 => write!(f, "https://{host}{path}"),
            Target::Url { host, port, path } => write!(f, "http://{host}:{port}{path}"),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Target, String> {
        Target::parse(&text)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.to_string()
    }
}

/// Who sends a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sender {
    /// Whoever such a load usually comes from: for a Service without a way in from outside and for pods, a pod of that
    /// namespace; for everything else, the world.
    #[default]
    Anywhere,
    /// The world outside the cluster.
    Outside,
    /// A pod that is there. While it does not run, nothing is sent.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Pods that are not there, but would have these labels: for network policies to look at.
    Labels {
        /// Their namespace.
        namespace: String,
        /// Their labels.
        labels: StringMap,
    },
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sender::Anywhere => Ok(()),
            Sender::Outside => f.write_str("outside"),
            Sender::Pod { name, .. } => write!(f, "pod/{name}"),
            Sender::Labels { labels, .. } => f.write_str(&crate::api::selector::format_labels(labels)),
        }
    }
}

/// A load, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadSpec {
    /// Its name: a load of the same name takes its place.
    pub name: String,
    /// What it is sent to.
    pub target: Target,
    /// Requests per second.
    pub rate: u32,
    /// Who sends it.
    #[serde(default)]
    pub from: Sender,
    /// The namespace that names are meant in.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Whether clients keep their connections, rather than open one for every request.
    #[serde(default)]
    pub keep_alive: bool,
    /// How many clients there are: each has an address of its own, and with `keepAlive` one connection.
    #[serde(default = "default_clients")]
    pub clients: u32,
    /// How long a client waits, in milliseconds.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u32,
    /// Answers that take longer than this, in milliseconds, are too slow: the report counts them. Zero: none is.
    #[serde(default)]
    pub budget_ms: u32,
    /// After how long it ends by itself, in milliseconds; `None`: never.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
}

fn default_namespace() -> String {
    "default".into()
}

fn default_clients() -> u32 {
    12
}

fn default_timeout() -> u32 {
    2_000
}

impl LoadSpec {
    /// A load with everything else as usual.
    pub fn new(name: &str, target: Target, rate: u32) -> LoadSpec {
        LoadSpec {
            name: name.into(),
            target,
            rate,
            from: Sender::Anywhere,
            namespace: default_namespace(),
            keep_alive: false,
            clients: default_clients(),
            timeout_ms: default_timeout(),
            budget_ms: 0,
            lasts_ms: None,
        }
    }

    /// Whether it can be carried out.
    ///
    /// # Errors
    /// What cannot.
    pub fn check(&self) -> Result<(), String> {
        match self {
            _ if self.name.is_empty() => Err("a load needs a name".into()),
            _ if self.rate > RATE_MAX => {
                Err(format!("--rate: {} is more than {RATE_MAX} a second", self.rate))
            }
            _ if !(1..=CLIENTS_MAX).contains(&self.clients) => {
                Err(format!("--clients: must be from 1 to {CLIENTS_MAX}"))
            }
            _ if self.timeout_ms == 0 => Err("--timeout: must be longer than nothing".into()),
            _ => Ok(()),
        }
    }

    /// How long a client waits.
    pub fn timeout(&self) -> SimDuration {
        SimDuration::from_millis(self.timeout_ms.into())
    }
}

/// A connection that a client keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The address at its other end.
    pub ip: Arc<str>,
    /// The port there.
    pub port: u16,
    /// Which run of which container answers: the pod's uid, the container's place, its run.
    pub server: (Arc<str>, usize, u32),
}

/// A load under way.
#[derive(Clone, Debug)]
pub struct Load {
    /// What was asked for.
    pub spec: LoadSpec,
    /// Its name, shared.
    pub name: Arc<str>,
    /// When it began.
    pub started: SimTime,
    /// When it ends or has ended; `None`: it goes on.
    pub ends: Option<SimTime>,
    /// Its counts.
    pub tally: Tally,
    /// Whether it stands for the commands of a pod, which decide themselves when they ask.
    pub of_commands: bool,
    /// Since when it has had its present rate, and what it has sent since.
    pub(super) paced: (SimTime, u64),
    /// When its next request leaves.
    pub(super) next: Option<SimTime>,
    /// The connections of its clients.
    pub(super) connections: Vec<Option<Connection>>,
    /// The ways of its requests, by the node at which they enter the cluster's network, with the time of the rules that
    /// they follow.
    pub(super) plans: SortedMap<Arc<str>, (SimTime, Arc<Plan>)>,
    /// Counts batches, so that what is left over goes round.
    pub(super) turn: u64,
}

impl Load {
    /// A load that begins now.
    pub fn new(spec: LoadSpec, now: SimTime) -> Load {
        let ends = spec.lasts_ms.map(|lasts| now + SimDuration::from_millis(lasts));
        Load {
            name: spec.name.as_str().into(),
            connections: vec![None; if spec.keep_alive { spec.clients as usize } else { 0 }],
            spec,
            started: now,
            ends,
            tally: Tally::default(),
            of_commands: false,
            paced: (now, 0),
            next: None,
            plans: SortedMap::new(),
            turn: 0,
        }
    }

    /// Whether it sends.
    pub fn is_on(&self, now: SimTime) -> bool {
        !self.of_commands && self.spec.rate > 0 && self.ends.is_none_or(|ends| now < ends)
    }

    /// How many requests should have left before a time since the present rate was set.
    pub(super) fn due(&self, now: SimTime) -> u64 {
        let until = self.ends.map_or(now, |ends| now.min(ends));
        // The first leaves at once.
        let span = u128::from(until.since(self.paced.0).0);
        u64::try_from((span * u128::from(self.spec.rate)).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// When the request with that number since the present rate was set leaves.
    pub(super) fn leaves(&self, number: u64) -> SimTime {
        let micros = u128::from(number) * 1_000_000 / u128::from(self.spec.rate.max(1));
        self.paced.0 + SimDuration(u64::try_from(micros).unwrap_or(u64::MAX / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_as_they_are_written() {
        for text in [
            "svc/web",
            "svc/web.shop:8080/cart",
            "svc/web:http",
            "pod/web-0:8080",
            "pod/web-0.shop:80",
            "node/node-1:30080",
            "node/ip-10-0-0-1.ec2.internal:30080",
            "ingress/shop/cart",
            "http://shop.example.com/cart",
            "http://10.0.0.1:8080/",
            "https://shop.example.com/",
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "web",
            "svc/",
            "svc/web:",
            "pod/web:http",
            "node/node-1",
            "deploy/web",
            "ftp://x/",
            "http://:80/",
        ] {
            assert!(
                Target::parse(text).is_err_and(|why| why.starts_with(&format!("{text:?} is no target"))),
                "{text}"
            );
        }
    }

    #[test]
    fn requests_leave_at_their_rate_from_the_first_moment_on() {
        let load =
            Load::new(LoadSpec::new("x", Target::parse("svc/web").unwrap(), 10), SimTime::from_secs(1));
        let due = [999_999, 1_000_000, 1_000_001, 1_100_000, 1_100_001, 2_000_000]
            .map(|time| load.due(SimTime(time)));
        assert_eq!(due, [0, 0, 1, 1, 2, 10]);
        assert_eq!(load.leaves(0), SimTime(1_000_000));
        assert_eq!(load.leaves(10), SimTime(2_000_000));
    }
}
