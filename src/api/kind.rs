//! Every kind of the built-in API that is served, once: its names, its group and whether it lives in a
//! namespace. What a kind does beyond being stored is said by its strategy in `apiserver/registry`.
//!
//! A kind of custom resources is made of its names ([`Kind::custom`]). Which of them are served, in what versions and under which
//! short names, is a matter of the CustomResourceDefinitions in the store (`apiserver/extensions`).

use std::cmp::Ordering;
use std::fmt;
use std::sync::RwLock;

use serde::{Serialize, Serializer};

use super::versions;

/// A kind of object, as an index into [`KINDS`], or behind those into the names of custom kinds: small, ordered, and cheap to
/// compare, since it leads every key of the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u16);

/// The names of custom kinds, each once and for as long as the program runs, so that a kind stays a number. Which number it is
/// depends on what has been met before and so shows nowhere: kinds are ordered by their names.
static CUSTOM: RwLock<Vec<&'static KindInfo>> = RwLock::new(Vec::new());

impl Ord for Kind {
    // Keys are compared by their kind first, and it is nearly always the same.
    #[inline]
    fn cmp(&self, other: &Kind) -> Ordering {
        if self.0 == other.0 { Ordering::Equal } else { self.cmp_unlike(other) }
    }
}

impl Kind {
    #[inline(never)]
    fn cmp_unlike(&self, other: &Kind) -> Ordering {
        if !self.is_custom() || !other.is_custom() {
            return self.0.cmp(&other.0);
        }
        let names = |kind: &Kind| {
            let info = kind.info();
            (info.group, info.plural, info.kind, info.namespaced)
        };
        names(self).cmp(&names(other))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Kind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What discovery says of a kind (`kubectl api-resources`).
#[derive(Debug)]
pub struct KindInfo {
    /// The kind as manifests write it: `Deployment`.
    pub kind: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The served, preferred version.
    pub version: &'static str,
    /// The resource name: `deployments`.
    pub plural: &'static str,
    /// The singular name: `deployment`.
    pub singular: &'static str,
    /// Abbreviations that kubectl knows: `deploy`.
    pub short_names: &'static [&'static str],
    /// Whether objects of the kind live in a namespace.
    pub namespaced: bool,
}

macro_rules! kinds {
    ($($konst:ident $kind:literal $group:literal $version:literal $plural:literal $singular:literal $short:expr, $namespaced:literal;)*) => {
        /// The served kinds, in the order `kubectl api-resources` prints them.
        pub const KINDS: &[KindInfo] = &[$(KindInfo {
            kind: $kind, group: $group, version: $version, plural: $plural, singular: $singular,
            short_names: &$short, namespaced: $namespaced,
        }),*];

        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($konst),* }

        #[allow(missing_docs)]
        impl Kind { $(pub const $konst: Kind = Kind(Index::$konst as u16);)* }
    };
}

