//! Programs that ask somebody over the network: `curl`, `wget`, `nc`, and those that ask for names. What they meet is the
//! network's to say; here it is put in their words.

use super::commands::Outcome;
use super::{Process, World};
use crate::api::Pod;
use crate::client::site::{Page, Program, Site, reason};
use crate::client::wire::{Fate, Lookup, Reply, Request, Seen, Wire};
use crate::clock::{SimDuration, SimTime};

/// A program that is not told how long to wait gives up when the system does.
const PATIENCE: SimDuration = SimDuration::from_secs(127);

/// The network as a pod's programs find it.
#[derive(Clone, Copy)]
pub struct Net<'a> {
    /// What carries their questions.
    pub wire: &'a dyn Wire,
    /// Their pod.
    pub pod: &'a Pod,
    /// The time.
    pub now: SimTime,
}

/// What a command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Question<'a> {
    /// Scheme, host, port and path as written.
    url: &'a str,
    /// How long to wait.
    timeout: Option<SimDuration>,
    /// The `Host` header.
    header: Option<&'a str>,
    /// Whether an HTTP error is a failure.
    fails: bool,
    /// Whether nothing but the answer is printed.
    quiet: bool,
    /// Where the answer goes; `-`: it is printed.
    output: Option<&'a str>,
    /// What is printed after it (`-w`).
    after: Option<&'a str>,
    /// Whether only the head of the answer is asked for.
    head: bool,
}

/// Flags that take a value.
fn takes_value(program: &str, flag: &str) -> bool {
    let list: &[&str] = match program {
        "curl" => &[
            "-o",
            "-m",
            "-H",
            "-X",
            "-d",
            "-w",
            "-A",
            "-u",
            "-e",
            "-b",
            "-c",
            "-F",
            "-T",
            "--max-time",
            "--connect-timeout",
            "--header",
            "--request",
            "--data",
            "--write-out",
            "--output",
            "--retry",
            "--retry-delay",
            "--resolve",
            "--user",
            "--user-agent",
            "--cacert",
            "--cert",
            "--key",
        ],
        "wget" => &[
            "-O",
            "-T",
            "-t",
            "-P",
            "-U",
            "-Y",
            "--header",
            "--post-data",
            "--timeout",
            "--tries",
            "--user-agent",
        ],
        _ => &["-w", "-p", "-s", "-i"],
    };
    list.contains(&flag)
}

fn seconds(text: &str) -> Option<SimDuration> {
    SimDuration::parse(text).or_else(|| SimDuration::parse(&format!("{text}s")))
}

fn read<'a>(program: &str, words: &[&'a str]) -> Question<'a> {
    let mut asked = Question { quiet: program != "wget", ..Question::default() };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            if asked.url.is_empty() {
                asked.url = word;
            }
            continue;
        }
        let (flag, value) = match word.split_once('=').filter(|_| word.starts_with("--")) {
            Some((flag, value)) => (flag, Some(value)),
            None if word.starts_with("--") => {
                (word, takes_value(program, word).then(|| words.next()).flatten())
            }
            // `-sSo /dev/null`, `-qO-`, `-T2`: the last letter may take a value, which may stick to it.
            None => {
                let at = word
                    .char_indices()
                    .skip(1)
                    .find(|(at, letter)| takes_value(program, &format!("-{letter}")) && *at > 0);
                let (plain, rest) = at.map_or((word, None), |(at, letter)| {
                    (&word[..at], Some(&word[at + letter.len_utf8()..]))
                });
                asked.fails |= program == "curl" && plain.contains('f');
                asked.quiet |= plain.contains('q');
                asked.head |= program == "curl" && plain.contains('I');
                match at {
                    None => continue,
                    Some((at, letter)) => {
                        let value = rest.filter(|rest| !rest.is_empty()).or_else(|| words.next());
                        (&word[at..at + letter.len_utf8()], value)
                    }
                }
            }
        };
        match (flag.trim_start_matches('-'), value) {
            ("m" | "max-time" | "connect-timeout" | "timeout", Some(value)) => asked.timeout = seconds(value),
            ("T", Some(value)) if program == "wget" => asked.timeout = seconds(value),
            ("w", Some(value)) if program == "nc" => asked.timeout = seconds(value),
            ("H" | "header", Some(value)) => {
                let host = value.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host"));
                asked.header = host.map(|(_, host)| host.trim()).or(asked.header);
            }
            ("o" | "O" | "output", Some(value)) => asked.output = Some(value),
            ("w" | "write-out", Some(value)) => asked.after = Some(value),
            ("fail" | "fail-with-body", _) => asked.fails = true,
            ("head" | "spider", _) => asked.head = true,
            ("quiet", _) => asked.quiet = true,
            _ => {}
        }
    }
    asked
}

