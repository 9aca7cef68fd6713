//! G20: what is published is cosigned by floor(2n/3) + 1 organisations and lies on one line of history; nobody cosigns two
//! roots of one size, nor a smaller tree after a larger one, also over crashes; and every receipt that a client took away
//! verifies as `selfsame verify` does it, and says what the final ledgers say.
//!
//! Source: C2SP tlog-cosignature (a cosigner vouches for the largest consistent tree that it has observed) and tlog-proof;
//! the rules are those of docs/protocol.md, 16.1 and 16.2.

use super::moment::{Invariant, Moment};
use crate::tap::{Given, ledger};
use selfsame_machine::view::View;
use selfsame_machine::{Genesis, read};
use selfsame_offline::{Options, verify_input};
use selfsame_protocol::cosigning;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note, NoteSignature, TYPE_ED25519, Vkey};
use selfsame_protocol::policy::Policy;
use selfsame_protocol::tlog_proof::TlogProof;
use std::collections::{BTreeMap, BTreeSet};

/// Remembers every root that anybody vouched for, and how far each node went.
#[derive(Debug, Default)]
pub struct Cosigned {
    policy: Option<Policy>,
    /// Root of a ledger and size, and who said so first.
    roots: BTreeMap<(Ledger, u64), (Digest, String)>,
    /// The largest tree that left a node under one name.
    largest: BTreeMap<(u64, String, Ledger), u64>,
    /// The last checkpoint that a node showed as published.
    shown: BTreeMap<(u64, Ledger), u64>,
    /// Texts of published notes that were judged.
    judged: BTreeSet<String>,
}

/// What a reader of the simulated cluster trusts: its logs, its organisations, and the number of them that the
/// constitution asks for by default.
pub fn policy(genesis: &Genesis) -> Result<Policy, String> {
    let key = genesis.publication.publisher.as_ref().map(|publisher| publisher.log_key);
    let name = |ledger| genesis.ledger_origin(ledger);
    let logs = Ledger::BOTH.into_iter().filter_map(|one| Some(Vkey { name: name(one), kind: TYPE_ED25519, key: key? }));
    let mut organisations: BTreeMap<String, Vec<Vkey>> = BTreeMap::new();
    for node in &genesis.nodes {
        let vkey = cosigning::vkey(&genesis.cosigner_name(node.id), node.cosigner);
        organisations.entry(node.organisation.to_string()).or_default().push(vkey);
    }
    let organisations: Vec<_> = organisations.into_iter().collect();
    let threshold = Policy::default_threshold(organisations.len());
    let policy = Policy::of_organisations(logs.collect(), &organisations, threshold);
    // A cluster without a publisher has no log keys; its ledgers are known by their names all the same.
    Ok(policy.map_err(|error| error.to_string())?.with_origins(Ledger::BOTH.map(name).to_vec()))
}

/// Verifies a receipt as `selfsame verify --policy` does.
pub fn verify_receipt(proof: &str, policy: &Policy) -> Result<(), String> {
    let options = Options { policy: Some(policy.clone()), threads: 1, ..Options::default() };
    let input = Box::new(std::io::Cursor::new(proof.as_bytes().to_vec()));
    verify_input(input, &options, &mut |_, _, _| {}).map(|_| ()).map_err(|failure| failure.to_string())
}

impl Cosigned {
    /// One root for each size of a ledger, whoever vouches for it.
    fn root(&mut self, checkpoint: &Checkpoint, who: &str) -> Result<Ledger, String> {
        let Some(ledger) = ledger(&checkpoint.origin) else {
            return Err(format!("{who} signed a checkpoint of {}", checkpoint.origin));
        };
        let Checkpoint { size, root, .. } = checkpoint;
        let (first, by) = self.roots.entry((ledger, *size)).or_insert_with(|| (*root, who.to_owned()));
        if first != root {
            return Err(format!("{ledger} of {size} has root {first} by {by} and root {root} by {who}"));
        }
        Ok(ledger)
    }

    /// A signature that left a node; `rolled_back` when its disk may be an older one.
    fn given(&mut self, given: &Given, keys: &[Vkey], rolled_back: bool) -> Result<(), String> {
        let node = given.node;
        let line = NoteSignature::parse(&given.line).map_err(|error| format!("node {node}: {error}"))?;
        let name = line.name.clone();
        let note = Note { text: given.text.clone(), signatures: vec![line] };
        let verified = note.verify(keys).map_err(|error| format!("node {node}: {error}"))?;
        if verified.is_empty() {
            return Err(format!("node {node} signed as {name}, which is nobody's name"));
        }
        let checkpoint = Checkpoint::parse(&given.text).map_err(|error| format!("node {node}: {error}"))?;
        let ledger = self.root(&checkpoint, &name)?;
        let size = checkpoint.size;
        let largest = self.largest.entry((node, name.clone(), ledger)).or_default();
        if rolled_back {
            *largest = size.max(*largest);
            return Ok(());
        }
        if size < *largest {
            return Err(format!("{name} signed {ledger} of {size} after {largest}"));
        }
        *largest = size;
        match &given.durable {
            Ok(tree) if tree.size >= size => Ok(()),
            Ok(tree) => {
                Err(format!("{name} signed {ledger} of {size}, and its disk would remember {} only", tree.size))
            }
            Err(reason) => {
                Err(format!("{name} signed {ledger} of {size}, and its disk would remember nothing: {reason}"))
            }
        }
    }

