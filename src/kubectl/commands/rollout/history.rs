//! `rollout history`.

use super::revisions::{CHANGE_CAUSE, revisions};
use super::{group_kind, is_rolled_out, targets};
use crate::api::Kind;
use crate::kubectl::Call;
use crate::kubectl::describe::pod_template_text;
use crate::kubectl::errors::Failure;
use crate::kubectl::print::tabwriter::TabWriter;

use super::super::get::name_of;

/// See the module.
pub fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let wanted = call.args.number("revision")?.unwrap_or(0);
    if wanted < 0 {
        return Err(Failure::message(format!("revision must be a positive integer: {wanted}")));
    }
    let (objects, mut failures) = targets(call)?;
    for object in objects {
        if !is_rolled_out(object.kind()) {
            let kind = group_kind(object.kind());
            failures.push(Failure::message(format!("no history viewer has been implemented for {kind:?}")));
            continue;
        }
        let revisions = revisions(&object, call.client);
        let name = name_of(&object);
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
