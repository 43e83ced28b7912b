//! The columns that a CustomResourceDefinition gives its objects (`apiextensions-apiserver/pkg/registry/customresource/
//! tableconvertor`).

use std::borrow::Cow;

use serde_json::Value;

use super::{Cell, Column, NAME, Row};
use crate::api::definition::Version;
use crate::api::manifest::json_float;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::jsonpath::{self, Path};

/// What stands in a column: the type of the value, and where it is. Nothing is shown of a path that cannot be read.
#[derive(Clone)]
pub struct Printed {
    type_: String,
    path: Option<Path>,
}

/// The name, and then the columns of a version.
pub fn columns(version: &Version<'_>) -> Vec<Column> {
    let text = |column: &Value, name: &str| column[name].as_str().unwrap_or_default().to_string();
    let column = |column: &Value| Column {
        header: Cow::Owned(text(column, "name").to_uppercase()),
        wide: column["priority"].as_i64().unwrap_or_default() > 0,
        cell: Cell::Custom(Box::new(Printed {
            type_: text(column, "type"),
            path: Path::parse(&text(column, "jsonPath")).ok(),
        })),
    };
    std::iter::once(NAME).chain(version.columns().iter().map(column)).collect()
}

impl Printed {
    /// The cell of an object; empty where there is no value, or one of another type.
    pub fn cell(&self, row: &Row<'_>) -> String {
        let found = self.path.as_ref().and_then(|path| path.first(row.value()));
        let Some(value) = found.filter(|value| !value.is_null()) else { return String::new() };
        let cell = match self.type_.as_str() {
            "integer" => {
                value.as_i64().or_else(|| Some(value.as_f64()? as i64)).map(|number| number.to_string())
            }
            "number" => value.as_f64().map(json_float),
            "boolean" => value.as_bool().map(|flag| flag.to_string()),
            "string" => Some(jsonpath::text(value)),
            "date" => value.as_str().map(|_| match value.time("") {
                Some(time) => row.now.since(time).human(),
                None => "<invalid>".into(),
            }),
            _ => None,
        };
        cell.unwrap_or_default()
    }
}
