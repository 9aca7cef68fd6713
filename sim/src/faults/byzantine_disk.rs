//! A node whose owner rewrites history: entries in its own files, with every digest that stands beside them.

use super::kind::{Fault, Kind, Shape};
use crate::random::Stream;
use crate::world::World;
use rand::Rng;
use selfsame_machine::read;
use selfsame_machine::state::{self, Substrate, prefix_end};
use selfsame_machine::view::{Changes, Table, View};
use selfsame_node::store::{Identity, Store};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// B6: one node's copy of one substrate's evidence is rewritten while the node is down, chain and digests included.
pub const REWRITTEN_HISTORY: Kind = Kind {
    name: "B6_rewritten_history",
    most: 1,
    for_ms: (6_000, 12_000),
    draw: |random, shape| rewritten(random, shape),
};

fn rewritten(random: &mut Stream, shape: &Shape) -> Box<dyn Fault> {
    Box::new(Rewritten { node: random.gen_range(1..=shape.nodes), dice: random.r#gen::<u32>().into(), done: None })
}

struct Rewritten {
    node: u64,
    dice: u64,
    done: Option<Done>,
}

impl std::fmt::Debug for Rewritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of node {} dice {:x}", REWRITTEN_HISTORY.name, self.node, self.dice)
    }
}

/// What was rewritten, and how to put it back.
struct Done {
    substrate: SubstrateId,
    /// Sessions that were opened before.
    session: u64,
    /// Leaves as they were and as they are, by index.
    leaves: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
}

fn open(world: &World, node: u64) -> Option<Store> {
    let identity =
        Identity { cluster: world.genesis.cluster.clone(), genesis: world.genesis.digest().to_string(), node };
    // A wiped disk must not be given new files.
    let disk = world.disk(node);
    Store::exists(&disk).ok().filter(|exists| *exists)?;
    Store::open(Arc::new(disk), &identity).ok()
}

/// Puts leaves in the place of others, with the index of hashes.
fn put(store: &Store, leaves: impl Iterator<Item = (u64, Vec<u8>, Vec<u8>)>) -> Option<()> {
    let applied = store.state.applied().ok()??;
    let mut changes = Changes::new();
    for (index, old, new) in leaves {
        changes.insert((Table::EntryHashes, state::hash_key(Ledger::Evidence, &Entry::hash_of(&old))), None);
        let key = state::hash_key(Ledger::Evidence, &Entry::hash_of(&new));
        changes.insert((Table::EntryHashes, key), Some(index.to_be_bytes().to_vec()));
        changes.insert((Table::Evidence, index.to_be_bytes().to_vec()), Some(new));
    }
    store.state.commit(changes, applied).and_then(|()| store.state.sync()).ok()
}

/// A substrate with evidence, and its rewritten leaves: one item says something else, and everything after it in the
/// chain names its new hash.
fn rewrite(view: &dyn View, dice: u64) -> Option<Done> {
    let rows = view.scan(Table::Substrates, &[], &prefix_end(&[]), 1_000).ok()?;
    let mut candidates = Vec::new();
    for (_, row) in rows {
        let substrate: Substrate = serde_json::from_slice(&row).ok()?;
        let subject = Subject::Substrate(substrate.substrate_id.clone());
        let depth = read::subject_depth(view, &subject, Ledger::Evidence).ok()?;
        let indexes = read::subject_indexes(view, &subject, Ledger::Evidence, 0, depth as usize).ok()?;
        let mut entries = Vec::new();
        for index in indexes {
            let leaf = read::leaf(view, Ledger::Evidence, index).ok()??;
            entries.push((index, Entry::from_leaf(&leaf).ok()?, leaf));
        }
        let first = entries.iter().position(|(_, entry, _)| matches!(entry.record, Record::Evidence(_)));
        if let Some(first) = first
            && substrate.suppressed.is_none()
        {
            candidates.push((substrate, entries.split_off(first)));
        }
    }
    if candidates.is_empty() {
        return None;
    }
    let at = usize::try_from(dice % candidates.len() as u64).ok()?;
    let (substrate, entries) = candidates.swap_remove(at);
    let mut leaves = BTreeMap::new();
    let mut prior = None;
    for (index, mut entry, old) in entries {
        match (&prior, &mut entry.record) {
            (None, Record::Evidence(content)) => content.data = json!({"rewritten": true}),
            (None, _) => return None,
            (Some(_), _) => entry.prior_entry_hash = prior,
        }
        let new = entry.leaf();
        prior = Some(Entry::hash_of(&new));
        leaves.insert(index, (old, new));
    }
    Some(Done { substrate: substrate.substrate_id, session: substrate.session.0, leaves })
}

