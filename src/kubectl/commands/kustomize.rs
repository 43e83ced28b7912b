//! `kustomize` and `-k`: what a kustomization.yaml makes of the manifests that it names. The basic features: resources, names, namespace,
//! labels, annotations, images, replicas, generators with their hashes, patches.

mod generate;
mod transform;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::manifest::{self, Limits, to_yaml};
use crate::api::sorting;
use crate::kubectl::errors::Failure;
use crate::kubectl::folders::{clean, file};
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::fields::{Fields, slot};
use crate::kubectl::{Call, Verb};

const FLAGS: &[Flag] = &[
    value("output", "where to write it").short('o'),
    switch("enable-helm", "has no effect here"),
    switch("helm-debug", "has no effect here"),
    value("helm-command", "has no effect here"),
    value("helm-api-versions", "has no effect here"),
    value("helm-kube-version", "has no effect here"),
    switch("enable-alpha-plugins", "has no effect here"),
    switch("enable-exec", "has no effect here"),
    switch("as-current-user", "has no effect here"),
    switch("network", "has no effect here"),
    value("network-name", "has no effect here"),
    value("mount", "has no effect here"),
    value("env", "has no effect here").short('e'),
    value("load-restrictor", "has no effect here"),
    value("reorder", "has no effect here"),
];

/// See the module.
pub const KUSTOMIZE: Verb = Verb {
    path: "kustomize",
    help: "Build a kustomization target from a directory or URL",
    flags: FLAGS,
    run: |call: &mut Call<'_, '_>| {
        let directory = call.args.words.first().map_or(".", String::as_str).to_string();
        let text = build(&directory, &call.invocation.files)?;
        call.output.stdout.push_str(&text);
        Ok(())
    },
};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Kustomizations within kustomizations.
const DEPTH_MAX: u32 = 16;

/// Kinds that come first, and those that come last.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// An object on its way, and what it was called at first.
#[derive(Clone)]
struct Resource {
    value: Value,
    /// The names that it has had, the first first.
    names: Vec<String>,
    /// Whether its name shall end with a hash of what it holds.
    hashed: bool,
}

impl Resource {
    fn new(value: Value) -> Resource {
        let names = vec![value.text("metadata.name").to_string()];
        Resource { value, names, hashed: false }
    }

    fn kind(&self) -> &str {
        self.value.text("kind")
    }

    fn rename(&mut self, name: String) {
        *slot(&mut self.value, ["metadata", "name"]) = name.clone().into();
        self.names.push(name);
    }
}

/// Builds the kustomization of a directory: a stream of documents.
///
/// # Errors
/// In kustomize's words.
pub fn build(directory: &str, files: &BTreeMap<String, String>) -> Result<String, Failure> {
    let directory = clean(directory);
    let mut all = target(&directory, files, 0).map_err(Failure::message)?;
    transform::hash(&mut all);
    transform::refer(&mut all);
    let place = |kind: &str| match (FIRST.iter().position(|known| *known == kind), LAST.contains(&kind)) {
        (Some(at), _) => at,
        (None, false) => FIRST.len(),
        (None, true) => FIRST.len() + 1,
    };
    sorting::sort_by_key(&mut all, |resource| {
        let value = &resource.value;
        let text = |path: &str| value.text(path).to_string();
        (
            place(resource.kind()),
            text("apiVersion"),
            text("kind"),
            text("metadata.namespace"),
            text("metadata.name"),
        )
    });
    let documents: Vec<String> = all.iter().map(|resource| to_yaml(&resource.value)).collect();
    Ok(documents.join("---\n"))
}

fn join(directory: &str, path: &str) -> String {
    clean(&format!("{directory}/{path}"))
}

fn documents(text: &str, source: &str) -> Result<Vec<Value>, String> {
    let stream = manifest::parse(text, &Limits::default());
    if let Some(error) = stream.errors.iter().find(|error| error.is_error()) {
        return Err(format!("malformed YAML in {source}: {}", error.message));
    }
    let nodes = stream.documents.iter().flat_map(|document| document.objects());
    Ok(nodes.map(|node| node.to_value()).filter(|value| !value.is_null()).collect())
}

