//! What goes wrong: machines, containers, components.

use kubeviz::view::targets::Targets;
use yew::prelude::*;

use super::{among, choose, line};
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct FaultsProps {
    pub targets: Shared<Targets>,
    /// The node and the pod under the glass: what one means to break is what one looks at.
    pub node: Option<AttrValue>,
    pub pod: Option<AttrValue>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module.
#[component]
pub fn Faults(props: &FaultsProps) -> Html {
    let FaultsProps { targets, node, pod, lang, on } = props;
    let lang = *lang;
    let node = use_choice(node.clone());
    let pod = use_choice(pod.clone());
    let image = use_choice(None);
    let component = use_choice(None);
    let components: Vec<String> = targets.components.iter().map(|(name, _)| (*name).to_string()).collect();
    let stopped = |name: &str| targets.components.iter().any(|(known, stopped)| *known == name && *stopped);
    let on_node = among(&targets.nodes, &node.0).map(|name| {
        html! {
            <>
                { choose(tr!(lang, "add.of_node"), &targets.nodes, name, node.1.clone()) }
                <ul role="list">
                    { line(tr!(lang, "add.node_off"), format!("fault node {name} off"), on) }
                    { line(tr!(lang, "add.node_shutdown"), format!("fault node {name} shutdown"), on) }
                    { line(tr!(lang, "add.node_cut"), format!("fault node {name} cut"), on) }
                    { line(tr!(lang, "add.node_on"), format!("fault node {name} on"), on) }
                    { line(tr!(lang, "add.fill_memory"), format!("kubectl annotate node {name} kubeviz.dev/memory-use=99% --overwrite"), on) }
                    { line(tr!(lang, "add.fill_disk"), format!("kubectl annotate node {name} kubeviz.dev/disk-use=95% --overwrite"), on) }
                    { line(tr!(lang, "add.free"), format!("kubectl annotate node {name} kubeviz.dev/memory-use- kubeviz.dev/disk-use-"), on) }
                    { line(tr!(lang, "add.cordon"), format!("kubectl cordon {name}"), on) }
                    { line(tr!(lang, "add.drain"), format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data"), on) }
                    { line(tr!(lang, "add.uncordon"), format!("kubectl uncordon {name}"), on) }
                </ul>
            </>
        }
    });
    let on_pod = among(&targets.pods, &pod.0).map(|name| {
        html! {
            <>
                { choose(tr!(lang, "add.of_pod"), &targets.pods, name, pod.1.clone()) }
                <ul role="list">
                    { line(tr!(lang, "add.kill"), format!("fault kill pod/{name}"), on) }
                    { line(tr!(lang, "add.oom"), format!("fault kill pod/{name} --oom"), on) }
                    { line(tr!(lang, "add.unhealthy"), format!("fault unhealthy pod/{name}"), on) }
                    { line(tr!(lang, "add.healthy"), format!("fault healthy pod/{name}"), on) }
                    { line(tr!(lang, "add.delete"), format!("kubectl delete pod {name} --wait=false"), on) }
                </ul>
            </>
        }
    });
    let images: Vec<String> = targets.images.iter().map(|(name, _)| name.clone()).collect();
    let missing = |name: &str| targets.images.iter().any(|(known, missing)| known == name && *missing);
    let on_image = among(&images, &image.0).map(|name| {
        let (text, state) = match missing(name) {
            true => (tr!(lang, "add.image_back"), "back"),
            false => (tr!(lang, "add.image_missing"), "missing"),
        };
        html! {
            <>
                { choose(tr!(lang, "add.of_image"), &images, name, image.1.clone()) }
                <ul role="list">{ line(text, format!("fault image {name} {state}"), on) }</ul>
            </>
        }
    });
    let on_component = among(&components, &component.0).map(|name| {
        let verb = if stopped(name) { "start" } else { "stop" };
        let text = if verb == "stop" { tr!(lang, "add.stop") } else { tr!(lang, "add.start") };
        html! {
            <>
                { choose(tr!(lang, "add.of_component"), &components, name, component.1.clone()) }
                <ul role="list">
                    { line(text, format!("fault {verb} {name}"), on) }
                    { line(tr!(lang, "add.slow"), format!("fault slow {name} --by 2s --for 30s"), on) }
                </ul>
            </>
        }
    });
    html! { <>{ for on_node }{ for on_pod }{ for on_image }{ for on_component }</> }
}

/// A name, and how it is changed; it follows what comes under the glass.
#[hook]
fn use_choice(looked_at: Option<AttrValue>) -> (String, Callback<String>) {
    let chosen = use_state(String::new);
    {
        let chosen = chosen.clone();
        use_effect_with(looked_at, move |looked_at| {
            if let Some(name) = looked_at {
                chosen.set(name.to_string());
            }
        });
    }
    let set = chosen.clone();
    ((*chosen).clone(), Callback::from(move |name: String| set.set(name)))
}
