//! What of a recording hangs on the hour: the names of a CronJob's Jobs are the minutes that they are for.

use serde_json::Value;

use super::replay::seconds;
use crate::clock::{SimDuration, SimTime};

/// A cluster stands at least this long before its scenario begins.
const BEGIN: SimTime = SimTime::from_secs(10);
const MINUTE: SimDuration = SimDuration::from_secs(60);
/// From the full minute to the Job: the controller looks a tenth of a second late.
const LATE: SimDuration = SimDuration::from_millis(150);

/// `c-{m1}`: the Job of the first minute that a CronJob acted on.
pub fn name(owner: &str, minute: u32) -> String {
    format!("{owner}-{{m{minute}}}")
}

/// Whether that is the name of a CronJob's Job, rather than one that somebody gave.
pub fn is_of(owner: &str, job: &str) -> bool {
    let minute = job.strip_prefix(owner).and_then(|rest| rest.strip_prefix('-'));
    minute.is_some_and(|minute| minute.len() == 8 && minute.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The Jobs of minutes in the order in which they appeared.
fn jobs(case: &Value) -> Vec<(&str, SimDuration)> {
    let rows = case["timeline"].as_array().into_iter().flatten();
    let new = rows.filter(|row| row["kind"] == "Job" && row["ev"] == "ADDED");
    new.filter_map(|row| {
        let name = row["name"].as_str()?;
        let (owner, _) = name.rsplit_once('-')?;
        is_of(owner, name).then_some((name, seconds(&row["t"])?))
    })
    .collect()
}

/// The recording with numbers in the place of minutes.
pub fn numbered(case: &Value) -> Value {
    let jobs = jobs(case);
    if jobs.is_empty() {
        return case.clone();
    }
    let mut text = case.to_string();
    for (number, (job, _)) in (1..).zip(&jobs) {
        let owner = job.rsplit_once('-').map_or(*job, |(owner, _)| owner);
        text = text.replace(job, &name(owner, number));
    }
    serde_json::from_str(&text).unwrap_or_else(|_| case.clone())
}

/// When the scenario begins, so that full minutes fall where they fell in the recording.
pub fn begin(case: &Value) -> SimTime {
    let rows = case["timeline"].as_array().into_iter().flatten();
    let mut new = rows.filter(|row| row["kind"] == "Job" && row["ev"] == "ADDED");
    let first = new.find(|row| row["name"].as_str().is_some_and(|name| name.contains("-{m1}")));
    let Some(at) = first.and_then(|row| seconds(&row["t"])) else { return BEGIN };
    let into = (at.0 - LATE.0.min(at.0)) % MINUTE.0;
    let begin = SimTime(MINUTE.0 - into);
    if begin < BEGIN { begin + MINUTE } else { begin }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_minute_of_a_job_is_numbered_and_falls_where_it_fell() {
        let row = |name: &str, t: f64| json!({"kind": "Job", "ev": "ADDED", "name": name, "t": t});
        let case = json!({
            "timeline": [row("manual", 1.5), row("c-29920341", 21.15), row("c-29920342", 81.15)],
            "names": {"c-29920342-abcde": "c-29920342-{p2}"},
        });
        let case = numbered(&case);
        assert_eq!(case["names"], json!({"c-{m2}-abcde": "c-{m2}-{p2}"}));
        assert_eq!(case["timeline"][1]["name"], "c-{m1}");
        assert_eq!(begin(&case), SimTime::from_secs(39));
        assert_eq!(begin(&json!({"timeline": [row("manual", 1.5)]})), BEGIN);
    }
}
