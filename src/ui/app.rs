//! The application: one state, one list of messages, and the layout that they end up in.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use kubeviz::api::Key;
use kubeviz::api::manifest::Diagnostic;
use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::kubectl::script::{self, Command};
use kubeviz::sim::{Input, SessionId};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, KeyboardEvent};
use yew::prelude::*;

use super::components::console::{Console, Entry};
use super::components::editor::ManifestEditor;
use super::components::event_list::EventList;
use super::components::header::Header;
use super::components::inspector::Inspector;
use super::components::stage::StageView;
use super::components::time_bar::TimeBar;
use super::driver::{Driver, lint};
use super::flip::Moves;
use super::host::{self, Request};
use super::i18n::Lang;
use super::settings::Settings;
use super::share::{ActionButton, read_hash};
use super::shared::Shared;
use super::starters::Starter;
use super::{panic, storage};
use crate::tr;

/// A manifest longer than this is checked when it is applied, not at every key.
const LINT_MAX: usize = 256 * 1024;
/// How many lines of the console are kept on screen.
const ENTRIES_MAX: usize = 200;

/// The areas of a phone's screen, of which one is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// The stage.
    Cluster,
    /// The manifest.
    Yaml,
    /// The console.
    Kubectl,
    /// What happened.
    Events,
}

/// Everything that can happen to the page.
pub enum Msg {
    /// The browser is about to paint.
    Frame,
    /// Play or pause.
    TogglePlay,
    /// To the next change.
    StepForward,
    /// To the change before.
    StepBack,
    /// Look at a time, in microseconds.
    Seek(u64),
    /// Another speed, in tenths.
    Speed(u32),
    /// Skip idle time, or do not.
    ToggleSkip,
    /// The manifest was changed.
    Edited(String),
    /// Apply the manifest.
    Apply,
    /// A way to begin was chosen.
    Start(Starter),
    /// Lines were entered at the console.
    Run(String),
    /// A card was chosen, or none.
    Select(Option<Key>),
    /// The other theme.
    Theme,
    /// The other language.
    Lang,
    /// A phone's tab.
    Tab(Tab),
    /// Show or hide the editor of a figure.
    ToggleDrawer,
    /// A key was pressed outside every field.
    Key(String),
    /// The page around the figure asks for something.
    Host(Request),
}

/// The state of the page.
pub struct App {
    settings: Settings,
    driver: Driver,
    manifest: Rc<str>,
    /// Raised when the manifest was replaced by something else than typing.
    manifest_version: u32,
    diagnostics: Shared<Vec<Diagnostic>>,
    banner: Option<(bool, String)>,
    entries: Vec<Shared<Entry>>,
    running: Option<(SessionId, usize)>,
    waiting_lines: Vec<script::ScriptLine>,
    selected: Option<Key>,
    tab: Tab,
    drawer: bool,
    actions: Vec<ActionButton>,
    moves: Option<Moves>,
    frame: Option<AnimationFrame>,
    _listeners: Vec<EventListener>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let settings = Settings::read();
        let link = read_hash();
        let driver = Driver::new(settings.seed, settings.speed_tenths, settings.autoplay);
        let linked = link.as_ref().ok().and_then(Option::as_ref);
        let kept = if settings.embed { None } else { storage::get(storage::MANIFEST) };
        let manifest = linked.map(|shared| shared.manifest.clone()).or(kept).unwrap_or_default();
        let mut listeners = vec![shortcuts(ctx.link().clone())];
        if settings.embed {
            listeners.push(host::listen(settings.origin.clone(), ctx.link().callback(Msg::Host)));
        }
        let mut app = App {
            driver,
            manifest: manifest.as_str().into(),
            manifest_version: 0,
            diagnostics: Shared::new(Vec::new()),
            banner: None,
            entries: Vec::new(),
            running: None,
            waiting_lines: Vec::new(),
            selected: None,
            tab: Tab::Cluster,
            drawer: false,
            actions: linked.map(|shared| shared.ui.actions.clone()).unwrap_or_default(),
            moves: None,
            frame: None,
            _listeners: listeners,
            settings,
        };
        match &link {
            Ok(Some(_)) => app.apply(),
            Ok(None) => app.check(),
            Err(why) => {
                app.banner = Some((true, tr!(app.settings.lang, "link.broken", why = why).to_string()))
            }
        }
        if app.settings.embed {
            host::say(app.settings.origin.as_deref(), "ready", &[("version", 1.into())]);
        }
        app.next_frame(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        let playing = self.driver.playing;
        let before = self.driver.view.clone();
        let render = self.handle(ctx, msg);
        if self.driver.playing && (!playing || self.frame.is_none()) {
            if !playing {
                self.driver.restart_clock();
            }
            self.next_frame(ctx);
        }
        if self.driver.view.revision != before.revision {
            self.moves = Some(measure_moves(&before, &self.driver.view));
            self.poll_session();
        }
        if self.settings.embed && self.driver.playing != playing {
            let fields = [("playing", JsValue::from(self.driver.playing))];
            host::say(self.settings.origin.as_deref(), "state", &fields);
        }
        render
    }

