//! `kubeviz chaos`: random work on a cluster in which things go wrong, from a seed. What must hold is checked after every event
//! (the invariants); after the last fault everything is healed, and what is asked for must come true.

mod liveness;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;
use crate::sim::{Config, Input, Simulation};

/// How many things are done to a cluster.
const STEPS: u32 = 40;
/// What is only a matter of time is over after this. The longest chain of upstream's own waits, from the last fault on: somebody
/// is told of the end of it up to 5 s late; a node that was short of something says so for 5 minutes more
/// (`eviction-pressure-transition-period`) and turns pods away all the while, so that a DaemonSet's pod fails there once more
/// at the end of it; the controller then waits up to 15 minutes before it replaces it (`failedPodsBackoff`); and a pod takes
/// some seconds to come up. Every other chain is shorter: a lost node is missed after 50 s, its pods go after 5 minutes, their
/// volumes are taken off it after 6 more; a Job waits at most 10 minutes for its next try, a container or an image 5.
const RECOVERY: SimDuration = SimDuration::from_secs(21 * 60);
/// Nothing but routine is left this much later.
const REST: SimDuration = SimDuration::from_secs(60);

/// What a seed has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survived {
    /// Events processed.
    pub events: u64,
    /// Writes made.
    pub writes: u64,
    /// A number that is equal where the run was the same.
    pub digest: u64,
}

/// Plays one seed. Every event is followed by a check of the invariants.
///
/// # Errors
/// What does not hold, with all that was done.
pub fn run(seed: u64) -> Result<Survived, String> {
    let mut done: Vec<(SimTime, Input)> = Vec::new();
    // An invariant that breaks says so by a panic, and so does any other mistake of ours.
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, &mut done)));
    let complaint = match played {
        Ok(Ok(survived)) => return Ok(survived),
        Ok(Err(complaint)) => complaint,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_string()
        }
    };
    let story: String =
        done.iter().map(|(time, input)| format!("  {time}  {}\n", super::steps::describe(input))).collect();
    Err(format!("seed {seed}: {complaint}\nwhat was done:\n{story}"))
}

fn play(seed: u64, done: &mut Vec<(SimTime, Input)>) -> Result<Survived, String> {
    let mut rng = Rng::new(seed, "chaos");
    let mut simulation = Simulation::new(Config { check_invariants: true, ..Config::sized(seed, 4) });
    let mut work = work::Work::default();
    for _ in 0..STEPS {
        // Half of the time things happen in the middle of others.
        let wait = if rng.below(2) == 0 { rng.below(400) } else { rng.below(20_000) };
        let until = simulation.now() + SimDuration::from_millis(u64::from(wait));
        simulation.advance(until, u64::MAX);
        let input = work.next(&simulation, &mut rng);
        done.push((simulation.now(), input.clone()));
        simulation.submit(input);
    }
    for input in work.heal(&simulation) {
        done.push((simulation.now(), input.clone()));
        simulation.submit(input);
    }
    simulation.advance(simulation.now() + RECOVERY, u64::MAX);
    if !simulation.run_until_quiet(simulation.now() + REST) {
        return Err(format!("the cluster does not come to rest within {} s", REST.as_secs()));
    }
    let wrong = liveness::complaints(simulation.view());
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    Ok(Survived {
        events: simulation.events_done(),
        writes: simulation.revision(),
        digest: simulation.digest(),
    })
}
