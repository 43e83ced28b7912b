//! The application: takes actions, moves the driver and the page's own state, and shows both.

mod add;
mod clock;
mod derived;
mod edit;
mod files;
mod filter;
mod guest;
mod light;
mod manifest;
mod predict;
mod scene;
mod share;
mod shell;
mod why;

use std::cell::RefCell;
use std::collections::VecDeque;

use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use gloo::render::AnimationFrame;
use gloo::timers::callback::Timeout;
use kubeviz::api::{Key, Kind};
use kubeviz::clock::SimTime;
use kubeviz::kubectl;
use kubeviz::kubectl::print::listing::Listing;
use kubeviz::kubectl::script::ScriptLine;
use kubeviz::sim::Grain;
use kubeviz::view::files::Files;
use kubeviz::view::find;
use kubeviz::view::origin::owner;
use kubeviz::view::targets::Targets;
use kubeviz::view::{ClusterView, Inspection, StoryLine};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use super::components::{Fixes, Scene, Sizes, Track, Verdicts};
use super::driver::Driver;
use super::editor_bridge::Editor;
use super::flip::{self, Moves};
use super::host;
use super::i18n::Lang;
use super::predict::Predict;
use super::preferences::Preferences;
use super::rehearsal::Rehearsal;
use super::settings::{Settings, Yaml};
use super::share::{ActionButton, Link};
use super::shared::Shared;
use super::state::{Action, Banner, FileNames, InspectorTab, Pane, StageView, UiState};
use super::tokens::Tokens;
use super::{keyboard, layout, rest, storage};

