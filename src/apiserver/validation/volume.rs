//! The rules of volumes and of what mounts them.

use super::at::{At, Errors};
use super::container::{validate_field_ref, validate_resource_field_ref};
use super::resources::amount;
use super::storage;
use super::text;
use crate::api::field_error::quoted;

/// The volumes of a pod that containers may mount.
#[derive(Default)]
pub struct Volumes<'v> {
    known: Vec<(&'v str, bool)>,
}

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const ONE_TYPE: &str = "may not specify more than 1 volume type";

type SourceRule = fn(&At, &mut Errors);

/// The sources that a volume of a pod may have, in the order in which they are looked at.
const SOURCES: &[(&str, SourceRule)] = &[
    ("emptyDir", validate_empty_dir),
    ("hostPath", validate_host_path),
    ("gitRepo", |at, errors| require_all(at, &["repository"], errors)),
    ("gcePersistentDisk", |at, errors| require_all(at, &["pdName"], errors)),
    ("awsElasticBlockStore", |at, errors| require_all(at, &["volumeID"], errors)),
    ("secret", |at, errors| {
        errors.require(&at.get("secretName"));
        validate_files(at, errors);
    }),
    ("nfs", validate_nfs),
    ("iscsi", validate_iscsi),
    ("glusterfs", |at, errors| require_all(at, &["endpoints", "path"], errors)),
    ("persistentVolumeClaim", |at, errors| require_all(at, &["claimName"], errors)),
    ("rbd", |at, errors| require_all(at, &["monitors", "image"], errors)),
    ("cinder", |at, errors| require_all(at, &["volumeID"], errors)),
    ("cephfs", |at, errors| require_all(at, &["monitors"], errors)),
    ("downwardAPI", |at, errors| {
        validate_mode(&at.get("defaultMode"), errors);
        at.get("items").items().for_each(|item| validate_downward_file(&at.with(item.value()), errors));
    }),
    ("fc", validate_fibre_channel),
    ("flexVolume", validate_flex_volume),
    ("azureFile", |at, errors| require_all(at, &["secretName", "shareName"], errors)),
    ("configMap", |at, errors| {
        errors.require(&at.get("name"));
        validate_files(at, errors);
    }),
    ("vsphereVolume", |at, errors| require_all(at, &["volumePath"], errors)),
    ("azureDisk", validate_azure_disk),
    ("photonPersistentDisk", |at, errors| require_all(at, &["pdID"], errors)),
    ("portworxVolume", |at, errors| require_all(at, &["volumeID"], errors)),
    ("quobyte", validate_quobyte),
    ("flocker", validate_flocker),
    ("storageos", |_, _| {}),
    ("scaleIO", |at, errors| require_all(at, &["gateway", "system", "volumeName"], errors)),
    ("projected", validate_projected),
    ("csi", |at, errors| validate_csi_driver(&at.get("driver"), errors)),
    ("ephemeral", validate_ephemeral),
    ("image", |at, errors| {
        if at.get("reference").is_empty() {
            errors.required(&at.get("reference"), "");
        }
        errors.one_of(&at.get("pullPolicy"), &["Always", "IfNotPresent", "Never"]);
    }),
];

