//! I3: a write is accepted only if its chip and epoch are those of the state right before, and its sequence number is
//! the next. The chip alone does not count: a chip that left and came back has another epoch.

use super::moment::{Invariant, Moment};
use selfsame_machine::state::HolderStatus;

/// Judges each accepted write by itself.
#[derive(Debug, Default)]
pub struct FenceHolds;

impl Invariant for FenceHolds {
    fn name(&self) -> &'static str {
        "I3 fence"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops.iter().filter(|op| op.accepted()) {
            let Some((id, fence)) = op.fence() else { continue };
            let stored = op.substrate(id).and_then(|touched| Some((touched.before.as_ref()?, &touched.after)));
            let Some((before, after)) = stored else {
                return Err(format!("log entry {}: accepted for {id} without taking its sequence number", op.index));
            };
            let holder = &before.holder;
            let right = (holder.chip, holder.epoch.0, holder.seq.0 + 1, HolderStatus::Active);
            let claimed = (op.author(), fence.epoch.0, fence.seq.0, holder.status);
            if right != claimed {
                return Err(format!("log entry {}: accepted {claimed:?} for {id} where {right:?} was right", op.index));
            }
            if after.holder.seq != fence.seq {
                return Err(format!(
                    "log entry {}: {id} is at sequence number {} after {}",
                    op.index, after.holder.seq, fence.seq
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::shadow::Op;
    use super::super::story::{Story, judge};
    use super::*;
    use selfsame_protocol::number::Epoch;
    use selfsame_protocol::time::U64;

    #[test]
    fn a_write_without_the_right_is_found() {
        assert_eq!(judge(&mut FenceHolds, &Story::migrated()), Ok(()));
        let wrong: [fn(&mut Op); 5] = [
            |op| op.touched[0].before.as_mut().unwrap().holder.epoch = Epoch(7),
            |op| op.touched[0].before.as_mut().unwrap().holder.seq = U64(7),
            |op| op.touched[0].before.as_mut().unwrap().holder.status = HolderStatus::Sealed,
            |op| op.touched[0].after.holder.seq = U64(0),
            |op| op.touched.clear(),
        ];
        for change in wrong {
            let mut story = Story::migrated();
            change(story.first("append"));
            assert!(judge(&mut FenceHolds, &story).is_err());
        }
        let mut story = Story::migrated();
        let other = story.chip(1).id();
        story.first("append").touched[0].before.as_mut().unwrap().holder.chip = other;
        assert!(judge(&mut FenceHolds, &story).is_err());
    }
}
