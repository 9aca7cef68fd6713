//! What a node knows about replication.

use serde::Serialize;

/// A node's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RaftRole {
    /// Receives entries without a vote.
    Learner,
    /// Votes and receives entries.
    Follower,
    /// Stands for election.
    Candidate,
    /// Orders entries.
    Leader,
    /// The core stopped.
    Stopped,
}

/// A moment of one node's replication; read without a quorum, so others may know better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaftStatus {
    /// This node.
    pub id: u64,
    /// Its part.
    pub role: RaftRole,
    /// Current term.
    pub term: u64,
    /// Leader of the term, when known.
    pub leader: Option<u64>,
    /// Last index in the log.
    pub last_log: Option<u64>,
    /// Last index known to be committed; openraft 0.9 reports what was applied.
    pub commit: Option<u64>,
    /// Last index applied; a crash takes the last ones back, and the log gives them again.
    pub applied: u64,
    /// Voters with their peer addresses.
    pub voters: Vec<(u64, String)>,
    /// Learners with their peer addresses.
    pub learners: Vec<(u64, String)>,
    /// Last index of the current snapshot.
    pub snapshot: Option<u64>,
    /// Last purged index.
    pub purged: Option<u64>,
    /// Digest of the latest state, lowercase hex; empty before the first batch.
    pub state_digest: String,
}
