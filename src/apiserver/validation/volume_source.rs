//! The rules of what volumes are made of (`validateVolumeSource`, `ValidatePersistentVolumeSpec`).

use super::at::{At, Errors};
use super::container::{validate_field_ref, validate_resource_field_ref};
use super::resources::amount;
use super::volume::{validate_descending_path, validate_file_path, validate_no_backsteps};
use super::{meta, storage, text};
use crate::api::field_error::quoted;

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const ONE_TYPE: &str = "may not specify more than 1 volume type";
const ISCSI_FORM: &str = "must be valid format starting with iqn, eui, or naa";
const TARGETS: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is \
                       specified.";

type SourceRule = fn(&At, &mut Errors);

/// The sources that a volume of a pod may have, in the order in which they are looked at.
pub const OF_PODS: &[(&str, SourceRule)] = &[
    ("emptyDir", validate_empty_dir),
    ("hostPath", validate_host_path),
    ("gitRepo", |at, errors| {
        errors.require(&at.get("repository"));
        validate_descending_path(&at.get("directory"), errors);
    }),
    ("gcePersistentDisk", |at, errors| validate_partitioned(at, "pdName", errors)),
    ("awsElasticBlockStore", |at, errors| validate_partitioned(at, "volumeID", errors)),
    ("secret", |at, errors| {
        errors.require(&at.get("secretName"));
        validate_files(at, errors);
    }),
    ("nfs", validate_nfs),
    ("iscsi", |at, errors| validate_iscsi(at, ISCSI_FORM, errors)),
    ("glusterfs", |at, errors| require_all(at, &["endpoints", "path"], errors)),
    ("flocker", validate_flocker),
    ("persistentVolumeClaim", |at, errors| require_all(at, &["claimName"], errors)),
    ("rbd", |at, errors| require_all(at, &["monitors", "image"], errors)),
    ("cinder", |at, errors| {
        errors.require(&at.get("volumeID"));
        validate_secret_ref(at, &["name"], errors);
    }),
    ("cephfs", |at, errors| require_all(at, &["monitors"], errors)),
    ("quobyte", validate_quobyte),
    ("downwardAPI", |at, errors| {
        validate_mode(&at.get("defaultMode"), errors);
        at.get("items").items().for_each(|item| validate_downward_file(&at.with(item.value()), errors));
    }),
    ("fc", validate_fibre_channel),
    ("flexVolume", validate_flex_volume),
    ("configMap", |at, errors| {
        errors.require(&at.get("name"));
        validate_files(at, errors);
    }),
    ("azureFile", |at, errors| require_all(at, &["secretName", "shareName"], errors)),
    ("vsphereVolume", |at, errors| require_all(at, &["volumePath"], errors)),
    ("photonPersistentDisk", |at, errors| require_all(at, &["pdID"], errors)),
    ("portworxVolume", |at, errors| require_all(at, &["volumeID"], errors)),
    ("azureDisk", validate_azure_disk),
    ("storageos", |at, errors| validate_storage_os(at, &["name"], errors)),
    ("projected", validate_projected),
    ("scaleIO", |at, errors| require_all(at, &["gateway", "system", "volumeName"], errors)),
    ("csi", |at, errors| {
        validate_csi_driver(&at.get("driver"), errors);
        let secret = at.get("nodePublishSecretRef");
        if secret.is_set() && !errors.require(&secret.get("name")) {
            errors.text_as(&at.named("name"), secret.get("name").text(), text::dns_subdomain);
        }
    }),
    ("ephemeral", validate_ephemeral),
    ("image", |at, errors| {
        errors.require(&at.get("reference"));
        errors.required_one_of(&at.get("pullPolicy"), &["Always", "IfNotPresent", "Never"]);
    }),
];

