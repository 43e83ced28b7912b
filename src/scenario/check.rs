//! `kubeviz check`: what the API server of a new cluster says of each document by itself, as a dry run with strict field
//! validation.
//!
//! A document is read as kubectl reads it and sent, list by list, into the namespace that it names, or else into `default`.
//! Nothing is kept: of two documents, neither knows of the other.

use serde::Serialize;
use serde_json::Value;

use crate::api::manifest::{self, Document, Limits, SourceMap};
use crate::api::{Status, schema};
use crate::apiserver::FieldValidation;
use crate::clock::SimDuration;
use crate::sim::{Config, Simulation};

/// The code of an object that would be created.
const CREATED: u16 = 201;
/// How long a new cluster gets to make what belongs to every namespace.
const SETTLE: SimDuration = SimDuration::from_secs(30);

/// What is said of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The file's name.
    pub file: String,
    /// The document's place in the file, from 0; empty ones do not count.
    pub doc: usize,
    /// The line on which it begins, or could not be read on, from 1.
    pub line: u32,
    /// As written; empty if there is none.
    pub api_version: String,
    /// As written; empty if there is none.
    pub kind: String,
    /// Whether all its objects would be created.
    pub accepted: bool,
    /// The HTTP status code: 201, or that of the first refusal.
    pub code: u16,
    /// The first refusal in the server's words; in kubectl's where nothing could be sent. Empty if there is none.
    pub message: String,
}

/// A new cluster to ask.
pub struct Checker {
    simulation: Simulation,
}

impl Default for Checker {
    fn default() -> Self {
        let mut config = Config::with_nodes(1, Vec::new());
        config.storage.clear();
        config.metrics = None;
        let mut simulation = Simulation::new(config);
        simulation.advance(simulation.now() + SETTLE, u64::MAX);
        simulation.show_standing();
        Checker { simulation }
    }
}

impl Checker {
    /// As [`Self::check`], of a file that may be no text.
    pub fn check_bytes(&self, file: &str, bytes: &[u8]) -> Vec<Verdict> {
        self.check(file, &manifest::text_of(bytes))
    }

    /// The verdicts on all documents of a text, in order.
    pub fn check(&self, file: &str, text: &str) -> Vec<Verdict> {
        let stream = manifest::parse(text, &Limits::default());
        let map = SourceMap::new(text);
        let mut verdicts: Vec<Verdict> = Vec::new();
        let mut note = |document: usize, line: u32, root: Option<&Document>, answer: Result<(), Status>| {
            let word = |key| root.and_then(|document| document.root.get(key)?.as_str()).unwrap_or_default();
            verdicts.push(Verdict {
                file: file.into(),
                doc: document,
                line,
                api_version: word("apiVersion").into(),
                kind: word("kind").into(),
                accepted: answer.is_ok(),
                code: answer.as_ref().map_or_else(|status| status.code, |()| CREATED),
                message: answer.err().map(|status| status.message).unwrap_or_default(),
            });
        };
        for broken in stream.errors.iter().filter(|diagnostic| diagnostic.is_error()) {
            let words = broken.kubectl.as_ref().unwrap_or(&broken.message);
            let refusal = Status::bad_request(format!("error parsing {file}: {words}"));
            note(broken.document, broken.line, None, Err(refusal));
        }
        for document in &stream.documents {
            let line = map.position(document.root.span.from).line;
            note(document.index, line, Some(document), self.dry_run(document));
        }
        crate::api::sorting::sort_by_key(&mut verdicts, |verdict| verdict.doc);
        verdicts
    }

    fn dry_run(&self, document: &Document) -> Result<(), Status> {
        document.objects().into_iter().try_for_each(|object| self.create(&object.to_value()))
    }

