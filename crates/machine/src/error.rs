//! Why a decision ends without being accepted: refused, refused with a record, or a replica that cannot continue.

use crate::view::ReadError;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;

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

/// Why a submission ends without being accepted.
pub enum Stop {
    /// Refused; nothing changes.
    Refused(Refusal),
    /// Refused, and a rule demands a record of it: these entries are appended.
    Recorded(Refusal, Vec<(Ledger, Subject, Record)>),
    /// This replica cannot continue.
    Fatal(Fatal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}
impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Stop::Fatal(error.into())
    }
}

/// A refusal as an error of a decision.
pub fn refuse<T>(code: Code, sentence: &str, expected: impl ToString, found: impl ToString) -> Result<T, Stop> {
    Err(Stop::Refused(Refusal::new(code, sentence, expected, found)))
}
