//! openraft's state machine over the deterministic machine and the store.

use super::log_syncer::LogSyncer;
use super::snapshots::{Snapshots, weight};
use crate::raft::codec;
use crate::raft::digests::Digests;
use crate::raft::fatal::Fatal;
use crate::raft::prepare::Preparer;
use crate::raft::types::{Entry, LogId, ProposedBatch, StorageError, StoredMembership, TypeConfig};
use crate::store::{AppliedMark, SnapshotFile, SnapshotMeta, StateStore};
use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder, Snapshot};
use selfsame_env::Executor;
use selfsame_machine::view::Overlay;
use selfsame_machine::{Batch, Outcome};
use selfsame_protocol::digest::{hex, unhex};
use selfsame_protocol::time::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// What apply needs besides the state.
pub(in crate::raft) struct StateMachineParts {
    pub store: Arc<StateStore>,
    pub preparer: Arc<Preparer>,
    pub digests: Arc<Digests>,
    pub snapshots: Snapshots,
    pub applied: watch::Sender<u64>,
    pub log_syncer: LogSyncer,
    pub fatal: Fatal,
    pub executor: Executor,
}

/// The adapter; it holds nothing that the store does not.
#[derive(Clone)]
pub(in crate::raft) struct StateMachine(pub Arc<StateMachineParts>);

impl StateMachineParts {
    fn failed(&self, verb: ErrorVerb, error: impl ToString) -> StorageError {
        self.fatal.storage(ErrorSubject::StateMachine, verb, error)
    }

    /// Runs work on the disk, and says what ended it when it did not come to its end.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        verb: ErrorVerb,
        work: impl FnOnce(&StateMachineParts) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let shared = self.clone();
        self.executor.run(move || work(&shared)).await.map_err(|error| self.failed(verb, error))?
    }

    fn membership(&self, applied: &AppliedMark) -> Result<StoredMembership, StorageError> {
        if applied.membership.is_empty() {
            return Ok(StoredMembership::default());
        }
        serde_json::from_str(&applied.membership)
            .map_err(|error| self.failed(ErrorVerb::Read, format!("stored membership does not decode: {error}")))
    }

    fn apply(&self, entries: Vec<Entry>) -> Result<Vec<Vec<Outcome>>, StorageError> {
        let view = self.store.view().map_err(|error| self.failed(ErrorVerb::Read, error))?;
        let mut mark = view.applied().cloned().unwrap_or(AppliedMark {
            position: None,
            membership: String::new(),
            digest: String::new(),
        });
        let mut overlay = Overlay::new(&view);
        let mut answers = Vec::with_capacity(entries.len());
        let mut digests = Vec::with_capacity(entries.len());
        let mut bytes = 0;
        for entry in entries {
            let index = entry.log_id.index;
            answers.push(match entry.payload {
                EntryPayload::Blank => {
                    bytes += weight([]);
                    Vec::new()
                }
                EntryPayload::Membership(membership) => {
                    bytes += weight([]);
                    let stored = StoredMembership::new(Some(entry.log_id), membership);
                    mark.membership =
                        serde_json::to_string(&stored).map_err(|error| self.failed(ErrorVerb::Write, error))?;
                    Vec::new()
                }
                EntryPayload::Normal(ProposedBatch { time_ms, submissions }) => {
                    bytes += weight(submissions.iter().map(|submission| &submission[..]));
                    let submissions = self.preparer.prepare(&submissions);
                    let batch = Batch { time: Timestamp::from_millis(time_ms), submissions };
                    let applied = selfsame_machine::apply(&overlay, index, &batch)
                        .map_err(|fatal| self.failed(ErrorVerb::Write, format!("applying entry {index}: {fatal}")))?;
                    overlay.absorb(applied.changes);
                    mark.digest = hex(&applied.digest);
                    applied.outcomes
                }
            });
            mark.position = Some(codec::stored_log_id(&entry.log_id));
            if let Some(digest) = digest_of(&mark) {
                digests.push((index, digest));
            }
        }
        let changes = overlay.into_changes();
        // The newest changes in memory grow in place only while nobody reads them.
        drop(view);
        self.store.commit(changes, mark.clone()).map_err(|error| self.failed(ErrorVerb::Write, error))?;
        for (index, digest) in digests {
            self.digests.put(index, digest);
        }
        self.snapshots.applied(bytes);
        self.announce(&mark);
        Ok(answers)
    }

    pub(super) fn announce(&self, mark: &AppliedMark) {
        let index = mark.position.map_or(0, |position| position.index);
        self.applied.send_replace(index);
    }

    /// Restores what is kept in memory from the stored mark: at start and after a snapshot.
    pub(in crate::raft) fn restore(&self, mark: &AppliedMark) {
        self.digests.clear();
        if let (Some(position), Some(digest)) = (mark.position, digest_of(mark)) {
            self.digests.put(position.index, digest);
        }
        self.announce(mark);
    }

    fn meta(
        &self,
        meta: &SnapshotMeta,
        name: &str,
    ) -> Result<openraft::SnapshotMeta<u64, crate::raft::types::MemberAddress>, StorageError> {
        Ok(openraft::SnapshotMeta {
            last_log_id: meta.applied.position.as_ref().map(codec::log_id),
            last_membership: self.membership(&meta.applied)?,
            snapshot_id: name.to_owned(),
        })
    }

    fn snapshot(&self, meta: &SnapshotMeta, file: SnapshotFile) -> Result<Snapshot<TypeConfig>, StorageError> {
        Ok(Snapshot { meta: self.meta(meta, &file.name)?, snapshot: Box::new(file) })
    }

    /// The snapshot that a received file claims to be.
    pub(in crate::raft) fn received(&self, file: SnapshotFile) -> Result<Snapshot<TypeConfig>, String> {
        let meta = file.meta().map_err(|error| error.to_string())?;
        let last_membership = if meta.applied.membership.is_empty() {
            StoredMembership::default()
        } else {
            serde_json::from_str(&meta.applied.membership).map_err(|error| format!("membership: {error}"))?
        };
        let last_log_id = meta.applied.position.as_ref().map(codec::log_id);
        let snapshot_id = file.name.clone();
        let meta = openraft::SnapshotMeta { last_log_id, last_membership, snapshot_id };
        Ok(Snapshot { meta, snapshot: Box::new(file) })
    }
}

