//! How a rollout went, in the numbers by which two are compared.

use super::rollout::{Curve, Point, newest_since};
use crate::api::Key;
use crate::apiserver::{Store, View};
use crate::clock::{SimDuration, SimTime};

/// A rollout from its newest revision on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The counts at every write, from before it on.
    pub points: Vec<Point>,
    /// When the newest revision was made.
    pub since: SimTime,
    /// Up to when it is told.
    pub until: SimTime,
    /// How long it took until all pods were of that revision and available, if they have been.
    pub took: Option<SimDuration>,
    /// The most pods that there were at once.
    pub most: i32,
    /// The fewest that were available.
    pub fewest: i32,
    /// For how long fewer were available than the floor asks for.
    pub below: SimDuration,
    /// For how long none was.
    pub none: SimDuration,
}

impl Course {
    /// Of what a curve says up to a time.
    pub fn of(curve: &Curve, since: SimTime, until: SimTime) -> Course {
        let points = curve.points().to_vec();
        let (below, none) = curve.shortfall(since, until);
        let first = points.partition_point(|point| point.time < since);
        // What stood when it began counts too.
        let during = &points[first.saturating_sub(1)..];
        // At first the status still tells of the revision before.
        let done =
            points[first..].iter().skip_while(|point| point.is_complete()).find(|point| point.is_complete());
        Course {
            took: done.map(|point| point.time.since(since)),
            most: during.iter().map(|point| point.current).max().unwrap_or(0),
            fewest: during.iter().map(|point| point.available).min().unwrap_or(0),
            since,
            until,
            below,
            none,
            points,
        }
    }

    /// Of a whole run; `None` if the workload does not exist at its end.
    pub fn of_run(view: &View, log: &Store, key: &Key, until: SimTime) -> Option<Course> {
        let since = newest_since(view, key)?;
        let mut curve = Curve::default();
        curve.follow(key, view, log);
        Some(Course::of(&curve, since, until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::sim::{Config, Input, Simulation};

    fn roll(strategy: &str) -> Course {
        let mut run = Simulation::new(Config::small(7));
        let web = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 4\n  selector: {{matchLabels: {{app: web}}}}\n  strategy: {strategy}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: web, image: 'web:1'}}]}}\n"
        );
        let mut command = |at: u64, line: &str, stdin: Option<&str>| {
            run.advance(SimTime::from_secs(at), u64::MAX);
            let input =
                Input::Kubectl { line: line.into(), stdin: stdin.map(Into::into), files: Default::default() };
            assert_eq!(run.submit(input).code, 0, "{line}");
        };
        command(0, "apply -f -", Some(&web));
        command(60, "set image deploy/web web=web:2", None);
        run.advance(SimTime::from_secs(200), u64::MAX);
        let key = Key::new(Kind::DEPLOYMENT, "default", "web");
        Course::of_run(run.view(), run.api().store(), &key, run.now()).expect("it is there")
    }

    #[test]
    fn a_surge_costs_pods_and_a_gap_costs_availability() {
        // strategy -> most pods, fewest available, whether none ever was
        let cases = [
            ("{rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", (5, 4, false)),
            ("{rollingUpdate: {maxSurge: 0, maxUnavailable: 25%}}", (4, 3, false)),
            ("{type: Recreate}", (4, 0, true)),
        ];
        for (strategy, want) in cases {
            let course = roll(strategy);
            assert_eq!((course.most, course.fewest, course.none.0 > 0), want, "{strategy}");
            assert!(course.since >= SimTime::from_secs(60) && course.since < SimTime::from_secs(61));
            let took = course.took.expect("it was completed");
            assert!(took.0 > 0 && course.since + took < course.until, "{strategy}: {took:?}");
            assert_eq!(course.below.0 > 0, course.none.0 > 0, "the floor holds: {strategy}");
        }
    }
}
