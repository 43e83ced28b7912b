//! What is accepted, kept and shown, but changes nothing: kinds and fields that no component of the model reads. The editor says
//! so at their lines, and a test holds the lists against the components' code.

/// Kinds of objects that nothing acts on.
pub const KINDS: &[&str] = &[
    "APIService",
    "CertificateSigningRequest",
    "FlowSchema",
    "IPAddress",
    "MutatingWebhookConfiguration",
    "PodTemplate",
    "PriorityLevelConfiguration",
    "ServiceCIDR",
    "ValidatingWebhookConfiguration",
    "VolumeAttributesClass",
];

/// Fields that nothing reads, by the type that they belong to.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("Container", &["stdinOnce", "volumeDevices"]),
    ("IngressSpec", &["tls"]),
    ("NodeSpec", &["configSource", "externalID", "providerID"]),
    ("PersistentVolumeClaimSpec", &["dataSource", "dataSourceRef"]),
    ("PodSpec", &["hostIPC", "hostPID", "hostUsers", "imagePullSecrets", "setHostnameAsFQDN"]),
    ("ServiceAccount", &["imagePullSecrets"]),
];

/// Whether a field of a type changes nothing.
pub fn is_unsimulated(type_name: &str, field: &str) -> bool {
    FIELDS.iter().any(|(of, fields)| *of == type_name && fields.contains(&field))
}