/// The sources that a persistent volume may have.
const PERSISTENT_SOURCES: &[(&str, SourceRule)] = &[
    ("hostPath", validate_host_path),
    ("gcePersistentDisk", |at, errors| require_all(at, &["pdName"], errors)),
    ("awsElasticBlockStore", |at, errors| require_all(at, &["volumeID"], errors)),
    ("glusterfs", |at, errors| require_all(at, &["endpoints", "path"], errors)),
    ("rbd", |at, errors| require_all(at, &["monitors", "image"], errors)),
    ("nfs", validate_nfs),
    ("cephfs", |at, errors| require_all(at, &["monitors"], errors)),
    ("iscsi", validate_iscsi),
    ("cinder", |at, errors| require_all(at, &["volumeID"], errors)),
    ("fc", validate_fibre_channel),
    ("flexVolume", validate_flex_volume),
    ("azureFile", |at, errors| require_all(at, &["secretName", "shareName"], errors)),
    ("vsphereVolume", |at, errors| require_all(at, &["volumePath"], errors)),
    ("azureDisk", validate_azure_disk),
    ("photonPersistentDisk", |at, errors| require_all(at, &["pdID"], errors)),
    ("portworxVolume", |at, errors| require_all(at, &["volumeID"], errors)),
    ("quobyte", validate_quobyte),
    ("flocker", validate_flocker),
    ("storageos", |_, _| {}),
    ("scaleIO", |at, errors| require_all(at, &["gateway", "system", "volumeName"], errors)),
    ("local", |at, errors| {
        if !errors.require(&at.get("path")) {
            validate_no_backsteps(&at.get("path"), errors);
        }
    }),
    ("csi", |at, errors| {
        validate_csi_driver(&at.get("driver"), errors);
        errors.require(&at.get("volumeHandle"));
    }),
];

fn require_all(at: &At, fields: &[&str], errors: &mut Errors) {
    for field in fields {
        errors.require(&at.get(field));
    }
}

/// One of the sources, and one only.
fn validate_source(at: &At, sources: &[(&str, SourceRule)], errors: &mut Errors) {
    let mut found = 0;
    for (name, rule) in sources {
        let source = at.get(name);
        if source.is_set() {
            found += 1;
            if found > 1 {
                errors.forbidden(&source, ONE_TYPE);
            } else {
                rule(&source, errors);
            }
        }
    }
    if found == 0 {
        errors.required(at, "must specify a volume type");
    }
}

/// The source of a persistent volume.
pub fn validate_persistent_source(spec: &At, errors: &mut Errors) {
    validate_source(spec, PERSISTENT_SOURCES, errors);
}

/// The names of all sources that a persistent volume may have.
pub fn persistent_sources() -> impl Iterator<Item = &'static str> {
    PERSISTENT_SOURCES.iter().map(|(name, _)| *name)
}

impl<'v> Volumes<'v> {
    /// Checks the volumes of a pod's spec, and returns those that are sound.
    pub fn validate(volumes: &At<'_, 'v>, errors: &mut Errors) -> Volumes<'v> {
        let mut sound = Volumes::default();
        for volume in volumes.items() {
            let (before, name) = (errors.len(), volume.get("name"));
            validate_source(&volume, SOURCES, errors);
            if !errors.require(&name) {
                errors.text(&name, text::dns_label);
            }
            if sound.find(name.text()).is_some() {
                errors.duplicate(&name);
            }
            if errors.len() == before {
                let claimed =
                    volume.get("persistentVolumeClaim").is_set() || volume.get("ephemeral").is_set();
                sound.known.push((name.text(), claimed));
            }
        }
        sound
    }

    fn find(&self, name: &str) -> Option<bool> {
        self.known.iter().find(|(known, _)| *known == name).map(|(_, claimed)| *claimed)
    }

    /// The `volumeMounts` of a container.
    pub fn validate_mounts(&self, container: &At, errors: &mut Errors) {
        let mounts = container.get("volumeMounts");
        let devices = container.get("volumeDevices");
        let mut paths: Vec<&str> = Vec::new();
        for mount in mounts.items() {
            let (name, path) = (mount.get("name"), mount.get("mountPath"));
            errors.require(&name);
            if self.find(name.text()).is_none() {
                errors.not_found(&name);
            }
            errors.require(&path);
            if paths.contains(&path.text()) {
                errors.invalid_as(&path, &path.shown(), "must be unique");
            }
            paths.push(path.text());
            for device in devices.items() {
                if device.get("name").text() == name.text() {
                    errors.invalid(&name, "must not already exist in volumeDevices");
                }
                if device.get("devicePath").text() == path.text() {
                    errors.invalid(&path, "must not already exist as a path in volumeDevices");
                }
            }
            validate_sub_paths(&mounts, &mount, errors);
            validate_propagation(container, &mounts, &mount, errors);
        }
    }

    /// The `volumeDevices` of a container.
    pub fn validate_devices(&self, container: &At, errors: &mut Errors) {
        let devices = container.get("volumeDevices");
        let (mut names, mut paths): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for device in devices.items() {
            let (name, path) = (device.get("name"), device.get("devicePath"));
            errors.require(&name);
            if names.contains(&name.text()) {
                errors.invalid(&name, "must be unique");
            }
            match self.find(name.text()) {
                Some(false) => {
                    let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                    errors.invalid(&name, why);
                }
                Some(true) => {}
                None => errors.not_found(&name),
            }
            errors.require(&path);
            if paths.contains(&path.text()) {
                errors.invalid(&path, "must be unique");
            }
            if !path.is_empty() {
                validate_no_backsteps(&path, errors);
            }
            names.push(name.text());
            paths.push(path.text());
        }
    }
}

