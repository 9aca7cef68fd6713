//! Places in the log and votes, in the store's own terms.

use serde::{Deserialize, Serialize};

/// A place in the log: index, and the leader that wrote it. Ordered as consensus orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogId {
    /// Term of the leader.
    pub term: u64,
    /// Node id of the leader.
    pub node: u64,
    /// Index, from 0.
    pub index: u64,
}

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (term {} of node {})", self.index, self.term, self.node)
    }
}

/// A vote that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredVote {
    /// Term.
    pub term: u64,
    /// Candidate.
    pub node: u64,
    /// Whether a quorum granted it.
    pub committed: bool,
}
