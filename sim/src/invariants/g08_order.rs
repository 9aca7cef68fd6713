//! G8: purged <= snapshot <= applied <= last, in what a node says and in its synced files, and a running node never says
//! more than its files can give again: the effects that its synced state lacks stand as entries in its synced log.

use super::moment::{Invariant, Moment};
use selfsame_node::raft::{RaftRole, RaftStatus};

/// Judges each node by itself.
#[derive(Debug, Default)]
pub struct Order;

fn said(status: &RaftStatus) -> Result<(), String> {
    let RaftStatus { purged, snapshot, commit, applied, last_log, .. } = status;
    let marks = [*purged, *snapshot, *commit, Some(*applied)];
    let after_last = last_log.is_some_and(|last| *commit > Some(last));
    // A node that stopped says nothing any more.
    if status.role != RaftRole::Stopped && (marks.windows(2).any(|pair| pair[0] > pair[1]) || after_last) {
        return Err(format!("purged, snapshot, commit, applied are {marks:?} of {last_log:?}"));
    }
    Ok(())
}

impl Invariant for Order {
    fn name(&self) -> &'static str {
        "G8 order"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for node in &now.world.nodes {
            said(&node.status).map_err(|what| format!("node {}: {what}", node.id))?;
        }
        for image in now.images {
            let (purged, applied) = (image.purged.map(|at| at.index), image.applied.map(|at| at.index));
            if purged > applied {
                return Err(format!("node {} purged {purged:?} and applied {applied:?}", image.id));
            }
            // Only what was kept contiguous: a hole is a lost entry.
            let mut expected = None;
            for index in image.log.keys() {
                if expected.is_some_and(|expected| expected != *index) {
                    return Err(format!("node {} has no log entry {expected:?} before {index}", image.id));
                }
                expected = Some(index + 1);
            }
            let running = now.world.nodes.iter().find(|node| node.id == image.id);
            if let Some(node) = running
                && Some(node.status.applied) > image.last().or(Some(0))
            {
                let (said, last) = (node.status.applied, image.last());
                return Err(format!("node {} applied {said} and its files end at {last:?}", image.id));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::{image, judge};
    use super::*;
    use selfsame_node::store::LogId;

    #[test]
    fn marks_out_of_order_are_found() {
        let status = |purged, snapshot, applied, last| RaftStatus {
            id: 1,
            role: RaftRole::Follower,
            term: 1,
            leader: None,
            last_log: Some(last),
            commit: Some(applied),
            applied,
            voters: Vec::new(),
            learners: Vec::new(),
            snapshot: Some(snapshot),
            purged: Some(purged),
            state_digest: String::new(),
        };
        assert_eq!(said(&status(1, 2, 3, 4)), Ok(()));
        for (purged, snapshot, applied, last) in [(3, 2, 3, 4), (1, 4, 3, 4), (1, 2, 5, 4)] {
            assert!(said(&status(purged, snapshot, applied, last)).is_err());
        }
        assert_eq!(judge(&mut Order, &[image(1, &[(1, 1), (2, 1)], 2)]), Ok(()));
        assert!(judge(&mut Order, &[image(1, &[(1, 1), (3, 1)], 2)]).is_err());
        let purged = Some(LogId { term: 1, node: 1, index: 5 });
        assert!(judge(&mut Order, &[super::super::image::Image { purged, ..image(1, &[(1, 1)], 1) }]).is_err());
    }
}
