//! `config`: the one context there is, and its namespace.

use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::format;
use crate::kubectl::print::table::Table;
use crate::kubectl::{Call, Verb};

/// The cluster, the user and the context are all called so.
const NAME: &str = "kubeviz";
const SERVER: &str = "https://kubeviz:6443";

const NO_HEADERS: Flag = switch("no-headers", "leave the headings out");
const OUTPUT: Flag = value("output", "name: print only names").short('o');

/// See the module.
pub const SET_CONTEXT: Verb = Verb {
    path: "config set-context",
    help: "Set a context entry in kubeconfig",
    flags: &[
        switch("current", "change the current context"),
        value("cluster", "its cluster"),
        value("user", "its user"),
    ],
    run: |call: &mut Call<'_, '_>| {
        let named = call.args.words.first().map(String::as_str);
        if named.is_none() && !call.args.on("current") {
            return Err(Failure::message(
                "Unexpected args: []\nSee 'kubectl config set-context -h' for help and examples",
            ));
        }
        if let Some(other) = named.filter(|name| *name != NAME) {
            return Err(Failure::message(format!(
                "kubeviz has one context, \"{NAME}\", and cannot make \"{other}\""
            )));
        }
        call.say(format!("Context \"{NAME}\" modified."));
        Ok(())
    },
};

/// See the module.
pub const USE_CONTEXT: Verb = Verb {
    path: "config use-context",
    help: "Set the current-context in a kubeconfig file",
    flags: &[],
    run: use_context,
};
/// The same by its short name.
pub const USE: Verb = Verb { path: "config use", ..USE_CONTEXT };

fn use_context(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    match call.args.words.as_slice() {
        [name] if name == NAME => {
            call.say(format!("Switched to context \"{NAME}\"."));
            Ok(())
        }
        [other] => Err(Failure::message(format!("no context exists with the name: \"{other}\""))),
        words => Err(Failure::message(format!("Unexpected args: [{}]", words.join(" ")))),
    }
}

/// See the module.
pub const CURRENT_CONTEXT: Verb = Verb {
    path: "config current-context",
    help: "Display the current-context",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say(NAME);
        Ok(())
    },
};

/// See the module.
pub const GET_CONTEXTS: Verb = Verb {
    path: "config get-contexts",
    help: "Describe one or many contexts",
    flags: &[NO_HEADERS, OUTPUT],
    run: |call: &mut Call<'_, '_>| {
        if let Some(other) = call.args.words.iter().find(|name| *name != NAME) {
            return Err(Failure::message(format!("context {other} not found")));
        }
        if call.args.value("output") == Some("name") {
            call.say(NAME);
            return Ok(());
        }
        let mut table = Table::new(&["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]);
        let namespace = call.namespace.clone();
        table.row(vec!["*".into(), NAME.into(), NAME.into(), NAME.into(), namespace]);
        let text = table.render(!call.args.on("no-headers"));
        call.output.stdout.push_str(&text);
        Ok(())
    },
};

/// See the module.
pub const GET_CLUSTERS: Verb = Verb {
    path: "config get-clusters",
    help: "Display clusters defined in the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say(format!("NAME\n{NAME}"));
        Ok(())
    },
};

/// See the module.
pub const GET_USERS: Verb = Verb {
    path: "config get-users",
    help: "Display users defined in the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say(format!("NAME\n{NAME}"));
        Ok(())
    },
};

/// See the module.
pub const VIEW: Verb = Verb {
    path: "config view",
    help: "Display merged kubeconfig settings or a specified kubeconfig file",
    flags: &[
        switch("minify", "show only what the current context uses"),
        switch("raw", "show secrets too"),
        switch("flatten", "has no effect here"),
        value("output", "yaml, json or jsonpath=…").short('o'),
    ],
    run: view,
};

fn view(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let value = serde_json::json!({
        "apiVersion": "v1",
        "clusters": [{"cluster": {"server": SERVER}, "name": NAME}],
        "contexts": [{"context": {"cluster": NAME, "namespace": call.namespace, "user": NAME}, "name": NAME}],
        "current-context": NAME,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": NAME, "user": {}}],
    });
    let format = call.args.value("output").unwrap_or("yaml").to_string();
    let text = super::get::shaped_in(call, &format, &[value], true, format::WRITE)?;
    call.output.stdout.push_str(&text);
    Ok(())
}