/// The sources that a persistent volume may have.
pub const OF_VOLUMES: &[(&str, SourceRule)] = &[
    ("hostPath", validate_host_path),
    ("gcePersistentDisk", |at, errors| validate_partitioned(at, "pdName", errors)),
    ("awsElasticBlockStore", |at, errors| validate_partitioned(at, "volumeID", errors)),
    ("glusterfs", |at, errors| {
        require_all(at, &["endpoints", "path"], errors);
        let namespace = at.get("endpointsNamespace");
        if namespace.is_set() {
            errors.text(&namespace, text::dns_label);
        }
    }),
    ("flocker", validate_flocker),
    ("nfs", validate_nfs),
    ("rbd", |at, errors| require_all(at, &["monitors", "image"], errors)),
    ("quobyte", validate_quobyte),
    ("cephfs", |at, errors| require_all(at, &["monitors"], errors)),
    ("iscsi", |at, errors| {
        validate_iscsi(at, "must be valid format", errors);
        validate_secret_ref(at, &["name"], errors);
    }),
    ("cinder", |at, errors| {
        errors.require(&at.get("volumeID"));
        validate_secret_ref(at, &["name", "namespace"], errors);
    }),
    ("fc", validate_fibre_channel),
    ("flexVolume", validate_flex_volume),
    ("azureFile", |at, errors| {
        require_all(at, &["secretName", "shareName"], errors);
        if at.get("secretNamespace").is_set() {
            errors.require(&at.get("secretNamespace"));
        }
    }),
    ("vsphereVolume", |at, errors| require_all(at, &["volumePath"], errors)),
    ("photonPersistentDisk", |at, errors| require_all(at, &["pdID"], errors)),
    ("portworxVolume", |at, errors| require_all(at, &["volumeID"], errors)),
    ("azureDisk", validate_azure_disk),
    ("scaleIO", |at, errors| require_all(at, &["gateway", "system", "volumeName"], errors)),
    ("local", |at, errors| {
        if !errors.require(&at.get("path")) {
            validate_no_backsteps(&at.get("path"), errors);
        }
    }),
    ("storageos", |at, errors| validate_storage_os(at, &["name", "namespace"], errors)),
    ("csi", validate_persistent_csi),
];

fn require_all(at: &At, fields: &[&str], errors: &mut Errors) {
    for field in fields {
        errors.require(&at.get(field));
    }
}

/// One of the sources, and one only. Some paths are upstream's own.
pub fn validate_source(at: &At, sources: &[(&str, SourceRule)], errors: &mut Errors) {
    let mut found = 0;
    for (name, rule) in sources {
        let source = at.get(name);
        if !source.is_set() {
            continue;
        }
        found += 1;
        if found > 1 {
            let shown = match *name {
                "cephfs" => "cephFS",
                "downwardAPI" => "downwarAPI",
                name => name,
            };
            errors.forbidden(&at.named(shown), ONE_TYPE);
            continue;
        }
        let shown = if *name == "gcePersistentDisk" { "persistentDisk" } else { name };
        rule(&at.named(shown).with(source.value()), errors);
    }
    if found == 0 {
        errors.required(at, "must specify a volume type");
    }
}

/// The portal and the volume's name together make the name of a session.
pub fn validate_session_name(source: &At, volume: &str, at: &At, errors: &mut Errors) {
    let portal = source.get("targetPortal").text();
    if source.get("initiatorName").is_set() && volume.len() + 1 + portal.len() > 64 {
        errors.invalid(at, TARGETS);
    }
}

fn validate_mode(mode: &At, errors: &mut Errors) {
    if mode.is_set() && !(0..=0o777).contains(&mode.int()) {
        errors.invalid(mode, MODE);
    }
}

/// The keys of a ConfigMap or Secret, as files.
fn validate_files(source: &At, errors: &mut Errors) {
    validate_mode(&source.get("defaultMode"), errors);
    validate_keys(&source.get("items"), errors);
}

fn validate_keys(items: &At, errors: &mut Errors) {
    for item in items.items() {
        errors.require(&item.get("key"));
        errors.require(&item.get("path"));
        validate_file_path(&item.get("path"), errors);
        validate_mode(&item.get("mode"), errors);
    }
}

/// A file of a downward API. What is wrong with it is said of the list's owner, without the file's place.
fn validate_downward_file(item: &At, errors: &mut Errors) {
    const FIELDS: [&str; 5] =
        ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
    errors.require(&item.get("path"));
    validate_file_path(&item.get("path"), errors);
    let (field, resource) = (item.get("fieldRef"), item.get("resourceFieldRef"));
    if field.is_set() {
        validate_field_ref(&field, &FIELDS, errors);
        if resource.is_set() {
            errors.invalid_as(
                item,
                "\"resource\"",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            );
        }
    } else if resource.is_set() {
        validate_resource_field_ref(&resource, true, errors);
    } else {
        errors.required(item, "one of fieldRef and resourceFieldRef is required");
    }
    validate_mode(&item.get("mode"), errors);
}

