//! Two runs beside each other: what another future of the same rollout cost.

use kubeviz::view::course::Course;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::rollout_view::Rolling;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct RolloutRunsProps {
    pub rolling: Rolling,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// Which run is laid over the one shown, and the numbers of both. Nothing while there is no other.
#[component]
pub fn RolloutRuns(props: &RolloutRunsProps) -> Html {
    let RolloutRunsProps { rolling, lang, on } = props;
    if rolling.others.is_empty() {
        return html! {};
    }
    let against = rolling.shown.as_ref().and_then(|shown| shown.against.clone());
    let chosen = against.as_ref().map(|(run, _)| *run);
    html! {
        <div class="rollout-next rollout-runs" data-testid="rollout-runs">
            { choice(&rolling.others, chosen, *lang, on) }
            if let (Some(shown), Some((run, other))) = (&rolling.shown, &against) {
                <div class="matrix-frame"><table class="matrix">
                    <thead><tr><td></td><th scope="col">{ name(rolling.run, *lang) }</th><th scope="col">{ name(*run, *lang) }</th></tr></thead>
                    <tbody>{ for rows(&shown.course, other, *lang) }</tbody>
                </table></div>
            }
        </div>
    }
}

fn name(run: usize, lang: Lang) -> AttrValue {
    tr!(lang, "runs.name", run = format::run(run))
}

/// Which of the runs that were left is laid over the one shown.
pub fn choice(others: &[usize], chosen: Option<usize>, lang: Lang, on: &Callback<Action>) -> Html {
    let onchange = {
        let on = on.clone();
        move |event: Event| {
            on.emit(Action::Against(event.target_unchecked_into::<HtmlSelectElement>().value().parse().ok()));
        }
    };
    let option = |run: &usize| html! { <option value={run.to_string()} selected={chosen == Some(*run)}>{ name(*run, lang) }</option> };
    html! {
        <label class="table-kind">{ tr!(lang, "runs.against") }{ " " }
            <select {onchange}><option value="" selected={chosen.is_none()}>{ tr!(lang, "runs.nothing") }</option>{ for others.iter().map(option) }</select></label>
    }
}

fn rows(here: &Course, there: &Course, lang: Lang) -> Vec<Html> {
    let row = |label: AttrValue, read: &dyn Fn(&Course) -> String| {
        html! { <tr><th scope="row">{ label }</th><td>{ read(here) }</td><td>{ read(there) }</td></tr> }
    };
    let going = tr!(lang, "runs.going");
    vec![
        row(tr!(lang, "runs.took"), &|course| course.took.map_or_else(|| going.to_string(), format::tenths)),
        row(tr!(lang, "runs.most"), &|course| course.most.to_string()),
        row(tr!(lang, "runs.fewest"), &|course| course.fewest.to_string()),
        row(tr!(lang, "runs.below"), &|course| format::tenths(course.below)),
        row(tr!(lang, "runs.none"), &|course| format::tenths(course.none)),
    ]
}
