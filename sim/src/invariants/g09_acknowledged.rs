//! G9: nothing acknowledged is lost, whichever minority of disks is lost. Its log entry is among the synced files of a
//! quorum, and at the end every promise stands in the run decided once more.

use super::moment::{Invariant, Moment};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::response::SubmitResponse;
use std::collections::BTreeMap;

/// Remembers every answer by its submission, and the promises that wait for theirs.
#[derive(Debug, Default)]
pub struct Acknowledged {
    answers: BTreeMap<Digest, (u64, SubmitResponse)>,
    waiting: Vec<SubmitResponse>,
    highest: Option<u64>,
}

impl Invariant for Acknowledged {
    fn name(&self) -> &'static str {
        "G9 acknowledged"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops {
            if let Ok(receipt) = &op.outcome {
                self.answers.entry(op.digest).or_insert_with(|| (op.index, receipt.clone()));
            }
        }
        self.waiting.extend(now.acks.iter().cloned());
        for promise in std::mem::take(&mut self.waiting) {
            match self.answers.get(&promise.submission) {
                Some((index, receipt)) if *receipt == promise => self.highest = self.highest.max(Some(*index)),
                Some((index, receipt)) => {
                    return Err(format!("promised {promise:?}, decided in log entry {index}: {receipt:?}"));
                }
                // The node that answered is ahead of those that run, or entries were not seen here.
                None => self.waiting.push(promise),
            }
        }
        if now.history.is_some()
            && now.shadow.jumps() == 0
            && let Some(lost) = self.waiting.first()
        {
            return Err(format!("promised and nowhere to be found: {lost:?}"));
        }
        if let Some(highest) = self.highest.filter(|_| !now.images.is_empty()) {
            let holding = now.images.iter().filter(|image| image.last() >= Some(highest)).count();
            // A quorum held it; since then faults may have destroyed the copies of damaged nodes.
            let quorum = (now.shadow.genesis.nodes.len() / 2 + 1).saturating_sub(now.world.damaged.len());
            if holding < quorum {
                return Err(format!("log entry {highest} was acknowledged and {holding} nodes hold it, not {quorum}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::image;
    use super::super::snapshot::Snapshot;
    use super::super::story::Story;
    use super::*;
    use crate::history::History;
    use selfsame_protocol::time::U64;

    #[test]
    fn a_promise_that_does_not_stand_is_found() {
        let (story, world) = (Story::migrated(), Snapshot::default());
        let acks = story.receipts();
        let whole = || Moment { acks: &acks, ..story.moment(&world) };
        let history = History::default();
        assert_eq!(Acknowledged::default().check(&Moment { history: Some(&history), ..whole() }), Ok(()));
        // Held by too few.
        let last = story.ops.last().unwrap().index;
        let images = [image(1, &[], last), image(2, &[], last), image(3, &[], 1)];
        assert_eq!(Acknowledged::default().check(&Moment { images: &images, ..whole() }), Ok(()));
        assert!(Acknowledged::default().check(&Moment { images: &images[1..], ..whole() }).is_err());
        // Decided otherwise; decided nowhere.
        let mut other = acks.clone();
        other[0].entries[0].index = U64(77);
        assert!(Acknowledged::default().check(&Moment { acks: &other, ..whole() }).is_err());
        other[0].submission = Digest::of(b"unknown");
        assert_eq!(Acknowledged::default().check(&Moment { acks: &other, ..whole() }), Ok(()));
        assert!(Acknowledged::default().check(&Moment { acks: &other, history: Some(&history), ..whole() }).is_err());
    }
}
