//! The answer to an accepted submission: kept by the cluster, and given to every retry byte for byte.
//!
//! ```text
//! {"submission":"sha256:…","entries":[{"ledger":"evidence","index":"17","hash":"sha256:…"}],"result":{"count":1,"seq":"4"}}
//! ```
//!
//! A result has no tag: its members say which one it is. They stand in the order of their names.

use crate::digest::Digest;
use crate::entry::EntryRef;
use crate::governance::GovernanceAction;
use crate::names::{OrganisationName, SubstrateId};
use crate::number::{Epoch, LogIndex};
use crate::p104::Outcome;
use crate::record::BallotResult;
use crate::run::{Element, ElementDigests};
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

/// The answer to an accepted submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitResponse {
    /// The submission.
    pub submission: Digest,
    /// Entries that it caused.
    pub entries: Vec<EntryRef>,
    /// What came of it.
    pub result: CommandResult,
}

/// A result of another command than the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no {expected}: {found:?}")]
pub struct OtherResult {
    /// Name of the type that was expected.
    pub expected: &'static str,
    /// What stands there.
    pub found: Box<CommandResult>,
}

macro_rules! results {
    ($($(#[$doc:meta])* $variant:ident($result:ident),)*) => {
        /// What came of a command: one variant for each shape. It is read from exactly the members that it is written
        /// with; other members, and more of them, are an error.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum CommandResult { $($(#[$doc])* $variant($result),)* }

        impl CommandResult {
            fn value(&self) -> Result<Value, serde_json::Error> {
                match self { $(CommandResult::$variant(result) => serde_json::to_value(result),)* }
            }

            /// The one that is written as this value.
            fn read(value: &Value) -> Option<Self> {
                let same = |result: &Self| result.value().is_ok_and(|written| written == *value);
                $(if let Some(result) = $result::deserialize(value).ok().map(Self::$variant).filter(same) {
                    return Some(result);
                })*
                None
            }
        }

        $(impl From<$result> for CommandResult {
            fn from(result: $result) -> Self {
                CommandResult::$variant(result)
            }
        }

        impl TryFrom<CommandResult> for $result {
            type Error = OtherResult;
            fn try_from(result: CommandResult) -> Result<Self, OtherResult> {
                match result {
                    CommandResult::$variant(result) => Ok(result),
                    found => Err(OtherResult { expected: stringify!($variant), found: Box::new(found) }),
                }
            }
        })*
    };
}

results! {
    /// Of a change of the own organisation's keys, nodes and chips: what was recorded.
    GovernanceChanged(GovernanceAction),
    /// Of a proposal, a vote, and a conclusion that carries the ballot.
    BallotCounted(BallotCounted),
    /// Of a conclusion that came too late.
    BallotExpired(BallotExpired),
    /// Of a declaration.
    RunDeclared(RunDeclared),
    /// Of a report of an execution.
    ExecutionReported(ExecutionReported),
    /// Of a birth.
    SubstrateBorn(SubstrateBorn),
    /// Of an append.
    ItemsAppended(ItemsAppended),
    /// Of an amendment.
    AmendmentQueued(AmendmentQueued),
    /// Of the close of a cycle.
    CycleClosed(CycleClosed),
    /// Of an open.
    SessionRequested(SessionRequested),
    /// Of a verdict.
    VerdictCounted(VerdictCounted),
    /// Of the close of a session by its chip.
    SessionClosed(SessionClosed),
    /// Of the close of an abandoned session.
    SessionRecovered(SessionRecovered),
    /// Of a seal.
    MigrationSealed(MigrationSealed),
    /// Of an arrival.
    MigrationArrived(MigrationArrived),
    /// Of an abort.
    MigrationAborted(MigrationAborted),
}

impl Serialize for CommandResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Through a value: it sorts the members, whatever their order in the type.
        self.value().map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CommandResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        CommandResult::read(&value)
            .ok_or_else(|| de::Error::custom(format!("this is the result of no command: {value}")))
    }
}

/// Where a ballot stands after a proposal, a vote or a conclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BallotMembers", into = "BallotMembers")]
pub struct BallotCounted {
    /// Which.
    pub proposal_id: String,
    /// Organisations in favour, sorted.
    pub approvals: Vec<OrganisationName>,
    /// Organisations against, sorted.
    pub rejections: Vec<OrganisationName>,
    /// Approvals that carry it; of a carried one, those that carried it.
    pub threshold: U64,
    /// What they come to.
    pub standing: BallotStanding,
}

/// What the votes on a ballot come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BallotStanding {
    /// More votes decide it.
    Open {
        /// Time of the ledger from which on it is carried as it stands, when the organisation concerned does not object.
        carried_unopposed_from: Option<Timestamp>,
    },
    /// It can no longer be carried.
    Rejected,
    /// It is carried, and done.
    Carried {
        /// Hash of the constitution that it put into force, when it put one into force.
        constitutional_state_hash: Option<Digest>,
        /// Nonce of the seal, when it sealed a substrate.
        nonce: Option<Digest>,
    },
}

