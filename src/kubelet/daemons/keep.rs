//! Brings the servers into line with the containers: one begins when its container runs, is gone with it, and puts what it holds
//! into its directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sql::{Server, Settings};
use super::{Daemon, Daemons, Program, What, redis};
use crate::api::MetaExt;
use crate::client::View;
use crate::clock::SimTime;
use crate::kubelet::Kubelets;
use crate::kubelet::agent::Turn;
use crate::kubelet::files::Files;
use crate::kubelet::image::ImageName;
use crate::kubelet::inside::Ground;
use crate::kubelet::pod_worker::PodWorker;

impl PodWorker {
    /// Begins the servers of containers that run, and drops those of containers that do not.
    pub(in crate::kubelet) fn keep_daemons(&mut self, turn: &mut Turn<'_>) {
        for at in 0..self.runs.len() {
            let run = &self.runs[at];
            let Some(program) = run.behaviour.daemon.filter(|_| run.is_running()) else { continue };
            let (name, number) = (&self.container(at).name, run.restarts);
            let begun = |daemon: &Arc<Daemon>| *daemon.container == **name && daemon.run == number;
            if !turn.daemons.of_pod(&self.uid).iter().any(begun) {
                self.start_daemon(at, program, turn);
            }
        }
        let lives = |daemon: &Daemon| {
            let at = self.place_of(&daemon.container);
            at.is_some_and(|at| self.runs[at].is_running() && self.runs[at].restarts == daemon.run)
        };
        turn.daemons.retain(&self.uid, lives);
    }

    fn start_daemon(&mut self, at: usize, program: Program, turn: &mut Turn<'_>) {
        let variables = self.variables(at);
        let words = self.words(at);
        let ground = &mut turn.ground();
        let image = ImageName::parse(self.container(at).image.as_deref().unwrap_or_default());
        let version = program.version(image.base(), &image.tag);
        let files = self.open_files(at, ground);
        let settings = settings(program, version, &variables, &words, &files);
        let what = load(program, settings, &variables, &files);
        let changed = matches!(what, What::Sql(_));
        self.close_files(at, files, ground);
        let run = &self.runs[at];
        let since = run.running_since().unwrap_or(ground.now);
        let port = ports(program, &words);
        let daemon = Daemon {
            pod: format!("{}/{}", self.pod.namespace(), self.pod.name()),
            container: self.container(at).name.as_str().into(),
            run: run.restarts,
            port,
            from: since + run.behaviour.serves_after.unwrap_or_default(),
            what,
            changed,
        };
        turn.daemons.add(&self.uid, daemon);
    }

    /// Why a database does not begin: it is told no password. In the words of its image.
    pub(in crate::kubelet) fn daemon_refuses(
        &mut self,
        at: usize,
        turn: &mut Turn<'_>,
    ) -> Option<&'static str> {
        let program = self.runs[at].behaviour.daemon?;
        let image = ImageName::parse(self.container(at).image.as_deref().unwrap_or_default());
        let maria = image.base() == "mariadb";
        let given: &[&str] = match program {
            Program::Redis => return None,
            Program::Postgres => {
                &["POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRES_HOST_AUTH_METHOD"]
            }
            Program::MySql => &[
                "MYSQL_ROOT_PASSWORD",
                "MYSQL_ROOT_PASSWORD_FILE",
                "MYSQL_ALLOW_EMPTY_PASSWORD",
                "MYSQL_RANDOM_ROOT_PASSWORD",
                "MARIADB_ROOT_PASSWORD",
                "MARIADB_ROOT_PASSWORD_FILE",
                "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
                "MARIADB_RANDOM_ROOT_PASSWORD",
                "MARIADB_ROOT_PASSWORD_HASH",
            ],
        };
        let variables = self.variables(at);
        if given.iter().any(|name| variables.get(*name).is_some_and(|value| !value.is_empty())) {
            return None;
        }
        let ground = &mut turn.ground();
        let files = self.open_files(at, ground);
        let begun = files.read(&format!("{}/position", program.directory())).is_ok();
        self.close_files(at, files, ground);
        match (begun, program, maria) {
            (true, ..) => None,
            (_, Program::Postgres, _) => Some(
                "Error: Database is uninitialized and superuser password is not specified.\n       You must specify POSTGRES_PASSWORD to a \
                 non-empty value for the\n       superuser. For example, \"-e POSTGRES_PASSWORD=password\" on \"docker run\".",
            ),
            (.., true) => Some(
                "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n\tYou need to specify one of \
                 MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD",
            ),
            _ => Some(
                "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n    You need to specify one of the \
                 following as an environment variable:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - \
                 MYSQL_RANDOM_ROOT_PASSWORD",
            ),
        }
    }

    /// Writes what a server holds into its directory.
    fn put_files(&mut self, daemon: &Daemon, ground: &mut Ground<'_>) {
        let Some(at) = self.place_of(&daemon.container) else { return };
        let Some(program) = self.runs[at].behaviour.daemon else { return };
        let directory = program.directory();
        let mut files = self.open_files(at, ground);
        // A directory that cannot be written keeps what it has, as a full disk would.
        let _ = files.make_directory(directory, true);
        let all = match &daemon.what {
            What::Sql(server) => server.files(),
            What::Redis(store) => vec![("dump.rdb".into(), store.dump())],
            What::Command(_) => Vec::new(),
        };
        for (name, item) in files.list(directory).unwrap_or_default().iter() {
            if item.directory && name != "mysql" {
                let _ = files.remove(&format!("{directory}/{name}"));
            }
        }
        for (path, text) in all {
            let path = format!("{directory}/{path}");
            if let Some((parent, _)) = path.rsplit_once('/') {
                let _ = files.make_directory(parent, true);
            }
            let _ = files.write_whole(&path, &text);
        }
        self.close_files(at, files, ground);
    }
}

