//! What runs behind a pod's address: which ports it listens on, how long it takes to answer, how many requests it holds at
//! once, and how much CPU they cost. Annotations on the pod say so, under `kubeviz.dev/` for all its containers, or under
//! `kubeviz.dev/<container>.<name>` for one:
//!
//! | name | value | meaning |
//! |---|---|---|
//! | `service-time` | `20ms`, `5ms-40ms`, `~20ms` | how long an answer takes: always, between, or on average (exponential) |
//! | `cpu-per-request` | `5ms` | CPU time that an answer costs |
//! | `concurrency` | count | requests answered at the same time |
//! | `queue` | count | requests that wait for that; more are turned away with 503 |
//! | `error-rate` | `2%`, `0.5%` | answers that are errors (500) |
//! | `listen` | `8080,9090` | the ports it listens on, whatever it declares |
//!
//! Requests are not scheduled one against another: a server keeps how much work it has taken on, and a request waits for
//! its share of it. A CPU limit is such a store of work, too, with a tenth of a second of slack, as the kernel's quota has.

use std::sync::Arc;

use crate::api::k8s::Container;
use crate::api::{MetaExt, Pod, quantity};
use crate::client::ports;
use crate::client::site::Site;
use crate::client::wire::{Fate, Socket};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;

const PREFIX: &str = "kubeviz.dev/";

/// A container with a CPU limit may use what it gets for this long at once.
const CPU_PERIOD: SimDuration = SimDuration::from_millis(100);

/// CPU use is measured over so many seconds.
const WINDOW_SECS: usize = 15;

/// What an image without annotations is taken to be.
struct Known {
    image: &'static str,
    /// The shortest and the longest answer, and its CPU time, in microseconds.
    answer_us: (u64, u64),
    cpu_us: u64,
}

const fn known(image: &'static str, answer_us: (u64, u64), cpu_us: u64) -> Known {
    Known { image, answer_us, cpu_us }
}

/// Images by the last part of their name.
const IMAGES: &[Known] = &[
    known("nginx", (300, 1_500), 200),
    known("nginx-slim", (300, 1_500), 200),
    known("nginx-unprivileged", (300, 1_500), 200),
    known("httpd", (400, 2_000), 300),
    known("whoami", (300, 1_500), 200),
    known("hpa-example", (40_000, 60_000), 40_000),
    known("http-echo", (200, 1_000), 100),
    known("echoserver", (300, 1_500), 200),
    known("agnhost", (300, 1_500), 200),
    known("hello-app", (300, 1_500), 200),
    known("tomcat", (2_000, 8_000), 2_000),
    known("redis", (100, 300), 50),
    known("memcached", (100, 300), 50),
    known("mysql", (1_000, 5_000), 800),
    known("mariadb", (1_000, 5_000), 800),
    known("postgres", (1_000, 5_000), 800),
    known("mongo", (1_000, 5_000), 800),
    known("rabbitmq", (500, 2_000), 300),
];

/// Any other image.
const OTHER: Known = known("", (2_000, 8_000), 1_000);

/// How long an answer takes, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTime {
    /// Anything from the one to the other.
    Between(u64, u64),
    /// On average, most of them shorter.
    Around(u64),
}

impl ServiceTime {
    /// Reads `20ms`, `5ms-40ms`, `~20ms`.
    pub fn parse(text: &str) -> Option<ServiceTime> {
        let micros = |text: &str| SimDuration::parse(text.trim()).map(|span| span.0);
        if let Some(mean) = text.trim().strip_prefix('~') {
            return micros(mean).map(ServiceTime::Around);
        }
        match text.split_once('-') {
            Some((low, high)) => Some(ServiceTime::Between(micros(low)?, micros(high)?)),
            None => micros(text).map(|span| ServiceTime::Between(span, span)),
        }
    }

    fn mean(self) -> u64 {
        match self {
            ServiceTime::Between(low, high) => low.midpoint(high),
            ServiceTime::Around(mean) => mean,
        }
    }

