//! Commands about a substrate: its birth, its sessions, and what is written in them.

use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::names::SubstrateId;
use crate::number::{Epoch, LogIndex};
use crate::p104::{Amendment, Attestation, Thresholds};
use crate::record::finding::Finding;
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The right to write for a substrate: exactly the current activation and the next sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FencingToken {
    /// Epoch of the activation, from 1.
    pub epoch: Epoch,
    /// Next sequence number within the epoch, from 1.
    pub seq: U64,
}

/// One item of an append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Which ledger.
    pub ledger: Ledger,
    /// The content, any JSON.
    pub data: Value,
    /// Evidence entries referred to, by entry hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
    /// Runs referred to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Digest>,
}

/// How a goal vector was resolved in a cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalVector {
    /// Caller's name of the goal vector.
    pub goalvector_id: String,
    /// The constitutional outcome, any JSON.
    pub outcome: Value,
    /// Evidence entries it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
    /// Runs it used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Digest>,
}

/// A birth prepared in advance, for the case that an open finds DRIFT_EXCEEDED.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedBirth {
    /// UUID of the new entity.
    pub substrate_id: SubstrateId,
    /// Its time of birth.
    pub initialisation_timestamp: Timestamp,
    /// The chip's attestation of the pre-record; absent leaves the new birth incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

/// Chip: a substrate is born. The founding tension hash is computed by the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitSubstrate {
    /// UUID, lowercase.
    pub substrate_id: SubstrateId,
    /// The founding incompatibility.
    pub founding: Value,
    /// Time of birth, as attested.
    pub initialisation_timestamp: Timestamp,
    /// Schema version.
    pub schema_version: String,
    /// Governance parameters at birth.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// Calibration.
    pub thresholds: Thresholds,
    /// Attestation of the pre-record; absent leaves the birth incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

/// Chip: ask for the verification that opens a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// The continuity hash that the opener kept from the last close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuity_hash: Option<Digest>,
    /// The founding document that the running substrate holds now; the recorded one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding: Option<Value>,
    /// Birth to use if the drift is exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_lineage: Option<PreparedBirth>,
}

/// Chip: append evidence and reasoning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// 1 to 1,000 items.
    pub items: Vec<Item>,
}

/// Chip: queue an amendment; it is enacted when the cycle closes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amend {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// Content.
    pub amendment: Amendment,
}

/// Chip: close a goal vector resolution cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseCycle {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// Unique in the substrate.
    pub cycle_id: String,
    /// The resolution.
    pub goalvector: GoalVector,
    /// The prior identity hash that the chip holds.
    pub prior_identity_hash: Digest,
}

/// Chip: close the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseSession {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Right.
    pub fence: FencingToken,
    /// The latest cycle identity hash that the chip holds.
    pub head: Digest,
}

/// Operator: close an abandoned session of the own organisation's substrate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverClose {
    /// UUID.
    pub substrate_id: SubstrateId,
}

/// Node: what it found on its own disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveVerdict {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// The verification: log index of the request.
    pub verification: LogIndex,
    /// What it found.
    pub finding: Finding,
}
