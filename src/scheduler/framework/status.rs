//! What a plugin answers when it does not simply agree.

use std::borrow::Cow;

/// One reason, as it is counted in the event text: `Insufficient cpu`.
pub type Reason = Cow<'static, str>;

/// The kind of answer (`fwk.Code`). Agreement has no code: it is `Ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Something is wrong inside the scheduler or with the objects it reads. The pod is tried again after its back-off,
    /// without waiting for a change.
    Error,
    /// The pod does not fit now. Removing other pods may help, so preemption looks at the node.
    Unschedulable,
    /// The pod does not fit, whichever other pods are removed. Preemption passes over the node.
    UnschedulableAndUnresolvable,
    /// PreBind waits for something that others are doing.
    Wait,
    /// The plugin has nothing to say of this pod: its later extension points are left out.
    Skip,
    /// The pod waits for something that other components are doing. It is tried again without back-off.
    Pending,
}

impl Code {
    /// The code as upstream writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Error => "Error",
            Code::Unschedulable => "Unschedulable",
            Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
            Code::Wait => "Wait",
            Code::Skip => "Skip",
            Code::Pending => "Pending",
        }
    }
}

/// An answer other than agreement (`fwk.Status`). One reason, the usual case, costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What kind of answer it is.
    pub code: Code,
    /// Who gives it; empty for a node that PreFilter results left out. The framework fills it in.
    pub plugin: &'static str,
    first: Reason,
    more: Vec<Reason>,
}

impl Status {
    /// An answer with one reason.
    pub fn new(code: Code, reason: impl Into<Reason>) -> Status {
        Status { code, plugin: "", first: reason.into(), more: Vec::new() }
    }

    /// The pod does not fit; removing others may help.
    pub fn unschedulable(reason: impl Into<Reason>) -> Status {
        Status::new(Code::Unschedulable, reason)
    }

    /// The pod does not fit, and nothing done to other pods helps.
    pub fn unresolvable(reason: impl Into<Reason>) -> Status {
        Status::new(Code::UnschedulableAndUnresolvable, reason)
    }

    /// The plugin has nothing to say of this pod.
    pub fn skip() -> Status {
        Status::new(Code::Skip, "")
    }

    /// Adds a reason.
    #[must_use]
    pub fn and(mut self, reason: impl Into<Reason>) -> Status {
        self.more.push(reason.into());
        self
    }

    /// The same answer, given by `plugin`.
    #[must_use]
    pub fn by(mut self, plugin: &'static str) -> Status {
        self.plugin = plugin;
        self
    }

    /// The reasons, in the order in which they were found.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The reasons in one line.
    pub fn message(&self) -> String {
        let texts: Vec<&str> = self.reasons().map(|reason| &**reason).collect();
        texts.join(", ")
    }

    /// Whether it says that the pod does not fit, rather than that something went wrong.
    pub fn is_rejection(&self) -> bool {
        matches!(self.code, Code::Unschedulable | Code::UnschedulableAndUnresolvable | Code::Pending)
    }
}
