//! The subcommands.

mod arguments;
mod files;
mod measure;
mod trials;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use kubeviz::scenario::check::Checker;
use kubeviz::scenario::conform::{Suite, Tally, known, run_text};
use kubeviz::scenario::exec::{Printed, Script};
use kubeviz::scenario::run::{Manifest, run};
use kubeviz::scenario::{Scenario, picture, steps, why};

use arguments::{command, config, count, duration, paths};
use files::{read, read_bytes, say};
use measure::measure;
use trials::{chaos, fuzz};

/// A failure that is not the simulation's: exit status 2.
type Outcome = Result<bool, String>;

pub fn main() -> ExitCode {
    let matches = command().get_matches();
    let outcome = match matches.subcommand() {
        Some(("run", matches)) => run_manifests(matches),
        Some(("exec", matches)) => exec(matches),
        Some(("why", matches)) => why(matches),
        Some(("picture", matches)) => picture(matches),
        Some(("scenario", matches)) => play(matches),
        Some(("check", matches)) => check(matches),
        Some(("conform", matches)) => conform(matches),
        Some(("digest", matches)) => digest(matches),
        Some(("chaos", matches)) => chaos(matches),
        Some(("bench", matches)) => measure(matches),
        Some(("fuzz", matches)) => fuzz(matches),
        _ => Err("no command given".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("kubeviz: {message}");
            ExitCode::from(2)
        }
    }
}

