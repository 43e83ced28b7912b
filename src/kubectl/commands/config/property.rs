//! `config set` and `unset`: one value of the kubeconfig, by its path. A name in the path may hold dots: it ends before the
//! next word that is a field.

use serde_json::{Value, json};

use super::unexpected;
use crate::api::manifest::{base64_decode, base64_encode};
use crate::kubectl::errors::Failure;
use crate::kubectl::kubeconfig::{Entry, Kubeconfig};
use crate::kubectl::parse::optional;
use crate::kubectl::{Call, Verb};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Bytes,
    Switch,
    /// Lists and maps, which a line cannot set.
    More,
}

const CLUSTER: &[(&str, Holds)] = &[
    ("certificate-authority", Holds::Text),
    ("certificate-authority-data", Holds::Bytes),
    ("disable-compression", Holds::Switch),
    ("extensions", Holds::More),
    ("insecure-skip-tls-verify", Holds::Switch),
    ("proxy-url", Holds::Text),
    ("server", Holds::Text),
    ("tls-server-name", Holds::Text),
];
const USER: &[(&str, Holds)] = &[
    ("as", Holds::Text),
    ("as-groups", Holds::More),
    ("as-uid", Holds::Text),
    ("as-user-extra", Holds::More),
    ("auth-provider", Holds::More),
    ("client-certificate", Holds::Text),
    ("client-certificate-data", Holds::Bytes),
    ("client-key", Holds::Text),
    ("client-key-data", Holds::Bytes),
    ("exec", Holds::More),
    ("extensions", Holds::More),
    ("password", Holds::Text),
    ("token", Holds::Text),
    ("tokenFile", Holds::Text),
    ("username", Holds::Text),
];
const CONTEXT: &[(&str, Holds)] = &[
    ("cluster", Holds::Text),
    ("extensions", Holds::More),
    ("namespace", Holds::Text),
    ("user", Holds::Text),
];

/// See the module.
pub const SET: Verb = Verb {
    path: "config set",
    help: "Set an individual value in a kubeconfig file",
    flags: &[optional("set-raw-bytes", "true", "take the bytes as they are, not in base64")],
    run: |call: &mut Call<'_, '_>| {
        let [name, value] = call.args.words.as_slice() else { return Err(unexpected(&call.args.words)) };
        let (name, value) = (name.clone(), value.clone());
        if value.is_empty() {
            return Err(Failure::message("you cannot use set to unset a property"));
        }
        if name.is_empty() {
            return Err(Failure::message("you must specify a property"));
        }
        let raw = call.args.on("set-raw-bytes");
        Place::of(&name)?.set(&mut call.kubeconfig, &value, raw)?;
        call.say(format!("Property {name:?} set."));
        Ok(())
    },
};

/// See the module.
pub const UNSET: Verb = Verb {
    path: "config unset",
    help: "Unset an individual value in a kubeconfig file",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        let [name] = call.args.words.as_slice() else { return Err(unexpected(&call.args.words)) };
        let name = name.clone();
        if name.is_empty() {
            return Err(Failure::message("you must specify a property"));
        }
        Place::of(&name)?.unset(&mut call.kubeconfig)?;
        call.say(format!("Property {name:?} unset."));
        Ok(())
    },
};

