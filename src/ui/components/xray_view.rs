//! The control plane from inside: who runs, and how a write came about.

use kubeviz::view::differences::Difference;
use kubeviz::view::xray::Hop;
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// Components that are always shown: whoever has a part in the life of a Deployment. Others come when they have one.
const ALWAYS: [&str; 5] = [
    "deployment-controller",
    "replicaset-controller",
    "default-scheduler",
    "endpointslice-controller",
    "generic-garbage-collector",
];

/// What the view needs besides the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Xray {
    /// The chain, first write first.
    pub chain: Shared<Vec<Hop>>,
    /// Components, and whether each is stopped.
    pub components: Shared<Vec<(&'static str, bool)>>,
    /// The last write of all.
    pub revision: u64,
}

#[derive(Properties, PartialEq)]
pub struct XrayViewProps {
    pub xray: Xray,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn XrayView(props: &XrayViewProps) -> Html {
    let XrayViewProps { xray, lang, on } = props;
    let lang = *lang;
    let acts = |name: &str| xray.chain.iter().any(|hop| hop.actor == name);
    let shown = |(name, stopped): &&(&'static str, bool)| ALWAYS.contains(name) || *stopped || acts(name);
    let last = xray.chain.last().map(|hop| hop.actor.clone()).unwrap_or_default();
    let part = |(name, stopped): &(&'static str, bool)| switch(name, *stopped, last == *name, lang, on);
    html! {
        <section class="xray" data-testid="xray" aria-label={tr!(lang, "xray.label")}>
            <div class="xray-plane">
                <div class="xray-server">
                    { fixed("kubectl", last == "kubectl", AttrValue::default()) }
                    { fixed("kube-apiserver", true, tr!(lang, "xray.revision", revision = xray.revision)) }
                </div>
                <ul class="xray-watchers" role="list" aria-label={tr!(lang, "xray.watchers")}>
                    { for xray.components.iter().filter(shown).map(part) }
                    <li>{ fixed("kubelet", last == "kubelet", AttrValue::default()) }</li>
                </ul>
            </div>
            <p class="hint">{ tr!(lang, "xray.rule") }</p>
            <h2>{ tr!(lang, "xray.chain") }</h2>
            if xray.chain.is_empty() { <p class="empty">{ tr!(lang, "xray.none") }</p> }
            <ol class="xray-chain">{ for xray.chain.iter().enumerate().map(|(at, found)| hop(at, found, lang, on)) }</ol>
        </section>
    }
}

/// What cannot be stopped.
fn fixed(name: &'static str, acting: bool, more: AttrValue) -> Html {
    html! { <div class="xray-part" data-component={name} data-acting={acting.to_string()}><b>{ name }</b>if !more.is_empty() { <span class="of">{ more }</span> }</div> }
}

/// A component with its switch, which is a console line.
fn switch(name: &'static str, stopped: bool, acting: bool, lang: Lang, on: &Callback<Action>) -> Html {
    let line = format!("fault {} {name}", if stopped { "start" } else { "stop" });
    let (on, run) = (on.clone(), line.clone());
    let text = if stopped { tr!(lang, "add.start") } else { tr!(lang, "add.stop") };
    html! {
        <li class="xray-part" key={name} data-component={name} data-acting={acting.to_string()} data-stopped={stopped.to_string()}>
            <b>{ name }</b>
            if stopped { <span class="of">{ tr!(lang, "xray.stopped") }</span> }
            <button type="button" class="button small" title={line} aria-label={format!("{text} {name}")} onclick={move |_| on.emit(Action::Run(run.clone()))}>{ text.clone() }</button>
        </li>
    }
}

fn hop(at: usize, hop: &Hop, lang: Lang, on: &Callback<Action>) -> Html {
    let select = {
        let (on, key) = (on.clone(), hop.key.clone());
        move |_: MouseEvent| on.emit(Action::Select(Some(key.clone())))
    };
    let seek = {
        let (on, time) = (on.clone(), hop.time);
        move |_: MouseEvent| on.emit(Action::Seek(time))
    };
    let field = |(path, before, after): &Difference| {
        html! { <li><code>{ path.clone() }</code><span class="was"><span class="unseen">{ "− " }</span>{ before.clone() }</span><span class="is"><span class="unseen">{ "+ " }</span>{ after.clone() }</span></li> }
    };
    let who = hop.node.as_ref().map_or_else(|| hop.actor.clone(), |node| format!("{} ({node})", hop.actor));
    html! {
        <li key={hop.revision} class="xray-hop">
            <span class="xray-number" aria-hidden="true">{ at + 1 }</span>
            <div>
                <p lang="en"><b>{ who }</b>{ " → " }<code>{ hop.verb.as_str() }</code>{ " " }
                    <button type="button" class="link" onclick={select}>{ hop.key.to_string() }</button></p>
                <p class="of"><button type="button" class="link" title={tr!(lang, "xray.seek")} onclick={seek}>{ format::clock(hop.time) }</button>{ format!(" · rv {}", hop.revision) }</p>
                if !hop.fields.is_empty() {
                    <details><summary>{ tr!(lang, "xray.fields", count = hop.fields.len()) }</summary><ul class="xray-fields" role="list" lang="en">{ for hop.fields.iter().map(field) }</ul></details>
                }
            </div>
        </li>
    }
}
