//! Which snapshot is the current one.

use super::snapshot::{SnapshotFile, SnapshotMeta};
use super::state_store::StateStore;
use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::sync::PoisonError;

impl StateStore {
    /// The current snapshot.
    pub(crate) fn current_snapshot(&self) -> Option<(SnapshotMeta, SnapshotFile)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a whole snapshot the current one and removes the one before. Handles that are being sent stay readable.
    pub(crate) fn set_current_snapshot(&self, meta: SnapshotMeta, file: SnapshotFile) -> std::io::Result<()> {
        let name = file.name.clone();
        let before = self.current.lock().unwrap_or_else(PoisonError::into_inner).replace((meta, file));
        match before {
            Some((_, before)) if before.name != name => self.disk.remove(&before.name),
            _ => Ok(()),
        }
    }

    /// Removes one snapshot file, for example one that was received in part.
    pub(crate) fn remove_snapshot(&self, name: &str) -> std::io::Result<()> {
        self.disk.remove(name)
    }

    /// Finds the newest snapshot at start that ends inside `usable` and whose structure holds; all others are removed. Such as
    /// end before that leave a gap to the log, and another is built from the state when one is needed. Such as end behind
    /// the state were received and not imported before a crash: nothing was purged for them, and the leader sends them
    /// again. Rows are not read: one that decayed is replaced once a receiver refuses it.
    pub(in crate::store) fn find_snapshot(&self, usable: RangeInclusive<u64>) -> std::io::Result<()> {
        let mut found = Vec::new();
        for name in self.disk.list()?.into_iter().filter(|name| name.ends_with(".snap")) {
            let snapshot = SnapshotFile { file: self.disk.open(&name, false)?, name };
            // One that was received has no index in its name.
            let end = snapshot.meta().ok().map(|meta| meta.applied.position.map_or(0, |at| at.index));
            found.push((end.filter(|end| usable.contains(end)), snapshot));
        }
        found.sort_by_key(|(end, _)| Reverse(*end));
        for (end, snapshot) in found {
            match end.filter(|_| self.current_snapshot().is_none()).map(|_| snapshot.verify_structure()) {
                Some(Ok(meta)) => self.set_current_snapshot(meta, snapshot)?,
                _ => self.disk.remove(&snapshot.name)?,
            }
        }
        Ok(())
    }
}
