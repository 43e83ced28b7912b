//! The tables of `get`: which columns, and their cells.

use std::borrow::Cow;

use super::super::events;
use crate::api::selector::format_labels;
use crate::api::{Kind, MetaExt, Object};
use crate::client::View;
use crate::clock::SimTime;
use crate::kubectl::Call;
use crate::kubectl::print::table::Table;
use crate::kubectl::print::{Column, PLAIN, Row, columns_of};

/// What a table shows besides the columns that its kind always has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The wide columns too.
    pub wide: bool,
    /// No more than name and age.
    pub plain: bool,
    /// Events as `kubectl events` shows them.
    pub events: bool,
    /// A heading.
    pub headings: bool,
    /// The namespace, in front.
    pub namespaces: bool,
    /// The kind before each name.
    pub kinds: bool,
    /// All labels, behind.
    pub labels: bool,
    /// Some labels, each in a column of its own.
    pub label_columns: Vec<String>,
}

impl Layout {
    /// What a command asks for. `several`: objects of several kinds are asked for.
    pub fn of(call: &Call<'_, '_>, several: bool) -> Layout {
        Layout {
            wide: call.args.value("output") == Some("wide"),
            plain: !call.args.switch("server-print", true),
            events: false,
            headings: !call.args.on("no-headers"),
            namespaces: call.args.on("all-namespaces"),
            kinds: several || call.args.on("show-kind"),
            labels: call.args.on("show-labels"),
            label_columns: call.args.list("label-columns").into_iter().map(String::from).collect(),
        }
    }

    fn columns(&self, kind: Kind, view: &View) -> Vec<Column> {
        let columns = if self.plain { Cow::Borrowed(PLAIN) } else { columns_of(kind, view) };
        columns.iter().filter(|column| self.wide || !column.wide).cloned().collect()
    }

    /// The headings of a kind's table.
    pub fn headers(&self, kind: Kind, view: &View) -> Vec<String> {
        let namespaced = self.namespaces && kind.info().namespaced;
        let mut headers: Vec<String> = namespaced.then(|| "NAMESPACE".to_string()).into_iter().collect();
        if self.events {
            headers.extend(events::headers());
            return headers;
        }
        headers.extend(self.columns(kind, view).iter().map(|column| column.header.to_string()));
        let last = |label: &String| label.rsplit('/').next().unwrap_or(label).to_uppercase();
        headers.extend(self.label_columns.iter().map(last));
        headers.extend(self.labels.then(|| "LABELS".to_string()));
        headers
    }

    /// An object's row.
    pub fn row(&self, object: &Object, view: &View, now: SimTime) -> Vec<String> {
        self.cells(&self.columns(object.kind(), view), object, now)
    }

    fn cells(&self, columns: &[Column], object: &Object, now: SimTime) -> Vec<String> {
        let kind = object.kind();
        let row = Row::new(object, now);
        let mut cells = Vec::new();
        if self.namespaces && kind.info().namespaced {
            cells.push(object.namespace().to_string());
        }
        if self.events {
            cells.extend(events::row(row.value(), now));
            return cells;
        }
        for column in columns {
            let cell = column.cell(&row);
            let named = self.kinds && column.header == "NAME";
            cells.push(if named { format!("{}/{cell}", kind.group_singular()) } else { cell });
        }
        for label in &self.label_columns {
            cells.push(object.labels().get(label).cloned().unwrap_or_else(|| "<none>".into()));
        }
        if self.labels {
            cells.push(format_labels(object.labels()));
        }
        cells
    }

    /// The table of a kind.
    pub fn table(&self, kind: Kind, objects: &[&Object], view: &View, now: SimTime) -> String {
        let headers = self.headers(kind, view);
        let mut table = Table::new(&headers.iter().map(String::as_str).collect::<Vec<_>>());
        let columns = self.columns(kind, view);
        objects.iter().for_each(|object| table.row(self.cells(&columns, object, now)));
        table.render(self.headings)
    }
}