#[rustfmt::skip]
kinds! {
    BINDING "Binding" "" "v1" "bindings" "binding" [], true;
    COMPONENT_STATUS "ComponentStatus" "" "v1" "componentstatuses" "componentstatus" ["cs"], false;
    CONFIG_MAP "ConfigMap" "" "v1" "configmaps" "configmap" ["cm"], true;
    ENDPOINTS "Endpoints" "" "v1" "endpoints" "endpoints" ["ep"], true;
    EVENT "Event" "" "v1" "events" "event" ["ev"], true;
    LIMIT_RANGE "LimitRange" "" "v1" "limitranges" "limitrange" ["limits"], true;
    NAMESPACE "Namespace" "" "v1" "namespaces" "namespace" ["ns"], false;
    NODE "Node" "" "v1" "nodes" "node" ["no"], false;
    PERSISTENT_VOLUME_CLAIM "PersistentVolumeClaim" "" "v1" "persistentvolumeclaims" "persistentvolumeclaim" ["pvc"], true;
    PERSISTENT_VOLUME "PersistentVolume" "" "v1" "persistentvolumes" "persistentvolume" ["pv"], false;
    POD "Pod" "" "v1" "pods" "pod" ["po"], true;
    POD_TEMPLATE "PodTemplate" "" "v1" "podtemplates" "podtemplate" [], true;
    REPLICATION_CONTROLLER "ReplicationController" "" "v1" "replicationcontrollers" "replicationcontroller" ["rc"], true;
    RESOURCE_QUOTA "ResourceQuota" "" "v1" "resourcequotas" "resourcequota" ["quota"], true;
    SECRET "Secret" "" "v1" "secrets" "secret" [], true;
    SERVICE_ACCOUNT "ServiceAccount" "" "v1" "serviceaccounts" "serviceaccount" ["sa"], true;
    SERVICE "Service" "" "v1" "services" "service" ["svc"], true;
    MUTATING_ADMISSION_POLICY "MutatingAdmissionPolicy" "admissionregistration.k8s.io" "v1" "mutatingadmissionpolicies" "mutatingadmissionpolicy" [], false;
    MUTATING_ADMISSION_POLICY_BINDING "MutatingAdmissionPolicyBinding" "admissionregistration.k8s.io" "v1" "mutatingadmissionpolicybindings" "mutatingadmissionpolicybinding" [], false;
    MUTATING_WEBHOOK_CONFIGURATION "MutatingWebhookConfiguration" "admissionregistration.k8s.io" "v1" "mutatingwebhookconfigurations" "mutatingwebhookconfiguration" [], false;
    VALIDATING_ADMISSION_POLICY "ValidatingAdmissionPolicy" "admissionregistration.k8s.io" "v1" "validatingadmissionpolicies" "validatingadmissionpolicy" [], false;
    VALIDATING_ADMISSION_POLICY_BINDING "ValidatingAdmissionPolicyBinding" "admissionregistration.k8s.io" "v1" "validatingadmissionpolicybindings" "validatingadmissionpolicybinding" [], false;
    VALIDATING_WEBHOOK_CONFIGURATION "ValidatingWebhookConfiguration" "admissionregistration.k8s.io" "v1" "validatingwebhookconfigurations" "validatingwebhookconfiguration" [], false;
    CUSTOM_RESOURCE_DEFINITION "CustomResourceDefinition" "apiextensions.k8s.io" "v1" "customresourcedefinitions" "customresourcedefinition" ["crd", "crds"], false;
    API_SERVICE "APIService" "apiregistration.k8s.io" "v1" "apiservices" "apiservice" [], false;
    CONTROLLER_REVISION "ControllerRevision" "apps" "v1" "controllerrevisions" "controllerrevision" [], true;
    DAEMON_SET "DaemonSet" "apps" "v1" "daemonsets" "daemonset" ["ds"], true;
    DEPLOYMENT "Deployment" "apps" "v1" "deployments" "deployment" ["deploy"], true;
    REPLICA_SET "ReplicaSet" "apps" "v1" "replicasets" "replicaset" ["rs"], true;
    STATEFUL_SET "StatefulSet" "apps" "v1" "statefulsets" "statefulset" ["sts"], true;
    SELF_SUBJECT_REVIEW "SelfSubjectReview" "authentication.k8s.io" "v1" "selfsubjectreviews" "selfsubjectreview" [], false;
    TOKEN_REVIEW "TokenReview" "authentication.k8s.io" "v1" "tokenreviews" "tokenreview" [], false;
    LOCAL_SUBJECT_ACCESS_REVIEW "LocalSubjectAccessReview" "authorization.k8s.io" "v1" "localsubjectaccessreviews" "localsubjectaccessreview" [], true;
    SELF_SUBJECT_ACCESS_REVIEW "SelfSubjectAccessReview" "authorization.k8s.io" "v1" "selfsubjectaccessreviews" "selfsubjectaccessreview" [], false;
    SELF_SUBJECT_RULES_REVIEW "SelfSubjectRulesReview" "authorization.k8s.io" "v1" "selfsubjectrulesreviews" "selfsubjectrulesreview" [], false;
    SUBJECT_ACCESS_REVIEW "SubjectAccessReview" "authorization.k8s.io" "v1" "subjectaccessreviews" "subjectaccessreview" [], false;
    HORIZONTAL_POD_AUTOSCALER "HorizontalPodAutoscaler" "autoscaling" "v2" "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"], true;
    CRON_JOB "CronJob" "batch" "v1" "cronjobs" "cronjob" ["cj"], true;
    JOB "Job" "batch" "v1" "jobs" "job" [], true;
    CERTIFICATE_SIGNING_REQUEST "CertificateSigningRequest" "certificates.k8s.io" "v1" "certificatesigningrequests" "certificatesigningrequest" ["csr"], false;
    LEASE "Lease" "coordination.k8s.io" "v1" "leases" "lease" [], true;
    ENDPOINT_SLICE "EndpointSlice" "discovery.k8s.io" "v1" "endpointslices" "endpointslice" [], true;
    FLOW_SCHEMA "FlowSchema" "flowcontrol.apiserver.k8s.io" "v1" "flowschemas" "flowschema" [], false;
    PRIORITY_LEVEL_CONFIGURATION "PriorityLevelConfiguration" "flowcontrol.apiserver.k8s.io" "v1" "prioritylevelconfigurations" "prioritylevelconfiguration" [], false;
    INGRESS_CLASS "IngressClass" "networking.k8s.io" "v1" "ingressclasses" "ingressclass" [], false;
    INGRESS "Ingress" "networking.k8s.io" "v1" "ingresses" "ingress" ["ing"], true;
    IP_ADDRESS "IPAddress" "networking.k8s.io" "v1" "ipaddresses" "ipaddress" ["ip"], false;
    NETWORK_POLICY "NetworkPolicy" "networking.k8s.io" "v1" "networkpolicies" "networkpolicy" ["netpol"], true;
    SERVICE_CIDR "ServiceCIDR" "networking.k8s.io" "v1" "servicecidrs" "servicecidr" [], false;
    RUNTIME_CLASS "RuntimeClass" "node.k8s.io" "v1" "runtimeclasses" "runtimeclass" [], false;
    POD_DISRUPTION_BUDGET "PodDisruptionBudget" "policy" "v1" "poddisruptionbudgets" "poddisruptionbudget" ["pdb"], true;
    CLUSTER_ROLE_BINDING "ClusterRoleBinding" "rbac.authorization.k8s.io" "v1" "clusterrolebindings" "clusterrolebinding" [], false;
    CLUSTER_ROLE "ClusterRole" "rbac.authorization.k8s.io" "v1" "clusterroles" "clusterrole" [], false;
    ROLE_BINDING "RoleBinding" "rbac.authorization.k8s.io" "v1" "rolebindings" "rolebinding" [], true;
    ROLE "Role" "rbac.authorization.k8s.io" "v1" "roles" "role" [], true;
    DEVICE_CLASS "DeviceClass" "resource.k8s.io" "v1" "deviceclasses" "deviceclass" [], false;
    RESOURCE_CLAIM "ResourceClaim" "resource.k8s.io" "v1" "resourceclaims" "resourceclaim" [], true;
    RESOURCE_CLAIM_TEMPLATE "ResourceClaimTemplate" "resource.k8s.io" "v1" "resourceclaimtemplates" "resourceclaimtemplate" [], true;
    RESOURCE_SLICE "ResourceSlice" "resource.k8s.io" "v1" "resourceslices" "resourceslice" [], false;
    PRIORITY_CLASS "PriorityClass" "scheduling.k8s.io" "v1" "priorityclasses" "priorityclass" ["pc"], false;
    CSI_DRIVER "CSIDriver" "storage.k8s.io" "v1" "csidrivers" "csidriver" [], false;
    CSI_NODE "CSINode" "storage.k8s.io" "v1" "csinodes" "csinode" [], false;
    CSI_STORAGE_CAPACITY "CSIStorageCapacity" "storage.k8s.io" "v1" "csistoragecapacities" "csistoragecapacity" [], true;
    STORAGE_CLASS "StorageClass" "storage.k8s.io" "v1" "storageclasses" "storageclass" ["sc"], false;
    VOLUME_ATTACHMENT "VolumeAttachment" "storage.k8s.io" "v1" "volumeattachments" "volumeattachment" [], false;
    VOLUME_ATTRIBUTES_CLASS "VolumeAttributesClass" "storage.k8s.io" "v1" "volumeattributesclasses" "volumeattributesclass" ["vac"], false;
}

