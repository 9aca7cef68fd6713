//! The consensus log, its vote and its purge mark.

use super::backend::{Db, Raw};
use super::error::{OpenError, WriteError, read_io};
use super::header::{self, Identity, decode, encode, read_record, write_record};
use super::position::{Ballot, Position};
use super::row;
use crate::env::Disk;
use redb::{ReadableTable, WriteTransaction};
use selfsame_machine::view::ReadError;
use selfsame_protocol::planted;

pub(super) const FILE: &str = "log.redb";
pub(super) const ENTRIES: Raw<'static> = Raw::new("entries");
pub(super) const ENTRIES_NAME: &str = "entries";
const VOTE: &[u8] = b"vote";
const PURGED: &[u8] = b"purged";

/// An index with the bytes of its entry.
pub type LogRow = (u64, Vec<u8>);

/// The log: consecutive entries, each durable before the call that wrote it returns.
pub struct LogStore {
    pub(super) db: Db,
}

fn fail(error: impl ToString) -> WriteError {
    WriteError::new("the log", error)
}

impl LogStore {
    pub(super) fn open(disk: &dyn Disk, identity: &Identity) -> Result<Self, OpenError> {
        let db = Db::open(disk, FILE)?;
        header::check_or_create(&db, FILE, identity, |transaction| {
            transaction.open_table(ENTRIES).map(|_| ()).map_err(fail)
        })?;
        Ok(Self { db })
    }

    pub(super) fn close(&self) {
        self.db.close();
    }

    /// Appends in one transaction; an index that is present is replaced.
    pub fn append(&self, rows: &[LogRow]) -> Result<(), WriteError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.db.write("log entries", |transaction| {
            let mut table = transaction.open_table(ENTRIES).map_err(fail)?;
            for (index, bytes) in rows {
                let key = index.to_be_bytes();
                if planted!("log_truncation_after_conflict_mishandled") && table.get(&key[..]).map_err(fail)?.is_some()
                {
                    continue;
                }
                table.insert(&key[..], &row::seal(ENTRIES_NAME, &key, bytes)[..]).map_err(fail)?;
            }
            Ok(())
        })
    }

    /// Removes `from` and everything after it.
    pub fn truncate(&self, from: u64) -> Result<(), WriteError> {
        if planted!("log_truncation_after_conflict_mishandled") {
            return Ok(());
        }
        self.db.write("log truncation", |transaction| retain(transaction, |index| index < from, from, u64::MAX))
    }

    /// Removes everything up to `upto`, inclusive, and remembers it.
    pub fn purge(&self, upto: Position) -> Result<(), WriteError> {
        let bytes = encode("purge mark", &upto)?;
        self.db.write("log purge", |transaction| {
            write_record(transaction, PURGED, &bytes)?;
            if planted!("purge_too_early") {
                return retain(transaction, |index| index > upto.index + 64, 0, upto.index + 64);
            }
            retain(transaction, |index| index > upto.index, 0, upto.index)
        })
    }

    /// Last purged place.
    pub fn purged(&self) -> Result<Option<Position>, ReadError> {
        read_record(&self.db, PURGED)?.map(|bytes| decode(PURGED, &bytes)).transpose()
    }

    /// Makes a vote durable.
    pub fn save_vote(&self, vote: Ballot) -> Result<(), WriteError> {
        if planted!("term_not_checked_in_vote_store")
            && self.vote().is_ok_and(|older| older.is_some_and(|older| older.term < vote.term))
        {
            return Ok(());
        }
        let bytes = encode("vote", &vote)?;
        self.db.write("vote", |transaction| write_record(transaction, VOTE, &bytes))
    }

    /// The last vote.
    pub fn vote(&self) -> Result<Option<Ballot>, ReadError> {
        read_record(&self.db, VOTE)?.map(|bytes| decode(VOTE, &bytes)).transpose()
    }

    /// The last entry.
    pub fn last(&self) -> Result<Option<LogRow>, ReadError> {
        let table = self.db.read()?.open_table(ENTRIES).map_err(read_io)?;
        let Some((key, stored)) = table.last().map_err(read_io)? else { return Ok(None) };
        let index = index_of(key.value())?;
        Ok(Some((index, row::unseal(ENTRIES_NAME, key.value(), stored.value())?.to_vec())))
    }

    /// Entries with `from <= index < to`, until their bytes pass `max_bytes`; at least one when there is one.
    pub fn read(&self, from: u64, to: u64, max_bytes: usize) -> Result<Vec<LogRow>, ReadError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let table = self.db.read()?.open_table(ENTRIES).map_err(read_io)?;
        let (low, high) = (from.to_be_bytes(), to.to_be_bytes());
        let mut rows = Vec::new();
        let mut bytes = 0;
        for item in table.range::<&[u8]>(&low[..]..&high[..]).map_err(read_io)? {
            let (key, stored) = item.map_err(read_io)?;
            let value = row::unseal(ENTRIES_NAME, key.value(), stored.value())?;
            bytes += value.len();
            if bytes > max_bytes && !rows.is_empty() {
                break;
            }
            rows.push((index_of(key.value())?, value.to_vec()));
        }
        Ok(rows)
    }
}

fn index_of(key: &[u8]) -> Result<u64, ReadError> {
    let bytes = <[u8; 8]>::try_from(key).map_err(|_| ReadError::Undecodable {
        table: ENTRIES_NAME,
        key: selfsame_protocol::digest::hex(key),
        reason: format!("a log index has 8 bytes, found {}", key.len()),
    })?;
    Ok(u64::from_be_bytes(bytes))
}

fn retain(transaction: &WriteTransaction, keep: impl Fn(u64) -> bool, low: u64, high: u64) -> Result<(), WriteError> {
    let mut table = transaction.open_table(ENTRIES).map_err(fail)?;
    let (low, high) = (low.to_be_bytes(), high.to_be_bytes());
    // A key that is no index is kept here and reported by the scrub.
    let keep_row = |key: &[u8], _: &[u8]| <[u8; 8]>::try_from(key).map_or(true, |key| keep(u64::from_be_bytes(key)));
    table.retain_in::<&[u8], _>(&low[..]..=&high[..], keep_row).map_err(fail)?;
    Ok(())
}
