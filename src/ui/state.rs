//! What can be done on the page, and what of it the page itself remembers; the cluster is the driver's.

use std::sync::Arc;

use kubeviz::api::manifest::Diagnostic;
use kubeviz::api::{Key, Kind};
use kubeviz::clock::SimTime;
use kubeviz::view::filter::Meant;
use kubeviz::view::preview::Planned;
use kubeviz::view::quick_fix::QuickFix;
use kubeviz::view::traffic::Sample;
use web_sys::Element;
use yew::AttrValue;

use kubeviz::sim::Grain;
use wasm_bindgen::JsValue;

use super::components::{Border, Sizes};
use super::driver::{Goal, Hit};
use super::editor_bridge::Editor;
use super::host::Request;
use super::i18n::Lang;
use super::predict::Predict;
use super::preferences::{Preference, Preferences};
use super::shared::Shared;
use super::starters::Starter;

/// Everything that a person, the clock or the page around can ask of the page.
pub enum Action {
    /// A frame is about to be drawn.
    Frame,
    /// Let time pass, or stop it.
    TogglePlay,
    /// Go so many steps forward, or back if negative.
    Step(i32),
    /// Goes so far over all that belongs together, forward or back.
    Beat(i32),
    /// What a step is.
    Grain(Grain),
    /// Look at another time.
    Seek(SimTime),
    /// Look at the end of the run.
    SeekEnd,
    /// Choose a speed, in tenths.
    Speed(u32),
    /// Choose the next faster (1) or slower (-1) speed.
    SpeedBy(i32),
    /// Skip time in which nothing happens, or not.
    SkipIdle(bool),
    /// Put an object under the glass, or none.
    Select(Option<Key>),
    /// The pointer is over a card, or no longer: mark the lines that it comes from.
    Light(Option<Key>),
    /// The pointer is over a line of the manifest, or no longer: mark the cards that come from it.
    PointAt(Option<u32>),
    /// How much of the end the timeline shows, in seconds; nothing for all.
    Window(u32),
    /// Play a run on that was left.
    TakeUp(usize),
    /// Ask what a request that is drawn is, or no longer.
    Request(Option<Arc<Sample>>),
    /// Lay the rollout of a run that was left over the one shown, or none.
    Against(Option<usize>),
    /// The table of a kind.
    TableOf(Kind),
    /// Ask where each new pod will run, or not.
    Predict(bool),
    /// A guess where the pod asked about will run; none if it will wait.
    Guess(Option<String>),
    /// No guess about this pod.
    SkipGuess,
    /// Look at the cluster another way.
    View(StageView),
    /// Ask for the pods that are looked for.
    AskFilter,
    /// Look for pods by these words, or no more.
    Filter(Option<String>),
    /// Turn to the controller of what is under the glass.
    Owner,
    /// Turn to a page of the inspector.
    Tab(InspectorTab),
    /// List what can be done with the object under the glass, or no more.
    Menu(bool),
    /// Compare two revisions of the object under the glass.
    Compare((u64, u64)),
    /// Turn to a pane; on a wide screen, only the focus moves there.
    Pane(Pane),
    /// Move the border of a panel, so that it is so many pixels large.
    Resize(Border, i32),
    /// Fold or unfold the console.
    ToggleConsole,
    /// Show or hide the editor, where it lies over the stage.
    ToggleEditor,
    /// Light or dark.
    ToggleTheme,
    /// The other language.
    ToggleLang,
    /// Ask where to, or what to do.
    GoTo,
    /// Show the list of keys.
    Help,
    /// Show links to what is on the page: to where one looks, or to the start.
    Share(bool),
    /// Have a link of a figure lead to where the figure is now.
    PointHere(Element),
    /// Put away what lies over the page.
    CloseDialog,
    /// Play what was done again, with other chances.
    Reroll,
    /// Choose something once for all visits.
    Prefer(Preference),
    /// Try, unseen, what nearly everybody does first.
    Rehearse,
    /// The text in the editor has changed.
    Edited(String),
    /// The editor's bundle has loaded, or cannot be.
    EditorReady(Option<Box<Editor>>),
    /// Errors in the text are due to be looked for.
    Lint,
    /// Apply the manifest in the editor.
    Apply,
    /// Do something with the files of the editor.
    File(FileAction),
    /// Show what applying the manifest would change, or no more.
    Preview(bool),
    /// Make one of the changes that take an error of the text away.
    Fix(usize),
    /// Leave the object in the editor as it is.
    CancelEdit,
    /// Show a field of the pod under the glass in the manifest.
    Reveal(&'static str),
    /// Make a change of the pod under the glass in the manifest: a JSON patch.
    Insert(Vec<serde_json::Value>),
    /// Try what would let the pod under the glass run.
    TryFixes,
    /// Run what was entered at the console.
    Run(String),
    /// Stop following the command that waits.
    Interrupt,
    /// Begin with one of the starters.
    Start(Starter),
    /// Show the palette in the manifest's place, or not.
    Adding(bool),
    /// Put a template into the manifest, and apply it.
    Add(Starter),
    /// Go back to before the last thing that was done.
    Undo,
    /// Let time pass until a moment, or no longer wait for it.
    Until(Option<Goal>),
    /// Ask until when.
    AskUntil,
    /// Let time pass until a moment that was written.
    UntilWritten(String),
    /// Stop the clock whenever an event has this reason, or no more.
    StopAt(String),
    /// A new cluster.
    Reset,
    /// Put the banner away.
    Dismiss,
    /// A word from the page around the figure.
    Heard(Request, JsValue),
}

/// What can be done with the files of the editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// An empty one.
    New,
    /// Another to the front.
    TurnTo(usize),
    /// A name for the one in front.
    Rename(String),
    /// One less; it can be opened again.
    Close(usize),
    /// The one closed last.
    Reopen,
    /// Names and texts that have been read.
    Opened(Vec<(String, String)>),
    /// The one in front, to the browser's downloads.
    Save,
    /// The one in front, in order.
    Format,
    /// All, in the order of the tabs.
    ApplyAll,
}

