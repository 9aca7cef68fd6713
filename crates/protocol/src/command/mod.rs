//! Submissions: what an author signs, and every command.
//!
//! The author key stands inside the signed payload. Which role and key may issue which command is
//! [`Command::allowed_role`] plus replicated state; nothing else.

pub mod proposal;

pub use proposal::{OrganisationKey, Proposal};

use crate::code::{Code, Refusal};
use crate::digest::Digest;
use crate::entry::Ledger;
use crate::keys::PublicKey;
use crate::p104::{Attestation, MAX_BITS, Technology, Thresholds};
use crate::record::{ExecutionStatus, Finding, Output};
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The type string of every submission payload.
pub const SUBMISSION_TYPE: &str = "selfsame/submission/v1";

/// Limits on submissions; part of the consensus identity, equal on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemLimits {
    /// Bytes of one envelope.
    pub max_submission_bytes: usize,
    /// Items of one append.
    pub max_items: usize,
    /// Bytes of one item's canonical JSON; a leaf adds at most 2 KiB.
    pub max_item_bytes: usize,
}

impl ItemLimits {
    /// No limits: for a reader of what a cluster accepted under its own.
    pub const NONE: ItemLimits =
        ItemLimits { max_submission_bytes: usize::MAX, max_items: usize::MAX, max_item_bytes: usize::MAX };
}

impl Default for ItemLimits {
    fn default() -> Self {
        Self { max_submission_bytes: 4 << 20, max_items: 1_000, max_item_bytes: 60_000 }
    }
}

crate::named! {
    /// In whose name an author acts.
    pub enum Role: "a role" {
        /// An organisation's root key: keys, nodes, chips, ballots.
        Root = "root",
        /// An organisation's operator key: runs, recovery.
        Operator = "operator",
        /// A node: verdicts.
        Node = "node",
        /// A governance chip: its substrates.
        Chip = "chip",
    }
}

impl Role {
    /// With its article, for a sentence: `an operator`.
    pub const fn a(self) -> &'static str {
        match self {
            Role::Root => "a root",
            Role::Operator => "an operator",
            Role::Node => "a node",
            Role::Chip => "a chip",
        }
    }
}

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// Role claimed.
    pub role: Role,
    /// The signing key; its registration decides the organisation.
    pub key: PublicKey,
}

/// The signed payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// [`SUBMISSION_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Cluster id: a submission cannot be replayed elsewhere.
    pub cluster: String,
    /// The author's name of this request, unique per key: a retry gets the first answer.
    pub request_id: String,
    /// Who signs.
    pub author: Author,
    /// The command.
    pub command: Command,
}

/// The right to write for a substrate: exactly the current activation and the next sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// Epoch of the activation, from 1.
    pub epoch: U64,
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

/// A birth prepared in advance, for the case that an open finds DRIFT_EXCEEDED.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedBirth {
    /// UUID of the new entity.
    pub substrate_id: String,
    /// Its time of birth.
    pub initialisation_timestamp: Timestamp,
    /// The chip's attestation of the pre-record; absent leaves the new birth incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

