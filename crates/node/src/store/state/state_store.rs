//! The replicated state and how far it was applied: the newest changes in memory, the rest in one file, written together
//! with the applied mark in one transaction.
//!
//! What is committed is in memory only until the next [`StateStore::sync`]. Views lay it over the file, so reads see it at
//! once; a crash takes it back, and the log, which is not purged before, gives it again. The file is written seldom and
//! much at a time: rows that change often are written once for many changes.

use super::applied::{APPLIED, AppliedMark, read_applied};
use super::memtable::{Memtable, Memtables, merged};
use super::snapshot::{SnapshotFile, SnapshotMeta};
use super::view::StateView;
use crate::store::backend::{Db, Raw};
use crate::store::error::{OpenError, SnapshotError, WriteError};
use crate::store::header::{self, Identity};
use crate::store::options::StoreOptions;
use crate::store::records::{encode, write_record};
use crate::store::row;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use selfsame_env::Disk;
use selfsame_machine::view::{Changes, ReadError, Table};
use selfsame_protocol::planted;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(in crate::store) const FILE: &str = "state.redb";

/// The state.
pub struct StateStore {
    pub(in crate::store) db: Db,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) identity: Identity,
    pub(super) current: Mutex<Option<(SnapshotMeta, SnapshotFile)>>,
    memtables: Mutex<Memtables>,
    /// Held by whoever writes the file.
    writing: Mutex<()>,
    /// Told when so much is in memory that it is time to sync.
    pub(crate) due: tokio::sync::Notify,
}

/// Bytes of changes in memory after which they are to be written soon.
const DUE: usize = 16 << 20;
/// Bytes of changes in memory after which whoever commits writes them. A crash takes back at most these.
const MOST: usize = 32 << 20;

