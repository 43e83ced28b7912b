//! What the stage shows besides the cluster itself, brought up to date while it is looked at.

use kubeviz::api::{Key, Kind};
use kubeviz::clock::SimTime;
use kubeviz::kubectl::print::listing::{kinds, listing};
use kubeviz::view::course::Course;
use kubeviz::view::graphs::Graph;
use kubeviz::view::rollout;
use kubeviz::view::timeline::Lane;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::App;
use super::derived::INSPECT_EVERY;
use crate::ui::components::{GraphRow, Lanes, Rolling, Rows, Scene, Shown, Track, Traffic, Xray};
use crate::ui::driver::wall_ms;
use crate::ui::flip;
use crate::ui::shared::Shared;
use crate::ui::state::StageView;
use crate::ui::tokens::Tokens;

/// More lanes than this are counted, not shown: the youngest are.
const LANES: usize = 60;
/// The same for the rows of a table.
const ROWS: usize = 300;
/// The same for graphs of workloads and autoscalers.
const GRAPHS: usize = 6;
/// So many times as long as it took to read a view of very much, the next look waits while time passes: the rest is the clock's.
const REST: f64 = 9.0;
/// A graph is drawn in so many columns.
const COLUMNS: u64 = 500;

impl App {
    /// What has been written shows at once; while time passes, only so often.
    pub(super) fn derive_scene(&mut self) {
        if self.ui.view == StageView::Cluster {
            (self.scene, self.unread) = (Scene::Cluster, false);
            // Whatever was shown last is gone, even if the clock stands still.
            self.scene_of.0 = 0;
            return;
        }
        self.look_elsewhere();
    }

    /// What only other views need. A function of its own, as whatever the first picture does without: the program's first half
    /// has whole functions.
    #[inline(never)]
    fn look_elsewhere(&mut self) {
        let driver = self.driver.borrow();
        let now = (driver.revision(), driver.position(), self.ui.view);
        let begun = wall_ms();
        let rested = begun >= self.scene_rests || self.scene_of.0 == 0;
        let turn = self.frames.is_multiple_of(INSPECT_EVERY) && rested;
        let due = !driver.playing || turn || self.scene_of.2 != now.2;
        drop(driver);
        if self.scene_of == now && !self.turned() || !due && !self.unread {
            return;
        }
        self.unread = self.ui.view == StageView::Timeline && !self.driver.borrow_mut().read_on();
        if self.unread {
            return;
        }
        self.scene = match self.ui.view {
            StageView::Cluster => Scene::Cluster,
            StageView::Xray => Scene::Xray(self.xray(now.0)),
            StageView::Traffic => Scene::Traffic(self.traffic(now.0)),
            StageView::Rollout => Scene::Rollout(self.rolling()),
            StageView::Timeline => Scene::Timeline(self.lanes()),
            StageView::Tree => Scene::Tree(Shared::new(self.driver.borrow().tree())),
            StageView::Table => Scene::Table(self.rows()),
        };
        self.scene_of = now;
        let done = wall_ms();
        self.scene_rests = done + (done - begun) * REST;
        self.traced = (self.ui.selected.clone(), self.driver.borrow().inputs());
    }

    /// How the last write of what is under the glass came about; without anything there, of all.
    fn xray(&self, revision: u64) -> Xray {
        let driver = self.driver.borrow();
        let chain = Shared::new(driver.chain(self.ui.selected.as_ref()));
        Xray { chain, components: Shared::new(driver.components()), revision }
    }

    /// Requests move in every frame.
    pub(super) fn derive_dots(&mut self) {
        if matches!(self.scene, Scene::Traffic(_)) {
            self.move_dots();
        }
    }

    #[inline(never)]
    fn move_dots(&mut self) {
        let Scene::Traffic(traffic) = &mut self.scene else { return };
        let driver = self.driver.borrow();
        let dots = driver.dots();
        if dots != *traffic.dots {
            traffic.dots = Shared::new(dots);
        }
        traffic.still = !driver.playing;
    }

    /// Sends tokens to and fro for what has been written since, while that is looked at.
    pub(super) fn derive_tokens(&mut self) {
        match self.ui.view {
            StageView::Xray => self.send_tokens(),
            _ => self.tokens = Tokens::default(),
        }
    }

    #[inline(never)]
    fn send_tokens(&mut self) {
        if flip::prefers_calm() {
            self.tokens = Tokens::default();
            return;
        }
        let driver = self.driver.borrow();
        if let Some(after) = self.tokens.since(driver.revision()) {
            self.tokens.play(driver.exchanges(after), wall_ms());
        }
    }

    /// Scrolls to the button of the view that is shown: on a phone there is no room for all of them.
    #[inline(never)]
    pub(super) fn bring_view_in_sight(&mut self) {
        self.seen = self.ui.view;
        let shown = || {
            let button = gloo::utils::document().query_selector(".views [aria-pressed=true]").ok()??;
            let views = button.parent_element()?.dyn_into::<HtmlElement>().ok()?;
            Some((button.dyn_into::<HtmlElement>().ok()?, views))
        };
        if let Some((button, views)) = shown() {
            let aside = (views.client_width() - button.offset_width()) / 2;
            views.set_scroll_left(button.offset_left() - views.offset_left() - aside);
        }
    }

    /// Services when something was written, loads every time.
    fn traffic(&self, revision: u64) -> Traffic {
        let driver = self.driver.borrow();
        let lanes = match &self.scene {
            Scene::Traffic(old) if self.scene_of.0 == revision => old.lanes.clone(),
            _ => Shared::new(driver.lanes()),
        };
        Traffic {
            lanes,
            meters: Shared::new(driver.meters()),
            dots: Shared::new(driver.dots()),
            now: driver.position(),
            still: !driver.playing,
            asked: self.ui.request.clone(),
        }
    }

