//! What came of a stage, to be altered.

use crate::cast;
use crate::stage::Stage;
use selfsame_machine::{Genesis, read};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{Envelope, pae};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;
use selfsame_protocol::replay::{BadCheck, History, Replay};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// What a pin does with an entry, each time that it was computed anew.
pub type Pin = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// A signed submission. It is signed anew with every [`World::relink`].
#[derive(Clone)]
pub struct Signed {
    /// The payload, whatever its form.
    pub payload: Value,
    /// Key id of the signer.
    pub signer: Digest,
}

/// An entry where it stands.
#[derive(Clone)]
pub struct Placed {
    /// Ledger in which it stands.
    pub ledger: Ledger,
    /// Chain in which it stands.
    pub subject: String,
    /// Its submission, by place in [`World::submissions`].
    pub submission: usize,
    /// The entry.
    pub value: Value,
    /// Applied before what depends on a member is computed, and behind it.
    pub pins: Vec<Pin>,
    /// Applied at the end only.
    pub last: Vec<Pin>,
}

impl Placed {
    /// The `record_type`.
    pub fn kind(&self) -> &str {
        self.value["record"]["record_type"].as_str().unwrap_or_default()
    }

    /// The leaf.
    pub fn leaf(&self) -> Vec<u8> {
        canon::to_canonical(&self.value)
    }
}

/// A cluster's history: both ledgers in the order in which they were written, and the submissions that caused them.
#[derive(Clone)]
pub struct World {
    /// The founders.
    pub genesis: Genesis,
    /// In the order in which they were applied.
    pub submissions: Vec<Signed>,
    /// Entries of both ledgers, as written.
    pub entries: Vec<Placed>,
}

/// Every key that a cast can have, by key id.
pub fn keyring() -> &'static BTreeMap<Digest, SecretKey> {
    static KEYS: OnceLock<BTreeMap<Digest, SecretKey>> = OnceLock::new();
    KEYS.get_or_init(|| (0..=255).map(cast::key).map(|key| (key.public().id(), key)).collect())
}

/// Entries of one submission in the order in which they were written. Given are those of Evidence, then those of
/// Reasoning; only a close is written between other records, first in Evidence.
fn as_written(mut entries: Vec<Entry>) -> Vec<Entry> {
    let close = |entry: &Entry| matches!(entry.record, Record::SessionClose(_));
    let first = entries.iter().position(|entry| entry.ledger == Ledger::Evidence && close(entry));
    let second = entries.iter().position(|entry| entry.ledger == Ledger::Reasoning && close(entry));
    if let (Some(first), Some(second)) = (first, second) {
        entries[first..second].rotate_left(1);
    }
    entries
}

/// The secret key of a key id.
pub fn secret(id: &Digest) -> &'static SecretKey {
    keyring().get(id).unwrap_or_else(|| panic!("nobody has the key {id}"))
}

impl World {
    /// What a stage wrote.
    pub fn of(stage: &Stage) -> Self {
        let mut world = Self { genesis: cast::genesis(), submissions: Vec::new(), entries: Vec::new() };
        let mut by_submission: BTreeMap<Digest, Vec<Entry>> = BTreeMap::new();
        for ledger in Ledger::BOTH {
            for entry in stage.entries(ledger) {
                by_submission.entry(entry.submission).or_default().push(entry);
            }
        }
        for digest in &stage.journal {
            let Some(entries) = by_submission.remove(digest) else { continue };
            let bytes = read::envelope(&stage.model, digest).expect("a readable state").expect("its envelope");
            let envelope = Envelope::from_bytes(&bytes).expect("an envelope");
            let payload: Value = serde_json::from_slice(&envelope.payload).expect("JSON");
            let signer = keyring()
                .iter()
                .find(|(_, key)| payload["author"]["key"] == key.public().to_string())
                .map(|(id, _)| *id)
                .expect("a signer of the cast");
            let entries = as_written(entries);
            let submission = world.submissions.len();
            world.submissions.push(Signed { payload, signer });
            for entry in entries {
                let value = serde_json::to_value(&entry).expect("an entry is JSON");
                let (ledger, subject) = (entry.ledger, entry.subject.to_string());
                world.entries.push(Placed { ledger, subject, submission, value, pins: Vec::new(), last: Vec::new() });
            }
        }
        assert!(by_submission.is_empty(), "entries of submissions that the stage did not see");
        world
    }

