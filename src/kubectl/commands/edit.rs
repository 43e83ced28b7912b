//! `edit` and `apply edit-last-applied`: an object's YAML, or the manifest that apply has noted on it, goes to an editor, and what comes
//! back is sent as a patch. Models `cmd/util/editor/editoptions.go`.
//!
//! The editor is a `sed` line where the command brings one (`KUBE_EDITOR="sed -i …" kubectl edit …`); otherwise the command waits for
//! the host, which shows [`Editing::text`] and hands back what was saved (`kubectl::saved`). A host without an editor has none.

use serde_json::Value;

use super::apply::{self, LAST_APPLIED as NOTED};
use super::get::select;
use super::last_applied::note;
use super::patch::{Strictness, patched};
use super::writing::{FILENAME, OUTPUT, TEMPLATE};
use crate::api::manifest::{self, Limits, to_yaml};
use crate::api::patch::three_way;
use crate::api::sed::Sed;
use crate::api::status::Reason;
use crate::api::{Key, MetaExt, Status};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Args, Flag, optional, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::json::go_json;
use crate::kubectl::print::served;
use crate::kubectl::subresource::has;
use crate::kubectl::{Call, Verb, Wait};

const FLAGS: &[Flag] = &[
    FILENAME,
    OUTPUT,
    TEMPLATE,
    value("selector", "only objects with these labels").short('l'),
    switch("output-patch", "print the patch"),
    switch("save-config", "has no effect here"),
    switch("windows-line-endings", "has no effect here"),
    value("field-manager", "the name under which it manages the fields it sets"),
    value("subresource", "status or resize: the part that is changed"),
    optional("validate", "strict", "has no effect here"),
];

const LAST_APPLIED_FLAGS: &[Flag] = &[
    FILENAME,
    OUTPUT,
    TEMPLATE,
    switch("record", "has no effect any more"),
    switch("windows-line-endings", "has no effect here"),
    value("field-manager", "the name under which it manages the fields it sets"),
    optional("validate", "strict", "has no effect here"),
];

const HEADER: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";

const HEADER_LAST_APPLIED: &str = "\
# Please edit the 'last-applied-configuration' annotations below.
# Lines beginning with a '#' will be ignored, and an empty file will abort the edit.
#
";

/// An editor of a command line is asked so often at most.
const TURNS_MAX: u32 = 5;

/// See the module.
pub const EDIT: Verb = Verb { path: "edit", help: "Edit a resource on the server", flags: FLAGS, run };

/// See the module.
pub const LAST_APPLIED: Verb = Verb {
    path: "apply edit-last-applied",
    help: "Edit the manifest that was applied last",
    flags: LAST_APPLIED_FLAGS,
    run: run_last_applied,
};

/// An edit that is under way: plain data, so that a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    args: Args,
    namespace: String,
    /// The objects, and the YAML of each as it was.
    objects: Vec<(Key, String)>,
    /// What the editor shows.
    pub text: String,
    /// What was saved last, where something was wrong with it.
    before: Option<String>,
    /// Where kubectl keeps the text meanwhile.
    file: String,
    subject: Subject,
}

/// What is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Objects that are there.
    Live,
    /// What apply has noted on them.
    Noted,
    /// Manifests of objects that are to be made.
    New,
}

/// What is to be said above a text that is shown again.
struct Wrong {
    head: String,
    details: Vec<String>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (objects, failures) = select(call)?;
    Failure::collect(failures)?;
    if objects.is_empty() {
        return Err(Failure::message("edit cancelled, no objects found"));
    }
    let part = call.args.value("subresource").unwrap_or_default();
    if part == "scale" {
        return Err(Failure::message(format!(
            "invalid subresource value: {part:?}. Must be one of [status resize]"
        )));
    }
    if !part.is_empty() && objects.iter().any(|object| !has(call.client.live(), object.kind(), part)) {
        return Err(Failure::from(Status::no_such_resource()));
    }
    let shown = objects.iter().map(|object| (object.key(), served(object))).collect();
    edit(call, shown, Subject::Live)
}

