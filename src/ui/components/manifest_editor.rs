//! The manifest: an editor once its bundle has loaded, a plain text field until then and where it cannot be.

use gloo::timers::callback::Timeout;
use kubeviz::api::manifest::{Diagnostic, Severity};
use kubeviz::view::quick_fix::{QuickFix, Remedy};
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use super::{FileTools, Icon, read_files};
use crate::tr;
use crate::ui::editor_bridge::{message, remedy};
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::{Action, FileNames};

/// More findings than this are counted, not listed.
const SHOWN: usize = 50;

#[derive(Properties, PartialEq)]
pub struct ManifestEditorProps {
    /// Where the editor is put in; Yew leaves the inside of it alone.
    pub host: NodeRef,
    /// Whether the editor has loaded.
    pub loaded: bool,
    /// The text for the plain field, whose number rises whenever something else than typing has changed it.
    pub text: (u32, AttrValue),
    pub diagnostics: Shared<Vec<Diagnostic>>,
    /// What would take them away.
    pub fixes: Shared<Vec<QuickFix>>,
    /// Whether the palette stands in the editor's place; nothing where there is none.
    pub adding: Option<bool>,
    /// The `kubectl edit` whose object is in the editor in place of the manifest.
    pub editing: Option<AttrValue>,
    /// Whether it can be read, but not changed.
    pub readonly: bool,
    /// Whether what applying would change is shown in the editor's place.
    pub previewing: bool,
    /// The files; nothing where there are no tabs.
    pub files: Option<Shared<FileNames>>,
    pub refusal: AttrValue,
    /// Goes to a finding.
    pub reveal: Callback<(u32, u32)>,
    pub lang: Lang,
    pub on: Callback<Action>,
    /// The palette.
    #[prop_or_default]
    pub children: Html,
}

/// Editor, Apply, and what is wrong.
#[component]
pub fn ManifestEditor(props: &ManifestEditorProps) -> Html {
    let ManifestEditorProps { host, loaded, text, editing, lang, on, .. } = props;
    let lang = *lang;
    let (adding, previewing) = (props.adding == Some(true), props.previewing);
    let covered = adding || previewing;
    let files = props.files.as_ref().filter(|_| *loaded && editing.is_none() && !covered);
    let takes = props.files.is_some() && editing.is_none();
    let ondragover = move |event: DragEvent| {
        if takes {
            event.prevent_default();
        }
    };
    let ondrop = {
        let on = on.clone();
        move |event: DragEvent| {
            let dropped =
                event.data_transfer().and_then(|data| data.files()).filter(|files| files.length() > 0);
            if let Some(files) = dropped.filter(|_| takes) {
                event.prevent_default();
                read_files(&files, on.clone());
            }
        }
    };
    let apply = {
        let on = on.clone();
        // Not within the click: the browser lays the page out before a click is over, and both together would be felt.
        move |_: MouseEvent| {
            let on = on.clone();
            Timeout::new(0, move || on.emit(Action::Apply)).forget();
        }
    };
    html! {
        <section class="manifest" aria-label={tr!(lang, "manifest.label")} {ondragover} {ondrop}>
            <div class="panel-head">
                if let Some(command) = editing {
                    <h2 title={command}><code>{ command }</code></h2>
                    <button type="button" class="button" data-testid="cancel-edit" onclick={on.reform(|_: MouseEvent| Action::CancelEdit)}>{ tr!(lang, "manifest.cancel") }</button>
                } else {
                    <h2>{ if adding { tr!(lang, "add.title") } else if previewing { tr!(lang, "preview.open") } else { tr!(lang, "manifest.title") } }</h2>
                }
                if props.files.is_some() && editing.is_none() && !adding {
                    <button type="button" class="button" data-testid="preview-button" aria-expanded={previewing.to_string()} title={tr!(lang, "preview.hint")} onclick={on.reform(move |_: MouseEvent| Action::Preview(!previewing))}>{ if previewing { tr!(lang, "add.back") } else { tr!(lang, "preview.open") } }</button>
                }
                if props.adding.is_some() && !previewing {
                    <button type="button" class="button" data-testid="add" aria-expanded={adding.to_string()} title={tr!(lang, "add.hint")} onclick={on.reform(move |_: MouseEvent| Action::Adding(!adding))}>{ if adding { tr!(lang, "add.back") } else { tr!(lang, "add.open") } }</button>
                }
                <button type="button" class="button primary" data-testid="apply" hidden={adding || props.readonly} onclick={apply}>{ if editing.is_some() { tr!(lang, "manifest.save") } else { tr!(lang, "manifest.apply") } }<kbd>{ "Ctrl ⏎" }</kbd></button>
            </div>
            if let Some(names) = files { <FileTools names={names.clone()} {lang} on={on.clone()} /> }
            <div class="editor" data-testid={loaded.then_some("editor")} hidden={!loaded || covered} ref={host.clone()}></div>
            if !loaded && !covered { <PlainField key={text.0} text={text.1.clone()} readonly={props.readonly} {lang} on={on.clone()} /> }
            { props.children.clone() }
            <p class="hint editor-hint" hidden={covered}>{ tr!(lang, "manifest.tab_hint") }</p>
            <div class="diagnostics" data-testid="diagnostics" role="alert" aria-label={tr!(lang, "manifest.diagnostics")}>if !previewing { { findings(props) } }</div>
        </section>
    }
}

