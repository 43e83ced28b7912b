//! Between the manifest and the stage: which document an object comes from, and what has come from a document.

use crate::api::manifest::{self, Document, Limits, Node, Span};
use crate::api::{Key, Kind, MetaExt, Pod};
use crate::apiserver::View;

/// An object is looked for this many owners up: ownership has no more levels than that.
const LEVELS: usize = 8;

/// The controller of an object, if it is there.
pub fn owner(view: &View, key: &Key) -> Option<Key> {
    let owner = view.object(key)?.controller()?;
    let kind = view.kind_from_manifest(&owner.api_version, &owner.kind)?;
    let namespace = if kind.info().namespaced { &*key.namespace } else { "" };
    Some(Key::new(kind, namespace, &owner.name)).filter(|above| view.object(above).is_some())
}

/// The object at the top of a chain of controllers: a Deployment for a pod of one of its ReplicaSets.
pub fn root(view: &View, key: &Key) -> Key {
    let mut at = key.clone();
    for _ in 0..LEVELS {
        match owner(view, &at) {
            Some(above) => at = above,
            None => break,
        }
    }
    at
}

/// Where in the manifest the object stands that another one comes from; `namespace` is that of documents that name none.
pub fn origin(text: &str, view: &View, key: &Key, namespace: &str) -> Option<Span> {
    let root = root(view, key);
    let stream = manifest::parse(text, &Limits::default());
    let mut all = stream.documents.iter().flat_map(objects);
    all.find(|(node, _)| key_of(node, namespace).is_some_and(|described| described == root))
        .map(|(_, span)| span)
}

/// The object that the manifest describes at a byte, where it exists.
pub fn described(text: &str, byte: u32, view: &View, namespace: &str) -> Option<Key> {
    let stream = manifest::parse(text, &Limits::default());
    let around = |span: Span| span.from <= byte && byte <= span.to;
    let document = stream.documents.iter().find(|document| around(document.span))?;
    let (node, _) = objects(document).find(|(_, span)| around(*span))?;
    let key = key_of(node, namespace)?;
    view.object(&key).map(|_| key)
}

/// The uids of the pods that come from an object, itself included.
pub fn pods_of(view: &View, from: &Key) -> Vec<String> {
    let pods = view.list::<Pod>(Some(&from.namespace));
    let key = |pod: &Pod| Key::new(Kind::POD, pod.namespace(), pod.name());
    pods.filter(|pod| root(view, &key(pod)) == *from).map(|pod| pod.uid().to_string()).collect()
}

/// The objects of a document with their places: the whole of it, or the items of a list.
fn objects(document: &Document) -> impl Iterator<Item = (&Node, Span)> {
    let nodes = document.objects();
    let whole = nodes.first().is_some_and(|node| std::ptr::eq(*node, &document.root));
    nodes.into_iter().map(move |node| (node, if whole { document.span } else { node.span }))
}

fn key_of(node: &Node, namespace: &str) -> Option<Key> {
    let text = |node: Option<&Node>, field: &str| node?.get(field)?.as_str().map(String::from);
    let kind = Kind::from_manifest(&text(Some(node), "apiVersion")?, &text(Some(node), "kind")?)?;
    let metadata = node.get("metadata");
    let own = text(metadata, "namespace");
    let namespace = if kind.info().namespaced { own.as_deref().unwrap_or(namespace) } else { "" };
    Some(Key::new(kind, namespace, &text(metadata, "name")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
    use crate::sim::{Config, Input, Simulation};

    const TEXT: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'web:1'}]}\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: alone, namespace: other}\n  spec: {containers: [{name: web, image: 'web:1'}]}\n";

    #[test]
    fn a_pod_leads_to_its_document_and_a_document_to_its_pods() {
        let mut run = Simulation::new(Config::small(7));
        run.kubectl_line("kubectl create namespace other");
        let input =
            Input::Kubectl { line: "apply -f -".into(), stdin: Some(TEXT.into()), files: Default::default() };
        assert_eq!(run.submit(input).code, 0);
        run.advance(SimTime::from_secs(30), u64::MAX);
        let view = run.view();
        let line_of = |span: Span| span.slice(TEXT).lines().nth(1).unwrap_or_default().trim().to_string();
        let pods: Vec<&Pod> = view.list::<Pod>(None).collect();
        assert_eq!(pods.len(), 3);
        for pod in pods {
            let key = Key::new(Kind::POD, pod.namespace(), pod.name());
            let from = root(view, &key);
            let span = origin(TEXT, view, &key, "default").expect("the manifest holds it");
            let want = if pod.name() == "alone" { "kind: Pod" } else { "kind: Deployment" };
            assert_eq!(line_of(span), want);
            // And back, from anywhere in it.
            for byte in [span.from, (span.from + span.to) / 2, span.to - 1] {
                assert_eq!(described(TEXT, byte, view, "default"), Some(from.clone()));
            }
            let uids = pods_of(view, &from);
            assert_eq!(uids.len(), if pod.name() == "alone" { 1 } else { 2 });
            assert!(uids.contains(&pod.uid().to_string()));
        }
        let service = described(TEXT, 20, view, "default").expect("the Service exists");
        assert_eq!((service.kind, pods_of(view, &service)), (Kind::SERVICE, Vec::new()));
        assert_eq!(described(TEXT, 20, view, "elsewhere"), None);
        assert_eq!(described("kind: [", 3, view, "default"), None);
        assert_eq!(origin("", view, &service, "default"), None);
    }
}