crate::tagged! { "kind",
/// Every command. The tag is `kind`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Root: replace one of the own organisation's keys, effective from this entry on.
    RotateKey {
        /// Which key.
        key: OrganisationKey,
        /// Its replacement.
        new: PublicKey,
    },
    /// Root: register a node of the own organisation. Node ids are never reused.
    EnrolNode {
        /// Node id, from 1.
        node: U64,
        /// Key that signs its verdicts.
        key: PublicKey,
        /// Key that cosigns checkpoints, and does nothing else.
        cosigner: PublicKey,
    },
    /// Root: remove a node of the own organisation; its id is a tombstone for ever.
    RetireNode {
        /// Node id.
        node: U64,
    },
    /// Root: register a chip of the own organisation.
    EnrolChip {
        /// The chip's key.
        chip: PublicKey,
        /// Which technology.
        technology: Technology,
    },
    /// Root: retire a chip of the own organisation for good.
    RetireChip {
        /// Chip id.
        chip: Digest,
    },
    /// Operator: declare a run before it executes, and attest its identity.
    DeclareRun {
        /// The declaration.
        declaration: Value,
        /// External reference that the organisation ties to the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// Operator: report an execution of a declared run.
    ReportOutcome {
        /// Identity.
        run_id: Digest,
        /// Unique within the run.
        execution_id: String,
        /// How it ended.
        status: ExecutionStatus,
        /// Digests of the outputs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outputs: Vec<Output>,
        /// Execution that this one reproduces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reproduction_of: Option<String>,
    },
    /// Chip: a substrate is born. The founding tension hash is computed by the cluster.
    InitSubstrate {
        /// UUID, lowercase.
        substrate_id: String,
        /// The founding incompatibility.
        founding: Value,
        /// Time of birth, as attested.
        initialisation_timestamp: Timestamp,
        /// Schema version.
        schema_version: String,
        /// Governance parameters at birth.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        parameters: BTreeMap<String, Value>,
        /// Calibration.
        thresholds: Thresholds,
        /// Attestation of the pre-record; absent leaves the birth incomplete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attestation: Option<Attestation>,
    },
    /// Chip: ask for the verification that opens a session.
    OpenSession {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// The continuity hash that the opener kept from the last close.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continuity_hash: Option<Digest>,
        /// The founding document that the running substrate holds now; the recorded one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        founding: Option<Value>,
        /// Birth to use if the drift is exceeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_lineage: Option<PreparedBirth>,
    },
    /// Chip: append evidence and reasoning.
    Append {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// 1 to 1,000 items.
        items: Vec<Item>,
    },
    /// Chip: queue an amendment; it is enacted when the cycle closes.
    Amend {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// Content.
        amendment: Amendment,
    },
    /// Chip: close a goal vector resolution cycle.
    CloseCycle {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// Unique in the substrate.
        cycle_id: String,
        /// The resolution.
        goalvector: GoalVector,
        /// The prior identity hash that the chip holds.
        prior_identity_hash: Digest,
    },
    /// Chip: close the session.
    CloseSession {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// The latest cycle identity hash that the chip holds.
        head: Digest,
    },
    /// Operator: close an abandoned session of the own organisation's substrate.
    RecoverClose {
        /// UUID.
        substrate_id: String,
    },
    /// Chip: seal the substrate for a migration.
    Seal {
        /// UUID.
        substrate_id: String,
        /// Right.
        fence: Fence,
        /// New migration.
        migration_id: String,
        /// Destination chip id.
        destination: Digest,
        /// Latest cycle identity hash.
        head: Digest,
        /// Continuity hash of the last close.
        continuity_hash: Digest,
        /// The substrate's entries in the Evidence ledger.
        evidence_ledger_depth: U64,
        /// The substrate's entries in the Reasoning ledger.
        reasoning_ledger_depth: U64,
    },
    /// Destination chip: having verified the bundle, become active. One entry activates it at the next epoch,
    /// invalidates the origin's activation and appends the migration cycle.
    Arrive {
        /// UUID.
        substrate_id: String,
        /// Migration.
        migration_id: String,
        /// Attestation over the nonce.
        attestation: Attestation,
        /// Continuity hash, restated from the bundle.
        continuity_hash: Digest,
        /// Latest cycle identity hash, restated from the bundle.
        head: Digest,
    },
    /// Origin chip: abandon a migration before arrival, and continue at a new epoch.
    AbortMigration {
        /// UUID.
        substrate_id: String,
        /// Migration.
        migration_id: String,
        /// Fresh attestation over the nonce.
        attestation: Attestation,
    },
    /// Root: open a ballot; the proposer approves it.
    Propose {
        /// Unique in the cluster.
        proposal_id: String,
        /// Content.
        proposal: Proposal,
    },
    /// Root: vote on a ballot.
    Vote {
        /// Which.
        proposal_id: String,
        /// What it is about, see [`crate::constitution::ballot_digest`].
        ballot: Digest,
        /// For or against.
        approve: bool,
    },
    /// Root: close a ballot that only time kept open. It is no vote.
    Conclude {
        /// Which.
        proposal_id: String,
    },
    /// Node: what it found on its own disk.
    Verdict {
        /// UUID.
        substrate_id: String,
        /// The verification: log index of the request.
        verification: U64,
        /// What it found.
        finding: Finding,
    },
}
}

impl Command {
    /// The role that may issue this command.
    pub const fn allowed_role(&self) -> Role {
        match self {
            Command::RotateKey { .. }
            | Command::EnrolNode { .. }
            | Command::RetireNode { .. }
            | Command::EnrolChip { .. }
            | Command::RetireChip { .. }
            | Command::Propose { .. }
            | Command::Vote { .. }
            | Command::Conclude { .. } => Role::Root,
            Command::DeclareRun { .. } | Command::ReportOutcome { .. } | Command::RecoverClose { .. } => Role::Operator,
            Command::InitSubstrate { .. }
            | Command::OpenSession { .. }
            | Command::Append { .. }
            | Command::Amend { .. }
            | Command::CloseCycle { .. }
            | Command::CloseSession { .. }
            | Command::Seal { .. }
            | Command::Arrive { .. }
            | Command::AbortMigration { .. } => Role::Chip,
            Command::Verdict { .. } => Role::Node,
        }
    }
}

/// Whether text may name something: 1 to 128 bytes of `A–Z a–z 0–9 . _ : / -`.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

/// Whether text is a UUID in its one form: 36 lowercase hex characters with hyphens.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// The refusal of what is no substrate id.
fn no_uuid(text: &str) -> Refusal {
    let expected = "a UUID like 00000000-0000-4000-8000-000000000001";
    Refusal::new(Code::Malformed, "substrate_id is no UUID in lowercase", expected, text)
}

