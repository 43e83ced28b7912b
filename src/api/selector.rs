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
    /// What cannot be read, in the words of the server.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut parser = Parser { words: words(text)?, at: 0 };
        let mut requirements = Vec::new();
        loop {
            match parser.peek() {
                Word::End => break,
                Word::Name(_) | Word::Sign("!") => {}
                other => return Err(format!("found '{other}', expected: !, identifier, or 'end of string'")),
            }
            let requirement = parser.requirement();
            requirements.push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
            match (parser.next(), parser.peek()) {
                (Word::End, _) => break,
                (Word::Sign(","), Word::Name(_) | Word::Sign("!")) => {}
                (Word::Sign(","), other) => {
                    return Err(format!("found '{other}', expected: identifier after ','"));
                }
                (other, _) => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
        Ok(Selector { requirements })
    }
}

/// A word of a selector's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'t> {
    Name(&'t str),
    Sign(&'t str),
    End,
}

impl std::fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Word::Name(text) | Word::Sign(text) => f.write_str(text),
            Word::End => Ok(()),
        }
    }
}

fn words(text: &str) -> Result<Vec<Word<'_>>, String> {
    const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let ends = |letter: char| letter.is_ascii_whitespace() || "=!(),><".contains(letter);
        let word = match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => Word::Sign(&rest[..sign.len()]),
            None => Word::Name(&rest[..rest.find(ends).unwrap_or(rest.len())]),
        };
        let (Word::Name(found) | Word::Sign(found)) = word else { break };
        if found.is_empty() {
            return Err(format!("error expected: keyword found '{rest}'"));
        }
        rest = rest[found.len()..].trim_start();
        words.push(word);
    }
    Ok(words)
}

/// Reads requirements word by word (`labels.Parser`).
struct Parser<'t> {
    words: Vec<Word<'t>>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Word<'t> {
        self.words.get(self.at).copied().unwrap_or(Word::End)
    }

    fn next(&mut self) -> Word<'t> {
        let word = self.peek();
        self.at += 1;
        word
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Word::Sign("!");
        self.at += usize::from(absent);
        let key = match self.next() {
            Word::Name(key) => key.to_string(),
            other => return Err(format!("found '{other}', expected: identifier")),
        };
        let requirement = |operator, values| Requirement { key, operator, values };
        if absent {
            return Ok(requirement(Operator::DoesNotExist, Vec::new()));
        }
        if matches!(self.peek(), Word::End | Word::Sign(",")) {
            return Ok(requirement(Operator::Exists, Vec::new()));
        }
        let operator = match self.next() {
            Word::Name("in") => return Ok(requirement(Operator::In, self.values()?)),
            Word::Name("notin") => return Ok(requirement(Operator::NotIn, self.values()?)),
            Word::Sign("=" | "==") => Operator::In,
            Word::Sign("!=") => Operator::NotIn,
            Word::Sign(">") => Operator::Gt,
            Word::Sign("<") => Operator::Lt,
            other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let value = self.value()?;
        if matches!(operator, Operator::Gt | Operator::Lt) && value.parse::<i64>().is_err() {
            let why = "for 'Gt', 'Lt' operators, the value must be an integer";
            return Err(format!("values[0]: Invalid value: {value:?}: {why}"));
        }
        Ok(requirement(operator, vec![value]))
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            Word::End | Word::Sign(",") => Ok(String::new()),
            Word::Name(value) => {
                self.at += 1;
                Ok(value.to_string())
            }
            other => Err(format!("found '{other}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Word::Sign("(") => {}
            other => return Err(format!("found '{other}' expected: '('")),
        }
        let mut values = Vec::new();
        match self.peek() {
            Word::Name(_) | Word::Sign(",") => {}
            Word::Sign(")") => {
                let why = "for 'in', 'notin' operators, values set can't be empty";
                return Err(format!("values: Invalid value: []: {why}"));
            }
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
        // Between commas, and at either end, there may be nothing: an empty value.
        loop {
            match self.next() {
                Word::Name(value) => values.push(value.to_string()),
                Word::Sign(sign @ ("," | ")")) => {
                    values.push(String::new());
                    self.at -= 1;
                    if sign == ")" {
                        self.at += 1;
                        return Ok(values);
                    }
                }
                other => return Err(format!("found '{other}', expected: ',', or identifier")),
            }
            match self.next() {
                Word::Sign(",") => {}
                Word::Sign(")") => return Ok(values),
                other => return Err(format!("found '{other}', expected: ',' or ')'")),
            }
        }
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
            ("app = web , gen = 7", true),
            ("app in (a,web,)", true),
            ("tier=", false),
            ("", true),
        ];
        for (text, want) in cases {
            assert_eq!(Selector::parse(text).map(|s| s.matches(&web)), Ok(want), "{text}");
        }
        let refused = [
            ("app in web)", "unable to parse requirement: found 'web' expected: '('"),
            ("app in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a b=c", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("a=b,", "found '', expected: identifier after ','"),
            ("=b", "found '=', expected: !, identifier, or 'end of string'"),
            (
                "a in ()",
                "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
            ),
            ("!", "unable to parse requirement: found '', expected: identifier"),
        ];
        for (text, want) in refused {
            assert_eq!(Selector::parse(text), Err(want.to_string()), "{text}");
        }
    }
}