    fn create(&self, value: &Value) -> Result<(), Status> {
        schema::check_type_meta(value).map_err(Status::bad_request)?;
        let text = |key: &str| value[key].as_str().unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let server = self.simulation.api();
        let known = server.view().kind_from_manifest(api_version, kind);
        let kind = known.ok_or_else(|| Status::no_match(api_version, kind))?;
        let object = server.decode(kind, value, FieldValidation::Strict, &mut Vec::new())?;
        server.dry_run_create(object).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_gets_the_answer_of_a_new_cluster() {
        let cases = [
            ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", 201, ""),
            ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n", 201, ""),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: web}\n",
                404,
                "namespaces \"web\" not found",
            ),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n",
                409,
                "namespaces \"default\" already exists",
            ),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nfoo: 1\n",
                400,
                "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"foo\"",
            ),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A}\n",
                422,
                "ConfigMap \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain",
            ),
            (
                "apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}, spec: {containers: [{name: a, image: b, args: [null]}, null]}}\n",
                422,
                "Pod \"a\" is invalid: [spec.containers[1].name: Required value, spec.containers[1].image: Required value]",
            ),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {pod-security.kubernetes.io/enforce: high}}\n",
                422,
                "Namespace \"a\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"high\": must be \
                 one of privileged, baseline, restricted",
            ),
            (
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {}\n",
                422,
                "Ingress.networking.k8s.io \"a\" is invalid: spec: Invalid value: null: either `defaultBackend` or `rules` must be \
                 specified",
            ),
            (
                "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\nprovisioner: a\nallowedTopologies: \
                 [{matchLabelExpressions: [{key: b, values: []}]}]\n",
                422,
                "StorageClass.storage.k8s.io \"a\" is invalid: allowedTopologies[0].matchLabelExpressions[0].values: Required value",
            ),
            (
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: system:kube-scheduler}\n",
                409,
                "clusterroles.rbac.authorization.k8s.io \"system:kube-scheduler\" already exists",
            ),
            (
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: \"system::leader-locking-kube-scheduler\", \
                 namespace: kube-system}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}\n",
                409,
                "rolebindings.rbac.authorization.k8s.io \"system::leader-locking-kube-scheduler\" already exists",
            ),
            (
                "apiVersion: flowcontrol.apiserver.k8s.io/v1\nkind: FlowSchema\nmetadata: {name: exempt}\nspec: \
                 {priorityLevelConfiguration: {name: exempt}}\n",
                409,
                "flowschemas.flowcontrol.apiserver.k8s.io \"exempt\" already exists",
            ),
            (
                "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.apps}\nspec: {group: apps, version: v1, \
                 groupPriorityMinimum: 17800, versionPriority: 15}\n",
                409,
                "apiservices.apiregistration.k8s.io \"v1.apps\" already exists",
            ),
            (
                "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1beta1.metrics.k8s.io}\nspec: {group: \
                 metrics.k8s.io, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, \
                 service: {name: metrics-server, namespace: kube-system}}\n",
                201,
                "",
            ),
            (
                "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n",
                404,
                "no matches for kind \"Ingress\" in version \"extensions/v1beta1\"",
            ),
            (
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a}\nroleRef: {kind: Role, name: b, \
                 apiGroup: \"\"}\n",
                201,
                "",
            ),
            (
                "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: \"\", sessionAffinity: None, sessionAffinityConfig: \
                 {clientIP: {timeoutSeconds: 5}}, ports: [{port: 10250, protocol: \"\"}]}\n",
                201,
                "",
            ),
            (
                "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: a}\nspec:\n",
                422,
                "ReplicaSet.apps \"a\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: \
                 `selector` does not match template `labels`, spec.template.spec.containers: Required value]",
            ),
            (
                "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: a}\n",
                422,
                "PodTemplate \"a\" is invalid: template.spec.containers: Required value",
            ),
            (
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {scaleTargetRef: {apiVersion: apps/v1, \
                 kind: Deployment, name: a}, maxReplicas: 3, behavior: {scaleDown: {policies: []}}}\n",
                422,
                "HorizontalPodAutoscaler.autoscaling \"a\" is invalid: spec.behavior.scaleDown.policies: Required value: must specify at \
                 least one Policy",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostnameOverride: db.example.com, setHostnameAsFQDN: true, \
                 containers: [{name: a, image: b}]}\n",
                422,
                "Pod \"a\" is invalid: spec.hostnameOverride: Forbidden: may not be specified when 'setHostnameAsFQDN' is true",
            ),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nspec: {finalizers: [mine]}\n",
                422,
                "Namespace \"a\" is invalid: spec.finalizers: Invalid value: \"mine\": name is neither a standard finalizer \
                 name nor is it fully qualified",
            ),
            (
                "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIPs: [10.96.0.8], ports: [{port: 80}]}\n",
                422,
                "Service \"a\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: must be empty when `clusterIP` is \
                 not specified",
            ),
            ("metadata: {name: a}\n", 400, "error validating data: [apiVersion not set, kind not set]"),
            (
                "a: {{ .Values.b }}\n",
                400,
                "error parsing FILE: error converting YAML to JSON: yaml: invalid map key: map[interface {}]interface {}\
                 {\".Values.b\":interface {}(nil)}",
            ),
            (
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                 - {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
                422,
                "Pod \"b\" is invalid: spec.containers: Required value",
            ),
        ];
        let text = cases.map(|(document, ..)| document).join("---\n");
        let verdicts = Checker::default().check("FILE", &text);
        assert_eq!(verdicts.len(), cases.len());
        let mut line = 1;
        for (index, ((document, code, message), verdict)) in cases.iter().zip(verdicts).enumerate() {
            assert_eq!(
                (verdict.doc, verdict.line, verdict.code),
                (index, line, *code),
                "{document}{}",
                verdict.message
            );
            assert_eq!(verdict.accepted, *code == 201, "{document}");
            assert!(verdict.message.starts_with(message), "{document}{}", verdict.message);
            line += document.lines().count() as u32 + 1;
        }
    }
}
