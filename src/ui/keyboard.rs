//! Shortcuts. They go by the place of a key (`event.code`), since with a Korean input method `w` arrives as `ㅈ`, and they
//! rest while text is entered.

use kubeviz::clock::SimTime;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::state::{Action, InspectorTab, Pane, StageView};

/// The shortcuts for people: key, and the message that says what it does.
pub const KEYS: [(&str, &str); 18] = [
    ("Ctrl/⌘ + Enter", "keys.apply"),
    ("Space", "keys.play"),
    (", .", "keys.step"),
    ("Shift + , .", "keys.beat"),
    ("Home End", "keys.ends"),
    ("[ ]", "keys.speed"),
    ("1 – 7", "keys.views"),
    ("E", "keys.editor"),
    ("`", "keys.console"),
    ("W D Y L", "keys.tabs"),
    ("A Shift+F10", "keys.menu"),
    ("O", "keys.owner"),
    ("/", "keys.filter"),
    (": Ctrl/⌘ + K", "keys.goto"),
    ("Ctrl/⌘ + Z", "keys.undo"),
    ("← ↑ → ↓", "keys.arrows"),
    ("Esc", "keys.escape"),
    ("?", "keys.help"),
];

/// What a key pressed anywhere on the page asks for. `single` says whether single keys count.
pub fn action(event: &KeyboardEvent, single: bool, dialog: bool) -> Option<Action> {
    if event.is_composing() || event.key_code() == 229 {
        return None;
    }
    if event.code() == "Enter" && (event.ctrl_key() || event.meta_key()) {
        return in_manifest_field(event).then_some(Action::Apply);
    }
    if event.code() == "Escape" {
        return Some(if dialog { Action::CloseDialog } else { Action::Select(None) })
            .filter(|_| dialog || !takes_text(event));
    }
    if event.code() == "KeyZ" && (event.ctrl_key() || event.meta_key()) && !event.shift_key() {
        return (!dialog && !takes_text(event)).then_some(Action::Undo);
    }
    if event.code() == "KeyK" && (event.ctrl_key() || event.meta_key()) && !event.shift_key() {
        return (!dialog && !takes_text(event)).then_some(Action::GoTo);
    }
    if dialog || !single || event.ctrl_key() || event.meta_key() || event.alt_key() || takes_text(event) {
        return None;
    }
    Some(match (event.code().as_str(), event.shift_key()) {
        ("Space", _) if !is_control(event) => Action::TogglePlay,
        ("Period", false) => Action::Step(1),
        ("Comma", false) => Action::Step(-1),
        ("Period", true) => Action::Beat(1),
        ("Comma", true) => Action::Beat(-1),
        ("BracketLeft", _) => Action::SpeedBy(-1),
        ("BracketRight", _) => Action::SpeedBy(1),
        ("Home", _) => Action::Seek(SimTime::ZERO),
        ("End", _) => Action::SeekEnd,
        ("Backquote", _) => Action::Pane(Pane::Console),
        ("KeyE", _) => Action::Pane(Pane::Manifest),
        ("KeyW", _) => Action::Tab(InspectorTab::Why),
        ("KeyD", _) => Action::Tab(InspectorTab::Summary),
        ("KeyY", _) => Action::Tab(InspectorTab::Yaml),
        ("KeyL", _) => Action::Tab(InspectorTab::Logs),
        ("Slash", true) => Action::Help,
        ("Slash", false) => Action::AskFilter,
        ("Semicolon", true) => Action::GoTo,
        ("KeyO", _) => Action::Owner,
        ("KeyA", _) => Action::Menu(true),
        (code, false) if code.starts_with("Digit") => {
            let number: usize = code.strip_prefix("Digit")?.parse().ok()?;
            Action::View(*StageView::ALL.get(number.checked_sub(1)?)?)
        }
        _ => return None,
    })
}

fn target(event: &KeyboardEvent) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// Whether the key goes into a text, a list or a slider that has its own use for it.
fn takes_text(event: &KeyboardEvent) -> bool {
    let own = "input:not([type=checkbox]), textarea, select, [contenteditable=true], [contenteditable=plaintext-only]";
    target(event).is_some_and(|target| target.closest(own).ok().flatten().is_some())
}

/// Whether the key presses what has the focus.
fn is_control(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|target| target.closest("button, a, summary, input").ok().flatten().is_some())
}

/// Whether the focus is in the plain text field that stands in for the editor; the editor itself has its own key.
fn in_manifest_field(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|target| target.closest(".cm-editor, .console").ok().flatten().is_none())
}
