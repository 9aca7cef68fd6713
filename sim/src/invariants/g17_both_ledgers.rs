//! G17: both ledgers move together: the close of a session is in both, the same bytes, or in neither.

use super::moment::{Invariant, Moment};
use super::shadow::Op;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;

/// Judges each submission by itself: one submission is one transaction.
#[derive(Debug, Default)]
pub struct BothLedgers;

fn op(op: &Op) -> Result<(), String> {
    let closes = |ledger: Ledger| {
        let of = op.leaves.iter().filter(move |leaf| leaf.entry.ledger == ledger);
        of.filter_map(|leaf| match &leaf.entry.record {
            Record::SessionClose(close) => Some((&leaf.entry.subject, close)),
            _ => None,
        })
        .collect::<Vec<_>>()
    };
    let (evidence, reasoning) = (closes(Ledger::Evidence), closes(Ledger::Reasoning));
    if evidence == reasoning {
        return Ok(());
    }
    Err(format!("log entry {}: closes {evidence:?} in Evidence and {reasoning:?} in Reasoning", op.index))
}

impl Invariant for BothLedgers {
    fn name(&self) -> &'static str {
        "G17 both_ledgers"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        now.ops.iter().try_for_each(op)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;

    #[test]
    fn a_close_in_one_ledger_is_found() {
        for ledger in Ledger::BOTH {
            let mut story = Story::migrated();
            assert_eq!(judge(&mut BothLedgers, &story), Ok(()));
            story.first("close").leaves.retain(|leaf| leaf.entry.ledger == ledger);
            assert!(judge(&mut BothLedgers, &story).is_err());
        }
        let mut story = Story::migrated();
        let Record::SessionClose(close) = &mut story.first("close").leaves[0].entry.record else { panic!() };
        close.recovered = !close.recovered;
        assert!(judge(&mut BothLedgers, &story).is_err());
    }
}
