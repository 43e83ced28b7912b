//! The page: a Yew application around the simulator.

// The message table that rust-i18n generates is a HashMap; nothing depends on its order.
#![allow(clippy::disallowed_types)]

mod ui;

rust_i18n::i18n!("locales", fallback = "en");

fn main() {
    ui::panic::install();
    ui::mount();
}
