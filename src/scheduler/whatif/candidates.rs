//! The changes worth trying, the smallest first: of the pod before the cluster, of preferences before needs.

use sorted::SortedSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Fix, like};
use crate::api::{Kind, MetaExt, Node, Object, Pod, quantity, sorting, taint};
use crate::scheduler::cache::NodeIndex;
use crate::scheduler::framework::runtime::Feasibility;
use crate::scheduler::framework::{Code, Context, NodeInfo, PodInfo};
use crate::scheduler::plugins::names;

/// Of changes with one place per node or pod, so many are tried.
const PLACES: usize = 24;

/// Each sort of change as an instruction; `{}` stands for what it is about, in turn.
pub const SENTENCES: [(&str, &str); 19] = [
    ("schedulingGates", "remove the pod's scheduling gates"),
    ("toleration", "tolerate the taint {}"),
    ("nodeSelector", "drop {} from nodeSelector"),
    ("nodeAffinityCondition", "drop `{}` from the node affinity"),
    ("nodeAffinity", "drop the required node affinity"),
    ("maxSkew", "raise maxSkew by {} to {}"),
    ("topologySpread", "only prefer the spread by {}"),
    ("podAntiAffinity", "drop the required pod anti-affinity by {}"),
    ("podAffinity", "drop the required pod affinity by {}"),
    ("hostPort", "drop hostPort {} of container {}"),
    ("requests", "lower the {} request of container {} to {}"),
    ("podRequests", "lower the {} request to {}"),
    ("volume", "do without the claim {}"),
    ("priority", "give it the priority class {} ({})"),
    ("uncordon", "uncordon node {}"),
    ("taint", "remove the taint {} from node {}"),
    ("label", "label node {} {}"),
    ("deletePod", "remove pod {} from node {}"),
    ("addNode", "add a node like {}"),
];

fn sentence(sort: &str, about: &[String]) -> String {
    let words = SENTENCES.iter().find(|(known, _)| *known == sort).map_or("", |(_, words)| words);
    let mut about = about.iter();
    let mut text = String::new();
    for (number, part) in words.split("{}").enumerate() {
        if number > 0 {
            text.push_str(about.next().map_or("", |word| word));
        }
        text.push_str(part);
    }
    text
}

/// A change to be tried.
pub struct Candidate {
    /// Of one group only the first that helps is of interest.
    pub group: u32,
    /// See [`Fix::sort`].
    sort: &'static str,
    /// See [`Fix::about`].
    about: Vec<String>,
    /// What is changed.
    pub target: Target,
    /// How, as a JSON patch; empty for what comes or goes as a whole.
    pub patch: Vec<Value>,
    command: String,
}

/// What a candidate changes.
pub enum Target {
    /// The pod.
    Pod,
    /// The pod's priority, which lets it preempt.
    Priority,
    /// A node.
    Node(Arc<str>),
    /// The cluster gets this node.
    NewNode(Box<Node>),
    /// That pod goes from that node.
    WithoutPod(Arc<PodInfo>, Arc<str>),
}

impl Candidate {
    /// The candidate as a fix: it has helped.
    pub fn into_fix(self, node: Arc<str>, victims: Vec<String>) -> Fix {
        let patched_node = match &self.target {
            Target::Node(name) => name.to_string(),
            _ => String::new(),
        };
        let is_priority = matches!(self.target, Target::Priority);
        let Candidate { sort, about, mut patch, command, .. } = self;
        if is_priority {
            // The number follows from the class, and a manifest names only that.
            patch.truncate(1);
        }
        Fix { sort, sentence: sentence(sort, &about), about, patch, patched_node, command, node, victims }
    }
}

/// The list in the making.
struct Candidates<'a> {
    cx: &'a Context<'a>,
    pod: &'a Pod,
    /// The pod as a tree, whose paths the patches name.
    tree: Value,
    list: Vec<Candidate>,
    group: u32,
}