/// The medium may be called anything.
fn validate_empty_dir(source: &At, errors: &mut Errors) {
    if amount(&source.get("sizeLimit")).sign() < 0 {
        errors.forbidden(&source.get("sizeLimit"), "SizeLimit field must be a valid resource quantity");
    }
}

fn validate_host_path(source: &At, errors: &mut Errors) {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    if errors.require(&source.get("path")) {
        return;
    }
    validate_no_backsteps(&source.get("path"), errors);
    errors.one_of(&source.get("type"), &TYPES);
}

fn validate_partitioned(source: &At, name: &str, errors: &mut Errors) {
    errors.require(&source.get(name));
    let partition = source.get("partition");
    if !(0..=255).contains(&partition.int()) {
        errors.invalid(&partition, "must be between 1 and 255, inclusive");
    }
}

fn validate_nfs(source: &At, errors: &mut Errors) {
    require_all(source, &["server", "path"], errors);
    if !source.get("path").text().starts_with('/') {
        errors.invalid_as(
            &source.get("path"),
            &quoted(source.get("path").text()),
            "must be an absolute path",
        );
    }
}

/// A name of an initiator or a target, in one of the three forms.
fn validate_iscsi_name(name: &At, at: &At, form: &str, errors: &mut Errors) {
    let words = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    let text = name.text();
    let fits = if let Some(rest) = text.strip_prefix("iqn") {
        let (authority, tail) = rest.split_once(':').unwrap_or_default();
        let date = authority.as_bytes();
        date.len() > 9
            && date.iter().zip(b".0000-00.").all(
                |(b, like)| {
                    if *like == b'0' { b.is_ascii_digit() } else { b == like }
                },
            )
            && date[9..].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            && !tail.is_empty()
            && !tail.contains(|c: char| ",;*&$|".contains(c) || c.is_whitespace())
    } else if text.starts_with("eui") {
        text.len() == 20 && words(&text[4..])
    } else if text.starts_with("naa") {
        text.len() == 36 && words(&text[4..])
    } else {
        errors.invalid_as(at, &quoted(text), form);
        return;
    };
    if !fits {
        errors.invalid_as(at, &quoted(text), "must be valid format");
    }
}

fn validate_iscsi(source: &At, form: &str, errors: &mut Errors) {
    require_all(source, &["targetPortal", "iqn"], errors);
    let (target, initiator) = (source.get("iqn"), source.get("initiatorName"));
    if !target.is_empty() {
        validate_iscsi_name(&target, &target, form, errors);
    }
    errors.within(&source.get("lun"), 0, 255);
    let asks = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|flag| source.get(flag).is_true());
    if asks && !source.get("secretRef").is_set() {
        errors.required(&source.get("secretRef"), "");
    }
    if initiator.is_set() {
        validate_iscsi_name(&initiator, &source.named("initiatorname"), form, errors);
    }
}

fn validate_secret_ref(source: &At, fields: &[&str], errors: &mut Errors) {
    let secret = source.get("secretRef");
    if secret.is_set() {
        require_all(&secret, fields, errors);
    }
}

fn validate_storage_os(source: &At, of_secret: &[&str], errors: &mut Errors) {
    if !errors.require(&source.get("volumeName")) {
        errors.text(&source.get("volumeName"), text::dns_label);
    }
    if !source.get("volumeNamespace").is_empty() {
        errors.text(&source.get("volumeNamespace"), text::dns_label);
    }
    validate_secret_ref(source, of_secret, errors);
}

fn validate_fibre_channel(source: &At, errors: &mut Errors) {
    let (targets, wwids, lun) = (source.get("targetWWNs"), source.get("wwids"), source.get("lun"));
    match (targets.is_empty(), wwids.is_empty()) {
        (true, true) => errors.required(&targets, "must specify either targetWWNs or wwids, but not both"),
        (false, false) => {
            errors.invalid(&targets, "targetWWNs and wwids can not be specified simultaneously");
        }
        _ => {}
    }
    if !targets.is_empty() {
        if lun.is_set() {
            errors.within(&lun, 0, 255);
        } else {
            errors.required(&lun, "lun is required if targetWWNs is specified");
        }
    }
}

