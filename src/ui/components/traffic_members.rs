//! The workloads behind a Service side by side: what part of its endpoints is whose, what part of the requests that makes, and
//! the switch from one to another.

use kubeviz::view::traffic::{Lane, Member, Meters};
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::format::per_mille;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

/// More workloads than this are counted.
const ROWS: usize = 8;

/// Nothing where there is no more than one.
pub fn members(lane: &Lane, meters: &Meters, lang: Lang, on: &Callback<Action>) -> Html {
    if lane.members.is_empty() {
        return html! {};
    }
    let answered = |member: &Member| -> u64 {
        let own = meters
            .endpoints(lane)
            .filter(|one| one.pod.as_ref().is_some_and(|pod| member.pods.contains(pod)));
        own.map(|one| one.answered + one.lost).sum()
    };
    let ready: usize = lane.members.iter().filter(|member| member.passes).map(|member| member.ready).sum();
    let asked: u64 = lane.members.iter().map(answered).sum();
    let row = |member: &Member| {
        let open = if member.passes { member.ready } else { 0 };
        let endpoints = per_mille(small(open), small(ready));
        let requests = (asked > 0).then(|| per_mille(small(answered(member)), small(asked)));
        html! {
            <li class="member" key={format!("{}/{}/{}", member.kind, member.name, member.passes)} data-open={member.passes.to_string()}>
                <Icon name={if member.passes { "ready" } else { "gone" }} />
                <span class="flow-name"><span class="kind">{ member.kind.clone() }</span>{ member.name.clone() }</span>
                <span class="of">{ tr!(lang, "traffic.member_ready", ready = member.ready, count = member.count) }</span>
                { bar(member.passes.then_some(endpoints), |share| tr!(lang, "traffic.of_endpoints", share = share)) }
                { bar(requests, |share| tr!(lang, "traffic.of_requests", share = share)) }
                if let Some(line) = &member.switch { { switch(line, lang, on) } }
            </li>
        }
    };
    html! {
        <div class="members" data-testid="members">
            <h3>{ tr!(lang, "traffic.members") }</h3>
            <ul role="list">{ for lane.members.iter().take(ROWS).map(row) }</ul>
            if lane.members.len() > ROWS { <p class="empty">{ format!("+{}", lane.members.len() - ROWS) }</p> }
        </div>
    }
}

fn small(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Nothing keeps its place in the row.
fn bar(mille: Option<i64>, said: impl Fn(String) -> AttrValue) -> Html {
    let Some(mille) = mille else { return html! { <span class="member-share"></span> } };
    let style = format!("--share:{}.{}%", mille / 10, mille % 10);
    let share = format!("{} %", (mille + 5) / 10);
    html! { <span class="member-share" {style}><span class="member-bar"></span>{ said(share) }</span> }
}

fn switch(line: &str, lang: Lang, on: &Callback<Action>) -> Html {
    let (on, line, title) = (on.clone(), line.to_string(), line.to_string());
    html! { <button type="button" class="button small" {title} onclick={move |_| on.emit(Action::Run(line.clone()))}>{ tr!(lang, "traffic.switch") }</button> }
}
