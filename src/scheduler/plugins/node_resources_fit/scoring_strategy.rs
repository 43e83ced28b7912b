//! How much of a node's resources should be taken for it to be preferred.

use serde_json::Value;

use crate::api::field_error::{FieldError, Path, quoted};
use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::plugins::{Args, label_name_errors};

/// The highest score that a point of a shape may give; it is spread over 0 to 100.
const MAX_CUSTOM_SCORE: i64 = 10;

/// Which nodes are preferred (`ScoringStrategyType`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScoringStrategy {
    /// Those of which less is taken: pods are spread.
    LeastAllocated,
    /// Those of which more is taken: pods are packed.
    MostAllocated,
    /// By a shape of points: the share that is taken, in hundredths, and what it scores. Between two points the score changes
    /// evenly.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

impl ScoringStrategy {
    /// The score of one resource, of which `taken` of `have` would be taken.
    fn score_of(&self, taken: i64, have: i64) -> i64 {
        match self {
            ScoringStrategy::LeastAllocated if taken > have => 0,
            ScoringStrategy::LeastAllocated => share(have - taken, have),
            // Pods without requests may take a node beyond what it has.
            ScoringStrategy::MostAllocated => share(taken.min(have), have),
            ScoringStrategy::RequestedToCapacityRatio(shape) if taken > have => {
                on_shape(shape, MAX_NODE_SCORE)
            }
            ScoringStrategy::RequestedToCapacityRatio(shape) => on_shape(shape, share(taken, have)),
        }
    }

    /// How one resource came to its score.
    pub fn in_words(&self, name: &str, taken: i64, have: i64, format: impl Fn(i64) -> String) -> String {
        let score = self.score_of(taken, have);
        let (taken_text, have_text) = (format(taken), format(have));
        match self {
            ScoringStrategy::LeastAllocated if taken > have => {
                format!("{name}: {taken_text} is more than {have_text}, which scores 0")
            }
            ScoringStrategy::LeastAllocated => {
                format!("{name}: 100 x ({have_text} - {taken_text}) / {have_text} = {score}")
            }
            ScoringStrategy::MostAllocated => format!("{name}: 100 x {taken_text} / {have_text} = {score}"),
            ScoringStrategy::RequestedToCapacityRatio(_) => {
                format!("{name}: {taken_text} of {have_text} scores {score} by the shape")
            }
        }
    }

    /// The score of a node, from what would be taken of what it has of each resource, and the resource's weight.
    pub fn score(&self, resources: impl Iterator<Item = (i64, i64, i64)>) -> i64 {
        let (mut sum, mut weights) = (0, 0);
        let by_shape = matches!(self, ScoringStrategy::RequestedToCapacityRatio(_));
        for (taken, have, weight) in resources {
            let score = self.score_of(taken, have);
            // A resource that scores nothing has no say in a mean by shape.
            if score > 0 || !by_shape {
                sum += score * weight;
                weights += weight;
            }
        }
        match weights {
            0 => 0,
            // Here upstream rounds instead of cutting off.
            _ if by_shape => (2 * sum + weights) / (2 * weights),
            _ => sum / weights,
        }
    }

