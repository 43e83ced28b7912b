//! What travels between pods: the words that the kubelet (whose containers ask and answer), the network (which carries)
//! and the screen (which shows) share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::site::Site;
use crate::api::Pod;
use crate::clock::{SimDuration, SimTime};

/// What became of a request, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The application has answered it.
    Answered,
    /// The application has answered with an error of its own (500).
    ServerError,
    /// The web server has no such page (404).
    PageNotFound,
    /// The web server has nothing to show there: a directory without an index (403).
    PageForbidden,
    /// The application had no room for it left (503).
    Overloaded,
    /// No rule of an Ingress speaks of it (404).
    NotFound,
    /// The Ingress found nobody listening behind it (502).
    BadGateway,
    /// The Ingress knows of no endpoints (503).
    Unavailable,
    /// The Ingress waited in vain (504).
    GatewayTimeout,
    /// The Service has no endpoints: kube-proxy rejects the connection.
    NoEndpoints,
    /// The pod is there, and nothing in it listens at that port.
    Refused,
    /// The connection broke while it was being answered.
    Reset,
    /// Nobody has that address any more, or its node is lost: it timed out.
    Unreachable,
    /// A traffic policy of `Local` and no endpoint on the node: it was dropped, and timed out.
    NoLocalEndpoints,
    /// A network policy dropped it: it timed out.
    Denied,
    /// The application took longer than the client would wait.
    TooSlow,
    /// The name means nothing (NXDOMAIN).
    NoSuchName,
    /// The question for the name got no answer.
    DnsTimeout,
}

impl Fate {
    /// All, in the order of their numbers.
    pub const ALL: [Fate; 18] = [
        Fate::Answered,
        Fate::ServerError,
        Fate::PageNotFound,
        Fate::PageForbidden,
        Fate::Overloaded,
        Fate::NotFound,
        Fate::BadGateway,
        Fate::Unavailable,
        Fate::GatewayTimeout,
        Fate::NoEndpoints,
        Fate::Refused,
        Fate::Reset,
        Fate::Unreachable,
        Fate::NoLocalEndpoints,
        Fate::Denied,
        Fate::TooSlow,
        Fate::NoSuchName,
        Fate::DnsTimeout,
    ];

    /// Its word, as in data.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Answered => "answered",
            Fate::ServerError => "server-error",
            Fate::PageNotFound => "page-not-found",
            Fate::PageForbidden => "page-forbidden",
            Fate::Overloaded => "overloaded",
            Fate::NotFound => "not-found",
            Fate::BadGateway => "bad-gateway",
            Fate::Unavailable => "unavailable",
            Fate::GatewayTimeout => "gateway-timeout",
            Fate::NoEndpoints => "no-endpoints",
            Fate::Refused => "refused",
            Fate::Reset => "reset",
            Fate::Unreachable => "unreachable",
            Fate::NoLocalEndpoints => "no-local-endpoints",
            Fate::Denied => "denied",
            Fate::TooSlow => "too-slow",
            Fate::NoSuchName => "no-such-name",
            Fate::DnsTimeout => "dns-timeout",
        }
    }

    /// What the client is told of it.
    pub fn seen(self) -> Seen {
        match self {
            Fate::Answered => Seen::Status(200),
            Fate::ServerError => Seen::Status(500),
            Fate::PageForbidden => Seen::Status(403),
            Fate::NotFound | Fate::PageNotFound => Seen::Status(404),
            Fate::BadGateway => Seen::Status(502),
            Fate::Overloaded | Fate::Unavailable => Seen::Status(503),
            Fate::GatewayTimeout => Seen::Status(504),
            Fate::NoEndpoints | Fate::Refused => Seen::Refused,
            Fate::Reset => Seen::Reset,
            Fate::Unreachable | Fate::NoLocalEndpoints | Fate::Denied | Fate::TooSlow => Seen::TimedOut,
            Fate::NoSuchName => Seen::NoName,
            Fate::DnsTimeout => Seen::NameTimedOut,
        }
    }

    /// What a web server's status makes of a request that it has answered.
    #[must_use]
    pub fn with_status(self, status: u16) -> Fate {
        match (self, status) {
            (Fate::Answered, 403) => Fate::PageForbidden,
            (Fate::Answered, 400..500) => Fate::PageNotFound,
            (Fate::Answered, 500..) => Fate::ServerError,
            (fate, _) => fate,
        }
    }

    /// The word for what the client is told: `connection refused`, `timed out`, `HTTP 503`.
    pub fn title(self) -> &'static str {
        match self.seen() {
            Seen::Status(200) => "HTTP 200",
            Seen::Status(403) => "HTTP 403",
            Seen::Status(404) => "HTTP 404",
            Seen::Status(500) => "HTTP 500",
            Seen::Status(502) => "HTTP 502",
            Seen::Status(504) => "HTTP 504",
            Seen::Status(_) => "HTTP 503",
            Seen::Refused => "connection refused",
            Seen::Reset => "connection reset",
            Seen::TimedOut => "timed out",
            Seen::NoName => "no such host",
            Seen::NameTimedOut => "name lookup timed out",
        }
    }
}

