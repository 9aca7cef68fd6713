//! What must follow an entry, and what the entry before was.

use crate::record::Record;

/// What must follow directly in the chain, because the state machine writes it with the same submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing in particular.
    Nothing,
    /// Behind an amendment: another one, or the cycle that enacts them.
    Enacting,
    /// Behind an arrival: its cycle.
    Arriving,
    /// Behind HASH_MISMATCH: the record of what was found.
    Tampering,
    /// Behind that: the suppression.
    Suppression,
    /// Behind DRIFT_EXCEEDED: the new lineage.
    Lineage,
    /// Behind the recovery of a holder: the step that took it through.
    Renewed,
    /// Behind the close of a session after that: the seal by ballot.
    Sealing,
}

impl Due {
    /// The check, and what it wants.
    pub const fn wants(self) -> (&'static str, &'static str) {
        match self {
            Due::Nothing => ("OUTCOME_RECORDS", "the outcome that demands it"),
            Due::Enacting => ("AMENDMENT_ENACTED", "the cycle that enacts the amendment"),
            Due::Arriving => ("ARRIVAL_CYCLE", "the migration cycle of the arrival"),
            Due::Tampering => ("OUTCOME_RECORDS", "tampering_detection"),
            Due::Suppression => ("OUTCOME_RECORDS", "suppression"),
            Due::Lineage => ("OUTCOME_RECORDS", "new_identity_lineage"),
            Due::Renewed => ("RECOVERY_STEP", "the verification, arrival, abort or forced seal that took it through"),
            Due::Sealing => ("RECOVERY_STEP", "the forced seal"),
        }
    }
}

/// What the entry before was, as far as the next one of its submission depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// An item of Evidence.
    Evidence,
    /// An item of Reasoning.
    Reasoning,
    /// A close that nobody of the session wrote.
    RecoveredClose,
    /// Anything else.
    Other,
}

impl Last {
    /// Of a record.
    pub const fn of(record: &Record) -> Self {
        match record {
            Record::Evidence(_) => Last::Evidence,
            Record::Reasoning(_) => Last::Reasoning,
            Record::SessionClose(close) if close.recovered => Last::RecoveredClose,
            _ => Last::Other,
        }
    }
}
