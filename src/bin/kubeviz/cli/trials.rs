//! Random work and broken texts: what must hold whatever happens.

use clap::ArgMatches;
use kubeviz::scenario::chaos;
use kubeviz::scenario::fuzz::{Fuzzer, Target};

use super::Outcome;
use super::arguments::count;
use super::files::say;
use super::measure::{CpuClock, peak_memory_mib, seconds};

pub(super) fn chaos(matches: &ArgMatches) -> Outcome {
    let text = matches.get_one::<String>("seeds").map(String::as_str).unwrap_or_default();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let last = last.trim_start_matches('=');
    let seed =
        |text: &str| text.parse::<u64>().map_err(|_| format!("--seeds: {text:?} is no number; try 1..100"));
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

pub(super) fn fuzz(matches: &ArgMatches) -> Outcome {
    let word = matches.get_one::<String>("TARGET").map(String::as_str).unwrap_or_default();
    let target = Target::from_word(word).ok_or("there is no such target")?;
    let mut fuzzer = Fuzzer::new(target, count(matches, "seed"));
    let clock = CpuClock::start();
    let limit = count(matches, "seconds").saturating_mul(1_000_000);
    let (mut fed, mut slowest, mut slow) = (0_u64, 0, String::new());
    let last = std::cell::RefCell::new(String::new());
    while clock.micros() < limit {
        let before = clock.micros();
        let run = std::panic::AssertUnwindSafe(|| fuzzer.step(|text| *last.borrow_mut() = text.to_string()));
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
