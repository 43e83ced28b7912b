//! `create` without a file: objects made from flags, a subcommand for each kind.

mod batch;
pub(super) mod config;
pub(super) mod network;
mod policy;
mod rbac;
mod token;
mod workload;

use serde_json::{Map, Value, json};

use super::apply::{LAST_APPLIED, SAVE_CONFIG};
use super::writing::{DRY_RUN, DryRun, FIELD_MANAGER, OUTPUT, TEMPLATE, add_managers, done_to};
use crate::api::{Kind, Object};
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::Flag;
use crate::kubectl::print::go_order;
use crate::kubectl::{Call, Verb};

/// Every generator.
pub const GENERATORS: &[&Verb] = &[
    &workload::DEPLOYMENT,
    &batch::JOB,
    &batch::CRON_JOB,
    &config::NAMESPACE,
    &config::CONFIG_MAP,
    &config::SECRET_GENERIC,
    &config::SECRET_TLS,
    &config::SECRET_REGISTRY,
    &config::SERVICE_ACCOUNT,
    &token::TOKEN,
    &network::CLUSTER_IP,
    &network::NODE_PORT,
    &network::LOAD_BALANCER,
    &network::EXTERNAL_NAME,
    &network::INGRESS,
    &policy::QUOTA,
    &policy::PRIORITY_CLASS,
    &policy::DISRUPTION_BUDGET,
    &rbac::ROLE,
    &rbac::CLUSTER_ROLE,
    &rbac::ROLE_BINDING,
    &rbac::CLUSTER_ROLE_BINDING,
];

const VALIDATE: Flag = crate::kubectl::parse::optional("validate", "strict", "has no effect here");

/// The one name that the command must give.
fn name(call: &Call<'_, '_>) -> Result<String, Failure> {
    match call.args.words.as_slice() {
        [name] => Ok(name.clone()),
        words => Err(Failure::misuse(format!("exactly one NAME is required, got {}", words.len()))),
    }
}

/// Refuses a command without these flags, which are looked for before its words.
fn require(call: &Call<'_, '_>, flags: &[&str]) -> Result<(), Failure> {
    let missing: Vec<&str> = flags.iter().copied().filter(|flag| !call.args.has(flag)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::message(format!("required flag(s) \"{}\" not set", missing.join("\", \""))))
}

/// The value of a flag that must be given.
fn required(call: &Call<'_, '_>, flag: &str) -> Result<String, Failure> {
    let value = call.args.value(flag).map(str::to_string);
    value.ok_or_else(|| Failure::message(format!("required flag(s) \"{flag}\" not set")))
}

/// `KEY=VALUE` pairs as a map.
fn pairs<'a>(texts: impl IntoIterator<Item = &'a str>, what: &str) -> Result<Map<String, Value>, Failure> {
    let mut map = Map::new();
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| Failure::message(format!("invalid {what} {text:?}, expected KEY=VALUE")))?;
        map.insert(key.into(), value.into());
    }
    Ok(map)
}

/// `metadata` with a name and the current namespace.
fn metadata(call: &Call<'_, '_>, name: &str) -> Value {
    json!({"name": name, "namespace": call.namespace})
}

/// Makes an object, or with `--dry-run` only shows it. `doing` begins the message if the server refuses.
pub fn make(
    call: &mut Call<'_, '_>,
    kind: Kind,
    mut value: Value,
    what: &str,
    doing: &str,
) -> Result<(), Failure> {
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.name().into();
    let dry = DryRun::of(call)?;
    // Only a namespace that was asked for is part of what is shown and noted.
    let unasked = value["metadata"].as_object_mut().filter(|_| !call.args.has("namespace"));
    let home = unasked.and_then(|metadata| metadata.remove("namespace"));
    if call.args.on("save-config") {
        let noted = format!("{}\n", go_order::compact(&value));
        value["metadata"]["annotations"][LAST_APPLIED] = noted.into();
    }
    // `expose` hands its Service to the server as a tree.
    let typed = dry == DryRun::Client || what != "exposed";
    if dry == DryRun::Client {
        return show(call, kind, &value, what, dry, typed);
    }
    if let Some(home) = home {
        value["metadata"]["namespace"] = home;
    }
    let object = Object::from_value(kind, value).map_err(|error| Failure::message(error.to_string()))?;
    let key = object.key();
    let stored = match dry {
        DryRun::Server => call.client.dry_run_create(object).map(|object| object.to_value()),
        _ => call.client.create_object(object).map(|stored| stored.to_value()),
    };
    let mut stored = stored.map_err(|status| match doing {
        "" => Failure::from(status),
        doing => Failure::while_doing(doing, status),
    })?;
    if dry == DryRun::No {
        add_managers(call, &key, &mut stored);
    }
    show(call, kind, &stored, what, dry, typed)
}

/// Says what was made, or prints it: an object of a Go type with its fields in their order.
fn show(
    call: &mut Call<'_, '_>,
    kind: Kind,
    value: &Value,
    what: &str,
    dry: DryRun,
    typed: bool,
) -> Result<(), Failure> {
    if typed && call.args.output() == Some("json") {
        call.say(go_order::indented(value));
        return Ok(());
    }
    done_to(call, kind, value, what, dry)
}
