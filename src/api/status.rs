//! The error a client sees: `metav1.Status`, in the API server's words.

use std::fmt;

use serde::Serialize;

use super::field_error::FieldError;
use super::kind::Kind;
use super::meta::{Key, Revision};

/// Why a request was refused (`metav1.StatusReason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reason {
    /// The request cannot be understood (400).
    BadRequest,
    /// Nobody known asks (401); also a reason that a policy may give.
    Unauthorized,
    /// Admission or policy refuses it (403).
    Forbidden,
    /// The object is too large (413); also a reason that a policy may give.
    RequestEntityTooLarge,
    /// No such object (404).
    NotFound,
    /// The name is taken (409).
    AlreadyExists,
    /// The object has changed since it was read (409).
    Conflict,
    /// History is asked for that is gone (410).
    Expired,
    /// The object breaks a rule of its kind (422).
    Invalid,
    /// The verb does not apply to the kind (405).
    MethodNotAllowed,
    /// The body is of a type that is not taken (415).
    UnsupportedMediaType,
    /// It could not be answered in time (504).
    Timeout,
    /// What would answer is not there (503).
    ServiceUnavailable,
    /// Not now: a disruption budget leaves no room (429).
    TooManyRequests,
    /// A bug of ours (500).
    InternalError,
    /// No class at all (500).
    Unknown,
}

/// One field that made an object invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The field's path as the API server writes it: `spec.containers[0].image`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// The class of refusal.
    pub reason: Reason,
    /// The sentence the API server answers with.
    pub message: String,
    /// The kind concerned, if any.
    pub kind: Option<Kind>,
    /// The name of the object concerned; empty if there is none.
    pub name: String,
    /// The fields concerned, in order.
    pub causes: Vec<Cause>,
}

impl Status {
    fn new(code: u16, reason: Reason, message: String) -> Status {
        Status { code, reason, message, kind: None, name: String::new(), causes: Vec::new() }
    }

    fn about(mut self, kind: Kind, name: &str) -> Status {
        self.kind = Some(kind);
        self.name = name.to_string();
        self
    }

    /// `pods "web-0" not found`.
    pub fn not_found(kind: Kind, name: &str) -> Status {
        Status::new(404, Reason::NotFound, format!("{} \"{name}\" not found", kind.group_resource()))
            .about(kind, name)
    }

    /// There is nothing under that path: no such subresource, or no such kind any more.
    pub fn no_such_resource() -> Status {
        Status::new(404, Reason::NotFound, "the server could not find the requested resource".into())
    }

    /// A patch of a type that the kind does not take.
    pub fn unsupported_patch() -> Status {
        Status::unsupported_media_type(&[
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ])
    }

