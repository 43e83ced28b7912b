//! A message across the page.

use yew::prelude::*;

use super::Icon;
use super::time_bar::goal_text;
use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::state::{Action, Banner};

#[derive(Properties, PartialEq)]
pub struct BannerProps {
    pub banner: Banner,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// The message, until it is put away.
#[component]
pub fn BannerBar(props: &BannerProps) -> Html {
    let BannerProps { banner, lang, on } = props;
    let text = match banner {
        Banner::Forked(time, run) => {
            tr!(*lang, "banner.forked", time = format::clock(*time), run = format::run(*run))
        }
        Banner::NotMet(until) => tr!(*lang, "banner.not_met", moment = goal_text(until, *lang)),
        Banner::Stopped(hit) => {
            tr!(*lang, "banner.stopped", reason = hit.reason, message = hit.message)
        }
        Banner::NotKept => tr!(*lang, "banner.not_kept"),
        Banner::BadLink(why) => tr!(*lang, "banner.bad_link", why = why),
    };
    let on = on.clone();
    html! {
        <div class="banner" role="status">
            <p>{ text }</p>
            <button type="button" class="icon-button" aria-label={tr!(*lang, "close")} onclick={move |_| on.emit(Action::Dismiss)}><Icon name="close" /></button>
        </div>
    }
}