fn digest_of(mark: &AppliedMark) -> Option<[u8; 32]> {
    unhex(&mark.digest)?.try_into().ok()
}

impl RaftSnapshotBuilder<TypeConfig> for StateMachine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError> {
        let built = |shared: &StateMachineParts| {
            shared.snapshots.begun();
            let (meta, file) = shared.store.export()?;
            shared.store.set_current_snapshot(meta.clone(), file.clone())?;
            shared.snapshots.kept(file.file.len()?);
            Ok((meta, file))
        };
        let built = self.0.run(ErrorVerb::Write, move |shared| {
            built(shared).map_err(|error: crate::store::SnapshotError| {
                shared.fatal.storage(ErrorSubject::Snapshot(None), ErrorVerb::Write, error)
            })
        });
        let (meta, file) = built.await?;
        self.0.snapshot(&meta, file)
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        let read =
            |shared: &StateMachineParts| shared.store.applied().map_err(|error| shared.failed(ErrorVerb::Read, error));
        match self.0.run(ErrorVerb::Read, read).await? {
            Some(applied) => Ok((applied.position.as_ref().map(codec::log_id), self.0.membership(&applied)?)),
            None => Ok((None, StoredMembership::default())),
        }
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Vec<Outcome>>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        if let Some(last) = entries.last().map(|entry| entry.log_id.index)
            && !self.0.log_syncer.wait_durable(last).await
        {
            return Err(self.0.failed(ErrorVerb::Write, format!("log entry {last} was never durable here")));
        }
        self.0.run(ErrorVerb::Write, move |shared| shared.apply(entries)).await
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError> {
        // The peer service receives into files of its own; openraft asks for this only in its chunked protocol.
        let made = |shared: &StateMachineParts| {
            let file = shared.store.new_snapshot_file(0);
            file.map(Box::new).map_err(|error| shared.failed(ErrorVerb::Write, error))
        };
        self.0.run(ErrorVerb::Write, made).await
    }

    async fn install_snapshot(
        &mut self,
        meta: &openraft::SnapshotMeta<u64, crate::raft::types::MemberAddress>,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError> {
        let signature = meta.signature();
        let install = |shared: &StateMachineParts, snapshot: SnapshotFile| {
            let installed = shared.store.import(&snapshot)?;
            let bytes = snapshot.file.len()?;
            shared.store.set_current_snapshot(installed.clone(), snapshot)?;
            shared.snapshots.begun();
            shared.snapshots.kept(bytes);
            Ok(installed)
        };
        let installed = self.0.run(ErrorVerb::Write, move |shared| {
            install(shared, *snapshot).map_err(|error: crate::store::SnapshotError| {
                shared.fatal.storage(ErrorSubject::Snapshot(Some(signature)), ErrorVerb::Write, error)
            })
        });
        self.0.restore(&installed.await?.applied);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let shared = &self.0;
        let current = shared.store.current_snapshot();
        current.map(|(meta, file)| shared.snapshot(&meta, file)).transpose()
    }
}
