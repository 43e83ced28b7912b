//! What is on the screen. The simulator decides what is true; this lays it out, moves it, and hands commands over.

mod app;
mod components;
mod driver;
mod editor_bridge;
mod flip;
mod format;
mod host;
mod i18n;
pub mod panic;
mod settings;
mod share;
mod shared;
mod starters;
mod storage;

/// Puts the application in the place of what `index.html` shows while it loads.
pub fn mount() {
    let Some(root) = gloo::utils::document().get_element_by_id("app") else { return };
    root.set_inner_html("");
    yew::Renderer::<app::App>::with_root(root).render();
}
