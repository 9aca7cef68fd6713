//! One submission under decision: reads, changes and new entries, all or nothing.

use crate::error::{Stop, refuse};
use crate::genesis::Genesis;
use crate::state::{self, Chain, Registration};
use crate::trees::Growth;
use crate::view::{Overlay, Table, View};
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef, MAX_LEAF_BYTES};
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::number::LogIndex;
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};

/// One submission under decision.
pub struct Txn<'a> {
    /// Reads and changes.
    pub over: Overlay<'a>,
    /// Both ledgers.
    pub growth: PerLedger<Growth>,
    /// Entries so far.
    pub entries: Vec<EntryRef>,
    /// Consensus identity.
    pub genesis: &'a Genesis,
    /// Log index.
    pub index: LogIndex,
    /// Time of the batch.
    pub time: Timestamp,
    /// The submission.
    pub submission: Digest,
    /// The author's registration.
    pub author: Registration,
    /// The author's key.
    pub key: selfsame_protocol::keys::PublicKey,
}

impl Txn<'_> {
    /// Appends a record to a ledger and to its subject's chain.
    pub fn push(&mut self, ledger: Ledger, subject: &Subject, record: Record) -> Result<EntryRef, Stop> {
        let Chain { depth, hash } = state::load_chain(&self.over, subject, ledger)?;
        let growth = &mut self.growth[ledger];
        let index = growth.frontier.size();
        let entry = Entry {
            index: U64(index),
            ledger,
            subject: subject.clone(),
            depth: U64(depth),
            prior_entry_hash: hash,
            time: self.time,
            submission: self.submission,
            record,
        };
        let leaf = entry.leaf();
        if leaf.len() > MAX_LEAF_BYTES {
            return refuse(
                Code::LimitExceeded,
                "the entry would be too large for the ledger: give less content, or its digest",
                format!("at most {MAX_LEAF_BYTES} bytes"),
                leaf.len(),
            );
        }
        let hash = Entry::hash_of(&leaf);
        growth.frontier.append(hash);
        growth.leaves.push(hash);
        self.over.put(state::leaves(ledger), index.to_be_bytes(), leaf);
        self.over.put(Table::EntryHashes, state::hash_key(ledger, &hash), index.to_be_bytes());
        self.over.put(Table::Subjects, state::subject_key(subject, ledger, depth), index.to_be_bytes());
        state::save_chain(&mut self.over, subject, ledger, depth + 1, &hash);
        let entry = EntryRef { ledger, index: U64(index), hash };
        self.entries.push(entry);
        Ok(entry)
    }

    /// Size and root of the Evidence ledger now.
    pub fn anchor(&self) -> EvidenceAnchor {
        let frontier = &self.growth.evidence.frontier;
        EvidenceAnchor { size: U64(frontier.size()), root: frontier.root() }
    }

    /// Refuses a reference to an Evidence entry that does not exist (referential integrity). A failing read is fatal,
    /// never a refusal: other replicas can read and would decide otherwise.
    pub(crate) fn require_evidence(&self, hash: &Digest) -> Result<(), Stop> {
        match self.over.get(Table::EntryHashes, &state::hash_key(Ledger::Evidence, hash))? {
            Some(_) => Ok(()),
            None => refuse(
                Code::DanglingReference,
                "the reference names no entry of the Evidence ledger: append the evidence first, and refer to it by the hash in its receipt",
                "",
                hash,
            ),
        }
    }

    /// Refuses a reference to a run that was not declared.
    pub(crate) fn require_run(&self, run: &Digest) -> Result<(), Stop> {
        match self.over.get(Table::Runs, run.as_bytes())? {
            Some(_) => Ok(()),
            None => refuse(
                Code::RunNotDeclared,
                "this run was never declared: declare it first (`run declare`), or check the id",
                "",
                run,
            ),
        }
    }
}
