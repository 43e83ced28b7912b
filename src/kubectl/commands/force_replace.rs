//! `replace --force`: deletes the objects of manifests, waits until they are gone, and creates them anew. Models
//! `forceReplace` of `kubectl/pkg/cmd/replace`.

use super::apply::{check_fields, place, remember};
use super::delete::{self, Target};
use super::writing::{self, DryRun};
use crate::api::{Key, Object};
use crate::client::authorization::User;
use crate::client::{Client, DeleteOptions};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::errors::Failure;
use crate::kubectl::manifests::{self, Item};
use crate::kubectl::parse::Args;
use crate::kubectl::{Call, Invocation, Output, Wait};

/// An object may take so long to go, unless `--timeout` says otherwise.
const TIMEOUT: SimDuration = SimDuration::from_secs(300);

/// kubectl looks so often whether an object is gone.
const INTERVAL: SimDuration = SimDuration::from_secs(1);

/// A replacement whose objects are still to go: plain data, so that a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacing {
    args: Args,
    invocation: Invocation,
    namespace: String,
    user: Option<User>,
    /// What is waited for, one after the other, by name: one that somebody else makes anew meanwhile is in the way.
    going: Vec<Key>,
    timeout: SimDuration,
    /// When the first of them has taken too long.
    deadline: SimTime,
    /// When it is looked for again.
    next: SimTime,
}

/// Deletes the objects, and goes on as far as nothing has to be waited for.
///
/// # Errors
/// What cannot be read or deleted; then nothing is created.
pub fn start(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let now = call.client.now();
    let timeout = call.timeout("timeout")?.map_or(TIMEOUT, |deadline| deadline.since(now));
    let propagation = delete::propagation(call)?;
    // Who gives no time at all gives a second, in which the kubelet gets to know.
    let grace =
        call.args.number("grace-period")?.filter(|seconds| *seconds >= 0).map(|seconds| seconds.max(1));
    let options = DeleteOptions { grace_period_seconds: grace, propagation, uid: None };
    let batch = manifests::read(call)?;
    // The manifests are read again for the objects to be made, and what they are warned of is said then.
    call.output.stderr.clear();
    let (mut targets, mut failures) = (Vec::new(), batch.failures);
    for item in batch.items {
        match place(call, &item) {
            Ok(key) => targets.push(Target { key, source: Some(item.source) }),
            Err(failure) => failures.push(failure),
        }
    }
    if targets.is_empty() && failures.is_empty() {
        call.say("No resources found");
    }
    let going = targets.iter().map(|target| target.key.clone()).collect();
    delete::delete_all(call, targets, &options, DryRun::No, &mut failures);
    failures.retain(|failure| !failure.is_not_found());
    Failure::collect(failures)?;
    let replacing = Replacing {
        args: call.args.clone(),
        invocation: call.invocation.clone(),
        namespace: call.namespace.clone(),
        user: call.client.user().cloned(),
        going,
        timeout,
        deadline: now + timeout,
        next: now,
    };
    go_on(call, replacing)
}

/// Looks whether the objects are gone, and then creates them.
pub fn poll(replacing: Replacing, client: &mut Client<'_>) -> Output {
    if client.now() < replacing.next {
        return Output { wait: Some(Wait::Replace(Box::new(replacing))), ..Output::default() };
    }
    client.manage_as(&writing::field_manager(&replacing.args, "replace"));
    client.impersonate(replacing.user.clone());
    let invocation = replacing.invocation.clone();
    let (args, namespace) = (replacing.args.clone(), replacing.namespace.clone());
    let (kubeconfig, output) = Default::default();
    let mut call = Call { args, invocation: &invocation, namespace, kubeconfig, client, output };
    let done = go_on(&mut call, replacing);
    call.end(done, "replace");
    call.output
}

fn go_on(call: &mut Call<'_, '_>, mut replacing: Replacing) -> Result<(), Failure> {
    let now = call.client.now();
    while let Some(key) = replacing.going.first() {
        if call.client.live().object(key).is_none() {
            replacing.going.remove(0);
            replacing.deadline = now + replacing.timeout;
            continue;
        }
        if now >= replacing.deadline {
            return Err(Failure::message("timed out waiting for the condition"));
        }
        replacing.next = now + INTERVAL;
        call.output.wait = Some(Wait::Replace(Box::new(replacing)));
        return Ok(());
    }
    create_all(call)
}

fn create_all(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let batch = manifests::read(call)?;
    if batch.items.is_empty() && batch.failures.is_empty() {
        return Err(Failure::message("no objects passed to replace"));
    }
    let mut failures = batch.failures;
    for item in &batch.items {
        match create(call, item) {
            Ok(object) => writing::done(call, &object, "replaced", DryRun::No)?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::collect(failures)
}

fn create(call: &mut Call<'_, '_>, item: &Item) -> Result<std::sync::Arc<Object>, Failure> {
    let key = place(call, item)?;
    let mut value = item.value.clone();
    if call.args.on("save-config") {
        remember(&mut value, item.kind, &key.namespace);
    }
    if !key.namespace.is_empty() {
        value["metadata"]["namespace"] = (&*key.namespace).into();
    }
    let created = match check_fields(call, item)? {
        Ok(_) => {
            let object = Object::from_value(item.kind, value);
            call.client.create_object(object.map_err(|error| Failure::message(error.to_string()))?)
        }
        Err(status) => Err(status),
    };
    created.map_err(|status| {
        call.output.diagnostics.extend(item.diagnose(&status));
        Failure::from(status)
    })
}
