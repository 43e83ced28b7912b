//! Who owns whom, as nested lists.

use kubeviz::api::{Key, Kind};
use kubeviz::view::filter::Meant;
use kubeviz::view::tree::Branch;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct TreeViewProps {
    pub tree: Shared<Vec<Branch>>,
    /// What is looked for; nothing if all is.
    pub meant: Option<Shared<Meant>>,
    pub selected: Option<Key>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module. A name leads to its object.
#[component]
pub fn TreeView(props: &TreeViewProps) -> Html {
    html! {
        <section class="tree" data-testid="tree" aria-label={tr!(props.lang, "tree.label")}>
            if props.tree.is_empty() { <p class="empty">{ tr!(props.lang, "tree.none") }</p> }
            <ul role="list">{ for props.tree.iter().map(|branch| entry(branch, props)) }</ul>
        </section>
    }
}

fn entry(branch: &Branch, props: &TreeViewProps) -> Html {
    let select = {
        let (on, key) = (props.on.clone(), branch.key.clone());
        move |_: MouseEvent| on.emit(Action::Select(Some(key.clone())))
    };
    let pressed = (props.selected.as_ref() == Some(&branch.key)).to_string();
    let off = branch.key.kind == Kind::POD
        && branch.count <= 1
        && props.meant.as_ref().is_some_and(|meant| !meant.keys.contains(&branch.key));
    html! {
        <li key={branch.key.to_string()}>
            <button type="button" class="tree-entry" data-off={off.then_some("")} data-kind={branch.key.kind.name()} data-status={branch.class.map(|class| class.as_str())} aria-pressed={pressed} onclick={select}>
                if let Some(class) = branch.class { <Icon name={class.as_str()} /> }
                <span class="kind">{ branch.key.kind.name() }</span>
                if branch.count > 1 { <b>{ format!("{}×", branch.count) }</b> } else { <b>{ branch.key.name.to_string() }</b> }
                if !branch.status.is_empty() { <span class="of">{ branch.status.clone() }</span> }
                if branch.deleting { <span class="tree-mark"><Icon name="gone" />{ tr!(props.lang, "tree.deleting") }</span> }
                if branch.orphaned { <span class="tree-mark">{ tr!(props.lang, "tree.orphaned") }</span> }
                { for branch.finalizers.iter().map(|name| html! { <span class="tree-mark" title={tr!(props.lang, "tree.finalizer")}>{ "🔒 " }{ name.clone() }</span> }) }
            </button>
            if !branch.children.is_empty() { <ul role="list">{ for branch.children.iter().map(|child| entry(child, props)) }</ul> }
        </li>
    }
}
