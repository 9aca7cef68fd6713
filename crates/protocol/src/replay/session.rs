//! Sessions: the verification that opens one, what follows from its outcome, and the close.

use super::check::{Check, bad, same, same_or_none};
use super::due::Due;
use super::state::Replay;
use crate::canon;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::p104::{self, Outcome};
use crate::record::{Finding, IdentityVerification, Record, SessionClose};
use crate::time::{Timestamp, U64};
use crate::verdict::{self, Facts, majority};
use std::collections::BTreeSet;

impl Replay {
    /// The outcome follows from the verdicts, and every verdict that says that all hashes match from the history. What
    /// cannot be seen here: which other nodes could have spoken, and which founding document was presented.
    pub(super) fn verification(&mut self, entry: &Entry, result: &IdentityVerification) -> Check {
        let index = entry.index.0;
        let (Some(birth), Some(constitution)) = (&self.birth, &self.constitution) else {
            return Err(bad("BIRTH_FIRST", index, "a birth", "a verification"));
        };
        // Evidence has no gate of its own: whatever was written past it shows as a depth.
        same("EVIDENCE_GATE", index, self.evidence_gate, result.evidence_ledger_depth.0)?;
        same("VERIFICATION_SESSION", index, self.session.saturating_add(1), result.session.0)?;
        if result.thresholds != constitution.thresholds {
            let [expected, found] = [&constitution.thresholds, &result.thresholds].map(canon::text_of);
            return Err(bad("VERIFICATION_THRESHOLDS", index, expected, found));
        }
        same("VERIFICATION_LINEAGE_DEPTH", index, self.lineage_depth, result.lineage_depth.0)?;
        same_or_none("VERIFICATION_RETRIEVED", index, &self.recomputed, &result.retrieved)?;
        let from = self.last_close.as_ref().map(|close| close.session_close_timestamp);
        let shown = |time: Option<Timestamp>| time.map_or_else(|| "none".into(), |time| time.to_string());
        same("VERIFICATION_FROM", index, shown(from), shown(result.continuing_from))?;
        let events: Vec<&str> = result.continuity_events.iter().map(|event| event.as_str()).collect();
        same("VERIFICATION_EVENTS", index, self.events.join(", "), events.join(", "))?;
        self.verdicts(index, result)?;
        let counted = result.verdicts.len();
        let Some(decisive) = verdict::decide(&result.verdicts, counted, majority(counted)).filter(|_| counted > 0)
        else {
            return Err(bad("VERDICT_ONCE", index, "a verdict", "none"));
        };
        let found = (result.outcome, &result.detail, result.drift, result.recomputed);
        if (decisive.outcome, &decisive.check, decisive.drift, decisive.recomputed) != found {
            let expected = format!("{} by {}, drift {}", decisive.outcome, decisive.check, decisive.drift);
            let found = format!("{} by {}, drift {}", result.outcome, result.detail, result.drift);
            return Err(bad("VERIFICATION_OUTCOME", index, expected, found));
        }
        self.noticed(entry, result)?;
        let full = result.outcome == Outcome::Verified && birth.attestation.is_some();
        same("CLAIM_LEVEL", index, if full { "full" } else { "reduced" }, result.claim_level.as_str())?;
        self.electorate(index, result)?;
        self.evidence_since(entry)?;
        self.session = result.session.0;
        self.session_open = matches!(result.outcome, Outcome::Verified | Outcome::InsufficientDepth);
        self.status = result.outcome;
        self.events.clear();
        self.decisive = Some(decisive);
        Ok(())
    }

    fn verdicts(&self, index: u64, result: &IdentityVerification) -> Check {
        let mut nodes = BTreeSet::new();
        let mut drift = None;
        for counted in &result.verdicts {
            if !nodes.insert(counted.node.0) {
                return Err(bad("VERDICT_ONCE", index, "one verdict of each node", format!("node {}", counted.node)));
            }
            let finding = &counted.finding;
            if finding.outcome == Outcome::HashMismatch {
                continue;
            }
            // All of them compared the same document.
            let bits = *drift.get_or_insert(finding.drift.min(256));
            let facts = Facts {
                kept: self.recomputed,
                drift: bits,
                lineage_depth: self.lineage_depth,
                thresholds: &result.thresholds,
                entries: self.evidence_gate.saturating_add(self.chains.reasoning.depth),
            };
            let holds = facts.finding();
            if *finding != holds {
                let [expected, found] = [&holds, finding].map(canon::text_of);
                return Err(bad("VERDICT_FINDING", index, expected, found));
            }
            if result.presented.is_some() {
                same_or_none("VERIFICATION_PRESENTED", index, &self.recomputed, &result.presented)?;
            }
        }
        Ok(())
    }

    /// A node belongs to one organisation, and is not heard any more once its copy failed where those of the others hold.
    fn electorate(&mut self, index: u64, result: &IdentityVerification) -> Check {
        for counted in &result.verdicts {
            let organisation = Some(&counted.organisation);
            let known = self.nodes.get(&counted.node);
            if known.is_some_and(|known| known.as_ref() != organisation) {
                let expected = known.and_then(|known| known.as_deref()).unwrap_or("no verdict: its copy failed before");
                return Err(bad(
                    "VERDICT_NODE",
                    index,
                    expected,
                    format!("node {} of {}", counted.node, counted.organisation),
                ));
            }
            let failed = result.outcome != Outcome::HashMismatch && counted.finding.outcome == Outcome::HashMismatch;
            self.nodes.insert(counted.node, organisation.filter(|_| !failed).cloned());
        }
        Ok(())
    }

