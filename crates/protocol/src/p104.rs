//! P104 formulas: every hash of the identity chain, and the order of the four outcomes.
//!
//! The three published formulas are literal ([`substrate_identity_hash`], [`cycle_identity_hash`],
//! [`continuity_hash`]); the formulas that selfsame had to define start with an operand that names them. Hash operands
//! are 64 hex characters, counters decimal, times the exact string of the record, an absent attestation the empty
//! operand, which no hash can equal.

use crate::digest::{Digest, MAX_BITS, framed};
use crate::names::SubstrateId;
use crate::number::{Epoch, LogIndex};
use crate::time::{Timestamp, U64};
use crate::{canon, form};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema version that this release writes into births and closes.
pub const SCHEMA_VERSION: &str = "p104-1.0.0";

/// The sentence of P104 `[0032]` for VERIFIED. `point` is `<time>/<depth>`.
pub fn continuation_notice(since: &str, depth: u64) -> String {
    format!("Substrate identity verified — continuing from {since}/{depth}.")
}

/// FoundingTensionHash: SHA-256 of the canonical founding incompatibility document (P104 `[0014]`).
pub fn founding_tension_hash(canonical_document: &[u8]) -> Digest {
    Digest::of(canonical_document)
}

/// Milliseconds that the time of a birth may lie before the ledger's: what a chip attested has a day to reach the log.
pub const BIRTH_BEHIND_MS: u64 = 24 * 3_600_000;
/// Milliseconds that it may lie after the ledger's: the clock of a chip may be an hour ahead.
pub const BIRTH_AHEAD_MS: u64 = 3_600_000;

/// Whether a birth of this time may be entered at this time of the ledger (P104 `[0015]`): a birth cannot be dated back,
/// nor ahead. Else the first and the last time that may be.
pub fn check_birth_time(birth: Timestamp, ledger: Timestamp) -> Result<(), [Timestamp; 2]> {
    let first = Timestamp::from_millis(ledger.millis().saturating_sub(BIRTH_BEHIND_MS));
    let last = Timestamp::from_millis(ledger.millis().saturating_add(BIRTH_AHEAD_MS));
    if first <= birth && birth <= last { Ok(()) } else { Err([first, last]) }
}

/// SubstrateIdentityHash (P104 `[0016]`). `attestation` is `None` for an incomplete birth.
pub fn substrate_identity_hash(
    substrate_id: &str,
    founding_tension: &Digest,
    initialised: Timestamp,
    attestation: Option<&Digest>,
    schema_version: &str,
) -> Digest {
    framed(&[
        substrate_id.as_bytes(),
        founding_tension.hex().as_bytes(),
        initialised.to_string().as_bytes(),
        attestation.map(Digest::hex).unwrap_or_default().as_bytes(),
        schema_version.as_bytes(),
    ])
}

/// CycleIdentityHash (P104 `[0018]`); a migration cycle appends the origin's and the destination's attestation hashes
/// (`[0040]`). The number of operands tells the two apart.
pub fn cycle_identity_hash(
    prior: &Digest,
    goalvector_resolution: &Digest,
    constitutional_state: &Digest,
    reasoning_depth: U64,
    cycle_timestamp: Timestamp,
    migration: Option<(&Digest, &Digest)>,
) -> Digest {
    let operands = [
        prior.hex(),
        goalvector_resolution.hex(),
        constitutional_state.hex(),
        reasoning_depth.to_string(),
        cycle_timestamp.to_string(),
    ];
    let attestations = migration.map(|(origin, destination)| [origin.hex(), destination.hex()]);
    let parts: Vec<&[u8]> = operands.iter().chain(attestations.iter().flatten()).map(|s| s.as_bytes()).collect();
    framed(&parts)
}

