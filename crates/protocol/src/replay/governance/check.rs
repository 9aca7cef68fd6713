//! Failed checks at entries of the Reasoning ledger.

use crate::ledger::Ledger;
use crate::replay::check::{BadCheck, Check};

/// A failed check at a Reasoning entry.
pub(super) fn bad<T>(
    check: &'static str,
    index: u64,
    expected: impl ToString,
    found: impl ToString,
) -> Result<T, BadCheck> {
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(BadCheck { check, ledger: Ledger::Reasoning, index, expected, found })
}

pub(super) fn equal<T: PartialEq + std::fmt::Debug>(check: &'static str, index: u64, expected: &T, found: &T) -> Check {
    if expected == found { Ok(()) } else { bad(check, index, format!("{expected:?}"), format!("{found:?}")) }
}
