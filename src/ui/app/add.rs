//! Adding without YAML: what the palette offers to act on, what a template does to the manifest, and undoing.

use super::App;
use crate::ui::shared::Shared;
use crate::ui::starters::Starter;

impl App {
    /// What there is to act on, brought up to date while the palette is open.
    pub(super) fn derive_targets(&mut self) {
        if self.ui.adding {
            self.find_targets();
        }
    }

    #[inline(never)]
    fn find_targets(&mut self) {
        let driver = self.driver.borrow();
        let of = (driver.revision(), driver.inputs());
        if self.targets_of == Some(of) {
            return;
        }
        let (targets, can_undo) = (driver.targets(), of.1 > 0);
        drop(driver);
        self.targets_of = Some(of);
        self.ui.can_undo = can_undo;
        if *self.targets != targets {
            self.targets = Shared::new(targets);
        }
    }

    /// Puts a template into the manifest, behind what is there, and applies it all.
    pub(super) fn add(&mut self, starter: Starter) {
        let (text, more) = (self.manifest.trim_end(), starter.manifest());
        if !text.contains(more.trim_end()) {
            let whole = if text.is_empty() { more.to_string() } else { format!("{text}\n---\n{more}") };
            self.set_manifest(&whole);
        }
        self.apply();
        self.play(true);
    }

    /// Goes back to before the last thing that was done. The future that it had stays until something else is done.
    pub(super) fn undo(&mut self) {
        self.ui.predict.forget();
        let mut driver = self.driver.borrow_mut();
        driver.playing = false;
        driver.undo();
        drop(driver);
        self.targets_of = None;
    }
}
