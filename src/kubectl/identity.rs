//! Who a user of the kubeconfig is to the server: by a client certificate, by a token, or nobody.

use serde_json::Value;

use super::Invocation;
use super::errors::Failure;
use super::global::file_of;
use super::kubeconfig::{Kubeconfig, NAME};
use crate::api::jwt;
use crate::api::manifest::base64_encode;
use crate::api::{Key, Kind};
use crate::client::Client;
use crate::client::authorization::User;

/// How somebody is known.
pub enum Known {
    /// By name; nobody is who may do everything.
    User(Option<User>),
    /// By a token, which the server reads.
    Token(String),
}

impl Known {
    /// Who a user of the kubeconfig is.
    ///
    /// # Errors
    /// In kubectl's words: a user that nothing makes known, a file that is not there.
    pub fn of(config: &Kubeconfig, name: &str, invocation: &Invocation) -> Result<Known, Failure> {
        let fields = config.users.get(name);
        let text =
            |field: &str| fields.and_then(|fields| fields[field].as_str()).filter(|text| !text.is_empty());
        if let Some(token) = text("token") {
            return Ok(Known::Token(token.to_string()));
        }
        let certified =
            ["client-certificate", "client-certificate-data"].into_iter().any(|field| text(field).is_some());
        if certified {
            check_files(name, text, invocation)?;
            // Certificates are not read here: one is that of the user that the kubeconfig names with it.
            return Ok(Known::User(Some(User::impersonated(name, &[]))));
        }
        if name == NAME && fields.is_some() {
            return Ok(Known::User(None));
        }
        if text("username").is_some() {
            return Err(unauthorized());
        }
        // kubectl asks for a name, and reads the end of its input.
        Err(Failure::Shown("Please enter Username: error: EOF\n".into()))
    }
}

fn check_files<'a>(
    name: &str,
    text: impl Fn(&str) -> Option<&'a str>,
    invocation: &Invocation,
) -> Result<(), Failure> {
    if text("client-key").is_none() && text("client-key-data").is_none() {
        return Err(Failure::message(format!(
            "invalid configuration: client-key-data or client-key must be specified for {name} to use the clientCert \
             authentication method"
        )));
    }
    for (field, what) in [("client-certificate", "client-cert"), ("client-key", "client-key")] {
        if let Some(path) = text(field).filter(|path| file_of(invocation, path).is_none()) {
            return Err(Failure::message(format!(
                "invalid configuration: unable to read {what} {path} for {name} due to open {path}: no such file or directory"
            )));
        }
    }
    Ok(())
}

fn unauthorized() -> Failure {
    Failure::message("You must be logged in to the server (Unauthorized)")
}

/// Whether the Secret that keeps a token without an end is still there.
fn is_kept(token: &str, namespace: &str, claims: &Value, client: &Client<'_>) -> bool {
    let name = claims["kubernetes.io/serviceaccount/secret.name"].as_str().unwrap_or_default();
    let secret = client.live().object(&Key::new(Kind::SECRET, namespace, name));
    let kept = secret.map(|secret| secret.to_value()["data"]["token"].clone());
    kept.is_some_and(|kept| kept.as_str() == Some(base64_encode(token.as_bytes()).as_str()))
}

/// Whose token it is: that of a service account that there is, as long as it is valid.
///
/// # Errors
/// As the server refuses any other.
pub fn of_token(token: &str, client: &Client<'_>) -> Result<User, Failure> {
    let claims = jwt::claims(token).ok_or_else(unauthorized)?;
    let subject = claims["sub"].as_str().unwrap_or_default();
    let (namespace, name) = subject
        .strip_prefix("system:serviceaccount:")
        .and_then(|account| account.split_once(':'))
        .ok_or_else(unauthorized)?;
    let account = client.live().object(&Key::new(Kind::SERVICE_ACCOUNT, namespace, name));
    let valid = match claims["iss"] == jwt::LEGACY_ISSUER {
        true => is_kept(token, namespace, &claims, client),
        false => claims["exp"].as_i64().is_some_and(|until| client.now().to_unix_seconds() < until),
    };
    if account.is_none() || !valid {
        return Err(unauthorized());
    }
    // Its groups are those of any service account.
    Ok(User::impersonated(subject, &[]))
}
