//! A rollout: how the counts went between their lines, the revisions side by side, and what may happen next.

use kubeviz::api::Kind;
use kubeviz::clock::SimTime;
use kubeviz::view::because::Answer;
use kubeviz::view::course::Course;
use kubeviz::view::filter::Meant;
use kubeviz::view::rollout::{Limit, Revision, Rollout};
use kubeviz::view::{PodCard as Pod, PodClass};
use std::sync::Arc;
use yew::prelude::*;

use super::Icon;
use super::pod_card::{PodCard, is_off};
use super::rollout_chart::RolloutChart;
use super::rollout_runs::RolloutRuns;
use super::stage::Density;
use super::why::answers;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::{Card, Shared};
use crate::ui::state::Action;

/// More pods of one revision than this are counted.
const PODS: usize = 120;
/// More pods than this in all are chips.
const CARDS: usize = 30;
/// More pods that are waited for than this are counted.
const NAMED: usize = 3;

/// What the view shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rolling {
    /// The workload that is looked at, if there is any.
    pub shown: Option<Shared<Shown>>,
    /// The number of the run that is played, and those of the runs that were left.
    pub run: usize,
    pub others: Vec<usize>,
}

/// A rollout and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub rollout: Rollout,
    /// Up to the time looked at.
    pub course: Course,
    /// The last step of a controller whose next one cannot be told.
    pub step: Option<Answer>,
    /// The time looked at, in whole seconds.
    pub second: u64,
    /// How it went in another run, and in which.
    pub against: Option<(usize, Shared<Course>)>,
}

