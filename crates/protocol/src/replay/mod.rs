//! Re-computation of a substrate's whole history from its leaves.
//!
//! The same code serves a node that verifies its own disk before a session, and a stranger who verifies an export with
//! the cluster gone. Feed all Evidence leaves in order, then all Reasoning leaves, then [`Replay::finish`]. Every hash
//! is recomputed from record members; nothing stored is believed. What the state machine refuses to write is refused
//! here when it stands in a history, as far as the entries of one substrate show it (docs/replay-rules.md). The first
//! failing check is named with both values.

mod birth;
mod chain;
mod check;
mod cycle;
mod due;
mod evidence;
pub mod governance;
mod migration;
mod order;
pub mod run;
mod session;
mod state;

pub(crate) use check::show;
pub use check::{BadCheck, kind};
pub use state::Replay;

use crate::canon::CanonError;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::ledger::{Ledger, PerLedger};
use crate::names::SubstrateId;
use crate::number::Epoch;
use crate::p104;
use crate::record::{Record, SessionClose, SubstrateIdentity};
use crate::subject::Subject;
use crate::time::Timestamp;
use chain::Chain;
use check::Check;
use cycle::write_refusal;
use due::Due;
use std::collections::{BTreeMap, BTreeSet};

/// What the history says, once every check held.
#[derive(Clone, Debug)]
pub struct History {
    /// The birth record.
    pub birth: SubstrateIdentity,
    /// Latest cycle identity hash; the substrate identity hash before the first cycle.
    pub head: Digest,
    /// Number of cycles.
    pub lineage_depth: u64,
    /// Constitutional state after the last cycle.
    pub constitution: p104::Constitution,
    /// The last close.
    pub last_close: Option<SessionClose>,
    /// Hash recomputed for the last close.
    pub recomputed: Option<Digest>,
    /// Entries per ledger.
    pub depths: PerLedger<u64>,
    /// Hash of the last entry per ledger.
    pub heads: PerLedger<Option<Digest>>,
    /// Hashes of every cycle in order, starting with the substrate identity hash.
    pub identity_chain: Vec<Digest>,
    /// Attestation hash of the active chip.
    pub chip_attestation: Option<Digest>,
    /// `AMENDMENT` or `MIGRATION` since the last verification, each once.
    pub events: Vec<String>,
    /// The last committed verification; INSUFFICIENT_DEPTH before the first.
    pub status: p104::Outcome,
    /// Epoch of the active chip.
    pub epoch: Epoch,
    /// Time of the last entry.
    pub time: Timestamp,
}

impl Replay {
    /// Starts for one substrate of a cluster.
    pub fn new(cluster: &str, substrate_id: &SubstrateId) -> Self {
        let subject = Subject::Substrate(substrate_id.clone());
        Self {
            cluster: cluster.into(),
            substrate_id: substrate_id.clone(),
            chains: PerLedger::from_fn(|ledger| Chain::new(ledger, subject.clone())),
            written: Vec::new(),
            behind: None,
            closes_matched: 0,
            evidence_gate: 0,
            anchor: None,
            birth: None,
            head: Digest::from_bytes([0; 32]),
            lineage_depth: 0,
            constitution: None,
            constitution_hash: Digest::from_bytes([0; 32]),
            amendments: Vec::new(),
            amended: None,
            cycle_ids: BTreeSet::new(),
            seal: None,
            migration_ids: BTreeSet::new(),
            ballots: BTreeSet::new(),
            seal_index: 0,
            arrival: None,
            epoch: Epoch(1),
            recoveries_known: 0,
            status: p104::Outcome::InsufficientDepth,
            session: 0,
            last_close: None,
            recomputed: None,
            session_open: false,
            nodes: BTreeMap::new(),
            decisive: None,
            due: Due::Nothing,
            ended: None,
            identity_chain: Vec::new(),
            chip_attestation: None,
            events: Vec::new(),
        }
    }

    /// Entries seen so far in both ledgers.
    pub fn checked(&self) -> u64 {
        self.chains.evidence.depth + self.chains.reasoning.depth
    }

