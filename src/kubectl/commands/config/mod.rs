//! `config`: contexts, and the namespaces in them; the clusters and users that they name. Models `pkg/cmd/config`.

mod entries;
mod property;
mod view;

pub use entries::{DELETE_CLUSTER, DELETE_USER, GET_CLUSTERS, GET_USERS, SET_CLUSTER, SET_CREDENTIALS};
pub use property::{SET, UNSET};
pub use view::VIEW;

use crate::kubectl::errors::Failure;
use crate::kubectl::kubeconfig::Entry;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// Where the kubeconfig is, in what is said of it.
const PATH: &str = "/root/.kube/config";

const NO_HEADERS: Flag = switch("no-headers", "leave the headings out");
const OUTPUT: Flag = value("output", "name: print only names").short('o');
const OUTPUT_ANY: Flag = value("output", "yaml, json or jsonpath=…").short('o');

/// See the module.
pub const SET_CONTEXT: Verb = Verb {
    path: "config set-context",
    help: "Set a context entry in kubeconfig",
    flags: &[
        switch("current", "change the current context"),
        value("cluster", "its cluster"),
        value("user", "its user"),
    ],
    run: set_context,
};

/// What is said to too many words, or too few.
fn unexpected(words: &[String]) -> Failure {
    Failure::misuse(format!("Unexpected args: [{}]", words.join(" ")))
}

fn set_context(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = match (call.args.words.as_slice(), call.args.on("current")) {
        (words @ [_, _, ..], _) => return Err(unexpected(words)),
        ([], false) => {
            return Err(Failure::message("you must specify a non-empty context name or --current"));
        }
        ([_], true) => {
            return Err(Failure::message("you cannot specify both a context name and --current"));
        }
        ([], true) if call.kubeconfig.current.is_empty() => {
            return Err(Failure::message("no current context is set"));
        }
        ([], true) => call.kubeconfig.current.clone(),
        ([name], false) => name.clone(),
    };
    let known = call.kubeconfig.contexts.contains_key(&name);
    let mut entry = call.kubeconfig.contexts.get(&name).cloned().unwrap_or_default();
    for (flag, field) in
        [("cluster", &mut entry.cluster), ("user", &mut entry.user), ("namespace", &mut entry.namespace)]
    {
        if let Some(value) = call.args.value(flag) {
            *field = value.to_string();
        }
    }
    call.kubeconfig.contexts.insert(name.clone(), entry);
    call.say(format!("Context {name:?} {}.", if known { "modified" } else { "created" }));
    Ok(())
}

/// See the module.
pub const USE_CONTEXT: Verb = Verb {
    path: "config use-context",
    help: "Set the current-context in a kubeconfig file",
    flags: &[],
    run: use_context,
};
fn use_context(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [name] = call.args.words.as_slice() else { return Err(unexpected(&call.args.words)) };
    let name = name.clone();
    if !call.kubeconfig.contexts.contains_key(&name) {
        return Err(Failure::message(format!("no context exists with the name: {name:?}")));
    }
    call.say(format!("Switched to context {name:?}."));
    call.kubeconfig.current = name;
    Ok(())
}

/// See the module.
pub const DELETE_CONTEXT: Verb = Verb {
    path: "config delete-context",
    help: "Delete the specified context from the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let [name] = call.args.words.as_slice() else { return Err(unexpected(&call.args.words)) };
        let name = name.clone();
        if call.kubeconfig.contexts.remove(&name).is_none() {
            return Err(Failure::message(format!("cannot delete context {name}, not in {PATH}")));
        }
        if call.kubeconfig.current == name {
            call.warn(
                "warning: this removed your active context, use \"kubectl config use-context\" to select a different one",
            );
        }
        call.say(format!("deleted context {name} from {PATH}"));
        Ok(())
    },
};

/// See the module.
pub const RENAME_CONTEXT: Verb = Verb {
    path: "config rename-context",
    help: "Rename a context from the kubeconfig file",
    flags: &[],
    run: rename_context,
};

fn rename_context(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let [old, new] = call.args.words.as_slice() else { return Err(unexpected(&call.args.words)) };
    let (old, new) = (old.clone(), new.clone());
    let config = &mut call.kubeconfig;
    if config.contexts.contains_key(&new) && config.contexts.contains_key(&old) {
        return Err(Failure::message(format!(
            "cannot rename the context {old:?}, the context {new:?} already exists in {PATH}"
        )));
    }
    let Some(entry) = config.contexts.remove(&old) else {
        return Err(Failure::message(format!("cannot rename the context {old:?}, it's not in {PATH}")));
    };
    config.contexts.insert(new.clone(), entry);
    if config.current == old {
        config.current = new.clone();
    }
    call.say(format!("Context {old:?} renamed to {new:?}."));
    Ok(())
}

/// See the module.
pub const CURRENT_CONTEXT: Verb = Verb {
    path: "config current-context",
    help: "Display the current-context",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let current = call.kubeconfig.current.clone();
        if current.is_empty() {
            return Err(Failure::message("current-context is not set"));
        }
        call.say(current);
        Ok(())
    },
};

/// See the module.
pub const GET_CONTEXTS: Verb = Verb {
    path: "config get-contexts",
    help: "Describe one or many contexts",
    flags: &[NO_HEADERS, OUTPUT],
    run: get_contexts,
};

fn get_contexts(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let format = call.args.value("output").unwrap_or_default().to_string();
    match format.as_str() {
        "" | "name" => {}
        "json" | "yaml" | "wide" => call.say(format!(
            "--output {format} is not available in kubectl config get-contexts; resetting to default output format"
        )),
        other => return Err(Failure::message(format!("output must be one of '' or 'name': {other}"))),
    }
    let config = call.kubeconfig.clone();
    let wanted = call.args.words.clone();
    let missing = wanted.iter().filter(|name| !config.contexts.contains_key(*name));
    let missing: Vec<Failure> =
        missing.map(|name| Failure::message(format!("context {name} not found"))).collect();
    let shown = config.contexts.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    let mut table = Table::new(&["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]);
    for (name, entry) in shown {
        if format == "name" {
            call.say(name);
            continue;
        }
        let mark = if *name == config.current { "*" } else { "" };
        let Entry { cluster, user, namespace } = entry.clone();
        table.row(vec![mark.into(), name.clone(), cluster, user, namespace]);
    }
    if format != "name" {
        let text = table.render(!call.args.on("no-headers"));
        call.output.stdout.push_str(&text);
    }
    Failure::collect(missing)
}
