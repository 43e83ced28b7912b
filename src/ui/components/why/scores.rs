//! What each node that fits was worth: a bar with a segment per plugin, and the arithmetic behind it.

use kubeviz::api::explain::PluginScore;
use kubeviz::view::why::ScoreRow;
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;

/// More nodes than this are counted.
const ROWS: usize = 12;

#[derive(Properties, PartialEq)]
pub struct ScoresProps {
    pub rows: Vec<ScoreRow>,
    pub lang: Lang,
}

/// The nodes that share the highest total.
pub fn best(rows: &[ScoreRow]) -> Vec<&str> {
    let top = rows.iter().map(|row| row.total).max();
    rows.iter().filter(|row| Some(row.total) == top).map(|row| &*row.node).collect()
}

/// Best first; the chosen one is open.
#[component]
pub fn Scores(props: &ScoresProps) -> Html {
    let ScoresProps { rows, lang } = props;
    if rows.is_empty() {
        return html! {};
    }
    let top = rows.iter().map(|row| row.total).max().unwrap_or(0).max(1);
    let bar = |row: &ScoreRow| {
        let segment = |part: &PluginScore| {
            let mille = format::per_mille(part.normalized * part.weight, top);
            html! { <span title={part.plugin.to_string()} style={format!("width:{}.{}%", mille / 10, mille % 10)}></span> }
        };
        html! {
            <details class="score" key={row.node.to_string()} open={row.chosen} data-chosen={row.chosen.to_string()}>
                <summary><span class="score-node">{ row.node.to_string() }</span><span class="score-bar">{ for row.parts.iter().map(segment) }</span><span class="score-total">{ row.total }</span></summary>
                <table class="matrix"><tbody>{ for row.parts.iter().map(arithmetic) }</tbody></table>
            </details>
        }
    };
    let more = rows.len().saturating_sub(ROWS);
    html! {
        <>
            <h3 lang="en">{ "Score" }</h3>
            { for rows.iter().take(ROWS).map(bar) }
            if more > 0 { <p class="hint">{ tr!(*lang, "manifest.more", count = more) }</p> }
            <p class="hint">{ tr!(*lang, "why.score_hint") }</p>
        </>
    }
}

fn arithmetic(part: &PluginScore) -> Html {
    html! {
        <tr><th scope="row" lang="en">{ part.plugin.to_string() }if !part.arithmetic.is_empty() { <span class="detail">{ part.arithmetic.clone() }</span> }</th>
            <td class="sum">{ format!("{} × {}", part.normalized, part.weight) }</td><td class="sum">{ part.normalized * part.weight }</td></tr>
    }
}
