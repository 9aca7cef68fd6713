//! Syncs of the log that overlap with replication.
//!
//! A leader sends its entries to the others while its own disk still syncs them. openraft counts an entry as the leader's
//! own as soon as it is appended, so nobody may hear that it is committed before it is durable here as well: neither
//! the state machine, which answers those who submitted it, nor another node. Both wait for [`LogSyncer::wait_durable`].

use crate::raft::fatal::Fatal;
use crate::store::{LogStore, WriteError};
use selfsame_env::Executor;
use selfsame_protocol::planted;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// What of this node's log is durable.
#[derive(Clone)]
pub(in crate::raft) struct LogSyncer {
    log: Arc<LogStore>,
    wanted: Arc<Notify>,
    /// Changes with each sync.
    synced: watch::Sender<()>,
    fatal: Fatal,
    stop: CancellationToken,
    executor: Executor,
}

impl LogSyncer {
    pub(in crate::raft) fn new(log: Arc<LogStore>, fatal: Fatal, stop: CancellationToken, executor: Executor) -> Self {
        Self { log, wanted: Arc::default(), synced: watch::Sender::new(()), fatal, stop, executor }
    }

    /// Makes durable what was written, and returns when it is.
    async fn sync(&self) -> Result<(), WriteError> {
        let log = self.log.clone();
        let synced = self.executor.run(move || log.sync()).await;
        synced.map_err(|error| WriteError { what: "the log", reason: error.to_string() })??;
        self.announce_sync();
        Ok(())
    }

    /// Tells those who wait that a sync was made.
    pub(super) fn announce_sync(&self) {
        self.synced.send_replace(());
    }

    /// Has it made durable soon.
    pub(super) fn request_sync(&self) {
        self.wanted.notify_one();
    }

    /// Syncs whenever that is wanted, until the node stops: one sync for all that was written since the last one.
    pub(in crate::raft) async fn run(self) {
        let mut fatal = self.fatal.subscribe();
        loop {
            let goes_on = tokio::select! {
                biased;
                () = self.stop.cancelled() => false,
                _ = fatal.wait_for(Option::is_some) => false,
                () = self.wanted.notified() => true,
            };
            if !goes_on {
                return;
            }
            let takes = self.log.sync_takes();
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            if let Err(error) = self.sync().await {
                return self.fatal.set(error);
            }
        }
    }

    /// Waits until the entry of an index, and all before it, are durable here. False when the node cannot continue.
    pub(in crate::raft) async fn wait_durable(&self, index: u64) -> bool {
        if self.log.is_durable(index) || planted!("commit_before_leader_sync") {
            return true;
        }
        let (mut synced, mut fatal) = (self.synced.subscribe(), self.fatal.subscribe());
        let reached = tokio::select! {
            biased;
            reached = synced.wait_for(|()| self.log.is_durable(index)) => Some(reached.is_ok()),
            _ = fatal.wait_for(Option::is_some) => Some(false),
            () = self.stop.cancelled() => None,
        };
        match reached {
            Some(reached) => reached,
            // Nobody syncs for others any more.
            None => self.sync().await.is_ok() && self.log.is_durable(index),
        }
    }
}
