//! Ledger entries: what stands in a leaf.
//!
//! A leaf is the canonical JSON of one [`Entry`], at most 65,535 bytes (the bound of tlog-tiles entry bundles):
//! ```text
//! {"depth":"0","index":"17","ledger":"evidence","prior_entry_hash":null|"sha256:…","record":{…},
//!  "subject":"substrate:<uuid>|run:sha256:…|organisation:<name>|cluster","submission":"sha256:…","time":"…Z"}
//! ```
//! The hash that names an entry (in `prior_entry_hash` and references) is its RFC 6962 leaf hash, SHA-256(0x00 ‖ leaf),
//! so that each leaf is hashed once. `depth` counts the subject's earlier entries in the same ledger.

use crate::canon;
use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::merkle::leaf_hash;
use crate::record::Record;
use crate::subject::Subject;
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};

/// Largest leaf in bytes: entry bundles carry a 16-bit length.
pub const MAX_LEAF_BYTES: usize = 65_535;

/// One entry. Member order here is free: the canonical form sorts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Position in the ledger, from 0.
    pub index: U64,
    /// Which ledger.
    pub ledger: Ledger,
    /// Whose chain: `substrate:…`, `run:…`, `organisation:…` or `cluster`.
    pub subject: Subject,
    /// Number of earlier entries of this subject in this ledger.
    pub depth: U64,
    /// Hash of the subject's previous entry in this ledger; `null` for the first.
    pub prior_entry_hash: Option<Digest>,
    /// Time that the proposer stamped, clamped to never run backwards.
    pub time: Timestamp,
    /// Digest of the signed submission that caused the entry.
    pub submission: Digest,
    /// The record.
    pub record: Record,
}

impl Entry {
    /// Canonical bytes: the leaf.
    pub fn leaf(&self) -> Vec<u8> {
        canon::to_canonical_of(self)
    }
    /// Reads a leaf; refuses what is not canonical or has unknown members.
    pub fn from_leaf(leaf: &[u8]) -> Result<Self, canon::CanonError> {
        canon::decode_exact(leaf, &canon::Limits::LEAF)
    }
    /// The hash that names a leaf.
    pub fn hash_of(leaf: &[u8]) -> Digest {
        leaf_hash(leaf)
    }
}

/// Where an entry stands and what names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRef {
    /// Which ledger.
    pub ledger: Ledger,
    /// Position, from 0.
    pub index: U64,
    /// RFC 6962 leaf hash.
    pub hash: Digest,
}
