//! The names of a definition: those that no other had first are accepted, and when all are, its kind is there.
//!
//! Models apiextensions-apiserver's `NamingConditionController` and `EstablishingController`, which here are part of the write.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::definition::Definition;
use crate::api::{Key, Kind, MetaExt, Object};
use crate::apiserver::View;
use crate::clock::SimTime;

/// Holds a definition until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The names that other definitions of a group have: of resources, and of kinds.
#[derive(Default)]
struct Taken {
    resources: Vec<String>,
    kinds: Vec<String>,
}

impl Taken {
    fn by_others(view: &View, own: &Key, group: &str) -> Taken {
        let mut taken = Taken::default();
        for object in
            view.objects(Kind::CUSTOM_RESOURCE_DEFINITION, None).filter(|object| object.key() != *own)
        {
            let Some(other) = Definition::of(object).filter(|other| other.group() == group) else { continue };
            let names = other.accepted();
            let text = |name: &str| names[name].as_str().map(str::to_string);
            taken.resources.extend([text("plural"), text("singular")].into_iter().flatten());
            taken.resources.extend(other.short_names().into_iter().map(str::to_string));
            taken.kinds.extend([text("kind"), text("listKind")].into_iter().flatten());
        }
        taken
    }
}

/// The status that a definition gets, if it has another: accepted names and conditions.
pub fn accept(view: &View, key: &Key, now: SimTime) -> Option<Object> {
    let object = view.object(key)?;
    let definition = Definition::of(object)?;
    let Object::Tree(tree) = &**object else { return None };
    let taken = Taken::by_others(view, key, definition.group());
    let wanted = definition.names();
    let mut names = definition.accepted().as_object().cloned().unwrap_or_default();
    let conflict = accept_names(wanted, &mut names, &taken);
    let mut status = (*tree.status).clone();
    let look = Look { generation: object.generation(), now };
    status["observedGeneration"] = look.generation.into();
    status["acceptedNames"] = Value::Object(names);
    let accepted = conflict.is_none();
    let (reason, message) = conflict.unwrap_or_else(|| ("NoConflicts".into(), "no conflicts found".into()));
    look.set(&mut status, "NamesAccepted", accepted, &reason, &message);
    if accepted {
        let message = "the initial names have been accepted";
        look.set(&mut status, "Established", true, "InitialNamesAccepted", message);
    } else if !definition.is_established() {
        look.set(&mut status, "Established", false, "NotAccepted", "not all names are accepted");
    }
    let mut tree = tree.clone();
    tree.status = Arc::new(status);
    Some(Object::Tree(tree)).filter(|changed| *changed != **object)
}

/// Takes over the names that are free; the last that is not is the reason and the message of the condition.
fn accept_names(wanted: &Value, names: &mut Map<String, Value>, taken: &Taken) -> Option<(String, String)> {
    let mut conflict = None;
    let in_use = |name: &str| format!("{name:?} is already in use");
    for (field, reason, others) in [
        ("plural", "PluralConflict", &taken.resources),
        ("singular", "SingularConflict", &taken.resources),
        ("shortNames", "ShortNamesConflict", &taken.resources),
        ("kind", "KindConflict", &taken.kinds),
        ("listKind", "ListKindConflict", &taken.kinds),
    ] {
        let list: Vec<&str> = match &wanted[field] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let used: Vec<String> = list
            .iter()
            .filter(|name| others.iter().any(|other| other == *name))
            .map(|name| in_use(name))
            .collect();
        match used.as_slice() {
            [] if wanted[field].is_null() => drop(names.remove(field)),
            [] => drop(names.insert(field.into(), wanted[field].clone())),
            [one] => conflict = Some((reason.to_string(), one.clone())),
            several => conflict = Some((reason.to_string(), format!("[{}]", several.join(", ")))),
        }
    }
    match &wanted["categories"] {
        Value::Null => drop(names.remove("categories")),
        categories => drop(names.insert("categories".into(), categories.clone())),
    }
    conflict
}

/// What the first request to delete a definition leaves on it.
pub fn begin_termination(object: &mut Object, now: SimTime) {
    object.meta_mut().finalizers.get_or_insert_default().push(CLEANUP_FINALIZER.into());
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will be initiated soon";
    terminating(object, true, "InstanceDeletionPending", message, now);
}

/// Notes on a definition that is going how far the removal of its objects has come.
pub fn terminating(object: &mut Object, under_way: bool, reason: &str, message: &str, now: SimTime) {
    let look = Look { generation: object.generation(), now };
    if let Object::Tree(tree) = object {
        look.set(Arc::make_mut(&mut tree.status), "Terminating", under_way, reason, message);
    }
}

/// When a definition was looked at, and which of its generations.
struct Look {
    generation: i64,
    now: SimTime,
}

impl Look {
    fn set(&self, status: &mut Value, type_: &str, holds: bool, reason: &str, message: &str) {
        if !status["conditions"].is_array() {
            status["conditions"] = Value::Array(Vec::new());
        }
        let Some(conditions) = status["conditions"].as_array_mut() else { return };
        let word = if holds { "True" } else { "False" };
        let known = conditions.iter().position(|condition| condition["type"] == type_);
        let since =
            known.map(|at| &conditions[at]).filter(|condition| condition["status"] == word).map_or_else(
                || crate::api::typed::write(&self.now.to_time()),
                |condition| condition["lastTransitionTime"].clone(),
            );
        let condition = json!({
            "lastTransitionTime": since, "message": message, "observedGeneration": self.generation, "reason": reason,
            "status": word, "type": type_,
        });
        match known {
            Some(at) => conditions[at] = condition,
            None => conditions.push(condition),
        }
    }
}
