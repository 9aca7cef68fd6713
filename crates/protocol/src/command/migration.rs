//! Commands that move a substrate from one chip to another.

use super::substrate::FencingToken;
use crate::digest::Digest;
use crate::names::SubstrateId;
use crate::p104::Attestation;
use crate::time::U64;
use serde::{Deserialize, Serialize};

/// Chip: seal the substrate for a migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// New migration.
    pub migration_id: String,
    /// Destination chip id.
    pub destination: Digest,
    /// Latest cycle identity hash.
    pub head: Digest,
    /// Continuity hash of the last close.
    pub continuity_hash: Digest,
    /// The substrate's entries in the Evidence ledger.
    pub evidence_ledger_depth: U64,
    /// The substrate's entries in the Reasoning ledger.
    pub reasoning_ledger_depth: U64,
}

/// Destination chip: having verified the bundle, become active. One entry activates it at the next epoch,
/// invalidates the origin's activation and appends the migration cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrive {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Migration.
    pub migration_id: String,
    /// Attestation over the nonce.
    pub attestation: Attestation,
    /// Continuity hash, restated from the bundle.
    pub continuity_hash: Digest,
    /// Latest cycle identity hash, restated from the bundle.
    pub head: Digest,
}

/// Origin chip: abandon a migration before arrival, and continue at a new epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbortMigration {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Migration.
    pub migration_id: String,
    /// Fresh attestation over the nonce.
    pub attestation: Attestation,
}
