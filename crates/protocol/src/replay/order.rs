//! Which record may follow which, and what one submission writes together.

use super::check::{Check, bad, kind};
use super::due::{Due, Last};
use super::state::Replay;
use crate::entry::Entry;
use crate::p104::Outcome;
use crate::record::{CycleKind, Record};

/// What a substrate's chain in Reasoning may hold.
fn belongs(record: &Record) -> bool {
    matches!(
        record,
        Record::SubstrateIdentity(_)
            | Record::Reasoning(_)
            | Record::IdentityPropagation(_)
            | Record::SessionClose(_)
            | Record::IdentityVerification(_)
            | Record::TamperingDetection { .. }
            | Record::Suppression { .. }
            | Record::NewIdentityLineage { .. }
            | Record::Amendment { .. }
            | Record::AmendmentRefusal { .. }
            | Record::MigrationSeal { .. }
            | Record::MigrationIdentityAttestation { .. }
            | Record::MigrationAbort { .. }
            | Record::WriteRefusal { .. }
            | Record::HolderRecovery { .. }
    )
}

impl Replay {
    /// Whether the record may stand here, whatever its members are.
    pub(super) fn may_stand(&self, index: u64, record: &Record) -> Check {
        if !belongs(record) {
            return Err(bad("RECORD_KIND", index, "a record of a substrate in Reasoning", kind(record)));
        }
        if self.birth.is_none() != matches!(record, Record::SubstrateIdentity(_)) {
            return Err(bad("BIRTH_FIRST", index, "one substrate_identity, as the first record", kind(record)));
        }
        if let Some(check) = self.ended {
            return Err(bad(check, index, "no further entry", kind(record)));
        }
        self.follows(index, record)?;
        let by_ballot = matches!(record, Record::MigrationSeal { ballot: Some(_), .. });
        let leads_out = by_ballot
            || matches!(
                record,
                Record::MigrationIdentityAttestation { .. }
                    | Record::MigrationAbort { .. }
                    | Record::HolderRecovery { .. }
            );
        if self.seal.is_some() && !leads_out {
            return Err(bad("SEALED", index, "an arrival, an abort or another seal by ballot", kind(record)));
        }
        let resolution =
            matches!(record, Record::IdentityPropagation(cycle) if cycle.cycle_kind == CycleKind::Resolution);
        let gated = resolution
            || matches!(
                record,
                Record::Reasoning(_)
                    | Record::SessionClose(_)
                    | Record::Amendment { .. }
                    | Record::AmendmentRefusal { .. }
                    | Record::WriteRefusal { .. }
            );
        // Between a close and the next verification only these may stand; anything else was written past the gate.
        if gated && !self.session_open {
            return Err(bad("SESSION_GATE", index, "an open session", kind(record)));
        }
        if self.session_open && matches!(record, Record::IdentityVerification(_)) {
            return Err(bad("SESSION_CLOSED", index, "a closed session", "an open session"));
        }
        Ok(())
    }

    /// Whether the record is what was due, and was due if it stands only then.
    fn follows(&self, index: u64, record: &Record) -> Check {
        let by_ballot = matches!(record, Record::MigrationSeal { ballot: Some(_), .. });
        let held = match self.due {
            Due::Nothing => !matches!(
                record,
                Record::TamperingDetection { .. } | Record::Suppression { .. } | Record::NewIdentityLineage { .. }
            ),
            Due::Enacting => match record {
                Record::Amendment { .. } => true,
                Record::IdentityPropagation(cycle) => cycle.cycle_kind != CycleKind::Migration,
                _ => false,
            },
            Due::Arriving => {
                matches!(record, Record::IdentityPropagation(cycle) if cycle.cycle_kind != CycleKind::Resolution)
            }
            Due::Tampering => matches!(record, Record::TamperingDetection { .. }),
            Due::Suppression => matches!(record, Record::Suppression { .. }),
            Due::Lineage => matches!(record, Record::NewIdentityLineage { .. }),
            Due::Renewed if self.seal.is_some() => {
                by_ballot
                    || matches!(record, Record::MigrationIdentityAttestation { .. } | Record::MigrationAbort { .. })
            }
            Due::Renewed if self.session_open => {
                matches!(record, Record::SessionClose(close) if close.recovered)
            }
            Due::Renewed => by_ballot || matches!(record, Record::IdentityVerification(_)),
            Due::Sealing => by_ballot,
        };
        if held {
            return Ok(());
        }
        let (check, expected) = self.due.wants();
        Err(bad(check, index, expected, kind(record)))
    }

