//! Which objects a command means: by name, by kind, by labels and fields, or by manifest.

use std::sync::Arc;

use crate::api::selector::Selector;
use crate::api::{Key, Kind, MetaExt, Object};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::field_selector::FieldSelector;
use crate::kubectl::manifests;
use crate::kubectl::print::fields::Fields;
use crate::kubectl::resource_names::{Named, named};

/// What is said where a command names nothing at all.
pub const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications \
                             include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// The objects that a command names, or that its selector selects.
///
/// # Errors
/// What cannot be understood. Objects that could be found are returned along with those that could not.
pub fn select(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    if call.args.has_files() {
        refuse_words_beside_files(&call.args.words)?;
        return by_manifest(call);
    }
    let named = named(call.client.live(), &call.args.words.clone())?;
    let labels = call.args.value("selector").unwrap_or_default().to_string();
    let chosen = !labels.is_empty() || call.args.value("field-selector").is_some_and(|text| !text.is_empty());
    let selector = Selector::parse(&labels);
    let fields = FieldSelector::parse(call.args.value("field-selector").unwrap_or_default())?;
    let all = call.args.on("all-namespaces");
    match named {
        Named::Kinds(kinds) if kinds.is_empty() && chosen => {
            Err(Failure::message("at least one resource must be specified to use a selector"))
        }
        Named::Kinds(kinds) if kinds.is_empty() => Err(Failure::message(NOTHING_NAMED)),
        Named::Kinds(kinds) => {
            let (mut found, mut failures) = (Vec::new(), Vec::new());
            for kind in kinds {
                let live = call.client.live();
                let selector = match &selector {
                    Ok(selector) => fields.check(kind, &labels, live).map(|()| selector),
                    Err(why) => Err(fields.unable(kind, &labels, why, live)),
                };
                let selector = match selector {
                    Ok(selector) => selector,
                    Err(status) => {
                        failures.push(Failure::from(status));
                        continue;
                    }
                };
                let namespace = (kind.info().namespaced && !all).then_some(call.namespace.as_str());
                if let Err(status) = call.client.may("list", kind, namespace) {
                    failures.push(Failure::from(status));
                    continue;
                }
                let selected = call.client.live().objects(kind, namespace);
                let meant = |object: &&Arc<Object>| {
                    selector.matches(object.labels())
                        && (fields == FieldSelector::default() || fields.matches(&object.to_value()))
                };
                found.extend(selected.filter(meant).cloned());
            }
            Ok((found, failures))
        }
        Named::Objects(_) if chosen => Err(names_beside_selector(&call.args.words)),
        Named::Objects(_) if all => {
            Err(Failure::message("a resource cannot be retrieved by name across all namespaces"))
        }
        Named::Objects(objects) => {
            let (mut found, mut failures) = (Vec::new(), Vec::new());
            for (kind, name) in objects {
                match call.client.get(&call.key(kind, &name)) {
                    Ok(object) => found.push(object),
                    Err(status) => failures.push(Failure::from(status)),
                }
            }
            Ok((found, failures))
        }
    }
}

/// What is said to names where objects are chosen by a selector, or all are.
pub fn names_beside_selector(words: &[String]) -> Failure {
    let in_pairs =
        words.iter().any(|word| word.contains('/')) || words.first().is_some_and(|word| word.contains(','));
    Failure::message(match in_pairs {
        true => "selectors and the all flag cannot be used when passing resource/name arguments",
        false => "name cannot be provided when a selector is specified",
    })
}

/// What is said to words beside files.
///
/// # Errors
/// If there are any.
pub fn refuse_words_beside_files(words: &[String]) -> Result<(), Failure> {
    let why = match words {
        [] => return Ok(()),
        [first, ..] if first.contains('/') => {
            "resource/name arguments cannot be provided when a path is specified"
        }
        _ => {
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        }
    };
    Err(Failure::message(why))
}

/// The same for a verb that does nothing to all objects of a kind unless it is told to.
///
/// # Errors
/// As [`select`], and if only kinds are named.
pub fn select_by_name(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    let chosen = call.args.has_files()
        || call.args.on("all")
        || call.args.has("selector")
        || call.args.has("field-selector");
    if !chosen
        && let Named::Kinds(kinds) = named(call.client.live(), &call.args.words.clone())?
        && !kinds.is_empty()
    {
        return Err(Failure::message("resource(s) were provided, but no name was specified"));
    }
    select(call)
}

/// The objects that manifests describe, as they are in the cluster.
fn by_manifest(call: &mut Call<'_, '_>) -> Result<(Vec<Arc<Object>>, Vec<Failure>), Failure> {
    let batch = manifests::read(call)?;
    let labels = call.args.value("selector").unwrap_or_default();
    let selector = Selector::parse(labels)
        .map_err(|why| Failure::message(format!("the provided selector {labels:?} is not valid: {why}")))?;
    let (mut found, mut failures) = (Vec::new(), batch.failures);
    for item in batch.items.iter().filter(|item| selector.matches(&item.value.map("metadata.labels"))) {
        // Who works locally means what is written, and does not ask the server.
        if call.args.on("local") {
            match Object::from_value(item.kind, item.value.clone()) {
                Ok(object) => found.push(Arc::new(object)),
                Err(why) => failures.push(Failure::message(why.to_string())),
            }
            continue;
        }
        let namespace = if item.namespace.is_empty() { &call.namespace } else { &item.namespace };
        let namespace = if item.kind.info().namespaced { namespace } else { "" };
        match call.client.get(&Key::new(item.kind, namespace, &item.name)) {
            Ok(object) => found.push(object),
            Err(status) => failures.push(Failure::from(status)),
        }
    }
    Ok((found, failures))
}

/// What the server says along with every answer about a kind that it would rather not serve.
///
/// # Errors
/// As [`named`].
pub fn warn_of_deprecated(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let asked: Vec<Kind> = match named(call.client.live(), &call.args.words.clone())? {
        Named::Kinds(kinds) => kinds,
        Named::Objects(objects) => objects.into_iter().map(|(of, _)| of).collect(),
    };
    for (kind, warning) in [
        (Kind::COMPONENT_STATUS, "v1 ComponentStatus is deprecated in v1.19+"),
        (Kind::ENDPOINTS, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
    ] {
        if asked.contains(&kind) {
            call.client.note_warning(warning);
        }
    }
    Ok(())
}
