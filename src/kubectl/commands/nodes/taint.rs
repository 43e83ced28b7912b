//! `taint`. Models `pkg/cmd/taint`.

use std::sync::Arc;

use crate::api::k8s::Taint;
use crate::api::text::{label_value, qualified_name};
use crate::api::{Kind, MetaExt, Node, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{optional, switch, value};
use crate::kubectl::resource_names::kind;
use crate::kubectl::{Call, Verb};

use super::super::get::select;
use super::super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE, done};

/// See the module.
pub const TAINT: Verb = Verb {
    path: "taint",
    help: "Update the taints on one or more nodes",
    flags: &[
        switch("overwrite", "replace taints that are there"),
        switch("all", "every node"),
        value("selector", "only nodes with these labels").short('l'),
        optional("validate", "strict", "has no effect here"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
    ],
    run,
};

/// What the command changes.
struct Changes {
    added: Vec<Taint>,
    /// Taints without a value; one without an effect stands for all of its key.
    removed: Vec<Taint>,
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let changes = take_changes(call)?;
    let changes = parse_all(&changes).map_err(Failure::misuse)?;
    let word = call.args.words[0].to_lowercase();
    if kind(call.client.live(), &word)? != Kind::NODE {
        return Err(Failure::message(format!("invalid resource type {word}, only node types are supported")));
    }
    let of_both = |removed: &&Taint| {
        let same = |added: &Taint| {
            added.key == removed.key && (removed.effect.is_empty() || removed.effect == added.effect)
        };
        changes.added.iter().any(same)
    };
    let both: Vec<String> = changes
        .removed
        .iter()
        .filter(of_both)
        .map(|taint| format!("{{\"{}\":\"{}\"}}", taint.key, taint.effect))
        .collect();
    if !both.is_empty() {
        return Err(Failure::message(format!(
            "can not both modify and remove the following taint(s) in the same command: {}",
            both.join(", ")
        )));
    }
    let (all, chosen) =
        (call.args.on("all"), call.args.value("selector").is_some_and(|text| !text.is_empty()));
    if all && chosen {
        return Err(Failure::message("setting 'all' parameter with a non empty selector is prohibited"));
    }
    if !all && !chosen && call.args.words.len() < 2 {
        return Err(Failure::message(
            "at least one resource name must be specified since 'all' parameter is not set",
        ));
    }
    // Names beside a selector or --all are not heeded.
    call.args.words.truncate(if all || chosen { 1 } else { usize::MAX });
    let (nodes, mut failures) = select(call)?;
    for object in nodes {
        let Object::Node(node) = &*object else { continue };
        failures.extend(change(call, node, &changes).err());
    }
    Failure::collect(failures)
}

/// Takes the taints from behind the names.
fn take_changes(call: &mut Call<'_, '_>) -> Result<Vec<String>, Failure> {
    let is_taint = |word: &str| word.contains([':', '=']) || word.ends_with('-');
    let words = std::mem::take(&mut call.args.words);
    let mut taints = Vec::new();
    for word in words {
        match is_taint(&word) {
            true => taints.push(word),
            false if taints.is_empty() => call.args.words.push(word),
            false => {
                return Err(Failure::message(format!(
                    "all resources must be specified before taint changes: {word}"
                )));
            }
        }
    }
    let why = match (call.args.words.is_empty(), taints.is_empty()) {
        (true, _) => "one or more resources must be specified as <resource> <name>",
        (_, true) => "at least one taint update is required",
        _ => return Ok(taints),
    };
    Err(Failure::message(why))
}

fn parse_all(texts: &[String]) -> Result<Changes, String> {
    let mut changes = Changes { added: Vec::new(), removed: Vec::new() };
    for text in texts {
        if let Some(removed) = text.strip_suffix('-') {
            changes.removed.push(Taint { value: None, ..parse(removed)? });
            continue;
        }
        let taint = parse(text)?;
        if taint.effect.is_empty() {
            return Err(format!("invalid taint spec: {text}"));
        }
        if changes.added.iter().any(|other| is_same(other, &taint)) {
            let value = taint.value.as_deref().unwrap_or_default();
            return Err(format!(
                "duplicated taints with the same key and effect: {{{} {value} {} <nil>}}",
                taint.key, taint.effect
            ));
        }
        changes.added.push(taint);
    }
    Ok(changes)
}

fn parse(text: &str) -> Result<Taint, String> {
    let wrong = |why: Vec<String>| match why.is_empty() {
        true => format!("invalid taint spec: {text}"),
        false => format!("invalid taint spec: {text}, {}", why.join("; ")),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (pair, effect) = match parts.as_slice() {
        [key] => (*key, ""),
        [pair, effect] => (*pair, *effect),
        _ => return Err(wrong(Vec::new())),
    };
    if parts.len() == 2 && !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
    }
    let (key, value) = match pair.split_once('=').filter(|_| parts.len() == 2) {
        Some((_, value)) if value.contains('=') => return Err(wrong(Vec::new())),
        Some((key, value)) => (key, Some(value)),
        None => (pair, None),
    };
    let odd = value.map(label_value).filter(|why| !why.is_empty()).unwrap_or_else(|| qualified_name(key));
    if !odd.is_empty() {
        return Err(wrong(odd));
    }
    let value = value.filter(|value| !value.is_empty()).map(str::to_string);
    Ok(Taint { key: key.into(), value, effect: effect.into(), time_added: None })
}

fn is_same(one: &Taint, other: &Taint) -> bool {
    one.key == other.key && one.effect == other.effect
}

fn change(call: &mut Call<'_, '_>, node: &Node, changes: &Changes) -> Result<(), Failure> {
    let old = node.spec.taints.clone().unwrap_or_default();
    let overwrite = call.args.on("overwrite");
    let there = changes.added.iter().filter(|taint| old.iter().any(|other| is_same(other, taint)));
    let there: Vec<&str> = there.map(|taint| taint.key.as_str()).collect();
    if !overwrite && !there.is_empty() {
        return Err(Failure::message(format!(
            "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
            node.name(),
            there.join(",")
        )));
    }
    let (taints, word) = merged(old, changes, overwrite)?;
    let mut updated = node.clone();
    updated.revision = 0;
    Arc::make_mut(&mut updated.spec).taints = Some(taints).filter(|taints| !taints.is_empty());
    let dry = DryRun::of(call)?;
    let stored = match dry {
        DryRun::No => call.client.update(updated, None)?.into(),
        DryRun::Client => Object::from(updated),
        DryRun::Server => call.client.dry_run_update(Object::from(updated))?,
    };
    done(call, &stored, word, dry)
}

/// A node's taints afterwards, the new ones first, and what is said of them.
fn merged(
    old: Vec<Taint>,
    changes: &Changes,
    overwrite: bool,
) -> Result<(Vec<Taint>, &'static str), Failure> {
    let before = old.len();
    let mut taints = changes.added.clone();
    for taint in old {
        if !taints.iter().any(|other| is_same(other, &taint)) {
            taints.push(taint);
        }
    }
    let added = taints.len() != before;
    let (mut removed, mut failures) = (false, Vec::new());
    for gone in &changes.removed {
        let count = taints.len();
        taints.retain(|taint| {
            taint.key != gone.key || !(gone.effect.is_empty() || gone.effect == taint.effect)
        });
        // What is said goes by the last of them.
        removed = taints.len() < count;
        if !removed {
            let colon = if gone.effect.is_empty() { "" } else { ":" };
            let text = format!("{}{colon}{}", gone.key, gone.effect);
            failures.push(Failure::message(format!("taint {text:?} not found")));
        }
    }
    Failure::collect(failures)?;
    let word = match (added, removed) {
        (true, true) => "modified",
        _ if overwrite => "modified",
        (true, false) => "tainted",
        (false, _) => "untainted",
    };
    Ok((taints, word))
}