    /// What one submission writes together names one submission and one time, and what several write names several.
    /// Behind this entry something else is due.
    pub(super) fn grouped(&mut self, entry: &Entry) -> Check {
        let (index, record) = (entry.index.0, &entry.record);
        let chain = &self.chains.reasoning;
        let due = self.due;
        self.due = after(record, due);
        if let Some((submission, last)) = &chain.last_written {
            let joined = *submission == entry.submission;
            let must = match due {
                Due::Nothing => false,
                // The session is opened by a verdict, long after the chip asked.
                Due::Renewed => !matches!(record, Record::IdentityVerification(_)),
                _ => true,
            };
            let may = must
                || match (last, record) {
                    (Last::Reasoning, Record::Reasoning(_)) => true,
                    (Last::RecoveredClose, Record::MigrationSeal { ballot, .. }) => ballot.is_some(),
                    _ => false,
                };
            if joined && !may || !joined && must {
                let expected = if must { "the submission of the entry before" } else { "another submission" };
                return Err(bad("SUBMISSION_GROUP", index, expected, entry.submission));
            }
            if joined && index != chain.next_index() {
                return Err(bad("SUBMISSION_GROUP", index, format!("index {}", chain.next_index()), index));
            }
            if joined && entry.time != chain.time {
                return Err(bad("SUBMISSION_TIME", index, chain.time, entry.time));
            }
        }
        // A fence lets nothing through that was not taken through every recovery of before; two records have no fence.
        let fenced = match record {
            Record::SessionClose(close) => !close.recovered,
            Record::IdentityVerification(_)
            | Record::TamperingDetection { .. }
            | Record::Suppression { .. }
            | Record::NewIdentityLineage { .. } => false,
            _ => true,
        };
        if fenced {
            self.recoveries_known = index;
        }
        Ok(())
    }

    /// Whether the history may end here.
    pub(super) fn may_end(&self) -> Check {
        // A session is asked for: its verification comes later.
        let asked = self.due == Due::Renewed && self.seal.is_none() && !self.session_open;
        if self.due == Due::Nothing || asked {
            return Ok(());
        }
        let (check, expected) = self.due.wants();
        Err(bad(check, self.chains.reasoning.next_index(), expected, "the end"))
    }
}

/// What is due behind a record.
const fn after(record: &Record, due: Due) -> Due {
    match record {
        Record::Amendment { .. } => Due::Enacting,
        Record::MigrationIdentityAttestation { .. } => Due::Arriving,
        Record::IdentityVerification(result) => match result.outcome {
            Outcome::HashMismatch => Due::Tampering,
            Outcome::DriftExceeded => Due::Lineage,
            Outcome::InsufficientDepth | Outcome::Verified => Due::Nothing,
        },
        Record::TamperingDetection { .. } => Due::Suppression,
        Record::HolderRecovery { .. } => Due::Renewed,
        Record::SessionClose(_) if matches!(due, Due::Renewed) => Due::Sealing,
        _ => Due::Nothing,
    }
}

impl Replay {
    /// The same for Evidence: only an append writes several entries.
    pub(super) fn grouped_evidence(&self, entry: &Entry) -> Check {
        let chain = &self.chains.evidence;
        let Some((submission, last)) = &chain.last_written else { return Ok(()) };
        if *submission != entry.submission {
            return Ok(());
        }
        let index = entry.index.0;
        if (*last, Last::of(&entry.record)) != (Last::Evidence, Last::Evidence) {
            return Err(chain.fail("SUBMISSION_GROUP", index, "another submission", entry.submission));
        }
        if index != chain.next_index() {
            return Err(chain.fail("SUBMISSION_GROUP", index, format!("index {}", chain.next_index()), index));
        }
        if entry.time != chain.time {
            return Err(chain.fail("SUBMISSION_TIME", index, chain.time, entry.time));
        }
        Ok(())
    }
}
