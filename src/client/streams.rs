//! What the API server passes on to the kubelet of a pod's node: `pods/log` and `pods/exec`.

use crate::api::Pod;
use crate::apiserver::View;
use crate::clock::SimTime;

/// What a command in a container answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What it prints.
    pub said: String,
    /// Its exit code; `None` for one that does not end.
    pub code: Option<i32>,
}

/// The kubelets, as far as a client reaches them.
pub trait Streams {
    /// What a container has printed, with the times; `previous`: its run before the current one.
    fn log(&self, pod: &Pod, container: &str, previous: bool) -> Vec<(SimTime, String)>;

    /// Runs `curl` or the like on the reader's own machine, outside of the cluster. `None` without a network.
    fn outside(&mut self, command: &[String], now: SimTime) -> Option<Answer>;

    /// Runs a command in a running container, at a terminal or not. `None` if there is no such program.
    fn exec(
        &mut self,
        pod: &Pod,
        container: &str,
        command: (&[String], bool),
        view: &View,
        now: SimTime,
    ) -> Option<Answer>;
}