/// What a directory's kustomization makes.
fn target(directory: &str, files: &BTreeMap<String, String>, depth: u32) -> Result<Vec<Resource>, String> {
    let shown = if directory.is_empty() { "." } else { directory };
    let found = NAMES.iter().find_map(|name| file(&join(directory, name), files));
    let Some(text) = found.filter(|_| depth < DEPTH_MAX) else {
        return Err(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{shown}'"
        ));
    };
    let spec = documents(text, shown)?.into_iter().next().unwrap_or_default();
    check(&spec)?;
    let mut all: Vec<Resource> = Vec::new();
    for path in ["resources", "bases"].iter().flat_map(|list| spec.texts(list)) {
        all.extend(resource(directory, path, files, depth)?);
    }
    generate::generate(&spec, directory, files, &mut all)?;
    for component in spec.texts("components") {
        let own = target(&join(directory, component), files, depth + 1)?;
        all.extend(own);
    }
    transform::transform(&spec, directory, files, &mut all)?;
    let mut seen = Vec::new();
    for resource in &all {
        let value = &resource.value;
        let id = ["apiVersion", "kind", "metadata.namespace", "metadata.name"]
            .map(|path| value.text(path).to_string());
        if seen.contains(&id) {
            return Err(format!(
                "may not add resource with an already registered id: {}.{}/{}.{}",
                id[1],
                id[0],
                id[3],
                if id[2].is_empty() { "[noNs]" } else { &id[2] }
            ));
        }
        seen.push(id);
    }
    Ok(all)
}

fn check(spec: &Value) -> Result<(), String> {
    const KNOWN: [&str; 23] = [
        "apiVersion",
        "kind",
        "metadata",
        "resources",
        "bases",
        "components",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "images",
        "replicas",
        "configMapGenerator",
        "secretGenerator",
        "generatorOptions",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "buildMetadata",
        "sortOptions",
        "crds",
    ];
    let unknown = spec
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .find(|name| !KNOWN.contains(&name.as_str()));
    match unknown {
        Some(name)
            if [
                "vars",
                "replacements",
                "generators",
                "transformers",
                "validators",
                "helmCharts",
                "openapi",
                "configurations",
            ]
            .contains(&name.as_str()) =>
        {
            Err(format!("kubeviz does not read \"{name}\" of a kustomization"))
        }
        Some(name) => Err(format!("invalid Kustomization: json: unknown field \"{name}\"")),
        None => Ok(()),
    }
}

/// What a line under `resources` names: a manifest, or a directory with a kustomization of its own.
fn resource(
    directory: &str,
    path: &str,
    files: &BTreeMap<String, String>,
    depth: u32,
) -> Result<Vec<Resource>, String> {
    let place = join(directory, path);
    if let Some(text) = file(&place, files) {
        return Ok(documents(text, path)?.into_iter().map(Resource::new).collect());
    }
    if path.contains("://") || path.starts_with("github.com/") {
        return Err(format!(
            "accumulating resources: accumulation err='accumulating resources from '{path}': URL is out of reach'"
        ));
    }
    let below = format!("{place}/");
    if files.keys().any(|name| clean(name).starts_with(&below)) {
        return target(&place, files, depth + 1);
    }
    Err(format!(
        "accumulating resources: accumulation err='accumulating resources from '{path}': evalsymlink failure on '{place}' : lstat {place}: no \
         such file or directory'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kustomization_changes_what_it_names() {
        let files = [
            (
                "base/kustomization.yaml",
                "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [COLOR=blue]\n",
            ),
            (
                "base/web.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    \
                 metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: app\n        image: nginx:1.27\n        envFrom:\n        - \
                 configMapRef: {name: settings}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: \
                 [{port: 80}]\n",
            ),
            (
                "prod/kustomization.yaml",
                "resources: [../base]\nnamePrefix: prod-\nnamespace: shop\ncommonLabels: {tier: web}\nimages: [{name: nginx, newTag: \"1.28\"}]\n\
                 replicas: [{name: web, count: 3}]\npatches:\n- target: {kind: Service}\n  patch: |-\n    - op: add\n      path: /spec/type\n      \
                 value: NodePort\n",
            ),
        ];
        let files: BTreeMap<String, String> =
            files.map(|(name, text)| (name.to_string(), text.to_string())).into();
        let text = build("./prod/", &files).unwrap_or_else(|failure| panic!("{}", failure.text()));
        let all = documents(&text, "").unwrap_or_default();
        let names: Vec<&str> = all.iter().map(|value| value.text("metadata.name")).collect();
        assert_eq!(names.len(), 3);
        assert!(
            names[0].starts_with("prod-settings-") && names[0].len() == "prod-settings-".len() + 10,
            "{names:?}"
        );
        assert_eq!(names[1..], ["prod-web", "prod-web"]);
        let (service, web) = (&all[1], &all[2]);
        assert_eq!((service.text("spec.type"), service.text("spec.selector.tier")), ("NodePort", "web"));
        let container = &web.list("spec.template.spec.containers")[0];
        assert_eq!(container.text("image"), "nginx:1.28");
        assert_eq!(container.list("envFrom")[0].text("configMapRef.name"), names[0]);
        assert_eq!((web.at("spec.replicas"), web.text("metadata.namespace")), (&Value::from(3), "shop"));
        assert_eq!(web.text("spec.template.metadata.labels.tier"), "web");
        let missing = build("nowhere", &files).err().map(|failure| failure.text());
        assert_eq!(
            missing.as_deref(),
            Some(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory 'nowhere'"
            )
        );
    }
}
