//! Cosignatures where they leave a node. Everything that a node signs for others passes here, in the order of signing.
//!
//! The tap stands between the peers' service and the cosigner; it changes nothing. The lines that a collector takes from
//! its own node pass here with the notes that it hands round.

use crate::env::SimDisk;
use crate::time::SimTime;
use selfsame_node::cosign::{CosignMemory, Cosigner};
use selfsame_node::raft::{CosignHandler, SignatureLine};
use selfsame_protocol::holder::Tree;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::Checkpoint;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file in which a node remembers what it signed.
pub const MEMORY: &str = "cosigned";

/// A signature over a checkpoint that left a node.
#[derive(Clone, Debug)]
pub struct Given {
    /// The node.
    pub node: u64,
    /// What was signed.
    pub text: String,
    /// The signature line.
    pub line: String,
    /// What a loss of power at that moment would have left the node to remember of that ledger.
    pub durable: Result<Tree, String>,
    /// Simulated milliseconds.
    pub at_ms: u64,
}

/// What was seen at all taps since somebody looked. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tapped(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    given: Vec<Given>,
    notes: BTreeSet<String>,
    /// Every checkpoint text that was signed or handed round, in order and once.
    texts: Vec<String>,
}

impl Tapped {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signatures that left nodes since the last call, in order.
    pub fn take_given(&self) -> Vec<Given> {
        std::mem::take(&mut self.seen().given)
    }

    /// Notes that nodes handed to each other since the last call.
    pub fn take_notes(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.seen().notes)
    }

    /// Checkpoint texts that were signed or handed round so far, oldest first.
    pub fn texts(&self) -> Vec<String> {
        self.seen().texts.clone()
    }
}

impl Seen {
    fn text(&mut self, text: &str) {
        if Checkpoint::parse(text).is_ok() && !self.texts.iter().rev().any(|known| known == text) {
            self.texts.push(text.to_owned());
        }
    }
}

/// The tap of one node in one life.
pub struct Tap {
    /// The node.
    pub node: u64,
    /// Its cosigner.
    pub cosigner: Cosigner,
    /// Its cosigner's key.
    pub key: PublicKey,
    /// Its disk.
    pub disk: SimDisk,
    /// Simulated time.
    pub time: SimTime,
    /// Where it is recorded.
    pub tapped: Tapped,
}

impl Tap {
    fn record(&self, texts: &[String], lines: &[SignatureLine]) {
        for (text, line) in texts.iter().zip(lines) {
            let (Ok(line), Ok(checkpoint)) = (line, Checkpoint::parse(text)) else { continue };
            let Some(ledger) = ledger(&checkpoint.origin).filter(|_| !line.is_empty()) else { continue };
            let disk = self.disk.durable_copy_of(MEMORY);
            let durable = CosignMemory::open(&disk, &self.key).map(|memory| memory.last(ledger));
            let (node, text, line, at_ms) = (self.node, text.clone(), line.clone(), self.time.ms());
            let mut seen = self.tapped.seen();
            seen.text(&text);
            seen.given.push(Given { node, text, line, durable, at_ms });
        }
    }
}

/// Which ledger has this origin.
pub fn ledger(origin: &str) -> Option<Ledger> {
    origin.rsplit('/').next()?.parse().ok()
}

#[async_trait::async_trait]
impl CosignHandler for Tap {
    async fn cosign(self: Arc<Self>, texts: Vec<String>) -> Vec<SignatureLine> {
        let lines = self.cosigner.cosign(texts.clone()).await;
        self.record(&texts, &lines);
        lines
    }

    async fn publish(self: Arc<Self>, notes: Vec<String>) -> Vec<SignatureLine> {
        let texts: Vec<String> = notes.iter().map(|note| signed(note).to_owned()).collect();
        {
            let mut seen = self.tapped.seen();
            texts.iter().for_each(|text| seen.text(text));
            seen.notes.extend(notes.iter().cloned());
        }
        let lines = self.cosigner.publish(notes).await;
        self.record(&texts, &lines);
        lines
    }
}

/// The part of a note that its lines sign.
fn signed(note: &str) -> &str {
    note.rfind("\n\n").and_then(|at| note.get(..=at)).unwrap_or_default()
}
