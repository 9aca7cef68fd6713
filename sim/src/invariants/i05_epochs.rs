//! I5: epochs never decrease and are never used again: one more with each activation, and never otherwise.

use super::moment::{Invariant, Moment};
use selfsame_protocol::names::SubstrateId;
use std::collections::BTreeMap;

/// Remembers epoch and activation index of each substrate.
#[derive(Debug, Default)]
pub struct Epochs {
    seen: BTreeMap<SubstrateId, (u64, u64)>,
    jumps: u64,
}

impl Invariant for Epochs {
    fn name(&self) -> &'static str {
        "I5 epochs"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        if now.shadow.jumps() != self.jumps {
            *self = Epochs { jumps: now.shadow.jumps(), ..Self::default() };
        }
        for op in now.ops {
            for touched in &op.touched {
                let id = &touched.after.substrate_id;
                let holder = &touched.after.holder;
                let found = (holder.epoch.0, holder.since.0);
                if let Some((epoch, since)) = self.seen.insert(id.clone(), found) {
                    let same = found == (epoch, since);
                    let next = found.0 == epoch + 1 && found.1 == op.index && found.1 > since;
                    if !same && !next {
                        return Err(format!(
                            "log entry {}: {id} goes from epoch {epoch} since {since} to epoch {} since {}",
                            op.index, found.0, found.1
                        ));
                    }
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
    use selfsame_protocol::number::Epoch;

    #[test]
    fn an_epoch_that_jumps_or_returns_is_found() {
        assert_eq!(judge(&mut Epochs::default(), &Story::migrated()), Ok(()));
        for epoch in [1, 3] {
            let mut story = Story::migrated();
            story.last("arrive").touched[0].after.holder.epoch = Epoch(epoch);
            assert!(judge(&mut Epochs::default(), &story).is_err(), "{epoch}");
        }
    }
}
