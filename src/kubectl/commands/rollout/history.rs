//! `rollout history`.

use super::revisions::{CHANGE_CAUSE, Revision, revisions};
use super::{is_rolled_out, no_history, targets};
use crate::api::{Kind, Object};
use crate::kubectl::Call;
use crate::kubectl::describe::pod_template_text;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::tabwriter::TabWriter;

use super::super::get::name_of;
use super::super::writing::{DryRun, done_to};

/// See the module.
pub fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = call.args.number("revision")?.unwrap_or(0);
    if wanted < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {wanted}")));
    }
    let shaped = call.args.value("output").is_some_and(|format| !format.is_empty());
    let (objects, mut failures) = targets(call)?;
    for object in objects {
        if !is_rolled_out(object.kind()) {
            failures.push(no_history(object.kind(), "history", "history viewer"));
            continue;
        }
        let revisions = revisions(&object, call.client);
        let name = name_of(&object);
        if shaped {
            failures.extend(print(call, &object, &revisions, wanted).err());
            continue;
        }
        if revisions.is_empty() {
            let with = if wanted > 0 { format!("with revision #{wanted}") } else { String::new() };
            call.say(format!("{name} {with}\nNo rollout history found."));
            continue;
        }
        if wanted == 0 {
            let mut table = String::from("REVISION\tCHANGE-CAUSE\n");
            for revision in &revisions {
                let cause = if revision.cause.is_empty() { "<none>" } else { &revision.cause };
                table.push_str(&format!("{}\t{cause}\n", revision.number));
            }
            call.say(format!("{name} \n{}", TabWriter::DESCRIBE.format(&table)));
            continue;
        }
        match revisions.iter().find(|revision| revision.number == wanted) {
            Some(found) => {
                let mut template = found.template.clone();
                // A Deployment's ReplicaSets keep the cause; here it is shown with the template.
                if object.kind() == Kind::DEPLOYMENT && !found.cause.is_empty() {
                    template["metadata"]["annotations"][CHANGE_CAUSE] = found.cause.clone().into();
                }
                call.say(format!("{name} with revision #{wanted}\n{}", pod_template_text(&template)));
            }
            None => failures.push(Failure::message("unable to find the specified revision")),
        }
    }
    Failure::collect(failures)
}

/// Prints revisions as objects: a Deployment's ReplicaSets, the workload as it was at each for the others.
fn print(
    call: &mut Call<'_, '_>,
    object: &Object,
    revisions: &[Revision],
    wanted: i64,
) -> Result<(), Failure> {
    let meant: Vec<&Revision> =
        revisions.iter().filter(|revision| wanted == 0 || revision.number == wanted).collect();
    if meant.is_empty() && wanted > 0 {
        return Err(Failure::message("unable to find the specified revision"));
    }
    let kind = if object.kind() == Kind::DEPLOYMENT { Kind::REPLICA_SET } else { object.kind() };
    meant.into_iter().try_for_each(|revision| done_to(call, kind, &revision.object, "", DryRun::No))
}
