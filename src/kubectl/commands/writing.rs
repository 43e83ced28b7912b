//! What verbs that write have in common: dry runs, `-o`, and the line that says what was done.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Key, Kind, Object};
use crate::kubectl::Call;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Args, Flag, optional, switch, value};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::print::format::{Printing, WRITE};
use crate::kubectl::print::served;

/// `--dry-run`.
pub const DRY_RUN: Flag = optional("dry-run", "unchanged", "client, server or none");
/// `-o`.
pub const OUTPUT: Flag = value("output", "yaml, json, name or a template").short('o');
/// Whether a template may name fields that are not there.
const ALLOW_MISSING: Flag =
    switch("allow-missing-template-keys", "take fields that are not there for nothing");
/// Whether YAML and JSON show who manages which field.
const SHOW_MANAGED_FIELDS: Flag = switch("show-managed-fields", "keep them in YAML and JSON");
/// `--template`, and what else there is wherever `-o` takes one.
pub const TEMPLATE: Flag =
    value("template", "the template, where -o does not bring it").with(&[ALLOW_MISSING, SHOW_MANAGED_FIELDS]);
/// `-f`, with `-k` and `-R`.
pub const FILENAME: Flag = value("filename", "the manifests of the objects").short('f').with(&[
    value("kustomize", "the directory of a kustomization").short('k'),
    switch("recursive", "go down into folders").short('R'),
]);
/// `--field-manager`.
pub const FIELD_MANAGER: Flag = value("field-manager", "the name under which it manages the fields it sets");

/// The name under which a verb manages fields unless `--field-manager` says another.
pub fn field_manager(args: &Args, path: &str) -> String {
    if let Some(name) = args.value("field-manager") {
        return name.to_string();
    }
    match path.split(' ').next().unwrap_or_default() {
        "apply" if args.on("server-side") || path == "apply set-last-applied" => "kubectl".into(),
        "apply" if path == "apply edit-last-applied" => "kubectl-last-applied".into(),
        "apply" => "kubectl-client-side-apply".into(),
        "rollout" if path == "rollout undo" => "kubectl".into(),
        verb @ ("create" | "run" | "expose" | "replace" | "patch" | "set" | "rollout" | "label"
        | "annotate" | "taint" | "autoscale" | "edit") => format!("kubectl-{verb}"),
        _ => "kubectl".into(),
    }
}

/// The verb of the requests by which a command changes objects, as roles name it.
pub fn update_verb(path: &str) -> &'static str {
    match path.split(' ').next().unwrap_or_default() {
        "replace" | "certificate" => "update",
        _ => "patch",
    }
}

/// How much of a write is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// All of it.
    No,
    /// None: the server is not asked.
    Client,
    /// None, but the server says what it would do.
    Server,
}

impl DryRun {
    /// What a command asks for.
    ///
    /// # Errors
    /// In kubectl's words.
    pub fn of(call: &mut Call<'_, '_>) -> Result<DryRun, Failure> {
        match call.args.value("dry-run") {
            None | Some("none" | "false") => Ok(DryRun::No),
            Some("server") => Ok(DryRun::Server),
            Some("client") => Ok(DryRun::Client),
            Some("unchanged" | "true") => {
                const OLD: &str = "W: --dry-run is deprecated and can be replaced with --dry-run=client.";
                if !call.output.stderr.contains(OLD) {
                    call.warn(OLD);
                }
                Ok(DryRun::Client)
            }
            Some(other) => Err(Failure::message(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// What the line that says what was done ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::No => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }
}

/// Replaces an object by its changed JSON, as far as the dry run lets it; returns what there is afterwards.
///
/// # Errors
/// The server's.
pub fn update(
    call: &mut Call<'_, '_>,
    live: &Object,
    changed: Value,
    dry: DryRun,
) -> Result<Arc<Object>, Failure> {
    let mut object = Object::from_value(live.kind(), changed)
        .map_err(|_| Failure::message("the changed object cannot be read"))?;
    object.set_revision(0);
    match dry {
        DryRun::No => Ok(call.client.update_object(object)?),
        DryRun::Client => {
            object.set_revision(live.revision());
            Ok(Arc::new(object))
        }
        DryRun::Server => Ok(Arc::new(call.client.dry_run_update(object)?)),
    }
}

/// Says what was done to an object, or prints the object if `-o` asks for it.
///
/// # Errors
/// An unknown format.
pub fn done(call: &mut Call<'_, '_>, object: &Object, what: &str, dry: DryRun) -> Result<(), Failure> {
    let value = shown(call, object);
    done_to(call, object.kind(), &value, what, dry)
}

/// An object as YAML and JSON show it, with its managers where the command asks for them.
pub fn shown(call: &Call<'_, '_>, object: &Object) -> Value {
    let mut value = served(object);
    add_managers(call, &object.key(), &mut value);
    value
}

/// Adds an object's managers, where the command asks for them.
pub fn add_managers(call: &Call<'_, '_>, key: &Key, value: &mut Value) {
    if call.args.on("show-managed-fields") {
        value["metadata"]["managedFields"] = call.client.server().managers_of(key).to_value();
    }
}

/// The same for an object that exists as JSON only.
///
/// # Errors
/// An unknown format.
pub fn done_to(
    call: &mut Call<'_, '_>,
    kind: Kind,
    value: &Value,
    what: &str,
    dry: DryRun,
) -> Result<(), Failure> {
    let name = value.text_or("metadata.name", value.text("metadata.generateName"));
    match call.args.output().map(str::to_string).as_deref() {
        None => call.say(format!("{}/{name} {what}{}", kind.group_singular(), dry.suffix())),
        Some("name") => call.say(format!("{}/{name}", kind.group_singular())),
        Some(format) => {
            let printing = Printing {
                format,
                template: call.args.value("template"),
                value,
                items: std::slice::from_ref(value),
                headings: true,
                missing_allowed: call.args.switch("allow-missing-template-keys", true),
                files: &call.invocation.files,
                allowed: WRITE,
            };
            let text = printing.text().map_err(Failure::message)?;
            // Objects that follow one another in YAML are documents of one stream.
            let apart = format == "yaml" && !call.output.stdout.is_empty();
            call.output.stdout.push_str(if apart { "---\n" } else { "" });
            call.output.stdout.push_str(&text);
        }
    }
    Ok(())
}
