//! I1: for every substrate and epoch at most one activation, at any log index (design of the migration: zero active chips
//! are allowed, two never).

use super::moment::{Invariant, Moment};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use std::collections::BTreeMap;

/// Remembers who was activated for each epoch of each substrate, and at which index.
#[derive(Debug, Default)]
pub struct OneActivation(BTreeMap<(SubstrateId, u64), (Digest, u64)>);

impl Invariant for OneActivation {
    fn name(&self) -> &'static str {
        "I1 one_activation"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops {
            for touched in &op.touched {
                let holder = &touched.after.holder;
                let found = (holder.chip, holder.since.0);
                let id = &touched.after.substrate_id;
                let first = *self.0.entry((id.clone(), holder.epoch.0)).or_insert(found);
                if first != found {
                    return Err(format!(
                        "log entry {}: {id} has two activations of epoch {}: chip {} since {} and chip {} since {}",
                        op.index, holder.epoch, first.0, first.1, found.0, found.1
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;
    use selfsame_protocol::number::{Epoch, LogIndex};

    #[test]
    fn a_second_activation_of_an_epoch_is_found() {
        let mut story = Story::migrated();
        assert_eq!(judge(&mut OneActivation::default(), &story), Ok(()));
        // Another chip at an epoch that was taken; the same chip again at the same epoch.
        let other = story.chip(1).id();
        story.last("arrive").touched[0].after.holder.epoch = Epoch(1);
        assert!(judge(&mut OneActivation::default(), &story).unwrap_err().contains("two activations of epoch 1"));
        let mut story = Story::migrated();
        story.last("append").touched[0].after.holder.chip = other;
        story.last("append").touched[0].after.holder.since = LogIndex(999);
        assert!(judge(&mut OneActivation::default(), &story).is_err());
    }
}
