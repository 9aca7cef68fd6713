//! One subject's entries in one ledger, each naming the one before it.

use super::check::{BadCheck, show};
use super::due::Last;
use crate::canon::CanonError;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::subject::Subject;
use crate::time::Timestamp;

/// How far a chain was followed.
#[derive(Debug)]
pub(crate) struct Chain {
    ledger: Ledger,
    subject: Subject,
    /// Entries so far.
    pub depth: u64,
    /// Hash of the last entry.
    pub head: Option<Digest>,
    /// Ledger index of the last entry.
    last: Option<u64>,
    /// Time of the last entry.
    pub time: Timestamp,
    /// Submission of the last entry, and what it was.
    pub last_written: Option<(Digest, Last)>,
}

impl Chain {
    /// A chain without entries.
    pub fn new(ledger: Ledger, subject: Subject) -> Self {
        Self { ledger, subject, depth: 0, head: None, last: None, time: Timestamp::default(), last_written: None }
    }

    /// Where the next entry stands at the earliest: the index to name when it cannot be read.
    pub(crate) fn next_index(&self) -> u64 {
        self.last.map_or(0, |last| last.saturating_add(1))
    }

    /// A failed check at an index of this ledger.
    pub fn fail(&self, check: &'static str, index: u64, expected: impl ToString, found: impl ToString) -> BadCheck {
        BadCheck::at((self.ledger, index), check, expected, found)
    }

    /// The entry that was read, when it continues the chain. Nothing is taken over before [`Chain::take`].
    pub fn check(&self, entry: Result<Entry, CanonError>) -> Result<Entry, BadCheck> {
        let at = self.next_index();
        let entry = entry.map_err(|error| self.fail("ENTRY_FORM", at, "a canonical entry", error))?;
        let index = entry.index.0;
        if entry.ledger != self.ledger {
            return Err(self.fail("ENTRY_LEDGER", index, self.ledger, entry.ledger));
        }
        if entry.subject != self.subject {
            return Err(self.fail("ENTRY_SUBJECT", index, &self.subject, &entry.subject));
        }
        if entry.depth.0 != self.depth {
            return Err(self.fail("ENTRY_DEPTH", index, self.depth, entry.depth));
        }
        if entry.prior_entry_hash != self.head {
            return Err(self.fail("PRIOR_ENTRY_HASH", index, show(&self.head), show(&entry.prior_entry_hash)));
        }
        if let Some(last) = self.last.filter(|last| index <= *last) {
            return Err(self.fail("ENTRY_INDEX", index, format!("above {last}"), index));
        }
        if entry.time < self.time {
            return Err(self.fail("ENTRY_TIME", index, format!("{} or later", self.time), entry.time));
        }
        Ok(entry)
    }

    /// Goes on behind an entry that was checked.
    pub fn take(&mut self, entry: &Entry, hash: Digest) {
        self.depth += 1;
        self.head = Some(hash);
        self.last = Some(entry.index.0);
        self.time = entry.time;
        self.last_written = Some((entry.submission, Last::of(&entry.record)));
    }
}
