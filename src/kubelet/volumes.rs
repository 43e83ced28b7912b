//! The volumes of a pod: what is in them when they are mounted, why one cannot be, and what reaches them later. Models
//! `pkg/volume/{configmap,secret,projected,downwardapi,hostpath}` and the messages of the volume manager.

use std::sync::Arc;

use sorted::SortedMap;

use super::environment::{self, Facts, data_of, missing};
use super::files::{Files, Mount, Tree};
use crate::api::k8s::{self, Container, DownwardAPIVolumeFile, KeyToPath, VolumeProjection};
use crate::api::{Key, Kind, MetaExt, Object, PersistentVolume, PersistentVolumeClaim, Pod};
use crate::client::attachment;
use crate::client::site::Program;

/// What lies on disks that outlive pods.
#[derive(Clone, Debug, Default)]
pub struct Disks {
    /// By the volume's name, or the path on the node.
    trees: SortedMap<String, Arc<Tree>>,
    /// Whether somebody has written to one since that was last asked.
    written: bool,
}

impl Disks {
    fn get(&self, name: &str) -> Option<&Arc<Tree>> {
        self.trees.get(name)
    }

    fn put(&mut self, name: &str, tree: Arc<Tree>) {
        self.trees.insert(name.to_string(), tree);
        self.written = true;
    }

    /// A disk is gone, with all that is on it.
    pub fn remove(&mut self, name: &str) {
        self.trees.remove(name);
    }

    /// Whether [`Disks::take_written`] would say so.
    pub fn is_written(&self) -> bool {
        self.written
    }

    /// Whether somebody has written to one since this was last asked.
    pub fn take_written(&mut self) -> bool {
        std::mem::take(&mut self.written)
    }
}

/// Where the files of a volume are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// In the pod: they go with it.
    Pod,
    /// In the pod, written by the kubelet alone.
    Projected,
    /// On the node, under that path.
    Host(String),
    /// On a disk of that name.
    Disk(String),
}

/// A mounted volume.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Where its files are kept.
    pub keep: Keep,
    /// Its files, where the pod has them; `None` before anybody has looked.
    tree: Option<Arc<Tree>>,
}

impl Volume {
    /// Whether the pod has the same files in it as another time.
    pub fn is_as(&self, other: &Volume) -> bool {
        match (&self.tree, &other.tree) {
            (Some(tree), Some(other)) => Arc::ptr_eq(tree, other),
            (tree, other) => tree.is_none() == other.is_none(),
        }
    }

    /// Whether other pods may write to it.
    pub fn is_shared(&self) -> bool {
        matches!(self.keep, Keep::Host(_) | Keep::Disk(_))
    }
}

/// Why a volume cannot be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its name in the pod.
    pub volume: String,
    /// Why.
    pub why: Why,
}

/// See [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has not been attached to the node yet.
    Unattached,
    /// In the words of the event.
    Wrong(String),
}

impl From<String> for Why {
    fn from(message: String) -> Why {
        Why::Wrong(message)
    }
}

/// Mounts all volumes of a pod.
///
/// # Errors
/// Those that cannot be mounted.
pub fn mount(facts: Facts<'_>, host: &Disks) -> Result<Vec<Volume>, Vec<Failure>> {
    let (mut mounted, mut failed) = (Vec::new(), Vec::new());
    for volume in facts.pod.spec.volumes.iter().flatten() {
        match mount_one(volume, facts, host) {
            Ok(volume) => mounted.push(volume),
            Err(why) => failed.push(Failure { volume: volume.name.clone(), why }),
        }
    }
    if failed.is_empty() { Ok(mounted) } else { Err(failed) }
}

