//! The consensus log, its vote and its purge mark. Entries are frames of segment files (decision 0020), what else there is
//! are records of a small database.

use super::frame::{FrameKind, FrameRow};
use super::index_map::LogIndexMap;
use super::segment::{self, Segment};
use crate::store::StoreOptions;
use crate::store::backend::Db;
use crate::store::error::{OpenError, WriteError, read_io};
use crate::store::header::{self, Identity};
use crate::store::log_id::{LogId, StoredVote};
use crate::store::records::{decode, encode, read_record, write_record};
use bytes::Bytes;
use selfsame_env::{Disk, DiskFile};
use selfsame_machine::view::ReadError;
use selfsame_protocol::planted;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(in crate::store) const FILE: &str = "log.redb";
/// Number and first frame of each segment, as a list of pairs.
const FILES: &[u8] = b"files";
const VOTE: &[u8] = b"vote";
const PURGED: &[u8] = b"purged";

/// An index with the bytes of its entry.
pub type LogRow = (u64, Bytes);

/// The log: consecutive entries, each durable before the call that wrote it returns.
pub struct LogStore {
    pub(in crate::store) db: Db,
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Oldest first; the last one is written. None: the store is closed.
    segments: VecDeque<Segment>,
    index: LogIndexMap,
    /// Of the next frame.
    sequence: u64,
    /// Every frame below is synced.
    durable: u64,
    /// Every entry below is synced, as it stands now.
    durable_entries: u64,
    /// Times that entries were removed: a sync that began before says nothing about what took their place.
    cuts: u64,
    /// Why nothing is written any more: after a failed write nobody knows what the disk holds.
    failed: Option<String>,
}

/// What was written up to a moment.
struct Written {
    frames: u64,
    entries: u64,
    cuts: u64,
}

fn fail(error: impl ToString) -> WriteError {
    WriteError::new("the log", error)
}

impl Inner {
    fn usable(&self) -> Result<(), WriteError> {
        match &self.failed {
            Some(reason) => Err(fail(format!("an earlier write failed: {reason}"))),
            None if self.segments.is_empty() => Err(fail("the store is closed")),
            None => Ok(()),
        }
    }

    /// Counts frames and entries that are synced now, of what was written when the sync began.
    fn synced(&mut self, written: &Written) {
        self.durable = self.durable.max(written.frames);
        if self.cuts == written.cuts {
            self.durable_entries = self.durable_entries.max(written.entries);
        }
    }

    fn written(&self) -> Written {
        Written { frames: self.sequence, entries: self.index.next(), cuts: self.cuts }
    }

    /// Forgets entries from an index on.
    fn cut(&mut self, from: u64) {
        if from < self.index.next() {
            self.cuts += 1;
            self.durable_entries = self.durable_entries.min(from);
            self.index.truncate(from);
        }
    }

    fn files(&self) -> Vec<(u64, u64)> {
        self.segments.iter().map(|segment| (segment.number, segment.begins)).collect()
    }
}

