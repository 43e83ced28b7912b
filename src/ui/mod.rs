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
pub mod preferences;
mod rehearsal;
mod rest;
mod settings;
mod share;
mod shared;
mod starters;
mod state;
mod storage;
mod tokens;

/// Puts the application in the place of what `index.html` shows while it loads. Without a network it starts whole: who calls a
/// function of the other half too early makes a waiting request, and no service worker is asked for those.
pub fn mount() {
    if gloo::utils::window().navigator().on_line() {
        return start();
    }
    gloo::events::EventListener::once(&gloo::utils::window(), rest::WHOLE, |_| start()).forget();
    rest::load(0);
}

fn start() {
    let Some(root) = gloo::utils::document().get_element_by_id("app") else { return };
    root.set_inner_html("");
    yew::Renderer::<app::App>::with_root(root).render();
}
