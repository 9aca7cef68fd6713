//! The records that stand in ledger entries, under P104's own names.
//!
//! Every operand of every hash is a member, so that a reader recomputes all of them from the records alone.

pub(crate) mod anchor;
pub(crate) mod finding;
mod kind;
mod resolved;
pub(crate) mod run;
pub(crate) mod words;

pub use crate::governance::GovernanceAction;
pub use anchor::EvidenceAnchor;
pub use finding::{BadEntry, Finding};
pub use kind::RecordKind;
pub use resolved::Resolved;
pub use run::{OrganisationRun, Output, RunOutcome};
pub use words::{
    BallotEnd, BallotResult, ClaimLevel, Completeness, ContinuityEvent, CycleKind, ExecutionStatus, QuorumCause,
    SuppressionReason,
};

use crate::code::Code;
use crate::command::Proposal;
use crate::constitution::ClusterConstitution;
use crate::digest::Digest;
use crate::form;
use crate::keys::PublicKey;
use crate::names::{OrganisationName, SubstrateId};
use crate::number::{Epoch, LogIndex, NodeId};
use crate::p104::{Amendment, Attestation, Constitution, Outcome, Thresholds};
use crate::run::{Element, ElementDigests};
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One item of evidence or reasoning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The content, any JSON.
    pub data: Value,
    /// Evidence entries referred to, by entry hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Digest>,
    /// Runs referred to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Digest>,
}

/// SubstrateIdentityRecord, P104 `[0015]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubstrateIdentity {
    /// UUID, lowercase.
    pub substrate_id: SubstrateId,
    /// Computed by the cluster from `founding`.
    pub founding_tension_hash: Digest,
    /// Time of birth.
    pub initialisation_timestamp: Timestamp,
    /// `null`: incomplete.
    pub governance_chip_attestation_hash: Option<Digest>,
    /// Schema.
    #[serde(deserialize_with = "form::name")]
    pub schema_version_at_init: String,
    /// P104 `[0016]`.
    pub substrate_identity_hash: Digest,
    /// Whether the birth was attested (`[0025]`).
    pub completeness: Completeness,
    /// The founding incompatibility itself.
    #[serde(deserialize_with = "form::founding")]
    pub founding: Value,
    /// The owning organisation.
    pub organisation: OrganisationName,
    /// The chip's attestation of the birth pre-record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attestation: Option<Attestation>,
    /// The chip's key; its digest is the chip id.
    pub chip: PublicKey,
    /// The constitutional state at birth.
    pub constitution: Constitution,
    /// Anchor.
    pub evidence_ledger: EvidenceAnchor,
}

/// IdentityPropagationRecord, P104 `[0017]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityPropagation {
    /// Unique in the substrate.
    #[serde(deserialize_with = "form::cycle_id")]
    pub cycle_id: String,
    /// Ordinal of the cycle, from 1.
    pub sequence: U64,
    /// Root of identity, equal in every cycle.
    pub founding_tension_hash: Digest,
    /// Hash of the previous cycle; of the birth for the first.
    pub prior_identity_hash: Digest,
    /// Hash of `goalvector`, or of the migration attestation.
    pub goalvector_resolution_hash: Digest,
    /// What was hashed.
    pub goalvector: Resolved,
    /// Hash of `constitution`.
    pub constitutional_state_hash: Digest,
    /// What is in force at the end of the cycle.
    pub constitution: Constitution,
    /// Number of the substrate's Reasoning entries before this one.
    pub reasoning_ledger_depth: U64,
    /// Time of the cycle.
    pub cycle_timestamp: Timestamp,
    /// Amendments enacted in this cycle, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<Digest>,
    /// What it resolves.
    pub cycle_kind: CycleKind,
    /// Migration cycles: attestation hash of the origin chip.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin_attestation_hash: Option<Digest>,
    /// Migration cycles: attestation hash of the destination chip.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub destination_attestation_hash: Option<Digest>,
    /// P104 `[0018]`.
    pub cycle_identity_hash: Digest,
    /// Anchor.
    pub evidence_ledger: EvidenceAnchor,
}