/// CrossSessionIdentityContinuityHash (P104 `[0019]`).
pub fn continuity_hash(
    latest_cycle: &Digest,
    evidence_depth: U64,
    reasoning_depth: U64,
    closed: Timestamp,
    schema_version: &str,
) -> Digest {
    framed(&[
        latest_cycle.hex().as_bytes(),
        evidence_depth.to_string().as_bytes(),
        reasoning_depth.to_string().as_bytes(),
        closed.to_string().as_bytes(),
        schema_version.as_bytes(),
    ])
}

/// `H(tag, JCS(value))`: the form of every hash that selfsame defines itself.
pub fn tagged<T: Serialize>(tag: &str, value: &T) -> Digest {
    framed(&[tag.as_bytes(), &canon::to_canonical_of(value)])
}

/// Tag of a goal vector resolution hash.
pub const TAG_GOALVECTOR: &str = "selfsame/goalvector-resolution/v1";
/// Tag of a constitutional state hash.
pub const TAG_CONSTITUTION: &str = "selfsame/constitutional-state/v1";
/// Tag of an amendment hash.
pub const TAG_AMENDMENT: &str = "selfsame/amendment/v1";
/// Tag of an attestation hash.
pub const TAG_ATTESTATION: &str = "selfsame/attestation/v1";
/// Tag of the migration attestation that stands as resolution of a migration cycle.
pub const TAG_MIGRATION: &str = "selfsame/migration-identity-attestation/v1";
/// Tag of a statement hash.
pub(crate) const TAG_STATEMENT: &str = "selfsame/identity-statement/v1";
/// Tag of a migration nonce.
pub const TAG_NONCE: &str = "selfsame/migration-nonce/v1";

/// The nonce that the log issues for a migration: nobody chooses it, every replica and auditor recomputes it.
pub fn migration_nonce(
    cluster: &str,
    substrate_id: &str,
    migration_id: &str,
    seal_index: LogIndex,
    head: &Digest,
) -> Digest {
    framed(&[
        TAG_NONCE.as_bytes(),
        cluster.as_bytes(),
        substrate_id.as_bytes(),
        migration_id.as_bytes(),
        seal_index.to_string().as_bytes(),
        head.hex().as_bytes(),
    ])
}

/// What is in force for a substrate: the preimage of the constitutional state hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constitution {
    /// The founding tension, so that every cycle hash contains it (claim 2).
    pub founding_tension_hash: Digest,
    /// Schema version at birth.
    #[serde(deserialize_with = "form::name")]
    pub schema_version: String,
    /// Governance parameters; amendments change them.
    pub parameters: BTreeMap<String, Value>,
    /// Calibration in force.
    #[serde(deserialize_with = "Thresholds::recorded")]
    pub thresholds: Thresholds,
    /// Hash of the last enacted amendment; `null` before the first.
    pub amendment_head: Option<Digest>,
    /// Number of enacted amendments.
    pub amendments: U64,
    /// The active chip; `null` for a substrate born without one.
    pub chip: Option<Digest>,
    /// Recoveries of the cluster that this substrate has gone through; left out before the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recovery_count: U64,
}

/// An amendment of governance parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Hash of the founding tension that it addresses: must be the substrate's.
    pub founding_tension_hash: Digest,
    /// Why, in words.
    pub reason: String,
    /// Parameters to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Value>,
    /// Parameters to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// A replacement of the founding document; refused, and the refusal recorded, with the drift it would cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding: Option<Value>,
}

fn is_zero(count: &U64) -> bool {
    count.0 == 0
}

impl Constitution {
    /// The constitutional state hash.
    pub fn hash(&self) -> Digest {
        tagged(TAG_CONSTITUTION, self)
    }

    /// Puts an amendment in force; gives its hash and that of the one before it.
    pub fn enact(&mut self, amendment: &Amendment) -> (Digest, Option<Digest>) {
        let hash = tagged(TAG_AMENDMENT, amendment);
        let prior = self.amendment_head.replace(hash);
        self.amendments = U64(self.amendments.0.saturating_add(1));
        self.parameters.extend(amendment.set.clone());
        for name in &amendment.remove {
            self.parameters.remove(name);
        }
        (hash, prior)
    }
}

