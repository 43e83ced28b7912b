//! `config set-cluster`, `set-credentials` and their counterparts: the clusters and users of the kubeconfig.

use serde_json::{Value, json};
use sorted::SortedMap;

use crate::api::manifest::base64_encode;
use crate::kubectl::errors::Failure;
use crate::kubectl::global::file_of;
use crate::kubectl::kubeconfig::Kubeconfig;
use crate::kubectl::parse::{Flag, optional, switch, value};
use crate::kubectl::{Call, Verb};

use super::PATH;

/// The console stands here, and files are noted with their whole path.
const DIRECTORY: &str = "/root";

const EMBED: Flag = switch("embed-certs", "keep what is in the files, not their names");

/// See the module.
pub const SET_CLUSTER: Verb = Verb {
    path: "config set-cluster",
    help: "Set a cluster entry in kubeconfig",
    flags: &[
        value("server", "the address of its server"),
        value("tls-server-name", "the name in its certificate"),
        switch("insecure-skip-tls-verify", "trust any certificate"),
        value("certificate-authority", "the certificate of the authority to trust"),
        value("proxy-url", "a proxy on the way to it"),
        EMBED,
    ],
    run: set_cluster,
};

fn set_cluster(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = only_word(call)?;
    let (insecure, authority) =
        (call.args.on("insecure-skip-tls-verify"), call.args.has("certificate-authority"));
    if insecure && authority {
        return Err(Failure::message(
            "you cannot specify a certificate authority and insecure mode at the same time",
        ));
    }
    if call.args.on("embed-certs") {
        if !authority {
            return Err(Failure::message("you must specify a --certificate-authority to embed"));
        }
        is_there(call, "certificate-authority")?;
    }
    let mut cluster = call.kubeconfig.clusters.get(&name).cloned().unwrap_or_else(|| json!({"server": ""}));
    if let Some(server) = call.args.value("server") {
        cluster["server"] = server.into();
        remove(&mut cluster, &["tls-server-name"]);
    }
    texts(call, &mut cluster, &["tls-server-name", "proxy-url"]);
    if insecure {
        cluster["insecure-skip-tls-verify"] = true.into();
        remove(&mut cluster, &["certificate-authority", "certificate-authority-data"]);
    }
    if authority {
        file(call, &mut cluster, "certificate-authority");
        remove(&mut cluster, &["insecure-skip-tls-verify"]);
    }
    call.say(format!("Cluster {name:?} set."));
    call.kubeconfig.clusters.insert(name, cluster);
    Ok(())
}

/// See the module.
pub const SET_CREDENTIALS: Verb = Verb {
    path: "config set-credentials",
    help: "Set a user entry in kubeconfig",
    flags: &[
        value("client-certificate", "the certificate to be known by"),
        value("client-key", "the key of that certificate"),
        value("token", "the token to be known by"),
        value("username", "the name of a user"),
        value("password", "the user's password"),
        value("auth-provider", "a plugin that knows the user"),
        value("auth-provider-arg", "what the plugin is told"),
        value("exec-command", "a program that knows the user"),
        value("exec-api-version", "the version that the program speaks"),
        value("exec-arg", "an argument of the program"),
        value("exec-env", "a variable of the program"),
        optional("embed-certs", "true", "keep what is in the files, not their names"),
    ],
    run: set_credentials,
};

fn set_credentials(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = only_word(call)?;
    check_credentials(call)?;
    let mut user = call.kubeconfig.users.get(&name).cloned().unwrap_or_else(|| json!({}));
    for field in ["client-certificate", "client-key"] {
        file(call, &mut user, field);
    }
    texts(call, &mut user, &["token", "username", "password"]);
    // Who is known by one thing is not known by another any more.
    let given = |flag: &str| call.args.value(flag).is_some_and(|text| !text.is_empty());
    let (token, basic) = (given("token"), given("username") || given("password"));
    match (token, basic) {
        (true, false) => remove(&mut user, &["username", "password"]),
        (false, true) => remove(&mut user, &["token"]),
        _ => {}
    }
    if let Some(provider) = call.args.value("auth-provider") {
        user["auth-provider"] = json!({"config": pairs(call, "auth-provider-arg"), "name": provider});
    }
    if let Some(command) = call.args.value("exec-command") {
        let env = pairs(call, "exec-env");
        let env = env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>();
        let args = call.args.list("exec-arg");
        let mut exec = json!({
            "args": args, "command": command, "env": env, "interactiveMode": "IfAvailable", "provideClusterInfo": false,
        });
        for (field, is_empty) in [("args", args.is_empty()), ("env", env.is_empty())] {
            if is_empty {
                exec[field] = Value::Null;
            }
        }
        if let Some(version) = call.args.value("exec-api-version") {
            exec["apiVersion"] = version.into();
        }
        user["exec"] = exec;
    }
    call.say(format!("User {name:?} set."));
    call.kubeconfig.users.insert(name, user);
    Ok(())
}

