//! Moves requests: when they leave, which endpoint they get, how they fare there, and when that is known.

use std::sync::Arc;

use super::flights::Flight;
use super::load::{Connection, Load, Sender, Target};
use super::plan::{self, Candidate, Choices, Goal, Map, Origin, Plan};
use super::proxy::{Backend, State};
use super::{Network, Session};
use crate::api::{Pod, Service};
use crate::client::wire::{Fate, Sample};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

/// Up to this rate, requests are carried one by one.
const SINGLY_MAX: u32 = 200;
/// A batch is cut into so many, so that those that come later find what those before them have left.
const CHUNKS: u64 = 4;
/// An ingress controller asks so many endpoints before it gives up,
const TRIES: usize = 3;
/// and waits this long for each to take the connection.
const CONNECT: SimDuration = SimDuration::from_secs(5);
/// The addresses of clients outside.
const WORLD: &str = "198.51.100.7";

/// Requests that leave at one moment, on one way.
#[derive(Clone, Copy)]
struct Shot<'a> {
    load: usize,
    client: u32,
    node: &'a Arc<str>,
    plan: &'a Plan,
    time: SimTime,
    count: u64,
    /// Whether it is worth a sample.
    seen: bool,
}

/// What a request meets at an endpoint.
#[derive(Clone, Debug)]
pub(super) enum Hit {
    /// The connection is refused.
    Refused,
    /// Nobody is there.
    Gone,
    /// A policy drops it.
    Denied,
    /// It is taken, and this is how it will end.
    Taken {
        /// When.
        at: SimTime,
        /// How.
        fate: Fate,
        /// By which pod, container and run.
        server: (Arc<str>, usize, u32),
    },
}

impl Network {
    /// Works out everything that left before `now`, with the network as it has been since the last time.
    pub fn settle(&mut self, now: SimTime) {
        if now <= self.settled {
            return;
        }
        let mut leaving: Vec<(SimTime, usize, u64)> = Vec::new();
        for at in 0..self.loads.len() {
            self.departures(at, now, &mut leaving);
        }
        crate::api::sorting::sort_by_key(&mut leaving, |(time, load, _)| (*time, *load));
        for (time, load, count) in leaving {
            self.send(load, time, count);
        }
        self.settled = now;
        self.land(now);
    }

    /// What a load sends from where it was left up to `now`.
    fn departures(&mut self, at: usize, now: SimTime, leaving: &mut Vec<(SimTime, usize, u64)>) {
        let from = self.settled;
        let load = &self.loads[at];
        if load.of_commands || load.spec.rate == 0 || load.ends.is_some_and(|ends| ends <= from) {
            return;
        }
        let silent = match &load.spec.from {
            Sender::Pod { namespace, name } => self
                .view
                .get::<Pod>(namespace, name)
                .is_none_or(|pod| pod.status.phase.as_deref() != Some("Running")),
            _ => false,
        };
        let until = load.ends.map_or(now, |ends| now.min(ends));
        let load = Arc::make_mut(&mut self.loads[at]);
        if load.spec.rate > SINGLY_MAX {
            let due = load.due(now).saturating_sub(load.paced.1);
            load.paced.1 += due;
            let chunks = if load.spec.keep_alive { 1 } else { CHUNKS.min(due) };
            let span = until.since(from).0;
            for chunk in (0..chunks).filter(|_| !silent) {
                let count = due * (chunk + 1) / chunks - due * chunk / chunks;
                let time = from + SimDuration(span * (2 * chunk + 1) / (2 * chunks));
                leaving.push((time, at, count));
            }
            return;
        }
        let interval = 1_000_000 / load.spec.rate;
        loop {
            let next = match load.next {
                Some(next) => next,
                None => load.leaves(load.paced.1) + SimDuration(self.rng.below(interval).into()),
            };
            load.next = Some(next);
            if next >= until {
                return;
            }
            if !silent {
                leaving.push((next.max(from), at, 1));
            }
            load.paced.1 += 1;
            load.next = None;
        }
    }

    /// Sends some requests of a load.
    fn send(&mut self, at: usize, time: SimTime, count: u64) {
        if count == 0 {
            return;
        }
        self.last_request = Some(time);
        let load = Arc::make_mut(&mut self.loads[at]);
        load.tally.send(time, count);
        load.turn += 1;
        let (clients, turn, keeps) = (load.spec.clients.max(1), load.turn, load.spec.keep_alive);
        if count == 1 {
            let client = self.rng.below(clients);
            return self.send_from(at, client, time, 1, true);
        }
        // Clients that differ in nothing but their node are one.
        let sticky = keeps || self.loads[at].plans.values().any(|(_, plan)| plan.sticky.is_some());
        let groups = if sticky { clients } else { clients.min(self.nodes.len().max(1) as u32) };
        let (each, rest) = (count / u64::from(groups), count % u64::from(groups));
        for group in 0..groups {
            let extra = (u64::from(group) + turn) % u64::from(groups) < rest;
            let share = each + u64::from(extra);
            if share > 0 {
                self.send_from(at, group, time, share, group == 0);
            }
        }
    }

