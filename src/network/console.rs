//! `load` at the console: starts, changes and ends loads, and says what has come of them.
//!
//! ```text
//! load svc/web --rate 50 --for 30s
//! load http://shop.example.com/cart --rate 10 --keep-alive --clients 4 --name carts
//! load svc/db:5432 --from pod/web-0 --timeout 500ms
//! load svc/api --from app=front -n shop --rate 200 --budget 100ms
//! load report web
//! load stop web
//! load
//! ```

use super::Network;
use super::load::{Load, LoadSpec, Sender, Target};
use super::report::Report;
use crate::clock::{SimDuration, SimTime};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a load, or change the one of that name.
    Start(Box<LoadSpec>),
    /// End a load, or all.
    Stop(Option<String>),
    /// Say what has come of a load, or of all.
    Report(Option<String>),
    /// List the loads.
    List,
}

/// Reads the words after `load`. `namespace`: where names are meant, unless `-n` says otherwise.
///
/// # Errors
/// What is wrong with them.
pub fn parse(words: &[String], namespace: &str) -> Result<Command, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let named = |rest: &[&str]| match rest {
        [] => Ok(None),
        [name] => Ok(Some((*name).to_string())),
        _ => Err("only one name may be given".to_string()),
    };
    match words.as_slice() {
        [] | ["list" | "ls"] => Ok(Command::List),
        ["stop", rest @ ..] => named(rest).map(Command::Stop),
        ["report", rest @ ..] => named(rest).map(Command::Report),
        words => start(words, namespace).map(|spec| Command::Start(Box::new(spec))),
    }
}

fn start(words: &[&str], namespace: &str) -> Result<LoadSpec, String> {
    let mut target: Option<Target> = None;
    let (mut namespace, mut name, mut from) = (namespace.to_string(), None, None);
    let mut spec = LoadSpec::new("", Target::Url { host: String::new(), port: 80, path: "/".into() }, 10);
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
            _ => (word, None),
        };
        if !flag.starts_with('-') {
            if target.is_some() {
                return Err(format!("unexpected word {word:?}: a load has one target"));
            }
            target = Some(Target::parse(word)?);
            continue;
        }
        if flag == "--keep-alive" {
            spec.keep_alive = inline != Some("false");
            continue;
        }
        let value = inline.or_else(|| words.next()).ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || {
            value.trim_end_matches("/s").parse::<u32>().map_err(|_| format!("{flag}: {value:?} is no number"))
        };
        let millis = || {
            let span = SimDuration::parse(value).map(SimDuration::as_millis);
            span.ok_or_else(|| format!("{flag}: {value:?} is no duration; try 500ms or 30s"))
        };
        let short = |millis: u64| u32::try_from(millis).map_err(|_| format!("{flag}: {value} is too long"));
        match flag {
            "--rate" | "-r" => spec.rate = number()?,
            "--for" | "-z" => spec.lasts_ms = Some(millis()?),
            "--clients" | "-c" => spec.clients = number()?,
            "--timeout" => spec.timeout_ms = short(millis()?)?,
            "--budget" => spec.budget_ms = short(millis()?)?,
            "--name" => name = Some(value.to_string()),
            "--namespace" | "-n" => namespace = value.to_string(),
            "--from" => from = Some(value.to_string()),
            _ => return Err(format!("unknown flag: {flag}")),
        }
    }
    spec.target = target.ok_or("what should the load be sent to? Try load svc/web --rate 50")?;
    spec.name = name.unwrap_or_else(|| default_name(&spec.target));
    spec.from = from.map_or(Ok(Sender::Anywhere), |text| sender(&text, &namespace))?;
    spec.namespace = namespace;
    spec.check()?;
    Ok(spec)
}

/// `outside`, `pod/web-0`, `app=front,tier=web`.
fn sender(text: &str, namespace: &str) -> Result<Sender, String> {
    if text == "outside" {
        return Ok(Sender::Outside);
    }
    if let Some(name) = text.strip_prefix("pod/") {
        let (name, own) = name.split_once('.').unwrap_or((name, namespace));
        return Ok(Sender::Pod { namespace: own.into(), name: name.into() });
    }
    let pair = |part: &str| part.split_once('=').map(|(key, value)| (key.to_string(), value.to_string()));
    let labels = text.split(',').map(pair).collect::<Option<_>>();
    let labels = labels
        .ok_or_else(|| format!("--from: {text:?} is neither outside, pod/NAME nor labels as in app=front"))?;
    Ok(Sender::Labels { namespace: namespace.into(), labels })
}

