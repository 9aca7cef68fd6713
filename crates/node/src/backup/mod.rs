//! Backups of a node, and new nodes from them. The bytes and their verification are in [`selfsame_offline::backup`].
//!
//! A backup is taken from the data directory and not asked of the node: it holds everything, so that whoever may read the
//! directory may take it and nobody else, and the client port needs no further right. A stopped node's state is exported as
//! it is; of a running node, whose databases are its own, the newest whole snapshot is taken, which nobody writes to.

mod restore;
mod take;

pub use restore::{Restored, restore};
pub use take::{BackupTaken, take};

use crate::store::{OpenError, SnapshotError, WriteError};
use selfsame_machine::view::ReadError;
use selfsame_offline::Failure;
use std::path::PathBuf;

/// Why there is no backup, or no node from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or a directory cannot be used.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Reason of the system.
        error: std::io::Error,
    },
    /// The data directory cannot be opened.
    #[error("data directory: {0}")]
    Open(#[from] OpenError),
    /// The state cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The snapshot is not whole.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A rule of backups.
    #[error("{rule}{}", values(.expected, .found))]
    Refused {
        /// The rule.
        rule: &'static str,
        /// What it wanted.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The backup does not hold.
    #[error("the backup does not hold: {0}")]
    Failed(Failure),
}

/// Both values, where there are any.
fn values(expected: &str, found: &str) -> String {
    match (expected, found) {
        ("", "") => String::new(),
        ("", found) => format!(" ({found})"),
        (expected, found) => format!(" (expected {expected}, found {found})"),
    }
}

fn refused(rule: &'static str, expected: impl ToString, found: impl ToString) -> BackupError {
    BackupError::Refused { rule, expected: expected.to_string(), found: found.to_string() }
}

/// Whose backups these are.
#[derive(Clone, Debug)]
pub struct Whose<'a> {
    /// Cluster id.
    pub cluster: &'a str,
    /// Digest of the consensus identity.
    pub genesis: String,
    /// Node id.
    pub node: u64,
}
