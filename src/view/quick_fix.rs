//! Small changes of a manifest that take an error away. Each is tried before it is offered: with it, the error is gone, and no
//! other has come in its place.

use serde_json::{Map, Value, json};

use super::edit::edit;
use super::trial;
use crate::api::Kind;
use crate::api::manifest::{self, Diagnostic, Document, Limits, Span};
use crate::api::schema::{self, Type};
use crate::sim::Simulation;

/// Fixes are looked for at so many errors.
const ERRORS_MAX: usize = 12;

/// A change of the text, tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuickFix {
    /// Which of the diagnostics it takes away.
    pub diagnostic: usize,
    pub what: Remedy,
    /// What is replaced, in UTF-16 units, and by what.
    pub utf16: Span,
    pub with: String,
    /// The same in bytes.
    pub span: Span,
}

/// What a fix does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Writes this in place of what stands there.
    Write(String),
    /// Adds this field, or this line.
    Add(String),
    /// Takes this field away.
    Remove(String),
    /// Puts quotes around a value, or takes them away.
    Quote,
    Unquote,
    /// Makes an item of a list of a value.
    List,
    /// Indents by spaces.
    Spaces,
    /// Gives the template the labels that the selector selects by.
    Labels,
    /// Leaves the text as it is, and lets this line delete the object first: what it is to be, it cannot become.
    Recreate(String),
}

/// The fixes of a text's errors.
pub fn fixes(text: &str, found: &[Diagnostic], moment: &Simulation) -> Vec<QuickFix> {
    let stream = manifest::parse(text, &Limits::default());
    let before = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let errors = found.iter().enumerate().filter(|(_, diagnostic)| diagnostic.is_error()).take(ERRORS_MAX);
    let mut fixes = Vec::new();
    for (at, diagnostic) in errors {
        let document = stream.documents.iter().find(|document| document.index == diagnostic.document);
        if let Some(line) = document.and_then(|document| of_immutable(document, diagnostic)) {
            let mut without = moment.clone();
            if without.kubectl_line(&line).code == 0 && trial::errors(text, &without).len() < before {
                let (span, with) = (Span::new(0, 0), String::new());
                fixes.push(QuickFix {
                    diagnostic: at,
                    what: Remedy::Recreate(line),
                    utf16: span,
                    with,
                    span,
                });
            }
        }
        for (what, fixed) in candidates(text, document, diagnostic) {
            let left = trial::errors(&fixed, moment);
            let seen = super::lint(&fixed).iter().filter(|diagnostic| diagnostic.is_error()).count();
            let gone =
                left.iter().all(|other| other.message != diagnostic.message || other.line != diagnostic.line);
            // A manifest that has no more errors to see is asked of the server for the first time.
            let fewer = left.len() < before || (seen == 0 && before == 1);
            if gone && fewer {
                let (span, with) = change(text, &fixed);
                let map = manifest::SourceMap::new(text);
                let utf16 = Span { from: map.utf16(span.from), to: map.utf16(span.to) };
                fixes.push(QuickFix { diagnostic: at, what, utf16, with, span });
            }
        }
    }
    fixes
}

/// The one replacement that makes a text another.
fn change(before: &str, after: &str) -> (Span, String) {
    let same = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let same =
        (0..=same).rev().find(|at| before.is_char_boundary(*at) && after.is_char_boundary(*at)).unwrap_or(0);
    let (a, b) = (&before[same..], &after[same..]);
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    let whole = |at: &usize| a.is_char_boundary(a.len() - at) && b.is_char_boundary(b.len() - at);
    let end = (0..=end).rev().find(whole).unwrap_or(0);
    (Span::new(same, before.len() - end), b[..b.len() - end].to_string())
}

fn replaced(text: &str, span: Span, with: &str) -> String {
    format!("{}{with}{}", &text[..span.from as usize], &text[span.to as usize..])
}