impl Kind {
    /// The kind of custom resources with these names: equal names make equal kinds.
    pub fn custom(group: &str, plural: &str, kind: &str, namespaced: bool) -> Kind {
        let mut known = CUSTOM.write().unwrap_or_else(|broken| broken.into_inner());
        let same = |info: &&KindInfo| {
            info.group == group && info.plural == plural && info.kind == kind && info.namespaced == namespaced
        };
        let index = known.iter().position(same).unwrap_or_else(|| {
            let kept = |text: &str| -> &'static str { text.to_string().leak() };
            known.push(Box::leak(Box::new(KindInfo {
                kind: kept(kind),
                group: kept(group),
                version: "",
                plural: kept(plural),
                singular: kept(&kind.to_lowercase()),
                short_names: &[],
                namespaced,
            })));
            known.len() - 1
        });
        Kind(u16::try_from(KINDS.len() + index).unwrap_or(u16::MAX))
    }

    /// Kinds that are questions: they are answered, and never stored.
    pub const REVIEWS: [Kind; 6] = [
        Kind::SELF_SUBJECT_REVIEW,
        Kind::TOKEN_REVIEW,
        Kind::LOCAL_SUBJECT_ACCESS_REVIEW,
        Kind::SELF_SUBJECT_ACCESS_REVIEW,
        Kind::SELF_SUBJECT_RULES_REVIEW,
        Kind::SUBJECT_ACCESS_REVIEW,
    ];