    /// A note that somebody shows as published.
    fn published(&mut self, text: &str, policy: &Policy, who: &str) -> Result<Checkpoint, String> {
        let note = Note::parse(text.as_bytes()).map_err(|error| format!("{who}: {error}"))?;
        if !self.judged.contains(text) {
            let accepted =
                policy.evaluate(&note).map_err(|error| format!("{who} shows what is not cosigned: {error}"))?;
            self.root(&accepted.checkpoint, &format!("what {who} publishes"))?;
            self.judged.insert(text.to_owned());
        }
        Checkpoint::parse(&note.text).map_err(|error| format!("{who}: {error}"))
    }

    /// Everything that was vouched for, against the final ledgers.
    fn finally(&self, view: &dyn View) -> Result<(), String> {
        for ((ledger, size), (root, by)) in &self.roots {
            let (last, _) = read::head(view, *ledger).map_err(|error| error.to_string())?;
            if *size > last {
                return Err(format!("{by} vouched for {ledger} of {size}, which ended with {last}"));
            }
            let found = read::root(view, *ledger, *size).map_err(|error| format!("{ledger} of {size}: {error:?}"))?;
            if found != *root {
                return Err(format!("{by} vouched for {ledger} of {size} with root {root}, which is {found}"));
            }
        }
        Ok(())
    }
}

/// A receipt against the final ledgers.
fn receipt(entry: &EntryRef, proof: &str, policy: &Policy, view: &dyn View) -> Result<Checkpoint, String> {
    let place = format!("the receipt of {} {}", entry.ledger, entry.index);
    let bad = |what: &dyn std::fmt::Display| format!("{place}: {what}");
    verify_receipt(proof, policy).map_err(|what| bad(&what))?;
    let read = TlogProof::parse(proof.as_bytes()).map_err(|error| bad(&error))?;
    let checkpoint = read.checkpoint().map_err(|error| bad(&error))?;
    if read.index != entry.index.0 || ledger(&checkpoint.origin) != Some(entry.ledger) {
        return Err(format!("{place} is of {} {}", checkpoint.origin, read.index));
    }
    let leaf = read::leaf(view, entry.ledger, read.index).map_err(|error| bad(&error))?;
    let (held, carried) = (leaf.map(|leaf| Entry::hash_of(&leaf)), read.extra.map(|leaf| Entry::hash_of(&leaf)));
    if held != Some(entry.hash) || carried != held {
        return Err(format!("{place}: promised was {}, it carries {carried:?}, the ledger has {held:?}", entry.hash));
    }
    Ok(checkpoint)
}

