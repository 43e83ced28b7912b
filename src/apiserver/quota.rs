//! The bound on what a cluster may hold: etcd's `--quota-backend-bytes`.
//!
//! What counts is the log. The API server has etcd compact it every five minutes, but here the past is kept for those who look
//! back, so that a full log stays full until somebody goes back to before it was (`docs/divergences.md`).

use super::ApiServer;
use crate::api::{Kind, Status};

/// The quota of a cluster that says nothing else: the most that etcd suggests. By an estimate from smaller clusters a running pod
/// takes some 68 kB with its history, so that about 120,000 fit.
pub const DEFAULT_QUOTA: u64 = 8 << 30;
/// The quota of a cluster in a browser, whose memory ends at 4 GiB: by the same estimate it is full at 2.5.
pub const PAGE_QUOTA: u64 = 4 << 30;

impl ApiServer {
    /// Sets how many bytes may be written. Only the simulation calls this.
    pub fn set_quota(&mut self, bytes: u64) {
        self.quota = bytes;
    }

    /// Charges what is written from now on. Only the simulation calls this, at its first input.
    pub fn charge(&mut self) {
        self.store.weigh();
    }

    /// Whether there is room for another object of a kind. Events have more: they are what says that the cluster is full, and
    /// many keep them in an etcd of their own.
    ///
    /// # Errors
    /// In etcd's words, which the API server hands on.
    pub(super) fn room_for_new(&self, kind: Kind) -> Result<(), Status> {
        self.room(kind == Kind::EVENT)
    }

    /// Whether there is room for another version of an object: for what components have to say of what is there, and for users
    /// who want less of it. Deletion needs none, and neither does its mark.
    ///
    /// # Errors
    /// As [`ApiServer::room_for_new`].
    pub(super) fn room_for_next(&self) -> Result<(), Status> {
        self.room(true)
    }

    fn room(&self, in_reserve: bool) -> Result<(), Status> {
        let reserve = if in_reserve { self.quota / 4 } else { 0 };
        if self.store.size() < self.quota.saturating_add(reserve) {
            return Ok(());
        }
        Err(Status::unknown("etcdserver: mvcc: database space exceeded".into()))
    }
}
