//! `pods/log`: what a container has printed (`PodLogOptions`).

use super::Place;
use super::query::asked_for;
use crate::api::{MetaExt, Pod, Status};
use crate::kubectl::Call;
use crate::kubectl::commands::logs;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::Args;

/// What the query may say, as the flags of `logs` that say it.
const OPTIONS: [(&str, &str); 7] = [
    ("container", "container"),
    ("limitBytes", "limit-bytes"),
    ("previous", "previous"),
    ("sinceSeconds", "since"),
    ("sinceTime", "since-time"),
    ("tailLines", "tail"),
    ("timestamps", "timestamps"),
];

/// The log at a path.
///
/// # Errors
/// The server's.
pub fn get(call: &mut Call<'_, '_>, place: &Place, query: &str) -> Result<String, Failure> {
    let object = call.client.get(&place.key())?;
    let pod = object.as_kind::<Pod>().ok_or_else(Status::no_such_resource)?;
    let mut args = Args::default();
    args.words.push(pod.name().to_string());
    for (option, flag) in OPTIONS {
        if let Some(text) = asked_for(query, option).filter(|text| !text.is_empty()) {
            args.set_value(flag, if flag == "since" { format!("{text}s") } else { text });
        }
    }
    if !args.has("container") {
        args.set_value("container", only(pod)?);
    }
    let mut inner = Call {
        args,
        invocation: call.invocation,
        namespace: pod.namespace().into(),
        kubeconfig: call.kubeconfig.clone(),
        client: &mut *call.client,
        output: Default::default(),
    };
    match (logs::LOGS.run)(&mut inner) {
        Ok(()) => Ok(inner.output.stdout),
        // What kubectl would say before it asks, the server says.
        Err(Failure::Message(why) | Failure::Usage(why)) => Err(Status::bad_request(why).into()),
        Err(failure) => Err(failure),
    }
}

/// The pod's only container; a log of several has to be asked for by name.
fn only(pod: &Pod) -> Result<String, Status> {
    let names = |containers: &[crate::api::k8s::Container]| {
        containers.iter().map(|container| container.name.clone()).collect::<Vec<_>>().join(" ")
    };
    if let [only] = pod.spec.containers.as_slice() {
        return Ok(only.name.clone());
    }
    let init = pod.spec.init_containers.as_deref().unwrap_or_default();
    let or = match init {
        [] => String::new(),
        init => format!(" or one of the init containers: [{}]", names(init)),
    };
    let (name, main) = (pod.name(), names(&pod.spec.containers));
    let why = format!("a container name must be specified for pod {name}, choose one of: [{main}]{or}");
    Err(Status::bad_request(why))
}
