//! Re-computation of a cluster's governance from the Reasoning ledger: who was a member under which keys, by which rules,
//! and whether every ballot was decided as these rules say.
//!
//! Feed all leaves of the Reasoning ledger in order, or those of the subjects `cluster` and `organisation:…`; leaves of
//! other subjects are passed over. The reader brings the founders: they are what everything else follows from. With the
//! signed submission of an entry the signature, and the right of its key at that entry, are checked too.

mod ballot;
mod ballots;
mod check;
mod effects;
mod oversight;
mod rights;
mod roster;
mod signed;
mod step;

use crate::canon::CanonError;
use crate::command::{ItemLimits, Proposal};
use crate::constitution::ClusterConstitution;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::genesis::GenesisDocument;
use crate::keys::PublicKey;
use crate::ledger::Ledger;
use crate::names::{OrganisationName, SubstrateId};
use crate::number::NodeId;
use crate::record::{BallotResult, Finding, Record};
use crate::replay::check::{BadCheck, Check, kind, show};
use crate::subject::Subject;
use crate::time::Timestamp;
use ballot::Ballot;
use check::{bad, equal};
pub use oversight::Oversight;
pub use rights::Rights;
use roster::Roster;
pub use roster::{ChipSpan, KeySpan, MemberKeys, NodeSpan};
pub use signed::Given;
use std::collections::{BTreeMap, BTreeSet};
use step::Step;

/// How a ballot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Proposal.
    pub proposal_id: String,
    /// What was proposed.
    pub proposal: Proposal,
    /// What became of it.
    pub result: BallotResult,
    /// Reasoning index of the record.
    pub index: u64,
    /// Its time.
    pub time: Timestamp,
    /// The submission that ended it, and did what was decided.
    pub submission: Digest,
}

/// A node that was put out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Node id.
    pub node: NodeId,
    /// The substrate under verification.
    pub substrate: SubstrateId,
    /// What the node found.
    pub finding: Finding,
    /// Whether by its own late verdict; `None` when that does not show without the submission.
    pub late: Option<bool>,
    /// Reasoning index of the record.
    pub index: u64,
    /// Its submission.
    pub submission: Digest,
}

/// What the history says, once every check held.
#[derive(Clone, Debug)]
pub struct Governed {
    /// In force at the end.
    pub constitution: ClusterConstitution,
    /// Every organisation that is or was a member.
    pub organisations: BTreeMap<OrganisationName, MemberKeys>,
    /// Every key that was ever registered, by its bytes.
    pub keys: BTreeMap<[u8; 32], KeySpan>,
    /// Every node that was ever enrolled, by its id.
    pub nodes: BTreeMap<NodeId, NodeSpan>,
    /// Every chip that was ever enrolled, by its id.
    pub chips: BTreeMap<Digest, ChipSpan>,
    /// Every ballot that ended, in order.
    pub decisions: Vec<Decision>,
    /// Ids of the ballots that are open, sorted.
    pub open: Vec<String>,
    /// Changes of the constitution: Reasoning index, hash before, hash after.
    pub changes: Vec<(u64, Digest, Digest)>,
    /// Recoveries: Reasoning index and time.
    pub recoveries: Vec<(u64, Timestamp)>,
    /// Every log key that a publisher ever had.
    pub log_keys: Vec<PublicKey>,
    /// Nodes that were put out of service, in order.
    pub quarantines: Vec<Quarantined>,
    /// Entries that were checked, and how many of them together with their submission.
    pub checked: (u64, u64),
    /// The cluster, and its limits of submissions.
    cluster: String,
    limits: ItemLimits,
    /// Times of the entries, by Reasoning index.
    times: BTreeMap<u64, Timestamp>,
    /// Founding nodes, and the Reasoning indexes at which the others came into service, sorted.
    served: (usize, Vec<u64>),
    /// Reasoning indexes at which nodes went out of service, sorted.
    left: Vec<u64>,
}

impl Governed {
    /// Number of nodes in service before an entry of the Reasoning ledger.
    pub fn serving(&self, index: u64) -> usize {
        let before = |list: &[u64]| list.partition_point(|at| *at < index);
        let (founding, joined) = &self.served;
        (founding + before(joined)).saturating_sub(before(&self.left))
    }

