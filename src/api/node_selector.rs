//! Node selectors, read once and then matched against many nodes (`component-helpers/scheduling/corev1/nodeaffinity`).

use sorted::SortedSet;

use super::field_error::{FieldError, Path, quoted};
use super::k8s::{NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm};
use super::meta::StringMap;
use super::selector::{Operator, Requirement};
use super::text;
use super::{MetaExt, Node, Pod};

/// What a pod requires of its node: `nodeSelector` and required node affinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequiredNodeAffinity {
    labels: Option<StringMap>,
    terms: Option<Vec<Term>>,
}

/// One term: all of its conditions must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    labels: Vec<Requirement>,
    names: Vec<Requirement>,
    /// An empty term, or one that cannot be read, matches nothing.
    is_valid: bool,
}

impl RequiredNodeAffinity {
    /// What `pod` requires.
    pub fn new(pod: &Pod) -> RequiredNodeAffinity {
        let labels = pod.spec.node_selector.clone().filter(|labels| !labels.is_empty());
        let terms = required_terms(pod).map(|terms| terms.iter().map(Term::new).collect());
        RequiredNodeAffinity { labels, terms }
    }

    /// Whether every node meets it.
    pub fn is_trivial(&self) -> bool {
        self.labels.is_none() && self.terms.is_none()
    }

    /// Whether the node meets it.
    pub fn matches(&self, node: &Node) -> bool {
        self.missing_label(node).is_none()
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
    }

