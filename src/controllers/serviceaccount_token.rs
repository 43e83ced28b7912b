//! The tokens controller: fills the Secrets of type `kubernetes.io/service-account-token` that people make for a service account,
//! and deletes them with it. Models `TokensController` (`pkg/controller/serviceaccount`).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ref_manager::gone_is_fine;
use super::serviceaccount::CERTIFICATE;
use super::{Action, Controller};
use crate::api::jwt;
use crate::api::manifest::base64_encode;
use crate::api::{Key, Kind, MetaExt, Object, Status, Tree};
use crate::client::{Change, Client, DeleteOptions, View, WorkQueue};

const TYPE: &str = "kubernetes.io/service-account-token";
/// The annotations that say whose token a Secret keeps.
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokensController;

impl Controller for TokensController {
    fn name(&self) -> &'static str {
        "tokens-controller"
    }

    fn watches(&self) -> &'static [Kind] {
        &[Kind::SECRET, Kind::SERVICE_ACCOUNT]
    }

    fn observe(&mut self, change: &Change, view: &View, queue: &mut WorkQueue) {
        let cause = Some(change.revision);
        match change.after.as_deref() {
            Some(object) if token_secret(object).is_some() => queue.add(change.key.clone(), cause),
            None if change.key.kind == Kind::SERVICE_ACCOUNT => {
                let secrets = view.objects(Kind::SECRET, Some(&change.key.namespace));
                let of_it = secrets.filter(|secret| account_of(secret) == Some(&*change.key.name));
                of_it.for_each(|secret| queue.add(secret.key(), cause));
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, _: &View, client: &mut Client<'_>) -> Result<Action, Status> {
        let Ok(object) = client.get(key) else { return Ok(Action::AwaitChange) };
        let Some(secret) = token_secret(&object) else { return Ok(Action::AwaitChange) };
        let name = account_of(&object).unwrap_or_default();
        let account = client.live().object(&Key::new(Kind::SERVICE_ACCOUNT, &key.namespace, name));
        let meant = secret.annotation(ACCOUNT_UID).filter(|uid| !uid.is_empty());
        let Some(uid) = account.map(|account| account.uid()).filter(|uid| meant.is_none_or(|it| it == *uid))
        else {
            // Nobody is left whose token it could be.
            let options = DeleteOptions { uid: Some(object.uid().into()), ..DeleteOptions::default() };
            gone_is_fine(client.delete(key, &options, None))?;
            return Ok(Action::AwaitChange);
        };
        let mut filled = secret.clone();
        fill(&mut filled, name, uid);
        if filled != *secret {
            gone_is_fine(client.update_object(Object::Tree(filled)))?;
        }
        Ok(Action::AwaitChange)
    }
}

fn token_secret(object: &Object) -> Option<&Tree> {
    match object {
        Object::Tree(tree) if tree.kind == Kind::SECRET => {
            tree.fields.get("type").is_some_and(|sort| sort == TYPE).then_some(tree)
        }
        _ => None,
    }
}

fn account_of(object: &Object) -> Option<&str> {
    token_secret(object)?.annotation(ACCOUNT)
}

/// Puts in what is missing (`generateTokenIfNeeded`).
fn fill(secret: &mut Tree, account: &str, uid: &str) {
    let (namespace, name) = (secret.namespace().to_string(), secret.name().to_string());
    let fields = Arc::make_mut(&mut secret.fields);
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    let keep = |data: &mut Value, key: &str, wanted: String| data[key] = Value::String(wanted);
    keep(data, "ca.crt", base64_encode(CERTIFICATE.as_bytes()));
    if data["namespace"].as_str().unwrap_or_default().is_empty() {
        keep(data, "namespace", base64_encode(namespace.as_bytes()));
    }
    if data["token"].as_str().unwrap_or_default().is_empty() {
        let token = jwt::of_secret(&namespace, &name, (account, uid));
        keep(data, "token", base64_encode(token.as_bytes()));
    }
    if secret.annotation(ACCOUNT_UID) != Some(uid) {
        let annotations = Arc::make_mut(&mut secret.meta).annotations.get_or_insert_default();
        annotations.insert(ACCOUNT_UID.into(), uid.into());
    }
}
