//! `redis-cli`.

use super::super::commands::Outcome;
use super::super::{Process, TTY, World};
use super::{Met, Options};
use crate::client::wire::Seen;
use crate::kubelet::daemons::What;
use crate::kubelet::daemons::redis::Reply;

impl Process {
    pub(super) fn redis_cli(&mut self, words: &[&str], world: World<'_>) -> Outcome {
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
            let reply = self.daemons.at(&uid, port, world.now).map(|daemon| {
                let What::Redis(store) = &mut daemon.what else { return None };
                let (reply, changed) = store.run(&words);
                daemon.changed |= changed;
                Some(reply)
            });
            let Some(reply) = reply.flatten() else {
                self.err.push_str("Error: Protocol error, got \"\\x4a\" as reply type byte\n");
                return Outcome::Took(1, took);
            };
            code = i32::from(matches!(reply, Reply::Error(_)) && options.has(&["e"]));
            self.out.push_str(&reply.shown(tty));
            self.out.push('\n');
        }
        Outcome::Took(code, took)
    }
}
