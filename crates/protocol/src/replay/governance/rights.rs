//! Who had the right to write about runs: operator keys, from a history of governance that was read to its end.
//!
//! Keys are registered and ended in the Reasoning ledger, runs stand in Evidence. One clock stamps both, so that entries of
//! different ledgers are ordered by their times, to the millisecond: a key has the right to an Evidence entry when it was
//! registered not later, and not ended earlier.

use super::{Governed, KeySpan, signed};
use crate::command::Role;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::envelope::Prepared;
use crate::keys::PublicKey;
use crate::ledger::Ledger;
use crate::record::Record;
use crate::replay::check::BadCheck;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The rights of operators, and what they asked for so far.
#[derive(Debug)]
pub struct Rights {
    governed: Governed,
    /// Submissions by the key that signed and the request id.
    requests: BTreeMap<(PublicKey, String), Digest>,
    /// The submission of the last entry.
    last: Option<Digest>,
}

impl Rights {
    /// Those that a history gives.
    pub fn new(governed: Governed) -> Self {
        Self { governed, requests: BTreeMap::new(), last: None }
    }

    /// The history.
    pub fn governed(&self) -> &Governed {
        &self.governed
    }

    /// The organisation whose operator key signed the submission of an Evidence entry with the right to do so.
    pub fn author(&mut self, entry: &Entry, prepared: &Prepared) -> Result<&str, BadCheck> {
        let submission = &prepared.submission;
        let at = (Ledger::Evidence, entry.index.0);
        if prepared.digest != entry.submission {
            return Err(BadCheck::at(at, "SUBMISSION_DIGEST", entry.submission, prepared.digest));
        }
        if submission.cluster != self.governed.cluster {
            return Err(BadCheck::at(at, "SUBMISSION_CLUSTER", &self.governed.cluster, &submission.cluster));
        }
        signed::within(&self.governed.limits, prepared)
            .map_err(|(expected, found)| BadCheck::at(at, "SUBMISSION_LIMITS", expected, found))?;
        let key = submission.author.key;
        if self.last.replace(prepared.digest) != Some(prepared.digest)
            && let Some(before) = self.requests.insert((key, submission.request_id.clone()), prepared.digest)
        {
            return Err(match before == prepared.digest {
                true => BadCheck::at(at, "SUBMISSION_ONCE", "entries of one submission behind each other", before),
                false => BadCheck::at(at, "REQUEST_ID", "a request id used once by its key", &submission.request_id),
            });
        }
        let Some(span) = self.governed.keys.get(key.as_bytes()) else {
            return Err(BadCheck::at(at, "SUBMISSION_KEY", "a registered key", key));
        };
        for role in [span.role, submission.author.role] {
            if role != Role::Operator {
                return Err(BadCheck::at(at, "SUBMISSION_ROLE", Role::Operator, role));
            }
        }
        self.in_force(span, entry.time)
            .map_err(|(expected, found)| BadCheck::at(at, "SUBMISSION_KEY", expected, format!("{key}, {found}")))?;
        if let Record::RunDisagreement { first, .. } = &entry.record {
            let member = self.governed.organisations.get(&first.organisation);
            let since = member.map(|member| self.governed.time(member.since).unwrap_or_default());
            if since.is_none_or(|since| since > entry.time) {
                let expected = format!("an organisation that was a member by {}", entry.time);
                return Err(BadCheck::at(at, "DISAGREEMENT_MEMBER", expected, &first.organisation));
            }
        }
        Ok(&span.organisation)
    }

    fn in_force(&self, span: &KeySpan, time: Timestamp) -> Result<(), (String, String)> {
        if let Some(since) = self.governed.time(span.since).filter(|since| *since > time) {
            return Err((format!("a key registered by {time}"), format!("registered at {since}")));
        }
        match self.governed.time(span.until).filter(|until| *until < time) {
            Some(until) => Err((format!("a key in force at {time}"), format!("ended at {until}"))),
            None => Ok(()),
        }
    }
}
