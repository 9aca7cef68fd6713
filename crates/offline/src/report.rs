//! What a verification says.

use selfsame_protocol::bundle::{BundleError, End};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::version::is_other;
use serde::Serialize;
use serde_json::Value;

/// The first check that failed: its stable name, the entry when one is named, both values, and whether the bytes were
/// altered or nothing can be decided.
pub type Failure = BundleError;

/// The bytes contradict each other or a signature.
pub fn altered(check: &str, at: Option<(Ledger, u64)>, expected: impl ToString, found: impl ToString) -> Failure {
    Failure {
        check: check.into(),
        ledger: at.map(|(ledger, _)| ledger),
        index: at.map(|(_, index)| index),
        expected: expected.to_string(),
        found: found.to_string(),
        tampered: true,
    }
}

/// Something is missing, unknown or not understood.
pub fn undecided(check: &str, expected: impl ToString, found: impl ToString) -> Failure {
    Failure { tampered: false, ..altered(check, None, expected, found) }
}

/// How far one kind of check went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It held, for what is named.
    Held(String),
    /// It was not done, for the reason named.
    NotChecked(String),
}

impl Level {
    /// A check that held.
    pub fn held(what: impl ToString) -> Level {
        Level::Held(what.to_string())
    }
    /// A check that was not done.
    pub fn not(why: impl ToString) -> Level {
        Level::NotChecked(why.to_string())
    }
}

/// How much was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The bytes have the form that the protocol gives them.
    pub structure: Level,
    /// Each entry names the one before it.
    pub chain: Level,
    /// Entries stand in the Merkle tree of the checkpoint.
    pub tree: Level,
    /// Signatures under checkpoints.
    pub cosignatures: Level,
    /// What chips and nodes signed beyond checkpoints.
    pub attestation: Level,
}

/// A file that holds.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// What the file is.
    pub file_kind: &'static str,
    /// How much was checked.
    pub checked: Checked,
    /// Of a history: whether somebody whom the reader named says that nothing was cut off at its end. It stands in the
    /// detail as `later_entries`.
    #[serde(skip)]
    pub end: Option<End>,
    /// What it says, by kind; its members stand beside the others.
    #[serde(flatten)]
    pub detail: Value,
}

/// Refuses to say anything about another version of what is known.
pub(crate) fn version(known: &[&str], named: Option<&str>) -> Result<(), Failure> {
    let Some(named) = named else { return Ok(()) };
    match known.iter().find(|known| is_other(known, named)) {
        Some(known) => Err(undecided("UNSUPPORTED_VERSION", known, named)),
        None => Ok(()),
    }
}