    /// The sentence stands under VERIFIED within the window. When it was asked is known only between two times.
    fn noticed(&self, entry: &Entry, result: &IdentityVerification) -> Check {
        let index = entry.index.0;
        let absent = || "none".to_string();
        let found = result.notice.clone().unwrap_or_else(absent);
        let verified = result.outcome == Outcome::Verified;
        let Some(close) = self.last_close.as_ref().filter(|_| verified) else {
            return same("VERIFICATION_NOTICE", index, absent(), found);
        };
        let sentence = p104::continuation_notice(&close.session_close_timestamp.to_string(), result.lineage_depth.0);
        let window = result.thresholds.verification_window_ms.0;
        let within = |asked: Timestamp| {
            window == 0 || asked.millis().saturating_sub(close.session_close_timestamp.millis()) <= window
        };
        // The recovery of a holder is recorded when the session is asked for.
        let earliest = self.chains.reasoning.time;
        let latest = if self.due == Due::Renewed { earliest } else { entry.time };
        match (within(earliest), within(latest)) {
            (_, true) => same("VERIFICATION_NOTICE", index, sentence, found),
            (false, _) => same("VERIFICATION_NOTICE", index, absent(), found),
            (true, false) if result.notice.is_none() => Ok(()),
            (true, false) => same("VERIFICATION_NOTICE", index, sentence, found),
        }
    }

    pub(super) fn tampering(&self, index: u64, session: u64, finding: &Finding, head: Digest) -> Check {
        same("TAMPERING_DETECTION", index, self.session, session)?;
        same("TAMPERING_DETECTION", index, self.head, head)?;
        if self.decisive.as_ref() != Some(finding) {
            let expected = canon::text_of(&self.decisive);
            return Err(bad("TAMPERING_DETECTION", index, expected, canon::text_of(finding)));
        }
        Ok(())
    }

    pub(super) fn suppression(&mut self) -> Check {
        self.ended = Some("SUPPRESSED");
        Ok(())
    }

    pub(super) fn new_lineage(&mut self, index: u64, record: &Record) -> Check {
        let (
            Record::NewIdentityLineage {
                prior_substrate_id,
                prior_head,
                prior_founding_tension_hash,
                drift,
                tolerance,
                new_substrate_id,
            },
            Some(constitution),
        ) = (record, &self.constitution)
        else {
            return Err(bad("BIRTH_FIRST", index, "a birth", "a new lineage"));
        };
        same("NEW_LINEAGE", index, &self.substrate_id, prior_substrate_id)?;
        same("NEW_LINEAGE", index, self.head, *prior_head)?;
        same("NEW_LINEAGE", index, constitution.founding_tension_hash, *prior_founding_tension_hash)?;
        same("NEW_LINEAGE", index, self.decisive.as_ref().map_or(0, |finding| finding.drift), *drift)?;
        same("NEW_LINEAGE", index, constitution.thresholds.drift_tolerance, *tolerance)?;
        if *new_substrate_id == self.substrate_id {
            return Err(bad("NEW_LINEAGE", index, "another substrate", new_substrate_id));
        }
        self.ended = Some("LINEAGE_ENDED");
        Ok(())
    }

    pub(super) fn close(&mut self, entry: &Entry, close: &SessionClose) -> Check {
        let index = entry.index.0;
        let (Some(written), Some(constitution)) = (self.written.get(self.closes_matched), &self.constitution) else {
            return Err(bad("CLOSE_IN_BOTH_LEDGERS", index, "the same close in Evidence", "none"));
        };
        if written.close != *close {
            return Err(bad(
                "CLOSE_COPIES_EQUAL",
                index,
                written.close.cross_session_identity_continuity_hash,
                close.cross_session_identity_continuity_hash,
            ));
        }
        same("CLOSE_SUBMISSION", index, written.submission, entry.submission)?;
        same("CLOSE_SESSION", index, self.session, close.session.0)?;
        same("CLOSE_HEAD", index, self.head, close.latest_cycle_identity_hash)?;
        same("REASONING_DEPTH", index, self.chains.reasoning.depth, close.reasoning_ledger_depth.0)?;
        same_or_none("EVIDENCE_HEAD", index, &written.head, &close.evidence_head)?;
        same_or_none("REASONING_HEAD", index, &self.chains.reasoning.head, &close.reasoning_head)?;
        same("CLOSE_SCHEMA", index, &constitution.schema_version, &close.schema_version)?;
        same("CLOSE_TIME", index, entry.time, close.session_close_timestamp)?;
        same("CLOSE_TIME", index, written.time, close.session_close_timestamp)?;
        let recomputed = p104::continuity_hash(
            &self.head,
            close.evidence_ledger_depth,
            U64(self.chains.reasoning.depth),
            close.session_close_timestamp,
            &close.schema_version,
        );
        same("CONTINUITY_HASH", index, recomputed, close.cross_session_identity_continuity_hash)?;
        // Taken before either copy was written.
        same("CLOSE_ANCHOR", index, written.index, close.evidence_ledger.size.0)?;
        self.anchored(index, &close.evidence_ledger)?;
        self.closes_matched += 1;
        // The close itself stands in Evidence too.
        self.evidence_gate = close.evidence_ledger_depth.0.saturating_add(1);
        self.session_open = false;
        self.recomputed = Some(recomputed);
        self.last_close = Some(close.clone());
        Ok(())
    }
}
