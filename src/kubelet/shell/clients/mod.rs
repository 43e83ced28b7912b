//! Programs that speak with the servers of [`daemons`](crate::kubelet::daemons): `mysql`, `mysqladmin`, `redis-cli`, `psql`,
//! `pg_isready`, `xtrabackup` and `xbstream`, and what `nc` gets from whom it reaches.

mod mysql;
mod postgres;
mod redis;

use super::commands::Outcome;
use super::{DATE, IMAGE, Pause, Process, Program, World, expand};
use crate::client::wire::{Request, Seen};
use crate::clock::SimDuration;
use crate::kubelet::daemons::sql::{Done, Session, Wrong};
use crate::kubelet::daemons::{Daemon, What};

/// Those programs.
pub const PROGRAMS: &[&str] = &[
    "mysql",
    "mariadb",
    "mysqladmin",
    "mariadb-admin",
    "redis-cli",
    "psql",
    "pg_isready",
    "xtrabackup",
    "xbstream",
    "ncat",
];

/// What a client needs to come up, ask and go down again.
const CLIENT: SimDuration = SimDuration::from_millis(5);

/// A client that is not answered gives up when the system does.
const PATIENCE: SimDuration = SimDuration::from_secs(127);

/// Whether it is known that an image does not have one of those programs.
pub fn is_missing(image: &str, program: &str) -> bool {
    const BARE: [&str; 8] = ["busybox", "alpine", "nginx", "httpd", "debian", "ubuntu", "redis", "memcached"];
    let at_home: &[&str] = match program {
        "redis-cli" => &["redis"],
        "psql" | "pg_isready" => &["postgres"],
        _ => &["mysql", "mariadb", "xtrabackup"],
    };
    let base = crate::kubelet::image::ImageName::parse(image);
    let other = ["mysql", "mariadb", "postgres"].contains(&base.base());
    PROGRAMS.contains(&program)
        && (BARE.contains(&base.base()) || other)
        && !at_home.iter().any(|home| base.base().contains(home))
        && !(program == "ncat" && base.base() == "alpine")
}

/// The options of a client, by their letters and names.
struct Options<'a> {
    all: Vec<(&'a str, &'a str)>,
    words: Vec<&'a str>,
}

impl<'a> Options<'a> {
    /// `valued`: the options that take a value, as `h host`.
    fn read(words: &[&'a str], valued: &[&str]) -> Options<'a> {
        let mut read = Options { all: Vec::new(), words: Vec::new() };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
                match long.split_once('=') {
                    Some(pair) => read.all.push(pair),
                    None if valued.contains(&long) => read.all.push((long, words.next().unwrap_or_default())),
                    None => read.all.push((long, "")),
                }
                continue;
            }
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                read.words.push(word);
                continue;
            };
            for (at, letter) in letters.char_indices() {
                let name = &letters[at..at + letter.len_utf8()];
                let own = &letters[at + letter.len_utf8()..];
                if name == "p" && !valued.contains(&"p") {
                    // The password sticks to its letter or is asked for.
                    read.all.push((name, own));
                    break;
                }
                if valued.contains(&name) {
                    read.all
                        .push((name, if own.is_empty() { words.next().unwrap_or_default() } else { own }));
                    break;
                }
                read.all.push((name, ""));
            }
        }
        read
    }

    fn get(&self, names: &[&str]) -> Option<&'a str> {
        self.all.iter().rev().find(|(name, _)| names.contains(name)).map(|(_, value)| *value)
    }

    fn has(&self, names: &[&str]) -> bool {
        self.get(names).is_some()
    }
}

/// Where a client has come.
enum Met {
    /// To the server at that port of the pod.
    Server(String),
    /// Nowhere.
    Not(Seen),
}

impl Process {
    /// Runs one of the programs.
    pub(super) fn client(&mut self, name: &str, words: &[&str], world: World<'_>) -> Outcome {
        if is_missing(self.variables.get(IMAGE).map_or("", String::as_str), name) {
            self.err.push_str(&format!("sh: {name}: not found\n"));
            return Outcome::Status(127);
        }
        match name {
            "mysql" | "mariadb" => self.mysql(words, world),
            "mysqladmin" | "mariadb-admin" => self.mysqladmin(words, world),
            "redis-cli" => self.redis_cli(words, world),
            "psql" => self.psql(words, world),
            "pg_isready" => self.pg_isready(words, world),
            "xtrabackup" => self.xtrabackup(words, world),
            "xbstream" => self.xbstream(words),
            _ => self.netcat(name, words, world),
        }
    }

    /// Goes to a port of a host, over the network unless it is this pod's own.
    fn reach(&mut self, host: &str, port: u16, world: World<'_>) -> (Met, SimDuration) {
        let local = host.is_empty() || host == "localhost" || host.starts_with("127.");
        if local {
            let there = self.daemons.at(world.uid, port, world.now).is_some();
            return (if there { Met::Server(world.uid.into()) } else { Met::Not(Seen::Refused) }, CLIENT);
        }
        let Some(net) = world.net else { return (Met::Not(Seen::NoName), CLIENT) };
        self.nonce += 1;
        let reply = net.wire.request(&Request {
            from: net.pod,
            host,
            port,
            path: "/",
            header: None,
            timeout: PATIENCE,
            now: net.now + self.ahead,
            nonce: self.nonce,
        });
        let met = match (reply.sample.fate.seen(), &reply.sample.pod) {
            (Seen::Status(_), Some(uid)) => Met::Server(uid.to_string()),
            (seen, _) => Met::Not(seen),
        };
        let took = reply.took + CLIENT;
        self.asked.push(reply.sample);
        (met, took)
    }

