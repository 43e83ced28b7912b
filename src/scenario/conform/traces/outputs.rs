//! The first column: what kubectl printed, command by command.
//!
//! Both sides are normalised first, by [`Normalizer`]: drawn names (of pods, ReplicaSets, slices) become numbered ones, of
//! which the pods' lose their number; uids, times, ages and addresses become marks, and runs of blanks one blank, since columns
//! are as wide as the names in them. Where nodes are alike, so do their names. Rows of tables, and objects described one after
//! the other, are sorted, since their order hangs on drawn names; progress lines that differ only in their counts become one.
//! Events are compared as a set: how often one was repeated, and in which second it was last seen, is a matter of timing.
//! So what is not compared is: the width of columns, how long ago something was, which of equal pods and nodes it concerns, the
//! order and number of equal events, and through how many counts a rollout went.

use serde_json::Value;

use super::replay::Replay;
use crate::scenario::conform::diff;
use crate::scenario::conform::normal::Normalizer;

/// Each recorded command, by its line, and how what it printed differs.
pub fn compare(
    case: &Value,
    replay: &Replay,
    theirs: &Normalizer,
    ours: &Normalizer,
) -> Vec<(String, Result<(), Vec<String>>)> {
    let steps = case["steps"].as_array().into_iter().flatten();
    let mut results = Vec::new();
    for (step, answer) in steps.zip(&replay.answers) {
        let (Some(line), Some(answer)) = (step["cmd"].as_str(), answer) else { continue };
        let what = format!("$ {}", theirs.names(line));
        let mut differences = Vec::new();
        let code = step["rc"].as_i64().unwrap_or_default();
        if code != i64::from(answer.code) {
            differences.push(format!("{what}: exit status: recorded {code}, here {}", answer.code));
        }
        for (stream, here) in [("stdout", &answer.stdout), ("stderr", &answer.stderr)] {
            let recorded =
                comparable(line, &undrawn(&theirs.text(step[stream].as_str().unwrap_or_default())));
            let here = comparable(line, &undrawn(&ours.text(here)));
            diff::texts(&format!("{what} ({stream})"), &recorded, &here, &mut differences);
        }
        let line = theirs.names(line.trim_start_matches("kubectl "));
        results.push((line, if differences.is_empty() { Ok(()) } else { Err(differences) }));
    }
    results
}

