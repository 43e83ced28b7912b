//! How long things take on a node, and what kubelets report: one table, so that a cluster can be made slower, faster,
//! or equal to a recorded one without another kubelet.

use std::sync::Arc;

use crate::clock::SimDuration;
use crate::rng::Rng;

/// A span that is never shorter than `base` and at most `jitter` longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// The least.
    pub base: SimDuration,
    /// What chance may add.
    pub jitter: SimDuration,
}

impl Delay {
    /// No time at all.
    pub const ZERO: Delay = Delay { base: SimDuration::ZERO, jitter: SimDuration::ZERO };

    /// Exactly so many milliseconds.
    pub const fn exactly_millis(millis: u64) -> Delay {
        Delay { base: SimDuration::from_millis(millis), jitter: SimDuration::ZERO }
    }

    /// From `base` to `base + jitter` milliseconds.
    pub const fn millis(base: u64, jitter: u64) -> Delay {
        Delay { base: SimDuration::from_millis(base), jitter: SimDuration::from_millis(jitter) }
    }

    /// One such span. Draws from `rng` only where chance has a part.
    pub fn draw(self, rng: &mut Rng) -> SimDuration {
        if self.jitter == SimDuration::ZERO {
            return self.base;
        }
        let bound = u32::try_from(self.jitter.0).unwrap_or(u32::MAX);
        self.base + SimDuration::from_micros(u64::from(rng.below(bound)))
    }
}

/// A wait that doubles with every failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// The first wait.
    pub base: SimDuration,
    /// The longest.
    pub max: SimDuration,
}

impl BackOff {
    /// The wait after `failures` failures in a row, the first of which counts as 1: 10 s, 20 s, 40 s … 300 s.
    pub fn wait(self, failures: u32) -> SimDuration {
        self.base.doubled(failures.saturating_sub(1), self.max)
    }
}

/// How images come to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulling {
    /// Asking the registry what the tag means; all that a pull takes when the node has the image.
    pub resolve: Delay,
    /// Bytes per second that a node pulls and unpacks; one image at a time, as `serializeImagePulls` has it.
    pub bytes_per_second: u64,
    /// Between failed attempts. `None`: one failure is the last.
    pub retry: Option<BackOff>,
}

/// What kubelets write into the status besides what follows from the state of the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reporting {
    /// `observedGeneration`, in the status and in every condition.
    pub observed_generation: bool,
    /// Images by their full name and digest, as the container runtime knows them, rather than as the manifest says.
    pub full_image_names: bool,
    /// The pod's address from when its sandbox is up, rather than from when a container runs.
    pub address_with_sandbox: bool,
    /// Whether the conditions of a finished pod still list its containers.
    pub unready_message_when_finished: bool,
    /// Whether a finished pod's `Initialized` condition says so, and a container's end names the container.
    pub finished_details: bool,
    /// What a container that never ran is said to have exited with when its pod is deleted.
    pub unstarted_exit_code: i32,
    /// `Event` objects.
    pub events: bool,
}

/// Everything that is a matter of degree in a kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletConfig {
    /// What annotations that say how a container behaves begin with: `kubeviz.dev/`.
    pub annotation_prefix: Arc<str>,
    /// From the moment a kubelet hears of a pod to its first status.
    pub pod_sync: Delay,
    /// Making the sandbox: network, cgroups, volumes.
    pub sandbox: Delay,
    /// Creating and starting a container whose image is there.
    pub start: Delay,
    /// How images come; `None`: every image is everywhere.
    pub pulling: Option<Pulling>,
    /// How long a process takes to end when asked to, unless its image or its annotations say otherwise.
    pub stop: Delay,
    /// From the end of the last container to the pod's removal.
    pub cleanup: Delay,
    /// From a container's end to the kubelet's doing something about it.
    pub restart: Delay,
    /// Between restarts from the second on; `None`: containers restart at once for ever.
    pub crash_back_off: Option<BackOff>,
    /// Pods of one namespace begin to run at least this far apart; `None`: at any time.
    pub ready_gap: Option<SimDuration>,
    /// From a sync of a pod that has failed to the next (`backOffPeriod`).
    pub sync_retry: Delay,
    /// Whether probes run, and commands are read: otherwise what runs is ready and stays up.
    pub runs_commands: bool,
    /// Whether pods are refused, evicted and killed for what they ask for and use.
    pub judges: bool,
    /// Between renewals of a node's lease; `None`: no lease.
    pub lease_every: Option<SimDuration>,
    /// Between reports of a node's status in which nothing has changed (`nodeStatusReportFrequency`).
    pub node_report_every: SimDuration,
    /// What is written into statuses and events.
    pub reporting: Reporting,
}

