//! What a pod's containers have printed.

use kubeviz::clock::SimTime;
use kubeviz::view::Inspection;
use kubeviz::view::detail::Log;
use kubeviz::view::inspect::Detail;
use yew::prelude::*;

use crate::tr;
use crate::ui::format;
use crate::ui::i18n::Lang;

pub fn page(found: &Inspection, lang: Lang) -> Html {
    let Detail::Logs(logs) = &found.detail else { return html! {} };
    let log = |log: &Log| {
        let text: String = log.lines.iter().map(shown).collect();
        html! {
            <section data-log={log.container.clone()} data-previous={log.previous.to_string()}>
                <h3><span lang="en">{ log.container.clone() }</span>if log.previous { { " · " }{ tr!(lang, "inspector.previous") } }</h3>
                if log.left_out > 0 { <p class="hint">{ tr!(lang, "inspector.left_out", count = log.left_out) }</p> }
                if log.lines.is_empty() {
                    <p class="empty">{ tr!(lang, "inspector.no_log") }</p>
                } else {
                    <pre class="yaml" lang="en" tabindex="0">{ text }</pre>
                }
            </section>
        }
    };
    html! { <>{ for logs.iter().map(log) }</> }
}

fn shown((time, line): &(SimTime, String)) -> String {
    format!("{} {line}\n", format::clock(*time))
}
