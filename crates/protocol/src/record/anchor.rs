//! The size and root of a ledger, as records name it.

use crate::digest::Digest;
use crate::time::U64;
use serde::{Deserialize, Serialize};

/// The size and root of a ledger: in identity records the Evidence ledger's at that moment, so that neither tree can be
/// rolled back alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAnchor {
    /// Entries.
    pub size: U64,
    /// Root at that size.
    pub root: Digest,
}
