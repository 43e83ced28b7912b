//! From what metrics ask for to what is done: the windows over which recommendations are held, and how fast a workload may
//! grow and shrink.

use crate::api::explain::PolicyStep;
use crate::api::k8s::{HPAScalingRules, HorizontalPodAutoscalerSpec};
use crate::api::selector::Selector;
use crate::clock::{SimDuration, SimTime};

/// For how long a lower recommendation waits (`horizontal-pod-autoscaler-downscale-stabilization`).
const DOWNSCALE_WINDOW: SimDuration = SimDuration::from_secs(300);

/// A condition's reason and message.
pub type Words = (&'static str, &'static str);

const READY: Words = ("ReadyForNewScale", "recommended size matches current size");
const DOWN_STABILIZED: Words = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP_STABILIZED: Words = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const TOO_MANY: Words =
    ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const TOO_FEW: Words = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const UP_LIMIT: Words =
    ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: Words =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
const WITHIN: Words = ("DesiredWithinRange", "the desired count is within the acceptable range");

/// What is remembered of one autoscaler.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The pods that it scales by, as of its last look.
    pub selector: Option<Selector>,
    /// What metrics asked for, and when.
    recommendations: Vec<(SimTime, i32)>,
    /// By how many pods the workload grew, and when.
    grown: Vec<(SimTime, i32)>,
    /// By how many it shrank.
    shrunk: Vec<(SimTime, i32)>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the windows leave of the recommendation.
    pub stable: i32,
    /// When the recommendation that holds it leaves its window.
    pub held_until: Option<SimTime>,
    /// How far each policy lets the workload go, where they were asked.
    pub policies: Vec<PolicyStep>,
    /// How many pods there shall be.
    pub replicas: i32,
    /// Why `AbleToScale` is true.
    pub able: Words,
    /// Whether the number is limited.
    pub limited: bool,
    /// Why, or why not.
    pub limit: Words,
}

impl Memory {
    /// The first number ever seen counts as a recommendation, so that a new autoscaler does not shrink a workload at once.
    pub fn begin(&mut self, current: i32, now: SimTime) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Takes note of a change of size, for as long as a policy may ask for it.
    pub fn scaled(&mut self, spec: &HorizontalPodAutoscalerSpec, (from, to): (i32, i32), now: SimTime) {
        let Some(behavior) = &spec.behavior else { return };
        let (events, rules) = match to > from {
            true => (&mut self.grown, &behavior.scale_up),
            false => (&mut self.shrunk, &behavior.scale_down),
        };
        let policies = rules.iter().flat_map(|rules| rules.policies.iter().flatten());
        let longest = policies.map(|policy| policy.period_seconds).max().unwrap_or(0);
        events.retain(|(at, _)| now.since(*at) < secs(longest));
        events.push((now, to.saturating_sub(from).abs()));
    }

    /// What becomes of a recommendation.
    pub fn decide(
        &mut self,
        spec: &HorizontalPodAutoscalerSpec,
        current: i32,
        wanted: i32,
        now: SimTime,
    ) -> Decision {
        let (stable, able) = match &spec.behavior {
            None => self.stabilize(wanted, now),
            Some(_) => self.stabilize_by(current, wanted, windows(spec), now),
        };
        let able = if stable == wanted { READY } else { able };
        let mut policies = Vec::new();
        let (replicas, limit) = match &spec.behavior {
            None => limit(spec, current, stable),
            Some(_) => self.limit_by(spec, current, stable, now, &mut policies),
        };
        let held_until = if stable == wanted { None } else { self.held_until(spec, stable, now) };
        Decision { stable, held_until, policies, replicas, able, limited: replicas != stable, limit }
    }

    /// When the last recommendation of this size leaves the window that it is held by.
    fn held_until(&self, spec: &HorizontalPodAutoscalerSpec, stable: i32, now: SimTime) -> Option<SimTime> {
        let (up, down) = windows(spec);
        let (at, _) = self.recommendations.iter().rev().find(|(_, count)| *count == stable)?;
        let wanted = self.recommendations.last().map_or(stable, |(_, count)| *count);
        Some(*at + if wanted > stable { up } else { down }).filter(|until| *until >= now)
    }

    /// The highest recommendation of the window (`stabilizeRecommendation`).
    fn stabilize(&mut self, wanted: i32, now: SimTime) -> (i32, Words) {
        self.recommendations.retain(|(at, _)| now.since(*at) < DOWNSCALE_WINDOW);
        let recent = self.recommendations.iter().map(|(_, count)| *count);
        let stable = recent.fold(wanted, i32::max);
        self.recommendations.push((now, wanted));
        (stable, DOWN_STABILIZED)
    }

