//! `kubectl edit`: the object in the editor in place of the manifest, until it is saved or left as it is.

use kubeviz::sim::{Input, SessionId};

use super::App;
use crate::ui::state::{Editing, Pane};

impl App {
    /// Shows the text that kubectl wants edited. The manifest comes back afterwards.
    pub(super) fn begin_edit(&mut self, command: &str, session: SessionId, text: String) {
        let manifest = match self.ui.editing.take() {
            Some(editing) => editing.manifest,
            None => self.manifest.clone(),
        };
        let command = command.to_string().into();
        self.ui.editing = Some(Editing { command, session, text: text.clone(), manifest });
        self.set_manifest(&text);
        self.lint();
        self.turn_to(Pane::Manifest);
    }

    /// Gives kubectl the text back, as it was if it is not to be saved. It may want it edited again.
    pub(super) fn end_edit(&mut self, save: bool) {
        let Some(editing) = self.ui.editing.clone() else { return };
        // The session that waits is at the end of the run; looking back must not begin another.
        let end = self.driver.borrow().end();
        if self.driver.borrow().is_in_past() {
            self.seek(end);
        }
        let text = if save { self.manifest.clone() } else { editing.text };
        let outcome = self.driver.borrow_mut().submit(Input::Saved { session: editing.session, text });
        match outcome.editing {
            Some(again) => self.begin_edit(&editing.command, editing.session, again),
            None => self.leave_edit(),
        }
    }

    /// Puts the manifest back.
    pub(super) fn leave_edit(&mut self) {
        if let Some(editing) = self.ui.editing.take() {
            self.set_manifest(&editing.manifest);
            self.lint();
        }
    }
}