/// What a client is told of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An HTTP response; for another protocol, that it was connected.
    Status(u16),
    /// Connection refused.
    Refused,
    /// Connection reset by peer.
    Reset,
    /// Nothing, for as long as it waited.
    TimedOut,
    /// The name does not exist.
    NoName,
    /// The name server did not answer.
    NameTimedOut,
}

/// A place that a request passes before it reaches a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "at", content = "name")]
pub enum Hop {
    /// The cluster's name server, asked for a name.
    Dns(Arc<str>),
    /// A load balancer outside, by its address.
    LoadBalancer(Arc<str>),
    /// A node, entered from outside, by its name.
    Node(Arc<str>),
    /// The ingress controller, by the Ingress whose rule matched; empty where none did.
    Ingress(Arc<str>),
    /// A Service's address as kube-proxy sees it, `namespace/name`.
    Service(Arc<str>),
}

/// One request, from beginning to end: what a dot on the screen stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Its number among all samples.
    pub id: u64,
    /// The load it belongs to, or the pod whose command sent it.
    pub load: Arc<str>,
    /// The client's node, for one inside the cluster.
    pub client_node: Option<Arc<str>>,
    /// What it passed on its way.
    pub via: Arc<[Hop]>,
    /// The endpoint that was chosen for it, `address:port`.
    pub endpoint: Option<Arc<str>>,
    /// The pod behind that: its uid,
    pub pod: Option<Arc<str>>,
    /// and its name.
    pub pod_name: Option<Arc<str>>,
    /// When the client sent it.
    pub sent: SimTime,
    /// When it reached the place that decided its fate.
    pub reached: SimTime,
    /// When the client knew what had become of it.
    pub done: SimTime,
    /// What became of it.
    pub fate: Fate,
    /// Who or what decided that, where there is more to say: a policy, a rule.
    pub why: Arc<str>,
}

/// A request that a program in a container makes.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The pod that asks.
    pub from: &'a Pod,
    /// A name or an address.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The path, for HTTP.
    pub path: &'a str,
    /// The `Host` header, if it is another than `host`.
    pub header: Option<&'a str>,
    /// How long the client waits.
    pub timeout: SimDuration,
    /// When.
    pub now: SimTime,
    /// Tells this request from others of the same moment: chance is drawn from it.
    pub nonce: u64,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// All that happened to it.
    pub sample: Sample,
    /// How long the client was busy with it.
    pub took: SimDuration,
    /// The address that the name stood for.
    pub address: String,
    /// What the application says.
    pub body: String,
    /// The very status, where it is one that says more than the fate.
    pub status: Option<u16>,
}

impl Reply {
    /// What the client is told.
    pub fn seen(&self) -> Seen {
        match (self.sample.fate.seen(), self.status) {
            (Seen::Status(_), Some(status)) => Seen::Status(status),
            (seen, _) => seen,
        }
    }
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The whole name, and its addresses.
    Found(String, Vec<String>),
    /// Something outside the cluster, whose address is nobody's business here.
    Outside,
    /// Nothing.
    NoSuchName,
    /// The name server cannot be reached.
    NoAnswer,
}

/// The network, as programs in containers meet it.
pub trait Wire {
    /// Asks the cluster's DNS.
    fn lookup(&self, from: &Pod, name: &str) -> Lookup;

    /// Sends a request and says what comes of it.
    fn request(&self, request: &Request<'_>) -> Reply;
}

/// What one container's process does with connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// From when on it listens; `None`: it does not run, or serves nobody.
    pub from: Option<SimTime>,
    /// From when on it takes no new connections, because it has been asked to end.
    pub until: Option<SimTime>,
    /// From when on it answers with errors, and until when, if that ends by itself.
    pub sick: Option<(SimTime, Option<SimTime>)>,
    /// Tells one run of the container from the next.
    pub run: u32,
}

impl Socket {
    /// Whether it answers with errors.
    pub fn is_sick(&self, now: SimTime) -> bool {
        self.sick.is_some_and(|(from, until)| from <= now && until.is_none_or(|until| now < until))
    }
}

/// A pod's sockets: its address, its node, and for each of its containers (sidecars first) what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// The pod's address, once it has one.
    pub address: Option<Arc<str>>,
    /// Its containers, init containers first, as in the pod's spec.
    pub containers: Vec<Socket>,
    /// Which of them, by place, serve other pages than their images' do.
    pub sites: Vec<(usize, Site)>,
}
