//! The audit at the end of a run, when all nodes are healed and equal. It reads everything stored again, believes only
//! the bytes, and compares them with what clients were told.

use crate::invariants::{NodeView, Snapshot, Violation};
use crate::oracle::Oracle;
use selfsame_env::sim_disk::SimDisk;
use selfsame_machine::state::{self, Phase, Substrate, invalidated_key};
use selfsame_machine::view::{ReadError, Row, Table, View};
use selfsame_machine::{Genesis, read};
use selfsame_node::store::{Identity, StateView, Store};
use selfsame_protocol::code::Code;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::verify_inclusion;
use selfsame_protocol::number::{Epoch, NodeId};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Record;
use selfsame_protocol::replay::Replay;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether a submission refused with this code can never take effect later. If it had been accepted before, the retry
/// would have got that answer; and nothing that happens afterwards makes it acceptable.
pub fn for_good(code: Code) -> bool {
    matches!(
        code,
        Code::StaleSequence | Code::StaleEpoch | Code::ChipInvalidated | Code::CycleIdReused | Code::KeyExists
    )
}

type Audit = Result<(), Violation>;

fn fail<T>(invariant: &'static str, what: impl ToString) -> Result<T, Violation> {
    Err(Violation { invariant, what: what.to_string() })
}

fn unreadable(error: ReadError) -> Violation {
    Violation { invariant: "readable", what: error.to_string() }
}

/// Audits a healed world.
pub fn check(world: &Snapshot, genesis: &Genesis, oracle: &Oracle) -> Audit {
    let mut states = Vec::new();
    for node in &world.nodes {
        states.push((node.id, rows(&node.state().map_err(unreadable)?).map_err(unreadable)?));
    }
    let Some((first, rows)) = states.first() else { return Ok(()) };
    for (id, other) in &states {
        if let Some(what) = difference(rows, other) {
            return fail("replicas_equal", format!("nodes {first} and {id}: {what}"));
        }
    }
    let Some(node) = world.nodes.first() else { return Ok(()) };
    let view = node.state().map_err(unreadable)?;
    let reasoning = ledgers(&view, oracle)?;
    verdicts(&view, &reasoning)?;
    substrates(&view, genesis)?;
    storage(node, genesis, rows)
}

/// Every row of the state.
fn rows(view: &StateView) -> Result<Vec<(Table, Vec<Row>)>, ReadError> {
    let all = |table: &Table| Ok((*table, view.scan(*table, &[], &[255; 600], usize::MAX)?));
    Table::ALL.iter().map(all).collect()
}

/// The first row in which two states differ.
fn difference(a: &[(Table, Vec<Row>)], b: &[(Table, Vec<Row>)]) -> Option<String> {
    let (table, a, b) = a.iter().zip(b).find(|(a, b)| a != b).map(|((table, a), (_, b))| (table.name(), a, b))?;
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.iter().collect(), b.iter().collect());
    let (key, value) = a.symmetric_difference(&b).next()?;
    let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
    let value: String = value.chars().take(300).collect();
    Some(format!("table {table} differs, first at key {key:?} with value {value:?} on one of them only"))
}

/// Every leaf: in form, in order of time, included in the tree, and not of a submission that was refused for good.
/// Gives the Reasoning entries.
fn ledgers(view: &StateView, oracle: &Oracle) -> Result<Vec<Entry>, Violation> {
    let never = oracle.nevers();
    let mut reasoning = Vec::new();
    for ledger in Ledger::BOTH {
        let (size, root) = read::head(view, ledger).map_err(unreadable)?;
        let mut time = Timestamp::default();
        for index in 0..size {
            let place = format!("{ledger} {index}");
            let Some(leaf) = read::leaf(view, ledger, index).map_err(unreadable)? else {
                return fail("ledger", format!("{place} is missing"));
            };
            let entry = match Entry::from_leaf(&leaf) {
                Ok(entry) => entry,
                Err(error) => return fail("ledger", format!("{place}: {error}")),
            };
            if entry.time < time {
                return fail("time_order", format!("{place} is of {}, the entry before it of {time}", entry.time));
            }
            time = entry.time;
            let proof = read::inclusion(view, ledger, index, size);
            let included = proof.map_err(|error| error.to_string()).and_then(|proof| {
                let hash = Entry::hash_of(&leaf);
                verify_inclusion(&hash, index, size, &proof, &root).map_err(|error| error.check.to_string())
            });
            if let Err(what) = included {
                return fail("inclusion", format!("{place}: {what}"));
            }
            let refusal = matches!(
                entry.record,
                Record::WriteRefusal { .. } | Record::AmendmentRefusal { .. } | Record::DuplicateRefused { .. }
            );
            if never.contains(&entry.submission) && !refusal {
                return fail(
                    "refused_for_good",
                    format!("{place} was caused by {}, which was refused", entry.submission),
                );
            }
            if ledger == Ledger::Reasoning {
                reasoning.push(entry);
            }
        }
    }
    Ok(reasoning)
}

