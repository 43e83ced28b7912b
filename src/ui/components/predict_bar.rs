//! The question where a pod will run, and what the answer was worth.

use kubeviz::view::ClusterView;
use kubeviz::view::why::Guess;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::predict::{Answer, Predict, is_right};
use crate::ui::shared::Shared;
use crate::ui::state::{Action, InspectorTab};

/// With more nodes than this, the node is chosen on the stage.
const BUTTONS: usize = 12;

#[derive(Properties, PartialEq)]
pub struct PredictBarProps {
    pub predict: Predict,
    pub view: Shared<ClusterView>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The question that stops the clock; without one, the last answer.
#[component]
pub fn PredictBar(props: &PredictBarProps) -> Html {
    let PredictBarProps { predict, view, lang, on } = props;
    let score = (predict.answered > 0).then(|| {
        html! { <span class="predict-score">{ tr!(*lang, "predict.score", right = predict.right, count = predict.answered) }</span> }
    });
    let body = match (predict.questions.front(), &predict.answer) {
        (Some(pod), _) => question(&pod.name, view, *lang, on),
        (None, Some(found)) => answer(found, *lang, on),
        (None, None) if predict.open.is_empty() => html! { <p>{ tr!(*lang, "predict.ready") }</p> },
        (None, None) => html! { <p>{ tr!(*lang, "predict.waiting") }</p> },
    };
    html! { <section class="predict" data-testid="predict" aria-label={tr!(*lang, "predict.title")} aria-live="polite">{ body }{ for score }</section> }
}

fn question(pod: &str, view: &ClusterView, lang: Lang, on: &Callback<Action>) -> Html {
    let choice = |text: AttrValue, guess: Option<String>| {
        let on = on.clone();
        html! { <button type="button" class="button small" onclick={move |_| on.emit(Action::Guess(guess.clone()))}>{ text }</button> }
    };
    let few = view.nodes.len() <= BUTTONS;
    let node = |node: &std::sync::Arc<kubeviz::view::NodeCard>| {
        choice(node.name.clone().into(), Some(node.name.clone()))
    };
    let skip = on.reform(|_: MouseEvent| Action::SkipGuess);
    html! {
        <>
            <p><Icon name="wait" />{ tr!(lang, "predict.where", pod = pod) }</p>
            <div class="predict-choices">
                if few { { for view.nodes.iter().map(node) } } else { <span>{ tr!(lang, "predict.click") }</span> }
                { choice(tr!(lang, "predict.stays"), None) }
                <button type="button" class="link" onclick={skip}>{ tr!(lang, "predict.skip") }</button>
            </div>
        </>
    }
}

fn answer(answer: &Answer, lang: Lang, on: &Callback<Action>) -> Html {
    let right = is_right(&answer.outcome);
    let see = {
        let (on, pod) = (on.clone(), answer.pod.clone());
        move |_: MouseEvent| {
            on.emit(Action::Select(Some(pod.clone())));
            on.emit(Action::Tab(InspectorTab::Why));
        }
    };
    html! {
        <>
            <p data-right={right.to_string()}><Icon name={if right { "ready" } else { "fail" }} />{ sentence(answer, lang) }</p>
            if let Guess::Refused(refusal) = &answer.outcome {
                <p class="hint" lang="en"><b>{ refusal.plugin.clone() }</b>{ " " }{ if refusal.detail.is_empty() { refusal.reasons.clone() } else { refusal.detail.clone() } }</p>
            }
            <button type="button" class="button small" onclick={see}>{ tr!(lang, "predict.why") }</button>
        </>
    }
}

fn sentence(answer: &Answer, lang: Lang) -> AttrValue {
    let pod = &answer.pod.name;
    let guessed = answer.guessed.clone().unwrap_or_default();
    match &answer.outcome {
        Guess::Right if answer.guessed.is_none() => tr!(lang, "predict.right_waits", pod = pod),
        Guess::Right => tr!(lang, "predict.right", pod = pod, node = guessed),
        Guess::Tied { chosen } => tr!(lang, "predict.tied", node = guessed, chosen = chosen),
        Guess::Refused(_) => tr!(lang, "predict.refused", pod = pod, node = guessed),
        Guess::Outscored { chosen, by, plugin } => {
            tr!(lang, "predict.outscored", chosen = chosen, node = guessed, by = by, plugin = plugin)
        }
        Guess::Runs { chosen } => tr!(lang, "predict.runs", pod = pod, chosen = chosen),
        Guess::Unknown => tr!(lang, "predict.unknown", node = guessed),
    }
}