    /// Number of recoveries before an entry of the Reasoning ledger.
    pub fn recovered(&self, index: u64) -> u64 {
        self.recoveries.iter().filter(|(recovery, _)| *recovery < index).count() as u64
    }

    /// The time of an entry of governance by its Reasoning index.
    pub fn time(&self, index: Option<u64>) -> Option<Timestamp> {
        index.map(|index| self.times.get(&index).copied().unwrap_or_default())
    }
}

/// Re-computation in progress.
#[derive(Debug)]
pub struct Governance {
    cluster: String,
    limits: ItemLimits,
    constitution: ClusterConstitution,
    roster: Roster,
    ballots: BTreeMap<String, Ballot>,
    decisions: Vec<Decision>,
    changes: Vec<(u64, Digest, Digest)>,
    recoveries: Vec<(u64, Timestamp)>,
    quarantines: Vec<Quarantined>,
    /// The submission under way.
    step: Step,
    /// Those before it, and their request ids by the key that signed.
    submissions: BTreeSet<Digest>,
    requests: BTreeSet<([u8; 32], String)>,
    chains: BTreeMap<Subject, (u64, Digest)>,
    /// The last leaf: index and time.
    last: Option<(u64, Timestamp)>,
    /// The least index of the next entry of governance.
    least: u64,
    checked: (u64, u64),
    times: BTreeMap<u64, Timestamp>,
}

impl Governance {
    /// Starts with the founders of a cluster.
    pub fn new(genesis: &GenesisDocument) -> Self {
        Self {
            cluster: genesis.cluster.clone(),
            limits: genesis.limits.clone(),
            constitution: genesis.constitution(),
            roster: Roster::new(genesis),
            ballots: BTreeMap::new(),
            decisions: Vec::new(),
            changes: Vec::new(),
            recoveries: Vec::new(),
            quarantines: Vec::new(),
            step: Step::new(None, 0),
            submissions: BTreeSet::new(),
            requests: BTreeSet::new(),
            chains: BTreeMap::new(),
            last: None,
            least: 0,
            checked: (0, 0),
            times: BTreeMap::new(),
        }
    }

    /// Whether the submission of this leaf adds anything: it stands in a chain of the cluster or of an organisation.
    pub fn concerns(leaf: &[u8]) -> bool {
        Entry::from_leaf(leaf).is_ok_and(|entry| entry.subject.governs())
    }

    /// Checks the next leaf, with the signed submission that caused it when the reader has it (binary form). Leaves of
    /// other subjects are only read.
    pub fn leaf(&mut self, leaf: &[u8], submission: Option<&[u8]>) -> Check {
        let given = submission.map_or(Given::Nothing, Given::Bytes);
        self.decoded(Entry::from_leaf(leaf), Entry::hash_of(leaf), given).map(|_| ())
    }

