//! The Evidence side of a substrate: what stands between two closes, and the anchors in its ledger.

use super::check::{BadCheck, Check, bad, kind, same};
use super::state::{Replay, Written};
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::merkle::empty_root;
use crate::record::{EvidenceAnchor, Record};

impl Replay {
    pub(super) fn evidence(&mut self, entry: &Entry) -> Check {
        let at = (Ledger::Evidence, entry.index.0);
        match &entry.record {
            Record::Evidence(_) => {
                self.grouped_evidence(entry)?;
                self.behind.get_or_insert((entry.index.0, entry.time));
            }
            Record::SessionClose(close) => {
                let depth = self.chains.evidence.depth;
                if close.evidence_ledger_depth.0 != depth {
                    return Err(BadCheck::at(at, "EVIDENCE_DEPTH", depth, close.evidence_ledger_depth));
                }
                self.grouped_evidence(entry)?;
                self.written.push(Written {
                    close: close.clone(),
                    head: self.chains.evidence.head,
                    index: entry.index.0,
                    time: entry.time,
                    submission: entry.submission,
                    first: self.behind.take(),
                });
            }
            other => return Err(BadCheck::at(at, "RECORD_KIND", "evidence or session_close", kind(other))),
        }
        Ok(())
    }

    /// Nothing of the session that opens now was written before: not at an earlier time, nor inside of a tree that was
    /// named before.
    pub(super) fn evidence_since(&self, entry: &Entry) -> Check {
        let first = self.written.get(self.closes_matched).map_or(self.behind, |written| written.first);
        let Some((index, time)) = first else { return Ok(()) };
        let at = (Ledger::Evidence, index);
        let size = self.anchor.as_ref().map_or(0, |anchor| anchor.size.0);
        if time < entry.time {
            return Err(BadCheck::at(at, "EVIDENCE_SINCE", format!("{} or later", entry.time), time));
        }
        if index < size {
            return Err(BadCheck::at(at, "EVIDENCE_SINCE", format!("an index of {size} or above"), index));
        }
        Ok(())
    }

    /// The Evidence ledger never becomes smaller, nor another at one size.
    pub(super) fn anchored(&mut self, index: u64, anchor: &EvidenceAnchor) -> Check {
        let size = anchor.size.0;
        // The last close stands in Evidence itself.
        let closed = self.closes_matched.checked_sub(1).and_then(|last| self.written.get(last));
        let least = closed.map_or(0, |written| written.index.saturating_add(1));
        let least = least.max(self.anchor.as_ref().map_or(0, |last| last.size.0));
        if size < least {
            return Err(bad("ANCHOR_SIZE", index, format!("{least} or more"), size));
        }
        if size == 0 {
            same("ANCHOR_ROOT", index, empty_root(), anchor.root)?;
        }
        if let Some(last) = self.anchor.as_ref().filter(|last| last.size == anchor.size) {
            same("ANCHOR_ROOT", index, last.root, anchor.root)?;
        }
        self.anchor = Some(anchor.clone());
        Ok(())
    }
}
