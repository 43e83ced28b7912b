//! Icons: drawn once in a sprite, used by reference, so that a thousand cards stay small.

use kubeviz::view::PodClass;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct IconProps {
    /// The symbol's name in the sprite.
    pub name: &'static str,
}

/// An icon in the colour of the text around it. It says nothing to assistive technology: the text beside it does.
#[component]
pub fn Icon(props: &IconProps) -> Html {
    html! { <svg class="icon" aria-hidden="true"><use href={format!("#i-{}", props.name)} /></svg> }
}

/// Name and drawing of every icon, 16 by 16, besides the signs of [`PodClass`].
const SYMBOLS: &[(&str, &str)] = &[
    ("play", r#"<path d="M4.5 2.8v10.4L13 8z" fill="currentColor"/>"#),
    ("pause", r#"<path d="M5 3v10M11 3v10" stroke-width="2.5"/>"#),
    ("step-forward", r#"<path d="M3.5 3.2v9.6L10 8zM12.5 3v10" fill="currentColor"/>"#),
    ("step-back", r#"<path d="M12.5 3.2v9.6L6 8zM3.5 3v10" fill="currentColor"/>"#),
    ("first", r#"<path d="M3 3v10M8 4 4.8 8 8 12M13 4 9.8 8l3.2 4"/>"#),
    ("last", r#"<path d="M13 3v10M8 4l3.2 4L8 12M3 4l3.2 4L3 12"/>"#),
    (
        "sun",
        r#"<circle cx="8" cy="8" r="3"/><path d="M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13"/>"#,
    ),
    ("moon", r#"<path d="M13 9.8A5.6 5.6 0 0 1 6.2 3a5.6 5.6 0 1 0 6.8 6.8z"/>"#),
    ("reset", r#"<path d="M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3"/>"#),
    (
        "help",
        r#"<circle cx="8" cy="8" r="6"/><path d="M6.2 6.3c.2-2.4 3.6-2.3 3.6-.2 0 1.4-1.8 1.5-1.8 3M8 11.2v.4"/>"#,
    ),
    ("search", r#"<circle cx="7" cy="7" r="4.2"/><path d="M10.2 10.2 14 14"/>"#),
    ("close", r#"<path d="M4 4l8 8M12 4l-8 8"/>"#),
    (
        "share",
        r#"<circle cx="12" cy="3.5" r="1.8"/><circle cx="4" cy="8" r="1.8"/><circle cx="12" cy="12.5" r="1.8"/><path d="M5.6 7.1l4.8-2.7M5.6 8.9l4.8 2.7"/>"#,
    ),
    ("open", r#"<path d="M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5"/>"#),
    ("file", r#"<path d="M4 1.8h5.5L12.5 5v9.2H4zM9.2 2v3.3h3"/>"#),
    ("terminal", r#"<path d="M2.5 4 6 8l-3.5 4M7.5 12.5h6"/>"#),
    ("list", r#"<path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.2 4h.6M2.2 8h.6M2.2 12h.6"/>"#),
    (
        "nodes",
        r#"<rect x="2.5" y="2.5" width="4.5" height="4.5"/><rect x="9" y="2.5" width="4.5" height="4.5"/><rect x="2.5" y="9" width="4.5" height="4.5"/><rect x="9" y="9" width="4.5" height="4.5"/>"#,
    ),
    ("more", r#"<path d="M3.5 8h.1M8 8h.1M12.5 8h.1" stroke-width="2.5"/>"#),
    ("chevron", r#"<path d="M4 6l4 4 4-4"/>"#),
    ("skip", r#"<path d="M2.5 3.5v9L8 8zM8 3.5v9L13.5 8z" fill="currentColor"/>"#),
    ("restart", r#"<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3"/>"#),
];

/// All icons, hidden, for [`Icon`] to refer to.
#[component]
pub fn Sprite() -> Html {
    let classes = PodClass::ALL.map(|class| (class.as_str(), class.drawing()));
    let symbols: String = classes
        .iter()
        .chain(SYMBOLS)
        .map(|(name, drawing)| format!(r#"<symbol id="i-{name}" viewBox="0 0 16 16">{drawing}</symbol>"#))
        .collect();
    let sprite = format!(
        r#"<svg width="0" height="0" style="position:absolute" aria-hidden="true" focusable="false"><g fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{symbols}</g></svg>"#
    );
    Html::from_html_unchecked(sprite.into())
}
