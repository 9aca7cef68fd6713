//! G14: every receipt of the run verifies at the end against the final ledgers, and the ledgers extend every size and
//! root that they had on the way.

use super::g15_checkpoints::{keys, open};
use super::moment::{Invariant, Moment, TICK_MS};
use selfsame_machine::read;
use selfsame_machine::view::View;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{verify_consistency, verify_inclusion};
use selfsame_protocol::response::SubmitResponse;
use std::collections::BTreeMap;

/// Remembers every receipt, and the sizes and roots of both ledgers.
#[derive(Debug, Default)]
pub struct Receipts {
    receipts: Vec<SubmitResponse>,
    heads: BTreeMap<(Ledger, u64), Digest>,
}

impl Receipts {
    fn verify(&self, view: &dyn View) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let mut finals = BTreeMap::new();
        for ledger in Ledger::BOTH {
            finals.insert(ledger, read::head(view, ledger).map_err(|error| said(&error))?);
        }
        for entry in self.receipts.iter().flat_map(|receipt| &receipt.entries) {
            let (size, root) = finals[&entry.ledger];
            let place = format!("{} {}", entry.ledger, entry.index);
            let leaf = read::leaf(view, entry.ledger, entry.index.0).map_err(|error| said(&error))?;
            if leaf.map(|leaf| Entry::hash_of(&leaf)) != Some(entry.hash) {
                return Err(format!("{place} is not the entry of its receipt"));
            }
            let proof = read::inclusion(view, entry.ledger, entry.index.0, size)
                .map_err(|error| format!("{place}: no inclusion proof: {error:?}"))?;
            verify_inclusion(&entry.hash, entry.index.0, size, &proof, &root)
                .map_err(|error| format!("{place} is not included: {error}"))?;
        }
        for ((ledger, size), root) in &self.heads {
            let (last, end) = finals[ledger];
            let proof = read::consistency(view, *ledger, *size, last)
                .map_err(|error| format!("{ledger} of {size}: no consistency proof: {error:?}"))?;
            verify_consistency(*size, root, last, &end, &proof)
                .map_err(|error| format!("{ledger} does not extend itself at {size}: {error}"))?;
        }
        Ok(())
    }
}

impl Invariant for Receipts {
    fn name(&self) -> &'static str {
        "G14 receipts"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        self.receipts.extend(now.acks.iter().cloned());
        // One node at each look, each in its turn: all of them show their heads.
        let turn = usize::try_from(now.world.at_ms / TICK_MS).unwrap_or(0);
        if let Some(node) = now.world.nodes.get(turn % now.world.nodes.len().max(1)) {
            let view = node.state().map_err(|error| format!("node {}: {error}", node.id))?;
            for ledger in Ledger::BOTH {
                let (size, root) = read::head(&view, ledger).map_err(|error| format!("node {}: {error}", node.id))?;
                if *self.heads.entry((ledger, size)).or_insert(root) != root {
                    return Err(format!("node {} has another root of {ledger} at {size}", node.id));
                }
            }
        }
        for served in now.history.iter().flat_map(|history| &history.checkpoints) {
            let (checkpoint, _) = open(&served.note, &keys(&now.shadow.genesis))?;
            let ledger = checkpoint.origin.rsplit('/').next().and_then(|name| name.parse().ok());
            let Some(ledger) = ledger else { return Err(format!("a checkpoint of {}", checkpoint.origin)) };
            if *self.heads.entry((ledger, checkpoint.size)).or_insert(checkpoint.root) != checkpoint.root {
                return Err(format!("a client was given another root of {ledger} at {}", checkpoint.size));
            }
        }
        if now.history.is_some()
            && let Some(node) = now.world.nodes.get(turn % now.world.nodes.len().max(1))
        {
            let view = node.state().map_err(|error| format!("node {}: {error}", node.id))?;
            self.verify(&view).map_err(|what| format!("node {}: {what}", node.id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use selfsame_protocol::time::U64;

    #[test]
    fn a_served_root_that_the_ledger_never_had_is_found() {
        use crate::history::History;
        use crate::history::Served;
        use crate::invariants::Snapshot;
        use selfsame_protocol::note::{Checkpoint, Note};
        let (story, world) = (Story::migrated(), Snapshot::default());
        let (size, root) = read::head(story.shadow.model(), Ledger::Reasoning).unwrap();
        for (signed, ok) in [(root, true), (Digest::of(b"another"), false)] {
            let mut note =
                Note::new(Checkpoint { origin: "sim.example/reasoning".into(), size, root: signed }.to_text());
            note.sign("sim.example/node/1", &crate::random::key(1, "node/1"));
            let served = Served { note: note.to_text(), invoked_ms: 0, answered_ms: 1 };
            let history = History { checkpoints: vec![served], ..History::default() };
            let mut seen =
                Receipts { receipts: Vec::new(), heads: BTreeMap::from([((Ledger::Reasoning, size), root)]) };
            let found = seen.check(&Moment { history: Some(&history), ..story.moment(&world) });
            assert_eq!(found.is_ok(), ok, "{found:?}");
        }
    }

    #[test]
    fn a_receipt_or_a_root_that_does_not_verify_is_found() {
        let story = Story::migrated();
        let model = story.shadow.model();
        let heads = || {
            let (size, root) = read::head(model, Ledger::Reasoning).unwrap();
            BTreeMap::from([((Ledger::Reasoning, size), root)])
        };
        let mut seen = Receipts { receipts: story.receipts(), heads: heads() };
        assert_eq!(seen.verify(model), Ok(()));
        let at = seen.receipts.iter().position(|receipt| !receipt.entries.is_empty()).unwrap();
        seen.receipts[at].entries[0].index = U64(1);
        assert!(seen.verify(model).is_err());
        seen.receipts[at].entries[0].index = U64(10_000);
        assert!(seen.verify(model).is_err());
        // A root that this ledger never had, at an earlier size and at its own.
        let (size, root) = read::head(model, Ledger::Reasoning).unwrap();
        for size in [size - 1, size] {
            let other = if size == 0 { root } else { Digest::of(b"another") };
            let seen = Receipts { receipts: Vec::new(), heads: BTreeMap::from([((Ledger::Reasoning, size), other)]) };
            assert!(seen.verify(model).unwrap_err().contains("does not extend itself"), "{size}");
        }
    }
}