/// See the module.
pub struct App {
    pub(super) driver: Rc<RefCell<Driver>>,
    pub(super) ui: UiState,
    pub(super) settings: Settings,
    /// The manifest as it stands in the editor.
    manifest: String,
    /// The files; the text of the one in front is as it was when it came there.
    files: Files,
    /// The file whose history the editor has.
    shown_file: u32,
    /// How often something else than typing has changed it, and to what: for the plain field.
    pub(super) loaded_text: (u32, AttrValue),
    pub(super) editor: Option<Box<Editor>>,
    pub(super) editor_host: NodeRef,
    pub(super) buttons: Vec<ActionButton>,
    /// What the address carries.
    opening: Link,
    /// What the pointer is over on the stage.
    lit: Option<Key>,
    /// What the address wants under the glass, until it exists.
    selecting: Option<String>,
    pub(super) track: Shared<Track>,
    /// The run that the track is of.
    track_of: usize,
    pub(super) feed: Shared<Vec<StoryLine>>,
    feed_of: Option<u64>,
    /// Whether older lines are still to be added to the list.
    feed_grows: bool,
    pub(super) inspection: Option<Shared<Inspection>>,
    inspected: Option<(Key, u64, u64)>,
    /// What the stage shows, and at which write and time.
    pub(super) scene: Scene,
    scene_of: (u64, SimTime, StageView),
    /// Until when another view rests after it has been read anew, by the wall, in milliseconds.
    scene_rests: f64,
    /// What was under the glass then, and how much had been done.
    traced: (Option<Key>, usize),
    /// What the decision looked at says of each node.
    pub(super) verdicts: Shared<Verdicts>,
    /// The run and the write for which the pods that are looked for were found.
    sought_of: Option<(usize, u64, Option<Shared<Listing>>)>,
    /// The view whose button was last brought in sight.
    seen: StageView,
    /// What would let the pod under the glass run; and the pod and the decision for which that was tried.
    pub(super) fixes: Option<Fixes>,
    fixes_of: Option<(Key, u64)>,
    /// What the palette offers to act on, and for which write and how many inputs that is true.
    pub(super) targets: Shared<Targets>,
    targets_of: Option<(u64, usize)>,
    pub(super) on: Callback<Action>,
    pub(super) complete: Callback<String, Vec<String>>,
    pub(super) find: Callback<String, Vec<Key>>,
    pub(super) reveal: Callback<(u32, u32)>,
    reveal_at: Rc<RefCell<Option<(u32, u32)>>>,
    /// The stage as the page shows it, and what moves when it shows the next.
    shown: Shared<ClusterView>,
    moves: Moves,
    /// Whether the next frame draws the page whatever happens in it.
    undrawn: bool,
    /// Whether more of the log has to be read for the view that is looked at: the one before stays until then.
    unread: bool,
    tokens: Tokens,
    focused_uid: Option<String>,
    frame: Option<AnimationFrame>,
    frames: u32,
    announced: (u64, u32),
    was_playing: bool,
    /// What the page around the figure follows, with what it was told last; and up to which write.
    followed: Vec<(String, Option<Option<String>>)>,
    followed_at: u64,
    /// What was wrong with what the figure was opened with; up to which write the story was told; how high it said to be.
    trouble: Option<(&'static str, String)>,
    told_host: u64,
    told_height: i32,
    /// The request that is answered when the figure is where it is going.
    answer_later: Option<JsValue>,
    lint_timer: Option<Timeout>,
    rehearsal: Option<Rehearsal>,
    /// Commands that wait for the one before them.
    queue: VecDeque<ScriptLine>,
    /// How the last command ended.
    last_code: i32,
    /// Until when the console sleeps.
    sleeping: Option<SimTime>,
    _listeners: Vec<EventListener>,
}

impl Component for App {
    type Message = Action;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> App {
        let mut settings = Settings::read();
        settings.show();
        let (link, why) = match share::read_link(&mut settings) {
            Ok(link) => (link, None),
            Err(why) => (Link::default(), Some(why)),
        };
        let (trouble, bad_link) = (why.clone().map(|why| ("link", why)), why.map(Banner::BadLink));
        let playing = settings.autoplay;
        let driver =
            Rc::new(RefCell::new(Driver::new(settings.seed, settings.nodes, settings.speed_tenths, playing)));
        let files = files::first_files(link.files(), settings.embed);
        let manifest = files.front().text.clone();
        let on = ctx.link().callback(|action| action);
        let reveal_at = Rc::new(RefCell::new(None));
        let mut app = App {
            ui: first_state(&settings, bad_link),
            loaded_text: (0, manifest.clone().into()),
            manifest,
            shown_file: files.front().id,
            files,
            editor: None,
            editor_host: NodeRef::default(),
            buttons: link.ui.actions.clone(),
            opening: link,
            selecting: None,
            track: Shared::new(Track::default()),
            track_of: 0,
            feed: Shared::new(Vec::new()),
            feed_of: None,
            feed_grows: false,
            inspection: None,
            inspected: None,
            scene: Scene::Cluster,
            tokens: Tokens::default(),
            scene_of: (0, SimTime::ZERO, StageView::Cluster),
            scene_rests: 0.0,
            traced: (None, 0),
            verdicts: Shared::new(Verdicts::new()),
            sought_of: None,
            seen: StageView::default(),
            fixes: None,
            fixes_of: None,
            targets: Shared::new(Targets::default()),
            targets_of: None,
            complete: completion(&driver),
            find: finding(&driver),
            reveal: revealing(&reveal_at, &on),
            reveal_at,
            shown: Shared::new(ClusterView::default()),
            moves: Moves::default(),
            undrawn: false,
            unread: false,
            focused_uid: None,
            frame: None,
            frames: 0,
            announced: (0, 0),
            was_playing: playing,
            followed: Vec::new(),
            followed_at: 0,
            trouble,
            told_host: 0,
            told_height: 0,
            answer_later: None,
            lint_timer: None,
            rehearsal: None,
            queue: VecDeque::new(),
            last_code: 0,
            sleeping: None,
            lit: None,
            _listeners: listeners(&settings, &on),
            on,
            settings,
            driver,
        };
        app.driver.borrow_mut().stepwise = app.ui.preferences.steps();
        app.name_files();
        if !app.opening.manifest.is_empty() {
            app.keep_files();
        }
        app.open(app.opening.clone());
        app.derive();
        app.ask_for_frame(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, action: Action) -> bool {
        let jumps = matches!(action, Action::Seek(_) | Action::SeekEnd | Action::Reset | Action::Reroll);
        let changed = self.act(ctx, action);
        let after = self.driver.borrow().view.clone();
        if self.shown != after {
            self.focused_uid = focused_uid();
            if jumps {
                flip::forget_traces();
                self.shown = after;
            } else {
                self.moves = Moves::measure(&self.shown, &after);
            }
        }
        self.follow_sessions();
        let was_unread = self.unread;
        self.derive();
        self.announce();
        self.tell_host();
        self.ask_for_frame(ctx);
        changed || was_unread && !self.unread
    }

    fn view(&self, _ctx: &Context<Self>) -> Html {
        if self.settings.embed { layout::figure(self) } else { layout::page(self) }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        std::mem::take(&mut self.moves).play(self.driver.borrow().speed_tenths);
        self.shown = self.driver.borrow().view.clone();
        self.keep_focus();
        self.tell_height();
        if self.seen != self.ui.view {
            flip::forget_traces();
            self.bring_view_in_sight();
        }
        let place = self.reveal_at.take();
        if let (Some((from, to)), Some(editor)) = (place, &self.editor) {
            editor.reveal(from, to);
        }
        if first {
            rest::load(0);
        }
        if first && (!self.settings.embed || self.ui.editor_open) {
            self.load_editor(ctx);
        }
        if first && self.settings.embed {
            self.greet_host();
        }
    }
}

fn first_state(settings: &Settings, banner: Option<Banner>) -> UiState {
    let history = storage::get(storage::HISTORY).and_then(|kept| serde_json::from_str(&kept).ok());
    UiState {
        lang: settings.lang,
        theme: settings.theme,
        view: settings.view,
        grain: Grain::Story,
        window: 0,
        against: None,
        request: None,
        table: Kind::POD,
        sought: None,
        selected: None,
        tab: InspectorTab::default(),
        menu: false,
        compare: None,
        pane: Pane::default(),
        sizes: storage::get(storage::SIZES).map(|kept| Sizes::read(&kept)).unwrap_or_default(),
        console_open: has_room(),
        editor_open: settings.embed && settings.panes.yaml == Yaml::Open,
        predict: Predict::default(),
        adding: false,
        can_undo: false,
        editing: None,
        going: false,
        help: false,
        sharing: None,
        moment: None,
        preferences: Preferences::read(),
        log: Shared::new(Vec::new()),
        history: Shared::new(history.unwrap_or_default()),
        diagnostics: Shared::new(Vec::new()),
        files: Shared::new(FileNames::default()),
        preview: None,
        fixes: Shared::new(Vec::new()),
        refusal: AttrValue::default(),
        banner,
        live: Default::default(),
    }
}

/// Whether the console may take its part of the screen from the start.
fn has_room() -> bool {
    let height = gloo::utils::window().inner_height().ok().and_then(|height| height.as_f64());
    height.is_none_or(|height| height > 620.0)
}

fn completion(driver: &Rc<RefCell<Driver>>) -> Callback<String, Vec<String>> {
    let driver = driver.clone();
    Callback::from(move |line: String| {
        let driver = driver.borrow();
        kubectl::complete(&line, driver.objects(), &driver.namespace())
    })
}

/// So many objects that a text may mean are offered.
const FOUND: usize = 12;

/// The objects that a text means.
fn finding(driver: &Rc<RefCell<Driver>>) -> Callback<String, Vec<Key>> {
    let driver = driver.clone();
    Callback::from(move |text: String| find::objects(&text, driver.borrow().objects(), FOUND))
}

/// Remembers the place to show; it is shown once the editor is on screen.
fn revealing(at: &Rc<RefCell<Option<(u32, u32)>>>, on: &Callback<Action>) -> Callback<(u32, u32)> {
    let (at, on) = (at.clone(), on.clone());
    Callback::from(move |place| {
        at.replace(Some(place));
        on.emit(Action::Pane(Pane::Manifest));
    })
}

fn listeners(settings: &Settings, on: &Callback<Action>) -> Vec<EventListener> {
    let keys = on.clone();
    let pressed = move |event: &web_sys::Event| {
        if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
            let dialog = gloo::utils::document().query_selector("dialog[open]").ok().flatten().is_some();
            if let Some(action) = keyboard::action(event, Preferences::read().single_keys, dialog) {
                event.prevent_default();
                keys.emit(action);
            }
        }
    };
    let options = EventListenerOptions::enable_prevent_default();
    let mut listeners =
        vec![EventListener::new_with_options(&gloo::utils::window(), "keydown", options, pressed)];
    // Once the program's other half is there.
    let whole = on.clone();
    listeners.push(EventListener::once(&gloo::utils::window(), rest::WHOLE, move |_| {
        whole.emit(Action::Rehearse)
    }));
    let scrolled = |event: &web_sys::Event| {
        let scrolled = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if scrolled.is_some_and(|part| part.closest(".middle, .figure").ok().flatten().is_some()) {
            flip::forget_traces();
        }
    };
    let (capture, document) = (EventListenerOptions::run_in_capture_phase(), gloo::utils::document());
    listeners.push(EventListener::new_with_options(&document, "scroll", capture, scrolled));
    listeners.push(EventListener::new(&gloo::utils::window(), "resize", |_| flip::forget_traces()));
    if settings.embed {
        let heard = on.reform(|(request, id)| Action::Heard(request, id));
        listeners.push(host::listen(settings.origin.clone(), heard));
    }
    listeners
}

fn focused_uid() -> Option<String> {
    let card =
        gloo::utils::document().active_element().filter(|element| element.has_attribute("data-pod"))?;
    Some(card.id())
}

impl App {
    /// Does what is asked. Says whether the page has to be laid out again.
    fn act(&mut self, ctx: &Context<Self>, action: Action) -> bool {
        match action {
            Action::Frame => self.pass_frame(),
            Action::EditorReady(editor) => {
                self.editor_ready(editor);
                true
            }
            other => self.carry_out(ctx, other),
        }
    }

