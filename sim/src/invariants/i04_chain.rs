//! I4: chain continuity: each ledger and each subject's chain in it grow by one, naming the entry before; the identity
//! chain continues at the head; a close binds both ledgers' depths in its continuity hash.

use super::moment::{Invariant, Moment};
use super::shadow::{Leaf, Op};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::p104;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;
use std::collections::BTreeMap;

/// Remembers the size of each ledger and the end of each subject's chain.
#[derive(Debug, Default)]
pub struct ChainContinuity {
    sizes: PerLedger<Option<u64>>,
    ends: BTreeMap<(Subject, Ledger), (u64, Digest)>,
    jumps: u64,
}

impl ChainContinuity {
    fn leaf(&mut self, leaf: &Leaf) -> Result<(), String> {
        let Leaf { hash, entry } = leaf;
        let place = format!("{} {} of {}", entry.ledger, entry.index, entry.subject);
        let size = &mut self.sizes[entry.ledger];
        if size.is_some_and(|size| size != entry.index.0) {
            return Err(format!("{place} follows a ledger of {size:?} entries"));
        }
        *size = Some(entry.index.0 + 1);
        let key = (entry.subject.clone(), entry.ledger);
        let known = self.ends.get(&key).map(|(depth, hash)| (*depth, Some(*hash)));
        // After a jump the chains are learnt again from what continues them.
        let expected = known.or((self.jumps == 0).then_some((0, None)));
        let found = (entry.depth.0, entry.prior_entry_hash);
        if expected.is_some_and(|expected| expected != found) {
            return Err(format!("{place} continues {found:?}, the chain ends with {expected:?}"));
        }
        self.ends.insert(key, (entry.depth.0 + 1, *hash));
        Ok(())
    }

    fn depth(&self, subject: &Subject, ledger: Ledger) -> Option<u64> {
        let end = self.ends.get(&(subject.clone(), ledger)).map(|(depth, _)| *depth);
        end.or((self.jumps == 0).then_some(0))
    }

    fn identity(&self, op: &Op, leaf: &Leaf) -> Result<(), String> {
        let Some(id) = leaf.entry.subject.substrate() else { return Ok(()) };
        let Some(touched) = op.substrate(id) else { return Ok(()) };
        match &leaf.entry.record {
            Record::IdentityPropagation(cycle) => {
                let Some(before) = &touched.before else { return Err(format!("{id}: a cycle without a birth")) };
                let expected =
                    (before.head, before.lineage_depth.0 + 1, touched.after.head, touched.after.lineage_depth);
                let found = (cycle.prior_identity_hash, cycle.sequence.0, cycle.cycle_identity_hash, cycle.sequence);
                if expected != found {
                    return Err(format!("{id}: a cycle of {found:?} where the state goes {expected:?}"));
                }
                Ok(())
            }
            Record::SessionClose(close) => {
                let depths =
                    PerLedger { evidence: close.evidence_ledger_depth, reasoning: close.reasoning_ledger_depth };
                for ledger in Ledger::BOTH {
                    let depth = self.depth(&leaf.entry.subject, ledger);
                    if depth.is_some_and(|depth| U64(depth) != depths[ledger]) {
                        let found = depths[ledger];
                        return Err(format!("{id}: a close at {ledger} depth {found}, the chain has {depth:?}"));
                    }
                }
                let hash = p104::continuity_hash(
                    &close.latest_cycle_identity_hash,
                    depths.evidence,
                    depths.reasoning,
                    close.session_close_timestamp,
                    &close.schema_version,
                );
                if hash != close.cross_session_identity_continuity_hash
                    || touched.after.head != close.latest_cycle_identity_hash
                {
                    return Err(format!("{id}: a close binds other values than its own: {close:?}"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Invariant for ChainContinuity {
    fn name(&self) -> &'static str {
        "I4 chain_continuity"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        if now.shadow.jumps() != self.jumps {
            *self = ChainContinuity { jumps: now.shadow.jumps(), ..Self::default() };
        }
        for op in now.ops {
            let wrong = |what| format!("log entry {}: {what}", op.index);
            // A close stands in both ledgers at once: its depths are those before either copy.
            for leaf in &op.leaves {
                if matches!(leaf.entry.record, Record::SessionClose(_)) {
                    self.identity(op, leaf).map_err(wrong)?;
                }
            }
            for leaf in &op.leaves {
                if !matches!(leaf.entry.record, Record::SessionClose(_)) {
                    self.identity(op, leaf).map_err(wrong)?;
                }
                self.leaf(leaf).map_err(wrong)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;

    #[test]
    fn a_broken_chain_is_found() {
        assert_eq!(judge(&mut ChainContinuity::default(), &Story::migrated()), Ok(()));
        type Spoil = fn(&mut Op);
        let wrong: [(&str, Spoil); 6] = [
            ("append", |op| op.leaves[0].entry.depth = U64(9)),
            ("append", |op| op.leaves[0].entry.prior_entry_hash = Some(Digest::of(b"another"))),
            ("append", |op| op.leaves[0].entry.index = U64(99)),
            ("append", |op| op.leaves.clear()),
            ("cycle", |op| op.touched[0].before.as_mut().unwrap().head = Digest::of(b"another")),
            ("close", |op| {
                for leaf in &mut op.leaves {
                    let Record::SessionClose(close) = &mut leaf.entry.record else { continue };
                    close.reasoning_ledger_depth = U64(1);
                }
            }),
        ];
        for (what, change) in wrong {
            let mut story = Story::migrated();
            change(story.first(what));
            assert!(judge(&mut ChainContinuity::default(), &story).is_err(), "{what}");
        }
    }
}
