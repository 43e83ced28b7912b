//! The manifest in the editor: typed, checked, kept, applied.

use std::collections::BTreeMap;

use gloo::timers::callback::Timeout;
use kubeviz::api::manifest::Diagnostic;
use kubeviz::sim::scheduler_configuration::part;
use kubeviz::sim::{Input, Outcome};
use kubeviz::view::quick_fix::Remedy;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTextAreaElement};
use yew::prelude::*;

use super::App;
use crate::tr;
use crate::ui::editor_bridge::{self, Editor};
use crate::ui::rehearsal::Rehearsal;
use crate::ui::shared::Shared;
use crate::ui::state::{Action, Banner};
use crate::ui::{driver, storage};

/// How long typing must rest before errors are looked for.
const LINT_AFTER_MS: u32 = 300;
/// A text up to this size is kept at every keystroke; a longer one when typing rests.
const KEEP_AT_ONCE: usize = 200_000;
/// A longer text is looked through when it is applied, not while it is typed.
const LINT_MAX: usize = 256 * 1024;

/// How long the parts of a rehearsal lie apart: frames come between.
const REHEARSE_EVERY_MS: u32 = 20;

/// A manifest that touches what every manifest touches.
const FIRST_READ: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n";

impl App {
    pub(super) fn load_editor(&self, ctx: &Context<Self>) {
        let Some(host) = self.editor_host.cast::<Element>().filter(|_| self.editor.is_none()) else { return };
        if host.child_element_count() > 0 {
            return;
        }
        let link = ctx.link().clone();
        let (text, lang, driver) = (self.manifest.clone(), self.ui.lang, self.driver.clone());
        let change = self.on.reform(Action::Edited);
        let apply =
            if self.settings.readonly { Callback::noop() } else { self.on.reform(|()| Action::Apply) };
        let point = self.on.reform(Action::PointAt);
        wasm_bindgen_futures::spawn_local(async move {
            let editor = editor_bridge::create(host, text, lang, driver, change, apply, point).await;
            link.send_message(Action::EditorReady(editor.map(Box::new)));
        });
    }

    pub(super) fn editor_ready(&mut self, editor: Option<Box<Editor>>) {
        let Some(editor) = editor else { return };
        // What was typed into the plain field while the bundle loaded.
        editor.set_text(&self.manifest);
        editor.open(self.files.front().id, &self.manifest, self.ui.lang);
        editor.set_readonly(self.settings.readonly);
        editor.set_diagnostics(&self.ui.diagnostics, &self.ui.fixes, self.ui.lang);
        if let (Some(plain), Some(host)) = (plain_field(), self.editor_host.cast::<Element>()) {
            take_over(&editor, &host, &plain);
        }
        self.editor = Some(editor);
    }

    /// Reads the table of fields, and has the browser compile what an Apply needs, while nobody waits for it yet: part by part,
    /// until it is through or something is done in earnest.
    pub(super) fn rehearse(&mut self, ctx: &Context<Self>) {
        if self.driver.borrow().inputs() > 0 {
            self.rehearsal = None;
            return;
        }
        let goes_on = self.rehearsal.as_mut().map(Rehearsal::go_on);
        if goes_on == Some(false) {
            self.rehearsal = None;
            return;
        }
        if goes_on.is_none() {
            driver::lint(FIRST_READ);
            self.rehearsal = Some(self.driver.borrow().rehearse());
        }
        let link = ctx.link().clone();
        Timeout::new(REHEARSE_EVERY_MS, move || link.send_message(Action::Rehearse)).forget();
    }

    pub(super) fn edited(&mut self, ctx: &Context<Self>, text: String) -> bool {
        self.manifest = text;
        let stale = !self.ui.fixes.is_empty();
        if stale {
            self.ui.fixes = Shared::new(Vec::new());
        }
        if self.manifest.len() <= KEEP_AT_ONCE {
            self.keep_manifest();
        }
        let link = ctx.link().clone();
        self.lint_timer = Some(Timeout::new(LINT_AFTER_MS, move || link.send_message(Action::Lint)));
        stale
    }

    pub(super) fn keep_manifest(&mut self) {
        if self.settings.embed || self.ui.editing.is_some() {
            return;
        }
        if !storage::set(storage::MANIFEST, &self.manifest) && self.manifest.len() > KEEP_AT_ONCE {
            self.ui.banner = Some(Banner::NotKept);
        }
    }

    pub(super) fn lint(&mut self) {
        self.keep_manifest();
        self.ui.refusal = AttrValue::default();
        let mut found =
            if self.manifest.len() <= LINT_MAX { driver::lint(&self.manifest) } else { Vec::new() };
        if self.ui.editing.is_none() && !found.iter().any(Diagnostic::is_error) {
            found.extend(self.driver.borrow().refusals(&self.manifest));
        }
        self.show_diagnostics(found);
    }

