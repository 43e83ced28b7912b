//! What commands print, as far as it can be known.

use super::{Process, USER, World, format};
use crate::api::sorting;
use crate::client::wire::Lookup;

/// The commands that do nothing but print.
pub const SPEAKS: &[&str] = &[
    "echo", "printf", "hostname", "date", "whoami", "id", "pwd", "uname", "seq", "basename", "dirname",
    "nproc", "uptime", "yes",
];

impl Process {
    /// Prints what a command prints. A word that cannot be known prints as nothing.
    pub(super) fn speak(&mut self, name: &str, words: &[&str], world: World<'_>) {
        let variable = |name: &str| self.variables.get(name).cloned().unwrap_or_default();
        let first = words.first().copied().unwrap_or_default();
        let text = match name {
            "echo" => echo(words),
            "printf" => {
                words.split_first().map(|(shape, rest)| format::printf(shape, rest)).unwrap_or_default()
            }
            "hostname" if first == "-i" => format!("{}\n", self.address()),
            "hostname" if ["-f", "-d", "--fqdn"].contains(&first) => {
                let full = self.full_name();
                let domain = full.split_once('.').map_or("", |(_, domain)| domain);
                format!("{}\n", if first == "-d" { domain } else { full.as_str() })
            }
            "hostname" => format!("{}\n", variable("HOSTNAME")),
            "date" => format!("{}\n", format::date(world.now + self.ahead, words)),
            "whoami" => match variable(USER).split(' ').next() {
                Some("0" | "") | None => "root\n".into(),
                Some(user) => format!("whoami: unknown uid {user}\n"),
            },
            "id" => id(&variable(USER), first),
            "pwd" => format!("{}\n", self.files.directory()),
            "uname" => match first {
                "-m" => "x86_64\n".into(),
                "-n" => format!("{}\n", variable("HOSTNAME")),
                "-r" => "6.8.0\n".into(),
                "-a" => format!("Linux {} 6.8.0 #1 SMP x86_64 GNU/Linux\n", variable("HOSTNAME")),
                _ => "Linux\n".into(),
            },
            "yes" => {
                let line = if words.is_empty() { "y\n".into() } else { format!("{}\n", words.join(" ")) };
                line.repeat((super::KEPT_MAX / line.len()).min(1_000))
            }
            "nproc" => "4\n".into(),
            "basename" => {
                let base = first.trim_end_matches('/').rsplit('/').next().unwrap_or(first);
                let shorter = words.get(1).and_then(|end| base.strip_suffix(end)).filter(|it| !it.is_empty());
                format!("{}\n", shorter.unwrap_or(base))
            }
            "dirname" => format!("{}\n", first.rsplit_once('/').map_or(".", |(parent, _)| parent)),
            "env" | "printenv" if words.is_empty() => {
                let shown = self.variables.iter().filter(|(name, _)| !name.contains(['(', '[']));
                let mut shown: Vec<(&String, &String)> = shown.collect();
                // The runtime puts some before and one behind those of the manifest, which come in no order.
                sorting::sort_by_key(&mut shown, |(name, _)| match name.as_str() {
                    "PATH" => 0,
                    "HOSTNAME" => 1,
                    "TERM" => 2,
                    "HOME" => 4,
                    _ => 3,
                });
                shown.into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
            }
            "printenv" => {
                let known = words.iter().filter_map(|name| self.variables.get(*name));
                known.map(|value| format!("{value}\n")).collect()
            }
            "seq" => format::seq(words),
            "host" | "nslookup" | "dig" | "getent" | "ping" => lookup(name, words, world),
            _ => return,
        };
        self.out.push_str(&text);
    }

    /// The name of this host with its domain, as `/etc/hosts` has it: the first of the line on which its name stands.
    fn full_name(&self) -> String {
        let own = self.variables.get("HOSTNAME").cloned().unwrap_or_default();
        let hosts = self.files.read("/etc/hosts").unwrap_or_default();
        let lines = hosts.lines().map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>());
        let full =
            lines.filter(|names| names.contains(&own.as_str())).find_map(|names| names.first().copied());
        full.unwrap_or(&own).to_string()
    }

    /// The container's address, as its hosts file has it.
    fn address(&self) -> String {
        let host = self.variables.get("HOSTNAME").map_or("", String::as_str);
        let hosts = self.files.read("/etc/hosts").unwrap_or_default();
        let own = hosts.lines().find(|line| line.split_whitespace().skip(1).any(|name| name == host));
        own.and_then(|line| line.split_whitespace().next()).unwrap_or("127.0.0.1").to_string()
    }
}