/// The host, the port and the path of an address: `http://web:80/`, `web:80`, `web`.
fn place(url: &str) -> (&str, u16, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() => (host, port.parse().ok()),
        _ => (host, None),
    };
    let standard = if scheme == "https" { 443 } else { 80 };
    (host, port.unwrap_or(standard), if path.is_empty() { "/" } else { path })
}

impl Process {
    /// Whether a name stands for something.
    pub(super) fn resolves(host: &str, world: World<'_>) -> bool {
        world
            .net
            .is_some_and(|net| matches!(net.wire.lookup(net.pod, host), Lookup::Found(..) | Lookup::Outside))
    }

    /// `curl`, `wget`, `nc`: asks, and says what came of it.
    pub(super) fn ask(&mut self, program: &str, words: &[&str], world: World<'_>) -> Outcome {
        let asked = read(program, words);
        let (mut host, mut port, path) = place(asked.url);
        if program == "nc" {
            let mut plain = words.iter().copied().filter(|word| !word.starts_with('-'));
            host = plain.find(|word| *word == asked.url).unwrap_or_default();
            port = plain.next().and_then(|port| port.parse().ok()).unwrap_or(port);
        }
        if host.is_empty() {
            self.err.push_str(&format!("{program}: no URL specified\n"));
            return Outcome::Status(2);
        }
        let Some(net) = world.net else {
            self.err.push_str(&format!("{program}: bad address '{host}'\n"));
            return Outcome::Status(1);
        };
        self.nonce += 1;
        let timeout = asked.timeout.unwrap_or(PATIENCE);
        let mut reply = net.wire.request(&Request {
            from: net.pod,
            host,
            port,
            path,
            header: asked.header,
            timeout,
            now: net.now + self.ahead,
            nonce: self.nonce,
        });
        if matches!(reply.sample.fate, Fate::Answered | Fate::PageNotFound | Fate::PageForbidden)
            && let Some(page) = self.own_page(host, path, world)
        {
            (reply.body, reply.status) = (page.body, Some(page.status));
            reply.sample.fate = Fate::Answered.with_status(page.status);
        }
        let status = match program {
            "curl" => self.curl(&asked, (host, port), &reply),
            "wget" => self.wget(&asked, (host, port), &reply),
            _ => self.connect(words, (host, port), &reply),
        };
        if program == "nc"
            && status == 0
            && let Some((uid, endpoint)) = reply.sample.pod.clone().zip(reply.sample.endpoint.clone())
        {
            let port = endpoint.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(port);
            let said = self.served(&uid, port, world).unwrap_or_default();
            self.out.push_str(&said);
        }
        let took = reply.took;
        self.asked.push(reply.sample);
        Outcome::Took(status, took)
    }

    /// What a web server in this very container answers, whose files this script may just have changed.
    fn own_page(&self, host: &str, path: &str, world: World<'_>) -> Option<Page> {
        let pod = world.net.filter(|_| ["localhost", "127.0.0.1"].contains(&host))?.pod;
        let all = pod.spec.init_containers.iter().flatten().chain(&pod.spec.containers);
        let container = all.into_iter().find(|container| *container.name == *world.container.0)?;
        // One that is configured has read its settings when it began, which only its kubelet knows.
        let program = Program::of(container).filter(|program| program.settings.is_none())?;
        let image = container.image.as_deref().unwrap_or_default();
        Site::new(&program, image, None, |root| self.files.below(root)).page(path)
    }

    /// Puts an answer where it shall go.
    fn put_answer(&mut self, body: &str, output: Option<&str>) {
        match output {
            None | Some("-" | "/dev/stdout") => self.out.push_str(body),
            Some("/dev/null") => {}
            Some(path) => {
                if let Err(trouble) = self.files.write(path, body, false) {
                    self.err.push_str(&format!("{path}: {}\n", trouble.0));
                }
            }
        }
    }

