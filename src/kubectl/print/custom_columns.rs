//! `-o custom-columns`: `NAME:.metadata.name,NODE:.spec.nodeName`. Models kubectl's `CustomColumnsPrinter`.

use serde_json::Value;

use super::jsonpath::{Path, text};
use super::table::Table;

/// The table of the objects.
///
/// # Errors
/// In kubectl's words where the columns cannot be read.
pub fn custom_columns(spec: &str, objects: &[Value], headings: bool) -> Result<String, String> {
    if spec.is_empty() {
        return Err("custom-columns format specified but no custom columns given".into());
    }
    let mut columns = Vec::new();
    for column in spec.split(',') {
        let (name, path) = column.split_once(':').ok_or_else(|| {
            format!("unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>")
        })?;
        columns.push((name, Path::parse(path)?));
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut table = Table::new(&names);
    for object in objects {
        let cell = |(_, path): &(&str, Path)| {
            let found: Vec<String> = path.find(object)?.into_iter().map(text).collect();
            Ok(if found.is_empty() { "<none>".to_string() } else { found.join(",") })
        };
        table.row(columns.iter().map(cell).collect::<Result<_, String>>()?);
    }
    Ok(table.render(headings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_column_is_a_path() {
        let pods = [
            json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"image": "a"}, {"image": "b"}]}}),
            json!({"metadata": {"name": "w"}, "spec": {"nodeName": "node-1", "containers": []}}),
        ];
        let spec = "NAME:{.metadata.name},NODE:.spec.nodeName,IMAGES:.spec.containers[*].image";
        let want = "NAME    NODE     IMAGES\nweb-1   <none>   a,b\nw       node-1   <none>\n";
        assert_eq!(custom_columns(spec, &pods, true).as_deref(), Ok(want));
        assert!(custom_columns("NAME", &pods, true).is_err());
        assert!(custom_columns("", &pods, true).is_err());
    }
}
