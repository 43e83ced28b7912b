//! The end of a pod as a race on two tracks: above, who still sends to it; below, how long it takes connections.

use kubeviz::clock::{SimDuration, SimTime};
use kubeviz::view::traffic::{Lane, Meters, Race};
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;

/// Those of a Service, as of a time.
pub fn races(lane: &Lane, meters: &Meters, now: SimTime, lang: Lang) -> Html {
    let own = |race: &&Race| race.namespace == lane.namespace && race.service == lane.name;
    let found: Vec<&Race> = meters.races.iter().filter(own).collect();
    if found.is_empty() {
        return html! {};
    }
    html! {
        <div class="races" data-testid="races">
            <h3>{ tr!(lang, "traffic.races") }</h3>
            <ul role="list">{ for found.into_iter().map(|race| row(race, now, lang)) }</ul>
        </div>
    }
}

fn row(race: &Race, now: SimTime, lang: Lang) -> Html {
    let whole = race.end.since(race.deleted).0.max(1);
    let share = |from: SimTime, to: SimTime| {
        let part = |time: SimTime| time.since(race.deleted).0.min(whole) as f64 * 100.0 / whole as f64;
        format!("left:{:.2}%;width:{:.2}%", part(from), part(to) - part(from))
    };
    let part = |class: &'static str, from: SimTime, to: SimTime| {
        html! { <span class={class} style={share(from, to)}></span> }
    };
    let closes = race.closes.unwrap_or(race.end);
    let gone = race.gone.unwrap_or(race.end);
    html! {
        <li class="race" key={race.pod.clone()} data-gap={race.gap().is_some().to_string()}>
            <p class="race-head"><span class="flow-name">{ race.pod_name.clone() }</span>{ verdict(race, lang) }</p>
            <div class="race-tracks" aria-hidden="true">
                <span class="race-name">{ tr!(lang, "traffic.race_nodes") }</span>
                <div class="race-track">
                    { part("race-sent", race.deleted, race.left) }
                    { part("race-maybe", race.left, race.followed) }
                    if now <= race.end { { part("race-now", now, now) } }
                </div>
                <span class="race-name">{ tr!(lang, "traffic.race_pod") }</span>
                <div class="race-track">
                    { part("race-open", race.deleted, closes) }
                    { part("race-shut", closes, gone) }
                    if let Some((from, to)) = race.gap() { { part("race-gap", from, to) } }
                    if now <= race.end { { part("race-now", now, now) } }
                </div>
            </div>
            { marks(race, lang) }
        </li>
    }
}

/// Who won.
fn verdict(race: &Race, lang: Lang) -> Html {
    match (race.closes, race.gap()) {
        (None, _) => html! { <span class="of">{ tr!(lang, "traffic.race_open") }</span> },
        (_, None) => html! { <span class="of">{ tr!(lang, "traffic.race_fine") }</span> },
        (_, Some((from, to))) => html! {
            <span class="counts-failed"><Icon name="fail" />{ tr!(lang, "traffic.race_gap", span = format::micros(to.since(from).0), lost = race.lost) }</span>
        },
    }
}

/// The marks in the order in which they came, each with its time after the deletion: what the picture says, in words.
fn marks(race: &Race, lang: Lang) -> Html {
    let mut marks = vec![
        (race.left, tr!(lang, "traffic.race_left")),
        (race.followed, tr!(lang, "traffic.race_followed")),
    ];
    let closing = match race.pre_stop {
        true => tr!(lang, "traffic.race_closes_after"),
        false => tr!(lang, "traffic.race_closes"),
    };
    marks.extend(race.closes.map(|at| (at, closing)));
    marks.extend(race.gone.map(|at| (at, tr!(lang, "traffic.race_gone"))));
    kubeviz::api::sorting::sort_by_key(&mut marks, |(at, _)| *at);
    let after = |at: SimTime| format!("+{}", format::micros(rounded(at.since(race.deleted))));
    html! {
        <ol class="race-marks">
            <li><b>{ format::clock(race.deleted) }</b>{ tr!(lang, "traffic.race_deleted") }</li>
            { for marks.into_iter().map(|(at, said)| html! { <li><b>{ after(at) }</b>{ said }</li> }) }
        </ol>
    }
}

/// To the millisecond: nobody reads more.
fn rounded(span: SimDuration) -> u64 {
    span.0 / 1_000 * 1_000
}
