//! The one table of refusal codes: stable name, who must act, and whether a retry can help.
//!
//! Names are part of the API and of refusal records: they are never renamed or reused. Every function is total, without
//! a wildcard arm, so that a new code cannot be forgotten in one of them.

use serde::{Deserialize, Serialize};

/// What kind of trouble a code names; it decides the gRPC status and the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The bytes break a format rule: the sender must change them.
    Invalid,
    /// The thing named does not exist.
    NotFound,
    /// Something else already holds the name.
    Exists,
    /// A rule of the protocol refuses it in the present state.
    Precondition,
    /// The signer lacks the right.
    Denied,
    /// Stored data does not hold: integrity is lost.
    DataLoss,
    /// No leader or no quorum now: the same request may succeed later.
    Unavailable,
    /// Too much load: retry after a pause.
    Exhausted,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $class:ident;)*) => {
        $crate::named! {
            /// A stable refusal code. Its name is UPPER_SNAKE; all of them stand in the order of the table.
            pub enum Code: "a refusal code" {
                $($(#[$doc])* $variant = $name,)*
            }
        }
        impl Code {
            /// Who must act.
            pub const fn class(self) -> Class {
                match self { $(Code::$variant => Class::$class,)* }
            }
        }
    };
}

codes! {
    /// The bytes are not a valid submission (canonical JSON, members, sizes).
    Malformed = "MALFORMED", Invalid;
    /// A limit on size, depth or count is passed.
    LimitExceeded = "LIMIT_EXCEEDED", Invalid;
    /// The signature does not verify under the author's key.
    BadSignature = "BAD_SIGNATURE", Denied;
    /// The submission names another cluster.
    WrongCluster = "WRONG_CLUSTER", Invalid;
    /// The request id was used before for other bytes.
    RequestIdReused = "REQUEST_ID_REUSED", Exists;
    /// The key is not registered, or not for this role.
    UnknownKey = "UNKNOWN_KEY", Denied;
    /// The author's role may not issue this command.
    RoleDenied = "ROLE_DENIED", Denied;
    /// The organisation is not a member.
    UnknownOrganisation = "UNKNOWN_ORGANISATION", NotFound;
    /// The key is registered already.
    KeyExists = "KEY_EXISTS", Exists;
    /// The node id was used before; node ids are never reused.
    NodeIdReused = "NODE_ID_REUSED", Exists;
    /// No such node.
    UnknownNode = "UNKNOWN_NODE", NotFound;
    /// The organisation would hold a quorum of the voters alone.
    OrganisationQuorum = "ORGANISATION_QUORUM", Precondition;
    /// The chip is not enrolled.
    UnknownChip = "UNKNOWN_CHIP", NotFound;
    /// The chip was retired for good.
    ChipRetired = "CHIP_RETIRED", Precondition;
    /// The declaration is not acceptable; the detail names rule and JSON pointer.
    DeclarationInvalid = "DECLARATION_INVALID", Invalid;
    /// The run was never declared.
    RunNotDeclared = "RUN_NOT_DECLARED", Precondition;
    /// A reference names an entry that does not exist.
    DanglingReference = "DANGLING_REFERENCE", Precondition;
    /// No such substrate.
    UnknownSubstrate = "UNKNOWN_SUBSTRATE", NotFound;
    /// The substrate id exists already with another birth.
    IdentityConflict = "IDENTITY_CONFLICT", Exists;
    /// The founding incompatibility document is not acceptable.
    FoundingInvalid = "FOUNDING_INVALID", Invalid;
    /// The attestation does not verify, or attests something else.
    AttestationInvalid = "ATTESTATION_INVALID", Denied;
    /// The birth record has no attestation: no regulated claim, no migration.
    IdentityIncomplete = "IDENTITY_INCOMPLETE", Precondition;
    /// The chip's activation was invalidated by a migration.
    ChipInvalidated = "CHIP_INVALIDATED", Precondition;
    /// The chip is not the active one of the substrate.
    ChipNotActive = "CHIP_NOT_ACTIVE", Precondition;
    /// The epoch is not the current one.
    StaleEpoch = "STALE_EPOCH", Precondition;
    /// The sequence number is not the next one.
    StaleSequence = "STALE_SEQUENCE", Precondition;
    /// The substrate is sealed for a migration.
    Sealed = "SEALED", Precondition;
    /// The substrate is suppressed after HASH_MISMATCH, for ever.
    Suppressed = "SUPPRESSED", DataLoss;
    /// The substrate's lineage ended; another substrate continues.
    LineageEnded = "LINEAGE_ENDED", Precondition;
    /// No session is open.
    SessionNotOpen = "SESSION_NOT_OPEN", Precondition;
    /// A session is open already.
    SessionAlreadyOpen = "SESSION_ALREADY_OPEN", Precondition;
    /// A verification is under way.
    VerificationPending = "VERIFICATION_PENDING", Precondition;
    /// No such verification, or it is decided already.
    VerificationUnknown = "VERIFICATION_UNKNOWN", NotFound;
    /// The cycle id was used before in this substrate.
    CycleIdReused = "CYCLE_ID_REUSED", Exists;
    /// The stated depth, head or hash is not the ledger's.
    StateMismatch = "STATE_MISMATCH", Precondition;
    /// The amendment names another founding tension.
    WrongFoundingTension = "WRONG_FOUNDING_TENSION", Precondition;
    /// The amendment touches the founding tension; nothing can amend it away.
    FoundingTensionProtected = "FOUNDING_TENSION_PROTECTED", Precondition;
    /// The amendment's content is not acceptable.
    AmendmentInvalid = "AMENDMENT_INVALID", Invalid;
    /// No such migration, or not in the state that this step needs.
    MigrationState = "MIGRATION_STATE", Precondition;
    /// The migration id was used before in this substrate.
    MigrationIdReused = "MIGRATION_ID_REUSED", Exists;
    /// The chip is not the destination that the seal names.
    WrongDestination = "WRONG_DESTINATION", Precondition;
    /// Only a VERIFIED substrate may migrate.
    NotVerified = "NOT_VERIFIED", Precondition;
    /// No such proposal.
    UnknownProposal = "UNKNOWN_PROPOSAL", NotFound;
    /// The ballot was carried, rejected or voided: it takes no vote any more.
    ProposalClosed = "PROPOSAL_CLOSED", Precondition;
    /// A regulated statement needs VERIFIED continuity and hardware attestation.
    RegulatedClaimDenied = "REGULATED_CLAIM_DENIED", Precondition;
    /// The entry, run, proof or other object does not exist.
    NotFound = "NOT_FOUND", NotFound;
    /// Stored data failed its digest.
    Corrupt = "CORRUPT", DataLoss;
    /// This node is quarantined and does not serve.
    Quarantined = "QUARANTINED", Unavailable;
    /// No leader is known now.
    NoLeader = "NO_LEADER", Unavailable;
    /// No quorum answered in time; whether the write took effect is unknown: retry with the same request id.
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unavailable;
    /// The entry is committed, but not yet in a checkpoint that enough organisations cosigned.
    NotCosigned = "NOT_COSIGNED", Unavailable;
    /// The queue is full.
    Overloaded = "OVERLOADED", Exhausted;
    /// The node is shutting down.
    ShuttingDown = "SHUTTING_DOWN", Unavailable;
    /// The key was registered, and ended: rotated, or retired with its node or chip.
    KeyEnded = "KEY_ENDED", Denied;
    /// The author's organisation is no member any more.
    OrganisationRemoved = "ORGANISATION_REMOVED", Denied;
    /// An organisation of this name is or was a member.
    OrganisationExists = "ORGANISATION_EXISTS", Exists;
    /// The last member organisation cannot be removed.
    LastOrganisation = "LAST_ORGANISATION", Precondition;
    /// The proposal id was used before.
    ProposalIdReused = "PROPOSAL_ID_REUSED", Exists;
    /// The organisation voted on this ballot already.
    AlreadyVoted = "ALREADY_VOTED", Precondition;
    /// The ballot's time is over.
    BallotExpired = "BALLOT_EXPIRED", Precondition;
    /// The ballot cannot be concluded yet: the organisation concerned has its time to object.
    BallotEarly = "BALLOT_EARLY", Precondition;
    /// The rules proposed are not acceptable, or are those in force.
    RulesInvalid = "RULES_INVALID", Invalid;
    /// The ledger does not contain the cosigned tree that a recovery names: it must not go on under its origin.
    RecoveryGap = "RECOVERY_GAP", Precondition;
    /// Amendments are still queued, and the session cannot be closed before a cycle enacts them.
    AmendmentsQueued = "AMENDMENTS_QUEUED", Precondition;
}

impl Code {
    /// Whether the same request may succeed later without change.
    pub const fn retryable(self) -> bool {
        match self.class() {
            Class::Unavailable | Class::Exhausted => true,
            Class::Invalid
            | Class::NotFound
            | Class::Exists
            | Class::Precondition
            | Class::Denied
            | Class::DataLoss => false,
        }
    }
    /// The exit status of the command line: 2 usage, 3 unavailable, 4 not found, 5 conflict, 6 denied, 10 integrity.
    pub const fn exit_status(self) -> u8 {
        match self.class() {
            Class::Invalid => 2,
            Class::Unavailable | Class::Exhausted => 3,
            Class::NotFound => 4,
            Class::Exists | Class::Precondition => 5,
            Class::Denied => 6,
            Class::DataLoss => 10,
        }
    }
    /// The code of a stable name.
    pub fn from_name(name: &str) -> Option<Code> {
        <Code as crate::spelling::Named>::from_name(name)
    }
}

/// A refusal: the code, what is wrong, and the two values that differ where there are two. It never stands for a change
/// of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Stable code.
    pub code: Code,
    /// What is wrong, and what to do about it where that is not plain: never the rule as if it held. (The name of the
    /// member stands in records and on the wire, and stays.)
    pub rule: String,
    /// What was wanted; empty when the sentence says it.
    pub expected: String,
    /// What was found; empty when the sentence says it.
    pub found: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Refusal { code, rule, expected, found } = self;
        write!(f, "{code}: {rule}")?;
        match (expected.as_str(), found.as_str()) {
            ("", "") => Ok(()),
            (expected, "") => write!(f, " (expected {expected})"),
            ("", found) => write!(f, " (found {found})"),
            (expected, found) => write!(f, " (expected {expected}, found {found})"),
        }
    }
}

impl Refusal {
    /// A refusal with both values; values longer than 300 bytes are cut.
    pub fn new(code: Code, rule: &str, expected: impl ToString, found: impl ToString) -> Self {
        fn cut(text: String) -> String {
            match text.char_indices().nth(300) {
                Some((at, _)) => format!("{}…", &text[..at]),
                None => text,
            }
        }
        Self { code, rule: rule.into(), expected: cut(expected.to_string()), found: cut(found.to_string()) }
    }
}
