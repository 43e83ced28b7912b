//! `create namespace`, `configmap`, `secret`, `serviceaccount`.

use serde_json::{Map, Value, json};

use super::{
    DRY_RUN, FIELD_MANAGER, OUTPUT, SAVE_CONFIG, TEMPLATE, VALIDATE, make, metadata, name, required,
};
use crate::api::Kind;
use crate::api::manifest::base64_encode;
use crate::api::sha256;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::json::go_json;
use crate::kubectl::{Call, Verb};

const LITERAL: Flag = value("from-literal", "a key and its value, KEY=VALUE");
const FILE: Flag = value("from-file", "a file, or KEY=FILE");
const ENV_FILE: Flag = value("from-env-file", "a file of lines KEY=VALUE");
const APPEND_HASH: Flag = switch("append-hash", "put a hash of the content behind the name");

/// `create namespace`.
pub const NAMESPACE: Verb = Verb {
    path: "create namespace",
    help: "Create a namespace with the specified name",
    flags: &[DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER, SAVE_CONFIG, VALIDATE],
    run: |call| {
        let name = name(call)?;
        let value = json!({"metadata": {"name": name}, "spec": {}, "status": {}});
        make(call, Kind::NAMESPACE, value, "created", "")
    },
};

/// `create configmap`: from values on the line, or from files.
pub const CONFIG_MAP: Verb = Verb {
    path: "create configmap",
    help: "Create a config map from a local file, directory or literal value",
    flags: &[
        LITERAL,
        FILE,
        ENV_FILE,
        APPEND_HASH,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: config_map,
};

/// `create secret generic`.
pub const SECRET_GENERIC: Verb = Verb {
    path: "create secret generic",
    help: "Create a secret from a local file, directory, or literal value",
    flags: &[
        LITERAL,
        FILE,
        ENV_FILE,
        APPEND_HASH,
        value("type", "its type"),
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: |call| {
        let texts = sources(call, "Secret")?;
        let type_ = call.args.value("type").unwrap_or("Opaque").to_string();
        secret(call, texts, &type_)
    },
};

/// `create secret tls`.
pub const SECRET_TLS: Verb = Verb {
    path: "create secret tls",
    help: "Create a TLS secret",
    flags: &[
        value("cert", "the file of the certificate"),
        value("key", "the file of the key"),
        APPEND_HASH,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: tls,
};

/// `create secret docker-registry`.
pub const SECRET_REGISTRY: Verb = Verb {
    path: "create secret docker-registry",
    help: "Create a secret for use with a Docker registry",
    flags: &[
        value("docker-server", "the registry"),
        value("docker-username", "the user"),
        value("docker-password", "the password"),
        value("docker-email", "the address"),
        FILE,
        APPEND_HASH,
        DRY_RUN,
        OUTPUT,
        TEMPLATE,
        FIELD_MANAGER,
        SAVE_CONFIG,
        VALIDATE,
    ],
    run: registry,
};

/// `create serviceaccount`.
pub const SERVICE_ACCOUNT: Verb = Verb {
    path: "create serviceaccount",
    help: "Create a service account with the specified name",
    flags: &[DRY_RUN, OUTPUT, TEMPLATE, FIELD_MANAGER, SAVE_CONFIG, VALIDATE],
    run: |call| {
        let name = name(call)?;
        let value = json!({"metadata": metadata(call, &name)});
        make(call, Kind::SERVICE_ACCOUNT, value, "created", "error: failed to create serviceaccount")
    },
};

/// Keys and texts, as the flags give them.
fn sources(call: &Call<'_, '_>, kind: &str) -> Result<Map<String, Value>, Failure> {
    let name = call.args.words.first().cloned().unwrap_or_default();
    let mut texts = Map::new();
    let has_others = call.args.has("from-file") || call.args.has("from-literal");
    if call.args.has("from-env-file") && has_others {
        return Err(Failure::message("from-env-file cannot be combined with from-file or from-literal"));
    }
    for literal in call.args.values("from-literal") {
        let (key, text) = literal.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Failure::message(format!("invalid literal source {literal}, expected key=value"))
        })?;
        // A shell would have taken quotes around the value off.
        let quoted = text.len() > 1 && ['"', '\''].iter().any(|q| text.starts_with(*q) && text.ends_with(*q));
        add(&mut texts, key, if quoted { &text[1..text.len() - 1] } else { text }, kind, &name)?;
    }
    for source in call.args.values("from-file") {
        match key_and_path(source)? {
            Some((key, path)) => add(&mut texts, key, read(call, path)?, kind, &name)?,
            None if call.invocation.files.contains_key(source) => {
                add(&mut texts, base_name(source), read(call, source)?, kind, &name)?;
            }
            None => {
                // A folder gives each file in it.
                let folder = format!("{}/", source.trim_end_matches('/'));
                let inside: Vec<&String> = call
                    .invocation
                    .files
                    .keys()
                    .filter(|path| path.strip_prefix(&folder).is_some_and(|own| !own.contains('/')))
                    .collect();
                if inside.is_empty() {
                    read(call, source)?;
                }
                for path in inside {
                    add(&mut texts, base_name(path), read(call, path)?, kind, &name)?;
                }
            }
        }
    }
    for path in call.args.values("from-env-file") {
        for line in read(call, path)?.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                let (key, text) = line.split_once('=').unwrap_or((line, ""));
                check_variable(key)?;
                add(&mut texts, key, text, kind, &name)?;
            }
        }
    }
    Ok(texts)
}

