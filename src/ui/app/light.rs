//! What is pointed at on the stage lights up in the manifest, and the other way round. Nothing of it is laid out again.

use kubeviz::api::Key;
use kubeviz::api::manifest::SourceMap;
use kubeviz::view::origin::{described, origin, pods_of};
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::App;

/// A longer manifest is not searched at every move of the pointer.
const SEARCH_MAX: usize = 64 * 1024;
/// No more cards than this are marked: each mark is drawn anew at every move of the pointer.
const CARDS_MAX: usize = 400;
/// What carries the mark of a card.
const LIT: &str = "data-lit";

impl App {
    /// Marks the lines of the manifest that an object comes from.
    pub(super) fn light(&mut self, key: Option<Key>) -> bool {
        if self.lit != key {
            self.lit = key;
            if let Some(editor) = &self.editor {
                let driver = self.driver.borrow();
                let small = self.manifest.len() <= SEARCH_MAX;
                let found = self
                    .lit
                    .as_ref()
                    .filter(|_| small)
                    .and_then(|key| origin(&self.manifest, driver.objects(), key, &driver.namespace()));
                let map = SourceMap::new(&self.manifest);
                let (from, to) = found.map_or((0, 0), |span| (map.utf16(span.from), map.utf16(span.to)));
                editor.light(from, to);
            }
        }
        false
    }

    /// Marks the cards of what the manifest describes at a place.
    pub(super) fn point_at(&mut self, at: Option<u32>) -> bool {
        for card in all(&format!("[{LIT}]")) {
            // An element takes any attribute, and loses it.
            let _ = card.remove_attribute(LIT);
        }
        let Some(at) = at.filter(|_| self.manifest.len() <= SEARCH_MAX) else { return false };
        let driver = self.driver.borrow();
        let byte = SourceMap::new(&self.manifest).byte_of_utf16(at);
        let Some(key) = described(&self.manifest, byte, driver.objects(), &driver.namespace()) else {
            return false;
        };
        let pods = pods_of(driver.objects(), &key);
        let own = all(&format!("[data-workload=\"{}\"][data-ns=\"{}\"]", key.name, key.namespace));
        let own = own.into_iter().filter(|card| {
            card.get_attribute("data-kind").is_some_and(|kind| kind.eq_ignore_ascii_case(key.kind.name()))
        });
        let nodes = all(&format!("[data-select-node=\"{}\"]", key.name));
        let nodes = nodes.into_iter().filter(|_| key.kind == kubeviz::api::Kind::NODE);
        let of_pods = all("[data-pod]").into_iter().filter(|card| pods.contains(&card.id()));
        for card in own.chain(nodes).chain(of_pods).take(CARDS_MAX) {
            let _ = card.set_attribute(LIT, "");
        }
        false
    }
}

fn all(selector: &str) -> Vec<Element> {
    let Ok(found) = gloo::utils::document().query_selector_all(&format!(".stage {selector}")) else {
        return Vec::new();
    };
    (0..found.length()).filter_map(|at| found.item(at)?.dyn_into().ok()).collect()
}
