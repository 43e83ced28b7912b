//! `psql` and `pg_isready`.

use super::super::commands::Outcome;
use super::super::{Process, World};
use super::{Met, Options};
use crate::client::wire::Seen;
use crate::kubelet::daemons::What;
use crate::kubelet::daemons::sql::Done;

impl Process {
    pub(super) fn psql(&mut self, words: &[&str], world: World<'_>) -> Outcome {
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
        let known = self.daemons.at(&uid, port, world.now).map(|daemon| match &daemon.what {
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
        let secret = self.daemons.at(&uid, port, world.now).map(|daemon| match &daemon.what {
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

    pub(super) fn pg_isready(&mut self, words: &[&str], world: World<'_>) -> Outcome {
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
}
