//! What happened, latest first: the story of the log.

use kubeviz::view::StoryLine;
use yew::prelude::*;

use crate::tr;
use crate::ui::format::clock;
use crate::ui::i18n::Lang;
use crate::ui::shared::Shared;

/// See the module.
#[derive(Properties)]
pub struct Props {
    pub lang: Lang,
    pub lines: Shared<Vec<StoryLine>>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Props) -> bool {
        let newest = |props: &Props| props.lines.first().map(|line| line.revision);
        self.lang == other.lang && newest(self) == newest(other) && self.lines.len() == other.lines.len()
    }
}

/// See the module.
#[component]
pub fn EventList(props: &Props) -> Html {
    let line = |line: &StoryLine| {
        html! {
            <li key={line.revision} class={classes!(line.warning.then_some("is-warning"))}>
                <span class="story-head"><time>{ clock(line.time) }</time><b>{ &line.actor }</b></span>
                <span class="story-object">{ &line.object }</span>
                <span class="story-text">{ &line.text }</span>
            </li>
        }
    };
    html! {
        <div class="story" data-testid="inspector">
            <h2>{ tr!(props.lang, "story.title") }</h2>
            <ol tabindex="0" aria-label={tr!(props.lang, "story.title")}>{ for props.lines.iter().map(line) }</ol>
        </div>
    }
}
