//! `kubeviz bench schedule` for a WebAssembly engine: `run.mjs` holds the clock, this module does the work.

use std::cell::RefCell;

use kubeviz::scenario::bench::{Schedule, Workload};

thread_local! {
    static WORK: RefCell<Option<Schedule>> = const { RefCell::new(None) };
}

/// Makes ready a workload, by its place among all. Says whether there is one.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(workload: u32, nodes: u32, pods: u32) -> bool {
    let known = Workload::ALL.get(workload as usize);
    let made = known.map(|(_, workload)| Schedule::new(1, nodes, pods, *workload, false));
    WORK.with(|work| work.replace(made));
    known.is_some()
}

/// Places the pods that are ready. Says how many found a node. What is left of the work goes with the next [`prepare`], as the
/// native benchmark stops its clock before it tidies up.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> u32 {
    let mut placed = 0;
    WORK.with(|work| {
        if let Some(work) = &mut *work.borrow_mut() {
            work.run(|outcome| placed += u32::from(outcome.is_ok()));
        }
    });
    placed
}
