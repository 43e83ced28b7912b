//! The editor's files: which is in front, and what is done with them; and what applying would change.

use kubeviz::api::manifest::Diagnostic;
use kubeviz::sim::Outcome;
use kubeviz::view::files::Files;
use kubeviz::view::format;
use wasm_bindgen::JsCast;
use web_sys::HtmlAnchorElement;
use yew::AttrValue;

use super::App;
use crate::tr;
use crate::ui::shared::Shared;
use crate::ui::state::{Banner, FileAction, FileNames, Look};
use crate::ui::{driver, storage};

/// The files that were kept, with what was in front, and those that a link brings before them; in a figure only these.
pub(super) fn first_files(linked: Option<Files>, embed: bool) -> Files {
    if embed {
        return linked.unwrap_or_else(|| Files::new(String::new()));
    }
    let kept = storage::get(storage::FILES).and_then(|kept| Files::read(&kept));
    let mut files = kept.unwrap_or_else(|| Files::new(String::new()));
    if let Some(front) = storage::get(storage::MANIFEST) {
        files.set_text(front);
    }
    if let Some(linked) = linked {
        files.borrow(linked);
    }
    files
}

impl App {
    pub(super) fn keep_files(&mut self) {
        if self.settings.embed {
            return;
        }
        self.keep_manifest();
        if !storage::set(storage::FILES, &self.files.write()) {
            self.ui.banner = Some(Banner::NotKept);
        }
    }

    pub(super) fn name_files(&mut self) {
        let list = self.files.list().iter().map(|file| file.name.clone().into()).collect();
        let closed = self.files.closed().map(|name| AttrValue::from(name.to_string()));
        self.ui.files = Shared::new(FileNames { list, current: self.files.current(), closed });
    }

    pub(super) fn with_files(&mut self, action: FileAction) {
        if self.ui.editing.is_some() {
            return;
        }
        self.files.set_text(self.manifest.clone());
        match action {
            FileAction::New => _ = self.files.add("", String::new()),
            FileAction::TurnTo(at) => self.files.turn_to(at),
            FileAction::Rename(name) => self.files.rename(&name),
            FileAction::Close(at) => self.files.close(at),
            FileAction::Reopen => self.files.reopen(),
            FileAction::Opened(files) => {
                for (name, text) in files {
                    self.files.add(&name, text);
                }
            }
            FileAction::Save => return self.download(),
            FileAction::Format => return self.format(),
            FileAction::ApplyAll => {
                self.apply_all();
            }
        }
        self.show_front();
    }

    /// Shows the file that is in front now, with its own history of changes.
    fn show_front(&mut self) {
        self.ui.preview = None;
        let front = self.files.front();
        if self.manifest != front.text || self.shown_file != front.id {
            (self.manifest, self.shown_file) = (front.text.clone(), front.id);
            self.loaded_text = (self.loaded_text.0 + 1, self.manifest.clone().into());
            if let Some(editor) = &self.editor {
                editor.open(front.id, &self.manifest, self.ui.lang);
            }
            self.lint();
        }
        self.name_files();
        self.keep_files();
    }

    fn format(&mut self) {
        match format(&self.manifest) {
            Some(text) if text == self.manifest => {}
            Some(text) => {
                self.set_manifest(&text);
                self.lint();
            }
            None => self.ui.refusal = tr!(self.ui.lang, "files.not_formatted"),
        }
    }

    /// Hands the text in front to the browser as a file.
    fn download(&self) {
        let document = gloo::utils::document();
        let link =
            document.create_element("a").ok().and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
        let Some(link) = link else { return };
        let text = String::from(js_sys::encode_uri_component(&self.manifest));
        link.set_href(&format!("data:application/yaml;charset=utf-8,{text}"));
        link.set_download(&self.files.front().name);
        link.click();
    }

    /// Applies every file in the order of the tabs; or none, if something is wrong with one.
    fn apply_all(&mut self) -> Outcome {
        let texts: Vec<(String, String)> =
            self.files.list().iter().map(|file| (file.name.clone(), file.text.clone())).collect();
        let broken = texts.iter().position(|(_, text)| driver::lint(text).iter().any(Diagnostic::is_error));
        if let Some(at) = broken {
            self.files.turn_to(at);
            self.show_front();
            return self.apply();
        }
        let mut last = Outcome::default();
        for (at, (name, text)) in texts.iter().enumerate().filter(|(_, (_, text))| !text.trim().is_empty()) {
            last = self.apply_text(name, text);
            if last.code != 0 {
                self.files.turn_to(at);
                self.show_front();
                self.show_outcome(driver::lint(text), &last);
                break;
            }
        }
        last
    }

    /// Shows what applying would change, or the text again.
    pub(super) fn look(&mut self, on: bool) {
        self.ui.preview = on.then(|| {
            let driver = self.driver.borrow();
            Shared::new(Look { at: driver.position(), found: driver.preview(&self.manifest) })
        });
        self.ui.adding &= !on;
    }
}
