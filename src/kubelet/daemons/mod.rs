//! Servers in containers that keep something for their clients: databases, and commands that `nc` runs for whoever connects.
//!
//! What a database holds lies in its memory here and, after every change, as files in its directory, so that it outlives the
//! process exactly where the directory does. [`Daemons`] is brought into line with the containers that run by [`keep`].

mod keep;
pub mod redis;
pub mod sql;

use std::sync::Arc;

use sorted::SortedMap;

use crate::clock::SimTime;

/// Which server an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// Redis and Valkey.
    Redis,
}

impl Program {
    /// The server of an image, by the last part of its name.
    pub fn of_image(base: &str) -> Option<Program> {
        Some(match base {
            "mysql" | "mariadb" | "percona" | "mysql-server" => Program::MySql,
            "postgres" | "postgresql" => Program::Postgres,
            "redis" | "valkey" | "redis-stack-server" => Program::Redis,
            _ => return None,
        })
    }

    /// The port it listens on.
    pub fn port(self) -> u16 {
        match self {
            Program::MySql => 3306,
            Program::Postgres => 5432,
            Program::Redis => 6379,
        }
    }

    /// Where its files lie.
    pub fn directory(self) -> &'static str {
        match self {
            Program::MySql => "/var/lib/mysql",
            Program::Postgres => "/var/lib/postgresql/data",
            Program::Redis => "/data",
        }
    }
}

/// What a server is.
#[derive(Clone, Debug)]
pub enum What {
    /// It answers SQL.
    Sql(Box<sql::Server>),
    /// It answers the commands of Redis.
    Redis(redis::Store),
    /// It runs a command for each client (`nc -l -c`).
    Command(String),
}

/// A server that runs.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Its pod, `namespace/name`.
    pub pod: String,
    /// Its container.
    pub container: Arc<str>,
    /// Which run of the container it belongs to.
    pub run: u32,
    /// Its port.
    pub port: u16,
    /// From when on it answers.
    pub from: SimTime,
    /// What it is.
    pub what: What,
    /// Whether it holds what its files do not.
    pub changed: bool,
}

/// All of them, by the uid of their pod. Each is shared with snapshots until somebody asks it something.
#[derive(Clone, Debug, Default)]
pub struct Daemons(SortedMap<Arc<str>, Vec<Arc<Daemon>>>);

impl Daemons {
    /// The server at a port of a pod.
    pub fn at(&mut self, uid: &str, port: u16, now: SimTime) -> Option<&mut Daemon> {
        let all = self.0.get_mut(uid)?;
        all.iter_mut().find(|daemon| daemon.port == port && daemon.from <= now).map(Arc::make_mut)
    }

    /// Those of a pod.
    pub fn of_pod(&self, uid: &str) -> &[Arc<Daemon>] {
        self.0.get(uid).map_or(&[], Vec::as_slice)
    }

    /// A server has begun to run; it takes the place of any other at its port.
    pub fn add(&mut self, uid: &str, daemon: Daemon) {
        let all = self.0.entry(uid.into()).or_default();
        all.retain(|other| other.port != daemon.port);
        all.push(Arc::new(daemon));
    }

    /// Drops those of a pod that do not run any more.
    pub fn retain(&mut self, uid: &str, keeps: impl Fn(&Daemon) -> bool) {
        if let Some(all) = self.0.get_mut(uid) {
            all.retain(|daemon| keeps(daemon));
            if all.is_empty() {
                self.0.remove(uid);
            }
        }
    }

    /// Goes through all of them.
    pub fn each(&mut self, act: &mut dyn FnMut(&Arc<str>, &mut Arc<Daemon>)) {
        for (uid, all) in self.0.iter_mut() {
            all.iter_mut().for_each(|daemon| act(uid, daemon));
        }
    }

    /// What the copies of a database hold follows what it holds itself.
    pub fn replicate(&mut self, source: &str) {
        let mut databases = None;
        self.each(&mut |_, daemon| {
            if let What::Sql(server) = &daemon.what
                && daemon.pod == source
            {
                databases = Some((server.databases.clone(), server.position));
            }
        });
        let Some((databases, position)) = databases else { return };
        self.each(&mut |_, daemon| {
            if !matches!(&daemon.what, What::Sql(server) if server.replicates(source)) {
                return;
            }
            let daemon = Arc::make_mut(daemon);
            if let What::Sql(server) = &mut daemon.what {
                server.databases = databases.clone();
                server.follow(position);
                daemon.changed = true;
            }
        });
    }
}
