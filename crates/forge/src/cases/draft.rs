//! Altering one substrate's history.

use crate::World;
use selfsame_protocol::ledger::Ledger;
use serde_json::{Value, json};

/// A world under alteration, and the chain that is altered.
pub struct Draft<'a> {
    /// The world.
    pub world: &'a mut World,
    /// The chain.
    pub subject: &'a str,
}

impl Draft<'_> {
    /// Place of the `n`-th record of a kind, from 0, in Reasoning.
    pub fn at(&self, kind: &str, n: usize) -> usize {
        self.within(Ledger::Reasoning, kind, n)
    }

    /// Place of the `n`-th record of a kind, from 0, in a ledger.
    pub fn within(&self, ledger: Ledger, kind: &str, n: usize) -> usize {
        let entries = self.world.entries.iter().enumerate();
        let mut found = entries.filter(|(_, e)| e.subject == self.subject && e.ledger == ledger && e.kind() == kind);
        found.nth(n).unwrap_or_else(|| panic!("no {kind} number {n} of {}", self.subject)).0
    }

    /// Alters a record for good.
    pub fn pin(&mut self, kind: &str, n: usize, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        let at = self.at(kind, n);
        self.world.pin(at, change);
    }

    /// Sets one member of a record for good, by its pointer.
    pub fn set(&mut self, kind: &str, n: usize, pointer: &'static str, value: Value) {
        self.pin(kind, n, move |record| put(record, pointer, value.clone()));
    }

    /// Sets one member at the end: nothing else in the record follows it.
    pub fn last(&mut self, kind: &str, n: usize, pointer: &'static str, value: Value) {
        let at = self.at(kind, n);
        self.world.pin_last(at, move |entry| put(&mut entry["record"], pointer, value.clone()));
    }

    /// Sets one member of an entry at the end.
    pub fn entry(&mut self, at: usize, member: &'static str, value: Value) {
        self.world.pin_last(at, move |entry| put(entry, &format!("/{member}"), value.clone()));
    }

    /// Sets one member of both copies of the `n`-th close.
    pub fn close(&mut self, n: usize, pointer: &'static str, value: Value) {
        for ledger in Ledger::BOTH {
            let (at, value) = (self.within(ledger, "session_close", n), value.clone());
            self.world.pin(at, move |record| put(record, pointer, value.clone()));
        }
    }

    /// The time of an entry, and with it of those that the same submission wrote.
    pub fn time(&mut self, at: usize, time: &str) {
        self.world.entries[at].value["time"] = json!(time);
    }

    /// Gives an entry a submission of its own.
    pub fn alone(&mut self, at: usize) {
        let like = self.world.entries[at].submission;
        self.world.entries[at].submission = self.world.another_submission(like);
    }

    /// Puts a record before the entry at `at`, with its time and a submission of its own.
    pub fn before(&mut self, at: usize, ledger: Ledger, record: Value) -> usize {
        let like = self.at("substrate_identity", 0);
        self.world.insert(at, like, record);
        let near = at.checked_sub(1).map_or(at + 1, |before| before);
        self.world.entries[at].ledger = ledger;
        self.world.entries[at].value["time"] = self.world.entries[near].value["time"].clone();
        self.alone(at);
        at
    }

    /// Puts a record behind the entry at `at`.
    pub fn behind(&mut self, at: usize, ledger: Ledger, record: Value) -> usize {
        self.before(at + 1, ledger, record)
    }

    /// Puts another copy of an entry behind the entry at `at`.
    pub fn again(&mut self, of: usize, at: usize) -> usize {
        let (ledger, record) = (self.world.entries[of].ledger, self.world.entries[of].value["record"].clone());
        self.behind(at, ledger, record)
    }

    /// Takes out the `n`-th record of a kind.
    pub fn remove(&mut self, kind: &str, n: usize) {
        let at = self.at(kind, n);
        self.world.remove(at);
    }

    /// Ends the history behind the entry at `at`.
    pub fn end(&mut self, at: usize) {
        let mut number = 0;
        let subject = self.subject;
        self.world.entries.retain(|entry| {
            number += 1;
            number <= at + 1 || entry.subject != subject
        });
    }
}

/// Sets what a pointer leads to; the last member may be new.
pub fn put(value: &mut Value, pointer: &str, new: Value) {
    let (holder, member) = pointer.rsplit_once('/').expect("a pointer");
    let holder = value.pointer_mut(holder).unwrap_or_else(|| panic!("nothing at {pointer}"));
    match member.parse::<usize>() {
        Ok(number) if holder.is_array() => holder[number] = new,
        _ => holder[member] = new,
    }
}
