//! API objects as Kubernetes defines them: their text, their schema, their fields.

pub mod manifest;
