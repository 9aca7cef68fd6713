//! One comparison of all nodes.

use super::rehash::{Rehashed, rehash};
use super::source::{NodeSource, Problem, VerifiedNote, place};
use futures::future::join_all;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::{self, Evidence, Kind};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note, Vkey};
use selfsame_protocol::time::U64;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What one node serves of one ledger.
#[derive(Clone, Debug, Serialize)]
pub struct ServedLedger {
    /// Address.
    pub address: String,
    /// Ledger.
    pub ledger: Ledger,
    /// Size and root of its largest note, and who signed it.
    pub head: Option<Side>,
    /// Entries that were hashed.
    pub entries: U64,
    /// Tiles that were compared with them.
    pub tiles: U64,
    /// What does not hold; `None` when everything does.
    pub problem: Option<Problem>,
}

/// One side of a conflict, or a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Size.
    pub size: U64,
    /// Root.
    pub root: Digest,
    /// Known keys that signed.
    pub signers: Vec<String>,
    /// Which nodes serve it.
    pub addresses: Vec<String>,
}

/// Two notes that exclude each other.
#[derive(Clone, Debug, Serialize)]
pub struct Conflict {
    /// Ledger.
    pub ledger: Ledger,
    /// How.
    pub kind: Kind,
    /// The smaller note.
    pub a: Side,
    /// The larger note.
    pub b: Side,
    /// Known keys that signed both; empty when the two sides share none, which shows a fork, but nobody's guilt.
    pub guilty: Vec<String>,
    /// The evidence.
    #[serde(skip)]
    pub evidence: Evidence,
}

/// The result.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditReport {
    /// Node by node and ledger by ledger.
    pub checked: Vec<ServedLedger>,
    /// Forks.
    pub conflicts: Vec<Conflict>,
}

impl AuditReport {
    /// Exit status: tampering before what cannot be decided before what was not reached.
    pub fn status(&self) -> u8 {
        if !self.conflicts.is_empty() {
            return 10;
        }
        let statuses: BTreeSet<u8> =
            self.checked.iter().filter_map(|c| c.problem.as_ref()).map(Problem::status).collect();
        [10, 13, 3].into_iter().find(|status| statuses.contains(status)).unwrap_or(0)
    }
}

/// What is known of one node while a ledger is compared.
struct Seen<'a> {
    source: &'a NodeSource,
    notes: Vec<VerifiedNote>,
    rehashed: Rehashed,
    problem: Option<Problem>,
}

impl Seen<'_> {
    fn head(&self) -> Option<&VerifiedNote> {
        self.notes.iter().max_by_key(|note| note.checkpoint.size)
    }
}

/// A note with all signatures that were seen under its text, and who serves it.
struct Merged {
    note: Note,
    checkpoint: Checkpoint,
    signers: Vec<String>,
    nodes: Vec<usize>,
}