/// What could help against an error: what is done, and the text then.
fn candidates(text: &str, document: Option<&Document>, diagnostic: &Diagnostic) -> Vec<(Remedy, String)> {
    let Some(document) = document else { return of_syntax(text, diagnostic) };
    let message = diagnostic.message.as_str();
    let path = diagnostic.path.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    if message.starts_with("unknown field") {
        if let Some((_, near)) = message.split_once("; did you mean \"") {
            let near = near.trim_end_matches("\"?").to_string();
            found.push((Remedy::Write(near.clone()), replaced(text, diagnostic.span, &near)));
        }
        found.extend(without(text, document, path).map(|fixed| (Remedy::Remove(last(path).into()), fixed)));
    }
    if message.starts_with("no matches for kind") {
        found.extend(of_kind(text, document));
    }
    if message == "apiVersion not set"
        && let Some(version) = document.kind().and_then(version_of)
    {
        let line = format!("apiVersion: {version}");
        let fixed = with_value(text, document, "apiVersion", version.as_str().into());
        let block = document.root.entry("apiVersion").is_none().then(|| {
            let at = document.root.span.from;
            replaced(text, Span { from: at, to: at }, &format!("{line}\n"))
        });
        found.extend(block.or(fixed).map(|fixed| (Remedy::Add(line), fixed)));
    }
    if message.contains("cannot unmarshal") {
        found.extend(of_type(text, document, diagnostic, path));
    }
    found.extend(of_value(text, document, diagnostic, path));
    found.extend(of_selector(text, document, message));
    found
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// What helps where the text cannot be read.
fn of_syntax(text: &str, diagnostic: &Diagnostic) -> Vec<(Remedy, String)> {
    let message = diagnostic.message.as_str();
    if message.contains("must be spaces, not tabs") {
        let lines: Vec<String> = text.split('\n').map(untabbed).collect();
        return vec![(Remedy::Spaces, lines.join("\n"))];
    }
    if !message.contains("must be put in quotes") {
        return Vec::new();
    }
    let at = (diagnostic.span.from as usize).min(text.len());
    let from = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let to = text[from..].find('\n').map_or(text.len(), |newline| from + newline);
    let line = text[from..to].trim_end();
    let Some(value) = line.find(": ").map(|colon| colon + 2).or_else(|| line.find("- ").map(|dash| dash + 2))
    else {
        return Vec::new();
    };
    let start = value + line[value..].len() - line[value..].trim_start().len();
    let quoted = format!("'{}'", line[start..].replace('\'', "''"));
    vec![(Remedy::Quote, replaced(text, Span::new(from + start, from + line.len()), &quoted))]
}

/// A line with the tabs before its first word, or its first dash, as two spaces each.
fn untabbed(line: &str) -> String {
    let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
    format!("{}{}", line[..indent].replace('\t', "  "), &line[indent..])
}

/// The version in which a kind is served.
fn version_of(kind: &str) -> Option<String> {
    Kind::all().find(|known| known.name() == kind).map(Kind::api_version)
}

fn of_kind(text: &str, document: &Document) -> Option<(Remedy, String)> {
    let (version, kind) = (document.api_version()?, document.kind()?);
    if let Some(served) = version_of(kind) {
        let at = document.root.locate("apiVersion")?.value;
        return Some((Remedy::Write(served.clone()), replaced(text, at, &served)));
    }
    let names: Vec<&str> = Kind::all().map(Kind::name).collect();
    let near = schema::nearest(kind, &names)?;
    let at = document.root.locate("kind")?.value;
    let fixed = replaced(text, at, near);
    let served = version_of(near)?;
    if Kind::from_manifest(version, near).is_some() {
        return Some((Remedy::Write(near.into()), fixed));
    }
    let stream = manifest::parse(&fixed, &Limits::default());
    let at =
        stream.documents.iter().find(|other| other.index == document.index)?.root.locate("apiVersion")?.value;
    Some((Remedy::Write(format!("{served} {near}")), replaced(&fixed, at, &served)))
}

/// A value of a wrong type, brought to the type that its field has.
fn of_type(text: &str, document: &Document, diagnostic: &Diagnostic, path: &str) -> Vec<(Remedy, String)> {
    let span = document.root.locate_nearest(path).value;
    let raw = &text[span.from as usize..span.to as usize];
    let field =
        document.api_version().zip(document.kind()).and_then(|(version, kind)| schema::kind(version, kind));
    let ty = field.and_then(|ty| schema::describe(ty, path)).map(|field| &field.ty);
    let scalar = |ty: &Type| matches!(ty, Type::Int32 | Type::Int64 | Type::Float | Type::Bool);
    let mut found = Vec::new();
    let string = diagnostic.message.ends_with("of type string") || diagnostic.message.contains("of type v1.");
    if string && !raw.contains(['\n', '"', '{', '[']) {
        found.push((Remedy::Quote, replaced(text, span, &format!("\"{raw}\""))));
    }
    if ty.is_some_and(|ty| scalar(ty) || matches!(ty, Type::List(item) if scalar(item))) {
        let inner = raw.trim_matches(['"', '\'']);
        if inner != raw {
            found.push((Remedy::Unquote, replaced(text, span, inner)));
        }
    }
    if matches!(ty, Some(Type::List(_))) && !path.ends_with(']') {
        let mut tree = document.root.to_value();
        if let Some(value) = tree.pointer_mut(&pointer(path)) {
            *value = Value::Array(vec![value.take()]);
            found.push((Remedy::List, edit(text, document, &tree)));
        }
    }
    found
}

/// `spec.containers[0].image` as a JSON pointer.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace("].", "/").replace(']', "").replace(['.', '['], "/"))
}

