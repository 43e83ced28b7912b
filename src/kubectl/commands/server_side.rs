//! `apply --server-side`: what the manifest says goes to the server as it is, and the server says who else has set it.

use std::sync::Arc;

use serde_json::Value;

use super::apply::{LAST_APPLIED, nameless, place, refuse};
use crate::api::managed::{ManagerId, Operation};
use crate::api::status::Reason;
use crate::api::{Key, MetaExt, Object, Status, versions};
use crate::client::Applying;
use crate::kubectl::Call;
use crate::kubectl::commands::writing::DryRun;
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::Item;
use crate::kubectl::subresource::has;

const REAPPLY_FAILED: &str = "Warning: failed to re-apply configuration after performing Server-Side Apply migration. This is \
    non-fatal and will be retried next time you apply.";
/// The manager that keeps the annotation of client-side apply.
const KEEPS_ANNOTATION: &str = "kubectl-last-applied";

const ADVICE: &str = "\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

/// Applies one object of a manifest on the server.
///
/// # Errors
/// The server's; of a conflict, with kubectl's advice.
pub fn apply(call: &mut Call<'_, '_>, item: &Item) -> Result<(&'static str, Arc<Object>), Failure> {
    let key = place(call, item)?;
    if item.name.is_empty() {
        return Err(Failure::message(nameless(item, &key.namespace)));
    }
    let mut config = item.value.clone();
    versions::convert(item.kind, &mut config);
    if !key.namespace.is_empty() {
        config["metadata"]["namespace"] = (*key.namespace).into();
    }
    let stored = send(call, &key, &config).map_err(|status| refused(call, item, status))?;
    let whole = call.args.value("subresource").unwrap_or_default().is_empty();
    if whole && DryRun::of(call)? == DryRun::No && migrate(call, &key, &stored) {
        match send(call, &key, &config) {
            Ok(stored) => return Ok(("serverside-applied", stored)),
            Err(status) => call.warn(format!("{REAPPLY_FAILED} Error: {status}")),
        }
    }
    Ok(("serverside-applied", stored))
}

fn send(call: &mut Call<'_, '_>, key: &Key, config: &Value) -> Result<Arc<Object>, Status> {
    let part = match call.args.value("subresource") {
        None | Some("") => "",
        Some("status") if has(call.client.live(), key.kind, "status") => "status",
        Some(_) => return Err(Status::no_such_resource()),
    };
    let applying = Applying { key, config, force: call.args.on("force-conflicts"), part };
    match call.args.value("dry-run") {
        Some("server") => call.client.dry_run_apply(&applying),
        _ => call.client.apply(&applying),
    }
}

fn refused(call: &mut Call<'_, '_>, item: &Item, status: Status) -> Failure {
    if status.reason == Reason::Conflict && status.message.starts_with("Apply failed") {
        return Failure::message(format!("{}\n{ADVICE}", status.message));
    }
    // The error stands by itself; the place in the manifest is for the editor.
    let _ = refuse(call, item, status.clone(), "");
    Failure::from(status)
}

/// Takes over what client-side apply, whoever keeps its annotation, has managed: first its annotation gets a manager of its own, then its fields become
/// the new manager's (`saveLastApplyAnnotationIfNecessary`, `migrateToSSAIfNecessary`). Says whether there was anything.
fn migrate(call: &mut Call<'_, '_>, key: &Key, stored: &Object) -> bool {
    let manager = super::field_manager(&call.args, "apply");
    let mut managers = call.client.server().managers_of(key);
    let path = ["f:metadata", "f:annotations", &format!("f:{LAST_APPLIED}")].map(String::from);
    let owners: Vec<String> = managers
        .iter()
        .filter(|(id, entry)| id.operation == Operation::Update && entry.set.contains(&path))
        .map(|(id, _)| id.name.clone())
        .collect();
    if owners.is_empty() {
        return false;
    }
    let noted = stored.annotation(LAST_APPLIED).map(str::to_string);
    if let (Some(noted), "kubectl") = (noted, manager.as_str()) {
        let config = serde_json::json!({
            "apiVersion": stored.api_version(), "kind": key.kind.name(),
            "metadata": {"name": &*key.name, "namespace": &*key.namespace, "annotations": {LAST_APPLIED: noted}},
        });
        call.client.manage_as(KEEPS_ANNOTATION);
        let _ = call.client.apply(&Applying { key, config: &config, force: true, part: "" });
        call.client.manage_as(&manager);
        managers = call.client.server().managers_of(key);
    }
    let api_version = stored.api_version();
    let id =
        ManagerId { name: manager, operation: Operation::Apply, api_version, subresource: String::new() };
    owners.iter().for_each(|owner| managers.upgrade(owner, &id));
    call.client.set_managers(key, managers.to_value()).is_ok()
}
