//! `certificate approve` and `certificate deny`: a signing request gets a condition that says so. Nobody signs.

use serde_json::{Value, json};

use crate::api::{Kind, Object, typed};
use crate::kubectl::commands::writing::{self, DryRun, FILENAME, OUTPUT, TEMPLATE};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests;
use crate::kubectl::parse::{Flag, switch};
use crate::kubectl::print::fields::Fields;
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[FILENAME, switch("force", "also where it has been said before"), OUTPUT, TEMPLATE];

/// `certificate approve`.
pub const APPROVE: Verb = Verb {
    path: "certificate approve",
    help: "Approve a certificate signing request",
    flags: FLAGS,
    run: |call| judge(call, "Approved", "Denied", "approved"),
};

/// `certificate deny`.
pub const DENY: Verb = Verb {
    path: "certificate deny",
    help: "Deny a certificate signing request",
    flags: FLAGS,
    run: |call| judge(call, "Denied", "Approved", "denied"),
};

fn judge(call: &mut Call<'_, '_>, type_: &str, other: &str, said: &str) -> Result<(), Failure> {
    let mut names: Vec<String> =
        call.args.words.iter().map(|word| word.rsplit('/').next().unwrap_or(word).to_string()).collect();
    if call.args.has_files() {
        let batch = manifests::read(call)?;
        Failure::collect(batch.failures)?;
        names.extend(batch.items.into_iter().map(|item| item.name));
    }
    if names.is_empty() {
        return Err(Failure::message("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let kind = Kind::CERTIFICATE_SIGNING_REQUEST;
    for name in names {
        let live = call.client.get(&call.key(kind, &name))?;
        let mut value = live.to_value();
        let conditions = value.list("status.conditions").to_vec();
        let has = |wanted: &str| conditions.iter().any(|condition| condition.text("type") == wanted);
        if has(other) {
            let (of, new) = (other.to_lowercase(), type_);
            return Err(Failure::message(format!(
                "certificate signing request \"{name}\" is already {of}, cannot be {new}"
            )));
        }
        if !has(type_) || call.args.on("force") {
            let now = typed::write(&call.client.now().to_time());
            let verb = if type_ == "Approved" { "approve" } else { "deny" };
            let mut all: Vec<Value> =
                conditions.into_iter().filter(|condition| condition.text("type") != type_).collect();
            all.push(json!({
                "type": type_, "status": "True", "reason": format!("Kubectl{}", if verb == "approve" { "Approve" } else { "Deny" }),
                "message": format!("This CSR was {} by kubectl certificate {verb}.", said),
                "lastUpdateTime": now, "lastTransitionTime": now,
            }));
            if !value["status"].is_object() {
                value["status"] = json!({});
            }
            value["status"]["conditions"] = all.into();
            let object =
                Object::from_value(kind, value).map_err(|error| Failure::message(error.to_string()))?;
            call.client.update_approval(object)?;
        }
        let object = call.client.get(&call.key(kind, &name))?;
        writing::done(call, &object, said, DryRun::No)?;
    }
    Ok(())
}
