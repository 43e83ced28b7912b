//! `-o custom-columns`: `NAME:.metadata.name,NODE:.spec.nodeName`. Models kubectl's `CustomColumnsPrinter`.

use serde_json::Value;

use super::go_value::go_value;
use super::jsonpath::Path;
use super::tabwriter::TabWriter;

/// The columns that a format asks for: their headings, and the paths below them.
///
/// # Errors
/// In kubectl's words where the columns cannot be read.
pub fn columns(spec: &str) -> Result<Vec<(String, Path)>, String> {
    if spec.is_empty() {
        return Err("custom-columns format specified but no custom columns given".into());
    }
    spec.split(',')
        .map(|column| {
            let (name, path) = column.split_once(':').ok_or_else(|| {
                format!("unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>")
            })?;
            Ok((name.to_string(), Path::parse(path)?))
        })
        .collect()
}

/// The columns that a file asks for: a line of headings, and one of paths.
///
/// # Errors
/// As [`columns`].
pub fn columns_of_file(text: &str) -> Result<Vec<(String, Path)>, String> {
    let mut lines = text.lines();
    let mut words = |what: &str| {
        lines.next().map(|line| line.split_whitespace().collect::<Vec<_>>()).ok_or_else(|| {
            format!(
                "invalid template, missing {what} line. Expected format is one line of space separated headers, one line \
                 of space separated column specs."
            )
        })
    };
    let (names, paths) = (words("header")?, words("spec")?);
    if names.len() != paths.len() {
        let (names, paths) = (names.len(), paths.len());
        return Err(format!("number of headers ({names}) and field specifications ({paths}) don't match"));
    }
    names.iter().zip(paths).map(|(name, path)| Ok(((*name).to_string(), Path::parse(path)?))).collect()
}

/// The table of the objects. What a cell holds is not tidied up: a line break in it breaks the line.
///
/// # Errors
/// Where a list has no such place as a path names.
pub fn custom_columns(
    columns: &[(String, Path)],
    objects: &[Value],
    headings: bool,
) -> Result<String, String> {
    let mut lines = String::new();
    if headings {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        lines = format!("{}\n", names.join("\t"));
    }
    for object in objects {
        let cell = |(_, path): &(String, Path)| {
            let found: Vec<String> =
                path.find(object)?.into_iter().map(|value| for_terminal(&go_value(value))).collect();
            Ok(if found.is_empty() { "<none>".to_string() } else { found.join(",") })
        };
        let cells = columns.iter().map(cell).collect::<Result<Vec<_>, String>>()?;
        lines.push_str(&format!("{}\n", cells.join("\t")));
    }
    Ok(TabWriter::TABLE.format(&lines))
}

/// Text that moves no cursor (`printers.EscapeTerminal`).
fn for_terminal(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(spec: &str, objects: &[Value]) -> Result<String, String> {
        custom_columns(&columns(spec)?, objects, true)
    }

    #[test]
    fn each_column_is_a_path() {
        let pods = [
            json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"image": "a"}, {"image": "b"}]}}),
            json!({"metadata": {"name": "w"}, "spec": {"nodeName": "node-1", "containers": []}}),
        ];
        let spec = "NAME:{.metadata.name},NODE:.spec.nodeName,IMAGES:.spec.containers[*].image";
        let want = "NAME    NODE     IMAGES\nweb-1   <none>   a,b\nw       node-1   <none>\n";
        assert_eq!(table(spec, &pods).as_deref(), Ok(want));
    }

    #[test]
    fn lists_and_maps_are_written_as_go_writes_them() {
        let pod =
            json!({"a": [{"k": "v", "n": 1}], "m": {"y": "2", "x": "1"}, "none": null, "two": "a\u{1b}b\nc"});
        let want = "A              M              N       T\n[map[k:v n:1]] map[x:1 y:2]   <nil>   a^[b\nc\n";
        let want = want.replace("[map[k:v n:1]] ", "[map[k:v n:1]]   ").replacen(
            "A              M",
            "A                M",
            1,
        );
        assert_eq!(table("A:a,M:m,N:.none,T:{two}", &[pod]).as_deref(), Ok(want.as_str()));
    }

    #[test]
    fn what_cannot_be_read_is_said_in_kubectls_words() {
        let cases = [
            ("", "custom-columns format specified but no custom columns given"),
            ("NAME", "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"),
            (
                "NAME:{.a",
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'",
            ),
        ];
        for (spec, want) in cases {
            assert_eq!(table(spec, &[]).unwrap_err(), want, "{spec}");
        }
        assert_eq!(
            columns_of_file("A B\n.a\n").unwrap_err(),
            "number of headers (2) and field specifications (1) don't match"
        );
        assert!(columns_of_file("A").unwrap_err().starts_with("invalid template, missing spec line."));
    }
}
