//! Links: what one carries when the page is opened by it, and what the page puts into one.

use kubeviz::api::Key;
use kubeviz::kubectl::key_of;
use kubeviz::sim::Input;
use kubeviz::view::files::FIRST;
use web_sys::Element;
use yew::AttrValue;

use super::App;
use crate::ui::settings::Settings;
use crate::ui::share::{self, Done, Link, Ui, VERSION, seconds, time_of};
use crate::ui::shared::Shared;
use crate::ui::state::{Sharing, StageView};

/// Reads what the address carries, and lets it change the settings.
pub(super) fn read_link(settings: &mut Settings) -> Result<Link, String> {
    let link = share::read_hash()?.unwrap_or_default();
    settings.seed = link.seed.unwrap_or(settings.seed);
    settings.begin_with(link.nodes);
    if let Some(view) = link.ui.view.as_deref().and_then(StageView::from_name) {
        settings.view = view;
    }
    Ok(link)
}

/// As many seeds come before the first comes again.
const SEEDS: u64 = 999;

impl App {
    /// Does what the address says: applies the manifest, or plays what was done, up to where one shall look.
    pub(super) fn open(&mut self, link: Link) {
        let position = link.position.or(self.settings.position).map(time_of);
        // A line of the link means the link's file of that name, not the reader's.
        let files = link.files().unwrap_or_else(|| self.files.clone());
        if link.ui.filter.is_some() {
            self.filter(link.ui.filter);
        }
        self.selecting = link.ui.selected.or(self.settings.select.clone());
        if link.done.is_empty() && !link.draft && !link.manifest.is_empty() {
            let outcome = self.apply();
            if outcome.code != 0 {
                self.trouble = Some(("apply", outcome.stderr.trim_end().to_string()));
            }
        }
        let script: Vec<_> = link.done.into_iter().map(|done| done.entry(&link.manifest, &files)).collect();
        let end = link.end.map(time_of).or(position).unwrap_or_default();
        if !script.is_empty() || position.is_some() {
            self.driver.borrow_mut().follow_script(script, end, position);
        }
        self.select_as_asked();
    }

    /// Plays what was done again, at the same times and with the next seed: what chance decides may come out otherwise.
    pub(super) fn reroll(&mut self) {
        let seed = self.settings.seed % SEEDS + 1;
        let link = Link { seed: Some(seed), ..self.state(false) };
        self.settings.seed = seed;
        self.reset();
        self.open(link);
        self.play(true);
    }

    /// Does what the link says for now.
    pub(super) fn do_what_is_due(&mut self) {
        let due = self.driver.borrow_mut().due.take();
        match due {
            Some(Input::Kubectl { line, stdin, files }) => {
                _ = self.perform(&line.clone(), Input::Kubectl { line, stdin, files });
            }
            Some(input @ Input::SchedulerConfiguration(_)) => {
                self.perform(&format!("kube-scheduler --config={FIRST}"), input);
            }
            Some(input) => _ = self.driver.borrow_mut().submit(input),
            None => {}
        }
        if self.selecting.is_some() && !self.driver.borrow().is_arriving() {
            self.select_as_asked();
        }
    }

    /// Puts under the glass what the address names, once it exists.
    fn select_as_asked(&mut self) {
        let key = {
            let driver = self.driver.borrow();
            let key = self.selecting.as_ref().and_then(|name| key_of(driver.objects(), name));
            key.filter(|key| driver.objects().object(key).is_some())
        };
        if key.is_some() {
            self.selecting = None;
            self.select(key);
        }
    }

    /// Shows links.
    pub(super) fn share(&mut self, whole: bool) {
        let figure = self.link(whole, true);
        let figure = format!(
            r#"<iframe src="{figure}" width="800" height="500" title="kubeviz" loading="lazy" allow="clipboard-write; fullscreen" style="border:0"></iframe>"#
        );
        let sharing = Sharing { whole, link: self.link(whole, false), figure: figure.into() };
        self.ui.sharing = Some(Shared::new(sharing));
    }

    /// The page as it is, for a link. `whole`: with where one looks; otherwise what was done plays from the start.
    pub(super) fn state(&self, whole: bool) -> Link {
        let driver = self.driver.borrow();
        let (position, end) = (driver.position(), driver.end());
        let done: Vec<Done> = driver.journal().map(Done::of).collect();
        let far = driver.is_in_past().then_some(end);
        Link {
            version: VERSION,
            seed: Some(self.settings.seed),
            nodes: Some(self.settings.nodes),
            manifest: self.manifest.clone(),
            draft: done.is_empty(),
            done,
            position: whole.then(|| seconds(position)),
            end: far.filter(|_| whole).map(seconds),
            ui: Ui {
                view: Some(self.ui.view.as_str().to_string()),
                selected: self.ui.selected.as_ref().map(reference),
                filter: self
                    .ui
                    .sought
                    .as_ref()
                    .map(|sought| sought.text.to_string())
                    .filter(|text| !text.is_empty()),
                actions: self.buttons.clone(),
            },
            ..Link::default()
        }
        .carry(&self.files)
    }

    /// Has a link of a figure lead to where the figure is now.
    pub(super) fn point_here(&self, link: &Element) {
        // An element takes any attribute.
        let _ = link.set_attribute("href", &self.link(true, false));
    }

    /// The address of the page as it is; `embed`: as a figure.
    pub(super) fn link(&self, whole: bool, embed: bool) -> AttrValue {
        let location = gloo::utils::window().location();
        let origin = location.origin().unwrap_or_default();
        let path = location.pathname().unwrap_or_default();
        let lang = self.ui.lang.code();
        let embed = if embed { "&embed=1" } else { "" };
        format!("{origin}{path}?lang={lang}{embed}{}", share::hash(&self.state(whole))).into()
    }
}

/// As `key_of` reads it.
fn reference(key: &Key) -> String {
    let namespace = if key.namespace.is_empty() { String::new() } else { format!("{}/", key.namespace) };
    format!("{}/{namespace}{}", key.kind.name().to_lowercase(), key.name)
}