impl BallotCounted {
    /// Whether the ballot is carried.
    pub const fn carried(&self) -> bool {
        matches!(self.standing, BallotStanding::Carried { .. })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BallotMembers {
    approvals: Vec<OrganisationName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried_unopposed_from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constitutional_state_hash: Option<Digest>,
    decided: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Digest>,
    proposal_id: String,
    rejections: Vec<OrganisationName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<BallotResult>,
    threshold: U64,
}

// What does not belong together is dropped here, and missed when the result is compared with what was read.
impl From<BallotMembers> for BallotCounted {
    fn from(members: BallotMembers) -> Self {
        let BallotMembers { carried_unopposed_from, constitutional_state_hash, nonce, .. } = members;
        let standing = match members.result {
            Some(BallotResult::Carried) => BallotStanding::Carried { constitutional_state_hash, nonce },
            Some(BallotResult::Rejected) => BallotStanding::Rejected,
            Some(BallotResult::Expired | BallotResult::Void) | None => BallotStanding::Open { carried_unopposed_from },
        };
        let BallotMembers { proposal_id, approvals, rejections, threshold, .. } = members;
        BallotCounted { proposal_id, approvals, rejections, threshold, standing }
    }
}

impl From<BallotCounted> for BallotMembers {
    fn from(ballot: BallotCounted) -> Self {
        let decided = ballot.carried();
        let BallotCounted { proposal_id, approvals, rejections, threshold, standing } = ballot;
        let mut members = BallotMembers {
            approvals,
            carried_unopposed_from: None,
            constitutional_state_hash: None,
            decided,
            nonce: None,
            proposal_id,
            rejections,
            result: None,
            threshold,
        };
        match standing {
            BallotStanding::Open { carried_unopposed_from } => members.carried_unopposed_from = carried_unopposed_from,
            BallotStanding::Rejected => members.result = Some(BallotResult::Rejected),
            BallotStanding::Carried { constitutional_state_hash, nonce } => {
                members.result = Some(BallotResult::Carried);
                members.constitutional_state_hash = constitutional_state_hash;
                members.nonce = nonce;
            }
        }
        members
    }
}

/// A ballot that was to be concluded, and whose time was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ExpiredMembers", into = "ExpiredMembers")]
pub struct BallotExpired {
    /// Which.
    pub proposal_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiredMembers {
    decided: bool,
    proposal_id: String,
    result: BallotResult,
}

impl From<ExpiredMembers> for BallotExpired {
    fn from(members: ExpiredMembers) -> Self {
        BallotExpired { proposal_id: members.proposal_id }
    }
}

impl From<BallotExpired> for ExpiredMembers {
    fn from(ballot: BallotExpired) -> Self {
        ExpiredMembers { decided: false, proposal_id: ballot.proposal_id, result: BallotResult::Expired }
    }
}

/// A run that was declared, now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDeclared {
    /// Its identity.
    pub run_id: Digest,
    /// Digests of the five elements.
    pub elements: ElementDigests,
    /// Whether nobody declared it before.
    pub new: bool,
    /// Organisations that tied the reference to another run.
    pub disagreements: Vec<Disagreement>,
}

/// Another organisation's run under the same reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disagreement {
    /// The other organisation.
    pub with: OrganisationName,
    /// Its run.
    pub run_id: Digest,
    /// The elements in which the two differ.
    pub elements: Vec<Element>,
}

/// An execution that was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionReported {
    /// Identity of the run.
    pub run_id: Digest,
    /// Caller's name of the execution.
    pub execution_id: String,
}

/// A substrate that was born.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubstrateBorn {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Root of identity, computed by the cluster.
    pub founding_tension_hash: Digest,
    /// Hash of the birth.
    pub substrate_identity_hash: Digest,
    /// Whether the birth is attested.
    pub complete: bool,
    /// Epoch of the first activation.
    pub epoch: Epoch,
}

/// Items that were appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsAppended {
    /// How many.
    pub count: u64,
    /// Sequence number that they took.
    pub seq: U64,
}

/// An amendment that waits for the close of the cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmendmentQueued {
    /// Amendments that wait, this one included.
    pub queued: u64,
    /// Its hash.
    pub amendment_hash: Digest,
}

/// A cycle that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleClosed {
    /// The new head.
    pub cycle_identity_hash: Digest,
    /// Cycles since birth.
    pub sequence: U64,
    /// Hash of the constitution in force.
    pub constitutional_state_hash: Digest,
}

/// A verification that was begun. Its outcome stands in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequested {
    /// Log index of the request: its name.
    pub verification: LogIndex,
    /// Ordinal of the session that is to open.
    pub session: U64,
}

/// A verdict that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VerdictMembers", into = "VerdictMembers")]
pub struct VerdictCounted {
    /// The outcome, once the verification is decided.
    pub outcome: Option<Outcome>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerdictMembers {
    decided: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

impl From<VerdictMembers> for VerdictCounted {
    fn from(members: VerdictMembers) -> Self {
        VerdictCounted { outcome: members.outcome }
    }
}

impl From<VerdictCounted> for VerdictMembers {
    fn from(verdict: VerdictCounted) -> Self {
        VerdictMembers { decided: verdict.outcome.is_some(), outcome: verdict.outcome }
    }
}

/// A session that its chip closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClosed {
    /// The continuity hash to keep for the next open.
    pub continuity_hash: Digest,
    /// Ordinal of the session.
    pub session: U64,
    /// Time of the close.
    pub session_close_timestamp: Timestamp,
}

/// A session that its organisation closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecovered {
    /// The continuity hash to keep for the next open.
    pub continuity_hash: Digest,
    /// Ordinal of the session.
    pub session: U64,
}

/// A substrate that was sealed for a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationSealed {
    /// What the destination attests.
    pub nonce: Digest,
    /// Epoch that the next activation has.
    pub epoch: Epoch,
    /// The migration.
    pub migration_id: String,
}

/// A migration whose destination is active now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationArrived {
    /// Epoch that begins.
    pub epoch: Epoch,
    /// Chip that holds the substrate.
    pub chip: Digest,
    /// The new head.
    pub cycle_identity_hash: Digest,
}

/// A migration that was abandoned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationAborted {
    /// Epoch that begins.
    pub epoch: Epoch,
    /// Chip that goes on.
    pub chip: Digest,
}