pub(super) fn fail(error: impl ToString) -> WriteError {
    WriteError::new("the state", error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StateStore {
    pub(in crate::store) fn open(
        disk: Arc<dyn Disk>,
        identity: &Identity,
        options: &StoreOptions,
    ) -> Result<Self, OpenError> {
        let db = Db::open_with(&*disk, FILE, options.cache_bytes)?;
        header::check_or_create(&db, FILE, identity, |transaction| {
            for table in Table::ALL {
                transaction.open_table(Raw::new(table.name())).map_err(fail)?;
            }
            Ok(())
        })?;
        Ok(Self {
            db,
            disk,
            identity: identity.clone(),
            current: Mutex::default(),
            memtables: Mutex::default(),
            writing: Mutex::default(),
            due: tokio::sync::Notify::new(),
        })
    }

    pub(in crate::store) fn close(&self) {
        // What cannot be written now is in the log.
        let _ = self.sync();
        self.db.close();
    }

    /// A consistent view of the state; later commits do not show in it. Old views hold back the reuse of space: keep
    /// them for one request, not for a session.
    pub fn view(&self) -> Result<StateView, ReadError> {
        let memory = lock(&self.memtables);
        // Read under the lock: memtables go only after the file has what they hold. What both hold is the same or newer in
        // the memtables.
        let file = self.db.read()?;
        let (memtables, applied) = (memory.all.clone(), memory.applied.clone());
        drop(memory);
        match memtables.is_empty() {
            true => self.of_file(file),
            false => Ok(StateView::new(file, memtables, applied)),
        }
    }

    /// A consistent view of what is durable: everything that was committed before this call.
    pub(super) fn durable_view(&self) -> Result<StateView, SnapshotError> {
        self.sync()?;
        Ok(self.stored_view()?)
    }

    /// A consistent view of what is durable already.
    pub(crate) fn stored_view(&self) -> Result<StateView, ReadError> {
        self.of_file(self.db.read()?)
    }

    fn of_file(&self, file: ReadTransaction) -> Result<StateView, ReadError> {
        let applied = read_applied(&file)?;
        Ok(StateView::new(file, Vec::new(), applied))
    }

    /// How far the state was applied; `None` before the genesis.
    pub fn applied(&self) -> Result<Option<AppliedMark>, ReadError> {
        Ok(self.view()?.applied().cloned())
    }

    /// Takes changes with the mark that belongs to them; reads see both at once. They are durable with the next
    /// [`StateStore::sync`], which comes by itself after 32 MiB: the log holds what is not durable. After an error the
    /// node must stop.
    pub fn commit(&self, changes: Changes, applied: AppliedMark) -> Result<(), WriteError> {
        let bytes = {
            let mut memory = lock(&self.memtables);
            memory.push(changes);
            memory.applied = Some(applied);
            memory.bytes()
        };
        if bytes >= MOST {
            return self.sync();
        }
        if bytes >= DUE {
            self.due.notify_one();
        }
        Ok(())
    }

    /// Makes everything durable that was committed before. After an error the node must stop.
    pub fn sync(&self) -> Result<(), WriteError> {
        let _writing = lock(&self.writing);
        let (memtables, applied) = {
            let mut memory = lock(&self.memtables);
            let Some(applied) = memory.applied.clone().filter(|_| !memory.all.is_empty()) else { return Ok(()) };
            memory.frozen = memory.all.len();
            (memory.all.clone(), applied)
        };
        let record = encode("applied mark", &applied)?;
        // Commits go on above the frozen memtables meanwhile.
        self.db.write("state changes", |transaction| {
            write_memtables(transaction, &memtables)?;
            if planted!("applied_mark_not_stored") { Ok(()) } else { write_record(transaction, APPLIED, &record) }
        })?;
        let mut memory = lock(&self.memtables);
        memory.frozen = 0;
        memory.all.drain(..memtables.len());
        memory.syncs += 1;
        Ok(())
    }

    /// How often the state was written since the start.
    pub fn syncs(&self) -> u64 {
        lock(&self.memtables).syncs
    }

    /// Replaces the whole state in one durable transaction.
    pub(super) fn replace(
        &self,
        what: &'static str,
        work: impl FnOnce(&WriteTransaction) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        // Nothing may lie above the new state; the caller is the one that commits.
        self.sync()?;
        let _writing = lock(&self.writing);
        self.db.write(what, work)
    }
}

fn write_memtables(transaction: &WriteTransaction, memtables: &[Arc<Memtable>]) -> Result<(), WriteError> {
    for table in Table::ALL {
        let rows = merged(memtables, *table, Bound::Unbounded, Bound::Unbounded);
        if rows.is_empty() {
            continue;
        }
        let mut open = transaction.open_table(Raw::new(table.name())).map_err(fail)?;
        let last = open.last().map_err(fail)?.map(|(key, _)| key.value().to_vec());
        let beyond = |key: &[u8]| last.as_deref().is_none_or(|last| key > last);
        let mut rows = rows.into_iter().peekable();
        while let Some((key, change)) = rows.next_if(|(key, _)| !beyond(key)) {
            match change {
                Some(value) => {
                    open.insert(key, &row::encode(table.name(), key, value)[..]).map_err(fail)?;
                }
                None => {
                    open.remove(key).map_err(fail)?;
                }
            }
        }
        // What ledgers and trees grow by comes after everything that is there, where nothing is to be removed.
        extend(&mut open, *table, rows.filter_map(|(key, change)| Some((key, change.as_deref()?))))?;
    }
    Ok(())
}

/// Adds rows that come after all rows of a table, in key order: packed page by page, without a search for each.
pub(super) fn extend<'a>(
    open: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    table: Table,
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), WriteError> {
    let mut end = open.upper_bound_mut(Bound::<&[u8]>::Unbounded).map_err(fail)?;
    for (key, value) in rows {
        end.insert_before(key, &row::encode(table.name(), key, value)[..]).map_err(fail)?;
    }
    end.close().map_err(fail)
}

/// Whether the state file holds applied entries, so that a missing log is a loss and not a first start.
pub(in crate::store) fn is_used(disk: &dyn Disk) -> Result<bool, OpenError> {
    let db = Db::open(disk, FILE)?;
    Ok(read_applied(&db.read()?)?.is_some_and(|applied| applied.position.is_some()))
}
