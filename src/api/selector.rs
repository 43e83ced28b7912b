//! Label selectors, as fields of objects (`matchLabels`, `matchExpressions`) and as kubectl's `-l` text.

use super::k8s::{LabelSelector, LabelSelectorRequirement};
use super::meta::StringMap;
use crate::api::sorting;

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How its value is compared.
    pub operator: Operator,
    /// What it is compared with; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<String>,
}

/// How a requirement compares (`selection.Operator`, and node selectors' `Gt` and `Lt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The value is one of those listed.
    In,
    /// There is no such label, or its value is none of those listed.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
    /// The value is a whole number greater than the one listed.
    Gt,
    /// The value is a whole number less than the one listed.
    Lt,
}

impl Operator {
    /// The operator that a manifest names.
    pub fn parse(name: &str) -> Option<Operator> {
        Some(match name {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => return None,
        })
    }
}

impl Requirement {
    /// Whether an object with these labels meets the condition.
    pub fn matches(&self, labels: &StringMap) -> bool {
        self.holds_for(labels.get(&self.key).map(String::as_str))
    }

    /// Whether a label with this value, or without one, meets the condition.
    pub fn holds_for(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|candidate| candidate == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt | Operator::Lt => self.compares(value).unwrap_or(false),
        }
    }

    fn compares(&self, value: Option<&str>) -> Option<bool> {
        let have: i64 = value?.parse().ok()?;
        let [limit] = self.values.as_slice() else { return None };
        let limit: i64 = limit.parse().ok()?;
        Some(if self.operator == Operator::Gt { have > limit } else { have < limit })
    }
}

/// A set of conditions that must all hold. No condition at all matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The conditions.
    pub requirements: Vec<Requirement>,
}

impl Selector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &StringMap) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// The selector that asks for exactly these labels (a Service's, a ReplicationController's).
    pub fn from_map(map: &StringMap) -> Selector {
        let equals = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        };
        Selector { requirements: map.iter().map(equals).collect() }
    }

    /// The selector of a workload's or a rule's field. `None` where an operator is unknown.
    pub fn from_field(field: &LabelSelector) -> Option<Selector> {
        let mut selector = field.match_labels.as_ref().map(Selector::from_map).unwrap_or_default();
        for LabelSelectorRequirement { key, operator, values } in field.match_expressions.iter().flatten() {
            let operator = Operator::parse(operator).filter(|o| !matches!(o, Operator::Gt | Operator::Lt))?;
            let values = values.clone().unwrap_or_default();
            selector.requirements.push(Requirement { key: key.clone(), operator, values });
        }
        Some(selector)
    }

    /// Reads kubectl's `-l` text: `app=web,tier!=db,env in (a,b),!gone,present`.
    ///
    /// # Errors
    /// A sentence saying what cannot be read.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        for part in split_outside_parens(text).into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            requirements
                .push(parse_requirement(part).ok_or_else(|| format!("unable to parse requirement: {part}"))?);
        }
        Ok(Selector { requirements })
    }
}

fn split_outside_parens(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0u32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Option<Requirement> {
    let requirement = |key: &str, operator, values: Vec<String>| {
        let key = key.trim();
        let plain = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "=!()<>".contains(c));
        plain.then(|| Requirement { key: key.to_string(), operator, values })
    };
    let one = |value: &str| vec![value.trim().to_string()];
    if let Some(open) = part.find('(') {
        let values = part[open + 1..].strip_suffix(')')?.split(',').map(|v| v.trim().to_string()).collect();
        let head = part[..open].trim_end();
        return if let Some(key) = head.strip_suffix(" notin") {
            requirement(key, Operator::NotIn, values)
        } else {
            requirement(head.strip_suffix(" in")?, Operator::In, values)
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        requirement(key, Operator::NotIn, one(value))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        requirement(key, Operator::In, one(value))
    } else if let Some((key, value)) = part.split_once('>') {
        requirement(key, Operator::Gt, one(value))
    } else if let Some((key, value)) = part.split_once('<') {
        requirement(key, Operator::Lt, one(value))
    } else if let Some(key) = part.strip_prefix('!') {
        requirement(key, Operator::DoesNotExist, Vec::new())
    } else {
        requirement(part, Operator::Exists, Vec::new())
    }
}

/// A `LabelSelector` as kubectl prints it (`metav1.FormatLabelSelector`): `app=web,tier in (a,b)`.
pub fn format_label_selector(field: &LabelSelector) -> String {
    let Some(mut selector) = Selector::from_field(field) else { return "<error>".into() };
    if selector.requirements.is_empty() {
        return "<none>".into();
    }
    sorting::sort_by(&mut selector.requirements, |a, b| a.key.cmp(&b.key));
    let texts: Vec<String> = selector.requirements.iter().map(format_requirement).collect();
    texts.join(",")
}

fn format_requirement(requirement: &Requirement) -> String {
    let Requirement { key, operator, values } = requirement;
    let mut sorted = values.clone();
    sorted.sort();
    match operator {
        Operator::In if values.len() == 1 => format!("{key}={}", values[0]),
        Operator::In => format!("{key} in ({})", sorted.join(",")),
        Operator::NotIn => format!("{key} notin ({})", sorted.join(",")),
        Operator::Exists => key.clone(),
        Operator::DoesNotExist => format!("!{key}"),
        Operator::Gt => format!("{key}>{}", values.concat()),
        Operator::Lt => format!("{key}<{}", values.concat()),
    }
}

/// Labels as kubectl prints them: `app=web,tier=db`, or `<none>`.
pub fn format_labels(labels: &StringMap) -> String {
    if labels.is_empty() {
        return "<none>".into();
    }
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> StringMap {
        pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect()
    }

    #[test]
    fn selector_text_selects_as_kubectl_does() {
        let web = labels(&[("app", "web"), ("gen", "7")]);
        let cases = [
            ("app=web", true),
            ("app==web", true),
            ("app!=web", false),
            ("tier!=db", true),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("app,gen", true),
            ("!app", false),
            ("!tier", true),
            ("gen>6", true),
            ("gen<7", false),
            ("", true),
        ];
        for (text, want) in cases {
            assert_eq!(Selector::parse(text).map(|s| s.matches(&web)), Ok(want), "{text}");
        }
        assert!(Selector::parse("app in web)").is_err());
        assert!(Selector::parse("a b=c").is_err());
    }
}
