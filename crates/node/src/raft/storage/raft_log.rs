//! openraft's log over the store's.

use super::log_syncer::LogSyncer;
use crate::raft::background::BackgroundTasks;
use crate::raft::codec;
use crate::raft::fatal::Fatal;
use crate::raft::types::{Entry, LogId, StorageError, TypeConfig, Vote};
use crate::store::{LogRow, LogStore as Disk, StateStore, Store, WriteError};
use bytes::Bytes;
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{ErrorSubject, ErrorVerb, LogState, OptionalSend, RaftLogReader};
use selfsame_env::Executor;
use selfsame_protocol::planted;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of entries read for one message: with one entry of up to 5 MiB beyond it, below the message cap.
const READ_BYTES: usize = 1 << 20;

/// The log, and its own reader: clones share the file.
#[derive(Clone)]
pub(in crate::raft) struct RaftLog {
    /// This node.
    id: u64,
    disk: Arc<Disk>,
    state: Arc<StateStore>,
    /// Index up to which the state was applied.
    applied: watch::Receiver<u64>,
    log_syncer: LogSyncer,
    /// Whether this node leads, as far as its stored vote says.
    leads: bool,
    fatal: Fatal,
    background: BackgroundTasks,
    executor: Executor,
}

impl RaftLog {
    pub(in crate::raft) fn new(
        id: u64,
        store: &Store,
        applied: watch::Receiver<u64>,
        log_syncer: LogSyncer,
        fatal: Fatal,
        executor: Executor,
    ) -> Self {
        let (disk, state, background) = (store.log.clone(), store.state.clone(), BackgroundTasks::new(executor));
        Self { id, disk, state, applied, log_syncer, leads: false, fatal, background, executor }
    }

    /// What this log does beside the core.
    pub(in crate::raft) fn background(&self) -> BackgroundTasks {
        self.background.clone()
    }

    fn read_failed(&self, error: impl ToString) -> StorageError {
        self.fatal.storage(ErrorSubject::Logs, ErrorVerb::Read, error)
    }
    fn write_failed(&self, subject: ErrorSubject<u64>, error: impl ToString) -> StorageError {
        self.fatal.storage(subject, ErrorVerb::Write, error)
    }

    /// Runs work on the log's files; the error is for people, and the caller's to place.
    async fn on_disk<T: Send + 'static, E: ToString + Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, E> + Send + 'static,
    ) -> Result<T, String> {
        let disk = self.disk.clone();
        let done = self.executor.run(move || work(&disk).map_err(|error| error.to_string())).await;
        done.map_err(|error| error.to_string())?
    }

    async fn read(&self, from: u64, to: u64, max_bytes: usize) -> Result<Vec<Entry>, StorageError> {
        let rows = self.on_disk(move |disk| disk.read(from, to, max_bytes)).await;
        let rows = rows.map_err(|error| self.read_failed(error))?;
        rows.into_iter().map(|(index, bytes)| self.decode(index, bytes)).collect()
    }

    fn decode(&self, index: u64, bytes: Bytes) -> Result<Entry, StorageError> {
        let entry = codec::entry_from_disk(bytes)
            .map_err(|error| self.read_failed(format!("log entry {index} does not decode: {error}")))?;
        if entry.log_id.index != index {
            let found = entry.log_id.index;
            return Err(self.read_failed(format!("log entry at {index} names itself {found}")));
        }
        Ok(entry)
    }
}

impl RaftLogReader<TypeConfig> for RaftLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(to) => *to,
            Bound::Unbounded => u64::MAX,
        };
        self.read(from, to, usize::MAX).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        self.read(start, end, READ_BYTES).await
    }
}

