//! G12: clients see one history. The log is the witness: what was answered before another call was made stands before it
//! in the log. And each substrate by itself, writes and reads together, is searched for an order that explains all
//! answers.

use super::linear::{Timed, linearizable};
use super::moment::{Invariant, Moment};
use crate::history::{Answer, Call, Read};
use selfsame_machine::state::Holder;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use std::collections::BTreeMap;

/// Remembers where each submission took effect, and what it did to which substrates.
#[derive(Debug, Default)]
pub struct Linearizable {
    /// Digest of the envelope → order of taking effect.
    order: BTreeMap<Digest, (u64, usize)>,
    writes: BTreeMap<Digest, Vec<(SubstrateId, Step)>>,
    jumps: u64,
}

/// Epoch and sequence number of a substrate: what every write moves.
type Place = (u64, u64);

#[derive(Clone, Debug)]
enum Step {
    Move { from: Option<Place>, to: Place },
    See(Option<Place>),
}

fn place(holder: &Holder) -> Place {
    (holder.epoch.0, holder.seq.0)
}

/// First call and first answer of each submission: a retry is the same call, still under way.
fn spans(calls: &[Call]) -> BTreeMap<Digest, (u64, Option<u64>)> {
    let mut spans: BTreeMap<Digest, (u64, Option<u64>)> = BTreeMap::new();
    for call in calls {
        let answered = match call.answer {
            Some(Answer::Ok(_) | Answer::Opened(_)) => call.answered_ms,
            Some(Answer::Refused(_) | Answer::Unknown(_)) | None => None,
        };
        let span = spans.entry(call.submission).or_insert((call.invoked_ms, answered));
        span.0 = span.0.min(call.invoked_ms);
        span.1 = match (span.1, answered) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    spans
}

impl Linearizable {
    fn witness(&self, spans: &BTreeMap<Digest, (u64, Option<u64>)>) -> Result<(), String> {
        let mut calls: Vec<_> =
            spans.iter().filter_map(|(envelope, span)| Some((self.order.get(envelope)?, span, envelope))).collect();
        calls.sort();
        // The latest beginning of all that took effect so far: nothing that follows was answered before it.
        let mut latest: Option<(u64, &Digest, u64)> = None;
        for ((index, _), (invoked, answered), envelope) in calls {
            if let (Some((begun, other, at)), Some(answered)) = (latest, answered)
                && *answered < begun
            {
                return Err(format!(
                    "{envelope} was answered at {answered} ms, {other} was made at {begun} ms, and they took effect in \
                     log entries {index} and {at}"
                ));
            }
            if latest.is_none_or(|(begun, _, _)| begun < *invoked) {
                latest = Some((*invoked, envelope, *index));
            }
        }
        Ok(())
    }

    fn search(&self, spans: &BTreeMap<Digest, (u64, Option<u64>)>, reads: &[Read]) -> Result<(), String> {
        let mut histories: BTreeMap<&str, Vec<Timed<Step>>> = BTreeMap::new();
        for (envelope, steps) in &self.writes {
            let Some((invoked, answered)) = spans.get(envelope).copied() else { continue };
            for (substrate, step) in steps {
                histories.entry(substrate).or_default().push(Timed { invoked, answered, op: step.clone() });
            }
        }
        for read in reads {
            let timed = Timed { invoked: read.invoked_ms, answered: Some(read.answered_ms), op: Step::See(read.seen) };
            histories.entry(&read.substrate).or_default().push(timed);
        }
        for (substrate, calls) in histories {
            let explained = linearizable(None, &calls, |state: &Option<Place>, step| match step {
                Step::Move { from, to } => (from == state).then_some(Some(*to)),
                Step::See(seen) => (seen == state).then_some(*state),
            });
            if !explained {
                return Err(format!("no order explains what clients of {substrate} were told: {calls:?}"));
            }
        }
        Ok(())
    }
}

impl Invariant for Linearizable {
    fn name(&self) -> &'static str {
        "G12 linearizable"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        self.jumps = now.shadow.jumps();
        for op in now.ops.iter().filter(|op| op.fresh()) {
            let order = (op.index, self.order.len());
            self.order.entry(op.envelope).or_insert(order);
            for touched in &op.touched {
                let (from, to) = (touched.before.as_ref().map(|b| place(&b.holder)), place(&touched.after.holder));
                if from != Some(to) {
                    let step = (touched.after.substrate_id.clone(), Step::Move { from, to });
                    self.writes.entry(op.envelope).or_default().push(step);
                }
            }
        }
        let Some(history) = now.history else { return Ok(()) };
        let spans = spans(&history.calls);
        self.witness(&spans)?;
        // With entries that were not seen here the search would miss what they did.
        if self.jumps == 0 { self.search(&spans, &history.reads) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::Snapshot;
    use super::super::story::{ID, Story};
    use super::*;
    use crate::history::History;

    /// The story's calls, one after the other: the n-th from 10 n to 10 n + 5.
    fn history(story: &Story) -> History {
        let calls = story.ops.iter().enumerate().map(|(at, op)| Call {
            client: "c".into(),
            what: "step",
            submission: op.envelope,
            invoked_ms: 10 * at as u64,
            answered_ms: Some(10 * at as u64 + 5),
            answer: op.outcome.clone().ok().map(Answer::Ok),
        });
        History { calls: calls.collect(), ..History::default() }
    }

    fn judge(story: &Story, history: &History) -> Result<(), String> {
        let world = Snapshot::default();
        Linearizable::default().check(&Moment { history: Some(history), ..story.moment(&world) })
    }

    fn read(at: u64, seen: Option<Place>) -> Read {
        Read { client: "c".into(), substrate: ID.parse().unwrap(), invoked_ms: at, answered_ms: at + 1, seen }
    }

    #[test]
    fn one_history_holds_with_reads_and_lost_answers() {
        let story = Story::migrated();
        let mut history = history(&story);
        // Enrolments are steps 0 and 1, the birth is step 2.
        history.reads.push(read(18, None));
        history.reads.push(read(27, Some((1, 0))));
        assert_eq!(judge(&story, &history), Ok(()));
        let lost = history.calls.last_mut().unwrap();
        (lost.answered_ms, lost.answer) = (None, Some(Answer::Unknown(String::new())));
        assert_eq!(judge(&story, &history), Ok(()));
    }

    #[test]
    fn order_against_time_and_stale_reads_are_found() {
        let story = Story::migrated();
        let good = history(&story);
        let mut swapped = history(&story);
        let (first, second) = (swapped.calls[0].submission, swapped.calls[1].submission);
        (swapped.calls[0].submission, swapped.calls[1].submission) = (second, first);
        assert!(judge(&story, &swapped).unwrap_err().contains("took effect"));
        for wrong in [read(27, None), read(8, Some((1, 0))), read(27, Some((1, 1))), read(1_000, Some((1, 1)))] {
            let mut stale = History { calls: good.calls.clone(), ..History::default() };
            stale.reads.push(wrong);
            assert!(judge(&story, &stale).unwrap_err().contains("no order explains"));
        }
    }
}
