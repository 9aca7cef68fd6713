//! I11: of two signed writes with one (chip, epoch, sequence number) and different content at most one is accepted: a
//! cloned chip cannot write beside its original.

use super::moment::{Invariant, Moment};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use std::collections::BTreeMap;

/// Remembers which submission took each sequence number.
#[derive(Debug, Default)]
pub struct OneOfAClone(BTreeMap<(SubstrateId, Digest, u64, u64), Digest>);

impl Invariant for OneOfAClone {
    fn name(&self) -> &'static str {
        "I11 one_of_a_clone"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops.iter().filter(|op| op.accepted()) {
            let Some((id, fence)) = op.fence() else { continue };
            let right = (id.to_owned(), op.author(), fence.epoch.0, fence.seq.0);
            let first = *self.0.entry(right).or_insert(op.digest);
            if first != op.digest {
                return Err(format!(
                    "log entry {}: {id} accepted {first} and {} of one chip at epoch {} number {}",
                    op.index, op.digest, fence.epoch, fence.seq
                ));
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
    fn two_writes_with_one_right_are_found() {
        let mut story = Story::migrated();
        assert_eq!(judge(&mut OneOfAClone::default(), &story), Ok(()));
        let mut clone = story.first("append").clone();
        clone.digest = Digest::of(b"the clone's");
        let envelope = clone.changes.values().next().cloned().flatten();
        clone.changes.insert((selfsame_machine::view::Table::Submissions, clone.digest.as_bytes().to_vec()), envelope);
        story.ops.push(clone);
        assert!(judge(&mut OneOfAClone::default(), &story).is_err());
    }
}