    /// Stands for every custom kind in a list of kinds that are watched.
    pub const ANY_CUSTOM: Kind = Kind(u16::MAX);

    /// Whether a list of kinds that are watched has this one.
    pub fn is_among(self, watched: &[Kind]) -> bool {
        watched.contains(&self) || (self.is_custom() && watched.contains(&Kind::ANY_CUSTOM))
    }

    /// Whether the kind is one of custom resources.
    pub fn is_custom(self) -> bool {
        usize::from(self.0) >= KINDS.len()
    }

    /// The kind's names and scope. Of a custom kind, version and short names are the server's to know, and empty here.
    pub fn info(self) -> &'static KindInfo {
        match usize::from(self.0).checked_sub(KINDS.len()) {
            None => &KINDS[usize::from(self.0)],
            Some(index) => CUSTOM.read().unwrap_or_else(|broken| broken.into_inner())[index],
        }
    }

    /// The kind as manifests write it.
    pub fn name(self) -> &'static str {
        self.info().kind
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(self) -> String {
        let KindInfo { group, version, .. } = self.info();
        if group.is_empty() { (*version).to_string() } else { format!("{group}/{version}") }
    }

    /// `deployments.apps`, or `pods` in the core group: how errors name a resource.
    pub fn group_resource(self) -> String {
        let KindInfo { group, plural, .. } = self.info();
        if group.is_empty() { (*plural).to_string() } else { format!("{plural}.{group}") }
    }

    /// `deployment.apps`, or `pod` in the core group: how kubectl names what it has written.
    pub fn group_singular(self) -> String {
        let KindInfo { group, singular, .. } = self.info();
        if group.is_empty() { (*singular).to_string() } else { format!("{singular}.{group}") }
    }

    /// All kinds of the built-in API, in order.
    pub fn all() -> impl Iterator<Item = Kind> {
        (0..KINDS.len() as u16).map(Kind)
    }

    /// The built-in kind that a manifest's `apiVersion` and `kind` name, if there is one.
    pub fn from_manifest(api_version: &str, kind: &str) -> Option<Kind> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let preferred = Kind::all().find(|candidate| {
            let info = candidate.info();
            info.kind == kind && info.group == group && info.version == version
        });
        preferred.or_else(|| versions::kind(api_version, kind))
    }

    /// The built-in kind that a word of a kubectl command names: plural, singular, short name or kind, in any case,
    /// alone or with its group (`deployments.apps`, `deploy.v1.apps`).
    pub fn from_resource_word(word: &str) -> Option<Kind> {
        let word = word.to_ascii_lowercase();
        let (name, group) = word.split_once('.').map_or((word.as_str(), None), |(n, g)| (n, Some(g)));
        Kind::all().find(|candidate| {
            let info = candidate.info();
            let named = info.plural == name
                || info.singular == name
                || info.kind.eq_ignore_ascii_case(name)
                || info.short_names.contains(&name);
            named
                && group.is_none_or(|group| {
                    group == info.group
                        || group.strip_prefix(info.version).and_then(|g| g.strip_prefix('.'))
                            == Some(info.group)
                })
        })
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_kubectl_commands_name_their_kind() {
        let cases = [
            ("po", Some(Kind::POD)),
            ("Deployment", Some(Kind::DEPLOYMENT)),
            ("deployments.apps", Some(Kind::DEPLOYMENT)),
            ("deploy.v1.apps", Some(Kind::DEPLOYMENT)),
            ("deployments.extensions", None),
            ("ep", Some(Kind::ENDPOINTS)),
            ("widgets", None),
        ];
        for (word, want) in cases {
            assert_eq!(Kind::from_resource_word(word), want, "{word}");
        }
    }

    #[test]
    fn custom_kinds_are_their_names() {
        let kind = |plural: &str| Kind::custom("example.com", plural, "Thing", true);
        let (things, stuff) = (kind("things"), kind("stuff"));
        assert_eq!(things, kind("things"));
        assert!(
            stuff < things && things > Kind::VOLUME_ATTRIBUTES_CLASS,
            "by name, behind the built-in ones"
        );
        assert_eq!(things.group_resource(), "things.example.com");
        assert_eq!(things.group_singular(), "thing.example.com");
        assert!(things.is_custom() && !Kind::POD.is_custom());
    }

    #[test]
    fn only_served_versions_match_a_manifest() {
        assert_eq!(Kind::from_manifest("apps/v1", "Deployment"), Some(Kind::DEPLOYMENT));
        assert_eq!(Kind::from_manifest("extensions/v1beta1", "Deployment"), None);
        assert_eq!(Kind::from_manifest("v1", "Deployment"), None);
    }
}
