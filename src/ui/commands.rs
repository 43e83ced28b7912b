//! What is entered at the console, and the inputs that it becomes. A script's grammar is kubectl's own module.

use std::collections::BTreeMap;

use kubeviz::kubectl::script;
use kubeviz::sim::Input;

/// The name under which commands find the manifest in the editor.
pub const MANIFEST_FILE: &str = "manifest.yaml";

/// A line as an input. A command that reads standard input where nothing is piped in gets the manifest in the editor, and so
/// does one that names [`MANIFEST_FILE`].
pub fn input(line: String, stdin: Option<String>, manifest: &str) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let reads_stdin = words.windows(2).any(|pair| pair == ["-f", "-"]) || words.contains(&"-f-");
    let stdin = stdin.or_else(|| reads_stdin.then(|| manifest.to_string()));
    let named = line.contains(MANIFEST_FILE);
    let files =
        if named { BTreeMap::from([(MANIFEST_FILE.into(), manifest.into())]) } else { BTreeMap::new() };
    Input::Kubectl { line, stdin, files }
}

/// Whether a here-document has been begun and not ended: Enter then begins a new line.
pub fn is_open(entered: &str) -> bool {
    entered.contains("<<") && script::parse(entered).is_err_and(|(_, why)| why.starts_with("here-document"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_here_document_waits_for_its_end() {
        assert!(is_open("apply -f - <<EOF\nkind: Pod"));
        assert!(!is_open("apply -f - <<EOF\nkind: Pod\nEOF"));
        assert!(!is_open("get pods"));
    }

    #[test]
    fn the_manifest_in_the_editor_is_found_by_its_name_and_on_standard_input() {
        let given = |line: &str, stdin: Option<&str>| match input(line.into(), stdin.map(Into::into), "text")
        {
            Input::Kubectl { stdin, files, .. } => (stdin, files.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(given("kubectl apply -f -", None), (Some("text".into()), 0));
        assert_eq!(given("kubectl apply -f -", Some("piped")), (Some("piped".into()), 0));
        assert_eq!(given("kubectl diff -f manifest.yaml", None), (None, 1));
        assert_eq!(given("kubectl get pods", None), (None, 0));
    }
}