fn mount_one(volume: &k8s::Volume, facts: Facts<'_>, host: &Disks) -> Result<Volume, Why> {
    let set_up = |why: String| format!("MountVolume.SetUp failed for volume {:?} : {why}", volume.name);
    if is_projected(volume) {
        // What only says who the pod is can be written when somebody looks.
        let tree = match is_token(volume) {
            true => None,
            false => Some(Arc::new(project(volume, facts).map_err(set_up)?)),
        };
        return Ok(Volume { keep: Keep::Projected, tree });
    }
    if let Some(path) = &volume.host_path {
        check_host_path(&path.path, path.type_.as_deref().unwrap_or_default(), host).map_err(set_up)?;
        return Ok(Volume { keep: Keep::Host(path.path.clone()), tree: None });
    }
    let own = volume.ephemeral.as_ref().map(|_| format!("{}-{}", facts.pod.name(), volume.name));
    let claim = volume.persistent_volume_claim.as_ref().map(|source| source.claim_name.clone()).or(own);
    let Some(claim) = claim else { return Ok(Volume { keep: Keep::Pod, tree: None }) };
    let namespace = facts.pod.namespace();
    let process = |why: String| {
        format!(
            "Unable to attach or mount volumes: unmounted volumes=[{name}], unattached volumes=[], failed to process volumes=[{name}]: \
             error processing PVC {namespace}/{claim}: {why}",
            name = volume.name
        )
    };
    let Some(found) = facts.view.get::<PersistentVolumeClaim>(namespace, &claim) else {
        let why = format!("failed to fetch PVC from API server: persistentvolumeclaims {claim:?} not found");
        return Err(process(why).into());
    };
    let bound = found.status.phase.as_deref() == Some("Bound");
    let Some(name) = found.spec.volume_name.clone().filter(|_| bound) else {
        return Err(process("PVC is not bound".into()).into());
    };
    let node = facts.pod.spec.node_name.as_deref().unwrap_or_default();
    let disk = facts.view.get::<PersistentVolume>("", &name);
    let missing = |disk: &PersistentVolume| {
        attachment::is_attachable(disk, facts.view) && !attachment::is_attached(disk, node, facts.view)
    };
    if disk.is_some_and(missing) {
        return Err(Why::Unattached);
    }
    Ok(Volume { keep: Keep::Disk(name), tree: None })
}

fn check_host_path(path: &str, type_: &str, host: &Disks) -> Result<(), String> {
    let node = Files::default();
    let known = host.get(path).is_some();
    let wrong = |what: &str| Err(format!("hostPath type check failed: {path} is not {what}"));
    match type_ {
        "Directory" if !known && !node.is_directory(path) => wrong("a directory"),
        "File" if !known && !node.exists(path) => wrong("a file"),
        "Socket" if !path.ends_with(".sock") => wrong("a socket file"),
        "CharDevice" if !path.starts_with("/dev/") => wrong("a character device"),
        "BlockDevice" if !path.starts_with("/dev/") => wrong("a block device"),
        _ => Ok(()),
    }
}

/// Whether the kubelet writes what is in the volume.
fn is_projected(volume: &k8s::Volume) -> bool {
    volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.projected.is_some()
        || volume.downward_api.is_some()
}

/// Whether it is the volume that every pod gets for its account.
fn is_token(volume: &k8s::Volume) -> bool {
    volume.projected.is_some() && volume.name.starts_with("kube-api-access-")
}

/// Whether a pod mounts something of a ConfigMap or Secret.
pub fn refers_to(pod: &Pod, key: &Key) -> bool {
    let is = |kind: Kind, name: Option<&str>| key.kind == kind && name == Some(&*key.name);
    *key.namespace == *pod.namespace()
        && pod.spec.volumes.iter().flatten().filter(|volume| !is_token(volume)).any(|volume| {
            let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
            let mut sources = sources.filter(|source| {
                is(Kind::CONFIG_MAP, source.config_map.as_ref().map(|it| it.name.as_str()))
                    || is(Kind::SECRET, source.secret.as_ref().map(|it| it.name.as_str()))
            });
            is(Kind::CONFIG_MAP, volume.config_map.as_ref().map(|it| it.name.as_str()))
                || is(Kind::SECRET, volume.secret.as_ref().and_then(|it| it.secret_name.as_deref()))
                || sources.next().is_some()
        })
}

/// Whether a ConfigMap or Secret never changes, so that nobody looks whether it has.
pub fn is_immutable(object: &Object) -> bool {
    matches!(object, Object::Tree(tree) if tree.fields.get("immutable") == Some(&serde_json::Value::Bool(true)))
}

