//! An Apply on a copy of the cluster that nobody sees, soon after the page has come up. A browser compiles a function when it
//! is called first; without this, all that an Apply needs is compiled while the reader waits for the first pod.

use std::collections::BTreeMap;

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::sim::{Input, Progress, Recording};
use kubeviz::view::{Stage, story_line};

use super::driver::wall_ms;

/// What nearly every reader begins with: a Deployment.
const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {a: a}}
  template:
    metadata: {labels: {a: a}}
    spec: {containers: [{name: a, image: nginx}]}
";
/// By then its pod runs.
const LENGTH: SimDuration = SimDuration::from_secs(10);
/// What a part may take, in milliseconds.
const PART_MS: f64 = 4.0;

/// The copy, as far as it has come.
pub struct Rehearsal {
    recording: Recording,
    stage: Stage,
    ends: SimTime,
}

impl Rehearsal {
    /// Applies the manifest to a copy.
    pub fn new(recording: Recording, stage: Stage) -> Rehearsal {
        let mut rehearsal = Rehearsal { ends: recording.end() + LENGTH, recording, stage };
        let line = "kubectl apply -f -".to_string();
        rehearsal.recording.submit(Input::Kubectl {
            line,
            stdin: Some(MANIFEST.into()),
            files: BTreeMap::new(),
        });
        rehearsal
    }

    /// Plays a part of it. Says whether more is to come.
    pub fn go_on(&mut self) -> bool {
        let began = wall_ms();
        let told = self.recording.view().revision();
        let mut progress = Progress::Busy;
        while progress == Progress::Busy && wall_ms() - began < PART_MS {
            progress = self.recording.advance(self.ends, 1);
        }
        self.stage.draw(self.recording.view(), self.recording.live().api().store());
        self.recording.live().api().store().since(told).for_each(|change| _ = story_line(change));
        progress == Progress::Busy
    }
}
