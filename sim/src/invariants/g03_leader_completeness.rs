//! G3: leader completeness (Raft, figure 3): a leader's stored log holds every entry committed in terms before its own.

use super::moment::{Invariant, Moment};
use selfsame_node::raft::RaftRole;
use selfsame_node::store::LogId;
use std::collections::BTreeMap;

/// Remembers each committed entry, with a term in which it was committed at the latest.
#[derive(Debug, Default)]
pub struct LeaderCompleteness(BTreeMap<u64, (LogId, u64)>);

impl LeaderCompleteness {
    fn look(&mut self, now: &Moment, leaders: &[(u64, u64)]) -> Result<(), String> {
        for (id, term) in leaders {
            let Some(image) = now.images.iter().find(|image| image.id == *id) else { continue };
            let Some(first) = image.purged.map_or(Some(0), |at| at.index.checked_add(1)) else { continue };
            for (index, (position, bound)) in self.0.range(first..).filter(|(_, (_, bound))| bound < term) {
                let found = image.log.get(index).map(|(at, _)| *at);
                // A snapshot that was installed holds it without a log.
                let held =
                    found == Some(*position) || image.applied.is_some_and(|at| at.index >= *index && found.is_none());
                if !held {
                    return Err(format!(
                        "node {id} leads term {term} without {position}, committed by term {bound}; it has {found:?}"
                    ));
                }
            }
        }
        let bound = now.world.nodes.iter().map(|node| node.status.term);
        let bound = bound.chain(now.images.iter().filter_map(|image| Some(image.ballot?.term))).max().unwrap_or(0);
        for image in now.images {
            let Some(applied) = image.applied else { continue };
            for (index, (position, _)) in image.log.range(..=applied.index) {
                self.0.entry(*index).or_insert((*position, bound));
            }
        }
        Ok(())
    }
}

impl Invariant for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "G3 leader_completeness"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        let leaders = now.world.nodes.iter().filter(|node| node.status.role == RaftRole::Leader);
        let leaders: Vec<_> = leaders.map(|node| (node.id, node.status.term)).collect();
        self.look(now, &leaders)
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::image;
    use super::super::snapshot::Snapshot;
    use super::super::story::Story;
    use super::*;

    #[test]
    fn a_leader_without_a_committed_entry_is_found() {
        let (story, world) = (Story::migrated(), Snapshot::default());
        let look = |seen: &mut LeaderCompleteness, images: &[_], leaders: &[(u64, u64)]| {
            seen.look(&Moment { images, ops: &[], ..story.moment(&world) }, leaders)
        };
        let whole = [image(1, &[(1, 1), (2, 1)], 2)];
        for (log, ok) in [(&[(1, 1), (2, 1)][..], true), (&[(1, 1)], false), (&[(1, 1), (2, 3)], false)] {
            let mut seen = LeaderCompleteness::default();
            assert_eq!(look(&mut seen, &whole, &[]), Ok(()));
            assert_eq!(look(&mut seen, &[image(2, log, 1)], &[(2, 5)]).is_ok(), ok, "{log:?}");
        }
    }
}
