//! What deciders say of an object, in English, for those who have no page.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

use crate::api::manifest::{Limits, parse};
use crate::clock::SimTime;
use crate::view::because::{Answer, Line};

/// One answer, its sentences filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Who.
    pub by: String,
    /// When it was decided; nothing where the decider has been asked.
    pub time: Option<SimTime>,
    /// The answer.
    pub sentence: String,
    /// What it follows from, ticked or crossed where that is the point.
    pub sums: Vec<(Option<bool>, String)>,
    /// What would change it.
    pub changes: Vec<String>,
    /// Reasons and messages, word for word.
    pub said: Vec<(String, String)>,
    /// The record itself.
    pub record: Answer,
}

impl Told {
    /// Puts an answer into words.
    pub fn new(record: Answer) -> Told {
        Told {
            by: words(&format!("by.{}", record.by)),
            time: record.at.map(|(_, time)| time),
            sentence: sentence(&record.sentence),
            sums: record.sums.iter().map(|line| (line.holds, sentence(line))).collect(),
            changes: record.changes.iter().map(sentence).collect(),
            said: record.said.clone(),
            record,
        }
    }
}

fn sentence(line: &Line) -> String {
    line.fill(&words(line.key))
}

/// A message of the page under `because`: there is one copy of the words.
fn words(key: &str) -> String {
    static WORDS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    let all = WORDS.get_or_init(|| {
        let stream = parse(include_str!("../../locales/en.yml"), &Limits::default());
        let tree = stream.documents.first().map(|document| document.root.to_value()).unwrap_or_default();
        tree["because"].as_object().cloned().unwrap_or_default().into_iter().collect()
    });
    let (group, name) = key.split_once('.').unwrap_or((key, ""));
    let found = all.get(group).and_then(|group| if name.is_empty() { Some(group) } else { group.get(name) });
    found.and_then(Value::as_str).unwrap_or(key).to_string()
}

/// The answers, for people.
pub fn render_answers(answers: &[Told]) -> String {
    let mut text = String::new();
    for told in answers {
        let time = told.time.map(|time| format!(" at {time}")).unwrap_or_default();
        text.push_str(&format!("\n{}{time}: {}\n", told.by, told.sentence));
        for (holds, line) in &told.sums {
            let mark = match holds {
                Some(true) => "[x]",
                Some(false) => "[ ]",
                None => "   ",
            };
            text.push_str(&format!("  {mark} {line}\n"));
        }
        for change in &told.changes {
            text.push_str(&format!("  -> {change}\n"));
        }
        for (reason, message) in &told.said {
            text.push_str(&format!("  {reason}\n    {message}\n"));
        }
    }
    text
}
