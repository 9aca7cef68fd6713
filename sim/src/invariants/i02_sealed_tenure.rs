//! I2: after the seal of (chip, epoch) is committed nothing of that tenure is accepted, for ever.

use super::moment::{Invariant, Moment};
use selfsame_machine::state::HolderStatus;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use std::collections::BTreeMap;

/// Remembers every sealed tenure with the index of its seal.
#[derive(Debug, Default)]
pub struct SealedTenure(BTreeMap<(SubstrateId, Digest, u64), u64>);

impl Invariant for SealedTenure {
    fn name(&self) -> &'static str {
        "I2 sealed_tenure"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops.iter().filter(|op| op.accepted()) {
            if let Some((id, fence)) = op.fence() {
                let tenure = (id.to_owned(), op.author(), fence.epoch.0);
                if let Some(sealed) = self.0.get(&tenure) {
                    return Err(format!(
                        "log entry {}: accepted {id} chip {} epoch {}, sealed in log entry {sealed}",
                        op.index, tenure.1, tenure.2
                    ));
                }
            }
            for touched in &op.touched {
                // The holder before the seal, since the chip does not sign a seal by ballot.
                let holder = touched.before.as_ref().map_or(&touched.after.holder, |before| &before.holder);
                if touched.after.holder.status == HolderStatus::Sealed {
                    let tenure = (touched.after.substrate_id.clone(), holder.chip, holder.epoch.0);
                    self.0.entry(tenure).or_insert(op.index);
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

    #[test]
    fn a_write_of_a_sealed_tenure_is_found() {
        let mut story = Story::migrated();
        assert_eq!(judge(&mut SealedTenure::default(), &story), Ok(()));
        // The append before the seal, once more after it.
        let append = story.first("append").clone();
        story.ops.push(append);
        assert!(judge(&mut SealedTenure::default(), &story).unwrap_err().contains("sealed in log entry"));
    }
}
