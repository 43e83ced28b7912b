//! Profiles: which plugins a scheduler runs, in which order, with which weights.

use std::sync::Arc;

use super::Plugin;
use super::runtime::POINTS;
use crate::scheduler::plugins;

/// A plugin's place in a profile.
#[derive(Clone, Debug)]
pub struct Enabled {
    /// The plugin, with its arguments.
    pub plugin: Arc<dyn Plugin>,
    /// What its normalised scores are multiplied with. Without effect for a plugin that does not score.
    pub weight: i64,
}

/// A scheduler's name and its plugins (`KubeSchedulerProfile`).
#[derive(Clone, Debug)]
pub struct Profile {
    /// The pods it takes: those with this `spec.schedulerName`.
    pub scheduler_name: Arc<str>,
    /// Its plugins, those that filter in the order in which they do.
    pub plugins: Vec<Enabled>,
    /// By extension point, the places of those that have a say there, in their order. `None` for all that can, in the order
    /// of the plugins.
    pub points: Option<[Vec<u8>; POINTS]>,
}

impl Default for Profile {
    /// The default profile of 1.36 (`apis/config/v1/default_plugins.go`).
    fn default() -> Profile {
        Profile { scheduler_name: "default-scheduler".into(), plugins: plugins::defaults(), points: None }
    }
}

impl Profile {
    /// The same profile under another name.
    #[must_use]
    pub fn named(mut self, scheduler_name: &str) -> Profile {
        self.scheduler_name = scheduler_name.into();
        self
    }

    /// The same profile without a plugin.
    #[must_use]
    pub fn without(mut self, plugin: &str) -> Profile {
        self.plugins.retain(|enabled| enabled.plugin.name() != plugin);
        self
    }

    /// The same profile with another weight for a plugin.
    #[must_use]
    pub fn weighing(mut self, plugin: &str, weight: i64) -> Profile {
        for enabled in self.plugins.iter_mut().filter(|enabled| enabled.plugin.name() == plugin) {
            enabled.weight = weight;
        }
        self
    }
}
