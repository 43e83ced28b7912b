//! `cordon`, `uncordon`, `drain` and `taint`.

pub(in crate::kubectl) mod drain;

use std::sync::Arc;

use crate::api::k8s::Taint;
use crate::api::{Kind, MetaExt, Node, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::{Call, Verb};

use super::get::select;
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE, done};

pub use drain::DRAIN;

/// See the module.
pub const CORDON: Verb = Verb {
    path: "cordon",
    help: "Mark node as unschedulable",
    flags: &[value("selector", "only nodes with these labels").short('l'), DRY_RUN],
    run: |call| set_unschedulable(call, true).map(|_| ()),
};
/// See the module.
pub const UNCORDON: Verb = Verb {
    path: "uncordon",
    help: "Mark node as schedulable",
    flags: &[value("selector", "only nodes with these labels").short('l'), DRY_RUN],
    run: |call| set_unschedulable(call, false).map(|_| ()),
};
/// See the module.
pub const TAINT: Verb = Verb {
    path: "taint",
    help: "Update the taints on one or more nodes",
    flags: &[
        switch("overwrite", "replace taints that are there"),
        switch("all", "every node"),
        value("selector", "only nodes with these labels").short('l'),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
    ],
    run: taint,
};

/// Marks nodes, says so, and returns their names.
fn set_unschedulable(call: &mut Call<'_, '_>, unschedulable: bool) -> Result<Vec<String>, Failure> {
    let word = if unschedulable { "cordoned" } else { "uncordoned" };
    let dry = DryRun::of(call)?;
    if call.args.words.is_empty() && !call.args.has("selector") {
        let verb = if unschedulable { "cordon" } else { "uncordon" };
        return Err(Failure::misuse(format!("USAGE: {verb} NODE [flags]")));
    }
    // Nodes may be named bare or as node/NAME.
    for name in &mut call.args.words {
        *name = name.strip_prefix("node/").or(name.strip_prefix("nodes/")).unwrap_or(name).to_string();
    }
    call.args.words.insert(0, "nodes".into());
    let (nodes, failures) = select(call)?;
    Failure::collect(failures)?;
    let mut names = Vec::new();
    for object in nodes {
        let Object::Node(node) = &*object else { continue };
        names.push(node.name().to_string());
        if node.spec.unschedulable.unwrap_or(false) == unschedulable {
            call.say(format!("node/{} already {word}{}", node.name(), dry.suffix()));
            continue;
        }
        let mut updated: Node = node.clone();
        updated.revision = 0;
        Arc::make_mut(&mut updated.spec).unschedulable = unschedulable.then_some(true);
        if dry == DryRun::No {
            call.client.update(updated, None)?;
        }
        call.say(format!("node/{} {word}{}", node.name(), dry.suffix()));
    }
    Ok(names)
}

fn taint(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let is_taint = |word: &String| word.contains([':', '=']) || word.ends_with('-');
    let (taints, names): (Vec<String>, Vec<String>) = call.args.words.iter().cloned().partition(is_taint);
    if taints.is_empty() {
        return Err(Failure::message("at least one taint update is required"));
    }
    for text in taints.iter().filter(|text| !text.ends_with('-')) {
        parse(text)?;
    }
    call.args.words = names;
    if call.args.on("all") && call.args.words.is_empty() {
        call.args.words.push("nodes".into());
    }
    let (nodes, mut failures) = select(call)?;
    for object in nodes.iter().filter(|object| object.kind() == Kind::NODE) {
        let Object::Node(node) = &**object else { continue };
        if let Err(failure) = change_taints(call, node, &taints) {
            failures.push(failure);
        }
    }
    Failure::collect(failures)
}

fn change_taints(call: &mut Call<'_, '_>, node: &Node, changes: &[String]) -> Result<(), Failure> {
    let mut taints = node.spec.taints.clone().unwrap_or_default();
    let (mut added, mut removed) = (false, false);
    for change in changes {
        if let Some(text) = change.strip_suffix('-') {
            let (key, effect) =
                text.split_once(':').map_or((text, None), |(key, effect)| (key, Some(effect)));
            let key = key.split('=').next().unwrap_or(key);
            let before = taints.len();
            taints.retain(|taint| taint.key != key || effect.is_some_and(|effect| effect != taint.effect));
            if taints.len() == before {
                return Err(Failure::message(format!("taint \"{text}\" not found")));
            }
            removed = true;
            continue;
        }
        let taint = parse(change)?;
        let same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
        if taints.iter().any(same) && !call.args.on("overwrite") {
            let key = &taint.key;
            return Err(Failure::message(format!(
                "node {} already has {key} taint(s) with same effect(s) and --overwrite is false",
                node.name()
            )));
        }
        added |= !taints.iter().any(same);
        taints.retain(|other| !same(other));
        taints.push(taint);
    }
    let mut updated = node.clone();
    updated.revision = 0;
    Arc::make_mut(&mut updated.spec).taints = Some(taints).filter(|taints| !taints.is_empty());
    let word = match (added, removed) {
        (true, false) => "tainted",
        (false, true) => "untainted",
        _ => "modified",
    };
    let dry = DryRun::of(call)?;
    let stored = match dry {
        DryRun::No => call.client.update(updated, None)?.into(),
        _ => Object::from(updated),
    };
    done(call, &stored, word, dry)
}

fn parse(text: &str) -> Result<Taint, Failure> {
    let wrong = || Failure::message(format!("invalid taint spec: {text}"));
    let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (key, value) =
        pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value.to_string())));
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(Failure::message(format!(
            "invalid taint effect: {effect}, unsupported taint effect\nSee 'kubectl taint -h' for help and examples"
        )));
    }
    if key.is_empty() {
        return Err(wrong());
    }
    Ok(Taint { key: key.into(), value, effect: effect.into(), time_added: None })
}
