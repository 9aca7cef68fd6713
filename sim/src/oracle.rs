//! What clients were told, and whether it stays true.
//!
//! Every call is recorded when it is made and when it is answered. An answer is a promise: its entries stand at their
//! places for ever, and the same submission gets the same answer again. No answer promises nothing, in either direction.

use crate::invariants::{Snapshot, Violation};
use crate::trace::Trace;
use selfsame::client::ClientError;
use selfsame_machine::{Receipt, read};
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::p104::Outcome;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Accepted, with the receipt.
    Ok(Receipt),
    /// An open was decided.
    Opened(Option<Outcome>),
    /// Refused by rule: it has no effect, except for a record of the refusal.
    Refused(Code),
    /// It may have taken effect, or may yet.
    Unknown(String),
}

impl Answer {
    /// The meaning of a client's result.
    pub fn of(result: Result<Receipt, ClientError>) -> Answer {
        match result {
            Ok(receipt) => Answer::Ok(receipt),
            Err(ClientError::Refused(refusal)) if !refusal.code.retryable() => Answer::Refused(refusal.code),
            Err(error) => Answer::Unknown(error.to_string()),
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Client host.
    pub client: String,
    /// Kind of command.
    pub what: &'static str,
    /// Digest of the submission's bytes: the same for a retry.
    pub submission: Digest,
    /// Simulated milliseconds of the call.
    pub invoked_ms: u64,
    /// Simulated milliseconds of the answer.
    pub answered_ms: Option<u64>,
    /// The answer.
    pub answer: Option<Answer>,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<Call>,
    /// First acknowledgement of each submission: kind and receipt.
    acks: BTreeMap<Digest, (&'static str, Receipt)>,
    /// Who was told that it owns an entry.
    owners: BTreeMap<(Ledger, u64), (Digest, Digest)>,
    retries: u64,
    /// Submissions that may never take effect.
    never: BTreeSet<Digest>,
    violations: Vec<Violation>,
}

/// The record of all calls. Clones share it.
#[derive(Clone)]
pub struct Oracle {
    record: Rc<RefCell<Record>>,
    trace: Trace,
    time: crate::env::SimTime,
}

impl Oracle {
    /// An empty record.
    pub fn new(trace: Trace, time: crate::env::SimTime) -> Self {
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
        if record.retries > 0 {
            summary.insert("retries answered as before".into(), record.retries);
        }
        summary
    }

    /// Checks at the end that every promise stands on every node.
    pub fn check(&self, world: &Snapshot) -> Result<(), Violation> {
        let record = self.record.borrow();
        let fail = |what| Err(Violation { invariant: "acknowledged", what });
        for node in &world.nodes {
            let view = match node.state() {
                Ok(view) => view,
                Err(error) => return fail(format!("node {}: {error}", node.id)),
            };
            for (submission, (what, receipt)) in &record.acks {
                for entry in &receipt.entries {
                    let place = format!("{what} {submission}: entry {} {}", entry.ledger, entry.index);
                    match read::leaf(&view, entry.ledger, entry.index.0) {
                        Ok(Some(leaf)) if Entry::hash_of(&leaf) == entry.hash => {}
                        Ok(Some(leaf)) => {
                            let found = Entry::hash_of(&leaf);
                            return fail(format!(
                                "{place} is {found} on node {}, promised was {}",
                                node.id, entry.hash
                            ));
                        }
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

    fn promised(&mut self, what: &'static str, submission: Digest, receipt: Receipt) {
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
    use crate::env::SimTime;
    use selfsame_protocol::entry::EntryRef;
    use selfsame_protocol::time::U64;

    fn oracle() -> Oracle {
        Oracle::new(Trace::default(), SimTime::default())
    }

    fn receipt(submission: &str, index: u64) -> Receipt {
        let submission = Digest::of(submission.as_bytes());
        let entry = EntryRef { ledger: Ledger::Evidence, index: U64(index), hash: submission };
        Receipt { submission, entries: vec![entry], result: serde_json::Value::Null }
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