impl Fault for Rewritten {
    fn kind(&self) -> &'static str {
        REWRITTEN_HISTORY.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        // A leader would pass the rewritten copy on in its snapshots. Nothing in the consensus prevents that.
        if world.leader().is_none_or(|leader| leader == self.node) || !world.is_up(self.node) {
            return false;
        }
        // A node that is found out loses its vote.
        if !world.excuse(self.node) || !world.crash(self.node) {
            return false;
        }
        if let Some(store) = open(world, self.node) {
            let done = store.state.view().ok().and_then(|view| rewrite(&view, self.dice));
            self.done = done.filter(|done| {
                let leaves = done.leaves.iter().map(|(index, (old, new))| (*index, old.clone(), new.clone()));
                put(&store, leaves).is_some()
            });
            store.close();
        }
        world.restart(self.node);
        if let Some(done) = &self.done {
            world.trace.line(format!("node {} rewrote {} entries of {}", self.node, done.leaves.len(), done.substrate));
        }
        self.done.is_some()
    }

    /// Looks whether it was found, and puts the entries back, so that what was promised can be checked on every node.
    fn end(&mut self, world: &mut World) {
        let Some(done) = self.done.take() else { return };
        let found = detection(world, self.node, &done);
        world.trace.line(format!("node {}: rewritten history {}", self.node, found.as_deref().unwrap_or("stands")));
        for node in affected(world, &done) {
            let up = world.crash(node);
            if let Some(store) = open(world, node) {
                let back = store.state.view().map(|view| rewritten_in(&view, &done)).unwrap_or_default();
                let leaves = back.into_iter().map(|(index, (old, new))| (index, new, old));
                if put(&store, leaves).is_none() {
                    world.trace.line(format!("node {node}: the entries could not be put back"));
                }
                store.close();
            }
            if up {
                world.restart(node);
            }
        }
    }
}

/// The rewritten leaves that a state holds.
fn rewritten_in(view: &dyn View, done: &Done) -> BTreeMap<u64, (Vec<u8>, Vec<u8>)> {
    let here = |index: u64| read::leaf(view, Ledger::Evidence, index).ok().flatten();
    done.leaves
        .iter()
        .filter(|(index, (_, new))| here(**index).as_ref() == Some(new))
        .map(|(i, l)| (*i, l.clone()))
        .collect()
}

/// Nodes that hold rewritten leaves, and those that are down and may.
fn affected(world: &World, done: &Done) -> Vec<u64> {
    let snapshot = world.snapshot();
    let up = snapshot.nodes.iter().filter(|node| node.state().is_ok_and(|view| !rewritten_in(&view, done).is_empty()));
    let mut ids: Vec<u64> = up.map(|node| node.id).chain(snapshot.down.iter().copied()).collect();
    ids.extend(&snapshot.damaged);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What the other nodes recorded; a node that verified the rewritten copy and said that it holds was believed.
fn detection(world: &World, node: u64, done: &Done) -> Option<String> {
    let snapshot = world.snapshot();
    let views = snapshot.nodes.iter().filter(|other| other.id != node).filter_map(|other| other.state().ok());
    let view = views.max_by_key(|view| view.applied_index())?;
    let quarantined = read::nodes(&view).ok()?.into_iter().any(|n| n.id.0 == node && n.quarantined.is_some());
    if quarantined {
        return Some("is quarantined for".into());
    }
    let subject = Subject::Substrate(done.substrate.clone());
    let depth = read::subject_depth(&view, &subject, Ledger::Reasoning).ok()?;
    let indexes = read::subject_indexes(&view, &subject, Ledger::Reasoning, 0, depth as usize).ok()?;
    for index in indexes {
        let leaf = read::leaf(&view, Ledger::Reasoning, index).ok()??;
        // The session that was asked for when the entries were rewritten may have been verified before.
        if let Record::IdentityVerification(result) = Entry::from_leaf(&leaf).ok()?.record
            && result.session.0 > done.session + 1
            && let Some(said) = result.verdicts.iter().find(|verdict| verdict.node.0 == node)
            && said.finding.outcome != Outcome::HashMismatch
        {
            let what = format!("node {node} verified rewritten entries in session {}: {said:?}", result.session);
            world.oracle.violated(super::byzantine::PROPERTY, format!("{}: {what}", REWRITTEN_HISTORY.name));
        }
    }
    None
}