    /// A label of `nodeSelector` that the node does not have.
    pub fn missing_label(&self, node: &Node) -> Option<(&str, &str)> {
        let have = node.labels();
        let mut wanted = self.labels.iter().flatten();
        wanted
            .find(|(key, value)| have.get(*key) != Some(value))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// The terms of a pod's required node affinity. `None` if it has none.
pub fn required_terms(pod: &Pod) -> Option<&[NodeSelectorTerm]> {
    let rules = pod.spec.affinity.as_ref()?.node_affinity.as_ref()?;
    Some(&rules.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms)
}

/// The nodes that the terms name by `metadata.name`, if every term names some: then no other is worth a look. `None` if
/// some term leaves the name open.
///
/// Example: `[{metadata.name In (a)}, {metadata.name In (b), disk In (ssd)}]` names `a` and `b`.
pub fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<SortedSet<String>> {
    let mut all = SortedSet::new();
    for term in terms {
        let names_it =
            |field: &&NodeSelectorRequirement| field.key == "metadata.name" && field.operator == "In";
        let mut names: Option<SortedSet<String>> = None;
        for field in term.match_fields.iter().flatten().filter(names_it) {
            let values: SortedSet<String> = field.values.iter().flatten().cloned().collect();
            names = Some(match names {
                None => values,
                Some(known) => known.intersection(&values).cloned().collect(),
            });
        }
        all.extend(names?);
    }
    Some(all)
}

impl Term {
    /// Reads a term.
    pub fn new(term: &NodeSelectorTerm) -> Term {
        let mut is_valid = true;
        let mut read = |list: &Option<Vec<NodeSelectorRequirement>>,
                        check: fn(&NodeSelectorRequirement) -> Option<Requirement>| {
            let requirements: Vec<Option<Requirement>> = list.iter().flatten().map(check).collect();
            is_valid &= requirements.iter().all(Option::is_some);
            requirements.into_iter().flatten().collect::<Vec<_>>()
        };
        let labels = read(&term.match_expressions, label_requirement);
        let names = read(&term.match_fields, field_requirement);
        is_valid &= !(labels.is_empty() && names.is_empty());
        Term { labels, names, is_valid }
    }

    /// Whether the node meets all conditions.
    pub fn matches(&self, node: &Node) -> bool {
        self.holds(node.labels(), node.name())
    }

    /// Whether a node with these labels, of which no more is known, meets all conditions.
    pub fn matches_labels(&self, labels: &StringMap) -> bool {
        self.holds(labels, "")
    }

    fn holds(&self, labels: &StringMap, name: &str) -> bool {
        self.is_valid
            && self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.names.iter().all(|requirement| {
                // There is one field to select by; any other is empty.
                requirement.holds_for(Some(if requirement.key == "metadata.name" { name } else { "" }))
            })
    }
}

fn label_requirement(field: &NodeSelectorRequirement) -> Option<Requirement> {
    let operator = Operator::parse(&field.operator)?;
    let values = field.values.clone().unwrap_or_default();
    let is_valid = match operator {
        Operator::In | Operator::NotIn => !values.is_empty(),
        Operator::Exists | Operator::DoesNotExist => values.is_empty(),
        Operator::Gt | Operator::Lt => values.len() == 1 && values[0].parse::<i64>().is_ok(),
    };
    is_valid.then(|| Requirement { key: field.key.clone(), operator, values })
}

/// Fields are compared with one value only.
fn field_requirement(field: &NodeSelectorRequirement) -> Option<Requirement> {
    let operator =
        Operator::parse(&field.operator).filter(|o| matches!(o, Operator::In | Operator::NotIn))?;
    let values = field.values.clone().filter(|values| values.len() == 1)?;
    Some(Requirement { key: field.key.clone(), operator, values })
}

/// What upstream cannot read of a term (`newNodeSelectorTerm`), in its words. The API server lets a pod have it.
pub fn term_errors(term: &NodeSelectorTerm, path: &Path, errors: &mut Vec<FieldError>) {
    const OPERATORS: [&str; 6] = ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"];
    for (place, expression) in term.match_expressions.iter().flatten().enumerate() {
        let path = path.child("matchExpressions").index(place);
        let operator = expression.operator.as_str();
        let (key, values_path) = (expression.key.as_str(), path.child("values"));
        let values: &[String] = expression.values.as_deref().unwrap_or_default();
        let mut say = |path: &Path, value: String, reasons: &[String]| {
            if !reasons.is_empty() {
                errors.push(FieldError::invalid(path, value, &reasons.join("; ")));
            }
        };
        say(&path.child("key"), quoted(key), &text::qualified_name(key));
        let why = match operator {
            "In" | "NotIn" if values.is_empty() => "for 'in', 'notin' operators, values set can't be empty",
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                "values set must be empty for exists and does not exist"
            }
            "Gt" | "Lt" if values.len() != 1 => "for 'Gt', 'Lt' operators, exactly one value is required",
            _ => "",
        };
        if !why.is_empty() {
            say(&values_path, shown(values), &[why.to_string()]);
        }
        if matches!(operator, "Gt" | "Lt") {
            for (place, value) in values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err())
            {
                let why = "for 'Gt', 'Lt' operators, the value must be an integer".to_string();
                say(&values_path.index(place), quoted(value), &[why]);
            }
        }
        for (place, value) in values.iter().enumerate() {
            say(&values_path.index(place).key(key), quoted(value), &text::label_value(value));
        }
        if !OPERATORS.contains(&operator) {
            errors.push(FieldError::not_supported(&path.child("operator"), operator, &OPERATORS));
        }
    }
}

/// A list of texts, as errors show it.
fn shown(values: &[String]) -> String {
    match values {
        [] => "null".into(),
        _ => serde_json::json!(values).to_string(),
    }
}

/// What a pod prefers of its node: terms with their weights.
#[derive(Clone, Debug, Default)]
pub struct PreferredTerms(Vec<(i64, Term)>);

impl PreferredTerms {
    /// Reads the terms. Those of no weight, and empty ones, say nothing.
    pub fn new(terms: &[PreferredSchedulingTerm]) -> PreferredTerms {
        let weighted = terms.iter().filter(|term| term.weight != 0);
        PreferredTerms(weighted.map(|term| (i64::from(term.weight), Term::new(&term.preference))).collect())
    }

    /// The sum of the weights of the terms that the node meets.
    pub fn score(&self, node: &Node) -> i64 {
        self.0.iter().filter(|(_, term)| term.matches(node)).map(|(weight, _)| weight).sum()
    }
}
