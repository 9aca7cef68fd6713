//! The unaltered objects, and keys that can sign anything.

use selfsame_offline::Options;
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::holder::{HolderState, HolderStatus, Tree};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{Frontier, append_to_tiles, consistency_proof, empty_root, inclusion_proof, leaf_hash};
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::policy::Policy;
use selfsame_protocol::record::{Content, Record};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_protocol::tlog_proof::TlogProof;
use serde_json::json;
use std::collections::BTreeMap;

pub const TIME: u64 = 1_772_928_000;
/// Cosigners; the policy demands all of them.
pub const WITNESSES: u8 = 3;

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// A note by the log of its origin and all witnesses; `seed` other than 0 takes other keys for all of them.
pub fn signed(checkpoint: &Checkpoint, seed: u8) -> Note {
    let mut note = Note::new(checkpoint.to_text());
    let log = if checkpoint.origin.ends_with("evidence") { 1 } else { 2 };
    note.sign(&checkpoint.origin, &key(seed + log));
    for n in 0..WITNESSES {
        note.cosign(&format!("w{n}.example/cosigner"), &key(seed + 10 + n), TIME);
    }
    note
}

/// A text with the cosignatures of all witnesses; `seed` other than 0 takes other keys for all of them.
pub fn cosigned(text: &str, seed: u8) -> Note {
    let mut note = Note::new(text.into());
    for n in 0..WITNESSES {
        note.cosign(&format!("w{n}.example/cosigner"), &key(seed + 10 + n), TIME);
    }
    note
}

/// Who holds a substrate, by all witnesses.
fn holder(evidence: &Checkpoint) -> Note {
    let tree = Tree { size: evidence.size, root: evidence.root };
    let status = HolderStatus {
        origin: "demo.example".into(),
        substrate_id: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
        state: HolderState::Active,
        chip: key(41).public().id(),
        epoch: Epoch(3),
        evidence: tree,
        reasoning: Tree { size: 0, root: empty_root() },
    };
    cosigned(&status.to_text(), 0)
}

fn vkey(name: &str, kind: u8, seed: u8) -> Vkey {
    Vkey { name: name.into(), kind, key: key(seed).public() }
}

pub fn policy() -> Policy {
    let logs = [(1, "evidence"), (2, "reasoning")];
    let logs = logs.iter().map(|(seed, name)| vkey(&format!("demo.example/{name}"), TYPE_ED25519, *seed)).collect();
    let organisations: Vec<(String, Vec<Vkey>)> = (0..WITNESSES)
        .map(|n| (format!("organisation-{n}"), vec![vkey(&format!("w{n}.example/cosigner"), TYPE_COSIGNATURE, 10 + n)]))
        .collect();
    Policy::of_organisations(logs, &organisations, organisations.len()).unwrap()
}

/// A ledger of `size` entries by 7 subjects; `change` may alter an entry before it is written.
pub fn ledger(ledger: Ledger, size: u64, change: &dyn Fn(u64, &mut Entry)) -> Vec<Vec<u8>> {
    let mut heads: BTreeMap<u64, Digest> = BTreeMap::new();
    (0..size)
        .map(|at| {
            let mut entry = Entry {
                index: U64(at),
                ledger,
                subject: Subject::Run(Digest::of(&[(at % 7) as u8])),
                depth: U64(at / 7),
                prior_entry_hash: heads.get(&(at % 7)).copied(),
                time: Timestamp::from_millis(TIME * 1_000 + at),
                submission: Digest::of(&at.to_be_bytes()),
                record: Record::Evidence(Content { data: json!({"note": at}), evidence: Vec::new(), runs: Vec::new() }),
            };
            change(at, &mut entry);
            let leaf = entry.leaf();
            heads.insert(at % 7, leaf_hash(&leaf));
            leaf
        })
        .collect()
}

pub fn checkpoint(ledger: Ledger, leaves: &[Vec<u8>]) -> Checkpoint {
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.append(leaf_hash(leaf)));
    Checkpoint { origin: format!("demo.example/{ledger}"), size: tree.size(), root: tree.root() }
}

pub type Tiles = BTreeMap<selfsame_protocol::merkle::TileId, Vec<u8>>;

pub fn tiles(leaves: &[Vec<u8>]) -> Tiles {
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    append_to_tiles::<()>(0, &hashes, &mut |_| Ok(None)).unwrap().into_iter().collect()
}

/// Reads tiles from a map.
pub fn reading(tiles: &Tiles) -> impl FnMut(selfsame_protocol::merkle::TileId) -> Result<Option<Vec<u8>>, ()> + '_ {
    |id| Ok(tiles.get(&id).cloned())
}

/// Everything before it is altered.
pub struct Objects {
    pub note: Note,
    pub pair: Pair,
    pub leaves: Vec<Vec<u8>>,
    pub receipt: TlogProof,
    pub holder: Note,
    pub evidence: Evidence,
}

impl Objects {
    pub fn new() -> Objects {
        let leaves = ledger(Ledger::Evidence, 11, &|_, _| {});
        let tiles = tiles(&leaves);
        let (old, new) = (checkpoint(Ledger::Evidence, &leaves[..6]), checkpoint(Ledger::Evidence, &leaves));
        let note = signed(&new, 0);
        let proof = consistency_proof(6, 11, &mut reading(&tiles)).unwrap();
        let pair = Pair::new(signed(&old, 0).to_text(), note.to_text(), proof);
        let receipt = TlogProof {
            extra: None,
            index: 4,
            path: inclusion_proof(4, 11, &mut reading(&tiles)).unwrap(),
            note: note.clone(),
        };
        let holder = holder(&new);
        let other = Checkpoint { root: Digest::of(b"another history"), ..new };
        let evidence = Evidence::same_size(&note, &signed(&other, 0)).unwrap();
        Objects { note, pair, leaves, receipt, holder, evidence }
    }

    pub fn options(&self) -> Options {
        Options { policy: Some(policy()), require_log: true, entry: Some(self.leaves[4].clone()), ..Options::default() }
    }

    pub fn small(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("checkpoint", self.note.to_text().into_bytes()),
            ("pair", self.pair.to_bytes()),
            ("receipt", self.receipt.to_text().into_bytes()),
            ("holder status", self.holder.to_text().into_bytes()),
            ("equivocation", self.evidence.to_bytes()),
        ]
    }
}
