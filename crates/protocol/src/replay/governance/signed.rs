//! The signed submission behind an entry: signed by somebody who had the right just before it, and asking for this.

use super::Governance;
use super::check::{bad, equal};
use super::step::Asked;
use crate::code::{Code, Refusal};
use crate::command::{ItemLimits, Role};
use crate::entry::Entry;
use crate::envelope::{Envelope, Prepared, prepare};
use crate::record::Record;
use crate::replay::check::{BadCheck, Check, same};
use crate::subject::Subject;

/// The signed submission of an entry, as far as the reader has it.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Not at hand: the entry is checked without its author.
    Nothing,
    /// In binary form.
    Bytes(&'a [u8]),
    /// Read, and its signature verified.
    Prepared(&'a Prepared),
}

/// Refuses a submission that is larger than the cluster takes, or has more in it.
pub(super) fn within(limits: &ItemLimits, prepared: &Prepared) -> Result<(), (String, String)> {
    let size = prepared.envelope.payload.len().saturating_add(prepared.envelope.signature.len());
    if size > limits.max_submission_bytes {
        return Err((format!("at most {} bytes", limits.max_submission_bytes), size.to_string()));
    }
    let refused = |refusal: Refusal| ("what the limits of the genesis allow".into(), refusal.to_string());
    prepared.submission.check(limits).map_err(refused)
}

impl Governance {
    /// The submission is the one that the entry names, signed by a key that had the right just before the entry. Gives
    /// whether there was one.
    pub(super) fn signed(&mut self, entry: &Entry, given: Given<'_>) -> Result<bool, BadCheck> {
        let index = entry.index.0;
        let bytes = match given {
            Given::Nothing => return Ok(false),
            Given::Prepared(prepared) => {
                same("SUBMISSION_DIGEST", index, entry.submission, prepared.digest)?;
                return self.entitled(entry, prepared).map(|()| true);
            }
            Given::Bytes(bytes) => bytes,
        };
        let found = match Envelope::from_bytes(bytes) {
            Ok(envelope) => envelope.digest(),
            Err(refusal) => return bad("SUBMISSION_FORM", index, "an envelope", refusal),
        };
        same("SUBMISSION_DIGEST", index, entry.submission, found)?;
        match prepare(bytes, &ItemLimits::NONE) {
            Ok(prepared) => self.entitled(entry, &prepared).map(|()| true),
            Err(refusal) => {
                let unsigned = refusal.code == Code::BadSignature;
                let check = if unsigned { "SUBMISSION_SIGNATURE" } else { "SUBMISSION_FORM" };
                bad(check, index, "a valid submission", refusal)
            }
        }
    }

    fn entitled(&mut self, entry: &Entry, prepared: &Prepared) -> Check {
        let (index, submission) = (entry.index.0, &prepared.submission);
        let key = submission.author.key;
        if self.step.asked.is_none() {
            equal("SUBMISSION_CLUSTER", index, &self.cluster, &submission.cluster)?;
            if let Err((expected, found)) = within(&self.limits, prepared) {
                return bad("SUBMISSION_LIMITS", index, expected, found);
            }
            if !self.requests.insert((*key.as_bytes(), submission.request_id.clone())) {
                return bad("REQUEST_ID", index, "a request id used once by its key", &submission.request_id);
            }
            // What was refused and recorded needs the right of its author all the same; so does what follows from a command.
            let Some(span) = self.roster.keys.get(key.as_bytes()) else {
                return bad("SUBMISSION_KEY", index, "a registered key", key);
            };
            equal("SUBMISSION_ROLE", index, &span.role, &submission.author.role)?;
            // A key may end by the very submission that it signed.
            if span.until.is_some_and(|until| until < self.step.started) {
                let found = format!("{key}, ended by entry {}", span.until.unwrap_or_default());
                return bad("SUBMISSION_KEY", index, "a key in force", found);
            }
            let node = span.node.filter(|_| span.role == Role::Node);
            let gone = node.and_then(|id| self.roster.nodes.get(&id)).and_then(|node| node.quarantined);
            if let Some(at) = gone.filter(|at| *at < self.step.started) {
                return bad("SUBMISSION_KEY", index, "a node in service", format!("quarantined by entry {at}"));
            }
            self.step.asked = Some(Asked::of(&submission.command, node));
        }
        // In the chain of an organisation stands what its own keys signed, and what ballots brought about.
        let own = match &entry.record {
            Record::Governance { action } => action.by_ballot().is_none(),
            Record::DuplicateRefused { chip, .. } => {
                same("SUBMISSION_AUTHOR", index, key.id(), *chip)?;
                true
            }
            _ => false,
        };
        match self.roster.keys.get(key.as_bytes()).filter(|_| own) {
            None => Ok(()),
            Some(span) => {
                let author = Subject::Organisation(span.organisation.clone());
                equal("SUBMISSION_AUTHOR", index, &author, &entry.subject)
            }
        }
    }
}
