//! The figure as a guest in another page: what it is asked, and what it tells.

use kubeviz::clock::SimTime;
use kubeviz::kubectl::{key_of, value_of};
use kubeviz::sim::Outcome;
use wasm_bindgen::JsValue;

use super::App;
use crate::ui::driver::SPEEDS;
use crate::ui::host::{self, Request};
use crate::ui::i18n::Lang;
use crate::ui::state::StageView;

/// How many fields a host may follow.
const FOLLOWED: usize = 64;

impl App {
    pub(super) fn greet_host(&self) {
        let caps = [
            "exec",
            "apply",
            "play",
            "pause",
            "step",
            "seek",
            "speed",
            "select",
            "theme",
            "lang",
            "getState",
            "subscribe",
            "view",
        ];
        let caps: js_sys::Array = caps.iter().map(|cap| JsValue::from_str(cap)).collect();
        self.say("ready", &[("version", 1.into()), ("caps", caps.into())]);
        self.say_state();
    }

    pub(super) fn say(&self, what: &str, fields: &[(&str, JsValue)]) {
        host::say(self.settings.origin.as_deref(), what, fields);
    }

    pub(super) fn say_state(&self) {
        let driver = self.driver.borrow();
        let seconds = driver.position().0 as f64 / 1e6;
        self.say("state", &[("playing", driver.playing.into()), ("t", seconds.into())]);
    }

    pub(super) fn tell_host(&mut self) {
        if self.settings.embed && self.was_playing != self.is_playing() {
            self.was_playing = self.is_playing();
            self.say_state();
        }
        self.tell_values();
    }

    /// Tells the fields that the host follows and that have changed.
    fn tell_values(&mut self) {
        let revision = self.driver.borrow().revision();
        if self.followed_at == revision || self.followed.is_empty() {
            return;
        }
        self.followed_at = revision;
        let mut followed = std::mem::take(&mut self.followed);
        for (topic, last) in &mut followed {
            let value = value_of(self.driver.borrow().objects(), topic);
            if last.as_ref() != Some(&value) {
                let said = value.as_deref().map_or(JsValue::NULL, JsValue::from_str);
                self.say("change", &[("topic", JsValue::from_str(topic)), ("value", said)]);
                *last = Some(value);
            }
        }
        self.followed = followed;
    }

    pub(super) fn heard(&mut self, request: Request) {
        match request {
            Request::Ping => self.greet_host(),
            Request::Play => self.play(true),
            Request::Pause => self.play(false),
            Request::Step(steps) => self.step(steps.clamp(-100, 100)),
            Request::Seek(seconds) => self.driver.borrow_mut().seek(SimTime((seconds.max(0.0) * 1e6) as u64)),
            Request::Exec(line, id) => {
                let outcome = self.submit(line, None);
                self.answer(&outcome, &id);
            }
            Request::Apply(text, id) => {
                self.set_manifest(&text);
                let outcome = self.apply();
                self.answer(&outcome, &id);
            }
            Request::Lang(code) => {
                if let Some(lang) = Lang::from_code(&code) {
                    self.set_lang(lang);
                }
            }
            Request::Theme(theme) => self.set_theme(if theme == "dark" { "dark" } else { "light" }),
            Request::View(name) => self.ui.view = StageView::from_name(&name).unwrap_or_default(),
            Request::Speed(speed) => {
                let tenths = (speed * 10.0).clamp(1.0, 600.0) as u32;
                let nearest = SPEEDS.into_iter().min_by_key(|speed| speed.abs_diff(tenths));
                self.driver.borrow_mut().speed_tenths = nearest.unwrap_or(40);
            }
            Request::Select(reference) => {
                let key = key_of(self.driver.borrow().objects(), &reference);
                self.select(key);
            }
            Request::Subscribe(topics) => {
                self.followed = topics.into_iter().take(FOLLOWED).map(|topic| (topic, None)).collect();
                self.followed_at = 0;
            }
            Request::GetState => self.say_state(),
        }
    }

    pub(super) fn answer(&self, outcome: &Outcome, id: &JsValue) {
        let fields = [
            ("id", id.clone()),
            ("ok", (outcome.code == 0).into()),
            ("msg", JsValue::from_str(outcome.stderr.trim_end())),
            ("stdout", JsValue::from_str(&outcome.stdout)),
        ];
        self.say("result", &fields);
    }
}
