//! As whom the processes of a container run: what its manifest says, else what its image does.

use super::pod_worker::PodWorker;
use crate::api::k8s::{
    Container, ContainerUser, LinuxContainerUser, PodSecurityContext, VolumeMount, VolumeMountStatus,
};
use crate::api::{MetaExt, Pod};

/// The user that an image names, where it is not root.
fn user_of_image(image: &str) -> Option<i64> {
    const USERS: [(&str, i64); 4] =
        [("unprivileged", 101), ("nonroot", 65_532), ("distroless", 65_532), ("bitnami", 1_001)];
    USERS.iter().find(|(mark, _)| image.contains(mark)).map(|(_, user)| *user)
}

/// The groups of root besides its own, as the image's `/etc/group` has them.
fn groups_of_root(image: &str) -> &'static [i64] {
    match image {
        _ if image.contains("busybox") => &[10],
        _ if image.contains("alpine") => &[1, 2, 3, 4, 6, 10, 11, 20, 26, 27],
        _ => &[],
    }
}

/// As whom the processes of a container run, as the container runtime reports it.
pub fn of_container(pod: &Pod, container: &Container) -> LinuxContainerUser {
    let image = container.image.as_deref().unwrap_or_default();
    let own = container.security_context.as_ref();
    let none = PodSecurityContext::default();
    let shared = pod.spec.security_context.as_ref().unwrap_or(&none);
    let named = own.and_then(|own| own.run_as_user).or(shared.run_as_user);
    let uid = named.or_else(|| user_of_image(image)).unwrap_or(0);
    let group = own.and_then(|own| own.run_as_group).or(shared.run_as_group);
    // Who is named by the manifest alone is in no file of the image, and gets the group of root.
    let gid = group.unwrap_or(if named.is_none() { uid } else { 0 });
    let mut groups = vec![gid];
    let wanted = shared.supplemental_groups.iter().flatten().chain(&shared.fs_group);
    let merged = shared.supplemental_groups_policy.as_deref() != Some("Strict") && uid == 0;
    for one in wanted.chain(groups_of_root(image).iter().filter(|_| merged)) {
        if !groups.contains(one) {
            groups.push(*one);
        }
    }
    LinuxContainerUser { uid, gid, supplemental_groups: Some(groups) }
}

/// The same as a shell keeps it: `uid gid group group …`.
pub fn words(pod: &Pod, container: &Container) -> String {
    let user = of_container(pod, container);
    let groups = user.supplemental_groups.iter().flatten();
    let all: Vec<String> = [user.uid, user.gid].iter().chain(groups).map(i64::to_string).collect();
    all.join(" ")
}

/// The same for a container's status.
pub fn status(pod: &Pod, container: &Container) -> ContainerUser {
    ContainerUser { linux: Some(of_container(pod, container)) }
}

/// What a container's status says of its mounts.
pub fn mounts(container: &Container) -> Option<Vec<VolumeMountStatus>> {
    let one = |mount: &VolumeMount| {
        let read_only = mount.read_only == Some(true);
        let whole = matches!(mount.recursive_read_only.as_deref(), Some("Enabled" | "IfPossible"));
        VolumeMountStatus {
            name: mount.name.clone(),
            mount_path: mount.mount_path.clone(),
            read_only: read_only.then_some(true),
            recursive_read_only: read_only.then(|| if whole { "Enabled" } else { "Disabled" }.to_string()),
            ..Default::default()
        }
    };
    container.volume_mounts.as_ref().map(|all| all.iter().map(one).collect())
}

impl PodWorker {
    /// `runAsNonRoot` against the user that the container would have.
    pub(super) fn check_user(&self, at: usize) -> Result<(), String> {
        let container = self.container(at);
        let own = container.security_context.as_ref();
        let pod = self.pod.spec.security_context.as_ref();
        let wanted = own.and_then(|own| own.run_as_non_root).or(pod.and_then(|pod| pod.run_as_non_root));
        if wanted != Some(true) || of_container(&self.pod, container).uid != 0 {
            return Ok(());
        }
        let named = own.and_then(|own| own.run_as_user).or(pod.and_then(|pod| pod.run_as_user));
        let (pod, namespace, uid) = (self.pod.name(), self.pod.namespace(), self.pod.uid());
        let place = format!("(pod: \"{pod}_{namespace}({uid})\", container: {})", container.name);
        Err(match named {
            Some(_) => format!("container's runAsUser breaks non-root policy {place}"),
            None => format!("container has runAsNonRoot and image will run as root {place}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;

    #[test]
    fn a_container_runs_as_its_manifest_says_else_as_its_image() {
        let check = |spec: &str| -> (i64, i64, Vec<i64>) {
            let spec: serde_json::Value = serde_json::from_str(spec).expect("JSON");
            let spec = std::sync::Arc::new(typed::read(&spec).expect("a spec"));
            let pod = Pod { spec, ..Default::default() };
            let user = of_container(&pod, &pod.spec.containers[0]);
            (user.uid, user.gid, user.supplemental_groups.unwrap_or_default())
        };
        assert_eq!(check(r#"{"containers":[{"name":"a","image":"nginx"}]}"#), (0, 0, vec![0]));
        assert_eq!(check(r#"{"containers":[{"name":"a","image":"busybox:1.36"}]}"#), (0, 0, vec![0, 10]));
        let pod = r#"{"securityContext":{"runAsUser":1000,"runAsGroup":3000,"fsGroup":2000,"supplementalGroups":[4000]},
            "containers":[{"name":"a","image":"busybox","securityContext":{"runAsUser":2000}}]}"#;
        assert_eq!(check(pod), (2000, 3000, vec![3000, 4000, 2000]));
        let named = r#"{"securityContext":{"runAsUser":1000},"containers":[{"name":"a","image":"busybox"}]}"#;
        assert_eq!(check(named), (1000, 0, vec![0]));
        let image = r#"{"containers":[{"name":"a","image":"nginxinc/nginx-unprivileged"}]}"#;
        assert_eq!(check(image), (101, 101, vec![101]));
    }

    #[test]
    fn the_status_tells_which_mounts_are_read_only_all_the_way_down() {
        let mount = |read_only, recursive: Option<&str>| VolumeMount {
            name: "v".into(),
            mount_path: "/v".into(),
            read_only,
            recursive_read_only: recursive.map(Into::into),
            ..Default::default()
        };
        let all = vec![mount(None, None), mount(Some(true), None), mount(Some(true), Some("IfPossible"))];
        let container = Container { volume_mounts: Some(all), ..Default::default() };
        let found: Vec<_> =
            mounts(&container).expect("mounts").into_iter().map(|one| one.recursive_read_only).collect();
        assert_eq!(found, [None, Some("Disabled".to_string()), Some("Enabled".to_string())]);
    }
}
