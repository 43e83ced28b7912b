//! The top of the page.

use kubeviz::view::Totals;
use yew::prelude::*;

use super::Icon;
use crate::tr;
use crate::ui::i18n::Lang;
use crate::ui::state::Action;

#[derive(Properties, PartialEq)]
pub struct HeaderProps {
    pub totals: Totals,
    pub namespace: AttrValue,
    pub theme: &'static str,
    pub editor_open: bool,
    pub lang: Lang,
    pub on: Callback<Action>,
}

/// Name, counts, and what concerns the whole page.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let HeaderProps { totals, namespace, theme, editor_open, lang, on } = props;
    let lang = *lang;
    let emit = |action: fn() -> Action| {
        let on = on.clone();
        move |_: MouseEvent| on.emit(action())
    };
    let theme_label = if *theme == "dark" { tr!(lang, "header.light") } else { tr!(lang, "header.dark") };
    let failed = tr!(lang, "header.failed", count = totals.pods_failed);
    html! {
        <header class="head">
            <button type="button" class="icon-button drawer-toggle" aria-expanded={editor_open.to_string()} aria-label={tr!(lang, "header.editor")} title={tr!(lang, "header.editor")} onclick={emit(|| Action::ToggleEditor)}><Icon name="file" /></button>
            <h1 class="brand"><span class="brand-mark" aria-hidden="true"></span><span class="brand-name">{ "kubeviz" }</span></h1>
            <span class="version">{ "Kubernetes 1.36" }</span>
            <p class="counts">
                <span>{ tr!(lang, "header.nodes", ready = totals.nodes_ready, count = totals.nodes) }</span>
                <span>{ tr!(lang, "header.pods", ready = totals.pods_ready, count = totals.pods) }</span>
                if totals.pods_failed > 0 { <span class="counts-failed" role="img" aria-label={failed.clone()}><Icon name="fail" /><span class="wide">{ failed }</span><span class="narrow">{ totals.pods_failed }</span></span> }
                if *namespace != "default" { <span>{ format!("ns: {namespace}") }</span> }
            </p>
            <div class="head-tools">
                <button type="button" class="button quiet" onclick={emit(|| Action::Reset)} title={tr!(lang, "header.reset_title")}><Icon name="reset" /><span class="wide">{ tr!(lang, "header.reset") }</span></button>
                <button type="button" class="icon-button goto-button" data-testid="goto-open" aria-label={tr!(lang, "goto.title")} title={tr!(lang, "goto.hint")} onclick={emit(|| Action::GoTo)}><Icon name="search" /></button>
                <button type="button" class="icon-button" data-testid="share" aria-label={tr!(lang, "share.title")} title={tr!(lang, "share.title")} onclick={emit(|| Action::Share(true))}><Icon name="share" /></button>
                <button type="button" class="icon-button help-button" aria-label={tr!(lang, "header.help")} title={tr!(lang, "header.help")} onclick={emit(|| Action::Help)}><Icon name="help" /></button>
                <button type="button" class="icon-button theme" data-testid="theme" aria-label={theme_label.clone()} title={theme_label} onclick={emit(|| Action::ToggleTheme)}><Icon name={if *theme == "dark" { "sun" } else { "moon" }} /></button>
                <button type="button" class="button quiet lang" data-testid="lang" lang={lang.other().code()} onclick={emit(|| Action::ToggleLang)}><span class="wide">{ if lang == Lang::En { "한국어" } else { "English" } }</span><span class="narrow">{ if lang == Lang::En { "한" } else { "EN" } }</span></button>
            </div>
        </header>
    }
}
