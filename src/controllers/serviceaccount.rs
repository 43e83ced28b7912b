//! What every namespace is given: the service account `default` and the certificate of the cluster's authority. Models
//! `ServiceAccountsController` (`pkg/controller/serviceaccount`) and `pkg/controller/certificates/rootcacertpublisher`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Action, Controller};
use crate::api::k8s::ObjectMeta;
use crate::api::{Key, Kind, MetaExt, Namespace, Object, Status, Tree};
use crate::client::{Actor, Change, Client, View, WorkQueue};

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";

/// There are no real connections to secure, so the certificate is one in name only.
pub(super) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nbW9kZWxsZWQgY2x1c3RlciwgbW9kZWxsZWQgYXV0aG9yaXR5\n-----END CERTIFICATE-----\n";

/// The annotation that says what an object is for.
const DESCRIPTION: &str = "kubernetes.io/description";
const WHAT_FOR: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
                        internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
                        Kubernetes clusters.";

/// Makes the account `default` in every namespace, and makes it again if somebody deletes it.
#[derive(Clone, Debug)]
pub struct ServiceAccountsController;

/// Publishes the authority's certificate into every namespace, and puts it right if somebody changes it.
#[derive(Clone, Debug)]
pub struct RootCaCertPublisher;

impl Controller for ServiceAccountsController {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NAMESPACE, Kind::SERVICE_ACCOUNT]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        queue_namespace(change, self.name(), ACCOUNT, queue);
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        ensure(Kind::SERVICE_ACCOUNT, (ACCOUNT, None), Map::new(), key, view, client)
    }
}

impl Controller for RootCaCertPublisher {
    fn name(&self) -> &'static str {
        "root-ca-cert-publisher"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::NAMESPACE, Kind::CONFIG_MAP]
    }

    fn observe(&mut self, change: &Change, _: &View, queue: &mut WorkQueue) {
        queue_namespace(change, self.name(), ROOT_CA, queue);
    }

    fn reconcile(&mut self, key: &Key, view: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let mut fields = Map::new();
        fields.insert("data".into(), json!({"ca.crt": CERTIFICATE}));
        ensure(Kind::CONFIG_MAP, (ROOT_CA, Some(WHAT_FOR)), fields, key, view, client)
    }
}

/// A new namespace wants its object; one that somebody else has touched is looked at again.
fn queue_namespace(change: &Change, actor: &'static str, name: &str, queue: &mut WorkQueue) {
    let namespace = match change.key.kind {
        Kind::NAMESPACE if change.before.is_none() => &change.key.name,
        Kind::NAMESPACE => return,
        _ if &*change.key.name == name && change.actor != Actor::Controller(actor) => &change.key.namespace,
        _ => return,
    };
    queue.add(Key::cluster(Kind::NAMESPACE, namespace), Some(change.revision));
}

/// Makes the object, or puts its fields and the annotation that describes it right, in a namespace that is there to stay.
fn ensure(
    kind: Kind,
    (name, what_for): (&str, Option<&str>),
    fields: Map<String, Value>,
    namespace: &Key,
    view: &View,
    client: &mut Client<'_>,
) -> Result<Action, Status> {
    if view.get::<Namespace>("", &namespace.name).is_none_or(MetaExt::is_deleting) {
        return Ok(Action::AwaitChange);
    }
    let key = Key::new(kind, &namespace.name, name);
    match client.get(&key).as_deref() {
        Ok(Object::Tree(tree))
            if fields.iter().any(|(field, value)| tree.fields.get(field) != Some(value))
                || (what_for.is_some() && tree.annotation(DESCRIPTION).is_none_or(str::is_empty)) =>
        {
            let mut updated = tree.clone();
            if let Some(text) = what_for {
                let annotations = Arc::make_mut(&mut updated.meta).annotations.get_or_insert_default();
                annotations.insert(DESCRIPTION.into(), text.into());
            }
            Arc::make_mut(&mut updated.fields).extend(fields);
            client.update_object(Object::Tree(updated))?;
        }
        Ok(_) => {}
        Err(_) => {
            let meta = ObjectMeta {
                name: Some(name.into()),
                namespace: Some(namespace.name.to_string()),
                annotations: what_for.map(|text| [(DESCRIPTION.to_string(), text.to_string())].into()),
                ..Default::default()
            };
            let tree = Tree {
                kind,
                revision: 0,
                meta: Arc::new(meta),
                fields: Arc::new(fields),
                status: Arc::default(),
            };
            client.create_object(Object::Tree(tree))?;
        }
    }
    Ok(Action::AwaitChange)
}