    /// By `scoringStrategy` of `NodeResourcesFitArgs`: the strategy, and the resources with their weights.
    pub fn read(args: &Args<'_>, errors: &mut Vec<FieldError>) -> (ScoringStrategy, Vec<(String, i64)>) {
        const TYPES: [&str; 3] = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
        let (given, path) = (&args.value["scoringStrategy"], args.path.child("scoringStrategy"));
        // Only a strategy that is given at all may be of a wrong type.
        let name = if given.is_null() { TYPES[0] } else { given["type"].as_str().unwrap_or_default() };
        if !TYPES.contains(&name) {
            errors.push(FieldError::not_supported(&path.child("type"), name, &TYPES));
        }
        let mut resources = Vec::new();
        for (place, resource) in given["resources"].as_array().into_iter().flatten().enumerate() {
            let resource_name = resource["name"].as_str().unwrap_or_default();
            let weight = resource["weight"].as_i64().filter(|weight| *weight != 0).unwrap_or(1);
            if !(1..=100).contains(&weight) {
                let why = format!("resource weight of {resource_name} not in valid range (0, 100]");
                let path = path.child("resources").index(place).child("weight");
                errors.push(FieldError::invalid(&path, weight, &why));
            }
            resources.push((resource_name.to_string(), weight));
        }
        if resources.is_empty() {
            resources = vec![("cpu".into(), 1), ("memory".into(), 1)];
        }
        let (ratio, path) = (&given[RATIO], path.child(RATIO));
        let strategy = match name {
            "RequestedToCapacityRatio" if ratio.is_null() => {
                let why = "must be specified when type is RequestedToCapacityRatio";
                errors.push(FieldError::required(&path, why));
                ScoringStrategy::LeastAllocated
            }
            "RequestedToCapacityRatio" => ScoringStrategy::RequestedToCapacityRatio(shape(
                &ratio["shape"],
                &path.child("shape"),
                errors,
            )),
            _ if !ratio.is_null() => {
                let why = "must be nil when type is not RequestedToCapacityRatio";
                errors.push(FieldError::forbidden(&path, why));
                ScoringStrategy::LeastAllocated
            }
            "MostAllocated" => ScoringStrategy::MostAllocated,
            _ => ScoringStrategy::LeastAllocated,
        };
        (strategy, resources)
    }
}

const RATIO: &str = "requestedToCapacityRatio";

fn shape(points: &Value, path: &Path, errors: &mut Vec<FieldError>) -> Vec<(i64, i64)> {
    let number = |point: &Value, name: &str| point[name].as_i64().unwrap_or(0);
    let points: Vec<(i64, i64)> = points
        .as_array()
        .into_iter()
        .flatten()
        .map(|point| (number(point, "utilization"), number(point, "score")))
        .collect();
    if points.is_empty() {
        errors.push(FieldError::required(path, "at least one point must be specified"));
    }
    if let Some(before) = points.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
        let path = path.index(before + 1).child("utilization");
        let why = "values must be sorted in increasing order";
        errors.push(FieldError::invalid(&path, points[before + 1].0, why));
    }
    for (place, (utilization, score)) in points.iter().enumerate() {
        for (name, value, most) in [("utilization", utilization, 100), ("score", score, MAX_CUSTOM_SCORE)] {
            if !(0..=most).contains(value) {
                let why = format!("not in valid range [0, {most}]");
                errors.push(FieldError::invalid(&path.index(place).child(name), value, &why));
            }
        }
    }
    let scaled = |(utilization, score)| (utilization, score * (MAX_NODE_SCORE / MAX_CUSTOM_SCORE));
    points.into_iter().map(scaled).collect()
}

/// The score of a share, on the line through the points (`BuildBrokenLinearFunction`).
fn on_shape(shape: &[(i64, i64)], share: i64) -> i64 {
    let Some(after) = shape.iter().position(|(utilization, _)| share <= *utilization) else {
        return shape.last().map_or(0, |(_, score)| *score);
    };
    let (right, score) = shape[after];
    match after.checked_sub(1).map(|before| shape[before]) {
        None => score,
        Some((left, before)) => before + (score - before) * (share - left) / (right - left),
    }
}

/// `part` of `whole` in hundredths. Bytes of a large node times a hundred do not fit 64 bits everywhere.
fn share(part: i64, whole: i64) -> i64 {
    match part.checked_mul(MAX_NODE_SCORE) {
        Some(product) => product / whole,
        None => (i128::from(part) * i128::from(MAX_NODE_SCORE) / i128::from(whole)) as i64,
    }
}

/// The resources that Filter leaves out (`ignoredResources`, `ignoredResourceGroups`).
pub fn ignored(args: &Args<'_>, errors: &mut Vec<FieldError>) -> (Vec<String>, Vec<String>) {
    let names =
        |name| args.list(name).map(|(_, value)| value.as_str().unwrap_or_default().to_string()).collect();
    for (path, name) in args.list("ignoredResources") {
        errors.extend(label_name_errors(&path, name.as_str().unwrap_or_default()));
    }
    for (path, group) in args.list("ignoredResourceGroups") {
        let group = group.as_str().unwrap_or_default();
        if group.contains('/') {
            errors.push(FieldError::invalid(&path, quoted(group), "resource group name can't contain '/'"));
        }
        errors.extend(label_name_errors(&path, group));
    }
    (names("ignoredResources"), names("ignoredResourceGroups"))
}
