//! Who signed what: the history of every key from the genesis on, and the signed submission of every entry under it.
//!
//! Keys are registered and ended in the Reasoning ledger, runs stand in Evidence. One clock stamps both, so that entries of
//! different ledgers are ordered by their times, to the millisecond: a key has the right to an Evidence entry when it was
//! registered not later, and not ended earlier.

use super::error::{BundleError, bad, from_replay};
use super::line::EntryLine;
use super::signers::Signers;
use crate::command::Role;
use crate::entry::{Entry, Ledger};
use crate::envelope::Prepared;
use crate::genesis::GenesisDocument;
use crate::replay::governance::{Given, Governance, Governed, KeySpan};
use crate::replay::{BadCheck, show};
use crate::time::Timestamp;
use std::collections::BTreeMap;

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
            _ => Err(BadCheck {
                check: "SUBMISSION_DIGEST",
                ledger: entry.ledger,
                index: entry.index.0,
                expected: entry.submission.to_string(),
                found: show(&found),
            }),
        }
    }
}

/// The keys of a cluster: while their history is read, and afterwards.
#[derive(Debug)]
pub(super) struct Authors {
    cluster: String,
    under_way: Option<Governance>,
    governed: Option<Governed>,
    /// Times of the entries of governance, by Reasoning index.
    times: BTreeMap<u64, Timestamp>,
    signers: Signers,
}

impl Authors {
    /// The founders.
    pub fn new(genesis: &GenesisDocument) -> Self {
        let cluster = genesis.cluster.clone();
        Self { cluster, under_way: Some(genesis.audit()), governed: None, times: BTreeMap::new(), signers: Signers::new(genesis) }
    }

    /// Entries of governance so far.
    pub fn entries(&self) -> u64 {
        self.times.len() as u64
    }

    /// The next entry of governance, with its submission.
    pub fn govern(&mut self, line: EntryLine, current: &mut Current) -> Result<(), BundleError> {
        let EntryLine { entry, hash, included, .. } = line;
        let Some(governance) = &mut self.under_way else {
            let found = "one behind them";
            return bad("BUNDLE_ORDER", "entries of governance before those of the run", found);
        };
        if let Ok(entry) = &entry
            && !Governance::governs(&entry.subject)
        {
            let expected = "cluster or organisation:…".to_string();
            let (check, ledger, index, found) = ("ENTRY_SUBJECT", entry.ledger, entry.index.0, entry.subject.clone());
            return Err(from_replay(BadCheck { check, ledger, index, expected, found }));
        }
        let given = match &entry {
            Ok(entry) => Given::Prepared(current.of(entry).map_err(from_replay)?),
            Err(_) => Given::Nothing,
        };
        let entry = governance.decoded(entry, hash, given).map_err(from_replay)?;
        self.times.insert(entry.index.0, entry.time);
        self.signers.take(&entry.subject, &entry.record);
        included
    }

    /// Whose signatures count under notes, as far as the history was read.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// Whether the history of keys is over.
    pub fn settled(&self) -> bool {
        self.under_way.is_none()
    }

    /// The history of keys is over.
    pub fn settle(&mut self) -> Result<&Governed, BundleError> {
        if let Some(governance) = self.under_way.take() {
            self.governed = Some(governance.finish().map_err(from_replay)?);
        }
        match &self.governed {
            Some(governed) => Ok(governed),
            None => bad("BUNDLE_ORDER", "a history of keys that was read to its end", "one that failed"),
        }
    }

    /// The submission of an Evidence entry, and the organisation whose operator key signed it with the right to do so.
    pub fn author<'a>(&'a self, entry: &Entry, current: &'a mut Current) -> Result<(&'a str, &'a Prepared), BadCheck> {
        let prepared = current.of(entry)?;
        let submission = &prepared.submission;
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Evidence,
            index: entry.index.0,
            expected,
            found,
        };
        if submission.cluster != self.cluster {
            return Err(fail("SUBMISSION_CLUSTER", self.cluster.clone(), submission.cluster.clone()));
        }
        let key = submission.author.key;
        let keys = self.governed.as_ref().map(|governed| &governed.keys);
        let Some(span) = keys.and_then(|keys| keys.get(key.as_bytes())) else {
            return Err(fail("SUBMISSION_KEY", "a registered key".into(), key.to_string()));
        };
        for role in [span.role, submission.author.role] {
            if role != Role::Operator {
                return Err(fail("SUBMISSION_ROLE", "operator".into(), format!("{role:?}").to_lowercase()));
            }
        }
        self.in_force(span, entry.time)
            .map_err(|(expected, found)| fail("SUBMISSION_KEY", expected, format!("{key}, {found}")))?;
        Ok((&span.organisation, prepared))
    }

    fn in_force(&self, span: &KeySpan, time: Timestamp) -> Result<(), (String, String)> {
        let at = |index: Option<u64>| index.map(|index| self.times.get(&index).copied().unwrap_or_default());
        if let Some(since) = at(span.since).filter(|since| *since > time) {
            return Err((format!("a key registered by {time}"), format!("registered at {since}")));
        }
        match at(span.until).filter(|until| *until < time) {
            Some(until) => Err((format!("a key in force at {time}"), format!("ended at {until}"))),
            None => Ok(()),
        }
    }
}
