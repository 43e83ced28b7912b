//! The manifest: a plain text field at first, the YAML editor once it has been loaded, and below it what is wrong.

use std::rc::Rc;

use kubeviz::api::manifest::{Diagnostic, Severity};
use web_sys::{Element, HtmlTextAreaElement};
use yew::platform::spawn_local;
use yew::prelude::*;

use crate::tr;
use crate::ui::editor_bridge::{self, Editor};
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;

/// Findings beyond these are counted.
const SHOWN_MAX: usize = 20;

/// See the module.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub text: Rc<str>,
    /// Raised when the text was replaced by something else than typing.
    pub version: u32,
    pub diagnostics: Shared<Vec<Diagnostic>>,
    /// What the last apply said, and whether it failed.
    pub banner: Option<(bool, String)>,
    pub on_change: Callback<String>,
    pub on_apply: Callback<()>,
}

/// See the module.
pub struct ManifestEditor {
    parent: NodeRef,
    editor: Option<Editor>,
}

/// The editor has been loaded, or cannot be.
pub struct Loaded(Option<Editor>);

impl Component for ManifestEditor {
    type Message = Loaded;
    type Properties = Props;

    fn create(_: &Context<Self>) -> Self {
        ManifestEditor { parent: NodeRef::default(), editor: None }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if !first {
            return;
        }
        let Some(parent) = self.parent.cast::<Element>() else { return };
        let props = ctx.props();
        let (text, label, lang) =
            (props.text.to_string(), tr!(props.lang, "editor.title").to_string(), props.lang.code());
        let (change, apply, link) = (props.on_change.clone(), props.on_apply.clone(), ctx.link().clone());
        spawn_local(async move {
            let editor = editor_bridge::create(parent, text, label, lang, change, apply).await;
            link.send_message(Loaded(editor));
        });
    }

    fn update(&mut self, ctx: &Context<Self>, Loaded(editor): Loaded) -> bool {
        self.editor = editor;
        if let Some(editor) = &self.editor {
            // What was typed into the plain field meanwhile comes along.
            editor.set_text(&ctx.props().text);
            editor.set_diagnostics(&ctx.props().diagnostics);
        }
        true
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &Props) -> bool {
        if let Some(editor) = &self.editor {
            if ctx.props().version != old.version {
                editor.set_text(&ctx.props().text);
            }
            if ctx.props().diagnostics != old.diagnostics || ctx.props().version != old.version {
                editor.set_diagnostics(&ctx.props().diagnostics);
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let lang = props.lang;
        let oninput = props
            .on_change
            .reform(|event: InputEvent| event.target_unchecked_into::<HtmlTextAreaElement>().value());
        let apply = props.on_apply.clone();
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                event.prevent_default();
                apply.emit(());
            }
        });
        let finding = |found: &Diagnostic| {
            let class = if found.severity == Severity::Error { "is-error" } else { "is-warning" };
            html! { <li class={class}><b>{ tr!(lang, "editor.line", line = found.line, column = found.column) }</b>{ " " }{ &found.message }</li> }
        };
        let more = props.diagnostics.len().saturating_sub(SHOWN_MAX);
        html! {
            <div class="editor-box">
                <div class="editor" data-testid="editor">
                    <div class="editor-here" ref={self.parent.clone()}></div>
                    if self.editor.is_none() {
                        <textarea class="editor-plain" aria-label={tr!(lang, "editor.title")} spellcheck="false"
                            placeholder={tr!(lang, "editor.hint")} value={props.text.to_string()} {oninput} {onkeydown} />
                    }
                </div>
                <div class="findings" data-testid="diagnostics" role={props.banner.as_ref().is_some_and(|(bad, _)| *bad).then_some("alert")}>
                    if let Some((bad, text)) = &props.banner {
                        <pre class={classes!("banner", bad.then_some("is-failed"))}>{ text }</pre>
                    }
                    if !props.diagnostics.is_empty() {
                        <ul>{ for props.diagnostics.iter().take(SHOWN_MAX).map(finding) }</ul>
                    }
                    if more > 0 { <p>{ tr!(lang, "editor.more", count = more) }</p> }
                </div>
                <div class="editor-foot">
                    <span class="hint">{ tr!(lang, "editor.escape") }</span>
                    <button type="button" class="button primary" data-testid="apply" onclick={props.on_apply.reform(|_| ())}>
                        { tr!(lang, "editor.apply") }<kbd>{ "Ctrl ⏎" }</kbd>
                    </button>
                </div>
            </div>
        }
    }
}
