//! Re-computation of a cluster's governance from the Reasoning ledger: who was a member under which keys, by which rules,
//! and whether every ballot was decided as these rules say.
//!
//! Feed all leaves of the Reasoning ledger in order, or those of the subjects `cluster` and `organisation:…`; leaves of
//! other subjects are passed over. The reader brings the founders: they are what everything else follows from. With the
//! signed submission of an entry the signature, and the right of its key at that entry, are checked too.

mod ballots;
mod effects;

use super::{BadCheck, Check, show};
use crate::canon::CanonError;
use crate::command::{Command, ItemLimits, Role};
use crate::constitution::ClusterConstitution;
use crate::digest::Digest;
use crate::entry::{Entry, Ledger};
use crate::envelope::{Envelope, Prepared, prepare};
use crate::keys::PublicKey;
use crate::record::Record;
use crate::time::Timestamp;
use ballots::{Ballot, Carrying, Touched};
use std::collections::BTreeMap;

/// A founding organisation: name, root key, operator key.
pub type Founder = (String, PublicKey, PublicKey);

/// What a key was registered for, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpan {
    /// Role.
    pub role: Role,
    /// Organisation.
    pub organisation: String,
    /// Node id, for node keys.
    pub node: Option<u64>,
    /// Reasoning index of the record that registered it; `None` for a founding key.
    pub since: Option<u64>,
    /// Reasoning index of the record that ended it.
    pub until: Option<u64>,
}

/// The keys in force of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Root key.
    pub root_key: PublicKey,
    /// Operator key.
    pub operator_key: PublicKey,
    /// Reasoning index of the record that ended the membership.
    pub removed: Option<u64>,
}

/// How a ballot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Proposal.
    pub proposal_id: String,
    /// `carried`, `rejected`, `expired` or `void`.
    pub result: &'static str,
    /// Reasoning index of the record.
    pub index: u64,
}

/// What the history says, once every check held.
#[derive(Clone, Debug)]
pub struct Governed {
    /// In force at the end.
    pub constitution: ClusterConstitution,
    /// Every organisation that is or was a member.
    pub organisations: BTreeMap<String, Member>,
    /// Every key that was ever registered, by its bytes.
    pub keys: BTreeMap<[u8; 32], KeySpan>,
    /// Every ballot that ended, in order.
    pub decisions: Vec<Decision>,
    /// Ids of the ballots that are open, sorted.
    pub open: Vec<String>,
    /// Changes of the constitution: Reasoning index, hash before, hash after.
    pub changes: Vec<(u64, Digest, Digest)>,
    /// Entries that were checked, and how many of them together with their submission.
    pub checked: (u64, u64),
}

