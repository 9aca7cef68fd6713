//! What a state holds beside its ledgers, as far as it follows from the entries at little cost: which rows there are, and
//! those that are no more than an index.
//!
//! The rows that the entries demand and those that the file has are summed, and the sums compared: a sum is the XOR of a
//! hash of each row under a key that is drawn anew for each file, so that nobody can make other rows of the same sum. No
//! row is held, so that memory does not grow with the file.

use crate::report::{Failure, altered};
use selfsame_machine::Genesis;
use selfsame_machine::state::{hash_key, subject_key};
use selfsame_machine::view::Table;
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::leaf_header;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::{Subject, SubjectError};
use selfsame_protocol::time::Timestamp;
use std::hash::{BuildHasher as _, RandomState};

/// How the key of a chain's end begins in the first table.
const CHAIN: &[u8] = b"chain/";
const CLOCK: &[u8] = b"clock";
const CONSTITUTION: &[u8] = b"constitution";
const RECOVERIES: &[u8] = b"recoveries";

/// How the rows of a table are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// Key and value follow from the entries.
    Whole,
    /// Which keys there are follows from the entries.
    Keys,
    /// Not here.
    Not,
}

const fn compared(table: Table) -> Compared {
    match table {
        // Of the first table the ends of chains, which are given here and no other row.
        Table::Meta | Table::Subjects | Table::EntryHashes => Compared::Whole,
        Table::Organisations | Table::Keys | Table::Nodes | Table::Chips | Table::Runs | Table::Substrates => {
            Compared::Keys
        }
        Table::Evidence
        | Table::Reasoning
        | Table::Tiles
        | Table::Submissions
        | Table::Requests
        | Table::References
        | Table::Executions
        | Table::Cycles
        | Table::Invalidated
        | Table::Migrations
        | Table::Proposals
        | Table::Verifications => Compared::Not,
    }
}

/// Rows, summed.
#[derive(Clone, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hashes: [u8; 32],
}

impl Sum {
    fn add(&mut self, secret: &[u8; 32], table: Table, key: &[u8], value: &[u8]) {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(&(key.len() as u64).to_be_bytes()).update(key);
        if compared(table) == Compared::Whole {
            hasher.update(value);
        }
        let hash = hasher.finalize();
        self.hashes.iter_mut().zip(hash.as_bytes()).for_each(|(sum, byte)| *sum ^= byte);
        self.rows += 1;
    }
}

/// The rows of one file.
pub struct Derived {
    secret: [u8; 32],
    wanted: Vec<Sum>,
    found: Vec<Sum>,
    /// Rows of submissions, and of requests.
    given: [u64; 2],
    entries: u64,
    /// Time of the newest entry.
    newest: String,
    clock: Vec<u8>,
    constitution: Vec<u8>,
    recoveries: Vec<u8>,
    /// What the last change put into force.
    amended: Option<Box<ClusterConstitution>>,
}

