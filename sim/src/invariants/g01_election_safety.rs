//! G1: a leader was elected: a quorum stored votes for it or for a later one. The consensus orders leaders by term and then
//! by node. So a term may see a second leader with a higher node id, but a quorum never follows two at once. This is Raft's
//! election safety (figure 3) with that pair in the place of the term.

use super::image::Image;
use super::moment::{Invariant, Moment};
use selfsame_node::raft::RaftRole;
use std::collections::BTreeSet;

/// Remembers leaders, by term and node: those seen, and those whose votes were not looked up yet.
#[derive(Debug, Default)]
pub struct ElectionSafety {
    seen: BTreeSet<(u64, u64)>,
    unproven: Vec<(u64, u64)>,
}

impl ElectionSafety {
    fn leads(&mut self, term: u64, node: u64) {
        if self.seen.insert((term, node)) {
            self.unproven.push((term, node));
        }
    }

    /// Stored votes only rise: whatever was stored at the election is at least as high now.
    fn elected(&mut self, images: &[Image], quorum: usize) -> Result<(), String> {
        for (term, node) in std::mem::take(&mut self.unproven) {
            let stored = images.iter().filter_map(|image| image.ballot).map(|ballot| (ballot.term, ballot.node));
            let votes = stored.filter(|vote| *vote >= (term, node)).count();
            if votes < quorum {
                return Err(format!(
                    "node {node} leads term {term}: {votes} nodes stored a vote that high, not {quorum}"
                ));
            }
        }
        Ok(())
    }
}

impl Invariant for ElectionSafety {
    fn name(&self) -> &'static str {
        "G1 election_safety"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for node in now.world.nodes.iter().filter(|node| node.status.role == RaftRole::Leader) {
            self.leads(node.status.term, node.id);
        }
        if now.images.is_empty() {
            return Ok(());
        }
        // Faults may have destroyed the votes of damaged nodes since.
        let quorum = (now.shadow.genesis.nodes.len() / 2 + 1).saturating_sub(now.world.damaged.len());
        self.elected(now.images, quorum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::image;
    use super::*;
    use selfsame_node::store::StoredVote;

    #[test]
    fn a_leader_without_the_stored_votes_of_a_quorum_is_found() {
        let voted = |id, term, node| Image {
            ballot: Some(StoredVote { term, node, committed: false }),
            ..image(id, &[(1, 1)], 1)
        };
        let look = |leader: (u64, u64), images: &[Image]| {
            let mut seen = ElectionSafety::default();
            seen.leads(leader.0, leader.1);
            seen.elected(images, 2)
        };
        let images = [voted(1, 4, 3), voted(2, 4, 2), voted(3, 3, 3)];
        assert_eq!(look((4, 2), &images), Ok(()));
        assert_eq!(look((3, 3), &images), Ok(()));
        assert!(look((4, 3), &images).is_err());
        assert!(look((5, 1), &images).is_err());
    }
}