/// Writes anew what the kubelet writes into the volumes of a pod.
///
/// # Errors
/// Those that cannot be written; they keep what they have.
pub fn refresh(volumes: &mut [Volume], facts: Facts<'_>) -> Result<(), Vec<Failure>> {
    let mut failed = Vec::new();
    for (volume, spec) in volumes.iter_mut().zip(facts.pod.spec.volumes.iter().flatten()) {
        if volume.keep != Keep::Projected || volume.tree.is_none() {
            continue;
        }
        match project(spec, facts) {
            Ok(tree) if volume.tree.as_deref() == Some(&tree) => {}
            Ok(tree) => volume.tree = Some(Arc::new(tree)),
            Err(why) => failed.push(Failure {
                volume: spec.name.clone(),
                why: format!("MountVolume.SetUp failed for volume {:?} : {why}", spec.name).into(),
            }),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// What the kubelet writes into a volume.
fn project(volume: &k8s::Volume, facts: Facts<'_>) -> Result<Tree, String> {
    const MODE: i32 = 0o644;
    let mut tree = Tree::default();
    if let Some(source) = &volume.config_map {
        let mode = source.default_mode.unwrap_or(MODE);
        let items = source.items.as_deref();
        put_data(&mut tree, Kind::CONFIG_MAP, &source.name, items, source.optional, mode, facts)?;
    }
    if let Some(source) = &volume.secret {
        let (name, mode) =
            (source.secret_name.as_deref().unwrap_or_default(), source.default_mode.unwrap_or(MODE));
        put_data(&mut tree, Kind::SECRET, name, source.items.as_deref(), source.optional, mode, facts)?;
    }
    if let Some(source) = &volume.downward_api {
        put_fields(&mut tree, source.items.as_deref(), source.default_mode.unwrap_or(MODE), facts);
    }
    if let Some(projected) = &volume.projected {
        let mode = projected.default_mode.unwrap_or(MODE);
        let sources = projected.sources.iter().flatten();
        let wrong: Vec<String> =
            sources.filter_map(|source| put_projection(&mut tree, source, mode, facts).err()).collect();
        match wrong.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            several => return Err(format!("[{}]", several.join(", "))),
        }
    }
    Ok(tree)
}

fn put_projection(
    tree: &mut Tree,
    source: &VolumeProjection,
    mode: i32,
    facts: Facts<'_>,
) -> Result<(), String> {
    if let Some(map) = &source.config_map {
        put_data(tree, Kind::CONFIG_MAP, &map.name, map.items.as_deref(), map.optional, mode, facts)?;
    }
    if let Some(secret) = &source.secret {
        put_data(tree, Kind::SECRET, &secret.name, secret.items.as_deref(), secret.optional, mode, facts)?;
    }
    if let Some(fields) = &source.downward_api {
        put_fields(tree, fields.items.as_deref(), mode, facts);
    }
    if let Some(token) = &source.service_account_token {
        // Nobody checks it.
        let digits = super::image::hex_id(&format!("token/{}", facts.pod.uid()));
        tree.put(&token.path, &format!("eyJhbGciOiJSUzI1NiJ9.{digits}"), mode);
    }
    Ok(())
}

/// The keys of a ConfigMap or Secret as files: all, or those that `items` names.
fn put_data(
    tree: &mut Tree,
    kind: Kind,
    name: &str,
    items: Option<&[KeyToPath]>,
    optional: Option<bool>,
    mode: i32,
    facts: Facts<'_>,
) -> Result<(), String> {
    let optional = optional == Some(true);
    let Some(data) = data_of(kind, facts.pod.namespace(), name, facts.view) else {
        return if optional { Ok(()) } else { Err(missing(kind, name)) };
    };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        data.iter().for_each(|(key, text)| tree.put(key, text, mode));
        return Ok(());
    };
    for item in items {
        match data.get(&item.key) {
            Some(text) => tree.put(&item.path, text, item.mode.unwrap_or(mode)),
            None if optional => {}
            None if kind == Kind::SECRET => {
                return Err(format!("references non-existent secret key: {}", item.key));
            }
            None => return Err(format!("configmap references non-existent config key: {}", item.key)),
        }
    }
    Ok(())
}

fn put_fields(tree: &mut Tree, items: Option<&[DownwardAPIVolumeFile]>, mode: i32, facts: Facts<'_>) {
    for item in items.unwrap_or_default() {
        let field = item.field_ref.as_ref().map(|field| environment::field_value(field, facts));
        let resource = || {
            let field = item.resource_field_ref.as_ref()?;
            Some(environment::resource_value(field, None, facts))
        };
        tree.put(&item.path, &field.or_else(resource).unwrap_or_default(), item.mode.unwrap_or(mode));
    }
}

/// The files of a container that begins.
pub fn files_of(
    container: &Container,
    volumes: &mut [Volume],
    facts: Facts<'_>,
    expanded: impl Fn(&str) -> String,
) -> Files {
    let specs: Vec<&k8s::Volume> = facts.pod.spec.volumes.iter().flatten().collect();
    let mut trees: Vec<Arc<Tree>> = Vec::new();
    for (volume, spec) in volumes.iter_mut().zip(&specs) {
        if volume.keep == Keep::Projected && volume.tree.is_none() {
            volume.tree = project(spec, facts).ok().map(Arc::new);
        }
        trees.push(volume.tree.clone().unwrap_or_default());
    }
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let Some(at) = specs.iter().position(|spec| spec.name == mount.name) else { continue };
        let Some(volume) = volumes.get(at) else { continue };
        let projected = volume.keep == Keep::Projected;
        let sub_path = mount.sub_path.clone().filter(|path| !path.is_empty());
        let sub_path = sub_path.or_else(|| mount.sub_path_expr.as_deref().map(&expanded)).unwrap_or_default();
        let mut place = at;
        if projected && !sub_path.is_empty() {
            // A single file is mounted as it is now: what the volume gets later does not reach it.
            place = trees.len();
            trees.push(trees[at].clone());
        }
        let claim = specs[at].persistent_volume_claim.as_ref();
        mounts.push(Mount {
            path: mount.mount_path.trim_matches('/').to_string(),
            volume: place,
            sub_path: sub_path.trim_matches('/').to_string(),
            read_only: projected
                || mount.read_only == Some(true)
                || claim.is_some_and(|claim| claim.read_only == Some(true)),
        });
    }
    let mut own = own_files(facts);
    if let Some((path, text)) = Program::of(container).and_then(|program| program.own_page()) {
        own.put(&path, text, 0o644);
    }
    Files::new(own, trees, mounts, container.working_dir.as_deref().unwrap_or("/"))
}

