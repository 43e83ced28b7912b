//! The columns of every kind (`pkg/printers/internalversion`), the wide ones marked, as tables over the objects' JSON.

mod cluster;
mod core;
mod custom;
mod workloads;

pub use cluster::{is_default, request_status};

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::fields::Fields;
use super::served;
use crate::api::{Kind, MetaExt, Object};
use crate::client::View;
use crate::clock::SimTime;

/// One column of a kind's table.
#[derive(Clone)]
pub struct Column {
    /// Its heading.
    pub header: Cow<'static, str>,
    /// Whether only `-o wide` shows it.
    pub wide: bool,
    cell: Cell,
}

/// What stands in a column.
#[derive(Clone)]
enum Cell {
    /// The object's name.
    Name,
    /// How old it is.
    Age,
    /// The field at a path, as Go's `%v` writes it.
    Field(&'static str),
    /// The same, or another text if there is none.
    Or(&'static str, &'static str),
    /// A number, zero if there is none.
    Number(&'static str),
    /// How long a list or a map is.
    Count(&'static str),
    /// What a definition's `additionalPrinterColumns` say.
    Custom(Box<custom::Printed>),
    /// Anything else.
    With(fn(&Row<'_>) -> String),
}

/// An object, as the cells of its row see it.
pub struct Row<'a> {
    /// The object.
    pub object: &'a Object,
    /// The time that ages are reckoned to.
    pub now: SimTime,
    value: OnceCell<Value>,
}

impl<'a> Row<'a> {
    /// The row of an object.
    pub fn new(object: &'a Object, now: SimTime) -> Row<'a> {
        Row { object, now, value: OnceCell::new() }
    }

    /// The object's JSON, written when the first cell asks for it: the tables that are read most ask for none.
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| served(self.object))
    }

    /// How long ago the instant at a path was.
    fn since(&self, path: &str) -> Option<String> {
        self.value().time(path).map(|time| self.now.since(time).human())
    }
}

const fn column(header: &'static str, cell: Cell) -> Column {
    Column { header: Cow::Borrowed(header), wide: false, cell }
}

const fn wide(header: &'static str, cell: Cell) -> Column {
    Column { header: Cow::Borrowed(header), wide: true, cell }
}

const NAME: Column = column("NAME", Cell::Name);
const AGE: Column = column("AGE", Cell::Age);
const CREATED_AT: Column = column("CREATED AT", Cell::Field("metadata.creationTimestamp"));

impl Column {
    /// The cell of an object.
    pub fn cell(&self, row: &Row<'_>) -> String {
        let value = || row.value();
        match &self.cell {
            Cell::Name => row.object.name().into(),
            Cell::Age => {
                row.object.meta().creation_timestamp.as_ref().map_or_else(
                    || "<unknown>".into(),
                    |time| row.now.since(SimTime::from_time(time)).human(),
                )
            }
            Cell::Field(path) => value().plain(path),
            Cell::Or(path, otherwise) => Some(value().plain(path))
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| (*otherwise).into()),
            Cell::Number(path) => value().int(path).to_string(),
            Cell::Count(path) => {
                let counted = value().at(path);
                counted
                    .as_array()
                    .map_or_else(|| counted.as_object().map_or(0, |map| map.len()), Vec::len)
                    .to_string()
            }
            Cell::Custom(printed) => printed.cell(row),
            Cell::With(cell) => cell(row),
        }
    }
}

/// What every object has: name and age.
pub const PLAIN: &[Column] = &[NAME, AGE];

/// The columns of a kind; kinds without their own show name and age.
pub fn columns_of(kind: Kind, view: &View) -> Cow<'static, [Column]> {
    if let Some(version) = view.definition(kind).and_then(|definition| definition.preferred())
        && !version.columns().is_empty()
    {
        return Cow::Owned(custom::columns(&version));
    }
    let tables = [core::TABLES, workloads::TABLES, cluster::TABLES];
    let own = tables.into_iter().flatten().find(|(of, _)| *of == kind);
    Cow::Borrowed(own.map_or(PLAIN, |(_, columns)| columns))
}

/// A text, or `<none>` for an empty one.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".into() } else { text }
}

/// The first three of a list, and how many more there are.
fn first_three(list: &[String], none: &str) -> String {
    match list {
        [] => none.into(),
        [..] if list.len() <= 3 => list.join(","),
        [..] => format!("{} + {} more...", list[..3].join(","), list.len() - 3),
    }
}
