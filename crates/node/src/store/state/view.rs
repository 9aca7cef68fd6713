//! One consistent state, as the machine and the API read it.

use super::applied::AppliedMark;
use super::memtable::{Memtable, merged};
use crate::store::backend::Raw;
use crate::store::error::read_io;
use crate::store::row;
use redb::{ReadOnlyTable, ReadTransaction};
use selfsame_machine::view::{ReadError, Row, Table, View};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

type Open = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// A consistent view of the state at one applied index. Every read of the file verifies the digest of what it returns.
pub struct StateView {
    transaction: ReadTransaction,
    /// What is not in the file yet, oldest first.
    memtables: Vec<Arc<Memtable>>,
    tables: Vec<OnceLock<Open>>,
    applied: Option<AppliedMark>,
}

impl StateView {
    pub(super) fn new(
        transaction: ReadTransaction,
        memtables: Vec<Arc<Memtable>>,
        applied: Option<AppliedMark>,
    ) -> Self {
        Self { transaction, memtables, tables: Table::ALL.iter().map(|_| OnceLock::new()).collect(), applied }
    }

    /// Index of the last entry in this view; 0 when none was applied.
    pub fn applied_index(&self) -> u64 {
        self.applied.as_ref().and_then(|applied| applied.position).map_or(0, |position| position.index)
    }

    /// The applied mark of this view.
    pub fn applied(&self) -> Option<&AppliedMark> {
        self.applied.as_ref()
    }

    pub(super) fn table(&self, table: Table) -> Result<&Open, ReadError> {
        let slot = self.tables.get(table as usize).ok_or_else(|| read_io("a table number out of range"))?;
        if let Some(open) = slot.get() {
            return Ok(open);
        }
        // Opened once per view: an open walks the master table.
        let open = self.transaction.open_table(Raw::new(table.name())).map_err(read_io)?;
        Ok(slot.get_or_init(|| open))
    }
}

impl View for StateView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(change) = self.memtables.iter().rev().find_map(|memtable| memtable.get(table, key)) {
            return Ok(change.clone());
        }
        match self.table(table)?.get(key).map_err(read_io)? {
            Some(stored) => Ok(Some(row::decode(table.name(), key, stored.value())?.to_vec())),
            None => Ok(None),
        }
    }

    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let newer = merged(&self.memtables, table, Bound::Included(from), Bound::Excluded(to));
        // Every removed row may hide one of the file's, so so many more are read.
        let mut rows = Vec::new();
        let wanted = limit.saturating_add(newer.len());
        for item in self.table(table)?.range::<&[u8]>(from..to).map_err(read_io)?.take(wanted) {
            let (key, stored) = item.map_err(read_io)?;
            let value = row::decode(table.name(), key.value(), stored.value())?.to_vec();
            rows.push((key.value().to_vec(), value));
        }
        if newer.is_empty() {
            return Ok(rows);
        }
        let mut all: BTreeMap<Vec<u8>, Vec<u8>> = rows.into_iter().collect();
        for (key, change) in newer {
            match change {
                Some(value) => all.insert(key.to_vec(), value.clone()),
                None => all.remove(key),
            };
        }
        Ok(all.into_iter().take(limit).collect())
    }
}
