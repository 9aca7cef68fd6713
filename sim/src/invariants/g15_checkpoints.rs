//! G15: no key signs two roots for one ledger and size, nor a smaller tree after a larger, and what is signed is what the
//! ledger was.

use super::moment::{Invariant, Moment};
use crate::history::Served;
use selfsame_machine::Genesis;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_ED25519, Vkey};
use std::collections::BTreeMap;

/// Compares all that was served, at the end.
#[derive(Debug, Default)]
pub struct Checkpoints;

/// The keys of the founding nodes.
pub fn keys(genesis: &Genesis) -> Vec<Vkey> {
    let key = |node: &selfsame_machine::genesis::GenesisNode| Vkey {
        name: genesis.node_key_name(node.id),
        kind: TYPE_ED25519,
        key: node.key,
    };
    genesis.nodes.iter().map(key).collect()
}

/// The checkpoint of a note and the names of its signers.
pub fn open(note: &str, keys: &[Vkey]) -> Result<(Checkpoint, Vec<String>), String> {
    let note = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
    let signers = note.verify(keys).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(|error| error.to_string())?;
    Ok((checkpoint, signers.into_iter().map(|signer| signer.name).collect()))
}

/// Invoked, answered, size.
type Signed = (u64, u64, u64);

fn compare(served: &[Served], keys: &[Vkey]) -> Result<(), String> {
    let mut roots: BTreeMap<(String, u64), Digest> = BTreeMap::new();
    let mut by_signer: BTreeMap<(String, String), Vec<Signed>> = BTreeMap::new();
    for Served { note, invoked_ms, answered_ms } in served {
        let (Checkpoint { origin, size, root }, signers) = open(note, keys)?;
        let first = *roots.entry((origin.clone(), size)).or_insert(root);
        if first != root {
            return Err(format!("{origin} of {size} was signed with root {first} and with root {root}"));
        }
        for signer in signers {
            by_signer.entry((signer, origin.clone())).or_default().push((*invoked_ms, *answered_ms, size));
        }
    }
    for ((signer, origin), mut signed) in by_signer {
        signed.sort();
        for (at, (invoked, _, size)) in signed.iter().enumerate() {
            let before = signed[..at].iter().filter(|(_, answered, _)| answered < invoked);
            if let Some((_, _, larger)) = before.max_by_key(|(_, _, size)| size).filter(|(_, _, larger)| larger > size)
            {
                return Err(format!("{signer} signed {origin} of {size} after {larger}"));
            }
        }
    }
    Ok(())
}

impl Invariant for Checkpoints {
    fn name(&self) -> &'static str {
        "G15 checkpoints"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        now.history.map_or(Ok(()), |history| compare(&history.checkpoints, &keys(&now.shadow.genesis)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::genesis;
    use super::*;
    use crate::random::key;

    #[test]
    fn conflicting_signatures_are_found() {
        let keys = keys(&genesis());
        let served = |node: u64, size, root: &str, at| {
            let origin = "sim.example/evidence".to_owned();
            let mut note = Note::new(Checkpoint { origin, size, root: Digest::of(root.as_bytes()) }.to_text());
            note.sign(&format!("sim.example/node/{node}"), &key(1, &format!("node/{node}")));
            Served { note: note.to_text(), invoked_ms: at, answered_ms: at + 5 }
        };
        let first = served(1, 5, "a", 10);
        let good = [first.clone(), served(2, 5, "a", 20), served(1, 6, "b", 20), served(2, 4, "c", 22)];
        assert_eq!(compare(&good, &keys), Ok(()));
        assert!(compare(&[first.clone(), served(2, 5, "b", 20)], &keys).unwrap_err().contains("with root"));
        assert!(compare(&[first.clone(), served(1, 4, "c", 20)], &keys).unwrap_err().contains("after 5"));
        let mut forged = served(1, 7, "d", 30);
        forged.note = forged.note.replacen('7', "8", 1);
        assert!(compare(&[first, forged], &keys).is_err());
    }
}
