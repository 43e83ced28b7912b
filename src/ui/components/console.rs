//! The kubectl console.

use web_sys::{Element, HtmlTextAreaElement, KeyboardEvent};
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::commands;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::{Action, Entry};

#[derive(Properties, PartialEq)]
pub struct ConsoleProps {
    pub log: Shared<Vec<Entry>>,
    pub history: Shared<Vec<String>>,
    pub open: bool,
    /// What could complete a line.
    pub complete: Callback<String, Vec<String>>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// Prompt, history and answers. Several lines pasted are several commands; Tab completes only where there is something to
/// complete, and leaves otherwise.
#[component]
pub fn Console(props: &ConsoleProps) -> Html {
    let ConsoleProps { log, history, open, lang, on, .. } = props;
    let (output, input) = (use_node_ref(), use_node_ref());
    let back = use_mut_ref(|| 0_usize);
    let offers = use_state(Vec::<String>::new);
    {
        let output = output.clone();
        use_effect_with((log.clone(), *open), move |_| {
            // With the frame that lays the page out anyway: to ask for a height here would have it laid out twice.
            let frame = gloo::render::request_animation_frame(move |_| {
                if let Some(output) = output.cast::<Element>() {
                    output.set_scroll_top(output.scroll_height());
                }
            });
            move || drop(frame)
        });
    }
    let onkeydown = {
        let (history, complete, on, input, back, offers) =
            (history.clone(), props.complete.clone(), on.clone(), input.clone(), back, offers.clone());
        move |event: KeyboardEvent| {
            let Some(field) = input.cast::<HtmlTextAreaElement>() else { return };
            if event.is_composing() {
                return;
            }
            if event.code() != "Tab" && !offers.is_empty() {
                offers.set(Vec::new());
            }
            let text = field.value();
            match event.code().as_str() {
                "Enter" | "NumpadEnter" if !event.shift_key() && !commands::is_open(&text) => {
                    event.prevent_default();
                    *back.borrow_mut() = 0;
                    set(&field, "");
                    on.emit(Action::Run(text));
                }
                "ArrowUp" if !text.contains('\n') => {
                    recall(&event, &field, &history, &mut back.borrow_mut(), 1)
                }
                "ArrowDown" if !text.contains('\n') => {
                    recall(&event, &field, &history, &mut back.borrow_mut(), -1)
                }
                "KeyC" if event.ctrl_key() && field.selection_start() == field.selection_end() => {
                    on.emit(Action::Interrupt)
                }
                "Tab" if !event.shift_key() && !text.trim().is_empty() => {
                    let found = complete.emit(text.clone());
                    if !found.is_empty() {
                        event.prevent_default();
                        set(&field, &completed(&text, &found));
                        offers.set(if found.len() > 1 { found } else { Vec::new() });
                    }
                }
                _ => {}
            }
        }
    };
    let oninput = {
        let input = input.clone();
        move |_: InputEvent| {
            if let Some(field) = input.cast::<HtmlTextAreaElement>() {
                fit(&field);
            }
        }
    };
    let fold = {
        let on = on.clone();
        move |_: MouseEvent| on.emit(Action::ToggleConsole)
    };
    let entry = |entry: &Entry| {
        html! {
            <div class="entry" data-failed={entry.failed.to_string()}>
                <pre class="entered"><span class="prompt" aria-hidden="true">{ "$ " }</span>{ entry.line.clone() }</pre>
                <pre class="answer">{ entry.output.clone() }</pre>
                if entry.following.is_some() { <p class="following">{ tr!(*lang, "console.waiting") }</p> }
            </div>
        }
    };
    html! {
        <section class="console" aria-label={tr!(*lang, "console.label")} data-open={open.to_string()}>
            <button type="button" class="console-fold" aria-expanded={open.to_string()} aria-controls="console-body" onclick={fold}><Icon name="terminal" />{ "kubectl" }<Icon name="chevron" /></button>
            <div class="console-body" id="console-body">
                <div class="console-output" data-testid="console-output" ref={output} role="log" aria-label={tr!(*lang, "console.output")} tabindex="0" lang="en">
                    { for log.iter().map(entry) }
                </div>
                if log.is_empty() { <p class="console-hint">{ tr!(*lang, "console.hint") }</p> }
                if !offers.is_empty() { <p class="offers" role="status" lang="en">{ offers.join("  ") }</p> }
                <div class="console-line">
                    <span class="prompt" aria-hidden="true">{ "$" }</span>
                    <textarea ref={input} data-testid="console-input" rows="1" aria-label={tr!(*lang, "console.input")} placeholder="kubectl get pods" spellcheck="false" autocapitalize="off" autocomplete="off" autocorrect="off" {onkeydown} {oninput}/>
                </div>
            </div>
        </section>
    }
}

fn set(field: &HtmlTextAreaElement, text: &str) {
    field.set_value(text);
    fit(field);
}

/// As many rows as the text has lines, within reason.
fn fit(field: &HtmlTextAreaElement) {
    let lines = field.value().split('\n').count();
    field.set_rows(lines.clamp(1, 8) as u32);
}

fn recall(
    event: &KeyboardEvent,
    field: &HtmlTextAreaElement,
    history: &[String],
    back: &mut usize,
    step: isize,
) {
    let to = back.saturating_add_signed(step).min(history.len());
    if to == *back {
        return;
    }
    event.prevent_default();
    *back = to;
    let line = if to == 0 { "" } else { history[history.len() - to].as_str() };
    set(field, line);
}

/// The line with its last word completed as far as all candidates agree.
fn completed(line: &str, found: &[String]) -> String {
    let head = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &line[head..];
    let Some(first) = found.first() else { return line.to_string() };
    let common = found.iter().skip(1).fold(first.as_str(), |common, other| {
        let same = common
            .char_indices()
            .zip(other.chars())
            .find(|((_, a), b)| a != b)
            .map_or(common.len().min(other.len()), |((at, _), _)| at);
        &common[..same]
    });
    let end = if found.len() == 1 { " " } else { "" };
    if common.len() < word.len() { line.to_string() } else { format!("{}{common}{end}", &line[..head]) }
}

#[cfg(test)]
mod tests {
    use super::completed;

    #[test]
    fn a_word_is_completed_as_far_as_the_candidates_agree() {
        let cases = [
            ("kubectl ge", &["get"][..], "kubectl get "),
            ("get po", &["pods", "podtemplates"], "get pod"),
            ("get x", &[], "get x"),
        ];
        for (line, found, want) in cases {
            let found: Vec<String> = found.iter().map(|word| word.to_string()).collect();
            assert_eq!(completed(line, &found), want, "{line}");
        }
    }
}
