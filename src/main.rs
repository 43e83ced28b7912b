//! The page: a Yew application around the simulator.

mod ui;

rust_i18n::i18n!("locales", fallback = "en");

fn main() {
    ui::panic::install();
    ui::mount();
}