impl Derived {
    /// Before the first row.
    pub fn new() -> Derived {
        let mut secret = [0; 32];
        for (at, part) in secret.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *part = RandomState::new().hash_one(at).to_be_bytes();
        }
        let sums = vec![Sum::default(); Table::ALL.len()];
        Derived {
            secret,
            wanted: sums.clone(),
            found: sums,
            given: [0; 2],
            entries: 0,
            newest: String::new(),
            clock: Vec::new(),
            constitution: Vec::new(),
            recoveries: Vec::new(),
            amended: None,
        }
    }

    fn want(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.wanted[table as usize].add(&self.secret, table, key, value);
    }

    /// A row of the file.
    pub fn row(&mut self, table: Table, key: &[u8], value: &[u8]) {
        match table {
            Table::Meta if key == CLOCK => self.clock = value.into(),
            Table::Meta if key == CONSTITUTION => self.constitution = value.into(),
            Table::Meta if key == RECOVERIES => self.recoveries = value.into(),
            Table::Meta if !key.starts_with(CHAIN) => {}
            Table::Submissions => self.given[0] += 1,
            Table::Requests => self.given[1] += 1,
            _ if compared(table) == Compared::Not => {}
            _ => self.found[table as usize].add(&self.secret, table, key, value),
        }
    }

    /// An entry, and what it demands.
    pub fn entry(&mut self, leaf: &[u8], hash: &Digest) -> Result<(), Failure> {
        // What is no entry was refused before.
        let Some(edges) = leaf_header::read(leaf) else { return Ok(()) };
        let (ledger, index) = (edges.ledger, edges.index.to_be_bytes());
        let malformed = |error: String| altered("ENTRY_FORM", Some((ledger, edges.index)), "a canonical entry", error);
        let subject: Subject = edges.subject.parse().map_err(|error: SubjectError| malformed(error.to_string()))?;
        self.entries += 1;
        self.want(Table::Subjects, &subject_key(&subject, ledger, edges.depth), &index);
        self.want(Table::EntryHashes, &hash_key(ledger, hash), &index);
        if edges.time > self.newest.as_str() {
            self.newest.clear();
            self.newest.push_str(edges.time);
        }
        if edges.depth == 0 {
            match (ledger, &subject) {
                (Ledger::Evidence, Subject::Run(id)) => self.want(Table::Runs, id.as_bytes(), &[]),
                (Ledger::Reasoning, Subject::Substrate(id)) => self.want(Table::Substrates, id.as_bytes(), &[]),
                (Ledger::Evidence | Ledger::Reasoning, _) => {}
            }
        }
        if ledger == Ledger::Reasoning && subject.governs() {
            let read = Entry::from_leaf(leaf);
            self.governed(read.map_err(|error| malformed(error.to_string()))?.record);
        }
        Ok(())
    }

    fn registered(&mut self, keys: &[PublicKey]) {
        keys.iter().for_each(|key| self.want(Table::Keys, key.as_bytes(), &[]));
    }

    /// What an entry of governance registers, and what it puts into force.
    fn governed(&mut self, record: Record) {
        let action = if let Record::Governance { action } = record {
            action
        } else {
            if let Record::ConstitutionChanged(change) = record {
                self.amended = Some(Box::new(change.after));
            }
            return;
        };
        match action {
            GovernanceAction::RotateKey { new, .. } => self.registered(&[new]),
            GovernanceAction::EnrolNode { node, key, .. } => {
                self.want(Table::Nodes, &node.0.to_be_bytes(), &[]);
                self.registered(&[key]);
            }
            GovernanceAction::EnrolChip { chip, key, .. } => {
                self.want(Table::Chips, chip.as_bytes(), &[]);
                self.registered(&[key]);
            }
            GovernanceAction::AddOrganisation { organisation, root_key, operator_key, .. } => {
                self.want(Table::Organisations, organisation.as_bytes(), &[]);
                self.registered(&[root_key, operator_key]);
            }
            // Nothing that was registered is ever taken out.
            GovernanceAction::RetireNode { .. }
            | GovernanceAction::RetireChip { .. }
            | GovernanceAction::RemoveOrganisation { .. }
            | GovernanceAction::Propose { .. }
            | GovernanceAction::Vote { .. }
            | GovernanceAction::Conclude { .. } => {}
        }
    }

    /// The end of a chain: its subject, the depth of its last entry, and that entry's hash.
    pub fn end(&mut self, ledger: Ledger, subject: &[u8], depth: u64, hash: &Digest) {
        let key = [CHAIN, ledger.as_str().as_bytes(), b"/", subject].concat();
        let value = [&depth.saturating_add(1).to_be_bytes()[..], hash.as_bytes()].concat();
        self.want(Table::Meta, &key, &value);
    }

    /// After the last row and the end of the last chain.
    pub fn check(mut self, genesis: &Genesis) -> Result<(), Failure> {
        for (table, key) in genesis.changes().keys().filter(|(table, _)| *table != Table::Meta) {
            self.want(*table, key, &[]);
        }
        for table in Table::ALL {
            let (wanted, found) = (&self.wanted[*table as usize], &self.found[*table as usize]);
            if wanted != found {
                let what = if *table == Table::Meta { "ends of chains" } else { table.name() };
                let expected = format!("{} rows of {what}, as they follow from the entries", wanted.rows);
                let found = if wanted.rows == found.rows { "others".into() } else { format!("{} rows", found.rows) };
                return Err(altered("DERIVED_ROW", None, expected, found));
            }
        }
        for (table, rows) in [Table::Submissions, Table::Requests].into_iter().zip(self.given) {
            if rows == 0 && self.entries > 0 {
                return Err(altered("DERIVED_ROW", None, format!("rows of {}", table.name()), "none"));
            }
        }
        self.clock()?;
        self.constitution(genesis)
    }

    /// The clock stamps every entry and never runs back.
    fn clock(&self) -> Result<(), Failure> {
        let clock =
            <[u8; 8]>::try_from(&self.clock[..]).ok().map(|bytes| Timestamp::from_millis(u64::from_be_bytes(bytes)));
        match clock {
            Some(clock) if clock.to_string() >= self.newest => Ok(()),
            None if self.clock.is_empty() && self.entries == 0 => Ok(()),
            clock => {
                let expected = format!("the clock at {} or later", self.newest);
                Err(altered("STATE_CLOCK", None, expected, clock.map_or("none".into(), |clock| clock.to_string())))
            }
        }
    }

    /// In force is what the last change says, or the genesis; the count of recoveries stands beside it once more.
    fn constitution(&self, genesis: &Genesis) -> Result<(), Failure> {
        let wanted = self.amended.as_deref().cloned().unwrap_or_else(|| genesis.constitution());
        let bad = |expected: String, found: String| Err(altered("STATE_CONSTITUTION", None, expected, found));
        let read = serde_json::from_slice::<ClusterConstitution>(&self.constitution);
        match read.map(|found| found.hash()) {
            Ok(found) if found == wanted.hash() => {}
            Ok(found) => return bad(format!("the constitution {}", wanted.hash()), found.to_string()),
            Err(error) => return bad(format!("the constitution {}", wanted.hash()), error.to_string()),
        }
        let count = wanted.recovery_count.0;
        let row = if count == 0 { Vec::new() } else { count.to_be_bytes().to_vec() };
        match self.recoveries == row {
            true => Ok(()),
            false => bad(format!("{count} recoveries"), selfsame_protocol::digest::hex(&self.recoveries)),
        }
    }
}
