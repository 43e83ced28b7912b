//! Moments to stop at that a reader writes: a time, or what `kubectl wait` would wait for.

use std::sync::Arc;

use crate::api::Key;
use crate::apiserver::View;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Waiting;

/// As many conditions of an object are offered.
const CONDITIONS: usize = 4;

/// What the clock stops at, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A time of the run.
    At(SimTime),
    /// What `kubectl wait` would wait for.
    When(Arc<Condition>),
}

/// See [`Moment::When`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    waiting: Waiting,
}

/// Why a text is no moment to stop at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMoment {
    /// It lies behind, or is so already.
    Past,
    /// What kubectl says of it.
    Wrong(String),
}

impl Moment {
    /// Reads `90s` or `+5m` from now, `12:30` or `1:02:03` of the clock, or what stands behind `kubectl wait`:
    /// `deploy/web --for=condition=Available`. Objects need not be there yet.
    ///
    /// # Errors
    /// A moment that does not lie ahead, or a text that is none.
    pub fn read(text: &str, now: SimTime, view: &View, namespace: &str) -> Result<Moment, NoMoment> {
        let text = text.trim();
        let span = SimDuration::parse(text.strip_prefix('+').unwrap_or(text));
        if let Some(time) = span.map(|span| now + span).or_else(|| clock(text)) {
            return if time > now { Ok(Moment::At(time)) } else { Err(NoMoment::Past) };
        }
        let waiting = Waiting::read(text, view, namespace).map_err(NoMoment::Wrong)?;
        if waiting.is_met(view) {
            return Err(NoMoment::Past);
        }
        Ok(Moment::When(Arc::new(Condition { text: text.to_string(), waiting })))
    }

    /// Whether a write of an object makes it so; `view` is the cluster as that write has left it. A time comes without a write.
    pub fn is_met(&self, key: &Key, view: &View) -> bool {
        match self {
            Moment::At(_) => false,
            Moment::When(condition) => condition.waiting.is_about(key) && condition.waiting.is_met(view),
        }
    }

    /// The time, where it is one.
    pub fn time(&self) -> Option<SimTime> {
        match self {
            Moment::At(time) => Some(*time),
            _ => None,
        }
    }
}

/// What may be waited for of an object: its conditions that are not true, and its end.
pub fn conditions(key: &Key, view: &View) -> Vec<String> {
    let Some(object) = view.object(key) else { return Vec::new() };
    let value = object.to_value();
    let own = value.pointer("/status/conditions").and_then(|list| list.as_array()).into_iter().flatten();
    let open = own
        .filter(|condition| condition["status"] != "True")
        .filter_map(|condition| condition["type"].as_str());
    let namespace = match &*key.namespace {
        "" | "default" => String::new(),
        other => format!(" -n {other}"),
    };
    let wait = |what: String| format!("{}/{}{namespace} --for={what}", key.kind.group_singular(), key.name);
    open.take(CONDITIONS)
        .map(|name| format!("condition={name}"))
        .chain(["delete".to_string()])
        .map(wait)
        .collect()
}

/// `mm:ss`, `h:mm:ss`, each with tenths.
fn clock(text: &str) -> Option<SimTime> {
    let (whole, tenth) = match text.split_once('.') {
        Some((whole, tenth)) if tenth.len() == 1 => (whole, tenth.parse::<u64>().ok()?),
        Some(_) => return None,
        None => (text, 0),
    };
    let digits =
        |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(digits) {
        return None;
    }
    let seconds = parts.iter().try_fold(0, |sum: u64, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(SimTime(seconds * 1_000_000 + tenth * 100_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::sim::{Change, Config, Input, Recording};

    #[test]
    fn a_moment_is_a_span_a_time_of_the_clock_or_what_kubectl_waits_for() {
        let recording = Recording::new(Config::small(3));
        let now = SimTime::from_secs(60);
        let read = |text: &str| Moment::read(text, now, recording.view(), "default");
        let at = |secs: u64| Ok(Moment::At(SimTime::from_secs(secs)));
        for (text, want) in [
            ("90s", at(150)),
            ("+5m", at(360)),
            (" 1h30m ", at(60 + 5_400)),
            ("02:30", at(150)),
            ("1:00:00", at(3_600)),
            ("01:00.5", Ok(Moment::At(SimTime(60_500_000)))),
            ("01:00", Err(NoMoment::Past)),
            ("node/node-1 --for=condition=Ready", Err(NoMoment::Past)),
            ("1:2:3:4", Err(NoMoment::Wrong(String::new()))),
            ("deploy/web", Err(NoMoment::Wrong("error: unrecognized condition: \"\"".into()))),
            ("nonsense/web --for=delete", Err(NoMoment::Wrong(String::new()))),
        ] {
            match (read(text), want) {
                (Err(NoMoment::Wrong(said)), Err(NoMoment::Wrong(want))) => {
                    assert!(said.contains(&want), "{text}: {said}")
                }
                (got, want) => assert_eq!(got, want, "{text}"),
            }
        }
    }

    #[test]
    fn a_condition_is_met_by_the_write_that_makes_it_so_be_the_object_there_before_or_not() {
        let mut recording = Recording::new(Config::small(3));
        let text = "deploy/web --for=condition=Available";
        let moment = Moment::read(text, SimTime::ZERO, recording.view(), "default").unwrap();
        let line = "kubectl create deployment web --image=nginx:1.27".into();
        recording.submit(Input::Kubectl { line, stdin: None, files: Default::default() });
        let mut met: Vec<String> = Vec::new();
        let mut stops = |change: &Change, view: &View| {
            met.extend(moment.is_met(&change.key, view).then(|| change.key.to_string()));
            false
        };
        recording.advance_until(SimTime::from_secs(60), 100_000, &mut stops);
        assert_eq!(met.first().map(String::as_str), Some("Deployment default/web"), "{met:?}");
        let own = conditions(&Key::new(Kind::NODE, "", "node-1"), recording.view());
        assert_eq!(own.last().map(String::as_str), Some("node/node-1 --for=delete"), "{own:?}");
        assert!(own.contains(&"node/node-1 --for=condition=MemoryPressure".to_string()), "{own:?}");
        let again = Moment::read(text, recording.position(), recording.view(), "default");
        assert_eq!(again, Err(NoMoment::Past));
    }
}