/// The paths inside a volume are said to be wrong of the list, not of the mount, as upstream says it.
fn validate_sub_paths(mounts: &At, mount: &At, errors: &mut Errors) {
    let (path, expression) = (mount.get("subPath"), mount.get("subPathExpr"));
    if !path.is_empty() {
        validate_descending_path(&mounts.named("subPath").with(path.value()), errors);
    }
    if !expression.is_empty() {
        if !path.is_empty() {
            errors.invalid(&expression, "subPathExpr and subPath are mutually exclusive");
        }
        validate_descending_path(&mounts.named("subPathExpr").with(expression.value()), errors);
    }
}

fn validate_propagation(container: &At, mounts: &At, mount: &At, errors: &mut Errors) {
    let propagation = mount.get("mountPropagation");
    if !propagation.is_set() {
        return;
    }
    let at = mounts.named("mountPropagation").with(propagation.value());
    if !errors.one_of(&at, &["Bidirectional", "HostToContainer", "None"]) {
        return;
    }
    if at.text() == "Bidirectional" && !container.get("securityContext.privileged").is_true() {
        errors.forbidden(&at, "Bidirectional mount propagation is available only to privileged containers");
    }
}

/// A relative path that never leads up.
pub fn validate_descending_path(path: &At, errors: &mut Errors) {
    if path.text().starts_with('/') {
        errors.invalid(path, "must be a relative path");
    }
    validate_no_backsteps(path, errors);
}

