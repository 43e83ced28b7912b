//! The control plane in one line: who wrote last, and what.

use kubeviz::view::StoryLine;
use yew::prelude::*;

use crate::tr;
use crate::ui::format::short_object;
use crate::ui::i18n::Lang;

#[derive(Properties, PartialEq)]
pub struct ControlPlaneStripProps {
    /// The last write at the time looked at.
    pub revision: u64,
    /// The last line of the story.
    pub last: Option<StoryLine>,
    pub lang: Lang,
}

/// The parts of a control plane, as the documentation calls them.
const PARTS: [&str; 4] = ["API server", "scheduler", "controllers", "kubelets"];

fn part_of(actor: &str) -> &'static str {
    match actor {
        "kubectl" | "kube-apiserver" | "environment" => PARTS[0],
        "default-scheduler" => PARTS[1],
        "kubelet" => PARTS[3],
        _ => PARTS[2],
    }
}

/// The strip above the stage.
#[component]
pub fn ControlPlaneStrip(props: &ControlPlaneStripProps) -> Html {
    let ControlPlaneStripProps { revision, last, lang } = props;
    let active = last.as_ref().map(|line| part_of(&line.actor));
    let part = |name: &&'static str| {
        let on = active == Some(*name);
        html! { <li class={classes!("part", on.then_some("on"))}>{ *name }</li> }
    };
    html! {
        <section class="strip" aria-label={tr!(*lang, "strip.label")}>
            <ul class="parts" role="list">
                { for PARTS.iter().take(1).map(part) }
                <li class="part etcd">{ "etcd" }<span class="rev">{ format!("rev {revision}") }</span></li>
                { for PARTS.iter().skip(1).map(part) }
            </ul>
            if let Some(line) = last {
                <p class="strip-last" lang="en">{ format!("{} {}", short_object(&line.object), line.text) }</p>
            }
        </section>
    }
}
