//! The console: kubectl with history and completion.

use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;

/// A command and what it has printed.
#[derive(Debug)]
pub struct Entry {
    pub line: String,
    pub output: String,
    pub failed: bool,
}

/// See the module.
#[derive(Properties)]
pub struct Props {
    pub lang: Lang,
    pub entries: Vec<Shared<Entry>>,
    pub busy: bool,
    pub namespace: String,
    pub complete: Callback<String, Vec<String>>,
    pub on_run: Callback<String>,
}

impl PartialEq for Props {
    /// `complete` is made anew with every frame and always means the same.
    fn eq(&self, other: &Props) -> bool {
        self.lang == other.lang
            && self.entries == other.entries
            && self.busy == other.busy
            && self.namespace == other.namespace
    }
}

/// See the module.
pub struct Console {
    history: Vec<String>,
    /// Which line of the history is shown; one past the end for what is being written.
    at: usize,
    options: Vec<String>,
    input: NodeRef,
    output: NodeRef,
}

/// What is done at the prompt.
pub enum Msg {
    Key(KeyboardEvent),
    Choose(String),
}

impl Component for Console {
    type Message = Msg;
    type Properties = Props;

    fn create(_: &Context<Self>) -> Self {
        Console {
            history: Vec::new(),
            at: 0,
            options: Vec::new(),
            input: NodeRef::default(),
            output: NodeRef::default(),
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        let Some(input) = self.input.cast::<HtmlTextAreaElement>() else { return false };
        match msg {
            Msg::Choose(option) => self.insert(&input, &option),
            Msg::Key(event) => return self.key(ctx, &event, &input),
        }
        true
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        if let Some(output) = self.output.cast::<web_sys::Element>() {
            output.set_scroll_top(output.scroll_height());
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let lang = ctx.props().lang;
        let entry = |entry: &Shared<Entry>| {
            html! {
                <div class="entry">
                    <pre class="entry-line">{ "$ " }{ &entry.line }</pre>
                    if !entry.output.is_empty() { <pre class={classes!(entry.failed.then_some("is-failed"))}>{ &entry.output }</pre> }
                </div>
            }
        };
        let option = |option: &String| {
            let chosen = option.clone();
            let onclick = ctx.link().callback(move |_| Msg::Choose(chosen.clone()));
            html! { <button type="button" class="option" tabindex="-1" {onclick}>{ option }</button> }
        };
        html! {
            <section class="console" aria-label={tr!(lang, "console.title")}>
                <div class="entries" data-testid="console-output" role="log" tabindex="0" ref={self.output.clone()}
                    aria-label={tr!(lang, "console.output")}>
                    { for ctx.props().entries.iter().map(entry) }
                </div>
                if !self.options.is_empty() { <div class="options">{ for self.options.iter().take(12).map(option) }</div> }
                <label class="prompt">
                    <span aria-hidden="true">{ "$" }</span>
                    <textarea rows="1" data-testid="console-input" ref={self.input.clone()} spellcheck="false" autocapitalize="off"
                        autocomplete="off" aria-label={tr!(lang, "console.input")} placeholder={tr!(lang, "console.hint")}
                        onkeydown={self.keys(ctx)} />
                    if ctx.props().busy { <span class="busy">{ tr!(lang, "console.busy") }</span> }
                </label>
            </section>
        }
    }
}

impl Console {
    /// Hands keys on. What the browser would do with them is stopped here and not in `update`, which may run only
    /// after the browser has done it: Enter would leave a line break behind.
    fn keys(&self, ctx: &Context<Self>) -> Callback<KeyboardEvent> {
        let (link, input, complete) = (ctx.link().clone(), self.input.clone(), ctx.props().complete.clone());
        Callback::from(move |event: KeyboardEvent| {
            let Some(input) = input.cast::<HtmlTextAreaElement>() else { return };
            let text = input.value();
            let ours = match event.key().as_str() {
                "Enter" => !event.shift_key(),
                "ArrowUp" | "ArrowDown" => !text.contains('\n'),
                // With nothing to complete, Tab leaves the field.
                "Tab" => !event.shift_key() && !text.is_empty() && !complete.emit(text).is_empty(),
                _ => false,
            };
            if ours && !event.is_composing() {
                event.prevent_default();
            }
            link.send_message(Msg::Key(event));
        })
    }

    fn key(&mut self, ctx: &Context<Self>, event: &KeyboardEvent, input: &HtmlTextAreaElement) -> bool {
        if event.is_composing() {
            return false;
        }
        match event.key().as_str() {
            "Enter" if !event.shift_key() => {
                let text = input.value();
                if unfinished(&text) {
                    input.set_value(&format!("{text}\n"));
                    return false;
                }
                input.set_value("");
                self.options.clear();
                if text.trim().is_empty() {
                    return true;
                }
                self.history.retain(|line| *line != text);
                self.history.push(text.clone());
                self.at = self.history.len();
                ctx.props().on_run.emit(text);
            }
            "ArrowUp" if !input.value().contains('\n') => {
                self.recall(input, self.at.saturating_sub(1));
            }
            "ArrowDown" if !input.value().contains('\n') => {
                self.recall(input, (self.at + 1).min(self.history.len()));
            }
            "Tab" if !event.shift_key() && !input.value().is_empty() => {
                let options = ctx.props().complete.emit(input.value());
                if options.is_empty() {
                    return false; // nothing to complete: Tab leaves the field
                }
                match options.as_slice() {
                    [only] => self.insert(input, &only.clone()),
                    _ => {
                        let common = common_start(&options);
                        self.options = options;
                        if common.len() > last_word(&input.value()).len() {
                            replace_last_word(input, &common);
                        }
                    }
                }
            }
            "Escape" => self.options.clear(),
            _ => return false,
        }
        true
    }

    fn recall(&mut self, input: &HtmlTextAreaElement, at: usize) {
        self.at = at;
        input.set_value(self.history.get(at).map_or("", String::as_str));
    }

    fn insert(&mut self, input: &HtmlTextAreaElement, option: &str) {
        replace_last_word(input, &format!("{option} "));
        self.options.clear();
        // The field is on the page and can take the focus.
        let _ = input.focus();
    }
}

/// Whether a here-document has been begun and not ended.
fn unfinished(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("<<") else { return text.ends_with('\\') };
    let end =
        rest.trim_start_matches('-').split_whitespace().next().unwrap_or_default().trim_matches(['\'', '"']);
    !end.is_empty() && !text.lines().skip(1).any(|line| line.trim_end() == end)
}

fn last_word(text: &str) -> &str {
    text.rsplit(' ').next().unwrap_or(text)
}

fn replace_last_word(input: &HtmlTextAreaElement, word: &str) {
    let text = input.value();
    let keep = text.len() - last_word(&text).len();
    input.set_value(&format!("{}{word}", &text[..keep]));
}

fn common_start(options: &[String]) -> String {
    let Some((first, rest)) = options.split_first() else { return String::new() };
    let shared = |other: &String| first.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let length = rest.iter().map(shared).min().unwrap_or(0);
    first.chars().take(length).collect()
}
