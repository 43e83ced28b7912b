//! Programs that speak with the servers of [`daemons`](crate::kubelet::daemons): `mysql`, `mysqladmin`, `redis-cli`, `psql`,
//! `pg_isready`, `xtrabackup` and `xbstream`, and what `nc` gets from whom it reaches.

use std::collections::BTreeMap;

use super::commands::Outcome;
use super::{DATE, IMAGE, Pause, Process, Program, TTY, World};
use crate::client::wire::{Request, Seen};
use crate::clock::SimDuration;
use crate::kubelet::daemons::sql::{Done, Server, Session, Wrong};
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
            let there = world
                .daemons
                .is_some_and(|daemons| daemons.borrow_mut().at(world.uid, port, world.now).is_some());
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

    /// Has a server do something.
    fn at<T>(world: World<'_>, uid: &str, port: u16, act: impl FnOnce(&mut Daemon) -> T) -> Option<T> {
        world.daemons?.borrow_mut().at(uid, port, world.now).map(act)
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
        let asked = Self::at(world, uid, port, |daemon| {
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
                Met::Server(uid) => Self::at(world, uid, port, |daemon| daemon.pod.clone()),
                Met::Not(_) => None,
            };
            if let Some(name) = source {
                Self::at(world, uid, port, |daemon| {
                    if let What::Sql(server) = &mut daemon.what
                        && let Some(source) = &mut server.source
                    {
                        source.pod.clone_from(&name);
                    }
                });
                if let Some(daemons) = world.daemons {
                    daemons.borrow_mut().replicate(&name);
                }
            }
        } else if changed && let Some(daemons) = world.daemons {
            daemons.borrow_mut().replicate(&pod);
        }
        (done, wrong, denied)
    }

    fn mysql(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        const VALUED: [&str; 14] = [
            "h",
            "u",
            "P",
            "e",
            "D",
            "host",
            "user",
            "port",
            "execute",
            "database",
            "protocol",
            "S",
            "socket",
            "connect-timeout",
        ];
        let options = Options::read(words, &VALUED);
        let host = options.get(&["h", "host"]).unwrap_or_default();
        let port = options.get(&["P", "port"]).and_then(|port| port.parse().ok()).unwrap_or(3306);
        let password = options.get(&["p", "password"]).map(str::to_string);
        if password.as_deref().is_some_and(|password| !password.is_empty()) {
            self.err.push_str(
                "mysql: [Warning] Using a password on the command line interface can be insecure.\n",
            );
        }
        let password = password.or_else(|| self.variables.get("MYSQL_PWD").cloned()).unwrap_or_default();
        let (met, took) = self.reach(host, port, world);
        let Met::Server(uid) = met else {
            let Met::Not(seen) = met else { return Outcome::Status(1) };
            self.err.push_str(&format!("ERROR {}\n", self.unreached_mysql(host, port, seen)));
            return Outcome::Took(1, took);
        };
        let database = options.get(&["D", "database"]).or(options.words.first().copied()).unwrap_or_default();
        let mut session =
            self.session(options.get(&["u", "user"]).unwrap_or("root"), database, world, host.is_empty());
        if !database.is_empty() && !self.has_database(world, &uid, port, database) {
            self.err.push_str(&format!("ERROR 1049 (42000): Unknown database '{database}'\n"));
            return Outcome::Took(1, took);
        }
        let given: Vec<&str> = options
            .all
            .iter()
            .filter(|(name, _)| ["e", "execute"].contains(name))
            .map(|(_, text)| *text)
            .collect();
        let text = self.statements(&given);
        let (done, wrong, denied) = self.query((&uid, port), &text, &password, &mut session, world);
        let boxed = options.has(&["t", "table"])
            || (self.variables.contains_key(TTY)
                && !options.has(&["B", "batch", "s", "silent", "N", "skip-column-names"]));
        let named = !options.has(&["N", "skip-column-names"]);
        for answer in done {
            let Done::Rows(rows) = answer else { continue };
            if rows.rows.is_empty() {
                continue;
            }
            self.out.push_str(&match () {
                () if text.contains("\\G") || options.has(&["E", "vertical"]) => rows.vertical(),
                () if boxed => rows.boxed(),
                () => rows.tabbed(named),
            });
        }
        let Some(wrong) = wrong else { return Outcome::Took(0, took) };
        let place = if denied { "" } else { " at line 1" };
        self.err.push_str(&format!("ERROR {} ({}){place}: {}\n", wrong.code, wrong.state, wrong.text));
        Outcome::Took(1, took)
    }

    fn has_database(&self, world: World<'_>, uid: &str, port: u16, name: &str) -> bool {
        let system = ["mysql", "sys", "information_schema", "performance_schema"].contains(&name);
        system
            || Self::at(
                world,
                uid,
                port,
                |daemon| matches!(&daemon.what, What::Sql(server) if server.databases.contains_key(name)),
            ) == Some(true)
    }

    fn mysqladmin(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let options =
            Options::read(words, &["h", "u", "P", "host", "user", "port", "connect-timeout", "protocol"]);
        let host = options.get(&["h", "host"]).unwrap_or_default();
        let port = options.get(&["P", "port"]).and_then(|port| port.parse().ok()).unwrap_or(3306);
        let (met, took) = self.reach(host, port, world);
        if let Met::Not(seen) = met {
            let shown = if host.is_empty() { "localhost" } else { host };
            let why = self.unreached_mysql(host, port, seen);
            let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why);
            self.err
                .push_str(&format!("mysqladmin: connect to server at '{shown}' failed\nerror: '{why}'\n"));
            if host.is_empty() {
                self.err.push_str("Check that mysqld is running and that the socket: '/var/run/mysqld/mysqld.sock' exists!\n");
            }
            return Outcome::Took(1, took);
        }
        match options.words.first().copied() {
            Some("ping") => self.out.push_str("mysqld is alive\n"),
            Some("status") => self.out.push_str(
                "Uptime: 60  Threads: 1  Questions: 1  Slow queries: 0  Opens: 1  Open tables: 1\n",
            ),
            Some(_) => {}
            None => return Outcome::Took(1, took),
        }
        Outcome::Took(0, took)
    }

    fn redis_cli(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let mut options = Options { all: Vec::new(), words: Vec::new() };
        let mut rest = words.iter().copied();
        // What stands behind the options belongs to the command, whatever it looks like.
        while let Some(word) = rest.next() {
            match word {
                "-h" | "-p" | "-a" | "-n" | "-u" | "--user" | "--pass" => {
                    options.all.push((word.trim_start_matches('-'), rest.next().unwrap_or_default()));
                }
                _ if options.words.is_empty() && word.starts_with('-') => {
                    options.all.push((word.trim_start_matches('-'), ""))
                }
                _ => options.words.push(word),
            }
        }
        let host = options.get(&["h"]).unwrap_or("127.0.0.1");
        let port = options.get(&["p"]).and_then(|port| port.parse().ok()).unwrap_or(6379);
        let (met, took) = self.reach(host, port, world);
        let Met::Server(uid) = met else {
            let why = if matches!(met, Met::Not(Seen::NoName | Seen::NameTimedOut)) {
                "Name or service not known"
            } else {
                "Connection refused"
            };
            self.err.push_str(&format!("Could not connect to Redis at {host}:{port}: {why}\n"));
            return Outcome::Took(1, took);
        };
        let lines: Vec<Vec<String>> = match options.words.is_empty() {
            false => vec![options.words.iter().map(|word| (*word).to_string()).collect()],
            true => self
                .statements(&[])
                .lines()
                .filter_map(shlex::split)
                .filter(|line| !line.is_empty())
                .collect(),
        };
        let tty = self.variables.contains_key(TTY) && !options.has(&["raw"]);
        let mut code = 0;
        for line in lines {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let reply = Self::at(world, &uid, port, |daemon| {
                let What::Redis(store) = &mut daemon.what else { return None };
                let (reply, changed) = store.run(&words);
                daemon.changed |= changed;
                Some(reply)
            });
            let Some(reply) = reply.flatten() else {
                self.err.push_str("Error: Protocol error, got \"\\x4a\" as reply type byte\n");
                return Outcome::Took(1, took);
            };
            code = i32::from(
                matches!(reply, crate::kubelet::daemons::redis::Reply::Error(_)) && options.has(&["e"]),
            );
            self.out.push_str(&reply.shown(tty));
            self.out.push('\n');
        }
        Outcome::Took(code, took)
    }

    fn psql(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        const VALUED: [&str; 12] =
            ["h", "p", "U", "d", "c", "host", "port", "username", "dbname", "command", "v", "f"];
        let options = Options::read(words, &VALUED);
        let host = options.get(&["h", "host"]).unwrap_or_default();
        let port = options.get(&["p", "port"]).and_then(|port| port.parse().ok()).unwrap_or(5432);
        let (met, took) = self.reach(host, port, world);
        let server = match host {
            "" => "connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed".to_string(),
            host => format!("connection to server at \"{host}\", port {port} failed"),
        };
        let Met::Server(uid) = met else {
            let Met::Not(seen) = met else { return Outcome::Status(2) };
            self.err.push_str(&match seen {
                Seen::NoName | Seen::NameTimedOut => {
                    format!("psql: error: could not translate host name \"{host}\" to address: Name or service not known\n")
                }
                Seen::TimedOut => format!("psql: error: {server}: Connection timed out\n"),
                _ => format!(
                    "psql: error: {server}: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n"
                ),
            });
            return Outcome::Took(2, took);
        };
        let own = |name: &str| self.variables.get(name).cloned();
        let user = options
            .get(&["U", "username"])
            .map(str::to_string)
            .or_else(|| own("PGUSER"))
            .unwrap_or_else(|| "root".into());
        let named = options.get(&["d", "dbname"]).or(options.words.first().copied()).map(str::to_string);
        let database = named.or_else(|| own("PGDATABASE")).unwrap_or_else(|| user.clone());
        // Whoever comes over the socket is trusted.
        let trusted = host.is_empty() || host == "localhost" || host.starts_with("127.");
        let password = own("PGPASSWORD");
        let known = Self::at(world, &uid, port, |daemon| match &daemon.what {
            What::Sql(server) => {
                server.settings.users.iter().find(|(name, _)| *name == user).map(|(_, own)| own.clone())
            }
            _ => None,
        });
        let refused = match (known.flatten(), trusted, password) {
            (None, ..) => Some(format!("FATAL:  role \"{user}\" does not exist")),
            (Some(own), false, Some(given)) if !own.is_empty() && own != given => {
                Some(format!("FATAL:  password authentication failed for user \"{user}\""))
            }
            (Some(own), false, None) if !own.is_empty() => Some("fe_sendauth: no password supplied".into()),
            _ if !self.has_database(world, &uid, port, &database) => {
                Some(format!("FATAL:  database \"{database}\" does not exist"))
            }
            _ => None,
        };
        if let Some(why) = refused {
            self.err.push_str(&format!("psql: error: {server}: {why}\n"));
            return Outcome::Took(2, took);
        }
        let given: Vec<&str> = options
            .all
            .iter()
            .filter(|(name, _)| ["c", "command"].contains(name))
            .map(|(_, text)| *text)
            .collect();
        let text = self.statements(&given);
        let mut session = self.session(&user, &database, world, trusted);
        let secret = Self::at(world, &uid, port, |daemon| match &daemon.what {
            What::Sql(server) => {
                server.settings.users.iter().find(|(name, _)| *name == user).map(|(_, own)| own.clone())
            }
            _ => None,
        });
        let (done, wrong, _) =
            self.query((&uid, port), &text, &secret.flatten().unwrap_or_default(), &mut session, world);
        for answer in done {
            self.out.push_str(&match answer {
                Done::Rows(rows) if options.has(&["t", "tuples-only"]) => {
                    rows.tabbed(false).replace('\t', "|")
                }
                Done::Rows(rows) => rows.aligned(),
                Done::Did(what) => format!("{what}\n"),
            });
        }
        let Some(wrong) = wrong else { return Outcome::Took(0, took) };
        self.err.push_str(&format!("ERROR:  {}\n", wrong.text));
        Outcome::Took(1, took)
    }

    fn pg_isready(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let options =
            Options::read(words, &["h", "p", "U", "d", "t", "host", "port", "username", "dbname", "timeout"]);
        let host = options.get(&["h", "host"]).unwrap_or_default();
        let port = options.get(&["p", "port"]).and_then(|port| port.parse().ok()).unwrap_or(5432);
        let (met, took) = self.reach(host, port, world);
        let shown = if host.is_empty() { "/var/run/postgresql" } else { host };
        let (said, code) = match met {
            Met::Server(_) => ("accepting connections", 0),
            Met::Not(_) => ("no response", 2),
        };
        if !options.has(&["q", "quiet"]) {
            self.out.push_str(&format!("{shown}:{port} - {said}\n"));
        }
        Outcome::Took(code, took)
    }

    /// Why `mysql` did not come through.
    fn unreached_mysql(&self, host: &str, port: u16, seen: Seen) -> String {
        // Before version 8 it says no port.
        let old = self.variables.get(IMAGE).is_some_and(|image| image.contains(":5"));
        let place = if old { host.to_string() } else { format!("{host}:{port}") };
        match (host, seen) {
            ("", _) => {
                "2002 (HY000): Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)".into()
            }
            (_, Seen::NoName | Seen::NameTimedOut) => format!("2005 (HY000): Unknown MySQL server host '{host}' (-2)"),
            (_, Seen::TimedOut) => format!("2003 (HY000): Can't connect to MySQL server on '{place}' (110)"),
            _ => format!("2003 (HY000): Can't connect to MySQL server on '{place}' (111)"),
        }
    }

    /// `xtrabackup --backup` prints all that the server of its pod holds; `--prepare` makes it usable.
    fn xtrabackup(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let options = Options::read(words, &[]);
        if options.has(&["prepare"]) {
            self.err.push_str("completed OK!\n");
            return Outcome::Took(0, SimDuration::from_millis(300));
        }
        let files = Self::at(world, world.uid, 3306, |daemon| match &daemon.what {
            What::Sql(server) => Some(backup(server, options.has(&["slave-info"]))),
            _ => None,
        });
        let Some(files) = files.flatten() else {
            self.err.push_str("xtrabackup: Failed to connect to MySQL server: Can't connect to MySQL server on '127.0.0.1' (111)\n");
            return Outcome::Status(1);
        };
        self.out.push_str(&serde_json::Value::from_iter(files).to_string());
        self.err.push_str("completed OK!\n");
        Outcome::Took(0, SimDuration::from_millis(300))
    }

    /// `xbstream -x -C directory`: puts a backup's files there.
    fn xbstream(&mut self, words: &[&str]) -> Outcome {
        let options = Options::read(words, &["C", "directory", "p", "parallel"]);
        let directory = options.get(&["C", "directory"]).unwrap_or(".");
        let text = self.input.last_mut().map(std::mem::take).unwrap_or_default();
        let files: BTreeMap<String, String> = match serde_json::from_str(text.trim()) {
            Ok(files) => files,
            Err(_) => {
                self.err.push_str("xbstream: wrong chunk magic at offset 0x0.\n");
                return Outcome::Status(1);
            }
        };
        let mut code = 0;
        for (path, text) in files {
            let path = format!("{directory}/{path}");
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let done =
                self.files.make_directory(parent, true).and_then(|()| self.files.write(&path, &text, false));
            if let Err(trouble) = done {
                self.err.push_str(&format!("xbstream: Can't create/write to file '{path}': {}\n", trouble.0));
                code = 1;
            }
        }
        Outcome::Took(code, SimDuration::from_millis(200))
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
        if let Some(daemons) = world.daemons.filter(|_| !command.is_empty()) {
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
            daemons.borrow_mut().add(world.uid, daemon);
        }
        Outcome::Serves
    }

    /// What a command that listens prints for whoever has reached it; nothing where it is no command.
    pub(super) fn served(&mut self, uid: &str, port: u16, world: World<'_>) -> Option<String> {
        let command = Self::at(world, uid, port, |daemon| match &daemon.what {
            What::Command(command) => Some(command.clone()),
            _ => None,
        })??;
        let program = Program::of_command(&["sh".into(), "-c".into(), command])?;
        let mut process = Process::new(program, self.variables.clone());
        process.variables.remove(IMAGE);
        process.nested = self.nested + 1;
        if process.nested > super::NESTED_MAX {
            return None;
        }
        let there = World { uid, ..world };
        for _ in 0..super::NESTED_MAX {
            if !matches!(process.resume(there), Pause::Sleeps(_)) {
                break;
            }
        }
        Some(process.take_said())
    }
}

/// What a backup of a server consists of.
fn backup(server: &Server, with_source: bool) -> Vec<(String, String)> {
    let mut files = server.files();
    files.retain(|(path, _)| !["auto.cnf", "master.info"].contains(&path.as_str()));
    if let Some(source) = server.source.as_ref().filter(|_| with_source) {
        let text = format!(
            "CHANGE MASTER TO MASTER_LOG_FILE='{}', MASTER_LOG_POS={};\n",
            source.file, source.position
        );
        files.push(("xtrabackup_slave_info".into(), text));
    }
    if server.settings.logs {
        files
            .push(("xtrabackup_binlog_info".into(), format!("{}\t{}\n", server.log_file(), server.position)));
    }
    files
}
