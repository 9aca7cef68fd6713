//! Re-computation of a substrate's whole history from its leaves.
//!
//! The same code serves a node that verifies its own disk before a session, and a stranger who verifies an export with
//! the cluster gone. Feed all Evidence leaves in order, then all Reasoning leaves, then [`Replay::finish`]. Every hash
//! is recomputed from record members; nothing stored is believed. What the state machine refuses to write is refused
//! here when it stands in a history, as far as the entries of one substrate show it (docs/replay-rules.md). The first
//! failing check is named with both values.

mod birth;
mod chain;
mod cycle;
mod evidence;
pub mod governance;
mod migration;
mod order;
pub mod run;
mod session;

use crate::canon::CanonError;
use crate::digest::Digest;
use crate::entry::{Entry, Ledger};
use crate::p104;
use crate::record::{EvidenceAnchor, Finding, Record, SessionClose, SubstrateIdentity};
use crate::time::Timestamp;
use chain::Chain;
use evidence::Written;
use migration::{Arrival, Seal};
use order::Due;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The first check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check} at {ledger} entry {index}: expected {expected}, found {found}")]
pub struct BadCheck {
    /// Stable name of the check.
    pub check: &'static str,
    /// Which ledger.
    pub ledger: Ledger,
    /// Ledger index of the entry; the number of entries seen when the entry itself is missing or unreadable.
    pub index: u64,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
}

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
    pub depths: [u64; 2],
    /// Hash of the last entry per ledger.
    pub heads: [Option<Digest>; 2],
    /// Hashes of every cycle in order, starting with the substrate identity hash.
    pub identity_chain: Vec<Digest>,
    /// Attestation hash of the active chip.
    pub chip_attestation: Option<Digest>,
    /// `AMENDMENT` or `MIGRATION` since the last verification, each once.
    pub events: Vec<String>,
    /// The last committed verification; INSUFFICIENT_DEPTH before the first.
    pub status: p104::Outcome,
    /// Epoch of the active chip.
    pub epoch: u64,
    /// Time of the last entry.
    pub time: Timestamp,
}

/// Re-computation in progress.
#[derive(Debug)]
pub struct Replay {
    cluster: String,
    substrate_id: String,
    chains: [Chain; 2],
    /// Closes seen in Evidence.
    written: Vec<Written>,
    /// Index and time of the first Evidence entry behind the last of them.
    behind: Option<(u64, Timestamp)>,
    closes_matched: usize,
    /// Evidence entries up to the last close: the depth at which the next session must begin.
    evidence_gate: u64,
    /// The last anchor in the Evidence ledger.
    anchor: Option<EvidenceAnchor>,
    birth: Option<SubstrateIdentity>,
    head: Digest,
    lineage_depth: u64,
    constitution: Option<p104::Constitution>,
    /// Hash of `constitution`.
    constitution_hash: Digest,
    /// Amendments of the cycle under way, and the constitution with them in force.
    amendments: Vec<Digest>,
    amended: Option<p104::Constitution>,
    /// Ids of resolution cycles.
    cycle_ids: BTreeSet<String>,
    seal: Option<Seal>,
    /// Ids of all migrations, ballots that sealed, and the log index of the last seal.
    migration_ids: BTreeSet<String>,
    ballots: BTreeSet<String>,
    seal_index: u64,
    /// The arrival that the next cycle records.
    arrival: Option<Arrival>,
    epoch: u64,
    /// Reasoning index of the last entry that shows how many recoveries the cluster had gone through.
    recoveries_known: u64,
    status: p104::Outcome,
    /// Sessions so far, with those that never opened.
    session: u64,
    last_close: Option<SessionClose>,
    recomputed: Option<Digest>,
    session_open: bool,
    /// Organisation of each node that gave a verdict; none for one that is out, because its copy failed.
    nodes: BTreeMap<u64, Option<String>>,
    /// The deciding finding of the last verification, for the record that follows it.
    decisive: Option<Finding>,
    /// What must follow directly.
    due: Due,
    /// The record that ended the history for ever.
    ended: Option<&'static str>,
    identity_chain: Vec<Digest>,
    chip_attestation: Option<Digest>,
    events: Vec<String>,
}

type Check = Result<(), BadCheck>;

impl Replay {
    /// Starts for one substrate of a cluster.
    pub fn new(cluster: &str, substrate_id: &str) -> Self {
        let subject = format!("substrate:{substrate_id}");
        Self {
            cluster: cluster.into(),
            substrate_id: substrate_id.into(),
            chains: Ledger::BOTH.map(|ledger| Chain::new(ledger, &subject)),
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
            epoch: 1,
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
        self.chains[0].depth + self.chains[1].depth
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
        let slot = ledger.slot();
        let entry = self.chains[slot].check(entry)?;
        match ledger {
            Ledger::Evidence => self.evidence(&entry)?,
            Ledger::Reasoning => self.reasoning(&entry)?,
        }
        self.chains[slot].take(&entry, hash);
        Ok(hash)
    }

    fn reasoning(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        self.may_stand(index, &entry.record)?;
        match &entry.record {
            Record::SubstrateIdentity(birth) => self.birth(index, birth),
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
        let at = |check, ledger: Ledger, expected: String, found: String| BadCheck {
            check,
            ledger,
            index: self.chains[ledger.slot()].next_index(),
            expected,
            found,
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
        if !self.session_open && self.chains[0].depth != self.evidence_gate {
            return Err(at(
                "EVIDENCE_GATE",
                Ledger::Evidence,
                self.evidence_gate.to_string(),
                self.chains[0].depth.to_string(),
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
            time: self.chains[0].time.max(self.chains[1].time),
        })
    }

    /// Notes what happened since the last verification, once.
    fn event(&mut self, name: &str) {
        if !self.events.iter().any(|event| event == name) {
            self.events.push(name.into());
        }
    }
}

/// A failed check at a Reasoning entry.
fn bad(check: &'static str, index: u64, expected: impl ToString, found: impl ToString) -> BadCheck {
    BadCheck { check, ledger: Ledger::Reasoning, index, expected: expected.to_string(), found: found.to_string() }
}

/// Two values of a Reasoning entry that must be equal.
fn same<T: PartialEq + ToString>(check: &'static str, index: u64, expected: T, found: T) -> Check {
    if expected == found { Ok(()) } else { Err(bad(check, index, expected, found)) }
}

/// The same for digests that may be absent.
fn same_or_none(check: &'static str, index: u64, expected: &Option<Digest>, found: &Option<Digest>) -> Check {
    if expected == found { Ok(()) } else { Err(bad(check, index, show(expected), show(found))) }
}

pub(crate) fn show(digest: &Option<Digest>) -> String {
    digest.map_or_else(|| "none".into(), |d| d.to_string())
}

/// The `record_type` of a record.
pub fn kind(record: &Record) -> String {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map.get("record_type").and_then(Value::as_str).unwrap_or("unknown").into(),
        _ => "unknown".into(),
    }
}

use cycle::write_refusal;
