//! Following a cluster for an organisation that runs no node: every new entry is hashed once, and every note that a node
//! shows is held against the tree that came out.

use super::memory::{Log, Memory, MemoryError};
use super::rehash::extend;
use super::source::{NodeSource, Problem, VerifiedNote, place, signed};
use futures::future::join_all;
use selfsame_protocol::equivocation::{self, Evidence};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{Frontier, consistency_proof, verify_consistency};
use selfsame_protocol::note::{Note, Vkey};
use selfsame_protocol::time::U64;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one look at a ledger gave.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Ledger.
    pub ledger: Ledger,
    /// Entries that are verified.
    pub verified: U64,
    /// Entries that were hashed now.
    pub hashed: U64,
    /// Entries by which each node that answers is behind what is verified.
    pub behind: BTreeMap<String, U64>,
    /// Seconds since the newest cosignature; `None` where no cosigner's key is known.
    pub age: Option<U64>,
    /// Nodes that could not be checked, with the reason.
    pub unchecked: BTreeMap<String, String>,
}

/// Why following ends.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// Two notes exclude each other.
    #[error("{ledger}: {address} shows another history than the one verified here: {what}")]
    Fork {
        /// Ledger.
        ledger: Ledger,
        /// Who shows it.
        address: String,
        /// The difference.
        what: String,
        /// The evidence, where the notes and tiles suffice.
        evidence: Option<Box<Evidence>>,
    },
    /// A node shows less than it has shown before.
    #[error("{ledger}: {address} went back: expected size {expected} or more, found {found}")]
    RolledBack {
        /// Ledger.
        ledger: Ledger,
        /// Which node.
        address: String,
        /// What it had.
        expected: u64,
        /// What it shows.
        found: u64,
    },
    /// A node serves what it did not sign.
    #[error("{ledger}: {address}: {problem}")]
    Broken {
        /// Ledger.
        ledger: Ledger,
        /// Which node.
        address: String,
        /// What does not hold.
        problem: Problem,
    },
    /// The auditor's own memory failed.
    #[error("{0}")]
    Memory(#[from] MemoryError),
}

/// An auditor with its memory.
pub struct Follower {
    sources: Vec<NodeSource>,
    keys: Vec<Vkey>,
    memory: Memory,
}

impl Follower {
    /// Goes on where the memory ends.
    pub fn new(sources: Vec<NodeSource>, keys: Vec<Vkey>, memory: Memory) -> Follower {
        Follower { sources, keys, memory }
    }

    /// Looks at both ledgers once. `now` is the time in seconds since 1970. The memory is durable when this returns.
    pub async fn look(&mut self, now: u64) -> Result<Vec<Step>, Alarm> {
        let mut steps = Vec::new();
        for ledger in Ledger::BOTH {
            steps.push(self.ledger(ledger, now).await?);
        }
        Ok(steps)
    }

