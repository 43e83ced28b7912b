//! Runs with a beginning and an end: scripts, transcripts, and comparisons with what a real control plane did.

pub mod conform;
