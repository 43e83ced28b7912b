//! What a `KubeSchedulerConfiguration` says: profiles, plugins, weights, arguments, back-off. It is no object of the API: a
//! kube-scheduler reads it from a file when it starts, and refuses to start if it does not like it.
//! Upstream: `pkg/scheduler/apis/config`, with its `v1` and `validation`.

mod plugin_sets;

use std::sync::Arc;

use serde_json::Value;

use super::framework::registry::{Enabled, Profile};
use super::plugins::{self, Args};
use super::queue::backoff::Backoff;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::manifest::{self, Limits};
use crate::api::schema;
use crate::clock::SimDuration;
use plugin_sets::Plugins;

/// Its `apiVersion`.
pub const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
/// Its `kind`.
pub const KIND: &str = "KubeSchedulerConfiguration";
/// The profile that pods ask for that ask for none.
const DEFAULT_SCHEDULER_NAME: &str = "default-scheduler";
/// Plugins of long ago (`invalidPluginsByVersion`).
const GONE: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

/// A configuration that has been found to be right.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The profiles, at least one.
    pub profiles: Vec<Profile>,
    /// How long pods wait after a failure.
    pub backoff: Backoff,
}

impl Default for Configuration {
    fn default() -> Configuration {
        Configuration { profiles: vec![Profile::default()], backoff: Backoff::default() }
    }
}

/// Plugins whose arguments are checked when they are made: upstream's validation looks for the one under a wrong name, and does
/// not know of the other.
const CHECKED_WHEN_MADE: [&str; 2] = [plugins::names::NODE_RESOURCES_FIT, plugins::names::DYNAMIC_RESOURCES];

/// Whether a document of a manifest is a configuration, of whatever version.
pub fn is_configuration(document: &Value) -> bool {
    let group = document["apiVersion"].as_str().and_then(|version| version.split_once('/'));
    document["kind"] == KIND && group.is_some_and(|(group, _)| group == "kubescheduler.config.k8s.io")
}

impl Configuration {
    /// Reads a configuration.
    ///
    /// # Errors
    /// What kube-scheduler would say instead of starting.
    pub fn parse(text: &str) -> Result<Configuration, String> {
        let stream = manifest::parse(text, &Limits::default());
        if let Some(error) = stream.errors.first() {
            return Err(error.message.clone());
        }
        let documents: Vec<Value> =
            stream.documents.iter().map(|document| document.root.to_value()).collect();
        match documents.as_slice() {
            [document] => Configuration::read(document),
            _ => Err("expected one KubeSchedulerConfiguration".into()),
        }
    }

    /// Reads a configuration from its tree.
    ///
    /// # Errors
    /// See [`Configuration::parse`].
    pub fn read(document: &Value) -> Result<Configuration, String> {
        let version = document["apiVersion"].as_str().unwrap_or_default();
        if version != API_VERSION {
            return Err(format!(
                "no kind {KIND:?} is registered for version {version:?} in scheme \"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme/scheme.go\""
            ));
        }
        decode(document)?;
        let given = document["profiles"].as_array().filter(|profiles| !profiles.is_empty());
        let profiles = given.cloned().unwrap_or_else(|| vec![Value::Null]);
        let read = |(index, value): (usize, &Value)| ProfileText::read(value, index, profiles.len() == 1);
        let texts: Vec<ProfileText> = profiles.iter().enumerate().map(read).collect();
        validate(document, &texts)?;
        let build = |text: &ProfileText| {
            text.build().map_err(|why| {
                format!("initializing profiles: creating profile for scheduler name {}: {why}", text.name)
            })
        };
        let seconds = |name: &str, default| document[name].as_i64().unwrap_or(default).unsigned_abs();
        Ok(Configuration {
            profiles: texts.iter().map(build).collect::<Result<_, _>>()?,
            backoff: Backoff {
                initial: SimDuration::from_secs(seconds("podInitialBackoffSeconds", 1)),
                max: SimDuration::from_secs(seconds("podMaxBackoffSeconds", 10)),
            },
        })
    }
}