/// The close of a session, the same bytes in both ledgers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClose {
    /// Ordinal of the session, from 1.
    pub session: U64,
    /// Operand.
    pub latest_cycle_identity_hash: Digest,
    /// Operand: the substrate's Evidence entries before this record.
    pub evidence_ledger_depth: U64,
    /// Operand: the substrate's Reasoning entries before this record.
    pub reasoning_ledger_depth: U64,
    /// Operand.
    pub session_close_timestamp: Timestamp,
    /// Operand.
    #[serde(deserialize_with = "form::name")]
    pub schema_version: String,
    /// P104 `[0019]`.
    pub cross_session_identity_continuity_hash: Digest,
    /// Hash of the substrate's last Evidence entry before this record.
    pub evidence_head: Option<Digest>,
    /// Hash of the substrate's last Reasoning entry before this record.
    pub reasoning_head: Option<Digest>,
    /// `true` for a close by the organisation after the session was abandoned.
    pub recovered: bool,
    /// Anchor.
    pub evidence_ledger: EvidenceAnchor,
}

/// One node's finding as counted in a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedVerdict {
    /// Node id.
    pub node: NodeId,
    /// Organisation of the node.
    pub organisation: OrganisationName,
    /// What it found.
    #[serde(deserialize_with = "Finding::recorded")]
    pub finding: Finding,
}

/// The committed result of an identity verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityVerification {
    /// Ordinal of the session that opens.
    pub session: U64,
    /// The one outcome.
    pub outcome: Outcome,
    /// Deciding check, or `NO_PRIOR_SESSION`.
    #[serde(deserialize_with = "form::finding_text")]
    pub detail: String,
    /// The hash stored at the last close.
    pub retrieved: Option<Digest>,
    /// The hash that the quorum recomputed.
    pub recomputed: Option<Digest>,
    /// The hash that the opener kept and presented.
    pub presented: Option<Digest>,
    /// Bits.
    #[serde(deserialize_with = "form::bits")]
    pub drift: u32,
    /// Cycles.
    pub lineage_depth: U64,
    /// Entries of the substrate in the Evidence ledger: none is written between a close and the verification after it.
    pub evidence_ledger_depth: U64,
    /// Values in force, so that anybody can repeat the decision.
    #[serde(deserialize_with = "Thresholds::recorded")]
    pub thresholds: Thresholds,
    /// Verdicts in order of arrival.
    pub verdicts: Vec<CountedVerdict>,
    /// Time of the last close.
    pub continuing_from: Option<Timestamp>,
    /// The exact sentence for VERIFIED; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notice: Option<String>,
    /// What the outcome supports.
    pub claim_level: ClaimLevel,
    /// What happened since the last session (figure 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continuity_events: Vec<ContinuityEvent>,
}

