//! What clients were told, and whether it stays true.
//!
//! Every call is recorded when it is made and when it is answered. An answer is a promise: its entries stand at their
//! places for ever, and the same submission gets the same answer again. A call without an answer may have taken effect or
//! not.

use crate::history::{Answer, Call, History, Read, Served, Taken};
use crate::invariants::i09_belief::{self, Beliefs};
use crate::invariants::{Snapshot, Violation};
use crate::time::SimTime;
use crate::trace::Trace;
use selfsame_machine::read;
use selfsame_machine::view::ReadError;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::response::SubmitResponse;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

#[derive(Debug, Default)]
struct Record {
    calls: Vec<Call>,
    reads: Vec<Read>,
    checkpoints: Vec<Served>,
    published: Vec<Served>,
    receipts: Vec<Taken>,
    /// Receipts that were not had: code and how often.
    unproven: BTreeMap<String, u64>,
    beliefs: Beliefs,
    /// Receipts that nobody has looked at yet.
    fresh: Vec<SubmitResponse>,
    /// First acknowledgement of each submission: kind and receipt.
    acks: BTreeMap<Digest, (&'static str, SubmitResponse)>,
    /// Who was told that it owns an entry.
    owners: BTreeMap<(Ledger, u64), (Digest, Digest)>,
    retries: u64,
    /// Substrates whose client ends every migration that it begins.
    minded: BTreeSet<String>,
    /// Submissions that may never take effect.
    never: BTreeSet<Digest>,
    violations: Vec<Violation>,
}

/// The record of all calls. Clones share it.
#[derive(Clone)]
pub struct Oracle {
    record: Rc<RefCell<Record>>,
    trace: Trace,
    time: SimTime,
}

impl Oracle {
    /// An empty record.
    pub fn new(trace: Trace, time: SimTime) -> Self {
        Self { record: Rc::default(), trace, time }
    }

    /// Records a call; the number is for [`Oracle::answered`].
    pub fn invoked(&self, client: &str, what: &'static str, submission: Digest) -> usize {
        let calls = &mut self.record.borrow_mut().calls;
        calls.push(Call {
            client: client.into(),
            what,
            submission,
            invoked_ms: self.time.ms(),
            answered_ms: None,
            answer: None,
        });
        calls.len() - 1
    }

    /// Records its answer and compares it with what was promised before.
    pub fn answered(&self, call: usize, answer: Answer) {
        let record = &mut *self.record.borrow_mut();
        let Some(entry) = record.calls.get_mut(call) else { return };
        entry.answered_ms = Some(self.time.ms());
        entry.answer = Some(answer.clone());
        let Call { client, what, submission, invoked_ms, .. } = entry.clone();
        let shown = match &answer {
            Answer::Ok(receipt) => {
                let entries: Vec<_> =
                    receipt.entries.iter().map(|entry| format!("{}:{}", entry.ledger, entry.index)).collect();
                format!("ok {}", entries.join(" "))
            }
            Answer::Opened(outcome) => format!("opened {outcome:?}"),
            Answer::Refused(code) => format!("refused {code}"),
            Answer::Unknown(reason) => format!("unknown: {reason}"),
        };
        self.trace.line(format!("{client} call {call} {what} of {invoked_ms} ms: {shown}"));
        match answer {
            Answer::Ok(receipt) => record.promised(what, submission, receipt),
            Answer::Refused(code) if record.acks.contains_key(&submission) => record.violated(
                "retry",
                format!("{client} call {call}: {what} {submission} was accepted before and is refused now as {code}"),
            ),
            Answer::Opened(_) | Answer::Refused(_) | Answer::Unknown(_) => {}
        }
    }

    /// Records the answer of an open: what the verification came to. Its receipt stays with the node.
    pub fn opened(&self, call: usize, outcome: Option<Outcome>) {
        let record = &mut *self.record.borrow_mut();
        let Some(entry) = record.calls.get_mut(call) else { return };
        entry.answered_ms = Some(self.time.ms());
        entry.answer = Some(Answer::Opened(outcome));
        let shown = outcome.map_or("nothing".into(), |outcome| outcome.to_string());
        self.trace.line(format!("{} call {call} open of {} ms: {shown}", entry.client, entry.invoked_ms));
    }