impl Invariant for Cosigned {
    fn name(&self) -> &'static str {
        "G20 cosigned"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        let policy = match &self.policy {
            Some(policy) => policy.clone(),
            None => self.policy.insert(policy(&now.shadow.genesis)?).clone(),
        };
        let keys = policy.keys();
        for given in now.given {
            self.given(given, &keys, now.world.damaged.contains(&given.node))?;
        }
        // What a collector put together holds its own node's line too. Not everything is under a quorum yet.
        for text in now.notes {
            let Ok(note) = Note::parse(text.as_bytes()) else { continue };
            let (Ok(verified), Ok(checkpoint)) = (note.verify(&keys), Checkpoint::parse(&note.text)) else { continue };
            for signer in verified {
                self.root(&checkpoint, &signer.name)?;
            }
        }
        for node in &now.world.nodes {
            for (ledger, note) in node.published.iter() {
                let Some(note) = note else { continue };
                let who = format!("node {}", node.id);
                let size = self.published(&note.text, &policy, &who)?.size;
                let shown = self.shown.entry((node.id, ledger)).or_default();
                if size < *shown && !now.world.damaged.contains(&node.id) {
                    return Err(format!("{who} published {ledger} of {size} after {shown}"));
                }
                *shown = size;
            }
        }
        let Some(history) = now.history else { return Ok(()) };
        for served in &history.published {
            self.published(&served.note, &policy, "a client's node")?;
        }
        let Some(node) = now.world.nodes.iter().find(|node| !now.world.damaged.contains(&node.id)) else {
            return Ok(());
        };
        let view = node.state().map_err(|error| format!("node {}: {error}", node.id))?;
        for taken in &history.receipts {
            let checkpoint = receipt(&taken.entry, &taken.proof, &policy, &view)?;
            self.root(&checkpoint, "a client's receipt")?;
        }
        self.finally(&view)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, genesis};
    use super::*;
    use crate::random::key;
    use selfsame_protocol::holder::Tree;
    use selfsame_protocol::merkle::leaf_hash;
    use selfsame_protocol::time::U64;

    fn text(size: u64, root: &str) -> String {
        Checkpoint { origin: "sim.example/evidence".into(), size, root: Digest::of(root.as_bytes()) }.to_text()
    }

    fn given(node: u64, size: u64, root: &str) -> Given {
        let signer = key(1, &format!("node/{node}")).cosigner();
        let text = text(size, root);
        let line = cosigning::sign(&text, &format!("sim.example/cosigner/{node}"), &signer, 1).to_line();
        let tree = Tree { size, root: Digest::of(root.as_bytes()) };
        Given { node, text, line: line.trim_end().to_owned(), durable: Ok(tree), at_ms: 1 }
    }

    /// What the property says of signatures that left nodes.
    fn judge(given: &[Given]) -> Result<(), String> {
        let keys = policy(&genesis()).unwrap().keys();
        let mut seen = Cosigned::default();
        given.iter().try_for_each(|given| seen.given(given, &keys, false))
    }

    #[test]
    fn two_roots_of_one_size_and_a_smaller_tree_after_a_larger_one_are_found() {
        assert_eq!(judge(&[given(1, 5, "a"), given(2, 4, "b"), given(1, 5, "a"), given(1, 6, "c")]), Ok(()));
        assert!(judge(&[given(1, 5, "a"), given(2, 5, "b")]).unwrap_err().contains("has root"));
        assert!(judge(&[given(1, 5, "a"), given(1, 4, "b")]).unwrap_err().contains("of 4 after 5"));
        let forgotten = Given { durable: Ok(Tree { size: 4, root: Digest::of(b"b") }), ..given(1, 5, "a") };
        assert!(judge(&[forgotten]).unwrap_err().contains("would remember 4 only"));
        assert!(judge(&[Given { line: given(1, 6, "a").line, ..given(1, 5, "a") }]).is_err());
        assert!(judge(&[Given { node: 2, ..given(1, 5, "a") }]).is_ok(), "one node's line may be told by another");
    }

    #[test]
    fn what_is_published_and_what_receipts_say_is_held_against_policy_and_ledger() {
        let story = Story::migrated();
        let (model, policy) = (story.shadow.model(), policy(&genesis()).unwrap());
        let (size, root) = read::head(model, Ledger::Reasoning).unwrap();
        let mut note = Note::new(Checkpoint { origin: "sim.example/reasoning".into(), size, root }.to_text());
        let mut bare = note.clone();
        bare.cosign("sim.example/cosigner/9", &key(1, "node/9").cosigner(), 1);
        let bare = bare.to_text();
        note.cosign("sim.example/cosigner/1", &key(1, "node/1").cosigner(), 1);
        let mut seen = Cosigned::default();
        assert!(seen.published(&bare, &policy, "node 1").unwrap_err().contains("not cosigned"));
        assert!(seen.published(&note.to_text(), &policy, "node 1").is_ok());
        assert_eq!(seen.finally(model), Ok(()));
        let leaf = read::leaf(model, Ledger::Reasoning, 0).unwrap().unwrap();
        let path = read::inclusion(model, Ledger::Reasoning, 0, size).unwrap();
        let proof = TlogProof { extra: Some(leaf.clone()), index: 0, path, note };
        let entry = EntryRef { ledger: Ledger::Reasoning, index: U64(0), hash: leaf_hash(&leaf) };
        assert!(receipt(&entry, &proof.to_text(), &policy, model).is_ok());
        let other = EntryRef { hash: Digest::of(b"another"), ..entry };
        assert!(receipt(&other, &proof.to_text(), &policy, model).unwrap_err().contains("promised was"));
        let cut = TlogProof { path: proof.path[1..].to_vec(), ..proof.clone() };
        assert!(receipt(&entry, &cut.to_text(), &policy, model).unwrap_err().contains("INCLUSION"));
        for (size, root, what) in [(size + 1, root, "which ended"), (size, Digest::of(b"x"), "with root")] {
            let mut seen = Cosigned::default();
            seen.roots.insert((Ledger::Reasoning, size), (root, "somebody".into()));
            assert!(seen.finally(model).unwrap_err().contains(what));
        }
    }
}
