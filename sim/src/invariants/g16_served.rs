//! G16: corruption is never served: what a client reads proves itself, or the client gets an error. Every bundle
//! and every inclusion proof that a client was given is verified the moment it arrives.

use super::g15_checkpoints::open;
use selfsame_client::InclusionProof;
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::ledger::PerLedger;
use selfsame_protocol::merkle::verify_inclusion;
use selfsame_protocol::note::Vkey;

/// The property's name.
pub const NAME: &str = "G16 served";

/// Verifies a bundle as a stranger does who trusts `reader`: the substrate's entries in the evidence and in the reasoning
/// ledger. The file has the history of keys as well: only a replay tells what is the substrate's own.
pub fn bundle(bytes: &[u8], reader: Reader<'_>) -> Result<PerLedger<u64>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("a bundle: {error}"))?;
    match selfsame_protocol::bundle::verify(text, reader, |_| {}) {
        Ok((_, Some(history))) => Ok(history.depths),
        Ok((report, None)) => Err(format!("a bundle without a history: {report:?}")),
        Err(error) => Err(format!("a bundle: {error}")),
    }
}

/// Verifies that a proof shows a promised entry in a signed tree; gives the tree's root.
pub fn inclusion(promised: &EntryRef, given: &InclusionProof, keys: &[Vkey]) -> Result<Digest, String> {
    let place = format!("{} {}", promised.ledger, promised.index);
    let found = Entry::hash_of(&given.leaf);
    if found != promised.hash {
        return Err(format!("{place} is served as {found}, promised was {}", promised.hash));
    }
    let (checkpoint, _) = open(&given.checkpoint, keys).map_err(|what| format!("{place}: {what}"))?;
    if checkpoint.size != given.size || !checkpoint.origin.ends_with(&format!("/{}", promised.ledger)) {
        return Err(format!(
            "{place} is proven in {} of {}, not of {}",
            checkpoint.origin, checkpoint.size, given.size
        ));
    }
    verify_inclusion(&found, promised.index.0, given.size, &given.hashes, &checkpoint.root)
        .map_err(|error| format!("{place}: {error}"))?;
    Ok(checkpoint.root)
}

#[cfg(test)]
mod tests {
    use super::super::g15_checkpoints::keys;
    use super::super::story::{Story, genesis};
    use super::*;
    use crate::random::key;
    use selfsame_machine::read;
    use selfsame_protocol::note::{Checkpoint, Note};

    #[test]
    fn altered_answers_are_found() {
        let story = Story::migrated();
        let (model, keys) = (story.shadow.model(), keys(&genesis()));
        let receipt = story.receipts().into_iter().find(|receipt| !receipt.entries.is_empty()).unwrap();
        let entry = receipt.entries[0];
        let (size, root) = read::head(model, entry.ledger).unwrap();
        let mut note = Note::new(Checkpoint { origin: format!("sim.example/{}", entry.ledger), size, root }.to_text());
        note.sign("sim.example/node/1", &key(1, "node/1"));
        let good = InclusionProof {
            size,
            leaf: read::leaf(model, entry.ledger, entry.index.0).unwrap().unwrap(),
            hashes: read::inclusion(model, entry.ledger, entry.index.0, size).unwrap(),
            checkpoint: note.to_text(),
        };
        assert_eq!(inclusion(&entry, &good, &keys), Ok(root));
        let wrong: [fn(&mut InclusionProof); 4] = [
            |given| given.leaf[10] ^= 1,
            |given| given.size += 1,
            |given| given.hashes[0] = Digest::of(b"another"),
            |given| given.checkpoint = given.checkpoint.replace("node/1", "node/2"),
        ];
        for change in wrong {
            let mut given = good.clone();
            change(&mut given);
            assert!(inclusion(&entry, &given, &keys).is_err());
        }
        assert!(bundle(b"{}", Reader::keys(&keys)).is_err());
    }
}