    fn rendered(&mut self, _ctx: &Context<Self>, _first: bool) {
        if let Some(moves) = self.moves.take() {
            moves.play();
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        if self.settings.embed { self.view_figure(ctx) } else { self.view_page(ctx) }
    }
}

impl App {
    fn handle(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Frame => {
                self.frame = None;
                let changed = self.driver.frame();
                if self.driver.playing {
                    self.next_frame(ctx);
                }
                // The clock moves with every frame; everything else is compared and left alone.
                return changed || self.driver.playing;
            }
            Msg::TogglePlay => self.driver.playing = !self.driver.playing,
            Msg::StepForward => {
                self.driver.playing = false;
                self.driver.step_forward();
            }
            Msg::StepBack => {
                self.driver.playing = false;
                self.driver.step_back();
            }
            Msg::Seek(micros) => {
                self.driver.playing = false;
                self.driver.seek(SimTime(micros));
            }
            Msg::Speed(tenths) => self.driver.speed_tenths = tenths,
            Msg::ToggleSkip => self.driver.skip_idle = !self.driver.skip_idle,
            Msg::Edited(text) => {
                if *text == *self.manifest {
                    return false;
                }
                self.manifest = text.into();
                self.keep_manifest();
                self.check();
            }
            Msg::Apply => self.apply(),
            Msg::Start(starter) => {
                self.replace_manifest(starter.manifest());
                self.apply();
            }
            Msg::Run(text) => self.run_lines(&text),
            Msg::Select(key) => self.selected = key,
            Msg::Theme => {
                self.settings.theme = if self.settings.theme == "dark" { "light" } else { "dark" };
                self.settings.show();
            }
            Msg::Lang => {
                self.settings.lang = self.settings.lang.other();
                self.settings.show();
            }
            Msg::Tab(tab) => self.tab = tab,
            Msg::ToggleDrawer => self.drawer = !self.drawer,
            Msg::Key(code) => return self.key(&code),
            Msg::Host(request) => self.host(request),
        }
        true
    }

    fn key(&mut self, code: &str) -> bool {
        match code {
            "Space" => self.driver.playing = !self.driver.playing,
            "Period" => {
                self.driver.playing = false;
                self.driver.step_forward();
            }
            "Comma" => {
                self.driver.playing = false;
                self.driver.step_back();
            }
            "Escape" => self.selected = None,
            "Backquote" => focus("[data-testid=console-input]"),
            "KeyE" => focus("[data-testid=editor] .cm-content, [data-testid=editor] textarea"),
            _ => return false,
        }
        true
    }