    async fn ledger(&mut self, ledger: Ledger, now: u64) -> Result<Step, Alarm> {
        let answers = join_all(self.sources.iter().map(|source| source.notes(ledger, &self.keys))).await;
        let name = ledger.as_str().to_owned();
        let known = self.memory.logs.get(&name).cloned();
        let mut log = known.unwrap_or_else(|| Log { notes: Vec::new(), tree: String::new(), shown: BTreeMap::new() });
        let mut tree = if log.tree.is_empty() { Frontier::default() } else { self.tree(&log)? };
        // The memory's digest holds, so that only a key that is not given any more leaves a note out.
        let read = |text: &String| Note::parse(text.as_bytes()).ok().and_then(|note| signed(note, &self.keys).ok());
        let mut kept: Vec<VerifiedNote> = log.notes.iter().filter_map(read).collect();
        let before = tree.size();
        let mut step = Step {
            ledger,
            verified: U64(before),
            hashed: U64(0),
            behind: BTreeMap::new(),
            age: None,
            unchecked: BTreeMap::new(),
        };
        let mut shown: Vec<(usize, VerifiedNote)> = Vec::new();
        for (at, answer) in answers.into_iter().enumerate() {
            let address = &self.sources[at].address;
            match answer {
                Ok(notes) => shown.extend(notes.into_iter().map(|note| (at, note))),
                Err(problem @ Problem::Broken { .. }) => {
                    return Err(Alarm::Broken { ledger, address: address.clone(), problem });
                }
                Err(problem) => drop(step.unchecked.insert(address.clone(), problem.to_string())),
            }
        }
        // Smaller ones first: each note is met by the tree on its way up, or lies below what was verified before.
        shown.sort_by_key(|(_, note)| note.checkpoint.size);
        for (at, note) in &shown {
            let source = &self.sources[*at];
            let size = note.checkpoint.size;
            if let Some(first) = kept.first()
                && first.checkpoint.origin != note.checkpoint.origin
            {
                let problem = Problem::broken("CHECKPOINT_ORIGIN", &first.checkpoint.origin, &note.checkpoint.origin);
                return Err(Alarm::Broken { ledger, address: source.address.clone(), problem });
            }
            let most = log.shown.get(&source.address).map_or(0, |size| size.0);
            if size < most && !shown.iter().any(|(other, larger)| other == at && larger.checkpoint.size >= most) {
                let (address, expected) = (source.address.clone(), most);
                return Err(Alarm::RolledBack { ledger, address, expected, found: size });
            }
            let held = if size < tree.size() {
                self.below(ledger, source, note, &tree, &kept).await
            } else {
                self.above(ledger, source, note, &mut tree, &kept).await
            };
            match held {
                Ok(()) => {}
                Err(Held::Alarm(alarm)) => return Err(alarm),
                Err(Held::Unchecked(reason)) => {
                    step.unchecked.insert(source.address.clone(), reason);
                    continue;
                }
            }
            let most = log.shown.entry(source.address.clone()).or_default();
            most.0 = most.0.max(size);
            keep(&mut kept, note.clone());
        }
        for (at, note) in &shown {
            let behind = U64(tree.size().saturating_sub(note.checkpoint.size));
            step.behind.insert(self.sources[*at].address.clone(), behind);
        }
        step.verified = U64(tree.size());
        step.hashed = U64(tree.size() - before);
        let newest = shown.iter().filter_map(|(_, note)| note.time).max();
        step.age = newest.map(|time| U64(now.saturating_sub(time)));
        log.notes = kept.iter().map(|note| note.note.to_text()).collect();
        log.keep(&tree);
        if self.memory.logs.get(&name) != Some(&log) {
            self.memory.logs.insert(name, log);
            self.memory.save()?;
        }
        Ok(step)
    }

    fn tree(&self, log: &Log) -> Result<Frontier, MemoryError> {
        log.frontier().map_err(|found| MemoryError::Content {
            path: "memory".into(),
            expected: "a compact tree".into(),
            found,
        })
    }

    /// A note that is at least as large as the tree: the entries in between are hashed, and their root must be the note's.
    async fn above(
        &self,
        ledger: Ledger,
        source: &NodeSource,
        note: &VerifiedNote,
        tree: &mut Frontier,
        kept: &[VerifiedNote],
    ) -> Result<(), Held> {
        let (size, root) = (note.checkpoint.size, note.checkpoint.root);
        let mut grown = tree.clone();
        match extend(source, ledger, &mut grown, size).await {
            Ok(()) if grown.root() == root => {
                *tree = grown;
                return Ok(());
            }
            Ok(()) => {}
            Err(problem @ Problem::Broken { .. }) => return Err(broken(ledger, source, problem)),
            Err(problem) => return Err(Held::Unchecked(problem.to_string())),
        }
        // The node's tree does not continue ours. Either it signed another history, which its own tiles then show, or it
        // serves what it did not sign.
        let (signed, found) = (place(size, &root), place(size, &grown.root()));
        match self.evidence(ledger, source, kept, note).await {
            Some(evidence) => Err(fork(ledger, source, format!("expected {found}, found {signed}"), Some(evidence))),
            None => Err(broken(ledger, source, Problem::broken("ROOT", signed, found))),
        }
    }