/// Lets a container see what the pod's volumes hold now.
pub fn lend(volumes: &[Volume], files: &mut Files, host: &Disks, disks: &Disks) {
    for (volume, tree) in volumes.iter().zip(&mut files.volumes) {
        let now = match &volume.keep {
            Keep::Pod | Keep::Projected => volume.tree.as_ref(),
            Keep::Host(path) => host.get(path),
            Keep::Disk(name) => disks.get(name),
        };
        if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, tree)) {
            *tree = now.clone();
        }
    }
}

/// Takes back what a container has written.
pub fn take_back(volumes: &mut [Volume], files: &Files, host: &mut Disks, disks: &mut Disks) {
    for (volume, tree) in volumes.iter_mut().zip(&files.volumes) {
        let kept = match &volume.keep {
            Keep::Projected => continue,
            Keep::Pod => {
                if !tree.is_empty() || volume.tree.is_some() {
                    volume.tree = Some(tree.clone());
                }
                continue;
            }
            Keep::Host(path) => (&mut *host, path),
            Keep::Disk(name) => (&mut *disks, name),
        };
        let (store, name) = kept;
        let new = store.get(name).map_or(!tree.is_empty(), |known| !Arc::ptr_eq(known, tree));
        if new {
            store.put(name, tree.clone());
        }
    }
}

/// The name that a container gives as its host's.
pub fn hostname(pod: &Pod) -> String {
    let own = pod.spec.hostname.as_deref().filter(|name| !name.is_empty());
    let node = pod.spec.node_name.as_deref().filter(|_| pod.spec.host_network == Some(true));
    let name = pod.spec.hostname_override.as_deref().or(node).or(own).unwrap_or_else(|| pod.name());
    name.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_string()
}