/// Every outcome was agreed on by more than half of the nodes that counted then, and no other node lost its vote.
fn verdicts(view: &StateView, reasoning: &[Entry]) -> Audit {
    let nodes = read::nodes(view).map_err(unreadable)?.len();
    let mut out: BTreeSet<NodeId> = BTreeSet::new();
    for entry in reasoning {
        match &entry.record {
            Record::NodeQuarantine { node, .. } if out.contains(node) => {
                return fail("quarantine", format!("{}: node {node} is quarantined a second time", entry.index));
            }
            Record::NodeQuarantine { node, .. } => {
                out.insert(*node);
            }
            Record::IdentityVerification(result) if result.detail != "NO_MAJORITY" => {
                let counted = result.verdicts.iter().filter(|verdict| !out.contains(&verdict.node));
                let agree = counted.filter(|verdict| verdict.finding.outcome == result.outcome).count();
                let need = (nodes - out.len()) / 2 + 1;
                if agree < need {
                    let (index, outcome) = (entry.index, result.outcome);
                    return fail(
                        "verdict_quorum",
                        format!("{index}: {outcome} by {agree} verdicts, {need} are needed"),
                    );
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every substrate: its history recomputed from the leaves alone, and what its state must say after it.
fn substrates(view: &StateView, genesis: &Genesis) -> Audit {
    let all: Vec<Substrate> = view
        .scan(Table::Substrates, &[], &[255; 600], usize::MAX)
        .and_then(|rows| rows.iter().map(|(key, _)| read::substrate(view, &String::from_utf8_lossy(key))).collect())
        .map(|found: Vec<Option<Substrate>>| found.into_iter().flatten().collect())
        .map_err(unreadable)?;
    for substrate in all {
        let id = &substrate.substrate_id;
        let mut replay = Replay::new(&genesis.cluster, id);
        let mut entries = Vec::new();
        for ledger in Ledger::BOTH {
            let subject = Subject::Substrate(id.clone());
            for index in read::subject_indexes(view, &subject, ledger, 0, usize::MAX).map_err(unreadable)? {
                let leaf = read::leaf(view, ledger, index).map_err(unreadable)?.unwrap_or_default();
                if let Err(bad) = replay.leaf(ledger, &leaf) {
                    return fail("history", format!("substrate {id}: {bad}"));
                }
                entries.extend(Entry::from_leaf(&leaf).ok());
            }
        }
        let history = match replay.finish() {
            Ok(history) => history,
            Err(bad) => return fail("history", format!("substrate {id}: {bad}")),
        };
        if (history.head, history.epoch) != (substrate.head, substrate.holder.epoch) {
            let (head, epoch) = (substrate.head, substrate.holder.epoch);
            let what = format!("{head} at epoch {epoch}, its history to {} at epoch {}", history.head, history.epoch);
            return fail("history", format!("substrate {id} came to {what}"));
        }
        suppression(&substrate, &entries)?;
        invalidated(view, id, &entries)?;
    }
    Ok(())
}

/// HASH_MISMATCH is the end, and only of what presented another history: nothing here damages a quorum's disks.
fn suppression(substrate: &Substrate, entries: &[Entry]) -> Audit {
    let id = &substrate.substrate_id;
    let mut ended = false;
    for entry in entries.iter().filter(|entry| entry.ledger == Ledger::Reasoning) {
        if ended {
            return fail(
                "suppression",
                format!("substrate {id} was written to in {} after its suppression", entry.index),
            );
        }
        if let Record::IdentityVerification(result) = &entry.record
            && result.outcome == Outcome::HashMismatch
            && result.detail != "PRESENTED_CONTINUITY_HASH"
        {
            return fail(
                "honest_history",
                format!("substrate {id}: HASH_MISMATCH by {} on honest disks", result.detail),
            );
        }
        ended |= matches!(entry.record, Record::Suppression { .. });
    }
    if ended != substrate.suppressed.is_some() || ended && substrate.phase != Phase::Closed {
        return fail("suppression", format!("substrate {id}: the ledger says {ended}, the state another thing"));
    }
    Ok(())
}

/// Every activation that ended is among the invalidated ones.
fn invalidated(view: &StateView, id: &str, entries: &[Entry]) -> Audit {
    let ended = entries.iter().filter_map(|entry| match &entry.record {
        Record::MigrationIdentityAttestation { origin, epoch, .. } => Some((*origin, *epoch)),
        Record::MigrationAbort { chip, epoch, .. } => Some((*chip, *epoch)),
        _ => None,
    });
    for (chip, epoch) in ended {
        let before = Epoch(epoch.0.saturating_sub(1));
        let key = invalidated_key(id, &chip, before);
        if state::load_u64(view, Table::Invalidated, &key).map_err(unreadable)?.is_none() {
            let what = format!("substrate {id}: chip {chip} at epoch {before} is not invalidated");
            return fail("invalidated", what);
        }
    }
    Ok(())
}

/// What the store promises of its files, tried on copies: a snapshot is the state, and a flipped bit is never served.
fn storage(node: &NodeView, genesis: &Genesis, rows: &[(Table, Vec<Row>)]) -> Audit {
    let identity = Identity { cluster: genesis.cluster.clone(), genesis: genesis.digest().to_string(), node: node.id };
    let broken = |error: &dyn std::fmt::Display| Violation { invariant: "storage", what: error.to_string() };
    let open = |disk: &SimDisk| Store::open(Arc::new(disk.clone()), &identity).map_err(|error| broken(&error));
    node.sync().map_err(|error| broken(&error))?;
    let disk = node.disk.live_copy();
    let store = open(&disk)?;
    let (_, file) = store.state.export().map_err(|error| broken(&error))?;
    let other = open(&SimDisk::new())?;
    other.state.import(&file).map_err(|error| broken(&error))?;
    let copy = self::rows(&other.state.view().map_err(unreadable)?).map_err(unreadable)?;
    if let Some(what) = difference(rows, &copy) {
        return fail("snapshot_is_state", what);
    }
    let len = disk.bytes(&file.name).len() as u64;
    disk.flip_bit(&file.name, len / 2, 3);
    if file.verify().is_ok() {
        return fail("corruption_found", format!("a flipped bit in byte {} of a snapshot was not found", len / 2));
    }
    store.close();
    drop(store);
    // The leaves in the middle of a ledger: their bytes are found in the file and flipped in every place.
    let leaves = rows.iter().find(|(table, _)| *table == Table::Reasoning).map(|(_, rows)| &rows[..]).unwrap_or(&[]);
    let Some((key, leaf)) = leaves.get(leaves.len() / 2) else { return Ok(()) };
    let image = disk.bytes("state.redb");
    let needle = &leaf[..leaf.len().min(64)];
    let places: Vec<usize> = (0..image.len().saturating_sub(needle.len()))
        .filter(|at| image[*at] == needle[0] && image[*at..].starts_with(needle))
        .collect();
    for at in places {
        disk.flip_bit("state.redb", at as u64 + 20, 1);
    }
    // A store that refuses to open serves nothing either.
    let Ok(store) = open(&disk) else { return Ok(()) };
    let Ok(view) = store.state.view() else { return Ok(()) };
    match view.get(Table::Reasoning, key) {
        Ok(Some(found)) if found != *leaf => fail("corruption_found", "a leaf with a flipped bit was served"),
        Ok(_) | Err(_) => Ok(()),
    }
}
