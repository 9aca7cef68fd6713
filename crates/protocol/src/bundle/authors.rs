//! Who signed what: the history of every key from the genesis on, and the signed submission of every entry under it.

use super::error::{BundleError, bad, from_replay};
use super::line::EntryLine;
use crate::entry::Entry;
use crate::envelope::Prepared;
use crate::genesis::GenesisDocument;
use crate::replay::governance::{Given, Governance, Governed, Rights};
use crate::replay::{BadCheck, show};

/// The submission that stands before the entries it caused.
#[derive(Debug, Default)]
pub(super) struct Current {
    submission: Option<Box<Prepared>>,
    /// Whether an entry named it.
    used: bool,
    /// Submissions so far.
    pub count: u64,
}

impl Current {
    /// The next submission, on line `number`.
    pub fn begin(&mut self, number: u64, submission: Box<Prepared>) -> Result<(), BundleError> {
        self.end()?;
        if self.submission.as_ref().is_some_and(|before| before.digest == submission.digest) {
            let expected = format!("line {number}: each submission once, before the entries that it caused");
            return bad("SUBMISSION_ONCE", expected, submission.digest);
        }
        (self.submission, self.used) = (Some(submission), false);
        self.count += 1;
        Ok(())
    }

    /// No submission is left that no entry names.
    pub fn end(&self) -> Result<(), BundleError> {
        match &self.submission {
            Some(before) if !self.used => {
                bad("SUBMISSION_UNUSED", "an entry of the submission behind it", before.digest)
            }
            _ => Ok(()),
        }
    }

    /// The submission of an entry.
    fn of(&mut self, entry: &Entry) -> Result<&Prepared, BadCheck> {
        let found = self.submission.as_ref().map(|submission| submission.digest);
        match &self.submission {
            Some(submission) if submission.digest == entry.submission => {
                self.used = true;
                Ok(submission)
            }
            _ => Err(BadCheck::at((entry.ledger, entry.index.0), "SUBMISSION_DIGEST", entry.submission, show(&found))),
        }
    }
}

/// The keys of a cluster: while their history is read, and afterwards.
#[derive(Debug)]
pub(super) struct Authors {
    under_way: Option<Governance>,
    rights: Option<Rights>,
    entries: u64,
}

impl Authors {
    /// The founders.
    pub fn new(genesis: &GenesisDocument) -> Self {
        Self { under_way: Some(Governance::new(genesis)), rights: None, entries: 0 }
    }

    /// Entries of governance so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The next entry of governance, with its submission.
    pub fn govern(&mut self, line: EntryLine, current: &mut Current) -> Result<(), BundleError> {
        let EntryLine { entry, hash, included, .. } = line;
        let Some(governance) = &mut self.under_way else {
            let found = "one behind them";
            return bad("BUNDLE_ORDER", "entries of governance before those of the run", found);
        };
        let given = match &entry {
            Ok(entry) => Given::Prepared(current.of(entry).map_err(from_replay)?),
            Err(_) => Given::Nothing,
        };
        governance.decoded(entry, hash, given).map_err(from_replay)?;
        self.entries += 1;
        included
    }

    /// Whether the history of keys is over.
    pub fn settled(&self) -> bool {
        self.under_way.is_none()
    }

    /// The history of keys is over.
    pub fn settle(&mut self) -> Result<&Governed, BundleError> {
        if let Some(governance) = self.under_way.take() {
            self.rights = Some(Rights::new(governance.finish().map_err(from_replay)?));
        }
        match &self.rights {
            Some(rights) => Ok(rights.governed()),
            None => bad("BUNDLE_ORDER", "a history of keys that was read to its end", "one that failed"),
        }
    }

    /// The submission of an Evidence entry, and the organisation whose operator key signed it with the right to do so.
    pub fn author<'a>(
        &'a mut self,
        entry: &Entry,
        current: &'a mut Current,
    ) -> Result<(&'a str, &'a Prepared), BadCheck> {
        let prepared = current.of(entry)?;
        match &mut self.rights {
            Some(rights) => Ok((rights.author(entry, prepared)?, prepared)),
            None => {
                let found = prepared.submission.author.key;
                Err(BadCheck::at((entry.ledger, entry.index.0), "SUBMISSION_KEY", "a registered key", found))
            }
        }
    }
}