    /// No higher than the lowest of one window, no lower than the highest of the other
    /// (`stabilizeRecommendationWithBehaviors`).
    fn stabilize_by(
        &mut self,
        current: i32,
        wanted: i32,
        (up, down): (SimDuration, SimDuration),
        now: SimTime,
    ) -> (i32, Words) {
        self.recommendations.retain(|(at, _)| now.since(*at) <= up.max(down));
        let (mut lowest, mut highest) = (wanted, wanted);
        for (at, count) in &self.recommendations {
            if now.since(*at) < up {
                lowest = lowest.min(*count);
            }
            if now.since(*at) < down {
                highest = highest.max(*count);
            }
        }
        self.recommendations.push((now, wanted));
        (current.max(lowest).min(highest), if wanted >= current { UP_STABILIZED } else { DOWN_STABILIZED })
    }

    /// Models `convertDesiredReplicasWithBehaviorRate`.
    fn limit_by(
        &self,
        spec: &HorizontalPodAutoscalerSpec,
        current: i32,
        wanted: i32,
        now: SimTime,
        policies: &mut Vec<PolicyStep>,
    ) -> (i32, Words) {
        let behavior = spec.behavior.clone().unwrap_or_default();
        if wanted > current {
            let rate = self.rate(behavior.scale_up.as_ref(), current, (true, now), policies).max(current);
            let (most, why) =
                if spec.max_replicas > rate { (rate, UP_LIMIT) } else { (spec.max_replicas, TOO_MANY) };
            if wanted > most {
                return (most, why);
            }
        } else if wanted < current {
            let rate = self.rate(behavior.scale_down.as_ref(), current, (false, now), policies).min(current);
            let least = spec.min_replicas.unwrap_or(1);
            let (least, why) = if least < rate { (rate, DOWN_LIMIT) } else { (least, TOO_FEW) };
            if wanted < least {
                return (least, why);
            }
        }
        (wanted, WITHIN)
    }

    /// How far policies let the workload go (`calculateScaleUpLimitWithScalingRules`, `calculateScaleDownLimitWithBehaviors`).
    fn rate(
        &self,
        rules: Option<&HPAScalingRules>,
        current: i32,
        (up, now): (bool, SimTime),
        steps: &mut Vec<PolicyStep>,
    ) -> i32 {
        let selected = rules.and_then(|rules| rules.select_policy.as_deref()).unwrap_or("Max");
        let policies = rules.and_then(|rules| rules.policies.as_deref()).unwrap_or_default();
        if selected == "Disabled" {
            return current;
        }
        steps.extend(policies.iter().map(|policy| {
            let changed = |events: &[(SimTime, i32)]| -> i32 {
                let recent = events.iter().filter(|(at, _)| now.since(*at) < secs(policy.period_seconds));
                recent.map(|(_, change)| *change).fold(0, i32::saturating_add)
            };
            let start = current.saturating_sub(changed(&self.grown)).saturating_add(changed(&self.shrunk));
            let share = f64::from(policy.value) / 100.0;
            let limit = match (policy.type_.as_str(), up) {
                ("Pods", true) => start.saturating_add(policy.value),
                ("Pods", false) => start.saturating_sub(policy.value),
                // Floats, as upstream has them: a fifth of twenty is a little under four, and so three, where 80 % may go.
                (_, true) => (f64::from(start) * (1.0 + share)).ceil() as i32,
                (_, false) => (f64::from(start) * (1.0 - share)) as i32,
            };
            PolicyStep {
                sort: policy.type_.clone(),
                value: policy.value,
                period: policy.period_seconds,
                start,
                limit,
            }
        }));
        let limits = steps.iter().map(|step| step.limit);
        // The policy that lets it go furthest, or least far.
        let furthest = selected != "Min";
        let pick = if up == furthest { limits.max() } else { limits.min() };
        pick.unwrap_or(if up == furthest { i32::MIN } else { i32::MAX })
    }
}

/// For how long recommendations are held on the way up and on the way down.
fn windows(spec: &HorizontalPodAutoscalerSpec) -> (SimDuration, SimDuration) {
    let window = |rules: Option<&HPAScalingRules>| {
        rules.and_then(|rules| rules.stabilization_window_seconds).map(secs)
    };
    let behavior = spec.behavior.as_ref();
    let up = window(behavior.and_then(|behavior| behavior.scale_up.as_ref()));
    let down = window(behavior.and_then(|behavior| behavior.scale_down.as_ref()));
    (up.unwrap_or(SimDuration::ZERO), down.unwrap_or(DOWNSCALE_WINDOW))
}

