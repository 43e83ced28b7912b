//! `cluster-info`, and its dump: what whoever looks into a cluster from afar wants to see. Models `pkg/cmd/clusterinfo`.

use serde_json::{Value, json};

use super::logs;
use super::writing::TEMPLATE;
use crate::api::{Kind, MetaExt, Pod};
use crate::kubectl::errors::Failure;
use crate::kubectl::kubeconfig::SERVER;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::print::served;
use crate::kubectl::{Call, Verb};

const DUMP_FLAGS: &[Flag] = &[
    value("output-directory", "where to write files; - or nothing for standard output"),
    value("namespaces", "the namespaces to dump; by default kube-system and the current one"),
    switch("all-namespaces", "dump every namespace").short('A'),
    value("output", "json or yaml").short('o'),
    TEMPLATE,
    value("pod-running-timeout", "has no effect here"),
];

/// What is dumped of a namespace, and the names of its files.
const KINDS: [(Kind, &str); 7] = [
    (Kind::EVENT, "events"),
    (Kind::REPLICATION_CONTROLLER, "replication-controllers"),
    (Kind::SERVICE, "services"),
    (Kind::DAEMON_SET, "daemonsets"),
    (Kind::DEPLOYMENT, "deployments"),
    (Kind::REPLICA_SET, "replicasets"),
    (Kind::POD, "pods"),
];

/// See the module.
pub const CLUSTER_INFO: Verb = Verb {
    path: "cluster-info",
    help: "Display cluster information",
    flags: &[],
    run: |call: &mut Call<'_, '_>| {
        call.say(format!("Kubernetes control plane is running at {SERVER}\n"));
        call.say("To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
        Ok(())
    },
};

/// See the module.
pub const DUMP: Verb = Verb {
    path: "cluster-info dump",
    help: "Dump relevant information for debugging and diagnosis",
    flags: DUMP_FLAGS,
    run: dump,
};

fn dump(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let namespaces = namespaces(call)?;
    list(call, Kind::NODE, None, "nodes")?;
    for namespace in &namespaces {
        for (kind, file) in KINDS {
            list(call, kind, Some(namespace), &format!("{namespace}/{file}"))?;
        }
        let pods: Vec<Pod> = call.client.live().list::<Pod>(Some(namespace)).cloned().collect();
        for pod in pods {
            let text = logs_of(call, &pod)?;
            write(call, &format!("{namespace}/{}/logs.txt", pod.name()), text);
        }
    }
    if let Some(directory) = directory(call) {
        call.say(format!("Cluster info dumped to {directory}"));
    }
    Ok(())
}

/// The namespaces that are dumped.
fn namespaces(call: &Call<'_, '_>) -> Result<Vec<String>, Failure> {
    if call.args.on("all-namespaces") {
        call.client.may("list", Kind::NAMESPACE, None)?;
        let all = call.client.live().objects(Kind::NAMESPACE, None);
        return Ok(all.map(|namespace| namespace.name().to_string()).collect());
    }
    let given = call.args.list("namespaces");
    if given.is_empty() {
        return Ok(vec!["kube-system".into(), call.namespace.clone()]);
    }
    Ok(given.into_iter().map(String::from).collect())
}

fn directory(call: &Call<'_, '_>) -> Option<String> {
    call.args.value("output-directory").filter(|path| !["", "-"].contains(path)).map(String::from)
}

/// Prints, or writes to its file.
fn write(call: &mut Call<'_, '_>, file: &str, text: String) {
    match directory(call) {
        Some(directory) => {
            call.output.files.push((format!("{}/{file}", directory.trim_end_matches('/')), text));
        }
        None => call.output.stdout.push_str(&text),
    }
}

fn list(call: &mut Call<'_, '_>, kind: Kind, namespace: Option<&str>, file: &str) -> Result<(), Failure> {
    call.client.may("list", kind, namespace)?;
    let view = call.client.live();
    // The list says what they are.
    let bare = |mut item: Value| {
        if let Some(fields) = item.as_object_mut() {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        item
    };
    let items: Vec<Value> = view.objects(kind, namespace).map(|object| bare(served(object))).collect();
    let list = json!({
        "kind": format!("{}List", kind.name()), "apiVersion": view.api_version(kind),
        "metadata": {"resourceVersion": view.revision().to_string()}, "items": items,
    });
    let format = call.args.output().unwrap_or("json").to_string();
    let text = super::get::shaped(call, &format, &[list], true)?;
    write(call, &format!("{file}.{format}"), text);
    Ok(())
}

/// The logs of all containers of a pod, each between two lines that say whose they are.
fn logs_of(call: &Call<'_, '_>, pod: &Pod) -> Result<String, Failure> {
    let mut text = String::new();
    let init = pod.spec.init_containers.iter().flatten();
    for container in init.chain(&pod.spec.containers) {
        let of =
            format!("logs for container {} of pod {}/{} ====\n", container.name, pod.namespace(), pod.name());
        // Where there is no log yet, the server's words stand in its place.
        let log = logs::whole(call.client, pod, &container.name).unwrap_or_else(|why| match why {
            Failure::Server { status, .. } => format!("Request log error: {}\n", status.message),
            other => format!("Request log error: {}\n", other.text()),
        });
        text.push_str(&format!("==== START {of}{log}==== END {of}"));
    }
    Ok(text)
}
