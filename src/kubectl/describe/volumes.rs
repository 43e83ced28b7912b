//! Volumes of pods and sources of persistent volumes, as one table: field, what it is, and the lines below.

use serde_json::Value;

use super::page::Page;
use crate::kubectl::print::fields::{Fields, go_list};

/// A kind of volume: its field, its line Type, and its further lines, each with a label, a path and what stands there if
/// the field is absent. A label that ends in a tab has no colon; one that begins with `+` is for persistent volumes only. A path
/// that ends in `[]` is a list as Go prints it.
type Source = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

/// The kinds of volume, in the order in which they are looked for.
const SOURCES: &[Source] = &[
    (
        "hostPath",
        "HostPath (bare host directory volume)",
        &[("Path", "path", ""), ("HostPathType", "type", "<none>")],
    ),
    (
        "emptyDir",
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        &[("Medium", "medium", ""), ("SizeLimit", "sizeLimit", "<unset>")],
    ),
    (
        "gcePersistentDisk",
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        &[
            ("PDName", "pdName", ""),
            ("FSType", "fsType", ""),
            ("Partition", "partition", "0"),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "awsElasticBlockStore",
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        &[
            ("VolumeID", "volumeID", ""),
            ("FSType", "fsType", ""),
            ("Partition", "partition", "0"),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "gitRepo",
        "GitRepo (a volume that is pulled from git when the pod is created)",
        &[("Repository", "repository", ""), ("Revision", "revision", "")],
    ),
    (
        "secret",
        "Secret (a volume populated by a Secret)",
        &[("SecretName", "secretName", ""), ("Optional", "optional", "false")],
    ),
    (
        "configMap",
        "ConfigMap (a volume populated by a ConfigMap)",
        &[("Name", "name", ""), ("Optional", "optional", "false")],
    ),
    (
        "nfs",
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        &[("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", "false")],
    ),
    (
        "iscsi",
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        &[
            ("TargetPortal", "targetPortal", ""),
            ("IQN", "iqn", ""),
            ("Lun", "lun", "0"),
            ("ISCSIInterface\t", "iscsiInterface", ""),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", "false"),
            ("Portals", "portals[]", "[]"),
            ("DiscoveryCHAPAuth", "chapAuthDiscovery", "false"),
            ("SessionCHAPAuth", "chapAuthSession", "false"),
            ("SecretRef", "secretRef", "<nil>"),
            ("InitiatorName", "initiatorName", "<none>"),
        ],
    ),
    (
        "persistentVolumeClaim",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        &[("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", "false")],
    ),
    (
        "azureFile",
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        &[
            ("SecretName", "secretName", ""),
            ("+SecretNamespace", "secretNamespace", ""),
            ("ShareName", "shareName", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "azureDisk",
        "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
        &[
            ("DiskName", "diskName", ""),
            ("DiskURI", "diskURI", ""),
            ("Kind: \t", "kind", ""),
            ("FSType", "fsType", ""),
            ("CachingMode", "cachingMode", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "vsphereVolume",
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        &[
            ("VolumePath", "volumePath", ""),
            ("FSType", "fsType", ""),
            ("StoragePolicyName", "storagePolicyName", ""),
        ],
    ),
    (
        "cinder",
        "Cinder (a Persistent Disk resource in OpenStack)",
        &[
            ("VolumeID", "volumeID", ""),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", "false"),
            ("SecretRef", "secretRef", "<nil>"),
        ],
    ),
    ("local", "LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", "path", "")]),
    (
        "fc",
        "FC (a Fibre Channel disk)",
        &[
            ("TargetWWNs", "targetWWNs", ""),
            ("LUN", "lun", "<none>"),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "flexVolume",
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        &[
            ("Driver", "driver", ""),
            ("FSType", "fsType", ""),
            ("SecretRef", "secretRef", "<nil>"),
            ("ReadOnly", "readOnly", "false"),
            ("Options", "options", "map[]"),
        ],
    ),
    (
        "glusterfs",
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        &[
            ("EndpointsName", "endpoints", ""),
            ("+EndpointsNamespace", "endpointsNamespace", "<unset>"),
            ("Path", "path", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "rbd",
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        &[
            ("CephMonitors", "monitors[]", "[]"),
            ("RBDImage", "image", ""),
            ("FSType", "fsType", ""),
            ("RBDPool", "pool", ""),
            ("RadosUser", "user", ""),
            ("Keyring", "keyring", ""),
            ("SecretRef", "secretRef", "<nil>"),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "cephfs",
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        &[
            ("Monitors", "monitors[]", "[]"),
            ("Path", "path", ""),
            ("User", "user", ""),
            ("SecretFile", "secretFile", ""),
            ("SecretRef", "secretRef", "<nil>"),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "quobyte",
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        &[("Registry", "registry", ""), ("Volume", "volume", ""), ("ReadOnly", "readOnly", "false")],
    ),
    ("portworxVolume", "PortworxVolume (a Portworx Volume resource)", &[("VolumeID", "volumeID", "")]),
    (
        "photonPersistentDisk",
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
        &[("PdID", "pdID", ""), ("FSType", "fsType", "")],
    ),
    (
        "flocker",
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        &[("DatasetName", "datasetName", ""), ("DatasetUUID", "datasetUUID", "")],
    ),
    (
        "storageos",
        "StorageOS (a StorageOS Persistent Disk resource)",
        &[
            ("VolumeName", "volumeName", ""),
            ("VolumeNamespace", "volumeNamespace", ""),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "scaleIO",
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
        &[
            ("Gateway", "gateway", ""),
            ("System", "system", ""),
            ("Protection Domain", "protectionDomain", ""),
            ("Storage Pool", "storagePool", ""),
            ("Storage Mode", "storageMode", ""),
            ("VolumeName", "volumeName", ""),
            ("+SecretName", "secretRef.name", ""),
            ("+SecretNamespace", "secretRef.namespace", ""),
            ("FSType", "fsType", ""),
            ("ReadOnly", "readOnly", "false"),
        ],
    ),
    (
        "image",
        "Image (a container image or OCI artifact)",
        &[("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")],
    ),
];

const CSI: &str = "CSI (a Container Storage Interface (CSI) volume source)";

/// The section Volumes. `indent` is not empty inside a template.
pub fn volumes(page: &mut Page, volumes: &[Value], indent: &str) {
    if volumes.is_empty() {
        page.put(&format!("{indent}Volumes:\t<none>\n"));
        return;
    }
    page.put(&format!("{indent}Volumes:\n"));
    for volume in volumes {
        let name_indent = if indent.is_empty() { "" } else { " " };
        page.line(1, format!("{name_indent}{}:", volume.text("name")));
        source(page, volume, false);
    }
}

/// What a volume is. `persistent`: it is the spec of a PersistentVolume.
pub fn source(page: &mut Page, volume: &Value, persistent: bool) {
    if let Some((field, type_, lines)) = SOURCES.iter().find(|(field, ..)| volume.has(field)) {
        page.field(2, "Type", type_);
        for (label, path, otherwise) in *lines {
            let label = match label.strip_prefix('+') {
                Some(_) if !persistent => continue,
                Some(label) => label,
                None => label,
            };
            let value = match path.strip_suffix("[]") {
                Some(path) => go_list(&volume.at(field).texts(path)),
                None => shown(volume.at(field).at(path), otherwise),
            };
            match label.strip_suffix('\t') {
                Some(label) => page.line(2, format!("{label}\t{value}")),
                None => page.field(2, label, value),
            }
        }
    } else if volume.has("projected") {
        projected(page, volume.list("projected.sources"));
    } else if volume.has("downwardAPI") {
        page.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
        page.line(2, "Items:");
        for item in volume.list("downwardAPI.items") {
            let from = item.text_or("fieldRef.fieldPath", item.text("resourceFieldRef.resource"));
            page.line(3, format!("{from} -> {}", item.text("path")));
        }
    } else if volume.has("ephemeral") {
        let what = "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)";
        page.field(2, "Type", what);
        super::storage::claim_template(page, volume.at("ephemeral.volumeClaimTemplate"));
    } else if volume.has("csi") {
        csi(page, volume.at("csi"), persistent);
    } else {
        page.line(1, "<unknown>");
    }
}

fn shown(value: &Value, otherwise: &str) -> String {
    match value {
        Value::Null => otherwise.into(),
        Value::Array(items) => items.iter().map(|item| item.plain("")).collect::<Vec<_>>().join(", "),
        // Options, and references to a Secret: as Go prints a map and a pointer to a struct.
        Value::Object(_) if otherwise == "map[]" => {
            let pairs: Vec<String> =
                value.map("").iter().map(|(key, text)| format!("{key}:{text}")).collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Object(_) if value.has("namespace") => {
            format!("&SecretReference{{Name:{},Namespace:{},}}", value.text("name"), value.text("namespace"))
        }
        Value::Object(_) => format!("&LocalObjectReference{{Name:{},}}", value.text("name")),
        value => value.plain(""),
    }
}

fn projected(page: &mut Page, sources: &[Value]) {
    page.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
    for source in sources {
        if source.has("secret") {
            page.field(2, "SecretName", source.text("secret.name"));
            page.field(2, "Optional", source.flag("secret.optional").to_string());
        } else if source.has("downwardAPI") {
            page.field(2, "DownwardAPI", "true");
        } else if source.has("configMap") {
            page.field(2, "ConfigMapName", source.text("configMap.name"));
            page.field(2, "Optional", source.flag("configMap.optional").to_string());
        } else if source.has("serviceAccountToken") {
            let seconds = source.int("serviceAccountToken.expirationSeconds");
            page.field(2, "TokenExpirationSeconds", seconds.to_string());
        }
    }
}

fn csi(page: &mut Page, csi: &Value, persistent: bool) {
    page.field(2, "Type", CSI);
    page.field(2, "Driver", csi.text("driver"));
    page.field(2, "FSType", csi.text("fsType"));
    if persistent {
        page.field(2, "VolumeHandle", csi.text("volumeHandle"));
    }
    page.field(2, "ReadOnly", csi.flag("readOnly").to_string());
    // The real one indents each of its lines again, the first word of the first one too.
    let attributes = csi.map("volumeAttributes");
    page.put("    VolumeAttributes:\t");
    if attributes.is_empty() {
        page.put("<none>\n");
    }
    for (index, (key, value)) in attributes.iter().enumerate() {
        let line = format!("{key}={value}");
        let cut = line.char_indices().nth(140).map_or(line.clone(), |(at, _)| format!("{}...", &line[..at]));
        page.put(if index == 0 { "" } else { "        \t" });
        page.line(2, cut);
    }
}

/// Finalizers and the like, as Go prints a list.
pub fn finalizers(value: &Value) -> String {
    go_list(&value.texts("metadata.finalizers"))
}