    /// The lives of the youngest pods.
    fn lanes(&self) -> Lanes {
        let driver = self.driver.borrow();
        let now = driver.position();
        let whole = Track::span_for(driver.end()).saturating_mul(1_000);
        let window = self.ui.window;
        let (from, span) = match u64::from(window) * 1_000_000 {
            0 => (0, whole),
            part => (now.0.saturating_sub(part), part),
        };
        // A pod that was gone before then has nothing to show.
        let shows = |lane: &&Lane| lane.end.is_none_or(|(_, time)| time.0 >= from);
        let all: Vec<&Lane> = driver.timeline().lanes().filter(shows).collect();
        let earlier = all.len().saturating_sub(LANES);
        let lanes = Shared::new(all.into_iter().skip(earlier).cloned().collect());
        let others = driver.kept().into_iter().map(|(run, _)| run).collect();
        drop(driver);
        let (graphs, more) = self.graphs(SimTime(from), span);
        Lanes { lanes, earlier, from, span, window, now, graphs, more, others, against: self.ui.against }
    }

    /// The graphs of what is under the glass, if it has any, else the first ones; and how many others there are.
    fn graphs(&self, from: SimTime, span: u64) -> (Shared<Vec<GraphRow>>, usize) {
        let mut driver = self.driver.borrow_mut();
        let selected = self.ui.selected.as_ref();
        let graphs = driver.graphs();
        let about = |graph: &Graph| {
            selected.is_some() && [&graph.about, &graph.target].map(Option::as_ref).contains(&selected)
        };
        let targets: Vec<&Key> =
            graphs.iter().filter(|graph| about(graph)).filter_map(|graph| graph.target.as_ref()).collect();
        let near =
            |graph: &Graph| about(graph) || graph.about.as_ref().is_some_and(|key| targets.contains(&key));
        let alone = graphs.iter().any(near);
        let own = graphs.iter().filter(|graph| graph.about.is_some() && (!alone || near(graph)));
        let whole = graphs.iter().filter(|graph| graph.about.is_none());
        let shown = own.take(GRAPHS).chain(whole).map(|graph| graph.part(from, span, COLUMNS));
        let shown: Vec<Graph> = shown.collect();
        let more = graphs.iter().count() - shown.len();
        let other = self.ui.against.and_then(|run| Some((run, driver.graphs_in(run)?)));
        let row = |graph: Graph| {
            let same = |other: &&Graph| other.is_of(&graph);
            let against = other.and_then(|(run, other)| {
                Some((run, other.iter().find(same)?.part(from, span, COLUMNS).samples))
            });
            GraphRow { graph, against }
        };
        (Shared::new(shown.into_iter().map(row).collect()), more)
    }

    fn rows(&self) -> Rows {
        let driver = self.driver.borrow();
        let kind = self.ui.table;
        let listing = listing(driver.objects(), kind, driver.position(), ROWS);
        Rows { kinds: Shared::new(kinds(driver.objects())), kind, listing: Shared::new(listing) }
    }

    /// Whether something else is under the glass than what is shown, where that shows.
    fn turned(&self) -> bool {
        if matches!(self.ui.view, StageView::Xray | StageView::Timeline) {
            return self.traced != (self.ui.selected.clone(), self.driver.borrow().inputs());
        }
        let Scene::Rollout(Rolling { shown: Some(shown), .. }) = &self.scene else { return false };
        self.selected_workload().is_some_and(|key| key != shown.rollout.key)
    }

    /// The workload under the glass, if it is of a kind that rolls out.
    fn selected_workload(&self) -> Option<Key> {
        self.ui.selected.clone().filter(|key| rollout::KINDS.contains(&key.kind))
    }

    /// The rollout of the workload under the glass; otherwise of the one looked at last, of one that is under way, or of the first.
    fn rolling(&mut self) -> Rolling {
        let last = match &self.scene {
            Scene::Rollout(Rolling { shown: Some(shown), .. }) => Some(shown.rollout.key.clone()),
            _ => None,
        };
        let against = self.ui.against;
        let mut driver = self.driver.borrow_mut();
        let key = |card: &std::sync::Arc<kubeviz::view::WorkloadCard>| {
            let kind = rollout::KINDS.into_iter().find(|kind: &Kind| kind.name() == card.kind)?;
            Some(Key::new(kind, &card.namespace, &card.name))
        };
        let all: Vec<Key> = driver.view.workloads.iter().filter_map(key).collect();
        let busy = driver.view.workloads.iter().find(|card| !card.is_complete()).and_then(key);
        let wanted = [self.selected_workload(), last, busy, all.first().cloned()];
        let chosen = wanted.into_iter().flatten().find(|key| all.contains(key));
        let shown = chosen.and_then(|key| {
            let now = driver.position();
            let (rollout, curve) = driver.rollout(&key)?;
            let since = rollout.revisions.first().map(|revision| revision.created).unwrap_or_default();
            let course = Course::of(curve, since, now);
            // A Deployment's next move is worked out; of the others the last one is told.
            let step = curve.last_step().filter(|_| rollout.outlook.is_none());
            let against = against.and_then(|run| Some((run, driver.course_in(run, &key)?)));
            let second = driver.position().0 / 1_000_000;
            Some(Shared::new(Shown { rollout, course, step, second, against }))
        });
        Rolling { shown, others: driver.kept().into_iter().map(|(run, _)| run).collect(), run: driver.run() }
    }
}
