//! A run as text: one aligned line per write that people care about.
//!
//! ```text
//! 00:00.013  deployment-controller  ReplicaSet web-5d8b      created, wants 3
//! 00:00.431  default-scheduler      Pod web-5d8b-x7k2p     ! FailedScheduling: 0/3 nodes are available: ...
//! ```
//! The columns are time, component, object, a mark for bad news, and what happened. Objects outside the namespace
//! `default` carry theirs.

use crate::api::meta::Revision;
use crate::sim::Simulation;
use crate::view::{StoryLine, story_line};

/// Columns start this wide; a longer entry pushes the rest of its own line only.
const COMPONENT_WIDTH: usize = 21;
const OBJECT_WIDTH: usize = 34;

/// Reads a simulation's log from where it last stopped.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    cursor: Revision,
}

impl Transcript {
    /// A transcript that begins after what the cluster has written so far.
    pub fn from_now(simulation: &Simulation) -> Transcript {
        Transcript { cursor: simulation.revision() }
    }

    /// What has happened since the last call, oldest first.
    pub fn take(&mut self, simulation: &Simulation) -> Vec<StoryLine> {
        let lines = simulation.api().store().since(self.cursor).filter_map(|change| story_line(change));
        let lines = lines.collect();
        self.cursor = simulation.revision();
        lines
    }

    /// The same, as text.
    pub fn take_text(&mut self, simulation: &Simulation) -> String {
        self.take(simulation).iter().map(render).collect()
    }
}

/// One line of the transcript, with its line end.
pub fn render(line: &StoryLine) -> String {
    let object = short_object(&line.object);
    let mark = if line.warning { '!' } else { ' ' };
    let text = line.text.replace('\n', " ");
    let time = line.time.to_string();
    format!("{time}  {:COMPONENT_WIDTH$}  {object:OBJECT_WIDTH$} {mark} {text}\n", line.actor)
}

/// `Pod default/web-0` reads as `Pod web-0`.
fn short_object(object: &str) -> String {
    object.replacen(" default/", " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;

    #[test]
    fn a_line_shows_time_component_object_and_what_happened() {
        let line = StoryLine {
            revision: 1,
            time: SimTime(13_000),
            actor: "deployment-controller".into(),
            object: "ReplicaSet default/web-5d8b".into(),
            text: "created, wants 3".into(),
            warning: false,
        };
        let want =
            "00:00.013  deployment-controller  ReplicaSet web-5d8b                  created, wants 3\n";
        assert_eq!(render(&line), want);
        let bad = StoryLine { warning: true, object: "Pod shop/web-0".into(), text: "a\nb".into(), ..line };
        let want = "00:00.013  deployment-controller  Pod shop/web-0                     ! a b\n";
        assert_eq!(render(&bad), want);
    }
}
