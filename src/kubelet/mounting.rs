//! From the kubelet's first look at a pod to its volumes: attached to the node, mounted, or why not (`volume_manager.go
//! WaitForAttachAndMount`).

use sorted::SortedSet;

use super::agent::{Agent, Turn};
use super::config::BackOff;
use super::environment::{Environment, expand};
use super::pod_worker::{PodStep, PodWorker, Stage};
use super::{expansion, volumes};
use crate::api::k8s::Container;
use crate::api::{MetaExt, PersistentVolume, PersistentVolumeClaim};
use crate::client::recorder::{EventType, reference};
use crate::client::{View, attachment};
use crate::clock::SimDuration;

/// Between attempts to mount a volume (`exponentialbackoff`).
const MOUNT_RETRY: BackOff =
    BackOff { base: SimDuration::from_millis(500), max: SimDuration::from_secs(122) };

/// So long a kubelet waits for a pod's volumes before it says that they do not come (`podAttachAndMountTimeout`).
const ATTACH_TIMEOUT: SimDuration = SimDuration::from_secs(123);

/// Whether the parts of volumes that a container mounts can be told from its environment (`makeMounts`).
///
/// # Errors
/// Why not, in the kubelet's words.
pub fn check_sub_paths(container: &Container, environment: &Environment) -> Result<(), String> {
    for mount in container.volume_mounts.iter().flatten() {
        let Some(pattern) = mount.sub_path_expr.as_deref().filter(|pattern| !pattern.is_empty()) else {
            continue;
        };
        let mut missing = SortedSet::new();
        let path = expand(pattern, |name| {
            let value = environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
            if value.is_none() {
                missing.insert(name.to_string());
            }
            value
        });
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(String::as_str).collect();
            return Err(format!("missing value for {}", names.join(", ")));
        }
        if path.starts_with('/') {
            return Err(format!("error SubPath `{path}` must not be an absolute path"));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(format!("unable to provision SubPath `{path}`: must not contain '..'"));
        }
    }
    Ok(())
}

impl Agent {
    /// The volumes of drivers that pods of the node mount, as its status lists them (`GetVolumesInUse`).
    pub(super) fn volumes_in_use(&self, view: &View) -> Vec<String> {
        let mut names = SortedSet::new();
        for worker in self.workers.values().filter(|worker| worker.mounts_volumes()) {
            for claim in expansion::claims(&worker.pod) {
                let claim = view.get::<PersistentVolumeClaim>(worker.pod.namespace(), &claim);
                let volume = claim.and_then(|claim| claim.spec.volume_name.as_deref());
                let volume = volume.and_then(|name| view.get::<PersistentVolume>("", name));
                names.extend(
                    volume.filter(|it| attachment::is_attachable(it, view)).map(attachment::unique_name),
                );
            }
        }
        names.into_iter().collect()
    }
}

impl PodWorker {
    /// Whether it mounts volumes that have to be claimed, or is about to.
    pub(super) fn mounts_volumes(&self) -> bool {
        (Stage::Volumes..Stage::Finished).contains(&self.stage) && !expansion::claims(&self.pod).is_empty()
    }

    /// Mounts the volumes for the first time.
    pub(super) fn begin_mounting(&mut self, turn: &mut Turn<'_>) {
        self.mount_volumes(turn);
        if self.stage == Stage::Volumes {
            turn.after(ATTACH_TIMEOUT, &self.uid, PodStep::Unattached, true);
        }
    }

    /// Mounts the pod's volumes and goes on, or tries again after a growing wait.
    pub(super) fn mount_volumes(&mut self, turn: &mut Turn<'_>) {
        if turn.config.runs_commands
            && let Err(failures) = self.mount(turn)
        {
            // What waits for nothing but being attached is told of that.
            if failures.iter().all(|failure| failure.why == volumes::Why::Unattached) {
                return;
            }
            self.mount_failed(&failures, turn);
            self.mount_failures = self.mount_failures.saturating_add(1);
            let wait = MOUNT_RETRY.wait(self.mount_failures);
            return turn.after(wait, &self.uid, PodStep::Mount, true);
        }
        self.stage = Stage::Sandbox;
        self.expect_growth(turn);
        match turn.config.sandbox.draw(turn.rng) {
            SimDuration::ZERO => self.sandbox_up(turn),
            delay => turn.after(delay, &self.uid, PodStep::Sandbox, false),
        }
    }

    pub(super) fn mount_failed(&mut self, failures: &[volumes::Failure], turn: &mut Turn<'_>) {
        for failure in failures {
            if let volumes::Why::Wrong(message) = &failure.why {
                let about = reference(&self.pod);
                turn.event(about, EventType::Warning, "FailedMount", message.clone(), self.cause);
            }
        }
    }

    /// The kubelet has waited for its volumes for as long as it does, says so, and waits again.
    pub(super) fn still_unattached(&mut self, turn: &mut Turn<'_>) {
        let Err(failures) = self.mount(turn) else { return self.mount_volumes(turn) };
        let unattached = failures.iter().filter(|failure| failure.why == volumes::Why::Unattached);
        let names = unattached.map(|failure| failure.volume.as_str()).collect::<Vec<_>>().join(" ");
        if !names.is_empty() {
            let message = format!(
                "Unable to attach or mount volumes: unmounted volumes=[{names}], unattached volumes=[{names}], failed to process \
                 volumes=[]: context deadline exceeded"
            );
            turn.event(reference(&self.pod), EventType::Warning, "FailedMount", message, self.cause);
        }
        let pause = turn.config.sync_retry.draw(turn.rng);
        turn.after(ATTACH_TIMEOUT + pause, &self.uid, PodStep::Unattached, true);
    }

    /// Whether it waits for volumes.
    pub fn awaits_volumes(&self) -> bool {
        self.stage == Stage::Volumes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::VolumeMount;

    #[test]
    fn a_part_of_a_volume_is_named_by_the_environment_or_the_container_does_not_begin() {
        let cases = [
            ("logs/$(POD)", ""),
            ("$(NONE)/$(EMPTY)", "missing value for EMPTY, NONE"),
            ("$(ROOT)/x", "error SubPath `/data/x` must not be an absolute path"),
            ("$(POD)/../x", "unable to provision SubPath `web-0/../x`: must not contain '..'"),
        ];
        let variables = [("POD", "web-0"), ("ROOT", "/data"), ("EMPTY", "")];
        let environment: Environment =
            variables.map(|(name, value)| (name.to_string(), value.to_string())).into_iter().collect();
        for (pattern, want) in cases {
            let mount = VolumeMount { sub_path_expr: Some(pattern.into()), ..Default::default() };
            let container = Container { volume_mounts: Some(vec![mount]), ..Default::default() };
            let found = check_sub_paths(&container, &environment).err().unwrap_or_default();
            assert_eq!(found, want, "{pattern}");
        }
    }
}
