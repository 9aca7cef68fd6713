//! What nodes find when they re-hash a substrate, and what their verdicts come to (docs/protocol.md, 11.1 and 11.2).
//!
//! The machine decides with this, and whoever replays a history repeats the decision with it.

use crate::digest::Digest;
use crate::p104::{Outcome, Thresholds};
use crate::record::{CountedVerdict, Finding};
use crate::time::U64;

pub use crate::form::FINDING_TEXT;

/// What is true of a history whose every hash matches.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Continuity hash of the last close.
    pub kept: Option<Digest>,
    /// Bits between the founding tension of the birth and that of the document presented.
    pub drift: u32,
    /// Cycles since birth.
    pub lineage_depth: u64,
    /// In force.
    pub thresholds: &'a Thresholds,
    /// Entries of the substrate in both ledgers.
    pub entries: u64,
}

impl Facts<'_> {
    /// The one finding of everybody whose copy holds.
    pub fn finding(&self) -> Finding {
        let decided = Outcome::decide(true, self.drift, self.lineage_depth, self.thresholds);
        let (outcome, check) = match decided {
            Outcome::DriftExceeded => (decided, "FOUNDING_TENSION_DRIFT"),
            // A first open can claim no continuity, whatever the minimum depth is set to.
            Outcome::InsufficientDepth | Outcome::Verified if self.kept.is_none() => {
                (Outcome::InsufficientDepth, "NO_PRIOR_SESSION")
            }
            Outcome::InsufficientDepth => (decided, "LINEAGE_DEPTH"),
            Outcome::Verified | Outcome::HashMismatch => (decided, "CONTINUITY_HASH"),
        };
        let shown = self.kept.map_or_else(|| "none".to_string(), |kept| kept.to_string());
        Finding {
            outcome,
            check: check.into(),
            at: None,
            expected: shown.clone(),
            found: shown,
            drift: self.drift,
            lineage_depth: U64(self.lineage_depth),
            recomputed: self.kept,
            entries_checked: U64(self.entries),
        }
    }
}

/// The finding on which at least `quorum` of an electorate of `electorate` agree in outcome: the first of them. When
/// everybody has answered and no such outcome exists, nothing can be trusted: HASH_MISMATCH. `counted` are the verdicts
/// of the electorate, in order of arrival.
pub fn decide(counted: &[CountedVerdict], electorate: usize, quorum: usize) -> Option<Finding> {
    for outcome in [Outcome::HashMismatch, Outcome::DriftExceeded, Outcome::InsufficientDepth, Outcome::Verified] {
        let same = || counted.iter().filter(|verdict| verdict.finding.outcome == outcome);
        if same().count() >= quorum {
            return same().next().map(|verdict| verdict.finding.clone());
        }
    }
    (counted.len() >= electorate).then(|| Finding {
        outcome: Outcome::HashMismatch,
        check: "NO_MAJORITY".into(),
        at: None,
        expected: format!("{quorum} equal verdicts of {electorate}"),
        found: counted
            .iter()
            .map(|verdict| format!("node {}: {}", verdict.node, verdict.finding.outcome))
            .collect::<Vec<_>>()
            .join(", "),
        drift: 0,
        lineage_depth: U64(0),
        recomputed: None,
        entries_checked: U64(0),
    })
}

/// More than half.
pub const fn majority(electorate: usize) -> usize {
    electorate / 2 + 1
}
