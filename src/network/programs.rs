//! What programs in containers meet of the network: names, and requests one at a time.

use std::sync::Arc;

use super::bodies::{self, Asked};
use super::dns::{self, Name, Resolver};
use super::load::{Load, LoadSpec, Target};
use super::plan::{self, Goal, Map, Origin};
use super::proxy::{Pools, State};
use super::server::Server;
use super::{Network, carry};
use crate::api::hash::Digest;
use crate::api::{MetaExt, Node, Pod};
use crate::client::wire::{Fate, Lookup, Reply, Request, Sample, Seen, Wire};
use crate::clock::SimDuration;
use crate::rng::Rng;

/// What a program needs to come up, ask and go down again.
const PROGRAM: SimDuration = SimDuration::from_millis(3);

impl Wire for Network {
    fn lookup(&self, from: &Pod, name: &str) -> Lookup {
        let resolver = Resolver::of_pod(from);
        if resolver.namespace.is_some() && plan::dns_denied(&self.view, &Origin::of_pod(from)).is_some() {
            return Lookup::NoAnswer;
        }
        match dns::resolve(&self.view, resolver, name) {
            Name::Address(address) => Lookup::Found(name.into(), vec![address]),
            Name::Service(namespace, name) => {
                let service = self.view.get::<crate::api::Service>(&namespace, &name);
                let address = service.and_then(|service| service.spec.cluster_ip.clone()).unwrap_or_default();
                Lookup::Found(format!("{name}.{namespace}.svc.cluster.local"), vec![address])
            }
            Name::Pods { name, addresses, .. } => Lookup::Found(name, addresses),
            Name::Outside(_) => Lookup::Outside,
            Name::Nothing => Lookup::NoSuchName,
        }
    }

    fn request(&self, request: &Request<'_>) -> Reply {
        let Request { from, host, port, path, header, timeout, now, nonce } = *request;
        let from = self.view.get::<Pod>(from.namespace(), from.name()).unwrap_or(from);
        let own = from.status.pod_ip.as_deref().filter(|_| host == "localhost" || host.starts_with("127."));
        let host = own.unwrap_or(host);
        let wide = Digest::new().number(self.seed).number(now.0).number(nonce).number(self.nonce);
        let mut rng = Rng::new(wide.bytes(from.uid().as_bytes()).value(), "request");
        let fresh = State { since: now, view: self.view.clone() };
        let target = Target::Url { host: host.into(), port, path: path.into() };
        let origin = Origin::of_pod(from);
        let entries = self.entries(from, host, &mut rng);
        let way = |node: &Arc<str>| {
            let proxied = self.proxies.peek(&self.past, node, self.seed, now).unwrap_or(&fresh);
            let map = Map { live: &self.view, proxied, node, lost: &self.lost };
            (node.clone(), plan::plan(map, &mut Pools::default(), &origin, &target, header))
        };
        // A load balancer asks no node that says that it has no endpoints.
        let mut ways = entries.iter().map(way);
        let Some(first) = ways.next() else { unreachable!("there is a way in, if only to nowhere") };
        let blind = |plan: &plan::Plan| plan.goal == Goal::Fate(Fate::NoLocalEndpoints);
        let (node, plan) = match blind(&first.1) {
            true => ways.find(|(_, plan)| !blind(plan)).unwrap_or(first),
            false => first,
        };
        let node = &*node;
        let deadline = now + timeout;
        let mut sample = Sample {
            id: 0,
            load: load_name(from),
            client_node: from.spec.node_name.as_deref().map(Into::into),
            via: plan.via.clone(),
            endpoint: None,
            pod: None,
            pod_name: None,
            sent: now,
            reached: now + plan.way,
            done: now + plan.way + plan.way,
            fate: Fate::Answered,
            why: plan.why.clone(),
        };
        let (mut body, mut status) = (String::new(), None);
        match &plan.goal {
            Goal::Fate(fate) => {
                sample.fate = *fate;
                if matches!(fate.seen(), Seen::TimedOut | Seen::NameTimedOut) {
                    sample.done = deadline;
                }
            }
            Goal::World => {
                body =
                    format!("<html><head><title>{host}</title></head><body><h1>{host}</h1></body></html>\n")
            }
            Goal::Pods(choices) | Goal::Upstream(choices) => {
                let upstream = matches!(plan.goal, Goal::Upstream(_));
                let place = rng.below(choices.backends.len().max(1) as u32) as usize;
                let Some(candidate) = choices.candidate(&self.view, node, place) else {
                    return self.reply(sample, plan.address, body);
                };
                let ahead = candidate.distance + candidate.distance + candidate.distance;
                let back = candidate.distance + plan.way;
                sample.reached += ahead;
                sample.endpoint = Some(candidate.backend.shown.clone());
                sample.pod = candidate.pod.as_ref().map(|(uid, _)| uid.clone());
                sample.pod_name = candidate.pod.as_ref().map(|(_, name)| name.clone());
                (sample.fate, sample.done) = match self.look(&candidate, sample.reached) {
                    Ok((uid, process)) => {
                        let Some(server) = self.servers.get(&uid) else {
                            return self.reply(sample, plan.address, body);
                        };
                        let served = server.processes[process].weigh(sample.reached, &mut rng);
                        if served.fate == Fate::Answered {
                            let host = header.unwrap_or(request.host);
                            let asked = (&*origin.ip, host, &*plan.path, candidate.backend.port);
                            (status, body) = self.answer(server, process, asked);
                        }
                        let fate = served.fate.with_status(status.unwrap_or(200));
                        sample.why = plan.why_of(fate);
                        (fate, served.at + back)
                    }
                    Err(carry::Hit::Denied) => {
                        sample.why = candidate.denied.clone().unwrap_or_default();
                        (Fate::Denied, deadline)
                    }
                    Err(carry::Hit::Gone) => (Fate::Unreachable, deadline),
                    Err(_) if upstream => (Fate::BadGateway, sample.reached + back),
                    Err(_) => (Fate::Refused, sample.reached + back),
                };
            }
        }
        if sample.done > deadline {
            (sample.fate, sample.done) = (Fate::TooSlow, deadline);
        }
        let status = status.filter(|_| sample.fate != Fate::TooSlow);
        Reply { status, ..self.reply(sample, plan.address, body) }
    }
}