    fn session(&self, user: &str, database: &str, world: World<'_>, local: bool) -> Session {
        let address = world.net.and_then(|net| net.pod.status.pod_ip.clone()).unwrap_or_default();
        let now = self.variables.get(DATE).map_or("", String::as_str).trim_end_matches(" UTC");
        Session {
            database: database.into(),
            user: user.into(),
            from: if local { "localhost".into() } else { address },
            now: now.into(),
        }
    }

    /// The statements of a client: those it is given, or what there is to read.
    fn statements(&mut self, given: &[&str]) -> String {
        match given {
            [] => self.input.last_mut().map(std::mem::take).unwrap_or_default(),
            given => given.join(";"),
        }
    }

    /// Runs statements on a server, and has it follow another where they say so.
    fn query(
        &mut self,
        (uid, port): (&str, u16),
        text: &str,
        password: &str,
        session: &mut Session,
        world: World<'_>,
    ) -> (Vec<Done>, Option<Wrong>, bool) {
        let asked = self.daemons.at(uid, port, world.now).map(|daemon| {
            let What::Sql(server) = &mut daemon.what else { return None };
            if let Err(wrong) = server.admit(&session.user, password, &session.from) {
                return Some((Vec::new(), Some(wrong), false, None, true, daemon.pod.clone()));
            }
            let (done, wrong, changed, follows) = server.run(text, session);
            daemon.changed |= changed;
            Some((done, wrong, changed, follows, false, daemon.pod.clone()))
        });
        let Some((done, wrong, changed, follows, denied, pod)) = asked.flatten() else {
            return (
                Vec::new(),
                Some(Wrong { code: 2013, state: "HY000", text: "Lost connection to MySQL server".into() }),
                true,
            );
        };
        if let Some(host) = follows {
            let (met, _) = self.reach(&host, port, world);
            let source = match &met {
                Met::Server(uid) => self.daemons.at(uid, port, world.now).map(|daemon| daemon.pod.clone()),
                Met::Not(_) => None,
            };
            if let Some(name) = source {
                if let Some(daemon) = self.daemons.at(uid, port, world.now)
                    && let What::Sql(server) = &mut daemon.what
                    && let Some(source) = &mut server.source
                {
                    source.pod.clone_from(&name);
                }
                self.daemons.replicate(&name);
            }
        } else if changed {
            self.daemons.replicate(&pod);
        }
        (done, wrong, denied)
    }

    /// `nc` and `ncat`: listens, or gets what whoever listens has for it.
    pub(super) fn netcat(&mut self, name: &str, words: &[&str], world: World<'_>) -> Outcome {
        const VALUED: [&str; 12] =
            ["w", "p", "s", "i", "c", "e", "sh-exec", "exec", "max-conns", "m", "wait", "source-port"];
        let options = Options::read(words, &VALUED);
        if !options.has(&["l", "listen"]) {
            return self.ask(if name == "ncat" { "nc" } else { name }, words, world);
        }
        let port = options
            .get(&["p"])
            .or_else(|| options.words.iter().rev().find(|word| word.parse::<u16>().is_ok()).copied());
        let command = options.get(&["c", "e", "sh-exec", "exec"]).unwrap_or_default();
        let port = port.and_then(|port| port.parse().ok()).unwrap_or(31337);
        if !command.is_empty() {
            let (container, run) = world.container;
            let daemon = Daemon {
                pod: String::new(),
                container: container.into(),
                run,
                port,
                from: world.now,
                what: What::Command(command.into()),
                changed: false,
            };
            self.daemons.add(world.uid, daemon);
        }
        Outcome::Serves
    }

    /// What a command that listens prints for whoever has reached it; nothing where it is no command.
    pub(super) fn served(&mut self, uid: &str, port: u16, world: World<'_>) -> Option<String> {
        let command = self.daemons.at(uid, port, world.now).map(|daemon| match &daemon.what {
            What::Command(command) => Some(command.clone()),
            _ => None,
        })??;
        let program = Program::of_command(&["sh".into(), "-c".into(), command])?;
        let mut process = Process::new(program, self.variables.clone());
        process.variables.remove(IMAGE);
        process.nested = self.nested + 1;
        if process.nested > expand::NESTED_MAX {
            return None;
        }
        process.daemons = std::mem::take(&mut self.daemons);
        let there = World { uid, ..world };
        for _ in 0..expand::NESTED_MAX {
            let Pause::Sleeps(span) = process.resume(there) else { break };
            process.ahead = process.ahead + span;
        }
        self.daemons = std::mem::take(&mut process.daemons);
        Some(process.take_said())
    }
}