    fn send_from(&mut self, at: usize, client: u32, time: SimTime, count: u64, seen: bool) {
        if self.reuse(at, client, time, count, seen) {
            return;
        }
        let (node, plan) = self.way(at, client, time);
        let shot = Shot { load: at, client, node: &node, plan: &plan, time, count, seen };
        match &plan.goal {
            Goal::Fate(fate) => {
                let timeout = self.loads[at].spec.timeout();
                let span = match fate.seen() {
                    crate::client::wire::Seen::TimedOut | crate::client::wire::Seen::NameTimedOut => timeout,
                    _ => plan.way + plan.way,
                };
                self.fly(shot, None, time + span, *fate, None);
            }
            Goal::World => {
                let span = plan.way + plan.way + SimDuration::from_millis(10);
                self.fly(shot, None, time + span, Fate::Answered, None);
            }
            Goal::Pods(choices) | Goal::Upstream(choices) => {
                self.spread(shot, choices, &mut Vec::new(), time);
            }
        }
    }

    /// Over the connection that a client has kept, if it still has one.
    fn reuse(&mut self, at: usize, client: u32, time: SimTime, count: u64, seen: bool) -> bool {
        let Some(kept) = self.loads[at].connections.get(client as usize).cloned().flatten() else {
            return false;
        };
        let (uid, place, run) = &kept.server;
        let process = self.servers.get(uid).and_then(|server| Some((server, server.processes.get(*place)?)));
        let good = process.is_some_and(|(_, process)| {
            process.is_up(time)
                && process.socket.run == *run
                && process.socket.until.is_none_or(|until| time < until)
        });
        if !good {
            // The other side has closed it: the client has noticed, and opens another.
            self.forget_connection(at, client);
            return false;
        }
        let node = process.map(|(server, _)| server.node.clone());
        let (entry, plan) = self.way(at, client, time);
        let candidate = Candidate {
            pod: self.servers.get(uid).map(|server| (uid.clone(), server.name.clone())),
            backend: Arc::new(Backend::at(&kept.ip, kept.port)),
            node,
            denied: None,
            distance: SimDuration::from_micros(200),
        };
        let shot = Shot { load: at, client, node: &entry, plan: &plan, time, count, seen };
        let reached = time + plan.way + candidate.distance;
        let hit = self.knock(&candidate, reached, count, &plan.path);
        if !matches!(hit, Hit::Taken { .. }) {
            self.forget_connection(at, client);
        }
        self.conclude(shot, &candidate, reached, hit);
        true
    }

    fn forget_connection(&mut self, at: usize, client: u32) {
        if let Some(connection) = Arc::make_mut(&mut self.loads[at]).connections.get_mut(client as usize) {
            *connection = None;
        }
    }

    /// The node at which a client's requests enter the cluster's network, and their way from there.
    fn way(&mut self, at: usize, client: u32, time: SimTime) -> (Arc<str>, Arc<Plan>) {
        let fixed = self.fixed_entry(&self.loads[at].clone());
        if let Some(node) = fixed {
            let plan = self.plan_at(at, &node, time);
            return (node, plan);
        }
        let count = self.nodes.len();
        if count == 0 {
            let node: Arc<str> = "".into();
            let plan = self.plan_at(at, &node, time);
            return (node, plan);
        }
        // A load balancer asks no node that says that it has no endpoints (`healthCheckNodePort`).
        for step in 0..count {
            let node = self.nodes[(client as usize + step) % count].clone();
            let plan = self.plan_at(at, &node, time);
            let balanced =
                plan.via.iter().any(|hop| matches!(hop, crate::client::wire::Hop::LoadBalancer(_)));
            if step + 1 == count || !balanced || plan.goal != Goal::Fate(Fate::NoLocalEndpoints) {
                return (node, plan);
            }
        }
        unreachable!("the last node is taken")
    }