/// A source that says under which key a file is kept: `KEY=FILE`.
fn key_and_path(source: &str) -> Result<Option<(&str, &str)>, Failure> {
    let Some((key, path)) = source.split_once('=') else { return Ok(None) };
    let why = match (key, path) {
        _ if path.contains('=') => "key names or file paths cannot contain '='".to_string(),
        ("", path) => format!("key name for file path {path} missing"),
        (key, "") => format!("file path for key name {key} missing"),
        pair => return Ok(Some(pair)),
    };
    Err(Failure::message(why))
}

/// Whether kubectl takes a text for the name of a variable.
pub fn is_variable(name: &str) -> bool {
    let may_begin = |c: char| c.is_ascii_alphabetic() || ['-', '_', '.'].contains(&c);
    name.starts_with(may_begin) && name.chars().all(|c| may_begin(c) || c.is_ascii_digit())
}

fn check_variable(name: &str) -> Result<(), Failure> {
    if is_variable(name) {
        return Ok(());
    }
    Err(Failure::message(format!(
        "{name:?} is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits, '_', \
         '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for \
         validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
    )))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn read<'a>(call: &'a Call<'_, '_>, path: &str) -> Result<&'a str, Failure> {
    let text = call.invocation.files.get(path);
    text.map(String::as_str)
        .ok_or_else(|| Failure::message(format!("error reading {path}: no such file or directory")))
}

fn add(texts: &mut Map<String, Value>, key: &str, text: &str, kind: &str, name: &str) -> Result<(), Failure> {
    let valid = !key.is_empty()
        && key.len() <= 253
        && key.chars().all(|c| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c));
    if !valid {
        return Err(Failure::message(format!(
            "\"{key}\" is not a valid key name for a {kind}: a valid config key must consist of alphanumeric characters, '-', '_' \
             or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        )));
    }
    if texts.insert(key.to_string(), text.into()).is_some() {
        return Err(Failure::message(match kind {
            "Secret" => format!("cannot add key {key}, another key by that name already exists"),
            _ => format!(
                "cannot add key \"{key}\", another key by that name already exists in Data for {kind} \"{name}\""
            ),
        }));
    }
    Ok(())
}

/// The name, with a hash of the object behind it if that is asked for (`pkg/util/hash`).
fn hashed(
    call: &Call<'_, '_>,
    name: &str,
    kind: &str,
    content: &Map<String, Value>,
    type_: Option<&str>,
) -> String {
    if !call.args.on("append-hash") {
        return name.to_string();
    }
    let mut object = json!({"data": content, "kind": kind, "name": name});
    if let Some(type_) = type_ {
        object["type"] = type_.into();
    }
    format!("{name}-{}", sha256::name_hash(&go_json(&object)))
}

fn config_map(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let name = name(call)?;
    let data = sources(call, "ConfigMap")?;
    let name = hashed(call, &name, "ConfigMap", &data, None);
    let metadata = metadata(call, &name);
    let value = match data.is_empty() {
        true => json!({"metadata": metadata}),
        false => json!({"data": data, "metadata": metadata}),
    };
    make(call, Kind::CONFIG_MAP, value, "created", "error: failed to create configmap")
}

fn secret(call: &mut Call<'_, '_>, texts: Map<String, Value>, type_: &str) -> Result<(), Failure> {
    let name = name(call)?;
    let encode = |text: Value| Value::String(base64_encode(text.as_str().unwrap_or_default().as_bytes()));
    let data: Map<String, Value> = texts.into_iter().map(|(key, text)| (key, encode(text))).collect();
    let name = hashed(call, &name, "Secret", &data, Some(type_));
    let mut value = json!({"metadata": metadata(call, &name), "type": type_});
    if !data.is_empty() {
        value["data"] = Value::Object(data);
    }
    make(call, Kind::SECRET, value, "created", "error: failed to create secret")
}

fn tls(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    if ["cert", "key"].iter().any(|flag| call.args.value(flag).is_none_or(str::is_empty)) {
        return Err(Failure::message("key and cert must be specified"));
    }
    let (cert, key) = (required(call, "cert")?, required(call, "key")?);
    let file = |path: &str| {
        let text = call.invocation.files.get(path).cloned();
        text.ok_or_else(|| Failure::message(format!("open {path}: no such file or directory")))
    };
    let (cert, key) = (file(&cert)?, file(&key)?);
    for (text, what) in [(&cert, "certificate"), (&key, "key")] {
        if !text.contains("-----BEGIN ") {
            return Err(Failure::message(format!("tls: failed to find any PEM data in {what} input")));
        }
    }
    let texts = json!({"tls.crt": cert, "tls.key": key});
    secret(call, texts.as_object().cloned().unwrap_or_default(), "kubernetes.io/tls")
}

fn registry(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    const TYPE: &str = "kubernetes.io/dockerconfigjson";
    if call.args.has("from-file") {
        let texts = sources(call, "Secret")?;
        return secret(call, texts, TYPE);
    }
    let text = |flag: &str| call.args.value(flag).unwrap_or_default().to_string();
    let (user, password) = (text("docker-username"), text("docker-password"));
    if user.is_empty() || password.is_empty() {
        return Err(Failure::message(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        ));
    }
    let server = call.args.value("docker-server").unwrap_or("https://index.docker.io/v1/").to_string();
    let auth = base64_encode(format!("{user}:{password}").as_bytes());
    // In the order of the fields of Go's struct.
    let fields =
        [("username", user), ("password", password), ("email", text("docker-email")), ("auth", auth)];
    let fields = fields.into_iter().filter(|(_, text)| !text.is_empty());
    let account: Vec<String> =
        fields.map(|(field, text)| format!("\"{field}\":{}", go_json(&text.into()))).collect();
    let config = format!("{{\"auths\":{{{}:{{{}}}}}}}", go_json(&server.into()), account.join(","));
    let texts = json!({".dockerconfigjson": config});
    secret(call, texts.as_object().cloned().unwrap_or_default(), TYPE)
}
