//! The manifests that an empty cluster offers to begin with.

/// A way to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// A Deployment of three pods and its Service.
    Web,
    /// A pod that asks for more than any node has.
    Unschedulable,
    /// A Deployment made to be changed.
    RollingUpdate,
}

impl Starter {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Starter; 3] = [Starter::Web, Starter::Unschedulable, Starter::RollingUpdate];

    /// What goes into the editor.
    pub fn manifest(self) -> &'static str {
        match self {
            Starter::Web => include_str!("starters/web.yaml"),
            Starter::Unschedulable => include_str!("starters/unschedulable.yaml"),
            Starter::RollingUpdate => include_str!("starters/rolling-update.yaml"),
        }
    }
}
