//! Everything that can be due: one closed list.

use crate::api::Key;
use crate::kubelet;

use super::session::SessionId;

/// A controller's place in the list of controllers.
pub type ControllerId = u32;

/// Who receives deliveries of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subscriber {
    /// A controller.
    Controller(ControllerId),
    /// The scheduler.
    Scheduler,
    /// The kubelets, all through one watch that is split by node.
    Kubelets,
    /// A kubectl command that waits.
    Session(SessionId),
}

/// Something due at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The writes since the last delivery arrive at a watcher.
    Deliver(Subscriber),
    /// A controller takes the next key of its queue.
    Reconcile(ControllerId),
    /// A key returns to a controller's queue: a back-off or a requested delay is over.
    Requeue(ControllerId, Key),
    /// The scheduler takes the next pod of its queue.
    Schedule,
    /// The wait of a pod in the scheduler's queue is over.
    SchedulerWake,
    /// A kubelet's timer.
    Kubelet(kubelet::Timer),
    /// A kubectl command that waits looks at its own clock.
    SessionTick(SessionId),
    /// The network works out what has become of the requests sent.
    Traffic,
}