    fn fixed_entry(&self, load: &Load) -> Option<Arc<str>> {
        match (&load.spec.from, &load.spec.target) {
            (Sender::Pod { namespace, name }, _) => {
                let pod = self.view.get::<Pod>(namespace, name);
                Some(pod.and_then(|pod| pod.spec.node_name.as_deref()).unwrap_or_default().into())
            }
            (_, Target::Node { name, .. }) => Some(name.as_str().into()),
            _ => None,
        }
    }

    fn plan_at(&mut self, at: usize, node: &Arc<str>, time: SimTime) -> Arc<Plan> {
        let fresh = State { since: SimTime::ZERO, view: self.view.clone() };
        let proxied = self.proxies.state(&self.past, node, self.seed, time).unwrap_or(&fresh);
        let load = &self.loads[at];
        if let Some((known, plan)) = load.plans.get(node)
            && *known == proxied.since
        {
            return plan.clone();
        }
        let origin = origin(load, node, &self.view);
        let map = Map { live: &self.view, proxied, node, lost: &self.lost };
        let plan = Arc::new(plan::plan(map, &mut self.pools, &origin, &load.spec.target, None));
        Arc::make_mut(&mut self.loads[at]).plans.insert(node.clone(), (proxied.since, plan.clone()));
        plan
    }

    /// Chooses endpoints for some requests, all but those already tried.
    fn spread(&mut self, shot: Shot<'_>, choices: &Choices, tried: &mut Vec<usize>, time: SimTime) {
        let left = choices.backends.len().saturating_sub(tried.len());
        if left == 0 {
            return;
        }
        if let Some((service, span)) = &shot.plan.sticky {
            let at = self.session(shot, service, *span, choices, tried);
            return self.attempt(shot, choices, at, tried, time);
        }
        // Where requests are few, each draws its endpoint; where they are many, each endpoint its share.
        if shot.count == 1 || shot.count < left as u64 {
            for turn in 0..shot.count {
                let at = self.any(choices, tried);
                let one = Shot { count: 1, seen: shot.seen && turn == 0, ..shot };
                self.attempt(one, choices, at, &mut tried.clone(), time);
            }
            return;
        }
        let mut rest = shot.count;
        let all = (0..choices.backends.len()).filter(|at| !tried.contains(at)).collect::<Vec<_>>();
        for (place, at) in all.into_iter().enumerate() {
            let others = (left - place) as u64;
            let share = if others == 1 { rest } else { binomial(&mut self.rng, rest, others) };
            rest -= share;
            if share > 0 {
                let part = Shot { count: share, seen: shot.seen && place == 0, ..shot };
                self.attempt(part, choices, at, &mut tried.clone(), time);
            }
        }
    }

    /// An endpoint at random, of those not tried.
    fn any(&mut self, choices: &Choices, tried: &[usize]) -> usize {
        let left = choices.backends.len() - tried.len();
        let place = self.rng.below(left as u32) as usize;
        let mut all = (0..choices.backends.len()).filter(|at| !tried.contains(at));
        if tried.is_empty() { place } else { all.nth(place).unwrap_or(place) }
    }

    /// The endpoint that a client is kept at.
    fn session(
        &mut self,
        shot: Shot<'_>,
        service: &Arc<str>,
        span: SimDuration,
        choices: &Choices,
        tried: &[usize],
    ) -> usize {
        // Each proxy remembers for itself. Clients of one load have addresses of their own.
        let load = &self.loads[shot.load];
        let place: Arc<str> = format!("{service} on {} for {}", shot.node, load.name).into();
        let key = (place, load.name.clone(), shot.client);
        let known = self.sessions.get(&key).filter(|known| shot.time.since(known.seen) < span);
        let kept = known
            .and_then(|known| choices.backends.iter().position(|one| one.shown == known.endpoint))
            .filter(|at| !tried.contains(at));
        let at = kept.unwrap_or_else(|| self.any(choices, tried));
        let endpoint = choices.backends[at].shown.clone();
        self.sessions.insert(key, Session { endpoint, seen: shot.time });
        at
    }

    fn attempt(
        &mut self,
        shot: Shot<'_>,
        choices: &Choices,
        at: usize,
        tried: &mut Vec<usize>,
        time: SimTime,
    ) {
        let Some(candidate) = self.candidate(shot, choices, at) else { return };
        // There and back for the connection, and there again.
        let ahead = candidate.distance + candidate.distance + candidate.distance;
        let reached = time + shot.plan.way + ahead;
        let hit = self.knock(&candidate, reached, shot.count, &shot.plan.path);
        let upstream = matches!(shot.plan.goal, Goal::Upstream(_));
        let wait = match hit {
            Hit::Refused => SimDuration::ZERO,
            Hit::Gone | Hit::Denied => CONNECT,
            Hit::Taken { .. } => return self.conclude(shot, &candidate, reached, hit),
        };
        tried.push(at);
        let deadline = shot.time + self.loads[shot.load].spec.timeout();
        let again = time + wait + candidate.distance;
        if !upstream || again >= deadline {
            return self.conclude(shot, &candidate, reached, hit);
        }
        if tried.len() < TRIES.min(choices.backends.len()) {
            return self.spread(shot, choices, tried, again);
        }
        let fate = if matches!(hit, Hit::Refused) { Fate::BadGateway } else { Fate::GatewayTimeout };
        self.fly(shot, Some(&candidate), again + shot.plan.way, fate, None);
    }

