//! Ingress rules: which Service a host and a path lead to. The rules of all Ingresses are taken together, as ingress
//! controllers do: the exact host before a wildcard before none, then the exact path before the longest prefix.

use std::sync::Arc;

use crate::api::k8s::{HTTPIngressPath, IngressBackend, IngressSpec, ServiceBackendPort, ServicePort};
use crate::api::{Kind, MetaExt, Object, Service, typed};
use crate::client::View;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `namespace/name` of the Ingress.
    pub ingress: Arc<str>,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// Its port, by name or number.
    pub port: ServiceBackendPort,
    /// The rule, in words: `shop.example.com/cart (Prefix)`.
    pub rule: String,
    /// The path that the Service is asked for.
    pub path: String,
}

/// The address at which an ingress controller serves an Ingress; `None` while none does.
pub fn address(ingress: &Object) -> Option<String> {
    let status = ingress.part("status");
    status.pointer("/loadBalancer/ingress/0/ip").and_then(|ip| ip.as_str()).map(str::to_string)
}

/// How well a rule fits: more is better. The host first, then the kind of path, then its length.
type Fit = (u8, u8, usize);

/// The route of a request; `None` where no rule speaks of it and there is no default backend either.
pub fn route(view: &View, host: &str, path: &str) -> Option<Route> {
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let asked = if path.is_empty() { "/" } else { path };
    let path = asked.split(['?', '#']).next().unwrap_or("/");
    let mut best: Option<(Fit, Route)> = None;
    for object in view.objects(Kind::INGRESS, None).filter(|object| address(object).is_some()) {
        let Ok(spec) = typed::read::<IngressSpec>(&object.part("spec")) else { continue };
        let rewriting = Rewriting::of(object);
        let mut offer = |fit: Fit, backend: &IngressBackend, rule: String, wanted: &str| {
            // Of two that fit alike, the older keeps it.
            if best.as_ref().is_none_or(|(known, _)| fit > *known)
                && let Some(target) = &backend.service
            {
                let route = Route {
                    ingress: format!("{}/{}", object.namespace(), object.name()).into(),
                    namespace: object.namespace().into(),
                    service: target.name.clone(),
                    port: target.port.clone().unwrap_or_default(),
                    rule,
                    path: rewriting.rewritten(asked, wanted),
                };
                best = Some((fit, route));
            }
        };
        for rule in spec.rules.iter().flatten() {
            let wanted = rule.host.as_deref().unwrap_or_default();
            let Some(host_fit) = fits_host(wanted, &host) else { continue };
            let shown = if wanted.is_empty() { "*" } else { wanted };
            let paths = rule.http.iter().flat_map(|http| &http.paths);
            for one in paths {
                let wanted = one.path.as_deref().unwrap_or("/");
                if let Some((kind, length)) = fits_path(one, rewriting.literal(wanted), path) {
                    let text = format!("{shown}{wanted} ({})", one.path_type);
                    offer((host_fit, kind, length), &one.backend, text, wanted);
                }
            }
        }
        if let Some(backend) = &spec.default_backend {
            offer((0, 0, 0), backend, "default backend".into(), "/");
        }
    }
    best.map(|(_, route)| route)
}

/// 3 for the very host, 2 for a wildcard, 1 for a rule without host.
fn fits_host(wanted: &str, host: &str) -> Option<u8> {
    if wanted.is_empty() {
        return Some(1);
    }
    if wanted == host {
        return Some(3);
    }
    // `*.foo.com` stands for exactly one more part.
    let rest = wanted.strip_prefix("*.")?;
    let (first, tail) = host.split_once('.')?;
    (!first.is_empty() && tail == rest).then_some(2)
}

/// 2 for the very path, 1 for one that begins like it part by part, and how long that is.
fn fits_path(rule: &HTTPIngressPath, wanted: &str, path: &str) -> Option<(u8, usize)> {
    if rule.path_type == "Exact" {
        return (wanted == path).then_some((2, wanted.len()));
    }
    let bare = wanted.trim_end_matches('/');
    let rest = path.strip_prefix(bare)?;
    (rest.is_empty() || rest.starts_with('/')).then_some((1, bare.len()))
}

/// What ingress-nginx makes of paths where an Ingress asks for it: annotations under `nginx.ingress.kubernetes.io/`.
struct Rewriting<'a> {
    /// What takes the path's place (`rewrite-target`): `/`, `/$2`.
    target: Option<&'a str>,
    /// Whether the paths of rules are patterns, as they also are with a target (`use-regex`).
    patterns: bool,
}

impl<'a> Rewriting<'a> {
    fn of(ingress: &'a Object) -> Rewriting<'a> {
        let get = |name: &str| ingress.annotation(&format!("nginx.ingress.kubernetes.io/{name}"));
        let target = get("rewrite-target").filter(|target| !target.is_empty());
        Rewriting { target, patterns: target.is_some() || get("use-regex") == Some("true") }
    }

    /// The beginning of a rule's path that stands for itself: `/shop` of `/shop(/|$)(.*)`.
    fn literal<'b>(&self, wanted: &'b str) -> &'b str {
        let end = wanted.find(['(', '[', '.', '*', '?', '+', '$', '|', '\\']).filter(|_| self.patterns);
        &wanted[..end.unwrap_or(wanted.len())]
    }

    /// The path that is passed on. Of what a pattern has found, that is what lies behind its beginning.
    fn rewritten(&self, asked: &str, wanted: &str) -> String {
        let Some(target) = self.target else { return asked.to_string() };
        let rest = asked.strip_prefix(self.literal(wanted).trim_end_matches('/')).unwrap_or_default();
        match target.split_once('$') {
            None => target.to_string(),
            Some((before, behind)) => {
                let behind = behind.trim_start_matches(|digit: char| digit.is_ascii_digit());
                format!("{before}{}{behind}", rest.trim_start_matches('/'))
            }
        }
    }
}

/// The port of a Service that a backend names.
pub fn port_of<'a>(service: &'a Service, port: &ServiceBackendPort) -> Option<&'a ServicePort> {
    let mut ports = service.spec.ports.iter().flatten();
    match (&port.name, port.number) {
        (Some(name), _) if !name.is_empty() => ports.find(|known| known.name.as_ref() == Some(name)),
        (_, Some(number)) => ports.find(|known| known.port == number),
        _ => ports.next(),
    }
}
