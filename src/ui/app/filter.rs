//! Which pods one looks for: worked out anew when the words or the pods change.

use kubeviz::view::filter::Filter;

use super::App;
use crate::ui::shared::Shared;
use crate::ui::state::{Sought, StageView};

impl App {
    /// Shows the field among nodes and pods, or takes the focus there.
    pub(super) fn ask_filter(&mut self) {
        self.ui.view = StageView::Cluster;
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
            self.find_pods();
        }
    }

    #[inline(never)]
    fn find_pods(&mut self) {
        let driver = self.driver.borrow();
        let of = Some((driver.run(), driver.revision()));
        let Some(sought) = self.ui.sought.as_mut().filter(|_| self.sought_of != of) else { return };
        self.sought_of = of;
        sought.wrong = None;
        let found = match Filter::parse(&sought.text) {
            Ok(filter) if !filter.is_empty() => Some(filter.find(&driver.view, driver.objects())),
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