    /// An endpoint as the clients of a shot meet it.
    fn candidate(&self, shot: Shot<'_>, choices: &Choices, at: usize) -> Option<Candidate> {
        choices.candidate(&self.view, shot.node, at)
    }

    /// What requests meet at an endpoint.
    fn knock(&mut self, candidate: &Candidate, reached: SimTime, count: u64, path: &str) -> Hit {
        match self.look(candidate, reached) {
            Ok((uid, place)) => {
                let Some(server) = self.servers.get_mut(&uid).map(Arc::make_mut) else { return Hit::Gone };
                let process = &mut server.processes[place];
                let served = process.take(reached, count, &mut self.rng);
                let status = process.site().map_or(200, |site| site.status(path));
                let fate = served.fate.with_status(status);
                Hit::Taken { at: served.at, fate, server: (uid, place, process.socket.run) }
            }
            Err(hit) => hit,
        }
    }

    /// Who listens at an endpoint: the pod's uid and the container's place.
    pub(super) fn look(&self, candidate: &Candidate, reached: SimTime) -> Result<(Arc<str>, usize), Hit> {
        if candidate.denied.is_some() {
            return Err(Hit::Denied);
        }
        let Some(uids) = self.by_ip.get(&candidate.backend.ip) else { return Err(Hit::Gone) };
        for uid in uids {
            let Some(server) = self.servers.get(uid) else { continue };
            if self.lost.contains(&server.node) {
                return Err(Hit::Gone);
            }
            let listens = |process: &super::Process| process.listens(candidate.backend.port, reached);
            if let Some(place) = server.processes.iter().position(listens) {
                return Ok((uid.clone(), place));
            }
        }
        Err(Hit::Refused)
    }

    /// From what requests have met to when their clients know.
    fn conclude(&mut self, shot: Shot<'_>, candidate: &Candidate, reached: SimTime, hit: Hit) {
        let back = candidate.distance + shot.plan.way;
        let spec = &self.loads[shot.load].spec;
        let (deadline, keeps) = (shot.time + spec.timeout(), spec.keep_alive);
        let (done, fate, server) = match hit {
            Hit::Refused => (reached + back, Fate::Refused, None),
            Hit::Gone => (deadline, Fate::Unreachable, None),
            Hit::Denied => (deadline, Fate::Denied, None),
            Hit::Taken { at, fate, server } => {
                if keeps
                    && let Some(connection) =
                        Arc::make_mut(&mut self.loads[shot.load]).connections.get_mut(shot.client as usize)
                {
                    let (ip, port) = (candidate.backend.ip.clone(), candidate.backend.port);
                    *connection = Some(Connection { ip, port, server: server.clone() });
                }
                (at + back, fate, Some((server.0, server.1)))
            }
        };
        let (done, fate) = if done > deadline { (deadline, Fate::TooSlow) } else { (done, fate) };
        self.fly(shot, Some(candidate), done, fate, server);
    }

    /// Takes note of requests of which it is known how they will end.
    fn fly(
        &mut self,
        shot: Shot<'_>,
        candidate: Option<&Candidate>,
        done: SimTime,
        fate: Fate,
        server: Option<(Arc<str>, usize)>,
    ) {
        let deadline = shot.time + self.loads[shot.load].spec.timeout();
        let sample = shot.seen.then(|| self.sample(shot, candidate, done.min(deadline), fate));
        let endpoint = candidate.map(|candidate| (candidate.backend.shown.clone(), candidate.pod.clone()));
        let flight = Flight {
            load: shot.load,
            count: shot.count,
            sent: shot.time,
            deadline,
            fate,
            node: candidate.and_then(|candidate| candidate.node.clone()),
            server,
            endpoint,
            sample,
            upstream: matches!(shot.plan.goal, Goal::Upstream(_)),
        };
        self.put(done, flight);
    }