/// P104's calibration parameters, as configuration in force for one substrate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// IdentityContinuityMinimumLineageDepth: a depth below it is INSUFFICIENT_DEPTH.
    pub minimum_lineage_depth: U64,
    /// FoundingTensionDriftTolerance in bits, 0 to 256: a drift above it is DRIFT_EXCEEDED. Any change of the founding
    /// document moves about 128 bits, so only 0 and 256 are meaningful.
    pub drift_tolerance: u32,
    /// CrossSessionIdentityVerificationWindow in milliseconds between close and open; 0 is off. Past it the notice of
    /// continuation is withheld; it is never a fifth outcome.
    pub verification_window_ms: U64,
    /// IdentityMigrationAttestation: whether a migration needs an attested chip on both ends.
    pub migration_attestation: bool,
}

impl Thresholds {
    /// Reads thresholds as they are recorded: with a tolerance of 0 to 256 bits.
    pub(crate) fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let thresholds = Thresholds::deserialize(deserializer)?;
        match thresholds.drift_tolerance {
            0..=MAX_BITS => Ok(thresholds),
            bits => Err(D::Error::custom(format!("a tolerance of {bits} is more than {MAX_BITS} bits"))),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            minimum_lineage_depth: U64(1),
            drift_tolerance: 0,
            verification_window_ms: U64(0),
            migration_attestation: true,
        }
    }
}

crate::named! {
    /// The result of an identity verification (P104 `[0032]`), in order of precedence.
    pub enum Outcome: "an outcome" {
        /// The ledger was modified: fail closed.
        HashMismatch = "HASH_MISMATCH",
        /// The founding tension drifted past tolerance: a new lineage begins.
        DriftExceeded = "DRIFT_EXCEEDED",
        /// Too few cycles: continues with a reduced claim.
        InsufficientDepth = "INSUFFICIENT_DEPTH",
        /// The same entity continues.
        Verified = "VERIFIED",
    }
}

impl Outcome {
    /// Exactly one outcome from the three conditions: integrity first, then drift, then depth.
    pub fn decide(hashes_match: bool, drift: u32, lineage_depth: u64, thresholds: &Thresholds) -> Self {
        if !hashes_match {
            Outcome::HashMismatch
        } else if drift > thresholds.drift_tolerance {
            Outcome::DriftExceeded
        } else if lineage_depth < thresholds.minimum_lineage_depth.0 {
            Outcome::InsufficientDepth
        } else {
            Outcome::Verified
        }
    }
}

/// The identity statement, exactly the members of P104 `[0041]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityStatement {
    /// Always `identity_statement`.
    pub record_type: String,
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Root of identity.
    pub founding_tension_hash: Digest,
    /// Hash of the birth record.
    pub substrate_identity_hash: Digest,
    /// Number of cycles since birth. A JSON number, as published.
    pub identity_lineage_depth: u64,
    /// Hash of the latest cycle; the substrate identity hash before the first.
    pub latest_cycle_identity_hash: Digest,
    /// `null` before the first close, not absent.
    #[serde(deserialize_with = "present")]
    pub cross_session_continuity_hash: Option<Digest>,
    /// Entries of the substrate in the Evidence ledger.
    pub evidence_ledger_depth: u64,
    /// Entries of the substrate in the Reasoning ledger.
    pub reasoning_ledger_depth: u64,
    /// Hash of what is in force.
    pub constitutional_state_hash: Digest,
    /// Attestation of the active chip; `null` for an incomplete birth, not absent.
    #[serde(deserialize_with = "present")]
    pub governance_chip_attestation_hash: Option<Digest>,
    /// One of the four outcome names: the last committed verification. INSUFFICIENT_DEPTH before the first.
    pub identity_continuity_status: Outcome,
    /// When the facts were read.
    pub statement_timestamp: Timestamp,
    /// [`IdentityStatement::expected_hash`].
    pub statement_hash: Digest,
}

