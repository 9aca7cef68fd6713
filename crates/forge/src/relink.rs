//! Computing anew whatever follows from what was altered.

mod life;

use crate::world::{Pin, World};
use life::{Life, Place};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::Frontier;
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// End of a chain.
#[derive(Clone, Copy, Default)]
struct End {
    depth: u64,
    hash: Option<Digest>,
}

impl World {
    /// Goes through all entries in order and computes for each: index, depth, hash of the one before, digest of the
    /// submission, references to Evidence entries, and in the records of substrates every member that follows from the
    /// history before it or from other members. Attestations are signed by the chips, submissions by their authors.
    /// What is pinned stays as it is. A world that was not altered stays as it is, byte for byte.
    pub fn relink(&mut self) {
        self.votes();
        let digests: Vec<Digest> = (0..self.submissions.len()).map(|number| self.envelope(number).0).collect();
        let mut trees = [Frontier::default(), Frontier::default()];
        let mut ends: BTreeMap<(String, usize), End> = BTreeMap::new();
        let mut lives: BTreeMap<String, Life> = BTreeMap::new();
        let mut renamed: BTreeMap<String, Digest> = BTreeMap::new();
        for at in 0..self.entries.len() {
            let cluster = self.genesis.cluster.clone();
            let placed = &mut self.entries[at];
            let anchor = anchor_of(&trees[0]);
            let before = Entry::hash_of(&placed.leaf());
            let slot = placed.ledger.slot();
            let end = ends.entry((placed.subject.clone(), slot)).or_default();
            let value = &mut placed.value;
            value["ledger"] = json!(placed.ledger);
            value["subject"] = json!(placed.subject);
            value["index"] = json!(U64(trees[slot].size()));
            value["depth"] = json!(U64(end.depth));
            value["prior_entry_hash"] = json!(end.hash);
            value["submission"] = json!(digests[placed.submission]);
            references(&mut value["record"], &renamed);
            let id = placed.subject.strip_prefix("substrate:");
            if let Some(id) = id {
                let life = lives.entry(id.into()).or_insert_with(|| Life::new(&cluster, id));
                let place = Place { ledger: placed.ledger, time: value["time"].clone(), anchor };
                through(value, |record| life.operands(&place, record));
                apply(&placed.pins, value);
                through(value, |record| life.results(record));
            }
            apply(&placed.pins, value);
            apply(&placed.last, value);
            let hash = Entry::hash_of(&placed.leaf());
            *end = End { depth: end.depth + 1, hash: Some(hash) };
            trees[slot].append(hash);
            if placed.ledger == Ledger::Evidence {
                renamed.insert(before.to_string(), hash);
            }
            if let Some(life) = id.and_then(|id| lives.get_mut(id)) {
                let record = serde_json::from_value(placed.value["record"].clone()).ok();
                life.take(placed.ledger, hash, record.as_ref());
            }
        }
    }
}

impl World {
    /// What each vote is about, in its record and in its submission: the ballot of its name as it stands here. A vote that is
    /// pinned says what somebody wanted it to say.
    fn votes(&mut self) {
        let mut constitution = self.genesis.constitution().hash();
        let mut ballots: BTreeMap<String, Digest> = BTreeMap::new();
        for placed in &mut self.entries {
            let after = placed.value.pointer("/record/after_hash");
            if let Some(after) = after.and_then(|hash| serde_json::from_value(hash.clone()).ok()) {
                constitution = after;
            }
            let Some(action) = placed.value.pointer_mut("/record/action") else { continue };
            let id = action["proposal_id"].as_str().unwrap_or_default().to_owned();
            match action["action"].as_str() {
                Some("propose") => {
                    if let Ok(proposal) = serde_json::from_value(action["proposal"].clone()) {
                        ballots.insert(id.clone(), ballot_digest(&constitution, &id, &proposal));
                    }
                }
                Some("vote") if placed.pins.is_empty() => {
                    if let Some(ballot) = ballots.get(&id) {
                        action["ballot"] = json!(ballot);
                        let command = self.submissions[placed.submission].payload.pointer_mut("/command");
                        if let Some(command) =
                            command.filter(|it| it["kind"] == "vote" && it["proposal_id"] == json!(id))
                        {
                            command["ballot"] = json!(ballot);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn anchor_of(tree: &Frontier) -> EvidenceAnchor {
    EvidenceAnchor { size: U64(tree.size()), root: tree.root() }
}

fn apply(pins: &[Pin], value: &mut Value) {
    pins.iter().for_each(|pin| pin(value));
}

/// A record as its type, and back. One that its type does not read stays as it is.
fn through(value: &mut Value, change: impl FnOnce(&mut Record)) {
    if let Ok(mut record) = serde_json::from_value::<Record>(value["record"].clone()) {
        change(&mut record);
        value["record"] = serde_json::to_value(&record).expect("a record is JSON");
    }
}

/// References to Evidence entries that have another hash now.
fn references(record: &mut Value, renamed: &BTreeMap<String, Digest>) {
    for holder in ["/evidence", "/goalvector/evidence"] {
        for hash in record.pointer_mut(holder).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(now) = hash.as_str().and_then(|text| renamed.get(text)) {
                *hash = json!(now);
            }
        }
    }
}
