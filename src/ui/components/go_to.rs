//! Where to, or what to do: everything on the page by its name, for one who types.

use kubeviz::api::{Key, Kind};
use kubeviz::clock::SimTime;
use kubeviz::view::Inspection;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use super::dialog::Dialog;
use crate::tr;
use crate::ui::i18n::{Lang, attr};
use crate::ui::shared::Shared;
use crate::ui::state::{Action, FileAction, InspectorTab, Pane, StageView};

/// What can be done: the message that says it, the key that does it as well, and the action.
type Command = (&'static str, &'static str, fn() -> Action);

const COMMANDS: [Command; 29] = [
    ("view.cluster", "1", || Action::View(StageView::Cluster)),
    ("view.rollout", "2", || Action::View(StageView::Rollout)),
    ("view.xray", "3", || Action::View(StageView::Xray)),
    ("view.traffic", "4", || Action::View(StageView::Traffic)),
    ("view.timeline", "5", || Action::View(StageView::Timeline)),
    ("view.tree", "6", || Action::View(StageView::Tree)),
    ("view.table", "7", || Action::View(StageView::Table)),
    ("keys.play", "Space", || Action::TogglePlay),
    ("time.back", ",", || Action::Step(-1)),
    ("time.forward", ".", || Action::Step(1)),
    ("time.beat_back", "Shift + ,", || Action::Beat(-1)),
    ("time.beat_forward", "Shift + .", || Action::Beat(1)),
    ("time.first", "Home", || Action::Seek(SimTime::ZERO)),
    ("time.last", "End", || Action::SeekEnd),
    ("until.none", "", || Action::AskUntil),
    ("keys.undo", "Ctrl/⌘ + Z", || Action::Undo),
    ("keys.editor", "E", || Action::Pane(Pane::Manifest)),
    ("keys.console", "`", || Action::Pane(Pane::Console)),
    ("keys.apply", "Ctrl/⌘ + Enter", || Action::Apply),
    ("files.format", "", || Action::File(FileAction::Format)),
    ("add.hint", "", || Action::Adding(true)),
    ("keys.filter", "/", || Action::AskFilter),
    ("keys.owner", "O", || Action::Owner),
    ("goto.why", "W", || Action::Tab(InspectorTab::Why)),
    ("predict.hint", "", || Action::Predict(true)),
    ("share.title", "", || Action::Share(true)),
    ("keys.title", "?", || Action::Help),
    ("header.reset_title", "", || Action::Reset),
    ("settings.reroll", "", || Action::Reroll),
];

/// What begins a line of the console.
const PROGRAMS: [&str; 4] = ["kubectl ", "k ", "fault ", "load "];