    pub(super) fn show_diagnostics(&mut self, diagnostics: Vec<Diagnostic>) {
        let fixes = match self.ui.editing {
            None if diagnostics.iter().any(Diagnostic::is_error) => {
                self.driver.borrow().quick_fixes(&self.manifest, &diagnostics)
            }
            _ => Vec::new(),
        };
        if let Some(editor) = &self.editor {
            editor.set_diagnostics(&diagnostics, &fixes, self.ui.lang);
        }
        self.ui.fixes = Shared::new(fixes);
        self.ui.diagnostics = Shared::new(diagnostics);
    }

    /// Makes a change that was tried on the text as it stands.
    pub(super) fn fix(&mut self, at: usize) {
        let Some(fix) = self.ui.fixes.get(at).cloned() else { return };
        if let Remedy::Recreate(line) = &fix.what {
            let name = self.files.front().name.clone();
            let name = shlex::try_quote(&name).unwrap_or("-".into());
            self.run(&format!("{line} && kubectl apply -f {name}"));
            return self.lint();
        }
        let (from, to) = (fix.span.from as usize, fix.span.to as usize);
        let (Some(before), Some(after)) = (self.manifest.get(..from), self.manifest.get(to..)) else {
            return;
        };
        let text = format!("{before}{}{after}", fix.with);
        self.set_manifest(&text);
        self.lint();
    }

    pub(super) fn set_manifest(&mut self, text: &str) {
        self.manifest = text.to_string();
        self.loaded_text = (self.loaded_text.0 + 1, text.to_string().into());
        if let Some(editor) = &self.editor {
            editor.set_text(text);
        }
        self.keep_manifest();
    }

    /// Applies the manifest, or says why not. kubectl would apply the documents before a broken one; a person who looks at the
    /// whole text is better served when nothing is done until it is right.
    pub(super) fn apply(&mut self) -> Outcome {
        self.lint_timer = None;
        self.ui.preview = None;
        self.keep_manifest();
        let found = driver::lint(&self.manifest);
        if found.iter().any(Diagnostic::is_error) {
            self.ui.refusal = tr!(self.ui.lang, "manifest.nothing_applied");
            self.show_diagnostics(found);
            return Outcome { code: 1, stderr: self.ui.refusal.to_string(), ..Default::default() };
        }
        let (name, text) = (self.files.front().name.clone(), self.manifest.clone());
        let outcome = self.apply_text(&name, &text);
        self.show_outcome(found, &outcome);
        outcome
    }

    /// Applies a text under the name that it has as a file.
    pub(super) fn apply_text(&mut self, name: &str, text: &str) -> Outcome {
        let parted = part(text);
        let configured = parted.configuration.map(|text| {
            let line = format!("kube-scheduler --config={name}");
            self.submit_input(&line, Input::SchedulerConfiguration(text))
        });
        match (configured, parted.objects) {
            (Some(configured), objects) if objects.is_none() || configured.code != 0 => configured,
            (_, objects) => {
                let line = format!("kubectl apply -f {name}");
                let files = BTreeMap::from([(name.to_string(), objects.unwrap_or_default())]);
                let input = Input::Kubectl { line: line.clone(), stdin: None, files };
                let first = self.submit_input(&line, input.clone());
                if first.wants_another_go() { self.submit_input(&line, input) } else { first }
            }
        }
    }

    /// Shows what came of applying, beside what was found in the text.
    pub(super) fn show_outcome(&mut self, found: Vec<Diagnostic>, outcome: &Outcome) {
        let refused: Vec<Diagnostic> =
            outcome.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
        let unplaced = outcome.code != 0 && refused.is_empty();
        self.ui.refusal =
            if unplaced { outcome.stderr.trim_end().to_string().into() } else { AttrValue::default() };
        self.show_diagnostics(found.into_iter().chain(refused).collect());
    }
}

/// The field that stands in for the editor until it is there.
fn plain_field() -> Option<HtmlTextAreaElement> {
    gloo::utils::document().query_selector(".editor-plain").ok()??.dyn_into().ok()
}

/// Puts the editor where the plain field is: who began in the field goes on in the editor. Not left to the next drawing, which
/// may come only after the browser had time for others: who clicked into the field until then would type into nothing.
fn take_over(editor: &Editor, host: &Element, plain: &HtmlTextAreaElement) {
    // To remove an attribute does not fail; what is hidden takes no focus.
    let _ = host.remove_attribute("hidden");
    if gloo::utils::document().active_element().as_ref() == Some(plain.as_ref()) {
        let from = plain.selection_start().ok().flatten().unwrap_or_default();
        editor.reveal(from, plain.selection_end().ok().flatten().unwrap_or(from));
        editor.focus();
    }
    plain.set_hidden(true);
}