/// The domains of Kubernetes are its own in a driver's options.
fn validate_flex_volume(source: &At, errors: &mut Errors) {
    errors.require(&source.get("driver"));
    let options = source.get("options");
    for key in options.keys() {
        let domain = format!(".{}", key.split('/').next().unwrap_or_default().to_lowercase());
        if [".kubernetes.io", ".k8s.io"].iter().any(|own| domain.ends_with(own)) {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            errors.invalid_as(&options.key(key), &quoted(key), why);
        }
    }
}

fn validate_azure_disk(source: &At, errors: &mut Errors) {
    const CACHING: [&str; 3] = ["None", "ReadOnly", "ReadWrite"];
    const KINDS: [&str; 3] = ["Dedicated", "Managed", "Shared"];
    const OF_MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const OF_BLOBS: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    require_all(source, &["diskName", "diskURI"], errors);
    for (field, known) in [("cachingMode", CACHING), ("kind", KINDS)] {
        if source.get(field).is_set() {
            errors.one_of(&source.get(field), &known);
        }
    }
    let address = source.get("diskURI");
    let (beginning, shape) = match source.get("kind").text() {
        "Managed" => ("/subscriptions/", OF_MANAGED),
        _ => ("https://", OF_BLOBS),
    };
    if !address.text().starts_with(beginning) {
        errors.unsupported(&address, &[shape]);
    }
}

fn validate_quobyte(source: &At, errors: &mut Errors) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (source.get("registry"), source.get("tenant"));
    if registry.is_empty() {
        errors.required(&registry, PAIRS);
    } else if tenant.text().len() >= 65 {
        errors.required(&tenant, "must be a UUID and may not exceed a length of 64 characters");
    } else if !registry.text().split(',').all(|address| address.contains(':')) {
        errors.invalid(&registry, PAIRS);
    }
    errors.require(&source.get("volume"));
}

fn validate_flocker(source: &At, errors: &mut Errors) {
    let (name, uuid) = (source.get("datasetName"), source.get("datasetUUID"));
    match (name.is_empty(), uuid.is_empty()) {
        (true, true) => errors.required(source, "one of datasetName and datasetUUID is required"),
        (false, false) => {
            let why = "datasetName and datasetUUID can not be specified simultaneously";
            errors.invalid_as(source, "\"resource\"", why);
        }
        _ => {}
    }
    if name.text().contains('/') {
        errors.invalid(&name, "must not contain '/'");
    }
}

/// Files of several sources in one place. Bundles of trust and certificates of pods are not there: their gates are off.
fn validate_projected(source: &At, errors: &mut Errors) {
    validate_mode(&source.get("defaultMode"), errors);
    let sources = source.get("sources");
    let mut paths: Vec<&str> = Vec::new();
    for projection in sources.items() {
        let mut found = 0;
        for name in ["secret", "configMap", "downwardAPI", "serviceAccountToken"] {
            let part = projection.get(name);
            if !part.is_set() {
                continue;
            }
            found += 1;
            match name {
                "downwardAPI" => {
                    let items = part.get("items");
                    items.items().for_each(|item| validate_downward_file(&part.with(item.value()), errors));
                }
                "serviceAccountToken" => validate_token(source, &part, errors),
                _ => {
                    errors.require(&part.get("name"));
                    validate_keys(&part.get("items"), errors);
                }
            }
            for item in part.get("items").items() {
                let path = item.get("path").text();
                let shown = if name == "downwardAPI" { path } else { part.get("name").text() };
                if paths.contains(&path) {
                    errors.invalid_as(source, &quoted(shown), "conflicting duplicate paths");
                } else if !path.is_empty() {
                    paths.push(path);
                }
            }
        }
        if found > 1 {
            errors.forbidden(&projection, "may not specify more than 1 volume type per source");
        }
    }
}

