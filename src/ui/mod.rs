//! What is on the screen. The simulator decides what is true; this lays it out, moves it, and hands commands over.

mod app;
mod commands;
mod components;
mod driver;
mod editor_bridge;
mod flip;
mod format;
mod host;
pub mod i18n;
mod keyboard;
mod layout;
pub mod panic;
mod predict;
mod rehearsal;
mod rest;
mod settings;
mod share;
mod shared;
mod starters;
mod state;
mod storage;
mod tokens;

/// Puts the application in the place of what `index.html` shows while it loads.
pub fn mount() {
    let Some(root) = gloo::utils::document().get_element_by_id("app") else { return };
    root.set_inner_html("");
    yew::Renderer::<app::App>::with_root(root).render();
}