    /// Checks the next leaf of a ledger; returns its entry hash. All Evidence leaves come before the Reasoning leaves.
    pub fn leaf(&mut self, ledger: Ledger, leaf: &[u8]) -> Result<Digest, BadCheck> {
        self.decoded(ledger, Entry::from_leaf(leaf), Entry::hash_of(leaf))
    }

    /// The same for a leaf that was decoded and hashed already, which needs no order and can be done in parallel:
    /// `entry` is [`Entry::from_leaf`] of the leaf and `hash` is [`Entry::hash_of`] it.
    pub fn decoded(
        &mut self,
        ledger: Ledger,
        entry: Result<Entry, CanonError>,
        hash: Digest,
    ) -> Result<Digest, BadCheck> {
        let entry = self.chains[ledger].check(entry)?;
        match ledger {
            Ledger::Evidence => self.evidence(&entry)?,
            Ledger::Reasoning => self.reasoning(&entry)?,
        }
        self.chains[ledger].take(&entry, hash);
        Ok(hash)
    }

    fn reasoning(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        self.may_stand(index, &entry.record)?;
        match &entry.record {
            Record::SubstrateIdentity(birth) => self.birth(entry, birth),
            Record::IdentityPropagation(cycle) => self.cycle(entry, cycle),
            Record::SessionClose(close) => self.close(entry, close),
            Record::IdentityVerification(result) => self.verification(entry, result),
            Record::TamperingDetection { session, finding, head } => self.tampering(index, session.0, finding, *head),
            Record::Suppression { .. } => self.suppression(),
            Record::NewIdentityLineage { .. } => self.new_lineage(index, &entry.record),
            Record::Amendment { amendment_hash, amendment, prior_amendment } => {
                self.amendment(index, *amendment_hash, *prior_amendment, amendment)
            }
            Record::AmendmentRefusal { code, amendment, drift, .. } => {
                self.amendment_refusal(index, *code, amendment, *drift)
            }
            Record::WriteRefusal { code, found, .. } => write_refusal(index, *code, found),
            record @ (Record::MigrationSeal { .. }
            | Record::MigrationIdentityAttestation { .. }
            | Record::MigrationAbort { .. }
            | Record::HolderRecovery { .. }) => self.migration(index, record),
            _ => Ok(()),
        }?;
        self.grouped(entry)
    }

    /// Checks what only the whole history shows, and returns it.
    pub fn finish(self) -> Result<History, BadCheck> {
        let at = |check, ledger: Ledger, expected: String, found: String| {
            BadCheck::at((ledger, self.chains[ledger].next_index()), check, expected, found)
        };
        if self.closes_matched != self.written.len() {
            return Err(at(
                "CLOSE_IN_BOTH_LEDGERS",
                Ledger::Reasoning,
                format!("{} closes", self.written.len()),
                format!("{} closes", self.closes_matched),
            ));
        }
        // With the session closed nothing may follow the close in Evidence.
        if !self.session_open && self.chains.evidence.depth != self.evidence_gate {
            return Err(at(
                "EVIDENCE_GATE",
                Ledger::Evidence,
                self.evidence_gate.to_string(),
                self.chains.evidence.depth.to_string(),
            ));
        }
        self.may_end()?;
        let (Some(birth), Some(constitution)) = (self.birth.clone(), self.constitution.clone()) else {
            return Err(at("BIRTH_FIRST", Ledger::Reasoning, "a birth record".into(), "no entry".into()));
        };
        Ok(History {
            birth,
            head: self.head,
            lineage_depth: self.lineage_depth,
            constitution,
            last_close: self.last_close,
            recomputed: self.recomputed,
            depths: self.chains.each_ref().map(|chain| chain.depth),
            heads: self.chains.each_ref().map(|chain| chain.head),
            identity_chain: self.identity_chain,
            chip_attestation: self.chip_attestation,
            events: self.events,
            status: self.status,
            epoch: self.epoch,
            time: self.chains.evidence.time.max(self.chains.reasoning.time),
        })
    }

    /// Notes what happened since the last verification, once.
    fn event(&mut self, name: &str) {
        if !self.events.iter().any(|event| event == name) {
            self.events.push(name.into());
        }
    }
}
