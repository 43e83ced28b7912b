//! What is shown besides the stage, brought up to date after every action: ticks, story, the object under the glass.

use kubeviz::api::Key;
use kubeviz::clock::SimTime;
use kubeviz::view::StoryLine;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::App;
use super::why::verdicts;
use crate::tr;
use crate::ui::components::{Track, Verdicts};
use crate::ui::flip;
use crate::ui::i18n::Lang;
use crate::ui::preferences::Voice;
use crate::ui::shared::Shared;
use crate::ui::state::InspectorTab;

/// How many lines of the story the page lists.
const FEED: usize = 50;
/// More new lines at once than this are listed only as often as the object under the glass is looked at: nobody can read them,
/// and laying them out takes the time that the stage needs.
const CALM: usize = 3;
/// The same where very much is on the stage: frames between two looks at the story.
const FEED_EVERY: u32 = 30;
/// How many lines a frame may add to the list.
const HURRY: usize = 10;
/// How often the object under the glass is looked at again while time passes, in frames.
pub(super) const INSPECT_EVERY: u32 = 12;
/// How often, at most, assistive technology is told what happens while time passes, in frames.
const ANNOUNCE_EVERY: u32 = 90;
/// More than this at once is counted, even for who wants to be told all of it: it would take minutes to say.
const SPOKEN: usize = 20;

impl App {
    pub(super) fn derive(&mut self) {
        let driver = self.driver.borrow();
        let span_ms = Track::span_for(driver.end());
        if self.track_of != driver.run() {
            (self.track_of, self.track) = (driver.run(), Shared::new(Track::default()));
        }
        if let Some(track) = self.track.of(driver.whole_story(), driver.readiness(), span_ms) {
            self.track = Shared::new(track);
        }
        drop(driver);
        self.derive_feed();
        self.derive_scene();
        self.derive_dots();
        self.derive_tokens();
        self.derive_targets();
        self.derive_predict();
        self.derive_filter();
        match self.ui.selected.clone() {
            Some(key) => self.derive_inspection(key),
            None => {
                if self.inspection.take().is_some() || !self.verdicts.is_empty() {
                    self.verdicts = Shared::new(Verdicts::new());
                }
                (self.fixes, self.fixes_of) = (None, None);
            }
        }
    }

    /// What is under the glass.
    #[inline(never)]
    fn derive_inspection(&mut self, key: Key) {
        let driver = self.driver.borrow();
        let revision = driver.revision();
        let due = !driver.playing || self.frames.is_multiple_of(INSPECT_EVERY);
        // Logs and countdowns go on where nothing is written.
        let goes_on = matches!(self.ui.tab, InspectorTab::Logs | InspectorTab::Summary);
        let second = if goes_on { driver.position().0 / 1_000_000 } else { 0 };
        let of = (key.clone(), revision, second);
        let stale = self.inspected.as_ref().is_none_or(|at| at.0 != key || (*at != of && due));
        if stale {
            let found = driver.inspect(&key, self.ui.tab, self.ui.compare);
            let explained = self.ui.tab == InspectorTab::Why;
            self.verdicts =
                Shared::new(found.as_ref().map(|found| verdicts(found, explained)).unwrap_or_default());
            self.inspection = found.map(Shared::new);
            self.inspected = Some(of);
        }
        drop(driver);
        self.derive_fixes();
    }

    /// Lists the latest of the story. A frame adds few lines to the list: each costs the browser as much as a node that changes.
    fn derive_feed(&mut self) {
        let driver = self.driver.borrow();
        let last = driver.story().last().map(|line| line.revision);
        let told = self.feed_of.unwrap_or(0);
        let new = driver.story().iter().rev().take_while(|line| line.revision > told).take(HURRY + 1).count();
        let hurried = driver.playing && new > HURRY;
        let unchanged = self.feed_of == last && !self.feed_grows;
        let due = match (driver.playing, driver.is_busy()) {
            (false, _) => true,
            (true, true) => self.frames.is_multiple_of(FEED_EVERY),
            (true, false) => new <= CALM || self.frames.is_multiple_of(INSPECT_EVERY),
        };
        if unchanged || !due {
            return;
        }
        // Older lines come back in a frame that has no new ones.
        let length = match (driver.playing, new) {
            (false, _) => FEED,
            (true, 0) => FEED.min(self.feed.len() + HURRY),
            (true, _) if hurried => HURRY,
            (true, _) => FEED.min(self.feed.len() + new),
        };
        let lines = driver.story().iter().rev().take_while(|line| line.time > SimTime::ZERO);
        let lines: Vec<StoryLine> = lines.take(length).cloned().collect();
        self.feed_of = last;
        self.feed_grows = lines.len() == length && length < FEED;
        self.feed = Shared::new(lines);
    }

    /// Tells assistive technology what has happened: at once when stepping, now and then while time passes.
    pub(super) fn announce(&mut self) {
        let driver = self.driver.borrow();
        let story = driver.story();
        let Some(last) = story.last() else { return };
        let (told, at) = self.announced;
        let soon = driver.playing && self.frames.wrapping_sub(at) < ANNOUNCE_EVERY;
        // A step of a finer grain has said what it was.
        if last.revision == told || soon || driver.stepped.is_some() {
            return;
        }
        let new = story.iter().rev().take_while(|line| line.revision > told).count();
        let one = |line: &StoryLine| format!("{}: {}", line.object, line.text);
        self.announced = (last.revision, self.frames);
        let all = self.ui.preferences.voice == Voice::All && new <= SPOKEN;
        self.ui.live = match self.ui.preferences.voice {
            Voice::Off => Default::default(),
            _ if all => {
                let lines: Vec<String> = story[story.len() - new..].iter().map(one).collect();
                (lines.join(". ").into(), Lang::En)
            }
            _ if new > 1 => (tr!(self.ui.lang, "live.many", count = new, last = one(last)), self.ui.lang),
            _ => (one(last).into(), Lang::En),
        };
    }

    /// A card that had the focus keeps it when it moves into another frame.
    pub(super) fn keep_focus(&mut self) {
        let Some(uid) = self.focused_uid.take() else { return };
        let active = gloo::utils::document().active_element();
        let lost = active.is_none_or(|element| element.tag_name() == "BODY");
        let card = flip::card(&uid).filter(|_| lost);
        if let Some(card) = card.and_then(|card| card.dyn_into::<HtmlElement>().ok()) {
            let _ = card.focus();
        }
    }

    /// Whether nothing has been done with the cluster yet.
    pub(in crate::ui) fn is_untouched(&self) -> bool {
        let driver = self.driver.borrow();
        let totals = &driver.view.totals;
        totals.pods == 0 && driver.view.workloads.is_empty() && totals.nodes <= 12
    }
}
