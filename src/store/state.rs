//! The replicated state and how far it was applied, always in one transaction.

use super::backend::{Db, Raw};
use super::error::{OpenError, WriteError};
use super::header::{self, Identity, decode, encode, read_record, write_record};
use super::position::Position;
use super::row;
use super::snapshot::{SnapshotFile, SnapshotMeta};
use super::view::StateView;
use crate::env::Disk;
use redb::WriteTransaction;
use selfsame_machine::view::{Changes, ReadError, Table};
use selfsame_protocol::planted;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const FILE: &str = "state.redb";
pub(super) const APPLIED: &[u8] = b"applied";

/// How far the state was applied, and what consensus needs to know about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Last applied place; absent when only the genesis was stored.
    pub position: Option<Position>,
    /// Membership as of then, in the consensus layer's own bytes (UTF-8).
    pub membership: String,
    /// State digest after it, lowercase hex of 32 bytes; empty before the first batch.
    pub digest: String,
}

/// The state file.
pub struct StateStore {
    pub(super) db: Db,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) identity: Identity,
    pub(super) current: Mutex<Option<(SnapshotMeta, SnapshotFile)>>,
    /// Bytes of changes that a crash would take back.
    pub(super) unsynced: Mutex<usize>,
}

/// Bytes of changes after which they are made durable. A crash takes back at most these, and the log, which is not
/// purged before, gives them again.
const UNSYNCED: usize = 8 << 20;

pub(super) fn fail(error: impl ToString) -> WriteError {
    WriteError::new("the state", error)
}

pub(super) fn read_applied(db: &Db) -> Result<Option<Applied>, ReadError> {
    read_record(db, APPLIED)?.map(|bytes| decode(APPLIED, &bytes)).transpose()
}

impl StateStore {
    pub(super) fn open(disk: Arc<dyn Disk>, identity: &Identity) -> Result<Self, OpenError> {
        let db = Db::open(&*disk, FILE)?;
        header::check_or_create(&db, FILE, identity, |transaction| {
            for table in Table::ALL {
                transaction.open_table(Raw::new(table.name())).map_err(fail)?;
            }
            Ok(())
        })?;
        Ok(Self { db, disk, identity: identity.clone(), current: Mutex::default(), unsynced: Mutex::default() })
    }

    pub(super) fn close(&self) {
        self.db.close();
    }

    /// A consistent view of the state; later commits do not show in it. Old views hold back the reuse of space: keep
    /// them for one request, not for a session.
    pub fn view(&self) -> Result<StateView, ReadError> {
        StateView::new(self.db.read()?)
    }

    /// How far the state was applied; `None` before the genesis.
    pub fn applied(&self) -> Result<Option<Applied>, ReadError> {
        read_applied(&self.db)
    }

    /// Stores changes and the applied mark in one transaction, which reads see at once. It is durable with the next
    /// [`StateStore::sync`], which comes by itself after 8 MiB of changes: the log holds what is not durable. After an error the
    /// node must stop.
    pub fn commit(&self, changes: &Changes, applied: &Applied) -> Result<(), WriteError> {
        let record = encode("applied mark", applied)?;
        if planted!("applied_in_separate_transaction") {
            self.db.write("state changes", |transaction| write_changes(transaction, changes))?;
            return self.db.write("applied mark", |transaction| write_record(transaction, APPLIED, &record));
        }
        let bytes: usize = changes.iter().map(|((_, key), value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        let work = |transaction: &WriteTransaction| {
            write_changes(transaction, changes)?;
            write_record(transaction, APPLIED, &record)
        };
        // The mark alone counts as well: a log of empty batches must not wait for ever.
        *unsynced += bytes + record.len();
        if *unsynced < UNSYNCED {
            return self.db.write_lazily("state changes", work);
        }
        self.db.write("state changes", work)?;
        *unsynced = 0;
        Ok(())
    }

    /// Makes everything durable that was committed before. After an error the node must stop.
    pub fn sync(&self) -> Result<(), WriteError> {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        if *unsynced > 0 {
            self.db.write("state changes", |_| Ok(()))?;
            *unsynced = 0;
        }
        Ok(())
    }
}

fn write_changes(transaction: &WriteTransaction, changes: &Changes) -> Result<(), WriteError> {
    let mut rest = changes.iter().peekable();
    // Changes are ordered by table, so each table is opened once.
    while let Some(((table, _), _)) = rest.peek() {
        let table = *table;
        let mut open = transaction.open_table(Raw::new(table.name())).map_err(fail)?;
        while let Some(((_, key), change)) = rest.next_if(|((of, _), _)| *of == table) {
            match change {
                Some(value) => {
                    open.insert(&key[..], &row::seal(table.name(), key, value)[..]).map_err(fail)?;
                }
                None => {
                    open.remove(&key[..]).map_err(fail)?;
                }
            }
        }
    }
    Ok(())
}
