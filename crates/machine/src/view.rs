//! What the state machine reads and writes: ordered tables of bytes.
//!
//! A [`View`] is implemented by the store (redb) and by [`Model`] (memory). Decisions read through an [`Overlay`],
//! which collects the changes; nothing is written until the caller stores them in one transaction.

use std::collections::BTreeMap;

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Every table of the replicated state. Numbers and names are part of the disk and snapshot formats.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table { $($(#[$doc])* $variant = $number,)* }
        impl Table {
            /// Every table in order of its number.
            pub const ALL: &'static [Table] = &[$(Table::$variant),*];
            /// Stable name.
            pub const fn name(self) -> &'static str { match self { $(Table::$variant => $name,)* } }
            /// The table of a number.
            pub const fn from_number(number: u8) -> Option<Table> { match number { $($number => Some(Table::$variant),)* _ => None } }
        }
    };
}

tables! {
    /// `name` → JSON: cluster, clock, digest, ledger heads.
    Meta = 0, "meta";
    /// u64be index → leaf.
    Evidence = 1, "evidence";
    /// u64be index → leaf.
    Reasoning = 2, "reasoning";
    /// ledger u8 ‖ level u8 ‖ u64be tile index → 1 to 256 hashes.
    Tiles = 3, "tiles";
    /// subject ‖ 0x00 ‖ ledger u8 ‖ u64be depth → u64be ledger index.
    Subjects = 4, "subjects";
    /// ledger u8 ‖ entry hash → u64be ledger index.
    EntryHashes = 5, "entry_hashes";
    /// Submission digest → envelope bytes.
    Submissions = 6, "submissions";
    /// Key id ‖ request id → submission digest ‖ answer JSON.
    Requests = 7, "requests";
    /// Organisation name → JSON.
    Organisations = 8, "organisations";
    /// Public key (32 bytes) → JSON registration.
    Keys = 9, "keys";
    /// u64be node id → JSON; tombstones stay.
    Nodes = 10, "nodes";
    /// Chip id → JSON; retired chips stay.
    Chips = 11, "chips";
    /// Run id → JSON.
    Runs = 12, "runs";
    /// Reference ‖ 0x00 ‖ organisation → run id.
    References = 13, "references";
    /// Run id ‖ execution id → u64be Evidence index.
    Executions = 14, "executions";
    /// UUID → JSON substrate state.
    Substrates = 15, "substrates";
    /// UUID ‖ 0x00 ‖ cycle id → u64be sequence.
    Cycles = 16, "cycles";
    /// UUID ‖ chip id ‖ u64be epoch → u64be log index of the invalidation. Never shrinks.
    Invalidated = 17, "invalidated";
    /// UUID ‖ 0x00 ‖ migration id → JSON.
    Migrations = 18, "migrations";
    /// Proposal id → JSON.
    Proposals = 19, "proposals";
    /// UUID → JSON of the verification under way.
    Verifications = 20, "verifications";
}

/// Why a read failed. The reader cannot continue: the operator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A stored value does not match its digest.
    #[error("table {table}, key {key}: stored value does not match its digest (expected {expected}, found {found})")]
    Corrupt {
        /// Table name.
        table: &'static str,
        /// Key, lowercase hex.
        key: String,
        /// Digest that was stored.
        expected: String,
        /// Digest of what was read.
        found: String,
    },
    /// A stored value does not decode: written by other software, or a bug.
    #[error("table {table}, key {key}: {reason}")]
    Undecodable {
        /// Table name.
        table: &'static str,
        /// Key, lowercase hex.
        key: String,
        /// Why.
        reason: String,
    },
    /// The device failed.
    #[error("reading the state: {0}")]
    Io(String),
}

/// A key with its value.
pub type Row = (Vec<u8>, Vec<u8>);
/// New values by table and key; `None` removes. Ordered, so that replicas hash the same bytes.
pub type Changes = BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>;

/// Reads of one consistent state.
pub trait View {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;
    /// Rows with `from <= key < to` in key order, at most `limit`.
    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError>;
}

/// A view with changes on top.
pub struct Overlay<'a> {
    base: &'a dyn View,
    changes: Changes,
}

impl<'a> Overlay<'a> {
    /// No changes over `base`.
    pub fn new(base: &'a dyn View) -> Self {
        Self { base, changes: Changes::new() }
    }
    /// Sets a value.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.insert((table, key.into()), Some(value.into()));
    }
    /// Removes a key.
    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.changes.insert((table, key.into()), None);
    }
    /// Lays further changes on top.
    pub fn absorb(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }
    /// The changes so far.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }
    /// The changes.
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

impl View for Overlay<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self.changes.get(&(table, key.to_vec())) {
            Some(change) => Ok(change.clone()),
            None => self.base.get(table, key),
        }
    }
    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let over: Vec<_> = self.changes.range((table, from.to_vec())..(table, to.to_vec())).collect();
        // Every removed row may hide one of the base's, so ask the base for that many more.
        let base = self.base.scan(table, from, to, limit.saturating_add(over.len()))?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = base.into_iter().collect();
        for ((_, key), change) in over {
            match change {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows.into_iter().take(limit).collect())
    }
}

/// The state in memory: for tests, the simulator's shadow replay and offline audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Model {
    /// Stores changes.
    pub fn commit(&mut self, changes: Changes) {
        for (key, change) in changes {
            match change {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }
}

impl View for Model {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }
    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = self.0.range((table, from.to_vec())..(table, to.to_vec()));
        Ok(range.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}