    /// Records what a read of a substrate showed: epoch and sequence number.
    pub fn read(&self, client: &str, substrate: &SubstrateId, invoked_ms: u64, seen: Option<(u64, u64)>) {
        let (client, substrate, answered_ms) = (client.to_owned(), substrate.clone(), self.time.ms());
        self.record.borrow_mut().reads.push(Read { client, substrate, invoked_ms, answered_ms, seen });
    }

    /// Records a checkpoint that a client was given.
    pub fn checkpoint(&self, note: &str, invoked_ms: u64) {
        let served = Served { note: note.to_owned(), invoked_ms, answered_ms: self.time.ms() };
        self.record.borrow_mut().checkpoints.push(served);
    }

    /// Records a published checkpoint that a client was given.
    pub fn published(&self, note: &str, invoked_ms: u64) {
        let served = Served { note: note.to_owned(), invoked_ms, answered_ms: self.time.ms() };
        self.record.borrow_mut().published.push(served);
    }

    /// Records a receipt that a client was given.
    pub fn receipt(&self, entry: EntryRef, proof: String) {
        self.record.borrow_mut().receipts.push(Taken { entry, proof });
    }

    /// Records that a receipt was not had.
    pub fn no_receipt(&self, why: impl ToString) {
        *self.record.borrow_mut().unproven.entry(why.to_string()).or_default() += 1;
    }

    /// Records that a chip believes itself active, or no longer.
    pub fn believes(&self, substrate: &str, chip: &str, active: bool) {
        let record = &mut *self.record.borrow_mut();
        if let Err(what) = record.beliefs.set(substrate, chip, active) {
            record.violated(i09_belief::NAME, what);
        }
    }

    /// Somebody ends every migration of this substrate.
    pub fn minds(&self, substrate: &str) {
        self.record.borrow_mut().minded.insert(substrate.to_owned());
    }

    /// Whether somebody ends every migration of this substrate. Otherwise an operator's ballot is the way out.
    pub fn is_minded(&self, substrate: &str) -> bool {
        self.record.borrow().minded.contains(substrate)
    }

    /// Simulated milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.time.ms()
    }

    /// What was promised since the last call.
    pub fn take_acks(&self) -> Vec<SubmitResponse> {
        std::mem::take(&mut self.record.borrow_mut().fresh)
    }

    /// Everything so far.
    pub fn history(&self) -> History {
        let record = self.record.borrow();
        History {
            calls: record.calls.clone(),
            reads: record.reads.clone(),
            checkpoints: record.checkpoints.clone(),
            published: record.published.clone(),
            receipts: record.receipts.clone(),
        }
    }

    /// Notes something in the trace.
    pub fn note(&self, what: impl AsRef<str>) {
        self.trace.line(what);
    }

    /// Records a submission, by the digest of its payload, that was refused for good: it may never take effect.
    pub fn never(&self, payload: Digest) {
        self.record.borrow_mut().never.insert(payload);
    }

    /// Submissions that were refused for good.
    pub fn nevers(&self) -> BTreeSet<Digest> {
        self.record.borrow().never.clone()
    }

    /// Records something that a client saw and that must not be.
    pub fn violated(&self, invariant: &'static str, what: String) {
        self.record.borrow_mut().violated(invariant, what);
    }