/// All changes to try, by what the attempt has found. The order is that in which they are proposed.
pub fn all(cx: &Context<'_>, pod: &Pod, found: &Feasibility) -> Vec<Candidate> {
    let tree = Object::from(pod.clone()).to_value();
    let mut all = Candidates { cx, pod, tree, list: Vec::new(), group: 0 };
    all.gates();
    all.tolerations();
    all.node_selector();
    all.node_affinity();
    all.spread();
    all.pod_affinity();
    all.host_ports();
    all.requests();
    all.volumes();
    all.priority();
    all.nodes(found);
    all.pods(found);
    all.new_nodes();
    all.list
}

/// A step of a JSON pointer.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

impl<'a> Candidates<'a> {
    /// A change of the pod, in a group of its own.
    fn pod(&mut self, sort: &'static str, about: &[&str], patch: Vec<Value>) {
        self.group += 1;
        self.push(sort, about, Target::Pod, patch, String::new());
    }

    fn push(
        &mut self,
        sort: &'static str,
        about: &[&str],
        target: Target,
        patch: Vec<Value>,
        command: String,
    ) {
        let about = about.iter().map(|word| (*word).to_string()).collect();
        self.list.push(Candidate { group: self.group, sort, about, target, patch, command });
    }

    fn names(&self, path: &str) -> Vec<String> {
        let map = self.tree.pointer(path).and_then(Value::as_object);
        map.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    fn length(&self, path: &str) -> usize {
        self.tree.pointer(path).and_then(Value::as_array).map_or(0, Vec::len)
    }

    fn gates(&mut self) {
        if self.length("/spec/schedulingGates") > 0 {
            let patch = vec![remove("/spec/schedulingGates")];
            self.pod("schedulingGates", &[], patch);
        }
    }

    /// One toleration for each taint that keeps the pod off some node.
    fn tolerations(&mut self) {
        let mut known = SortedSet::new();
        let tolerations = self.pod.spec.tolerations.clone().unwrap_or_default();
        for info in self.cx.cache.nodes() {
            for found in info.node.spec.taints.iter().flatten() {
                let keeps_off = matches!(&*found.effect, taint::NO_SCHEDULE | taint::NO_EXECUTE);
                if !keeps_off
                    || found.key == taint::UNSCHEDULABLE
                    || taint::tolerated(&tolerations, found)
                    || !known.insert(taint::format_taint(found))
                {
                    continue;
                }
                let mut toleration = json!({"key": found.key, "effect": found.effect, "operator": "Exists"});
                if let Some(value) = found.value.as_ref().filter(|value| !value.is_empty()) {
                    toleration["operator"] = "Equal".into();
                    toleration["value"] = value.as_str().into();
                }
                let patch = match self.length("/spec/tolerations") {
                    0 => json!({"op": "add", "path": "/spec/tolerations", "value": [toleration]}),
                    _ => json!({"op": "add", "path": "/spec/tolerations/-", "value": toleration}),
                };
                self.pod("toleration", &[&taint::format_taint(found)], vec![patch]);
            }
        }
    }

    fn node_selector(&mut self) {
        for key in self.names("/spec/nodeSelector") {
            let path = format!("/spec/nodeSelector/{}", step(&key));
            let value = self.tree.pointer(&path).and_then(Value::as_str).unwrap_or_default();
            self.pod("nodeSelector", &[&format!("{key}={value}")], vec![remove(&path)]);
        }
    }

    /// Each condition alone, and then the whole rule.
    fn node_affinity(&mut self) {
        const RULE: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
        let terms = format!("{RULE}/nodeSelectorTerms");
        for term in 0..self.length(&terms) {
            let path = format!("{terms}/{term}/matchExpressions");
            // The last condition of a term goes with the whole rule: an empty term matches nothing.
            let conditions = Some(self.length(&path)).filter(|count| *count > 1).unwrap_or(0);
            for condition in 0..conditions {
                let path = format!("{path}/{condition}");
                let words = self.tree.pointer(&path).map(condition_in_words).unwrap_or_default();
                self.pod("nodeAffinityCondition", &[&words], vec![remove(&path)]);
            }
        }
        if self.length(&terms) > 0 {
            self.pod("nodeAffinity", &[], vec![remove(RULE)]);
        }
    }

    /// A larger skew, or a wish in place of a need.
    fn spread(&mut self) {
        const LIST: &str = "/spec/topologySpreadConstraints";
        for place in 0..self.length(LIST) {
            let constraint = &self.tree["spec"]["topologySpreadConstraints"][place];
            if constraint["whenUnsatisfiable"] != "DoNotSchedule" {
                continue;
            }
            let key = constraint["topologyKey"].as_str().unwrap_or_default().to_string();
            let skew = constraint["maxSkew"].as_i64().unwrap_or(1);
            self.group += 1;
            for larger in skew + 1..=skew + 8 {
                let patch =
                    json!({"op": "replace", "path": format!("{LIST}/{place}/maxSkew"), "value": larger});
                let about = [key.as_str(), &larger.to_string()];
                self.push("maxSkew", &about, Target::Pod, vec![patch], String::new());
            }
            let path = format!("{LIST}/{place}/whenUnsatisfiable");
            let patch = json!({"op": "replace", "path": path, "value": "ScheduleAnyway"});
            self.pod("topologySpread", &[&key], vec![patch]);
        }
    }

    fn pod_affinity(&mut self) {
        for rule in ["podAntiAffinity", "podAffinity"] {
            let list = format!("/spec/affinity/{rule}/requiredDuringSchedulingIgnoredDuringExecution");
            for place in 0..self.length(&list) {
                let path = format!("{list}/{place}");
                let key = self.tree.pointer(&format!("{path}/topologyKey")).and_then(Value::as_str);
                let key = key.unwrap_or_default().to_string();
                self.pod(rule, &[&key], vec![remove(&path)]);
            }
        }
    }

    fn host_ports(&mut self) {
        for (place, container) in self.pod.spec.containers.iter().enumerate() {
            for (number, port) in container.ports.iter().flatten().enumerate() {
                if let Some(host_port) = port.host_port.filter(|port| *port > 0) {
                    let path = format!("/spec/containers/{place}/ports/{number}/hostPort");
                    self.pod("hostPort", &[&host_port.to_string(), &container.name], vec![remove(&path)]);
                }
            }
        }
    }

    /// For each resource, down to what some node has left, the most first.
    fn requests(&mut self) {
        let asked = PodInfo::new(self.pod.clone());
        let asked = &asked.requests;
        let named = ["cpu", "memory", "ephemeral-storage"].into_iter().map(String::from);
        for resource in named.chain(asked.scalar.keys().cloned()) {
            let current = asked.amount(&resource);
            let left =
                |info: &Arc<NodeInfo>| info.allocatable.amount(&resource) - info.requested.amount(&resource);
            let left: SortedSet<i64> =
                self.cx.cache.nodes().map(left).filter(|left| (0..current).contains(left)).collect();
            self.group += 1;
            for left in left.into_iter().rev().take(PLACES / 2) {
                self.lower_request(&resource, current - left);
            }
        }
    }

    /// The container that asks for the most gives way, or the pod as a whole where that is what asks.
    fn lower_request(&mut self, resource: &str, by: i64) {
        let amount = |list: &Value| {
            let text = list.get(resource).and_then(Value::as_str).and_then(quantity::parse)?;
            Some(if resource == "cpu" { text.milli() } else { text.value() })
        };
        let whole = amount(&self.tree["spec"]["resources"]["requests"]);
        let (path, have, container) = match whole {
            Some(have) => ("/spec/resources/requests".to_string(), have, ""),
            None => {
                let pod = self.pod;
                let containers = pod.spec.containers.iter().enumerate();
                let asks = |(place, container): (usize, &'a crate::api::k8s::Container)| {
                    let requests = &self.tree["spec"]["containers"][place]["resources"]["requests"];
                    let path = format!("/spec/containers/{place}/resources/requests");
                    Some((amount(requests)?, path, container.name.as_str()))
                };
                // The first of the largest.
                let largest = containers.filter_map(asks).rev().max_by_key(|(amount, ..)| *amount);
                let Some((have, path, name)) = largest else { return };
                (path, have, name)
            }
        };
        let rest = have - by;
        if rest < 0 {
            return;
        }
        let value = match resource {
            "cpu" => quantity::format_milli(rest),
            "memory" | "ephemeral-storage" => quantity::format_bytes(round_down(rest)),
            _ => rest.to_string(),
        };
        let path = format!("{path}/{}", step(resource));
        let mut patch = vec![json!({"op": "replace", "path": path, "value": value})];
        // Devices cannot be overcommitted: request and limit are the same.
        let limit = path.replace("/requests/", "/limits/");
        if resource.contains('/') && self.tree.pointer(&limit).is_some() {
            patch.push(json!({"op": "replace", "path": limit, "value": value}));
        }
        let (sort, about) = match container {
            "" => ("podRequests", vec![resource, &value]),
            container => ("requests", vec![resource, container, &value]),
        };
        self.push(sort, &about, Target::Pod, patch, String::new());
    }

    fn volumes(&mut self) {
        for (place, volume) in self.pod.spec.volumes.iter().flatten().enumerate() {
            if let Some(source) = &volume.persistent_volume_claim {
                self.pod("volume", &[&source.claim_name], vec![remove(&format!("/spec/volumes/{place}"))]);
            }
        }
    }

    /// Each class that ranks higher, the lowest first.
    fn priority(&mut self) {
        if self.pod.spec.preemption_policy.as_deref() == Some("Never") {
            return;
        }
        let current = i64::from(self.pod.spec.priority.unwrap_or(0));
        let mut classes: Vec<(i64, String)> = Vec::new();
        for class in self.cx.view.objects(Kind::PRIORITY_CLASS, None) {
            let value = class.part("value").as_i64().unwrap_or(0);
            if value > current && class.part("preemptionPolicy").as_ref() != "Never" {
                classes.push((value, class.name().to_string()));
            }
        }
        sorting::sort_by(&mut classes, Ord::cmp);
        self.group += 1;
        for (value, name) in classes {
            let patch = vec![
                json!({"op": "add", "path": "/spec/priorityClassName", "value": name}),
                json!({"op": "add", "path": "/spec/priority", "value": value}),
            ];
            self.push("priority", &[&name, &value.to_string()], Target::Priority, patch, String::new());
        }
    }

    /// The nodes that a plugin has rejected, in name order.
    fn rejected_by(&self, found: &Feasibility, plugin: &str) -> Vec<Arc<NodeInfo>> {
        let by_it = |index: &&NodeIndex| {
            found.diagnosis.status(**index).is_some_and(|status| status.plugin == plugin)
        };
        let nodes = self.cx.cache.order().iter().filter(by_it);
        nodes.take(PLACES).map(|index| self.cx.cache.node(*index).clone()).collect()
    }

    fn nodes(&mut self, found: &Feasibility) {
        self.group += 1;
        for info in self.rejected_by(found, names::NODE_UNSCHEDULABLE) {
            let name = &info.name;
            // Whoever lifts the cordon has the node controller lift the taint that comes with it.
            let taints = info.node.spec.taints.iter().flatten();
            let cordon = taints.enumerate().filter(|(_, found)| found.key == taint::UNSCHEDULABLE);
            let taint = cordon.map(|(place, _)| remove(&format!("/spec/taints/{place}")));
            let patch = [remove("/spec/unschedulable")].into_iter().chain(taint).collect();
            let command = format!("kubectl uncordon {name}");
            self.push("uncordon", &[name], Target::Node(name.clone()), patch, command);
        }
        self.group += 1;
        let tolerations = self.pod.spec.tolerations.clone().unwrap_or_default();
        for info in self.rejected_by(found, names::TAINT_TOLERATION) {
            for (place, found) in info.node.spec.taints.iter().flatten().enumerate() {
                let cordon = found.key == taint::UNSCHEDULABLE;
                if cordon
                    || found.effect == taint::PREFER_NO_SCHEDULE
                    || taint::tolerated(&tolerations, found)
                {
                    continue;
                }
                let (name, words) = (&info.name, taint::format_taint(found));
                let patch = vec![remove(&format!("/spec/taints/{place}"))];
                let command = format!("kubectl taint nodes {name} {words}-");
                self.push("taint", &[&words, name], Target::Node(name.clone()), patch, command);
            }
        }
        self.labels(found);
    }

    /// The labels that the pod asks its node for, on nodes that lack them.
    fn labels(&mut self, found: &Feasibility) {
        let selector = self.pod.spec.node_selector.clone().unwrap_or_default();
        let mut wanted: Vec<(String, String)> = selector.into_iter().collect();
        let rule =
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        for term in self.tree.pointer(rule).and_then(Value::as_array).into_iter().flatten() {
            for condition in term["matchExpressions"].as_array().into_iter().flatten() {
                let key = condition["key"].as_str().unwrap_or_default().to_string();
                match condition["operator"].as_str() {
                    Some("In") => {
                        wanted.push((key, condition["values"][0].as_str().unwrap_or_default().into()))
                    }
                    Some("Exists") => wanted.push((key, String::new())),
                    _ => {}
                }
            }
        }
        let rejected = self.rejected_by(found, names::NODE_AFFINITY);
        for (key, value) in wanted {
            self.group += 1;
            for info in &rejected {
                if info.node.labels().get(&key) == Some(&value) {
                    continue;
                }
                let name = &info.name;
                let path = format!("/metadata/labels/{}", step(&key));
                let patch = vec![json!({"op": "add", "path": path, "value": value})];
                let flag = if info.node.labels().contains_key(&key) { " --overwrite" } else { "" };
                let command = format!("kubectl label node {name} {key}={value}{flag}");
                let about = [&**name, &format!("{key}={value}")];
                self.push("label", &about, Target::Node(name.clone()), patch, command);
            }
        }
    }

    /// One pod less, the least important first, and of those the smallest.
    fn pods(&mut self, found: &Feasibility) {
        let mut there: Vec<(i32, i64, Arc<PodInfo>, Arc<str>)> = Vec::new();
        for index in self.cx.cache.order() {
            let helps = |status: &crate::scheduler::framework::Status| status.code == Code::Unschedulable;
            if found.diagnosis.status(*index).is_some_and(helps) {
                let info = self.cx.cache.node(*index);
                let row = |pod: &Arc<PodInfo>| {
                    (pod.priority(), pod.requests.cpu_milli, pod.clone(), info.name.clone())
                };
                there.extend(info.pods.iter().map(row));
            }
        }
        sorting::sort_by(&mut there, |a, b| (a.0, a.1, a.2.pod.name()).cmp(&(b.0, b.1, b.2.pod.name())));
        self.group += 1;
        for (_, _, pod, node) in there.into_iter().take(2 * PLACES) {
            let (name, namespace) = (pod.pod.name(), pod.pod.namespace());
            let about = [format!("{namespace}/{name}"), node.to_string()];
            let command = format!("kubectl delete pod {name} -n {namespace}");
            let about = [about[0].as_str(), &about[1]];
            self.push("deletePod", &about, Target::WithoutPod(pod, node), Vec::new(), command);
        }
    }

    /// An empty node like one of those that are there: one of each sort.
    fn new_nodes(&mut self) {
        let name = (1..).map(|n| format!("node-{n}")).find(|name| self.cx.cache.index(name).is_none());
        let name = name.unwrap_or_default();
        let mut sorts: Vec<Node> = Vec::new();
        self.group += 1;
        for info in self.cx.cache.nodes() {
            let copy = like(&info.node, &name);
            let same = |other: &Node| {
                other.meta.labels == copy.meta.labels
                    && other.spec.taints == copy.spec.taints
                    && other.spec.unschedulable == copy.spec.unschedulable
                    && other.status.allocatable == copy.status.allocatable
            };
            if sorts.len() < PLACES && !sorts.iter().any(same) {
                let target = Target::NewNode(Box::new(copy.clone()));
                self.push("addNode", &[&info.name], target, Vec::new(), String::new());
                sorts.push(copy);
            }
        }
    }
}

/// Whole mebibytes read better, and a little less fits as well.
fn round_down(bytes: i64) -> i64 {
    const MI: i64 = 1 << 20;
    if bytes > MI { bytes / MI * MI } else { bytes }
}

/// `disk In (ssd, nvme)`.
fn condition_in_words(condition: &Value) -> String {
    let word = |field: &str| condition[field].as_str().unwrap_or_default();
    let values = condition["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let values: Vec<&str> = values.collect();
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    format!("{} {}{values}", word("key"), word("operator"))
}
