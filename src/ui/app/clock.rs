//! The clock: frames, play and pause, steps, looks at another time.

use kubeviz::clock::SimTime;
use kubeviz::sim::Grain;
use kubeviz::sim::moment::{self, Moment, NoMoment};
use yew::Context;

use super::App;
use crate::tr;
use crate::ui::components::step_text;
use crate::ui::driver::{Frame, Goal, SPEEDS};
use crate::ui::preferences::{Preference, Voice};
use crate::ui::state::{Action, Banner};

/// How often the clock is drawn while nothing happens, in frames: a page at rest leaves the machine alone.
const STILL_EVERY: u32 = 3;

impl App {
    pub(in crate::ui) fn is_playing(&self) -> bool {
        self.driver.borrow().playing
    }

    pub(super) fn play(&mut self, playing: bool) {
        let mut driver = self.driver.borrow_mut();
        driver.playing = playing || driver.is_arriving();
        driver.restart_clock();
    }

    /// Takes what is chosen for all visits.
    pub(super) fn prefer(&mut self, choice: Preference) {
        self.ui.preferences.choose(choice);
        self.driver.borrow_mut().stepwise = self.ui.preferences.steps();
        if choice == Preference::Voice(Voice::Off) {
            self.ui.live = Default::default();
        }
    }

    pub(super) fn pass_frame(&mut self) -> bool {
        self.frame = None;
        self.frames = self.frames.wrapping_add(1);
        let undrawn = std::mem::take(&mut self.undrawn);
        if self.sleeping.is_some() {
            self.sleep_on();
        } else if self.has_turn() {
            self.run_queue();
        } else if !self.is_playing() {
            return undrawn;
        } else {
            let before = self.driver.borrow().revision();
            if self.driver.borrow_mut().frame() == Frame::Undrawn {
                self.undrawn = undrawn;
                return false;
            }
            self.do_what_is_due();
            let mut driver = self.driver.borrow_mut();
            let missed = driver.missed.take().map(Banner::NotMet);
            let told = driver.hit.take().map(Banner::Stopped).or(missed);
            drop(driver);
            let stopped = told.is_some() || !self.is_playing();
            self.ui.banner = told.or(self.ui.banner.take());
            let driver = self.driver.borrow();
            let still = !stopped && driver.turn().is_none() && driver.revision() == before;
            return undrawn || !still || self.frames.is_multiple_of(STILL_EVERY);
        }
        true
    }

    pub(super) fn ask_for_frame(&mut self, ctx: &Context<App>) {
        if self.frame.is_none()
            && (self.is_playing() || self.sleeping.is_some() || self.unread || self.has_turn())
        {
            let link = ctx.link().clone();
            self.frame =
                Some(gloo::render::request_animation_frame(move |_| link.send_message(Action::Frame)));
        }
    }

    pub(super) fn seek(&mut self, time: SimTime) {
        self.ui.predict.forget();
        self.driver.borrow_mut().seek(time);
    }

    /// A step stops the clock: one who steps wants to look.
    pub(super) fn step(&mut self, steps: i32, grain: Grain) {
        if steps < 0 {
            self.ui.predict.forget();
        }
        let mut driver = self.driver.borrow_mut();
        driver.playing = false;
        for _ in 0..steps.unsigned_abs() {
            if steps > 0 { driver.step_forward(grain) } else { driver.step_back(grain) }
        }
        // The story tells itself.
        if let Some(step) = &driver.stepped {
            self.ui.live = (step_text(step, self.ui.lang), self.ui.lang);
        }
    }

    /// A step over all that belongs together.
    pub(super) fn beat(&mut self, beats: i32) {
        if beats < 0 {
            self.ui.predict.forget();
        }
        let mut driver = self.driver.borrow_mut();
        driver.playing = false;
        for _ in 0..beats.unsigned_abs() {
            if beats > 0 { driver.beat_forward() } else { driver.beat_back() }
        }
    }

    /// Plays a run on that was left: from its end, when the reader says so.
    pub(super) fn take_up(&mut self, run: usize) {
        self.play(false);
        self.leave_sessions();
        self.driver.borrow_mut().leave_script();
        self.driver.borrow_mut().take_up(run);
        self.forget_the_future();
        self.ui.against = None;
    }

    /// Plays on until a moment.
    pub(super) fn run_until(&mut self, until: Option<Goal>) {
        let waits = until.is_some();
        self.driver.borrow_mut().stop_at(until);
        if waits {
            self.play(true);
        }
    }

    /// Plays on until a moment that was written; one that is none is said to be so.
    pub(super) fn run_until_written(&mut self, text: &str) {
        let read = {
            let driver = self.driver.borrow();
            Moment::read(text, driver.position(), driver.objects(), &driver.namespace())
        };
        match read {
            Ok(moment) => {
                self.ui.moment = None;
                self.run_until(Some(Goal::Written(moment)));
            }
            Err(NoMoment::Past) => self.ui.moment = Some(tr!(self.ui.lang, "moment.past")),
            Err(NoMoment::Wrong(said)) => self.ui.moment = Some(said.into()),
        }
    }

    /// Conditions of what is under the glass that can be waited for.
    pub(in crate::ui) fn conditions(&self) -> Vec<String> {
        let driver = self.driver.borrow();
        self.ui.selected.as_ref().map(|key| moment::conditions(key, driver.objects())).unwrap_or_default()
    }

    pub(super) fn speed_by(&mut self, step: i32) {
        let mut driver = self.driver.borrow_mut();
        let at = SPEEDS.iter().position(|speed| *speed == driver.speed_tenths).unwrap_or(0);
        let to = at.saturating_add_signed(step as isize).min(SPEEDS.len() - 1);
        driver.speed_tenths = SPEEDS[to];
    }
}