/// Refuses a key that nobody or anybody can sign with: it is never registered.
fn check_keys(keys: &[PublicKey]) -> Result<(), Refusal> {
    keys.iter().try_for_each(|key| key.check().map_err(|weak| Refusal::new(Code::Malformed, &weak.to_string(), "", "")))
}

impl Submission {
    /// A submission of `command`.
    pub fn new(cluster: &str, request_id: &str, role: Role, key: PublicKey, command: Command) -> Self {
        Self {
            kind: SUBMISSION_TYPE.into(),
            cluster: cluster.into(),
            request_id: request_id.into(),
            author: Author { role, key },
            command,
        }
    }

    /// Checks the limits and names that need no state.
    pub fn check(&self, limits: &ItemLimits) -> Result<(), Refusal> {
        if self.kind != SUBMISSION_TYPE {
            return Err(Refusal::new(Code::Malformed, "the payload is of another type", SUBMISSION_TYPE, &self.kind));
        }
        let name = |what: &str, text: &str| {
            if is_name(text) {
                Ok(())
            } else {
                let sentence = format!("{what} is no name");
                Err(Refusal::new(Code::Malformed, &sentence, "1 to 128 of A-Z a-z 0-9 . _ : / -", text))
            }
        };
        name("cluster", &self.cluster)?;
        name("request_id", &self.request_id)?;
        if self.author.role != self.command.allowed_role() {
            let (needed, found) = (self.command.allowed_role(), self.author.role);
            let sentence = format!("this needs {} key; it was signed as {} key", needed.a(), found.a());
            return Err(Refusal::new(Code::RoleDenied, &sentence, needed, found));
        }
        let uuid = |text: &str| {
            if is_uuid(text) { Ok(()) } else { Err(no_uuid(text)) }
        };
        match &self.command {
            Command::Append { substrate_id, items, .. } => {
                uuid(substrate_id)?;
                if !(1..=limits.max_items).contains(&items.len()) {
                    return Err(Refusal::new(
                        Code::LimitExceeded,
                        "the append has no items, or too many: send them in several",
                        format!("1 to {}", limits.max_items),
                        items.len(),
                    ));
                }
                Ok(())
            }
            Command::InitSubstrate { substrate_id, schema_version, thresholds, .. } => {
                uuid(substrate_id)?;
                name("schema_version", schema_version)?;
                match thresholds.drift_tolerance {
                    0..=MAX_BITS => Ok(()),
                    found => {
                        let sentence = "the drift tolerance is beyond its range";
                        Err(Refusal::new(Code::LimitExceeded, sentence, format!("0 to {MAX_BITS} bits"), found))
                    }
                }
            }
            Command::DeclareRun { request, .. } => request.as_deref().map_or(Ok(()), |r| name("request", r)),
            Command::ReportOutcome { execution_id, outputs, reproduction_of, .. } => {
                name("execution_id", execution_id)?;
                reproduction_of.as_deref().map_or(Ok(()), |original| name("reproduction_of", original))?;
                if outputs.len() > limits.max_items {
                    return Err(Refusal::new(
                        Code::LimitExceeded,
                        "the execution has too many outputs: report them as several, or one that lists them",
                        format!("at most {}", limits.max_items),
                        outputs.len(),
                    ));
                }
                Ok(())
            }
            Command::CloseCycle { substrate_id, cycle_id, goalvector, .. } => {
                uuid(substrate_id)?;
                name("cycle_id", cycle_id)?;
                name("goalvector_id", &goalvector.goalvector_id)
            }
            Command::Seal { substrate_id, migration_id, .. }
            | Command::Arrive { substrate_id, migration_id, .. }
            | Command::AbortMigration { substrate_id, migration_id, .. } => {
                uuid(substrate_id)?;
                name("migration_id", migration_id)
            }
            Command::Propose { proposal_id, proposal } => {
                name("proposal_id", proposal_id)?;
                proposal.check()
            }
            Command::Vote { proposal_id, .. } | Command::Conclude { proposal_id } => name("proposal_id", proposal_id),
            Command::OpenSession { substrate_id, new_lineage, .. } => {
                uuid(substrate_id)?;
                new_lineage.as_ref().map_or(Ok(()), |birth| uuid(&birth.substrate_id))
            }
            Command::Amend { substrate_id, .. }
            | Command::CloseSession { substrate_id, .. }
            | Command::RecoverClose { substrate_id }
            | Command::Verdict { substrate_id, .. } => uuid(substrate_id),
            Command::RotateKey { new, .. } => check_keys(&[*new]),
            Command::EnrolNode { key, cosigner, .. } => check_keys(&[*key, *cosigner]),
            Command::EnrolChip { chip, .. } => check_keys(&[*chip]),
            Command::RetireNode { .. } | Command::RetireChip { .. } => Ok(()),
        }
    }
}
