//! What the command line may say, and what was said.

use clap::{Arg, ArgMatches, Command, value_parser};
use kubeviz::clock::SimDuration;
use kubeviz::scenario::conform::Suite;
use kubeviz::scenario::fuzz::Target;
use kubeviz::scenario::{ClusterSpec, bench};
use kubeviz::sim::Config;

use super::files::read;

pub(super) fn command() -> Command {
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
                .about("Apply manifests to a new cluster and say why a pod is where it is, or any object as it is")
                .long_about(
                    "Apply manifests to a new cluster, run until it is quiet, and say why a pod is where it is, or why \
                     it waits: every node's verdict and scores, what preemption considered, the event, and the single \
                     changes that would let a waiting pod run, each tried by the scheduler on a copy. Of a pod and of any \
                     other object (hpa/web, svc/web, deploy/web, pdb/web, quota/team …) also what the other deciders \
                     say: autoscaler, endpoints, evictions, taints, budgets, quotas, garbage collection, rollouts.\n\nExit \
                     status 1: there is no such object.",
                )
                .arg(
                    Arg::new("OBJECT")
                        .required(true)
                        .help("A pod: its name, how its name begins, or NAMESPACE/NAME; or any object: KIND/NAME"),
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
            Command::new("picture")
                .about("Apply manifests to a new cluster and draw it as SVG, for a slide, for print, or as a figure's poster")
                .arg(files("FILE", "Manifests, applied in this order; - is standard input"))
                .args(cluster_args())
                .arg(option("for", "TIME", "10m", "Draw when the cluster is quiet, or after so much virtual time"))
                .arg(number("width", "800", "So many pixels wide")),
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
                .long_about(
                    "Compare with recordings of a real control plane.\n\nScenarios that docs/divergences.md names, and that \
                     differ in no other column than it says, are printed and counted as known to differ.\n\nExit status 1: \
                     something else differs.",
                )
                .arg(Arg::new("SUITE").required(true).value_parser(Suite::ALL.map(|(word, _)| word)))
                .arg(files("FILE", "Recordings: .json or .jsonl, also .gz"))
                .arg(
                    Arg::new("show")
                        .long("show")
                        .value_name("K")
                        .default_value("0")
                        .value_parser(value_parser!(usize))
                        .help("Print the first K cases that differ in full, the known ones last"),
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
                .arg(number("replicas", "1000", "rollout: pods of the workload, ten to a node"))
                .arg(
                    option("kind", "KIND", "deployment", "rollout: what makes the pods")
                        .value_parser(bench::rollout::Workload::ALL.map(|(word, _)| word)),
                )
                .arg(
                    Arg::new("with")
                        .long("with")
                        .value_name("WHAT")
                        .value_delimiter(',')
                        .value_parser(bench::rollout::Beside::ALL.map(|(word, _)| word))
                        .help("rollout: what stands beside the workload and looks at its pods"),
                )
                .arg(number("minutes", "60", "steady: how long the cluster is left alone"))
                .arg(
                    option("workload", "NAME", "basic", "What the pods to schedule ask for")
                        .value_parser(bench::Workload::ALL.map(|(word, _)| word)),
                )
                .arg(
                    Arg::new("explain")
                        .long("explain")
                        .action(clap::ArgAction::SetTrue)
                        .help("schedule: keep the record of every decision"),
                )
                .arg(
                    Arg::new("growth")
                        .long("growth")
                        .action(clap::ArgAction::SetTrue)
                        .help("schedule, rollout: also measure at a tenth of the size"),
                )
                .arg(
                    Arg::new("whole")
                        .long("whole")
                        .action(clap::ArgAction::SetTrue)
                        .help("schedule: also measure all that the scheduler does for a pod, from the watch to its writes"),
                )
                .arg(number("seed", "1", "Feeds every random draw")),
        )
}

pub(super) fn files(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).num_args(1..).help(help)
}

pub(super) fn option(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Arg {
    Arg::new(name).long(name).value_name(value).default_value(default).help(help)
}

pub(super) fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    option(name, "N", default, help).value_parser(value_parser!(u64))
}

pub(super) fn cluster_args() -> [Arg; 3] {
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

pub(super) fn config(matches: &ArgMatches) -> Result<Config, String> {
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

pub(super) fn count(matches: &ArgMatches, name: &str) -> u64 {
    matches.get_one::<u64>(name).copied().unwrap_or_default()
}

pub(super) fn duration(matches: &ArgMatches, name: &str) -> Result<SimDuration, String> {
    let text = matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    SimDuration::parse(text).ok_or_else(|| format!("--{name}: {text:?} is no duration; try 90s or 10m"))
}

pub(super) fn paths(matches: &ArgMatches) -> impl Iterator<Item = &String> {
    matches.get_many::<String>("FILE").into_iter().flatten()
}
