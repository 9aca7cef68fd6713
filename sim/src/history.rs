//! What clients did and saw: calls and their answers, reads, checkpoints and receipts.

use selfsame_client::ClientError;
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::response::SubmitResponse;

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one for each call, and most are accepted")]
pub enum Answer {
    /// Accepted, with the receipt.
    Ok(SubmitResponse),
    /// An open was decided.
    Opened(Option<Outcome>),
    /// Refused by rule: it has no effect, except for a record of the refusal.
    Refused(Code),
    /// It may have taken effect, or may yet.
    Unknown(String),
}

impl Answer {
    /// The meaning of a client's result.
    pub fn of(result: Result<SubmitResponse, ClientError>) -> Answer {
        match result {
            Ok(receipt) => Answer::Ok(receipt),
            Err(ClientError::Refused(refusal)) if !refusal.code.retryable() => Answer::Refused(refusal.code),
            Err(error) => Answer::Unknown(error.to_string()),
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Client host.
    pub client: String,
    /// Kind of command.
    pub what: &'static str,
    /// Digest of the submission's bytes: the same for a retry.
    pub submission: Digest,
    /// Simulated milliseconds of the call.
    pub invoked_ms: u64,
    /// Simulated milliseconds of the answer.
    pub answered_ms: Option<u64>,
    /// The answer.
    pub answer: Option<Answer>,
}

/// A read of a substrate that was answered.
#[derive(Clone, Debug)]
pub struct Read {
    /// Client host.
    pub client: String,
    /// The substrate.
    pub substrate: SubstrateId,
    /// Simulated milliseconds of the call.
    pub invoked_ms: u64,
    /// Simulated milliseconds of the answer.
    pub answered_ms: u64,
    /// Epoch and sequence number; `None` when there was no such substrate.
    pub seen: Option<(u64, u64)>,
}

/// A checkpoint that a client was given.
#[derive(Clone, Debug)]
pub struct Served {
    /// The note.
    pub note: String,
    /// Simulated milliseconds of the call.
    pub invoked_ms: u64,
    /// Simulated milliseconds of the answer.
    pub answered_ms: u64,
}

/// A receipt that a client took away, to show it to others.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The entry that it is about.
    pub entry: EntryRef,
    /// The receipt (c2sp.org/tlog-proof@v1).
    pub proof: String,
}

/// Everything that clients did and saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Submissions.
    pub calls: Vec<Call>,
    /// Reads of substrates.
    pub reads: Vec<Read>,
    /// Checkpoints that were served.
    pub checkpoints: Vec<Served>,
    /// Published checkpoints that were served.
    pub published: Vec<Served>,
    /// Receipts that were taken away.
    pub receipts: Vec<Taken>,
}
