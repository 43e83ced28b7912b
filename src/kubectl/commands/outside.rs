//! Verbs that need something that there is not here: a machine outside the cluster, a network, certificates. Each says so
//! after what the real one would check first.

use crate::api::Kind;
use crate::kubectl::errors::Failure;
use crate::kubectl::parse::{Flag, switch, value};
use crate::kubectl::{Call, Verb};

const CONTAINER: Flag = value("container", "the container").short('c');

/// `port-forward`.
pub const PORT_FORWARD: Verb = Verb {
    path: "port-forward",
    help: "Forward one or more local ports to a pod",
    flags: &[
        value("address", "the local addresses"),
        value("pod-running-timeout", "how long to wait for the pod"),
    ],
    run: |call| {
        if call.args.words.len() < 2 {
            return Err(Failure::message("TYPE/NAME and list of ports are required for port-forward"));
        }
        pod_or_owner(call)?;
        Err(beyond("port-forward", "no machine outside the cluster has ports to forward"))
    },
};

/// `cp`.
pub const CP: Verb = Verb {
    path: "cp",
    help: "Copy files and directories to and from containers",
    flags: &[CONTAINER, switch("no-preserve", "has no effect here"), value("retries", "has no effect here")],
    run: |call| {
        if call.args.words.len() != 2 {
            return Err(Failure::message("source and destination are required"));
        }
        let remote =
            call.args.words.iter().find_map(|word| word.split_once(':').map(|(pod, _)| pod.to_string()));
        let pod = remote
            .ok_or_else(|| Failure::message("one of src or dest must be a remote file specification"))?;
        let name = pod.rsplit('/').next().unwrap_or(&pod).to_string();
        call.client.get(&call.key(Kind::POD, &name))?;
        Err(beyond("cp", "containers have no files of their own"))
    },
};

/// `proxy`.
pub const PROXY: Verb = Verb {
    path: "proxy",
    help: "Run a proxy to the Kubernetes API server",
    flags: &[value("port", "the local port").short('p')],
    run: |_| Err(beyond("proxy", "the API server speaks no HTTP")),
};

/// `certificate approve`.
pub const CERTIFICATE: Verb = Verb {
    path: "certificate",
    help: "Modify certificate resources",
    flags: &[],
    run: |_| Err(beyond("certificate", "nobody signs certificates")),
};

/// `kustomize`.
pub const KUSTOMIZE: Verb = Verb {
    path: "kustomize",
    help: "Build a kustomization target from a directory or URL",
    flags: &[],
    run: |_| Err(beyond("kustomize", "manifests are taken as they are")),
};

/// `plugin list`.
pub const PLUGIN: Verb = Verb {
    path: "plugin",
    help: "Provides utilities for interacting with plugins",
    flags: &[],
    run: |_| Err(Failure::message("unable to find any kubectl plugins in your PATH")),
};

fn beyond(verb: &str, why: &str) -> Failure {
    Failure::message(format!("kubeviz does not offer \"kubectl {verb}\": {why}"))
}

/// Checks that the first word names something that is there.
fn pod_or_owner(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let word = call.args.words[0].clone();
    let (kind, name) = match word.split_once('/') {
        Some((word, name)) => {
            (crate::kubectl::resource_names::kind(call.client.live(), word)?, name.to_string())
        }
        None => (Kind::POD, word),
    };
    call.client.get(&call.key(kind, &name))?;
    Ok(())
}