fn check_credentials(call: &Call<'_, '_>) -> Result<(), Failure> {
    let given = |flag: &str| call.args.value(flag).is_some_and(|text| !text.is_empty());
    if given("token") && (given("username") || given("password")) {
        return Err(Failure::message(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        ));
    }
    if !call.args.on("embed-certs") {
        return Ok(());
    }
    if !given("client-certificate") && !given("client-key") {
        return Err(Failure::message("you must specify a --client-certificate or --client-key to embed"));
    }
    ["client-certificate", "client-key"].into_iter().try_for_each(|flag| is_there(call, flag))
}

/// `key=value` pairs of a flag that may be given many times.
fn pairs(call: &Call<'_, '_>, flag: &str) -> SortedMap<String, String> {
    let pairs = call.args.list(flag).into_iter().filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The one word that names the entry.
fn only_word(call: &Call<'_, '_>) -> Result<String, Failure> {
    match call.args.words.as_slice() {
        [name] if name.is_empty() => Err(Failure::message("you must specify a non-empty user name")),
        [name] => Ok(name.clone()),
        words => Err(Failure::message(format!("unexpected args: [{}]", words.join(" ")))),
    }
}

/// Refuses to embed a file that nobody has.
fn is_there(call: &Call<'_, '_>, flag: &str) -> Result<(), Failure> {
    match call.args.value(flag).filter(|path| !path.is_empty() && file_of(call.invocation, path).is_none()) {
        None => Ok(()),
        Some(path) => Err(Failure::message(format!(
            "could not stat {flag} file {path}: stat {path}: no such file or directory"
        ))),
    }
}

/// Notes a file by its path, or what is in it.
fn file(call: &mut Call<'_, '_>, fields: &mut Value, flag: &str) {
    let Some(path) = call.args.value(flag) else { return };
    let data = format!("{flag}-data");
    let text = file_of(call.invocation, path);
    if call.args.on("embed-certs") {
        fields[data] = base64_encode(text.unwrap_or_default().as_bytes()).into();
        remove(fields, &[flag]);
        return;
    }
    let path = path.trim_start_matches("./").to_string();
    // Later lines read the file, and do not name it.
    call.output.files.extend(text.map(|text| (path.clone(), text.to_string())));
    fields[flag] = if path.starts_with('/') { path.into() } else { format!("{DIRECTORY}/{path}").into() };
    remove(fields, &[&data]);
}

/// Notes what flags say; an empty text takes the field away.
fn texts(call: &Call<'_, '_>, fields: &mut Value, flags: &[&str]) {
    for flag in flags {
        match call.args.value(flag) {
            Some("") => remove(fields, &[flag]),
            Some(text) => fields[*flag] = text.into(),
            None => {}
        }
    }
}

fn remove(fields: &mut Value, names: &[&str]) {
    if let Some(fields) = fields.as_object_mut() {
        names.iter().for_each(|name| {
            fields.remove(*name);
        });
    }
}

/// See the module.
pub const DELETE_CLUSTER: Verb = Verb {
    path: "config delete-cluster",
    help: "Delete the specified cluster from the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| delete(call, "cluster", |config| &mut config.clusters),
};

/// See the module.
pub const DELETE_USER: Verb = Verb {
    path: "config delete-user",
    help: "Delete the specified user from the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| delete(call, "user", |config| &mut config.users),
};

fn delete(
    call: &mut Call<'_, '_>,
    what: &str,
    entries: impl Fn(&mut Kubeconfig) -> &mut SortedMap<String, Value>,
) -> Result<(), Failure> {
    let [name] = call.args.words.as_slice() else {
        return Err(Failure::misuse(format!("{what} to delete is required")));
    };
    let name = name.clone();
    if entries(&mut call.kubeconfig).remove(&name).is_none() {
        return Err(Failure::message(format!("cannot delete {what} {name}, not in {PATH}")));
    }
    call.say(format!("deleted {what} {name} from {PATH}"));
    Ok(())
}

/// See the module.
pub const GET_CLUSTERS: Verb = Verb {
    path: "config get-clusters",
    help: "Display clusters defined in the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let names: Vec<String> = call.kubeconfig.clusters.keys().cloned().collect();
        list(call, &names)
    },
};

/// See the module.
pub const GET_USERS: Verb = Verb {
    path: "config get-users",
    help: "Display users defined in the kubeconfig",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let names: Vec<String> = call.kubeconfig.users.keys().cloned().collect();
        list(call, &names)
    },
};

fn list(call: &mut Call<'_, '_>, names: &[String]) -> Result<(), Failure> {
    call.say("NAME");
    names.iter().for_each(|name| call.say(name));
    Ok(())
}
