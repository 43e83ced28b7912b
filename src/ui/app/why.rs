//! What a decision under the glass means for the rest of the page: what is said of each node, what would help, and where it stands
//! in the manifest.

use kubeviz::api::explain::{Explain, NodeVerdict, SchedulingDecision};
use kubeviz::api::manifest::{SourceMap, Span};
use kubeviz::view::Inspection;
use kubeviz::view::insert::{insert, locate};
use serde_json::Value;

use super::App;
use crate::tr;
use crate::ui::components::{Fixes, Remedy, Verdict, Verdicts};
use crate::ui::format;
use crate::ui::shared::Shared;
use crate::ui::state::InspectorTab;

/// In a larger cluster, what would help is tried only when asked for.
const TRY_NODES: usize = 120;
/// A longer manifest is not searched for where a fix would go.
const SEARCH_MAX: usize = 256 * 1024;

impl App {
    /// Tries what would help a pod that waits, once for each decision about it.
    pub(super) fn derive_fixes(&mut self) {
        let driver = self.driver.borrow();
        let waiting = self.inspection.as_ref().filter(|found| driver.is_waiting(&found.key));
        let waiting = waiting.filter(|_| self.ui.tab == InspectorTab::Why);
        let of = waiting
            .map(|found| (found.key.clone(), found.why.as_ref().map_or(0, |decision| decision.revision)));
        if of == self.fixes_of {
            return;
        }
        let small = driver.view.nodes.len() <= TRY_NODES;
        drop(driver);
        self.fixes = of.is_some().then_some(Fixes::OnDemand);
        self.fixes_of = of;
        if small && self.fixes.is_some() {
            self.try_fixes();
        }
    }

    pub(super) fn try_fixes(&mut self) {
        let Some((pod, _)) = &self.fixes_of else { return };
        let driver = self.driver.borrow();
        let known = self.manifest.len() <= SEARCH_MAX;
        let remedy = |fix: kubeviz::view::why::Fix| {
            let of_pod = known && fix.patched_node.is_empty();
            let goes = of_pod && insert(&self.manifest, driver.objects(), pod, &fix.patch).is_some();
            Remedy { fix, in_manifest: goes }
        };
        let found = driver.fixes(pod).into_iter().map(remedy).collect();
        self.fixes = Some(Fixes::Found(Shared::new(found)));
    }

    /// Puts a fix into the manifest and shows where. It is applied when the reader says so.
    pub(super) fn insert_fix(&mut self, patch: &[Value]) {
        let Some(pod) = self.ui.selected.clone() else { return };
        let edited = insert(&self.manifest, self.driver.borrow().objects(), &pod, patch);
        let Some(edited) = edited else {
            self.ui.refusal = tr!(self.ui.lang, "fix.elsewhere");
            return;
        };
        let place = changed(&self.manifest, &edited);
        self.set_manifest(&edited);
        self.lint();
        self.show_place(place);
    }

    /// Shows a field of the pod under the glass in the manifest it comes from.
    pub(super) fn reveal_field(&mut self, field: &str) {
        let Some(pod) = self.ui.selected.clone() else { return };
        let place = locate(&self.manifest, self.driver.borrow().objects(), &pod, field);
        match place {
            Some(place) => self.show_place(place),
            None => self.ui.refusal = tr!(self.ui.lang, "fix.elsewhere"),
        }
    }

    fn show_place(&mut self, place: Span) {
        let map = SourceMap::new(&self.manifest);
        let (from, to) = (map.utf16(place.from), map.utf16(place.to));
        if self.settings.embed {
            self.ui.editor_open = true;
        }
        self.reveal.emit((from, to));
    }
}

/// The bytes of a text that are not as they were.
fn changed(before: &str, after: &str) -> Span {
    let same = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| -> usize {
        a.zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
    };
    let head = same(&mut before.chars(), &mut after.chars());
    let tail = same(&mut before[head..].chars().rev(), &mut after[head..].chars().rev());
    let added = after[head..after.len() - tail].trim_start();
    let to = after.len() - tail;
    Span::new(to - added.len(), to)
}

/// What a decision of the scheduler says of each node: why not, and, where the decision itself is looked at, how much it scored.
pub(super) fn verdicts(inspection: &Inspection, explained: bool) -> Verdicts {
    let mut verdicts = Verdicts::new();
    let Some(Explain::Scheduling(decision)) = inspection.why.as_ref().map(|why| &*why.explain) else {
        return verdicts;
    };
    if decision.selected.is_some() && !explained {
        return verdicts;
    }
    let top = decision.nodes.iter().map(|node| node.total).max().unwrap_or(0);
    for node in decision.nodes.iter() {
        if let Some(verdict) = verdict(node, decision, top) {
            verdicts.insert(node.node.to_string(), verdict);
        }
    }
    verdicts
}

fn verdict(node: &NodeVerdict, decision: &SchedulingDecision, top: i64) -> Option<Verdict> {
    let Some(rejection) = &node.rejection else {
        let chosen = decision.selected.as_ref() == Some(&node.node);
        let mille = format::per_mille(node.total, top.max(1));
        return (!node.scores.is_empty()).then_some(Verdict::Scored { total: node.total, mille, chosen });
    };
    let words = match rejection.detail.is_empty() {
        true => rejection.reasons.first().map(|reason| reason.to_string()).unwrap_or_default(),
        false => rejection.detail.clone(),
    };
    Some(Verdict::Refused(words.into()))
}