/// What holds without policies (`convertDesiredReplicasWithRules`): at most twice as many pods, or four.
fn limit(spec: &HorizontalPodAutoscalerSpec, current: i32, wanted: i32) -> (i32, Words) {
    let rate = current.saturating_mul(2).max(4);
    let (most, why) = if spec.max_replicas > rate { (rate, UP_LIMIT) } else { (spec.max_replicas, TOO_MANY) };
    let least = spec.min_replicas.unwrap_or(1);
    if wanted < least {
        (least, TOO_FEW)
    } else if wanted > most {
        (most, why)
    } else {
        (wanted, WITHIN)
    }
}

fn secs(count: i32) -> SimDuration {
    SimDuration::from_secs(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;
    use serde_json::{Value, json};

    fn spec(behavior: &Value) -> HorizontalPodAutoscalerSpec {
        let spec = json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "web"},
            "minReplicas": 2, "maxReplicas": 100, "behavior": behavior,
        });
        typed::read(&spec).expect("a spec")
    }

    #[test]
    fn policies_say_how_far_a_workload_may_go() {
        let both = json!([
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 10, "periodSeconds": 60},
        ]);
        let up = |select: &str| json!({"scaleUp": {"selectPolicy": select, "policies": both}});
        let down = |select: &str| json!({"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": select, "policies": both}});
        let most = json!({"scaleDown": {"stabilizationWindowSeconds": 0, "policies": [
            {"type": "Percent", "value": 80, "periodSeconds": 60}]}});
        let off = Value::Null;
        // behaviour, current, wanted -> replicas, reason
        let cases = [
            (up("Max"), 15, 90, 19, "ScaleUpLimit"),
            (up("Min"), 15, 90, 17, "ScaleUpLimit"),
            (up("Disabled"), 15, 90, 15, "ScaleUpLimit"),
            (up("Max"), 98, 120, 100, "TooManyReplicas"),
            (up("Max"), 15, 16, 16, "DesiredWithinRange"),
            (down("Max"), 15, 2, 11, "ScaleDownLimit"),
            (down("Min"), 15, 2, 13, "ScaleDownLimit"),
            (down("Disabled"), 15, 2, 15, "ScaleDownLimit"),
            (down("Max"), 5, 1, 2, "TooFewReplicas"),
            (most, 20, 2, 3, "ScaleDownLimit"),
            (off.clone(), 1, 90, 4, "ScaleUpLimit"),
            (off.clone(), 15, 90, 30, "ScaleUpLimit"),
            (off.clone(), 60, 190, 100, "TooManyReplicas"),
            (off, 60, 1, 2, "TooFewReplicas"),
        ];
        for (behavior, current, wanted, replicas, reason) in cases {
            let now = SimTime::from_secs(1_000);
            let decision = Memory::default().decide(&spec(&behavior), current, wanted, now);
            assert_eq!(
                (decision.replicas, decision.limit.0),
                (replicas, reason),
                "{behavior} {current} {wanted}"
            );
        }
    }

    #[test]
    fn what_was_done_in_a_period_counts_against_its_policy() {
        let policies = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}]);
        let spec = spec(&json!({"scaleUp": {"policies": policies}}));
        let mut memory = Memory::default();
        memory.scaled(&spec, (2, 5), SimTime::from_secs(100));
        let mut at = |secs| memory.decide(&spec, 5, 50, SimTime::from_secs(secs)).replicas;
        assert_eq!((at(105), at(114), at(115)), (6, 6, 9));
    }

    #[test]
    fn recommendations_are_held_for_their_window() {
        let mut memory = Memory::default();
        let plain = spec(&Value::Null);
        memory.begin(8, SimTime::from_secs(0));
        let mut at = |secs, wanted| {
            let decision = memory.decide(&plain, 8, wanted, SimTime::from_secs(secs));
            (decision.replicas, decision.able.0)
        };
        assert_eq!(at(10, 3), (8, "ScaleDownStabilized"));
        assert_eq!(at(299, 3), (8, "ScaleDownStabilized"));
        assert_eq!(at(300, 3), (3, "ReadyForNewScale"));
        let mut memory = Memory::default();
        let slow = spec(&json!({"scaleUp": {"stabilizationWindowSeconds": 60, "policies": [
            {"type": "Percent", "value": 900, "periodSeconds": 15}]}}));
        memory.begin(3, SimTime::from_secs(0));
        let mut at = |secs, wanted| {
            let decision = memory.decide(&slow, 3, wanted, SimTime::from_secs(secs));
            (decision.replicas, decision.able.0)
        };
        assert_eq!(at(30, 9), (3, "ScaleUpStabilized"));
        assert_eq!(at(60, 12), (9, "ScaleUpStabilized"));
        assert_eq!(at(95, 12), (12, "ReadyForNewScale"));
    }
}