/// What is wrong with a token's path is said of the volume.
fn validate_token(volume: &At, token: &At, errors: &mut Errors) {
    let seconds = token.get("expirationSeconds");
    if seconds.int() < 10 * 60 {
        errors.invalid_int(&seconds, "may not specify a duration less than 10 minutes");
    }
    if seconds.int() > 1 << 32 {
        errors.invalid_int(&seconds, "may not specify a duration larger than 2^32 seconds");
    }
    let (path, value) = (volume.get("path"), token.get("path"));
    let path = path.with(value.value());
    if !errors.require(&path) {
        validate_file_path(&path, errors);
    }
}

/// The name of a CSI driver.
pub fn validate_csi_driver(driver: &At, errors: &mut Errors) {
    errors.require(driver);
    if driver.text().len() > 63 {
        errors.too_long(driver, 63);
    }
    for why in text::dns_subdomain(&driver.text().to_lowercase()) {
        errors.invalid_as(driver, &quoted(driver.text()), &why);
    }
}

fn validate_persistent_csi(source: &At, errors: &mut Errors) {
    validate_csi_driver(&source.get("driver"), errors);
    errors.require(&source.get("volumeHandle"));
    for name in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let secret = source.get(name);
        if !secret.is_set() {
            continue;
        }
        for (field, rule) in
            [("name", text::dns_subdomain as text::Rule), ("namespace", text::dns_label as text::Rule)]
        {
            if !errors.require(&secret.get(field)) {
                errors.text(&secret.get(field), rule);
            }
        }
    }
}

fn validate_ephemeral(source: &At, errors: &mut Errors) {
    let template = source.get("volumeClaimTemplate");
    if !template.is_set() {
        errors.required(&template, "");
        return;
    }
    let metadata = template.get("metadata");
    meta::validate_annotations(&metadata.get("annotations"), errors);
    meta::validate_labels(&metadata.get("labels"), errors);
    for field in [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "ownerReferences",
        "finalizers",
    ] {
        if metadata.get(field).is_set() {
            let shown = if field == "uid" { "uID" } else { field };
            errors.forbidden(&metadata.named(shown), "cannot be set");
        }
    }
    storage::validate_claim_spec(&template.get("spec"), errors);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::validation::at::check;

    #[test]
    fn a_volume_is_made_of_one_sound_source() {
        let of_pod: fn(&At, &mut Errors) = |at, errors| validate_source(at, OF_PODS, errors);
        check(of_pod, &json!({"emptyDir": {"medium": "memory"}}), &[]);
        check(of_pod, &json!({"name": "a"}), &["<nil>: Required value: must specify a volume type"]);
        check(
            of_pod,
            &json!({"nfs": {"server": "a", "path": "/"}, "cephfs": {"monitors": ["a"]}}),
            &["cephFS: Forbidden: may not specify more than 1 volume type"],
        );
        check(
            of_pod,
            &json!({"gcePersistentDisk": {"pdName": "", "partition": 300}}),
            &[
                "persistentDisk.pdName: Required value",
                "persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive",
            ],
        );
        let sources = json!([{"secret": {"name": "a"}, "configMap": {"name": "b"}}]);
        check(
            of_pod,
            &json!({"projected": {"sources": sources}}),
            &["projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"],
        );
        let template = json!({"metadata": {"name": "a", "labels": {"b": "c"}}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}});
        check(
            of_pod,
            &json!({"ephemeral": {"volumeClaimTemplate": template}}),
            &["ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set"],
        );
    }

    #[test]
    fn names_of_iscsi_have_one_of_three_forms() {
        let named = |iqn: &str| json!({"iscsi": {"targetPortal": "a", "iqn": iqn}});
        let of_pod: fn(&At, &mut Errors) = |at, errors| validate_source(at, OF_PODS, errors);
        for iqn in
            ["iqn.2015-02.example.com:test", "eui.0123456789abcdef", "naa.0123456789abcdef0123456789abcdef"]
        {
            check(of_pod, &named(iqn), &[]);
        }
        for iqn in ["iqn.2015.example.com:test", "iqn.2015-02.example.com:", "eui.0123", "naa.x"] {
            check(
                of_pod,
                &named(iqn),
                &[&format!("iscsi.iqn: Invalid value: \"{iqn}\": must be valid format")],
            );
        }
        let why = "iscsi.iqn: Invalid value: \"a\": must be valid format starting with iqn, eui, or naa";
        check(of_pod, &named("a"), &[why]);
    }
}
