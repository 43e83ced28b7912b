//! `label` and `annotate`.

use crate::api::meta::StringMap;
use crate::api::{MetaExt, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

use super::get::select;

const FLAGS: &[Flag] = &[
    switch("overwrite", "replace values that are there"),
    switch("all", "every object of the kind"),
    value("selector", "only objects with these labels").short('l'),
];

/// See the module.
pub const LABEL: Verb = Verb {
    path: "label",
    help: "Set or remove (key-) labels",
    flags: FLAGS,
    run: |call| run(call, "labeled", |o| o.labels().clone()),
};
/// See the module.
pub const ANNOTATE: Verb = Verb {
    path: "annotate",
    help: "Set or remove (key-) annotations",
    flags: FLAGS,
    run: |call| run(call, "annotated", |o| o.annotations().clone()),
};

fn run(call: &mut Call<'_, '_>, done: &str, read: fn(&Object) -> StringMap) -> Result<(), Failure> {
    let is_change = |word: &String| word.contains('=') || (word.ends_with('-') && word.len() > 1);
    let (changes, names): (Vec<String>, Vec<String>) = call.args.words.iter().cloned().partition(is_change);
    if changes.is_empty() {
        let what = if done == "labeled" { "label" } else { "annotation" };
        return Err(Failure::message(format!("at least one {what} update is required")));
    }
    call.args.words = names;
    let (objects, mut failures) = select(call)?;
    for object in objects {
        if let Err(failure) = change(call, &object, &changes, done, read) {
            failures.push(failure);
        }
    }
    Failure::collect(failures)
}

fn change(
    call: &mut Call<'_, '_>,
    live: &Object,
    changes: &[String],
    done: &str,
    read: fn(&Object) -> StringMap,
) -> Result<(), Failure> {
    let mut map = read(live);
    let mut removed = false;
    for change in changes {
        match change.split_once('=') {
            Some((key, value)) => {
                let clash = map.get(key).is_some_and(|old| old != value) && !call.args.on("overwrite");
                if clash {
                    let what = if done == "labeled" {
                        "'{}' already has a value"
                    } else {
                        "--overwrite is false but found the following declared annotation(s): '{}'"
                    };
                    let text = what.replace("{}", key);
                    let tail = if done == "labeled" {
                        format!(" ({}), and --overwrite is false", map[key])
                    } else {
                        " already has a value".into()
                    };
                    return Err(Failure::message(format!(
                        "{text}{}",
                        if done == "labeled" { tail } else { format!("{tail} ({})", map[key]) }
                    )));
                }
                map.insert(key.into(), value.into());
            }
            None => removed |= map.remove(change.trim_end_matches('-')).is_some(),
        }
    }
    let mut object = live.clone();
    let meta = object.meta_mut();
    let field = if done == "labeled" { &mut meta.labels } else { &mut meta.annotations };
    *field = Some(map).filter(|map| !map.is_empty());
    object.set_revision(0);
    let stored = call.client.update_object(object)?;
    let word = match (stored.revision() == live.revision(), removed, done) {
        (true, _, "labeled") => "not labeled",
        (false, true, "labeled") => "unlabeled",
        _ => done,
    };
    call.say(format!("{}/{} {word}", live.kind().group_singular(), live.name()));
    Ok(())
}
