//! The bar at the top: what this is, how the cluster fares, theme and language.

use kubeviz::view::Totals;
use yew::prelude::*;

use crate::tr;
use crate::ui::i18n::Lang;

/// See the module.
#[derive(Properties, PartialEq)]
pub struct Props {
    pub lang: Lang,
    pub totals: Totals,
    pub namespace: String,
    pub theme: &'static str,
    pub on_theme: Callback<()>,
    pub on_lang: Callback<()>,
}

/// See the module.
#[component]
pub fn Header(props: &Props) -> Html {
    let Props { lang, totals, .. } = props;
    let count = |class: &'static str, number: u32, label: AttrValue| {
        html! { <span class={classes!("count", class)}><b>{ number }</b>{ " " }{ label }</span> }
    };
    html! {
        <header class="head">
            <h1>{ "kubeviz" }</h1>
            <span class="version">{ "Kubernetes 1.36" }</span>
            <span class="ns">{ "ns: " }{ &props.namespace }</span>
            <p class="counts">
                <span class="count"><b>{ format!("{}/{}", totals.nodes_ready, totals.nodes) }</b>{ " " }{ tr!(lang, "counts.nodes") }</span>
                <span class="count"><b>{ format!("{}/{}", totals.pods_ready, totals.pods) }</b>{ " " }{ tr!(lang, "counts.pods") }</span>
                if totals.pods_pending > 0 { { count("is-wait", totals.pods_pending, tr!(lang, "counts.pending")) } }
                if totals.pods_failed > 0 { { count("is-fail", totals.pods_failed, tr!(lang, "counts.failed")) } }
            </p>
            <button type="button" class="tool" data-testid="theme" aria-label={tr!(lang, "theme.switch")} title={tr!(lang, "theme.switch")}
                onclick={props.on_theme.reform(|_| ())}>{ if props.theme == "dark" { "☀" } else { "☾" } }</button>
            <button type="button" class="tool" data-testid="lang" lang={lang.other().code()} aria-label={tr!(lang.other(), "lang.switch")}
                onclick={props.on_lang.reform(|_| ())}>{ if *lang == Lang::Ko { "EN" } else { "한" } }</button>
        </header>
    }
}
