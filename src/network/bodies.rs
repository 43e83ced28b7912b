//! What well-known demonstration images say to whoever asks them, as far as it is not their files: most tell who has answered.

use crate::api::k8s::Container;
use crate::client::ports::base_name;

/// A question, as its server sees it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The server's container.
    pub container: &'a Container,
    /// Its pod.
    pub pod: &'a str,
    /// The pod's address, and the port that was asked.
    pub at: (&'a str, u16),
    /// The client's address.
    pub client: &'a str,
    /// The name by which the client asked.
    pub host: &'a str,
    /// The path, with its query.
    pub path: &'a str,
}

/// The answer.
pub fn answer(asked: &Asked<'_>) -> String {
    let Asked { container, pod, at: (ip, port), client, host, path } = *asked;
    let image = container.image.as_deref().unwrap_or_default();
    let tag = image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
    let bare = path.split('?').next().unwrap_or_default();
    match base_name(image) {
        "nginx" | "nginx-slim" | "nginx-unprivileged" => crate::client::site::NGINX_PAGE.into(),
        "httpd" => crate::client::site::APACHE_PAGE.into(),
        "hpa-example" => "OK!".into(),
        "hello-app" => {
            let version = if tag.contains('.') { format!("{tag}.0") } else { tag.to_string() };
            format!("Hello, world!\nVersion: {version}\nHostname: {pod}\n")
        }
        "http-echo" => {
            let args = container.args.iter().flatten();
            let text = args.filter_map(|arg| arg.trim_start_matches('-').strip_prefix("text=")).next();
            format!("{}\n", text.unwrap_or("hello-world"))
        }
        "kubernetes-bootcamp" => {
            format!("Hello Kubernetes bootcamp! | Running on: {pod} | v={}\n", tag.trim_start_matches('v'))
        }
        "kubia" if tag.starts_with('v') => format!("This is {tag} running in pod {pod}\n"),
        "kubia" => format!("You've hit {pod}\n"),
        "serve_hostname" | "serve-hostname" | "echo-hname" => format!("{pod}\n"),
        "go-myweb" => format!("Hello World!\n{pod}\n"),
        "agnhost" => agnhost(asked, bare),
        "whoami" => format!(
            "Hostname: {pod}\nIP: 127.0.0.1\nIP: ::1\nIP: {ip}\nRemoteAddr: {client}:40000\nGET {path} HTTP/1.1\nHost: {host}\n\
             User-Agent: curl\nAccept: */*\n\n"
        ),
        "echoserver" => format!(
            "CLIENT VALUES:\nclient_address={client}\ncommand=GET\nreal path={path}\nquery={}\nrequest_version=1.1\n\
             request_uri=http://{host}:{port}{path}\n\nSERVER VALUES:\nserver_version=nginx\n\nHEADERS RECEIVED:\naccept=*/*\n\
             host={host}\nuser-agent=curl\nBODY:\n-no body in request-",
            path.split_once('?').map_or("nil", |(_, query)| query)
        ),
        "echo-server" => format!(
            "Request served by {pod}\n\nGET {path} HTTP/1.1\n\nHost: {host}\nAccept: */*\nUser-Agent: curl\n"
        ),
        "hello" | "nginx-hello" if tag.contains("plain") => {
            format!("Server address: {ip}:{port}\nServer name: {pod}\nURI: {path}\n")
        }
        "podinfo" => format!(
            "{{\n  \"hostname\": \"{pod}\",\n  \"version\": \"{tag}\",\n  \"message\": \"greetings from podinfo v{tag}\"\n}}"
        ),
        _ => format!("Hello from {pod}\n"),
    }
}

/// The image of Kubernetes' own tests, by its first argument.
fn agnhost(asked: &Asked<'_>, path: &str) -> String {
    let mode = asked.container.args.iter().flatten().next().map(String::as_str);
    match (mode, path) {
        (Some("serve-hostname"), _) | (_, "/hostname" | "/hostName") => format!("{}\n", asked.pod),
        (_, "/clientip") => format!("{}:40000", asked.client),
        (Some("liveness"), "/healthz") => "ok".into(),
        _ => format!("Hello from {}\n", asked.pod),
    }
}
