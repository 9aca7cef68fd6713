//! State digests of recent indexes, so that replicas can compare the same point.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Indexes kept: at a few hundred entries per second more than the time between two comparisons.
const KEPT: usize = 4096;

#[derive(Default)]
pub(super) struct Digests(Mutex<BTreeMap<u64, [u8; 32]>>);

impl Digests {
    pub(super) fn put(&self, index: u64, digest: [u8; 32]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(index, digest);
        while kept.len() > KEPT {
            kept.pop_first();
        }
    }

    pub(super) fn get(&self, index: u64) -> Option<[u8; 32]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&index).copied()
    }

    pub(super) fn latest(&self) -> Option<(u64, [u8; 32])> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last_key_value().map(|(index, digest)| (*index, *digest))
    }

    /// Forgets everything: the state was replaced.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