#[derive(Properties, PartialEq)]
pub struct GoToProps {
    /// The objects that a text means.
    pub find: Callback<String, Vec<Key>>,
    /// The object under the glass, whose lines are offered, too.
    pub inspection: Option<Shared<Inspection>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// One thing that can be chosen.
#[derive(Clone)]
enum Choice {
    Command(usize),
    Object(Key),
    Table(Kind),
    Line(String),
}

impl Choice {
    fn choose(self, on: &Callback<Action>) {
        on.emit(Action::CloseDialog);
        match self {
            Choice::Command(at) => on.emit(COMMANDS[at].2()),
            Choice::Object(key) => on.emit(Action::Select(Some(key))),
            Choice::Table(kind) => {
                on.emit(Action::View(StageView::Table));
                on.emit(Action::TableOf(kind));
            }
            Choice::Line(line) => {
                on.emit(Action::Pane(Pane::Console));
                on.emit(Action::Run(line));
            }
        }
    }
}

/// What a text may mean, the likeliest first: all commands if there is none.
fn choices(text: &str, props: &GoToProps) -> Vec<Choice> {
    let GoToProps { find, inspection, lang, .. } = props;
    let text = text.trim();
    if PROGRAMS.iter().any(|program| text.starts_with(program)) {
        return vec![Choice::Line(text.into())];
    }
    let table = Kind::from_resource_word(text).map(Choice::Table);
    let lower = text.to_lowercase();
    let meant = |at: &usize| {
        let means = |lang: Lang| {
            let said = message(COMMANDS[*at].0, lang).to_lowercase();
            let initials = initials(&said);
            lower.split(' ').all(|word| said.contains(word) || initials.contains(word))
        };
        // Who has learnt the English words finds them in Korean, too, and the other way round.
        [*lang, lang.other()].into_iter().any(means)
    };
    let commands = (0..COMMANDS.len()).filter(meant).map(Choice::Command);
    let objects = if text.is_empty() { Vec::new() } else { find.emit(lower.clone()) };
    let objects = objects.into_iter().map(Choice::Object);
    let menu = inspection.iter().flat_map(|found| &found.menu);
    let lines =
        menu.filter(|line| lower.split(' ').all(|word| line.contains(word))).cloned().map(Choice::Line);
    table.into_iter().chain(commands).chain(objects).chain(lines).collect()
}

/// A Korean text by its initial consonants, as one types them to find it: `ㅋㄹㅅㅌ` is 클러스터. Other letters stay.
fn initials(text: &str) -> String {
    const INITIALS: [char; 19] = [
        'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
        'ㅍ', 'ㅎ',
    ];
    // Unicode has the syllables in order: each initial with 21 vowels, each of those with 28 endings.
    let initial = |letter: char| match u32::from(letter).checked_sub(u32::from('가')) {
        Some(at) if letter <= '힣' => INITIALS[(at / (21 * 28)) as usize],
        _ => letter,
    };
    text.chars().map(initial).collect()
}

fn message(key: &'static str, lang: Lang) -> String {
    rust_i18n::t!(key, locale = lang.code()).into_owned()
}

/// A field, and a list of what it may mean; the arrow keys choose, Enter goes.
#[component]
pub fn GoTo(props: &GoToProps) -> Html {
    let GoToProps { lang, on, .. } = props;
    let lang = *lang;
    let text = use_state(String::new);
    let chosen = use_state(|| 0_usize);
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with((), move |()| focus(&field));
    }
    let offered = choices(&text, props);
    let at = (*chosen).min(offered.len().saturating_sub(1));
    use_effect_with((at, offered.len()), |_| show_chosen());
    let oninput = {
        let (text, chosen) = (text.clone(), chosen.clone());
        Callback::from(move |event: InputEvent| {
            text.set(event.target_unchecked_into::<HtmlInputElement>().value());
            chosen.set(0);
        })
    };
    let onkeydown = {
        let (offered, chosen, on) = (offered.clone(), chosen.clone(), on.clone());
        Callback::from(move |event: KeyboardEvent| {
            let last = offered.len().saturating_sub(1);
            match event.code().as_str() {
                "ArrowDown" => chosen.set(if at == last { 0 } else { at + 1 }),
                "ArrowUp" => chosen.set(at.checked_sub(1).unwrap_or(last)),
                "Enter" | "NumpadEnter" if !event.is_composing() => {
                    if let Some(choice) = offered.get(at) {
                        choice.clone().choose(&on);
                    }
                }
                _ => return,
            }
            event.prevent_default();
        })
    };
    let option = |(here, choice): (usize, &Choice)| {
        let onclick = {
            let (choice, on) = (choice.clone(), on.clone());
            move |_: MouseEvent| choice.clone().choose(&on)
        };
        html! {
            <li id={format!("goto-{here}")} role="option" aria-selected={(here == at).to_string()} {onclick}>{ said(choice, lang) }</li>
        }
    };
    let active = (!offered.is_empty()).then(|| format!("goto-{at}"));
    html! {
        <Dialog id="goto-title" title={tr!(lang, "goto.title")} {lang} on={on.clone()}>
            <input ref={field} class="goto-field" type="text" role="combobox" data-testid="goto" aria-labelledby="goto-title" aria-expanded="true" aria-controls="goto-list"
                aria-autocomplete="list" aria-activedescendant={active} {oninput} {onkeydown} autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="deploy/web  pods  kubectl get nodes" />
            <ul id="goto-list" class="goto-list" role="listbox" aria-label={tr!(lang, "goto.title")}>{ for offered.iter().enumerate().map(option) }</ul>
            if offered.is_empty() { <p class="hint" role="status">{ tr!(lang, "goto.nothing") }</p> }
        </Dialog>
    }
}

fn said(choice: &Choice, lang: Lang) -> Html {
    match choice {
        Choice::Command(at) => {
            let (key, keys, _) = COMMANDS[*at];
            html! { <><span>{ attr(message(key, lang).into()) }</span>if !keys.is_empty() { <kbd>{ keys }</kbd> }</> }
        }
        Choice::Object(key) => {
            let namespace = key.namespace.to_string();
            html! { <><span class="goto-kind">{ key.kind.name() }</span><span class="goto-name">{ key.name.to_string() }</span>if !namespace.is_empty() { <span class="goto-kind">{ namespace }</span> }</> }
        }
        Choice::Table(kind) => html! { <span>{ tr!(lang, "goto.table", kind = kind.name()) }</span> },
        Choice::Line(line) => {
            html! { <><span class="goto-kind">{ tr!(lang, "goto.run") }</span><code>{ line }</code></> }
        }
    }
}

fn focus(field: &NodeRef) {
    if let Some(field) = field.cast::<HtmlElement>() {
        // A field that is on screen can be focused.
        let _ = field.focus();
    }
}

/// Brings what is chosen into sight.
fn show_chosen() {
    let chosen = gloo::utils::document().query_selector("#goto-list [aria-selected=true]").ok().flatten();
    let list = gloo::utils::document().get_element_by_id("goto-list");
    if let (Some(chosen), Some(list)) =
        (chosen.and_then(|chosen| chosen.dyn_into::<HtmlElement>().ok()), list)
    {
        let (top, bottom) = (chosen.offset_top(), chosen.offset_top() + chosen.offset_height());
        let (from, height) = (list.scroll_top(), list.client_height());
        if top < from {
            list.set_scroll_top(top);
        } else if bottom > from + height {
            list.set_scroll_top(bottom - height);
        }
    }
}
