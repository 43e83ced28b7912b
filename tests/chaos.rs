//! Goal: whatever goes wrong, nothing that must hold is violated, and once it is mended everybody has what was asked for.
//!
//! Method: see `kubeviz::scenario::chaos`. `kubeviz chaos --seeds A..B` runs more seeds; a failure says which, and what was done.

use kubeviz::scenario::chaos;

/// Few enough for every run of the tests.
const SEEDS: u64 = 16;

#[test]
fn clusters_survive_what_goes_wrong() {
    let failed: Vec<String> = (1..=SEEDS).filter_map(|seed| chaos::run(seed).err()).collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n\n"));
}

#[test]
fn a_seed_goes_the_same_way_twice() {
    assert_eq!(chaos::run(1), chaos::run(1));
}
