//! Taints and what tolerates them.

use super::k8s::{Taint, Toleration};

/// The key of the taint that comes and goes with a cordon.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// New pods are not placed.
pub const NO_SCHEDULE: &str = "NoSchedule";
/// New pods are placed elsewhere if they can be.
pub const PREFER_NO_SCHEDULE: &str = "PreferNoSchedule";
/// New pods are not placed, and running ones are evicted.
pub const NO_EXECUTE: &str = "NoExecute";

/// Whether `toleration` tolerates `taint` (`v1.Toleration.ToleratesTaint`). An empty effect tolerates every effect,
/// an empty key with `Exists` every taint.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let (effect, key) = (text(&toleration.effect), text(&toleration.key));
    if (!effect.is_empty() && effect != taint.effect) || (!key.is_empty() && key != taint.key) {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => text(&toleration.value) == text(&taint.value),
        "Exists" => true,
        _ => false,
    }
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// Whether any of the tolerations tolerates the taint.
pub fn tolerated(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

/// A taint as kubectl writes it: `key=value:Effect`, or `key:Effect`.
pub fn format_taint(taint: &Taint) -> String {
    let value = taint.value.as_deref().filter(|value| !value.is_empty());
    let value = value.map(|value| format!("={value}")).unwrap_or_default();
    format!("{}{value}:{}", taint.key, taint.effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_matches_by_key_value_and_effect() {
        let taint = |key: &str, value: &str| Taint {
            key: key.into(),
            value: Some(value.into()),
            effect: NO_SCHEDULE.into(),
            time_added: None,
        };
        let toleration = |key: &str, operator: &str, value: &str, effect: &str| Toleration {
            key: Some(key.into()),
            operator: Some(operator.into()),
            value: Some(value.into()),
            effect: Some(effect.into()),
            toleration_seconds: None,
        };
        let cases = [
            (toleration("gpu", "Equal", "yes", "NoSchedule"), true),
            (toleration("gpu", "", "yes", ""), true),
            (toleration("gpu", "Equal", "no", "NoSchedule"), false),
            (toleration("gpu", "Exists", "", "NoSchedule"), true),
            (toleration("", "Exists", "", ""), true),
            (toleration("gpu", "Exists", "", "NoExecute"), false),
            (toleration("disk", "Exists", "", ""), false),
            (toleration("gpu", "Gt", "1", ""), false),
        ];
        for (toleration, want) in cases {
            assert_eq!(tolerates(&toleration, &taint("gpu", "yes")), want, "{toleration:?}");
        }
    }
}
