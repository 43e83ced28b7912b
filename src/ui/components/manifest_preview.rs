//! What applying the manifest would change: every object, every change, and what becomes of the pods.

use kubeviz::view::preview::{Fate, Hunk, Mark, Planned};
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;
use crate::ui::state::Look;

#[derive(Properties, PartialEq)]
pub struct ManifestPreviewProps {
    pub look: Shared<Look>,
    pub lang: Lang,
}

/// See the module.
#[component]
pub fn ManifestPreview(props: &ManifestPreviewProps) -> Html {
    let (look, lang) = (&props.look, props.lang);
    let title = tr!(lang, "preview.title", time = format::clock(look.at));
    let body = match &look.found {
        Err(why) => html! { <p lang="en" class="raw">{ why.clone() }</p> },
        Ok(planned) if planned.is_empty() => html! { <p class="empty">{ tr!(lang, "preview.nothing") }</p> },
        Ok(planned) => planned.iter().map(|object| drawn(object, lang)).collect(),
    };
    html! {
        <div class="palette panel-body" data-testid="preview" role="region" aria-label={title.clone()} tabindex="0">
            <p class="hint">{ title }</p>
            { body }
        </div>
    }
}

fn drawn(object: &Planned, lang: Lang) -> Html {
    let (fate, words) = match &object.fate {
        Fate::Created => (tr!(lang, "preview.created"), None),
        Fate::Unchanged => (tr!(lang, "preview.unchanged"), None),
        Fate::Changed => (tr!(lang, "preview.changed"), None),
        Fate::Refused(words) => (tr!(lang, "preview.refused"), Some(words)),
    };
    let failed = words.is_some();
    html! {
        <section class="palette-group" aria-label={object.name.clone()} data-fate={fate_name(&object.fate)}>
            <h3>{ &object.name }{ " " }<span class="mark" data-bad={failed.to_string()}>{ fate }</span></h3>
            if let Some(words) = words { <p lang="en" class="raw">{ words }</p> }
            { for object.hunks.iter().map(|hunk| change(hunk, words, lang)) }
        </section>
    }
}

fn fate_name(fate: &Fate) -> &'static str {
    match fate {
        Fate::Created => "created",
        Fate::Unchanged => "unchanged",
        Fate::Changed => "changed",
        Fate::Refused(_) => "refused",
    }
}

fn change(hunk: &Hunk, said: Option<&String>, lang: Lang) -> Html {
    let (mark, text) = match &hunk.mark {
        Mark::RollsPods => ("rolls", tr!(lang, "preview.rolls")),
        Mark::InPlace => ("in-place", tr!(lang, "preview.in_place")),
        Mark::Unsimulated => ("unsimulated", tr!(lang, "preview.unsimulated")),
        Mark::Refused(_) => ("refused", tr!(lang, "preview.refused")),
    };
    let words = match &hunk.mark {
        Mark::Refused(words) if said != Some(words) => Some(words),
        _ => None,
    };
    let line = |(sign, text): &(char, String)| match sign {
        '-' => html! { <del>{ format!("- {text}\n") }</del> },
        '+' => html! { <ins>{ format!("+ {text}\n") }</ins> },
        _ => html! { { format!("  {text}\n") } },
    };
    html! {
        <div class="change" data-mark={mark}>
            <p><code>{ &hunk.path }</code>{ " " }<strong class="mark" data-bad={(mark == "refused").to_string()}>{ text }</strong></p>
            <pre class="yaml" lang="en">{ for hunk.lines.iter().map(line) }</pre>
            if let Some(words) = words { <p lang="en" class="raw">{ words }</p> }
        </div>
    }
}
