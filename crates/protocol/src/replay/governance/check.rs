//! Failed checks at entries of the Reasoning ledger.

use crate::canon;
use crate::replay::check::{self as failed, BadCheck, Check};
use serde::Serialize;

/// A failed check at a Reasoning entry.
pub(super) fn bad<T>(
    check: &'static str,
    index: u64,
    expected: impl ToString,
    found: impl ToString,
) -> Result<T, BadCheck> {
    Err(failed::bad(check, index, expected, found))
}

pub(super) fn equal<T: PartialEq + Serialize>(check: &'static str, index: u64, expected: &T, found: &T) -> Check {
    if expected == found { Ok(()) } else { bad(check, index, canon::text_of(expected), canon::text_of(found)) }
}