impl Default for KubeletConfig {
    /// A small cluster with a near registry.
    fn default() -> KubeletConfig {
        KubeletConfig {
            annotation_prefix: "kubeviz.dev/".into(),
            pod_sync: Delay::millis(20, 30),
            sandbox: Delay::millis(250, 250),
            start: Delay::millis(120, 160),
            pulling: Some(Pulling {
                resolve: Delay::millis(350, 400),
                bytes_per_second: 48_000_000,
                retry: Some(BackOff { base: SimDuration::from_secs(10), max: SimDuration::from_secs(300) }),
            }),
            stop: Delay::millis(150, 250),
            cleanup: Delay::millis(300, 400),
            restart: Delay::millis(600, 600),
            crash_back_off: Some(BackOff {
                base: SimDuration::from_secs(10),
                max: SimDuration::from_secs(300),
            }),
            ready_gap: None,
            sync_retry: Delay::millis(10_000, 5_000),
            runs_commands: true,
            judges: true,
            lease_every: Some(SimDuration::from_secs(10)),
            node_report_every: SimDuration::from_secs(300),
            reporting: Reporting {
                observed_generation: true,
                full_image_names: true,
                address_with_sandbox: true,
                unready_message_when_finished: false,
                finished_details: true,
                unstarted_exit_code: 137,
                events: true,
            },
        }
    }
}

impl KubeletConfig {
    /// The stand-in kubelet of the recordings that parity is measured with: fixed times, no events, no registry, and
    /// pods of one namespace that begin to run `ready_gap` apart.
    pub fn recorded(ready_gap: SimDuration) -> KubeletConfig {
        KubeletConfig {
            annotation_prefix: "sim/".into(),
            pod_sync: Delay::exactly_millis(20),
            sandbox: Delay::ZERO,
            start: Delay::exactly_millis(100),
            pulling: None,
            stop: Delay::exactly_millis(200),
            cleanup: Delay::exactly_millis(10),
            restart: Delay::exactly_millis(300),
            crash_back_off: None,
            ready_gap: Some(ready_gap),
            sync_retry: Delay::exactly_millis(10_000),
            runs_commands: false,
            judges: false,
            lease_every: Some(SimDuration::from_secs(10)),
            node_report_every: SimDuration::from_secs(300),
            reporting: Reporting {
                observed_generation: false,
                full_image_names: false,
                address_with_sandbox: false,
                unready_message_when_finished: true,
                finished_details: false,
                unstarted_exit_code: 0,
                events: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_doubles_from_its_base_to_its_maximum() {
        let back_off = BackOff { base: SimDuration::from_secs(10), max: SimDuration::from_secs(300) };
        let waits: Vec<u64> = (1..=7).map(|failures| back_off.wait(failures).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_delay_stays_within_its_bounds_and_draws_only_for_chance() {
        let mut rng = Rng::new(1, "test");
        let before = rng.clone().bits();
        assert_eq!(Delay::exactly_millis(5).draw(&mut rng), SimDuration::from_millis(5));
        assert_eq!(rng.clone().bits(), before);
        for _ in 0..100 {
            let drawn = Delay::millis(5, 10).draw(&mut rng).0;
            assert!((5_000..15_000).contains(&drawn), "{drawn}");
        }
    }
}