    fn draw(self, rng: &mut Rng) -> u64 {
        match self {
            ServiceTime::Between(low, high) if high > low => {
                let width = u32::try_from(high - low).unwrap_or(u32::MAX);
                low + u64::from(rng.below(width.saturating_add(1)))
            }
            ServiceTime::Between(low, _) => low,
            ServiceTime::Around(mean) => {
                // The logarithm of a number that is as likely to be any, to the base of two: the place of its first bit,
                // and the rest of it as a fraction.
                let bits = (rng.bits() >> 32) as u32 | 1;
                let zeros = u64::from(bits.leading_zeros());
                let fraction = u64::from(bits << (zeros as u32 + 1).min(31)) >> 16;
                let log2 = (zeros << 16) + 0x1_0000 - fraction;
                // ln 2 is 0.693.
                (mean.saturating_mul(log2) >> 16).saturating_mul(693) / 1_000
            }
        }
    }
}

/// How a container serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its ports; `None`: whichever it is asked at.
    pub ports: Option<Vec<u16>>,
    /// How long an answer takes.
    pub time: ServiceTime,
    /// CPU time of an answer, in microseconds.
    pub cpu_us: u64,
    /// Answers at the same time.
    pub concurrency: u64,
    /// Requests that may wait.
    pub queue: u64,
    /// Errors among ten thousand answers.
    pub errors: u32,
    /// What it may use, in thousandths of a CPU.
    pub cpu_limit: u64,
}

impl Model {
    /// What is known of a container of a pod on a node with that much CPU, in thousandths.
    pub fn of(pod: &Pod, container: &Container, node_cpu: u64) -> Model {
        let own = format!("{PREFIX}{}.", container.name);
        let get = |name: &str| {
            pod.annotation(&format!("{own}{name}")).or_else(|| pod.annotation(&format!("{PREFIX}{name}")))
        };
        let image = ports::base_name(container.image.as_deref().unwrap_or_default());
        let image = IMAGES.iter().find(|known| known.image == image).unwrap_or(&OTHER);
        let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let limit = limits.and_then(|limits| limits.get("cpu")).map(quantity::milli);
        let micros = |name: &str| SimDuration::parse(get(name)?.trim()).map(|span| span.0);
        let count =
            |name: &str, other: u64| get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(other);
        let time = get("service-time").and_then(ServiceTime::parse);
        Model {
            ports: ports::listening(pod, container),
            time: time.unwrap_or(ServiceTime::Between(image.answer_us.0, image.answer_us.1)),
            cpu_us: micros("cpu-per-request").unwrap_or(image.cpu_us),
            concurrency: count("concurrency", 100).max(1),
            queue: count("queue", 500),
            errors: get("error-rate").and_then(per_ten_thousand).unwrap_or(0),
            cpu_limit: limit
                .and_then(|milli| u64::try_from(milli).ok())
                .filter(|milli| *milli > 0)
                .unwrap_or(node_cpu),
        }
    }
}

/// `0.5%` is 50.
fn per_ten_thousand(text: &str) -> Option<u32> {
    let text = text.trim().trim_end_matches('%').trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("00".chars()).take(2).collect();
    let number = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(digits.parse().ok()?)?;
    Some(number.min(10_000))
}

/// One container's process and the work it has taken on.
#[derive(Clone, Debug)]
pub struct Process {
    /// The container's name.
    pub name: Arc<str>,
    /// How it serves.
    pub model: Model,
    /// What it does with connections.
    pub socket: Socket,
    /// Its pages, if that is what it serves, as its image brings them,
    pub image_site: Option<Arc<Site>>,
    /// and as they are, once they may be others.
    pub own_site: Option<Arc<Site>>,
    /// When all the requests it has taken would be answered.
    busy_until: SimTime,
    /// When the CPU they cost would have been had.
    cpu_until: SimTime,
    /// The CPU that all its requests have cost or will, in microseconds.
    cpu_added: u64,
    /// What it had used at the end of each of the last seconds.
    used: Vec<(SimTime, u64)>,
}

/// What becomes of requests that reach a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// What.
    pub fate: Fate,
    /// When.
    pub at: SimTime,
}

impl Process {
    /// A process that has done nothing yet.
    pub fn new(name: &str, model: Model, socket: Socket) -> Process {
        Process {
            name: name.into(),
            model,
            socket,
            image_site: None,
            own_site: None,
            busy_until: SimTime::ZERO,
            cpu_until: SimTime::ZERO,
            cpu_added: 0,
            used: Vec::new(),
        }
    }