/// Requests of a pod's commands are counted under its name, those of the console apart.
fn load_name(pod: &Pod) -> Arc<str> {
    if pod.name().is_empty() { "curl".into() } else { format!("pod/{}", pod.name()).into() }
}

impl Network {
    fn reply(&self, sample: Sample, address: String, body: String) -> Reply {
        let took = sample.done.since(sample.sent).max(PROGRAM);
        let answered = matches!(
            sample.fate,
            Fate::Answered | Fate::ServerError | Fate::PageNotFound | Fate::PageForbidden
        );
        let body = if answered { body } else { String::new() };
        Reply { sample, took, address, body, status: None }
    }

    /// The network for programs, once it is awake.
    pub fn as_wire(&self) -> Option<&dyn Wire> {
        self.is_awake().then_some(self as &dyn Wire)
    }

    /// What a container says to whoever asks it, and its status, if that may be another than 200.
    fn answer(
        &self,
        server: &Server,
        place: usize,
        (client, host, path, port): (&str, &str, &str, u16),
    ) -> (Option<u16>, String) {
        if let Some(page) = server.processes[place].site().and_then(|site| site.page(path)) {
            return (Some(page.status), page.body);
        }
        let pod = self.view.get::<Pod>(&server.namespace, &server.name);
        let containers =
            pod.iter().flat_map(|pod| pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers));
        let container = containers.into_iter().nth(place);
        let answer = |container| {
            bodies::answer(&Asked {
                container,
                pod: &server.name,
                at: (&server.ip, port),
                client,
                host,
                path,
            })
        };
        (None, container.map(answer).unwrap_or_default())
    }

    /// The nodes by which a request can enter the cluster, in the order in which a load balancer tries them: the client's own, or
    /// the one that it asks for by its address.
    fn entries(&self, from: &Pod, host: &str, rng: &mut Rng) -> Vec<Arc<str>> {
        if let Some(own) = from.spec.node_name.as_deref() {
            return vec![own.into()];
        }
        let is_asked = |node: &&Node| {
            node.name() == host || node.status.addresses.iter().flatten().any(|known| known.address == host)
        };
        if let Some(node) = self.view.list::<Node>(None).find(is_asked) {
            return vec![node.name().into()];
        }
        let mut nodes = self.nodes.clone();
        if nodes.is_empty() {
            return vec!["".into()];
        }
        let first = rng.below(nodes.len() as u32) as usize;
        nodes.rotate_left(first);
        nodes
    }

    /// Takes note of what programs have asked.
    pub fn note(&mut self, samples: Vec<Sample>) {
        for sample in samples {
            self.nonce += 1;
            let at = self.loads.iter().position(|load| load.of_commands && load.name == sample.load);
            let at = at.or_else(|| {
                let url = Target::Url { host: String::new(), port: 0, path: String::new() };
                let load = Load::new(LoadSpec::new(&sample.load, url, 0), sample.sent);
                self.add_load(Load { of_commands: true, ..load }, sample.sent).ok()?;
                self.loads.iter().position(|load| load.name == sample.load && load.of_commands)
            });
            let Some(at) = at else { continue };
            let tally = &mut Arc::make_mut(&mut self.loads[at]).tally;
            tally.send(sample.sent, 1);
            tally.settle(sample.sent, sample.done, sample.fate, 1);
            if let Some(endpoint) = &sample.endpoint {
                let pod = sample.pod.clone().zip(sample.pod_name.clone());
                tally.settle_at(endpoint, pod.as_ref(), sample.fate, 1);
            }
            self.work(&sample);
            self.last_request = Some(sample.sent);
            self.keep_sample(sample);
        }
    }

    /// The work that an answered request has been to its server.
    fn work(&mut self, sample: &Sample) {
        let taken = matches!(
            sample.fate,
            Fate::Answered | Fate::ServerError | Fate::PageNotFound | Fate::PageForbidden | Fate::TooSlow
        );
        let server = sample.pod.as_ref().filter(|_| taken).and_then(|uid| self.servers.get_mut(uid));
        let port = sample.endpoint.as_deref().and_then(|endpoint| endpoint.rsplit(':').next()?.parse().ok());
        if let (Some(server), Some(port)) = (server.map(Arc::make_mut), port) {
            let reached = sample.reached;
            if let Some(process) = server.processes.iter_mut().find(|process| process.listens(port, reached))
            {
                process.take(reached, 1, &mut self.rng);
            }
        }
    }
}
