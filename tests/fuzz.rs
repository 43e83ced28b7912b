//! A short run of `kubeviz fuzz` for every target: nothing that reads text may panic on what it is given. Longer:
//! `kubeviz fuzz TARGET --seconds 600`.

use kubeviz::scenario::fuzz::{Fuzzer, Target};

fn feed(target: Target, times: u32) {
    let mut fuzzer = Fuzzer::new(target, 7);
    for _ in 0..times {
        let text = fuzzer.step(|_| {});
        assert!(text.len() <= 32_000, "texts stay short");
    }
}

#[test]
fn broken_manifests_are_answered() {
    feed(Target::Yaml, 250);
}

#[test]
fn broken_lines_are_answered() {
    feed(Target::Kubectl, 600);
}

#[test]
fn broken_documents_are_answered_by_whatever_reads_one() {
    feed(Target::Document, 400);
}

#[test]
fn broken_templates_quantities_selectors_and_expressions_are_answered() {
    for target in [Target::Jsonpath, Target::Quantity, Target::Selector, Target::Cel] {
        feed(target, 5_000);
    }
}
