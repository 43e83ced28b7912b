//! The parts of the page. Each lays out what it is given and says what was asked for by an [`Action`](super::state::Action).

mod banner;
mod console;
mod control_plane_strip;
mod event_list;
mod header;
mod help;
mod icon;
mod inspector;
mod manifest_editor;
mod meter;
mod node_card;
mod pending_lane;
mod pod_card;
mod pod_cells;
mod scrubber;
mod stage;
mod time_bar;
mod traffic_view;
mod why_panel;
mod workload_strip;

pub use banner::BannerBar;
pub use console::Console;
pub use header::Header;
pub use help::Help;
pub use icon::{Icon, Sprite};
pub use inspector::Inspector;
pub use manifest_editor::ManifestEditor;
pub use scrubber::Track;
pub use stage::Stage;
pub use time_bar::TimeBar;
pub use traffic_view::Traffic;
