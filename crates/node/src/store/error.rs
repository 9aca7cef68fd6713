//! Errors of the store, split by who must act.

use selfsame_machine::view::ReadError;

/// The directory cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The header names something else.
    #[error("{file} belongs to another {what}: expected {expected}, found {found}")]
    Foreign {
        /// File.
        file: &'static str,
        /// `cluster`, `genesis` or `node`.
        what: &'static str,
        /// This node's.
        expected: String,
        /// The file's.
        found: String,
    },
    /// Written by newer software.
    #[error("{file} has format {found}, this program reads formats up to {supported}: use a newer version of it")]
    Newer {
        /// File.
        file: &'static str,
        /// Its format.
        found: u32,
        /// Newest format known.
        supported: u32,
    },
    /// Written before the first release, in a format that nothing reads any more.
    #[error("{file} has format {found}, this program reads format {supported}: join with a new node id")]
    Older {
        /// File.
        file: &'static str,
        /// Its format.
        found: u32,
        /// Format known.
        supported: u32,
    },
    /// What the log wrote is not what it reads: decay, or a file that was changed, cut or lost.
    #[error("{file} is damaged: {reason}: join with a new node id")]
    Damaged {
        /// File.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// One of the two files is gone.
    #[error("{present} holds data but {missing} is missing or empty: restore both, or join with a new node id")]
    Missing {
        /// The file that is there.
        present: &'static str,
        /// The file that is not.
        missing: &'static str,
    },
    /// Log entries are gone whose effects the state does not hold: one of the files is older than the other.
    #[error(
        "state.redb holds everything up to log entry {applied}, log.redb nothing up to {purged}: one of them was \
         replaced by an older copy; restore both from one moment, or join with a new node id"
    )]
    Gap {
        /// Last applied index.
        applied: u64,
        /// Last purged index.
        purged: u64,
    },
    /// The node was taken out of service for good.
    #[error("this data directory is quarantined: {reason}")]
    Quarantined {
        /// Why, as recorded.
        reason: String,
    },
    /// Not a database, or a damaged one.
    #[error("{file} cannot be opened: {reason}")]
    Unusable {
        /// File.
        file: &'static str,
        /// The database's reason.
        reason: String,
    },
    /// A record needed at start cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A first write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The disk failed.
    #[error("data directory: {0}")]
    Io(#[from] std::io::Error),
}

/// Consensus data could not be made durable. The node must stop: what the disk holds is unknown until it is reopened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("writing {what} failed, the node must stop: {reason}")]
pub struct WriteError {
    /// What was being written.
    pub what: &'static str,
    /// The database's or disk's reason.
    pub reason: String,
}

impl WriteError {
    pub(super) fn new(what: &'static str, reason: impl ToString) -> Self {
        Self { what, reason: reason.to_string() }
    }
}

/// A snapshot cannot be written, read or installed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file does not hold what its digests say: the sender, or the disk between.
    #[error("snapshot {name}: {rule} (expected {expected}, found {found})")]
    Bad {
        /// File.
        name: String,
        /// Broken rule.
        rule: &'static str,
        /// Expected value.
        expected: String,
        /// Found value.
        found: String,
    },
    /// The state cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The disk failed.
    #[error("snapshot file: {0}")]
    Io(#[from] std::io::Error),
}

/// A database error while reading.
pub(super) fn read_io(error: impl ToString) -> ReadError {
    ReadError::Io(error.to_string())
}
