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
    /// Three pods with a name and a volume of their own each.
    StatefulSet,
    /// A pod on every node.
    DaemonSet,
    /// Work that ends.
    Job,
    /// Work that comes back.
    CronJob,
    /// A Deployment that grows with what is asked of it.
    Autoscaled,
    /// A Deployment of which a drain leaves enough.
    Budgeted,
}

impl Starter {
    /// What an empty cluster offers to begin with, in that order.
    pub const ALL: [Starter; 3] = [Starter::Web, Starter::Unschedulable, Starter::RollingUpdate];

    /// What can be added to any cluster.
    pub const TEMPLATES: [Starter; 7] = [
        Starter::Web,
        Starter::StatefulSet,
        Starter::DaemonSet,
        Starter::Job,
        Starter::CronJob,
        Starter::Autoscaled,
        Starter::Budgeted,
    ];

    /// The kind that it is about.
    pub fn kind(self) -> &'static str {
        match self {
            Starter::Web | Starter::RollingUpdate => "Deployment",
            Starter::Unschedulable => "Pod",
            Starter::StatefulSet => "StatefulSet",
            Starter::DaemonSet => "DaemonSet",
            Starter::Job => "Job",
            Starter::CronJob => "CronJob",
            Starter::Autoscaled => "HorizontalPodAutoscaler",
            Starter::Budgeted => "PodDisruptionBudget",
        }
    }

    /// What goes into the editor.
    pub fn manifest(self) -> &'static str {
        match self {
            Starter::Web => include_str!("starters/web.yaml"),
            Starter::Unschedulable => include_str!("starters/unschedulable.yaml"),
            Starter::RollingUpdate => include_str!("starters/rolling-update.yaml"),
            Starter::StatefulSet => include_str!("starters/stateful-set.yaml"),
            Starter::DaemonSet => include_str!("starters/daemon-set.yaml"),
            Starter::Job => include_str!("starters/job.yaml"),
            Starter::CronJob => include_str!("starters/cron-job.yaml"),
            Starter::Autoscaled => include_str!("starters/autoscaled.yaml"),
            Starter::Budgeted => include_str!("starters/budgeted.yaml"),
        }
    }
}