    /// The pages that it serves.
    pub fn site(&self) -> Option<&Site> {
        self.own_site.as_deref().or(self.image_site.as_deref())
    }

    /// Whether it listens at a port: `open` also for what an open connection brings.
    pub fn listens(&self, port: u16, now: SimTime) -> bool {
        self.is_up(now)
            && self.socket.until.is_none_or(|until| now < until)
            && self.model.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether it runs and serves, be it on its way out.
    pub fn is_up(&self, now: SimTime) -> bool {
        self.socket.from.is_some_and(|from| from <= now)
    }

    /// Another run begins: the work of the one before is gone.
    pub fn restart(&mut self, now: SimTime) {
        self.cpu_added = self.used_at(now);
        self.busy_until = now;
        self.cpu_until = now;
    }

    /// Looks at what a request that comes now would meet, and how long it would take, without taking it.
    pub fn weigh(&self, now: SimTime, rng: &mut Rng) -> Served {
        let model = &self.model;
        if self.socket.is_sick(now) {
            return Served { fate: Fate::ServerError, at: now + SimDuration(500) };
        }
        let work = model.time.draw(rng).max(model.cpu_us);
        let throttled = self.cpu_until.since(now + CPU_PERIOD).0;
        let ahead = self.busy_until.since(now).0.saturating_mul(model.concurrency);
        let mean = model.time.mean().max(model.cpu_us).max(1) + throttled;
        if ahead / mean >= model.concurrency + model.queue {
            return Served { fate: Fate::Overloaded, at: now + SimDuration(500) };
        }
        let wait = ahead.saturating_sub((model.concurrency - 1).saturating_mul(mean)) / model.concurrency;
        let fate = if rng.below(10_000) < model.errors { Fate::ServerError } else { Fate::Answered };
        Served { fate, at: now + SimDuration(wait + throttled + work) }
    }

    /// Takes `count` requests.
    pub fn take(&mut self, now: SimTime, count: u64, rng: &mut Rng) -> Served {
        let served = self.weigh(now, rng);
        if served.fate == Fate::Overloaded || self.socket.is_sick(now) {
            return served;
        }
        let model = &self.model;
        let throttled = self.cpu_until.since(now + CPU_PERIOD).0;
        let each = model.time.mean().max(model.cpu_us) + throttled;
        let busy = each.saturating_mul(count) / model.concurrency;
        self.busy_until = self.busy_until.max(now) + SimDuration(busy);
        let cpu = model.cpu_us.saturating_mul(count);
        self.cpu_added = self.cpu_added.saturating_add(cpu);
        self.cpu_until =
            self.cpu_until.max(now) + SimDuration(cpu.saturating_mul(1_000) / model.cpu_limit.max(1));
        served
    }

    /// The CPU it has used by now, in microseconds: what its requests cost, less what it has not got round to.
    fn used_at(&self, now: SimTime) -> u64 {
        let owed = self.cpu_until.since(now).0.saturating_mul(self.model.cpu_limit) / 1_000;
        self.cpu_added.saturating_sub(owed)
    }

    /// Takes note of what it has used, once a second.
    pub fn measure(&mut self, now: SimTime) {
        if self.cpu_added > 0 {
            self.used.push((now, self.used_at(now)));
            let excess = self.used.len().saturating_sub(WINDOW_SECS + 1);
            self.used.drain(..excess);
        }
    }

    /// The CPU it uses, in thousandths, over the last seconds; `None` for one that has never had a request.
    pub fn cpu(&self) -> Option<i64> {
        let (first, last) = (self.used.first()?, self.used.last()?);
        let micros = last.0.since(first.0).0.max(1_000_000);
        let used = last.1.saturating_sub(if self.used.len() > 1 { first.1 } else { 0 });
        i64::try_from(used.saturating_mul(1_000) / micros).ok()
    }

    /// Requests that it has taken and not answered, roughly.
    pub fn backlog(&self, now: SimTime) -> u64 {
        let mean = self.model.time.mean().max(self.model.cpu_us).max(1);
        self.busy_until.since(now).0.saturating_mul(self.model.concurrency) / mean
    }
}

/// A pod as the network knows it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its uid.
    pub uid: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its address.
    pub ip: Arc<str>,
    /// Its node.
    pub node: Arc<str>,
    /// Its processes, init containers first.
    pub processes: Vec<Process>,
}

