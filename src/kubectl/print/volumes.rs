//! What volumes and claims have in common in print.

use serde_json::Value;

use super::fields::Fields;

/// `RWO,ROX`: access modes, each once, in the order in which the real one lists them.
pub fn access_modes(value: &Value, path: &str) -> String {
    const MODES: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = value.texts(path);
    let chosen = MODES.into_iter().filter(|(mode, _)| modes.contains(mode));
    chosen.map(|(_, short)| short).collect::<Vec<_>>().join(",")
}
