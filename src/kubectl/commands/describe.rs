//! `describe`: what there is to say about an object.

use std::sync::Arc;

use crate::api::{MetaExt, Object};
use crate::kubectl::commands::writing::FILENAME;
use crate::kubectl::describe::{Subject, describe};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::resource_names::{Named, named};
use crate::kubectl::{Call, Verb};

use super::get::{select, warn_of_deprecated};

const FLAGS: &[Flag] = &[
    value("selector", "only objects with these labels").short('l'),
    FILENAME,
    switch("all-namespaces", "objects of every namespace").short('A'),
    switch("show-events", "show their events; by default if there is one object"),
    value("chunk-size", "has no effect here"),
];

/// See the module.
pub const DESCRIBE: Verb = Verb {
    path: "describe",
    help: "Show details of a specific resource or group of resources",
    flags: FLAGS,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if call.args.words.is_empty() && !call.args.has_files() {
        return Err(Failure::message(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n",
        ));
    }
    warn_of_deprecated(call)?;
    let (objects, failures) = select(call)?;
    if let [failure] = failures.as_slice()
        && failure.is_not_found()
        && let Some(found) = beginning_with(call)?
    {
        // Events are shown only to whom asks for them, and each description ends in an empty line.
        let show_events = call.args.switch("show-events", false);
        for object in found {
            let text = described(call, &object, show_events);
            call.output.stdout.push_str(&text);
            call.output.stdout.push('\n');
        }
        return Ok(());
    }
    if objects.is_empty() && failures.is_empty() {
        let text = match call.args.on("all-namespaces") {
            true => "No resources found".into(),
            false => format!("No resources found in {} namespace.", call.namespace),
        };
        call.warn(text);
    }
    // With several objects, or one that is missing, events are shown only to whom asks for them.
    let show_events = call.args.switch("show-events", objects.len() == 1 && failures.is_empty());
    for (index, object) in objects.iter().enumerate() {
        let text = described(call, object, show_events);
        call.output.stdout.push_str(if index > 0 { "\n\n" } else { "" });
        call.output.stdout.push_str(&text);
    }
    Failure::collect(failures)
}

fn described(call: &Call<'_, '_>, object: &Object, show_events: bool) -> String {
    let value = object.to_value();
    let subject = Subject { value: &value, view: call.client.live(), now: call.client.now() };
    describe(object.kind(), &subject, show_events)
}

/// A kind and a name that nothing has: the name may be the beginning of names (`DescribeMatchingResources`).
fn beginning_with(call: &mut Call<'_, '_>) -> Result<Option<Vec<Arc<Object>>>, Failure> {
    let [_, prefix] = call.args.words.as_slice() else { return Ok(None) };
    let Named::Objects(named) = named(call.client.live(), &call.args.words)? else { return Ok(None) };
    let Some((kind, _)) = named.first().filter(|(_, name)| name == prefix) else { return Ok(None) };
    let namespace = kind.info().namespaced.then_some(call.namespace.as_str());
    call.client.may("list", *kind, namespace)?;
    let objects = call.client.live().objects(*kind, namespace);
    let found: Vec<_> =
        objects.filter(|object| object.name().starts_with(prefix.as_str())).cloned().collect();
    Ok(Some(found).filter(|found| !found.is_empty()))
}