/// The tabs of the editor.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FileNames {
    /// All names.
    pub list: Vec<AttrValue>,
    /// Which is in front.
    pub current: usize,
    /// The name of the one closed last.
    pub closed: Option<AttrValue>,
}

/// The pods that are looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sought {
    /// In words.
    pub text: AttrValue,
    /// How often it was asked for: each time, the field takes the focus.
    pub asked: u32,
    /// The pods that are meant; nothing if all are.
    pub meant: Option<Shared<Meant>>,
    /// What is wrong with the words.
    pub wrong: Option<AttrValue>,
}

/// What applying the manifest would change, at a time.
#[derive(Debug)]
pub struct Look {
    /// When.
    pub at: SimTime,
    /// The objects, or what is wrong with the text.
    pub found: Result<Vec<Planned>, String>,
}

/// What the stage shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StageView {
    /// Nodes and pods.
    #[default]
    Cluster,
    /// The revisions of a workload.
    Rollout,
    /// The control plane at work.
    Xray,
    /// Requests, Services and endpoints.
    Traffic,
    /// The lives of pods.
    Timeline,
    /// Who owns whom.
    Tree,
    /// Any kind as kubectl prints it.
    Table,
}

impl StageView {
    /// All, in their order on the page.
    pub const ALL: [StageView; 7] = [
        StageView::Cluster,
        StageView::Rollout,
        StageView::Xray,
        StageView::Traffic,
        StageView::Timeline,
        StageView::Tree,
        StageView::Table,
    ];

    /// The view's name in the page's address.
    pub fn as_str(self) -> &'static str {
        match self {
            StageView::Cluster => "cluster",
            StageView::Rollout => "rollout",
            StageView::Xray => "xray",
            StageView::Traffic => "traffic",
            StageView::Timeline => "timeline",
            StageView::Tree => "tree",
            StageView::Table => "table",
        }
    }

    /// The view of that name.
    pub fn from_name(name: &str) -> Option<StageView> {
        StageView::ALL.into_iter().find(|view| view.as_str() == name)
    }
}

/// A page of the inspector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InspectorTab {
    /// What it is.
    #[default]
    Summary,
    /// Why it is so.
    Why,
    /// As YAML.
    Yaml,
    /// What was said of it.
    Events,
    /// What it has printed.
    Logs,
}

impl InspectorTab {
    /// In the order of the tabs.
    pub const ALL: [InspectorTab; 5] = [
        InspectorTab::Summary,
        InspectorTab::Why,
        InspectorTab::Yaml,
        InspectorTab::Events,
        InspectorTab::Logs,
    ];
}

/// A part of the page: what a phone shows one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The stage.
    #[default]
    Cluster,
    /// The manifest editor.
    Manifest,
    /// The console.
    Console,
    /// Inspector and events.
    Events,
}

