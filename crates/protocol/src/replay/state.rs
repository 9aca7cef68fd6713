//! How far a substrate's history was followed.

use super::chain::Chain;
use super::due::Due;
use crate::digest::Digest;
use crate::ledger::PerLedger;
use crate::names::{OrganisationName, SubstrateId};
use crate::number::{Epoch, NodeId};
use crate::p104;
use crate::record::{EvidenceAnchor, Finding, SessionClose, SubstrateIdentity};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Re-computation in progress.
#[derive(Debug)]
pub struct Replay {
    pub(super) cluster: String,
    pub(super) substrate_id: SubstrateId,
    pub(super) chains: PerLedger<Chain>,
    /// Closes seen in Evidence.
    pub(super) written: Vec<Written>,
    /// Index and time of the first Evidence entry behind the last of them.
    pub(super) behind: Option<(u64, Timestamp)>,
    pub(super) closes_matched: usize,
    /// Evidence entries up to the last close: the depth at which the next session must begin.
    pub(super) evidence_gate: u64,
    /// The last anchor in the Evidence ledger.
    pub(super) anchor: Option<EvidenceAnchor>,
    pub(super) birth: Option<SubstrateIdentity>,
    pub(super) head: Digest,
    pub(super) lineage_depth: u64,
    pub(super) constitution: Option<p104::Constitution>,
    /// Hash of `constitution`.
    pub(super) constitution_hash: Digest,
    /// Amendments of the cycle under way, and the constitution with them in force.
    pub(super) amendments: Vec<Digest>,
    pub(super) amended: Option<p104::Constitution>,
    /// Ids of resolution cycles.
    pub(super) cycle_ids: BTreeSet<String>,
    pub(super) seal: Option<Seal>,
    /// Ids of all migrations, ballots that sealed, and the log index of the last seal.
    pub(super) migration_ids: BTreeSet<String>,
    pub(super) ballots: BTreeSet<String>,
    pub(super) seal_index: u64,
    /// The arrival that the next cycle records.
    pub(super) arrival: Option<Arrival>,
    pub(super) epoch: Epoch,
    /// Reasoning index of the last entry that shows how many recoveries the cluster had gone through.
    pub(super) recoveries_known: u64,
    pub(super) status: p104::Outcome,
    /// Sessions so far, with those that never opened.
    pub(super) session: u64,
    pub(super) last_close: Option<SessionClose>,
    pub(super) recomputed: Option<Digest>,
    pub(super) session_open: bool,
    /// Organisation of each node that gave a verdict; none for one that is out, because its copy failed.
    pub(super) nodes: BTreeMap<NodeId, Option<OrganisationName>>,
    /// The deciding finding of the last verification, for the record that follows it.
    pub(super) decisive: Option<Finding>,
    /// What must follow directly.
    pub(super) due: Due,
    /// The record that ended the history for ever.
    pub(super) ended: Option<&'static str>,
    pub(super) identity_chain: Vec<Digest>,
    pub(super) chip_attestation: Option<Digest>,
    pub(super) events: Vec<String>,
}

/// A close as it stands in Evidence.
#[derive(Debug)]
pub(super) struct Written {
    pub close: SessionClose,
    /// Hash of the entry before it.
    pub head: Option<Digest>,
    pub index: u64,
    pub time: Timestamp,
    pub submission: Digest,
    /// Index and time of the first entry of the session, when it wrote any.
    pub first: Option<(u64, Timestamp)>,
}

/// A migration between its seal and its end.
#[derive(Debug)]
pub(super) struct Seal {
    pub migration_id: String,
    pub origin: Digest,
    pub destination: Digest,
    pub nonce: Digest,
    pub continuity_hash: Digest,
    pub head: Digest,
}

/// What an arrival says, for the cycle that follows it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub migration_id: String,
    pub chip: Digest,
    pub attestation: Digest,
    /// Hash of the attestation record, which is the cycle's goal vector.
    pub resolution: Digest,
}
