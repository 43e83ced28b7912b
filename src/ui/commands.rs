//! What is entered at the console, and the inputs that it becomes. A script's grammar is kubectl's own module.

use std::collections::BTreeMap;

use kubeviz::kubectl::script;
use kubeviz::sim::Input;
use kubeviz::view::files::{FIRST, Files};

/// A line as an input. A command that reads standard input where nothing is piped in gets the manifest in the editor; one that
/// names files of the editor gets those, and the manifest where it says [`FIRST`] and no file is called so.
pub fn input(line: String, stdin: Option<String>, manifest: &str, files: &Files) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let reads_stdin = words.windows(2).any(|pair| pair == ["-f", "-"]) || words.contains(&"-f-");
    let stdin = stdin.or_else(|| reads_stdin.then(|| manifest.to_string()));
    let mut texts = BTreeMap::new();
    let front = (FIRST, manifest);
    let known = files.list().iter().enumerate().map(|(at, file)| {
        (file.name.as_str(), if at == files.current() { manifest } else { file.text.as_str() })
    });
    let names_more = words.iter().any(|word| {
        let folder = word.trim_end_matches('/');
        let is_folder = |name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        [".", "./"].contains(word)
            || word.contains(['*', '?'])
            || files.list().iter().any(|file| is_folder(&file.name))
    });
    let named = |name: &str| names_more && name != FIRST || line.contains(name);
    for (name, text) in std::iter::once(front).chain(known).filter(|(name, _)| named(name)) {
        texts.insert(name.to_string(), text.to_string());
    }
    Input::Kubectl { line, stdin, files: texts }
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
    fn the_files_of_the_editor_are_found_by_their_names_and_the_one_in_front_on_standard_input() {
        let mut files = Files::new("old".into());
        files.add("web", "web".into());
        let given =
            |line: &str, stdin: Option<&str>| match input(line.into(), stdin.map(Into::into), "text", &files)
            {
                Input::Kubectl { stdin, files, .. } => (stdin, files.len()),
                other => panic!("{other:?}"),
            };
        assert_eq!(given("kubectl apply -f -", None), (Some("text".into()), 0));
        assert_eq!(given("kubectl apply -f -", Some("piped")), (Some("piped".into()), 0));
        assert_eq!(given("kubectl diff -f manifest.yaml", None), (None, 1));
        assert_eq!(given("kubectl diff -f manifest.yaml -f web.yaml", None), (None, 2));
        assert_eq!(given("kubectl get pods", None), (None, 0));
    }
}