/// What the kubelet puts into `/etc`.
fn own_files(facts: Facts<'_>) -> Tree {
    let (pod, spec) = (facts.pod, &facts.pod.spec);
    let hostname = hostname(pod);
    let mut tree = Tree::default();
    tree.put("etc/hostname", &format!("{hostname}\n"), 0o644);
    let mut hosts = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
                     fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
        .to_string();
    match spec.subdomain.as_deref().filter(|subdomain| !subdomain.is_empty()) {
        Some(subdomain) => hosts.push_str(&format!(
            "{}\t{hostname}.{subdomain}.{}.svc.cluster.local\t{hostname}\n",
            facts.address,
            pod.namespace()
        )),
        None => hosts.push_str(&format!("{}\t{hostname}\n", facts.address)),
    }
    if spec.host_aliases.as_ref().is_some_and(|aliases| !aliases.is_empty()) {
        hosts.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in spec.host_aliases.iter().flatten() {
        hosts.push_str(&format!(
            "{}\t{}\n",
            alias.ip,
            alias.hostnames.iter().flatten().cloned().collect::<Vec<_>>().join("\t")
        ));
    }
    tree.put("etc/hosts", &hosts, 0o644);
    tree.put("etc/resolv.conf", &resolver(facts), 0o644);
    tree
}

/// `/etc/resolv.conf`, after the pod's `dnsPolicy` and `dnsConfig`.
fn resolver(facts: Facts<'_>) -> String {
    let (spec, namespace) = (&facts.pod.spec, facts.pod.namespace());
    let policy = spec.dns_policy.as_deref().unwrap_or("ClusterFirst");
    let in_cluster =
        policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && spec.host_network != Some(true));
    let (mut servers, mut searches, mut options) = (Vec::new(), Vec::new(), Vec::new());
    if in_cluster {
        servers.push("10.96.0.10".to_string());
        searches.extend([
            format!("{namespace}.svc.cluster.local"),
            "svc.cluster.local".into(),
            "cluster.local".into(),
        ]);
        options.push("ndots:5".to_string());
    } else if policy != "None" {
        servers.push("192.168.0.1".into());
    }
    if let Some(config) = &spec.dns_config {
        servers.extend(config.nameservers.iter().flatten().cloned());
        searches.extend(config.searches.iter().flatten().cloned());
        for option in config.options.iter().flatten() {
            let name = option.name.clone().unwrap_or_default();
            options.retain(|known| known.split(':').next() != Some(name.as_str()));
            options.push(option.value.as_ref().map_or(name.clone(), |value| format!("{name}:{value}")));
        }
    }
    let mut text = String::new();
    if !searches.is_empty() {
        text.push_str(&format!("search {}\n", searches.join(" ")));
    }
    servers.iter().for_each(|server| text.push_str(&format!("nameserver {server}\n")));
    if !options.is_empty() {
        text.push_str(&format!("options {}\n", options.join(" ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::typed;
    use crate::client::View;

    #[test]
    fn hosts_and_resolver_follow_the_pod() {
        let json = serde_json::json!({
            "hostname": "db-0", "subdomain": "db", "containers": [],
            "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]},
        });
        let meta =
            k8s::ObjectMeta { name: Some("p".into()), namespace: Some("n".into()), ..Default::default() };
        let pod = Pod::new(meta, typed::read(&json).unwrap());
        let view = View::default();
        let facts = Facts { pod: &pod, address: "10.244.1.2", host: "192.168.0.11", view: &view };
        let tree = own_files(facts);
        let hosts = tree.text("etc/hosts").unwrap_or_default();
        assert!(hosts.ends_with("10.244.1.2\tdb-0.db.n.svc.cluster.local\tdb-0\n"), "{hosts}");
        let resolver = "search n.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\nnameserver 1.1.1.1\noptions ndots:2\n";
        assert_eq!(tree.text("etc/resolv.conf"), Some(resolver));
    }
}
