//! The first failing check of a bundle, or of another file that is verified offline.

use crate::ledger::Ledger;
use crate::merkle::ProofFailure;
use crate::replay::BadCheck;
use serde::Serialize;

/// The first failing check of a bundle or statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{check}{}: expected {expected}, found {found}", place(.ledger, .index))]
pub struct BundleError {
    /// Stable name of the check.
    pub check: String,
    /// Ledger of the entry, when one is named.
    pub ledger: Option<Ledger>,
    /// Ledger index of the entry.
    pub index: Option<u64>,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
    /// `true` when the bytes were altered; `false` when nothing can be decided (no key, another format).
    pub tampered: bool,
}

fn place(ledger: &Option<Ledger>, index: &Option<u64>) -> String {
    match (ledger, index) {
        (Some(ledger), Some(index)) => format!(" at {ledger} entry {index}"),
        _ => String::new(),
    }
}

/// The bytes were altered.
pub(crate) fn bad<T>(check: &str, expected: impl ToString, found: impl ToString) -> Result<T, BundleError> {
    Err(BundleError {
        check: check.into(),
        ledger: None,
        index: None,
        expected: expected.to_string(),
        found: found.to_string(),
        tampered: true,
    })
}

/// Nothing can be decided.
pub(super) fn undecided<T>(check: &str, expected: impl ToString, found: impl ToString) -> Result<T, BundleError> {
    bad(check, expected, found).map_err(|error| BundleError { tampered: false, ..error })
}

/// The beginning of a foreign text, for a message.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

pub(super) fn from_replay(bad: BadCheck) -> BundleError {
    BundleError {
        check: bad.check.into(),
        ledger: Some(bad.ledger),
        index: Some(bad.index),
        expected: bad.expected,
        found: bad.found,
        tampered: true,
    }
}

/// The failure of an inclusion proof: `INCLUSION_` and the rule.
pub(crate) fn not_included(ledger: Ledger, index: u64, failure: ProofFailure) -> BundleError {
    BundleError {
        check: format!("INCLUSION_{}", failure.check),
        ledger: Some(ledger),
        index: Some(index),
        expected: failure.expected,
        found: failure.found,
        tampered: true,
    }
}