    fn host(&mut self, request: Request) {
        let origin = self.settings.origin.clone();
        let answer = |id: &JsValue, code: i32, text: &str| {
            host::say(
                origin.as_deref(),
                "result",
                &[("id", id.clone()), ("ok", (code == 0).into()), ("msg", text.into())],
            );
        };
        match request {
            Request::Ping => host::say(origin.as_deref(), "ready", &[("version", 1.into())]),
            Request::Play => self.driver.playing = true,
            Request::Pause => self.driver.playing = false,
            Request::Step(n) => {
                self.driver.playing = false;
                if n < 0 { self.driver.step_back() } else { self.driver.step_forward() }
            }
            Request::Seek(seconds) => self.driver.seek(SimTime((seconds.max(0.0) * 1e6) as u64)),
            Request::Exec(line, id) => {
                let (code, text) = self.run_one(&line, None);
                answer(&id, code, &text);
            }
            Request::Apply(yaml, id) => {
                self.replace_manifest(&yaml);
                self.apply();
                answer(&id, i32::from(self.banner.as_ref().is_some_and(|(bad, _)| *bad)), "");
            }
            Request::Lang(code) => {
                self.settings.lang = Lang::from_code(&code).unwrap_or(self.settings.lang);
                self.settings.show();
            }
            Request::Theme(theme) => {
                self.settings.theme = if theme == "dark" { "dark" } else { "light" };
                self.settings.show();
            }
        }
    }

    fn next_frame(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.frame = Some(request_animation_frame(move |_| link.send_message(Msg::Frame)));
    }

    fn keep_manifest(&self) {
        if !self.settings.embed {
            storage::set(storage::MANIFEST, &self.manifest);
        }
    }

    fn replace_manifest(&mut self, text: &str) {
        self.manifest = text.into();
        self.manifest_version += 1;
        self.keep_manifest();
    }

    /// Marks what is wrong with the manifest as it stands.
    fn check(&mut self) {
        let found = if self.manifest.len() <= LINT_MAX { lint(&self.manifest) } else { Vec::new() };
        self.diagnostics = Shared::new(found);
    }

    fn apply(&mut self) {
        let lang = self.settings.lang;
        let linted = lint(&self.manifest);
        // kubectl would apply the documents before a broken one. Here nothing is, and it says so.
        if linted.iter().any(Diagnostic::is_error) {
            self.banner = Some((true, tr!(lang, "apply.nothing").to_string()));
            self.diagnostics = Shared::new(linted);
            return;
        }
        let outcome = self.driver.submit(Input::Kubectl {
            line: "kubectl apply -f -".into(),
            stdin: Some(self.manifest.to_string()),
            files: BTreeMap::new(),
        });
        panic::remember(self.driver.journal());
        let failed = outcome.code != 0;
        let mut found = linted;
        found.extend(outcome.diagnostics.into_iter().filter(Diagnostic::is_error));
        self.diagnostics = Shared::new(found);
        let text = if failed { outcome.stderr.clone() } else { outcome.stdout.clone() };
        self.banner = Some((failed, text.trim().to_string()));
        self.push_entry("kubectl apply -f -", &format!("{}{}", outcome.stdout, outcome.stderr), failed);
    }

    /// Runs what was entered at the console: one line, or a script of them.
    fn run_lines(&mut self, text: &str) {
        match script::parse(text) {
            Ok(lines) => {
                self.waiting_lines.extend(lines);
                self.run_waiting();
            }
            Err((_, why)) => self.push_entry(text, &format!("{why}\n"), true),
        }
    }

    fn run_waiting(&mut self) {
        while self.running.is_none() && !self.waiting_lines.is_empty() {
            match self.waiting_lines.remove(0).command {
                Command::Sleep(span) => {
                    let until = self.driver.position() + span;
                    self.push_entry(&format!("sleep {}", SimDuration::human(span)), "", false);
                    while self.driver.position() < until {
                        self.driver.run_to(until);
                    }
                }
                Command::Kubectl { line, stdin } => {
                    self.run_one(&line, stdin);
                }
            }
        }
    }

    fn run_one(&mut self, line: &str, stdin: Option<String>) -> (i32, String) {
        let outcome = self.driver.submit(Input::Kubectl { line: line.into(), stdin, files: BTreeMap::new() });
        panic::remember(self.driver.journal());
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        self.push_entry(line, &text, outcome.code != 0);
        if let (true, Some(id)) = (outcome.waiting, outcome.session) {
            self.running = Some((id, self.entries.len() - 1));
            self.driver.playing = true;
        }
        (outcome.code, text)
    }

