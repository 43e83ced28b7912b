//! `cordon`, `uncordon` and `taint`.

use std::sync::Arc;

use crate::api::k8s::Taint;
use crate::api::{Kind, MetaExt, Node, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::{Call, Verb};

use super::get::select;

/// See the module.
pub const CORDON: Verb = Verb {
    path: "cordon",
    help: "Keep new pods off a node",
    flags: &[value("selector", "only nodes with these labels").short('l')],
    run: |call| set_unschedulable(call, true),
};
/// See the module.
pub const UNCORDON: Verb = Verb {
    path: "uncordon",
    help: "Let new pods onto a node again",
    flags: &[value("selector", "only nodes with these labels").short('l')],
    run: |call| set_unschedulable(call, false),
};
/// See the module.
pub const TAINT: Verb = Verb {
    path: "taint",
    help: "Set or remove (key:Effect-) taints of nodes",
    flags: &[switch("overwrite", "replace taints that are there"), switch("all", "every node")],
    run: taint,
};

fn set_unschedulable(call: &mut Call<'_, '_>, unschedulable: bool) -> Result<(), Failure> {
    let done = if unschedulable { "cordoned" } else { "uncordoned" };
    call.args.words.insert(0, "nodes".into());
    let (nodes, mut failures) = select(call)?;
    for object in nodes {
        let Object::Node(node) = &*object else { continue };
        if node.spec.unschedulable.unwrap_or(false) == unschedulable {
            call.say(format!("node/{} already {done}", node.name()));
            continue;
        }
        let mut updated: Node = node.clone();
        updated.revision = 0;
        Arc::make_mut(&mut updated.spec).unschedulable = unschedulable.then_some(true);
        match call.client.update(updated, None) {
            Ok(_) => call.say(format!("node/{} {done}", node.name())),
            Err(status) => failures.push(status.into()),
        }
    }
    Failure::collect(failures)
}

fn taint(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let is_taint = |word: &String| word.contains(':') || word.contains('=') || word.ends_with('-');
    let (taints, names): (Vec<String>, Vec<String>) = call.args.words.iter().cloned().partition(is_taint);
    if taints.is_empty() {
        return Err(Failure::message("at least one taint update is required"));
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
    let mut removed = false;
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
        taints.retain(|other| !same(other));
        taints.push(taint);
    }
    let mut updated = node.clone();
    updated.revision = 0;
    Arc::make_mut(&mut updated.spec).taints = Some(taints).filter(|taints| !taints.is_empty());
    call.client.update(updated, None)?;
    call.say(format!(
        "node/{} {}",
        node.name(),
        if removed && changes.len() == 1 { "untainted" } else { "tainted" }
    ));
    Ok(())
}

fn parse(text: &str) -> Result<Taint, Failure> {
    let wrong = || Failure::message(format!("invalid taint spec: {text}"));
    let (pair, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (key, value) =
        pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value.to_string())));
    if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(Failure::message(format!("invalid taint effect: {effect}, unsupported taint effect")));
    }
    if key.is_empty() {
        return Err(wrong());
    }
    Ok(Taint { key: key.into(), value, effect: effect.into(), time_added: None })
}