/// Strict decoding, of the arguments of plugins too (`DecodeNestedObjects`).
fn decode(document: &Value) -> Result<(), String> {
    let check = |kind: &str, value: &Value| match schema::kind(API_VERSION, kind) {
        Some(ty) => schema::strict_decode(ty, value).map_err(|error| error.to_string()),
        // Plugins from elsewhere have arguments of their own.
        None => Ok(()),
    };
    check(KIND, document)?;
    for (i, profile) in list(document, "profiles").enumerate() {
        for (j, config) in list(profile, "pluginConfig").enumerate() {
            let (name, args) = (config["name"].as_str().unwrap_or_default(), &config["args"]);
            let kind = format!("{name}Args");
            if let Some(other) = args["kind"].as_str().filter(|other| *other != kind) {
                return Err(format!(
                    "decoding .profiles[{i}].pluginConfig[{j}]: args for plugin {name} were not of type {kind}.kubescheduler.config.k8s.io, got {other}.kubescheduler.config.k8s.io"
                ));
            }
            check(&kind, args).map_err(|why| {
                let strict = if why.starts_with("strict decoding error") { "strict decoding error: " } else { "" };
                format!("{strict}decoding .profiles[{i}].pluginConfig[{j}]: {strict}decoding args for plugin {name}: {why}")
            })?;
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

/// The rules (`ValidateKubeSchedulerConfiguration`). Several violations are told together.
fn validate(document: &Value, profiles: &[ProfileText]) -> Result<(), String> {
    let mut errors = Vec::new();
    let top = |name: &str| Path::new(name);
    let number = |name: &str, default: i64| document[name].as_i64().unwrap_or(default);
    let parallelism = number("parallelism", 16);
    if parallelism <= 0 {
        errors.push(FieldError::invalid(
            &top("parallelism"),
            parallelism,
            "should be an integer value greater than zero",
        ));
    }
    for (index, profile) in profiles.iter().enumerate() {
        profile.validate(&mut errors);
        if profiles[..index].iter().any(|other| other.name == profile.name) {
            errors.push(FieldError::duplicate(&profile.path.child("schedulerName"), "{}"));
        }
        if index > 0 && profile.plugins.queue_sort() != profiles[0].plugins.queue_sort() {
            let path = profile.path.child("plugins").child("queueSort");
            errors.push(FieldError::invalid_without_value(&path, "must be the same for all profiles"));
        }
    }
    let percentage = number("percentageOfNodesToScore", 0);
    validate_percentage(&top("percentageOfNodesToScore"), percentage, &mut errors);
    let (initial, max) = (number("podInitialBackoffSeconds", 1), number("podMaxBackoffSeconds", 10));
    if initial <= 0 {
        errors.push(FieldError::invalid(&top("podInitialBackoffSeconds"), initial, "must be greater than 0"));
    }
    if max < initial {
        let why = "must be greater than or equal to PodInitialBackoffSeconds";
        errors.push(FieldError::invalid(&top("podMaxBackoffSeconds"), max, why));
    }
    if errors.is_empty() { Ok(()) } else { Err(FieldError::together(&errors)) }
}

fn validate_percentage(path: &Path, percentage: i64, errors: &mut Vec<FieldError>) {
    if !(0..=100).contains(&percentage) {
        errors.push(FieldError::invalid(path, percentage, "not in valid range [0-100]"));
    }
}

/// A profile as it is written, with the defaults filled in.
struct ProfileText {
    name: String,
    path: Path,
    percentage: i64,
    plugins: Plugins,
    /// The arguments of plugins, with their places.
    configs: Vec<(String, Value, Path)>,
}

impl ProfileText {
    fn read(value: &Value, index: usize, is_alone: bool) -> ProfileText {
        let path = Path::new("profiles").index(index);
        let default = if is_alone { DEFAULT_SCHEDULER_NAME } else { "" };
        let config = |(place, config): (usize, &Value)| {
            let name = config["name"].as_str().unwrap_or_default().to_string();
            (name, config["args"].clone(), path.child("pluginConfig").index(place))
        };
        ProfileText {
            name: value["schedulerName"].as_str().unwrap_or(default).to_string(),
            percentage: value["percentageOfNodesToScore"].as_i64().unwrap_or(0),
            plugins: Plugins::read(&value["plugins"]),
            configs: list(value, "pluginConfig").enumerate().map(config).collect(),
            path,
        }
    }

    fn validate(&self, errors: &mut Vec<FieldError>) {
        if self.name.is_empty() {
            errors.push(FieldError::required(&self.path.child("schedulerName"), ""));
        }
        validate_percentage(&self.path.child("percentageOfNodesToScore"), self.percentage, errors);
        let why = format!(
            "was invalid in version {API_VERSION:?} (KubeSchedulerConfiguration is version {API_VERSION:?})"
        );
        for (point, place, name) in self.plugins.written() {
            if GONE.contains(&name) {
                let path = self.path.child("plugins").child(point).child("enabled").index(place);
                errors.push(FieldError::invalid(&path, quoted(name), &why));
            }
        }
        for (place, (name, value, path)) in self.configs.iter().enumerate() {
            if self.configs[..place].iter().any(|(other, ..)| other == name) {
                errors.push(FieldError::duplicate(path, quoted(name)));
            }
            if GONE.contains(&name.as_str()) {
                errors.push(FieldError::invalid(path, quoted(name), &why));
            } else if !CHECKED_WHEN_MADE.contains(&name.as_str()) {
                let args = Args { value, path: path.child("args") };
                errors.extend(plugins::make(name, &args).and_then(Result::err).into_iter().flatten());
            }
        }
    }

    /// Makes the plugins that are asked for, in the order of each extension point.
    fn build(&self) -> Result<Profile, String> {
        let needed = self.plugins.needed();
        let nothing = Value::Null;
        let mut made: Vec<Enabled> = Vec::new();
        for name in plugins::names_in_order().filter(|name| needed.contains(name)) {
            let config = self.configs.iter().find(|(known, ..)| known == name);
            let value = config.map_or(&nothing, |(_, value, _)| value);
            let Some(plugin) = plugins::make(name, &Args { value, path: Path::default() }) else { continue };
            let plugin: Arc<dyn super::framework::Plugin> = plugin.map_err(|errors| {
                format!("initializing plugin {name:?}: {}", FieldError::together(&errors))
            })?;
            made.push(Enabled { plugin, weight: self.plugins.weight(name) });
        }
        self.plugins.profile(&self.name, made)
    }
}

#[cfg(test)]
mod tests;