/// `uid=1000 gid=0(root) groups=0(root),10(wheel)`, or one of these with `-u`, `-g`, `-G`. Only root has a name.
fn id(user: &str, flag: &str) -> String {
    let mut ids = user.split_whitespace();
    let (uid, gid) = (ids.next().unwrap_or("0"), ids.next().unwrap_or("0"));
    let mut groups: Vec<&str> = ids.collect();
    if groups.is_empty() {
        groups.push(gid);
    }
    let named = |id: &str| if id == "0" { "0(root)".to_string() } else { id.to_string() };
    let group = |id: &&str| match GROUPS.iter().find(|(number, _)| number == id) {
        Some((number, name)) => format!("{number}({name})"),
        None => (*id).to_string(),
    };
    match flag {
        "-u" => format!("{uid}\n"),
        "-g" => format!("{gid}\n"),
        "-G" => format!("{}\n", groups.join(" ")),
        _ => {
            let groups: Vec<String> = groups.iter().map(group).collect();
            format!("uid={} gid={} groups={}\n", named(uid), named(gid), groups.join(","))
        }
    }
}

/// Groups that `/etc/group` of small images has.
const GROUPS: [(&str, &str); 11] = [
    ("0", "root"),
    ("1", "bin"),
    ("2", "daemon"),
    ("3", "sys"),
    ("4", "adm"),
    ("6", "disk"),
    ("10", "wheel"),
    ("11", "floppy"),
    ("20", "dialout"),
    ("26", "tape"),
    ("27", "video"),
];

fn echo(words: &[&str]) -> String {
    let (mut end, mut escapes, mut rest) = ("\n", false, words);
    while let Some((flag @ ("-n" | "-e" | "-ne" | "-en"), after)) =
        rest.split_first().map(|(flag, after)| (*flag, after))
    {
        if flag.contains('n') {
            end = "";
        }
        escapes |= flag.contains('e');
        rest = after;
    }
    let text = rest.join(" ");
    format!("{}{end}", if escapes { format::unescape(&text) } else { text })
}

/// What the cluster's DNS answers.
fn lookup(name: &str, words: &[&str], world: World<'_>) -> String {
    let host =
        words.iter().find(|word| !word.starts_with('-') && **word != "hosts" && word.parse::<u32>().is_err());
    let Some(host) = host else { return String::new() };
    let found = match world.net.map(|net| net.wire.lookup(net.pod, host)) {
        Some(Lookup::Found(name, addresses)) => Some((name, addresses)),
        Some(Lookup::NoAnswer) => return no_answer(name, host),
        // Nobody here knows the addresses of the world.
        Some(Lookup::Outside) => return String::new(),
        Some(Lookup::NoSuchName) | None => None,
    };
    match (name, found) {
        ("host", Some((name, addresses))) => {
            addresses.iter().map(|address| format!("{name} has address {address}\n")).collect()
        }
        ("host", None) => format!("Host {host} not found: 3(NXDOMAIN)\n"),
        ("nslookup", Some((name, addresses))) => {
            let answers = addresses.iter().map(|address| format!("Name:\t{name}\nAddress: {address}\n"));
            format!("{SERVER}{}\n", answers.collect::<String>())
        }
        ("nslookup", None) => format!("{SERVER}** server can't find {host}: NXDOMAIN\n\n"),
        ("dig", Some((_, addresses))) if words.contains(&"+short") => {
            addresses.iter().map(|address| format!("{address}\n")).collect()
        }
        ("getent", Some((name, addresses))) => {
            addresses.iter().map(|address| format!("{address:<16}{name}\n")).collect()
        }
        ("ping", None) => format!("ping: bad address '{host}'\n"),
        ("ping", Some((name, addresses))) => {
            format!("PING {name} ({}): 56 data bytes\n", addresses.first().map_or("", String::as_str))
        }
        _ => String::new(),
    }
}

/// What is said where the name server does not answer.
fn no_answer(name: &str, host: &str) -> String {
    match name {
        "ping" => format!("ping: bad address '{host}'\n"),
        "getent" => String::new(),
        _ => ";; connection timed out; no servers could be reached\n".into(),
    }
}

const SERVER: &str = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n";
