//! Reading every row in slices, to find decay before it is needed.

use super::backend::Raw;
use super::error::read_io;
use super::log::{ENTRIES_NAME, LogStore};
use super::records::{SELF, SELF_NAME};
use super::row;
use super::state::StateStore;
use redb::ReadTransaction;
use selfsame_machine::view::{ReadError, Table};
use selfsame_protocol::digest::hex;
use std::ops::Bound;
use std::sync::Arc;

/// A row that failed its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// `log` or `state`.
    pub file: &'static str,
    /// Table name.
    pub table: &'static str,
    /// Key, lowercase hex.
    pub key: String,
    /// What failed.
    pub error: ReadError,
}

/// A walk over all rows of both files. Call [`Scrub::slice`] until it says that it is done.
pub struct Scrub {
    log: Arc<LogStore>,
    state: Arc<StateStore>,
    at: usize,
    after: Option<Vec<u8>>,
    rows: u64,
    bad: Vec<BadRow>,
}

impl Scrub {
    pub(super) fn new(log: Arc<LogStore>, state: Arc<StateStore>) -> Self {
        Self { log, state, at: 0, after: None, rows: 0, bad: Vec::new() }
    }

    /// Verifies at most `limit` more rows; true when all were seen. Fails when the files cannot be read at all.
    pub fn slice(&mut self, limit: usize) -> Result<bool, ReadError> {
        let mut left = limit.max(1);
        while left > 0 {
            let (file, name, definition) = match self.at {
                0 => ("log", SELF_NAME, SELF),
                1 => {
                    left -= self.entries(left);
                    continue;
                }
                2 => ("state", SELF_NAME, SELF),
                at => match Table::ALL.get(at - 3) {
                    Some(table) => ("state", table.name(), Raw::new(table.name())),
                    None => return Ok(true),
                },
            };
            let transaction = if file == "log" { self.log.db.read()? } else { self.state.db.read()? };
            let seen = self.walk(&transaction, file, name, definition, left)?;
            self.seen(seen, left);
            left -= seen;
        }
        Ok(false)
    }

    /// Counts rows; fewer than were asked for are the last of their table.
    fn seen(&mut self, seen: usize, limit: usize) {
        self.rows += seen as u64;
        if seen < limit {
            self.at += 1;
            self.after = None;
        }
    }

    fn entries(&mut self, limit: usize) -> usize {
        let after = self.after.as_deref().and_then(|after| after.try_into().ok()).map(u64::from_be_bytes);
        let checked = self.log.check(after, limit);
        let seen = checked.len();
        for (index, result) in checked {
            let key = index.to_be_bytes();
            if let Err(error) = result {
                self.bad.push(BadRow { file: "log", table: ENTRIES_NAME, key: hex(&key), error });
            }
            self.after = Some(key.to_vec());
        }
        self.seen(seen, limit);
        seen
    }

    /// Rows verified so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that failed so far.
    pub fn bad(&self) -> &[BadRow] {
        &self.bad
    }

    fn walk(
        &mut self,
        transaction: &ReadTransaction,
        file: &'static str,
        table: &'static str,
        definition: Raw<'_>,
        limit: usize,
    ) -> Result<usize, ReadError> {
        let open = transaction.open_table(definition).map_err(read_io)?;
        let low = self.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = open.range::<&[u8]>((low, Bound::Unbounded)).map_err(read_io)?;
        let mut seen = 0;
        let mut last = None;
        for item in range.take(limit) {
            let (key, stored) = item.map_err(read_io)?;
            if let Err(error) = row::decode(table, key.value(), stored.value()) {
                self.bad.push(BadRow { file, table, key: hex(key.value()), error });
            }
            seen += 1;
            last = Some(key.value().to_vec());
        }
        if last.is_some() {
            self.after = last;
        }
        Ok(seen)
    }
}
