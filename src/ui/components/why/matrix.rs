//! Nodes against the plugins that refused any of them. A cross can be asked for its reason and for the field that it is about.

use kubeviz::view::why::{Cell, Matrix, Refusal, Row};
use yew::prelude::*;

use crate::tr;
use crate::ui::components::Icon;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// More nodes than this are counted.
const ROWS: usize = 40;

#[derive(Properties, PartialEq)]
pub struct MatrixProps {
    pub matrix: Matrix,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The table, and below it the reason of the cross that was asked last: at first, of the first.
#[component]
pub fn MatrixTable(props: &MatrixProps) -> Html {
    let MatrixProps { matrix, lang, on } = props;
    let asked = use_state_eq(|| None::<usize>);
    if matrix.plugins.is_empty() {
        return html! {};
    }
    let rows = &matrix.rows[..matrix.rows.len().min(ROWS)];
    let crosses: Vec<(&Row, &Refusal)> =
        rows.iter().filter_map(|row| Some((row, row.cells.iter().find_map(refusal)?))).collect();
    let shown = asked.filter(|at| *at < crosses.len()).unwrap_or(0);
    let row = |row: &Row| {
        let at = crosses.iter().position(|(other, _)| std::ptr::eq(*other, row));
        let ask = at.map(|at| {
            let asked = asked.clone();
            (at == shown, Callback::from(move |_: MouseEvent| asked.set(Some(at))))
        });
        html! { <tr><th scope="row">{ row.node.to_string() }</th>{ for row.cells.iter().map(|said| cell(said, ask.as_ref(), *lang)) }</tr> }
    };
    let more = matrix.rows.len() - rows.len();
    html! {
        <>
            <h3 lang="en">{ "Filter" }</h3>
            <div class="matrix-frame">
                <table class="matrix cells">
                    <thead><tr><th scope="col">{ tr!(*lang, "why.node") }</th>{ for matrix.plugins.iter().map(|name| html! { <th scope="col" lang="en">{ humps(name) }</th> }) }</tr></thead>
                    <tbody>{ for rows.iter().map(row) }</tbody>
                </table>
            </div>
            if more > 0 { <p class="hint">{ tr!(*lang, "manifest.more", count = more) }</p> }
            { for crosses.get(shown).map(|(row, refusal)| reason(&row.node, refusal, on)) }
            if matrix.passed_everywhere > 0 { <p class="hint">{ tr!(*lang, "why.passed_everywhere", count = matrix.passed_everywhere) }</p> }
        </>
    }
}

fn refusal(cell: &Cell) -> Option<&Refusal> {
    if let Cell::Refused(refusal) = cell { Some(refusal) } else { None }
}

fn cell(said: &Cell, ask: Option<&(bool, Callback<MouseEvent>)>, lang: Lang) -> Html {
    match (said, ask) {
        (Cell::Refused(refusal), Some((shown, onclick))) => html! {
            <td class="no"><button type="button" aria-pressed={shown.to_string()} {onclick} aria-label={tr!(lang, "why.no", plugin = refusal.plugin)}><Icon name="gone" /></button></td>
        },
        (Cell::NotAsked, _) => {
            html! { <td class="unasked"><span aria-label={tr!(lang, "why.not_asked")} role="img">{ "·" }</span></td> }
        }
        _ => {
            html! { <td class="yes"><span aria-label={tr!(lang, "why.yes")} role="img"><Icon name="ready" /></span></td> }
        }
    }
}

/// The refusal in words, and the way to the field that it is about.
fn reason(node: &str, refusal: &Refusal, on: &Callback<Action>) -> Html {
    let (on, field) = (on.clone(), refusal.field);
    html! {
        <div class="reason" lang="en" aria-live="polite">
            <p><b>{ format!("{node} · {}", refusal.plugin) }</b></p>
            <p>{ refusal.reasons.clone() }</p>
            if !refusal.detail.is_empty() { <p class="detail">{ refusal.detail.clone() }</p> }
            if !field.is_empty() { <p><button type="button" class="link" onclick={move |_| on.emit(Action::Reveal(field))}><code>{ field }</code></button></p> }
        </div>
    }
}

/// A name that may break where it has a hump: `Node Resources Fit` in a narrow column.
fn humps(name: &str) -> Html {
    let starts =
        name.char_indices().filter(|(at, letter)| *at > 0 && letter.is_uppercase()).map(|(at, _)| at);
    let mut parts = Vec::new();
    let mut from = 0;
    for at in starts.chain([name.len()]) {
        parts.push(name[from..at].to_string());
        from = at;
    }
    html! { <>{ for parts.into_iter().enumerate().map(|(number, part)| html! { <>if number > 0 { <wbr /> }{ part }</> }) }</> }
}
