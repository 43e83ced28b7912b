//! A pod as a card: identity in its name, status in icon, border and colour, revision in its band.

use kubeviz::api::{Key, Kind};
use kubeviz::view::{PodCard as Data, PodClass};
use yew::prelude::*;

use crate::tr;
use crate::ui::format::split_name;
use crate::ui::i18n::Lang;
use crate::ui::shared::Card;

/// See the module.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub card: Card<Data>,
    pub selected: bool,
    /// A chip rather than a card.
    pub small: bool,
    pub on_select: Callback<Option<Key>>,
}

/// The sign of each class, for those who cannot tell the colours.
pub fn glyph(class: PodClass) -> &'static str {
    match class {
        PodClass::Wait => "⧗",
        PodClass::Progress => "◐",
        PodClass::Ready => "✓",
        PodClass::Fail => "!",
        PodClass::Done => "☑",
        PodClass::Gone => "✕",
    }
}

/// See the module.
#[component]
pub fn PodCard(props: &Props) -> Html {
    let Props { lang, card, .. } = props;
    let key = Key::new(Kind::POD, &card.namespace, &card.name);
    let onclick = props.on_select.reform(move |_| Some(key.clone()));
    let (stem, end) = split_name(&card.name);
    let place = card.node.clone().unwrap_or_else(|| tr!(lang, "pending.short").to_string());
    let said = format!("{}, {}, {}/{}, {place}", card.name, card.status, card.ready, card.containers);
    let band = card.revision.map(|revision| format!("band-{}", revision % 3));
    html! {
        <button type="button" class={classes!("pod", card.class.as_str(), band, props.small.then_some("small"))}
            data-pod={card.name.clone()} data-uid={card.uid.clone()} data-status={card.class.as_str()}
            aria-pressed={props.selected.to_string()} aria-label={said} title={card.message.clone()} {onclick}>
            <span class="glyph" aria-hidden="true">{ glyph(card.class) }</span>
            <span class="pod-name"><span class="stem">{ stem }</span><span class="end">{ end }</span></span>
            if !props.small {
                <span class="pod-status">{ &card.status }</span>
                <span class="pod-image">{ &card.image }</span>
                if card.restarts > 0 { <span class="restarts">{ "↻" }{ card.restarts }</span> }
            }
        </button>
    }
}
