//! Deployments with their counts, and for a rolling update the bounds it keeps to.

use std::sync::Arc;

use kubeviz::view::{ClusterView, WorkloadCard};
use yew::prelude::*;

use crate::tr;
use crate::ui::format::per_mille;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;

#[derive(Properties, PartialEq)]
pub struct WorkloadStripProps {
    pub view: Shared<ClusterView>,
    /// `Deployment default/web`, if a workload is under the glass.
    pub selected: Option<AttrValue>,
    pub lang: Lang,
}

/// One row per workload.
#[component]
pub fn WorkloadStrip(props: &WorkloadStripProps) -> Html {
    let WorkloadStripProps { view, selected, lang } = props;
    if view.workloads.is_empty() {
        return html! {};
    }
    html! {
        <ul class="workloads" role="list" aria-label={tr!(*lang, "workloads.label")}>
            { for view.workloads.iter().map(|card| row(card, selected.as_deref(), *lang)) }
        </ul>
    }
}

fn row(card: &Arc<WorkloadCard>, selected: Option<&str>, lang: Lang) -> Html {
    let key = format!("{} {}/{}", card.kind, card.namespace, card.name);
    let pressed = (selected == Some(key.as_str())).to_string();
    let said = row_label(card, lang);
    let word = if card.finishes { tr!(lang, "workloads.complete") } else { tr!(lang, "workloads.ready") };
    html! {
        <li key={key}>
            <button type="button" class="workload" tabindex="-1" aria-label={said} aria-pressed={pressed}
                data-workload={card.name.clone()} data-kind={card.kind.clone()} data-ns={card.namespace.clone()}>
                <span class="workload-name"><span class="kind">{ card.kind.clone() }</span>{ card.name.clone() }</span>
                { gauge(card, lang) }
                <span class="workload-count">{ format!("{}/{}", card.ready, card.desired) }<span class="of">{ word }</span></span>
            </button>
        </li>
    }
}

fn row_label(card: &WorkloadCard, lang: Lang) -> AttrValue {
    let (kind, name, ready, desired) = (&card.kind, &card.name, card.ready, card.desired);
    if card.finishes {
        return tr!(lang, "workloads.row_job", kind = kind, name = name, ready = ready, desired = desired);
    }
    tr!(
        lang,
        "workloads.row",
        kind = kind,
        name = name,
        ready = ready,
        desired = desired,
        updated = card.updated,
        available = card.available
    )
}

/// Pods there are, those of the newest template and those available, between floor and ceiling.
fn gauge(card: &WorkloadCard, lang: Lang) -> Html {
    let top = card.ceiling.unwrap_or(card.desired).max(card.current).max(card.desired).max(1);
    let at = |count: i32| {
        let mille = per_mille(i64::from(count), i64::from(top));
        format!("{}.{}%", mille / 10, mille % 10)
    };
    let mark = |class: &'static str, count: Option<i32>, sign: &str, title: AttrValue| match count {
        Some(count) => html! {
            <span class={classes!("mark", class)} style={format!("left:{}", at(count))} title={title}><span>{ format!("{sign}{count}") }</span></span>
        },
        None => html! {},
    };
    html! {
        <span class="gauge" aria-hidden="true">
            <span class="gauge-current" style={format!("width:{}", at(card.current))}></span>
            <span class="gauge-available" style={format!("width:{}", at(card.available))}></span>
            <span class="gauge-updated" style={format!("width:{}", at(card.updated))}></span>
            { mark("floor", card.floor, "≥", tr!(lang, "workloads.floor")) }
            { mark("ceiling", card.ceiling, "≤", tr!(lang, "workloads.ceiling")) }
        </span>
    }
}
