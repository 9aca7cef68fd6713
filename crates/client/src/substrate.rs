//! What the cluster knows of a substrate, as a node answers it: the read model.
//!
//! It is JSON whose members stand here. Members that a newer node adds are passed over.

use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::named;
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::number::{Epoch, LogIndex};
use selfsame_protocol::p104::{Amendment, Constitution, Outcome};
use selfsame_protocol::record::{ContinuityEvent, SessionClose};
use selfsame_protocol::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};

named! {
    /// What a substrate can do, in one word.
    pub enum SubstrateCondition: "a state of a substrate" {
        /// Its chip may write.
        Active = "active",
        /// Sealed for a migration: nobody may write.
        Sealed = "sealed",
        /// It was altered: nobody writes to it again.
        Suppressed = "suppressed",
        /// Its lineage ended with DRIFT_EXCEEDED.
        Ended = "ended",
        /// Its chip is out of service.
        Retired = "retired",
    }
}

/// A substrate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Substrate {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Owner.
    pub organisation: OrganisationName,
    /// What it can do, with all that decides it: suppression, the end of its lineage, the chip in service, the seal.
    pub state: SubstrateCondition,
    /// Root of identity.
    pub founding_tension_hash: Digest,
    /// Hash of the birth.
    pub substrate_identity_hash: Digest,
    /// Schema at birth.
    pub schema_version: String,
    /// Time of birth.
    pub initialisation_timestamp: Timestamp,
    /// Whether the birth is attested.
    pub complete: bool,
    /// Who may write.
    pub holder: Holder,
    /// Cycles since birth.
    pub lineage_depth: U64,
    /// Latest cycle identity hash.
    pub head: Digest,
    /// In force.
    pub constitution: Constitution,
    /// Sessions opened so far.
    pub session: U64,
    /// Where the session stands.
    pub phase: Phase,
    /// The last close.
    pub last_close: Option<SessionClose>,
    /// Amendments queued on the open cycle.
    pub queued: Vec<Amendment>,
    /// Result of the last verification.
    pub status: Option<Outcome>,
    /// The decided verification that late verdicts may still name: log index and outcome.
    pub decided: Option<(LogIndex, Outcome)>,
    /// `AMENDMENT` or `MIGRATION` since the last verification.
    pub events: Vec<ContinuityEvent>,
    /// Reasoning index of the suppression. For ever.
    pub suppressed: Option<U64>,
    /// The substrate that continues after DRIFT_EXCEEDED.
    pub successor: Option<SubstrateId>,
    /// The migration under way.
    pub migration: Option<Migration>,
}

/// Who may write, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Where its activation stands. Whether anybody may write says [`Substrate::state`].
    pub status: HolderStatus,
    /// Chip id.
    pub chip: Digest,
    /// Chip key.
    pub key: PublicKey,
    /// Attestation hash of this activation.
    pub attestation_hash: Option<Digest>,
    /// Epoch of this activation, from 1.
    pub epoch: Epoch,
    /// Last accepted sequence number, from 0.
    pub seq: U64,
    /// Log index of the activation.
    pub since: LogIndex,
}

named! {
    /// State of the activation.
    pub enum HolderStatus: "a status of a holder" {
        /// Not sealed.
        Active = "active",
        /// Sealed for a migration: nobody may write.
        Sealed = "sealed",
    }
}

named! {
    /// Where the session stands.
    pub enum Phase: "a phase of a session" {
        /// No session.
        Closed = "closed",
        /// A verification is under way.
        Verifying = "verifying",
        /// Evidence may be read and entries appended.
        Open = "open",
    }
}

named! {
    /// Where a migration stands.
    pub enum MigrationState: "a state of a migration" {
        /// Under way: the destination may arrive, the origin may abort.
        Sealed = "sealed",
        /// The destination holds the substrate.
        Arrived = "arrived",
        /// The origin holds it again.
        Aborted = "aborted",
        /// A ballot sealed the substrate anew while it was under way: this one leads to nothing any more.
        Superseded = "superseded",
    }
}

/// A migration under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Id, unique in the substrate.
    pub migration_id: String,
    /// Origin chip id.
    pub origin: Digest,
    /// Destination chip id.
    pub destination: Digest,
    /// Epoch that ends.
    pub epoch: Epoch,
    /// Latest cycle identity hash at the seal.
    pub head: Digest,
    /// Continuity hash of the last close.
    pub continuity_hash: Digest,
    /// Nonce that the log issued.
    pub nonce: Digest,
    /// Log index of the seal.
    pub seal_index: LogIndex,
    /// Where it stands.
    pub state: MigrationState,
    /// Proposal id when sealed by ballot.
    pub ballot: Option<String>,
}