/// A member that may be `null` but must stand.
fn present<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Digest>, D::Error> {
    Option::deserialize(d)
}

impl IdentityStatement {
    /// `H("selfsame/identity-statement/v1", JCS(statement without statement_hash))`.
    pub fn expected_hash(&self) -> Digest {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.remove("statement_hash");
        }
        tagged(TAG_STATEMENT, &value)
    }
}

crate::named! {
    /// The technologies of chips of this version. `tpm2` is reserved.
    pub enum Technology: "a technology of chips" {
        /// An Ed25519 key: it stands in for hardware.
        Software = "software",
    }
}

/// What a chip signs: a statement about one purpose, over the canonical bytes of `claims`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// What kind of chip.
    pub technology: Technology,
    /// The chip's key.
    pub chip: crate::keys::PublicKey,
    /// Ed25519 over `"selfsame/attestation/v1\n" ‖ JCS(claims)`, 128 lowercase hex.
    #[serde(deserialize_with = "form::signature")]
    pub signature: String,
}

crate::tagged! { "purpose",
/// What an attestation claims: exactly the facts that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// The birth pre-record (before its hash exists: the hash contains the attestation).
    Birth {
        /// UUID.
        substrate_id: SubstrateId,
        /// Root of identity.
        founding_tension_hash: Digest,
        /// Time of birth.
        initialisation_timestamp: Timestamp,
        /// Schema.
        schema_version_at_init: String,
    },
    /// Arrival at a destination, or return to the origin on abort, under the nonce that the log issued.
    Activation {
        /// Cluster.
        cluster: String,
        /// UUID.
        substrate_id: SubstrateId,
        /// Migration.
        migration_id: String,
        /// Nonce of the seal.
        nonce: Digest,
        /// The epoch that will begin.
        epoch: Epoch,
        /// Continuity hash of the last close.
        continuity_hash: Digest,
        /// Latest cycle identity hash.
        head: Digest,
    },
}
}

const ATTESTATION_PREFIX: &[u8] = b"selfsame/attestation/v1\n";

impl Attestation {
    /// The software chip's attestation.
    pub fn software(claims: &Claims, chip: &crate::keys::SecretKey) -> Self {
        let signature = chip.sign(&[ATTESTATION_PREFIX, &canon::to_canonical_of(claims)].concat());
        Self { technology: Technology::Software, chip: chip.public(), signature: crate::digest::hex(&signature) }
    }
    /// Whether this attests exactly `claims`. Names the failing check otherwise.
    pub fn verify(&self, claims: &Claims) -> Result<(), String> {
        let signature = crate::digest::unhex(&self.signature)
            .and_then(|b| <[u8; 64]>::try_from(b).ok())
            .ok_or_else(|| "signature is 128 lowercase hex characters".to_string())?;
        if self.chip.verify(&[ATTESTATION_PREFIX, &canon::to_canonical_of(claims)].concat(), &signature) {
            Ok(())
        } else {
            Err(format!("signature by {} over these claims", self.chip))
        }
    }
    /// The attestation hash that enters identity hashes.
    pub fn hash(&self) -> Digest {
        tagged(TAG_ATTESTATION, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// shows: P-042
    #[test]
    fn a_birth_is_a_day_behind_the_ledger_at_most_and_an_hour_ahead() {
        let at = |millis| Timestamp::from_millis(millis);
        let ledger = 1_772_928_000_000;
        for (birth, allowed) in [
            (ledger, true),
            (ledger - BIRTH_BEHIND_MS, true),
            (ledger - BIRTH_BEHIND_MS - 1, false),
            (ledger + BIRTH_AHEAD_MS, true),
            (ledger + BIRTH_AHEAD_MS + 1, false),
            (0, false),
        ] {
            assert_eq!(check_birth_time(at(birth), at(ledger)).is_ok(), allowed, "{birth}");
        }
        assert_eq!(check_birth_time(at(0), at(5)), Ok(()));
    }
}
