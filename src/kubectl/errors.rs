//! Why a command failed, and how kubectl says it.

use crate::api::status::Reason;
use crate::api::{Kind, Status};

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The API server refused, while kubectl was doing something (`error when creating "STDIN": `) or nothing worth
    /// saying.
    Server {
        /// What was being done, up to and including the colon and the space; may be empty.
        doing: String,
        /// The server's answer.
        status: Box<Status>,
    },
    /// kubectl itself refused.
    Message(String),
    /// The line is not a command: help is pointed at.
    Usage(String),
    /// A command with the wrong words or flags: its examples are pointed at (`cmdutil.UsageErrorf`).
    Misuse(String),
    /// Help instead of an answer, which counts as a failure.
    Shown(String),
    /// The shell around kubectl refused: a pipe into something that there is not.
    Shell(String),
    /// Several things failed, one after the other.
    Many(Vec<Failure>),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Server { doing: String::new(), status: Box::new(status) }
    }
}

impl Failure {
    /// A refusal by kubectl itself, without `error: `.
    pub fn message(text: impl Into<String>) -> Failure {
        Failure::Message(text.into())
    }

    /// A command with the wrong words or flags.
    pub fn misuse(text: impl Into<String>) -> Failure {
        Failure::Misuse(text.into())
    }

    /// A line that is not a command.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::Usage(text.into())
    }

    /// The server's refusal, with what was being done: `error when creating "STDIN"`.
    pub fn while_doing(doing: &str, status: Status) -> Failure {
        Failure::Server { doing: format!("{doing}: "), status: Box::new(status) }
    }

    /// Whether the server says that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::Server { status, .. } if status.reason == Reason::NotFound)
    }

    /// Whether the server says that an object cannot be changed so: what is asked for is invalid, or in conflict.
    pub fn is_refusal(&self) -> bool {
        let refusals = [Reason::Invalid, Reason::Conflict];
        matches!(self, Failure::Server { status, .. } if refusals.contains(&status.reason))
    }

    /// Nothing if nothing failed, the failure if one did, or all of them as one.
    ///
    /// # Errors
    /// The failures.
    pub fn collect(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Failure::Many(failures)),
        }
    }

    /// The text for standard error (`cmdutil.CheckErr`). `verb` is the path of the verb that failed, for the pointer to
    /// its help.
    pub fn render(&self, verb: &str) -> String {
        match self {
            Failure::Server { status, doing }
                if status.reason == Reason::Invalid
                    && !status.causes.is_empty()
                    && !is_client_side(doing) =>
            {
                invalid(status)
            }
            Failure::Server { .. } => format!("{}\n", self.text()),
            Failure::Message(text)
                if ["error: ", "Error: ", "Error from server ", "The request is invalid: "]
                    .iter()
                    .any(|start| text.starts_with(start)) =>
            {
                format!("{text}\n")
            }
            Failure::Message(text) => format!("error: {text}\n"),
            Failure::Shell(text) => format!("bash: {text}\n"),
            Failure::Shown(text) => text.clone(),
            Failure::Usage(text) => {
                let verb = if verb.is_empty() { String::new() } else { format!(" {verb}") };
                format!("error: {text}\nSee 'kubectl{verb} --help' for usage.\n")
            }
            Failure::Misuse(text) => {
                format!("error: {text}\nSee 'kubectl {verb} -h' for help and examples\n")
            }
            Failure::Many(failures) => {
                let lines: Vec<String> = failures.iter().map(Failure::text).collect();
                lines.iter().map(|line| format!("{line}\n")).collect()
            }
        }
    }

    /// The failure in one line, as it stands among others.
    pub fn text(&self) -> String {
        match self {
            Failure::Server { doing, status } if is_client_side(doing) => {
                format!("{doing}{}", status.message)
            }
            Failure::Server { doing, status } if status.reason == Reason::Unknown => {
                format!("Error from server: {doing}{}", status.message)
            }
            Failure::Server { doing, status } => {
                format!("Error from server ({:?}): {doing}{}", status.reason, status.message)
            }
            Failure::Message(text)
            | Failure::Usage(text)
            | Failure::Misuse(text)
            | Failure::Shell(text)
            | Failure::Shown(text) => text.clone(),
            Failure::Many(failures) => {
                let texts: Vec<String> = failures.iter().map(Failure::text).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

/// Generators wrap the server's answer (`error: failed to create configmap: …`) and lose its class on the way.
fn is_client_side(doing: &str) -> bool {
    doing.starts_with("error: ")
}

/// `The Deployment "web" is invalid: …`, one line per cause if there are several.
fn invalid(status: &Status) -> String {
    // A policy that refuses names the resource and no field, and the rules of a kind name the kind.
    let named = |kind: Kind| match status.causes.iter().any(|cause| cause.field.is_empty()) {
        true => kind.info().plural,
        false => kind.name(),
    };
    let kind = status.kind.map(named).unwrap_or_default();
    let mut causes: Vec<String> = Vec::new();
    for cause in &status.causes {
        let text = format!("{}: {}", cause.field, cause.message);
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    let head = format!("The {kind} \"{}\" is invalid: ", status.name);
    match causes.as_slice() {
        [only] => format!("{head}{only}\n"),
        several => {
            let lines: String = several.iter().map(|text| format!("* {text}\n")).collect();
            format!("{head}\n{lines}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::field_error::{FieldError, Path};

    #[test]
    fn failures_read_as_kubectl_prints_them() {
        let required = |field: &str| FieldError::required(&Path::new(field), "");
        let invalid = |fields: &[&str]| {
            let errors = fields.iter().map(|field| required(field)).collect();
            Failure::from(Status::invalid(Kind::DEPLOYMENT, "web", errors))
        };
        let missing = || Failure::from(Status::not_found(Kind::DEPLOYMENT, "nope"));
        let cases = [
            (missing(), "Error from server (NotFound): deployments.apps \"nope\" not found\n"),
            (invalid(&["a"]), "The Deployment \"web\" is invalid: a: Required value\n"),
            (
                invalid(&["a", "b", "a"]),
                "The Deployment \"web\" is invalid: \n* a: Required value\n* b: Required value\n",
            ),
            (
                Failure::while_doing(
                    "error when creating \"STDIN\"",
                    Status::not_found(Kind::NAMESPACE, "x"),
                ),
                "Error from server (NotFound): error when creating \"STDIN\": namespaces \"x\" not found\n",
            ),
            (Failure::message("timed out"), "error: timed out\n"),
            (
                Failure::Many(vec![missing(), Failure::message("second")]),
                "Error from server (NotFound): deployments.apps \"nope\" not found\nsecond\n",
            ),
        ];
        for (failure, want) in cases {
            assert_eq!(failure.render("get"), want);
        }
    }
}
