//! The tables of `get`, one for each kind in a row, and what is said where they are all empty.

use std::sync::Arc;

use super::rows::Layout;
use super::sort::sort;
use crate::api::{Kind, Object};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::resource_names::{Named, named};

/// Prints the tables. `complete`: nothing that was asked for is missing.
///
/// # Errors
/// As [`sort`].
pub fn print(call: &mut Call<'_, '_>, objects: &[Arc<Object>], complete: bool) -> Result<(), Failure> {
    let asked = match named(call.client.live(), &call.args.words) {
        Ok(Named::Kinds(kinds)) => kinds,
        _ => Vec::new(),
    };
    if objects.is_empty() {
        if complete && !call.args.on("ignore-not-found") {
            say_none(call, &asked);
        }
        return Ok(());
    }
    let kinds = objects.iter().map(|object| object.kind());
    let several = asked.len() > 1 || kinds.clone().any(|kind| kind != objects[0].kind());
    let layout = Layout::of(call, several);
    // Who names objects gets them in that order, a table whenever the kind changes.
    for (index, run) in objects.chunk_by(|a, b| a.kind() == b.kind()).enumerate() {
        if index > 0 && layout.headings {
            call.say("");
        }
        let mut run = run.to_vec();
        if let Some(path) = call.args.value("sort-by").filter(|path| !path.is_empty()) {
            sort(&mut run, path)?;
        }
        let rows: Vec<&Object> = run.iter().map(|object| &**object).collect();
        let text = layout.table(run[0].kind(), &rows, call.client.live(), call.client.now());
        call.output.stdout.push_str(&text);
    }
    Ok(())
}

fn say_none(call: &mut Call<'_, '_>, asked: &[Kind]) {
    let of_namespace = !call.args.on("all-namespaces") && asked.iter().all(|kind| kind.info().namespaced);
    call.warn(match of_namespace {
        true => format!("No resources found in {} namespace.", call.namespace),
        false => "No resources found".to_string(),
    });
}
