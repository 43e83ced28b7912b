//! `--field-selector`: `status.phase=Running,spec.nodeName!=node-1`, with the few fields that each kind lets itself be
//! selected by.

use serde_json::Value;

use super::errors::Failure;
use super::print::fields::Fields;
use crate::api::{Kind, Status};
use crate::client::View;

/// The fields of each kind, besides name and namespace.
const FIELDS: &[(Kind, &[&str])] = &[
    (
        Kind::POD,
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    (
        Kind::EVENT,
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    (Kind::NODE, &["spec.unschedulable"]),
    (Kind::SECRET, &["type"]),
    (Kind::NAMESPACE, &["status.phase"]),
    (Kind::REPLICA_SET, &["status.replicas"]),
    (Kind::REPLICATION_CONTROLLER, &["status.replicas"]),
    (Kind::JOB, &["status.successful"]),
    (Kind::SERVICE, &["spec.clusterIP", "spec.type"]),
    (Kind::CERTIFICATE_SIGNING_REQUEST, &["spec.signerName"]),
];

/// What selects objects by their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    text: String,
    /// Path, whether it must be equal, value.
    terms: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Reads a selector.
    ///
    /// # Errors
    /// In the server's words.
    pub fn parse(text: &str) -> Result<FieldSelector, Failure> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|term| !term.is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (path, true, value)
            } else {
                return Err(Failure::message(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                )));
            };
            terms.push((path.trim().to_string(), equal, value.trim().to_string()));
        }
        Ok(FieldSelector { text: text.to_string(), terms })
    }

    /// Whether objects of a kind can be selected by it.
    ///
    /// # Errors
    /// `BadRequest`, in the server's words.
    pub fn check(&self, kind: Kind, labels: &str, view: &View) -> Result<(), Status> {
        let of_kind = FIELDS.iter().find(|(of, _)| *of == kind).map_or(&[] as &[&str], |(_, fields)| fields);
        let custom = view.definition(kind).and_then(|definition| definition.preferred());
        let custom: Vec<&str> =
            custom.map(|version| version.selectable_fields().collect()).unwrap_or_default();
        for (path, ..) in &self.terms {
            if !["metadata.name", "metadata.namespace"].contains(&path.as_str())
                && !of_kind.contains(&path.as_str())
                && !custom.contains(&path.as_str())
            {
                // An event's and a pod's fields are refused by other words than those of the kinds without fields.
                let why = if of_kind.is_empty() && !kind.is_custom() {
                    "is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                } else {
                    ""
                };
                let why = if why.is_empty() {
                    format!("field label not supported: {path}")
                } else {
                    format!("\"{path}\" {why}")
                };
                return Err(self.unable(kind, labels, &why, view));
            }
        }
        Ok(())
    }

    /// What kubectl makes of a server's refusal to list objects of a kind by these selectors.
    pub fn unable(&self, kind: Kind, labels: &str, why: &str, view: &View) -> Status {
        let (resource, text) = (qualified(kind, kind.info().plural, view), &self.text);
        Status::bad_request(format!(
            "Unable to find \"{resource}\" that match label selector \"{labels}\", field selector \"{text}\": {why}"
        ))
    }

    /// Whether it selects an object.
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|(path, equal, wanted)| {
            let found = match path.as_str() {
                "source" => object.text_or("source.component", object.text("reportingComponent")).to_string(),
                "status.successful" => object.int("status.succeeded").to_string(),
                "status.podIPs" => object.each("status.podIPs", "ip").join(","),
                "spec.unschedulable" | "spec.hostNetwork" => object.flag(path).to_string(),
                path => object.plain(path),
            };
            (found == *wanted) == *equal
        })
    }
}

/// `/v1, Resource=pods`: how the server names what it was asked for.
fn qualified(kind: Kind, plural: &str, view: &View) -> String {
    let version = view.api_version(kind);
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Resource={plural}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_selected_by_their_fields() {
        let pod = json!({"metadata": {"name": "a"}, "status": {"phase": "Running"}, "spec": {"nodeName": "node-1"}});
        let cases = [
            ("status.phase=Running", true),
            ("status.phase!=Running", false),
            ("metadata.name==a,spec.nodeName=node-1", true),
            ("spec.nodeName=", false),
            ("spec.hostNetwork=false", true),
            ("", true),
        ];
        for (text, want) in cases {
            let selector = FieldSelector::parse(text).unwrap();
            assert!(selector.check(Kind::POD, "", &View::default()).is_ok(), "{text}");
            assert_eq!(selector.matches(&pod), want, "{text}");
        }
        assert!(FieldSelector::parse("status.phase").is_err());
        assert!(FieldSelector::parse("spec.x=1").unwrap().check(Kind::POD, "", &View::default()).is_err());
    }
}
