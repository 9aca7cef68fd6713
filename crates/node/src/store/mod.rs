//! What a node keeps: the consensus log and the replicated state.
//!
//! ```text
//! identity     copy of the header, read before the databases are opened
//! log.redb     header · vote · purged · the log's segments
//! log-<n>.seg  entries of the log, in frames (see `log::frame`)
//! state.redb   header · applied (position, membership, digest) · the machine's tables, one redb table each
//! snapshot-<index>-<n>.snap   an exported state
//! quarantined                 why this node may not take part any more
//! ```
//! Every value is stored behind a BLAKE3 digest of table, key and value and is checked on every read: redb's own
//! checksums are not verified on ordinary reads. Every write transaction is durable and two-phase from the first on;
//! mixing one- and two-phase commits has lost data before. Entries of the log need one sync (decision 0020). A write that fails is never carried on from: the caller must
//! stop the node, because after a failed sync nobody knows what the disk holds.

mod backend;
mod error;
mod header;
mod log;
mod log_id;
mod options;
mod records;
mod row;
mod scrub;
mod state;
#[cfg(test)]
mod tests;

pub use error::{OpenError, SnapshotError, WriteError};
pub use header::{FILE as IDENTITY_FILE, Identity, check_copy as check_identity};
pub use log::{LogRow, LogStore};
pub use log_id::{LogId, StoredVote};
pub use options::StoreOptions;
pub use scrub::{BadRow, Scrub};
pub use state::{AppliedMark, SnapshotFile, SnapshotMeta, StateStore, StateView};

use selfsame_env::Disk;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Both stores of one node.
#[derive(Clone)]
pub struct Store {
    /// Log and vote.
    pub log: Arc<LogStore>,
    /// State machine.
    pub state: Arc<StateStore>,
    disk: Arc<dyn Disk>,
}

const QUARANTINE: &str = "quarantined";

impl Store {
    /// Opens or creates the files in `disk` for this identity. Refuses, without touching any data, a directory of
    /// another node or cluster, of a newer format, one that lost a file, and one that was quarantined.
    pub fn open(disk: Arc<dyn Disk>, identity: &Identity) -> Result<Store, OpenError> {
        Self::open_with(disk, identity, &StoreOptions::default())
    }

    /// Like [`Store::open`], with other settings than the default ones.
    pub fn open_with(disk: Arc<dyn Disk>, identity: &Identity, options: &StoreOptions) -> Result<Store, OpenError> {
        // redb unwraps some of what it reads: a damaged file must end in a refusal that names it, not in a panic.
        catch_unwind(AssertUnwindSafe(|| Self::open_files(disk, identity, options))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            let reason = format!("damaged: the database engine panicked: {}", said.unwrap_or("without a reason"));
            Err(OpenError::Unusable { file: "log.redb or state.redb", reason })
        })
    }

    fn open_files(disk: Arc<dyn Disk>, identity: &Identity, options: &StoreOptions) -> Result<Store, OpenError> {
        if let Some(reason) = header::read_small(&*disk, QUARANTINE)? {
            return Err(OpenError::Quarantined { reason });
        }
        let named = header::check_file(&*disk, identity)?;
        let (log, state) = (disk.exists(log::FILE)?, disk.exists(state::FILE)?);
        // A file lost alone must not come back empty: an empty log forgets votes that were given.
        let log_is_new = !log || disk.open(log::FILE, false)?.is_empty()?;
        if state && !disk.open(state::FILE, false)?.is_empty()? && log_is_new && state::is_used(&*disk)? {
            return Err(OpenError::Missing { present: state::FILE, missing: log::FILE });
        }
        let log = LogStore::open(disk.clone(), identity, options)?;
        let state = StateStore::open(disk.clone(), identity, options)?;
        if state.applied()?.is_none_or(|applied| applied.position.is_none()) && log.purged()?.is_some() {
            return Err(OpenError::Missing { present: log::FILE, missing: state::FILE });
        }
        let purged = log.purged()?.map_or(0, |at| at.index);
        let applied = state.applied()?.and_then(|applied| applied.position).map_or(0, |at| at.index);
        if applied < purged {
            return Err(OpenError::Gap { applied, purged });
        }
        // A log that ends before the state, as an import leaves it, will be purged up to the state.
        let log_ends = log.last()?.map_or(purged, |(index, _)| index);
        let begins = if log_ends < applied { applied } else { purged };
        state.find_snapshot(begins..=applied)?;
        if !named {
            header::write_file(&*disk, identity)?;
        }
        Ok(Store { log: Arc::new(log), state: Arc::new(state), disk })
    }

    /// Whether the directory holds a store, of whomever.
    pub fn exists(disk: &dyn Disk) -> std::io::Result<bool> {
        Ok(disk.exists(log::FILE)? || disk.exists(state::FILE)? || disk.exists(QUARANTINE)?)
    }

    /// Marks the directory so that the node never takes part again; an operator removes it and gives a new node id.
    pub fn quarantine(&self, reason: &str) -> std::io::Result<()> {
        let file = self.disk.open(QUARANTINE, true)?;
        file.write(0, reason.as_bytes())?;
        file.sync()
    }

    /// Ends all use of the files. Later calls fail; views that are open stay readable.
    pub fn close(&self) {
        self.log.close();
        self.state.close();
    }

    /// A scrub over both files from the beginning.
    pub fn scrub(&self) -> Scrub {
        Scrub::new(self.log.clone(), self.state.clone())
    }
}

/// Whether a file of this name shows that a node was made in its directory.
pub fn is_data(name: &str) -> bool {
    [log::FILE, state::FILE, QUARANTINE, header::FILE].contains(&name)
}
