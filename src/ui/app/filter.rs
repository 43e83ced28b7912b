//! What one looks for: worked out anew when the words, or the pods or rows on show, change.

use kubeviz::view::filter::Filter;

use super::App;
use crate::ui::components::Scene;
use crate::ui::shared::Shared;
use crate::ui::state::{Sought, StageView};

impl App {
    /// Shows the field, or takes the focus there. Where there are no pods to look for, nodes and pods are shown.
    pub(super) fn ask_filter(&mut self) {
        if self.ui.view == StageView::Xray {
            self.ui.view = StageView::Cluster;
        }
        let sought = self.ui.sought.get_or_insert_default();
        sought.asked += 1;
    }

    /// Looks for other pods, or for none any more.
    pub(super) fn filter(&mut self, text: Option<String>) {
        self.ui.sought = text.map(|text| Sought {
            text: text.into(),
            asked: self.ui.sought.as_ref().map_or(0, |sought| sought.asked),
            ..Sought::default()
        });
        self.sought_of = None;
    }

    pub(super) fn derive_filter(&mut self) {
        if self.ui.sought.is_some() {
            self.find_meant();
        }
    }

    #[inline(never)]
    fn find_meant(&mut self) {
        let driver = self.driver.borrow();
        let table = match &self.scene {
            Scene::Table(rows) => Some(rows.listing.clone()),
            _ => None,
        };
        let of = Some((driver.run(), driver.revision(), table.clone()));
        let Some(sought) = self.ui.sought.as_mut().filter(|_| self.sought_of != of) else { return };
        self.sought_of = of;
        sought.wrong = None;
        let found = match Filter::parse(&sought.text) {
            Ok(filter) if !filter.is_empty() => Some(match table {
                Some(listing) => filter.find_rows(&listing.rows, driver.objects()),
                None => filter.find(&driver.view, driver.objects()),
            }),
            Ok(_) => None,
            Err(wrong) => {
                sought.wrong = Some(wrong.into());
                None
            }
        };
        // What has not changed is not drawn again.
        if sought.meant.as_deref() != found.as_ref() {
            sought.meant = found.map(Shared::new);
        }
    }
}
