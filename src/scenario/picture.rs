//! `kubeviz picture`: applies manifests, runs, and draws where that led, as SVG.

use super::run::{Manifest, apply_all};
use crate::clock::SimDuration;
use crate::sim::{Config, Simulation};
use crate::view::picture::picture;
use crate::view::{Stage, Totals};

/// The stage once the cluster is quiet or `limit` has passed, so many pixels wide.
///
/// # Errors
/// kubectl's words where a manifest is refused.
pub fn run(config: Config, manifests: &[Manifest], limit: SimDuration, width: u32) -> Result<String, String> {
    let mut simulation = Simulation::new(config);
    apply_all(&mut simulation, manifests)?;
    let end = simulation.now() + limit;
    simulation.run_until_quiet(end);
    let view = Stage::default().draw(simulation.view(), simulation.api().store());
    let Totals { nodes, pods, pods_ready, .. } = view.totals;
    let counted = |count: u32, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let caption = format!("{}, {pods_ready} of {} ready", counted(nodes, "node"), counted(pods, "pod"));
    Ok(picture(&view, width, &caption))
}
