//! G2: log matching (Raft, figure 3): two logs with an entry of one index and one leader are equal up to it. Read from
//! the synced files.

use super::image::Image;
use super::moment::{Invariant, Moment};
use selfsame_node::store::LogId;
use std::collections::BTreeMap;

/// Remembers the bytes under each place.
#[derive(Debug, Default)]
pub struct LogMatching(BTreeMap<LogId, [u8; 32]>);

fn agree(a: &Image, b: &Image) -> Result<(), String> {
    let common = || a.log.iter().rev().filter_map(|(index, (at, _))| Some((index, at, &b.log.get(index)?.0)));
    let Some((last, _, _)) = common().find(|(_, at, other)| at == other) else { return Ok(()) };
    match common().find(|(index, at, other)| index < &last && at != other) {
        Some((index, at, other)) => Err(format!(
            "nodes {} and {} hold the same entry {last}, and at {index} one of {at} and one of {other}",
            a.id, b.id
        )),
        None => Ok(()),
    }
}

impl Invariant for LogMatching {
    fn name(&self) -> &'static str {
        "G2 log_matching"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for image in now.images {
            for (index, (position, hash)) in &image.log {
                if position.index != *index {
                    return Err(format!("node {} holds the entry of {position} under {index}", image.id));
                }
                if self.0.entry(*position).or_insert(*hash) != hash {
                    return Err(format!("node {} holds other bytes under {position}", image.id));
                }
            }
        }
        for (at, a) in now.images.iter().enumerate() {
            now.images[at + 1..].iter().try_for_each(|b| agree(a, b))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::snapshot::Snapshot;
    use super::super::story::Story;
    use super::*;

    /// An image with log entries given as (index, term), each written by node 1.
    pub fn image(id: u64, log: &[(u64, u64)], applied: u64) -> Image {
        let place = |index: u64, term: u64| LogId { term, node: 1, index };
        let log: BTreeMap<_, _> =
            log.iter().map(|(index, term)| (*index, (place(*index, *term), [*term as u8; 32]))).collect();
        let applied = Some(log.get(&applied).map_or(place(applied, 1), |(at, _)| *at));
        Image { id, log, applied, ..Image::default() }
    }

    pub fn judge(invariant: &mut dyn Invariant, images: &[Image]) -> Result<(), String> {
        let (story, world) = (Story::migrated(), Snapshot::default());
        invariant.check(&Moment { ops: &[], images, ..story.moment(&world) })
    }

    #[test]
    fn logs_that_differ_below_a_common_entry_are_found() {
        let a = image(1, &[(1, 1), (2, 1), (3, 3)], 1);
        assert_eq!(judge(&mut LogMatching::default(), &[a.clone(), image(2, &[(1, 1), (2, 1)], 1)]), Ok(()));
        assert_eq!(judge(&mut LogMatching::default(), &[a.clone(), image(2, &[(1, 1), (2, 2)], 1)]), Ok(()));
        assert!(judge(&mut LogMatching::default(), &[a.clone(), image(2, &[(1, 1), (2, 2), (3, 3)], 1)]).is_err());
        let mut b = a.clone();
        b.log.get_mut(&2).unwrap().1 = [9; 32];
        assert!(judge(&mut LogMatching::default(), &[a, b]).unwrap_err().contains("other bytes"));
    }
}