    /// What was found wrong since the last call.
    pub fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.record.borrow_mut().violations)
    }

    /// All calls so far, in the order in which they were made.
    pub fn calls(&self) -> Vec<Call> {
        self.record.borrow().calls.clone()
    }

    /// How many calls of each kind came to what: `append ok`, `append refused STALE_SEQUENCE`, `append unknown`.
    pub fn summary(&self) -> BTreeMap<String, u64> {
        let record = self.record.borrow();
        let mut summary = BTreeMap::new();
        for call in &record.calls {
            let came = match &call.answer {
                Some(Answer::Ok(_)) => "ok".to_string(),
                Some(Answer::Opened(outcome)) => outcome.map_or("nothing".into(), |outcome| outcome.to_string()),
                Some(Answer::Refused(code)) => format!("refused {code}"),
                Some(Answer::Unknown(_)) | None => "unknown".to_string(),
            };
            *summary.entry(format!("{} {came}", call.what)).or_default() += 1;
        }
        if !record.receipts.is_empty() {
            summary.insert("receipt ok".into(), record.receipts.len() as u64);
        }
        summary.extend(record.unproven.iter().map(|(why, count)| (format!("receipt {why}"), *count)));
        if record.retries > 0 {
            summary.insert("retries answered as before".into(), record.retries);
        }
        summary
    }

    /// Checks at the end that every promise stands on every node.
    pub fn check(&self, world: &Snapshot) -> Result<(), Violation> {
        let record = self.record.borrow();
        let fail = |what| Err(Violation { invariant: "G9 acknowledged", what });
        for node in &world.nodes {
            let view = match node.state() {
                Ok(view) => view,
                Err(_) if node.shaken => continue,
                Err(error) => return fail(format!("node {}: {error}", node.id)),
            };
            for (submission, (what, receipt)) in &record.acks {
                for entry in &receipt.entries {
                    let place = format!("{what} {submission}: entry {} {}", entry.ledger, entry.index);
                    let leaf = crate::guard::catch(|| read::leaf(&view, entry.ledger, entry.index.0));
                    match leaf.unwrap_or_else(|said| Err(ReadError::Io(said))) {
                        Ok(Some(leaf)) if Entry::hash_of(&leaf) == entry.hash => {}
                        Ok(Some(leaf)) => {
                            let found = Entry::hash_of(&leaf);
                            return fail(format!(
                                "{place} is {found} on node {}, promised was {}",
                                node.id, entry.hash
                            ));
                        }
                        // A damaged node may lag or fail to read; what it does read must be right.
                        Ok(None) | Err(_) if world.damaged.contains(&node.id) => {}
                        Ok(None) => return fail(format!("{place} is missing on node {}", node.id)),
                        Err(error) => return fail(format!("{place} on node {}: {error}", node.id)),
                    }
                }
            }
        }
        Ok(())
    }
}

impl Record {
    fn violated(&mut self, invariant: &'static str, what: String) {
        self.violations.push(Violation { invariant, what });
    }

    fn promised(&mut self, what: &'static str, submission: Digest, receipt: SubmitResponse) {
        self.fresh.push(receipt.clone());
        match self.acks.get(&submission) {
            Some((_, first)) if *first == receipt => self.retries += 1,
            Some((_, first)) => {
                let text = format!("{what} {submission}: first {first:?}, then {receipt:?}");
                self.violated("retry", text);
            }
            None => {
                for entry in &receipt.entries {
                    let owner = self.owners.insert((entry.ledger, entry.index.0), (submission, entry.hash));
                    if let Some((other, _)) = owner {
                        let text = format!("{} {} belongs to {other} and to {submission}", entry.ledger, entry.index);
                        self.violated("one_owner", text);
                    }
                }
                self.acks.insert(submission, (what, receipt));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::code::Code;
    use selfsame_protocol::response::ItemsAppended;
    use selfsame_protocol::time::U64;

    fn oracle() -> Oracle {
        Oracle::new(Trace::default(), SimTime::default())
    }

    fn receipt(submission: &str, index: u64) -> SubmitResponse {
        let submission = Digest::of(submission.as_bytes());
        let entry = EntryRef { ledger: Ledger::Evidence, index: U64(index), hash: submission };
        let result = ItemsAppended { count: 1, seq: U64(1) }.into();
        SubmitResponse { submission, entries: vec![entry], result }
    }

    /// Answers one call for each submission with the entry at the index, and gives what was found wrong.
    fn found(answers: &[(&str, Answer)]) -> Vec<&'static str> {
        let oracle = oracle();
        for (submission, answer) in answers {
            let call = oracle.invoked("c", "append", Digest::of(submission.as_bytes()));
            oracle.answered(call, answer.clone());
        }
        oracle.take_violations().into_iter().map(|violation| violation.invariant).collect()
    }

    #[test]
    fn promises_that_exclude_each_other_are_found() {
        let ok = |submission, index| (submission, Answer::Ok(receipt(submission, index)));
        assert!(found(&[ok("a", 1), ("b", Answer::Unknown(String::new())), ok("b", 2), ok("a", 1)]).is_empty());
        assert_eq!(found(&[ok("a", 1), ok("a", 2)]), ["retry"]);
        assert_eq!(found(&[ok("a", 1), ok("b", 1)]), ["one_owner"]);
        assert_eq!(found(&[ok("a", 1), ("a", Answer::Refused(Code::StaleSequence))]), ["retry"]);
    }
}
