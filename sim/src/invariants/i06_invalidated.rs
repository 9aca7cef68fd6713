//! I6: the active tenure is never among the invalidated ones, and the set of invalidated tenures never shrinks.

use super::moment::{Invariant, Moment};
use selfsame_machine::state::{HolderStatus, invalidated_key};
use selfsame_machine::view::Table;
use std::collections::BTreeSet;

/// Remembers the invalidated tenures.
#[derive(Debug, Default)]
pub struct NeverInvalidated(BTreeSet<Vec<u8>>);

impl Invariant for NeverInvalidated {
    fn name(&self) -> &'static str {
        "I6 never_invalidated"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops {
            for ((table, key), value) in &op.changes {
                match (table, value) {
                    (Table::Invalidated, Some(_)) => {
                        self.0.insert(key.clone());
                    }
                    (Table::Invalidated, None) => {
                        return Err(format!("log entry {}: an invalidated tenure is forgotten", op.index));
                    }
                    _ => {}
                }
            }
            for touched in &op.touched {
                let (id, holder) = (&touched.after.substrate_id, &touched.after.holder);
                let key = invalidated_key(id, &holder.chip, holder.epoch);
                if holder.status == HolderStatus::Active && self.0.contains(&key) {
                    return Err(format!(
                        "log entry {}: {id} is held by chip {} at epoch {}, which was invalidated",
                        op.index, holder.chip, holder.epoch
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

    #[test]
    fn an_invalidated_holder_is_found() {
        assert_eq!(judge(&mut NeverInvalidated::default(), &Story::migrated()), Ok(()));
        let mut story = Story::migrated();
        let before = story.last("arrive").touched[0].before.as_ref().unwrap().holder.clone();
        story.last("arrive").touched[0].after.holder = before;
        story.last("arrive").touched[0].after.holder.status = HolderStatus::Active;
        assert!(judge(&mut NeverInvalidated::default(), &story).is_err());
        let mut story = Story::migrated();
        for ((table, _), value) in &mut story.last("arrive").changes {
            if *table == Table::Invalidated {
                *value = None;
            }
        }
        assert!(judge(&mut NeverInvalidated::default(), &story).unwrap_err().contains("forgotten"));
    }
}
