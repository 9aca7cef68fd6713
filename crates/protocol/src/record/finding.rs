//! What a node finds in a verification.

use crate::digest::Digest;
use crate::form;
use crate::ledger::Ledger;
use crate::p104::Outcome;
use crate::time::U64;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// What one node found when it re-hashed a substrate from its own disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The outcome that follows.
    pub outcome: Outcome,
    /// Short name of the deciding check, for example `ENTRY_HASH` or `CONTINUITY_HASH`.
    pub check: String,
    /// The first bad entry.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<BadEntry>,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
    /// Hamming distance of the founding tension, bits.
    #[serde(deserialize_with = "form::bits")]
    pub drift: u32,
    /// Cycles since birth.
    pub lineage_depth: U64,
    /// The recomputed continuity hash; absent when there was no close.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recomputed: Option<Digest>,
    /// Entries re-hashed, both ledgers.
    pub entries_checked: U64,
}

/// The place of the first bad entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadEntry {
    /// Which ledger.
    pub ledger: Ledger,
    /// Ledger index.
    pub index: U64,
}

impl Finding {
    /// Reads a finding as it is recorded: its texts are cut.
    pub(crate) fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let finding = Finding::deserialize(deserializer)?;
        let texts = [&finding.check, &finding.expected, &finding.found];
        match texts.iter().all(|text| form::is_cut(text, form::FINDING_TEXT)) {
            true => Ok(finding),
            false => Err(D::Error::custom("a text of the finding is not cut to 200 characters")),
        }
    }
}