fn run_manifests(matches: &ArgMatches) -> Outcome {
    let manifests = manifests(matches)?;
    let report = run(config(matches)?, &manifests, duration(matches, "for")?);
    if matches.get_one::<String>("output").is_some_and(|format| format == "json") {
        say(&serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
        say("\n");
    } else {
        say(&report.render());
    }
    Ok(report.succeeded())
}

fn why(matches: &ArgMatches) -> Outcome {
    let manifests = manifests(matches)?;
    let name = matches.get_one::<String>("OBJECT").map(String::as_str).unwrap_or_default();
    let found = why::run(config(matches)?, &manifests, duration(matches, "for")?, name);
    let Some(why) = or_complain(found) else { return Ok(false) };
    if matches.get_one::<String>("output").is_some_and(|format| format == "json") {
        say(&serde_json::to_string_pretty(&why).map_err(|error| error.to_string())?);
        say("\n");
    } else {
        say(&why.render());
    }
    Ok(true)
}

fn picture(matches: &ArgMatches) -> Outcome {
    let width = u32::try_from(count(matches, "width")).unwrap_or(u32::MAX).min(10_000);
    let drawn = picture::run(config(matches)?, &manifests(matches)?, duration(matches, "for")?, width);
    let Some(svg) = or_complain(drawn) else { return Ok(false) };
    say(&svg);
    Ok(true)
}

/// What was found; or what the simulation has against it is said.
fn or_complain<T>(found: Result<T, String>) -> Option<T> {
    found.inspect_err(|message| eprintln!("kubeviz: {message}")).ok()
}

fn manifests(matches: &ArgMatches) -> Result<Vec<Manifest>, String> {
    paths(matches).map(|path| Ok(Manifest { name: path.clone(), text: read(path)? })).collect()
}

fn exec(matches: &ArgMatches) -> Outcome {
    let path = matches.get_one::<String>("SCRIPT").map(String::as_str).unwrap_or("-");
    let script = Script::parse(&read(path)?).map_err(|(line, why)| format!("{path}:{line}: {why}"))?;
    let folder = Path::new(path).parent().unwrap_or(Path::new("."));
    // A file that is not there is for kubectl to complain about, at its line.
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for name in script.paths() {
        let own = folder.join(&name);
        if own.is_dir() {
            files::walk(&own, name.trim_end_matches('/'), &mut files);
        } else if name.contains(['*', '?']) {
            files::walk(folder, "", &mut files);
        } else if let Ok(text) = read(&own.to_string_lossy()) {
            files.insert(name, text);
        }
    }
    if script.builds_kustomizations() {
        files::walk(folder, "", &mut files);
    }
    let executed =
        script.run(config(matches)?, &files, duration(matches, "wait")?, &mut |printed| match printed {
            Printed::Out(text) => say(text),
            Printed::Err(text) => eprint!("{text}"),
        });
    if !executed.failed.is_empty() {
        let lines: Vec<String> = executed.failed.iter().map(usize::to_string).collect();
        eprintln!("kubeviz: {path}: failed at line {}", lines.join(", "));
    }
    Ok(executed.failed.is_empty())
}

fn scenario(path: &str) -> Result<(Scenario, BTreeMap<String, String>), String> {
    let scenario = Scenario::parse(&read(path)?).map_err(|error| format!("{path}: {error}"))?;
    let folder = Path::new(path).parent().unwrap_or(Path::new("."));
    let file = |name: &str| Ok((name.to_string(), read(&folder.join(name).to_string_lossy())?));
    let files = scenario.files().map(file).collect::<Result<_, String>>()?;
    Ok((scenario, files))
}

fn play(matches: &ArgMatches) -> Outcome {
    let mut failures = 0;
    for path in paths(matches) {
        let (scenario, files) = scenario(path)?;
        let played = steps::play(&scenario, &files);
        say(&played.transcript);
        for failure in &played.failures {
            eprintln!("{path}: {failure}");
        }
        failures += played.failures.len();
    }
    Ok(failures == 0)
}

fn digest(matches: &ArgMatches) -> Outcome {
    for path in paths(matches) {
        let (scenario, files) = scenario(path)?;
        say(&format!("{:016x}  {path}\n", steps::play(&scenario, &files).simulation.digest()));
    }
    Ok(true)
}

fn check(matches: &ArgMatches) -> Outcome {
    let checker = Checker::default();
    let mut accepted = true;
    for path in paths(matches) {
        for verdict in checker.check_bytes(path, &read_bytes(path)?) {
            accepted &= verdict.accepted;
            let line = serde_json::to_string(&verdict).map_err(|error| error.to_string())?;
            say(&format!("{line}\n"));
        }
    }
    Ok(accepted)
}

/// Where it is written which recordings are not repeated to the letter, and why.
const DIVERGENCES: &str = include_str!("../../../../docs/divergences.md");

fn conform(matches: &ArgMatches) -> Outcome {
    let word = matches.get_one::<String>("SUITE").map(String::as_str).unwrap_or_default();
    let suite = Suite::from_word(word).ok_or_else(|| format!("there is no suite {word}"))?;
    let show = matches.get_one::<usize>("show").copied().unwrap_or_default();
    let listed = known::listed(DIVERGENCES);
    let mut total = Tally::default();
    for path in paths(matches) {
        let recording = recording(path, suite)?;
        let mut tally = run_text(suite, &read(&recording)?);
        tally.set_known_apart(&listed);
        say(&format!("{path}: {}\n", tally.line()));
        for (name, differences) in &tally.failed {
            if suite == Suite::Traces {
                say(&format!("  {name}: {}\n", differences.first().map_or("", String::as_str)));
            }
        }
        for (name, reason, differences) in &tally.known {
            let columns = differences.first().map_or("", String::as_str);
            say(&format!("  {name}: known divergence, {columns}: {reason}\n"));
        }
        total.add(tally);
    }
    let known = total.known.iter().map(|(name, _, differences)| (name, differences));
    let failed = total.failed.iter().map(|(name, differences)| (name, differences));
    for (name, differences) in failed.chain(known).take(show) {
        say(&format!("\n--- {name}\n{}\n", differences.join("\n")));
    }
    say(&format!("total: {}\n", total.line()));
    Ok(total.failed.is_empty())
}

/// A transcript (`kubectl/NAME.txt.gz`) tells neither when a command was given nor which names were drawn: the recording
/// that it was made of does (`traces/NAME.json.gz`), and has the same commands and answers.
fn recording(path: &str, suite: Suite) -> Result<String, String> {
    let file = Path::new(path);
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(scenario) = name.strip_suffix(".txt.gz").or_else(|| name.strip_suffix(".txt")) else {
        return Ok(path.to_string());
    };
    let folder = file.parent().and_then(Path::parent).unwrap_or(Path::new("..")).join("traces");
    let found = ["json.gz", "json"].map(|end| folder.join(format!("{scenario}.{end}")));
    match found.iter().find(|path| suite == Suite::Kubectl && path.exists()) {
        Some(path) => Ok(path.to_string_lossy().into_owned()),
        None => Err(format!(
            "{path}: a transcript has no times; its recording, {}, is not there",
            found[0].display()
        )),
    }
}
