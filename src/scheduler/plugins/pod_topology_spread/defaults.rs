//! The constraints of pods that have none.

use super::constraint::HOSTNAME;
use crate::api::field_error::{FieldError, Path, quoted};
use crate::api::k8s::TopologySpreadConstraint;
use crate::api::typed;
use crate::scheduler::plugins::{Args, label_name_errors};

const ZONE: &str = "topology.kubernetes.io/zone";
const SYSTEM: &str = "System";
const LIST: &str = "List";

/// What is asked of pods that ask for nothing themselves (`PodTopologySpreadArgs.defaultConstraints`).
#[derive(Clone, Debug)]
pub struct DefaultConstraints {
    /// The constraints.
    pub list: Vec<TopologySpreadConstraint>,
    /// Whether they are the system's own. Those alone also count nodes that lack one of the labels.
    pub are_the_systems: bool,
}

impl Default for DefaultConstraints {
    /// The system's own (`defaultingType: System`): a skew of 3 over nodes and of 5 over zones, softly.
    fn default() -> DefaultConstraints {
        let constraint = |topology_key: &str, max_skew| TopologySpreadConstraint {
            max_skew,
            topology_key: topology_key.into(),
            when_unsatisfiable: "ScheduleAnyway".into(),
            ..Default::default()
        };
        DefaultConstraints { list: vec![constraint(HOSTNAME, 3), constraint(ZONE, 5)], are_the_systems: true }
    }
}

impl DefaultConstraints {
    /// By `PodTopologySpreadArgs`: the system's own, or a list.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(args: &Args<'_>) -> Result<DefaultConstraints, Vec<FieldError>> {
        let mut errors = Vec::new();
        let kind = args.value["defaultingType"].as_str().filter(|kind| !kind.is_empty()).unwrap_or(SYSTEM);
        let path = args.path.child("defaultingType");
        let list: Vec<TopologySpreadConstraint> =
            args.list("defaultConstraints").filter_map(|(_, value)| typed::read(value).ok()).collect();
        if kind != SYSTEM && kind != LIST {
            errors.push(FieldError::not_supported(&path, kind, &[SYSTEM, LIST]));
        } else if kind == SYSTEM && !list.is_empty() {
            errors.push(FieldError::invalid(&path, quoted(kind), "when .defaultConstraints are not empty"));
        }
        for (place, constraint) in list.iter().enumerate() {
            let path = args.path.child("defaultConstraints").index(place);
            check(constraint, &list[..place], &path, &mut errors);
        }
        match (errors.is_empty(), kind) {
            (false, _) => Err(errors),
            (true, SYSTEM) => Ok(DefaultConstraints::default()),
            (true, _) => Ok(DefaultConstraints { list, are_the_systems: false }),
        }
    }
}

fn check(
    constraint: &TopologySpreadConstraint,
    before: &[TopologySpreadConstraint],
    path: &Path,
    errors: &mut Vec<FieldError>,
) {
    let unsatisfiable = constraint.when_unsatisfiable.as_str();
    if constraint.max_skew <= 0 {
        let path = path.child("maxSkew");
        errors.push(FieldError::invalid(&path, constraint.max_skew, "not in valid range (0, inf)"));
    }
    if constraint.topology_key.is_empty() {
        errors.push(FieldError::required(&path.child("topologyKey"), "can not be empty"));
    } else {
        errors.extend(label_name_errors(&path.child("topologyKey"), &constraint.topology_key));
    }
    if unsatisfiable.is_empty() {
        errors.push(FieldError::required(&path.child("whenUnsatisfiable"), "can not be empty"));
    } else if !["DoNotSchedule", "ScheduleAnyway"].contains(&unsatisfiable) {
        let supported = ["DoNotSchedule", "ScheduleAnyway"];
        errors.push(FieldError::not_supported(&path.child("whenUnsatisfiable"), unsatisfiable, &supported));
    }
    if constraint.label_selector.is_some() {
        let why = "constraint must not define a selector, as they deduced for each pod";
        errors.push(FieldError::forbidden(&path.child("labelSelector"), why));
    }
    let is_same = |other: &TopologySpreadConstraint| {
        other.topology_key == constraint.topology_key && other.when_unsatisfiable == unsatisfiable
    };
    if before.iter().any(is_same) {
        let value = format!("{{{}, {unsatisfiable}}}", constraint.topology_key);
        errors.push(FieldError::duplicate(path, quoted(&value)));
    }
}
