//! The library inside a browser: `./kubeviz test browser` compiles this for wasm and runs it in headless Chromium.
//!
//! A run must be the same there, byte for byte. What it is natively, the command line of the same sources says:
//! `kubeviz digest` is asked before this is compiled and its answers are handed over in `KUBEVIZ_NATIVE_DIGESTS`.
#![cfg(target_arch = "wasm32")]

use std::collections::BTreeMap;

use kubeviz::api::manifest::{self, Limits};
use kubeviz::scenario::{Scenario, steps};
use kubeviz::sim::{Config, Simulation};
use wasm_bindgen_test::wasm_bindgen_test;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// Scenarios by the path under which the command line knows them.
const SCENARIOS: [(&str, &str); 3] = [
    ("tests/scenarios/rollout/surge-and-floor.yaml", include_str!("scenarios/rollout/surge-and-floor.yaml")),
    ("tests/scenarios/pods/crash-loop.yaml", include_str!("scenarios/pods/crash-loop.yaml")),
    (
        "tests/scenarios/scheduling/waits-for-room.yaml",
        include_str!("scenarios/scheduling/waits-for-room.yaml"),
    ),
];

fn digest(text: &str) -> String {
    let scenario = Scenario::parse(text).expect("the scenario is well formed");
    let manifest = include_str!("fixtures/myapp-deploy.yaml").to_string();
    let files = BTreeMap::from([("../../fixtures/myapp-deploy.yaml".to_string(), manifest)]);
    format!("{:016x}", steps::play(&scenario, &files).simulation.digest())
}

#[wasm_bindgen_test]
fn a_scenario_played_twice_is_the_same_run() {
    let (_, text) = SCENARIOS[0];
    assert_eq!(digest(text), digest(text));
}

#[wasm_bindgen_test]
fn the_browser_and_the_command_line_have_the_same_runs() {
    // One "digest  path" per line, as `kubeviz digest` prints it.
    let native =
        option_env!("KUBEVIZ_NATIVE_DIGESTS").expect("./kubeviz test browser sets KUBEVIZ_NATIVE_DIGESTS");
    for (path, text) in SCENARIOS {
        let line = native
            .lines()
            .find(|line| line.ends_with(path))
            .expect("the command line was asked for the path");
        assert_eq!(line, format!("{}  {path}", digest(text)));
    }
}

#[wasm_bindgen_test]
fn a_manifest_is_read_with_its_places() {
    let stream = manifest::parse("kind: Pod\nmetadata:\n\tname: tab\n", &Limits::default());
    let first = stream.errors.first().expect("a tab is no indentation");
    assert_eq!(first.line, 3);
}

#[wasm_bindgen_test]
fn a_wrong_field_is_answered_in_the_servers_words() {
    let mut simulation = Simulation::new(Config::small(1));
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  container: []\n";
    let outcome = simulation.apply(manifest);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("unknown field \"spec.container\""), "{}", outcome.stderr);
}

#[wasm_bindgen_test]
fn hostile_text_is_refused() {
    let deep = "[".repeat(10_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n\
                g: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\n";
    for text in [deep.as_str(), bomb] {
        assert!(manifest::parse(text, &Limits::default()).has_errors());
    }
}