    fn curl(&mut self, asked: &Question<'_>, (host, port): (&str, u16), reply: &Reply) -> i32 {
        let millis = reply.took.as_millis();
        let (code, complaint) = match reply.seen() {
            Seen::Status(status) if asked.fails && status >= 400 => {
                (22, format!("The requested URL returned error: {status}"))
            }
            Seen::Status(status) => {
                let text = match (asked.head, status) {
                    (true, _) => format!("HTTP/1.1 {status} {}\n\n", reason(status)),
                    (_, 200) => reply.body.clone(),
                    _ if !reply.body.is_empty() => reply.body.clone(),
                    _ => format!("{status} {}\n", reason(status)),
                };
                self.put_answer(&text, asked.output);
                (0, String::new())
            }
            Seen::Refused => (
                7,
                format!(
                    "Failed to connect to {host} port {port} after {millis} ms: Could not connect to server"
                ),
            ),
            Seen::Reset => (56, "Recv failure: Connection reset by peer".into()),
            Seen::TimedOut => (28, format!("Connection timed out after {millis} milliseconds")),
            Seen::NoName => (6, format!("Could not resolve host: {host}")),
            Seen::NameTimedOut => (28, "Resolving timed out".into()),
        };
        if !complaint.is_empty() {
            self.err.push_str(&format!("curl: ({code}) {complaint}\n"));
        }
        if let Some(after) = asked.after {
            let status = match reply.seen() {
                Seen::Status(status) => format!("{status:03}"),
                _ => "000".into(),
            };
            let time = format!("{}.{:06}", reply.took.as_secs(), reply.took.0 % 1_000_000);
            let text = after.replace("%{http_code}", &status).replace("%{response_code}", &status);
            self.out.push_str(&text.replace("%{time_total}", &time).replace("\\n", "\n"));
        }
        code
    }

    fn wget(&mut self, asked: &Question<'_>, (host, port): (&str, u16), reply: &Reply) -> i32 {
        let seen = reply.seen();
        if !asked.quiet && !matches!(seen, Seen::NoName | Seen::NameTimedOut) {
            self.err.push_str(&format!("Connecting to {host}:{port} ({}:{port})\n", reply.address));
        }
        let complaint = match seen {
            Seen::Status(200) => {
                let file = asked.url.rsplit('/').next().filter(|name| !name.is_empty() && *name != host);
                let output = asked.output.or(Some(file.unwrap_or("index.html")));
                if !asked.head {
                    self.put_answer(&reply.body, output);
                }
                return 0;
            }
            Seen::Status(status) => format!("server returned error: HTTP/1.1 {status} {}", reason(status)),
            Seen::Refused => format!("can't connect to remote host ({}): Connection refused", reply.address),
            Seen::Reset => "error getting response: Connection reset by peer".into(),
            Seen::TimedOut if asked.timeout.is_some() => "download timed out".into(),
            Seen::TimedOut => {
                format!("can't connect to remote host ({}): Operation timed out", reply.address)
            }
            Seen::NoName | Seen::NameTimedOut => format!("bad address '{host}'"),
        };
        self.err.push_str(&format!("wget: {complaint}\n"));
        1
    }

    fn connect(&mut self, words: &[&str], (host, port): (&str, u16), reply: &Reply) -> i32 {
        let loud =
            words.iter().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('v'));
        let address = &reply.address;
        let said = match reply.seen() {
            Seen::Status(_) if loud => format!("{host} ({address}:{port}) open\n"),
            Seen::Status(_) => String::new(),
            Seen::Refused | Seen::Reset => format!("nc: {host} ({address}:{port}): Connection refused\n"),
            Seen::TimedOut => format!("nc: {host} ({address}:{port}): Operation timed out\n"),
            Seen::NoName | Seen::NameTimedOut => format!("nc: bad address '{host}'\n"),
        };
        self.err.push_str(&said);
        i32::from(!matches!(reply.seen(), Seen::Status(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_apart() {
        for (url, want) in [
            ("http://web", ("web", 80, "/")),
            ("https://web/x?y=1", ("web", 443, "/x?y=1")),
            ("web.shop:8080", ("web.shop", 8080, "/")),
            ("http://user@10.0.0.1:81/a/b", ("10.0.0.1", 81, "/a/b")),
        ] {
            assert_eq!(place(url), want);
        }
    }

    #[test]
    fn flags_are_read_as_the_programs_read_them() {
        let words = |line: &'static str| line.split(' ').collect::<Vec<&str>>();
        let asked = read("curl", &words("-sSf -o /dev/null -m 2 -H Host:shop.example.com http://web"));
        assert_eq!(
            (asked.url, asked.timeout, asked.fails),
            ("http://web", Some(SimDuration::from_secs(2)), true)
        );
        assert_eq!((asked.output, asked.header), (Some("/dev/null"), Some("shop.example.com")));
        let asked = read("wget", &words("-qO- --timeout=1 http://web"));
        assert_eq!(
            (asked.url, asked.timeout, asked.quiet),
            ("http://web", Some(SimDuration::from_secs(1)), true)
        );
        assert_eq!(asked.output, Some("-"));
        let asked = read("wget", &words("-q -O- -T3 web:8080"));
        assert_eq!(
            (asked.url, asked.timeout, asked.output),
            ("web:8080", Some(SimDuration::from_secs(3)), Some("-"))
        );
        let asked = read("nc", &words("-zv -w 2 db 5432"));
        assert_eq!((asked.url, asked.timeout), ("db", Some(SimDuration::from_secs(2))));
    }
}
