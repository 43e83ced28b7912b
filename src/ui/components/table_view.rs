//! Any kind as the table that kubectl prints.

use kubeviz::api::{Key, Kind};
use kubeviz::kubectl::print::listing::Listing;
use kubeviz::view::filter::Meant;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Action;

/// What the view shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The kinds that there are, with how many.
    pub kinds: Shared<Vec<(Kind, usize)>>,
    /// The kind shown.
    pub kind: Kind,
    /// Its table.
    pub listing: Shared<Listing>,
}

#[derive(Properties, PartialEq)]
pub struct TableViewProps {
    pub rows: Rows,
    /// What is looked for; nothing if all is.
    pub meant: Option<Shared<Meant>>,
    pub selected: Option<Key>,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// See the module. A name leads to its object.
#[component]
pub fn TableView(props: &TableViewProps) -> Html {
    let TableViewProps { rows: Rows { kinds, kind, listing }, meant, selected, lang, on } = props;
    let choose = {
        let (on, kinds) = (on.clone(), kinds.clone());
        Callback::from(move |event: Event| {
            let chosen = event.target_dyn_into::<web_sys::HtmlSelectElement>().map(|list| list.value());
            let found = kinds.iter().find(|(kind, _)| Some(kind.name()) == chosen.as_deref());
            on.emit(Action::TableOf(found.map_or(Kind::POD, |(kind, _)| *kind)));
        })
    };
    let option = |(of, count): &(Kind, usize)| {
        html! { <option value={of.name()} selected={of == kind}>{ format!("{} ({count})", of.name()) }</option> }
    };
    let namespaced = listing.rows.iter().any(|(key, _)| !key.namespace.is_empty());
    let row = |(key, cells): &(Key, Vec<String>)| {
        let (on, to) = (on.clone(), key.clone());
        let pressed = (selected.as_ref() == Some(key)).to_string();
        let off = meant.as_ref().is_some_and(|meant| !meant.keys.contains(key));
        html! {
            <tr key={key.to_string()} data-off={off.then_some("")}>
                if namespaced { <td>{ key.namespace.to_string() }</td> }
                <th scope="row"><button type="button" class="link" aria-pressed={pressed} onclick={move |_| on.emit(Action::Select(Some(to.clone())))}>{ cells.first().cloned() }</button></th>
                { for cells.iter().skip(1).map(|cell| html! { <td>{ cell.clone() }</td> }) }
            </tr>
        }
    };
    html! {
        <section class="table-view" data-testid="table" aria-label={tr!(*lang, "table.label")}>
            <label class="table-kind">{ tr!(*lang, "table.kind") }<select onchange={choose}>{ for kinds.iter().map(option) }</select></label>
            <div class="table-frame" tabindex="0" role="region" aria-label={kind.name()}>
                <table lang="en">
                    <thead><tr>if namespaced { <th scope="col">{ "NAMESPACE" }</th> }{ for listing.headers.iter().map(|header| html! { <th scope="col">{ header.clone() }</th> }) }</tr></thead>
                    <tbody>{ for listing.rows.iter().map(row) }</tbody>
                </table>
            </div>
            if listing.more > 0 { <p class="hint">{ tr!(*lang, "manifest.more", count = listing.more) }</p> }
        </section>
    }
}