    /// A note that is smaller than the tree: a proof leads from it to the tree.
    async fn below(
        &self,
        ledger: Ledger,
        source: &NodeSource,
        note: &VerifiedNote,
        tree: &Frontier,
        kept: &[VerifiedNote],
    ) -> Result<(), Held> {
        let (old, old_root, new) = (note.checkpoint.size, note.checkpoint.root, tree.size());
        // The tiles of this node may end before the tree: any other that has them will do, for the proof proves itself.
        let own = std::iter::once(source).chain(self.sources.iter().filter(|other| other.address != source.address));
        let mut reason = String::new();
        for other in own {
            let proof = other.make_of_tiles(ledger, new, |read| consistency_proof(old, new, read)).await;
            match proof {
                Ok(proof) => match verify_consistency(old, &old_root, new, &tree.root(), &proof) {
                    Ok(()) => return Ok(()),
                    Err(failure) if failure.check == "OLD_ROOT" => {
                        let evidence = self.evidence(ledger, source, kept, note).await;
                        return Err(fork(ledger, source, failure.to_string(), evidence));
                    }
                    Err(failure) => reason = failure.to_string(),
                },
                Err(problem) => reason = problem.to_string(),
            }
        }
        Err(Held::Unchecked(format!("no node has the tiles that lead from its size {old} to {new}: {reason}")))
    }

    /// Evidence from a note and one that was verified before, if possible one that names somebody. The tiles of the
    /// larger of the two may be at any node: what they prove shows in the roots.
    async fn evidence(
        &self,
        ledger: Ledger,
        source: &NodeSource,
        kept: &[VerifiedNote],
        note: &VerifiedNote,
    ) -> Option<Evidence> {
        let mut found = None;
        for known in kept {
            let (a, b) = if known.checkpoint.size <= note.checkpoint.size { (known, note) } else { (note, known) };
            for at in std::iter::once(source).chain(self.sources.iter().filter(|at| at.address != source.address)) {
                let Some(evidence) = between(at, ledger, a, b).await else { continue };
                if evidence.verify(&self.keys).is_ok() {
                    return Some(evidence);
                }
                found = Some(evidence);
                break;
            }
        }
        found
    }
}

/// Evidence from two notes in order of size, with the tiles of a node.
async fn between(source: &NodeSource, ledger: Ledger, a: &VerifiedNote, b: &VerifiedNote) -> Option<Evidence> {
    let (old, new) = (a.checkpoint.size, b.checkpoint.size);
    if old == new {
        return Evidence::same_size(&a.note, &b.note).ok();
    }
    let path = match old {
        0 => Vec::new(),
        _ => source.make_of_tiles(ledger, new, |read| equivocation::path(old, new, read)).await.ok()?,
    };
    Evidence::inconsistent(&a.note, &b.note, path).ok()
}

/// Adds a verified note to those that later ones are held against: signatures under one text are put together, and of all
/// notes the largest stays and the one that most known keys signed.
fn keep(kept: &mut Vec<VerifiedNote>, new: VerifiedNote) {
    match kept.iter_mut().find(|known| known.note.text == new.note.text) {
        Some(known) => {
            // One line for each key: a newer time says nothing that the older did not.
            for line in new.note.signatures {
                if !known.note.signatures.iter().any(|old| old.name == line.name && old.id == line.id) {
                    known.note.signatures.push(line);
                }
            }
            for name in new.signers {
                if !known.signers.contains(&name) {
                    known.signers.push(name);
                }
            }
        }
        None => kept.push(new),
    }
    let largest = kept.iter().map(|note| note.checkpoint.size).max();
    let rank = |note: &VerifiedNote| (note.signers.len(), note.checkpoint.size);
    let best = kept.iter().map(rank).max();
    kept.retain(|note| Some(note.checkpoint.size) == largest || Some(rank(note)) == best);
}

/// What came of holding a note against the tree, where it did not simply fit.
enum Held {
    Alarm(Alarm),
    Unchecked(String),
}

fn broken(ledger: Ledger, source: &NodeSource, problem: Problem) -> Held {
    Held::Alarm(Alarm::Broken { ledger, address: source.address.clone(), problem })
}

fn fork(ledger: Ledger, source: &NodeSource, what: String, evidence: Option<Evidence>) -> Held {
    let address = source.address.clone();
    Held::Alarm(Alarm::Fork { ledger, address, what, evidence: evidence.map(Box::new) })
}