impl Server {
    /// From when on it takes no connections, if that is so or known.
    pub fn closes(&self, now: SimTime) -> Option<SimTime> {
        let mut open = self.processes.iter().filter(|process| process.socket.from.is_some());
        open.try_fold(now, |latest, process| Some(latest.max(process.socket.until?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ObjectMeta, PodSpec};

    fn model(annotations: &[(&str, &str)], container: Container) -> Model {
        let annotations =
            annotations.iter().map(|(k, v)| (format!("{PREFIX}{k}"), (*v).to_string())).collect();
        let meta = ObjectMeta { annotations: Some(annotations), ..Default::default() };
        Model::of(&Pod::new(meta, PodSpec::default()), &container, 4_000)
    }

    fn image(image: &str) -> Container {
        Container { name: "app".into(), image: Some(image.into()), ..Default::default() }
    }

    fn process(annotations: &[(&str, &str)]) -> Process {
        let socket = Socket { from: Some(SimTime::ZERO), ..Default::default() };
        Process::new("app", model(annotations, image("app:1")), socket)
    }

    #[test]
    fn rates_and_times_are_read() {
        assert_eq!(
            ["2%", "0.5%", "100%", "0.25", "x"].map(per_ten_thousand),
            [Some(200), Some(50), Some(10_000), Some(25), None]
        );
        assert_eq!(ServiceTime::parse("5ms-40ms"), Some(ServiceTime::Between(5_000, 40_000)));
        assert_eq!(ServiceTime::parse("~20ms"), Some(ServiceTime::Around(20_000)));
        assert_eq!(ServiceTime::parse("soon"), None);
    }

    #[test]
    fn the_average_of_an_exponential_time_is_what_was_asked_for() {
        let mut rng = Rng::new(1, "test");
        let sum: u64 = (0..10_000).map(|_| ServiceTime::Around(20_000).draw(&mut rng)).sum();
        assert!((19_000..=21_500).contains(&(sum / 10_000)), "{}", sum / 10_000);
    }

    #[test]
    fn requests_wait_for_those_before_them_and_are_turned_away_when_too_many_wait() {
        let mut rng = Rng::new(1, "test");
        let mut process = process(&[
            ("service-time", "10ms"),
            ("concurrency", "1"),
            ("queue", "2"),
            ("cpu-per-request", "1ms"),
        ]);
        let mut at = |now: u64| process.take(SimTime(now), 1, &mut rng);
        assert_eq!(at(0), Served { fate: Fate::Answered, at: SimTime(10_000) });
        assert_eq!(at(0), Served { fate: Fate::Answered, at: SimTime(20_000) });
        assert_eq!(at(5_000), Served { fate: Fate::Answered, at: SimTime(30_000) });
        assert_eq!(at(0).fate, Fate::Overloaded);
        assert_eq!(at(100_000), Served { fate: Fate::Answered, at: SimTime(110_000) });
    }

    #[test]
    fn a_cpu_limit_holds_use_down_and_makes_requests_wait() {
        let mut rng = Rng::new(1, "test");
        let limits = [("cpu".to_string(), crate::api::k8s::Quantity("200m".into()))].into();
        let resources = crate::api::k8s::ResourceRequirements { limits: Some(limits), ..Default::default() };
        let container = Container { resources: Some(resources), ..image("app") };
        let model =
            model(&[("cpu-per-request", "10ms"), ("service-time", "10ms"), ("queue", "10000")], container);
        let mut process =
            Process::new("app", model, Socket { from: Some(SimTime::ZERO), ..Default::default() });
        let mut last = SimTime::ZERO;
        for second in 0..20 {
            process.measure(SimTime::from_secs(second));
            for request in 0..40 {
                let now = SimTime::from_secs(second) + SimDuration::from_millis(request * 25);
                last = process.take(now, 1, &mut rng).at;
            }
        }
        process.measure(SimTime::from_secs(20));
        assert_eq!(process.cpu(), Some(200), "forty a second ask for 400m");
        assert!(last > SimTime::from_secs(25), "{last}");
    }
}