impl Merged {
    fn side(&self, seen: &[Seen<'_>]) -> Side {
        Side {
            size: U64(self.checkpoint.size),
            root: self.checkpoint.root,
            signers: self.signers.clone(),
            addresses: self.nodes.iter().map(|node| seen[*node].source.address.clone()).collect(),
        }
    }
}

/// Compares what the nodes serve of both ledgers. `progress` is told an address, a ledger and entries done.
pub async fn compare(
    sources: &[NodeSource],
    keys: &[Vkey],
    progress: &(dyn Fn(&str, Ledger, u64) + Sync),
) -> AuditReport {
    let mut report = AuditReport::default();
    for ledger in Ledger::BOTH {
        one_ledger(sources, keys, ledger, progress, &mut report).await;
    }
    report
}

async fn one_ledger(
    sources: &[NodeSource],
    keys: &[Vkey],
    ledger: Ledger,
    progress: &(dyn Fn(&str, Ledger, u64) + Sync),
    report: &mut AuditReport,
) {
    let notes = join_all(sources.iter().map(|source| source.notes(ledger, keys))).await;
    let mut seen: Vec<Seen<'_>> = sources
        .iter()
        .zip(notes)
        .map(|(source, notes)| {
            let (notes, problem) = notes.map_or_else(|problem| (Vec::new(), Some(problem)), |notes| (notes, None));
            Seen { source, notes, rehashed: Rehashed::default(), problem }
        })
        .collect();
    same_origin(&mut seen, ledger);
    let marks: BTreeSet<u64> = seen.iter().flat_map(|s| &s.notes).map(|note| note.checkpoint.size).collect();
    let hashed = join_all(seen.iter().map(|one| async {
        let Some(head) = one.head() else { return Ok(Rehashed::default()) };
        let told = |done| progress(&one.source.address, ledger, done);
        rehash(one.source, ledger, head.checkpoint.size, &marks, &told).await
    }))
    .await;
    for (one, hashed) in seen.iter_mut().zip(hashed) {
        match hashed {
            Ok(hashed) => one.rehashed = hashed,
            Err(problem) => one.problem = one.problem.take().or(Some(problem)),
        }
    }
    // A node's entries have to give the root of each of its own notes; otherwise they are not what was signed.
    for one in &mut seen {
        for note in &one.notes {
            let Checkpoint { size, root, .. } = &note.checkpoint;
            if let Some(found) = one.rehashed.roots.get(size)
                && found != root
            {
                let problem = Problem::broken("ROOT", place(*size, root), place(*size, found));
                one.problem = one.problem.take().or(Some(problem));
            }
        }
    }
    report.conflicts.extend(conflicts(&seen, keys, ledger).await);
    report.checked.extend(seen.iter().map(|one| ServedLedger {
        address: one.source.address.clone(),
        ledger,
        head: one.head().map(|head| Side {
            size: U64(head.checkpoint.size),
            root: head.checkpoint.root,
            signers: head.signers.clone(),
            addresses: vec![one.source.address.clone()],
        }),
        entries: U64(one.rehashed.entries),
        tiles: U64(one.rehashed.tiles),
        problem: one.problem.clone(),
    }));
}

/// All nodes speak of one log.
fn same_origin(seen: &mut [Seen<'_>], ledger: Ledger) {
    let first = seen.iter().flat_map(|one| &one.notes).map(|note| note.checkpoint.origin.clone()).next();
    for one in seen {
        for note in &one.notes {
            let origin = &note.checkpoint.origin;
            if !origin.ends_with(&format!("/{ledger}")) || first.as_ref() != Some(origin) {
                let expected = first.clone().unwrap_or_default();
                one.problem = Some(Problem::broken("CHECKPOINT_ORIGIN", format!("{expected} for {ledger}"), origin));
            }
        }
        if matches!(&one.problem, Some(Problem::Broken { check, .. }) if check == "CHECKPOINT_ORIGIN") {
            one.notes.clear();
        }
    }
}

async fn conflicts(seen: &[Seen<'_>], keys: &[Vkey], ledger: Ledger) -> Vec<Conflict> {
    let mut merged: BTreeMap<String, Merged> = BTreeMap::new();
    for (node, one) in seen.iter().enumerate() {
        for note in &one.notes {
            let entry = merged.entry(note.note.text.clone()).or_insert_with(|| Merged {
                note: Note::new(note.note.text.clone()),
                checkpoint: note.checkpoint.clone(),
                signers: Vec::new(),
                nodes: Vec::new(),
            });
            for line in &note.note.signatures {
                if !entry.note.signatures.contains(line) {
                    entry.note.signatures.push(line.clone());
                }
            }
            entry
                .signers
                .extend(note.signers.iter().filter(|name| !entry.signers.contains(name)).cloned().collect::<Vec<_>>());
            if !entry.nodes.contains(&node) {
                entry.nodes.push(node);
            }
        }
    }
    let mut all: Vec<Merged> = merged.into_values().collect();
    all.sort_by_key(|note| note.checkpoint.size);
    let mut out: Vec<Conflict> = Vec::new();
    for (at, a) in all.iter().enumerate() {
        for b in &all[at + 1..] {
            let Some(evidence) = conflict(seen, a, b, ledger).await else { continue };
            let guilty =
                evidence.verify(keys).map(|v| v.guilty.into_iter().map(|g| g.name).collect()).unwrap_or_default();
            // One fork shows in many pairs; one file for each set of guilty keys is enough.
            if out.iter().any(|known| known.guilty == guilty) {
                continue;
            }
            out.push(Conflict { ledger, kind: evidence.kind, a: a.side(seen), b: b.side(seen), guilty, evidence });
        }
    }
    out
}

/// Evidence that two notes exclude each other, if they do. `a` is not larger than `b`.
async fn conflict(seen: &[Seen<'_>], a: &Merged, b: &Merged, ledger: Ledger) -> Option<Evidence> {
    let (small, large) = (&a.checkpoint, &b.checkpoint);
    if small.size == large.size {
        return Evidence::same_size(&a.note, &b.note).ok();
    }
    for node in &b.nodes {
        let one = &seen[*node];
        // Only what gives the root that was signed says anything about the tree that was signed.
        if one.rehashed.roots.get(&large.size) != Some(&large.root)
            || one.rehashed.roots.get(&small.size) == Some(&small.root)
        {
            continue;
        }
        let (old, new) = (small.size, large.size);
        let path = match old {
            0 => Ok(Vec::new()),
            _ => one.source.make_of_tiles(ledger, new, |read| equivocation::path(old, new, read)).await,
        };
        if let Ok(path) = path
            && let Ok(evidence) = Evidence::inconsistent(&a.note, &b.note, path)
        {
            return Some(evidence);
        }
    }
    None
}