/// The document with a value at a path, if the way there exists.
fn with_value(text: &str, document: &Document, path: &str, value: Value) -> Option<String> {
    let mut tree = document.root.to_value();
    let at = pointer(path);
    let (parent, key) = at.rsplit_once('/')?;
    match tree.pointer_mut(parent)? {
        Value::Object(fields) => _ = fields.insert(key.into(), value),
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(edit(text, document, &tree))
}

/// The document without the field at a path.
fn without(text: &str, document: &Document, path: &str) -> Option<String> {
    let mut tree = document.root.to_value();
    let at = pointer(path);
    let (parent, key) = at.rsplit_once('/')?;
    tree.pointer_mut(parent)?.as_object_mut()?.remove(key)?;
    Some(edit(text, document, &tree))
}

/// A value that the server finds wrong and says why.
fn of_value(
    text: &str,
    document: &Document,
    diagnostic: &Diagnostic,
    path: &str,
) -> Option<(Remedy, String)> {
    let message = diagnostic.message.as_str();
    let tree = document.root.to_value();
    let value = tree.pointer(&pointer(path))?.as_str()?;
    let wanted = if let Some((_, listed)) = message.split_once("supported values: ") {
        let listed: Vec<&str> = listed.split(", ").map(|word| word.trim_matches('"')).collect();
        let near = schema::nearest(value, &listed).or_else(|| listed.first().copied())?;
        near.to_string()
    } else if message.contains("RFC 1123") || message.contains("RFC 1035") {
        let letters = value
            .to_lowercase()
            .replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.', "-");
        letters.trim_matches(['-', '.']).to_string()
    } else {
        return None;
    };
    Some((Remedy::Write(wanted.clone()), with_value(text, document, path, wanted.as_str().into())?))
}

/// The line that deletes an object that is refused for what it cannot become.
fn of_immutable(document: &Document, diagnostic: &Diagnostic) -> Option<String> {
    const REFUSALS: [&str; 4] = [
        "immutable",
        "updates may not change fields other than",
        "for fields other than",
        "cannot change roleRef",
    ];
    REFUSALS.iter().find(|words| diagnostic.message.contains(**words))?;
    let tree = document.root.to_value();
    let kind = Kind::from_manifest(document.api_version()?, document.kind()?)?;
    let name = shlex::try_quote(tree["metadata"]["name"].as_str()?).ok()?;
    let namespace = tree["metadata"]["namespace"].as_str().map(shlex::try_quote).transpose().ok()?;
    let place = namespace.map_or(String::new(), |namespace| format!(" -n {namespace}"));
    let force = if kind == Kind::POD { " --force --grace-period=0" } else { "" };
    Some(format!("kubectl delete {} {name}{place}{force}", kind.group_singular()))
}

/// A workload whose selector and template do not fit.
fn of_selector(text: &str, document: &Document, message: &str) -> Option<(Remedy, String)> {
    let mut tree = document.root.to_value();
    let labels = tree.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    let selector = tree.pointer("/spec/selector/matchLabels").cloned().unwrap_or_default();
    let mismatch = message.contains("`selector` does not match template `labels`");
    let missing =
        message.contains("spec.selector: Required value") || message.contains("empty selector is invalid");
    let chosen = match (&labels, &selector) {
        _ if !mismatch && !missing => return None,
        (_, Value::Object(selector)) if mismatch && !selector.is_empty() => selector.clone(),
        (Value::Object(labels), _) if !labels.is_empty() => labels.clone(),
        _ => Map::from_iter([("app".to_string(), json!(tree["metadata"]["name"].as_str()?))]),
    };
    if missing {
        tree["spec"].as_object_mut()?.insert("selector".into(), json!({"matchLabels": chosen.clone()}));
    }
    let template = tree["spec"].as_object_mut()?.entry("template").or_insert_with(|| json!({}));
    if template["metadata"].is_null() {
        template.as_object_mut()?.insert("metadata".into(), json!({}));
    }
    let metadata = template["metadata"].as_object_mut()?;
    let own = metadata.entry("labels").or_insert_with(|| json!({}));
    if own.is_null() {
        *own = json!({});
    }
    own.as_object_mut()?.extend(chosen);
    let what = if missing { Remedy::Add("spec.selector".into()) } else { Remedy::Labels };
    Some((what, edit(text, document, &tree)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Config;

    /// What is offered for a text, and the text that the first of them makes.
    fn offered(text: &str) -> (Vec<Remedy>, String) {
        let run = Simulation::new(Config::small(1));
        let found = trial::errors(text, &run);
        assert!(!found.is_empty(), "{text}");
        let fixes = fixes(text, &found, &run);
        let first = fixes.first().map_or_else(String::new, |fix| replaced(text, fix.span, &fix.with));
        (fixes.into_iter().map(|fix| fix.what).collect(), first)
    }

    #[track_caller]
    fn check(text: &str, want: &[Remedy], lines: &str) {
        let (got, fixed) = offered(text);
        assert_eq!(got, want, "{text}");
        assert!(fixed.contains(lines), "{fixed}");
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a # first\n    image: a\n";
    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: a\n        image: a\n";

    #[test]
    fn what_an_object_cannot_become_it_is_made_anew_as() {
        let recreations = |stored: &str, text: &str| -> Vec<Remedy> {
            let mut run = Simulation::new(Config::small(1));
            assert_eq!(run.apply(stored).code, 0);
            run.advance(crate::clock::SimTime::from_secs(20), u64::MAX);
            let found = trial::errors(text, &run);
            fixes(text, &found, &run).into_iter().map(|fix| fix.what).collect()
        };
        let moved = POD.replace("spec:\n", "spec:\n  nodeSelector: {disk: ssd}\n");
        let line = "kubectl delete pod a --force --grace-period=0";
        assert_eq!(recreations(&moved, POD), [Remedy::Recreate(line.into())]);
        let other = WEB.replace("app: web", "app: other");
        let line = "kubectl delete deployment.apps web";
        assert_eq!(recreations(WEB, &other), [Remedy::Recreate(line.into())]);
        // A pod whose manifest is wrong for another reason is no better for being deleted.
        assert_eq!(recreations(POD, &POD.replace("name: a}", "name: A}")), [Remedy::Write("a".into())]);
    }

    #[test]
    fn a_word_that_is_nearly_right_is_put_right() {
        let write = |word: &str| Remedy::Write(word.into());
        check(
            &POD.replace("image:", "imagee:"),
            &[write("image"), Remedy::Remove("imagee".into())],
            "    image: a\n",
        );
        check(&WEB.replace("apps/v1", "extensions/v1beta1"), &[write("apps/v1")], "apiVersion: apps/v1\n");
        check(&WEB.replace("Deployment", "Deploymnet"), &[write("Deployment")], "kind: Deployment\n");
        check(
            &WEB.replace("apps/v1", "v1").replace("Deployment", "Deploymnet"),
            &[write("apps/v1 Deployment")],
            "apiVersion: apps/v1\nkind: Deployment\n",
        );
        check(
            &POD.replace("spec:\n", "spec:\n  restartPolicy: always\n"),
            &[write("Always")],
            "restartPolicy: Always\n",
        );
        check(&POD.replace("{name: a}", "{name: My_Pod}"), &[write("my-pod")], "{name: my-pod}");
    }

    #[test]
    fn a_value_gets_the_type_that_its_field_has() {
        let env = format!("{POD}    env:\n    - name: PORT\n      value: 8080\n");
        check(&env, &[Remedy::Quote], "      value: \"8080\"\n");
        check(
            &WEB.replace("spec:\n  selector", "spec:\n  replicas: \"3\"\n  selector"),
            &[Remedy::Unquote],
            "replicas: 3\n",
        );
        check(
            &POD.replace("  - name: a # first\n    image", "    name: a # first\n    image"),
            &[Remedy::List],
            "  - ",
        );
        check(
            &POD.replace("spec:\n  containers:", "spec:\n\tcontainers:"),
            &[Remedy::Spaces],
            "spec:\n  containers:\n",
        );
        check(
            &POD.replace("image: a\n", "image: a\n    command: [x]\n    workingDir: a: b\n"),
            &[Remedy::Quote],
            "workingDir: 'a: b'\n",
        );
    }

    #[test]
    fn a_selector_and_its_template_are_brought_together() {
        check(
            &WEB.replace("labels: {app: web}", "labels: {app: other}"),
            &[Remedy::Labels],
            "labels: {app: web}\n",
        );
        check(
            &WEB.replace("  selector: {matchLabels: {app: web}}\n", ""),
            &[Remedy::Add("spec.selector".into())],
            "  selector:\n    matchLabels:\n      app: web",
        );
        check(
            &WEB.replace("apiVersion: apps/v1\n", ""),
            &[Remedy::Add("apiVersion: apps/v1".into())],
            "apiVersion: apps/v1\nkind: Deployment\n",
        );
    }

    #[test]
    fn what_takes_no_error_away_is_not_offered() {
        // The field that may be meant is there already.
        let twice = POD.replace("image: a", "image: a\n    imagee: b");
        assert!(offered(&twice).0.contains(&Remedy::Remove("imagee".into())));
        assert_eq!(offered("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n").0, []);
    }
}