    /// Shows what a waiting command has printed meanwhile.
    fn poll_session(&mut self) {
        let Some((id, index)) = self.running else { return };
        let Some((text, done)) = self.driver.session(id) else {
            self.running = None;
            return;
        };
        if let Some(entry) = self.entries.get_mut(index).filter(|entry| entry.output != text) {
            *entry = Shared::new(Entry { line: entry.line.clone(), output: text, failed: entry.failed });
        }
        if done {
            self.running = None;
            self.run_waiting();
        }
    }

    fn push_entry(&mut self, line: &str, output: &str, failed: bool) {
        self.entries.push(Shared::new(Entry { line: line.into(), output: output.into(), failed }));
        if self.entries.len() > ENTRIES_MAX && self.running.is_none() {
            self.entries.remove(0);
        }
    }

    fn view_stage(&self, ctx: &Context<Self>, compact: bool) -> Html {
        let link = ctx.link();
        html! {
            <StageView
                lang={self.settings.lang}
                view={Shared::new(self.driver.view.clone())}
                now={self.driver.position().0 / 1_000_000}
                selected={self.selected.clone()}
                compact={compact}
                on_select={link.callback(Msg::Select)}
                on_start={link.callback(Msg::Start)}
            />
        }
    }

    fn view_time_bar(&self, ctx: &Context<Self>, compact: bool) -> Html {
        let link = ctx.link();
        let marks: Vec<(u64, bool)> =
            self.driver.whole_story().iter().map(|line| (line.time.0, line.warning)).collect();
        html! {
            <TimeBar
                lang={self.settings.lang}
                position={self.driver.position().0}
                end={self.driver.end().0}
                playing={self.driver.playing}
                speed_tenths={self.driver.speed_tenths}
                skip_idle={self.driver.skip_idle}
                skipped={self.driver.skipped.map(|span| span.as_secs())}
                runs={self.driver.runs()}
                marks={Rc::new(marks)}
                compact={compact}
                on_play={link.callback(|()| Msg::TogglePlay)}
                on_step={link.callback(|forward| if forward { Msg::StepForward } else { Msg::StepBack })}
                on_seek={link.callback(Msg::Seek)}
                on_speed={link.callback(Msg::Speed)}
                on_skip={link.callback(|()| Msg::ToggleSkip)}
            />
        }
    }

    fn view_editor(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        html! {
            <ManifestEditor
                lang={self.settings.lang}
                text={self.manifest.clone()}
                version={self.manifest_version}
                diagnostics={self.diagnostics.clone()}
                banner={self.banner.clone()}
                on_change={link.callback(Msg::Edited)}
                on_apply={link.callback(|()| Msg::Apply)}
            />
        }
    }

    fn view_page(&self, ctx: &Context<Self>) -> Html {
        let (link, lang) = (ctx.link(), self.settings.lang);
        let inspection = self.selected.as_ref().and_then(|key| self.driver.inspect(key));
        let tab = |tab: Tab, text: AttrValue| {
            let onclick = link.callback(move |_| Msg::Tab(tab));
            let current = (self.tab == tab).then_some("page");
            html! { <button type="button" aria-current={current} {onclick}>{ text }</button> }
        };
        let names = self.driver.objects().clone();
        html! {
            <div class={classes!("page", format!("tab-{:?}", self.tab).to_lowercase())}>
                <a class="skip" href="#stage">{ tr!(lang, "skip.stage") }</a>
                <Header {lang} totals={self.driver.view.totals} namespace={self.driver.namespace()} theme={self.settings.theme}
                    on_theme={link.callback(|()| Msg::Theme)} on_lang={link.callback(|()| Msg::Lang)} />
                <section class="left" aria-label={tr!(lang, "editor.title")}>{ self.view_editor(ctx) }</section>
                <main class="middle" id="stage" tabindex="-1">{ self.view_stage(ctx, false) }</main>
                <aside class="right" aria-label={tr!(lang, "inspector.title")}>
                    if let Some(inspection) = inspection {
                        <Inspector {lang} inspection={Shared::new(inspection)} on_select={link.callback(Msg::Select)} />
                    } else {
                        <EventList {lang} lines={Shared::new(self.driver.story().iter().rev().take(60).cloned().collect::<Vec<_>>())} />
                    }
                </aside>
                <Console {lang} entries={self.entries.clone()} busy={self.running.is_some()} namespace={self.driver.namespace()}
                    complete={Callback::from(move |line: String| kubeviz::kubectl::complete(&line, &names, "default"))}
                    on_run={link.callback(Msg::Run)} />
                { self.view_time_bar(ctx, false) }
                <nav class="tabs" aria-label={tr!(lang, "tabs.title")}>
                    { tab(Tab::Cluster, tr!(lang, "tabs.cluster")) }
                    { tab(Tab::Yaml, tr!(lang, "tabs.yaml")) }
                    { tab(Tab::Kubectl, tr!(lang, "tabs.kubectl")) }
                    { tab(Tab::Events, tr!(lang, "tabs.events")) }
                </nav>
                <div class="visually-hidden" role="status">{ self.announcement() }</div>
            </div>
        }
    }