/// Takes out what belongs to no object: the ends of names of pods that were never made, the mark of events that a recorder
/// has put together, and the ConfigMap that the recorded build puts into every namespace, as no other does.
fn undrawn(text: &str) -> String {
    const ENDING: usize = 5;
    let text = text.replace("(combined from similar events): ", "");
    let kept = text.split_inclusive('\n').filter(|line| !line.starts_with("openshift-service-ca.crt "));
    let text: String = kept.collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("}-") {
        let (before, after) = rest.split_at(at + 2);
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        out.push_str(if end == ENDING { "{p}" } else { &after[..end] });
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// What of an output does not hang on chance: tables are sorted by names of which the end is drawn, a rollout's progress
/// lines are as many as it took steps since the command began, and events of one second come in any order and count as often
/// as a controller happened to look.
fn comparable(line: &str, text: &str) -> String {
    let plain_get =
        line.starts_with("kubectl get ") && !line.contains("-o yaml") && !line.contains("-o json");
    if line.starts_with("kubectl get endpointslice") && line.ends_with("-o yaml") {
        sort_endpoints(text)
    } else if line.starts_with("kubectl delete ") {
        // Whether what is just gone was still listed, and then not found, is chance.
        text.replace("No resources found\n", "").replace("No resources found", "")
    } else if line.starts_with("kubectl get events") {
        let mut rows: Vec<&str> = text.lines().collect();
        rows.sort_unstable();
        rows.dedup();
        rows.join("\n")
    } else if plain_get {
        sort_rows(text)
    } else if line.starts_with("kubectl describe ") {
        sort_descriptions(&sort_events(text))
    } else if line.starts_with("kubectl rollout status") {
        merge_progress(text)
    } else {
        text.to_string()
    }
}

/// Makes sets of the events of each description, without their counts.
fn sort_events(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let is_event = |line: &String| line.starts_with("  Normal ") || line.starts_with("  Warning ");
    let mut start = 0;
    while start < lines.len() {
        let length = lines[start..].iter().take_while(|line| is_event(line)).count();
        for line in &mut lines[start..start + length] {
            if let Some((before, (_, after))) =
                line.split_once(" (x").and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
            {
                *line = format!("{before}{after}");
            }
            *line = line.replace("(combined from similar events): ", "");
        }
        lines[start..start + length].sort_unstable();
        let mut events: Vec<String> = lines[start..start + length].to_vec();
        events.dedup();
        let kept = events.len();
        lines.splice(start..start + length, events);
        start += kept.max(1);
    }
    // What was tried in vain counts once, whatever drawn name it bore.
    lines.dedup_by(|a, b| a == b && a.starts_with("  Warning "));
    lines.join("\n")
}

/// Sorts the endpoints of each slice: the controller keeps them in a map.
fn sort_endpoints(text: &str) -> String {
    const BEGINS: &str = "  - addresses:";
    let mut out: Vec<String> = Vec::new();
    let mut endpoints: Vec<String> = Vec::new();
    for line in text.lines() {
        let own = line.trim_start_matches(' ');
        let indent = line.len() - own.len();
        if line == BEGINS || line == &BEGINS[2..] {
            endpoints.push(line.to_string());
        } else if let Some(last) =
            endpoints.last_mut().filter(|_| indent >= 2 && !line.starts_with("  kind:"))
        {
            last.push('\n');
            last.push_str(line);
        } else {
            endpoints.sort_unstable();
            out.append(&mut endpoints);
            out.push(line.to_string());
        }
    }
    endpoints.sort_unstable();
    out.append(&mut endpoints);
    out.join("\n")
}

/// Sorts the rows of each table below its header.
fn sort_rows(text: &str) -> String {
    let mut tables = Vec::new();
    for table in text.split("\n\n") {
        let mut rows: Vec<&str> = table.lines().collect();
        if rows.len() > 2 {
            rows[1..].sort_unstable();
        }
        tables.push(rows.join("\n"));
    }
    tables.join("\n\n")
}

/// Sorts the descriptions of several objects.
fn sort_descriptions(text: &str) -> String {
    let mut descriptions: Vec<&str> = text.trim_end_matches('\n').split("\n\n\nName:").collect();
    if let Some(first) = descriptions.first_mut() {
        *first = first.strip_prefix("Name:").unwrap_or(first);
    }
    descriptions.sort_unstable();
    descriptions.iter().map(|description| format!("Name:{description}\n")).collect()
}

/// Lines that differ only in their counts become one, and so do those of a StatefulSet or DaemonSet, which come in turns.
fn merge_progress(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let in_turns = ["pods to be ready", "partitioned roll out", "daemon set"];
        let uncounted = match line.strip_prefix("Waiting for ") {
            Some(what) if in_turns.iter().any(|sort| what.contains(sort)) => "Waiting for its pods".into(),
            Some(_) => without_counts(line),
            None => line.to_string(),
        };
        if lines.last() != Some(&uncounted) {
            lines.push(uncounted);
        }
    }
    lines.join("\n")
}

fn without_counts(line: &str) -> String {
    let counts = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = line.split(' ').map(|word| if counts(word) { "N" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_progress_lines_lose_what_is_chance() {
        let cases = [
            ("kubectl get pods", "NAME AGE\nb 1\na 1\n\nNAME\nz\ny", "NAME AGE\na 1\nb 1\n\nNAME\ny\nz"),
            (
                "kubectl rollout status deploy/web",
                "Waiting for x: 1 out of 3\nWaiting for x: 2 out of 3\ndone",
                "Waiting for x: N out of N\ndone",
            ),
            ("kubectl describe pods", "Name: b\nx\n\n\nName: a\n", "Name: a\nName: b\nx\n"),
            (
                "kubectl describe ds a",
                "Name: a\nEvents:\n  Normal B 1s (x2 over 3s) c  d\n  Normal A 1s  c  d\n",
                "Name: a\nEvents:\n  Normal A 1s  c  d\n  Normal B 1s c  d\n",
            ),
        ];
        for (line, text, want) in cases {
            assert_eq!(comparable(line, text), want, "{line}");
        }
    }
}