/// What a path leads to.
struct Place<'a> {
    /// `current-context`, `clusters`, `contexts`, `users`, or a word without effect here.
    part: &'a str,
    /// The name of an entry.
    name: Option<String>,
    /// A field of the entry.
    field: Option<(&'static str, Holds)>,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Result<Place<'a>, Failure> {
        let parts: Vec<&str> = path.split('.').collect();
        let (fields, inside) = match parts[0] {
            "clusters" => (CLUSTER, "api.Cluster"),
            "contexts" => (CONTEXT, "api.Context"),
            "users" => (USER, "api.AuthInfo"),
            part @ ("current-context" | "kind" | "apiVersion" | "preferences" | "extensions") => {
                return match parts.len() {
                    1 => Ok(Place { part, name: None, field: None }),
                    _ => Err(Failure::message(format!("unable to parse one or more field values of {path}"))),
                };
            }
            _ => return Err(Failure::message(format!("unable to parse {path} after [] at api.Config"))),
        };
        let known = |word: &str| fields.iter().find(|(name, _)| *name == word).copied();
        let rest = &parts[1..];
        // The first word is of the name in any case.
        let end = rest.iter().skip(1).position(|word| known(word).is_some()).map_or(rest.len(), |at| at + 1);
        let name = Some(rest[..end].join(".")).filter(|_| !rest.is_empty());
        let field = match &rest[end..] {
            [] => None,
            [word] => known(word),
            [_, ..] => {
                return Err(Failure::message(format!(
                    "unable to parse one or more field values of {path} at {inside}"
                )));
            }
        };
        Ok(Place { part: parts[0], name, field })
    }

    fn set(&self, config: &mut Kubeconfig, text: &str, raw: bool) -> Result<(), Failure> {
        if self.part == "current-context" {
            config.current = text.to_string();
            return Ok(());
        }
        let (Some(name), Some((field, holds))) = (&self.name, self.field) else {
            return Err(Failure::message(match self.name {
                None => "can't set a map to a value: map[]".to_string(),
                Some(_) => format!("unable to locate path under {}", self.part),
            }));
        };
        let value: Value = match holds {
            Holds::Text => text.into(),
            Holds::Switch => parse_switch(text)?.into(),
            Holds::Bytes if raw => base64_encode(text.as_bytes()).into(),
            Holds::Bytes => match base64_decode(text) {
                Ok(_) => text.into(),
                Err(_) => {
                    return Err(Failure::message(
                        "error decoding input value: illegal base64 data at input byte 0",
                    ));
                }
            },
            Holds::More => return Err(Failure::message("unrecognized slice type. string")),
        };
        self.change(config, name, |fields| fields[field] = value);
        Ok(())
    }

    fn unset(&self, config: &mut Kubeconfig) -> Result<(), Failure> {
        let Some(name) = &self.name else {
            match self.part {
                "current-context" => config.current.clear(),
                "clusters" => config.clusters.clear(),
                "contexts" => config.contexts.clear(),
                "users" => config.users.clear(),
                _ => {}
            }
            return Ok(());
        };
        let Some((field, _)) = self.field else {
            match self.part {
                "clusters" => drop(config.clusters.remove(name)),
                "contexts" => drop(config.contexts.remove(name)),
                _ => drop(config.users.remove(name)),
            }
            return Ok(());
        };
        let known = match self.part {
            "clusters" => config.clusters.contains_key(name),
            "contexts" => config.contexts.contains_key(name),
            _ => config.users.contains_key(name),
        };
        if !known {
            return Err(Failure::message(format!("current map key `{name}` is invalid")));
        }
        self.change(config, name, |fields| {
            if let Some(fields) = fields.as_object_mut() {
                fields.remove(field);
            }
        });
        Ok(())
    }

    /// Changes the fields of an entry, which is made if there is none.
    fn change(&self, config: &mut Kubeconfig, name: &str, change: impl FnOnce(&mut Value)) {
        let entries = match self.part {
            "contexts" => {
                let mut fields = config.contexts.get(name).map_or_else(|| json!({}), Entry::to_value);
                change(&mut fields);
                let text = |field: &str| fields[field].as_str().unwrap_or_default().to_string();
                let entry =
                    Entry { cluster: text("cluster"), user: text("user"), namespace: text("namespace") };
                config.contexts.insert(name.to_string(), entry);
                return;
            }
            "clusters" => &mut config.clusters,
            _ => &mut config.users,
        };
        let fields = entries.entry(name.to_string()).or_insert_with(|| match self.part {
            "clusters" => json!({"server": ""}),
            _ => json!({}),
        });
        change(fields);
    }
}

/// `strconv.ParseBool`, under the words of kubectl's own flags.
fn parse_switch(text: &str) -> Result<bool, Failure> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(Failure::message(format!("strconv.ParseBool: parsing {text:?}: invalid syntax"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_path_may_hold_dots() {
        let cases = [
            ("clusters.10.0.0.1.server", Ok((Some("10.0.0.1"), Some("server")))),
            ("contexts.a.namespace", Ok((Some("a"), Some("namespace")))),
            ("users.bob", Ok((Some("bob"), None))),
            ("users", Ok((None, None))),
            ("current-context", Ok((None, None))),
            ("frobs.a", Err("unable to parse frobs.a after [] at api.Config")),
        ];
        for (path, want) in cases {
            let found = Place::of(path).map(|place| (place.name, place.field.map(|(field, _)| field)));
            let want = want.map(|(name, field)| (name.map(String::from), field)).map_err(Failure::message);
            assert_eq!(found, want, "{path}");
        }
    }
}