    /// All leaves of a ledger.
    pub fn leaves(&self, ledger: Ledger) -> Vec<Vec<u8>> {
        self.entries.iter().filter(|entry| entry.ledger == ledger).map(Placed::leaf).collect()
    }

    /// Leaves of one chain.
    pub fn chain(&self, ledger: Ledger, subject: &str) -> Vec<Vec<u8>> {
        let of = |entry: &&Placed| entry.ledger == ledger && entry.subject == subject;
        self.entries.iter().filter(of).map(Placed::leaf).collect()
    }

    /// The envelope of a submission in its binary form, and its digest.
    pub fn envelope(&self, submission: usize) -> (Digest, Vec<u8>) {
        let Signed { payload, signer } = &self.submissions[submission];
        let payload = canon::to_canonical(payload);
        let signature = secret(signer).sign(&pae(&payload));
        let envelope = Envelope { payload, signature };
        (envelope.digest(), envelope.to_bytes())
    }

    /// Envelopes by digest.
    pub fn envelopes(&self) -> BTreeMap<Digest, Vec<u8>> {
        (0..self.submissions.len()).map(|submission| self.envelope(submission)).collect()
    }

    /// Replays a substrate from its leaves alone.
    pub fn replay(&self, id: &str) -> Result<History, BadCheck> {
        let mut replay = Replay::new(&self.genesis.cluster, &id.parse().unwrap());
        for ledger in Ledger::BOTH {
            for leaf in self.chain(ledger, &format!("substrate:{id}")) {
                replay.leaf(ledger, &leaf)?;
            }
        }
        replay.finish()
    }

    /// Place of the `n`-th record of a kind in a chain, from 0. A close stands in both ledgers: first in Evidence.
    pub fn find(&self, subject: &str, kind: &str, n: usize) -> usize {
        let of = |(_, entry): &(usize, &Placed)| entry.subject == subject && entry.kind() == kind;
        let found = self.entries.iter().enumerate().filter(of).nth(n);
        found.unwrap_or_else(|| panic!("no {kind} number {n} of {subject}")).0
    }

    /// Alters a record once. What follows from other members is overwritten by [`World::relink`].
    pub fn edit(&mut self, at: usize, change: impl FnOnce(&mut Value)) {
        change(&mut self.entries[at].value["record"]);
    }

    /// Alters the record for good: what depends on the member is computed from what the pin left.
    pub fn pin(&mut self, at: usize, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.entries[at].pins.push(Arc::new(move |entry| change(&mut entry["record"])));
    }

    /// Alters the whole entry for good.
    pub fn pin_entry(&mut self, at: usize, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.entries[at].pins.push(Arc::new(change));
    }

    /// Alters the entry at the end: nothing in it is computed from what the pin left.
    pub fn pin_last(&mut self, at: usize, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.entries[at].last.push(Arc::new(change));
    }

    /// A submission of its own, like that of another entry but for its request id.
    pub fn another_submission(&mut self, like: usize) -> usize {
        let mut signed = self.submissions[like].clone();
        let number = self.submissions.len();
        signed.payload["request_id"] = format!("another/{number}").into();
        self.submissions.push(signed);
        number
    }

    /// Puts a record before the entry at `at`, in the chain, at the time and with the submission of the one `like` it.
    pub fn insert(&mut self, at: usize, like: usize, record: Value) {
        let mut placed = self.entries[like].clone();
        placed.value["record"] = record;
        (placed.pins, placed.last) = (Vec::new(), Vec::new());
        self.entries.insert(at, placed);
    }

    /// Takes an entry out.
    pub fn remove(&mut self, at: usize) -> Placed {
        self.entries.remove(at)
    }
}
