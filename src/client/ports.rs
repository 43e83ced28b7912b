//! Which ports a container listens on: what its image is known for, what it declares, what an annotation says. Probes ask
//! (the kubelet's part) and so do requests (the network's).

use crate::api::k8s::Container;
use crate::api::{MetaExt, Pod};

/// Ports of images, by the last part of their name.
const KNOWN: &[(&str, &[u16])] = &[
    ("adminer", &[8080]),
    ("agnhost", &[8080]),
    ("cassandra", &[9042]),
    ("consul", &[8500]),
    ("echo-hname", &[80]),
    ("echo-server", &[8080]),
    ("echoserver", &[8080]),
    ("elasticsearch", &[9200, 9300]),
    ("ghost", &[2368]),
    ("go-myweb", &[8080]),
    ("grafana", &[3000]),
    ("hello-app", &[8080]),
    ("hpa-example", &[80]),
    ("http-echo", &[5678]),
    ("httpd", &[80]),
    ("influxdb", &[8086]),
    ("jenkins", &[8080]),
    ("kibana", &[5601]),
    ("kubernetes-bootcamp", &[8080]),
    ("kubia", &[8080]),
    ("mariadb", &[3306]),
    ("memcached", &[11211]),
    ("minio", &[9000]),
    ("mongo", &[27017]),
    ("mysql", &[3306]),
    ("nginx", &[80]),
    ("nginx-slim", &[80]),
    ("nginx-unprivileged", &[8080]),
    ("phpmyadmin", &[80]),
    ("podinfo", &[9898]),
    ("postgres", &[5432]),
    ("prometheus", &[9090]),
    ("rabbitmq", &[5672, 15672]),
    ("redis", &[6379]),
    ("registry", &[5000]),
    ("serve_hostname", &[9376]),
    ("tomcat", &[8080]),
    ("vault", &[8200]),
    ("whoami", &[80]),
    ("wordpress", &[80]),
    ("zookeeper", &[2181]),
];

/// `registry.k8s.io/hpa-example:v1` is `hpa-example`.
pub fn base_name(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split([':', '@']).next().unwrap_or(last)
}

/// The TCP ports that a container listens on: those that the annotation `kubeviz.dev/listen` names; those that its image is
/// known for, as long as nothing makes it other than it comes; those it declares. `None`, for any, where nothing is known.
pub fn listening(pod: &Pod, container: &Container) -> Option<Vec<u16>> {
    const LISTEN: &str = "kubeviz.dev/listen";
    let own = format!("kubeviz.dev/{}.listen", container.name);
    if let Some(text) = pod.annotation(&own).or_else(|| pod.annotation(LISTEN)) {
        return Some(text.split(',').filter_map(|port| port.trim().parse().ok()).collect());
    }
    let name = base_name(container.image.as_deref().unwrap_or_default());
    if let Some(ports) = Some(container).filter(|_| name == "agnhost").and_then(agnhost) {
        return Some(ports);
    }
    let image = KNOWN.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, ports)| ports);
    let tcp = |protocol: &Option<String>| protocol.as_deref().unwrap_or("TCP") == "TCP";
    let declared = container.ports.iter().flatten().filter(|port| tcp(&port.protocol));
    let declared: Vec<u16> = declared.filter_map(|port| u16::try_from(port.container_port).ok()).collect();
    let changed = container.command.is_some()
        || container.args.is_some()
        || container.env.iter().flatten().any(|variable| variable.name.contains("PORT"))
        || container.volume_mounts.iter().flatten().any(|mount| mount.mount_path.starts_with("/etc/"));
    match (image.is_empty(), declared.is_empty()) {
        (false, _) if !changed => Some(image.to_vec()),
        (_, false) => Some(declared),
        (false, true) => Some(image.to_vec()),
        (true, true) => None,
    }
}

/// The port of the image of Kubernetes' own tests, which its first argument says, or one behind it.
fn agnhost(container: &Container) -> Option<Vec<u16>> {
    let mut words = container.args.iter().flatten().map(String::as_str);
    let usual = match words.next()? {
        "liveness" | "netexec" => 8080,
        "serve-hostname" => 9376,
        "test-webserver" => 80,
        "pause" => return Some(Vec::new()),
        _ => return None,
    };
    let told =
        words.find_map(|word| word.trim_start_matches('-').trim_start_matches("http-").strip_prefix("port="));
    Some(vec![told.and_then(|port| port.parse().ok()).unwrap_or(usual)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::{ContainerPort, ObjectMeta};

    #[test]
    fn an_image_listens_where_it_is_known_to_and_others_where_they_say() {
        let check = |listen: Option<&str>, container: Container| {
            let annotations = listen.map(|ports| [("kubeviz.dev/listen".into(), ports.into())].into());
            listening(
                &Pod::new(ObjectMeta { annotations, ..Default::default() }, Default::default()),
                &container,
            )
        };
        let image = |image: &str| Container { image: Some(image.into()), ..Default::default() };
        assert_eq!(check(None, image("nginx:1.27")), Some(vec![80]));
        assert_eq!(check(None, image("registry.k8s.io/hpa-example")), Some(vec![80]));
        assert_eq!(check(None, image("example.com/app:1")), None);
        assert_eq!(check(Some("8080, 9090"), image("nginx")), Some(vec![8080, 9090]));
        let port = ContainerPort { container_port: 8080, ..Default::default() };
        let declaring = |name: &str| Container { ports: Some(vec![port.clone()]), ..image(name) };
        assert_eq!(check(None, declaring("nginx")), Some(vec![80]), "a declared port changes nothing");
        assert_eq!(check(None, declaring("app")), Some(vec![8080]));
        let told = Container { args: Some(vec!["--port=8080".into()]), ..declaring("nginx") };
        assert_eq!(check(None, told), Some(vec![8080]));
        let agnhost = |args: &[&str]| Container {
            args: Some(args.iter().map(ToString::to_string).collect()),
            ..image("registry.k8s.io/e2e-test-images/agnhost:2.40")
        };
        assert_eq!(check(None, agnhost(&["serve-hostname"])), Some(vec![9376]));
        assert_eq!(check(None, agnhost(&["netexec", "--http-port=8083"])), Some(vec![8083]));
    }
}