    /// The same for a leaf that was decoded and hashed already; gives the entry.
    pub fn decoded(
        &mut self,
        entry: Result<Entry, CanonError>,
        hash: Digest,
        given: Given<'_>,
    ) -> Result<Entry, BadCheck> {
        let at = self.last.map_or(0, |(index, _)| index.saturating_add(1));
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return bad("ENTRY_FORM", at, "a canonical entry", error),
        };
        let index = entry.index.0;
        equal("ENTRY_LEDGER", index, &Ledger::Reasoning, &entry.ledger)?;
        let same = self.step.digest == Some(entry.submission);
        if let Some((last, time)) = self.last {
            if index <= last {
                return bad("ENTRY_INDEX", index, format!("above {last}"), index);
            }
            if entry.time < time {
                return bad("ENTRY_TIME", index, format!("{time} or later"), entry.time);
            }
            if same && entry.time != time {
                return bad("SUBMISSION_TIME", index, time, entry.time);
            }
        }
        if !same {
            self.step.settled(index)?;
            self.step = Step::new(Some(entry.submission), index);
        }
        self.last = Some((index, entry.time));
        if !entry.subject.governs() {
            self.step.elsewhere(&entry)?;
            return Ok(entry);
        }
        if self.step.last.is_none() && !self.submissions.insert(entry.submission) {
            return bad("SUBMISSION_ONCE", index, "entries of one submission behind each other", entry.submission);
        }
        let (depth, head) = self.chains.get(&entry.subject).map_or((0, None), |(depth, head)| (*depth, Some(*head)));
        equal("ENTRY_DEPTH", index, &depth, &entry.depth.0)?;
        if head != entry.prior_entry_hash {
            return bad("PRIOR_ENTRY_HASH", index, show(&head), show(&entry.prior_entry_hash));
        }
        if index < self.least {
            return bad(
                "CARRIED_OUT",
                index,
                format!("the seal of a substrate before entry {}", self.least),
                "nothing",
            );
        }
        self.chains.insert(entry.subject.clone(), (depth + 1, hash));
        let organisation = place(&entry)?;
        if self.signed(&entry, given)? {
            self.checked.1 += 1;
        }
        self.checked.0 += 1;
        self.record(&entry, organisation)?;
        self.step.last = Some(index);
        self.times.insert(index, entry.time);
        Ok(entry)
    }

    /// Everything is decided and carried out; gives what the history says.
    pub fn finish(self) -> Result<Governed, BadCheck> {
        self.step.settled(self.last.map_or(0, |(index, _)| index.saturating_add(1)))?;
        let nodes = || self.roster.nodes.values();
        let mut joined: Vec<u64> = nodes().filter_map(|node| node.since).collect();
        let founding = self.roster.nodes.len() - joined.len();
        let mut left: Vec<u64> =
            nodes().filter_map(|node| node.retired.into_iter().chain(node.quarantined).min()).collect();
        joined.sort_unstable();
        left.sort_unstable();
        Ok(Governed {
            served: (founding, joined),
            left,
            open: self.open(),
            constitution: self.constitution,
            organisations: self.roster.organisations,
            keys: self.roster.keys,
            nodes: self.roster.nodes,
            chips: self.roster.chips,
            log_keys: self.roster.log_keys,
            decisions: self.decisions,
            changes: self.changes,
            recoveries: self.recoveries,
            quarantines: self.quarantines,
            checked: self.checked,
            cluster: self.cluster,
            limits: self.limits,
            times: self.times,
        })
    }

    fn record(&mut self, entry: &Entry, organisation: Option<&OrganisationName>) -> Check {
        let index = entry.index.0;
        let due = self.step.take(entry)?;
        match (&entry.record, organisation) {
            (Record::Governance { action }, Some(name)) => match action.by_ballot() {
                None => self.acted(entry, name, action),
                Some(_) => self.brought_about(entry, name, action, due),
            },
            (Record::DuplicateRefused { .. }, Some(name)) => self.refused(entry, name),
            (Record::BallotDecided { .. } | Record::BallotClosed { .. }, _) => self.ended(entry, due),
            (Record::ConstitutionChanged(change), _) => self.amended(index, change, due),
            (Record::Recovery { .. }, _) => self.recovered(entry, due),
            (Record::NodeQuarantine { .. }, _) => self.quarantined(entry),
            (Record::OrganisationQuorumWarning { .. }, _) => self.warned(entry, due),
            _ => Ok(()),
        }
    }
}

/// The organisation in whose chain the entry stands, none in that of the cluster: the record is one of 8.4, where it belongs.
fn place(entry: &Entry) -> Result<Option<&OrganisationName>, BadCheck> {
    let index = entry.index.0;
    let of_cluster = match &entry.record {
        Record::Governance { .. } | Record::DuplicateRefused { .. } => false,
        Record::BallotDecided { .. }
        | Record::BallotClosed { .. }
        | Record::ConstitutionChanged(_)
        | Record::Recovery { .. }
        | Record::NodeQuarantine { .. }
        | Record::OrganisationQuorumWarning { .. } => true,
        other => return bad("RECORD_KIND", index, "a record of section 8.4", kind(other)),
    };
    match (&entry.subject, of_cluster) {
        (Subject::Cluster, true) => Ok(None),
        (Subject::Organisation(name), false) => Ok(Some(name)),
        (other, false) => bad("ENTRY_SUBJECT", index, "organisation:…", other),
        (other, true) => bad("ENTRY_SUBJECT", index, Subject::Cluster, other),
    }
}

#[cfg(test)]
mod tests;
