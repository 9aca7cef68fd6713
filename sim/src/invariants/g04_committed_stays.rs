//! G4, G5: a committed entry never changes, and no two nodes apply different entries at one index.

use super::moment::{Invariant, Moment};
use selfsame_node::store::LogId;
use std::collections::BTreeMap;

/// Remembers the place and the bytes of every committed entry.
#[derive(Debug, Default)]
pub struct CommittedStays(BTreeMap<u64, (LogId, Option<[u8; 32]>)>);

impl CommittedStays {
    fn holds(&mut self, id: u64, at: LogId, hash: Option<[u8; 32]>) -> Result<(), String> {
        let known = self.0.entry(at.index).or_insert((at, hash));
        if known.0 != at || (known.1.is_some() && hash.is_some() && known.1 != hash) {
            return Err(format!("node {id} applied {at} where {} was committed", known.0));
        }
        known.1 = known.1.or(hash);
        Ok(())
    }
}

impl Invariant for CommittedStays {
    fn name(&self) -> &'static str {
        "G4 committed_stays"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for image in now.images {
            let Some(applied) = image.applied else { continue };
            self.holds(image.id, applied, None)?;
            for (position, hash) in image.log.range(..=applied.index).map(|(_, row)| row) {
                self.holds(image.id, *position, Some(*hash))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::{image, judge};
    use super::*;

    #[test]
    fn a_committed_entry_that_changes_is_found() {
        let mut seen = CommittedStays::default();
        assert_eq!(judge(&mut seen, &[image(1, &[(1, 1), (2, 1), (3, 2)], 2)]), Ok(()));
        assert_eq!(judge(&mut seen, &[image(1, &[(1, 1), (2, 1), (3, 4)], 3)]), Ok(()));
        assert!(judge(&mut seen, &[image(2, &[(1, 1), (2, 4)], 2)]).is_err());
        assert!(judge(&mut seen, &[image(2, &[(1, 1), (2, 1), (3, 2)], 3)]).is_err());
    }
}
