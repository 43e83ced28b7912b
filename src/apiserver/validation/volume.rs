//! The rules of volumes and of what mounts them.

use super::at::{At, Errors};
use super::text;
use super::volume_source::{OF_PODS, validate_session_name, validate_source};

/// The volumes of a pod that containers may mount.
#[derive(Default)]
pub struct Volumes<'v> {
    known: Vec<(&'v str, bool)>,
}

impl<'v> Volumes<'v> {
    /// Checks the volumes of a pod's spec, and returns those that are sound. A pod of which only the template is known has no
    /// name, and none of its claims can be named.
    pub fn validate(volumes: &At<'_, 'v>, pod: &str, errors: &mut Errors) -> Volumes<'v> {
        let mut sound = Volumes::default();
        for volume in volumes.items() {
            let (before, name) = (errors.len(), volume.get("name"));
            validate_source(&volume, OF_PODS, errors);
            validate_session_name(&volume.get("iscsi"), name.text(), &name, errors);
            let ephemeral = volume.get("ephemeral").is_set();
            if ephemeral && !pod.is_empty() && !name.is_empty() {
                let claim = format!("{pod}-{}", name.text());
                for why in text::dns_subdomain(&claim) {
                    errors.invalid(&name, &format!("PVC name {claim:?}: {why}"));
                }
            }
            if !errors.require(&name) {
                errors.text(&name, text::dns_label);
            }
            if sound.find(name.text()).is_some() {
                errors.duplicate(&name);
            }
            if errors.len() == before {
                sound.known.push((name.text(), volume.get("persistentVolumeClaim").is_set() || ephemeral));
            }
            validate_claim_is_no_other(volumes, &volume, pod, errors);
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
            validate_recursion(&mounts, &mount, errors);
        }
    }

    /// The `volumeDevices` of a container.
    pub fn validate_devices(&self, container: &At, errors: &mut Errors) {
        let (devices, mounts) = (container.get("volumeDevices"), container.get("volumeMounts"));
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
            if path.text().split('/').any(|part| part == "..") {
                errors.invalid(&path, "can not contain backsteps ('..')");
            } else {
                paths.push(path.text());
            }
            for mount in mounts.items() {
                if mount.get("name").text() == name.text() {
                    errors.invalid(&name, "must not already exist in volumeMounts");
                }
                if mount.get("mountPath").text() == path.text() {
                    errors.invalid(&path, "must not already exist as a path in volumeMounts");
                }
            }
            names.extend(Some(name.text()).filter(|name| !name.is_empty()));
        }
    }
}

/// A claim that is made for a volume of the pod itself cannot be another volume of it.
fn validate_claim_is_no_other(volumes: &At, volume: &At, pod: &str, errors: &mut Errors) {
    let source = volume.get("persistentVolumeClaim");
    let claim = source.get("claimName");
    let Some(made) = claim.text().strip_prefix(pod).and_then(|rest| rest.strip_prefix('-')) else { return };
    let makes = |other: At| other.get("ephemeral").is_set() && other.get("name").text() == made;
    if !pod.is_empty() && volumes.items().any(makes) {
        errors.invalid(&claim, "must not reference a PVC that gets created for an ephemeral volume");
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
    errors.one_of(&at, &["Bidirectional", "HostToContainer", "None"]);
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

/// A path that never leads up.
pub fn validate_no_backsteps(path: &At, errors: &mut Errors) {
    if path.text().split('/').any(|part| part == "..") {
        errors.invalid(path, "must not contain '..'");
    }
}

/// Names that begin with two dots are the kubelet's own.
pub fn validate_file_path(path: &At, errors: &mut Errors) {
    validate_descending_path(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        errors.invalid(path, "must not start with '..'");
    }
}

/// Mounts below a mount can be read only if it can.
fn validate_recursion(mounts: &At, mount: &At, errors: &mut Errors) {
    let recursion = mount.get("recursiveReadOnly");
    let at = mounts.named("recursiveReadOnly").with(recursion.value());
    match recursion.text() {
        _ if !recursion.is_set() => {}
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !mount.get("readOnly").is_true() {
                errors.forbidden(&at, "may only be specified when readOnly is true");
            }
            if !matches!(mount.get("mountPropagation").text(), "" | "None") {
                errors.forbidden(&at, "may only be specified when mountPropagation is None or not specified");
            }
        }
        _ => errors.unsupported(&at, &["Disabled", "Enabled", "IfPossible"]),
    }
}