#[derive(Properties, PartialEq)]
pub struct RolloutViewProps {
    pub rolling: Rolling,
    /// What is looked for; nothing if all is.
    pub meant: Option<Shared<Meant>>,
    pub selected_pod: Option<AttrValue>,
    pub second: Option<u64>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn RolloutView(props: &RolloutViewProps) -> Html {
    let RolloutViewProps { rolling, lang, on, .. } = props;
    let Some(shown) = &rolling.shown else {
        return html! { <div class="rollout" data-testid="rollout"><p class="empty">{ tr!(*lang, "rollout.none") }</p></div> };
    };
    let rollout = &shown.rollout;
    html! {
        <div class="rollout" data-testid="rollout">
            { head(shown, *lang, on) }
            <RolloutChart shown={shown.clone()} lang={*lang} />
            { outlook(shown, *lang) }
            if let Some(step) = &shown.step { <div class="rollout-next" data-testid="rollout-next">{ answers::sums(step, *lang, on) }</div> }
            <RolloutRuns rolling={rolling.clone()} lang={*lang} {on} />
            { revisions(props, rollout) }
        </div>
    }
}

/// What it is, the fields that bound it, and what can be done with it.
fn head(shown: &Shown, lang: Lang, on: &Callback<Action>) -> Html {
    let rollout = &shown.rollout;
    let (kind, name) = (rollout.key.kind.name(), &rollout.key.name);
    let target = format!("{}/{name} -n {}", kind.to_lowercase(), rollout.key.namespace);
    let limit = |limit: &Limit| {
        html! { <span><span class="of">{ limit.field }</span>{ format!(" {}{}", limit.value, share(limit)) }</span> }
    };
    let left = rollout.deadline.map(|deadline| deadline.since(SimTime::from_secs(shown.second)));
    let pause = if rollout.paused { "resume" } else { "pause" };
    let pause_label = if rollout.paused { tr!(lang, "rollout.resume") } else { tr!(lang, "rollout.pause") };
    html! {
        <header class="rollout-head">
            <h2><span class="kind">{ kind }</span>{ " " }{ name.to_string() }</h2>
            <p class="rollout-fields" lang="en"><span><span class="of">{ "replicas" }</span>{ format!(" {}", rollout.card.desired) }</span><span>{ rollout.strategy.clone() }</span>{ for rollout.limits.iter().map(limit) }</p>
            <div class="rollout-actions">
                if rollout.key.kind == Kind::DEPLOYMENT { { runs(format!("kubectl rollout {pause} {target}"), pause_label, on) } }
                { runs(format!("kubectl rollout restart {target}"), tr!(lang, "rollout.restart"), on) }
            </div>
            if let Some(left) = left { <p class="of rollout-deadline">{ tr!(lang, "rollout.deadline", span = format::span(left)) }</p> }
            if let Some((reason, message)) = &rollout.progress { <p class="rollout-progress" lang="en"><b>{ reason.clone() }</b>{ format!(" {message}") }</p> }
        </header>
    }
}

/// A share of the pods, how many that are, and which way it is rounded: `25% = ⌈0.75⌉ = 1`.
fn share(limit: &Limit) -> String {
    let Some((hundredths, rounded)) = limit.share else { return String::new() };
    let exact = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let down = i64::from(rounded) == hundredths / 100 && hundredths % 100 != 0;
    match hundredths % 100 {
        0 => format!(" = {rounded}"),
        _ if down => format!(" = ⌊{exact}⌋ = {rounded}"),
        _ => format!(" = ⌈{exact}⌉ = {rounded}"),
    }
}

/// A button that is the console line it runs.
fn runs(line: String, label: AttrValue, on: &Callback<Action>) -> Html {
    let (on, title) = (on.clone(), line.clone());
    html! { <button type="button" class="button small" {title} onclick={move |_| on.emit(Action::Run(line.clone()))}>{ label }</button> }
}

/// The arithmetic of the next move, in the controller's numbers.
fn outlook(shown: &Shown, lang: Lang) -> Html {
    let rollout = &shown.rollout;
    let Some(next) = &rollout.outlook else { return html! {} };
    let (surge, unavailable) = (next.bounds.max_surge, next.bounds.max_unavailable);
    let (ceiling, floor) = (next.desired.saturating_add(surge), (next.desired - unavailable).max(0));
    let moves = match (next.old, next.create, next.remove) {
        _ if rollout.paused => tr!(lang, "rollout.paused"),
        (0, 0, _) if next.available >= next.desired => tr!(lang, "rollout.complete"),
        (_, 0, 0) => match waiting(rollout) {
            None => tr!(lang, "rollout.settling"),
            Some(pods) => tr!(lang, "rollout.waiting", pods = pods),
        },
        (_, create, remove) => tr!(lang, "rollout.may", create = create, remove = remove),
    };
    let (below, none) = (shown.course.below, shown.course.none);
    html! {
        <div class="rollout-next" data-testid="rollout-next">
            <p class="sentence">{ moves }</p>
            <ul class="sums">
                <li>{ tr!(lang, "rollout.most", desired = next.desired, surge = surge, ceiling = ceiling, total = next.total) }</li>
                <li>{ tr!(lang, "rollout.least", desired = next.desired, unavailable = unavailable, floor = floor, available = next.available) }</li>
                if none.0 > 0 { <li data-bad="true">{ tr!(lang, "rollout.downtime", span = format::tenths(none)) }</li> }
                else if below.0 > 0 { <li data-bad="true">{ tr!(lang, "rollout.below", span = format::tenths(below)) }</li> }
            </ul>
        </div>
    }
}

/// The pods of the newest revision that do not serve yet, with what they are at, if there are any.
fn waiting(rollout: &Rollout) -> Option<String> {
    let of_newest = rollout.revisions.first().map(|revision| revision.pods.as_slice()).unwrap_or_default();
    let coming: Vec<&Arc<Pod>> = of_newest.iter().filter(|pod| pod.class != PodClass::Ready).collect();
    let named = coming
        .iter()
        .take(NAMED)
        .map(|pod| format!("{} ({}/{} {})", pod.name, pod.ready, pod.containers, pod.status));
    let more = coming.len().saturating_sub(NAMED);
    let all: Vec<String> = named.chain((more > 0).then(|| format!("+{more}"))).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Revisions with pods as cards, newest first; the empty ones behind them in a line each.
fn revisions(props: &RolloutViewProps, rollout: &Rollout) -> Html {
    let lang = props.lang;
    let all: usize = rollout.revisions.iter().map(|revision| revision.pods.len()).sum();
    let density = if all > CARDS { Density::Chip } else { Density::Card };
    let alive = |revision: &&Revision| revision.current || revision.wanted > 0 || !revision.pods.is_empty();
    let empty: Vec<&Revision> = rollout.revisions.iter().filter(|revision| !alive(revision)).collect();
    html! {
        <>
            <div class="revisions">{ for rollout.revisions.iter().filter(alive).map(|revision| card(props, rollout, revision, density)) }</div>
            if !empty.is_empty() {
                <details class="revisions-empty"><summary>{ tr!(lang, "rollout.earlier", count = empty.len()) }</summary>
                    <ul>{ for empty.into_iter().map(|revision| html! { <li>{ revision_head(rollout, revision, lang, &props.on) }{ differences(revision, lang) }</li> }) }</ul></details>
            }
        </>
    }
}

fn card(props: &RolloutViewProps, rollout: &Rollout, revision: &Revision, density: Density) -> Html {
    let pod = |pod: &Arc<Pod>| {
        let selected = props.selected_pod.as_deref() == Some(pod.uid.as_str());
        let second = props.second.filter(|_| pod.deadline.is_some());
        html! { <PodCard key={pod.uid.as_str()} pod={Card(pod.clone())} {density} {selected} off={is_off(&props.meant, pod)} {second} lang={props.lang} /> }
    };
    let more = revision.pods.len().saturating_sub(PODS);
    html! {
        <section class="revision" key={revision.number.to_string()} data-revision={revision.number.to_string()} data-current={revision.current.to_string()}>
            { revision_head(rollout, revision, props.lang, &props.on) }
            <ul class="pods" role="list">{ for revision.pods.iter().take(PODS).map(pod) }</ul>
            if more > 0 { <p class="hint">{ tr!(props.lang, "manifest.more", count = more) }</p> }
            { differences(revision, props.lang) }
        </section>
    }
}

fn revision_head(rollout: &Rollout, revision: &Revision, lang: Lang, on: &Callback<Action>) -> Html {
    let ready = revision.pods.iter().filter(|pod| pod.class == PodClass::Ready).count();
    let key = &rollout.key;
    let undo = format!(
        "kubectl rollout undo {}/{} -n {} --to-revision={}",
        key.kind.name().to_lowercase(),
        key.name,
        key.namespace,
        revision.number
    );
    html! {
        <header class="revision-head">
            <span class="pod-rev" data-band={(revision.number % 3).to_string()}>{ revision.number }</span>
            <h3>{ revision.key.name.to_string() }</h3>
            <code>{ revision.images.join(", ") }</code>
            <span class="revision-count">{ tr!(lang, "rollout.count", ready = ready, wanted = revision.wanted) }</span>
            if !revision.current { { runs(undo, tr!(lang, "rollout.undo"), on) } }
        </header>
    }
}

fn differences(revision: &Revision, lang: Lang) -> Html {
    if revision.differences.is_empty() {
        return html! {};
    }
    let row = |(path, before, after): &(String, String, String)| {
        html! {
            <li><code>{ path.clone() }</code><span class="difference"><span class="removed">{ format!("− {before}") }</span><Icon name="chevron" /><span class="added">{ format!("+ {after}") }</span></span></li>
        }
    };
    html! {
        <details class="differences" open={revision.current}><summary>{ tr!(lang, "rollout.differences") }</summary>
            <ul lang="en">{ for revision.differences.iter().map(row) }</ul></details>
    }
}
