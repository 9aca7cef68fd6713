//! One batch of submissions: the entry point of every decision.

use crate::view::{Changes, ReadError, View};
use selfsame_protocol::code::Refusal;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Prepared;
use selfsame_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one Raft entry carries.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Time that the proposer stamped; clamped here to never run backwards.
    pub time: Timestamp,
    /// Submissions, each prepared (format and signature checked) by this replica, or refused in preparation.
    pub submissions: Vec<Result<Prepared, Refusal>>,
}

/// The answer to an accepted submission. Its JSON is stored and returned to every retry, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The submission.
    pub submission: Digest,
    /// Entries that it caused.
    pub entries: Vec<EntryRef>,
    /// Facts about the result, by command (for example `run_id`, `verification`, `cycle_identity_hash`, `nonce`).
    pub result: Value,
}

/// Accepted or refused. A refused submission changed nothing, except for the refusal record of the rules that demand one.
pub type Outcome = Result<Receipt, Refusal>;

/// What a batch did.
#[derive(Debug)]
pub struct Applied {
    /// One per submission, in order.
    pub outcomes: Vec<Outcome>,
    /// To be stored in one transaction together with the applied index.
    pub changes: Changes,
    /// BLAKE3 state digest after this index: `BLAKE3(previous ‖ index ‖ changes)`.
    pub digest: [u8; 32],
}

/// This replica cannot continue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// The state cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An invariant does not hold: a bug, or memory that lies.
    #[error("invariant broken: {0}")]
    Invariant(String),
}

/// Applies one batch at log index `index`.
pub fn apply(_view: &dyn View, _index: u64, _batch: &Batch) -> Result<Applied, Fatal> {
    unimplemented!()
}