#[derive(Properties, PartialEq)]
struct PlainFieldProps {
    text: AttrValue,
    readonly: bool,
    lang: Lang,
    on: Callback<Action>,
}

#[component]
fn PlainField(props: &PlainFieldProps) -> Html {
    let PlainFieldProps { text, readonly, lang, on } = props;
    let oninput = {
        let on = on.clone();
        move |event: InputEvent| {
            on.emit(Action::Edited(event.target_unchecked_into::<HtmlTextAreaElement>().value()))
        }
    };
    html! {
        <textarea class="editor-plain" data-testid="editor" aria-label={tr!(*lang, "manifest.label")} spellcheck="false" autocapitalize="off" readonly={*readonly} defaultvalue={text.clone()} {oninput}/>
    }
}

fn findings(props: &ManifestEditorProps) -> Html {
    let ManifestEditorProps { diagnostics, refusal, lang, reveal, .. } = props;
    if diagnostics.is_empty() && refusal.is_empty() {
        return html! {};
    }
    let (alone, said): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        diagnostics.iter().partition(|finding| finding.severity == Severity::Unsimulated);
    let fix = |(at, fix): (usize, &QuickFix)| {
        let on = props.on.clone();
        let line = match &fix.what {
            Remedy::Recreate(line) => Some(line.clone()),
            _ => None,
        };
        html! { <button type="button" class="button small" title={line} onclick={move |_| on.emit(Action::Fix(at))}>{ remedy(&fix.what, *lang) }</button> }
    };
    let finding = |finding: &&Diagnostic| {
        let place = diagnostics.iter().position(|other| std::ptr::eq(other, *finding));
        let own = props.fixes.iter().enumerate().filter(|(_, fix)| Some(fix.diagnostic) == place);
        let fixable = own.clone().next().is_some();
        let (reveal, at) = (reveal.clone(), (finding.utf16.from, finding.utf16.to));
        let error = finding.severity == Severity::Error;
        html! {
            <li class="finding" data-error={error.to_string()}>
                <Icon name={if error { "fail" } else { "wait" }} />
                <button type="button" class="link" onclick={move |_| reveal.emit(at)}>{ tr!(*lang, "manifest.place", line = finding.line, column = finding.column) }</button>
                <span lang="en">
                    if let Some(path) = finding.path.as_ref().filter(|path| !finding.message.contains(path.as_str())) { <code>{ path.clone() }</code>{ " " } }
                    { finding.message.clone() }
                </span>
                if fixable { <span class="fix">{ for own.map(fix) }</span> }
            </li>
        }
    };
    let left_alone = |finding: &&Diagnostic| {
        let (reveal, at) = (reveal.clone(), (finding.utf16.from, finding.utf16.to));
        html! { <li><button type="button" class="link" title={message(finding, *lang)} onclick={move |_| reveal.emit(at)}><code>{ finding.path.clone() }</code></button></li> }
    };
    let more = said.len().saturating_sub(SHOWN);
    html! {
        <ul role="list">
            if !refusal.is_empty() { <li class="finding" data-error="true"><Icon name="fail" /><span lang="en">{ refusal.clone() }</span></li> }
            { for said.iter().take(SHOWN).map(finding) }
            if more > 0 { <li class="finding">{ tr!(*lang, "manifest.more", count = more) }</li> }
            if !alone.is_empty() {
                <li class="finding alone"><details><summary>{ tr!(*lang, "manifest.unsimulated_count", count = alone.len()) }</summary><ul role="list">{ for alone.iter().take(SHOWN).map(left_alone) }</ul></details></li>
            }
        </ul>
    }
}