impl Kubelets {
    /// Has the servers that have changed put what they hold into their directories.
    pub(in crate::kubelet) fn write_back(&mut self, view: &View, now: SimTime) {
        let mut changed = Vec::new();
        self.daemons.each(&mut |uid, daemon| {
            if daemon.changed {
                Arc::make_mut(daemon).changed = false;
                changed.push((uid.clone(), daemon.clone()));
            }
        });
        let mut none = Daemons::default();
        for (uid, daemon) in changed {
            let agent = self.agents.values_mut().find(|agent| agent.workers.contains_key(&uid));
            let Some(agent) = agent.map(Arc::make_mut) else { continue };
            let Some((mut ground, worker)) =
                agent.ground_of(&uid, (view, now, None), &mut self.disks, &mut none)
            else {
                continue;
            };
            worker.put_files(&daemon, &mut ground);
        }
    }
}

/// The port that a server is told to listen on.
fn ports(program: Program, words: &[String]) -> u16 {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(port) = word.strip_prefix("--port=") {
            return port.parse().unwrap_or(program.port());
        }
        if word == "--port" || (word == "-p" && program != Program::MySql) {
            return words.next().and_then(|port| port.parse().ok()).unwrap_or(program.port());
        }
    }
    program.port()
}

/// What a server is told by its environment, its files and its arguments.
fn settings(
    program: Program,
    version: String,
    variables: &BTreeMap<String, String>,
    words: &[String],
    files: &Files,
) -> Settings {
    let get = |names: &[&str]| names.iter().find_map(|name| variables.get(*name)).cloned();
    let mut settings = Settings {
        postgres: program == Program::Postgres,
        version,
        hostname: variables.get("HOSTNAME").cloned().unwrap_or_default(),
        id: "1".into(),
        ..Settings::default()
    };
    if settings.postgres {
        let user = get(&["POSTGRES_USER"]).unwrap_or_else(|| "postgres".into());
        settings.users.push((user, get(&["POSTGRES_PASSWORD"]).unwrap_or_default()));
        return settings;
    }
    let root = get(&["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"]);
    settings.any_password =
        root.is_none() && get(&["MYSQL_RANDOM_ROOT_PASSWORD", "MARIADB_RANDOM_ROOT_PASSWORD"]).is_some();
    settings.users.push(("root".into(), root.unwrap_or_default()));
    if let Some(user) = get(&["MYSQL_USER", "MARIADB_USER"]) {
        settings.users.push((user, get(&["MYSQL_PASSWORD", "MARIADB_PASSWORD"]).unwrap_or_default()));
    }
    settings.logs = settings.version.starts_with('8') || settings.version.starts_with('9');
    for directory in ["/etc/mysql", "/etc/mysql/conf.d", "/etc/mysql/mysql.conf.d", "/etc/my.cnf.d", "/etc"] {
        for name in files.list(directory).unwrap_or_default().keys().filter(|name| name.ends_with(".cnf")) {
            let text = files.read(&format!("{directory}/{name}")).unwrap_or_default();
            text.lines().for_each(|line| option(&mut settings, line));
        }
    }
    for word in words {
        if let Some(line) = word.strip_prefix("--") {
            option(&mut settings, line);
        }
    }
    settings
}

/// One line of an option file.
fn option(settings: &mut Settings, line: &str) {
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    let (name, value) = (name.trim().replace('_', "-"), value.trim());
    let on = !["0", "OFF", "off", "false"].contains(&value);
    match name.as_str() {
        "server-id" => settings.id = value.into(),
        "read-only" | "super-read-only" => settings.read_only |= on,
        "log-bin" => settings.logs = on,
        "skip-log-bin" | "disable-log-bin" => settings.logs = false,
        _ => {}
    }
}

/// A server with what its directory holds.
fn load(program: Program, settings: Settings, variables: &BTreeMap<String, String>, files: &Files) -> What {
    let directory = program.directory();
    if program == Program::Redis {
        return What::Redis(redis::Store::load(
            files.read(&format!("{directory}/dump.rdb")).unwrap_or_default(),
        ));
    }
    let mut server = Server::new(settings);
    let begun = files.read(&format!("{directory}/position")).is_ok();
    for (name, item) in files.list(directory).unwrap_or_default().iter() {
        let path = format!("{directory}/{name}");
        if !item.directory {
            server.load(name, files.read(&path).unwrap_or_default());
            continue;
        }
        for inner in files.list(&path).unwrap_or_default().keys() {
            server
                .load(&format!("{name}/{inner}"), files.read(&format!("{path}/{inner}")).unwrap_or_default());
        }
    }
    if !begun {
        let names: &[&str] = match program {
            Program::Postgres => &["POSTGRES_DB", "POSTGRES_USER"],
            _ => &["MYSQL_DATABASE", "MARIADB_DATABASE"],
        };
        if let Some(name) = names.iter().find_map(|name| variables.get(*name)) {
            server.databases.entry(name.clone()).or_default();
        }
    }
    What::Sql(Box::new(server))
}
