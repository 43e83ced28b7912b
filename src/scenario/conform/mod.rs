//! Comparison with recordings of a real Kubernetes 1.36 control plane. Each runner takes one recorded case and answers with
//! the differences it found; none means that the model did the same. The recordings are the caller's: no answer is kept
//! in the code.

pub mod diff;
pub mod known;
pub mod normal;
pub mod scheduler;
pub mod traces;
pub mod validation;

use serde_json::Value;
use sorted::SortedMap;

use known::Known;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Single scheduling decisions.
    Scheduler,
    /// Whole scenarios: commands, controllers' writes, events, final objects.
    Traces,
    /// What the API server says of unusual and of wrong manifests.
    Validation,
    /// The same recordings as the traces', command by command: each kubectl line is a case of its own.
    Kubectl,
}

impl Suite {
    /// Every suite, with the word that chooses it.
    pub const ALL: [(&'static str, Suite); 4] = [
        ("scheduler", Suite::Scheduler),
        ("traces", Suite::Traces),
        ("validation", Suite::Validation),
        ("kubectl", Suite::Kubectl),
    ];

    /// The suite of that name.
    pub fn from_word(word: &str) -> Option<Suite> {
        Suite::ALL.iter().find(|(name, _)| *name == word).map(|(_, suite)| *suite)
    }

    /// Runs one recorded case, which may hold several of ours: the name of each, and every difference in words.
    pub fn run(self, name: String, case: &Value) -> Vec<(String, Result<(), Vec<String>>)> {
        let result = match self {
            Suite::Scheduler => scheduler::run_case(case),
            Suite::Traces => traces::run_case(case),
            Suite::Validation => validation::run_case(case),
            Suite::Kubectl => return traces::run_commands(&name, case),
        };
        vec![(name, result)]
    }
}

/// How the cases of one file went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases without a difference.
    pub passed: u32,
    /// The others: the case's name and its differences.
    pub failed: Vec<(String, Vec<String>)>,
    /// Those of which it is known that they differ so: the case's name, why, and its differences.
    pub known: Vec<(String, String, Vec<String>)>,
}

impl Tally {
    /// The line that sums it up.
    pub fn line(&self) -> String {
        let known = match self.known.len() {
            0 => String::new(),
            known => format!("{known} known to differ, "),
        };
        format!("{} passed, {known}{} failed", self.passed, self.failed.len())
    }

    /// Takes the cases that differ as they are known to out of those that failed. They have not passed.
    pub fn set_known_apart(&mut self, listed: &SortedMap<String, Known>) {
        for (name, differences) in std::mem::take(&mut self.failed) {
            match listed.get(&name).filter(|known| known.covers(&differences)) {
                Some(known) => self.known.push((name, known.reason.clone(), differences)),
                None => self.failed.push((name, differences)),
            }
        }
    }

    /// Adds another file's.
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.known.extend(other.known);
    }
}

/// Runs every case of a file: one JSON object per line, or one object or a list of them in all. A line that is no JSON is
/// a failed case: it must not pass unseen.
pub fn run_text(suite: Suite, text: &str) -> Tally {
    let mut tally = Tally::default();
    for (number, case) in cases(text).into_iter().enumerate() {
        let results = match case {
            Ok(case) => suite.run(case_name(&case, number), &case),
            Err(error) => vec![(format!("#{}", number + 1), Err(vec![format!("unreadable: {error}")]))],
        };
        for (name, result) in results {
            match result {
                Ok(()) => tally.passed += 1,
                Err(differences) => tally.failed.push((name, differences)),
            }
        }
    }
    tally
}

fn cases(text: &str) -> Vec<Result<Value, serde_json::Error>> {
    match serde_json::from_str(text) {
        Ok(Value::Array(cases)) => cases.into_iter().map(Ok).collect(),
        Ok(case) => vec![Ok(case)],
        Err(_) => text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect(),
    }
}

fn case_name(case: &Value, number: usize) -> String {
    let name = case["id"].as_str().or_else(|| case["scenario"].as_str());
    name.map_or_else(|| format!("#{}", number + 1), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_json_is_a_failed_case() {
        let tally = run_text(Suite::Scheduler, "{\"id\": \"a\"\nnonsense\n");
        assert_eq!(tally.line(), "0 passed, 2 failed");
    }

    #[test]
    fn a_case_without_an_answer_is_a_failed_case() {
        let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        let answer = serde_json::json!({"stdout": "configmap/a created\n", "stderr": "", "rc": 0});
        for missing in ["", "stdout", "stderr", "rc"] {
            let mut case = answer.clone();
            case["manifest"] = manifest.into();
            case.as_object_mut().expect("an object").remove(missing);
            let tally = run_text(Suite::Validation, &case.to_string());
            assert_eq!(tally.failed.is_empty(), missing.is_empty(), "{missing}: {:?}", tally.failed);
        }
    }
}