impl Pane {
    /// In the order of a phone's tab bar.
    pub const ALL: [Pane; 4] = [Pane::Cluster, Pane::Manifest, Pane::Console, Pane::Events];

    /// Its name in markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Pane::Cluster => "cluster",
            Pane::Manifest => "manifest",
            Pane::Console => "console",
            Pane::Events => "events",
        }
    }
}

/// One command at the console and what it has printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What was entered.
    pub line: AttrValue,
    /// What it has printed so far.
    pub output: AttrValue,
    /// Whether it failed.
    pub failed: bool,
    /// The session that it follows while it waits.
    pub following: Option<kubeviz::sim::SessionId>,
}

/// A `kubectl edit` under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Editing {
    /// The command.
    pub command: AttrValue,
    /// The session that waits for the text.
    pub session: kubeviz::sim::SessionId,
    /// The text as kubectl gave it.
    pub text: String,
    /// The manifest that comes back.
    pub manifest: String,
}

/// Links to what is on the page.
#[derive(Debug, PartialEq)]
pub struct Sharing {
    /// Whether they lead to where one looks; otherwise to the start, and what was done plays.
    pub whole: bool,
    /// To the page.
    pub link: AttrValue,
    /// The markup of a figure.
    pub figure: AttrValue,
}

/// A message across the page until it is put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Banner {
    /// Something was done in the past, at this time; the run of that number was left.
    Forked(SimTime, usize),
    /// The moment that was waited for has not come.
    NotMet(Goal),
    /// The clock has stopped at an event.
    Stopped(Hit),
    /// The text is too big for the browser to keep.
    NotKept,
    /// The link could not be read.
    BadLink(String),
}

/// What the page remembers by itself.
pub struct UiState {
    /// The language.
    pub lang: Lang,
    /// `light` or `dark`.
    pub theme: &'static str,
    /// What the stage shows.
    pub view: StageView,
    /// What a step is.
    pub grain: Grain,
    /// How much of the end the timeline shows, in seconds; nothing for all.
    pub window: u32,
    /// The run whose rollout lies over the one shown.
    pub against: Option<usize>,
    /// The request that is asked about.
    pub request: Option<Arc<Sample>>,
    /// The kind in the table.
    pub table: Kind,
    /// The pods that are looked for, if any are.
    pub sought: Option<Sought>,
    /// What is under the glass.
    pub selected: Option<Key>,
    /// The inspector's page.
    pub tab: InspectorTab,
    /// Whether what can be done with the object under the glass is listed.
    pub menu: bool,
    /// The two of its revisions that are compared.
    pub compare: Option<(u64, u64)>,
    /// The pane in front, on a phone.
    pub pane: Pane,
    /// How large the panels of a wide page are.
    pub sizes: Sizes,
    /// Whether the console is unfolded.
    pub console_open: bool,
    /// Whether the editor is shown where it lies over the stage.
    pub editor_open: bool,
    /// Where pods will run, guessed.
    pub predict: Predict,
    /// Whether the palette stands in the manifest's place.
    pub adding: bool,
    /// Whether anything has been done that can be undone.
    pub can_undo: bool,
    /// The object that is edited in place of the manifest.
    pub editing: Option<Editing>,
    /// Whether it is asked where to.
    pub going: bool,
    /// Whether the list of keys is shown.
    pub help: bool,
    /// The links that are shown, if any are.
    pub sharing: Option<Shared<Sharing>>,
    /// Whether it is asked until when, and what is wrong with the answer.
    pub moment: Option<AttrValue>,
    /// What is chosen once for all visits.
    pub preferences: Preferences,
    /// The console, oldest first.
    pub log: Shared<Vec<Entry>>,
    /// The lines entered, oldest first.
    pub history: Shared<Vec<String>>,
    /// What is wrong with the manifest.
    pub diagnostics: Shared<Vec<Diagnostic>>,
    /// The tabs of the editor.
    pub files: Shared<FileNames>,
    /// What applying would change, while that is shown in the manifest's place.
    pub preview: Option<Shared<Look>>,
    /// What would take its errors away.
    pub fixes: Shared<Vec<QuickFix>>,
    /// What kubectl said of the manifest where that has no place in it.
    pub refusal: AttrValue,
    /// The message across the page.
    pub banner: Option<Banner>,
    /// What assistive technology is told, and in which language.
    pub live: (AttrValue, Lang),
}
