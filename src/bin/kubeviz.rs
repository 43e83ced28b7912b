//! The headless command: reads files, calls the library, prints what it says. `kubeviz help` lists all it does.
//!
//! Exit status: 0 if all went as it should, 1 if something failed, 2 for a wrong command line or an unreadable file.

#[cfg(not(target_arch = "wasm32"))]
mod cli {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::path::Path;
    use std::process::ExitCode;

    use clap::{Arg, ArgMatches, Command, value_parser};
    use kubeviz::clock::SimDuration;
    use kubeviz::scenario::chaos;
    use kubeviz::scenario::check::Checker;
    use kubeviz::scenario::conform::{Suite, Tally, run_text};
    use kubeviz::scenario::exec::{Printed, Script};
    use kubeviz::scenario::fuzz::{Fuzzer, Target};
    use kubeviz::scenario::run::{Manifest, run};
    use kubeviz::scenario::{ClusterSpec, Scenario, bench, steps, why};
    use kubeviz::sim::Config;

    /// A failure that is not the simulation's: exit status 2.
    type Outcome = Result<bool, String>;

    pub fn main() -> ExitCode {
        let matches = command().get_matches();
        let outcome = match matches.subcommand() {
            Some(("run", matches)) => run_manifests(matches),
            Some(("exec", matches)) => exec(matches),
            Some(("why", matches)) => why(matches),
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

    fn command() -> Command {
        Command::new("kubeviz")
            .about("A working model of a Kubernetes cluster, without a screen")
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(
                Command::new("run")
                    .about("Apply manifests to a new cluster and print what happens until it is quiet")
                    .long_about(
                        "Apply manifests to a new cluster and print what happens until it is quiet.\n\nExit status 0: \
                         every manifest was applied, whether or not its pods became ready; the summary says.",
                    )
                    .arg(files("FILE", "Manifests, applied in this order; - is standard input"))
                    .args(cluster_args())
                    .arg(option("for", "TIME", "10m", "Stop after so much virtual time, for example 90s or 10m"))
                    .arg(
                        option("output", "FORMAT", "text", "text, or json with times in microseconds")
                            .short('o')
                            .value_parser(["text", "json"]),
                    ),
            )
            .subcommand(
                Command::new("exec")
                    .about("Run a script of kubectl lines; `sleep 30s` passes virtual time, `load svc/web --rate 50 --for 30s` sends requests")
                    .long_about(
                        "Run a script of kubectl lines on a new cluster, to its end.\n\nThe script may have comments, lines \
                         continued with \\, here-documents, and `sleep 30s`, which passes virtual time. Files named with \
                         -f are relative to the script; of a folder, every manifest is read. Commands that wait run the \
                         clock until they end. Exit status 1: some line failed; which ones is said at the end.",
                    )
                    .arg(Arg::new("SCRIPT").required(true).help("The script; - is standard input"))
                    .args(cluster_args())
                    .arg(option("wait", "TIME", "30m", "Give up a command that waits longer than this")),
            )
            .subcommand(
                Command::new("why")
                    .about("Apply manifests to a new cluster and say why a pod is where it is, or why it waits")
                    .long_about(
                        "Apply manifests to a new cluster, run until it is quiet, and say why a pod is where it is, or why \
                         it waits: every node's verdict and scores, what preemption considered, the event, and the single \
                         changes that would let a waiting pod run, each tried by the scheduler on a copy.\n\nExit status 1: \
                         there is no such pod.",
                    )
                    .arg(
                        Arg::new("POD")
                            .required(true)
                            .help("The pod: its name, how its name begins, or NAMESPACE/NAME"),
                    )
                    .arg(files("FILE", "Manifests, applied in this order; - is standard input"))
                    .args(cluster_args())
                    .arg(option("for", "TIME", "10m", "Stop after so much virtual time, for example 90s or 10m"))
                    .arg(
                        option("output", "FORMAT", "text", "text, or json")
                            .short('o')
                            .value_parser(["text", "json"]),
                    ),
            )
            .subcommand(
                Command::new("scenario")
                    .about("Play scenarios (YAML with steps and expectations) and print their transcripts")
                    .arg(files("FILE", "Scenarios; the files they name are relative to them")),
            )
            .subcommand(
                Command::new("check")
                    .about("Say of each document of manifests what the API server of a new cluster would answer")
                    .long_about(
                        "Say of each document of manifests, by itself, what the API server of a new cluster would answer to a \
                         dry run with strict field validation: one line of JSON per document, {file, doc, line, apiVersion, \
                         kind, accepted, code, message}.\n\nExit status 1: some document was refused.",
                    )
                    .arg(files("FILE", "Manifests; - is standard input")),
            )
            .subcommand(
                Command::new("conform")
                    .about("Compare with recordings of a real control plane")
                    .arg(Arg::new("SUITE").required(true).value_parser(Suite::ALL.map(|(word, _)| word)))
                    .arg(files("FILE", "Recordings: .json or .jsonl, also .gz"))
                    .arg(
                        Arg::new("show")
                            .long("show")
                            .value_name("K")
                            .default_value("0")
                            .value_parser(value_parser!(usize))
                            .help("Print the first K failed cases in full"),
                    ),
            )
            .subcommand(
                Command::new("digest")
                    .about("Print a number for each scenario that is equal wherever the run was the same")
                    .arg(files("FILE", "Scenarios")),
            )
            .subcommand(
                Command::new("chaos")
                    .about("Do random work on clusters in which things go wrong, and check what must hold")
                    .long_about(
                        "Do random work on clusters in which nodes are lost, watches are slow, writes collide, controllers \
                         begin anew and containers crash, one cluster per seed. What must hold is checked after every event; \
                         after the last fault everything is healed, and what was asked for must come true.\n\nExit status 1: \
                         some seed failed; what was done is printed.",
                    )
                    .arg(option("seeds", "A..B", "1..20", "The seeds, both ends included")),
            )
            .subcommand(
                Command::new("fuzz")
                    .about("Feed broken texts to what reads texts: nothing may panic or hang")
                    .arg(Arg::new("TARGET").required(true).value_parser(Target::ALL.map(|(word, _)| word)))
                    .arg(number("seconds", "60", "So long"))
                    .arg(number("seed", "1", "Feeds every random draw")),
            )
            .subcommand(
                Command::new("bench")
                    .about("Measure the simulator")
                    .arg(Arg::new("WHAT").default_value("apply").value_parser(["apply", "schedule", "rollout", "steady"]))
                    .arg(number("nodes", "100", "Nodes of the cluster"))
                    .arg(number("pods", "1000", "Pods to run"))
                    .arg(number("replicas", "1000", "rollout: pods of the Deployment, ten to a node"))
                    .arg(number("minutes", "60", "steady: how long the cluster is left alone"))
                    .arg(
                        option("workload", "NAME", "basic", "What the pods to schedule ask for")
                            .value_parser(bench::Workload::ALL.map(|(word, _)| word)),
                    )
                    .arg(
                        Arg::new("explain")
                            .long("explain")
                            .action(clap::ArgAction::SetTrue)
                            .help("Keep every plugin's part of the scores apart, as the record of a decision does"),
                    )
                    .arg(number("seed", "1", "Feeds every random draw")),
            )
    }

    fn files(name: &'static str, help: &'static str) -> Arg {
        Arg::new(name).required(true).num_args(1..).help(help)
    }

    fn option(name: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Arg {
        Arg::new(name).long(name).value_name(value).default_value(default).help(help)
    }

    fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
        option(name, "N", default, help).value_parser(value_parser!(u64))
    }

    fn cluster_args() -> [Arg; 3] {
        [
            number("seed", "1", "Feeds every random draw: the same seed gives the same run"),
            number("nodes", "3", "Nodes of the cluster"),
            Arg::new("cluster")
                .long("cluster")
                .value_name("FILE")
                .conflicts_with("nodes")
                .help("The cluster as YAML: nodes: [{name, cpu, memory, pods, zone, labels, taints}]"),
        ]
    }

    fn config(matches: &ArgMatches) -> Result<Config, String> {
        let seed = count(matches, "seed");
        if let Some(path) = matches.get_one::<String>("cluster") {
            let spec = ClusterSpec::parse(&read(path)?).map_err(|error| format!("{path}: {error}"))?;
            return Ok(spec.config(seed));
        }
        match u32::try_from(count(matches, "nodes")) {
            Ok(3) => Ok(Config::small(seed)),
            Ok(nodes) => Ok(Config::sized(seed, nodes)),
            Err(_) => Err("that is too many nodes".into()),
        }
    }

    fn count(matches: &ArgMatches, name: &str) -> u64 {
        matches.get_one::<u64>(name).copied().unwrap_or_default()
    }

    fn duration(matches: &ArgMatches, name: &str) -> Result<SimDuration, String> {
        let text = matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
        SimDuration::parse(text).ok_or_else(|| format!("--{name}: {text:?} is no duration; try 90s or 10m"))
    }

    fn paths(matches: &ArgMatches) -> impl Iterator<Item = &String> {
        matches.get_many::<String>("FILE").into_iter().flatten()
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
        let pod = matches.get_one::<String>("POD").map(String::as_str).unwrap_or_default();
        let why = match why::run(config(matches)?, &manifests, duration(matches, "for")?, pod) {
            Ok(why) => why,
            Err(message) => {
                eprintln!("kubeviz: {message}");
                return Ok(false);
            }
        };
        if matches.get_one::<String>("output").is_some_and(|format| format == "json") {
            say(&serde_json::to_string_pretty(&why).map_err(|error| error.to_string())?);
            say("\n");
        } else {
            say(&why.render());
        }
        Ok(true)
    }

    fn manifests(matches: &ArgMatches) -> Result<Vec<Manifest>, String> {
        paths(matches).map(|path| Ok(Manifest { name: path.clone(), text: read(path)? })).collect()
    }

    fn exec(matches: &ArgMatches) -> Outcome {
        let path = matches.get_one::<String>("SCRIPT").map(String::as_str).unwrap_or("-");
        let script = Script::parse(&read(path)?).map_err(|(line, why)| format!("{path}:{line}: {why}"))?;
        let folder = Path::new(path).parent().unwrap_or(Path::new("."));
        // A file that is not there is for kubectl to complain about, at its line.
        let found = |name: String| Some((name.clone(), read_manifests(&folder.join(name))?));
        let files = script.paths().into_iter().filter_map(found).collect();
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

    /// A manifest, or all those in a folder, in the order of their names, as one.
    fn read_manifests(path: &Path) -> Option<String> {
        if !path.is_dir() {
            return read(&path.to_string_lossy()).ok();
        }
        let entries = std::fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let is_manifest = |path: &std::path::PathBuf| {
            path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
        };
        let mut paths: Vec<_> = entries.filter(is_manifest).collect();
        paths.sort();
        let texts = paths.iter().filter_map(|path| read(&path.to_string_lossy()).ok());
        Some(texts.collect::<Vec<_>>().join("\n---\n"))
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
            for verdict in checker.check(path, &read(path)?) {
                accepted &= verdict.accepted;
                let line = serde_json::to_string(&verdict).map_err(|error| error.to_string())?;
                say(&format!("{line}\n"));
            }
        }
        Ok(accepted)
    }

    fn conform(matches: &ArgMatches) -> Outcome {
        let word = matches.get_one::<String>("SUITE").map(String::as_str).unwrap_or_default();
        let suite = Suite::from_word(word).ok_or_else(|| format!("there is no suite {word}"))?;
        let show = matches.get_one::<usize>("show").copied().unwrap_or_default();
        let mut total = Tally::default();
        for path in paths(matches) {
            let recording = recording(path, suite)?;
            let tally = run_text(suite, &read(&recording)?);
            say(&format!("{path}: {}\n", tally.line()));
            for (name, differences) in &tally.failed {
                if suite == Suite::Traces {
                    say(&format!("  {name}: {}\n", differences.first().map_or("", String::as_str)));
                }
            }
            total.add(tally);
        }
        for (name, differences) in total.failed.iter().take(show) {
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

    fn chaos(matches: &ArgMatches) -> Outcome {
        let text = matches.get_one::<String>("seeds").map(String::as_str).unwrap_or_default();
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let last = last.trim_start_matches('=');
        let seed = |text: &str| {
            text.parse::<u64>().map_err(|_| format!("--seeds: {text:?} is no number; try 1..100"))
        };
        let seeds = seed(first)?..=seed(last)?;
        // What goes wrong is said with the seed.
        std::panic::set_hook(Box::new(|_| {}));
        let clock = CpuClock::start();
        let (mut passed, mut failed, mut events) = (0u64, 0u64, 0u64);
        for seed in seeds {
            match chaos::run(seed) {
                Ok(survived) => {
                    passed += 1;
                    events += survived.events;
                }
                Err(complaint) => {
                    failed += 1;
                    say(&format!("{complaint}\n"));
                }
            }
        }
        say(&format!(
            "chaos: {passed} seeds passed, {failed} failed, {events} events, {} s of CPU\n",
            seconds(clock.micros())
        ));
        Ok(failed == 0)
    }

    fn fuzz(matches: &ArgMatches) -> Outcome {
        let word = matches.get_one::<String>("TARGET").map(String::as_str).unwrap_or_default();
        let target = Target::from_word(word).ok_or("there is no such target")?;
        let mut fuzzer = Fuzzer::new(target, count(matches, "seed"));
        let clock = CpuClock::start();
        let limit = count(matches, "seconds").saturating_mul(1_000_000);
        let (mut fed, mut slowest, mut slow) = (0_u64, 0, String::new());
        let last = std::cell::RefCell::new(String::new());
        while clock.micros() < limit {
            let before = clock.micros();
            let run =
                std::panic::AssertUnwindSafe(|| fuzzer.step(|text| *last.borrow_mut() = text.to_string()));
            let Ok(text) = std::panic::catch_unwind(run) else {
                say(&format!("{word}: a panic after {fed} texts, over\n{}\n", last.borrow()));
                return Ok(false);
            };
            fed += 1;
            let spent = clock.micros() - before;
            if spent > slowest {
                (slowest, slow) = (spent, text);
            }
        }
        say(&format!(
            "{word}: {fed} texts, the slowest {} ms, peak memory {} MiB\n{slow}\n",
            slowest / 1_000,
            peak_memory_mib()
        ));
        Ok(true)
    }

    fn measure(matches: &ArgMatches) -> Outcome {
        let size =
            |name: &str| u32::try_from(count(matches, name)).map_err(|_| format!("--{name} is too large"));
        let (nodes, pods, seed) = (size("nodes")?, size("pods")?, count(matches, "seed"));
        match matches.get_one::<String>("WHAT").map_or("apply", String::as_str) {
            "schedule" => return measure_schedule(matches, nodes, pods, seed),
            "rollout" => return measure_rollout(size("replicas")?, seed),
            "steady" => return measure_steady(nodes, pods, size("minutes")?, seed),
            _ => {}
        }
        let work = bench::Apply::new(seed, nodes, pods);
        let clock = CpuClock::start();
        let applied = work.run()?;
        let spent = clock.micros();
        let bench::Applied { events, writes, summary } = applied;
        say(&format!(
            "apply: {} of {pods} pods ready on {nodes} nodes in {} s of CPU ({} of virtual time, {events} events, \
             {writes} writes)\n",
            summary.pods.ready,
            seconds(spent),
            summary.time,
        ));
        Ok(summary.pods.ready == pods)
    }

    fn measure_rollout(replicas: u32, seed: u64) -> Outcome {
        let mut work = bench::Rollout::new(seed, replicas);
        let empty = peak_memory_mib();
        for (what, act) in [
            ("deploy", bench::Rollout::deploy as fn(&mut bench::Rollout) -> _),
            ("roll over", bench::Rollout::roll_over),
        ] {
            let clock = CpuClock::start();
            let part = act(&mut work)?;
            let spent = clock.micros();
            let memory = peak_memory_mib().saturating_sub(empty) * 1_024 / u64::from(replicas.max(1));
            say(&format!(
                "rollout: {what} {replicas} pods in {} s of CPU ({} s of virtual time, {} events, {} writes, {} us per \
                 write), {memory} KiB per pod so far, history included\n",
                seconds(spent),
                part.took.as_secs(),
                part.events,
                part.writes,
                spent / part.writes.max(1),
            ));
        }
        Ok(true)
    }

    fn measure_steady(nodes: u32, pods: u32, minutes: u32, seed: u64) -> Outcome {
        let mut work = bench::Steady::new(seed, nodes, pods)?;
        let before = peak_memory_mib();
        let clock = CpuClock::start();
        let part = work.pass(minutes);
        let spent = clock.micros();
        say(&format!(
            "steady: {minutes} minutes of {pods} pods on {nodes} nodes in {} s of CPU ({} events, {} writes), {} MiB \
             more memory\n",
            seconds(spent),
            part.events,
            part.writes,
            peak_memory_mib().saturating_sub(before),
        ));
        Ok(true)
    }

    fn measure_schedule(matches: &ArgMatches, nodes: u32, pods: u32, seed: u64) -> Outcome {
        let word = matches.get_one::<String>("workload").map(String::as_str).unwrap_or_default();
        let workload = bench::Workload::from_word(word).ok_or("there is no such workload")?;
        let work = bench::Schedule::new(seed, nodes, pods, workload, matches.get_flag("explain"));
        let clock = CpuClock::start();
        let mut placed = 0;
        work.run(|outcome| placed += u32::from(outcome.is_ok()));
        let spent = clock.micros().max(1);
        let nanos = spent * 1_000 / u64::from(pods.max(1));
        say(&format!(
            "schedule {word}: {placed} of {pods} pods placed on {nodes} nodes in {} s of CPU: {} pods per CPU second, \
             {}.{} us per pod, peak memory {} MiB\n",
            seconds(spent),
            u64::from(pods) * 1_000_000 / spent,
            nanos / 1_000,
            nanos / 100 % 10,
            peak_memory_mib(),
        ));
        Ok(placed == workload.expected(pods))
    }

    /// The most memory this process has held at once, where the system tells it (Linux); otherwise zero.
    fn peak_memory_mib() -> u64 {
        let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) / 1_024
    }

    fn seconds(micros: u64) -> String {
        format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
    }

    /// CPU time of this process where the system tells it (Linux), otherwise the time that has passed.
    struct CpuClock {
        cpu: Option<u64>,
        wall: std::time::Instant,
    }

    impl CpuClock {
        // Measuring is what this clock is for; nothing that is simulated can see it.
        #[allow(clippy::disallowed_methods)]
        fn start() -> CpuClock {
            CpuClock { cpu: cpu_micros(), wall: std::time::Instant::now() }
        }

        fn micros(&self) -> u64 {
            match (self.cpu, cpu_micros()) {
                (Some(start), Some(end)) => end.saturating_sub(start),
                _ => u64::try_from(self.wall.elapsed().as_micros()).unwrap_or(u64::MAX),
            }
        }
    }

    /// The first number of `schedstat` is the time on a CPU, in nanoseconds.
    fn cpu_micros() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
        Some(text.split(' ').next()?.parse::<u64>().ok()? / 1_000)
    }

    /// Prints, and ends quietly if nobody reads any more (`kubeviz run ... | head`).
    fn say(text: &str) {
        if std::io::stdout().write_all(text.as_bytes()).is_err() {
            std::process::exit(0);
        }
    }

    /// Reads a file, or standard input for `-`; inflates what is gzipped.
    fn read(path: &str) -> Result<String, String> {
        let bytes = if path == "-" {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
        } else {
            std::fs::read(path)
        };
        let bytes = bytes.map_err(|error| format!("{path}: {error}"))?;
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            gunzip(&bytes).ok_or_else(|| format!("{path}: not a whole gzip file"))?
        } else {
            bytes
        };
        String::from_utf8(bytes).map_err(|_| format!("{path}: not a text in UTF-8"))
    }

    /// The first member of a gzip file (RFC 1952): a header with optional parts, then deflated data, then eight bytes of
    /// checksum and length, which the inflater has no need of.
    fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
        const HEADER_CRC: u8 = 1 << 1;
        const EXTRA: u8 = 1 << 2;
        const NAME: u8 = 1 << 3;
        const COMMENT: u8 = 1 << 4;
        let flags = *bytes.get(3)?;
        let mut at = 10;
        if flags & EXTRA != 0 {
            at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
            }
        }
        if flags & HEADER_CRC != 0 {
            at += 2;
        }
        miniz_oxide::inflate::decompress_to_vec(bytes.get(at..bytes.len().checked_sub(8)?)?).ok()
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

/// There is no command line in a browser: the target is there only because every binary of a package is.
#[cfg(target_arch = "wasm32")]
fn main() {}
