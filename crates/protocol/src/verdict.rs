//! What nodes find when they re-hash a substrate, and what their verdicts come to (docs/protocol.md, 11.1 and 11.2).
//!
//! The machine decides with this, and whoever replays a history repeats the decision with it.

use crate::digest::Digest;
use crate::p104::{Outcome, Thresholds};
use crate::record::{CountedVerdict, Finding};
use crate::time::U64;

use crate::form::FINDING_TEXT;

/// A finding as it is recorded: a text that is longer is cut, and says so with an ellipsis. One that was cut stays as it is.
pub fn recorded(finding: &Finding) -> Finding {
    let cut = |text: &str| match text.char_indices().nth(FINDING_TEXT) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text.into(),
    };
    let (check, expected, found) = (cut(&finding.check), cut(&finding.expected), cut(&finding.found));
    Finding { check, expected, found, ..finding.clone() }
}

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
    let split = || {
        let found = counted.iter().map(|verdict| format!("node {}: {}", verdict.node, verdict.finding.outcome));
        // Of ten nodes it is longer than a record takes.
        recorded(&Finding {
            outcome: Outcome::HashMismatch,
            check: "NO_MAJORITY".into(),
            at: None,
            expected: format!("{quorum} equal verdicts of {electorate}"),
            found: found.collect::<Vec<_>>().join(", "),
            drift: 0,
            lineage_depth: U64(0),
            recomputed: None,
            entries_checked: U64(0),
        })
    };
    (counted.len() >= electorate).then(split)
}

/// More than half.
pub const fn majority(electorate: usize) -> usize {
    electorate / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::NodeId;
    use crate::p104::Thresholds;
    use serde_json::json;

    /// A finding of many nodes that disagree is one that every reader takes: its texts are cut as those of others are.
    /// shows: P-072
    #[test]
    fn the_finding_of_a_split_electorate_can_be_recorded() {
        let facts = Facts { kept: None, drift: 0, lineage_depth: 9, thresholds: &Thresholds::default(), entries: 1 };
        let one = facts.finding();
        let found = |node: u64| {
            let outcome = if node.is_multiple_of(2) { Outcome::Verified } else { Outcome::InsufficientDepth };
            let finding = json!(Finding { outcome, ..one.clone() });
            serde_json::from_value(json!({"node": node.to_string(), "organisation": "agency", "finding": finding}))
                .unwrap()
        };
        for electorate in [2, 8, 32] {
            let counted: Vec<CountedVerdict> = (1..=electorate).map(found).collect();
            let electorate = counted.len();
            let split = decide(&counted, electorate, majority(electorate)).unwrap();
            assert_eq!((split.outcome, split.check.as_str()), (Outcome::HashMismatch, "NO_MAJORITY"));
            assert!(Finding::recorded(json!(split)).is_ok(), "{} characters", split.found.chars().count());
            assert_eq!(split.found.ends_with('…'), electorate > 2 && split.found.chars().count() > 200);
        }
    }

    fn finding(outcome: Outcome, text: &str) -> Finding {
        Finding {
            outcome,
            check: format!("C{text}"),
            at: None,
            expected: format!("E{text}"),
            found: format!("F{text}"),
            drift: 1,
            lineage_depth: U64(2),
            recomputed: None,
            entries_checked: U64(3),
        }
    }

    /// What a node says of its disk may be long, and the ledger keeps it for ever.
    #[test]
    fn a_long_text_is_recorded_cut_and_a_cut_one_as_it_is() {
        let short = finding(Outcome::Verified, &"é".repeat(FINDING_TEXT - 1));
        assert_eq!(recorded(&short), short);
        let long = finding(Outcome::Verified, &"é".repeat(FINDING_TEXT));
        let cut = recorded(&long);
        let text = |first: char| format!("{first}{}…", "é".repeat(FINDING_TEXT - 1));
        let expected = Finding { check: text('C'), expected: text('E'), found: text('F'), ..long };
        assert_eq!(cut, expected);
        assert_eq!(recorded(&Finding { check: "C".into(), ..cut.clone() }), Finding { check: "C".into(), ..cut });
    }

    /// shows: P-072
    #[test]
    fn one_outcome_of_more_than_half_decides_and_everybody_without_one_fails_closed() {
        assert_eq!((1..=7).map(majority).collect::<Vec<_>>(), [1, 2, 2, 3, 3, 4, 4]);
        let of = |outcomes: &[Outcome]| -> Vec<CountedVerdict> {
            let nodes = (1..).zip(outcomes);
            nodes
                .map(|(node, outcome)| CountedVerdict {
                    node: NodeId(node),
                    organisation: "a".parse().unwrap(),
                    finding: finding(*outcome, &node.to_string()),
                })
                .collect()
        };
        let (good, bad, drift) = (Outcome::Verified, Outcome::HashMismatch, Outcome::DriftExceeded);
        let decided = |outcomes: &[Outcome]| decide(&of(outcomes), 4, majority(4)).map(|one| (one.outcome, one.check));
        assert_eq!(decided(&[]), None);
        assert_eq!(decided(&[good, good]), None);
        assert_eq!(decided(&[bad, good, drift]), None);
        // The first of those who agree speaks for them.
        assert_eq!(decided(&[bad, good, good, good]), Some((good, "C2".into())));
        assert_eq!(decided(&[good, bad, bad, bad]), Some((bad, "C2".into())));
        let none = decide(&of(&[bad, good, good, drift]), 4, majority(4)).unwrap();
        let found = "node 1: HASH_MISMATCH, node 2: VERIFIED, node 3: VERIFIED, node 4: DRIFT_EXCEEDED";
        assert_eq!((none.outcome, none.check.as_str()), (bad, "NO_MAJORITY"));
        assert_eq!((none.expected.as_str(), none.found.as_str()), ("3 equal verdicts of 4", found));
    }
}
