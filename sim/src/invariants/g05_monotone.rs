//! G6, G7: on each node vote, applied place and purge mark never go back: not while it runs and not on its synced files.

use super::image::Image;
use super::moment::{Invariant, Moment};
use std::collections::BTreeMap;

type Marks = ((u64, u64, bool), Option<u64>, Option<u64>);

/// Remembers the latest marks of each node's files, and its term while it runs.
#[derive(Debug, Default)]
pub struct Monotone {
    files: BTreeMap<u64, Marks>,
    terms: BTreeMap<u64, u64>,
}

fn marks(image: &Image) -> Marks {
    let ballot = image.ballot.map_or((0, 0, false), |ballot| (ballot.term, ballot.node, ballot.committed));
    (ballot, image.applied.map(|at| at.index), image.purged.map(|at| at.index))
}

impl Invariant for Monotone {
    fn name(&self) -> &'static str {
        "G6 monotone"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for node in now.world.nodes.iter().filter(|node| !now.world.damaged.contains(&node.id)) {
            let before = self.terms.insert(node.id, node.status.term).unwrap_or(0);
            if node.status.term < before {
                return Err(format!("node {} goes from term {before} to {}", node.id, node.status.term));
            }
        }
        for image in now.images {
            let found = marks(image);
            if let Some(before) = self.files.insert(image.id, found)
                && (found.0 < before.0 || found.1 < before.1 || found.2 < before.2)
            {
                return Err(format!(
                    "the files of node {} go from vote, applied and purged {before:?} to {found:?}",
                    image.id
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::{image, judge};
    use super::*;
    use selfsame_node::store::StoredVote;

    #[test]
    fn a_mark_that_goes_back_is_found() {
        let voted = |term, node, committed, applied| Image {
            ballot: Some(StoredVote { term, node, committed }),
            ..image(1, &[(1, 1), (2, 1)], applied)
        };
        for (then, ok) in [
            (voted(2, 1, true, 1), true),
            (voted(3, 1, false, 2), true),
            (voted(2, 1, false, 0), false),
            (voted(1, 3, true, 1), false),
            (voted(2, 0, true, 1), false),
        ] {
            let mut seen = Monotone::default();
            assert_eq!(judge(&mut seen, &[voted(2, 1, false, 1)]), Ok(()));
            assert_eq!(judge(&mut seen, std::slice::from_ref(&then)).is_ok(), ok, "{then:?}");
        }
    }
}
