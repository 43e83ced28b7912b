//! A node to be, as the manifest that makes it.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::choose;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

const CPUS: [&str; 5] = ["1", "2", "4", "8", "16"];
const MEMORIES: [&str; 5] = ["2Gi", "4Gi", "8Gi", "16Gi", "32Gi"];
const ZONES: [&str; 4] = ["zone-a", "zone-b", "zone-c", "zone-d"];

#[derive(Properties, PartialEq)]
pub struct NodeFormProps {
    /// The names that are taken.
    pub nodes: Vec<String>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// What is asked of a node.
#[derive(Clone, PartialEq)]
struct Wish {
    cpu: String,
    memory: String,
    zone: String,
    label: String,
    taint: String,
}

/// Size, zone, a label and a taint; and the manifest that comes of them.
#[component]
pub fn NodeForm(props: &NodeFormProps) -> Html {
    let NodeFormProps { nodes, lang, on } = props;
    let lang = *lang;
    let wish = use_state(|| Wish {
        cpu: "4".into(),
        memory: "8Gi".into(),
        zone: "zone-a".into(),
        label: String::new(),
        taint: String::new(),
    });
    let change = |put: fn(&mut Wish, String)| {
        let wish = wish.clone();
        Callback::from(move |value: String| {
            let mut changed = (*wish).clone();
            put(&mut changed, value);
            wish.set(changed);
        })
    };
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<String>>();
    let field = |label: AttrValue, example: &'static str, value: &str, set: Callback<String>| {
        let oninput =
            move |event: InputEvent| set.emit(event.target_unchecked_into::<HtmlInputElement>().value());
        html! { <label class="palette-choice"><span>{ label }</span><input type="text" spellcheck="false" autocapitalize="off" placeholder={example} value={value.to_string()} {oninput} /></label> }
    };
    let name = free_name(nodes);
    let command = manifest(&name, &wish).map(|manifest| format!("kubectl apply -f - <<EOF\n{manifest}EOF"));
    let add = {
        let (on, command) = (on.clone(), command.clone());
        move |_: MouseEvent| {
            if let Some(command) = &command {
                on.emit(Action::Run(command.clone()));
            }
        }
    };
    html! {
        <>
            <div class="palette-row">
                { choose(AttrValue::Static("CPU"), &list(&CPUS), &wish.cpu, change(|wish, value| wish.cpu = value)) }
                { choose(tr!(lang, "add.memory"), &list(&MEMORIES), &wish.memory, change(|wish, value| wish.memory = value)) }
                { choose(tr!(lang, "add.zone"), &list(&ZONES), &wish.zone, change(|wish, value| wish.zone = value)) }
                { field(tr!(lang, "add.label"), "disk=ssd", &wish.label, change(|wish, value| wish.label = value)) }
                { field(tr!(lang, "add.taint"), "gpu=true:NoSchedule", &wish.taint, change(|wish, value| wish.taint = value)) }
            </div>
            <div class="palette-row">
                <button type="button" class="button small" data-testid="add-node" disabled={command.is_none()} onclick={add}>{ tr!(lang, "add.add_node", name = name) }</button>
                if command.is_none() { <span class="hint" role="status">{ tr!(lang, "add.node_wrong") }</span> }
            </div>
            if let Some(command) = &command { <details><summary>{ tr!(lang, "add.as_manifest") }</summary><pre class="yaml">{ command.clone() }</pre></details> }
        </>
    }
}

/// `node-4` after `node-3`.
fn free_name(nodes: &[String]) -> String {
    let numbers = nodes.iter().filter_map(|name| name.strip_prefix("node-")?.parse::<u32>().ok());
    format!("node-{}", numbers.max().unwrap_or(0).saturating_add(1))
}

/// The manifest of a node as a kubelet would register it; `None` if the label or the taint cannot be read.
fn manifest(name: &str, wish: &Wish) -> Option<String> {
    let plain = |text: &str| {
        let usual = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        text.chars().all(usual)
    };
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (!key.is_empty() && plain(key) && plain(value)).then(|| (key.to_string(), value.to_string()))
    };
    let label = match wish.label.trim() {
        "" => String::new(),
        text => pair(text).map(|(key, value)| format!("    {key}: {value:?}\n"))?,
    };
    let taint = match wish.taint.trim() {
        "" => String::new(),
        text => {
            let (pair_text, effect) = text.rsplit_once(':')?;
            let effect =
                ["NoSchedule", "PreferNoSchedule", "NoExecute"].into_iter().find(|known| *known == effect)?;
            let (key, value) = pair(pair_text)?;
            format!("spec:\n  taints:\n  - {{key: {key:?}, value: {value:?}, effect: {effect}}}\n")
        }
    };
    let Wish { cpu, memory, zone, .. } = wish;
    let size = format!("{{cpu: \"{cpu}\", memory: {memory}, ephemeral-storage: 100Gi, pods: \"110\"}}");
    Some(format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  labels:\n    kubernetes.io/hostname: {name}\n    kubernetes.io/os: linux\n    kubernetes.io/arch: amd64\n    topology.kubernetes.io/zone: {zone}\n{label}{taint}status:\n  capacity: {size}\n  allocatable: {size}\n"
    ))
}