impl RaftLogStorage<TypeConfig> for RaftLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let both = |disk: &Disk| Ok::<_, selfsame_machine::view::ReadError>((disk.purged()?, disk.last()?));
        let (purged, last) = self.on_disk(both).await.map_err(|error| self.read_failed(error))?;
        let purged = purged.as_ref().map(codec::log_id);
        let last = match last {
            Some((index, bytes)) => Some(self.decode(index, bytes)?.log_id),
            None => purged,
        };
        Ok(LogState { last_purged_log_id: purged, last_log_id: last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        // The store syncs the entries before it: whoever follows from now on must not acknowledge what it wrote as a leader
        // and has not synced.
        let stored = codec::stored_vote(vote);
        let saved = self.on_disk(move |disk| disk.save_vote(stored)).await;
        saved.map_err(|error| self.write_failed(ErrorSubject::Vote, error))?;
        self.leads = vote.committed && vote.leader_id.node_id == self.id;
        Ok(())
    }

    /// Read once, at start. A node that led does not lead on in its old term without being asked: it stands for election
    /// again. Were its disk an older copy, it would write other entries under terms and indexes that are taken, and the
    /// others, who compare only these, would take them for their own. In an election a log that is too short loses.
    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        let vote = self.on_disk(Disk::vote).await;
        let vote = vote.map_err(|error| self.fatal.storage(ErrorSubject::Vote, ErrorVerb::Read, error))?;
        let led =
            |vote: &Vote| vote.committed && vote.leader_id.node_id == self.id && !planted!("leads_on_after_restart");
        Ok(vote.as_ref().map(codec::vote).map(|vote| if led(&vote) { Vote { committed: false, ..vote } } else { vote }))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let rows: Vec<LogRow> =
            entries.into_iter().map(|entry| (entry.log_id.index, codec::entry_to_disk(&entry).into())).collect();
        // A leader's entries go to the others while its own disk syncs them; a follower acknowledges only what is synced.
        let leads = self.leads;
        let written = self.on_disk(move |disk| {
            disk.write(&rows)?;
            if leads { Ok::<_, WriteError>(()) } else { disk.sync() }
        });
        match written.await {
            Ok(()) => {
                if leads {
                    self.log_syncer.request_sync()
                } else {
                    self.log_syncer.announce_sync()
                }
                callback.log_io_completed(Ok(()));
                Ok(())
            }
            Err(error) => {
                callback.log_io_completed(Err(std::io::Error::other(error.clone())));
                Err(self.write_failed(ErrorSubject::Logs, error))
            }
        }
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let cut = self.on_disk(move |disk| disk.truncate(log_id.index)).await;
        cut.map_err(|error| self.write_failed(ErrorSubject::Log(log_id), error))
    }

    /// The consensus asks for this as soon as a snapshot is handed over for installation. Entries go only when the state
    /// that replaces them is durable: a crash between the two would leave a node that holds neither.
    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let (mut applied, mut fatal) = (self.applied.clone(), self.fatal.subscribe());
        let early = planted!("purge_before_install");
        let there = async { early || applied.wait_for(|applied| *applied >= log_id.index).await.is_ok() };
        let there = tokio::select! {
            biased;
            there = there => there,
            _ = fatal.wait_for(Option::is_some) => false,
        };
        if !there {
            let reason = format!("the state was never applied up to {}", log_id.index);
            return Err(self.write_failed(ErrorSubject::Log(log_id), reason));
        }
        let (state, position) = (self.state.clone(), codec::stored_log_id(&log_id));
        let purged = self.on_disk(move |disk| state.sync().and_then(|()| disk.purge(position))).await;
        let files = purged.map_err(|error| self.write_failed(ErrorSubject::Log(log_id), error))?;
        let (disk, fatal) = (self.disk.clone(), self.fatal.clone());
        // The core answers heartbeats meanwhile.
        self.background.run(move || {
            if let Err(error) = disk.remove(&files) {
                fatal.set(error);
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::codec::log_id;
    use crate::store::{self, AppliedMark, Identity};
    use selfsame_env::sim_disk::{Loss, SimDisk};
    use selfsame_machine::view::Changes;
    use tokio_util::sync::CancellationToken;

    /// Decision 0013: a crash right after a purge leaves a state that the remaining log continues.
    #[tokio::test]
    async fn what_is_purged_is_in_the_stored_state() {
        let (disk, identity) = (SimDisk::new(), Identity { cluster: "test".into(), genesis: "g".into(), node: 1 });
        let store = Store::open(Arc::new(disk.clone()), &identity).unwrap();
        let position = store::LogId { term: 1, node: 1, index: 3 };
        store.log.append(&[(1, vec![1].into()), (2, vec![2].into()), (3, vec![3].into())]).unwrap();
        let mark = AppliedMark { position: Some(position), membership: String::new(), digest: String::new() };
        store.state.commit(Changes::new(), mark).unwrap();
        let (_sender, applied) = watch::channel(3);
        let inline = Executor::Inline;
        let log_syncer = LogSyncer::new(store.log.clone(), Fatal::new(), CancellationToken::new(), inline);
        let mut log = RaftLog::new(1, &store, applied, log_syncer, Fatal::new(), inline);
        log.purge(log_id(&position)).await.unwrap();
        disk.crash_with(Loss::All, || 0);
        drop((log, store));
        let store = Store::open(Arc::new(disk), &identity).unwrap();
        assert_eq!(store.log.purged().unwrap(), Some(position));
        assert_eq!(store.state.applied().unwrap().and_then(|applied| applied.position), Some(position));
    }
}
