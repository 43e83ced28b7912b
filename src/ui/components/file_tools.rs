//! The editor's files: tabs where there are several, and what can be done with them.

use kubeviz::view::files::FILES_MAX;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{FileList, HtmlElement, HtmlInputElement};
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::{Action, FileAction, FileNames};

/// A longer file is not read: no text of that length can be applied.
const BYTES_MAX: f64 = 8e6;
const ENDS: [&str; 3] = [".yaml", ".yml", ".json"];

#[derive(Properties, PartialEq)]
pub struct FileToolsProps {
    pub names: Shared<FileNames>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn FileTools(props: &FileToolsProps) -> Html {
    let FileToolsProps { names, lang, on } = props;
    let lang = *lang;
    let renaming = use_state(|| false);
    let chooser = use_node_ref();
    let name = names.list.get(names.current).cloned().unwrap_or_default();
    if *renaming {
        return html! { <Rename {name} {lang} on={on.clone()} done={Callback::from(move |()| renaming.set(false))} /> };
    }
    let several = names.list.len() > 1;
    let tool = |key: &'static str, text: AttrValue, act: Callback<MouseEvent>| {
        let stop = if key == "new" { "0" } else { "-1" };
        html! { <button type="button" class="button quiet small" tabindex={stop} data-tool={key} onclick={act}>{ text }</button> }
    };
    let ask = |action: FileAction| on.reform(move |_: MouseEvent| Action::File(action.clone()));
    let open = {
        let chooser = chooser.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = chooser.cast::<HtmlElement>() {
                input.click();
            }
        })
    };
    let chosen = {
        let on = on.clone();
        move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            if let Some(files) = input.files() {
                read(&files, on.clone());
            }
            input.set_value("");
        }
    };
    let rename = Callback::from(move |_: MouseEvent| renaming.set(true));
    html! {
        <>
            if several { { tabs(names, lang, on) } }
            <div class="file-tools" role="toolbar" aria-label={tr!(lang, "files.tools")} onkeydown={walk}>
                { tool("new", tr!(lang, "files.new"), ask(FileAction::New)) }
                { tool("open", tr!(lang, "files.open"), open) }
                { tool("save", tr!(lang, "files.save"), ask(FileAction::Save)) }
                { tool("format", tr!(lang, "files.format"), ask(FileAction::Format)) }
                { tool("rename", tr!(lang, "files.rename"), rename) }
                { tool("close", tr!(lang, "files.close"), ask(FileAction::Close(names.current))) }
                if let Some(closed) = &names.closed { { tool("reopen", tr!(lang, "files.reopen", name = closed), ask(FileAction::Reopen)) } }
                if several { { tool("apply-all", tr!(lang, "files.apply_all"), ask(FileAction::ApplyAll)) } }
            </div>
            <input type="file" multiple=true accept=".yaml,.yml,.json" hidden=true aria-label={tr!(lang, "files.open")} data-testid="open-file" ref={chooser} onchange={chosen} />
        </>
    }
}

/// Arrow keys go from button to button.
fn walk(event: KeyboardEvent) {
    let Some(here) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
    let next = match event.code().as_str() {
        "ArrowRight" => here.next_element_sibling(),
        "ArrowLeft" => here.previous_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        // What is on screen can be focused.
        let _ = next.focus();
    }
}

fn tabs(names: &Shared<FileNames>, lang: Lang, on: &Callback<Action>) -> Html {
    let (current, count) = (names.current, names.list.len());
    let tab = |(at, name): (usize, &AttrValue)| {
        let (on, here) = (on.clone(), at == current);
        html! {
            <button type="button" role="tab" id={format!("file-{at}")} aria-selected={here.to_string()} tabindex={if here { "0" } else { "-1" }}
                onclick={move |_: MouseEvent| on.emit(Action::File(FileAction::TurnTo(at)))}>{ name.clone() }</button>
        }
    };
    let keys = {
        let on = on.clone();
        move |event: KeyboardEvent| {
            let to = match event.code().as_str() {
                "ArrowRight" => (current + 1) % count,
                "ArrowLeft" => (current + count - 1) % count,
                "Home" => 0,
                "End" => count - 1,
                "Delete" => {
                    event.prevent_default();
                    return on.emit(Action::File(FileAction::Close(current)));
                }
                _ => return,
            };
            event.prevent_default();
            on.emit(Action::File(FileAction::TurnTo(to)));
            let tab = gloo::utils::document().get_element_by_id(&format!("file-{to}"));
            if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<HtmlElement>().ok()) {
                let _ = tab.focus();
            }
        }
    };
    html! { <div class="tabs file-tabs" role="tablist" aria-label={tr!(lang, "files.tabs")} onkeydown={keys}>{ for names.list.iter().enumerate().map(tab) }</div> }
}

#[derive(Properties, PartialEq)]
struct RenameProps {
    name: AttrValue,
    lang: Lang,
    on: Callback<Action>,
    done: Callback<()>,
}

#[component]
fn Rename(props: &RenameProps) -> Html {
    let RenameProps { name, lang, on, done } = props;
    let field = use_node_ref();
    {
        let field = field.clone();
        use_effect_with((), move |()| {
            if let Some(input) = field.cast::<HtmlInputElement>() {
                let _ = input.focus();
                input.select();
            }
        });
    }
    let submit = {
        let (field, on, done) = (field.clone(), on.clone(), done.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(input) = field.cast::<HtmlInputElement>() {
                on.emit(Action::File(FileAction::Rename(input.value())));
            }
            done.emit(());
        }
    };
    let escape = {
        let done = done.clone();
        move |event: KeyboardEvent| {
            if event.code() == "Escape" {
                event.stop_propagation();
                done.emit(());
            }
        }
    };
    html! {
        <form class="file-tools palette-choice" onsubmit={submit} onkeydown={escape}>
            <input type="text" ref={field} aria-label={tr!(*lang, "files.name")} value={name.clone()} spellcheck="false" autocapitalize="off" />
            <button type="submit" class="button small">{ tr!(*lang, "files.rename") }</button>
        </form>
    }
}

/// Reads chosen or dropped files and hands their texts over.
pub fn read(files: &FileList, on: Callback<Action>) {
    let wanted =
        |file: &web_sys::File| file.size() <= BYTES_MAX && ENDS.iter().any(|end| file.name().ends_with(end));
    let files: Vec<web_sys::File> =
        (0..files.length()).filter_map(|at| files.get(at)).filter(wanted).take(FILES_MAX).collect();
    if files.is_empty() {
        return;
    }
    spawn_local(async move {
        let mut texts = Vec::new();
        for file in files {
            // A file that has gone meanwhile is left out.
            if let Some(text) = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string()) {
                texts.push((file.name(), text));
            }
        }
        on.emit(Action::File(FileAction::Opened(texts)));
    });
}
