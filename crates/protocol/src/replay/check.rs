//! A check that failed, and the comparisons that give one.

use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::record::Record;
use serde_json::Value;

/// The first check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check} at {ledger} entry {index}: expected {expected}, found {found}")]
pub struct BadCheck {
    /// Stable name of the check.
    pub check: &'static str,
    /// Which ledger.
    pub ledger: Ledger,
    /// Ledger index of the entry; the number of entries seen when the entry itself is missing or unreadable.
    pub index: u64,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
}

impl BadCheck {
    /// A failed check at an entry of a ledger.
    pub(crate) fn at(
        (ledger, index): (Ledger, u64),
        check: &'static str,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self { check, ledger, index, expected: expected.to_string(), found: found.to_string() }
    }
}

/// A check that held, or the first that failed.
pub(super) type Check = Result<(), BadCheck>;

/// A failed check at a Reasoning entry.
pub(super) fn bad(check: &'static str, index: u64, expected: impl ToString, found: impl ToString) -> BadCheck {
    BadCheck::at((Ledger::Reasoning, index), check, expected, found)
}

/// Two values of a Reasoning entry that must be equal.
pub(super) fn same<T: PartialEq + ToString>(check: &'static str, index: u64, expected: T, found: T) -> Check {
    if expected == found { Ok(()) } else { Err(bad(check, index, expected, found)) }
}

/// The same for digests that may be absent.
pub(super) fn same_or_none(
    check: &'static str,
    index: u64,
    expected: &Option<Digest>,
    found: &Option<Digest>,
) -> Check {
    if expected == found { Ok(()) } else { Err(bad(check, index, show(expected), show(found))) }
}

pub(crate) fn show(digest: &Option<Digest>) -> String {
    digest.map_or_else(|| "none".into(), |d| d.to_string())
}

/// The `record_type` of a record.
pub fn kind(record: &Record) -> String {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map.get("record_type").and_then(Value::as_str).unwrap_or("unknown").into(),
        _ => "unknown".into(),
    }
}
