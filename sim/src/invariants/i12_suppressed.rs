//! I12: HASH_MISMATCH suppresses a substrate for ever, with exactly one record of the tampering.

use super::moment::{Invariant, Moment};
use super::shadow::Op;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Record;
use std::collections::BTreeMap;

/// Remembers which substrates are suppressed, by the log index at which it happened.
#[derive(Debug, Default)]
pub struct Suppressed(BTreeMap<SubstrateId, u64>);

impl Suppressed {
    fn op(&mut self, op: &Op) -> Result<(), String> {
        let mut mismatch = Vec::new();
        let mut tampering = Vec::new();
        for leaf in &op.leaves {
            let Some(id) = leaf.entry.subject.substrate() else { continue };
            if let Some(at) = self.0.get(id) {
                return Err(format!("{id} was suppressed in log entry {at} and takes another entry"));
            }
            match &leaf.entry.record {
                Record::IdentityVerification(result) if result.outcome == Outcome::HashMismatch => mismatch.push(id),
                Record::TamperingDetection { .. } => tampering.push(id),
                _ => {}
            }
        }
        if mismatch != tampering {
            return Err(format!("HASH_MISMATCH of {mismatch:?}, tampering recorded for {tampering:?}"));
        }
        for touched in &op.touched {
            let id = &touched.after.substrate_id;
            let (known, stands) = (self.0.contains_key(id), touched.after.suppressed.is_some());
            if known && (!stands || touched.before.as_ref() != Some(&touched.after)) {
                return Err(format!("{id} was suppressed and changes"));
            }
            if stands != (known || mismatch.contains(&id)) {
                return Err(format!("{id}: suppressed {stands}, HASH_MISMATCH {}", known || mismatch.contains(&id)));
            }
        }
        for id in mismatch {
            if op.substrate(id).is_none_or(|touched| touched.after.suppressed.is_none()) {
                return Err(format!("{id} is not suppressed after HASH_MISMATCH"));
            }
            self.0.insert(id.to_owned(), op.index);
        }
        Ok(())
    }
}

impl Invariant for Suppressed {
    fn name(&self) -> &'static str {
        "I12 suppressed"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        now.ops.iter().try_for_each(|op| self.op(op).map_err(|what| format!("log entry {}: {what}", op.index)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;

    #[test]
    fn a_mismatch_without_consequence_is_found() {
        assert_eq!(judge(&mut Suppressed::default(), &Story::migrated()), Ok(()));
        assert_eq!(judge(&mut Suppressed::default(), &Story::tampered()), Ok(()));
        let wrong: [fn(&mut Op); 2] = [
            |op| op.touched[0].after.suppressed = None,
            |op| op.leaves.retain(|leaf| !matches!(leaf.entry.record, Record::TamperingDetection { .. })),
        ];
        for change in wrong {
            let mut story = Story::tampered();
            change(story.last("verdict"));
            assert!(judge(&mut Suppressed::default(), &story).is_err());
        }
        // A write that follows, and a second record.
        for again in ["append", "verdict"] {
            let mut story = Story::tampered();
            let op = story.last(again).clone();
            story.ops.push(op);
            assert!(judge(&mut Suppressed::default(), &story).is_err(), "{again}");
        }
    }
}