crate::tagged! { "record_type",
/// Every record. The tag is `record_type`.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An observation.
    Evidence(Content),
    /// A step of reasoning.
    Reasoning(Content),
    /// A run was declared (Evidence ledger, subject `run:…`): element digests and the declaration.
    RunDeclaration {
        /// Identity.
        run_id: Digest,
        /// Digests of the five elements.
        elements: ElementDigests,
        /// The declaration, canonical inside the leaf.
        declaration: Value,
    },
    /// An organisation attests an identity.
    RunAttestation {
        /// Identity.
        run_id: Digest,
        /// Who.
                organisation: OrganisationName,
        /// External reference that the organisation ties to the run.
        #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "form::name")]
        request: Option<String>,
    },
    /// Two organisations tie one external reference to different identities.
    RunDisagreement {
        /// The reference.
        #[serde(deserialize_with = "form::name")]
        request: String,
        /// First organisation and its run.
        first: OrganisationRun,
        /// Second organisation and its run.
        second: OrganisationRun,
        /// Elements in which the two declarations differ.
        elements: Vec<Element>,
    },
    /// An execution of a declared run.
    RunOutcome(RunOutcome),
    /// Birth.
    SubstrateIdentity(Box<SubstrateIdentity>),
    /// Cycle.
    IdentityPropagation(Box<IdentityPropagation>),
    /// Close, in both ledgers.
    SessionClose(SessionClose),
    /// Outcome of a verification.
    IdentityVerification(Box<IdentityVerification>),
    /// HASH_MISMATCH.
    TamperingDetection {
        /// Ordinal of the session that was to open.
        session: U64,
        /// The quorum's finding.
        #[serde(deserialize_with = "Finding::recorded")]
        finding: Finding,
        /// Latest cycle identity hash in the state.
        head: Digest,
    },
    /// The substrate is suppressed, for ever.
    Suppression {
        /// Why.
        reason: SuppressionReason,
    },
    /// DRIFT_EXCEEDED: another entity continues.
    NewIdentityLineage {
        /// The lineage that ended.
                prior_substrate_id: SubstrateId,
        /// Its head.
        prior_head: Digest,
        /// Its root.
        prior_founding_tension_hash: Digest,
        /// Bits.
        #[serde(deserialize_with = "form::bits")]
        drift: u32,
        /// Bits allowed.
        #[serde(deserialize_with = "form::bits")]
        tolerance: u32,
        /// The new entity.
                new_substrate_id: SubstrateId,
    },
    /// An enacted amendment.
    Amendment {
        /// Hash of `amendment`.
        amendment_hash: Digest,
        /// Hash of the previous amendment.
        prior_amendment: Option<Digest>,
        /// Content.
        amendment: Amendment,
    },
    /// A refused amendment.
    AmendmentRefusal {
        /// Why.
        code: Code,
        /// The rule.
        rule: String,
        /// Content.
        amendment: Amendment,
        /// Drift that it would cause, bits.
        #[serde(deserialize_with = "form::bits")]
        drift: u32,
    },
    /// The origin seals.
    MigrationSeal {
        /// Migration.
        #[serde(deserialize_with = "form::name")]
        migration_id: String,
        /// Origin chip; its digest is the id.
        origin: Digest,
        /// Destination chip.
        destination: Digest,
        /// Epoch that ends.
        epoch: Epoch,
        /// Latest cycle identity hash.
        head: Digest,
        /// Continuity hash of the last close.
        continuity_hash: Digest,
        /// Entries of the substrate in each ledger before this record.
        evidence_ledger_depth: U64,
        /// Same for Reasoning.
        reasoning_ledger_depth: U64,
        /// Issued from the log index of the seal.
        nonce: Digest,
        /// Log index that the nonce contains.
        seal_index: LogIndex,
        /// The ballot, when the origin was lost.
        #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "form::name")]
        ballot: Option<String>,
        /// Anchor.
        evidence_ledger: EvidenceAnchor,
    },
    /// MigrationIdentityAttestation, P104 `[0037]`.
    MigrationIdentityAttestation {
        /// Migration.
        #[serde(deserialize_with = "form::name")]
        migration_id: String,
        /// Origin chip.
        origin: Digest,
        /// Destination chip.
        destination: Digest,
        /// Attestation hash of the origin.
        origin_attestation_hash: Option<Digest>,
        /// Attestation hash of the destination.
        destination_attestation_hash: Digest,
        /// The destination's attestation.
        attestation: Attestation,
        /// Continuity hash that was carried.
        continuity_hash: Digest,
        /// Nonce.
        nonce: Digest,
        /// Epoch that begins.
        epoch: Epoch,
    },
    /// The migration was abandoned before arrival; the origin continues at a new epoch.
    MigrationAbort {
        /// Migration.
        #[serde(deserialize_with = "form::name")]
        migration_id: String,
        /// Chip that continues.
        chip: Digest,
        /// Epoch that begins.
        epoch: Epoch,
        /// The chip's fresh attestation, under the nonce of the seal.
        attestation: Attestation,
        /// Its hash.
        attestation_hash: Digest,
    },
    /// A write was refused by a rule that demands a record of the refusal.
    WriteRefusal {
        /// Why.
        code: Code,
        /// The rule.
        rule: String,
        /// What the rule wanted.
        #[serde(deserialize_with = "form::refusal_text")]
        expected: String,
        /// What was found.
        #[serde(deserialize_with = "form::refusal_text")]
        found: String,
    },
    /// Somebody tried to be the substrate outside the path.
    DuplicateRefused {
        /// Claimed id.
                substrate_id: SubstrateId,
        /// Claimed chip.
        chip: Digest,
        /// Why.
        code: Code,
    },
    /// A node whose copy failed while a quorum's copies hold.
    NodeQuarantine {
        /// Node.
        node: NodeId,
        /// Organisation.
                organisation: OrganisationName,
        /// What it found on its own disk.
        #[serde(deserialize_with = "Finding::recorded")]
        finding: Finding,
        /// Substrate under verification.
                substrate_id: SubstrateId,
    },
    /// Governance: a change of organisations, keys, nodes or chips.
    Governance {
        /// What changed.
        action: GovernanceAction,
    },
    /// Governance: a ballot was carried. What it does follows in the same submission.
    BallotDecided {
        /// Proposal.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
        /// The proposal.
        #[serde(deserialize_with = "Proposal::recorded")]
        proposal: Proposal,
        /// Organisations in favour.
                approvals: Vec<OrganisationName>,
        /// Organisations against.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rejections: Vec<OrganisationName>,
        /// Number needed.
        threshold: U64,
        /// Hash of the cluster's constitution under which it was opened and decided.
        constitutional_state_hash: Digest,
    },
    /// Governance: a ballot ended without being carried.
    BallotClosed {
        /// Proposal.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
        /// How it ended.
        result: BallotEnd,
        /// Organisations in favour.
                approvals: Vec<OrganisationName>,
        /// Organisations against.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rejections: Vec<OrganisationName>,
        /// Number needed.
        threshold: U64,
        /// Hash of the cluster's constitution under which it was opened.
        constitutional_state_hash: Digest,
    },
    /// Governance: members, rules, publisher or the count of recoveries changed.
    ConstitutionChanged(Box<ConstitutionChange>),
    /// Governance: a recovery. Every activation of before has a new epoch from here on.
    Recovery {
        /// The ballot.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
        /// Ordinal, from 1.
        recovery_count: U64,
        /// Why, in words.
        #[serde(deserialize_with = "form::reason")]
        reason: String,
        /// The largest cosigned Evidence tree that was known; found to be a part of this ledger.
        evidence: EvidenceAnchor,
        /// The same for the Reasoning tree.
        reasoning: EvidenceAnchor,
    },
    /// A substrate's activation got a new epoch after recoveries: with its first accepted write after them.
    HolderRecovery {
        /// Number of recoveries that the activation has now gone through.
        recovery_count: U64,
        /// The chip.
        chip: Digest,
        /// Epoch that ended.
        ended: Epoch,
        /// Epoch that begins: 2^32 more for each recovery.
        epoch: Epoch,
    },
    /// An organisation holds a quorum of the nodes in service, by a change that refusing would have made worse.
    OrganisationQuorumWarning {
        /// Which.
                organisation: OrganisationName,
        /// Its nodes in service.
        held: U64,
        /// All nodes in service.
        total: U64,
        /// By which change.
        cause: QuorumCause,
    },
}
}

/// A change of what is in force in the cluster, whole before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstitutionChange {
    /// The ballot that decided it.
    #[serde(deserialize_with = "form::name")]
    pub proposal_id: String,
    /// In force until now.
    pub before: ClusterConstitution,
    /// Hash of `before`.
    pub before_hash: Digest,
    /// In force from the next submission on.
    pub after: ClusterConstitution,
    /// Hash of `after`.
    pub after_hash: Digest,
    /// Ballots that were open and are void now, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "form::name")]
    pub voided: Vec<String>,
}
