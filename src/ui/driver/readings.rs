//! What the page asks of the run as it stands at the position.

use std::sync::Arc;

use kubeviz::api::Key;
use kubeviz::api::explain::Explain;
use kubeviz::api::manifest::Diagnostic;
use kubeviz::clock::SimDuration;
use kubeviz::view::graphs::Graphs;
use kubeviz::view::inspect::Detail;
use kubeviz::view::menu::menu;
use kubeviz::view::preview::{Planned, preview};
use kubeviz::view::quick_fix::{self, QuickFix};
use kubeviz::view::rollout::{Curve, Rollout, rollout};
use kubeviz::view::targets::{Targets, targets};
use kubeviz::view::timeline::Timeline;
use kubeviz::view::traffic::{self, Dot, Lane, Meters};
use kubeviz::view::tree::{Branch, tree};
use kubeviz::view::xray::{Exchange, Hop, chain, exchanges};
use kubeviz::view::{Inspection, assist, detail, inspect, trial, why};

use super::{Driver, wall_ms};
use crate::ui::rehearsal::Rehearsal;
use crate::ui::state::InspectorTab;

/// How long a request is drawn on its way, in microseconds of the reader's time.
const DOT_WAY_US: u64 = 900_000;
/// How many requests are drawn at once.
const DOTS: usize = 40;
/// Writes that are read for lives and figures between two looks at the clock, and how long a frame reads.
const WRITES_PER_LOOK: usize = 256;
const READING_BUDGET_MS: f64 = 8.0;

impl Driver {
    /// What there is to act on at the position.
    pub fn targets(&self) -> Targets {
        targets(self.recording.view(), self.recording.live())
    }

    /// What the scheduler decided about a pod last, up to the position.
    pub fn scheduling(&self, key: &Key) -> Option<Arc<Explain>> {
        why::last_attempt(self.recording.live().api().store(), self.revision, key)
    }

    /// A copy that applies something unseen.
    pub fn rehearse(&self) -> Rehearsal {
        Rehearsal::new(self.recording.clone(), self.stage.clone())
    }

    /// An object in detail.
    pub fn inspect(&self, key: &Key, page: InspectorTab, compare: Option<(u64, u64)>) -> Option<Inspection> {
        let (view, log) = (self.recording.view(), self.recording.live().api().store());
        let mut found = inspect(view, log, key, self.position())?;
        found.menu = view.object(key).map(|object| menu(key, object, &self.namespace())).unwrap_or_default();
        match page {
            InspectorTab::Summary => found.due = self.recording.moment().due(key),
            InspectorTab::Why => {}
            InspectorTab::Yaml => {
                let managed = detail::managed(&self.recording.moment(), key);
                let fields = compare.map(|pair| detail::between(log, pair)).unwrap_or_default();
                found.detail = Detail::Revisions(managed, detail::written(log, view.revision(), key), fields);
            }
            InspectorTab::Events => found.detail = Detail::Events(detail::event_groups(view, log, key)),
            InspectorTab::Logs => found.detail = Detail::Logs(detail::logs(&self.recording.moment(), key)),
        }
        Some(found)
    }

    /// What could stand at a place of a manifest.
    pub fn complete(&self, text: &str, offset: usize) -> Option<(usize, Vec<assist::Suggestion>)> {
        assist::complete(text, offset, self.recording.view(), self.recording.live().namespace())
    }

    /// What a word of a manifest means.
    pub fn explain(&self, text: &str, offset: usize) -> Option<assist::Hover> {
        let moment = self.recording.moment();
        assist::hover(text, offset, moment.api(), moment.namespace())
    }

    /// What the API server would refuse of a manifest, at the position.
    pub fn refusals(&self, text: &str) -> Vec<Diagnostic> {
        trial::refusals(text, &self.recording.moment())
    }

    /// What applying a manifest would change, at the position.
    pub fn preview(&self, text: &str) -> Result<Vec<Planned>, String> {
        preview(text, &self.recording.moment())
    }

    /// What would take away the errors of a manifest.
    pub fn quick_fixes(&self, text: &str, found: &[Diagnostic]) -> Vec<QuickFix> {
        quick_fix::fixes(text, found, &self.recording.moment())
    }

    /// What would let a pod run that waits at the position.
    pub fn fixes(&self, pod: &Key) -> Vec<why::Fix> {
        why::fixes(&self.recording.moment(), pod)
    }

    /// A workload's rollout at the position, and how its counts went.
    pub fn rollout(&mut self, key: &Key) -> Option<(Rollout, &Curve)> {
        let view = self.recording.view();
        self.curve.follow(key, view, self.recording.live().api().store());
        Some((rollout(view, &self.stage, key)?, &self.curve))
    }

    /// Reads on in the log for lives and figures, for a part of a frame. Says whether all is read up to the position.
    pub fn read_on(&mut self) -> bool {
        let (log, upto) = (self.recording.live().api().store(), self.recording.view().revision());
        let begun = wall_ms();
        loop {
            let lives = self.timeline.follow(log, upto, WRITES_PER_LOOK);
            let figures = self.graphs.follow(log, upto, WRITES_PER_LOOK);
            if lives && figures || wall_ms() - begun > READING_BUDGET_MS {
                return lives && figures;
            }
        }
    }

    /// The lives of pods, as far as they are read.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// How the figures of workloads, autoscalers and nodes went, as far as they are read.
    pub fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    /// How the last write up to the position came about: of one object, or of all.
    pub fn chain(&self, of: Option<&Key>) -> Vec<Hop> {
        chain(self.recording.live().api().store(), self.revision, of)
    }

    /// What went between components and the API server after a revision, up to the position.
    pub fn exchanges(&self, after: u64) -> Vec<Exchange> {
        exchanges(self.recording.live().api().store(), after, self.revision)
    }

    /// The components of the control plane, and whether each is stopped.
    pub fn components(&self) -> Vec<(&'static str, bool)> {
        self.recording.live().components()
    }

    /// Who owns whom at the position.
    pub fn tree(&self) -> Vec<Branch> {
        tree(self.recording.view())
    }

    /// The Services at the position.
    pub fn lanes(&self) -> Vec<Lane> {
        traffic::lanes(self.recording.view())
    }

    /// The requests to draw at the position. To the eye they are as fast at every speed.
    pub fn dots(&self) -> Vec<Dot> {
        let way = SimDuration(DOT_WAY_US * u64::from(self.speed_tenths) / 10);
        traffic::dots(self.recording.live().network(), self.position(), way, DOTS)
    }

    /// The loads at the position.
    pub fn meters(&self) -> Meters {
        traffic::meters(self.recording.live().network(), self.position())
    }
}