    /// The same of what only a person or the other half of the program asks.
    #[inline(never)]
    fn carry_out(&mut self, ctx: &Context<Self>, action: Action) -> bool {
        match action {
            Action::Frame | Action::EditorReady(_) => return false,
            Action::TogglePlay => self.play(!self.is_playing()),
            Action::Step(steps) => self.step(steps, self.ui.grain),
            Action::Beat(beats) => self.beat(beats),
            Action::Grain(grain) => self.ui.grain = grain,
            Action::Seek(time) => self.seek(time),
            Action::SeekEnd => {
                let end = self.driver.borrow().end();
                self.seek(end);
            }
            Action::Speed(tenths) => self.driver.borrow_mut().speed_tenths = tenths,
            Action::SpeedBy(step) => self.speed_by(step),
            Action::SkipIdle(on) => self.driver.borrow_mut().skip_idle = on,
            Action::Select(Some(key)) if key.kind == Kind::NODE && self.is_asking() => {
                self.guess(Some(key.name.to_string()))
            }
            Action::Select(key) => {
                self.selecting = None;
                self.select(key);
            }
            Action::Light(key) => return self.light(key),
            Action::PointAt(at) => return self.point_at(at),
            Action::Predict(on) => self.predict(on),
            Action::Guess(guessed) => self.guess(guessed),
            Action::SkipGuess => self.skip_guess(),
            Action::View(view) => self.ui.view = view,
            Action::Window(seconds) => {
                self.ui.window = seconds;
                self.scene_of.0 = 0;
            }
            Action::TakeUp(run) => self.take_up(run),
            Action::Against(run) => {
                self.ui.against = run;
                self.scene_of.0 = 0;
            }
            Action::Request(asked) => {
                self.ui.request = asked;
                self.scene_of.0 = 0;
            }
            Action::TableOf(kind) => {
                self.ui.table = kind;
                self.scene_of.0 = 0;
            }
            Action::Compare(pair) => {
                self.ui.compare = Some(pair);
                self.inspected = None;
            }
            Action::Menu(open) => self.ui.menu = open && self.inspection.is_some(),
            Action::AskFilter => self.ask_filter(),
            Action::Filter(text) => self.filter(text),
            Action::Owner => self.turn_to_owner(),
            Action::Tab(tab) => {
                self.ui.tab = tab;
                self.inspected = None;
            }
            Action::Pane(pane) => self.turn_to(pane),
            Action::Resize(border, size) => {
                self.ui.sizes.set(border, size);
                storage::set(storage::SIZES, &self.ui.sizes.write());
            }
            Action::ToggleConsole => self.ui.console_open = !self.ui.console_open,
            Action::ToggleEditor => {
                self.ui.editor_open = !self.ui.editor_open;
                self.load_editor(ctx);
            }
            Action::ToggleTheme => self.set_theme(if self.ui.theme == "dark" { "light" } else { "dark" }),
            Action::ToggleLang => self.set_lang(self.ui.lang.other()),
            Action::GoTo => self.ui.going = true,
            Action::Help => self.ui.help = true,
            Action::Share(whole) => self.share(whole),
            Action::PointHere(link) => self.point_here(&link),
            Action::CloseDialog => self.close_dialog(),
            Action::Prefer(choice) => self.prefer(choice),
            Action::Rehearse => {
                self.rehearse(ctx);
                return false;
            }
            Action::Edited(text) => return self.edited(ctx, text),
            Action::Lint => self.lint(),
            Action::Apply if self.ui.editing.is_some() => self.end_edit(true),
            Action::Apply => {
                let applied = self.apply().code == 0;
                // What follows comes with the next frame: to lay the page out for each would only take longer.
                self.undrawn = applied && self.is_playing();
                return !self.undrawn;
            }
            Action::File(action) => self.with_files(action),
            Action::Preview(on) => self.look(on),
            Action::Fix(at) => self.fix(at),
            Action::CancelEdit => self.end_edit(false),
            Action::Reveal(field) => self.reveal_field(field),
            Action::Insert(patch) => self.insert_fix(&patch),
            Action::TryFixes => self.try_fixes(),
            Action::Run(text) => self.run(&text),
            Action::Interrupt => self.interrupt(),
            Action::Start(starter) => {
                self.set_manifest(starter.manifest());
                self.apply();
                self.play(true);
            }
            Action::Adding(on) => {
                self.ui.adding = on;
                self.ui.preview = None;
            }
            Action::Add(starter) => self.add(starter),
            Action::Undo => self.undo(),
            Action::Until(until) => self.run_until(until),
            Action::AskUntil => self.ui.moment = Some(AttrValue::default()),
            Action::UntilWritten(text) => self.run_until_written(&text),
            Action::StopAt(reason) => self.driver.borrow_mut().toggle_reason(reason),
            Action::Reset => self.reset(),
            Action::Reroll => self.reroll(),
            Action::Dismiss => self.ui.banner = None,
            Action::Heard(request, id) => self.heard(request, id),
        }
        true
    }

