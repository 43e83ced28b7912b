//! `mysql`, `mysqladmin`, and `xtrabackup` and `xbstream`, which carry what a server holds to another.

use std::collections::BTreeMap;

use super::super::commands::Outcome;
use super::super::{IMAGE, Process, TTY, World};
use super::{Met, Options};
use crate::client::wire::Seen;
use crate::clock::SimDuration;
use crate::kubelet::daemons::sql::{Done, Server};
use crate::kubelet::daemons::{Daemon, What};

impl Process {
    pub(super) fn mysql(&mut self, words: &[&str], world: World<'_>) -> Outcome {
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

    pub(super) fn has_database(&mut self, world: World<'_>, uid: &str, port: u16, name: &str) -> bool {
        let system = ["mysql", "sys", "information_schema", "performance_schema"].contains(&name);
        let has = |daemon: &mut Daemon| matches!(&daemon.what, What::Sql(server) if server.databases.contains_key(name));
        system || self.daemons.at(uid, port, world.now).is_some_and(has)
    }

    pub(super) fn mysqladmin(&mut self, words: &[&str], world: World<'_>) -> Outcome {
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

    /// Why `mysql` did not come through.
    pub(super) fn unreached_mysql(&self, host: &str, port: u16, seen: Seen) -> String {
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
    pub(super) fn xtrabackup(&mut self, words: &[&str], world: World<'_>) -> Outcome {
        let options = Options::read(words, &[]);
        if options.has(&["prepare"]) {
            self.err.push_str("completed OK!\n");
            return Outcome::Took(0, SimDuration::from_millis(300));
        }
        let files = self.daemons.at(world.uid, 3306, world.now).map(|daemon| match &daemon.what {
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
    pub(super) fn xbstream(&mut self, words: &[&str]) -> Outcome {
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