impl LogStore {
    pub(in crate::store) fn open(
        disk: Arc<dyn Disk>,
        identity: &Identity,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        let db = Db::open(&*disk, FILE)?;
        header::check_or_create(&db, FILE, identity, |transaction| {
            Segment::create(&*disk, 1, 0).map_err(fail)?;
            write_record(transaction, FILES, &encode("the list of segments", &[(1u64, 0u64)])?)
        })?;
        let Some(files) = read_record(&db, FILES)? else {
            return Err(OpenError::Unusable { file: FILE, reason: "it names no segments".into() });
        };
        let files: Vec<(u64, u64)> = decode(FILES, &files)?;
        let purged = read_purged(&db)?.map(|at| at.index);
        let mut inner = Inner::default();
        let mut each = |file: &Arc<dyn DiskFile>, kind, rows: &[FrameRow]| inner.index.replay(file, kind, rows, purged);
        for pair in files.windows(2) {
            inner.segments.push_back(Segment::scan(&*disk, pair[0], pair[1].1, &mut each)?);
        }
        if let Some(last) = files.last() {
            let (segment, next) = Segment::recover(&*disk, *last, &mut each)?;
            inner.segments.push_back(segment);
            (inner.sequence, inner.durable) = (next, next);
        }
        if let Some(purged) = purged {
            inner.index.purge(purged);
            if inner.index.first() != purged + 1 {
                let reason = format!("entries {} to {} are missing", purged + 1, inner.index.first() - 1);
                return Err(OpenError::Unusable { file: FILE, reason });
            }
        }
        inner.durable_entries = inner.index.next();
        // Segments that were purged and not removed, or begun and not recorded.
        for name in disk.list()?.into_iter().filter(|name| segment::is_segment(name)) {
            if !files.iter().any(|(number, _)| segment::name(*number) == name) {
                disk.remove(&name)?;
            }
        }
        Ok(Self { db, disk, segment_bytes: options.segment_bytes, inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::store) fn close(&self) {
        *self.inner() = Inner::default();
        self.db.close();
    }

    /// Appends consecutive entries, durably; from an index that is present on, they take the place of what is there.
    pub fn append(&self, rows: &[LogRow]) -> Result<(), WriteError> {
        self.write(rows)?;
        self.sync()
    }

    /// As [`LogStore::append`], durable after the next [`LogStore::sync`].
    pub fn write(&self, rows: &[LogRow]) -> Result<(), WriteError> {
        let mut inner = self.inner();
        let Some((first, _)) = rows.first() else { return Ok(()) };
        inner.usable()?;
        if !inner.index.fits(*first) || rows.windows(2).any(|pair| pair[0].0.checked_add(1) != Some(pair[1].0)) {
            return Err(fail(format!(
                "entries are consecutive: after {} came {first}",
                inner.index.next().saturating_sub(1)
            )));
        }
        let (file, locations) = self.frame(&mut inner, FrameKind::Entries, rows)?;
        inner.cut(*first);
        inner.index.put(&file, &locations);
        for (_, value) in rows {
            inner.index.remember(value);
        }
        Ok(())
    }

    /// Makes everything durable that was written before.
    pub fn sync(&self) -> Result<(), WriteError> {
        let (file, written) = {
            let inner = self.inner();
            inner.usable()?;
            match inner.segments.back() {
                Some(segment) if inner.durable < inner.sequence => (segment.file.clone(), inner.written()),
                _ => return Ok(()),
            }
        };
        let synced = if planted!("ack_before_fsync") { Ok(()) } else { file.sync() };
        let mut inner = self.inner();
        match synced {
            Ok(()) => inner.synced(&written),
            Err(error) => return Err(failed(&mut inner, error)),
        }
        Ok(())
    }

    /// See [`Disk::sync_takes`].
    pub fn sync_takes(&self) -> Duration {
        self.disk.sync_takes()
    }

    /// Whether the entry of an index, and all before it, are durable. Entries that were purged are.
    pub(crate) fn is_durable(&self, index: u64) -> bool {
        let inner = self.inner();
        index < inner.durable_entries.max(inner.index.first())
    }

    /// Writes one frame into the last segment, or into a new one when that is full.
    fn frame(
        &self,
        inner: &mut Inner,
        kind: FrameKind,
        rows: &[LogRow],
    ) -> Result<(Arc<dyn DiskFile>, Vec<FrameRow>), WriteError> {
        if inner.segments.back().is_some_and(|last| last.is_full(self.segment_bytes)) {
            self.roll(inner)?;
        }
        let sequence = (inner.sequence, inner.durable);
        let Some(last) = inner.segments.back_mut() else { return Err(fail("the store is closed")) };
        match last.write(kind, sequence, rows) {
            Ok(locations) => {
                let file = last.file.clone();
                inner.sequence += 1;
                Ok((file, locations))
            }
            Err(error) => Err(failed(inner, error)),
        }
    }

    /// Begins a segment. The one before it is synced, and the new one is recorded before anything is written to it.
    fn roll(&self, inner: &mut Inner) -> Result<(), WriteError> {
        let Some(last) = inner.segments.back() else { return Err(fail("the store is closed")) };
        let number = last.number + 1;
        let rolled = last.file.sync().and_then(|()| Segment::create(&*self.disk, number, inner.sequence));
        let segment = match rolled {
            Ok(segment) => segment,
            Err(error) => return Err(failed(inner, error)),
        };
        let written = inner.written();
        inner.synced(&written);
        inner.segments.push_back(segment);
        let files = encode("the list of segments", &inner.files())?;
        let recorded = self.db.write("the list of segments", |transaction| write_record(transaction, FILES, &files));
        recorded.map_err(|error| failed(inner, error))
    }

    /// Removes `from` and everything after it.
    pub fn truncate(&self, from: u64) -> Result<(), WriteError> {
        {
            let mut inner = self.inner();
            inner.usable()?;
            if from >= inner.index.next() {
                return Ok(());
            }
            self.frame(&mut inner, FrameKind::Truncation, &[(from, Bytes::new())])?;
            inner.cut(from);
        }
        self.sync()
    }

    /// Removes everything up to `upto`, inclusive, and remembers it. Gives the files that hold nothing any more, for
    /// [`LogStore::remove`]; one that stays is removed at the next start.
    pub fn purge(&self, upto: LogId) -> Result<Vec<String>, WriteError> {
        let mark = encode("purge mark", &upto)?;
        let gone = upto.index + if planted!("purge_too_early") { 64 } else { 0 };
        let mut inner = self.inner();
        inner.usable()?;
        let mut removed = Vec::new();
        while inner.segments.len() > 1 && inner.segments[0].highest.is_none_or(|highest| highest <= gone) {
            removed.extend(inner.segments.pop_front());
        }
        let files = encode("the list of segments", &inner.files())?;
        let recorded = self.db.write("log purge", |transaction| {
            write_record(transaction, PURGED, &mark)?;
            write_record(transaction, FILES, &files)
        });
        recorded.map_err(|error| failed(&mut inner, error))?;
        inner.index.purge(gone);
        Ok(removed.iter().map(|segment| segment::name(segment.number)).collect())
    }

    /// Removes purged files. Much log may go at once, and a file system takes its time for each.
    pub fn remove(&self, files: &[String]) -> Result<(), WriteError> {
        files.iter().try_for_each(|name| self.disk.remove(name)).map_err(fail)
    }

    /// Last purged entry.
    pub fn purged(&self) -> Result<Option<LogId>, ReadError> {
        read_purged(&self.db)
    }

    /// Makes a vote durable, and entries that were written before it.
    pub(crate) fn save_vote(&self, vote: StoredVote) -> Result<(), WriteError> {
        self.sync()?;
        let vote = if planted!("old_vote_kept") { self.vote().ok().flatten().unwrap_or(vote) } else { vote };
        let bytes = encode("vote", &vote)?;
        self.db.write("vote", |transaction| write_record(transaction, VOTE, &bytes))
    }

    /// The last vote.
    pub fn vote(&self) -> Result<Option<StoredVote>, ReadError> {
        read_record(&self.db, VOTE)?.map(|bytes| decode(VOTE, &bytes)).transpose()
    }

    /// The last entry.
    pub fn last(&self) -> Result<Option<LogRow>, ReadError> {
        let next = self.inner().index.next();
        Ok(self.read(next.saturating_sub(1), next, usize::MAX)?.pop())
    }

    /// Entries with `from <= index < to`, until their bytes pass `max_bytes`; at least one when there is one.
    pub fn read(&self, from: u64, to: u64, max_bytes: usize) -> Result<Vec<LogRow>, ReadError> {
        let mut sources = Vec::new();
        {
            let inner = self.inner();
            if inner.segments.is_empty() {
                return Err(read_io("the store is closed"));
            }
            let mut bytes = 0;
            for index in from.max(inner.index.first())..to.min(inner.index.next()) {
                let Some(source) = inner.index.source(index) else { break };
                bytes += source.len();
                if bytes > max_bytes && !sources.is_empty() {
                    break;
                }
                sources.push((index, source));
            }
        }
        sources.into_iter().map(|(index, source)| Ok((index, source.load(index)?))).collect()
    }

    /// Reads at most `limit` entries after an index from the disk, not from memory: the index of each and what is wrong
    /// with it.
    pub(in crate::store) fn check(&self, after: Option<u64>, limit: usize) -> Vec<(u64, Result<(), ReadError>)> {
        let locations = self.inner().index.after(after, limit);
        locations.into_iter().map(|(index, location)| (index, location.load(index).map(|_| ()))).collect()
    }
}

fn failed(inner: &mut Inner, error: impl ToString) -> WriteError {
    let error = fail(error);
    inner.failed = Some(error.reason.clone());
    error
}

fn read_purged(db: &Db) -> Result<Option<LogId>, ReadError> {
    read_record(db, PURGED)?.map(|bytes| decode(PURGED, &bytes)).transpose()
}
