//! The figure as a guest in another page: what it is asked, and what it tells.

use kubeviz::kubectl::{key_of, value_of};
use kubeviz::sim::Outcome;
use kubeviz::view::files::Files;
use wasm_bindgen::JsValue;

use super::App;
use crate::ui::driver::SPEEDS;
use crate::ui::host::{self, Request};
use crate::ui::i18n::Lang;
use crate::ui::share::{self, Link, time_of};
use crate::ui::state::StageView;

/// How many fields a host may follow.
const FOLLOWED: usize = 64;
/// After a jump in time, more lines of the story than this are not told.
const TOLD_AT_ONCE: usize = 50;
/// How many frames pass between two looks at the height of the stage.
const HEIGHT_EVERY: u32 = 15;
/// What may be asked for.
const CAPABILITIES: [&str; 14] = [
    "exec",
    "apply",
    "load",
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

/// What the host gets to know of its request besides that it went well; or why it did not.
type Answer = Result<Vec<(&'static str, JsValue)>, (String, Vec<(&'static str, JsValue)>)>;

impl App {
    pub(super) fn greet_host(&self) {
        let caps: js_sys::Array = CAPABILITIES.iter().map(|cap| JsValue::from_str(cap)).collect();
        self.say("ready", &[("version", 1.into()), ("caps", caps.into())]);
        self.say_state();
        if let Some((code, message)) = &self.trouble {
            self.say("error", &[("code", (*code).into()), ("msg", message.into())]);
        }
    }

    pub(super) fn say(&self, what: &str, fields: &[(&str, JsValue)]) {
        host::say(self.settings.origin.as_deref(), what, fields);
    }

    pub(super) fn say_state(&self) {
        let driver = self.driver.borrow();
        let seconds = share::seconds(driver.position());
        self.say("state", &[("playing", driver.playing.into()), ("t", seconds.into())]);
    }

    pub(super) fn tell_host(&mut self) {
        if !self.settings.embed {
            return;
        }
        if self.was_playing != self.is_playing() {
            self.was_playing = self.is_playing();
            self.say_state();
        }
        self.tell_story();
        self.tell_values();
        // Who restores a state wants to go on from there.
        if !self.driver.borrow().is_arriving()
            && let Some(id) = self.answer_later.take()
        {
            self.say("result", &[("id", id), ("ok", true.into()), ("msg", "".into())]);
        }
    }

    /// Tells what has happened since the last time; after a jump, the end of it.
    fn tell_story(&mut self) {
        let driver = self.driver.borrow();
        let (told, now) = (self.told_host, driver.revision());
        if told == now {
            return;
        }
        let new = driver.story().iter().rev().take_while(|line| line.revision > told).take(TOLD_AT_ONCE);
        let lines: Vec<_> = new.cloned().collect();
        drop(driver);
        for line in lines.iter().rev() {
            let fields = [
                ("seq", (line.revision as f64).into()),
                ("t", share::seconds(line.time).into()),
                ("actor", JsValue::from_str(&line.actor)),
                ("object", JsValue::from_str(&line.object)),
                ("msg", JsValue::from_str(&line.text)),
                ("warning", line.warning.into()),
            ];
            self.say("event", &fields);
        }
        self.told_host = now;
    }

