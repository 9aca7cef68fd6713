//! Changes in memory, laid over the file.

use super::applied::Applied;
use selfsame_machine::view::{Changes, Table};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Values by key; `None` removes.
type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Changes of all tables.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    tables: Vec<Rows>,
    bytes: usize,
}

impl Default for Layer {
    fn default() -> Self {
        Self { tables: vec![Rows::new(); Table::ALL.len()], bytes: 0 }
    }
}

impl Layer {
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

    /// Copies a newer layer's changes over.
    pub(super) fn lay(&mut self, newer: &Layer) {
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

/// Changes that are not in the file yet, the oldest layer first.
#[derive(Default)]
pub(super) struct Memory {
    pub layers: Vec<Arc<Layer>>,
    /// Layers that are being written: they stay as they are.
    pub frozen: usize,
    /// How far the state was applied, when there is a layer.
    pub applied: Option<Applied>,
    /// Times that layers were written.
    pub syncs: u64,
}

impl Memory {
    pub(super) fn bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.bytes()).sum()
    }

    pub(super) fn push(&mut self, changes: Changes) {
        // The newest layer grows in place unless a view reads it.
        if let Some(layer) = self.layers.get_mut(self.frozen..).and_then(|open| open.last_mut())
            && let Some(layer) = Arc::get_mut(layer)
        {
            return layer.absorb(changes);
        }
        let mut layer = Layer::default();
        layer.absorb(changes);
        self.layers.push(Arc::new(layer));
        // Each layer is more than twice as large as the next: a read asks few of them, and a row is copied few times.
        while let [.., older, newer] = &self.layers[self.frozen..]
            && older.bytes() < newer.bytes().saturating_mul(2)
        {
            let mut both = Layer::clone(older);
            both.lay(newer);
            self.layers.truncate(self.layers.len() - 2);
            self.layers.push(Arc::new(both));
        }
    }
}

/// The newest change of every row of a table between two keys, in key order. Layers come oldest first.
pub(super) fn merged<'a>(
    layers: &'a [Arc<Layer>],
    table: Table,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
) -> BTreeMap<&'a [u8], &'a Option<Vec<u8>>> {
    let mut rows = BTreeMap::new();
    for of in layers.iter().filter_map(|layer| layer.tables.get(table as usize)) {
        rows.extend(of.range::<[u8], _>((from, to)).map(|(key, change)| (&key[..], change)));
    }
    rows
}