/// The signed submission of an entry, as far as the reader has it.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Not at hand: the entry is checked without its author.
    Nothing,
    /// In binary form.
    Bytes(&'a [u8]),
    /// Read, and its signature verified.
    Prepared(&'a Prepared),
}

/// Re-computation in progress.
#[derive(Debug)]
pub struct Governance {
    cluster: String,
    constitution: ClusterConstitution,
    organisations: BTreeMap<String, Member>,
    keys: BTreeMap<[u8; 32], KeySpan>,
    chips: BTreeMap<Digest, (String, bool)>,
    ballots: BTreeMap<String, Ballot>,
    decisions: Vec<Decision>,
    changes: Vec<(u64, Digest, Digest)>,
    /// What the last submission decided and still has to carry out.
    carrying: Option<Carrying>,
    /// Ballot that the last submission voted on or concluded: decided within it, or not by it.
    touched: Option<Touched>,
    /// The submission under way, and the Reasoning index of its first entry.
    submission: Option<Digest>,
    started: u64,
    chains: BTreeMap<String, (u64, Digest)>,
    last: Option<(u64, Timestamp)>,
    checked: (u64, u64),
}

/// A failed check at a Reasoning entry.
fn bad<T>(check: &'static str, index: u64, expected: impl ToString, found: impl ToString) -> Result<T, BadCheck> {
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(BadCheck { check, ledger: Ledger::Reasoning, index, expected, found })
}

fn equal<T: PartialEq + std::fmt::Debug>(check: &'static str, index: u64, expected: &T, found: &T) -> Check {
    if expected == found { Ok(()) } else { bad(check, index, format!("{expected:?}"), format!("{found:?}")) }
}

impl Governance {
    /// Starts with the constitution and the founders of a cluster; `nodes` are id, organisation and key.
    pub fn new(
        cluster: &str,
        constitution: ClusterConstitution,
        founders: &[Founder],
        nodes: &[(u64, String, PublicKey)],
    ) -> Self {
        let mut keys = BTreeMap::new();
        let mut register = |key: &PublicKey, role, organisation: &str, node| {
            let span = KeySpan { role, organisation: organisation.into(), node, since: None, until: None };
            keys.insert(*key.as_bytes(), span);
        };
        for (name, root_key, operator_key) in founders {
            register(root_key, Role::Root, name, None);
            register(operator_key, Role::Operator, name, None);
        }
        for (id, organisation, key) in nodes {
            register(key, Role::Node, organisation, Some(*id));
        }
        let member = |founder: &Founder| {
            let (name, root_key, operator_key) = founder.clone();
            (name, Member { root_key, operator_key, removed: None })
        };
        Self {
            cluster: cluster.into(),
            constitution,
            organisations: founders.iter().map(member).collect(),
            keys,
            chips: BTreeMap::new(),
            ballots: BTreeMap::new(),
            decisions: Vec::new(),
            changes: Vec::new(),
            carrying: None,
            touched: None,
            submission: None,
            started: 0,
            chains: BTreeMap::new(),
            last: None,
            checked: (0, 0),
        }
    }

    /// Whether the submission of this leaf adds anything: it stands in a chain of the cluster or of an organisation.
    pub fn concerns(leaf: &[u8]) -> bool {
        Entry::from_leaf(leaf).is_ok_and(|entry| governed(&entry.subject))
    }

    /// Whether a chain is one of governance: that of the cluster, or of an organisation.
    pub fn governs(subject: &str) -> bool {
        governed(subject)
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
        if let Some((last, time)) = self.last {
            if index <= last {
                return bad("ENTRY_INDEX", index, format!("above {last}"), index);
            }
            if entry.time < time {
                return bad("ENTRY_TIME", index, format!("{time} or later"), entry.time);
            }
        }
        if self.submission != Some(entry.submission) {
            self.settled(index)?;
            self.submission = Some(entry.submission);
            self.started = index;
        }
        self.last = Some((index, entry.time));
        if !governed(&entry.subject) {
            return Ok(entry);
        }
        let (depth, head) = self.chains.get(&entry.subject).map_or((0, None), |(depth, head)| (*depth, Some(*head)));
        equal("ENTRY_DEPTH", index, &depth, &entry.depth.0)?;
        if head != entry.prior_entry_hash {
            return bad("PRIOR_ENTRY_HASH", index, show(&head), show(&entry.prior_entry_hash));
        }
        self.chains.insert(entry.subject.clone(), (depth + 1, hash));
        if self.signed(&entry, given)? {
            self.checked.1 += 1;
        }
        self.checked.0 += 1;
        self.record(&entry)?;
        Ok(entry)
    }

    /// Everything is decided and carried out; gives what the history says.
    pub fn finish(mut self) -> Result<Governed, BadCheck> {
        let end = self.last.map_or(0, |(index, _)| index.saturating_add(1));
        self.settled(end)?;
        Ok(Governed {
            open: self.open(),
            constitution: self.constitution,
            organisations: self.organisations,
            keys: self.keys,
            decisions: self.decisions,
            changes: self.changes,
            checked: self.checked,
        })
    }

    /// The submission is the one that the entry names, signed by a key that had the right just before the entry. Gives
    /// whether there was one.
    fn signed(&self, entry: &Entry, given: Given<'_>) -> Result<bool, BadCheck> {
        let index = entry.index.0;
        let bytes = match given {
            Given::Nothing => return Ok(false),
            Given::Prepared(prepared) => {
                super::same("SUBMISSION_DIGEST", index, entry.submission, prepared.digest)?;
                return self.entitled(entry, prepared).map(|()| true);
            }
            Given::Bytes(bytes) => bytes,
        };
        let found = match Envelope::from_bytes(bytes) {
            Ok(envelope) => envelope.digest(),
            Err(refusal) => return bad("SUBMISSION_FORM", index, "an envelope", refusal),
        };
        super::same("SUBMISSION_DIGEST", index, entry.submission, found)?;
        match prepare(bytes, &ItemLimits::NONE) {
            Ok(prepared) => self.entitled(entry, &prepared).map(|()| true),
            Err(refusal) => bad("SUBMISSION_SIGNATURE", index, "a valid submission", refusal),
        }
    }

    fn entitled(&self, entry: &Entry, prepared: &Prepared) -> Check {
        let (index, submission) = (entry.index.0, &prepared.submission);
        equal("SUBMISSION_CLUSTER", index, &self.cluster, &submission.cluster)?;
        // What was refused and recorded needs the right of its author all the same; so does what follows from a command.
        let key = submission.author.key;
        let Some(span) = self.keys.get(key.as_bytes()) else {
            return bad("SUBMISSION_KEY", index, "a registered key", key);
        };
        equal("SUBMISSION_ROLE", index, &span.role, &submission.author.role)?;
        // A key may end by the very submission that it signed.
        if span.until.is_some_and(|until| until < self.started) {
            return bad("SUBMISSION_KEY", index, "a key in force", format!("{key}, ended by entry {:?}", span.until));
        }
        match &entry.record {
            Record::Governance { action } if action.by_ballot().is_none() => {
                let author = format!("organisation:{}", span.organisation);
                equal("SUBMISSION_AUTHOR", index, &entry.subject, &author)?;
                match action.is_of(&submission.command) {
                    true => Ok(()),
                    false => {
                        bad("SUBMISSION_COMMAND", index, format!("{action:?}"), format!("{:?}", submission.command))
                    }
                }
            }
            // What a ballot carries out follows from a vote, or from its conclusion.
            Record::Governance { .. } => match &submission.command {
                Command::Propose { .. } | Command::Vote { .. } | Command::Conclude { .. } => Ok(()),
                other => bad("SUBMISSION_COMMAND", index, "a vote", format!("{other:?}")),
            },
            _ => Ok(()),
        }
    }

    fn record(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        match &entry.record {
            Record::Governance { action } => self.action(entry, action),
            Record::BallotDecided { .. } | Record::BallotClosed { .. } => {
                equal("ENTRY_SUBJECT", index, &"cluster", &entry.subject.as_str())?;
                self.ended(entry)
            }
            Record::ConstitutionChanged(change) => {
                equal("ENTRY_SUBJECT", index, &"cluster", &entry.subject.as_str())?;
                self.amended(index, change)
            }
            Record::Recovery { proposal_id, recovery_count, .. } => {
                equal("ENTRY_SUBJECT", index, &"cluster", &entry.subject.as_str())?;
                self.recovered(index, proposal_id, recovery_count.0)
            }
            _ => Ok(()),
        }
    }
}

/// Whether a chain is one of governance.
fn governed(subject: &str) -> bool {
    subject == "cluster" || subject.starts_with("organisation:")
}