fn validate_no_backsteps(path: &At, errors: &mut Errors) {
    if path.text().split('/').any(|part| part == "..") {
        errors.invalid(path, "must not contain '..'");
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

/// Names that begin with two dots are the kubelet's own.
fn validate_file_path(path: &At, errors: &mut Errors) {
    validate_descending_path(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") && path.text() != ".." {
        errors.invalid(path, "must not start with '..'");
    }
}

/// A file of a downward API. What is wrong with it is said of the list's owner, without the file's place.
fn validate_downward_file(item: &At, errors: &mut Errors) {
    const FIELDS: [&str; 5] =
        ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
    if !errors.require(&item.get("path")) {
        validate_file_path(&item.get("path"), errors);
    }
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

fn validate_empty_dir(source: &At, errors: &mut Errors) {
    if amount(&source.get("sizeLimit")).sign() < 0 {
        errors.forbidden(&source.get("sizeLimit"), "SizeLimit field must be a valid resource quantity");
    }
    let medium = source.get("medium");
    if !matches!(medium.text(), "" | "Memory") && !medium.text().starts_with("HugePages") {
        errors.unsupported(&medium, &["", "HugePages", "Memory"]);
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

fn validate_nfs(source: &At, errors: &mut Errors) {
    require_all(source, &["server", "path"], errors);
    if !source.get("path").text().starts_with('/') {
        errors.invalid(&source.get("path"), "must be an absolute path");
    }
}

fn validate_iscsi(source: &At, errors: &mut Errors) {
    require_all(source, &["targetPortal", "iqn"], errors);
    let iqn = source.get("iqn");
    if !iqn.is_empty() && !["iqn", "eui", "naa"].iter().any(|prefix| iqn.text().starts_with(prefix)) {
        errors.invalid(&iqn, "must be valid format starting with iqn, eui, or naa");
    }
    if !(0..=255).contains(&source.get("lun").int()) {
        errors.within(&source.get("lun"), 0, 255);
    }
}

fn validate_fibre_channel(source: &At, errors: &mut Errors) {
    let (targets, wwids, lun) = (source.get("targetWWNs"), source.get("wwids"), source.get("lun"));
    match (targets.is_empty(), wwids.is_empty()) {
        (true, true) => errors.required(&targets, "must specify either targetWWNs or wwids, but not both"),
        (false, false) => {
            errors.invalid(&targets, "targetWWNs and wwids can not be specified simultaneously")
        }
        (false, true) if !lun.is_set() => errors.required(&lun, "lun is required if targetWWNs is specified"),
        (false, true) => errors.within(&lun, 0, 255),
        (true, false) => {}
    }
}

/// The domains of Kubernetes are its own in a driver's options.
fn validate_flex_volume(source: &At, errors: &mut Errors) {
    errors.require(&source.get("driver"));
    let options = source.get("options");
    for key in options.keys() {
        let domain = key.split('/').next().unwrap_or_default();
        let own = ["kubernetes.io", "k8s.io"];
        if own.iter().any(|own| domain == *own || domain.ends_with(&format!(".{own}"))) {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            errors.invalid_as(&options.key(key), &crate::api::field_error::quoted(key), why);
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
    let registry = source.get("registry");
    let of_addresses = registry.text().split(',').all(|address| address.contains(':'));
    if registry.is_empty() {
        errors.required(&registry, "must be a host:port pair or multiple pairs separated by commas");
    } else if !of_addresses {
        errors.invalid(&registry, "must be a host:port pair or multiple pairs separated by commas");
    }
    errors.require(&source.get("volume"));
}

fn validate_flocker(source: &At, errors: &mut Errors) {
    let (name, uuid) = (source.get("datasetName"), source.get("datasetUUID"));
    match (name.is_empty(), uuid.is_empty()) {
        (true, true) => errors.required(source, "one of datasetName and datasetUUID is required"),
        (false, false) => {
            errors.invalid_as(
                source,
                "\"resource\"",
                "datasetName and datasetUUID can not be specified simultaneously",
            );
        }
        _ => {}
    }
    if name.text().contains('/') {
        errors.invalid(&name, "must not contain '/'");
    }
}

fn validate_projected(source: &At, errors: &mut Errors) {
    validate_mode(&source.get("defaultMode"), errors);
    let sources = source.get("sources");
    let mut paths: Vec<&str> = Vec::new();
    for projection in sources.items() {
        let mut found = 0;
        for name in [
            "secret",
            "configMap",
            "downwardAPI",
            "serviceAccountToken",
            "clusterTrustBundle",
            "podCertificate",
        ] {
            let part = projection.get(name);
            if !part.is_set() {
                continue;
            }
            found += 1;
            match name {
                "secret" | "configMap" => {
                    errors.require(&part.get("name"));
                    validate_keys(&part.get("items"), errors);
                }
                "downwardAPI" => {
                    let items = part.get("items");
                    items.items().for_each(|item| validate_downward_file(&part.with(item.value()), errors));
                }
                "serviceAccountToken" => validate_token(source, &part, errors),
                _ => {
                    errors.require(&part.get("path"));
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
            errors.forbidden(&projection, "may not specify more than 1 volume type");
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
    if errors.require(&path) {
        return;
    }
    validate_file_path(&path, errors);
}

/// The name of a CSI driver.
pub fn validate_csi_driver(driver: &At, errors: &mut Errors) {
    if errors.require(driver) {
        return;
    }
    if driver.text().len() > 63 {
        errors.too_long(driver, 63);
    }
    errors.text_as(driver, &driver.text().to_lowercase(), text::dns_subdomain);
}

fn validate_ephemeral(source: &At, errors: &mut Errors) {
    let template = source.get("volumeClaimTemplate");
    if template.is_set() {
        storage::validate_claim_spec(&template.get("spec"), errors);
    } else {
        errors.required(&template, "");
    }
}
