//! Where each entry of the log is, and the newest ones themselves.

use super::frame::{self, FrameKind, FrameRow};
use crate::store::error::read_io;
use crate::store::row::DIGEST;
use bytes::Bytes;
use selfsame_env::DiskFile;
use selfsame_machine::view::ReadError;
use selfsame_protocol::planted;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of the newest entries that are kept in memory, for replication and apply: both read what was just written.
const RECENT: usize = 8 << 20;

/// Where the stored row of an entry is.
#[derive(Clone)]
pub(super) struct EntryLocation {
    file: Arc<dyn DiskFile>,
    at: u64,
    len: usize,
}

impl EntryLocation {
    /// Reads the entry, and checks it against its digest.
    pub(super) fn load(&self, index: u64) -> Result<Bytes, ReadError> {
        let mut stored = vec![0; self.len];
        self.file.read(self.at, &mut stored).map_err(read_io)?;
        frame::decode_row(index, &stored)?;
        Ok(Bytes::from(stored).slice(DIGEST..))
    }
}

/// From where an entry is read.
pub(super) enum EntrySource {
    Memory(Bytes),
    Disk(EntryLocation),
}

impl EntrySource {
    /// Bytes of the entry.
    pub(super) fn len(&self) -> usize {
        match self {
            EntrySource::Memory(value) => value.len(),
            EntrySource::Disk(place) => place.len.saturating_sub(DIGEST),
        }
    }

    pub(super) fn load(self, index: u64) -> Result<Bytes, ReadError> {
        match self {
            EntrySource::Memory(value) => Ok(value),
            EntrySource::Disk(place) => place.load(index),
        }
    }
}

/// Consecutive entries.
#[derive(Default)]
pub(super) struct LogIndexMap {
    first: u64,
    all: VecDeque<EntryLocation>,
    /// The values of the last of them.
    recent: VecDeque<Bytes>,
    recent_bytes: usize,
}

impl LogIndexMap {
    /// Index of the first entry, or below which nothing may come.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Index after the last entry.
    pub(super) fn next(&self) -> u64 {
        self.first + self.all.len() as u64
    }

    /// Whether consecutive entries that begin with this index can follow, or take the place of some.
    pub(super) fn fits(&self, index: u64) -> bool {
        self.first <= index && (self.all.is_empty() || index <= self.next())
    }

    /// Forgets entries from an index on.
    pub(super) fn truncate(&mut self, from: u64) {
        let from = from + u64::from(planted!("truncation_leaves_one_entry"));
        let left = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        while self.all.len() > left {
            self.all.pop_back();
            self.recent_bytes -= self.recent.pop_back().map_or(0, |value| value.len());
        }
    }

    /// Forgets entries up to an index.
    pub(super) fn purge(&mut self, upto: u64) {
        while self.first <= upto && self.all.pop_front().is_some() {
            self.first += 1;
        }
        while self.recent.len() > self.all.len() {
            self.forget();
        }
        if self.all.is_empty() {
            self.first = self.first.max(upto + 1);
        }
    }

    fn forget(&mut self) {
        self.recent_bytes -= self.recent.pop_front().map_or(0, |value| value.len());
    }

    /// LogIndexMap consecutive entries, in the place of what stands from the first one on.
    pub(super) fn put(&mut self, file: &Arc<dyn DiskFile>, rows: &[FrameRow]) {
        let Some(first) = rows.first() else { return };
        self.truncate(first.index);
        if self.all.is_empty() {
            self.first = first.index;
        }
        self.all.extend(rows.iter().map(|row| EntryLocation { file: file.clone(), at: row.at, len: row.len }));
    }

    /// Keeps the value of the entry that follows those that are kept.
    pub(super) fn remember(&mut self, value: &Bytes) {
        self.recent.push_back(value.clone());
        self.recent_bytes += value.len();
        while self.recent_bytes > RECENT {
            self.forget();
        }
    }

    /// What one frame says, at the start. Entries that were purged may be missing before it.
    pub(super) fn replay(
        &mut self,
        file: &Arc<dyn DiskFile>,
        kind: FrameKind,
        rows: &[FrameRow],
        purged: Option<u64>,
    ) -> Result<(), String> {
        let Some(first) = rows.first() else { return Err("it has no row".into()) };
        if kind == FrameKind::Truncation {
            self.truncate(first.index);
            return Ok(());
        }
        let after = |before: u64, index| Err(format!("entry {index} follows entry {before}"));
        if let Some(pair) = rows.windows(2).find(|pair| pair[0].index.checked_add(1) != Some(pair[1].index)) {
            return after(pair[0].index, pair[1].index);
        }
        if !self.fits(first.index) {
            // A snapshot took the place of the entries between.
            if purged.is_none_or(|purged| first.index > purged.saturating_add(1)) {
                return after(self.next().saturating_sub(1), first.index);
            }
            self.truncate(0);
        }
        self.put(file, rows);
        Ok(())
    }

    /// From where an entry is read; none that is not here.
    pub(super) fn source(&self, index: u64) -> Option<EntrySource> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let place = self.all.get(at)?;
        let older = self.all.len() - self.recent.len();
        match at.checked_sub(older).and_then(|at| self.recent.get(at)) {
            Some(value) => Some(EntrySource::Memory(value.clone())),
            None => Some(EntrySource::Disk(place.clone())),
        }
    }

    /// At most `limit` entries after an index.
    pub(super) fn after(&self, after: Option<u64>, limit: usize) -> Vec<(u64, EntryLocation)> {
        let from = after.map_or(self.first, |after| self.first.max(after.saturating_add(1)));
        let skip = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        (from..).zip(self.all.iter().skip(skip).take(limit).cloned()).collect()
    }
}
