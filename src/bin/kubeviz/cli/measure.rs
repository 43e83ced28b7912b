//! Benchmarks, by CPU time.

use clap::ArgMatches;
use kubeviz::scenario::bench;

use super::Outcome;
use super::arguments::count;
use super::files::say;

pub(super) fn measure(matches: &ArgMatches) -> Outcome {
    let size = |name: &str| u32::try_from(count(matches, name)).map_err(|_| format!("--{name} is too large"));
    let (nodes, pods, seed) = (size("nodes")?, size("pods")?, count(matches, "seed"));
    match matches.get_one::<String>("WHAT").map_or("apply", String::as_str) {
        "schedule" => return measure_schedule(matches, nodes, pods, seed),
        "rollout" => return measure_rollout(matches, size("replicas")?, seed),
        "steady" => return measure_steady(nodes, pods, size("minutes")?, seed),
        _ => {}
    }
    let mut work = bench::Apply::new(seed, nodes, pods);
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

pub(super) fn measure_rollout(matches: &ArgMatches, replicas: u32, seed: u64) -> Outcome {
    let word = matches.get_one::<String>("kind").map(String::as_str).unwrap_or_default();
    let workload = chosen(&bench::rollout::Workload::ALL, word).ok_or("there is no such kind")?;
    let words = matches.get_many::<String>("with").unwrap_or_default();
    let beside: Vec<_> = words.filter_map(|word| chosen(&bench::rollout::Beside::ALL, word)).collect();
    // The smaller first: the most memory held at once is the larger's.
    let fewer = match matches.get_flag("growth") {
        true => Some(roll_out(bench::Rollout::new(seed, workload, replicas / 10, &beside), replicas / 10)?),
        false => None,
    };
    let spent = roll_out(bench::Rollout::new(seed, workload, replicas, &beside), replicas)?;
    if let Some(fewer) = fewer {
        let hundredths = spent * 100 * u64::from(replicas / 10) / (fewer * u64::from(replicas)).max(1);
        say(&format!(
            "  a pod of {replicas} costs {}.{:02} times as much as one of {}\n",
            hundredths / 100,
            hundredths % 100,
            replicas / 10,
        ));
    }
    Ok(true)
}

fn chosen<T: Copy>(all: &[(&str, T)], word: &str) -> Option<T> {
    all.iter().find(|(known, _)| *known == word).map(|(_, one)| *one)
}

/// Both parts of the work. Returns the CPU time that they took, in microseconds.
fn roll_out(mut work: bench::Rollout, replicas: u32) -> Result<u64, String> {
    let (empty, mut all) = (peak_memory_mib(), 0);
    for (what, act) in [
        ("deploy", bench::Rollout::deploy as fn(&mut bench::Rollout) -> _),
        ("roll over", bench::Rollout::roll_over),
    ] {
        let clock = CpuClock::start();
        let part = act(&mut work)?;
        let spent = clock.micros();
        all += spent;
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
    Ok(all)
}

pub(super) fn measure_steady(nodes: u32, pods: u32, minutes: u32, seed: u64) -> Outcome {
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

pub(super) fn measure_schedule(matches: &ArgMatches, nodes: u32, pods: u32, seed: u64) -> Outcome {
    let word = matches.get_one::<String>("workload").map(String::as_str).unwrap_or_default();
    let workload = bench::Workload::from_word(word).ok_or("there is no such workload")?;
    let explain = matches.get_flag("explain");
    let cycle = |nodes: u32, pods: u32| {
        let mut work = bench::Schedule::new(seed, nodes, pods, workload, explain);
        let clock = CpuClock::start();
        let mut placed = 0;
        work.run(|outcome| placed += u32::from(outcome.is_ok()));
        (placed, clock.micros().max(1))
    };
    let (placed, spent) = cycle(nodes, pods);
    say(&format!(
        "schedule {word}: {placed} of {pods} pods placed on {nodes} nodes in {} s of CPU: {} (scheduling cycle, all nodes \
         scored), peak memory {} MiB\n",
        seconds(spent),
        rate(pods, spent),
        peak_memory_mib(),
    ));
    if matches.get_flag("growth") {
        // Where every pod needs room of its own, a tenth of the nodes have it for a tenth of the pods.
        let few = if workload.uses_nodes_up() { (pods / 10).max(1) } else { pods };
        let (_, fewer) = cycle(nodes / 10, few);
        let hundredths = spent * 100 * u64::from(few) / (fewer * u64::from(pods.max(1)));
        say(&format!(
            "  on {} nodes: {}; a pod costs {}.{:02} times as much on {nodes}\n",
            nodes / 10,
            rate(few, fewer),
            hundredths / 100,
            hundredths % 100,
        ));
    }
    if matches.get_flag("whole") {
        let mut work = bench::Whole::new(seed, nodes, pods, workload, explain)?;
        let clock = CpuClock::start();
        let attempts = work.run();
        say(&format!(
            "  from the watch to the binding and the event written, through the API server: {}\n",
            rate(attempts, clock.micros().max(1)),
        ));
    }
    Ok(placed == workload.expected(pods))
}

fn rate(pods: u32, micros: u64) -> String {
    let nanos = micros * 1_000 / u64::from(pods.max(1));
    format!(
        "{} pods per CPU second, {}.{} us per pod",
        u64::from(pods) * 1_000_000 / micros,
        nanos / 1_000,
        nanos / 100 % 10
    )
}

/// The most memory this process has held at once, where the system tells it (Linux); otherwise zero.
pub(super) fn peak_memory_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1_024
}

pub(super) fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}

/// CPU time of this process where the system tells it (Linux), otherwise the time that has passed.
pub(super) struct CpuClock {
    cpu: Option<u64>,
    wall: std::time::Instant,
}

impl CpuClock {
    // Measuring is what this clock is for; nothing that is simulated can see it.
    #[allow(clippy::disallowed_methods)]
    pub(super) fn start() -> CpuClock {
        CpuClock { cpu: cpu_micros(), wall: std::time::Instant::now() }
    }

    pub(super) fn micros(&self) -> u64 {
        match (self.cpu, cpu_micros()) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => u64::try_from(self.wall.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// The first number of `schedstat` is the time on a CPU, in nanoseconds.
pub(super) fn cpu_micros() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<u64>().ok()? / 1_000)
}
