//! `cp`: files of containers to and from the files that the console knows.

use super::containers::{container_of, pod_of};
use super::exec::check;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{switch, value};
use crate::kubectl::{Call, Verb};

/// See the module.
pub const CP: Verb = Verb {
    path: "cp",
    help: "Copy files and directories to and from containers",
    flags: &[
        value("container", "the container").short('c'),
        switch("no-preserve", "has no effect here"),
        value("retries", "has no effect here"),
    ],
    run,
};

/// `namespace/pod:path`, `pod:path`; a path alone is of this machine.
struct Place {
    namespace: Option<String>,
    pod: String,
    path: String,
}

fn place(text: &str) -> Result<Option<Place>, Failure> {
    let Some((pod, path)) = text.split_once(':') else { return Ok(None) };
    if pod.is_empty() {
        return Err(Failure::message(
            "filespec must match the canonical format: [[namespace/]pod:]file/path",
        ));
    }
    if path.is_empty() {
        return Err(Failure::message("filepath can not be empty"));
    }
    let (namespace, pod) = match pod.split_once('/') {
        Some((namespace, pod)) => (Some(namespace.to_string()), pod),
        None => (None, pod),
    };
    Ok(Some(Place { namespace, pod: pod.to_string(), path: path.to_string() }))
}

fn run(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [from, to] = call.args.words.as_slice() else {
        return Err(Failure::message("source and destination are required"));
    };
    let (from, to) = (from.clone(), to.clone());
    match (place(&from)?, place(&to)?) {
        (Some(_), Some(_)) => Err(Failure::message("one of src or dest must be a local file specification")),
        (None, None) => Err(Failure::message("one of src or dest must be a remote file specification")),
        (Some(place), None) => download(call, &place, &to),
        (None, Some(place)) => upload(call, &from, &place),
    }
}

/// Runs a shell line in the container that a place is in.
fn run_in(call: &mut Call<'_, '_>, place: &Place, script: &str) -> Result<(String, i32), Failure> {
    if let Some(namespace) = &place.namespace {
        call.namespace.clone_from(namespace);
    }
    let pod = pod_of(call, &place.pod)?;
    let container = container_of(call, &pod)?;
    check(&pod, &container)?;
    let words = ["sh", "-c", script].map(String::from);
    let answer = call.client.exec(&pod, &container, (&words, false)).unwrap_or_default();
    Ok((answer.said, answer.code.unwrap_or(0)))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn download(call: &mut Call<'_, '_>, place: &Place, to: &str) -> Result<(), Failure> {
    let path = quoted(&place.path);
    let (listed, code) =
        run_in(call, place, &format!("if [ -d {path} ]; then ls {path}; else [ -e {path} ]; fi"))?;
    let shown = place.path.trim_start_matches('/');
    if code != 0 {
        call.warn(format!(
            "tar: {shown}: Cannot stat: No such file or directory\ntar: Exiting with failure status due to previous errors"
        ));
        return Err(Failure::message("command terminated with exit code 2"));
    }
    if place.path.starts_with('/') {
        call.warn("tar: removing leading '/' from member names");
    }
    let name = place.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_string();
    let names: Vec<&str> = listed.lines().collect();
    let files: Vec<(String, String)> = match names.is_empty() {
        true => {
            let into_directory = to.ends_with('/') || to == ".";
            let to =
                if into_directory { format!("{}/{name}", to.trim_end_matches('/')) } else { to.to_string() };
            vec![(place.path.clone(), to)]
        }
        false => {
            let from = place.path.trim_end_matches('/');
            names
                .iter()
                .map(|name| (format!("{from}/{name}"), format!("{}/{name}", to.trim_end_matches('/'))))
                .collect()
        }
    };
    for (from, to) in files {
        let (text, code) = run_in(call, place, &format!("cat {}", quoted(&from)))?;
        if code == 0 {
            call.output.files.push((to.trim_start_matches("./").to_string(), text));
        }
    }
    Ok(())
}

fn upload(call: &mut Call<'_, '_>, from: &str, place: &Place) -> Result<(), Failure> {
    let below = format!("{}/", from.trim_end_matches('/'));
    let files: Vec<(String, String)> = match call.invocation.files.get(from) {
        Some(text) => vec![(String::new(), text.clone())],
        None => {
            let inside = call.invocation.files.iter();
            inside
                .filter_map(|(path, text)| Some((path.strip_prefix(&below)?.to_string(), text.clone())))
                .collect()
        }
    };
    if files.is_empty() {
        return Err(Failure::message(format!("{from} doesn't exist in local filesystem")));
    }
    let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or(from);
    let (_, is_file) = run_in(call, place, &format!("[ -d {} ]", quoted(&place.path)))?;
    let base = if is_file == 0 {
        format!("{}/{name}", place.path.trim_end_matches('/'))
    } else {
        place.path.clone()
    };
    for (path, text) in files {
        let target = if path.is_empty() { base.clone() } else { format!("{base}/{path}") };
        let make = match target.rsplit_once('/').filter(|_| !path.is_empty()) {
            Some((parent, _)) => format!("mkdir -p {} && ", quoted(parent)),
            None => String::new(),
        };
        let script = format!("{make}printf %s {} > {}", quoted(&text), quoted(&target));
        let (said, code) = run_in(call, place, &script)?;
        if code != 0 {
            call.warn(format!(
                "tar: can't open '{}': No such file or directory",
                target.rsplit('/').next().unwrap_or(&target)
            ));
            debug_assert!(!said.is_empty() || code != 0);
            return Err(Failure::message("command terminated with exit code 1"));
        }
    }
    Ok(())
}
