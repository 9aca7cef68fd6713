//! G13: exactly once: each submission and each (author, request id) takes effect one time, its entries are those of its
//! receipt, and every later answer is the first one.

use super::moment::{Invariant, Moment};
use super::shadow::Op;
use selfsame_machine::Outcome;
use selfsame_protocol::digest::Digest;
use std::collections::BTreeMap;

/// Remembers the first answer of each submission and the submission of each request.
#[derive(Debug, Default)]
pub struct ExactlyOnce {
    answers: BTreeMap<Digest, Outcome>,
    requests: BTreeMap<(Digest, String), Digest>,
}

impl ExactlyOnce {
    fn op(&mut self, op: &Op) -> Result<(), String> {
        if !op.fresh() {
            if !op.leaves.is_empty() || !op.touched.is_empty() {
                return Err(format!("{} was not decided here and changed something", op.digest));
            }
            return match self.answers.get(&op.digest) {
                Some(first) if *first != op.outcome => {
                    Err(format!("{} was answered {first:?} first and now {:?}", op.digest, op.outcome))
                }
                _ => Ok(()),
            };
        }
        if self.answers.insert(op.digest, op.outcome.clone()).is_some() {
            return Err(format!("{} takes effect a second time", op.digest));
        }
        let request = (op.author(), op.submission.request_id.clone());
        if let Some(other) = self.requests.insert(request, op.digest) {
            return Err(format!(
                "request {} of {} is {other} and {}",
                op.submission.request_id,
                op.author(),
                op.digest
            ));
        }
        if let Some(leaf) = op.leaves.iter().find(|leaf| leaf.entry.submission != op.digest) {
            return Err(format!("{} wrote an entry in the name of {}", op.digest, leaf.entry.submission));
        }
        if let Ok(receipt) = &op.outcome {
            let mut named: Vec<_> =
                receipt.entries.iter().map(|entry| (entry.ledger, entry.index.0, entry.hash)).collect();
            let mut written: Vec<_> =
                op.leaves.iter().map(|leaf| (leaf.entry.ledger, leaf.entry.index.0, leaf.hash)).collect();
            named.sort();
            written.sort();
            if named != written || receipt.submission != op.digest {
                return Err(format!("the receipt of {} names {named:?}, written was {written:?}", op.digest));
            }
        }
        Ok(())
    }
}

impl Invariant for ExactlyOnce {
    fn name(&self) -> &'static str {
        "G13 exactly_once"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        now.ops.iter().try_for_each(|op| self.op(op).map_err(|what| format!("log entry {}: {what}", op.index)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;
    use selfsame_protocol::response::ItemsAppended;
    use selfsame_protocol::time::U64;

    #[test]
    fn an_effect_that_comes_twice_is_found() {
        let mut story = Story::migrated();
        assert_eq!(judge(&mut ExactlyOnce::default(), &story), Ok(()));
        let again = story.first("append").clone();
        story.ops.push(again);
        assert!(judge(&mut ExactlyOnce::default(), &story).unwrap_err().contains("second time"));
        let wrong: [fn(&mut Op); 4] = [
            |op| op.leaves[0].entry.submission = Digest::of(b"another"),
            |op| op.leaves.truncate(1),
            |op| op.outcome.as_mut().unwrap().entries.clear(),
            |op| op.changes.clear(),
        ];
        for change in wrong {
            let mut story = Story::migrated();
            change(story.first("append"));
            assert!(judge(&mut ExactlyOnce::default(), &story).is_err());
        }
        let mut story = Story::migrated();
        let id = story.first("append").submission.request_id.clone();
        story.last("append").submission.request_id = id;
        assert!(judge(&mut ExactlyOnce::default(), &story).unwrap_err().contains("request"));
    }

    #[test]
    fn another_answer_for_a_retry_is_found() {
        let mut story = Story::migrated();
        let mut retry = story.first("append").clone();
        retry.changes.clear();
        retry.leaves.clear();
        retry.touched.clear();
        story.ops.push(retry.clone());
        assert_eq!(judge(&mut ExactlyOnce::default(), &story), Ok(()));
        retry.outcome.as_mut().unwrap().result = ItemsAppended { count: 9, seq: U64(9) }.into();
        story.ops.push(retry);
        assert!(judge(&mut ExactlyOnce::default(), &story).unwrap_err().contains("answered"));
    }
}
