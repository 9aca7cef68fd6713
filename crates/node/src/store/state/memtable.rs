//! Changes in memory, laid over the file.

use super::applied::AppliedMark;
use selfsame_machine::view::{Changes, Table};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Values by key; `None` removes.
type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Changes of all tables.
#[derive(Clone, Debug)]
pub(super) struct Memtable {
    tables: Vec<Rows>,
    bytes: usize,
}

impl Default for Memtable {
    fn default() -> Self {
        Self { tables: vec![Rows::new(); Table::ALL.len()], bytes: 0 }
    }
}

impl Memtable {
    /// Bytes of keys and values that were put in, those that others took the place of included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes newer changes over.
    pub(super) fn absorb(&mut self, changes: Changes) {
        for ((table, key), change) in changes {
            self.put(table as usize, key, change);
        }
        // A batch without changes moves the mark, which must not stay in memory for ever.
        self.bytes += 1;
    }

    /// Copies a newer memtable's changes over.
    pub(super) fn merge(&mut self, newer: &Memtable) {
        for (table, rows) in newer.tables.iter().enumerate() {
            for (key, change) in rows {
                self.put(table, key.clone(), change.clone());
            }
        }
        self.bytes += 1;
    }

    fn put(&mut self, table: usize, key: Vec<u8>, change: Option<Vec<u8>>) {
        self.bytes += key.len() + change.as_ref().map_or(0, Vec::len);
        if let Some(rows) = self.tables.get_mut(table) {
            rows.insert(key, change);
        }
    }

    /// The change of a row: `None` when it has none here.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.tables.get(table as usize)?.get(key)
    }
}

/// Changes that are not in the file yet, the oldest memtable first.
#[derive(Default)]
pub(super) struct Memtables {
    pub all: Vec<Arc<Memtable>>,
    /// Memtables that are being written: they stay as they are.
    pub frozen: usize,
    /// How far the state was applied, when there is a memtable.
    pub applied: Option<AppliedMark>,
    /// Times that memtables were written.
    pub syncs: u64,
}

impl Memtables {
    pub(super) fn bytes(&self) -> usize {
        self.all.iter().map(|memtable| memtable.bytes()).sum()
    }

    pub(super) fn push(&mut self, changes: Changes) {
        // The newest memtable grows in place unless a view reads it.
        if let Some(memtable) = self.all.get_mut(self.frozen..).and_then(|open| open.last_mut())
            && let Some(memtable) = Arc::get_mut(memtable)
        {
            return memtable.absorb(changes);
        }
        let mut memtable = Memtable::default();
        memtable.absorb(changes);
        self.all.push(Arc::new(memtable));
        // Each memtable is more than twice as large as the next: a read asks few of them, and a row is copied few times.
        while let [.., older, newer] = &self.all[self.frozen..]
            && older.bytes() < newer.bytes().saturating_mul(2)
        {
            let mut both = Memtable::clone(older);
            both.merge(newer);
            self.all.truncate(self.all.len() - 2);
            self.all.push(Arc::new(both));
        }
    }
}

/// The newest change of every row of a table between two keys, in key order. Memtables come oldest first.
pub(super) fn merged<'a>(
    memtables: &'a [Arc<Memtable>],
    table: Table,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
) -> BTreeMap<&'a [u8], &'a Option<Vec<u8>>> {
    let mut rows = BTreeMap::new();
    for of in memtables.iter().filter_map(|memtable| memtable.tables.get(table as usize)) {
        rows.extend(of.range::<[u8], _>((from, to)).map(|(key, change)| (&key[..], change)));
    }
    rows
}