    fn close_dialog(&mut self) {
        (self.ui.going, self.ui.help) = (false, false);
        (self.ui.sharing, self.ui.moment) = (None, None);
    }

    fn turn_to_owner(&mut self) {
        let found = self.ui.selected.as_ref().and_then(|key| owner(self.driver.borrow().objects(), key));
        if found.is_some() {
            self.select(found);
        }
    }

    fn select(&mut self, key: Option<Key>) {
        if key.as_ref().is_some_and(|key| self.driver.borrow().is_waiting(key)) {
            // What one asks of a pod that waits is why.
            self.ui.tab = InspectorTab::Why;
        } else if self.ui.selected.is_none() {
            self.ui.tab = InspectorTab::Summary;
        }
        if key.is_none() && self.ui.editor_open {
            self.ui.editor_open = false;
        }
        if self.ui.tab == InspectorTab::Logs && key.as_ref().is_none_or(|key| key.kind != Kind::POD) {
            self.ui.tab = InspectorTab::Summary;
        }
        (self.ui.selected, self.ui.compare, self.ui.menu) = (key, None, false);
        self.inspected = None;
    }

    fn turn_to(&mut self, pane: Pane) {
        self.ui.pane = pane;
        if pane == Pane::Console {
            self.ui.console_open = true;
        }
        let target = match pane {
            Pane::Manifest => ".cm-content, .editor-plain",
            Pane::Console => "[data-testid=console-input]",
            Pane::Cluster | Pane::Events => return,
        };
        // After the pane is on screen.
        Timeout::new(0, move || {
            let found = gloo::utils::document().query_selector(target).ok().flatten();
            if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
                let _ = element.focus();
            }
        })
        .forget();
    }

    fn set_theme(&mut self, theme: &'static str) {
        (self.ui.theme, self.settings.theme) = (theme, theme);
        self.settings.show();
    }

    fn set_lang(&mut self, lang: Lang) {
        (self.ui.lang, self.settings.lang) = (lang, lang);
        self.settings.show();
        if let Some(editor) = &self.editor {
            editor.set_lang(lang);
            editor.set_diagnostics(&self.ui.diagnostics, &self.ui.fixes, lang);
        }
    }
}
