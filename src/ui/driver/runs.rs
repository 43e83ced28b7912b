//! The futures that were left: looked at beside the run that is played, or played on.

use kubeviz::api::Key;
use kubeviz::clock::SimTime;
use kubeviz::sim::Run;
use kubeviz::view::Stage;
use kubeviz::view::course::Course;
use kubeviz::view::graphs::Graphs;
use kubeviz::view::rollout::Curve;
use kubeviz::view::timeline::Timeline;

use super::Driver;
use crate::ui::shared::Shared;

/// How a workload's rollout went in a run that was left. Such a run does not go on, so this is read once.
pub struct Rival {
    run: usize,
    key: Key,
    course: Option<Shared<Course>>,
}

impl Driver {
    /// The number of the run that is played.
    pub fn run(&self) -> usize {
        self.recording.number()
    }

    /// The number of the run that was left last.
    pub fn left(&self) -> usize {
        self.recording.runs().last().map_or(0, |run| run.number)
    }

    /// The runs that were left: their numbers, in order, and how far each had come.
    pub fn kept(&self) -> Vec<(usize, SimTime)> {
        let mut kept: Vec<_> =
            self.recording.runs().iter().map(|run| (run.number, run.simulation.now())).collect();
        kubeviz::api::sorting::sort_by_key(&mut kept, |run| run.0);
        kept
    }

    /// Plays a run on that was left.
    pub fn take_up(&mut self, run: usize) {
        if self.recording.take_up(run) {
            self.stage = Stage::default();
            self.story.clear();
            (self.revision, self.told) = (0, 0);
            self.readiness.go_back(0);
            self.met = self.recording.view().revision();
            self.newcomers.clear();
            self.forget_readings();
            self.refresh();
        }
    }

    /// Forgets what was read of the run so far.
    pub(super) fn forget_readings(&mut self) {
        (self.timeline, self.curve, self.rival) = (Timeline::default(), Curve::default(), None);
        (self.graphs, self.rival_graphs) = (Graphs::default(), None);
    }

    /// How a workload's rollout went in a run that was left.
    pub fn course_in(&mut self, run: usize, key: &Key) -> Option<Shared<Course>> {
        let known = self.rival.as_ref().is_some_and(|rival| rival.run == run && rival.key == *key);
        if !known {
            let read = |run: &Run| {
                let simulation = &run.simulation;
                Course::of_run(simulation.view(), simulation.api().store(), key, simulation.now())
            };
            let kept = self.recording.runs().iter().find(|kept| kept.number == run);
            self.rival = Some(Rival { run, key: key.clone(), course: kept.and_then(read).map(Shared::new) });
        }
        self.rival.as_ref().and_then(|rival| rival.course.clone())
    }

    /// How the figures went in a run that was left, to its end.
    pub fn graphs_in(&mut self, run: usize) -> Option<&Graphs> {
        if self.rival_graphs.as_ref().is_none_or(|(known, _)| *known != run) {
            let simulation = &self.recording.runs().iter().find(|kept| kept.number == run)?.simulation;
            let mut graphs = Graphs::default();
            graphs.follow(simulation.api().store(), simulation.view().revision(), usize::MAX);
            self.rival_graphs = Some((run, graphs));
        }
        self.rival_graphs.as_ref().map(|(_, graphs)| graphs)
    }
}