fn run_last_applied(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let (objects, failures) = select(call)?;
    Failure::collect(failures)?;
    let mut noted = Vec::new();
    for object in objects {
        let Some(text) = object.annotation(NOTED) else { continue };
        let value = serde_json::from_str(text).map_err(|error| Failure::message(error.to_string()))?;
        noted.push((object.key(), value));
    }
    if noted.is_empty() {
        return Err(Failure::message(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply \
             set-last-applied --create-annotation`",
        ));
    }
    edit(call, noted, Subject::Noted)
}

/// `create --edit`: manifests go to the editor before their objects are made.
///
/// # Errors
/// What cannot be read, no editor, and what the server refuses of what comes back.
pub fn before_creating(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let batch = apply::selected(call)?;
    Failure::collect(batch.failures)?;
    let mut shown = Vec::new();
    for item in batch.items {
        shown.push((apply::place(call, &item)?, item.value));
    }
    edit(call, shown, Subject::New)
}

fn edit(call: &mut Call<'_, '_>, shown: Vec<(Key, Value)>, subject: Subject) -> Result<(), Failure> {
    let text = match shown.as_slice() {
        [(_, one)] => to_yaml(one),
        all => {
            let items: Vec<&Value> = all.iter().map(|(_, value)| value).collect();
            to_yaml(&serde_json::json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))
        }
    };
    let seed = format!("edit/{}", call.client.live().revision());
    let number = crate::api::hash::fnv1a_64(seed.as_bytes()) % 10_000_000_000;
    let mut editing = Editing {
        args: call.args.clone(),
        namespace: call.namespace.clone(),
        objects: shown.into_iter().map(|(key, value)| (key, to_yaml(&value))).collect(),
        text: String::new(),
        before: None,
        file: format!("/tmp/kubectl-edit-{number}.yaml"),
        subject,
    };
    editing.text = format!("{}{text}", editing.header());
    let Some(editor) = call.invocation.editor.clone() else {
        if !call.invocation.host_edits {
            return Err(Failure::message("unable to launch the editor \"vi\""));
        }
        call.output.wait = Some(Wait::Edit(Box::new(editing)));
        return Ok(());
    };
    for _ in 0..TURNS_MAX {
        let saved = use_editor(call, &editor, &editing.text)?;
        match step(call, editing, &saved)? {
            Some(again) => editing = again,
            None => return Ok(()),
        }
    }
    // One that breaks it in another way each time would never end.
    Err(Failure::message("Edit cancelled, no valid changes were saved."))
}

/// Goes on with an edit whose text has been saved. `make` gives the call that it belongs to.
pub fn resume(call: &mut Call<'_, '_>, editing: Editing, saved: &str) -> Result<(), Failure> {
    let again = step(call, editing, saved)?;
    call.output.wait = again.map(|editing| Wait::Edit(Box::new(editing)));
    Ok(())
}

impl Editing {
    /// The arguments of its command, and its namespace.
    pub fn of(&self) -> (Args, String) {
        (self.args.clone(), self.namespace.clone())
    }

    /// The verb that it goes on with.
    pub fn verb(&self) -> &'static str {
        match self.subject {
            Subject::Live => EDIT.path,
            Subject::Noted => LAST_APPLIED.path,
            Subject::New => apply::CREATE.path,
        }
    }

    fn header(&self) -> &'static str {
        if self.subject == Subject::Noted { HEADER_LAST_APPLIED } else { HEADER }
    }

    /// Shown again, with what is wrong.
    fn again(mut self, saved: &str, wrong: &[Wrong]) -> Editing {
        let mut text = self.header().to_string();
        for Wrong { head, details } in wrong {
            let hashed = |text: &str| text.replace('\n', "\n# ");
            text.push_str(&format!("# {}{}\n", hashed(head), if details.is_empty() { "" } else { ":" }));
            details.iter().for_each(|detail| text.push_str(&format!("# * {}\n", hashed(detail))));
            text.push_str("#\n");
        }
        text.push_str(&without_comments(saved));
        self.text = text;
        self.before = Some(saved.to_string());
        self
    }
}

/// Whether two texts say the same, whatever comments they have (`StripComments`).
fn says_the_same(a: &str, b: &str) -> bool {
    let values = |text: &str| {
        let stream = manifest::parse(text, &Limits::default());
        let values = stream.documents.iter().map(|document| document.root.to_value());
        (!stream.has_errors()).then(|| values.collect::<Vec<Value>>())
    };
    match (values(a), values(b)) {
        (Some(a), Some(b)) => a == b,
        _ => without_comments(a) == without_comments(b),
    }
}

/// Without the lines that are comments. Inside a block of text they are none; so this is not for what is sent (`ManualStrip`).
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// What comes of a text that has been saved: nothing more, or the editor again.
fn step(call: &mut Call<'_, '_>, editing: Editing, saved: &str) -> Result<Option<Editing>, Failure> {
    if editing.before.as_deref().is_some_and(|before| says_the_same(before, saved)) {
        call.warn(format!("A copy of your changes has been stored to {:?}", editing.file));
        return Err(Failure::message("Edit cancelled, no valid changes were saved."));
    }
    if editing.before.is_none() && says_the_same(&editing.text, saved) {
        call.warn("Edit cancelled, no changes made.");
        return Ok(None);
    }
    if without_comments(saved).trim().is_empty() {
        call.warn("Edit cancelled, saved file was empty.");
        return Ok(None);
    }
    let stream = manifest::parse(saved, &Limits::default());
    if let Some(error) = stream.errors.iter().find(|error| error.is_error()) {
        let words = error.kubectl.clone().unwrap_or_else(|| error.message.clone());
        let head = format!("The edited file had a syntax error: error parsing edited-file: {words}");
        return Ok(Some(editing.again(saved, &[Wrong { head, details: Vec::new() }])));
    }
    if editing.subject == Subject::New {
        apply::create_edited(call, &editing.file, saved)?;
        return Ok(None);
    }
    let nodes = stream.documents.iter().flat_map(|document| document.objects());
    let values: Vec<Value> = nodes.map(|node| node.to_value()).collect();
    let mut wrong = Vec::new();
    let mut retry = false;
    for ((key, original), value) in editing.objects.iter().zip(&values) {
        let changed = if editing.subject == Subject::Noted {
            change_note(call, key, original, value)
        } else {
            change(call, key, original, value)
        };
        let changed = changed.inspect_err(|_| {
            call.warn(format!("A copy of your changes has been stored to {:?}", editing.file));
        })?;
        match changed {
            Outcome::Done => {}
            Outcome::Wrong(why) => wrong.push(why),
            Outcome::Retry => retry = true,
        }
    }
    if retry {
        call.warn(format!("You can run `kubectl replace -f {}` to try this update again.", editing.file));
        call.output.code = 1;
        return Ok(None);
    }
    Ok(if wrong.is_empty() { None } else { Some(editing.again(saved, &wrong)) })
}

enum Outcome {
    Done,
    Wrong(Wrong),
    Retry,
}

/// What the editor was given for one object.
fn given(original: &str) -> Value {
    let before = manifest::parse(original, &Limits::default());
    before.documents.first().map(|document| document.root.to_value()).unwrap_or_default()
}

/// Notes a manifest that has changed (`visitToApplyEditPatch`).
fn change_note(
    call: &mut Call<'_, '_>,
    key: &Key,
    original: &str,
    edited: &Value,
) -> Result<Outcome, Failure> {
    let (kind, name) = (key.kind, edited.text("metadata.name"));
    let what = format!("{}/{name}", kind.group_singular());
    if given(original) == *edited {
        call.say(format!("{what} skipped"));
        return Ok(Outcome::Done);
    }
    let live = call.client.get(&Key::new(kind, &key.namespace, name))?;
    patched(call, &live, "merge", &note(&format!("{}\n", go_json(edited))), Strictness::Strict)?;
    call.say(format!("{what} edited"));
    Ok(Outcome::Done)
}

/// Sends what has changed of one object (`visitToPatch`).
fn change(call: &mut Call<'_, '_>, key: &Key, original: &str, edited: &Value) -> Result<Outcome, Failure> {
    let before = given(original);
    let kind = key.kind;
    let same = |path: &str| before.at(path) == edited.at(path);
    if !["apiVersion", "kind", "metadata.name"].iter().all(|path| same(path)) {
        return Err(Failure::message("At least one of apiVersion, kind and name was changed"));
    }
    let patch = three_way::create(kind, &before, edited, &before);
    let what = format!("{}/{}", kind.group_singular(), key.name);
    if patch.as_object().is_none_or(serde_json::Map::is_empty) {
        call.say(format!("{what} skipped"));
        return Ok(Outcome::Done);
    }
    if call.args.on("output-patch") {
        call.say(format!("Patch: {patch}"));
    }
    let resource = kind.group_resource();
    let live = match call.client.get(key) {
        Ok(live) => live,
        Err(_) => {
            call.warn(format!("error: {resource} {:?} could not be found on the server", &*key.name));
            call.output.code = 1;
            return Ok(Outcome::Done);
        }
    };
    let type_ = if kind.is_custom() { "merge" } else { "strategic" };
    match patched(call, &live, type_, &patch, Strictness::Strict) {
        Ok(_) => {
            call.say(format!("{what} edited"));
            Ok(Outcome::Done)
        }
        Err(Failure::Server { status, .. }) if status.reason == Reason::Invalid => {
            call.warn(format!("error: {resource} {:?} is invalid", &*key.name));
            let details = status.causes.iter().map(|cause| match cause.field.as_str() {
                "" => cause.message.clone(),
                field => format!("{field}: {}", cause.message),
            });
            let head = format!("{resource} {:?} was not valid", &*key.name);
            Ok(Outcome::Wrong(Wrong { head, details: details.collect() }))
        }
        Err(Failure::Server { status, .. }) => {
            call.warn(format!("error: {resource} {:?} could not be patched: {}", &*key.name, status.message));
            Ok(Outcome::Retry)
        }
        Err(other) => Err(other),
    }
}

/// Lets an editor that needs nobody work on a text.
fn use_editor(call: &mut Call<'_, '_>, editor: &str, text: &str) -> Result<String, Failure> {
    let words = shlex::split(editor).unwrap_or_default();
    let trouble = || Failure::message(format!("there was a problem with the editor {editor:?}"));
    let (mut scripts, mut extended, mut quiet) = (Vec::new(), false, false);
    let mut rest = words.iter().skip(1).map(String::as_str);
    match words.first().map(|word| word.rsplit('/').next().unwrap_or(word)) {
        Some("true" | ":" | "cat" | "touch") => return Ok(text.to_string()),
        Some("false") => return Err(trouble()),
        Some("sed") => {}
        _ => return Err(Failure::message(format!("unable to launch the editor {editor:?}"))),
    }
    while let Some(word) = rest.next() {
        match word {
            "-e" | "--expression" => scripts.extend(rest.next()),
            "-E" | "-r" | "--regexp-extended" => extended = true,
            "-n" => quiet = true,
            word if word.starts_with("-i") || word.starts_with("--in-place") => {}
            word if word.starts_with('-') => return Err(trouble()),
            script => scripts.push(script),
        }
    }
    match Sed::new(&scripts, extended, quiet) {
        Ok(sed) => Ok(sed.run(text)),
        Err(why) => {
            call.warn(why);
            Err(trouble())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_says_nothing_unless_it_is_part_of_a_text() {
        let text = "# above\na: |\n  #!/bin/sh\n  echo\nb: 1 # beside\n";
        assert!(says_the_same(text, "a: |\n  #!/bin/sh\n  echo\nb: 1\n"));
        assert!(!says_the_same(text, "a: |\n  echo\nb: 1\n"));
        assert!(says_the_same("# above\na: [\n", "a: [\n"), "what cannot be read is compared by its lines");
    }
}
