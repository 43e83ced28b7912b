//! `replace --force`: deletes the objects of manifests, waits until they are gone, and creates them anew. `apply --force` does so
//! with those that the server refuses to change. Models `forceReplace` of `kubectl/pkg/cmd/replace`, and `deleteAndCreate` of
//! `kubectl/pkg/cmd/apply`.

use super::apply::{apply_one, check_fields, place, remember, selected};
use super::delete::{self, Target};
use super::writing::{self, DryRun};
use crate::api::status::Reason;
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

/// What is applied with `--force` may take this long.
const LONG: SimDuration = SimDuration::from_secs(168 * 3_600);

/// kubectl looks so often whether an object is gone.
const INTERVAL: SimDuration = SimDuration::from_secs(1);

/// What comes when the objects are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// All are created.
    Replace,
    /// The manifest's object at this place is, and those behind it are applied.
    Apply(usize),
}

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
    then: Then,
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
    await_all(call, going, timeout, Then::Replace)
}

fn await_all(
    call: &mut Call<'_, '_>,
    going: Vec<Key>,
    timeout: SimDuration,
    then: Then,
) -> Result<(), Failure> {
    let now = call.client.now();
    let replacing = Replacing {
        args: call.args.clone(),
        invocation: call.invocation.clone(),
        namespace: call.namespace.clone(),
        user: call.client.user().cloned(),
        going,
        timeout,
        deadline: now + timeout,
        next: now,
        then,
    };
    go_on(call, replacing)
}

/// Applies manifests; what the server refuses to change is deleted and made anew, unless it would refuse that, too.
///
/// # Errors
/// What cannot be read, deleted or made.
pub fn apply(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    apply_from(call, 0, false)
}

/// From the object at a place on, which is gone if there is `room` for it.
fn apply_from(call: &mut Call<'_, '_>, first: usize, room: bool) -> Result<(), Failure> {
    let batch = selected(call)?;
    if batch.items.is_empty() && batch.failures.is_empty() {
        return Err(Failure::message("no objects passed to apply"));
    }
    let mut failures = if first == 0 { batch.failures } else { Vec::new() };
    for (at, item) in batch.items.iter().enumerate().skip(first) {
        let mut anew = room && at == first;
        let mut applied = apply_one(call, item);
        if !anew && applied.as_ref().is_err_and(Failure::is_refusal) && may_be_made(call, item)? {
            let key = place(call, item)?;
            let timeout = call.timeout("timeout")?.map_or(LONG, |deadline| deadline.since(call.client.now()));
            let grace = call.args.number("grace-period")?.filter(|seconds| *seconds >= 0);
            let propagation = delete::propagation(call)?;
            let options = DeleteOptions { grace_period_seconds: grace, propagation, uid: None };
            call.output.diagnostics.clear();
            call.client.delete(&key, &options, None)?;
            if call.client.live().object(&key).is_some() {
                Failure::collect(failures)?;
                return await_all(call, vec![key], timeout, Then::Apply(at));
            }
            anew = true;
            applied = apply_one(call, item);
        }
        match applied {
            Ok((done, object)) => {
                writing::done(call, &object, if anew { "configured" } else { done }, DryRun::No)?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::collect(failures)
}

/// Whether the server would make the object, if there were none of its name.
fn may_be_made(call: &mut Call<'_, '_>, item: &Item) -> Result<bool, Failure> {
    let key = place(call, item)?;
    let mut value = item.value.clone();
    if !key.namespace.is_empty() {
        value["metadata"]["namespace"] = (&*key.namespace).into();
    }
    let Ok(object) = Object::from_value(item.kind, value) else { return Ok(false) };
    let tried = call.client.dry_run_create(object);
    Ok(tried.is_ok() || tried.is_err_and(|status| status.reason == Reason::AlreadyExists))
}

/// Looks whether the objects are gone, and then creates them.
pub fn poll(replacing: Replacing, client: &mut Client<'_>) -> Output {
    if client.now() < replacing.next {
        return Output { wait: Some(Wait::Replace(Box::new(replacing))), ..Output::default() };
    }
    let verb = match replacing.then {
        Then::Replace => "replace",
        Then::Apply(_) => "apply",
    };
    client.manage_as(&writing::field_manager(&replacing.args, verb));
    client.impersonate(replacing.user.clone());
    let invocation = replacing.invocation.clone();
    let (args, namespace) = (replacing.args.clone(), replacing.namespace.clone());
    let (kubeconfig, output) = Default::default();
    let mut call = Call { args, invocation: &invocation, namespace, kubeconfig, client, output };
    let done = go_on(&mut call, replacing);
    call.end(done, verb);
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
    match replacing.then {
        Then::Replace => create_all(call),
        Then::Apply(at) => apply_from(call, at, true),
    }
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
