//! What the page is made of. A component lays out what it is given, and decides nothing.

pub mod console;
pub mod editor;
pub mod event_list;
pub mod header;
pub mod inspector;
pub mod node_card;
pub mod pod_card;
pub mod stage;
pub mod time_bar;
pub mod why;