    fn sample(&mut self, shot: Shot<'_>, candidate: Option<&Candidate>, done: SimTime, fate: Fate) -> u64 {
        let load = &self.loads[shot.load];
        let outside = is_outside(load, &self.view);
        let pod = candidate.and_then(|candidate| candidate.pod.clone());
        let denied = candidate.and_then(|candidate| candidate.denied.clone());
        let there = candidate.map_or(SimDuration::ZERO, |candidate| candidate.distance);
        let sample = Sample {
            id: self.next_sample,
            load: load.name.clone(),
            client_node: (!outside).then(|| shot.node.clone()),
            via: shot.plan.via.clone(),
            endpoint: candidate.map(|candidate| candidate.backend.shown.clone()),
            pod_name: pod.as_ref().map(|(_, name)| name.clone()),
            pod: pod.map(|(uid, _)| uid),
            sent: shot.time,
            reached: (shot.time + shot.plan.way + there).min(done),
            done,
            fate,
            why: denied.unwrap_or_else(|| shot.plan.why_of(fate)),
        };
        let id = sample.id;
        self.keep_sample(sample);
        id
    }
}

/// Whether a load comes from outside the cluster.
pub(super) fn is_outside(load: &Load, view: &crate::client::View) -> bool {
    match (&load.spec.from, &load.spec.target) {
        (Sender::Outside, _) => true,
        (Sender::Pod { .. } | Sender::Labels { .. }, _) => false,
        (Sender::Anywhere, Target::Pod { .. }) => false,
        (Sender::Anywhere, Target::Service { namespace, name, .. }) => {
            let namespace = namespace.as_deref().unwrap_or(&load.spec.namespace);
            let service = view.get::<Service>(namespace, name);
            service.is_some_and(|service| {
                matches!(service.spec.type_.as_deref(), Some("LoadBalancer" | "NodePort"))
            })
        }
        (Sender::Anywhere, _) => true,
    }
}

/// Who a load's clients on a node are.
fn origin(load: &Load, node: &Arc<str>, view: &crate::client::View) -> Origin {
    if is_outside(load, view) {
        return Origin { ip: WORLD.into(), ..Origin::default() };
    }
    match &load.spec.from {
        Sender::Pod { namespace, name } => {
            view.get::<Pod>(namespace, name).map(Origin::of_pod).unwrap_or_default()
        }
        Sender::Labels { namespace, labels } => inside(namespace, labels.clone(), node),
        Sender::Anywhere | Sender::Outside => {
            let namespace = match &load.spec.target {
                Target::Service { namespace: Some(namespace), .. }
                | Target::Pod { namespace: Some(namespace), .. } => namespace,
                _ => &load.spec.namespace,
            };
            inside(namespace, [("app".to_string(), "load".to_string())].into(), node)
        }
    }
}

fn inside(namespace: &str, labels: crate::api::meta::StringMap, node: &Arc<str>) -> Origin {
    Origin {
        // An address that no pod has.
        ip: "10.244.255.1".into(),
        pod: Some((namespace.into(), labels)),
        node: Some(node.clone()),
        names: Some(namespace.into()),
        searches: Vec::new(),
    }
}

/// How many of `count` fall to one of `others` equally likely places: drawn one by one where they are few, else from the
/// bell curve that many draws come to.
fn binomial(rng: &mut Rng, count: u64, others: u64) -> u64 {
    const ONE: i128 = 1 << 16;
    if count <= 32 {
        let one = u32::try_from(others).unwrap_or(u32::MAX);
        return (0..count).filter(|_| rng.below(one) == 0).count() as u64;
    }
    let (count_wide, others_wide) = (i128::from(count), i128::from(others));
    let mean = count_wide * ONE / others_wide;
    let variance = mean * ONE * (others_wide - 1) / others_wide;
    let deviation = i128::try_from(u128::try_from(variance).unwrap_or(0).isqrt()).unwrap_or(0);
    // Twelve draws from a range of one have a deviation of one about six.
    let bell: i128 = (0..12).map(|_| i128::from(rng.below(1 << 16))).sum::<i128>() - 6 * ONE;
    let drawn = (mean + bell * deviation / ONE + ONE / 2) / ONE;
    u64::try_from(drawn.clamp(0, count_wide)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out_as_their_chance_says() {
        let mut rng = Rng::new(1, "test");
        for (count, others) in [(1_000, 4), (100, 10), (20, 2), (1_000_000, 3)] {
            let sum: u64 = (0..200).map(|_| binomial(&mut rng, count, others)).sum();
            let (got, want) = (sum / 200, count / others);
            assert!(got.abs_diff(want) <= want / 10 + 1, "{got} of {count} among {others}");
        }
    }
}