    /// Tells how high the figure would be if nothing on its stage had to be scrolled. It is read rarely: to read it, the browser
    /// has to lay the page out.
    pub(super) fn tell_height(&mut self) {
        let often = self.is_playing() && !self.frames.is_multiple_of(HEIGHT_EVERY);
        if !self.settings.embed || often {
            return;
        }
        let scrolled = gloo::utils::document().query_selector(".figure .middle .stage").ok().flatten();
        let window = gloo::utils::window().inner_height().ok().and_then(|height| height.as_f64());
        let (Some(scrolled), Some(window)) = (scrolled, window) else { return };
        let height = window as i32 + scrolled.scroll_height() - scrolled.client_height();
        if height != self.told_height {
            self.told_height = height;
            self.say("resize", &[("h", height.into())]);
        }
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

    /// Does what the page around the figure asks for, and answers if it wants to know.
    pub(super) fn heard(&mut self, request: Request, id: JsValue) {
        let restores = matches!(request, Request::Restore(_));
        let answer = self.obey(request);
        if id.is_undefined() {
            return;
        }
        if restores && answer.is_ok() && self.driver.borrow().is_arriving() {
            if let Some(before) = self.answer_later.replace(id) {
                let why = "another state was restored before this one was reached";
                self.say("result", &[("id", before), ("ok", false.into()), ("msg", why.into())]);
            }
            return;
        }
        let (ok, message, more) = match answer {
            Ok(more) => (true, String::new(), more),
            Err((message, more)) => (false, message, more),
        };
        let mut fields = vec![("id", id), ("ok", ok.into()), ("msg", message.into())];
        fields.extend(more);
        self.say("result", &fields);
    }

    fn obey(&mut self, request: Request) -> Answer {
        let not = |what: String| Err((what, Vec::new()));
        match request {
            Request::Ping => self.greet_host(),
            Request::Play => self.play(true),
            Request::Pause => self.play(false),
            Request::Step(steps, grain) => self.step(steps.clamp(-100, 100), grain),
            Request::Seek(seconds) => self.driver.borrow_mut().seek(time_of(seconds)),
            Request::Exec(line) => return answer(self.submit(line, None)),
            Request::Apply(text) => {
                self.set_manifest(&text);
                return answer(self.apply());
            }
            Request::Load(text) => {
                let link = Link { manifest: text, seed: self.opening.seed, ..Link::default() };
                return self.start_over(link);
            }
            Request::Restore(state) => match Link::from_json(state.as_bytes()) {
                Ok(link) => return self.start_over(link),
                Err(why) => return not(why),
            },
            Request::Lang(code) => match Lang::from_code(&code) {
                Some(lang) => self.set_lang(lang),
                None => return not(format!("there is no language {code}")),
            },
            Request::Theme(theme) => self.set_theme(if theme == "dark" { "dark" } else { "light" }),
            Request::View(name) => match StageView::from_name(&name) {
                Some(view) => self.ui.view = view,
                None => return not(format!("there is no view {name}")),
            },
            Request::Speed(speed) => {
                let tenths = (speed * 10.0).clamp(1.0, 600.0) as u32;
                let nearest = SPEEDS.into_iter().min_by_key(|speed| speed.abs_diff(tenths));
                self.driver.borrow_mut().speed_tenths = nearest.unwrap_or(40);
            }
            Request::Select(reference) => {
                let key = key_of(self.driver.borrow().objects(), &reference);
                let known = key.is_some();
                self.select(key);
                if !known {
                    return not(format!("there is no {reference}"));
                }
            }
            Request::Subscribe(topics) => {
                self.followed = topics.into_iter().take(FOLLOWED).map(|topic| (topic, None)).collect();
                self.followed_at = 0;
            }
            Request::GetState => {
                self.say_state();
                let driver = self.driver.borrow();
                let (t, playing) = (share::seconds(driver.position()), driver.playing);
                drop(driver);
                let state = serde_json::to_string(&self.state(true)).unwrap_or_default();
                let state = js_sys::JSON::parse(&state).unwrap_or(JsValue::NULL);
                return Ok(vec![("state", state), ("t", t.into()), ("playing", playing.into())]);
            }
        }
        Ok(Vec::new())
    }

    /// Begins anew with what a link says.
    fn start_over(&mut self, link: Link) -> Answer {
        self.settings.seed = link.seed.unwrap_or(self.settings.seed);
        self.settings.begin_with(link.nodes);
        if let Some(view) = link.ui.view.as_deref().and_then(StageView::from_name) {
            self.ui.view = view;
        }
        self.files = link.files().unwrap_or_else(|| Files::new(String::new()));
        let text = self.files.front().text.clone();
        self.set_manifest(&text);
        (self.opening, self.trouble, self.told_host, self.followed_at) = (link, None, 0, 0);
        self.reset();
        match self.trouble.take() {
            Some((_, why)) => Err((why, Vec::new())),
            None => Ok(Vec::new()),
        }
    }
}

/// What a line said, and whether it went well.
fn answer(outcome: Outcome) -> Answer {
    let stdout = vec![("stdout", JsValue::from_str(&outcome.stdout))];
    match outcome.code {
        0 => Ok(stdout),
        _ => Err((outcome.stderr.trim_end().to_string(), stdout)),
    }
}