    fn view_figure(&self, ctx: &Context<Self>) -> Html {
        let (link, lang) = (ctx.link(), self.settings.lang);
        let title = if self.settings.label.is_empty() {
            tr!(lang, "figure.title")
        } else {
            self.settings.label.clone().into()
        };
        let button = |action: &ActionButton| {
            let run = action.run.clone();
            let onclick = link.callback(move |_| Msg::Run(run.clone()));
            html! { <button type="button" class="button" title={action.run.clone()} {onclick}>{ &action.label }</button> }
        };
        let full = gloo::utils::window().location().href().unwrap_or_default().replace("embed=1", "embed=0");
        html! {
            <div class="figure">
                <header class="figure-head">
                    <h1>{ title }</h1>
                    <button type="button" class="link" aria-expanded={self.drawer.to_string()}
                        onclick={link.callback(|_| Msg::ToggleDrawer)}>{ tr!(lang, "figure.yaml") }</button>
                    <a class="link" href={full} target="_blank" rel="noopener">{ tr!(lang, "figure.open") }</a>
                </header>
                <main class="middle" id="stage">{ self.view_stage(ctx, true) }</main>
                if self.drawer { <section class="drawer" aria-label={tr!(lang, "editor.title")}>{ self.view_editor(ctx) }</section> }
                <p class="caption" role="status">{ self.announcement() }</p>
                <footer class="figure-foot">
                    { self.view_time_bar(ctx, true) }
                    <div class="actions">{ for self.actions.iter().map(button) }</div>
                </footer>
            </div>
        }
    }

    /// The last thing worth telling, for the caption and for those who listen.
    fn announcement(&self) -> String {
        let line = self.driver.story().iter().rev().find(|line| line.time > SimTime::ZERO);
        line.map(|line| format!("{}: {}", line.object, line.text)).unwrap_or_default()
    }
}

/// Pods whose place changes between two views.
fn measure_moves(before: &kubeviz::view::ClusterView, after: &kubeviz::view::ClusterView) -> Moves {
    let uids = |view: &'_ kubeviz::view::ClusterView| -> BTreeSet<String> {
        view.pending.iter().map(|card| card.uid.clone()).collect()
    };
    let (waited, waiting) = (uids(before), uids(after));
    Moves::measure(waited.symmetric_difference(&waiting).map(String::as_str))
}

fn focus(selector: &str) {
    let element = gloo::utils::document().query_selector(selector).ok().flatten();
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take the focus keeps it where it is.
        let _ = element.focus();
    }
}

/// Single keys work wherever no text is being written, by their place on the keyboard, so that they work with a Korean
/// layout too.
fn shortcuts(link: yew::html::Scope<App>) -> EventListener {
    let options = gloo::events::EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&gloo::utils::document(), "keydown", options, move |event| {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
        let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
        let written = target.as_ref().is_some_and(|element| {
            element.is_content_editable()
                || ["INPUT", "TEXTAREA", "SELECT", "BUTTON", "A"].contains(&element.tag_name().as_str())
        });
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        if written || modified || event.is_composing() {
            return;
        }
        let code = event.code();
        if ["Space", "Backquote", "KeyE"].contains(&code.as_str()) {
            event.prevent_default();
        }
        link.send_message(Msg::Key(code));
    })
}