    /// A body of a type that is not among those that are taken.
    pub fn unsupported_media_type(taken: &[&str]) -> Status {
        let taken = taken.join(", ");
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {taken}"
        );
        Status::new(415, Reason::UnsupportedMediaType, message)
    }

    /// No such kind is served: what kubectl says of the server's discovery.
    pub fn no_match(api_version: &str, kind: &str) -> Status {
        let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
        Status::new(404, Reason::NotFound, message)
    }

    /// `deployments.apps "web" already exists`.
    pub fn already_exists(kind: Kind, name: &str) -> Status {
        let message = format!("{} \"{name}\" already exists", kind.group_resource());
        Status::new(409, Reason::AlreadyExists, message).about(kind, name)
    }

    /// The object was changed by another writer since it was read.
    pub fn modified(key: &Key) -> Status {
        Status::conflict(
            key,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// `Operation cannot be fulfilled on …: <why>`.
    pub fn conflict(key: &Key, why: &str) -> Status {
        let message =
            format!("Operation cannot be fulfilled on {} \"{}\": {why}", key.kind.group_resource(), key.name);
        Status::new(409, Reason::Conflict, message).about(key.kind, &key.name)
    }

    /// Other managers have set fields that an apply sets too.
    pub fn apply_conflict(key: &Key, message: String, fields: Vec<String>) -> Status {
        let mut status = Status::new(409, Reason::Conflict, message).about(key.kind, &key.name);
        status.causes = fields.into_iter().map(|field| Cause { field, message: String::new() }).collect();
        status
    }

    /// An error that the server has no class for.
    pub fn unknown(message: String) -> Status {
        Status::new(500, Reason::Unknown, message)
    }

    /// A request that makes no sense as it stands.
    pub fn bad_request(message: impl Into<String>) -> Status {
        Status::new(400, Reason::BadRequest, message.into())
    }

    /// `pods "web-0" is forbidden: <why>`.
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Status {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.group_resource());
        Status::new(403, Reason::Forbidden, message).about(kind, name)
    }

    /// No role allows a request: `pods is forbidden: User "jane" cannot list resource …`.
    pub fn unauthorized_request(resource: &str, name: &str, why: &str) -> Status {
        let object = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        Status::new(403, Reason::Forbidden, format!("{resource}{object} is forbidden: {why}"))
    }

    /// A policy refuses, for a reason of its own: the words are those of `Forbidden`, whatever the reason.
    pub fn denied(kind: Kind, name: &str, why: &str, reason: &str) -> Status {
        let mut status = Status::forbidden(kind, name, why);
        (status.code, status.reason) = match reason {
            "Forbidden" => (403, Reason::Forbidden),
            "Unauthorized" => (401, Reason::Unauthorized),
            "RequestEntityTooLarge" => (413, Reason::RequestEntityTooLarge),
            _ => (422, Reason::Invalid),
        };
        status.causes.push(Cause { field: String::new(), message: why.into() });
        status
    }

    /// The verb is not served for this kind.
    pub fn method_not_allowed(message: impl Into<String>) -> Status {
        Status::new(405, Reason::MethodNotAllowed, message.into())
    }

    /// Not now, for this reason.
    pub fn too_many_requests(message: &str, why: &str) -> Status {
        let mut status = Status::new(429, Reason::TooManyRequests, message.into());
        status.causes.push(Cause { field: String::new(), message: why.into() });
        status
    }

    /// A revision that there is not yet (`NewTooLargeResourceVersionError`).
    pub fn too_large_revision(asked: Revision, current: Revision) -> Status {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Status::new(504, Reason::Timeout, message)
    }

    /// History that is kept no longer.
    pub fn expired(message: &str) -> Status {
        Status::new(410, Reason::Expired, message.into())
    }

    /// Nobody is there to answer.
    pub fn service_unavailable(message: String) -> Status {
        Status::new(503, Reason::ServiceUnavailable, message)
    }

    /// What fails behind the server.
    pub fn server_error(message: String) -> Status {
        Status::new(500, Reason::InternalError, message)
    }

    /// Options of a request that break their rules.
    pub fn invalid_options(kind: &str, why: &str) -> Status {
        Status::new(422, Reason::Invalid, format!("{kind}.meta.k8s.io \"\" is invalid: {why}"))
    }

    /// What the server cannot do.
    pub fn internal_error(message: &str) -> Status {
        Status::new(500, Reason::InternalError, format!("Internal error occurred: {message}"))
    }

    /// The object breaks rules of its kind: all of them are listed.
    pub fn invalid(kind: Kind, name: &str, errors: Vec<FieldError>) -> Status {
        let group = kind.info().group;
        let dot = if group.is_empty() { "" } else { "." };
        // A review that is refused says its group alone.
        let shown = if Kind::REVIEWS.contains(&kind) { "" } else { kind.name() };
        // Of rules that say the same, the text has one.
        let mut texts: Vec<String> = Vec::new();
        for error in &errors {
            let text = error.to_string();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = if texts.len() == 1 { texts[0].clone() } else { format!("[{}]", texts.join(", ")) };
        let mut status =
            Status::new(422, Reason::Invalid, format!("{shown}{dot}{group} \"{name}\" is invalid: {list}"));
        status.causes = errors.into_iter().map(FieldError::into_cause).collect();
        status.about(kind, name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