/// A load is called after what it is sent to.
fn default_name(target: &Target) -> String {
    match target {
        Target::Service { name, .. }
        | Target::Pod { name, .. }
        | Target::Node { name, .. }
        | Target::Ingress { name, .. } => name.clone(),
        Target::Url { host, .. } => host.clone(),
    }
}

/// What a load that has just been started is told to its user.
pub fn started(spec: &LoadSpec) -> String {
    let lasts = spec.lasts_ms.map(|millis| format!(" for {}", span(millis))).unwrap_or_default();
    format!("load/{} started: {}/s to {}{lasts}\n", spec.name, spec.rate, spec.target)
}

/// `30s`, `1.5s`.
fn span(millis: u64) -> String {
    let fraction =
        if millis.is_multiple_of(1_000) { String::new() } else { format!(".{:03}", millis % 1_000) };
    format!("{}{}s", millis / 1_000, fraction.trim_end_matches('0'))
}

impl Network {
    /// The loads as a table.
    pub fn list_loads(&self, now: SimTime) -> String {
        if self.loads().next().is_none() {
            return "No loads. Try load svc/web --rate 50\n".into();
        }
        let mut rows =
            vec![["NAME", "TARGET", "RATE", "SENT", "ANSWERED", "LOST", "P95"].map(str::to_string)];
        for load in self.loads() {
            let report = Report::of(load);
            let rate = match (load.of_commands, load.is_on(now)) {
                (true, _) => "commands".into(),
                (_, true) => format!("{}/s", load.spec.rate),
                (_, false) => "ended".into(),
            };
            let target = if load.of_commands { "-".into() } else { report.target.clone() };
            let p95 = report.p95_us.map_or("-".into(), |micros| format!("{}ms", micros.div_ceil(1_000)));
            rows.push([
                report.name.clone(),
                target,
                rate,
                report.sent.to_string(),
                report.answered.to_string(),
                report.lost_count().to_string(),
                p95,
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            text.push_str(cells.join("   ").trim_end());
            text.push('\n');
        }
        text
    }

    /// What has come of a load, or of all.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn report(&self, name: Option<&str>) -> Result<String, String> {
        let wanted = |load: &&Load| name.is_none_or(|name| *load.name == *name);
        let text: String = self.loads().filter(wanted).map(|load| Report::of(load).render()).collect();
        match (name, text.is_empty()) {
            (Some(name), true) => Err(format!("there is no load {name}")),
            _ => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        parse(&words, "default")
    }

    #[test]
    fn a_line_says_what_to_send_where() {
        let Ok(Command::Start(spec)) =
            read("svc/web:http --rate=50 --for 30s --from app=a,b=c -n shop -c 3 --keep-alive")
        else {
            panic!("a load");
        };
        assert_eq!(
            (spec.name.as_str(), spec.rate, spec.lasts_ms, spec.clients),
            ("web", 50, Some(30_000), 3)
        );
        assert!(spec.keep_alive);
        assert!(
            matches!(&spec.from, Sender::Labels { namespace, labels } if namespace == "shop" && labels.len() == 2)
        );
        assert_eq!(read("stop web"), Ok(Command::Stop(Some("web".into()))));
        assert_eq!(read("report"), Ok(Command::Report(None)));
        assert_eq!(read(""), Ok(Command::List));
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong() {
        for (line, want) in [
            ("--rate 5", "what should the load be sent to? Try load svc/web --rate 50"),
            ("svc/web --rate many", "--rate: \"many\" is no number"),
            ("svc/web --for soon", "--for: \"soon\" is no duration; try 500ms or 30s"),
            ("svc/web svc/api", "unexpected word \"svc/api\": a load has one target"),
            ("svc/web --rate", "--rate needs a value"),
            ("svc/web --burst 3", "unknown flag: --burst"),
            ("svc/web --rate 9000000", "--rate: 9000000 is more than 1000000 a second"),
            ("svc/web --clients 0", "--clients: must be from 1 to 1000"),
            ("stop a b", "only one name may be given"),
        ] {
            assert_eq!(read(line), Err(want.to_string()), "{line}");
        }
    }
}
